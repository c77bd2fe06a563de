/* ab-plan: slots in, booking.request out; the deciding itself is lib/plan/machine. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "plan.h"
#include "plan/machine.h"
#include "store/consent.h"
#include "store/journal.h"
#include "store/keys.h"
#include "store/rules.h"
#include "store/vault.h"
#include "wire/alert.h"
#include "wire/copy.h"
#include "wire/event.h"

#define RULES_MAX (1u << 20)
#define STATE_MAX (1u << 20)
#define LOOK_AGAIN 60000 /* ms: the wall clock may have jumped meanwhile */
#define DOUBT_AGAIN 5000 /* ms between two looks at the journal */
#define ASK_VALID 900000 /* ms: how long a person may take to agree */

static bool again;
static const char *rules_file, *feedback_path, *valid_text, *grace_text;

static const struct opt options[] = {
	{0, "again", NULL, "a new goal, when the last one was booked", NULL, &again, NULL},
	{0, "feedback", "FIFO", "where ab-book tells its results", &feedback_path, NULL, NULL},
	{0, "grace", "TIME", "how long after its expiry a request's result is waited for (5m)", &grace_text, NULL, NULL},
	{0, "rules", "FILE", "rules as JSON from FILE instead of the vault", &rules_file, NULL, NULL},
	{0, "valid", "TIME", "how long a request may wait to be begun (two intervals)", &valid_text, NULL, NULL},
	{0},
};

static const char *session;
static jv rules;
static struct machine *machine;
static struct copy copy;
static struct line_in feedback;
static char *state_path;
static jv untold;                       /* events not yet known to be written, told again by the next run */
static struct machine_times times = MACHINE_TIMES;
static struct trail trail;
static uint64_t untold_end, request_end; /* of copy.put: 0: none */

/* What was decided can't be written down, so nothing follows from it; that is said, and is the end. */
static _Noreturn void stop(const struct err *e)
{
	copy_add(&copy, alert_stop(session, NULL, e->text));
	copy_drain(&copy);
	die_err(e);
}

/* Wall time; but while a request is out it goes on as it was, whatever the clock is set to: how long the result may take
 * does not change by that. */
static int64_t plan_now(bool answered)
{
	static int64_t ahead;

	if (!ahead || answered || !machine_asking(machine))
		ahead = clock_ahead();
	return clock_mono() + ahead;
}

/* EVENT ends the waiting for a result: what is decided then is by the clock as it is now. */
static bool answers(jv event)
{
	const char *goal;
	jv data = json_get(event, "data");
	int attempt;
	bool yes = strcmp(event_type(event), "booking.result") == 0 && machine_doubt(machine, &goal, &attempt) &&
		   strcmp(json_str(data, "goal", ""), goal) == 0 && json_int(data, "attempt", 0) == attempt;

	jv_free(data);
	return yes;
}

/* Everything that follows from what was decided waits until the decision is on disk. */
static void save(void)
{
	jv state = trail_save(&trail, json_set(machine_save(machine), "untold", jv_copy(untold)));
	char *text = json_text(state);
	struct err e;
	int r = fs_replace(state_path, text, strlen(text), &e);

	free(text);
	jv_free(state);
	if (r)
		stop(&e);
	state = alert_over(session);
	if (json_ok(state))
		copy_add(&copy, state);
	else
		jv_free(state);
}

static jv load(bool *found)
{
	struct err e;
	jv state = json_read(state_path, STATE_MAX, &e);

	*found = json_ok(state);
	if (!*found && errno == ENOENT)
		return jv_object();
	if (!*found || machine_load(machine, state, &e))
		die(EX_DATAERR, "%s is damaged (%s): settle with ab-book what may be open, then remove it", state_path, e.text);
	return state;
}

static void tell(jv event)
{
	bool request = strcmp(event_type(event), "booking.request") == 0;

	if (copy_add(&copy, event))
		warn("an event of ours is left out:");
	if (request)
		request_end = copy.put;
	else
		untold_end = copy.put;
}

static jv dressed(jv action, jv by, int64_t now)
{
	char time[CLOCK_TEXT];
	jv data = json_set(json_get(action, "data"), "by", jv_copy(by));

	return json_set_str(event_make(json_str(action, "type", ""), session, json_str(action, "trace", NULL), data), "time",
			    clock_format(now, time));
}

/* ACTIONS (consumed) follow from IN, or from the leaving of a request (IN NULL). */
static void act(jv actions, const char *input, const struct machine_in *in, int64_t now)
{
	jv events = jv_array(), basis = machine_basis(machine), by = jv_null();

	if (json_len(actions))
		by = trail_step(&trail, input, in ? in->event : jv_null(), in ? in->goal : NULL, basis);
	for (struct json_iter it = json_iter(actions); json_next(&it);) {
		jv event = dressed(it.value, by, now);

		trail_said(&trail, jv_copy(event));
		/* a request is told again by the machine itself */
		if (strcmp(event_type(event), "booking.request") != 0)
			untold = json_push(untold, jv_copy(event));
		events = json_push(events, event);
		by = json_del(by, "run"); /* told once */
	}
	jv_free(by);
	jv_free(basis);
	if (json_len(events))
		save();
	for (struct json_iter it = json_iter(events); json_next(&it);)
		tell(jv_copy(it.value));
	jv_free(events);
	jv_free(actions);
}

static void step(jv event)
{
	struct err e;
	struct machine_in in = {.now = plan_now(answers(event)), .event = event};

	if (consent_check(rules, CONSENT_BOOK, clock_wall(), &e) == CONSENT_NO)
		in.refused = e.text;
	if (machine_ended(machine))
		return;
	if (strcmp(event_type(event), "appointment.available") == 0) {
		jv_free(trail.set);
		trail.set = jv_copy(event);
	}
	act(machine_step(machine, &in), json_is(event, JV_KIND_OBJECT) ? "event" : "time", &in, in.now);
}

/* The feedback only wakes, and what ab-book --settle says comes another way: the journal is the truth. True when it
 * has changed since the last look. */
static bool journal_changed(void)
{
	static struct stat last;
	struct stat now = {0};
	struct err e;
	char *path = path_state(session, "journal.ndjson", &e);
	bool changed;

	if (!path)
		die_err(&e);
	if (stat(path, &now) && errno != ENOENT)
		die(EX_NOINPUT, "look at %s:", path);
	changed = now.st_size != last.st_size || now.st_ino != last.st_ino;
	last = now;
	free(path);
	return changed;
}

static void take_record(jv record)
{
	jv event = json_get(record, "event");

	if (json_is(event, JV_KIND_OBJECT))
		step(event);
	jv_free(event);
	jv_free(record);
}

static void look_into_journal(void)
{
	const char *goal;
	int attempt;
	struct err e;
	struct journal *journal;

	if (!machine_doubt(machine, &goal, &attempt) || !journal_changed())
		return;
	journal = journal_read(session, &e);
	if (!journal)
		die_err(&e);
	take_record(journal_result(journal, goal, attempt));
	if (machine_doubt(machine, &goal, &attempt))
		take_record(journal_standing(journal, goal));
	journal_free(journal);
}

/* What this run works by; FOUND: on from the state of an earlier one. */
static jv run_of(bool found)
{
	struct err e;
	jv kept = rules_keep(session, rules, &e);

	if (!json_ok(kept))
		die_err(&e);
	return json_obj("state", found ? machine_save(machine) : jv_null(), "rules", kept, "valid", jv_number((double)times.valid), "grace",
			jv_number((double)times.grace), NULL);
}

static void start(void)
{
	struct err e;
	char goal[37];
	bool found;
	struct machine_in in = {.now = plan_now(false), .event = jv_null(), .goal = goal};
	jv state = load(&found), old = json_get(state, "untold");
	/* a run that was killed between booking and saying so must say so, not book again */
	bool new_goal = again && !json_len(old);

	uuid_make(goal);
	trail_init(&trail, state, run_of(found));
	if (consent_check(rules, CONSENT_BOOK, in.now, &e) == CONSENT_NO)
		in.refused = e.text;
	for (struct json_iter it = json_iter(old); json_next(&it);) {
		untold = json_push(untold, jv_copy(it.value));
		tell(jv_copy(it.value));
	}
	if (again && !new_goal)
		warn("the last goal's end was not told yet: telling it; --again begins a new goal next time");
	else if (again && found && strcmp(machine_state(machine), "booked") != 0)
		warn("the last goal is not booked yet: going on with it, without a new one");
	if (found)
		look_into_journal();
	act(machine_start(machine, &in, new_goal), new_goal ? "again" : "start", &in, in.now);
	if (machine_ended(machine) && !json_len(old))
		warn("%s is booked already; --again begins a new goal", session);
	jv_free(old);
	jv_free(state);
}

/* Lines that have gone out need not be told again. */
static void write_out(void)
{
	if (copy_write(&copy))
		die(EX_TEMPFAIL, "write standard output:");
	if (request_end && copy.gone >= request_end) {
		request_end = 0;
		act(machine_sent(machine), "sent", NULL, plan_now(false));
	}
	if (json_len(untold) && copy.gone >= untold_end) {
		jv_free(untold);
		untold = jv_array();
		save();
	}
}

static bool ours(jv event)
{
	return strcmp(event_subject(event), session) == 0;
}

static void take_stdin(void)
{
	jv event;

	switch (copy_next(&copy, &event)) {
	case LINE_OK:
		/* what upstream asks the person is no concern of the booking */
		if (ours(event) && !str_starts(event_type(event), "human."))
			step(event);
		jv_free(event);
		break;
	case LINE_ERROR:
		die(EX_IOERR, "read standard input:");
	default:
		break;
	}
}

static void take_feedback(void)
{
	enum line_got got;
	struct err e;
	char *text;
	size_t len;

	while ((got = line_next(&feedback, &text, &len, 0)) == LINE_OK || got == LINE_LONG) {
		jv event = got == LINE_OK ? event_parse(text, len, &e) : jv_invalid();

		if (json_ok(event) && ours(event))
			step(event);
		else if (!json_ok(event))
			warn("feedback line %lu passed over: %s", feedback.number, got == LINE_OK ? e.text : "too long");
		jv_free(event);
	}
}

static int64_t wake_at(int64_t now)
{
	int64_t due = machine_due(machine, now), left = due < 0 ? LOOK_AGAIN : due - now, most = LOOK_AGAIN;
	const char *goal;
	int attempt;

	if (copy_ready(&copy))
		return 0;
	if (machine_doubt(machine, &goal, &attempt))
		most = DOUBT_AGAIN;
	else if (due < 0)
		return -1;
	return clock_mono() + (left < 0 ? 0 : left > most ? most : left);
}

static void turn(void)
{
	struct pollfd p[3];
	int64_t due;

	copy_poll(&copy, p);
	p[2] = (struct pollfd){feedback.fd, POLLIN, 0};
	if (proc_poll(p, 3, wake_at(plan_now(false))) < 0)
		die(EX_OSERR, "wait for input:");
	/* a result may be the last thing a reader of ours did */
	take_feedback();
	if ((p[1].revents & (POLLERR | POLLNVAL)) && !machine_ended(machine))
		die(EX_TEMPFAIL, "nobody reads standard output any more");
	if (!machine_ended(machine) && (p[0].revents || copy_ready(&copy)))
		take_stdin();
	look_into_journal();
	due = machine_due(machine, plan_now(false));
	if (due >= 0 && due <= plan_now(false))
		step(jv_null());
}

static int finish(void)
{
	const char *held = machine_held(machine);

	if (copy_drain(&copy))
		die(EX_TEMPFAIL, "write standard output:");
	write_out();
	if (close(STDOUT_FILENO))
		die(EX_IOERR, "close standard output:");
	if (strcmp(machine_state(machine), "booked") == 0)
		return 0;
	if (!held)
		return EX_NO;
	warn("an attempt of %s is %s%s", session, held, strcmp(held, "unknown") == 0 ? ": ab-book --settle says how it stands" : "");
	return strcmp(held, "unknown") == 0 ? EX_UNKNOWN : EX_NO;
}

static int64_t duration(const char *text, const char *option, int64_t fallback)
{
	int64_t ms = fallback;

	if (text && duration_parse(text, &ms))
		opt_usage("--%s: '%s' is no duration such as 90s", option, text);
	return ms;
}

static void take_lock(void)
{
	struct err e;
	char *dir = path_run(session, "lock", &e), *path, *what;

	if (!dir || fs_mkdirs(dir, &e))
		die_err(&e);
	path = xasprintf("%s/ab-plan", dir);
	what = xasprintf("%s's ab-plan", session);
	if (fs_lock(path, what, &e) < 0)
		die_err(&e);
	free(what);
	free(path);
	free(dir);
}

/* Opened for writing too, so that it never ends when ab-book does. */
static void open_feedback(void)
{
	struct err e;
	char *path = feedback_path ? xstrdup(feedback_path) : path_run(session, "feedback", &e);
	struct stat st;
	int fd;

	if (!path)
		die_err(&e);
	if (mkfifo(path, 0600) && errno != EEXIST)
		die(EX_CANTCREAT, "make FIFO %s:", path);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die(EX_NOPERM, "open FIFO %s:", path);
	if (!S_ISFIFO(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		die(EX_NOPERM, "%s must be a FIFO, yours and closed to others (0600)", path);
	line_init(&feedback, fd, LINE_EVENT_MAX);
	free(path);
}

static jv read_rules(char **argv)
{
	struct err e;
	jv v;

	if (!rules_file && keys_need(argv, session, PART_BIT(PART_RULES), &e))
		die_err(&e);
	keys_keep(PART_BIT(PART_RULES));
	if (sandbox_no_network(&e))
		die_err(&e);
	v = rules_file ? json_read(rules_file, RULES_MAX, &e) : part_read(session, PART_RULES, &e);
	if (!json_ok(v))
		die_err(&e);
	return v;
}

int main(int argc, char **argv)
{
	struct prefs *prefs;
	struct err e;
	int status;

	sandbox_private();
	session = argv[opt_parse(argc, argv, &(struct opt_spec){"ab-plan", "[OPTION…] SESSION", "Chooses slots: events in, booking.request out.", options, 1, 1, false})];
	times.grace = duration(grace_text, "grace", times.grace);
	times.valid = duration(valid_text, "valid", times.valid);
	rules = read_rules(argv);
	if (!valid_text && consent_check(rules, CONSENT_BOOK, clock_wall(), NULL) == CONSENT_ASK)
		times.valid = ASK_VALID;
	prefs = prefs_parse(rules, &e);
	if (!prefs || !(state_path = path_state(session, "state.json", &e)))
		die_err(&e);
	take_lock();
	open_feedback();
	machine = machine_new(prefs, times);
	untold = jv_array();
	copy_init(&copy, STDIN_FILENO, STDOUT_FILENO);
	start();
	for (write_out(); !machine_ended(machine) && (!copy.eof || machine_asking(machine)); write_out())
		turn();
	status = finish();
	machine_free(machine);
	prefs_free(prefs);
	copy_free(&copy);
	line_free(&feedback);
	jv_free(rules);
	jv_free(untold);
	trail_free(&trail);
	free(state_path);
	return status;
}

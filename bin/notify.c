/* ab-notify: tells the person what matters, through drivers, at least once. The outbox is in notify-outbox.c. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "notify.h"
#include "plan/slot.h"
#include "store/journal.h"
#include "store/keys.h"
#include "store/vault.h"
#include "wire/copy.h"
#include "wire/event.h"

#define RULES_MAX (1u << 20)
#define REQUEST_MAX 32768          /* fits into a new pipe: writing it does not wait for the driver */
#define TEXT_MAX 2000
#define RETRY_FIRST 1000
#define RETRY_MAX 600000
#define RUN_TROUBLE "/ab-run/"     /* what the troubles that ab-run tells of begin with */
#define OLD (7 * 86400000LL)       /* results in the journal that are older were told, or are no news */

static const char *rules_file, *deadline_text, *linger_text, *steady_text, *timeout_text;
static int64_t patience = 6 * 3600000, linger = 30000, steady = 60000, timeout = 30000;

static const struct opt options[] = {
	{0, "deadline", "TIME", "how long a message is tried again (6h)", &deadline_text, NULL, NULL},
	{0, "linger", "TIME", "how long messages are waited for after the input's end (30s)", &linger_text, NULL, NULL},
	{0, "rules", "FILE", "rules as JSON from FILE instead of the vault", &rules_file, NULL, NULL},
	{0, "steady", "TIME", "how long a pipeline must run until its troubles are over (1m)", &steady_text, NULL, NULL},
	{0, "timeout", "TIME", "how long a driver may take for a message (30s)", &timeout_text, NULL, NULL},
	{0},
};

static const char *session, *zone;
static struct outbox outbox;
static struct copy copy;
static int64_t started; /* clock_mono */
static int output_status; /* exit status for a standard output that failed */

/* ---- what is said --------------------------------------------------------------------------------- */

struct words {
	struct str title, text;
	char trouble[200]; /* told once while it lasts; "" when the message is no trouble */
};

__attribute__((format(printf, 2, 3))) static void title(struct words *w, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	str_reset(&w->title);
	str_addf(&w->title, "%s: %s", session, text);
}

/* A sentence of the text: BEFORE and VALUE; nothing when there is no value. */
static void sentence(struct words *w, const char *before, const char *value)
{
	if (value && *value)
		str_addf(&w->text, "%s%s%.*s.", w->text.len ? " " : "", before, TEXT_MAX / 4, value);
}

static void sentence_time(struct words *w, const char *before, const char *value)
{
	char local[CLOCK_TEXT];
	int64_t at;

	if (value && clock_parse(value, &at) == 0)
		sentence(w, before, clock_format_in(zone, at, local));
	else
		sentence(w, before, value);
}

static void say_slot(struct words *w, jv data)
{
	jv given = json_get(data, "slot"), slot = slot_parse(given, NULL);
	char *text = json_ok(slot) ? slot_text(slot, zone) : NULL;

	sentence(w, "", text);
	free(text);
	jv_free(slot);
	jv_free(given);
}

static bool say_result(struct words *w, jv data)
{
	const char *status = json_str(data, "status", "");

	if (strcmp(status, "booked") == 0)
		title(w, "booked");
	else if (strcmp(status, "pending") == 0)
		title(w, "held, but not booked yet");
	else if (strcmp(status, "unknown") == 0)
		title(w, "booked or not: unknown");
	else
		return false; /* of a failure the next choice follows; the last one is a session.state */
	say_slot(w, data);
	sentence(w, "Reference ", json_str(data, "reference", NULL));
	sentence_time(w, "Until ", json_str(data, "until", NULL));
	sentence(w, "", json_str(data, "reason", NULL));
	if (strcmp(status, "unknown") == 0)
		sentence(w, "", "Nothing more is tried until it is settled: look at the site, then use ab-book --settle");
	return true;
}

static bool say_state(struct words *w, jv data)
{
	if (strcmp(json_str(data, "to", ""), "failed") != 0)
		return false;
	title(w, "given up");
	sentence(w, "", json_str(data, "why", NULL));
	return true;
}

static bool say_question(struct words *w, jv data)
{
	const char *ask = json_str(data, "ask", "");
	char how[120];

	title(w, "you are asked (%.40s)", json_str(data, "kind", "question"));
	sentence(w, "", json_str(data, "question", NULL));
	sentence_time(w, "Until ", json_str(data, "deadline", NULL));
	snprintf(how, sizeof how, "ab-answer %.80s", ask);
	sentence(w, "Answer with: ", how);
	return true;
}

/* "/ab-poll/host" -> "/ab-poll/": one program's troubles end with its all-clear. */
static void source_of(jv event, char out[80])
{
	const char *source = json_str(event, "source", "");
	size_t n = *source == '/' ? 1 + strcspn(source + 1, "/") : strlen(source);

	snprintf(out, 80, "%.*s/", (int)(n < 70 ? n : 70), source);
}

static bool say_alert(struct words *w, jv event, jv data)
{
	const char *severity = json_str(data, "severity", "warning"), *reason = json_str(data, "reason", "?");
	char source[80];

	source_of(event, source);
	if (strcmp(severity, "info") == 0) {
		if (!outbox_troubled(&outbox, source))
			return false;
		title(w, "all clear");
	} else {
		/* the class of trouble is what stands before the first colon */
		snprintf(w->trouble, sizeof w->trouble, "%s%.20s/%.*s", source, severity, (int)strcspn(reason, ":"), reason);
		title(w, "%.20s", severity);
	}
	sentence(w, "", reason);
	sentence(w, "", json_str(data, "hint", NULL));
	return true;
}

/* Trouble with the site, which passes, is not a refusal: its reason begins with a verdict. */
static bool refused(const char *reason)
{
	static const char *const passing[] = {"throttled", "blocked", "expired", "queued", "challenged", "maintenance", "changed",
					      "unreachable", "paused"};
	size_t n = strcspn(reason, ":");

	for (size_t i = 0; reason[n] && i < sizeof passing / sizeof *passing; i++)
		if (strlen(passing[i]) == n && memcmp(passing[i], reason, n) == 0)
			return false;
	return true;
}

/* ab-run tells of a pipeline that ends again and again, or is not heard. That it has run for a while since is its all-clear:
 * ab-run itself can't tell, as we are the ones who would. */
static bool say_steady(struct words *w)
{
	if (clock_mono() - started < steady || !outbox_troubled(&outbox, RUN_TROUBLE))
		return false;
	title(w, "all clear");
	sentence(w, "", "the pipeline runs again, and is heard");
	return true;
}

static bool say_login(struct words *w, jv data)
{
	const char *reason = json_str(data, "reason", "no reason given");

	if (json_bool(data, "ok", false)) {
		outbox_clear(&outbox, "login");
		return false;
	}
	snprintf(w->trouble, sizeof w->trouble, "login");
	title(w, "login refused");
	sentence(w, "", reason);
	return refused(reason);
}

/* True when EVENT is to be told, with the words for it. */
static bool words_for(struct words *w, jv event)
{
	const char *type = event_type(event);
	jv data = event_data(event);
	bool told = false;

	if (strcmp(type, "booking.result") == 0)
		told = say_result(w, data);
	else if (strcmp(type, "session.state") == 0)
		told = say_state(w, data);
	else if (strcmp(type, "human.required") == 0)
		told = say_question(w, data);
	else if (strcmp(type, "runtime.alert") == 0)
		told = say_alert(w, event, data);
	else if (strcmp(type, "session.login") == 0)
		told = say_login(w, data);
	else if (strcmp(type, "agent.heartbeat") == 0)
		told = say_steady(w);
	jv_free(data);
	return told && !(*w->trouble && outbox_troubled(&outbox, w->trouble));
}

/* ---- the outbox's in and out ---------------------------------------------------------------------- */

/* What could not be told is said where it can be: downstream, and on stderr. */
static void alert(const char *reason, const char *hint)
{
	char *text = xasprintf("notify_failed: %s", reason);

	warn("%s; %s", reason, hint);
	copy_add(&copy, event_make("runtime.alert", session, NULL,
				   json_obj("severity", jv_string("error"), "reason", jv_string(text), "hint", jv_string(hint), NULL)));
	free(text);
}

static void enqueue(jv event)
{
	struct words w = {.title = {.max = TEXT_MAX}, .text = {.max = TEXT_MAX}};
	const char *id = json_str(event, "id", "");
	char source[80];
	struct err e;

	if (!outbox_knows(&outbox, id) && words_for(&w, event)) {
		if (outbox.ntargets && outbox_add(&outbox, id, jv_string(str_text(&w.title)), jv_string(str_text(&w.text)), jv_copy(event), &e))
			alert(e.text, e.status == EX_TEMPFAIL ? "this one is not told: mend the ways to the person" : "it is told, but would be lost in a crash");
		if (*w.trouble)
			outbox_trouble(&outbox, w.trouble);
		if (strcmp(event_type(event), "runtime.alert") == 0 && !*w.trouble) {
			source_of(event, source);
			outbox_clear(&outbox, source);
		}
		if (strcmp(event_type(event), "agent.heartbeat") == 0) /* say_steady's */
			outbox_clear(&outbox, RUN_TROUBLE);
	}
	str_free(&w.title);
	str_free(&w.text);
}

/* A run that was killed between ab-book's telling and ours: the journal has what was told to nobody. */
static void catch_up(void)
{
	struct err e;
	struct journal *journal = journal_read(session, &e);
	jv results = journal ? journal_results(journal) : jv_array();

	if (!journal)
		warn("results of earlier runs are not looked at: %s", e.text);
	for (struct json_iter it = json_iter(results); json_next(&it);) {
		int64_t at;

		if (clock_parse(json_str(it.value, "time", ""), &at) == 0 && clock_wall() - at < OLD)
			enqueue(it.value);
	}
	jv_free(results);
	journal_free(journal);
}

/* ---- on the way to the person --------------------------------------------------------------------- */

static jv request_for(const struct delivery *d)
{
	jv event = json_get(d->message, "event");
	char *text = json_text(event);

	if (strlen(text) > REQUEST_MAX) /* its words are told; the rest is in the audit chain */
		event = json_del(event, "data");
	free(text);
	return json_obj("do", jv_string("send"), "id", json_get(d->message, "id"), "url", jv_string(d->to->url), "title",
			json_get(d->message, "title"), "text", json_get(d->message, "text"), "event", event, NULL);
}

static void finish(struct delivery *d, const char *what)
{
	struct err e;

	if (outbox_done(&outbox, d, what, &e))
		warn("%s: the message may be sent again", e.text);
}

static void failed(struct delivery *d, const char *why, bool retry)
{
	int64_t pause = RETRY_FIRST << (d->tries < 12 ? d->tries * 2 : 24);
	char *reason;

	if (launch_lost())
		die(EX_TEMPFAIL, "the launcher was killed: nothing can be started any more; the next ab-notify %s goes on", session);
	d->tries++;
	if (retry && clock_mono() < d->ends) {
		warn("%s: %s; it is tried again", d->to->scheme, why);
		d->due = clock_mono() + (pause > RETRY_MAX ? RETRY_MAX : pause);
		return;
	}
	reason = xasprintf("'%.100s' was not told by %s: %.200s", json_str(d->message, "title", ""), d->to->scheme, why);
	alert(reason, "tell the person another way, and mend this one");
	free(reason);
	finish(d, "gave_up");
}

static void begin(struct target *t, struct delivery *d)
{
	struct err e;

	if (driver_start(&t->driver, "notify", t->scheme, NULL, &e)) {
		failed(d, e.text, e.status != EX_UNAVAILABLE && e.status != EX_CONFIG);
		return;
	}
	t->sending = d;
	t->until = clock_mono() + timeout;
	if (driver_send(&t->driver, request_for(d), &e)) {
		t->sending = NULL;
		driver_stop(&t->driver, 0);
		failed(d, e.text, true);
	}
}

static void begin_due(void)
{
	struct delivery *next;

	for (struct delivery *d = outbox.pending; d; d = next) {
		next = d->next;
		if (!d->to->sending && clock_mono() >= d->due)
			begin(d->to, d);
	}
}

/* Looks at a driver that was given a message. */
static void mind(struct target *t, bool readable)
{
	bool late = clock_mono() >= t->until;
	struct delivery *d = t->sending;
	struct err e = {0};
	jv answer = readable || late ? driver_recv(&t->driver, clock_mono(), &e) : jv_invalid();
	char why[240];

	if (!json_ok(answer) && !late && (!readable || e.status == EX_TEMPFAIL))
		return; /* half a line */
	t->sending = NULL;
	driver_stop(&t->driver, late ? 0 : 200);
	if (json_bool(answer, "ok", false)) {
		finish(d, "sent");
	} else if (json_ok(answer)) {
		jv said = json_path(answer, "error.message");

		snprintf(why, sizeof why, "%.200s", json_string(said, "it gave no reason"));
		jv_free(said);
		failed(d, why, json_bool(answer, "retry", true));
	} else {
		failed(d, e.text, true);
	}
	jv_free(answer);
}

/* ---- the loop ------------------------------------------------------------------------------------- */

static int64_t wake_at(int64_t end)
{
	int64_t at = copy_ready(&copy) ? 0 : end;

	for (int i = 0; i < outbox.ntargets; i++)
		if (outbox.targets[i].sending && (at < 0 || outbox.targets[i].until < at))
			at = outbox.targets[i].until;
	for (struct delivery *d = outbox.pending; d; d = d->next)
		if (!d->to->sending && (at < 0 || d->due < at))
			at = d->due;
	return at;
}

static void take(void)
{
	jv event;
	enum line_got got = copy_next(&copy, &event);

	if (got == LINE_ERROR)
		die(EX_IOERR, "read standard input:");
	if (got != LINE_OK)
		return;
	if (strcmp(event_subject(event), session) == 0)
		enqueue(event);
	jv_free(event);
}

static bool lose_output(void)
{
	output_status = errno == EPIPE ? EX_TEMPFAIL : EX_IOERR;
	warn("what came is told, but can't be passed on: write standard output:");
	return false;
}

/* Writes what standard output takes; false when nobody reads it any more, or it can't be written. */
static bool write_out(short revents)
{
	if (revents & (POLLERR | POLLNVAL)) {
		errno = EPIPE;
		return lose_output();
	}
	return copy_write(&copy) == 0 || lose_output();
}

/* One round; false when standard output is no more. */
static bool turn(bool reading, int64_t end)
{
	struct pollfd p[2 + TARGETS_MAX];

	copy_poll(&copy, p);
	if (!reading)
		p[0].fd = p[1].fd = -1;
	for (int i = 0; i < outbox.ntargets; i++)
		p[2 + i] = (struct pollfd){outbox.targets[i].sending ? outbox.targets[i].driver.in.fd : -1, POLLIN, 0};
	if (proc_poll(p, 2 + (unsigned)outbox.ntargets, wake_at(end)) < 0)
		die(EX_OSERR, "wait for input:");
	if (reading && (p[0].revents || copy_ready(&copy)))
		take();
	for (int i = 0; i < outbox.ntargets; i++)
		if (outbox.targets[i].sending)
			mind(&outbox.targets[i], p[2 + i].revents);
	begin_due();
	return reading && write_out(p[1].revents);
}

static int run(void)
{
	int64_t end = -1;
	bool reader = true;

	catch_up();
	while (end < 0 || (outbox.pending && clock_mono() < end)) {
		reader = turn(reader, end) && reader;
		if (end < 0 && (copy.eof || !reader))
			end = clock_mono() + linger;
	}
	if (reader && copy_drain(&copy))
		lose_output();
	if (outbox.npending)
		warn("%d message%s not told yet; the next ab-notify %s goes on", outbox.npending, outbox.npending == 1 ? " is" : "s are", session);
	return output_status ? output_status : outbox.npending ? EX_TEMPFAIL : 0;
}

static void take_lock(void)
{
	struct err e;
	char *dir = path_run(session, "lock", &e), *path, *what;

	if (!dir || fs_mkdirs(dir, &e))
		die_err(&e);
	path = xasprintf("%s/ab-notify", dir);
	what = xasprintf("%s's ab-notify", session);
	if (fs_lock(path, what, &e) < 0)
		die_err(&e);
	free(what);
	free(path);
	free(dir);
}

/* A driver that is not there is better known now than when something is to be told. */
static void look_for_drivers(void)
{
	for (int i = 0; i < outbox.ntargets; i++) {
		struct err e;
		char *path = driver_find("notify", outbox.targets[i].scheme, &e);

		if (!path)
			warn("%s", e.text);
		free(path);
	}
}

static jv read_rules(char **argv)
{
	struct err e;
	jv v;

	if (!rules_file && keys_need(argv, session, PART_BIT(PART_RULES), &e))
		die_err(&e);
	keys_keep(PART_BIT(PART_RULES));
	/* what it starts may use the network, and gets no key */
	if (launch_init(&e) || sandbox_no_network(&e))
		die_err(&e);
	v = rules_file ? json_read(rules_file, RULES_MAX, &e) : part_read(session, PART_RULES, &e);
	if (!json_ok(v))
		die_err(&e);
	return v;
}

static void duration(const char *text, const char *option, int64_t *ms)
{
	if (text && duration_parse(text, ms))
		opt_usage("--%s: '%s' is no duration such as 90s", option, text);
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-notify", "[OPTION…] SESSION", "Tells the person what matters, at least once.", options, 1, 1, false};
	struct err e;
	jv rules, urls;
	int status;

	sandbox_private();
	session = argv[opt_parse(argc, argv, &spec)];
	duration(deadline_text, "deadline", &patience);
	duration(linger_text, "linger", &linger);
	duration(steady_text, "steady", &steady);
	duration(timeout_text, "timeout", &timeout);
	rules = read_rules(argv);
	zone = json_str(rules, "timezone", "UTC");
	take_lock();
	urls = json_get(rules, "notify");
	if (outbox_open(&outbox, session, urls, patience, &e))
		die_err(&e);
	look_for_drivers();
	started = clock_mono();
	copy_init(&copy, STDIN_FILENO, STDOUT_FILENO);
	status = run();
	outbox_close(&outbox);
	copy_free(&copy);
	jv_free(urls);
	jv_free(rules);
	return status;
}

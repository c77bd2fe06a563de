/* ab-audit: what passes, appended to the session's hash chain; and looking at the chain. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "store/audit.h"
#include "store/journal.h"
#include "store/keys.h"
#include "wire/alert.h"
#include "wire/copy.h"
#include "wire/event.h"

#define GROUP 100 /* ms that a record may wait for its sync */
#define STATE_MAX (1u << 20)
#define RULES_MAX (1u << 20)
#define OLD (7 * 86400000LL) /* what is older and not in the chain was not meant for it */
#define AHEAD 60000 /* ms */

static bool as_json, no_seal, verbose;
static const char *rules_file, *since_text, *type_glob;

static const struct opt options[] = {
	{0, "json", NULL, "show: whole records, as they stand", NULL, &as_json, NULL},
	{0, "no-seal", NULL, "without the vault: a cut end can't be found then", NULL, &no_seal, NULL},
	{0, "rules", "FILE", "replay: rules as JSON from FILE instead of those in the record", &rules_file, NULL, NULL},
	{0, "since", "TIME", "show: from TIME on (RFC 3339, or a duration back: 2h)", &since_text, NULL, NULL},
	{0, "type", "GLOB", "show: events of this type (booking.*)", &type_glob, NULL, NULL},
	{'v', "verbose", NULL, "replay: the two events that differ, too", NULL, &verbose, NULL},
	{0},
};

static const char *session;

void print_line(struct str *line)
{
	for (size_t i = 0; i < line->len; i++)
		if ((unsigned char)line->s[i] < ' ' || line->s[i] == 0x7f)
			line->s[i] = '?';
	puts(str_text(line));
	str_reset(line);
}

/* ---- append --------------------------------------------------------------------------------------- */

static struct audit *chain;
static struct copy copy;
static int64_t dirty_since; /* clock_mono; 0: nothing waits */
static int64_t started;     /* wall time */
static bool unrecorded;     /* the event that was read last is one that must not pass yet */
static jv caught_up;        /* {id: true}: recorded by catch_up, and not again */

/* Nothing can be recorded: that is said, so that the person is told, and is the end. */
static _Noreturn void stop(const struct err *e)
{
	if (unrecorded)
		copy_take_back(&copy);
	copy_add(&copy, alert_stop(session, NULL, e->text));
	copy_drain(&copy);
	die_err(e);
}

static void sync_now(void)
{
	struct audit_head head;
	struct err e;

	if (!audit_dirty(chain))
		return;
	head = audit_head(chain);
	if (audit_sync(chain, &e) || (!no_seal && audit_head_write(session, &head, &e)))
		stop(&e);
	dirty_since = 0;
}

static void record(const char *text, size_t len)
{
	struct err e;

	if (audit_add(chain, text, len, &e))
		stop(&e);
	if (!dirty_since)
		dirty_since = clock_mono();
}

/* What must not be done, or be said to be done, without its record. */
static bool irreversible(const char *type)
{
	return strcmp(type, "booking.request") == 0 || strcmp(type, "booking.result") == 0 || strcmp(type, "session.state") == 0;
}

static void take(void)
{
	bool firm;
	jv event;
	enum line_got got = copy_next(&copy, &event);

	if (got == LINE_ERROR)
		die(EX_IOERR, "read standard input:");
	if (got != LINE_OK)
		return;
	firm = irreversible(event_type(event));
	if (strcmp(event_subject(event), session) == 0 && !json_has(caught_up, json_str(event, "id", ""))) {
		unrecorded = firm;
		if (firm)
			sync_now();
		record(copy.text, copy.len);
		unrecorded = false;
		if (firm)
			sync_now();
	}
	jv_free(event);
}

/* LIST and those of MORE (both consumed) whose ids are not in it yet. */
static jv with(jv list, jv more)
{
	jv ids = jv_object();

	for (struct json_iter it = json_iter(list); json_next(&it);)
		ids = json_set(ids, json_str(it.value, "id", ""), jv_true());
	for (struct json_iter it = json_iter(more); json_next(&it);)
		if (!json_has(ids, json_str(it.value, "id", "")))
			list = json_push(list, jv_copy(it.value));
	jv_free(ids);
	jv_free(more);
	return list;
}

/* What ab-plan said, from what it followed, and how ab-book's attempts ended, as their own files have it. */
static jv said_on_disk(void)
{
	struct err e;
	struct journal *journal = journal_read(session, &e);
	jv events = journal ? journal_results(journal) : jv_array(), state;
	char *path = path_state(session, "state.json", &e);

	if (!journal)
		warn("outcomes of earlier runs are not looked at: %s", e.text);
	journal_free(journal);
	state = path ? json_read(path, STATE_MAX, &e) : jv_invalid();
	/* the journal has its results whole, which were shortened for the FIFO */
	events = with(with(events, json_get(state, "heard")), json_get(state, "said"));
	jv_free(state);
	free(path);
	return events;
}

/* ITEM (consumed) in its place in LIST, which is ordered by time. */
static jv insert(jv list, jv item)
{
	jv out = jv_array();
	const char *at = json_str(item, "time", "");
	bool in = false;

	for (struct json_iter it = json_iter(list); json_next(&it);) {
		if (!in && strcmp(at, json_str(it.value, "time", "")) < 0) {
			out = json_push(out, jv_copy(item));
			in = true;
		}
		out = json_push(out, jv_copy(it.value));
	}
	if (!in)
		out = json_push(out, jv_copy(item));
	jv_free(item);
	jv_free(list);
	return out;
}

/* A crash may have come between the saying of the things that matter and our hearing of them. What was said since we
 * began is on its way; but what is dated further ahead was said before the clock was set back. */
static void catch_up(void)
{
	jv all = said_on_disk(), due = jv_array();
	int64_t at;
	struct err e;

	for (struct json_iter it = json_iter(all); json_next(&it);)
		if (clock_parse(json_str(it.value, "time", ""), &at) == 0 && (at < started || at > started + AHEAD) && at > started - OLD)
			due = insert(due, jv_copy(it.value));
	jv_free(all);
	due = audit_missing(session, due, &e);
	if (!json_ok(due))
		stop(&e);
	caught_up = jv_object();
	for (struct json_iter it = json_iter(due); json_next(&it);) {
		char *text = json_text(it.value);

		record(text, strlen(text));
		caught_up = json_set(caught_up, json_str(it.value, "id", ""), jv_true());
		free(text);
	}
	jv_free(due);
	sync_now();
}

/* An event of our own (consumed), recorded too. */
static void say(jv event)
{
	char *text = json_text(event);

	record(text, strlen(text));
	copy_add(&copy, event);
	free(text);
}

static void alert_lost(void)
{
	warn("sealed records of %s's audit chain are missing or changed; 'ab-audit verify %s' says which", session, session);
	say(event_make("runtime.alert", session, NULL,
		       json_obj("severity", jv_string("error"), "reason", jv_string("audit_lost"), "hint",
				jv_string("records of the audit chain that had been sealed are missing: see ab-audit verify"), NULL)));
}

/* Something was recorded and sealed: if we had stopped because nothing could be, that is over. */
static void say_working(void)
{
	jv event = alert_over(session);

	if (json_ok(event))
		say(event);
	else
		jv_free(event);
}

static void open_chain(void)
{
	struct err e;
	struct audit_head head;
	bool lost;

	if (!no_seal && audit_head_read(session, &head, &e))
		stop(&e);
	chain = audit_open(session, no_seal ? NULL : &head, &lost, &e);
	if (!chain)
		stop(&e);
	head = audit_head(chain); /* what audit_open noted is on the disk already */
	if (!no_seal && head.seq && audit_head_write(session, &head, &e))
		stop(&e);
	if (lost)
		alert_lost();
}

static void take_lock(void)
{
	struct err e;
	char *dir = path_run(session, "lock", &e), *path, *what;

	if (!dir || fs_mkdirs(dir, &e))
		die_err(&e);
	path = xasprintf("%s/ab-audit", dir);
	what = xasprintf("%s's ab-audit", session);
	if (fs_lock(path, what, &e) < 0)
		die_err(&e);
	free(what);
	free(path);
	free(dir);
}

static int append(void)
{
	bool reader = true;
	int failure;

	take_lock();
	copy_init(&copy, STDIN_FILENO, STDOUT_FILENO);
	open_chain();
	catch_up();
	while (!copy.eof && reader) {
		struct pollfd p[2];

		copy_poll(&copy, p);
		if (proc_poll(p, 2, copy_ready(&copy) ? 0 : dirty_since ? dirty_since + GROUP : -1) < 0)
			die(EX_OSERR, "wait for input:");
		if (p[0].revents || copy_ready(&copy))
			take();
		if (dirty_since && clock_mono() >= dirty_since + GROUP)
			sync_now();
		if (!dirty_since && audit_head(chain).seq)
			say_working();
		errno = EPIPE;
		reader = !(p[1].revents & (POLLERR | POLLNVAL)) && copy_write(&copy) == 0;
	}
	failure = reader ? 0 : errno;
	sync_now();
	errno = failure;
	if (!reader || copy_drain(&copy))
		die(errno == EPIPE ? EX_TEMPFAIL : EX_IOERR, "what came is recorded, but can't be passed on: write standard output:");
	audit_free(chain);
	jv_free(caught_up);
	copy_free(&copy);
	return 0;
}

/* ---- verify --------------------------------------------------------------------------------------- */

static void tell_fault(void *ctx, int64_t seq, const char *about, const char *text)
{
	struct str line = {0};

	(void)ctx;
	str_addf(&line, "record %" PRId64 "%s: %s", seq, about, text);
	print_line(&line);
	str_free(&line);
}

static void print_whole(const struct audit_head *last, const struct audit_head *sealed)
{
	printf("whole: %" PRId64 " records", last->seq);
	if (no_seal)
		printf(" (the end is not proved without its seal)");
	else if (last->seq > sealed->seq)
		printf(" (those from %" PRId64 " on are not sealed yet)", sealed->seq + 1);
	putchar('\n');
}

static int verify(void)
{
	struct audit_head head, last;
	struct err e;
	int r;

	if (!no_seal && audit_head_read(session, &head, &e))
		die_err(&e);
	r = audit_verify(session, no_seal ? NULL : &head, tell_fault, NULL, &last, &e);
	if (r < 0)
		die_err(&e);
	if (r == 0 && !last.seq)
		printf("no records\n");
	else if (r == 0)
		print_whole(&last, &head);
	if (fflush(stdout))
		die(EX_IOERR, "write standard output:");
	return r;
}

/* ---- replay --------------------------------------------------------------------------------------- */

static void to_stderr(void *ctx, int64_t seq, const char *about, const char *text)
{
	(void)ctx;
	warn("record %" PRId64 "%s: %s", seq, about, text);
}

/* Only of a chain that is whole anything can be derived. */
static void must_be_whole(void)
{
	struct audit_head head;
	struct err e;
	int r;

	if (!no_seal && audit_head_read(session, &head, &e))
		die_err(&e);
	r = audit_verify(session, no_seal ? NULL : &head, to_stderr, NULL, NULL, &e);
	if (r < 0)
		die_err(&e);
	if (r)
		die(EX_DATAERR, "%s's audit chain is not whole, so nothing is replayed", session);
}

static int replay(void)
{
	struct err e;
	jv rules = jv_null();
	int r;

	if (rules_file && !json_ok(rules = json_read(rules_file, RULES_MAX, &e)))
		die_err(&e);
	must_be_whole();
	r = replay_chain(session, rules, verbose);
	jv_free(rules);
	if (fflush(stdout))
		die(EX_IOERR, "write standard output:");
	return r;
}

/* ---- show ----------------------------------------------------------------------------------------- */

static void add_member(struct str *line, const char *key, jv value)
{
	const char *text = json_string(value, NULL);
	char *other = text ? NULL : json_text(value);

	str_addf(line, "  %s=%.200s", key, text ? text : other);
	free(other);
}

/* Objects and lists in one word; the rest is what a person looks for first. */
static void add_data(struct str *line, jv data)
{
	static const char *const first[] = {"from", "to", "status", "verdict", "reference", "why", "reason", "kind", "question", "hint", NULL};
	jv slot = json_get(data, "slot"), slots = json_get(data, "slots");

	if (json_has(slot, "id"))
		str_addf(line, "  slot=%.100s at %.40s", json_str(slot, "id", ""), json_str(slot, "start", ""));
	if (json_is(slots, JV_KIND_ARRAY))
		str_addf(line, "  %zu slots", json_len(slots));
	for (int i = 0; first[i]; i++) {
		jv v = json_get(data, first[i]);

		if (!json_is(v, JV_KIND_NULL))
			add_member(line, first[i], v);
		jv_free(v);
	}
	jv_free(slot);
	jv_free(slots);
}

static void print_readable(jv rec)
{
	struct str line = {0};
	jv event = json_get(rec, "event"), note = json_get(rec, "note"), data = event_data(event);

	str_addf(&line, "%6" PRId64 "  %s  ", json_int(rec, "seq", 0), json_str(rec, "time", "?"));
	if (json_is(note, JV_KIND_OBJECT)) {
		str_puts(&line, "(ab-audit)");
		for (struct json_iter it = json_iter(note); json_next(&it);)
			add_member(&line, it.key, it.value);
	} else {
		str_addf(&line, "%-22s", event_type(event));
		add_data(&line, data);
	}
	print_line(&line);
	str_free(&line);
	jv_free(data);
	jv_free(note);
	jv_free(event);
}

static int show_record(void *ctx, jv rec)
{
	int64_t since = *(int64_t *)ctx, at = 0;
	jv event = json_get(rec, "event");
	bool shown = (!type_glob || str_glob(type_glob, event_type(event))) &&
		     (clock_parse(json_str(rec, "time", ""), &at) || at >= since);
	char *text;

	jv_free(event);
	if (shown && as_json) {
		text = json_text(rec);
		puts(text);
		free(text);
	} else if (shown) {
		print_readable(rec);
	}
	return ferror(stdout) ? 1 : 0;
}

static int64_t since(void)
{
	int64_t at = INT64_MIN, back;

	if (!since_text)
		return at;
	if (duration_parse(since_text, &back) == 0)
		return clock_wall() - back;
	if (clock_parse(since_text, &at))
		opt_usage("--since: '%s' is neither a time (2026-12-01T08:00:00Z) nor a duration (2h)", since_text);
	return at;
}

static int show(void)
{
	int64_t from = since();
	struct err e;

	if (audit_each(session, show_record, &from, &e) < 0)
		die_err(&e);
	if (fflush(stdout) && errno != EPIPE)
		die(EX_IOERR, "write standard output:");
	return 0;
}

/* --------------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*run)(void);
	unsigned keys;
	bool shows;
} verbs[] = {{"append", append, PART_BIT(PART_AUDIT), false}, {"verify", verify, PART_BIT(PART_AUDIT), false}, {"show", show, 0, true},
	     {"replay", replay, PART_BIT(PART_AUDIT) | PART_BIT(PART_RULES), false}};

static const struct verb *verb_of(const char *word)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].name, word) == 0)
			return &verbs[i];
	return NULL;
}

static void check_use(const struct verb *verb)
{
	if (!verb->shows && (as_json || since_text || type_glob))
		opt_usage("--json, --since and --type are for show");
	if (verb->run != replay && (rules_file || verbose))
		opt_usage("--rules and --verbose are for replay");
	if (!name_valid(session))
		opt_usage("'%s' is no session name", session);
}

/* The keys that VERB can't do without. */
static unsigned keys_for(const struct verb *verb)
{
	unsigned keys = verb->keys;

	if (no_seal)
		keys &= ~PART_BIT(PART_AUDIT);
	return rules_file ? keys & ~PART_BIT(PART_RULES) : keys;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-audit", "[append | verify | show | replay] [OPTION…] SESSION",
					     "Records events in a hash chain; checks, shows and replays it.", options, 1, 2, false};
	const struct verb *verb = verbs;
	struct err e;
	int at;

	started = clock_wall();
	sandbox_private();
	at = opt_parse(argc, argv, &spec);
	if (argc - at == 2 && !(verb = verb_of(argv[at])))
		opt_usage("'%s' is none of append, verify, show and replay", argv[at]);
	if (argc - at == 1 && verb_of(argv[at]))
		opt_usage("%s: the SESSION is missing", argv[at]);
	session = argv[argc - 1];
	check_use(verb);
	if (keys_for(verb) && keys_need(argv, session, keys_for(verb), &e))
		die_err(&e);
	keys_keep(verb->keys);
	if (sandbox_no_network(&e))
		die_err(&e);
	return verb->run();
}

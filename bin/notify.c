/* ab-notify: tells the person what matters, through drivers, at least once. What for the outbox, the words and the daily message is in notify-*.c. */
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
#include "store/consent.h"
#include "store/journal.h"
#include "store/keys.h"
#include "store/vault.h"
#include "wire/copy.h"
#include "wire/event.h"

#define RULES_MAX (1u << 20)
#define REQUEST_MAX 32768          /* fits into a new pipe: writing it does not wait for the driver */
#define OURS (PART_BIT(PART_RULES) | PART_BIT(PART_NOTICES))
#define SELF_KEY 48
#define TRIES_QUIET 5 /* failures, in a minute and a half, that are nobody's concern yet */
#define RETRY_MAX 600000
#define OLD (7 * 86400000LL)       /* results in the journal that are older were told, or are no news */

static const char *rules_file, *deadline_text, *linger_text, *retry_text, *steady_text, *timeout_text;
static int64_t patience = 6 * 3600000, linger = 30000, retry_first = 1000, steady = 60000, timeout = 30000;

static const struct opt options[] = {
	{0, "deadline", "TIME", "how long a message is tried again (6h)", &deadline_text, NULL, NULL},
	{0, "linger", "TIME", "how long messages are waited for after the input's end (30s)", &linger_text, NULL, NULL},
	{0, "retry", "TIME", "how long after its first failure a message is tried again (1s)", &retry_text, NULL, NULL},
	{0, "rules", "FILE", "rules as JSON from FILE instead of the vault", &rules_file, NULL, NULL},
	{0, "steady", "TIME", "how long a pipeline must run until its troubles are over (1m)", &steady_text, NULL, NULL},
	{0, "timeout", "TIME", "how long a driver may take for a message (30s)", &timeout_text, NULL, NULL},
	{0},
};

static const char *session;
static struct outbox outbox;
static struct teller teller;
static struct daily daily;
static struct copy copy;
static int output_status; /* exit status for a standard output that failed */

/* ---- the outbox's in and out ---------------------------------------------------------------------- */

/* What could not be told is said where it can be: downstream, and on stderr. */
static jv alert(const char *reason, const char *hint)
{
	char *text = xasprintf("notify_failed: %s", reason);
	jv event = event_make("runtime.alert", session, NULL,
			      json_obj("severity", jv_string("error"), "reason", jv_string(text), "hint", jv_string(hint), NULL));

	warn("%s; %s", reason, hint);
	copy_add(&copy, jv_copy(event));
	free(text);
	return event;
}

/* Into the outbox, for all addresses but EXCEPT (NULL: for all). */
static void post(const struct words *w, jv event, const struct target *except)
{
	struct err e;

	if (outbox.ntargets &&
	    outbox_add(&outbox, json_str(event, "id", ""), jv_string(str_text(&w->title)), jv_string(str_text(&w->text)),
		       jv_copy(event), except, &e))
		jv_free(alert(e.text, e.status == EX_TEMPFAIL ? "this one is not told: mend the ways to the person" : "it is told, but would be lost in a crash"));
}

static void enqueue(jv event)
{
	struct words w;

	words_init(&w);
	if (!outbox_knows(&outbox, json_str(event, "id", "")) && words_for(&teller, &w, event)) {
		post(&w, event, NULL);
		words_told(&teller, &w, event);
	}
	words_free(&w);
}

/* LAST: the input has ended. */
static void post_daily(bool last)
{
	struct words w;
	jv event;

	if (!daily_due(&daily, &outbox, last))
		return;
	words_init(&w);
	event = daily_say(&daily, session, &w);
	post(&w, event, NULL);
	daily_told(&daily, &outbox);
	copy_add(&copy, event);
	words_free(&w);
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
	char *text = json_text(event), *calendar = words_calendar(session, teller.zone, event);
	jv request;

	if (strlen(text) > REQUEST_MAX) /* its words are told; the rest is in the audit chain */
		event = json_del(event, "data");
	free(text);
	request = json_obj("do", jv_string("send"), "id", json_get(d->message, "id"), "url", jv_string(d->to->url), "settings",
			   jv_copy(d->to->settings), "title", json_get(d->message, "title"), "text", json_get(d->message, "text"), "event", event, NULL);
	if (calendar)
		request = json_set_str(request, "calendar", calendar);
	free(calendar);
	return request;
}

/* The trouble that an address is. */
static const char *self_key(char out[SELF_KEY], const struct target *t)
{
	snprintf(out, SELF_KEY, "/ab-notify/%s", t->hash);
	return out;
}

static void finish(struct delivery *d, const char *what)
{
	struct err e;

	if (outbox_done(&outbox, d, what, &e))
		warn("%s: the message may be sent again", e.text);
}

/* That one way failed is told by the others, once until it works again; that this message failed, too, is not. */
static void tell_others(const struct delivery *d, const char *reason, const char *hint)
{
	jv of = json_get(d->message, "event"), event = jv_null();
	char key[SELF_KEY];
	struct words w;

	if (strcmp(json_str(of, "type", ""), "runtime.alert") != 0 || !str_starts(json_str(of, "source", ""), "/ab-notify/"))
		event = alert(reason, hint);
	else
		warn("%s", reason);
	if (json_is(event, JV_KIND_OBJECT) && outbox.ntargets > 1 && !outbox_troubled(&outbox, self_key(key, d->to))) {
		words_init(&w);
		words_title(&w, session, "error");
		words_add(&w, "", reason);
		words_add(&w, "", hint);
		post(&w, event, d->to);
		outbox_trouble(&outbox, key);
		words_free(&w);
	}
	jv_free(event);
	jv_free(of);
}

/* LATER: ms that the other side asks to wait. */
static void failed(struct delivery *d, const char *why, bool retry, int64_t later)
{
	int64_t pause = retry_first << (d->tries < 12 ? d->tries * 2 : 24), now = clock_mono();
	char *reason;

	if (launch_lost())
		die(EX_TEMPFAIL, "the launcher was killed: nothing can be started any more; the next ab-notify %s goes on", session);
	d->tries++;
	if (retry && now < d->ends) {
		warn("%s: %s; it is tried again", d->to->scheme, why);
		pause = pause > RETRY_MAX ? RETRY_MAX : pause;
		d->due = now + (later <= pause ? pause : later < d->ends - now ? later : d->ends - now);
		if (d->tries == TRIES_QUIET) {
			reason = xasprintf("'%.100s' is not told yet by %s: %.200s", json_str(d->message, "title", ""), d->to->scheme, why);
			tell_others(d, reason, "it is tried again; perhaps this way has to be mended");
			free(reason);
		}
		return;
	}
	reason = xasprintf("'%.100s' was not told by %s: %.200s", json_str(d->message, "title", ""), d->to->scheme, why);
	tell_others(d, reason, "tell the person another way, and mend this one");
	free(reason);
	finish(d, "gave_up");
}

static void begin(struct target *t, struct delivery *d)
{
	struct err e;

	if (driver_start(&t->driver, "notify", t->scheme, NULL, &e)) {
		failed(d, e.text, e.status != EX_UNAVAILABLE && e.status != EX_CONFIG, 0);
		return;
	}
	t->sending = d;
	t->until = clock_mono() + timeout;
	if (driver_send(&t->driver, request_for(d), &e)) {
		t->sending = NULL;
		driver_stop(&t->driver, 0);
		failed(d, e.text, true, 0);
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
	char key[SELF_KEY];
	jv answer = readable || late ? driver_recv(&t->driver, clock_mono(), &e) : jv_invalid();
	char why[240];

	if (!json_ok(answer) && !late && (!readable || e.status == EX_TEMPFAIL))
		return; /* half a line */
	t->sending = NULL;
	driver_stop(&t->driver, late ? 0 : 200);
	if (json_bool(answer, "ok", false)) {
		outbox_clear(&outbox, self_key(key, d->to));
		finish(d, "sent");
	} else if (json_ok(answer)) {
		jv said = json_path(answer, "error.message");

		snprintf(why, sizeof why, "%.200s", json_string(said, "it gave no reason"));
		jv_free(said);
		failed(d, why, json_bool(answer, "retry", true), json_int(answer, "retry_ms", 0));
	} else {
		failed(d, e.text, true, 0);
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
	return end < 0 ? clock_earlier(at, daily_at(&daily, &outbox)) : at;
}

static void take(void)
{
	jv event;
	enum line_got got = copy_next(&copy, &event);

	if (got == LINE_ERROR)
		die(EX_IOERR, "read standard input:");
	if (got != LINE_OK)
		return;
	if (strcmp(event_subject(event), session) == 0) {
		daily_hear(&daily, event);
		enqueue(event);
	}
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
	post_daily(copy.eof);
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

/* A program that gives a token is the owner's to allow, as for an inbox. */
static void check_programs(jv items, jv rules)
{
	struct err e;

	for (struct json_iter it = json_iter(items); json_next(&it);)
		if (consent_setting(rules, session, json_str(it.value, "token", ""), &e))
			die_err(&e);
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
	jv v, notices;

	if (!rules_file && keys_need(argv, session, OURS, &e))
		die_err(&e);
	keys_keep(OURS);
	/* what it starts may use the network, and gets no key */
	if (launch_init(&e) || sandbox_no_network(&e))
		die_err(&e);
	v = rules_file ? json_read(rules_file, RULES_MAX, &e) : part_read(session, PART_RULES, &e);
	if (!json_ok(v))
		die_err(&e);
	if (!rules_file) {
		notices = part_read(session, PART_NOTICES, &e);
		if (!json_ok(notices))
			die_err(&e);
		v = json_merge_take(v, notices);
	}
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
	jv rules, items;
	int status;

	sandbox_private();
	session = argv[opt_parse(argc, argv, &spec)];
	duration(deadline_text, "deadline", &patience);
	duration(linger_text, "linger", &linger);
	duration(retry_text, "retry", &retry_first);
	if (retry_first < 1 || retry_first > RETRY_MAX)
		opt_usage("--retry: from 1ms to 10m");
	duration(steady_text, "steady", &steady);
	duration(timeout_text, "timeout", &timeout);
	rules = read_rules(argv);
	teller = (struct teller){session, json_str(rules, "timezone", "UTC"), &outbox, clock_mono(), steady};
	take_lock();
	items = json_get(rules, "notify");
	if (outbox_open(&outbox, session, items, patience, &e))
		die_err(&e);
	if (!rules_file)
		check_programs(items, rules);
	look_for_drivers();
	daily_open(&daily, json_str(rules, "daily", NULL), teller.zone, &outbox);
	copy_init(&copy, STDIN_FILENO, STDOUT_FILENO);
	status = run();
	outbox_close(&outbox);
	copy_free(&copy);
	daily_close(&daily);
	jv_free(items);
	jv_free(rules);
	return status;
}

/* ab-otp: the one-time code that was asked for after the mark, out of the person's inboxes.
 *
 * Each inbox is a driver of its own (ab-inbox-SCHEME). All are marked together. A wait begins with those that have no
 * `after`; the others join when their time has come, or when nobody else is left (the person, human:, is asked last). The first
 * good code wins and the other waits are cancelled. A code is handed out once: its mail is entered, hashed, in a file that
 * every session shares. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "ext/seal.h"
#include "ext/yaml.h"
#include "mail/inbox.h"
#include "store/consent.h"
#include "store/keys.h"
#include "store/session.h"
#include "store/vault.h"
#include "wire/driver.h"

#define BOXES_MAX 8
#define FILE_MAX (64u << 10)
#define OPEN_PATIENCE 20000  /* ms for a driver to open and to mark */
#define CANCEL_PATIENCE 1500 /* … to end a wait */
#define LATE 2000            /* … over the deadline that a driver may take to say so */
#define ASK_AFTER 20000      /* … for the mail before the person is asked */
#define REPEATS_MAX 20       /* used codes from one inbox in one wait */
#define SKIP_MAX 1000
#define TEST_PATIENCE 60000
#define WATCH_ROUND 3600000 /* ms of one wait of many */
#define WATCH_PAUSE 5000    /* … after all inboxes have failed */
#define CLAIMS_MAX (1u << 20)        /* bytes of the claims file at most */
#define CLAIMS_KEEP (30 * 86400LL)   /* seconds that a claim is remembered when the file is made smaller */

struct box {
	char *scheme;
	jv settings;
	struct driver driver;
	bool running, waiting, tried, told;
	int repeats;
	int64_t after; /* ms that the others have before this one is waited on */
	struct err trouble; /* why it gives nothing; status 0: it is fine */
};

static bool coprocess, say_events, watching, testing, reveal;
static const char *from, *to, *subject, *pattern, *timeout, *settle;
static const char *session, *file, *urls[BOXES_MAX];
static int nurls;
static struct box boxes[BOXES_MAX];
static int nboxes;
static jv skip; /* ids of mails that this process has used or passed over */
static char *account; /* the session's own address; NULL: not known */

/* Inboxes */

static void box_stop(struct box *b)
{
	if (b->running)
		driver_stop(&b->driver, 500);
	b->running = b->waiting = false;
}

/* True for an answer; the driver's error goes into the box's trouble otherwise. ANSWER is consumed. */
static bool box_accept(struct box *b, jv answer)
{
	jv error = json_get(answer, "error");
	const char *code = json_str(error, "code", "unreachable");
	bool ok = json_bool(answer, "ok", false);

	if (!ok && json_ok(answer))
		err_set(&b->trouble, strcmp(code, "config") == 0 ? EX_CONFIG : strcmp(code, "timeout") == 0 ? EX_TEMPFAIL :
			strcmp(code, "refused") == 0 ? EX_NOPERM : strcmp(code, "cancelled") == 0 ? INBOX_CANCELLED : EX_UNAVAILABLE,
			"%s: %s", b->scheme, json_str(error, "message", "no reason given"));
	jv_free(error);
	jv_free(answer);
	return ok;
}

static bool box_call(struct box *b, jv request)
{
	jv answer = driver_call(&b->driver, request, clock_mono() + OPEN_PATIENCE, &b->trouble);

	if (json_ok(answer))
		return box_accept(b, answer);
	jv_free(answer);
	err_wrap(&b->trouble, "%s", b->scheme);
	return false;
}

static bool box_start(struct box *b)
{
	jv open = json_set_str(jv_copy(b->settings), "do", "open");

	if (b->running) {
		jv_free(open);
		return true;
	}
	b->trouble = (struct err){0};
	if (driver_start(&b->driver, "inbox", b->scheme, NULL, &b->trouble)) {
		jv_free(open);
		return false;
	}
	b->running = true;
	if (box_call(b, open))
		return true;
	box_stop(b);
	return false;
}

static bool is_person(const struct box *b)
{
	return strcmp(b->scheme, "human") == 0;
}

/* Makes its codes itself, at any time. */
static bool is_maker(const struct box *b)
{
	return strcmp(b->scheme, "totp") == 0;
}

static void box_add(jv settings)
{
	const char *url = json_str(settings, "url", ""), *after = json_str(settings, "after", NULL);
	struct box *b = &boxes[nboxes];

	if (nboxes == BOXES_MAX)
		die(EX_CONFIG, "more than %d inboxes", BOXES_MAX);
	if (!strchr(url, ':'))
		die(EX_CONFIG, "inbox url '%s': begin it with a scheme (maildir:, exec:, human:)", url);
	*b = (struct box){.scheme = xstrndup(url, strcspn(url, ":")), .settings = settings, .driver = DRIVER_NONE};
	b->after = is_person(b) ? ASK_AFTER : 0;
	if (after && duration_parse(after, &b->after))
		die(EX_CONFIG, "inbox %s: after '%s' is no duration (20s)", b->scheme, after);
	if (watching && is_person(b)) /* nobody wants to be asked for ever */
		jv_free(b->settings);
	else
		nboxes++;
}

/* What an inbox lacks is said once, to the person too, and is no reason to stop while another works. */
static void tell_trouble(struct box *b)
{
	if (!b->trouble.status || b->told)
		return;
	warn("%s", b->trouble.text);
	if (say_events) {
		char *reason = xasprintf("inbox: %s", b->trouble.text);

		inbox_tell("runtime.alert", json_obj("severity", jv_string("warning"), "reason", jv_string(reason), "hint",
						     jv_string("codes are not looked for there; ab-otp --test tells more"), NULL));
		free(reason);
	}
	b->told = true;
}

static int all_failed(struct err *e)
{
	for (int i = 0; i < nboxes; i++)
		if (boxes[i].trouble.status) {
			*e = boxes[i].trouble;
			return -1;
		}
	return err_set(e, EX_CONFIG, "no inbox is set up; add one with ab-vault edit");
}

static jv otp_mark(struct err *e)
{
	char now[CLOCK_TEXT];
	jv marks = jv_array();
	int marked = 0;

	for (int i = 0; i < nboxes; i++) {
		struct box *b = &boxes[i];

		b->tried = box_start(b) && driver_send(&b->driver, json_obj("do", jv_string("mark"), NULL), &b->trouble) == 0;
	}
	for (int i = 0; i < nboxes; i++) {
		struct box *b = &boxes[i];
		jv answer = b->tried ? driver_recv(&b->driver, clock_mono() + OPEN_PATIENCE, &b->trouble) : jv_invalid();
		jv mark = json_get(answer, "mark");
		bool ok = json_ok(answer) && box_accept(b, jv_copy(answer));

		if (!ok) {
			tell_trouble(b);
			box_stop(b);
		} else {
			b->told = false;
		}
		marked += ok;
		marks = json_push(marks, ok ? jv_copy(mark) : jv_null());
		jv_free(mark);
		jv_free(answer);
	}
	if (marked)
		return json_obj("since", jv_string(clock_format(clock_wall(), now)), "boot", jv_string(clock_boot()), "mono",
				jv_number((double)clock_mono()), "marks", marks, NULL);
	jv_free(marks);
	all_failed(e);
	return jv_invalid();
}

/* Claims */

static bool claimed_before(const struct str *claims, const char *key)
{
	const char *at = str_text(claims);
	size_t len = strlen(key);

	for (; (at = strstr(at, key)); at += len)
		if ((at == claims->s || at[-1] == '\n') && at[len] == ' ')
			return true;
	return false;
}

/* The claims without what is older than CLAIMS_KEEP. */
static void drop_old(struct str *claims, int64_t now)
{
	struct str kept = {0};

	for (char *p = claims->s, *nl; p && (nl = strchr(p, '\n')); p = nl + 1) {
		const char *space = memchr(p, ' ', (size_t)(nl - p));

		if (space && strtoll(space, NULL, 10) > now - CLAIMS_KEEP)
			str_add(&kept, p, (size_t)(nl - p) + 1);
	}
	str_free(claims);
	*claims = kept;
}

/* 1: the mail is ours from now on; 0: it was used before; -1. The caller holds the lock. */
static int claim_locked(const char *path, const char *key, struct err *e)
{
	struct str claims = {0};
	int64_t now = clock_wall() / 1000;
	char line[64];
	int fd, r = -1, n = snprintf(line, sizeof line, "%s %lld\n", key, (long long)now);

	if (fs_read(path, CLAIMS_MAX * 2, &claims, e) && errno != ENOENT)
		return -1;
	if (claimed_before(&claims, key)) {
		r = 0;
	} else if (claims.len > CLAIMS_MAX || (claims.len && claims.s[claims.len - 1] != '\n')) {
		drop_old(&claims, now); /* or a line that a crash cut short */
		str_add(&claims, line, (size_t)n);
		r = fs_replace(path, claims.s, claims.len, e) ? -1 : 1;
	} else if ((fd = fs_open_append(path, e)) >= 0) {
		r = fs_write_all(fd, line, (size_t)n) || fdatasync(fd) ? err_set(e, EX_IOERR, "write %s:", path) : 1;
		close(fd);
	}
	str_free(&claims);
	return r;
}

static int claim(const char *id, const char *code, struct err *e)
{
	struct seal_part in[2] = {{id, strlen(id)}, {code, strlen(code)}};
	char *path = path_state(NULL, "otp.claimed", e), *lock_path = path_state(NULL, "otp.lock", e), key[33];
	unsigned char hash[16];
	int lock = -1, r = -1;

	seal_hash(hash, sizeof hash, NULL, in, 2);
	seal_hex(key, hash, sizeof hash);
	if (path && lock_path && (lock = fs_lock_wait(lock_path, e)) >= 0)
		r = claim_locked(path, key, e);
	if (lock >= 0)
		close(lock);
	free(path);
	free(lock_path);
	return r;
}

static void skip_all(jv ids)
{
	for (struct json_iter it = json_iter(ids); json_next(&it);)
		skip = json_push(skip, jv_copy(it.value));
	if ((int)json_len(skip) > SKIP_MAX)
		skip = jv_array_slice(skip, (int)json_len(skip) - SKIP_MAX, (int)json_len(skip));
}

/* Waiting */

struct round {
	jv mark, rules; /* borrowed */
	int64_t began, deadline;
};

/* A rule that the flow does not set comes from the inbox's settings. */
static jv default_rule(jv rules, const char *key, const char *value)
{
	return value && *value && !*json_str(rules, key, "") ? json_set_str(rules, key, value) : rules;
}

/* When MARK was made, by clock_mono: its `since` is by a clock that may be set meanwhile. */
static jv since_mono(jv mark)
{
	int64_t wall;

	if (clock_parse(json_str(mark, "since", ""), &wall))
		return jv_null();
	return jv_number((double)(clock_mono() - clock_passed(json_str(mark, "boot", ""), json_int(mark, "mono", 0), wall)));
}

static void wait_send(struct box *b, int index, const struct round *r)
{
	jv marks = json_get(r->mark, "marks"), rules = json_merge_take(jv_object(), jv_copy(r->rules));
	int64_t left = r->deadline - clock_mono();

	rules = json_set(json_set(rules, "since", json_get(r->mark, "since")), "since_mono", since_mono(r->mark));
	rules = json_set(rules, "skip", jv_copy(skip));
	rules = default_rule(rules, "to", json_str(b->settings, "to", account));
	rules = default_rule(rules, "skew", json_str(b->settings, "skew", NULL));
	rules = default_rule(rules, "settle", json_str(b->settings, "settle", NULL));
	b->waiting = driver_send(&b->driver, json_obj("do", jv_string("wait"), "mark", json_at(marks, index), "rules", rules,
						      "deadline_ms", jv_number((double)(left > 0 ? left : 0)), NULL),
				 &b->trouble) == 0;
	jv_free(marks);
}

static void wait_start(struct box *b, int index, const struct round *r)
{
	jv marks = json_get(r->mark, "marks"), mark = json_at(marks, index);

	b->tried = true;
	b->repeats = 0;
	if (json_is(mark, JV_KIND_NULL))
		; /* it could not be marked: whatever it gave might be old */
	else if (box_start(b)) {
		b->trouble = (struct err){0};
		wait_send(b, index, r);
	}
	jv_free(mark);
	jv_free(marks);
}

static void relay(jv event)
{
	const char *type = json_str(event, "type", "");
	jv data = json_get(event, "data");

	if (say_events)
		inbox_tell(type, jv_copy(data));
	else if (!coprocess && strcmp(type, "human.required") == 0)
		warn("asked the person; answer with: ab-answer %s", json_str(data, "ask", ""));
	jv_free(data);
}

/* Ends the waits that still go on. A driver that does not listen is ended itself: its mark is data, so the next wait
 * loses nothing. */
static void cancel_waits(void)
{
	for (int i = 0; i < nboxes; i++)
		if (boxes[i].waiting && driver_send(&boxes[i].driver, json_obj("do", jv_string("cancel"), NULL), NULL))
			box_stop(&boxes[i]);
	for (int i = 0; i < nboxes; i++) {
		struct box *b = &boxes[i];
		int64_t until = clock_mono() + CANCEL_PATIENCE;

		for (int answers = 0; b->waiting && answers < 2;) {
			jv v = driver_recv(&b->driver, until, NULL), event = json_get(v, "event");

			if (json_is(event, JV_KIND_OBJECT))
				relay(event); /* a question that is taken back */
			else
				answers++;
			jv_free(event);
			if (!json_ok(v))
				box_stop(b);
			jv_free(v);
		}
		b->waiting = false;
	}
}

static bool code_valid(const char *code, size_t len)
{
	if (!len || len > 256 || strlen(code) != len)
		return false;
	for (; *code; code++)
		if ((unsigned char)*code < 0x20 || *code == 0x7f)
			return false;
	return true;
}

/* The final answer out of a driver's, or invalid: no good, and the wait goes on or the box has trouble. */
static jv take_code(struct box *b, int index, const struct round *r, jv answer)
{
	jv mail = json_get(answer, "mail"), passed = json_get(answer, "passed"), code = json_get(answer, "code");
	const char *id = json_str(mail, "id", ""), *text = json_string(code, "");
	jv out = jv_invalid();
	int mine = 1;

	b->waiting = false;
	if (!code_valid(text, json_len(code)))
		err_set(&b->trouble, EX_UNAVAILABLE, "%s: the driver's code is no line of text", b->scheme);
	else if (*id && (mine = claim(id, text, &b->trouble)) == 0 && b->repeats++ < REPEATS_MAX) {
		skip = json_push(skip, jv_string(id));
		wait_send(b, index, r);
	} else if (mine == 0) {
		err_set(&b->trouble, EX_UNAVAILABLE, "%s: gives codes that were used before", b->scheme);
	} else if (mine > 0) {
		if (*id)
			skip = json_push(skip, jv_string(id));
		skip_all(passed);
		mail = json_del(mail, "id");
		out = json_obj("ok", jv_true(), "code", jv_copy(code), "channel", jv_string(b->scheme), "waited_ms",
			       jv_number((double)(clock_mono() - r->began)), "mail", jv_copy(mail), NULL);
	}
	jv_free(mail);
	jv_free(passed);
	jv_free(code);
	return out;
}

static jv take_line(struct box *b, int index, const struct round *r)
{
	jv v = driver_recv(&b->driver, clock_mono() + LATE, &b->trouble), event = json_get(v, "event"), out = jv_invalid();

	if (!json_ok(v)) {
		err_wrap(&b->trouble, "%s", b->scheme);
		tell_trouble(b);
		box_stop(b);
	} else if (json_is(event, JV_KIND_OBJECT)) {
		relay(event);
	} else if (json_bool(v, "ok", false)) {
		out = take_code(b, index, r, v);
	} else {
		b->waiting = false;
		box_accept(b, jv_copy(v));
		if (b->trouble.status != EX_TEMPFAIL)
			tell_trouble(b);
	}
	jv_free(event);
	jv_free(v);
	return out;
}

/* Where rules name a sender or a subject, a mail is meant: an inbox that makes codes itself would always be first, and wrong. */
static bool left_out(const struct box *b, jv rules)
{
	bool mail = *json_str(rules, "from", "") || *json_str(rules, "subject", "");

	for (int i = 0; mail && is_maker(b) && i < nboxes; i++)
		if (!is_maker(&boxes[i]) && !is_person(&boxes[i]))
			return true;
	return false;
}

/* When its wait begins at the latest: `after`, but not later than half-way. */
static int64_t starts_at(const struct box *b, const struct round *r)
{
	int64_t half = (r->deadline - r->began) / 2;

	return r->began + (b->after < half ? b->after : half);
}

/* The next box to begin, the first of several; -1: all have. */
static int next_box(const struct round *r)
{
	int next = -1;

	for (int i = 0; i < nboxes; i++)
		if (!boxes[i].tried && (next < 0 || starts_at(&boxes[i], r) < starts_at(&boxes[next], r)))
			next = i;
	return next;
}

static bool any_waiting(void)
{
	for (int i = 0; i < nboxes; i++)
		if (boxes[i].waiting)
			return true;
	return false;
}

/* Begins the waits whose time has come, or the next one when nobody else is left. False: nobody is. */
static bool begin_due(const struct round *r)
{
	for (int i; (i = next_box(r)) >= 0 && (clock_mono() >= starts_at(&boxes[i], r) || !any_waiting());) {
		wait_start(&boxes[i], i, r);
		if (!boxes[i].waiting)
			tell_trouble(&boxes[i]);
	}
	return any_waiting();
}

/* Why nobody gave a code: that there was no mail, if anybody looked; else what went wrong first. */
static void no_code(struct err *e)
{
	for (int i = 0; i < nboxes; i++)
		if (boxes[i].trouble.status == EX_TEMPFAIL) {
			*e = boxes[i].trouble;
			return;
		}
	all_failed(e);
}

static jv wait_round(struct round *r, struct line_in *in, struct err *e)
{
	struct pollfd p[BOXES_MAX + 1];
	jv out = jv_invalid();

	while (!json_ok(out) && begin_due(r)) {
		int next = next_box(r);
		int64_t until = next >= 0 ? starts_at(&boxes[next], r) : r->deadline + LATE;
		bool buffered = in && line_ready(in); /* what is buffered here, poll does not see */

		for (int i = 0; i < nboxes; i++) {
			p[i] = (struct pollfd){boxes[i].waiting ? boxes[i].driver.in.fd : -1, POLLIN, 0};
			buffered = buffered || (boxes[i].waiting && line_ready(&boxes[i].driver.in));
		}
		p[nboxes] = (struct pollfd){in ? in->fd : -1, POLLIN, 0};
		proc_poll(p, (unsigned)nboxes + 1, buffered ? 0 : until);
		if (in && inbox_interrupted(in)) {
			err_set(e, INBOX_CANCELLED, "the wait was cancelled");
			return out;
		}
		for (int i = 0; i < nboxes && !json_ok(out); i++)
			if (boxes[i].waiting && (p[i].revents || line_ready(&boxes[i].driver.in)))
				out = take_line(&boxes[i], i, r);
		if (!json_ok(out) && clock_mono() >= r->deadline + LATE) {
			err_set(e, EX_TEMPFAIL, "no code came in time");
			return out;
		}
	}
	if (!json_ok(out))
		no_code(e);
	return out;
}

static jv otp_wait(jv mark, jv rules, int64_t deadline, struct line_in *in, struct err *e)
{
	struct round r = {.mark = mark, .rules = rules, .began = clock_mono(), .deadline = deadline};
	jv marks = json_get(mark, "marks"), out;
	bool fits = (int)json_len(marks) == nboxes && *json_str(mark, "since", "");

	jv_free(marks);
	if (!fits) {
		err_set(e, EX_CONFIG, "wait: not a mark of these inboxes");
		return jv_invalid();
	}
	for (int i = 0; i < nboxes; i++)
		boxes[i].tried = left_out(&boxes[i], rules);
	out = wait_round(&r, in, e);
	cancel_waits();
	return out;
}

static void stop_all(void)
{
	for (int i = 0; i < nboxes; i++)
		box_stop(&boxes[i]);
}

/* Setting up */

/* Arguments can be read by every user of the machine. */
static void note_url(const char *url)
{
	if (nurls == BOXES_MAX)
		opt_usage("more than %d inboxes", BOXES_MAX);
	if (str_starts(url, "otpauth:") || (str_starts(url, "totp:") && url[5]))
		opt_usage("--url: a secret is no argument; put it into an inbox's field secret");
	urls[nurls++] = url;
}

static void add_session_box(jv settings, jv rules)
{
	const char *url = json_str(settings, "url", "");

	if (str_starts(url, "exec:") && !consent_program(rules, url + 5))
		die(EX_NOPERM, "%s: consent.programs does not list %s; add it with ab-vault edit %s", session, url + 5, session);
	box_add(json_set_str(jv_copy(settings), "session", session));
}

static jv part(enum part which)
{
	struct err e;
	jv v = part_read(session, which, &e);

	if (!json_ok(v))
		die_err(&e);
	return v;
}

static void load_session(void)
{
	jv rules = part(PART_RULES), secrets = part(PART_SECRETS), inbox = json_get(secrets, "inbox");
	jv username = json_path(secrets, "credentials.username");
	struct err e;

	if (consent_check(rules, CONSENT_WATCH, clock_wall(), &e) == CONSENT_NO)
		die_err(&e);
	if (json_is(inbox, JV_KIND_OBJECT))
		add_session_box(inbox, rules);
	else
		for (struct json_iter it = json_iter(inbox); json_next(&it);)
			add_session_box(it.value, rules);
	if (!nboxes)
		die(EX_CONFIG, "%s has no inbox; add one with ab-vault edit %s", session, session);
	if (strchr(json_string(username, ""), '@'))
		account = xstrdup(json_string(username, ""));
	jv_free(username);
	jv_free(inbox);
	jv_free(secrets);
	jv_free(rules);
}

static void add_setting(jv settings)
{
	box_add(jv_copy(settings));
}

/* The inbox of a session that is not in a vault: FILE holds what would stand below `inbox:`, so that no secret is an argument. */
static void add_file(void)
{
	bool piped = strcmp(file, "-") == 0;
	struct yaml y = {.value = jv_invalid()};
	struct str text = {0};
	struct err e;
	jv whole, inbox;

	if ((piped ? fs_read_fd(STDIN_FILENO, "standard input", FILE_MAX, &text, &e) : fs_read(file, FILE_MAX, &text, &e)) ||
	    yaml_parse(&y, str_text(&text), text.len, piped ? "standard input" : file, &e))
		die_err(&e);
	explicit_bzero(text.s, text.len);
	str_free(&text);
	whole = session_check(json_obj("provider", jv_string("none"), "timezone", jv_string("UTC"), "inbox", jv_copy(y.value), NULL), NULL, NULL, &e);
	if (!json_ok(whole)) {
		err_wrap(&e, "%s", piped ? "standard input" : file);
		die_err(&e);
	}
	inbox = json_get(whole, "inbox");
	if (json_is(inbox, JV_KIND_OBJECT))
		add_setting(inbox);
	else
		for (struct json_iter it = json_iter(inbox); json_next(&it);)
			add_setting(it.value);
	jv_free(inbox);
	jv_free(whole);
	yaml_done(&y);
}

static jv rules_by_hand(void)
{
	const char *const pairs[][2] = {{"from", from}, {"to", to}, {"subject", subject}, {"pattern", pattern}, {"settle", settle}};
	jv rules = jv_object();

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i][1])
			rules = json_set_str(rules, pairs[i][0], pairs[i][1]);
	return rules;
}

static int64_t time_by_hand(const char *standard)
{
	int64_t ms;

	if (duration_parse(timeout ? timeout : standard, &ms))
		opt_usage("'%s' is no duration (90s, 2m)", timeout);
	return ms;
}

static jv mark_by_hand(void)
{
	struct err e = {0};
	jv mark = otp_mark(&e);

	if (!json_ok(mark))
		die_err(&e);
	return mark;
}

static void print_code(jv answer)
{
	if (printf("%s\n", json_str(answer, "code", "")) < 0 || fflush(stdout))
		die(EX_IOERR, "write standard output:");
	jv_free(answer);
}

/* By hand: one mark, one code. */
static int one_code(void)
{
	int64_t ms = time_by_hand("2m");
	jv rules = rules_by_hand(), mark = mark_by_hand(), answer;
	struct err e = {0};

	warn("ready: waiting up to %s for a code that is sent from now on", timeout ? timeout : "2m");
	answer = otp_wait(mark, rules, clock_mono() + ms, NULL, &e);
	if (!json_ok(answer))
		die_err(&e);
	print_code(answer);
	jv_free(mark);
	jv_free(rules);
	return 0;
}

/* Every code that is sent from now on. One mark serves for many: what was printed is skipped, so nothing falls between. */
static int all_codes(void)
{
	int64_t end = timeout ? clock_mono() + time_by_hand("0s") : -1, left = WATCH_ROUND;
	jv rules = rules_by_hand(), mark = mark_by_hand();
	int codes = 0;

	warn("ready: printing the codes that are sent from now on");
	for (; end < 0 || (left = end - clock_mono()) > 0;) {
		struct err e = {0};
		jv answer = otp_wait(mark, rules, clock_mono() + (left < WATCH_ROUND ? left : WATCH_ROUND), NULL, &e);

		if (json_ok(answer)) {
			print_code(answer);
			if (++codes % (SKIP_MAX / 2) == 0) {
				jv_free(mark);
				mark = mark_by_hand();
			}
			continue;
		}
		if (e.status == EX_CONFIG || e.status == EX_NOPERM)
			die_err(&e);
		if (e.status != EX_TEMPFAIL)
			proc_poll(NULL, 0, clock_mono() + WATCH_PAUSE);
	}
	jv_free(mark);
	jv_free(rules);
	return codes ? 0 : EX_TEMPFAIL;
}

/* Trying out */

/* Subjects come from strangers, and terminals obey what they are sent. */
static void print_plain(const char *head, const char *text)
{
	fputs(head, stdout);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		putchar(*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) ? '?' : *p);
}

static void print_last(jv answer)
{
	jv mail = json_get(answer, "mail"), code = json_get(mail, "code");
	bool none = json_is(mail, JV_KIND_NULL);

	if (!json_has(answer, "mail")) {
		jv_free(code);
		jv_free(mail);
		return;
	}
	printf("  looked at %d mails, %d fit\n", (int)json_int(answer, "looked", 0), (int)json_int(answer, "fitted", 0));
	if (!none) {
		print_plain("  the last that fits: ", json_str(mail, "date", "no date"));
		print_plain(", from ", json_str(mail, "from", ""));
		print_plain(", \"", json_str(mail, "subject", ""));
		puts("\"");
		if (json_is(code, JV_KIND_STRING))
			print_plain("  its code: ", json_string(code, ""));
		else
			fputs(json_is(code, JV_KIND_TRUE) ? "  it holds a code (--reveal shows it)" : json_bool(mail, "picture", false) ?
			      "  no code in it, but a picture" : "  no code in it; --pattern tells what one looks like", stdout);
		putchar('\n');
	}
	jv_free(code);
	jv_free(mail);
}

static bool test_step(jv line)
{
	jv event = json_get(line, "event"), text = json_path(event, "data.text");
	bool step = json_is(event, JV_KIND_OBJECT);

	if (step && json_is(text, JV_KIND_STRING)) {
		print_plain("  ok: ", json_string(text, ""));
		putchar('\n');
	}
	jv_free(text);
	jv_free(event);
	return step;
}

/* True when it works; else the box has its trouble. */
static bool test_box(struct box *b, jv rules)
{
	int64_t deadline = clock_mono() + TEST_PATIENCE;
	jv line = jv_invalid(), own = default_rule(jv_copy(rules), "to", json_str(b->settings, "to", account));
	bool ok = false;

	if (!box_start(b)) {
		jv_free(own);
		return false;
	}
	puts("  ok: there is a driver, and it takes the settings");
	if (driver_send(&b->driver, json_obj("do", jv_string("test"), "rules", own, "reveal", reveal ? jv_true() : jv_false(), NULL), &b->trouble) == 0)
		do {
			jv_free(line);
			fflush(stdout);
			line = driver_recv(&b->driver, deadline, &b->trouble);
		} while (json_ok(line) && test_step(line));
	if (json_ok(line) && box_accept(b, jv_copy(line))) {
		print_last(line);
		ok = true;
	}
	jv_free(line);
	return ok;
}

static int test_all(void)
{
	jv rules = rules_by_hand();
	int status = 0;

	for (int i = 0; i < nboxes; i++) {
		struct box *b = &boxes[i];

		printf("inbox %d, %s:\n", i + 1, b->scheme);
		if (!test_box(b, rules)) {
			print_plain("  FAILED: ", b->trouble.text);
			putchar('\n');
			status = status ? status : b->trouble.status;
		}
		box_stop(b);
	}
	jv_free(rules);
	if (fflush(stdout) || ferror(stdout))
		die(EX_IOERR, "write standard output:");
	return status;
}

int main(int argc, char **argv)
{
	static const struct opt opts[] = {
		{'u', "url", "URL", "an inbox, in place of a session's; can be repeated", NULL, NULL, note_url},
		{'i', "inbox", "FILE", "a session's 'inbox:' out of a file (-: standard input), in place of a session", &file, NULL, NULL},
		{'f', "from", "GLOB", "only mail from this address", &from, NULL, NULL},
		{0, "to", "ADDRESS", "only mail to this address", &to, NULL, NULL},
		{'s', "subject", "GLOB", "only mail with this subject", &subject, NULL, NULL},
		{'p', "pattern", "REGEX", "what the code looks like: a POSIX extended expression", &pattern, NULL, NULL},
		{'t', "timeout", "TIME", "how long to wait (2m; --watch: for ever)", &timeout, NULL, NULL},
		{0, "settle", "TIME", "how long a later mail still wins (500ms)", &settle, NULL, NULL},
		{'c', "coprocess", NULL, "serve mark and wait requests on stdin, for a program", NULL, &coprocess, NULL},
		{0, "events", NULL, "with --coprocess: write {\"event\": …} lines before answers", NULL, &say_events, NULL},
		{'w', "watch", NULL, "print every code that is sent from now on, one a line", NULL, &watching, NULL},
		{0, "test", NULL, "try the inboxes out, and tell what the last mail was that fits", NULL, &testing, NULL},
		{0, "reveal", NULL, "with --test: show its code, too", NULL, &reveal, NULL},
		{0},
	};
	static const struct opt_spec spec = {
		.program = "ab-otp", .synopsis = "[options] SESSION | --url URL | --inbox FILE", .opts = opts,
		.about = "Waits for the one-time code that is sent from now on, and prints it.", .max = 1,
	};
	static const struct inbox_ops ops = {.mark = otp_mark, .wait = otp_wait};
	struct err e;
	int i, r;

	sandbox_private();
	i = opt_parse(argc, argv, &spec);
	session = argv[i];
	if (!session == !(nurls || file))
		opt_usage("name a session, or an inbox with --url or --inbox");
	if (coprocess + watching + testing > 1 || (reveal && !testing) || (coprocess && file && strcmp(file, "-") == 0))
		opt_usage("--coprocess, --watch and --test are three things; --reveal goes with --test, and --coprocess with no pipe to --inbox");
	if (session && keys_need(argv, session, PART_BIT(PART_SECRETS) | PART_BIT(PART_RULES), &e))
		die_err(&e);
	if (launch_init(&e) || sandbox_no_network(&e))
		die_err(&e);
	skip = jv_array();
	if (session)
		load_session();
	for (int n = 0; n < nurls; n++)
		box_add(json_obj("url", jv_string(urls[n]), NULL));
	if (file)
		add_file();
	if (!nboxes)
		die(EX_CONFIG, watching ? "no inbox to watch: a person is not asked for every code" : "no inbox is set up");
	keys_keep(0);
	r = coprocess ? (inbox_serve(&ops) ? EX_IOERR : 0) : watching ? all_codes() : testing ? test_all() : one_code();
	stop_all();
	return r;
}

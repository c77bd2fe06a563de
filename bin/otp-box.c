#include "bin/otp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "ext/seal.h"
#include "store/keys.h"
#include "store/vault.h"
#include "wire/ask.h"

#define OPEN_PATIENCE 20000  /* ms for a driver to open and to mark */
#define CANCEL_PATIENCE 1500 /* … to end a wait */
#define LATE 2000            /* … over the deadline that a driver may take to say so */
#define ASK_AFTER 20000      /* … for the mail before the person is asked */
#define REPEATS_MAX 20       /* used codes from one inbox in one wait */
#define CLAIMS_MAX (1u << 20)        /* bytes of the claims file at most */
#define CLAIMS_KEEP (30 * 86400LL)   /* seconds that a claim is remembered when the file is made smaller */

bool coprocess, say_events;
struct box boxes[BOXES_MAX];
int nboxes;
char *account;
static jv skip; /* ids of mails that this process has used or passed over */

/* Inboxes */

void box_stop(struct box *b)
{
	if (b->running)
		driver_stop(&b->driver, 500);
	b->running = b->waiting = false;
}

bool box_accept(struct box *b, jv answer)
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

bool box_start(struct box *b)
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

void box_add(jv settings)
{
	const char *url = json_str(settings, "url", ""), *after = json_str(settings, "after", NULL);
	struct box *b = &boxes[nboxes];

	if (!nboxes)
		skip = jv_array();
	if (nboxes == BOXES_MAX)
		die(EX_CONFIG, "more than %d inboxes", BOXES_MAX);
	if (!strchr(url, ':'))
		die(EX_CONFIG, "inbox url '%s': begin it with a scheme (maildir:, exec:, human:)", url);
	*b = (struct box){.scheme = xstrndup(url, strcspn(url, ":")), .settings = settings, .driver = DRIVER_NONE};
	b->after = is_person(b) ? ASK_AFTER : 0;
	if (after && duration_parse(after, &b->after))
		die(EX_CONFIG, "inbox %s: after '%s' is no duration (20s)", b->scheme, after);
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

jv otp_mark(struct err *e)
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
	struct ask *asked; /* the person is asked what a mail's picture shows; NULL: no */
	jv picture;        /* the mail that it is in */
};

jv default_rule(jv rules, const char *key, const char *value)
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

static struct ask *posed; /* a driver's question, on our terminal */

static void hide(void)
{
	ask_close(posed);
	posed = NULL;
}

/* By hand: the person is asked here, too. OWNER is the session or NULL. */
static void show(const char *owner, jv data)
{
	const char *id = json_str(data, "ask", "");

	hide();
	posed = ask_show(owner, id);
	if (!posed)
		warn("asked the person; answer with: ab-answer %s", id);
}

static void relay(const char *owner, jv event)
{
	const char *type = json_str(event, "type", "");
	jv data = json_get(event, "data");

	if (say_events)
		inbox_tell(type, jv_copy(data));
	else if (!coprocess && strcmp(type, "human.required") == 0)
		show(owner, data);
	else if (!coprocess && strcmp(type, "human.answered") == 0)
		hide();
	jv_free(data);
}

static const char *owner_of(const struct box *b)
{
	return json_str(b->settings, "session", NULL);
}

/* Ends the waits that still go on, of all boxes or of those that are PERSONS. A driver that does not listen is ended itself:
 * its mark is data, so the next wait loses nothing. */
static void cancel_waits(bool persons)
{
	for (int i = 0; i < nboxes; i++)
		if (boxes[i].waiting && (!persons || is_person(&boxes[i])) &&
		    driver_send(&boxes[i].driver, json_obj("do", jv_string("cancel"), NULL), NULL))
			box_stop(&boxes[i]);
	for (int i = 0; i < nboxes; i++) {
		struct box *b = &boxes[i];
		int64_t until = clock_mono() + CANCEL_PATIENCE;

		if (persons && !is_person(b))
			continue;
		for (int answers = 0; b->waiting && answers < 2;) {
			jv v = driver_recv(&b->driver, until, NULL), event = json_get(v, "event");

			if (json_is(event, JV_KIND_OBJECT))
				relay(owner_of(b), event); /* a question that is taken back */
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

/* A picture in place of the code */

static void ask_end(struct round *r)
{
	if (!r->asked)
		return;
	if (say_events)
		inbox_tell("human.answered", ask_outcome_data(r->asked));
	ask_close(r->asked);
	r->asked = NULL;
}

/* Seals PICTURE as evidence; its name, or NULL: there is no session whose key we have. The caller frees. */
static char *keep_picture(const char *owner, jv picture)
{
	const char *type = json_str(picture, "type", ""), *base64 = json_str(picture, "data", "");
	char now[CLOCK_TEXT], *name = NULL;
	unsigned char *data;
	size_t len = 0;
	struct err e;

	if (!owner || !keys_have(owner, PART_EVIDENCE) || !str_starts(type, "image/") || !name_valid(type + 6))
		return NULL;
	data = seal_unbase64(base64, strlen(base64), &len);
	if (!data)
		return NULL;
	clock_format(clock_wall(), now);
	name = xasprintf("%.10s-%.2s%.2s%.2s-ab-otp-code.%s", now, now + 11, now + 14, now + 17, type + 6);
	if (evidence_put(owner, name, data, len, &e)) {
		warn("%s", e.text);
		free(name);
		name = NULL;
	}
	explicit_bzero(data, len);
	free(data);
	return name;
}

/* The mail is claimed; the person is asked what its picture shows, in place of what they may have been asked before. */
static void ask_what_it_shows(struct box *b, struct round *r, jv picture, jv mail)
{
	const char *owner = owner_of(b);
	char *name = keep_picture(owner, picture), *question;
	struct err e;

	question = xasprintf("The one-time code%s%s is a picture in the mail '%.200s' from %.200s: what does it show?", owner ? " for " : "",
			     owner ? owner : "", json_str(mail, "subject", ""), json_str(mail, "from", ""));
	cancel_waits(true);
	for (int i = 0; i < nboxes; i++)
		boxes[i].tried = boxes[i].tried || is_person(&boxes[i]);
	ask_end(r);
	r->asked = ask_open(owner, "otp", question, name, clock_wall() + r->deadline - clock_mono(), true, &e);
	if (r->asked) {
		if (say_events)
			inbox_tell("human.required", ask_event_data(r->asked));
		else if (!coprocess)
			warn("asked the person; answer with: ab-answer %s", ask_id(r->asked));
		jv_free(r->picture);
		r->picture = json_del(jv_copy(mail), "id");
	} else {
		warn("%s", e.text);
	}
	free(question);
	free(name);
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

static jv found(const struct round *r, jv code, const char *channel, jv mail)
{
	return json_obj("ok", jv_true(), "code", code, "channel", jv_string(channel), "waited_ms", jv_number((double)(clock_mono() - r->began)),
			"mail", mail, NULL);
}

/* The person's answer to the picture; invalid while there is none. */
static jv take_seen(struct round *r)
{
	enum ask_got got = r->asked ? ask_poll(r->asked) : ASK_WAIT;
	jv out = jv_invalid();

	if (got == ASK_WAIT)
		return out;
	if (got == ASK_ANSWER && code_valid(ask_answer(r->asked), strlen(ask_answer(r->asked))))
		out = found(r, jv_string(ask_answer(r->asked)), "picture", jv_copy(r->picture));
	ask_end(r);
	return out;
}

/* The final answer out of a driver's, or invalid: no good, and the wait goes on or the box has trouble. */
static jv take_code(struct box *b, int index, struct round *r, jv answer)
{
	jv mail = json_get(answer, "mail"), passed = json_get(answer, "passed"), code = json_get(answer, "code");
	jv picture = json_get(answer, "picture");
	bool shown = json_is(picture, JV_KIND_OBJECT);
	const char *id = json_str(mail, "id", ""), *text = shown ? "picture" : json_string(code, "");
	jv out = jv_invalid();
	int mine = 1;

	b->waiting = false;
	if (!shown && !code_valid(text, json_len(code)))
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
		if (shown) {
			ask_what_it_shows(b, r, picture, mail);
			wait_send(b, index, r); /* a mail that can be read may follow */
		} else {
			out = found(r, jv_copy(code), b->scheme, json_del(jv_copy(mail), "id"));
		}
	}
	jv_free(picture);
	jv_free(mail);
	jv_free(passed);
	jv_free(code);
	return out;
}

static jv take_line(struct box *b, int index, struct round *r)
{
	jv v = driver_recv(&b->driver, clock_mono() + LATE, &b->trouble), event = json_get(v, "event"), out = jv_invalid();

	if (!json_ok(v)) {
		err_wrap(&b->trouble, "%s", b->scheme);
		tell_trouble(b);
		box_stop(b);
	} else if (json_is(event, JV_KIND_OBJECT)) {
		relay(owner_of(b), event);
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

static bool any_waiting(const struct round *r)
{
	if (r->asked)
		return true;
	for (int i = 0; i < nboxes; i++)
		if (boxes[i].waiting)
			return true;
	return false;
}

/* Begins the waits whose time has come, or the next one when nobody else is left. False: nobody is. */
static bool begin_due(const struct round *r)
{
	for (int i; (i = next_box(r)) >= 0 && (clock_mono() >= starts_at(&boxes[i], r) || !any_waiting(r));) {
		wait_start(&boxes[i], i, r);
		if (!boxes[i].waiting)
			tell_trouble(&boxes[i]);
	}
	return any_waiting(r);
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
	struct pollfd p[BOXES_MAX + 3];
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
		p[nboxes + 1] = (struct pollfd){r->asked ? ask_fd(r->asked) : -1, POLLIN, 0};
		p[nboxes + 2] = (struct pollfd){posed ? ask_fd(posed) : -1, POLLIN, 0};
		proc_poll(p, (unsigned)nboxes + 3, buffered ? 0 : until);
		if (in && inbox_interrupted(in)) {
			err_set(e, INBOX_CANCELLED, "the wait was cancelled");
			return out;
		}
		for (int i = 0; i < nboxes && !json_ok(out); i++)
			if (boxes[i].waiting && (p[i].revents || line_ready(&boxes[i].driver.in)))
				out = take_line(&boxes[i], i, r);
		if (!json_ok(out))
			out = take_seen(r);
		if (posed && ask_shown(posed))
			hide();
		if (!json_ok(out) && clock_mono() >= r->deadline + LATE) {
			err_set(e, EX_TEMPFAIL, "no code came in time");
			return out;
		}
	}
	if (!json_ok(out))
		no_code(e);
	return out;
}

jv otp_wait(jv mark, jv rules, int64_t deadline, struct line_in *in, struct err *e)
{
	struct round r = {.mark = mark, .rules = rules, .began = clock_mono(), .deadline = deadline, .picture = jv_null()};
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
	ask_end(&r);
	jv_free(r.picture);
	cancel_waits(false);
	hide();
	return out;
}

void boxes_stop(void)
{
	for (int i = 0; i < nboxes; i++)
		box_stop(&boxes[i]);
}

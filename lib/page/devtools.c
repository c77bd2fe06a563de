#include "page/devtools.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/str.h"

#define MESSAGE_MAX (48u << 20) /* a document of 4 MiB whose every character is escaped, and some */

struct devtools {
	int to, from;
	struct devtools_hooks hooks;
	struct http_aside aside;
	int64_t aside_next;
	struct str in, out;
	size_t seen;       /* of `in` was searched for a NUL */
	bool skipping;     /* until the NUL of a message that is too long */
	bool gone, overlong;
	char *lost;
	long last, wanted; /* ids */
	const char *wanted_session;
	bool answered;
	jv answer;
	jv asked;          /* id: tag */
};

struct devtools *devtools_new(int to, int from, const struct devtools_hooks *hooks, const struct http_aside *aside)
{
	struct devtools *d = xcalloc(1, sizeof *d);

	d->to = to;
	d->from = from;
	d->hooks = *hooks;
	d->aside = aside ? *aside : (struct http_aside){.fd = -1};
	d->aside_next = -1;
	d->answer = jv_null();
	d->asked = jv_object();
	str_init(&d->in, MESSAGE_MAX + (1u << 20));
	return d;
}

void devtools_free(struct devtools *d)
{
	if (!d)
		return;
	str_free(&d->in);
	str_free(&d->out);
	jv_free(d->answer);
	jv_free(d->asked);
	free(d->lost);
	free(d);
}

bool devtools_gone(const struct devtools *d)
{
	return d->gone;
}

void devtools_lose(struct devtools *d, const char *why)
{
	free(d->lost);
	d->lost = xstrdup(why);
}

void devtools_mend(struct devtools *d)
{
	free(d->lost);
	d->lost = NULL;
}

void devtools_abandon(struct devtools *d, const char *session)
{
	if (!d->wanted || !d->wanted_session || strcmp(d->wanted_session, session) != 0)
		return;
	jv_free(d->answer);
	d->answer = json_obj("result", jv_object(), NULL);
	d->answered = true;
	d->wanted = 0;
}

const char *devtools_lost(const struct devtools *d)
{
	return d->lost;
}

/* ---- in ---- */

static int hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int c = s[i] >= '0' && s[i] <= '9' ? s[i] - '0' : (s[i] | 32) >= 'a' && (s[i] | 32) <= 'f' ? (s[i] | 32) - 'a' + 10 : -1;

		if (c < 0)
			return -1;
		v = v * 16 + c;
	}
	return v;
}

/* Escaped lone surrogates, and NULs, as U+FFFD, in place. */
static void scrub(char *s)
{
	while ((s = strchr(s, '\\'))) {
		int v = s[1] == 'u' ? hex4(s + 2) : -1, low;

		if (!s[1])
			return;
		if (v >= 0xd800 && v < 0xdc00 && s[6] == '\\' && s[7] == 'u' && (low = hex4(s + 8)) >= 0xdc00 && low < 0xe000) {
			s += 12;
			continue;
		}
		if (v == 0 || (v >= 0xd800 && v < 0xe000))
			memcpy(s + 2, "fffd", 4);
		s += v >= 0 ? 6 : 2;
	}
}

static bool is_asked(const struct devtools *d, long id)
{
	char key[24];

	snprintf(key, sizeof key, "%ld", id);
	return json_has(d->asked, key);
}

static void take_answer(struct devtools *d, jv message, long id)
{
	char key[24];

	snprintf(key, sizeof key, "%ld", id);
	if (id == d->wanted) {
		jv_free(d->answer);
		d->answer = jv_copy(message);
		d->answered = true;
	} else if (json_has(d->asked, key)) {
		jv tag = json_get(d->asked, key), result = json_get(message, "result");

		d->asked = json_del(d->asked, key);
		d->hooks.reply(d->hooks.ctx, tag, result);
		jv_free(tag);
		jv_free(result);
	}
}

/* Chromium begins its messages with the id or the method, so that these tell apart, unread, what nobody wants: a quarter of a page's
 * traffic. Whatever begins otherwise is wanted. */
static bool is_wanted(const struct devtools *d, const char *text)
{
	static const char event[] = "{\"method\":\"", answer[] = "{\"id\":";
	char name[64];
	size_t n;

	if (str_starts(text, event)) {
		text += sizeof event - 1;
		n = strcspn(text, "\"\\");
		if (text[n] != '"' || n >= sizeof name)
			return true;
		memcpy(name, text, n);
		name[n] = '\0';
		return d->hooks.wanted(name);
	}
	if (str_starts(text, answer)) {
		long id = strtol(text + sizeof answer - 1, NULL, 10);

		return id == d->wanted || is_asked(d, id);
	}
	return true;
}

static void take_message(struct devtools *d, char *text)
{
	struct err e;
	jv message, params;
	long id;

	if (!is_wanted(d, text))
		return;
	scrub(text);
	message = json_parse(text, strlen(text), &e);
	id = (long)json_int(message, "id", 0);
	if (id) {
		take_answer(d, message, id);
	} else if (json_has(message, "method")) {
		params = json_get(message, "params");
		d->hooks.event(d->hooks.ctx, json_str(message, "sessionId", ""), json_str(message, "method", ""), params);
		jv_free(params);
	}
	jv_free(message);
}

/* The whole messages in the buffer. */
static void take_all(struct devtools *d)
{
	size_t from = 0;
	char *nul;

	while (d->seen < d->in.len && (nul = memchr(d->in.s + d->seen, '\0', d->in.len - d->seen))) {
		d->seen = (size_t)(nul - d->in.s) + 1;
		if (!d->skipping)
			take_message(d, d->in.s + from);
		d->skipping = false;
		from = d->seen;
	}
	if (d->in.len - from > MESSAGE_MAX || (d->skipping && d->in.len > from)) {
		d->overlong = d->skipping = true;
		from = d->in.len;
	}
	if (from) {
		memmove(d->in.s, d->in.s + from, d->in.len - from);
		d->in.len -= from;
		explicit_bzero(d->in.s + d->in.len, from); /* cookies, maybe, and the next may be long in coming */
	}
	d->seen = d->in.len;
}

static void read_some(struct devtools *d)
{
	char block[1 << 16];

	for (int i = 0; i < 64; i++) { /* and then somebody else's turn */
		ssize_t n = read(d->from, block, sizeof block);

		if (n > 0) {
			str_add(&d->in, block, (size_t)n);
			explicit_bzero(block, (size_t)n);
			if (memchr(d->in.s + d->seen, '\0', d->in.len - d->seen) || d->in.len > MESSAGE_MAX || d->skipping)
				take_all(d);
			else
				d->seen = d->in.len;
			if ((size_t)n < sizeof block)
				return; /* there is no more, or poll(2) will say so */
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		d->gone |= n == 0 || errno != EAGAIN;
		return;
	}
}

/* ---- out ---- */

static void write_some(struct devtools *d)
{
	while (d->out.len && !d->gone) {
		ssize_t n = write(d->to, d->out.s, d->out.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			d->gone |= errno != EAGAIN;
			return;
		}
		memmove(d->out.s, d->out.s + n, d->out.len - (size_t)n);
		d->out.len -= (size_t)n;
		explicit_bzero(d->out.s + d->out.len, (size_t)n); /* what was typed */
	}
}

/* The envelope needs no escapes: METHOD is ours, SESSION the browser's, of letters and digits. */
static long queue(struct devtools *d, const char *session, const char *method, jv params)
{
	str_addf(&d->out, "{\"id\":%ld,\"method\":\"%s\",", ++d->last, method);
	if (session)
		str_addf(&d->out, "\"sessionId\":\"%s\",", session);
	str_puts(&d->out, "\"params\":");
	json_add_text(&d->out, params);
	str_add(&d->out, "}", 2); /* with its NUL */
	jv_free(params);
	return d->last;
}

static long send_now(struct devtools *d, const char *session, const char *method, jv params)
{
	long id = queue(d, session, method, params);

	write_some(d);
	return id;
}

void devtools_queue(struct devtools *d, const char *session, const char *method, jv params)
{
	queue(d, session, method, params);
}

void devtools_send(struct devtools *d, const char *session, const char *method, jv params)
{
	send_now(d, session, method, params);
}

void devtools_ask(struct devtools *d, const char *session, const char *method, jv params, jv tag)
{
	char key[24];

	snprintf(key, sizeof key, "%ld", send_now(d, session, method, params));
	d->asked = json_set(d->asked, key, tag);
}

bool devtools_pump(struct devtools *d, int64_t deadline)
{
	struct pollfd p[3] = {{d->from, POLLIN, 0}, {d->out.len ? d->to : -1, POLLOUT, 0}, {deadline ? d->aside.fd : -1, POLLIN, 0}};
	/* just looking, nobody else is looked after: who calls again while there is something would not end */
	int64_t until = deadline ? clock_earlier(deadline, d->aside.fd >= 0 ? d->aside_next : -1) : 0;
	int n;

	if (d->gone)
		return false;
	n = proc_poll(p, 3, until);
	if (d->aside.fd >= 0 && deadline && (p[2].revents || (d->aside_next >= 0 && clock_mono() >= d->aside_next)))
		d->aside_next = d->aside.tick(d->aside.ctx);
	if (p[1].revents)
		write_some(d);
	if (p[0].revents)
		read_some(d);
	return n > 0 || (deadline && (deadline < 0 || clock_mono() < deadline));
}

jv devtools_call(struct devtools *d, const char *session, const char *method, jv params, int64_t deadline, struct fail *why)
{
	jv result, error;

	d->overlong = d->answered = false;
	d->wanted_session = session;
	d->wanted = send_now(d, session, method, params);
	while (!d->answered) {
		bool more = devtools_pump(d, deadline);

		if (d->answered)
			break;
		if (d->gone)
			fail_set(why, "unreachable", "the browser has ended");
		else if (session && d->lost)
			fail_set(why, "unreachable", "%s", d->lost);
		else if (d->overlong)
			fail_set(why, "limit", "the browser's answer is longer than %u MiB", MESSAGE_MAX >> 20);
		else if (!more)
			fail_set(why, "timeout", "%s: not done in time", method);
		else
			continue;
		d->wanted = 0;
		return jv_invalid();
	}
	d->wanted = 0;
	result = json_get(d->answer, "result");
	error = json_get(d->answer, "error");
	if (json_is(error, JV_KIND_OBJECT)) {
		fail_set(why, "browser", "%s: %.200s", method, json_str(error, "message", "?"));
		jv_free(result);
		result = jv_invalid();
	}
	jv_free(error);
	jv_free(d->answer);
	d->answer = jv_null();
	return result;
}

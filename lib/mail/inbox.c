#include "mail/inbox.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"

#define WAIT_DEFAULT 120000
#define WAIT_MOST 86400000
#define CPU_MAX 2 /* seconds for one mail: patterns and mails come from others */

static int put(jv answer)
{
	char *text = json_text(answer);
	size_t len = strlen(text);
	int r = line_put(STDOUT_FILENO, text, len);

	explicit_bzero(text, len); /* it may hold the code */
	free(text);
	jv_free(answer);
	return r;
}

static jv refusal(const struct err *e)
{
	const char *code = e->status == EX_CONFIG ? "config" : e->status == EX_TEMPFAIL ? "timeout" :
			   e->status == EX_NOPERM ? "refused" : e->status == INBOX_CANCELLED ? "cancelled" : "unreachable";

	return json_obj("ok", jv_false(), "error", json_obj("code", jv_string(code), "message", jv_string(e->text), NULL), NULL);
}

void inbox_tell(const char *type, jv data)
{
	put(json_obj("event", json_obj("type", jv_string(type), "data", data, NULL), NULL));
}

void inbox_step(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	inbox_tell("inbox.step", json_obj("text", jv_string(text), NULL));
	explicit_bzero(text, sizeof text);
}

bool inbox_interrupted(struct line_in *in)
{
	struct pollfd p = {in->fd, POLLIN, 0};

	return line_ready(in) || in->eof || proc_poll(&p, 1, 0) > 0;
}

static jv do_wait(const struct inbox_ops *ops, jv request, struct line_in *in, struct err *e)
{
	int64_t ms = json_int(request, "deadline_ms", json_int(request, "timeout_ms", WAIT_DEFAULT));
	jv mark = json_get(request, "mark"), rules = json_get(request, "rules"), answer = jv_invalid();

	if (json_is(mark, JV_KIND_NULL))
		err_set(e, EX_CONFIG, "wait: no mark; ask for one before the code is triggered");
	else if (ms < 0 || ms > WAIT_MOST)
		err_set(e, EX_CONFIG, "wait: deadline_ms must be 0 to %d", WAIT_MOST);
	else
		answer = ops->wait(mark, rules, clock_mono() + ms, in, e);
	jv_free(mark);
	jv_free(rules);
	return answer;
}

static jv serve_one(const struct inbox_ops *ops, jv request, struct line_in *in)
{
	const char *verb = json_str(request, "do", "");
	struct err e = {.status = EX_UNAVAILABLE};
	jv answer = jv_invalid(), mark;

	if (strcmp(verb, "open") == 0 && ops->open) {
		if (ops->open(request, &e) == 0)
			answer = json_obj("ok", jv_true(), NULL);
	} else if (strcmp(verb, "mark") == 0) {
		mark = ops->mark(&e);
		if (json_ok(mark))
			answer = json_obj("ok", jv_true(), "mark", mark, NULL);
		else
			jv_free(mark);
	} else if (strcmp(verb, "wait") == 0) {
		answer = do_wait(ops, request, in, &e);
	} else if (strcmp(verb, "test") == 0) {
		answer = ops->test ? ops->test(request, &e) : json_obj("ok", jv_true(), NULL);
	} else if (strcmp(verb, "close") == 0 || strcmp(verb, "cancel") == 0) {
		answer = json_obj("ok", jv_true(), NULL); /* what there was to cancel has ended by now */
	} else {
		err_set(&e, EX_CONFIG, "unknown request '%.40s'", verb);
	}
	if (json_ok(answer))
		return answer;
	jv_free(answer);
	return refusal(&e);
}

int inbox_serve(const struct inbox_ops *ops)
{
	struct line_in in;
	bool closed = false;
	int r = 0;

	line_init(&in, STDIN_FILENO, LINE_PAGE_MAX);
	while (r == 0 && !closed) {
		struct err e;
		char *text;
		size_t len;
		enum line_got got = line_next(&in, &text, &len, -1);
		jv request;

		if (got == LINE_EOF || got == LINE_ERROR)
			break;
		request = got == LINE_OK ? json_parse(text, len, &e) : jv_invalid();
		if (got == LINE_LONG)
			err_set(&e, EX_CONFIG, "a request longer than %u bytes", LINE_PAGE_MAX);
		else
			explicit_bzero(text, len); /* it may hold a password */
		e.status = EX_CONFIG;
		closed = strcmp(json_str(request, "do", ""), "close") == 0;
		r = put(json_ok(request) ? serve_one(ops, request, &in) : refusal(&e));
		jv_free(request);
	}
	line_free(&in);
	if (ops->close)
		ops->close();
	return r;
}

void inbox_bound_cpu(void)
{
	struct rusage used;
	struct rlimit limit;

	if (getrusage(RUSAGE_SELF, &used) || getrlimit(RLIMIT_CPU, &limit))
		return;
	limit.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + CPU_MAX + 1);
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_cur < limit.rlim_max)
		setrlimit(RLIMIT_CPU, &limit);
}

/* What a driver uses between mails adds up over days. */
void inbox_unbound_cpu(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_CPU, &limit);
	}
}

char *inbox_path(const char *url, struct err *e)
{
	const char *rest = strchr(url, ':');
	char *path;

	rest = rest ? rest + 1 : "";
	if (str_starts(rest, "//"))
		rest += 2;
	path = xstrdup(rest);
	if (*path && url_unescape(path) == 0)
		return path;
	free(path);
	err_set(e, EX_CONFIG, "inbox url '%.80s': nothing, or a malformed %%XX, after the scheme", url);
	return NULL;
}

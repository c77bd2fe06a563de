#include "wire/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static void random_hex(char *to, int bytes)
{
	unsigned char raw[16];

	random_bytes(raw, (size_t)bytes);
	for (int i = 0; i < bytes; i++)
		snprintf(to + 2 * i, 3, "%02x", raw[i]);
}

static bool trace_valid(const char *t)
{
	return t && strlen(t) == TRACE_TEXT - 1 && str_starts(t, "00-") && t[35] == '-' && t[52] == '-' &&
	       strspn(t + 3, "0123456789abcdef") == 32 && strspn(t + 36, "0123456789abcdef") == 16;
}

void trace_make(const char *parent, char out[TRACE_TEXT])
{
	char trace[33], span[17];

	if (trace_valid(parent))
		snprintf(trace, sizeof trace, "%.32s", parent + 3);
	else
		random_hex(trace, 16);
	random_hex(span, 8);
	snprintf(out, TRACE_TEXT, "00-%s-%s-01", trace, span);
}

jv event_make(const char *type, const char *subject, const char *trace, jv data)
{
	char id[37], now[CLOCK_TEXT], host[65] = "localhost", span[TRACE_TEXT], *source;
	jv event;

	uuid_make(id);
	trace_make(trace, span);
	gethostname(host, sizeof host - 1);
	source = xasprintf("/%s/%s", prog, host);
	event = json_obj("specversion", jv_string("1.0"), "id", jv_string(id), "source", jv_string(source), "type",
			 jv_string(type), "subject", jv_string(subject), "time",
			 jv_string(clock_format(clock_wall(), now)), "traceparent", jv_string(span),
			 "datacontenttype", jv_string("application/json"), "data", data, NULL);
	free(source);
	return event;
}

int event_put(int fd, jv event)
{
	char *text = json_text(event);
	size_t len = strlen(text);
	int r = -1;

	jv_free(event);
	if (len > LINE_EVENT_MAX)
		errno = EMSGSIZE;
	else
		r = line_put(fd, text, len);
	free(text);
	return r;
}

int event_say(int fd, const char *type, const char *subject, const char *trace, jv data)
{
	return event_put(fd, event_make(type, subject, trace, data));
}

jv event_parse(const char *text, size_t len, struct err *e)
{
	jv v = json_parse(text, len, e), data;
	const char *bad = NULL;

	if (!json_ok(v))
		return v;
	data = json_get(v, "data");
	if (!json_is(v, JV_KIND_OBJECT))
		bad = "not an object";
	else if (strcmp(json_str(v, "specversion", ""), "1.0") != 0)
		bad = "specversion is not \"1.0\"";
	else if (!*json_str(v, "id", ""))
		bad = "no id";
	else if (!*json_str(v, "source", ""))
		bad = "no source";
	else if (!*json_str(v, "type", ""))
		bad = "no type";
	else if (json_has(v, "subject") && !name_valid(json_str(v, "subject", "")))
		bad = "subject is no session's name";
	else if (!json_is(data, JV_KIND_OBJECT) && !json_is(data, JV_KIND_NULL))
		bad = "data is not an object";
	jv_free(data);
	if (!bad)
		return v;
	jv_free(v);
	err_set(e, EX_DATAERR, "not an event: %s", bad);
	return jv_invalid();
}

const char *event_type(jv event)
{
	return json_str(event, "type", "");
}

const char *event_subject(jv event)
{
	return json_str(event, "subject", "");
}

const char *event_trace(jv event)
{
	return json_str(event, "traceparent", NULL);
}

jv event_data(jv event)
{
	jv data = json_get(event, "data");

	if (json_is(data, JV_KIND_OBJECT))
		return data;
	jv_free(data);
	return jv_object();
}

enum line_got event_next(struct line_in *in, int out, jv *event, int64_t deadline)
{
	struct err e;
	char *text;
	size_t len;
	enum line_got got = line_next(in, &text, &len, deadline);

	if (got == LINE_LONG)
		warn("line %lu passed over: longer than %zu bytes", in->number, in->max);
	if (got != LINE_OK)
		return got;
	*event = event_parse(text, len, &e);
	if (!json_ok(*event)) {
		warn("line %lu passed over: %s", in->number, e.text);
		return LINE_LONG;
	}
	if (out >= 0 && line_put(out, text, len)) {
		int saved = errno;

		jv_free(*event);
		errno = saved;
		return LINE_ERROR;
	}
	return LINE_OK;
}

int event_each(int fd, int out, event_cb *cb, void *ctx)
{
	struct line_in in;
	int r = 0;

	line_init(&in, fd, LINE_EVENT_MAX);
	while (r == 0) {
		jv event;
		enum line_got got = event_next(&in, out, &event, -1);

		if (got == LINE_EOF)
			break;
		if (got == LINE_ERROR)
			r = -1;
		if (got != LINE_OK)
			continue;
		r = cb(event, ctx);
		jv_free(event);
	}
	line_free(&in);
	return r;
}

/* The file is one JSON object, an event a line: {"constants":{… names and their numbers …},\n"events": [\n{…},\n{…},\n … */
#include "page/netlog.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define LINE_MAX_BYTES (1u << 20)

void netlog_init(struct netlog *n, int fd)
{
	*n = (struct netlog){0};
	line_init(&n->in, fd, LINE_MAX_BYTES);
}

static void forget(struct netlog_request *r)
{
	free(r->method);
	free(r->url);
	*r = (struct netlog_request){0};
}

void netlog_free(struct netlog *n)
{
	for (size_t i = 0; i < NETLOG_KEPT; i++)
		forget(&n->kept[i]);
	if (n->in.fd >= 0)
		close(n->in.fd);
	line_free(&n->in);
	n->in.fd = -1;
}

/* The number after the first KEY of LINE; 0: there is none. */
static long number_after(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtol(at + strlen(key), NULL, 10) : 0;
}

static struct netlog_request *find(struct netlog *n, long long id)
{
	for (size_t i = 0; i < NETLOG_KEPT; i++)
		if (n->kept[i].method && n->kept[i].id == id)
			return &n->kept[i];
	return NULL;
}

/* A request starts; one that is redirected does so again. */
static void keep(struct netlog *n, long long id, jv params)
{
	struct netlog_request *r = find(n, id);

	if (!json_has(params, "url")) /* the event's end */
		return;
	if (!r)
		r = &n->kept[n->next++ % NETLOG_KEPT];
	forget(r);
	*r = (struct netlog_request){id, xstrdup(json_str(params, "method", "GET")), xstrdup(json_str(params, "url", ""))};
}

/* Most events are neither, and are not parsed: their number stands last on the line. */
static long type_of(const char *line, size_t len)
{
	const char *end = line + len, *at;

	while (end > line && (end[-1] == ',' || end[-1] == '}' || end[-1] == ']'))
		end--;
	for (at = end; at > line && at[-1] >= '0' && at[-1] <= '9';)
		at--;
	return at - line > 7 && at < end && strncmp(at - 7, "\"type\":", 7) == 0 ? strtol(at, NULL, 10) : 0;
}

static void take_line(struct netlog *n, char *line, size_t len, void (*told)(void *ctx, const char *method, const char *url), void *ctx)
{
	long type = type_of(line, len);
	struct netlog_request *r;
	jv event, id, params;

	if (!n->again) {
		n->again = number_after(line, "\"HTTP_TRANSACTION_RESTART_AFTER_ERROR\":");
		n->started = number_after(line, "\"URL_REQUEST_START_JOB\":");
		return;
	}
	if (!type || (type != n->started && type != n->again))
		return;
	while (len && line[len - 1] != '}')
		len--;
	event = json_parse_foreign(line, len, NULL);
	id = json_path(event, "source.id");
	params = json_get(event, "params");
	if (json_is(id, JV_KIND_NUMBER) && type == n->started)
		keep(n, (long long)jv_number_value(id), params);
	else if (json_is(id, JV_KIND_NUMBER) && (r = find(n, (long long)jv_number_value(id))))
		told(ctx, r->method, r->url);
	jv_free(params);
	jv_free(id);
	jv_free(event);
}

bool netlog_read(struct netlog *n, void (*told)(void *ctx, const char *method, const char *url), void *ctx)
{
	for (;;) {
		char *text;
		size_t len;

		switch (line_next(&n->in, &text, &len, 0)) {
		case LINE_OK:
			take_line(n, text, len, told, ctx);
			break;
		case LINE_LONG:
			break;
		case LINE_AGAIN:
			return true;
		default:
			return false;
		}
	}
}

#include "page/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "ext/httphead.h"
#include "page/settings.h"
#include "config.h"

#define REDIRECTS_MAX 10
#define AGENT "ab/" PACKAGE_VERSION " (appointment booking tools)"
#define ACCEPT "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"

struct fetch {
	struct http *http;
	struct replay *replay;
	struct jar *jar;
	struct settings set;
};

struct fetch *fetch_new(const struct http_aside *aside, struct replay *replay)
{
	struct fetch *f = xcalloc(1, sizeof *f);

	f->set = SETTINGS_NONE;
	f->jar = jar_new();
	f->replay = replay;
	if (!replay)
		f->http = http_new(aside);
	return f;
}

void fetch_free(struct fetch *f)
{
	if (!f)
		return;
	settings_free(&f->set);
	jar_free(f->jar);
	replay_free(f->replay);
	http_free(f->http);
	free(f);
}

struct jar *fetch_jar(struct fetch *f)
{
	return f->jar;
}

int fetch_settings(struct fetch *f, jv settings, struct fail *why)
{
	return settings_read(&f->set, settings, why);
}

const struct url *fetch_base(const struct fetch *f)
{
	return f->set.base.host ? &f->set.base : NULL;
}

/* The headers of one request; a later one of the same name takes the place of an earlier. */
struct headers {
	char **list; /* NULL-ended */
	size_t n;
};

static void headers_put(struct headers *h, const char *name, const char *value)
{
	size_t i = 0, len = strlen(name);

	while (i < h->n && !(strncasecmp(h->list[i], name, len) == 0 && h->list[i][len] == ':'))
		i++;
	if (i == h->n) {
		h->list = xrealloc(h->list, (++h->n + 1) * sizeof *h->list);
		h->list[h->n] = NULL;
	} else {
		free(h->list[i]);
	}
	h->list[i] = value && *value ? xasprintf("%s: %s", name, value) : xasprintf("%s:", name);
}

static void headers_put_all(struct headers *h, jv all, bool foreign)
{
	for (struct json_iter it = json_iter(all); json_next(&it);)
		/* any other may hold a token, whatever it is called */
		if (!foreign || strcasecmp(it.key, "accept") == 0 || strcasecmp(it.key, "accept-language") == 0)
			headers_put(h, it.key, json_string(it.value, ""));
}

static void headers_free(struct headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->list[i]);
	free(h->list);
}

/* One request under way: what changes from hop to hop. */
struct hop {
	struct url url;
	const char *method;
	bool body;    /* it has the command's body still */
	bool foreign; /* a redirect has led to another origin: the headers that were set stay behind */
};

/* strict-origin-when-cross-origin, the browsers' default. Caller frees; NULL: none. */
static char *referer(const struct url *from, const struct url *to)
{
	char *origin, *text;

	if (!from || (from->https && !to->https))
		return NULL;
	if (url_same_origin(from, to))
		return url_text(from, false);
	origin = url_origin(from);
	text = xasprintf("%s/", origin);
	free(origin);
	return text;
}

static void make_headers(struct fetch *f, const struct fetch_request *q, const struct hop *hop, struct headers *h)
{
	const struct url *from = q->page ? q->page : fetch_base(f);
	char *ref = referer(q->page, &hop->url);
	struct str cookies = {0};

	headers_put(h, "User-Agent", f->set.user_agent ? f->set.user_agent : AGENT);
	headers_put(h, "Accept", ACCEPT);
	if (ref)
		headers_put(h, "Referer", ref);
	if (strcmp(hop->method, "POST") == 0) {
		char *origin = url_origin(from ? from : &hop->url);

		headers_put(h, "Origin", origin);
		free(origin);
	}
	headers_put_all(h, f->set.headers, hop->foreign);
	if (!hop->foreign)
		headers_put_all(h, q->headers, false);
	/* a form's type holds its boundary: nothing may stand in its place unless the command gave none */
	if (hop->body && q->type)
		headers_put(h, "Content-Type", q->type);
	if (jar_header(f->jar, &hop->url, clock_wall() / 1000, &cookies))
		headers_put(h, "Cookie", cookies.s);
	str_free(&cookies);
	free(ref);
}

static void take_cookies(struct fetch *f, const struct url *url, const struct str *head)
{
	const char *name, *value;
	size_t at = 0, n, len;

	while (http_head_next(head, &at, &name, &n, &value, &len))
		if (n == 10 && strncasecmp(name, "set-cookie", n) == 0)
			jar_take(f->jar, url, value, len, clock_wall() / 1000);
}

static int result_fail(enum http_result r, const struct url *url, const struct err *e, struct fail *why)
{
	char *origin;

	if (r == HTTP_OK)
		return 0;
	origin = url_origin(url);
	fail_set(why, r == HTTP_TIMEOUT ? "timeout" : r == HTTP_TOO_MUCH ? "limit" : "unreachable", "%s: %s", origin, e->text);
	free(origin);
	return -1;
}

/* Sends one hop; its answer replaces what A held of the one before. */
static int send_hop(struct fetch *f, const struct fetch_request *q, const struct hop *hop, struct answer *a,
		    struct fail *why)
{
	char *url = url_text(&hop->url, false);
	struct headers headers = {0};
	struct http_answer got;
	struct http_request r = {.method = hop->method,
				 .url = url,
				 .body = hop->body ? q->body : NULL,
				 .body_len = hop->body ? q->body_len : 0,
				 .once = q->commit && a->redirects == 0,
				 .body_max = f->set.body_max,
				 .deadline = q->deadline,
				 .proxy = f->set.proxy,
				 .cafile = f->set.cafile};
	enum http_result result;
	struct err e;

	make_headers(f, q, hop, &headers);
	r.headers = (const char *const *)headers.list;
	result = f->replay ? replay_do(f->replay, &hop->url, &r, &got, &e) : http_do(f->http, &r, &got, &e);
	str_free(&a->head);
	str_free(&a->body);
	a->head = got.head;
	a->body = got.body;
	a->status = result == HTTP_OK ? got.status : 0;
	a->cut = got.cut;
	a->open_ended = got.open_ended;
	a->requests += got.requests;
	if (got.sent > a->sent)
		a->sent = got.sent;
	if (result == HTTP_OK)
		take_cookies(f, &hop->url, &a->head);
	headers_free(&headers);
	free(url);
	return result_fail(result, &hop->url, &e, why);
}

/* Whether A is a redirect to follow, and then TO where it leads. 1 yes, 0 no, -1 refused. */
static int redirect(struct fetch *f, const struct fetch_request *q, const struct hop *hop, const struct answer *a,
		    struct url *to, struct fail *why)
{
	bool same_method = a->status == 307 || a->status == 308;
	const char *value;
	struct err e;
	char *text;
	size_t len;
	int r;

	if (!q->follow || !(same_method || (a->status >= 301 && a->status <= 303)) ||
	    !http_head_get(&a->head, "location", &value, &len))
		return 0;
	if (same_method && q->commit && strcmp(hop->method, "POST") == 0)
		return 0;
	if (a->redirects == REDIRECTS_MAX)
		return fail_set(why, "limit", "more than %d redirects", REDIRECTS_MAX);
	if (q->most && a->requests >= q->most)
		return fail_set(why, "limit", "redirected beyond the %d requests that were allowed", q->most);
	text = xstrndup(value, len);
	r = url_parse(to, text, &hop->url, &e);
	free(text);
	if (r)
		return fail_set(why, "refused", "redirected to %s", e.text);
	if (hop->url.https && !to->https) {
		url_free(to);
		return fail_set(why, "refused", "redirected from https: to http:");
	}
	r = settings_allow(&f->set, to, why);
	if (!r && same_method && hop->body && !url_same_origin(&hop->url, to))
		r = fail_set(why, "refused", "redirected to another origin with what was posted");
	if (!r)
		return 1;
	url_free(to);
	return -1;
}

static void step(struct hop *hop, int status, struct url *to)
{
	bool get = status != 307 && status != 308 && !(status != 303 && strcmp(hop->method, "GET") == 0);

	if (!url_same_origin(&hop->url, to))
		hop->foreign = true;
	if (!to->fragment && hop->url.fragment)
		to->fragment = xstrdup(hop->url.fragment);
	if (get) {
		hop->method = "GET";
		hop->body = false;
	}
	url_free(&hop->url);
	hop->url = *to;
}

int fetch_do(struct fetch *f, const struct fetch_request *q, struct answer *a, struct fail *why)
{
	const struct url *base = q->base ? q->base : q->page ? q->page : fetch_base(f);
	struct hop hop = {.method = q->method, .body = q->body != NULL};
	int64_t start = clock_mono();
	struct url to;
	struct err e;
	int r;

	*a = (struct answer){0};
	if (settings_check_headers(q->headers, why))
		return -1;
	if (url_parse(&hop.url, q->url, base, &e))
		return fail_set(why, e.status == EX_NOPERM ? "refused" : "usage", "%s", e.text);
	r = settings_allow(&f->set, &hop.url, why);
	while (!r) {
		r = send_hop(f, q, &hop, a, why);
		if (r)
			break;
		r = redirect(f, q, &hop, a, &to, why);
		if (r <= 0)
			break;
		step(&hop, a->status, &to);
		a->redirects++;
		r = 0;
	}
	a->url = hop.url;
	a->ms = clock_mono() - start;
	return r;
}

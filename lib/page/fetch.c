#include "page/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "config.h"

#define REDIRECTS_MAX 10
#define BODY_DEFAULT (2u << 20)
#define BODY_MAX (4u << 20)
#define AGENT "ab/" PACKAGE_VERSION " (appointment booking tools)"
#define ACCEPT "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"

struct settings {
	struct url base; /* host NULL: none */
	char **origins;  /* NULL-ended */
	jv headers;
	char *proxy, *cafile, *user_agent;
	size_t body_max;
};

struct fetch {
	struct http *http;
	struct replay *replay;
	struct jar *jar;
	struct settings set;
};

static void settings_free(struct settings *s)
{
	url_free(&s->base);
	for (char **o = s->origins; o && *o; o++)
		free(*o);
	free(s->origins);
	jv_free(s->headers);
	free(s->proxy);
	free(s->cafile);
	free(s->user_agent);
	*s = (struct settings){.headers = jv_null(), .body_max = BODY_DEFAULT};
}

struct fetch *fetch_new(const struct http_aside *aside, struct replay *replay)
{
	struct fetch *f = xcalloc(1, sizeof *f);

	f->set = (struct settings){.headers = jv_null(), .body_max = BODY_DEFAULT};
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

const struct url *fetch_base(const struct fetch *f)
{
	return f->set.base.host ? &f->set.base : NULL;
}

/* What curl writes itself, or what must not be said beside the jar. */
static bool header_ours(const char *name)
{
	static const char *const names[] = {"host", "content-length", "transfer-encoding", "connection", "cookie", "te",
					    "upgrade", "trailer", "expect", "proxy-authorization", "accept-encoding"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static int check_headers(jv headers, struct fail *why)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *odd = NULL;

	if (!json_is(headers, JV_KIND_OBJECT) && !json_is(headers, JV_KIND_NULL))
		return fail_set(why, "usage", "headers: not an object");
	for (struct json_iter it = json_iter(headers); json_next(&it);) {
		const char *value = json_string(it.value, NULL);

		if (!*it.key || strspn(it.key, token) != strlen(it.key) || header_ours(it.key))
			odd = "a header of this name can't be set";
		else if (!value && !json_is(it.value, JV_KIND_NULL))
			odd = "its value is no string";
		else if (value && (strlen(value) != json_len(it.value) || strpbrk(value, "\r\n")))
			odd = "its value has a line end or NUL in it";
		if (odd) {
			fail_set(why, "usage", "headers: '%.60s': %s", it.key, odd);
			json_iter_end(&it);
			return -1;
		}
	}
	return 0;
}

static int take_base(struct settings *s, jv settings, struct fail *why)
{
	const char *base = json_str(settings, "base", NULL);
	struct err e;

	if (base && url_parse(&s->base, base, NULL, &e))
		return fail_set(why, "usage", "settings.base: %s", e.text);
	return 0;
}

static int take_origins(struct settings *s, jv settings, struct fail *why)
{
	jv list = json_get(settings, "origins");
	size_t n = 0, many = json_len(list);
	int r = 0;

	s->origins = xcalloc(many + 2, sizeof *s->origins);
	if (!many && s->base.host)
		s->origins[n++] = url_origin(&s->base);
	for (struct json_iter it = json_iter(list); json_next(&it);) {
		struct err e = {.text = "not a string"};
		struct url u = {0};

		if (!json_is(it.value, JV_KIND_STRING) || url_parse(&u, json_string(it.value, ""), NULL, &e) ||
		    strcmp(u.path, "/") != 0 || u.query || u.fragment) {
			r = fail_set(why, "usage", "settings.origins[%d]: %s", it.index, u.host ? "an origin has no path" : e.text);
			url_free(&u);
			json_iter_end(&it);
			break;
		}
		s->origins[n++] = url_origin(&u);
		url_free(&u);
	}
	jv_free(list);
	return r;
}

static int take_proxy(struct settings *s, jv settings, struct fail *why)
{
	const char *proxy = json_str(settings, "proxy", "");

	if (!*proxy)
		return 0;
	if (!str_starts(proxy, "http://") && !str_starts(proxy, "https://") && !str_starts(proxy, "socks5h://"))
		return fail_set(why, "usage", "settings.proxy: only http:, https: and socks5h: proxies can be used");
	s->proxy = xstrdup(proxy);
	return 0;
}

int fetch_settings(struct fetch *f, jv settings, struct fail *why)
{
	struct settings s = {.headers = json_get(settings, "headers")};
	int64_t max = json_int(settings, "body_max", BODY_DEFAULT);
	const char *ours = getenv("AB_CAFILE");
	const char *agent = json_str(settings, "user_agent", ""), *cafile = json_str(settings, "cafile", ours ? ours : "");

	s.body_max = max < 1 ? BODY_DEFAULT : max > BODY_MAX ? BODY_MAX : (size_t)max;
	s.user_agent = *agent ? xstrdup(agent) : NULL;
	s.cafile = *cafile ? xstrdup(cafile) : NULL;
	if (strpbrk(agent, "\r\n"))
		fail_set(why, "usage", "settings.user_agent: a line end in it");
	else if (take_base(&s, settings, why) == 0 && take_origins(&s, settings, why) == 0 &&
		 take_proxy(&s, settings, why) == 0 && check_headers(s.headers, why) == 0) {
		settings_free(&f->set);
		f->set = s;
		return 0;
	}
	settings_free(&s);
	return -1;
}

static int check_origin(const struct fetch *f, const struct url *u, struct fail *why)
{
	char *origin = url_origin(u);
	bool allowed = false;

	for (char **o = f->set.origins; o && *o; o++)
		allowed |= strcmp(*o, origin) == 0;
	if (!allowed)
		fail_set(why, "refused", "%s is not among the allowed origins%s", origin,
			 f->set.origins && *f->set.origins ? "" : " (none was set: send begin with settings)");
	free(origin);
	return allowed ? 0 : -1;
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
static int send_hop(struct fetch *f, const struct fetch_request *q, const struct hop *hop, struct fetch_answer *a,
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
static int redirect(struct fetch *f, const struct fetch_request *q, const struct hop *hop, const struct fetch_answer *a,
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
	r = check_origin(f, to, why);
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

int fetch_do(struct fetch *f, const struct fetch_request *q, struct fetch_answer *a, struct fail *why)
{
	const struct url *base = q->base ? q->base : q->page ? q->page : fetch_base(f);
	struct hop hop = {.method = q->method, .body = q->body != NULL};
	int64_t start = clock_mono();
	struct url to;
	struct err e;
	int r;

	*a = (struct fetch_answer){0};
	if (check_headers(q->headers, why))
		return -1;
	if (url_parse(&hop.url, q->url, base, &e))
		return fail_set(why, e.status == EX_NOPERM ? "refused" : "usage", "%s", e.text);
	r = check_origin(f, &hop.url, why);
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

void fetch_answer_free(struct fetch_answer *a)
{
	url_free(&a->url);
	str_free(&a->head);
	str_free(&a->body);
}

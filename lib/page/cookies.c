#include "page/cookies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PAIR_MAX 4096     /* name and value together (RFC 6265bis s.5.6) */
#define ATTRIBUTE_MAX 1024
#define COOKIES_MAX 300
#define AGE_MAX (400LL * 86400)

struct cookie {
	char *name, *value, *domain, *path, *same_site;
	bool host_only, secure, http_only;
	int port;        /* of the site that set it; 0: not known */
	int64_t expires; /* s since 1970; 0: with the session */
};

struct jar {
	struct cookie *list; /* in order of creation */
	size_t n;
};

struct jar *jar_new(void)
{
	return xcalloc(1, sizeof(struct jar));
}

static void cookie_free(struct cookie *c)
{
	free(c->name);
	free(c->value);
	free(c->domain);
	free(c->path);
	free(c->same_site);
}

static void drop(struct jar *jar, size_t i)
{
	cookie_free(&jar->list[i]);
	memmove(jar->list + i, jar->list + i + 1, (--jar->n - i) * sizeof *jar->list);
}

static void empty(struct jar *jar)
{
	for (size_t i = 0; i < jar->n; i++)
		cookie_free(&jar->list[i]);
	free(jar->list);
	*jar = (struct jar){0};
}

void jar_free(struct jar *jar)
{
	if (!jar)
		return;
	empty(jar);
	free(jar);
}

static void sweep(struct jar *jar, int64_t now)
{
	for (size_t i = jar->n; i-- > 0;)
		if (jar->list[i].expires && jar->list[i].expires <= now)
			drop(jar, i);
}

static bool is_address(const char *host)
{
	return *host == '[' || strspn(host, "0123456789.") == strlen(host);
}

static bool same_cookie(const struct cookie *a, const struct cookie *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->domain, b->domain) == 0 && strcmp(a->path, b->path) == 0 &&
	       (a->port == b->port || !a->port || !b->port);
}

/* Takes all but the first cookie that is the same as C away; where that is, or jar->n. One whose port is not known is several. */
static size_t place_of(struct jar *jar, const struct cookie *c)
{
	size_t place = jar->n;

	for (size_t i = jar->n; i-- > 0;)
		if (same_cookie(&jar->list[i], c)) {
			if (place < jar->n)
				drop(jar, place);
			place = i;
		}
	return place;
}

/* Puts C (consumed) in place of the cookie of the same name, domain, path and port, or last. */
static void store(struct jar *jar, struct cookie *c)
{
	size_t place = place_of(jar, c);

	c->host_only |= is_address(c->domain); /* nothing is below it, and browsers take it so only */
	if (place < jar->n) {
		cookie_free(&jar->list[place]);
		jar->list[place] = *c;
		return;
	}
	if (jar->n == COOKIES_MAX)
		drop(jar, 0);
	jar->list = xrealloc(jar->list, (jar->n + 1) * sizeof *jar->list);
	jar->list[jar->n++] = *c;
}

/* RFC 6265 s.5.1.3 */
static bool domain_matches(const char *host, const char *domain)
{
	size_t h = strlen(host), d = strlen(domain);

	if (strcmp(host, domain) == 0)
		return true;
	return h > d && strcmp(host + h - d, domain) == 0 && host[h - d - 1] == '.' && !is_address(host);
}

/* RFC 6265 s.5.1.4 */
static bool path_matches(const char *asked, const char *path)
{
	size_t n = strlen(path);

	return strncmp(asked, path, n) == 0 && (!asked[n] || (n && path[n - 1] == '/') || asked[n] == '/');
}

static char *default_path(const char *asked)
{
	const char *last = strrchr(asked, '/');

	return !last || last == asked ? xstrdup("/") : xstrndup(asked, (size_t)(last - asked));
}

static int month_of(const char *s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int m = 0; m < 12; m++)
		if (strncasecmp(s, names + m * 3, 3) == 0)
			return m;
	return -1;
}

/* A number of LO..HI digits at S with no further digit after it; -1 where there is none. */
static int digits(const char *s, int lo, int hi)
{
	int n = (int)strspn(s, "0123456789");

	return n >= lo && n <= hi ? atoi(s) : -1;
}

static bool take_time(const char *s, struct tm *t)
{
	int h = digits(s, 1, 2), m, sec;
	const char *p = strchr(s, ':');

	if (h < 0 || !p || (m = digits(p + 1, 1, 2)) < 0 || !(p = strchr(p + 1, ':')) || (sec = digits(p + 1, 1, 2)) < 0)
		return false;
	t->tm_hour = h;
	t->tm_min = m;
	t->tm_sec = sec;
	return true;
}

/* RFC 6265 s.5.1.1; -1 where TEXT is no date. */
static int64_t cookie_date(const char *text)
{
	static const char delimiters[] = "\t !\"#$%&'()*+,-./;<=>?@[\\]^_`{|}~";
	struct tm t = {.tm_mday = 0, .tm_mon = -1, .tm_year = -1, .tm_hour = -1};
	char token[32];

	while (*(text += strspn(text, delimiters))) {
		size_t n = strcspn(text, delimiters);
		int v;

		if (n < sizeof token) {
			memcpy(token, text, n);
			token[n] = '\0';
			if (t.tm_hour < 0 && strchr(token, ':') && take_time(token, &t))
				;
			else if (!t.tm_mday && (v = digits(token, 1, 2)) > 0)
				t.tm_mday = v;
			else if (t.tm_mon < 0 && (v = month_of(token)) >= 0)
				t.tm_mon = v;
			else if (t.tm_year < 0 && (v = digits(token, 2, 4)) >= 0)
				t.tm_year = v < 70 ? v + 2000 : v < 100 ? v + 1900 : v;
		}
		text += n;
	}
	if (t.tm_hour < 0 || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 59 || t.tm_mday < 1 || t.tm_mday > 31 ||
	    t.tm_mon < 0 || t.tm_year < 1601)
		return -1;
	t.tm_year -= 1900;
	return (int64_t)timegm(&t);
}

static char *trimmed(const char *s, size_t len)
{
	while (len && (*s == ' ' || *s == '\t'))
		s++, len--;
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return xstrndup(s, len);
}

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s |= 32;
}

/* What the attributes of one header said before they are judged. */
struct wish {
	char *domain, *path, *same_site;
	bool secure, http_only, has_age;
	int64_t age, date; /* date -1: none */
};

static void replace(char **to, char *value)
{
	free(*to);
	*to = value;
}

static void take_age(struct wish *w, const char *value)
{
	const char *rest = value + (*value == '-');

	if (!*rest || strspn(rest, "0123456789") != strlen(rest))
		return;
	w->has_age = true;
	w->age = *value == '-' ? 0 : strlen(rest) > 10 ? AGE_MAX : atoll(rest);
}

static void take_attribute(struct wish *w, const char *s, size_t len)
{
	const char *eq = memchr(s, '=', len);
	char *name = trimmed(s, eq ? (size_t)(eq - s) : len), *value = eq ? trimmed(eq + 1, (size_t)(s + len - eq - 1)) : xstrdup("");

	lower(name);
	if (strlen(value) > ATTRIBUTE_MAX)
		;
	else if (strcmp(name, "secure") == 0)
		w->secure = true;
	else if (strcmp(name, "httponly") == 0)
		w->http_only = true;
	else if (strcmp(name, "domain") == 0)
		replace(&w->domain, xstrdup(*value == '.' ? value + 1 : value));
	else if (strcmp(name, "path") == 0)
		replace(&w->path, *value == '/' ? xstrdup(value) : NULL);
	else if (strcmp(name, "samesite") == 0)
		replace(&w->same_site, xstrdup(value));
	else if (strcmp(name, "max-age") == 0)
		take_age(w, value);
	else if (strcmp(name, "expires") == 0)
		w->date = cookie_date(value);
	free(name);
	free(value);
}

/* Domain, host_only and path of C as W wants them; -1 where URL's host may not set such a cookie. */
static int settle_scope(struct cookie *c, struct wish *w, const struct url *url)
{
	if (w->domain)
		lower(w->domain);
	c->host_only = !w->domain || !*w->domain;
	if (!c->host_only && !domain_matches(url->host, w->domain))
		return -1;
	/* "com" is nobody's domain; deeper public suffixes do no harm where the origins are named */
	if (!c->host_only && !strchr(w->domain, '.') && strcmp(w->domain, url->host) != 0)
		return -1;
	c->domain = xstrdup(c->host_only ? url->host : w->domain);
	c->path = w->path ? xstrdup(w->path) : default_path(url->path);
	if (strncasecmp(c->name, "__secure-", 9) == 0 && !w->secure)
		return -1;
	if (strncasecmp(c->name, "__host-", 7) == 0 && (!w->secure || !c->host_only || strcmp(c->path, "/") != 0))
		return -1;
	return w->secure && !url->https ? -1 : 0;
}

static void settle_rest(struct cookie *c, struct wish *w, const struct url *url, int64_t now)
{
	c->port = url->port;
	c->secure = w->secure;
	c->http_only = w->http_only;
	c->same_site = xstrdup(!w->same_site			       ? ""
			       : strcasecmp(w->same_site, "strict") == 0 ? "strict"
			       : strcasecmp(w->same_site, "none") == 0	 ? "none"
			       : strcasecmp(w->same_site, "lax") == 0	 ? "lax"
									 : "");
	if (w->has_age)
		c->expires = w->age <= 0 ? 1 : now + w->age;
	else if (w->date >= 0)
		c->expires = w->date > 0 ? w->date : 1;
	if (c->expires > now + AGE_MAX)
		c->expires = now + AGE_MAX;
}

void jar_take(struct jar *jar, const struct url *url, const char *header, size_t len, int64_t now)
{
	const char *end = header + len, *semi = memchr(header, ';', len), *eq;
	size_t pair = (size_t)((semi ? semi : end) - header);
	struct wish w = {.date = -1};
	struct cookie c = {0};
	bool ok;

	for (const char *p = header; p < end; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return;
	eq = memchr(header, '=', pair);
	if (!eq || pair > PAIR_MAX)
		return;
	c.name = trimmed(header, (size_t)(eq - header));
	c.value = trimmed(eq + 1, (size_t)(header + pair - eq - 1));
	while (semi) {
		const char *from = semi + 1;

		semi = memchr(from, ';', (size_t)(end - from));
		take_attribute(&w, from, (size_t)((semi ? semi : end) - from));
	}
	ok = *c.name && settle_scope(&c, &w, url) == 0;
	if (ok) {
		settle_rest(&c, &w, url, now);
		store(jar, &c); /* one that has expired takes its forerunner away */
		sweep(jar, now);
	} else {
		cookie_free(&c);
	}
	free(w.domain);
	free(w.path);
	free(w.same_site);
}

/* Browsers let the ports of a host, http and https with them, read each other's cookies; here another port is another site. */
static bool goes_to(const struct cookie *c, const struct url *url)
{
	if (c->port && c->port != url->port)
		return false;
	if (c->host_only ? strcmp(c->domain, url->host) != 0 : !domain_matches(url->host, c->domain))
		return false;
	return path_matches(url->path, c->path) && (!c->secure || url->https);
}

bool jar_header(struct jar *jar, const struct url *url, int64_t now, struct str *out)
{
	size_t longest = 0, start = out->len;

	sweep(jar, now);
	for (size_t i = 0; i < jar->n; i++)
		if (strlen(jar->list[i].path) > longest)
			longest = strlen(jar->list[i].path);
	for (size_t want = longest + 1; want-- > 1;) /* longer paths first, then older ones */
		for (size_t i = 0; i < jar->n; i++) {
			const struct cookie *c = &jar->list[i];

			if (strlen(c->path) == want && goes_to(c, url))
				str_addf(out, "%s%s=%s", out->len > start ? "; " : "", c->name, c->value);
		}
	return out->len > start;
}

static int by_place(const void *a, const void *b)
{
	const struct cookie *x = *(const struct cookie *const *)a, *y = *(const struct cookie *const *)b;
	int r = strcmp(x->domain, y->domain);

	r = r ? r : strcmp(x->path, y->path);
	r = r ? r : strcmp(x->name, y->name);
	return r ? r : x->port - y->port;
}

static jv cookie_json(const struct cookie *c)
{
	return json_obj("domain", jv_string(c->domain), "host_only", jv_bool(c->host_only), "port", jv_number(c->port), "path", jv_string(c->path),
			"name", jv_string(c->name), "value", jv_string(c->value), "secure", jv_bool(c->secure),
			"http_only", jv_bool(c->http_only), "same_site", jv_string(c->same_site), "expires",
			jv_number((double)c->expires), NULL);
}

jv jar_save(const struct jar *jar, int64_t now)
{
	const struct cookie **sorted = xcalloc(jar->n, sizeof *sorted);
	jv list = jv_array();
	size_t n = 0;

	for (size_t i = 0; i < jar->n; i++)
		if (!jar->list[i].expires || jar->list[i].expires > now)
			sorted[n++] = &jar->list[i];
	qsort(sorted, n, sizeof *sorted, by_place);
	for (size_t i = 0; i < n; i++)
		list = json_push(list, cookie_json(sorted[i]));
	free(sorted);
	return list;
}

/* No control characters, and none that would end the value early. */
static bool plain(const char *s, const char *odd)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f || strchr(odd, *s))
			return false;
	return true;
}

int jar_restore(struct jar *jar, jv cookies, struct err *e)
{
	struct jar made = {0};

	if (!json_is(cookies, JV_KIND_ARRAY) && !json_is(cookies, JV_KIND_NULL))
		return err_set(e, EX_DATAERR, "state.cookies is no list");
	for (struct json_iter it = json_iter(cookies); json_next(&it);) {
		const char *name = json_str(it.value, "name", ""), *value = json_str(it.value, "value", "");
		const char *domain = json_str(it.value, "domain", ""), *path = json_str(it.value, "path", "/");
		struct cookie c = {.host_only = json_bool(it.value, "host_only", true),
				   .secure = json_bool(it.value, "secure", false),
				   .http_only = json_bool(it.value, "http_only", false),
				   .port = (int)json_int(it.value, "port", 0),
				   .expires = json_int(it.value, "expires", 0)};

		if (!*name || !*domain || *path != '/' || !plain(name, "=; ") || !plain(value, ";")) {
			err_set(e, EX_DATAERR, "state.cookies[%d] is no cookie", it.index);
			json_iter_end(&it);
			empty(&made);
			return -1;
		}
		c.name = xstrdup(name);
		c.value = xstrdup(value);
		c.domain = xstrdup(domain);
		c.path = xstrdup(path);
		c.same_site = xstrdup(json_str(it.value, "same_site", ""));
		store(&made, &c);
	}
	empty(jar);
	*jar = made;
	return 0;
}

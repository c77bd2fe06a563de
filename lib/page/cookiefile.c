#include "page/cookiefile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "page/cookies.h"

#define FIELDS 7
#define PAIR_MAX 4096 /* as browsers have it (RFC 6265bis s.5.6) */

enum field { DOMAIN, WIDE, PATH, SECURE, EXPIRES, NAME, VALUE };

struct reading {
	struct cookiefile *file;
	struct url *sites;
	size_t nsites;
	int64_t now;
};

/* TEXT in place at its tabs; how many there were, FIELDS + 1 for more. */
static int split(char *text, char *fields[FIELDS])
{
	int n = 0;

	for (char *next = text; next; n++) {
		char *field = next;

		next = strchr(next, '\t');
		if (next)
			*next++ = '\0';
		if (n == FIELDS)
			return FIELDS + 1;
		fields[n] = field;
	}
	return n;
}

static int flag(const char *text)
{
	return strcasecmp(text, "TRUE") == 0 ? 1 : strcasecmp(text, "FALSE") == 0 ? 0 : -1;
}

/* Seconds since 1970, perhaps with a fraction; 0 for a cookie of the session, which some write as -1 or leave empty. -1: no time. */
static int64_t time_of(const char *text)
{
	size_t n = strspn(text, "0123456789");
	const char *rest = text + n;

	if (!*text || strcmp(text, "-1") == 0)
		return 0;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	return !n || *rest ? -1 : n > 15 ? INT64_C(1) << 50 : atoll(text);
}

static bool is_text(const char *s)
{
	jv v = jv_string(s);
	bool same = strcmp(json_string(v, ""), s) == 0; /* what is no UTF-8 is not kept as it is */

	jv_free(v);
	return same;
}

/* Of those that go to our sites alone: what others' browsers keep for other sites may be as odd as they like. */
static const char *wrong_name(char *const f[FIELDS])
{
	bool host = strncasecmp(f[NAME], "__host-", 7) == 0, secure = strncasecmp(f[NAME], "__secure-", 9) == 0;

	if (!*f[NAME])
		return "it has no name";
	if (strlen(f[NAME]) + strlen(f[VALUE]) > PAIR_MAX)
		return "it is longer than any browser's (4096 bytes)";
	if (!is_text(f[NAME]) || !is_text(f[VALUE]))
		return "it is no UTF-8";
	if ((host || secure) && flag(f[SECURE]) != 1)
		return "a name with __Host- or __Secure- is for secure ones";
	if (host && (flag(f[WIDE]) != 0 || strcmp(f[PATH], "/") != 0))
		return "a name with __Host- is for one host, and the path /";
	return NULL;
}

static const char *wrong_field(char *const f[FIELDS])
{
	if (!*f[DOMAIN] || strchr(f[DOMAIN], ' '))
		return "the first field is no domain";
	if (flag(f[WIDE]) < 0)
		return "the second field is neither TRUE nor FALSE";
	if (*f[PATH] != '/')
		return "the third field is no path";
	if (flag(f[SECURE]) < 0)
		return "the fourth field is neither TRUE nor FALSE";
	if (time_of(f[EXPIRES]) < 0)
		return "the fifth field is no time";
	return NULL;
}

static jv cookie_of(char *const f[FIELDS], const char *name, const char *value, bool http_only)
{
	const char *domain = f[DOMAIN] + (*f[DOMAIN] == '.');
	char *small = xstrdup(domain);
	jv c;

	for (char *p = small; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 32;
	c = json_obj("domain", jv_string(small), "host_only", jv_bool(flag(f[WIDE]) == 0), "port", jv_number(0), "path", jv_string(f[PATH]),
		     "name", jv_string(name), "value", jv_string(value), "secure", jv_bool(flag(f[SECURE]) == 1), "http_only",
		     jv_bool(http_only), "same_site", jv_string(""), "expires", jv_number((double)time_of(f[EXPIRES])), NULL);
	free(small);
	return c;
}

/* Whether COOKIE (consumed) goes to one of the sites, at its own PATH; -1 where a jar does not take it. */
static int goes_there(const struct reading *r, jv cookie, const char *path)
{
	struct jar *jar = jar_new();
	jv list = json_push(jv_array(), cookie);
	struct err e;
	int yes = jar_restore(jar, list, &e) ? -1 : 0;

	for (size_t i = 0; !yes && i < r->nsites; i++) {
		struct url at = r->sites[i];
		struct str header = {0};

		at.path = (char *)path; /* borrowed */
		yes = jar_header(jar, &at, 0, &header);
		if (header.s)
			explicit_bzero(header.s, header.cap);
		str_free(&header);
	}
	jv_free(list);
	jar_free(jar);
	return yes;
}

static const char *take(struct reading *r, char *const f[FIELDS], bool http_only)
{
	const char *what = wrong_field(f);
	int64_t expires = time_of(f[EXPIRES]);
	jv cookie;

	if (what)
		return what;
	r->file->all++;
	if (goes_there(r, cookie_of(f, "any", "", http_only), f[PATH]) <= 0) {
		r->file->foreign++;
		return NULL;
	}
	if ((what = wrong_name(f)))
		return what;
	cookie = cookie_of(f, f[NAME], f[VALUE], http_only);
	if (goes_there(r, jv_copy(cookie), f[PATH]) < 0)
		what = "a character in its name or value stands in no cookie";
	else if (expires && expires <= r->now)
		r->file->expired++;
	else
		r->file->cookies = json_push(r->file->cookies, jv_copy(cookie));
	jv_free(cookie);
	return what;
}

/* LINE is without its end, and is written over. What is wrong with it, or NULL. */
static const char *read_line(struct reading *r, char *line)
{
	static const char http_only[] = "#HttpOnly_";
	bool marked = str_starts(line, http_only);
	char *fields[FIELDS], *start = line + (marked ? sizeof http_only - 1 : 0);
	static char none[] = "";
	int n;

	if ((*line == '#' && !marked) || !line[strspn(line, " \t")])
		return NULL;
	n = split(start, fields);
	if (n == FIELDS - 1) /* an empty value, whose tab got lost */
		fields[n++] = none;
	if (n != FIELDS)
		return "there are not seven fields set apart by tabs";
	return take(r, fields, marked);
}

static void read_sites(struct reading *r, jv origins)
{
	struct err e;

	r->sites = xcalloc(json_len(origins) + 1, sizeof *r->sites);
	for (struct json_iter it = json_iter(origins); json_next(&it);)
		if (url_parse(&r->sites[r->nsites], json_string(it.value, ""), NULL, &e) == 0)
			r->nsites++;
}

static void free_sites(struct reading *r)
{
	for (size_t i = 0; i < r->nsites; i++)
		url_free(&r->sites[i]);
	free(r->sites);
}

struct cookiefile cookiefile_read(const char *text, size_t len, jv origins, int64_t now, cookiefile_wrong *say, void *ctx)
{
	static const char mark[] = "\xef\xbb\xbf"; /* that the text is UTF-8 */
	struct cookiefile file = {.cookies = jv_array()};
	struct reading r = {.file = &file, .now = now};
	const char *end = text + len, *next;
	size_t number = 0;

	read_sites(&r, origins);
	if (len >= 3 && memcmp(text, mark, 3) == 0)
		text += 3;
	for (const char *at = text; at < end; at = next) {
		const char *stop = memchr(at, '\n', (size_t)(end - at)), *what;
		size_t n = (size_t)((stop ? stop : end) - at);
		char *line;

		next = stop ? stop + 1 : end;
		n -= n && at[n - 1] == '\r';
		line = xstrndup(at, n);
		number++;
		what = memchr(at, '\0', n) ? "there is a NUL in it" : read_line(&r, line);
		if (what) {
			file.wrong++;
			say(ctx, number, what);
		}
		explicit_bzero(line, n);
		free(line);
	}
	free_sites(&r);
	return file;
}

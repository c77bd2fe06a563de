#include "site/lintpage.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- addresses --- */

char *address_origin(const char *url)
{
	size_t scheme = strcspn(url, ":"), host;
	const char *p = url + scheme;
	struct str b = {0};

	if (!str_starts(p, "://") || !((scheme == 4 && strncasecmp(url, "http", 4) == 0) || (scheme == 5 && strncasecmp(url, "https", 5) == 0)))
		return NULL;
	p += 3;
	host = strcspn(p, "/?#");
	if (!host || memchr(p, '@', host) || memchr(p, '\\', host) || memchr(p, ' ', host) || memchr(p, '%', host))
		return NULL;
	str_add(&b, url, scheme + 3);
	str_add(&b, p, host);
	for (char *c = b.s; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (str_ends(b.s, scheme == 4 ? ":80" : ":443"))
		b.s[b.len - (scheme == 4 ? 3 : 4)] = '\0';
	return str_take(&b);
}

/* The scheme of TEXT when it has one ("javascript:…"), else 0. */
static size_t scheme_length(const char *s)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*s))
		return 0;
	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("+-.", s[n])))
		n++;
	return s[n] == ':' ? n : 0;
}

bool lint_origin_listed(struct lint *l, const char *origin)
{
	for (struct json_iter it = json_iter(l->origins); json_next(&it);)
		if (strcmp(json_string(it.value, ""), origin) == 0) {
			json_iter_end(&it);
			return true;
		}
	return false;
}

/* An address that says where it goes must go where the provider may. What an expression makes of it, the
 * page driver holds to the same list. */
static void check_address(struct lint *l, const char *s, const char *at)
{
	const char *rest = strstr(s, "://"), *expr = strstr(s, "${");
	char *origin;

	if (strpbrk(s, expr ? "\t\r\n" : " \t\r\n"))
		mistake_at(&l->mistakes, at, "an address holds no blanks");
	if (str_starts(s, "//")) {
		mistake_at(&l->mistakes, at, "write the address with its scheme (https:%s)", s);
		return;
	}
	if (!scheme_length(s)) {
		if (*s && *s != '/' && !str_starts(s, "${"))
			mistake_at(&l->mistakes, at, "begin the address with / (or with ${.site.base}): '%s' would depend on the page before", s);
		return;
	}
	if (strncasecmp(s, "http://", 7) && strncasecmp(s, "https://", 8)) {
		mistake_at(&l->mistakes, at, "only http and https addresses can be asked for, not '%.*s:'", (int)scheme_length(s), s);
		return;
	}
	if (expr && (size_t)(expr - s) <= (size_t)(rest + 3 - s) + strcspn(rest + 3, "/?#"))
		return; /* the host is known at run time only */
	origin = address_origin(s);
	if (!origin)
		mistake_at(&l->mistakes, at, "'%s' is no address", s);
	else if (!lint_origin_listed(l, origin))
		mistake_at(&l->mistakes, at, "%s is not in 'origins'", origin);
	free(origin);
}

jv kind_address(struct lint *l, jv v, const char *at)
{
	jv out = kind_text(l, v, at);

	if (json_is(v, JV_KIND_STRING)) {
		if (!json_len(v))
			mistake_at(&l->mistakes, at, "an address is wanted here");
		check_address(l, json_string(v, ""), at);
	}
	return out;
}

jv kind_base(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");
	char *origin = address_origin(s);

	if (json_is(v, JV_KIND_STRING) && !origin && !strstr(s, "${"))
		mistake_at(&l->mistakes, at, "'%s' is no address: write https://HOST/", s);
	free(origin);
	return kind_text(l, v, at);
}

static jv kind_origin_item(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");
	char *origin = address_origin(s);
	size_t len = origin ? strcspn(strstr(s, "://") + 3, "/?#") + (size_t)(strstr(s, "://") + 3 - s) : 0;
	jv out = kind_text(l, v, at);

	if (!json_is(v, JV_KIND_STRING) || strstr(s, "${")) {
		free(origin);
		return out;
	}
	if (!origin || strchr(s, '*'))
		mistake_at(&l->mistakes, at, "'%s' is no origin: write https://HOST or https://HOST:PORT", s);
	else if (s[len] && strcmp(s + len, "/"))
		mistake_at(&l->mistakes, at, "an origin has no path: write %s", origin);
	if (origin) {
		jv_free(out);
		out = jv_string(origin);
	}
	free(origin);
	return out;
}

jv kind_origins(struct lint *l, jv v, const char *at)
{
	return kind_list_of(l, v, at, kind_origin_item);
}

/* --- selectors --- */

static void selector_note(struct lint *l, const char *kind, const char *s, size_t len, const char *at)
{
	int line, column;
	jv place;

	if (!len)
		mistake_at(&l->mistakes, at, "a selector is missing here");
	if (!len || memmem(s, len, "${", 2))
		return;
	yaml_place(l->mistakes.yaml, at, &line, &column);
	place = json_obj("kind", jv_string(kind), "text", jv_string_sized(s, (int)len), "line", jv_number(line), "column",
			 jv_number(column), NULL);
	l->selectors = json_push(l->selectors, place);
}

jv kind_css(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING))
		selector_note(l, "css", json_string(v, ""), json_len(v), at);
	return kind_text(l, v, at);
}

jv kind_xpath(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING))
		selector_note(l, "xpath", json_string(v, ""), json_len(v), at);
	return kind_text(l, v, at);
}

void lint_selector(struct lint *l, const char *s, size_t len, const char *at)
{
	while (len && isspace((unsigned char)*s))
		s++, len--;
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	if (len >= 6 && memcmp(s, "xpath:", 6) == 0)
		selector_note(l, "xpath", s + 6, len - 6, at);
	else if (len && *s == '/')
		selector_note(l, "xpath", s, len, at);
	else if (len >= 4 && memcmp(s, "css:", 4) == 0)
		selector_note(l, "css", s + 4, len - 4, at);
	else if (len >= 5 && (memcmp(s, "text=", 5) == 0 || (len >= 6 && memcmp(s, "label=", 6) == 0))) {
		if (!l->browser)
			mistake_at(&l->mistakes, at, "text= and label= are for a browser's page: use css or xpath");
	} else {
		selector_note(l, "css", s, len, at);
	}
}

/* "css", "css:…", "xpath:…", "/…" */
jv kind_selector(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING))
		lint_selector(l, json_string(v, ""), json_len(v), at);
	return kind_text(l, v, at);
}

/* A form's selector: a || b gives fallbacks. */
jv kind_form_selector(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, ""), *bar;

	for (; (bar = strstr(s, "||")); s = bar + 2)
		lint_selector(l, s, (size_t)(bar - s), at);
	if (json_is(v, JV_KIND_STRING))
		lint_selector(l, s, strlen(s), at);
	return kind_text(l, v, at);
}

static const struct key find_keys[] = {{"css", kind_css, false}, {"xpath", kind_xpath, false}, {"attr", kind_plain, false},
				       {"raw", kind_boolean, false}, {"all", kind_boolean, false}, {"optional", kind_boolean, false},
				       {NULL, NULL, false}};
static const struct key cell_keys[] = {{"css", kind_css, false}, {"xpath", kind_xpath, false}, {"attr", kind_plain, false},
				       {"raw", kind_boolean, false}, {"all", kind_boolean, false}, {"optional", kind_boolean, false},
				       {"self", kind_boolean, false}, {NULL, NULL, false}};
static const struct key embed_keys[] = {{"embed", kind_plain, true}, {NULL, NULL, false}};

static void one_selector(struct lint *l, jv v, const char *at, bool self)
{
	int n = json_has(v, "css") + json_has(v, "xpath") + (self && json_has(v, "self"));

	if (json_is(v, JV_KIND_OBJECT) && n != 1)
		mistake_at(&l->mistakes, at, n ? "css and xpath exclude each other" : "css or xpath is wanted here");
}

static jv cell(struct lint *l, jv v, const char *at)
{
	jv out;

	if (json_is(v, JV_KIND_STRING)) {
		jv s = kind_selector(l, v, at);
		bool path = str_starts(json_string(s, ""), "/") || str_starts(json_string(s, ""), "xpath:");
		const char *bare = json_string(s, "");

		out = json_obj(path ? "xpath" : "css", jv_string(str_starts(bare, "xpath:") ? bare + 6 : str_starts(bare, "css:") ? bare + 4 : bare), NULL);
		jv_free(s);
		return out;
	}
	one_selector(l, v, at, true);
	return kind_mapping(l, v, at, "a field of 'rows'", cell_keys);
}

jv kind_cells(struct lint *l, jv v, const char *at)
{
	return kind_map_of(l, v, at, "'get'", cell, true);
}

jv kind_let_value(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_OBJECT) && json_has(v, "embed"))
		return kind_mapping(l, v, at, "an embedded value", embed_keys);
	if (json_is(v, JV_KIND_OBJECT) && (json_has(v, "css") || json_has(v, "xpath"))) {
		one_selector(l, v, at, false);
		return kind_mapping(l, v, at, "a value of the page", find_keys);
	}
	return kind_any(l, v, at);
}

/* --- conditions --- */

static jv status_item(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");
	long long n;

	if (!lint_is_text(l, v, at))
		return jv_string("");
	if (str_long(s, 100, 599, &n) == 0)
		return jv_number((double)n);
	if (strlen(s) != 3 || !strchr("12345", s[0]) || strcmp(s + 1, "xx"))
		mistake_at(&l->mistakes, at, "'%s' is no status: write 200, or 2xx for all that begin so", s);
	return jv_copy(v);
}

static jv status(struct lint *l, jv v, const char *at)
{
	return kind_one_or_more(l, v, at, status_item);
}

static jv kind_texts(struct lint *l, jv v, const char *at)
{
	return json_is(v, JV_KIND_ARRAY) ? kind_list_of(l, v, at, kind_text) : kind_text(l, v, at);
}

static jv header_map(struct lint *l, jv v, const char *at)
{
	return kind_map_of(l, v, at, "'header'", kind_text, false);
}

static const struct key condition_keys[] = {
	{"status", status, false}, {"url", kind_text, false}, {"header", header_map, false}, {"css", kind_css, false}, {"xpath", kind_xpath, false},
	{"text", kind_texts, false}, {"jq", kind_expression, false}, {"not", kind_condition, false}, {NULL, NULL, false}};

jv kind_condition(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_ARRAY)) {
		if (!json_len(v))
			mistake_at(&l->mistakes, at, "an empty list of conditions never holds");
		return kind_list_of(l, v, at, kind_condition);
	}
	if (json_is(v, JV_KIND_OBJECT) && !json_len(v))
		mistake_at(&l->mistakes, at, "an empty condition always holds");
	if (!json_is(v, JV_KIND_OBJECT)) {
		mistake_at(&l->mistakes, at, "a condition is a mapping such as {css: \"h1\", text: \"Bookings\"}, or a list of them");
		return jv_object();
	}
	if (json_has(v, "css") && json_has(v, "xpath"))
		mistake_at(&l->mistakes, at, "css and xpath in one condition: use a list for any, 'not' for none");
	return kind_mapping(l, v, at, "a condition", condition_keys);
}

jv kind_headers(struct lint *l, jv v, const char *at)
{
	static const char *const reserved[] = {"host", "cookie", "content-length", "transfer-encoding", "connection", NULL};
	jv out = kind_map_of(l, v, at, "'headers'", kind_text, false);

	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		if (!*it.key || it.key[strspn(it.key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~")])
			mistake_key(&l->mistakes, down, "'%s' is no header's name", it.key);
		for (const char *const *r = reserved; *r; r++)
			if (strcasecmp(it.key, *r) == 0)
				mistake_key(&l->mistakes, down, "the page sets '%s' itself", it.key);
		free(down);
	}
	return out;
}

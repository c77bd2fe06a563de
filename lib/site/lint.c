#include "site/lint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ext/filter.h"
#include "site/expr.h"
#include "site/lintflow.h"

/* A check looks at V (borrowed), which stands at AT, says what is wrong, and gives V converted. */
typedef jv check(struct lint *l, jv v, const char *at);

struct key {
	const char *name;
	check *check;
	bool needed;
};

static const char *const built_in_classes[] = {
	"throttled", "blocked", "maintenance", "expired", "login_failed", "taken", "already_booked", "queued", "challenged",
	"changed", "unreachable", "refused", "no_code", "unknown", NULL};
static const char *const actions[] = {
	"back_off", "alert", "stop", "relogin", "restart", "next_slot", "verify", "wait", "ask_human", NULL};

static jv steps(struct lint *l, jv v, const char *at);
static jv condition(struct lint *l, jv v, const char *at);

/* --- places of expressions --- */

static void remember(struct lint *l, jv template, const char *at, int before)
{
	if (!json_has(l->homes, json_string(template, "")))
		l->homes = jv_object_set(l->homes, jv_copy(template),
					 json_push(json_push(jv_array(), jv_string(at)), jv_number(before)));
}

void lint_filter_wrong(void *ctx, jv template, size_t at, const char *what)
{
	struct lint *l = ctx;
	jv home = jv_object_get(jv_copy(l->homes), jv_copy(template)), pointer = json_at(home, 0), before = json_at(home, 1);
	const char *where = json_string(pointer, "");
	size_t shift = (size_t)(json_is(before, JV_KIND_NUMBER) ? jv_number_value(before) : 0);
	/* what was put round a bare one: see expression() */
	jv source = shift ? jv_string_sized(json_string(template, "") + shift, (int)(json_len(template) - shift - 2)) : jv_copy(template);

	mistake_in(&l->mistakes, where, source, at > shift ? at - shift : 0, "filter: %s", what);
	jv_free(source);
	jv_free(before);
	jv_free(pointer);
	jv_free(home);
}

struct programs {
	struct lint *l;
	jv value;
	const char *at;
};

static void each_program(void *ctx, const char *program, size_t at)
{
	struct programs *p = ctx;

	lint_program(&p->l->mistakes, &p->l->scope, p->at, p->value, at, program);
}

/* --- kinds of values --- */

static bool is_text(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING))
		return true;
	mistake_at(&l->mistakes, at, "a text is wanted here, not a %s", json_is(v, JV_KIND_ARRAY) ? "list" : "mapping");
	return false;
}

static jv text(struct lint *l, jv v, const char *at)
{
	struct programs p = {l, v, at};
	size_t wrong;

	if (!is_text(l, v, at))
		return jv_string("");
	if (expr_each(json_string(v, ""), each_program, &p, &wrong))
		mistake_in(&l->mistakes, at, v, wrong, "a ${ without its }");
	remember(l, v, at, 0);
	return jv_copy(v);
}

/* Text, or structures of it. */
static jv any(struct lint *l, jv v, const char *at)
{
	bool list = json_is(v, JV_KIND_ARRAY);
	jv whole;

	if (!list && !json_is(v, JV_KIND_OBJECT))
		return text(l, v, at);
	whole = list ? jv_array() : jv_object();
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = list ? pointer_item(at, it.index) : pointer_down(at, it.key);
		jv item = any(l, it.value, down);

		if (!list && strstr(it.key, "${"))
			mistake_key(&l->mistakes, down, "a key holds no expressions");
		whole = list ? json_push(whole, item) : json_set(whole, it.key, item);
		free(down);
	}
	return whole;
}

static jv plain(struct lint *l, jv v, const char *at)
{
	if (!is_text(l, v, at))
		return jv_string("");
	if (strstr(json_string(v, ""), "${"))
		mistake_at(&l->mistakes, at, "no expression can stand here");
	else if (!json_len(v))
		mistake_at(&l->mistakes, at, "nothing is written here");
	return jv_copy(v);
}

/* An expression: a text with ${…}, or a filter written bare. */
static jv expression(struct lint *l, jv v, const char *at)
{
	char *wrapped;
	jv out;

	if (!json_is(v, JV_KIND_STRING))
		return any(l, v, at);
	if (strstr(json_string(v, ""), "${"))
		return text(l, v, at);
	lint_program(&l->mistakes, &l->scope, at, v, 0, json_string(v, ""));
	wrapped = xasprintf("${%s\n}", json_string(v, "")); /* the newline ends a comment */
	out = jv_string(wrapped);
	free(wrapped);
	remember(l, out, at, 2);
	return out;
}

static jv one_of(struct lint *l, jv v, const char *at, const char *const *names)
{
	const char *s = json_string(v, ""), *near;
	struct str all = {0};

	if (!is_text(l, v, at))
		return jv_string(names[0]);
	for (const char *const *n = names; *n; n++)
		if (strcmp(s, *n) == 0)
			return jv_copy(v);
	for (const char *const *n = names; *n; n++)
		str_addf(&all, "%s%s", n == names ? "" : n[1] ? ", " : " or ", *n);
	if ((near = name_nearest(s, names)))
		mistake_at(&l->mistakes, at, "'%s' is none of %s (did you mean '%s'?)", s, all.s, near);
	else
		mistake_at(&l->mistakes, at, "'%s' is none of %s", s, all.s);
	str_free(&all);
	return jv_string(names[0]);
}

static jv boolean(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");

	if (is_text(l, v, at) && strcmp(s, "true") && strcmp(s, "false"))
		mistake_at(&l->mistakes, at, "true or false is wanted here, not '%s'", s);
	return strcmp(s, "true") == 0 ? jv_true() : jv_false();
}

static jv whole_number(struct lint *l, jv v, const char *at)
{
	long long n = 0;

	if (is_text(l, v, at) && str_long(json_string(v, ""), 0, 1000000000, &n))
		mistake_at(&l->mistakes, at, "a whole number is wanted here, not '%s'", json_string(v, ""));
	return jv_number((double)n);
}

static jv duration(struct lint *l, jv v, const char *at)
{
	int64_t ms = 0;

	if (is_text(l, v, at) && duration_parse(json_string(v, ""), &ms))
		mistake_at(&l->mistakes, at, "'%s' is no duration: write 90s, 10m, 1h30m, 2d or 250ms", json_string(v, ""));
	return jv_number((double)ms);
}

static bool identifier(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return !*s;
}

static jv variable(struct lint *l, jv v, const char *at)
{
	if (is_text(l, v, at) && !identifier(json_string(v, "")))
		mistake_at(&l->mistakes, at, "'%s' is no name: use letters, digits and _", json_string(v, ""));
	return json_is(v, JV_KIND_STRING) ? jv_copy(v) : jv_string("");
}

static void variable_key(struct lint *l, const char *name, const char *at)
{
	if (!identifier(name))
		mistake_key(&l->mistakes, at, "'%s' is no name: use letters, digits and _", name);
}

static bool is_map(struct lint *l, jv v, const char *at, const char *what)
{
	if (json_is(v, JV_KIND_OBJECT))
		return true;
	mistake_at(&l->mistakes, at, "%s is a mapping (key: value)", what);
	return false;
}

/* A mapping with the keys of KEYS. */
static jv mapping(struct lint *l, jv v, const char *at, const char *what, const struct key *keys)
{
	const char *names[32];
	jv out = jv_object();
	int n = 0;

	if (!is_map(l, v, at, what))
		return out;
	for (const struct key *k = keys; k->name; k++)
		names[n++] = k->name;
	names[n] = NULL;
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);
		const struct key *k = keys;
		const char *near;

		while (k->name && strcmp(k->name, it.key))
			k++;
		if (k->name)
			out = json_set(out, it.key, k->check(l, it.value, down));
		else if ((near = name_nearest(it.key, names)))
			mistake_key(&l->mistakes, down, "%s has no '%s' (did you mean '%s'?)", what, it.key, near);
		else
			mistake_key(&l->mistakes, down, "%s has no '%s'", what, it.key);
		free(down);
	}
	for (const struct key *k = keys; k->name; k++)
		if (k->needed && !json_has(v, k->name))
			mistake_at(&l->mistakes, at, "%s lacks '%s'", what, k->name);
	return out;
}

/* A mapping with any keys and values of one kind. */
static jv map_of(struct lint *l, jv v, const char *at, const char *what, check *each, bool variables)
{
	jv out = jv_object();

	if (!is_map(l, v, at, what))
		return out;
	if (!json_len(v))
		mistake_at(&l->mistakes, at, "%s is empty", what);
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		if (variables)
			variable_key(l, it.key, down);
		else if (strstr(it.key, "${"))
			mistake_key(&l->mistakes, down, "a key holds no expressions");
		out = json_set(out, it.key, each(l, it.value, down));
		free(down);
	}
	return out;
}

static jv list_of(struct lint *l, jv v, const char *at, check *each)
{
	jv out = jv_array();

	if (!json_is(v, JV_KIND_ARRAY)) {
		mistake_at(&l->mistakes, at, "a list is wanted here");
		return out;
	}
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_item(at, it.index);

		out = json_push(out, each(l, it.value, down));
		free(down);
	}
	return out;
}

/* One, or a list of them; always a list afterwards. */
static jv one_or_more(struct lint *l, jv v, const char *at, check *each)
{
	return json_is(v, JV_KIND_ARRAY) ? list_of(l, v, at, each) : json_push(jv_array(), each(l, v, at));
}

/* --- addresses --- */

char *url_origin(const char *url)
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

static bool origin_listed(struct lint *l, const char *origin)
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
		if (*s && !strchr("/?", *s) && !str_starts(s, "${"))
			mistake_at(&l->mistakes, at, "begin the address with / (or with ${.site.base}): '%s' would depend on the page before", s);
		return;
	}
	if (strncasecmp(s, "http://", 7) && strncasecmp(s, "https://", 8)) {
		mistake_at(&l->mistakes, at, "only http and https addresses can be asked for, not '%.*s:'", (int)scheme_length(s), s);
		return;
	}
	if (expr && (size_t)(expr - s) <= (size_t)(rest + 3 - s) + strcspn(rest + 3, "/?#"))
		return; /* the host is known at run time only */
	origin = url_origin(s);
	if (!origin)
		mistake_at(&l->mistakes, at, "'%s' is no address", s);
	else if (!origin_listed(l, origin))
		mistake_at(&l->mistakes, at, "%s is not in 'origins'", origin);
	free(origin);
}

static jv address(struct lint *l, jv v, const char *at)
{
	jv out = text(l, v, at);

	if (json_is(v, JV_KIND_STRING)) {
		if (!json_len(v))
			mistake_at(&l->mistakes, at, "an address is wanted here");
		check_address(l, json_string(v, ""), at);
	}
	return out;
}

static jv base(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");
	char *origin = url_origin(s);

	if (json_is(v, JV_KIND_STRING) && !origin && !strstr(s, "${"))
		mistake_at(&l->mistakes, at, "'%s' is no address: write https://HOST/", s);
	free(origin);
	return text(l, v, at);
}

static jv origin_item(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");
	char *origin = url_origin(s);
	size_t len = origin ? strcspn(strstr(s, "://") + 3, "/?#") + (size_t)(strstr(s, "://") + 3 - s) : 0;
	jv out = text(l, v, at);

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

static jv origins(struct lint *l, jv v, const char *at)
{
	return list_of(l, v, at, origin_item);
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

static jv css(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING))
		selector_note(l, "css", json_string(v, ""), json_len(v), at);
	return text(l, v, at);
}

static jv xpath(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING))
		selector_note(l, "xpath", json_string(v, ""), json_len(v), at);
	return text(l, v, at);
}

static void selector_text(struct lint *l, const char *s, size_t len, const char *at)
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

/* "css", "css:…", "xpath:…", "/…"; a || b gives fallbacks. */
static jv selector(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, ""), *bar;

	for (; (bar = strstr(s, "||")); s = bar + 2)
		selector_text(l, s, (size_t)(bar - s), at);
	if (json_is(v, JV_KIND_STRING))
		selector_text(l, s, strlen(s), at);
	return text(l, v, at);
}

static const struct key find_keys[] = {{"css", css, false}, {"xpath", xpath, false}, {"attr", plain, false},
				       {"all", boolean, false}, {"optional", boolean, false}, {NULL, NULL, false}};
static const struct key cell_keys[] = {{"css", css, false}, {"xpath", xpath, false}, {"attr", plain, false}, {"all", boolean, false},
				       {"optional", boolean, false}, {"self", boolean, false}, {NULL, NULL, false}};
static const struct key embed_keys[] = {{"embed", plain, true}, {NULL, NULL, false}};

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
		jv s = selector(l, v, at);
		bool path = str_starts(json_string(s, ""), "/") || str_starts(json_string(s, ""), "xpath:");
		const char *bare = json_string(s, "");

		out = json_obj(path ? "xpath" : "css", jv_string(str_starts(bare, "xpath:") ? bare + 6 : str_starts(bare, "css:") ? bare + 4 : bare), NULL);
		jv_free(s);
		return out;
	}
	one_selector(l, v, at, true);
	return mapping(l, v, at, "a field of 'rows'", cell_keys);
}

static jv cells(struct lint *l, jv v, const char *at)
{
	return map_of(l, v, at, "'get'", cell, true);
}

static jv value_of_let(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_OBJECT) && json_has(v, "embed"))
		return mapping(l, v, at, "an embedded value", embed_keys);
	if (json_is(v, JV_KIND_OBJECT) && (json_has(v, "css") || json_has(v, "xpath"))) {
		one_selector(l, v, at, false);
		return mapping(l, v, at, "a value of the page", find_keys);
	}
	return any(l, v, at);
}

/* --- conditions --- */

static jv status_item(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");
	long long n;

	if (!is_text(l, v, at))
		return jv_string("");
	if (str_long(s, 100, 599, &n) == 0)
		return jv_number((double)n);
	if (strlen(s) != 3 || !strchr("12345", s[0]) || strcmp(s + 1, "xx"))
		mistake_at(&l->mistakes, at, "'%s' is no status: write 200, or 2xx for all that begin so", s);
	return jv_copy(v);
}

static jv status(struct lint *l, jv v, const char *at)
{
	return one_or_more(l, v, at, status_item);
}

static jv header_map(struct lint *l, jv v, const char *at)
{
	return map_of(l, v, at, "'header'", text, false);
}

static const struct key condition_keys[] = {
	{"status", status, false}, {"url", text, false}, {"header", header_map, false}, {"css", css, false}, {"xpath", xpath, false},
	{"text", text, false}, {"jq", expression, false}, {"not", condition, false}, {NULL, NULL, false}};

static jv condition(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_ARRAY)) {
		if (!json_len(v))
			mistake_at(&l->mistakes, at, "an empty list of conditions never holds");
		return list_of(l, v, at, condition);
	}
	if (json_is(v, JV_KIND_OBJECT) && !json_len(v))
		mistake_at(&l->mistakes, at, "an empty condition always holds");
	if (!json_is(v, JV_KIND_OBJECT)) {
		mistake_at(&l->mistakes, at, "a condition is a mapping such as {css: \"h1\", text: \"Bookings\"}, or a list of them");
		return jv_object();
	}
	if (json_has(v, "css") && json_has(v, "xpath"))
		mistake_at(&l->mistakes, at, "css and xpath in one condition: use a list for any, 'not' for none");
	return mapping(l, v, at, "a condition", condition_keys);
}

/* --- the top --- */

static jv zone(struct lint *l, jv v, const char *at)
{
	if (is_text(l, v, at) && !zone_valid(json_string(v, "")))
		mistake_at(&l->mistakes, at, "'%s' is no time zone: write a name such as Europe/Istanbul", json_string(v, ""));
	return jv_copy(v);
}

static jv transport(struct lint *l, jv v, const char *at)
{
	static const char *const names[] = {"http", "browser", NULL};

	return one_of(l, v, at, names);
}

static jv name(struct lint *l, jv v, const char *at)
{
	if (is_text(l, v, at) && !name_valid(json_string(v, "")))
		mistake_at(&l->mistakes, at, "'%s' is no name: small letters, digits, '.', '_' and '-'", json_string(v, ""));
	return jv_copy(v);
}

static jv header_texts(struct lint *l, jv v, const char *at)
{
	static const char *const reserved[] = {"host", "cookie", "content-length", "transfer-encoding", "connection", NULL};
	jv out = map_of(l, v, at, "'headers'", text, false);

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

static jv variables(struct lint *l, jv v, const char *at)
{
	return map_of(l, v, at, "'vars'", any, true);
}

static jv jitter(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");
	char *digits;
	long long n;

	if (!str_ends(s, "%"))
		return duration(l, v, at);
	digits = xstrndup(s, strlen(s) - 1);
	if (str_long(digits, 0, 100, &n))
		mistake_at(&l->mistakes, at, "'%s' is no share: write 0%% to 100%%", s);
	free(digits);
	return jv_copy(v);
}

/* "80 per 120s" */
static jv budget(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, ""), *per = strstr(s, " per ");
	char *number = xstrndup(s, per ? (size_t)(per - s) : 0);
	long long count = 1;
	int64_t window = 1;

	if (is_text(l, v, at) &&
	    (!per || str_long(number, 1, 1000000, &count) || duration_parse(per + 5, &window) || window == 0))
		mistake_at(&l->mistakes, at, "'%s' is no budget: write \"80 per 120s\"", s);
	free(number);
	return json_obj("requests", jv_number((double)count), "window", jv_number((double)window), NULL);
}

static jv concurrency(struct lint *l, jv v, const char *at)
{
	jv n = whole_number(l, v, at);

	if (jv_number_value(n) < 1)
		mistake_at(&l->mistakes, at, "'concurrency' is at least 1");
	return n;
}

static jv pace(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {
		{"interval", duration, false}, {"min_interval", duration, false}, {"jitter", jitter, false}, {"budget", budget, false},
		{"reserve", whole_number, false}, {"concurrency", concurrency, false}, {NULL, NULL, false}};
	jv out = mapping(l, v, at, "'pace'", keys), share = json_get(out, "budget");
	char *down = pointer_down(at, "reserve");

	if (json_has(share, "requests") && json_num(out, "reserve", 0) >= json_num(share, "requests", 0))
		mistake_at(&l->mistakes, down, "a reserve of %s leaves nothing of the budget for checks", json_str(v, "reserve", ""));
	if (json_has(out, "interval") && json_num(out, "min_interval", 0) > json_num(out, "interval", 0))
		mistake_at(&l->mistakes, at, "'min_interval' is longer than 'interval'");
	jv_free(share);
	free(down);
	return out;
}

static bool class_name(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz_")] == '\0' && strlen(s) < 48;
}

static jv class_new(struct lint *l, jv v, const char *at)
{
	if (is_text(l, v, at) && (!class_name(json_string(v, "")) || strcmp(json_string(v, ""), "ok") == 0))
		mistake_at(&l->mistakes, at, "'%s' is no class: small letters and _", json_string(v, ""));
	return json_is(v, JV_KIND_STRING) ? jv_copy(v) : jv_string("changed");
}

static const char *class_near(struct lint *l, const char *s)
{
	const char *near = name_nearest(s, built_in_classes), *one[2] = {NULL, NULL};

	for (struct json_iter it = json_iter(l->classes); !near && json_next(&it);) {
		one[0] = it.key;
		if (name_nearest(s, one)) {
			static char found[64];

			snprintf(found, sizeof found, "%s", it.key);
			near = found;
			json_iter_end(&it);
			break;
		}
	}
	return near;
}

static void class_known(struct lint *l, const char *s, const char *at, bool key)
{
	const char *near;

	if (json_has(l->classes, s))
		return;
	near = class_near(l, s);
	if (key)
		mistake_key(&l->mistakes, at, near ? "no class is called '%s' (did you mean '%s'?)" : "no class is called '%s'", s, near);
	else
		mistake_at(&l->mistakes, at, near ? "no class is called '%s' (did you mean '%s'?)" : "no class is called '%s'", s, near);
}

static jv class_item(struct lint *l, jv v, const char *at)
{
	if (is_text(l, v, at))
		class_known(l, json_string(v, ""), at, false);
	return jv_copy(v);
}

static jv allow(struct lint *l, jv v, const char *at)
{
	return one_or_more(l, v, at, class_item);
}

static jv class_rule(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"class", class_new, true}, {"when", condition, true}, {"why", plain, false}, {NULL, NULL, false}};

	return mapping(l, v, at, "a rule of 'classify'", keys);
}

static jv classify(struct lint *l, jv v, const char *at)
{
	return list_of(l, v, at, class_rule);
}

static jv action(struct lint *l, jv v, const char *at)
{
	return one_of(l, v, at, actions);
}

static jv policy(struct lint *l, jv v, const char *at)
{
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		class_known(l, it.key, down, true);
		free(down);
	}
	return map_of(l, v, at, "'policy'", action, false);
}

/* --- needs --- */

static const char *need_path(const char *s)
{
	return *s == '.' ? s + 1 : s;
}

/* profile.NAME[.NAME…], and the like of party, site and credentials. */
static bool need_valid(const char *s)
{
	static const char *const parts[] = {"profile.", "party.", "site.", "credentials.", NULL};
	bool start = true;

	s = need_path(s);
	for (const char *const *p = parts; *p; p++)
		if (str_starts(s, *p)) {
			for (s += strlen(*p); *s; s++) {
				if (start ? !isalpha((unsigned char)*s) && *s != '_' : !isalnum((unsigned char)*s) && !strchr("_.", *s))
					return false;
				start = *s == '.';
			}
			return !start;
		}
	return false;
}

#define NEED_WRONG "'%s' may not be asked for: only fields of profile, party, site and credentials, such as profile.first_name"

static jv need(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"title", plain, false}, {"about", plain, false}, {"default", plain, false},
					  {"secret", boolean, false}, {"optional", boolean, false}, {NULL, NULL, false}};

	if (json_is(v, JV_KIND_STRING))
		return json_obj("title", jv_copy(v), NULL);
	return mapping(l, v, at, "a need", keys);
}

static jv needs(struct lint *l, jv v, const char *at)
{
	jv out = jv_object();

	if (!json_is(v, JV_KIND_ARRAY) && !json_is(v, JV_KIND_OBJECT))
		mistake_at(&l->mistakes, at, "'needs' is a list of fields, or a mapping from field to what is asked");
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = it.key ? pointer_down(at, it.key) : pointer_item(at, it.index);
		const char *path = it.key ? it.key : json_string(it.value, "");

		if (!it.key && !json_is(it.value, JV_KIND_STRING))
			mistake_at(&l->mistakes, down, "a field's path is wanted here, such as profile.first_name");
		else if (!need_valid(path))
			(it.key ? mistake_key : mistake_at)(&l->mistakes, down, NEED_WRONG, path);
		else if (json_has(out, need_path(path)))
			mistake_at(&l->mistakes, down, "'%s' is named twice", path);
		else
			out = json_set(out, need_path(path), it.key ? need(l, it.value, down) : jv_object());
		free(down);
	}
	return out;
}

/* --- steps --- */

static jv get_region(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"from", plain, true}, {"to", plain, true}, {NULL, NULL, false}};

	if (l->browser)
		mistake_at(&l->mistakes, at, "'region' is for transport http");
	return mapping(l, v, at, "'region'", keys);
}

static jv let(struct lint *l, jv v, const char *at)
{
	return map_of(l, v, at, "'let'", value_of_let, true);
}

static jv rows(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"each", selector, true}, {"get", cells, true}, {"into", variable, false}, {NULL, NULL, false}};

	return mapping(l, v, at, "'rows'", keys);
}

static jv loop(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_OBJECT) && json_len(v) != 1)
		mistake_at(&l->mistakes, at, "'for' has one name: {day: EXPRESSION}");
	return map_of(l, v, at, "'for'", expression, true);
}

static jv test(struct lint *l, jv v, const char *at)
{
	return json_is(v, JV_KIND_STRING) ? expression(l, v, at) : condition(l, v, at);
}

static jv mark(struct lint *l, jv v, const char *at)
{
	static const char *const names[] = {"inbox", NULL};

	return one_of(l, v, at, names);
}

static jv otp(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"into", variable, true}, {"from", text, false}, {"subject", text, false}, {"pattern", plain, false},
					  {"timeout", duration, false}, {NULL, NULL, false}};

	return mapping(l, v, at, "'otp'", keys);
}

static jv human_kind(struct lint *l, jv v, const char *at)
{
	static const char *const names[] = {"confirm", "captcha", "payment", "otp", NULL};

	return one_of(l, v, at, names);
}

static jv human(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"kind", human_kind, true}, {"question", text, true}, {"until", condition, false},
					  {"timeout", duration, false}, {"into", variable, false}, {NULL, NULL, false}};

	return mapping(l, v, at, "'human'", keys);
}

static jv use(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, ""), *near = NULL;
	jv flows = json_get(l->mistakes.yaml->value, "flows"), steps_there = json_get(flows, s);

	if (!is_text(l, v, at))
		;
	else if (flow_public(s))
		mistake_at(&l->mistakes, at, "'%s' is run by name: move what is shared into a flow of its own", s);
	else if (!json_has(flows, s)) {
		for (struct json_iter it = json_iter(flows); json_next(&it);) {
			const char *one[2] = {it.key, NULL};

			near = name_nearest(s, one);
			if (near && !flow_public(near)) {
				mistake_at(&l->mistakes, at, "there is no flow '%s' (did you mean '%s'?)", s, near);
				json_iter_end(&it);
				break;
			}
			near = NULL;
		}
		if (!near)
			mistake_at(&l->mistakes, at, "there is no flow '%s'", s);
	} else if (!json_is(steps_there, JV_KIND_ARRAY)) {
		mistake_at(&l->mistakes, at, "'%s' is a program: only steps can be used", s);
	}
	jv_free(steps_there);
	jv_free(flows);
	return jv_copy(v);
}

static jv booking_state(struct lint *l, jv v, const char *at)
{
	static const char *const names[] = {"confirmed", "pending", NULL};

	return strstr(json_string(v, ""), "${") ? text(l, v, at) : one_of(l, v, at, names);
}

static jv booking(struct lint *l, jv v, const char *at)
{
	jv out = jv_object();

	if (!is_map(l, v, at, "'booking'"))
		return out;
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		variable_key(l, it.key, down);
		out = json_set(out, it.key, strcmp(it.key, "state") == 0 ? booking_state(l, it.value, down) : any(l, it.value, down));
		free(down);
	}
	if (!json_has(v, "reference"))
		mistake_at(&l->mistakes, at, "'booking' lacks 'reference'");
	return out;
}

static jv buttons(struct lint *l, jv v, const char *at)
{
	return text(l, v, at);
}

static jv field_map(struct lint *l, jv v, const char *at)
{
	return map_of(l, v, at, "this", any, false);
}

static jv selector_map(struct lint *l, jv v, const char *at)
{
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		selector_text(l, it.key, strlen(it.key), down);
		free(down);
	}
	return map_of(l, v, at, "this", any, false);
}

static jv listen_map(struct lint *l, jv v, const char *at)
{
	return map_of(l, v, at, "'listen'", text, true);
}

enum modifier {
	M_ALLOW = 1, M_HEADERS = 2, M_FOLLOW = 4, M_COMMIT = 8, M_REGION = 16, M_TIMEOUT = 32, M_BODY = 64, M_FORM = 128, M_DO = 256,
	M_THEN = 512, M_FRESH = 1024
};
#define M_REQUEST (M_ALLOW | M_HEADERS | M_FOLLOW | M_COMMIT | M_TIMEOUT)

static const struct modifier_key {
	const char *name;
	check *check;
	enum modifier of;
	bool needed;
} modifiers[] = {
	{"allow", allow, M_ALLOW, false}, {"headers", header_texts, M_HEADERS, false}, {"follow", boolean, M_FOLLOW, false},
	{"commit", boolean, M_COMMIT, false}, {"region", get_region, M_REGION, false}, {"timeout", duration, M_TIMEOUT, false},
	{"form", any, M_BODY, false}, {"json", any, M_BODY, false}, {"body", text, M_BODY, false}, {"type", text, M_BODY, false},
	{"set", field_map, M_FORM, false}, {"button", buttons, M_FORM, false}, {"do", steps, M_DO, true}, {"then", steps, M_THEN, true},
	{"else", steps, M_THEN, false}, {"fresh", boolean, M_FRESH, false},
};
#define MODIFIERS (sizeof modifiers / sizeof *modifiers)

static const struct verb {
	const char *name;
	check *check;
	unsigned modifiers;
	bool browser;
} verbs[] = {
	{"get", address, M_REQUEST | M_REGION | M_FRESH, false}, {"post", address, M_REQUEST | M_BODY, false},
	{"submit", selector, M_REQUEST | M_FORM, false}, {"expect", condition, 0, false}, {"let", let, 0, false}, {"rows", rows, 0, false},
	{"slots", expression, 0, false}, {"for", loop, M_DO, false}, {"if", test, M_THEN, false}, {"mark", mark, 0, false},
	{"otp", otp, 0, false}, {"human", human, 0, false}, {"use", use, 0, false}, {"identity", expression, 0, false},
	{"booking", booking, 0, false}, {"end", class_item, 0, false},
	{"click", selector, M_ALLOW | M_COMMIT | M_TIMEOUT, true}, {"fill", selector_map, M_TIMEOUT, true},
	{"choose", selector_map, M_TIMEOUT, true}, {"check", selector, M_TIMEOUT, true}, {"press", text, M_TIMEOUT, true},
	{"upload", selector_map, M_TIMEOUT, true}, {"wait", condition, M_TIMEOUT, true}, {"listen", listen_map, 0, true},
	{"frame", selector, M_TIMEOUT, true}, {"screenshot", plain, 0, true},
};
#define VERBS (sizeof verbs / sizeof *verbs)

static const struct verb *verb_named(const char *s)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, s) == 0)
			return &verbs[i];
	return NULL;
}

static const struct modifier_key *modifier_named(const char *s)
{
	for (size_t i = 0; i < MODIFIERS; i++)
		if (strcmp(modifiers[i].name, s) == 0)
			return &modifiers[i];
	return NULL;
}

/* The one verb of STEP; NULL when that was said to be wrong. */
static const struct verb *verb_of(struct lint *l, jv step, const char *at)
{
	const struct verb *found = NULL;
	char first[24] = "";

	for (struct json_iter it = json_iter(step); json_next(&it);) {
		const struct verb *v = verb_named(it.key);

		if (!v)
			continue;
		if (found) {
			mistake_at(&l->mistakes, at, "'%s' and '%s' in one step: a step has one verb", first, it.key);
			json_iter_end(&it);
			return NULL;
		}
		found = v;
		snprintf(first, sizeof first, "%s", it.key);
	}
	return found;
}

static const char *near_word(const char *s, const struct verb *v)
{
	const char *names[VERBS + MODIFIERS + 2];
	size_t n = 0;

	for (size_t i = 0; !v && i < VERBS; i++)
		names[n++] = verbs[i].name;
	for (size_t i = 0; v && i < MODIFIERS; i++)
		if (modifiers[i].of & v->modifiers)
			names[n++] = modifiers[i].name;
	if (v)
		names[n++] = "why";
	names[n] = NULL;
	return name_nearest(s, names);
}

/* A key that is neither the verb nor one of its modifiers. */
static void stray_key(struct lint *l, const char *key, jv value, const struct verb *v, const char *at)
{
	const char *near = near_word(key, v);

	if (json_is(value, JV_KIND_STRING) && !json_len(value))
		mistake_key(&l->mistakes, at, "'%s' is a key without a value: a comma within { } begins a new key, so such a text needs quotes", key);
	else if (!v)
		mistake_key(&l->mistakes, at, near ? "there is no verb '%s' (did you mean '%s'?)" : "there is no verb '%s'", key, near);
	else
		mistake_key(&l->mistakes, at, near ? "'%s' takes no '%s' (did you mean '%s'?)" : "'%s' takes no '%s'", v->name, key, near);
}

static jv step_without_verb(struct lint *l, jv v, const char *at)
{
	bool said = false;

	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		if (!modifier_named(it.key) && strcmp(it.key, "why")) {
			stray_key(l, it.key, it.value, NULL, down);
			said = true;
		}
		free(down);
	}
	if (!said)
		mistake_at(&l->mistakes, at, "a step has a verb, such as get or expect");
	return jv_object();
}

static void check_bodies(struct lint *l, jv v, const char *at)
{
	if (json_has(v, "form") + json_has(v, "json") + json_has(v, "body") > 1)
		mistake_at(&l->mistakes, at, "form, json and body exclude each other");
}

static jv step(struct lint *l, jv v, const char *at)
{
	const struct verb *verb;
	jv out = jv_object();

	if (!is_map(l, v, at, "a step"))
		return out;
	size_t before = l->mistakes.n;

	verb = verb_of(l, v, at);
	if (!verb) {
		jv_free(out);
		return l->mistakes.n > before ? jv_object() : step_without_verb(l, v, at);
	}
	if (verb->browser && !l->browser)
		mistake_key(&l->mistakes, at, "'%s' needs transport: browser", verb->name);
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		const struct modifier_key *m = modifier_named(it.key);
		char *down = pointer_down(at, it.key);

		if (strcmp(it.key, verb->name) == 0)
			out = json_set(out, it.key, verb->check(l, it.value, down));
		else if (strcmp(it.key, "why") == 0)
			out = json_set(out, it.key, text(l, it.value, down));
		else if (m && m->of & verb->modifiers)
			out = json_set(out, it.key, m->check(l, it.value, down));
		else
			stray_key(l, it.key, it.value, verb, down);
		free(down);
	}
	for (size_t i = 0; i < MODIFIERS; i++)
		if (modifiers[i].needed && modifiers[i].of & verb->modifiers && !json_has(v, modifiers[i].name))
			mistake_at(&l->mistakes, at, "'%s' lacks '%s'", verb->name, modifiers[i].name);
	check_bodies(l, v, at);
	return out;
}

static jv steps(struct lint *l, jv v, const char *at)
{
	return list_of(l, v, at, step);
}

/* --- flows --- */

/* Which public flows reach a private one, by `use`. */
static void reach(struct lint *l, jv flows, jv v, const char *root, int depth)
{
	const char *name = json_str(v, "use", NULL);
	jv users, there;

	if (name && depth < 24) {
		users = json_get(l->users, name);
		if (!json_is(users, JV_KIND_OBJECT))
			users = jv_object();
		l->users = json_set(l->users, name, json_set(users, root, jv_true()));
		there = json_get(flows, name);
		reach(l, flows, there, root, depth + 1);
		jv_free(there);
	}
	for (struct json_iter it = json_iter(v); json_next(&it);)
		if (json_is(it.value, JV_KIND_ARRAY) || json_is(it.value, JV_KIND_OBJECT))
			reach(l, flows, it.value, root, depth + 1);
}

static unsigned roots_of(const char *flow)
{
	unsigned roots = ROOT_RECORD | 1u << ROOT_VAR | 1u << ROOT_PAGE | 1u << ROOT_NOW;

	if (strcmp(flow, "login") == 0)
		roots |= 1u << ROOT_CREDENTIALS;
	if (strcmp(flow, "book") == 0 || strcmp(flow, "verify") == 0 || strcmp(flow, "cancel") == 0)
		roots |= 1u << ROOT_SLOT | 1u << ROOT_BOOKING;
	return roots;
}

/* What a flow may use: for a private one, what all may that use it. */
static unsigned scope_of(struct lint *l, const char *flow)
{
	jv users = json_get(l->users, flow);
	unsigned roots = ~0u;

	for (struct json_iter it = json_iter(users); json_next(&it);)
		roots &= roots_of(it.key);
	jv_free(users);
	return flow_public(flow) ? roots_of(flow) : roots;
}

static jv exec(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");

	if (*s == '/' || strcmp(s, "..") == 0 || str_starts(s, "../") || str_ends(s, "/..") || strstr(s, "/../"))
		mistake_at(&l->mistakes, at, "a program lies in the provider's folder: write ./NAME");
	return plain(l, v, at);
}

static jv flow(struct lint *l, jv v, const char *at, const char *flow_name)
{
	static const struct key keys[] = {{"exec", exec, true}, {NULL, NULL, false}};
	char *where = xasprintf("in '%s'", flow_name);
	struct lint_scope outside = l->scope;
	jv out;

	l->scope.roots = scope_of(l, flow_name);
	l->scope.where = where;
	if (json_is(v, JV_KIND_OBJECT)) {
		if (!flow_public(flow_name))
			mistake_at(&l->mistakes, at, "only a flow that is run by name can be a program");
		out = mapping(l, v, at, "a flow that is a program", keys);
	} else {
		out = steps(l, v, at);
		if (json_is(v, JV_KIND_ARRAY) && !json_len(v))
			mistake_at(&l->mistakes, at, "'%s' has no steps", flow_name);
	}
	l->scope = outside;
	free(where);
	return out;
}

static void check_unused(struct lint *l, const char *flow_name, const char *at)
{
	const char *near = name_nearest(flow_name, flow_names);

	if (flow_public(flow_name) || json_has(l->users, flow_name))
		return;
	if (near)
		mistake_key(&l->mistakes, at, "nothing uses '%s' (did you mean '%s'?)", flow_name, near);
	else
		mistake_key(&l->mistakes, at, "nothing uses '%s': flows run by name are login, alive, check, book, verify and cancel", flow_name);
}

static jv flows(struct lint *l, jv v, const char *at)
{
	jv out = jv_object();

	if (!is_map(l, v, at, "'flows'"))
		return out;
	for (const char *const *n = flow_names; *n; n++) {
		jv there = json_get(v, *n);

		reach(l, v, there, *n, 0);
		jv_free(there);
	}
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		if (!name_valid(it.key))
			mistake_key(&l->mistakes, down, "'%s' is no flow's name: small letters, digits, '_' and '-'", it.key);
		check_unused(l, it.key, down);
		out = json_set(out, it.key, flow(l, it.value, down, it.key));
		free(down);
	}
	if (!json_has(v, "check"))
		mistake_at(&l->mistakes, at, "'flows' lacks 'check'");
	return out;
}

/* --- what must be known before the rest is looked at --- */

static void set_name(jv *names, const char *s)
{
	if (s && *s)
		*names = json_set(*names, s, jv_true());
}

static void set_keys(jv *names, jv map)
{
	for (struct json_iter it = json_iter(map); json_next(&it);)
		if (it.key)
			set_name(names, it.key);
	jv_free(map);
}

/* Every name that some step keeps a value under. */
static void find_vars(jv v, jv *names)
{
	if (json_is(v, JV_KIND_OBJECT)) {
		jv rows_spec = json_get(v, "rows"), human_spec = json_get(v, "human"), otp_spec = json_get(v, "otp");

		set_keys(names, json_get(v, "let"));
		set_keys(names, json_get(v, "for"));
		if (json_is(rows_spec, JV_KIND_OBJECT))
			set_name(names, json_str(rows_spec, "into", "rows"));
		if (json_is(human_spec, JV_KIND_OBJECT))
			set_name(names, json_str(human_spec, "into", "answer"));
		set_name(names, json_str(otp_spec, "into", NULL));
		jv_free(rows_spec);
		jv_free(human_spec);
		jv_free(otp_spec);
	}
	for (struct json_iter it = json_iter(v); json_next(&it);)
		find_vars(it.value, names);
}

static void find_classes(struct lint *l, jv doc)
{
	jv rules = json_get(doc, "classify");

	for (const char *const *c = built_in_classes; *c; c++)
		l->classes = json_set(l->classes, *c, jv_true());
	for (struct json_iter it = json_iter(rules); json_next(&it);)
		set_name(&l->classes, json_str(it.value, "class", NULL));
	jv_free(rules);
}

static void add_origin(struct lint *l, const char *url)
{
	char *origin = url && !strstr(url, "${") ? url_origin(url) : NULL;

	if (origin)
		l->origins = json_push(l->origins, jv_string(origin));
	free(origin);
}

/* Where addresses may go: the base's origin when no others are listed. */
static void find_origins(struct lint *l, jv doc)
{
	jv list = json_get(doc, "origins");

	for (struct json_iter it = json_iter(list); json_next(&it);)
		add_origin(l, json_string(it.value, NULL));
	if (!json_is(list, JV_KIND_ARRAY))
		add_origin(l, json_str(doc, "base", NULL));
	jv_free(list);
}

static void find_names(struct lint *l, jv doc)
{
	jv all = json_get(doc, "flows"), wanted = json_get(doc, "needs");

	find_vars(all, &l->scope.vars);
	set_keys(&l->scope.vars, json_get(doc, "vars"));
	for (struct json_iter it = json_iter(wanted); json_next(&it);)
		set_name(&l->scope.needs, need_path(it.key ? it.key : json_string(it.value, "")));
	find_classes(l, doc);
	find_origins(l, doc);
	l->browser = strcmp(json_str(doc, "transport", "http"), "browser") == 0;
	jv_free(wanted);
	jv_free(all);
}

/* --- the whole --- */

static jv classify_all(struct lint *l, jv v, const char *at)
{
	unsigned roots = l->scope.roots;
	jv out;

	l->scope.roots = roots_of("book");
	out = classify(l, v, at);
	l->scope.roots = roots;
	return out;
}

static void check_base_listed(struct lint *l, jv doc)
{
	const char *s = json_str(doc, "base", "${");
	char *origin = strstr(s, "${") ? NULL : url_origin(s);

	if (origin && json_has(doc, "origins") && !origin_listed(l, origin))
		mistake_at(&l->mistakes, "/base", "%s is not in 'origins'", origin);
	free(origin);
}

void lint_provider(struct lint *l, const struct yaml *y, const char *source, const char *folder)
{
	static const struct key keys[] = {
		{"name", name, true}, {"title", plain, true}, {"about", plain, false}, {"transport", transport, false},
		{"base", base, true}, {"origins", origins, false}, {"timezone", zone, false}, {"headers", header_texts, false},
		{"terms", plain, false}, {"needs", needs, false}, {"vars", variables, false}, {"pace", pace, false},
		{"classify", classify_all, false}, {"policy", policy, false}, {"flows", flows, true}, {NULL, NULL, false}};

	*l = (struct lint){.mistakes = {.yaml = y, .source = source}, .selectors = jv_array(), .homes = jv_object(),
			   .classes = jv_object(), .users = jv_object(), .origins = jv_array(),
			   .scope = {.needs = jv_object(), .vars = jv_object(), .where = "outside of the flows",
				     .roots = ROOT_RECORD | 1u << ROOT_NOW}};
	find_names(l, y->value);
	l->doc = mapping(l, y->value, "", "a provider", keys);
	check_base_listed(l, y->value);
	if (folder && json_has(l->doc, "name") && strcmp(json_str(l->doc, "name", ""), folder))
		mistake_at(&l->mistakes, "/name", "the folder is called '%s': a provider is found by its folder's name", folder);
	if (!json_has(l->doc, "transport"))
		l->doc = json_set(l->doc, "transport", jv_string("http"));
	jv all = json_get(l->doc, "flows");

	lint_flows(&l->mistakes, all);
	jv_free(all);
	mistakes_sort(&l->mistakes);
}

void lint_free(struct lint *l)
{
	mistakes_free(&l->mistakes);
	jv_free(l->doc);
	jv_free(l->selectors);
	jv_free(l->homes);
	jv_free(l->classes);
	jv_free(l->users);
	jv_free(l->origins);
	jv_free(l->scope.needs);
	jv_free(l->scope.vars);
}

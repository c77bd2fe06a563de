#include "store/session.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* --- the schema: ab-session(5) says the same in words --- */

enum kind {
	ANY_TEXT,
	TEXT,      /* not the empty one */
	NAME,      /* a name (name_valid) */
	ZONE, DATE, OPEN_DATE, DURATION, JITTER, HOURS, CLOCK, URL, PROXY,
	WORD,      /* one of WORDS */
	BOOL, COUNT,
	TEXTS,     /* a mapping of ANY_TEXT */
	ANYTHING,  /* texts, in mappings and lists as deep as one likes */
	PERSON,    /* a mapping of ANYTHING */
	MAP,       /* a mapping of FIELDS */
	LIST,      /* a list of FIELDS[0] */
	MAPS,      /* one mapping of FIELDS[0], or a list of them */
	URL_OR_MAP /* a URL, or a mapping of FIELDS */
};

struct spec {
	const char *name;
	enum kind kind;
	const struct spec *fields;
	const char *words;
	bool required;
};

#define F(n, k) {.name = (n), .kind = (k)}
#define NEEDED(n, k) {.name = (n), .kind = (k), .required = true}
#define WORDS(n, w) {.name = (n), .kind = WORD, .words = (w)}
#define MAPPING(n, f) {.name = (n), .kind = MAP, .fields = (f)}
#define LISTED(n, item) {.name = (n), .kind = LIST, .fields = (item)}
#define LIST_OF(n, k) {.name = (n), .kind = LIST, .fields = (const struct spec[]){{.kind = (k)}}}

/* jq programs */
static const struct spec web_mail[] = {
	F("id", TEXT), F("link", TEXT), F("raw", TEXT), F("from", TEXT), F("to", TEXT), F("subject", TEXT), F("date", TEXT),
	F("text", TEXT), F("html", TEXT), {0},
};

static const struct spec inbox[] = {
	NEEDED("url", URL), F("username", TEXT), F("password", TEXT), F("token", TEXT), F("secret", TEXT),
	F("cafile", TEXT), LIST_OF("folders", TEXT), F("to", TEXT), F("skew", DURATION), F("settle", DURATION),
	F("after", DURATION), F("question", TEXT), F("options", TEXTS),
	F("plaintext", BOOL), F("consume", BOOL), F("idle", DURATION), F("headers", TEXTS), F("interval", DURATION), F("list", TEXT), MAPPING("mail", web_mail), {0},
};
static const struct spec inboxes = {.kind = MAP, .fields = inbox};

static const struct spec notice[] = {
	NEEDED("url", URL), F("smtp", URL), F("username", TEXT), F("password", TEXT), F("token", TEXT), F("from", TEXT), F("cafile", TEXT),
	F("plaintext", BOOL), F("template", TEXT), F("headers", TEXTS), F("options", TEXTS), {0},
};
static const struct spec notices = {.kind = URL_OR_MAP, .fields = notice};

static const struct spec weekday = {.kind = WORD, .words = "mon tue wed thu fri sat sun"};

static const struct spec preferences[] = {
	LIST_OF("between", OPEN_DATE),
	LISTED("weekdays", &weekday),
	LIST_OF("hours", HOURS),
	LIST_OF("locations", TEXT),
	LIST_OF("categories", TEXT),
	LIST_OF("exclude", DATE),
	F("notice", DURATION),
	{0},
};

static const struct spec burst[] = {
	NEEDED("at", CLOCK), NEEDED("for", DURATION), NEEDED("interval", DURATION), {0},
};
static const struct spec bursts = {.kind = MAP, .fields = burst};

static const struct spec schedule[] = {
	F("interval", DURATION), F("jitter", JITTER), LIST_OF("active", HOURS), LISTED("bursts", &bursts),
	F("blind_after", DURATION), {0},
};

static const struct spec consent[] = {
	F("owner", BOOL),
	WORDS("book", "yes ask no"),
	WORDS("cancel", "yes no"),
	F("until", DATE),
	F("requests_per_day", COUNT),
	F("solver", TEXT),
	LIST_OF("proxies", PROXY),
	LIST_OF("programs", TEXT),
	{0},
};

/* In the order of the manual, which is also that of a text to edit. */
static const struct spec session[] = {
	NEEDED("provider", NAME),
	F("site", TEXTS),
	NEEDED("timezone", ZONE),
	F("credentials", TEXTS),
	{.name = "inbox", .kind = MAPS, .fields = &inboxes},
	F("profile", PERSON),
	LIST_OF("party", PERSON),
	MAPPING("preferences", preferences),
	MAPPING("schedule", schedule),
	LISTED("notify", &notices),
	F("daily", CLOCK),
	F("proxy", PROXY),
	F("headed", BOOL),
	MAPPING("consent", consent),
	{0},
};

/* --- checking --- */

struct check {
	struct str at; /* pointer of the value being checked */
	session_where *where;
	void *ctx;
	struct err *e;
};

static jv refuse(struct check *c, const char *suffix, const char *what)
{
	char *pointer = xasprintf("%s%s", str_text(&c->at), suffix), *field = xstrdup(str_text(&c->at)), *p;
	int line, column;

	for (p = field; *p; p++)
		if (*p == '/')
			*p = '.';
	if (c->where) {
		c->where(c->ctx, pointer, &line, &column);
		err_set(c->e, EX_DATAERR, "line %d, column %d: %s%s%s", line, column, *field ? field + 1 : "", *field ? ": " : "", what);
	} else {
		err_set(c->e, EX_DATAERR, "%s%s%s", *field ? field + 1 : "", *field ? ": " : "", what);
	}
	free(field);
	free(pointer);
	return jv_invalid();
}

static size_t go_down(struct check *c, const char *key)
{
	size_t len = c->at.len;

	str_putc(&c->at, '/');
	for (; *key; key++)
		if (*key == '~' || *key == '/')
			str_puts(&c->at, *key == '~' ? "~0" : "~1");
		else
			str_putc(&c->at, *key);
	return len;
}

static void go_up(struct check *c, size_t len)
{
	c->at.len = len;
	c->at.s[len] = '\0';
}

/* Levenshtein's distance of two short names. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= 63 || strlen(a) >= 63)
		return 64;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = up;
		}
	}
	return row[n];
}

static jv unknown(struct check *c, const struct spec *fields, const char *key)
{
	const char *near = NULL;
	size_t best = (strlen(key) + 1) / 3 + 1, len = go_down(c, key);
	char what[160];
	jv r;

	for (const struct spec *f = fields; f->name; f++)
		if (distance(key, f->name) < best) {
			best = distance(key, f->name);
			near = f->name;
		}
	snprintf(what, sizeof what, near ? "unknown; did you mean '%s'?" : "unknown: ab-session(5) has the names", near);
	r = refuse(c, "#key", what);
	go_up(c, len);
	return r;
}

static bool clock_text(const char **p)
{
	const char *t = *p;
	int hour, minute;

	for (int i = 0; i < 5; i++)
		if (i == 2 ? t[i] != ':' : !isdigit((unsigned char)t[i]))
			return false;
	hour = (t[0] - '0') * 10 + t[1] - '0';
	minute = (t[3] - '0') * 10 + t[4] - '0';
	*p += 5;
	return minute < 60 && (hour < 24 || (hour == 24 && minute == 0));
}

static bool hours_text(const char *s)
{
	const char *p = s;

	return clock_text(&p) && *p++ == '-' && clock_text(&p) && !*p && strncmp(s, s + 6, 5) != 0 && !str_starts(s, "24");
}

static bool time_text(const char *s)
{
	const char *p = s;

	return clock_text(&p) && !*p && !str_starts(s, "24");
}

static bool url_text(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	return n && islower((unsigned char)s[0]) && s[n] == ':';
}

static bool proxy_text(const char *s)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (str_starts(s, schemes[i]) && s[strlen(schemes[i])])
			return true;
	return false;
}

static bool jitter_text(const char *s)
{
	char digits[8];
	long long percent;
	int64_t ms;

	if (!str_ends(s, "%"))
		return duration_parse(s, &ms) == 0;
	if (strlen(s) > 4)
		return false;
	snprintf(digits, sizeof digits, "%.*s", (int)strlen(s) - 1, s);
	return str_long(digits, 0, 100, &percent) == 0;
}

static bool word_text(const char *words, const char *s)
{
	size_t len = strlen(s);

	for (const char *w = words; *w; w += strspn(w, " ")) {
		size_t n = strcspn(w, " ");

		if (n == len && memcmp(w, s, n) == 0)
			return true;
		w += n;
	}
	return false;
}

/* What a scalar of this kind must look like; NULL when S does. */
static const char *scalar_wrong(const struct spec *spec, const char *s)
{
	int64_t ms;

	switch (spec->kind) {
	case TEXT:
		return *s ? NULL : "must not be empty";
	case NAME:
		return name_valid(s) ? NULL : "must be a name of a-z, 0-9, '.', '_' and '-'";
	case ZONE:
		return *s && zone_valid(s) ? NULL : "must be a time zone such as Europe/Istanbul";
	case OPEN_DATE:
		if (!*s)
			return NULL;
		/* fall through */
	case DATE:
		return date_valid(s) ? NULL : "must be a real date such as 2026-12-31";
	case DURATION:
		return duration_parse(s, &ms) == 0 && ms > 0 ? NULL : "must be a duration such as 90s, 10m, 48h or 1h30m";
	case JITTER:
		return jitter_text(s) ? NULL : "must be a duration such as 10s, or a share such as 20%";
	case HOURS:
		return hours_text(s) ? NULL : "must be hours such as \"09:00-12:30\"";
	case CLOCK:
		return time_text(s) ? NULL : "must be a time of day such as \"09:00\"";
	case URL:
		return url_text(s) ? NULL : "must be a URL: scheme:rest";
	case PROXY:
		return proxy_text(s) ? NULL : "must be a proxy's URL: http, https, socks5 or socks5h";
	default:
		return NULL;
	}
}

static jv check_text(struct check *c, const struct spec *spec, jv v)
{
	const char *s = json_string(v, NULL), *wrong;
	char what[120];

	if (!s)
		return refuse(c, "", json_is(v, JV_KIND_ARRAY) || json_is(v, JV_KIND_OBJECT) ? "must be one text, not a list or mapping" :
			      "must be a text (in quotes)");
	if (spec->kind == WORD && !word_text(spec->words, s)) {
		snprintf(what, sizeof what, "must be one of: %s", spec->words);
		return refuse(c, "", what);
	}
	wrong = scalar_wrong(spec, s);
	return wrong ? refuse(c, "", wrong) : jv_copy(v);
}

static jv check_bool(struct check *c, jv v)
{
	const char *s = json_string(v, "");

	if (json_is(v, JV_KIND_TRUE) || strcmp(s, "true") == 0)
		return jv_true();
	if (json_is(v, JV_KIND_FALSE) || strcmp(s, "false") == 0)
		return jv_false();
	return refuse(c, "", "must be true or false");
}

static jv check_count(struct check *c, jv v)
{
	long long n;
	double d = json_is(v, JV_KIND_NUMBER) ? jv_number_value(v) : 0;

	if (json_is(v, JV_KIND_NUMBER) && d >= 1 && d <= 1e6 && d == (double)(int)d)
		return jv_number(d);
	if (str_long(json_string(v, ""), 1, 1000000, &n) == 0)
		return jv_number((double)n);
	return refuse(c, "", "must be a number from 1 to 1000000");
}

static jv check(struct check *c, const struct spec *spec, jv v);

/* A key left empty ("notify:") is an empty list or mapping. */
static bool left_empty(jv v)
{
	const char *s = json_string(v, NULL);

	return s && !*s;
}

/* One member or item; adds it to OUT (consumed), or gives invalid. */
static jv add_checked(struct check *c, const struct spec *spec, const char *key, int index, jv v, jv out)
{
	char number[16];
	size_t len;
	jv checked;

	snprintf(number, sizeof number, "%d", index);
	len = go_down(c, key ? key : number);
	checked = check(c, spec, v);
	go_up(c, len);
	if (!json_ok(checked)) {
		jv_free(out);
		return checked;
	}
	return key ? json_set(out, key, checked) : json_push(out, checked);
}

/* Every member or item under one SPEC. */
static jv check_each(struct check *c, const struct spec *spec, jv v, jv out)
{
	for (struct json_iter it = json_iter(v); json_ok(out) && json_next(&it);) {
		out = add_checked(c, spec, it.key, it.index, it.value, out);
		if (!json_ok(out))
			json_iter_end(&it);
	}
	return out;
}

static const struct spec *field_named(const struct spec *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static jv check_map(struct check *c, const struct spec *fields, jv v)
{
	jv out = jv_object();
	char what[80];

	if (!json_is(v, JV_KIND_OBJECT))
		return left_empty(v) ? out : (jv_free(out), refuse(c, "", "must be a mapping (key: value)"));
	for (struct json_iter it = json_iter(v); json_ok(out) && json_next(&it);) {
		const struct spec *f = field_named(fields, it.key);

		if (f) {
			out = add_checked(c, f, it.key, 0, it.value, out);
		} else {
			jv_free(out);
			out = unknown(c, fields, it.key);
		}
		if (!json_ok(out))
			json_iter_end(&it);
	}
	for (const struct spec *f = fields; json_ok(out) && f->name; f++)
		if (f->required && !json_has(out, f->name)) {
			snprintf(what, sizeof what, "'%s' is missing", f->name);
			jv_free(out);
			out = refuse(c, "", what);
		}
	return out;
}

static jv check_list(struct check *c, const struct spec *spec, jv v)
{
	if (json_is(v, JV_KIND_ARRAY))
		return check_each(c, spec->fields, v, jv_array());
	return left_empty(v) ? jv_array() : refuse(c, "", "must be a list: [one, two]");
}

static jv check_anything(struct check *c, const struct spec *spec, jv v)
{
	if (json_is(v, JV_KIND_OBJECT) || json_is(v, JV_KIND_ARRAY))
		return check_each(c, spec, v, json_is(v, JV_KIND_ARRAY) ? jv_array() : jv_object());
	return check_text(c, spec, v);
}

static jv check(struct check *c, const struct spec *spec, jv v)
{
	switch (spec->kind) {
	case BOOL:
		return check_bool(c, v);
	case COUNT:
		return check_count(c, v);
	case ANYTHING:
		return check_anything(c, spec, v);
	case TEXTS:
	case PERSON:
		if (!json_is(v, JV_KIND_OBJECT) && !left_empty(v))
			return refuse(c, "", "must be a mapping (key: value)");
		return check_each(c, &(struct spec){.kind = spec->kind == PERSON ? ANYTHING : ANY_TEXT}, v, jv_object());
	case MAP:
		return check_map(c, spec->fields, v);
	case LIST:
		return check_list(c, spec, v);
	case URL_OR_MAP:
		return json_is(v, JV_KIND_OBJECT) ? check_map(c, spec->fields, v) : check_text(c, &(struct spec){.kind = URL}, v);
	case MAPS:
		return json_is(v, JV_KIND_ARRAY) ? check_list(c, spec, v) : check(c, spec->fields, v);
	default:
		return check_text(c, spec, v);
	}
}

/* What no single field can tell. */
static jv check_between(struct check *c, jv whole)
{
	jv between = json_path(whole, "preferences.between"), from = json_at(between, 0), to = json_at(between, 1);
	const char *a = json_string(from, ""), *b = json_string(to, ""), *wrong = NULL;

	if (json_len(between) != 0 && json_len(between) != 2)
		wrong = "must be two dates: [first, last]";
	else if (*a && *b && strcmp(a, b) > 0)
		wrong = "the first date is after the last";
	if (wrong) {
		str_puts(&c->at, "/preferences/between");
		jv_free(whole);
		whole = refuse(c, "", wrong);
	}
	jv_free(between);
	jv_free(from);
	jv_free(to);
	return whole;
}

jv session_check(jv value, session_where *where, void *ctx, struct err *e)
{
	struct check c = {.where = where, .ctx = ctx, .e = e};
	jv whole = check_map(&c, session, value);

	if (json_ok(whole))
		whole = check_between(&c, whole);
	str_free(&c.at);
	jv_free(value);
	return whole;
}

/* --- parts --- */

static enum part part_of(const char *field)
{
	if (strcmp(field, "credentials") == 0 || strcmp(field, "inbox") == 0)
		return PART_SECRETS;
	if (strcmp(field, "profile") == 0 || strcmp(field, "party") == 0)
		return PART_PROFILE;
	if (strcmp(field, "notify") == 0)
		return PART_NOTICES;
	return PART_RULES;
}

jv session_part(jv whole, enum part part)
{
	jv out = jv_object();

	for (struct json_iter it = json_iter(whole); json_next(&it);)
		if (part_of(it.key) == part)
			out = json_set(out, it.key, jv_copy(it.value));
	return out;
}

jv session_join(const jv parts[PART_COUNT])
{
	jv whole = jv_object();

	for (enum part p = 0; p < PART_COUNT; p++)
		if (part_is_written(p))
			whole = json_merge_take(whole, jv_copy(parts[p]));
	return json_del(json_del(whole, "id"), "pace");
}

const char *session_field(int index)
{
	return index >= 0 && (size_t)index < sizeof session / sizeof *session ? session[index].name : NULL;
}

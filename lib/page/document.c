#include "page/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "ext/httphead.h"
#include "page/charset.h"
#include "page/css.h"

#define NESTING_HINT 300 /* open tags without an end, from which a page is parsed before its summary */
#define LOAD_MAX (4u << 20)
#define XPATH_MAX 4096
#define PLACES_MAX 50 /* of a marker that embed looks at: each may cost a look at the whole page */
#define GIVEN_MAX (32u << 20) /* memory that an answer's values may take */
#define GIVEN_LIST 512        /* … and what a list or object takes of it, however empty */
#define GIVEN_TEXT 48

/* ---- making one ---- */

static bool is_json(const char *type)
{
	return strcmp(type, "application/json") == 0 || strcmp(type, "text/json") == 0 || str_ends(type, "+json");
}

static bool is_markup(const char *type)
{
	return !*type || strcmp(type, "text/html") == 0 || str_ends(type, "+xml") || str_ends(type, "/xml");
}

static char *media_type(const char *header, size_t len)
{
	size_t n = 0;
	char *type;

	while (n < len && !strchr("; \t,", header[n]))
		n++;
	type = xstrndup(header, n);
	for (char *p = type; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 32;
	return type;
}

static jv headers_json(const struct str *head)
{
	jv headers = jv_object();
	const char *name, *value;
	size_t at = 0, n, len;

	while (http_head_next(head, &at, &name, &n, &value, &len)) {
		char *key = xstrndup(name, n), *text;

		for (char *p = key; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p |= 32;
		if (json_has(headers, key))
			text = xasprintf("%s, %.*s", json_str(headers, key, ""), (int)len, value);
		else
			text = xstrndup(value, len);
		headers = json_set(headers, key, jv_string(text));
		free(text);
		free(key);
	}
	return headers;
}

static void take_json(struct document *d)
{
	struct err e;

	if (!is_json(d->type))
		return;
	d->json = json_parse_foreign(str_text(&d->text), d->text.len, &e);
	if (!json_ok(d->json))
		d->json_error = xstrdup(e.text);
}

/* The one place of MARK in TEXT; NULL when there is none or more. */
static const char *only(const char *text, size_t len, const char *mark)
{
	size_t n = strlen(mark);
	const char *at = n ? memmem(text, len, mark, n) : NULL;

	if (at && memmem(at + 1, len - (size_t)(at + 1 - text), mark, n))
		return NULL;
	return at;
}

static void take_region(struct document *d, jv region)
{
	const char *text = str_text(&d->text), *from, *to;

	d->to = d->text.len;
	d->region_asked = json_is(region, JV_KIND_OBJECT);
	if (!d->region_asked)
		return;
	from = only(text, d->text.len, json_str(region, "from", ""));
	to = only(text, d->text.len, json_str(region, "to", ""));
	if (!from || !to || to <= from)
		return;
	d->region_found = true;
	d->from = (size_t)(from - text);
	d->to = (size_t)(to - text);
}

/* Elements without an end tag, or whose end tag may be left out. */
static bool ends_itself(const char *s, size_t len)
{
	static const char list[] = " area base br col dd dt embed hr img input li link meta option p param path source tbody "
				   "td tfoot th thead tr track use wbr ";
	char padded[16] = " ";
	size_t n = 0;

	while (n < len && n < sizeof padded - 3 && ((s[n] | 32) >= 'a' && (s[n] | 32) <= 'z'))
		padded[n + 1] = (char)(s[n] | 32), n++;
	padded[n + 1] = ' ';
	padded[n + 2] = '\0';
	return strstr(list, padded);
}

/* Roughly how deep the markup is nested: what is closed wrongly makes it too low, which is found out
 * at the parse. */
static size_t nesting(const char *s, size_t len)
{
	const char *end = s + len;
	size_t depth = 0, most = 0;

	while ((s = memchr(s, '<', (size_t)(end - s))) && ++s < end) {
		if (*s == '/')
			depth -= depth > 0 && !ends_itself(s + 1, (size_t)(end - s) - 1);
		else if ((*s | 32) >= 'a' && (*s | 32) <= 'z' && !ends_itself(s, (size_t)(end - s)) && ++depth > most)
			most = depth;
	}
	return most;
}

/* True for markup that the parser may cut: it is then parsed at once, so that the summary can say so. */
static bool suspicious(const char *s, size_t len)
{
	return nesting(s, len) > NESTING_HINT || html_flooded(s, len);
}

static bool has_tag(const struct str *text, const char *tag)
{
	size_t n = strlen(tag);
	const char *s = str_text(text), *end = s + text->len;

	while ((s = memchr(s, '<', (size_t)(end - s))) && (size_t)(end - s) > n)
		if (strncasecmp(++s, tag, n) == 0 && strchr("> \t\r\n\f/", s[n]))
			return true;
	return false;
}

/* Whether the page ends before its end, as far as it can be told: a program on the site that breaks down half-way ends its
 * answer quite properly. JSON tells by itself. */
static bool unfinished(const struct document *d, bool open_ended)
{
	bool good = d->status >= 200 && d->status < 300;

	if (d->status == 206) /* which nobody asked for */
		return true;
	if (is_json(d->type) || (d->status >= 300 && d->status < 400))
		return false;
	if (is_markup(d->type) && has_tag(&d->text, "/html"))
		return false;
	return open_ended || (good && is_markup(d->type) && has_tag(&d->text, "html"));
}

static int look(struct document *d, int64_t deadline)
{
	if (d->html)
		return 0;
	d->html = html_parse(is_markup(d->type) ? d->text.s + d->from : "", is_markup(d->type) ? d->to - d->from : 0, deadline);
	return html_cut(d->html) != NULL;
}

static void take_text(struct document *d, const char *body, size_t len, const char *content_type)
{
	const char *charset = charset_find(body, len, content_type, is_markup(d->type));

	d->charset = xstrdup(is_json(d->type) && !str_starts(charset, "utf-16") ? "utf-8" : charset);
	charset_decode(&d->text, body, len, d->charset);
	d->length = len;
}

struct document *document_new(struct answer *a, jv region, int64_t deadline)
{
	struct document *d = xcalloc(1, sizeof *d);
	const char *value = "";
	size_t len = 0;
	char *content_type;

	d->url = a->url;
	a->url = (struct url){0};
	d->status = a->status;
	d->redirects = a->redirects;
	d->ms = a->ms;
	d->cut = a->cut;
	d->json = jv_invalid();
	d->headers = headers_json(&a->head);
	http_head_get(&a->head, "content-type", &value, &len);
	content_type = xstrndup(value, len);
	d->type = media_type(content_type, len);
	take_text(d, str_text(&a->body), a->body.len, content_type);
	free(content_type);
	str_free(&a->body);
	take_json(d);
	take_region(d, region);
	d->cut |= unfinished(d, a->open_ended);
	if (is_markup(d->type) && suspicious(d->text.s + d->from, d->to - d->from) && look(d, deadline))
		d->cut = true;
	d->told_cut = d->cut;
	return d;
}

struct document *document_load(jv load, const struct url *base, struct fail *why)
{
	jv html = json_get(load, "html"), json = json_get(load, "json");
	bool is_html = json_is(html, JV_KIND_STRING);
	struct answer a = {.status = (int)json_int(load, "status", 200)};
	struct document *d = NULL;
	struct err e;

	if (is_html == json_has(load, "json"))
		fail_set(why, "usage", "load: give either html (a string) or json");
	else if (url_parse(&a.url, json_str(load, "url", base ? "" : "http://localhost/"), base, &e))
		fail_set(why, "usage", "load: url: %s", e.text);
	else if (json_len(html) > LOAD_MAX)
		fail_set(why, "limit", "load: more than %u bytes", LOAD_MAX);
	else {
		if (is_html)
			str_add(&a.body, json_string(html, ""), json_len(html));
		else
			json_add_text(&a.body, json);
		str_addf(&a.head, "content-type: %s; charset=utf-8\n",
			 json_str(load, "type", is_html ? "text/html" : "application/json"));
		d = document_new(&a, jv_null(), clock_mono() + 10000);
	}
	answer_free(&a);
	jv_free(html);
	jv_free(json);
	return d;
}

void document_free(struct document *d)
{
	if (!d)
		return;
	url_free(&d->url);
	jv_free(d->headers);
	free(d->type);
	free(d->charset);
	str_free(&d->text);
	jv_free(d->json);
	free(d->json_error);
	html_free(d->html);
	url_free(&d->base);
	free(d);
}

/* FNV-1a, 128 bits: tells regions apart, proves nothing. */
static char *hash(const char *s, size_t len)
{
	unsigned __int128 h = (unsigned __int128)0x6c62272e07bb0142u << 64 | 0x62b821756295c58du;
	const unsigned __int128 prime = (unsigned __int128)1 << 88 | 0x13b;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * prime;
	return xasprintf("%016llx%016llx", (unsigned long long)(h >> 64), (unsigned long long)h);
}

jv document_summary(const struct document *d)
{
	char *url = url_text(&d->url, true);
	jv s = json_obj("url", jv_string(url), "status", jv_number(d->status), "headers", jv_copy(d->headers), "type",
			jv_string(d->type), "charset", jv_string(d->charset), "length", jv_number((double)d->length), "cut",
			jv_bool(d->cut), "redirects", jv_number(d->redirects), "ms", jv_number((double)d->ms), NULL);

	free(url);
	if (json_ok(d->json))
		s = json_set(s, "json", jv_copy(d->json));
	else if (d->json_error)
		s = json_set_str(s, "json_error", d->json_error);
	if (d->region_asked) {
		char *h = d->region_found ? hash(d->text.s + d->from, d->to - d->from) : NULL;
		jv region = json_obj("found", jv_bool(d->region_found), NULL);

		s = json_set(s, "region", h ? json_set_str(region, "hash", h) : region);
		free(h);
	}
	return s;
}

/* ---- looking into it ---- */

int document_tree(struct document *d, int64_t deadline, struct html **tree, struct fail *why)
{
	look(d, deadline);
	*tree = d->html;
	if (html_cut(d->html) && html_late(d->html)) {
		html_free(d->html); /* a command with more time may try again */
		d->html = NULL;
		return fail_set(why, "timeout", "the page could not be parsed in time");
	}
	d->cut |= html_cut(d->html) != NULL;
	if (!html_cut(d->html) || d->told_cut)
		return 0;
	return fail_set(why, "limit", "the page is cut off: %s", html_cut(d->html));
}

int document_select(struct document *d, html_node *from, const char *sel, int64_t deadline, struct html_found *found,
		    struct fail *why)
{
	bool xpath = str_starts(sel, "xpath:") || *sel == '/';
	struct html *tree;
	struct err e = {0};
	char *compiled = NULL;
	enum html_select got;

	*found = (struct html_found){0};
	if (document_tree(d, deadline, &tree, why))
		return -1;
	if (xpath && strlen(sel) > XPATH_MAX)
		return fail_set(why, "selector", "xpath: more than %d bytes", XPATH_MAX);
	if (!xpath && !(compiled = css_xpath(sel, &e)))
		return fail_err(why, "selector", &e);
	if (xpath && *sel != '/')
		sel += 6 + strspn(sel + 6, " ");
	got = html_select(tree, from, compiled ? compiled : sel, found, &e);
	free(compiled);
	if (got == HTML_FOUND)
		return 0;
	return fail_set(why, got == HTML_LIMIT ? "limit" : "selector", "%s '%.100s': %s", xpath ? "xpath" : "css", sel, e.text);
}

int document_base(struct document *d, int64_t deadline, const struct url **base, struct fail *why)
{
	struct html_found found;
	char *href;
	struct err e;

	*base = d->base.host ? &d->base : &d->url;
	if (d->base_known)
		return 0;
	if (document_select(d, NULL, "xpath:(//base[@href])[1]", deadline, &found, why))
		return -1;
	href = found.n ? html_attr(found.nodes[0], "href") : NULL;
	html_found_free(&found);
	if (href && url_parse(&d->base, href, &d->url, &e) == 0)
		*base = &d->base;
	free(href);
	d->base_known = true;
	return 0;
}

/* Elements that stand inside a line: no blank where they begin or end. */
static bool is_inline(const char *name)
{
	static const char list[] = " a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q "
				   "ruby s samp small span strike strong sub sup time tt u var wbr ";
	char padded[32];
	size_t n = strlen(name);

	if (n > sizeof padded - 3)
		return false;
	padded[0] = ' ';
	memcpy(padded + 1, name, n);
	padded[n + 1] = ' ';
	padded[n + 2] = '\0';
	return strstr(list, padded);
}

static bool is_silent(const char *name)
{
	return strcmp(name, "script") == 0 || strcmp(name, "style") == 0 || strcmp(name, "template") == 0;
}

/* Hidden by its own attribute or style. What a style sheet hides is not known here. */
static bool is_hidden(html_node *n)
{
	char *style = html_attr(n, "style");
	bool hidden = html_has(n, "hidden");

	for (char *p = style; p && *p && !hidden; p++)
		if (strncasecmp(p, "display", 7) == 0) {
			p += 7 + strspn(p + 7, " \t:");
			hidden = strncasecmp(p, "none", 4) == 0;
			if (!*p)
				break;
		}
	free(style);
	return hidden;
}

/* The tree's depth is bounded, so this may recurse. */
static void add_text(struct str *b, html_node *top, bool visible)
{
	for (html_node *n = html_child(top); n; n = html_next(n)) {
		const char *text = html_text(n);
		bool block;

		if (text)
			fold_add(b, text, strlen(text));
		if (!html_is_element(n) || is_silent(html_name(n)) || (visible && (html_is(n, "head") || is_hidden(n))))
			continue;
		block = !is_inline(html_name(n));
		if (block)
			fold_add(b, " ", 1);
		add_text(b, n, visible);
		if (block)
			fold_add(b, " ", 1);
	}
}

char *node_text(html_node *n)
{
	struct str b = {0};

	if (html_is_element(n)) {
		add_text(&b, n, false);
	} else {
		char *raw = html_content(n);

		fold_add(&b, raw, strlen(raw));
		free(raw);
	}
	fold_end(&b);
	return str_take(&b);
}

/* What a person sees of the page, folded. */
static int visible_text(struct document *d, int64_t deadline, struct str *b, struct fail *why)
{
	struct html *tree;

	if (document_tree(d, deadline, &tree, why))
		return -1;
	if (!is_markup(d->type))
		fold_add(b, d->text.s + d->from, d->to - d->from);
	else if (html_root(tree))
		add_text(b, html_root(tree), true);
	fold_end(b);
	return 0;
}

/* Keys of an object that are not in the blank-separated list KNOWN: `usage`. */
static int known_keys(jv v, const char *what, const char *known, struct fail *why)
{
	if (!json_is(v, JV_KIND_OBJECT))
		return fail_set(why, "usage", "%s: not an object", what);
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *padded = xasprintf(" %s ", it.key);
		bool fine = strstr(known, padded);

		free(padded);
		if (!fine) {
			fail_set(why, "usage", "%s: unknown key '%.60s'", what, it.key);
			json_iter_end(&it);
			return -1;
		}
	}
	return 0;
}

/* The selector of V's `css` or `xpath`, in the form of document_select; NULL when it has neither. Caller frees. */
static char *spec_selector(jv v)
{
	const char *css = json_str(v, "css", NULL), *xpath = json_str(v, "xpath", NULL);

	if (xpath)
		return xasprintf("xpath:%s", xpath);
	return css ? xstrdup(css) : NULL;
}

static jv string_take(char *s)
{
	jv v = s ? jv_string(s) : jv_null();

	free(s);
	return v;
}

static bool is_address(const char *attr)
{
	static const char *const names[] = {"href", "src", "action", "formaction"};

	for (size_t i = 0; attr && i < sizeof names / sizeof *names; i++)
		if (strcasecmp(attr, names[i]) == 0)
			return true;
	return false;
}

/* Text or attribute of a node; null where it has no such attribute. With BASE the attribute is an address and
 * is given whole, as the DOM's .href is; what is no web address is given as it is written. */
static jv node_value(html_node *n, const char *attr, const struct url *base)
{
	char *value = attr ? html_attr(n, attr) : node_text(n);
	struct url whole;
	struct err e;

	if (value && base && url_parse(&whole, value, base, &e) == 0) {
		free(value);
		value = url_text(&whole, true);
		url_free(&whole);
	}
	return string_take(value);
}

/* ---- find and rows ---- */

/* Counts V, a value for the answer: selectors can find everything again and again. */
static int give(struct document *d, jv v, struct fail *why)
{
	d->given += json_is(v, JV_KIND_ARRAY) || json_is(v, JV_KIND_OBJECT) ? GIVEN_LIST : GIVEN_TEXT + json_len(v);
	return d->given <= GIVEN_MAX ? 0 : fail_set(why, "limit", "what the selectors find takes more than %u bytes", GIVEN_MAX);
}

/* All values that SPEC finds at FROM. */
static int spec_values(struct document *d, html_node *from, jv spec, int64_t deadline, jv *values, struct fail *why)
{
	const char *attr = json_str(spec, "attr", NULL);
	const struct url *base = NULL;
	struct html_found found;
	char *sel;
	int r;

	*values = jv_null();
	if (is_address(attr) && !json_bool(spec, "raw", false) && document_base(d, deadline, &base, why))
		return -1;
	*values = jv_array();
	sel = json_is(spec, JV_KIND_STRING) ? xstrdup(json_string(spec, "")) : spec_selector(spec);
	if (!sel && from && json_bool(spec, "self", false)) {
		*values = json_push(*values, node_value(from, attr, base));
		return 0;
	}
	if (!sel) {
		fail_set(why, "usage", "neither css nor xpath is given");
		r = -1;
	} else {
		r = document_select(d, from, sel, deadline, &found, why);
	}
	free(sel);
	if (r) {
		jv_free(*values);
		*values = jv_null();
		return -1;
	}
	r = give(d, *values, why);
	for (size_t i = 0; !r && i < found.n; i++) {
		jv value = node_value(found.nodes[i], attr, base);

		r = give(d, value, why);
		*values = json_push(*values, value);
		if (!r && clock_mono() > deadline)
			r = fail_set(why, "timeout", "not done in time, at %zu of %zu found", i + 1, found.n);
	}
	if (found.scalar)
		*values = json_push(*values, jv_string(found.scalar));
	html_found_free(&found);
	if (r) {
		jv_free(*values);
		*values = jv_null();
	}
	return r;
}

int document_find(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why)
{
	jv values;

	d->given = 0;
	if (spec_values(d, NULL, command, deadline, &values, why))
		return -1;
	*out = json_obj("count", jv_number((double)json_len(values)), "value", json_at(values, 0), NULL);
	if (json_bool(command, "all", false))
		*out = json_set(*out, "values", values);
	else
		jv_free(values);
	return 0;
}

static jv without_nulls(jv values)
{
	jv kept = jv_array();

	for (struct json_iter it = json_iter(values); json_next(&it);)
		if (!json_is(it.value, JV_KIND_NULL))
			kept = json_push(kept, jv_copy(it.value));
	jv_free(values);
	return kept;
}

static int one_field(struct document *d, html_node *row, size_t number, const char *name, jv spec, int64_t deadline,
		     jv *value, struct fail *why)
{
	jv values;
	bool missing;

	if (!json_is(spec, JV_KIND_STRING) && known_keys(spec, name, " css xpath attr raw optional all self ", why))
		return -1;
	if (spec_values(d, row, spec, deadline, &values, why))
		return -1;
	if (json_bool(spec, "all", false)) {
		*value = without_nulls(values);
		missing = json_len(*value) == 0;
	} else {
		*value = json_at(values, 0);
		jv_free(values);
		missing = json_is(*value, JV_KIND_NULL);
	}
	if (!missing || json_bool(spec, "optional", false))
		return 0;
	jv_free(*value);
	return fail_set(why, "row", "row %zu has no field '%s'", number, name);
}

static int one_row(struct document *d, html_node *node, size_t number, jv get, int64_t deadline, jv *row, struct fail *why)
{
	*row = jv_object();
	for (struct json_iter it = json_iter(get); json_next(&it);) {
		jv value;

		if (one_field(d, node, number, it.key, it.value, deadline, &value, why)) {
			json_iter_end(&it);
			jv_free(*row);
			return -1;
		}
		*row = json_set(*row, it.key, value);
	}
	return 0;
}

int document_rows(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why)
{
	const char *each = json_str(command, "each", NULL);
	jv get = json_get(command, "get"), rows = jv_array(), row;
	struct html_found found = {0};
	int r = 0;

	d->given = 0;
	if (!each || !json_is(get, JV_KIND_OBJECT))
		r = fail_set(why, "usage", "rows: 'each' is a selector and 'get' an object");
	else
		r = document_select(d, NULL, each, deadline, &found, why);
	if (!r && found.scalar)
		r = fail_set(why, "selector", "rows: '%.100s' finds no elements but a value", each);
	for (size_t i = 0; !r && i < found.n; i++) {
		r = one_row(d, found.nodes[i], i + 1, get, deadline, &row, why);
		if (!r) {
			r = give(d, row, why);
			rows = json_push(rows, row);
		}
		if (!r && i % 64 == 63 && clock_mono() > deadline)
			r = fail_set(why, "timeout", "rows: not done in time, at row %zu of %zu", i + 1, found.n);
	}
	html_found_free(&found);
	jv_free(get);
	if (r)
		jv_free(rows);
	else
		*out = json_obj("rows", rows, NULL);
	return r;
}

/* ---- test ---- */

/* "302", 302, "3xx" and "30*" all fit 302. */
static bool fits_status(int status, jv wanted)
{
	char have[16], want[16] = "";
	bool fits = false;

	if (json_is(wanted, JV_KIND_ARRAY)) {
		for (struct json_iter it = json_iter(wanted); json_next(&it);)
			fits |= fits_status(status, it.value);
		return fits;
	}
	if (json_is(wanted, JV_KIND_NUMBER))
		return jv_number_value(wanted) == status;
	snprintf(have, sizeof have, "%d", status);
	snprintf(want, sizeof want, "%s", json_string(wanted, ""));
	for (char *p = want; *p; p++)
		if ((*p == 'x' || *p == 'X') && (size_t)(p - want) < strlen(have))
			*p = have[p - want];
	return str_glob(want, have);
}

static bool fits_url(const struct document *d, const char *pattern)
{
	char *text = *pattern == '/' ? url_target(&d->url) : url_text(&d->url, false);
	bool fits = str_glob(pattern, text);

	free(text);
	return fits;
}

static bool fits_headers(const struct document *d, jv wanted)
{
	bool fits = true;

	for (struct json_iter it = json_iter(wanted); json_next(&it);) {
		char *name = xstrdup(it.key);
		const char *have;

		for (char *p = name; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p |= 32;
		have = json_str(d->headers, name, NULL);
		fits = fits && have && str_glob(json_string(it.value, ""), have);
		free(name);
	}
	return fits;
}

/* Any of the texts (a string or list) is in HAVE, which is folded. */
static bool has_text(const char *have, jv wanted)
{
	struct str want = {0};
	bool fits = false;

	if (json_is(wanted, JV_KIND_ARRAY)) {
		for (struct json_iter it = json_iter(wanted); json_next(&it);)
			fits |= has_text(have, it.value);
		return fits;
	}
	fold_add(&want, json_string(wanted, ""), json_len(wanted));
	fold_end(&want);
	fits = want.len && strstr(have, want.s);
	str_free(&want);
	return fits;
}

static int fits_selector(struct document *d, const char *sel, jv text, int64_t deadline, bool *fits, struct fail *why)
{
	struct html_found found;

	if (document_select(d, NULL, sel, deadline, &found, why))
		return -1;
	*fits = found.truth;
	if (!json_is(text, JV_KIND_NULL)) {
		*fits = found.scalar && has_text(found.scalar, text);
		for (size_t i = 0; i < found.n && !*fits; i++) {
			char *have = node_text(found.nodes[i]);

			*fits = has_text(have, text);
			free(have);
		}
	}
	html_found_free(&found);
	return 0;
}

/* css, xpath and text of one condition. */
static int fits_content(struct document *d, jv cond, int64_t deadline, bool *fits, struct fail *why)
{
	jv text = json_get(cond, "text");
	int r = 0;

	if (json_has(cond, "css"))
		r = fits_selector(d, json_str(cond, "css", ""), text, deadline, fits, why);
	if (!r && *fits && json_has(cond, "xpath")) {
		char *sel = xasprintf("xpath:%s", json_str(cond, "xpath", ""));

		r = fits_selector(d, sel, text, deadline, fits, why);
		free(sel);
	}
	if (!r && *fits && json_has(cond, "text") && !json_has(cond, "css") && !json_has(cond, "xpath")) {
		struct str have = {0};

		r = visible_text(d, deadline, &have, why);
		*fits = !r && has_text(str_text(&have), text);
		str_free(&have);
	}
	jv_free(text);
	return r;
}

static int fits_any(struct document *d, jv cond, int64_t deadline, bool *fits, struct fail *why);

static int fits_one(struct document *d, jv cond, int64_t deadline, bool *fits, struct fail *why)
{
	jv status = json_get(cond, "status"), header = json_get(cond, "header"), not = json_get(cond, "not");
	int r = known_keys(cond, "a condition", " status url header css xpath text not ", why);
	bool inner;

	if (!r && !json_len(cond))
		r = fail_set(why, "usage", "a condition without a key");
	*fits = (!json_has(cond, "status") || fits_status(d->status, status)) &&
		(!json_has(cond, "url") || fits_url(d, json_str(cond, "url", ""))) && fits_headers(d, header);
	if (!r && *fits)
		r = fits_content(d, cond, deadline, fits, why);
	if (!r && *fits && json_has(cond, "not")) {
		r = fits_any(d, not, deadline, &inner, why);
		*fits = !inner;
	}
	jv_free(status);
	jv_free(header);
	jv_free(not);
	return r;
}

/* A condition, or a list of which one is enough. */
static int fits_any(struct document *d, jv cond, int64_t deadline, bool *fits, struct fail *why)
{
	int r = 0;

	*fits = false;
	if (!json_is(cond, JV_KIND_ARRAY))
		return fits_one(d, cond, deadline, fits, why);
	for (struct json_iter it = json_iter(cond); json_next(&it);) {
		r = fits_any(d, it.value, deadline, fits, why);
		if (r || *fits) {
			json_iter_end(&it);
			break;
		}
	}
	return r;
}

int document_test(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why)
{
	jv conditions = json_get(command, "conditions"), results = jv_array();
	int r = 0;

	if (!json_is(conditions, JV_KIND_ARRAY))
		r = fail_set(why, "usage", "test: 'conditions' is no list");
	for (struct json_iter it = json_iter(conditions); !r && json_next(&it);) {
		bool fits;

		r = fits_any(d, it.value, deadline, &fits, why);
		if (r)
			json_iter_end(&it);
		else
			results = json_push(results, jv_bool(fits));
	}
	jv_free(conditions);
	if (r)
		jv_free(results);
	else
		*out = json_obj("results", results, NULL);
	return r;
}

/* ---- embed and evidence ---- */

/* How many bytes the JSON value at S takes, as far as brackets and quotes tell; json_parse judges it. */
static size_t json_extent(const char *s, size_t len)
{
	size_t depth = 0, i = 0;
	bool in_string = false;

	for (; i < len; i++) {
		if (in_string) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				in_string = false;
			if (!in_string && !depth)
				return i + 1;
		} else if (s[i] == '"') {
			in_string = true;
		} else if (s[i] == '{' || s[i] == '[') {
			depth++;
		} else if (s[i] == '}' || s[i] == ']') {
			if (!depth)
				return i;
			if (--depth == 0)
				return i + 1;
		} else if (!depth && strchr(" \t\r\n;,<)", s[i])) {
			return i;
		}
	}
	return i < len ? i : len;
}

int document_embed(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why)
{
	const char *marker = json_str(command, "marker", ""), *at = d->text.s + d->from, *end = d->text.s + d->to;
	struct err e = {.text = "the marker is not in the page"};
	jv value = jv_invalid();
	size_t n = strlen(marker), places = 0;

	(void)deadline;
	if (!n)
		return fail_set(why, "usage", "embed: no marker");
	while ((at = memmem(at, (size_t)(end - at), marker, n))) {
		jv one;

		if (++places > PLACES_MAX) {
			jv_free(value);
			return fail_set(why, "embed", "'%.60s' stands in the page more than %d times", marker, PLACES_MAX);
		}
		at += n;
		while (at < end && strchr(" \t\r\n", *at))
			at++;
		one = json_parse_foreign(at, json_extent(at, (size_t)(end - at)), &e);
		if (json_ok(one) && json_ok(value) && !json_equal(one, value)) {
			jv_free(one);
			jv_free(value);
			return fail_set(why, "embed", "'%.60s' stands before different values", marker);
		}
		if (json_ok(one)) {
			jv_free(value);
			value = one;
		}
	}
	if (!json_ok(value))
		return fail_set(why, "embed", "'%.60s': %s", marker, e.text);
	*out = json_obj("value", value, NULL);
	return 0;
}

jv document_evidence(const struct document *d, size_t body_max)
{
	size_t len = d->text.len < body_max ? d->text.len : body_max;
	char *url = url_text(&d->url, true);
	jv e;

	while (len && len < d->text.len && ((unsigned char)d->text.s[len] & 0xc0) == 0x80)
		len--; /* not inside a character */
	e = json_obj("url", jv_string(url), "status", jv_number(d->status), "headers",
		     json_del(jv_copy(d->headers), "set-cookie"), "type", jv_string(d->type), "body",
		     jv_string_sized(str_text(&d->text), (int)len), "cut", jv_bool(d->cut || len < d->text.len), NULL);
	free(url);
	return e;
}

#include "site/expr.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ext/filter.h"

/* A template taken apart is an array of literal strings, {"path": […]} and {"filter": index}. */
struct exprs {
	jv templates;          /* string -> parts; null where a ${ is not closed */
	struct filter *filter; /* NULL: none needed */
	char **programs;
	jv homes;              /* of each program: [template, byte] where it is first used */
	size_t n;
};

/* --- finding ${…} --- */

static const char *close_of(const char *p, char open, char close, int depth);

/* P stands after an opening quote: the closing one, or NULL. */
static const char *quote_end(const char *p, int depth)
{
	for (; *p && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		if (*++p == '(')
			p = depth < 8 ? close_of(p + 1, '(', ')', depth + 1) : NULL;
		if (!p || !*p)
			return NULL;
	}
	return *p ? p : NULL;
}

/* P stands after an opening bracket: the one that closes it, or NULL. */
static const char *close_of(const char *p, char open, char close, int depth)
{
	int level = 0;

	for (; *p; p++) {
		if (*p == '"') {
			p = quote_end(p + 1, depth);
			if (!p)
				return NULL;
		} else if (*p == '#') {
			p += strcspn(p, "\n");
			if (!*p)
				return NULL;
		} else if (*p == open) {
			level++;
		} else if (*p == close && level-- == 0) {
			return p;
		}
	}
	return NULL;
}

/* The parts of a text, in order: literal stretches, and programs. 0, or -1 with *AT. */
typedef void part_cb(void *ctx, bool program, const char *s, size_t len, size_t at);

static int parts_each(const char *text, part_cb *each, void *ctx, size_t *at)
{
	const char *from = text, *end;

	for (const char *p = text; *p;) {
		if (str_starts(p, "$${")) {
			each(ctx, false, from, (size_t)(p - from), (size_t)(from - text));
			from = p + 1;
			p += 3;
		} else if (str_starts(p, "${")) {
			end = close_of(p + 2, '{', '}', 0);
			if (!end) {
				*at = (size_t)(p - text);
				return -1;
			}
			each(ctx, false, from, (size_t)(p - from), (size_t)(from - text));
			each(ctx, true, p + 2, (size_t)(end - p - 2), (size_t)(p + 2 - text));
			p = from = end + 1;
		} else {
			p++;
		}
	}
	each(ctx, false, from, strlen(from), (size_t)(from - text));
	return 0;
}

struct each_ctx {
	expr_each_cb *each;
	void *ctx;
};

static void each_program(void *ctx, bool program, const char *s, size_t len, size_t at)
{
	struct each_ctx *c = ctx;
	char *copy;

	if (!program)
		return;
	copy = xstrndup(s, len);
	c->each(c->ctx, copy, at);
	free(copy);
}

int expr_each(const char *text, expr_each_cb *each, void *ctx, size_t *at)
{
	return parts_each(text, each_program, &(struct each_ctx){each, ctx}, at);
}

/* --- plain paths --- */

/* A JSON string at *P, moved over; invalid when it is none or has an interpolation. */
static jv path_string(const char **p)
{
	const char *end = quote_end(*p + 1, 0);
	jv v;

	if (!end)
		return jv_invalid();
	v = json_parse(*p, (size_t)(end + 1 - *p), NULL);
	*p = end + 1;
	return v;
}

static const char *skip_blank(const char *p)
{
	while (*p && strchr(" \t\r\n", *p))
		p++;
	return p;
}

/* The inside of [ ]: a string or a whole number. */
static jv path_index(const char **p)
{
	jv v;

	*p = skip_blank(*p + 1);
	if (**p == '"') {
		v = path_string(p);
	} else {
		size_t n = strspn(*p, "0123456789");

		v = n > 0 && n < 9 ? jv_number(atoi(*p)) : jv_invalid();
		*p += n;
	}
	*p = skip_blank(*p);
	if (**p == ']') {
		(*p)++;
		return v;
	}
	jv_free(v);
	return jv_invalid();
}

static jv path_name(const char **p)
{
	size_t n = 0;

	if (!isalpha((unsigned char)**p) && **p != '_')
		return **p == '"' ? path_string(p) : jv_invalid();
	while (isalnum((unsigned char)(*p)[n]) || (*p)[n] == '_')
		n++;
	*p += n;
	return jv_string_sized(*p - n, (int)n);
}

jv expr_path(const char *p)
{
	jv path = jv_array(), step;

	p = skip_blank(p);
	if (*p != '.')
		goto no;
	for (bool first = true; *p && *skip_blank(p); first = false) {
		if (*p == '.' && p[1] == '[')
			p++;
		if (*p == '[') {
			step = path_index(&p);
		} else if (*p == '.') {
			p++;
			if (first && !*skip_blank(p))
				break;
			step = path_name(&p);
		} else {
			goto no;
		}
		if (!json_ok(step))
			goto no;
		path = json_push(path, step);
	}
	return path;
no:
	jv_free(path);
	return jv_invalid();
}

/* The first N steps of PATH as they are written; caller frees. */
static char *path_text(jv path, int n)
{
	struct str b = {0};

	for (int i = 0; i < n; i++) {
		jv step = json_at(path, i);

		if (json_is(step, JV_KIND_STRING))
			str_addf(&b, ".%s", json_string(step, ""));
		else
			str_addf(&b, "[%d]", (int)jv_number_value(step));
		jv_free(step);
	}
	return str_take(&b);
}

/* As jq does it: null has null everywhere, other kinds must fit. */
static jv path_follow(jv path, jv context, struct err *e)
{
	jv at = jv_copy(context);

	for (struct json_iter it = json_iter(path); json_next(&it);) {
		bool named = json_is(it.value, JV_KIND_STRING);
		jv next;

		if (json_is(at, JV_KIND_NULL))
			continue;
		if (!json_is(at, named ? JV_KIND_OBJECT : JV_KIND_ARRAY)) {
			char *whole = path_text(path, it.index + 1), *sofar = path_text(path, it.index);

			err_set(e, EX_DATAERR, "%s: %s is no %s", whole, *sofar ? sofar : ".", named ? "object" : "list");
			free(whole);
			free(sofar);
			jv_free(at);
			json_iter_end(&it);
			return jv_invalid();
		}
		next = named ? jv_object_get(jv_copy(at), jv_copy(it.value)) : json_at(at, (int)jv_number_value(it.value));
		jv_free(at);
		at = json_ok(next) ? next : (jv_free(next), jv_null());
	}
	return at;
}

/* --- templates --- */

static size_t program_add(struct exprs *x, const char *s, size_t len, jv template, size_t at)
{
	for (size_t i = 0; i < x->n; i++)
		if (strlen(x->programs[i]) == len && memcmp(x->programs[i], s, len) == 0)
			return i;
	x->programs = xrealloc(x->programs, (x->n + 1) * sizeof *x->programs);
	x->programs[x->n] = xstrndup(s, len);
	x->homes = json_push(x->homes, json_push(json_push(jv_array(), jv_copy(template)), jv_number((double)at)));
	return x->n++;
}

struct take {
	struct exprs *x; /* NULL: filters are not taken in */
	jv template, parts;
	bool filters;
};

static void take_part(void *ctx, bool program, const char *s, size_t len, size_t at)
{
	struct take *t = ctx;
	char *text;
	jv path;

	if (!program) {
		if (len)
			t->parts = json_push(t->parts, jv_string_sized(s, (int)len));
		return;
	}
	text = xstrndup(s, len);
	path = expr_path(text);
	free(text);
	if (json_ok(path)) {
		t->parts = json_push(t->parts, json_obj("path", path, NULL));
		return;
	}
	jv_free(path);
	t->filters = true;
	if (t->x)
		t->parts = json_push(t->parts,
				     json_obj("filter", jv_number((double)program_add(t->x, s, len, t->template, at)), NULL));
}

/* Null where a ${ is not closed. X NULL: only what needs no filter; invalid otherwise. */
static jv template_parts(struct exprs *x, jv template)
{
	struct take t = {x, template, jv_array(), false};
	size_t at;

	if (parts_each(json_string(template, ""), take_part, &t, &at)) {
		jv_free(t.parts);
		return jv_null();
	}
	if (t.filters && !x) {
		jv_free(t.parts);
		return jv_invalid();
	}
	return t.parts;
}

static void collect(struct exprs *x, jv v)
{
	if (json_is(v, JV_KIND_STRING) && strstr(json_string(v, ""), "${")) {
		jv parts = template_parts(x, v);

		x->templates = jv_object_set(x->templates, jv_copy(v), parts);
		return;
	}
	for (struct json_iter it = json_iter(v); json_next(&it);)
		collect(x, it.value);
}

struct exprs *exprs_new(jv doc, const char *zone)
{
	struct exprs *x = xcalloc(1, sizeof *x);

	x->templates = jv_object();
	x->homes = jv_array();
	collect(x, doc);
	if (x->n)
		x->filter = filter_new((const char *const *)x->programs, x->n, zone);
	return x;
}

void exprs_free(struct exprs *x)
{
	if (!x)
		return;
	filter_free(x->filter);
	for (size_t i = 0; i < x->n; i++)
		free(x->programs[i]);
	free(x->programs);
	jv_free(x->templates);
	jv_free(x->homes);
	free(x);
}

void exprs_forget(struct exprs *x)
{
	if (x->filter)
		filter_forget(x->filter);
}

void exprs_limit(struct exprs *x, int ms)
{
	if (x->filter)
		filter_limit(x->filter, ms);
}

struct check {
	struct exprs *x;
	expr_wrong *wrong;
	void *ctx;
};

static void check_wrong(void *ctx, size_t index, size_t at, const char *what)
{
	struct check *c = ctx;
	jv home = json_at(c->x->homes, (int)index), template = json_at(home, 0), start = json_at(home, 1);

	c->wrong(c->ctx, template, (size_t)jv_number_value(start) + at, what);
	jv_free(start);
	jv_free(template);
	jv_free(home);
}

int exprs_check(struct exprs *x, expr_wrong *wrong, void *ctx, struct err *e)
{
	struct check c = {x, wrong, ctx};

	return x->filter ? filter_check(x->filter, wrong ? check_wrong : NULL, &c, e) : 0;
}

/* --- expanding --- */

static jv part_value(struct exprs *x, jv part, jv context, struct err *e)
{
	jv path = json_get(part, "path"), v;

	if (json_is(path, JV_KIND_ARRAY))
		v = path_follow(path, context, e);
	else
		v = filter_run(x->filter, (size_t)json_num(part, "filter", 0), jv_copy(context), e);
	jv_free(path);
	return v;
}

static int add_text(struct str *b, jv v, struct err *e)
{
	double n;

	switch (jv_get_kind(v)) {
	case JV_KIND_NULL:
		return 0;
	case JV_KIND_STRING:
		return str_add(b, json_string(v, ""), json_len(v));
	case JV_KIND_NUMBER:
		n = jv_number_value(v);
		if (n > -1e17 && n < 1e17 && (double)(int64_t)n == n)
			return str_addf(b, "%lld", (long long)n);
		return json_add_text(b, v);
	case JV_KIND_ARRAY:
	case JV_KIND_OBJECT:
		return err_set(e, EX_DATAERR, "%s can't be put into a text", json_is(v, JV_KIND_ARRAY) ? "a list" : "an object");
	default:
		return json_add_text(b, v);
	}
}

static jv expand_parts(struct exprs *x, jv parts, jv context, struct err *e)
{
	struct str text = {0};
	jv result = jv_invalid();

	for (struct json_iter it = json_iter(parts); json_next(&it);) {
		jv v = json_is(it.value, JV_KIND_STRING) ? jv_copy(it.value) : part_value(x, it.value, context, e);
		int r = json_ok(v) ? add_text(&text, v, e) : -1;

		jv_free(v);
		if (r) {
			json_iter_end(&it);
			goto out;
		}
	}
	result = jv_string_sized(str_text(&text), (int)text.len);
out:
	str_free(&text);
	return result;
}

static jv expand_string(struct exprs *x, jv template, jv context, struct err *e)
{
	jv parts, one, result;

	if (!strstr(json_string(template, ""), "${"))
		return jv_copy(template);
	parts = jv_object_get(jv_copy(x->templates), jv_copy(template));
	if (!json_ok(parts)) {
		jv_free(parts);
		parts = template_parts(NULL, template);
	}
	if (!json_is(parts, JV_KIND_ARRAY)) {
		err_set(e, EX_CONFIG, json_ok(parts) ? "%.80s: ${ without its }" : "%.80s: not an expression of this provider",
			json_string(template, ""));
		jv_free(parts);
		return jv_invalid();
	}
	one = json_at(parts, 0);
	if (json_len(parts) == 1 && json_is(one, JV_KIND_OBJECT))
		result = part_value(x, one, context, e);
	else
		result = expand_parts(x, parts, context, e);
	jv_free(one);
	jv_free(parts);
	return result;
}

jv expr_expand(struct exprs *x, jv template, jv context, struct err *e)
{
	bool list = json_is(template, JV_KIND_ARRAY);
	jv whole;

	if (json_is(template, JV_KIND_STRING))
		return expand_string(x, template, context, e);
	if (!list && !json_is(template, JV_KIND_OBJECT))
		return jv_copy(template);
	whole = list ? jv_array() : jv_object();
	for (struct json_iter it = json_iter(template); json_next(&it);) {
		jv v = expr_expand(x, it.value, context, e);

		if (!json_ok(v)) {
			json_iter_end(&it);
			jv_free(whole);
			return v;
		}
		whole = list ? json_push(whole, v) : json_set(whole, it.key, v);
	}
	return whole;
}

bool expr_true(jv v)
{
	return !json_is(v, JV_KIND_NULL) && !json_is(v, JV_KIND_FALSE) && !(json_is(v, JV_KIND_STRING) && json_len(v) == 0);
}

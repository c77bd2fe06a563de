#include "site/lintkind.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "site/expr.h"

const char *const lint_classes[] = {
	"throttled", "blocked", "maintenance", "expired", "login_failed", "taken", "already_booked", "queued", "challenged",
	"changed", "unreachable", "refused", "no_code", "unknown", NULL};

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
	/* what was put round a bare one: see kind_expression */
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

bool lint_is_text(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING))
		return true;
	mistake_at(&l->mistakes, at, "a text is wanted here, not a %s", json_is(v, JV_KIND_ARRAY) ? "list" : "mapping");
	return false;
}

jv kind_text(struct lint *l, jv v, const char *at)
{
	struct programs p = {l, v, at};
	size_t wrong;

	if (!lint_is_text(l, v, at))
		return jv_string("");
	if (expr_each(json_string(v, ""), each_program, &p, &wrong))
		mistake_in(&l->mistakes, at, v, wrong, "a ${ without its }");
	remember(l, v, at, 0);
	return jv_copy(v);
}

/* Text, or structures of it. */
jv kind_any(struct lint *l, jv v, const char *at)
{
	bool list = json_is(v, JV_KIND_ARRAY);
	jv whole;

	if (!list && !json_is(v, JV_KIND_OBJECT))
		return kind_text(l, v, at);
	whole = list ? jv_array() : jv_object();
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = list ? pointer_item(at, it.index) : pointer_down(at, it.key);
		jv item = kind_any(l, it.value, down);

		if (!list && strstr(it.key, "${"))
			mistake_key(&l->mistakes, down, "a key holds no expressions");
		whole = list ? json_push(whole, item) : json_set(whole, it.key, item);
		free(down);
	}
	return whole;
}

jv kind_plain(struct lint *l, jv v, const char *at)
{
	if (!lint_is_text(l, v, at))
		return jv_string("");
	if (strstr(json_string(v, ""), "${"))
		mistake_at(&l->mistakes, at, "no expression can stand here");
	else if (!json_len(v))
		mistake_at(&l->mistakes, at, "nothing is written here");
	return jv_copy(v);
}

/* An expression: a text with ${…}, or a filter written bare. */
jv kind_expression(struct lint *l, jv v, const char *at)
{
	char *wrapped;
	jv out;

	if (!json_is(v, JV_KIND_STRING))
		return kind_any(l, v, at);
	if (strstr(json_string(v, ""), "${"))
		return kind_text(l, v, at);
	lint_program(&l->mistakes, &l->scope, at, v, 0, json_string(v, ""));
	wrapped = xasprintf("${%s\n}", json_string(v, "")); /* the newline ends a comment */
	out = jv_string(wrapped);
	free(wrapped);
	remember(l, out, at, 2);
	return out;
}

jv kind_one_of(struct lint *l, jv v, const char *at, const char *const *names)
{
	const char *s = json_string(v, ""), *near;
	struct str all = {0};

	if (!lint_is_text(l, v, at))
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

jv kind_boolean(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");

	if (lint_is_text(l, v, at) && strcmp(s, "true") && strcmp(s, "false"))
		mistake_at(&l->mistakes, at, "true or false is wanted here, not '%s'", s);
	return strcmp(s, "true") == 0 ? jv_true() : jv_false();
}

jv kind_whole_number(struct lint *l, jv v, const char *at)
{
	long long n = 0;

	if (lint_is_text(l, v, at) && str_long(json_string(v, ""), 0, 1000000000, &n))
		mistake_at(&l->mistakes, at, "a whole number is wanted here, not '%s'", json_string(v, ""));
	return jv_number((double)n);
}

jv kind_duration(struct lint *l, jv v, const char *at)
{
	int64_t ms = 0;

	if (lint_is_text(l, v, at) && duration_parse(json_string(v, ""), &ms))
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

jv kind_variable(struct lint *l, jv v, const char *at)
{
	if (lint_is_text(l, v, at) && !identifier(json_string(v, "")))
		mistake_at(&l->mistakes, at, "'%s' is no name: use letters, digits and _", json_string(v, ""));
	return json_is(v, JV_KIND_STRING) ? jv_copy(v) : jv_string("");
}

void lint_variable_key(struct lint *l, const char *name, const char *at)
{
	if (!identifier(name))
		mistake_key(&l->mistakes, at, "'%s' is no name: use letters, digits and _", name);
}

bool lint_is_map(struct lint *l, jv v, const char *at, const char *what)
{
	if (json_is(v, JV_KIND_OBJECT))
		return true;
	mistake_at(&l->mistakes, at, "%s is a mapping (key: value)", what);
	return false;
}

/* A mapping with the keys of KEYS. */
jv kind_mapping(struct lint *l, jv v, const char *at, const char *what, const struct key *keys)
{
	const char *names[32];
	jv out = jv_object();
	int n = 0;

	if (!lint_is_map(l, v, at, what))
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
jv kind_map_of(struct lint *l, jv v, const char *at, const char *what, check *each, bool variables)
{
	jv out = jv_object();

	if (!lint_is_map(l, v, at, what))
		return out;
	if (!json_len(v))
		mistake_at(&l->mistakes, at, "%s is empty", what);
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		if (variables)
			lint_variable_key(l, it.key, down);
		else if (strstr(it.key, "${"))
			mistake_key(&l->mistakes, down, "a key holds no expressions");
		out = json_set(out, it.key, each(l, it.value, down));
		free(down);
	}
	return out;
}

jv kind_list_of(struct lint *l, jv v, const char *at, check *each)
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
jv kind_one_or_more(struct lint *l, jv v, const char *at, check *each)
{
	return json_is(v, JV_KIND_ARRAY) ? kind_list_of(l, v, at, each) : json_push(jv_array(), each(l, v, at));
}

/* --- classes --- */

/* The class that S was perhaps meant to be, "" when none comes near. */
static void class_near(struct lint *l, const char *s, char *near, size_t size)
{
	const char *found = name_nearest(s, lint_classes);

	snprintf(near, size, "%s", found ? found : "");
	for (struct json_iter it = json_iter(l->classes); json_next(&it);)
		if (!*near && name_nearest(s, (const char *const[]){it.key, NULL}))
			snprintf(near, size, "%s", it.key);
}

void lint_class_known(struct lint *l, const char *s, const char *at, bool key)
{
	char near[64];

	if (json_has(l->classes, s))
		return;
	class_near(l, s, near, sizeof near);
	if (key)
		mistake_key(&l->mistakes, at, *near ? "no class is called '%s' (did you mean '%s'?)" : "no class is called '%s'", s, near);
	else
		mistake_at(&l->mistakes, at, *near ? "no class is called '%s' (did you mean '%s'?)" : "no class is called '%s'", s, near);
}

jv kind_class(struct lint *l, jv v, const char *at)
{
	if (lint_is_text(l, v, at))
		lint_class_known(l, json_string(v, ""), at, false);
	return jv_copy(v);
}

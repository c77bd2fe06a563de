#include "site/lintstep.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/lintflow.h"
#include "site/lintpage.h"

static jv allow(struct lint *l, jv v, const char *at)
{
	return kind_one_or_more(l, v, at, kind_class);
}

static jv get_region(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"from", kind_plain, true}, {"to", kind_plain, true}, {NULL, NULL, false}};

	if (!l->regions)
		mistake_at(&l->mistakes, at, "'region' is for transport http");
	return kind_mapping(l, v, at, "'region'", keys);
}

static jv let(struct lint *l, jv v, const char *at)
{
	return kind_map_of(l, v, at, "'let'", kind_let_value, true);
}

static jv rows(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"each", kind_selector, true}, {"get", kind_cells, true}, {"into", kind_variable, false}, {NULL, NULL, false}};

	return kind_mapping(l, v, at, "'rows'", keys);
}

static jv loop(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_OBJECT) && json_len(v) != 1)
		mistake_at(&l->mistakes, at, "'for' has one name: {day: EXPRESSION}");
	return kind_map_of(l, v, at, "'for'", kind_expression, true);
}

static jv test(struct lint *l, jv v, const char *at)
{
	return json_is(v, JV_KIND_STRING) ? kind_expression(l, v, at) : kind_condition(l, v, at);
}

static jv mark(struct lint *l, jv v, const char *at)
{
	static const char *const names[] = {"inbox", NULL};

	return kind_one_of(l, v, at, names);
}

/* A duration that is left as it is written: for ab-otp. */
static jv duration_text(struct lint *l, jv v, const char *at)
{
	jv_free(kind_duration(l, v, at));
	return jv_copy(v);
}

/* True when compiling S costs little: the repeat counts of a stranger's pattern may multiply. */
static bool pattern_small(const char *s)
{
	int counts = 0;
	bool small = strlen(s) <= 256;

	for (const char *p = strchr(s, '{'); p; p = strchr(p + 1, '{'))
		small &= ++counts <= 4 && strtol(p + 1, NULL, 10) <= 20;
	return small;
}

/* What ab-otp takes: POSIX extended expressions with \d and \D, no more than it can bound. */
static jv pattern(struct lint *l, jv v, const char *at)
{
	struct str b = {0};
	const char *s = json_string(v, "");
	char why[120];
	regex_t re;
	int r;

	if (strlen(s) > 256)
		mistake_at(&l->mistakes, at, "a pattern has at most 256 bytes");
	for (const char *p = s; *p; p++) {
		if (p[0] == '(' && p[1] == '?')
			mistake_in(&l->mistakes, at, v, (size_t)(p - s), "(? is not of POSIX extended expressions");
		else if (p[0] == '\\' && p[1] >= '1' && p[1] <= '9')
			mistake_in(&l->mistakes, at, v, (size_t)(p - s), "a pattern may not refer back");
		if (p[0] == '\\' && (p[1] == 'd' || p[1] == 'D'))
			str_puts(&b, *++p == 'd' ? "[0-9]" : "[^0-9]");
		else if (p[0] == '\\' && p[1])
			str_add(&b, p++, 2);
		else
			str_putc(&b, *p);
	}
	if (pattern_small(s)) {
		r = regcomp(&re, str_text(&b), REG_EXTENDED | REG_NOSUB);
		if (r) {
			regerror(r, &re, why, sizeof why);
			mistake_at(&l->mistakes, at, "pattern: %s", why);
		} else {
			regfree(&re);
		}
	}
	str_free(&b);
	return kind_plain(l, v, at);
}

static jv otp(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {
		{"into", kind_variable, true}, {"from", kind_text, false}, {"to", kind_text, false}, {"subject", kind_text, false}, {"pattern", pattern, false},
		{"timeout", kind_duration, false}, {"skew", duration_text, false}, {"settle", duration_text, false}, {NULL, NULL, false}};

	return kind_mapping(l, v, at, "'otp'", keys);
}

static jv human_kind(struct lint *l, jv v, const char *at)
{
	static const char *const names[] = {"confirm", "captcha", "payment", "otp", NULL};

	return kind_one_of(l, v, at, names);
}

static jv human(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"kind", human_kind, true}, {"question", kind_text, true}, {"until", kind_condition, false},
					  {"timeout", kind_duration, false}, {"into", kind_variable, false}, {NULL, NULL, false}};

	return kind_mapping(l, v, at, "'human'", keys);
}

static jv use(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, ""), *near = NULL;
	jv flows = json_get(l->mistakes.yaml->value, "flows"), steps_there = json_get(flows, s);

	if (!lint_is_text(l, v, at))
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

	return strstr(json_string(v, ""), "${") ? kind_text(l, v, at) : kind_one_of(l, v, at, names);
}

static jv booking(struct lint *l, jv v, const char *at)
{
	jv out = jv_object();

	if (!lint_is_map(l, v, at, "'booking'"))
		return out;
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		lint_variable_key(l, it.key, down);
		out = json_set(out, it.key, strcmp(it.key, "state") == 0 ? booking_state(l, it.value, down) : kind_any(l, it.value, down));
		free(down);
	}
	if (!json_has(v, "reference"))
		mistake_at(&l->mistakes, at, "'booking' lacks 'reference'");
	return out;
}

static jv buttons(struct lint *l, jv v, const char *at)
{
	return kind_text(l, v, at);
}

static jv field_map(struct lint *l, jv v, const char *at)
{
	return kind_map_of(l, v, at, "this", kind_any, false);
}

/* Or one expression that gives the mapping, where there are as many fields as people. */
static jv selector_map(struct lint *l, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING))
		return kind_expression(l, v, at);
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		lint_selector(l, it.key, strlen(it.key), down);
		free(down);
	}
	return kind_map_of(l, v, at, "this", kind_any, false);
}

/* What a browser waits for: a page's condition, or the answer that `listen` calls so. An expression is computed here, and would not
 * be looked at again. */
static jv wait_for(struct lint *l, jv v, const char *at)
{
	static const struct key heard[] = {{"heard", kind_text, true}, {NULL, NULL, false}};

	if (json_has(v, "heard"))
		return kind_mapping(l, v, at, "'wait'", heard);
	if (json_has(v, "jq"))
		mistake_at(&l->mistakes, at, "jq is not for 'wait': wait for what the page shows, or for {heard: NAME}");
	return kind_condition(l, v, at);
}

static jv listen_map(struct lint *l, jv v, const char *at)
{
	return kind_map_of(l, v, at, "'listen'", kind_text, true);
}

enum modifier {
	M_ALLOW = 1, M_HEADERS = 2, M_FOLLOW = 4, M_COMMIT = 8, M_REGION = 16, M_TIMEOUT = 32, M_BODY = 64, M_FORM = 128, M_DO = 256,
	M_THEN = 512, M_FRESH = 1024, M_OPTIONAL = 2048
};
#define M_REQUEST (M_ALLOW | M_HEADERS | M_FOLLOW | M_COMMIT | M_TIMEOUT)

static const struct modifier_key {
	const char *name;
	check *check;
	enum modifier of;
	bool needed;
} modifiers[] = {
	{"allow", allow, M_ALLOW, false}, {"headers", kind_headers, M_HEADERS, false}, {"follow", kind_boolean, M_FOLLOW, false},
	{"commit", kind_boolean, M_COMMIT, false}, {"region", get_region, M_REGION, false}, {"timeout", kind_duration, M_TIMEOUT, false},
	{"form", kind_any, M_BODY, false}, {"json", kind_any, M_BODY, false}, {"body", kind_text, M_BODY, false}, {"type", kind_text, M_BODY, false},
	{"set", field_map, M_FORM, false}, {"button", buttons, M_FORM, false}, {"do", kind_steps, M_DO, true}, {"then", kind_steps, M_THEN, true},
	{"else", kind_steps, M_THEN, false}, {"fresh", kind_boolean, M_FRESH, false}, {"optional", kind_boolean, M_OPTIONAL, false},
};
#define MODIFIERS (sizeof modifiers / sizeof *modifiers)

static const struct verb {
	const char *name;
	check *check;
	unsigned modifiers;
	bool browser;
} verbs[] = {
	{"get", kind_address, M_REQUEST | M_REGION | M_FRESH, false}, {"post", kind_address, M_REQUEST | M_BODY, false},
	{"submit", kind_form_selector, M_REQUEST | M_FORM, false}, {"expect", kind_condition, 0, false}, {"let", let, 0, false}, {"rows", rows, 0, false},
	{"slots", kind_expression, 0, false}, {"for", loop, M_DO, false}, {"if", test, M_THEN, false}, {"mark", mark, 0, false},
	{"otp", otp, 0, false}, {"human", human, 0, false}, {"use", use, 0, false}, {"identity", kind_expression, 0, false},
	{"booking", booking, 0, false}, {"end", kind_class, 0, false}, {"tell", kind_text, 0, false},
	{"click", kind_selector, M_ALLOW | M_COMMIT | M_TIMEOUT, true}, {"fill", selector_map, M_TIMEOUT, true},
	{"choose", selector_map, M_ALLOW | M_TIMEOUT, true}, {"check", kind_selector, M_ALLOW | M_TIMEOUT, true}, {"press", kind_text, M_ALLOW | M_TIMEOUT, true},
	{"upload", selector_map, M_TIMEOUT, true}, {"wait", wait_for, M_ALLOW | M_TIMEOUT | M_OPTIONAL, true}, {"listen", listen_map, 0, true},
	{"frame", kind_selector, M_TIMEOUT, true}, {"screenshot", kind_plain, 0, true},
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

	if (!lint_is_map(l, v, at, "a step"))
		return out;
	size_t before = l->mistakes.n;

	verb = verb_of(l, v, at);
	if (!verb) {
		jv_free(out);
		return l->mistakes.n > before ? jv_object() : step_without_verb(l, v, at);
	}
	if (verb->browser && !l->browser)
		mistake_key(&l->mistakes, at, l->over_http ? "'%s' needs a browser, and '%s' goes over http" : "'%s' needs transport: browser",
			    verb->name, l->over_http);
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		const struct modifier_key *m = modifier_named(it.key);
		char *down = pointer_down(at, it.key);

		if (strcmp(it.key, verb->name) == 0)
			out = json_set(out, it.key, verb->check(l, it.value, down));
		else if (strcmp(it.key, "why") == 0)
			out = json_set(out, it.key, kind_text(l, it.value, down));
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

jv kind_steps(struct lint *l, jv v, const char *at)
{
	return kind_list_of(l, v, at, step);
}

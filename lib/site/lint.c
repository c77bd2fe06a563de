#include "site/lint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "site/lintflow.h"
#include "site/lintpage.h"
#include "site/lintstep.h"

static const char *const actions[] = {
	"back_off", "alert", "stop", "relogin", "restart", "next_slot", "verify", "wait", "ask_human", NULL};

/* --- the top --- */

static jv zone(struct lint *l, jv v, const char *at)
{
	if (lint_is_text(l, v, at) && !zone_valid(json_string(v, "")))
		mistake_at(&l->mistakes, at, "'%s' is no time zone: write a name such as Europe/Istanbul", json_string(v, ""));
	return jv_copy(v);
}

static jv transport(struct lint *l, jv v, const char *at)
{
	static const char *const names[] = {"http", "browser", NULL};

	return kind_one_of(l, v, at, names);
}

static jv name(struct lint *l, jv v, const char *at)
{
	if (lint_is_text(l, v, at) && !name_valid(json_string(v, "")))
		mistake_at(&l->mistakes, at, "'%s' is no name: small letters, digits, '.', '_' and '-'", json_string(v, ""));
	return jv_copy(v);
}

static jv variables(struct lint *l, jv v, const char *at)
{
	return kind_map_of(l, v, at, "'vars'", kind_any, true);
}

static jv jitter(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");
	char *digits;
	long long n;

	if (!str_ends(s, "%"))
		return kind_duration(l, v, at);
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

	if (lint_is_text(l, v, at) &&
	    (!per || str_long(number, 1, 1000000, &count) || duration_parse(per + 5, &window) || window == 0))
		mistake_at(&l->mistakes, at, "'%s' is no budget: write \"80 per 120s\"", s);
	free(number);
	return json_obj("requests", jv_number((double)count), "window", jv_number((double)window), NULL);
}

static jv concurrency(struct lint *l, jv v, const char *at)
{
	jv n = kind_whole_number(l, v, at);

	if (jv_number_value(n) < 1)
		mistake_at(&l->mistakes, at, "'concurrency' is at least 1");
	return n;
}

static jv pace(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {
		{"interval", kind_duration, false}, {"min_interval", kind_duration, false}, {"jitter", jitter, false}, {"budget", budget, false},
		{"reserve", kind_whole_number, false}, {"concurrency", concurrency, false}, {"settle", kind_duration, false}, {NULL, NULL, false}};
	jv out = kind_mapping(l, v, at, "'pace'", keys), share = json_get(out, "budget");
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
	if (lint_is_text(l, v, at) && (!class_name(json_string(v, "")) || strcmp(json_string(v, ""), "ok") == 0))
		mistake_at(&l->mistakes, at, "'%s' is no class: small letters and _", json_string(v, ""));
	return json_is(v, JV_KIND_STRING) ? jv_copy(v) : jv_string("changed");
}

static jv class_rule(struct lint *l, jv v, const char *at)
{
	static const struct key keys[] = {{"class", class_new, true}, {"when", kind_condition, true}, {"why", kind_plain, false}, {NULL, NULL, false}};

	return kind_mapping(l, v, at, "a rule of 'classify'", keys);
}

static jv classify(struct lint *l, jv v, const char *at)
{
	return kind_list_of(l, v, at, class_rule);
}

static jv action(struct lint *l, jv v, const char *at)
{
	return kind_one_of(l, v, at, actions);
}

static jv policy(struct lint *l, jv v, const char *at)
{
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = pointer_down(at, it.key);

		lint_class_known(l, it.key, down, true);
		free(down);
	}
	return kind_map_of(l, v, at, "'policy'", action, false);
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
	static const struct key keys[] = {{"title", kind_plain, false}, {"about", kind_plain, false}, {"default", kind_plain, false},
					  {"secret", kind_boolean, false}, {"optional", kind_boolean, false}, {NULL, NULL, false}};

	if (json_is(v, JV_KIND_STRING))
		return json_obj("title", jv_copy(v), NULL);
	return kind_mapping(l, v, at, "a need", keys);
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

/* --- flows --- */

/* Which public flows reach a private one, by `use`. */
static void reach(struct lint *l, jv flows, jv v, const char *root)
{
	const char *name = json_str(v, "use", NULL);
	jv users, there;

	if (name) {
		users = json_get(l->users, name);
		if (!json_has(users, root)) {
			users = json_is(users, JV_KIND_OBJECT) ? users : jv_object();
			l->users = json_set(l->users, name, json_set(users, root, jv_true()));
			there = json_get(flows, name);
			reach(l, flows, there, root);
			jv_free(there);
		} else {
			jv_free(users);
		}
	}
	for (struct json_iter it = json_iter(v); json_next(&it);)
		if (json_is(it.value, JV_KIND_ARRAY) || json_is(it.value, JV_KIND_OBJECT))
			reach(l, flows, it.value, root);
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

/* Whether the public flow NAME, as it is written, asks for HTTP. */
static bool asks_http(jv flows, const char *name)
{
	jv flow = json_get(flows, name);
	bool yes = strcmp(json_str(flow, "transport", ""), "http") == 0;

	jv_free(flow);
	return yes;
}

/* How the pages of a flow are driven: as the provider says, or as the flow does; a private one's as those that use it say. */
static void set_pages(struct lint *l, const char *flow_name)
{
	bool browser = strcmp(json_str(l->mistakes.yaml->value, "transport", "http"), "browser") == 0;
	jv flows = json_get(l->mistakes.yaml->value, "flows");
	jv users = flow_public(flow_name) ? json_obj(flow_name, jv_true(), NULL) : json_get(l->users, flow_name);
	bool all = json_len(users) > 0;

	l->over_http = NULL;
	for (struct json_iter it = json_iter(users); json_next(&it);)
		for (const char *const *n = flow_names; *n; n++)
			if (strcmp(*n, it.key) == 0) {
				bool http = asks_http(flows, *n);

				l->over_http = browser && http ? *n : l->over_http;
				all &= http;
			}
	l->browser = browser && !l->over_http;
	l->regions = !browser || all;
	jv_free(users);
	jv_free(flows);
}

static jv http_only(struct lint *l, jv v, const char *at)
{
	static const char *const names[] = {"http", NULL};

	return kind_one_of(l, v, at, names);
}

/* {transport: http, steps}: what only reads may do so without the browser that the rest needs. */
static jv flow_over(struct lint *l, jv v, const char *at, const char *flow_name)
{
	static const struct key keys[] = {{"transport", http_only, true}, {"steps", kind_steps, true}, {NULL, NULL, false}};

	if (strcmp(flow_name, "check") != 0 && strcmp(flow_name, "alive") != 0 && strcmp(flow_name, "verify") != 0)
		mistake_at(&l->mistakes, at, "only check, alive and verify can have a transport of their own");
	return kind_mapping(l, v, at, "a flow with a transport", keys);
}

static jv exec(struct lint *l, jv v, const char *at)
{
	const char *s = json_string(v, "");

	if (*s == '/' || strcmp(s, "..") == 0 || str_starts(s, "../") || str_ends(s, "/..") || strstr(s, "/../"))
		mistake_at(&l->mistakes, at, "a program lies in the provider's folder: write ./NAME");
	return kind_plain(l, v, at);
}

static jv flow(struct lint *l, jv v, const char *at, const char *flow_name)
{
	static const struct key keys[] = {{"exec", exec, true}, {NULL, NULL, false}};
	char *where = xasprintf("in '%s'", flow_name);
	struct lint_scope outside = l->scope;
	jv out, steps;

	l->scope.roots = scope_of(l, flow_name);
	l->scope.where = where;
	set_pages(l, flow_name);
	if (json_has(v, "transport") || json_has(v, "steps")) {
		out = flow_over(l, v, at, flow_name);
	} else if (json_is(v, JV_KIND_OBJECT)) {
		if (!flow_public(flow_name))
			mistake_at(&l->mistakes, at, "only a flow that is run by name can be a program");
		out = kind_mapping(l, v, at, "a flow that is a program", keys);
	} else {
		out = kind_steps(l, v, at);
	}
	steps = json_is(v, JV_KIND_OBJECT) ? json_get(v, "steps") : jv_copy(v);
	if (json_is(steps, JV_KIND_ARRAY) && !json_len(steps))
		mistake_at(&l->mistakes, at, "'%s' has no steps", flow_name);
	jv_free(steps);
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

	if (!lint_is_map(l, v, at, "'flows'"))
		return out;
	for (const char *const *n = flow_names; *n; n++) {
		jv there = json_get(v, *n);

		reach(l, v, there, *n);
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

	for (const char *const *c = lint_classes; *c; c++)
		l->classes = json_set(l->classes, *c, jv_true());
	for (struct json_iter it = json_iter(rules); json_next(&it);)
		set_name(&l->classes, json_str(it.value, "class", NULL));
	jv_free(rules);
}

static void add_origin(struct lint *l, const char *url)
{
	char *origin = url && !strstr(url, "${") ? address_origin(url) : NULL;

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
	char *origin = strstr(s, "${") ? NULL : address_origin(s);

	if (origin && json_has(doc, "origins") && !lint_origin_listed(l, origin))
		mistake_at(&l->mistakes, "/base", "%s is not in 'origins'", origin);
	free(origin);
}

void lint_provider(struct lint *l, const struct yaml *y, const char *source, const char *folder)
{
	static const struct key keys[] = {
		{"name", name, true}, {"title", kind_plain, true}, {"about", kind_plain, false}, {"transport", transport, false},
		{"base", kind_base, true}, {"origins", kind_origins, false}, {"timezone", zone, false}, {"headers", kind_headers, false},
		{"terms", kind_plain, false}, {"needs", needs, false}, {"vars", variables, false}, {"pace", pace, false},
		{"classify", classify_all, false}, {"policy", policy, false}, {"flows", flows, true}, {NULL, NULL, false}};

	*l = (struct lint){.mistakes = {.yaml = y, .source = source}, .selectors = jv_array(), .homes = jv_object(),
			   .classes = jv_object(), .users = jv_object(), .origins = jv_array(),
			   .scope = {.needs = jv_object(), .vars = jv_object(), .where = "outside of the flows",
				     .roots = ROOT_RECORD | 1u << ROOT_NOW}};
	find_names(l, y->value);
	l->doc = kind_mapping(l, y->value, "", "a provider", keys);
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

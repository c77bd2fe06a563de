#include "site/flowclass.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "site/flowcond.h"

static void name_class(char *class, size_t size, char *why, size_t why_size, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

static void name_class(char *class, size_t size, char *why, size_t why_size, const char *name, const char *fmt, ...)
{
	va_list ap;

	snprintf(class, size, "%s", name);
	va_start(ap, fmt);
	vsnprintf(why, why_size, fmt, ap);
	va_end(ap);
}

/* The first of the provider's rules that holds. */
static enum go class_by_rules(struct flow *f, char *class, size_t size, char *why, size_t why_size)
{
	jv rules = json_get(f->run->provider->doc, "classify"), conds = jv_array(), results;
	int next = 0;
	enum go go;

	for (struct json_iter it = json_iter(rules); json_next(&it);)
		conds = json_push(conds, json_get(it.value, "when"));
	go = cond_ask(f, conds, &results);
	for (struct json_iter it = json_iter(go == GO ? rules : jv_null()); json_next(&it);) {
		jv when = json_get(it.value, "when");
		bool yes = cond_decide(f, when, results, &next) == YES;

		jv_free(when);
		if (yes && !*class)
			name_class(class, size, why, why_size, json_str(it.value, "class", "changed"), "%s",
				   json_str(it.value, "why", "the page says so"));
	}
	jv_free(rules);
	jv_free(conds);
	jv_free(results);
	return go == GO ? cond_undecided(f) : END;
}

/* The class of the page, "" when no rule knows it. Of a page that was cut off the rules are not asked: the rest of it may
 * say otherwise. */
enum go class_find(struct flow *f, char *class, size_t size, char *why, size_t why_size)
{
	jv page = json_get(f->context, "page");
	int status = (int)json_int(page, "status", 0);
	bool cut = json_bool(page, "cut", false), no_json = json_has(page, "json_error") && status >= 200 && status < 300 && status != 204;
	enum go go = GO;

	jv_free(page);
	*class = *why = '\0';
	if (!cut)
		go = class_by_rules(f, class, size, why, why_size);
	if (!*class && (status == 429 || status == 503 || status == 403 || status >= 500))
		name_class(class, size, why, why_size, status == 403 ? "blocked" : status == 429 || status == 503 ? "throttled" : "unreachable",
			   "the site answered %d", status);
	if (!*class && cut)
		name_class(class, size, why, why_size, "changed", "the page was cut off: too large, too deep, or without its end");
	if (!*class && no_json)
		name_class(class, size, why, why_size, "changed", "the page says that it is JSON, and is not");
	return go;
}

bool class_allowed(jv step, const char *class)
{
	jv allow = json_get(step, "allow");
	bool yes = strcmp(json_string(allow, ""), class) == 0;

	for (struct json_iter it = json_iter(allow); json_next(&it);)
		yes |= strcmp(json_string(it.value, ""), class) == 0;
	jv_free(allow);
	return yes;
}

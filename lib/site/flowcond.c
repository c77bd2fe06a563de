#include "site/flowcond.h"

#include <stdio.h>

/* The parts of COND that the page decides, in the order in which cond_decide() meets them. */
static jv atoms(struct flow *f, jv cond, jv list, struct err *e)
{
	if (json_is(cond, JV_KIND_ARRAY)) {
		for (struct json_iter it = json_iter(cond); json_next(&it);)
			list = atoms(f, it.value, list, e);
		return list;
	}
	jv part = json_del(json_del(jv_copy(cond), "jq"), "not");

	if (json_len(part)) {
		jv expanded = flow_expand(f, part, e);

		list = json_push(list, json_ok(expanded) ? expanded : jv_null());
	}
	jv_free(part);
	if (json_has(cond, "not")) {
		jv inner = json_get(cond, "not");

		list = atoms(f, inner, list, e);
		jv_free(inner);
	}
	return list;
}

static enum truth decide_filter(struct flow *f, jv cond)
{
	struct err e = {0};
	jv v = flow_member(f, cond, "jq", &e);
	enum truth truth = !json_ok(v) ? UNKNOWN : expr_true(v) ? YES : NO;

	jv_free(v);
	if (truth == UNKNOWN && e.status == EX_TEMPFAIL && !*f->broken) /* of a mistake another rule may know why */
		snprintf(f->broken, sizeof f->broken, "%.150s", e.text);
	return truth;
}

/* All parts are gone through, because NEXT must keep step. */
enum truth cond_decide(struct flow *f, jv cond, jv results, int *next)
{
	enum truth truth = YES, part;

	if (json_is(cond, JV_KIND_ARRAY)) {
		truth = NO;
		for (struct json_iter it = json_iter(cond); json_next(&it);) {
			part = cond_decide(f, it.value, results, next);
			truth = part > truth ? part : truth;
		}
		return truth;
	}
	size_t own = json_len(cond) - json_has(cond, "jq") - json_has(cond, "not");

	if (own) {
		jv r = json_at(results, (*next)++);

		truth = json_true(r) ? YES : NO;
		jv_free(r);
	}
	if (json_has(cond, "not")) {
		jv inner = json_get(cond, "not");

		part = YES - cond_decide(f, inner, results, next);
		truth = part < truth ? part : truth;
		jv_free(inner);
	}
	if (truth != NO && json_has(cond, "jq")) {
		part = decide_filter(f, cond);
		truth = part < truth ? part : truth;
	}
	return truth;
}

enum go cond_undecided(struct flow *f)
{
	return *f->broken ? flow_end(f, "changed", "%s", f->broken) : GO;
}

/* The results of the page's parts of CONDS, an array of conditions, in one command. */
enum go cond_ask(struct flow *f, jv conds, jv *results)
{
	struct err e = {0};
	jv list = atoms(f, conds, jv_array(), &e), answer;

	*results = jv_array();
	if (e.status) {
		jv_free(list);
		return flow_end(f, "changed", "%s", e.text);
	}
	if (!json_len(list)) {
		jv_free(list);
		return GO;
	}
	if (flow_look(f, json_obj("do", jv_string("test"), "conditions", list, NULL), &answer) == END)
		return END;
	jv_free(*results);
	*results = json_get(answer, "results");
	jv_free(answer);
	return GO;
}

enum go cond_holds(struct flow *f, jv cond, bool *yes)
{
	jv results;
	int next = 0;
	enum go go = cond_ask(f, cond, &results);

	if (go == GO) {
		*yes = cond_decide(f, cond, results, &next) == YES;
		go = cond_undecided(f);
	}
	jv_free(results);
	return go;
}

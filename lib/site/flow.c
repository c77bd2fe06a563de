#include "site/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "site/exec.h"
#include "site/flowact.h"
#include "site/flowcond.h"
#include "site/flowhuman.h"
#include "site/flowread.h"
#include "site/flowstate.h"

#define CODE_TIMEOUT 120000
#define ROUNDS_MAX 1000   /* of one `for` */
#define DEPTH_MAX 16      /* of `use` */
#define STEPS_MAX 20000   /* of one run, loops in loops included */
#define PAGES_TIME 600000 /* ms that its page commands take */

/* ---- codes ---------------------------------------------------------------------------------------- */

static enum go do_mark(struct flow *f)
{
	struct err e = {0};

	if (!f->run->host->otp_mark)
		return flow_end(f, "no_code", "codes can't be fetched here");
	jv_free(f->mark);
	f->mark = f->run->host->otp_mark(f->run->host->ctx, &e);
	if (json_ok(f->mark))
		return GO;
	f->mark = jv_null();
	return flow_end(f, "no_code", "%s", e.text);
}

static enum go do_otp(struct flow *f, jv step)
{
	struct err e = {0};
	jv rules = flow_member(f, step, "otp", &e), code;
	char *into = xstrdup(json_str(rules, "into", "code"));
	int64_t timeout = json_int(rules, "timeout", CODE_TIMEOUT);
	enum go go;

	if (!json_ok(rules) || !f->run->host->otp_wait) {
		jv_free(rules);
		free(into);
		return flow_end(f, "no_code", "%s", e.status ? e.text : "codes can't be fetched here");
	}
	code = f->run->host->otp_wait(f->run->host->ctx, f->mark, rules, timeout, &e);
	jv_free(rules);
	go = json_ok(code) ? flow_keep(f, into, code) : flow_end(f, "no_code", "%s", e.text);
	free(into);
	return go;
}

static enum go do_tell(struct flow *f, jv step)
{
	struct err e = {0};
	jv text = flow_member(f, step, "tell", &e);
	enum go go = json_is(text, JV_KIND_STRING) ? GO : flow_end(f, "changed", "tell: %s", e.status ? e.text : "no text");

	if (go == GO && f->run->host->tell)
		f->run->host->tell(f->run->host->ctx, json_string(text, ""));
	jv_free(text);
	return go;
}

/* ---- structure ------------------------------------------------------------------------------------ */

/* LIST stands under KEY of the step now, or is the flow KEY where there is none. */
static enum go steps(struct flow *f, jv list, const char *key);

static enum go do_for(struct flow *f, jv step)
{
	jv names = json_get(step, "for"), body = json_get(step, "do");
	struct json_iter name = json_iter(names);
	struct err e = {0};
	jv list = json_next(&name) ? flow_expand(f, name.value, &e) : jv_null();
	enum go go = GO;

	if (!json_is(list, JV_KIND_ARRAY))
		go = flow_end(f, "changed", "for %s: %s", name.key ? name.key : "?", json_ok(list) ? "not a list" : e.text);
	else if (json_len(list) > ROUNDS_MAX)
		go = flow_end(f, "changed", "for %s: more than %d rounds", name.key, ROUNDS_MAX);
	for (struct json_iter it = json_iter(go == GO ? list : jv_null()); json_next(&it);) {
		go = flow_keep(f, name.key, jv_copy(it.value));
		if (go == GO)
			go = steps(f, body, "do");
		if (go == END) {
			json_iter_end(&it);
			break;
		}
	}
	json_iter_end(&name);
	jv_free(list);
	jv_free(names);
	jv_free(body);
	return go;
}

static enum go do_if(struct flow *f, jv step)
{
	jv cond = json_get(step, "if"), branch;
	bool yes = false;
	enum go go = GO;

	if (json_is(cond, JV_KIND_STRING)) {
		struct err e = {0};
		jv v = flow_expand(f, cond, &e);

		if (!json_ok(v))
			go = flow_end(f, "changed", "%s", e.text);
		yes = json_ok(v) && expr_true(v);
		jv_free(v);
	} else {
		go = cond_holds(f, cond, &yes);
	}
	jv_free(cond);
	if (go == END)
		return END;
	branch = json_get(step, yes ? "then" : "else");
	go = steps(f, branch, yes ? "then" : "else");
	jv_free(branch);
	return go;
}

static enum go do_use(struct flow *f, jv step)
{
	const char *name = json_str(step, "use", "");
	jv list = provider_flow(f->run->provider, name);
	const struct flow_place *here = f->place;
	enum go go;

	if (!json_is(list, JV_KIND_ARRAY) || f->depth >= DEPTH_MAX) {
		jv_free(list);
		return flow_end(f, "changed", "flow '%s' can't be used here", name);
	}
	f->depth++;
	f->place = NULL;
	go = steps(f, list, name);
	f->place = here;
	f->depth--;
	jv_free(list);
	return go;
}

static enum go do_end(struct flow *f, jv step)
{
	struct err e = {0};
	jv why = flow_member(f, step, "why", &e);
	enum go go;

	if (strcmp(json_str(step, "end", ""), "changed") == 0)
		flow_evidence(f, "changed");
	go = flow_end(f, json_str(step, "end", "changed"), "%s", json_string(why, "the provider ends here"));
	jv_free(why);
	return go;
}

static enum go carry_out(struct flow *f, jv step);

/* The same in sight of the host, which may leave it out or end the flow. */
static enum go shown_step(struct flow *f, jv step)
{
	const struct flow_host *host = f->run->host;
	struct flow_view view = {f->step, step, f->context, f->place, f->result, false, false, 0};
	int left_out = host->step(host->ctx, &view);
	int64_t began = clock_mono();

	if (left_out)
		return left_out < 0 ? flow_end(f, "stopped", "stopped by hand") : GO;
	view.ended = carry_out(f, step) == END;
	view.context = f->context;
	view.after = true;
	view.ms = clock_mono() - began;
	host->step(host->ctx, &view);
	return view.ended ? END : GO;
}

static enum go one_step(struct flow *f, jv step)
{
	const char *verb = step_verb(step);

	f->step = verb ? verb : "?";
	if (++f->steps > STEPS_MAX)
		return flow_end(f, "changed", "more than %d steps", STEPS_MAX);
	if (f->thought > THINK_MAX)
		return flow_end(f, "changed", "the expressions of this flow took more than %d s", THINK_MAX / 1000);
	if (f->paged > PAGES_TIME)
		return flow_end(f, "unreachable", "its pages took more than %d minutes", PAGES_TIME / 60000);
	return f->run->host->step ? shown_step(f, step) : carry_out(f, step);
}

static enum go carry_out(struct flow *f, jv step)
{
	if (strcmp(f->step, "get") == 0 || strcmp(f->step, "post") == 0)
		return act_request(f, step, f->step);
	if (strcmp(f->step, "submit") == 0)
		return act_submit(f, step);
	if (strcmp(f->step, "expect") == 0)
		return read_expect(f, step);
	if (strcmp(f->step, "let") == 0)
		return read_let(f, step);
	if (strcmp(f->step, "rows") == 0)
		return read_rows(f, step);
	if (strcmp(f->step, "slots") == 0)
		return read_slots(f, step);
	if (strcmp(f->step, "for") == 0)
		return do_for(f, step);
	if (strcmp(f->step, "if") == 0)
		return do_if(f, step);
	if (strcmp(f->step, "mark") == 0)
		return do_mark(f);
	if (strcmp(f->step, "otp") == 0)
		return do_otp(f, step);
	if (strcmp(f->step, "human") == 0)
		return human_step(f, step);
	if (strcmp(f->step, "use") == 0)
		return do_use(f, step);
	if (strcmp(f->step, "identity") == 0)
		return read_identity(f, step);
	if (strcmp(f->step, "booking") == 0)
		return read_booking(f, step);
	if (strcmp(f->step, "end") == 0)
		return do_end(f, step);
	if (strcmp(f->step, "upload") == 0)
		return act_upload(f, step);
	if (strcmp(f->step, "tell") == 0)
		return do_tell(f, step);
	if (strcmp(f->step, "screenshot") == 0) {
		flow_evidence(f, json_str(step, "screenshot", "page"));
		return GO;
	}
	if (act_verb(f->step))
		return act_step(f, step, act_verb(f->step));
	return flow_end(f, "changed", "there is no such step");
}

static enum go steps(struct flow *f, jv list, const char *key)
{
	struct flow_place place = {f->place, key, 0};
	enum go go = GO;

	f->place = &place;
	for (struct json_iter it = json_iter(list); json_next(&it); place.index++)
		if ((go = one_step(f, it.value)) == END) {
			json_iter_end(&it);
			break;
		}
	f->place = place.up;
	return go;
}

void flow_run(const struct flow_run *run, const char *name, struct flow_result *result)
{
	struct flow f = {.run = run, .result = result, .name = name, .mark = jv_null(), .same = jv_null(), .asked = jv_null(), .weights = jv_object(), .step = "start"};
	jv list = provider_flow(run->provider, name);
	struct err e = {0};

	*result = (struct flow_result){.class = "ok", .slots = jv_array(), .booking = jv_null(), .var = jv_object(), .again_after = -1};
	f.context = json_set(json_set(jv_copy(run->context), "var", jv_object()), "page", jv_null());
	if (json_is(list, JV_KIND_ARRAY)) {
		jv vars = json_get(run->provider->doc, "vars");
		enum go go = GO;

		/* in order of name: a provider's vars may use the record, not each other */
		for (struct json_iter it = json_iter(vars); json_next(&it);) {
			jv v = go == GO ? flow_expand(&f, it.value, &e) : jv_null();

			if (json_ok(v))
				go = go == GO ? flow_keep(&f, it.key, v) : END;
			else
				go = flow_end(&f, "changed", "vars: %s: %s", it.key, e.text);
		}
		jv_free(vars);
		if (go == GO)
			steps(&f, list, name);
		if (strcmp(result->class, "ok") == 0)
			result->reason[0] = '\0';
	} else if (*json_str(list, "exec", "")) {
		exec_run(run, name, json_str(list, "exec", ""), result);
	} else {
		flow_end(&f, "changed", "the provider has no flow '%s'", name);
	}
	jv_free(list);
	jv_free(f.context);
	jv_free(f.mark);
	jv_free(f.same);
	jv_free(f.asked);
	jv_free(f.weights);
}

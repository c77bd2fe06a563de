/* The page commands are those of ab-page(5). */
#include "site/flowstate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "site/memo.h"

enum go flow_end(struct flow *f, const char *class, const char *fmt, ...)
{
	char why[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	snprintf(f->result->class, sizeof f->result->class, "%s", class);
	snprintf(f->result->reason, sizeof f->result->reason, "%s: %s: %s", f->name, f->step, why);
	return END;
}

enum go flow_end_err(struct flow *f, const struct err *e)
{
	return flow_end(f, e->status == EX_TEMPFAIL ? "throttled" : e->status == EX_NOPERM ? "refused" : "stopped", "%s", e->text);
}

jv flow_expand(struct flow *f, jv template, struct err *e)
{
	char now[CLOCK_TEXT];

	int64_t began = clock_mono();
	jv v;

	if (f->thought > THINK_MAX) {
		err_set(e, EX_TEMPFAIL, "the expressions of this flow took more than %d s", THINK_MAX / 1000);
		return jv_invalid();
	}
	if (!json_has(f->run->context, "now"))
		f->context = json_set_str(f->context, "now", clock_format(clock_wall(), now));
	v = expr_expand(f->run->provider->exprs, template, f->context, e);
	f->thought += clock_mono() - began;
	return v;
}

/* expand, for a member of the step; null when the step has none. */
jv flow_member(struct flow *f, jv step, const char *key, struct err *e)
{
	jv template = json_get(step, key), v = flow_expand(f, template, e);

	jv_free(template);
	return v;
}

enum go flow_keep(struct flow *f, const char *name, jv value)
{
	size_t weight = 0, all = 0;

	for (struct json_iter it = json_iter(f->weights); json_next(&it);)
		all += strcmp(it.key, name) == 0 ? 0 : (size_t)jv_number_value(it.value);
	if (!json_weigh(value, VAR_MAX - all, &weight)) {
		jv_free(value);
		return flow_end(f, "changed", "what it keeps is more than %u MiB, or nested too deep", VAR_MAX >> 20);
	}
	f->weights = json_set(f->weights, name, jv_number((double)weight));
	f->result->var = json_set(f->result->var, name, value);
	f->context = json_set(f->context, "var", jv_copy(f->result->var));
	return GO;
}

/* The class that an agent's error code stands for. */
static const char *error_class(const char *code)
{
	static const char *const site[] = {"unreachable", "timeout", "busy", NULL};

	for (const char *const *c = site; *c; c++)
		if (strcmp(code, *c) == 0)
			return "unreachable";
	return "changed"; /* no form, no row, a selector that finds nothing: not the page we know */
}

enum go flow_page_failed(struct flow *f, jv answer)
{
	jv error = json_get(answer, "error");
	enum go go = flow_end(f, error_class(json_str(error, "code", "")), "%s", json_str(error, "message", "the page agent refused"));

	jv_free(error);
	return go;
}

jv flow_page_ask(struct flow *f, jv command, int64_t timeout, struct err *e)
{
	const struct flow_host *host = f->run->host;
	jv asked = host->paged ? jv_copy(command) : jv_null(), answer;
	int64_t began;

	if (host->paged)
		host->paged(host->ctx, asked, jv_null());
	began = clock_mono();
	answer = page_call(f->run->page, command, timeout, e);
	f->paged += clock_mono() - began;
	f->result->resent += (int)json_int(answer, "resent", 0);
	if (host->paged)
		host->paged(host->ctx, asked, answer);
	jv_free(asked);
	return answer;
}

/* A command that looks at the page as it is. On END *answer is freed. */
enum go flow_look(struct flow *f, jv command, jv *answer)
{
	struct err e;

	*answer = memo_recall(f->run->memo, f->same, command);
	if (json_ok(*answer)) {
		jv_free(command);
		return GO;
	}
	jv asked = jv_copy(command);

	*answer = flow_page_ask(f, command, STEP_TIMEOUT, &e);
	if (json_ok(*answer) && json_bool(*answer, "ok", false)) {
		memo_keep(f->run->memo, f->same, asked, *answer);
		jv_free(asked);
		return GO;
	}
	jv_free(asked);
	if (!json_ok(*answer))
		return flow_end(f, "unreachable", "%s", e.text);
	flow_page_failed(f, *answer);
	jv_free(*answer);
	return END;
}

void flow_evidence(struct flow *f, const char *label)
{
	jv page;

	if (!f->run->host->evidence)
		return;
	page = page_call(f->run->page, json_obj("do", jv_string("evidence"), NULL), STEP_TIMEOUT, NULL);
	if (json_ok(page) && json_bool(page, "ok", false))
		f->run->host->evidence(f->run->host->ctx, label, page);
	jv_free(page);
}

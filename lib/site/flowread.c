#include "site/flowread.h"

#include <stdlib.h>
#include <string.h>

#include "site/flowcond.h"

#define SLOTS_TEXT (768u << 10) /* of the slots found: an event holds 1 MiB */

enum go read_expect(struct flow *f, jv step)
{
	jv cond = json_get(step, "expect");
	bool yes = false;
	enum go go = cond_holds(f, cond, &yes);

	jv_free(cond);
	if (go == GO && !yes) {
		flow_evidence(f, "changed");
		return flow_end(f, "changed", "%s", json_str(step, "why", "the page is not the one expected"));
	}
	return go;
}

/* One value of `let`: out of the page when it is a page's spec, else an expression. */
static enum go read_value(struct flow *f, jv spec, jv *value)
{
	bool embed = json_has(spec, "embed"), found = json_has(spec, "css") || json_has(spec, "xpath");
	struct err e = {0};
	jv expanded = flow_expand(f, spec, &e), answer;

	*value = jv_null();
	if (!json_ok(expanded))
		return flow_end(f, "changed", "%s", e.text);
	if (!embed && !found) {
		*value = expanded;
		return GO;
	}
	jv command = embed ? json_obj("do", jv_string("embed"), "marker", json_get(expanded, "embed"), NULL)
			   : json_set_str(jv_copy(expanded), "do", "find");
	bool all = json_bool(expanded, "all", false), optional = json_bool(expanded, "optional", false);

	jv_free(expanded);
	if (flow_look(f, command, &answer) == END)
		return END;
	*value = json_get(answer, embed || !all ? "value" : "values");
	if (found && !optional && (!json_int(answer, "count", 0) || json_is(*value, JV_KIND_NULL))) {
		jv_free(answer);
		flow_evidence(f, "changed");
		return flow_end(f, "changed", "nothing on the page matches %s",
			   json_str(spec, "css", json_str(spec, "xpath", "the selector")));
	}
	jv_free(answer);
	return GO;
}

enum go read_let(struct flow *f, jv step)
{
	jv names = json_get(step, "let");
	enum go go = GO;

	for (struct json_iter it = json_iter(names); json_next(&it);) {
		jv value;

		go = read_value(f, it.value, &value);
		if (go == END) {
			jv_free(value);
			json_iter_end(&it);
			break;
		}
		if (flow_keep(f, it.key, value) == END) {
			json_iter_end(&it);
			go = END;
			break;
		}
	}
	jv_free(names);
	return go;
}

enum go read_rows(struct flow *f, jv step)
{
	struct err e = {0};
	jv spec = flow_member(f, step, "rows", &e), answer;
	char *into;
	enum go go;

	if (!json_ok(spec))
		return flow_end(f, "changed", "%s", e.text);
	into = xstrdup(json_str(spec, "into", "rows"));
	go = flow_look(f, json_set_str(json_del(spec, "into"), "do", "rows"), &answer);
	if (go == GO) {
		go = flow_keep(f, into, json_get(answer, "rows"));
		jv_free(answer);
	} else {
		flow_evidence(f, "changed");
	}
	free(into);
	return go;
}

/* Whether LIST, more slots, still fits. */
static bool room_for_slots(struct flow *f, jv list)
{
	size_t weight = 0;
	char *text;

	if (!json_weigh(list, VAR_MAX, &weight))
		return false;
	text = json_text(list);
	f->slots_text += strlen(text);
	free(text);
	return f->slots_text <= SLOTS_TEXT;
}

enum go read_slots(struct flow *f, jv step)
{
	struct err e = {0};
	jv list = flow_member(f, step, "slots", &e);

	if (!json_is(list, JV_KIND_ARRAY)) {
		bool bad = !json_ok(list);

		jv_free(list);
		return flow_end(f, "changed", "slots: %s", bad ? e.text : "not a list");
	}
	if (!room_for_slots(f, list)) {
		jv_free(list);
		return flow_end(f, "changed", "more slots than an event can tell (%u KiB): let the check look at fewer days", SLOTS_TEXT >> 10);
	}
	f->result->slots = jv_array_concat(f->result->slots, list);
	return GO;
}

enum go read_identity(struct flow *f, jv step)
{
	struct err e = {0};
	jv shown = flow_member(f, step, "identity", &e), slot = json_get(f->context, "slot");
	char why[200];
	enum go go = GO;

	if (!json_ok(shown))
		go = flow_end(f, "changed", "%s", e.text);
	else if (!identity_match(shown, slot, why, sizeof why))
		go = flow_end(f, "taken", "%s", why);
	f->identified |= go == GO;
	jv_free(shown);
	jv_free(slot);
	return go;
}

enum go read_booking(struct flow *f, jv step)
{
	struct err e = {0};
	jv found = flow_member(f, step, "booking", &e);

	if (!json_is(found, JV_KIND_OBJECT)) {
		jv_free(found);
		return flow_end(f, "changed", "booking: %s", e.text);
	}
	flow_evidence(f, "booking");
	f->result->booking = json_merge_take(json_is(f->result->booking, JV_KIND_OBJECT) ? f->result->booking : jv_object(), found);
	f->context = json_set(f->context, "booking", jv_copy(f->result->booking));
	if (f->run->host->booking)
		f->run->host->booking(f->run->host->ctx, f->result->booking);
	return GO;
}

#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define KEPT 32          /* events of each kind that stay in state.json */
#define KEPT_MAX 131072u /* bytes of them: sets of slots may be long */

static jv array_of(jv state, const char *key)
{
	jv v = json_get(state, key);

	if (json_is(v, JV_KIND_ARRAY))
		return v;
	jv_free(v);
	return jv_array();
}

void trail_init(struct trail *t, jv state, jv run)
{
	const char *history = json_str(state, "history", NULL);

	*t = (struct trail){.said = array_of(state, "said"), .heard = array_of(state, "heard"), .set = jv_null(), .run = run};
	if (history && strlen(history) < sizeof t->history) {
		memcpy(t->history, history, strlen(history) + 1);
		t->step = json_int(state, "step", 0);
	} else {
		uuid_make(t->history);
	}
}

void trail_free(struct trail *t)
{
	jv_free(t->said);
	jv_free(t->heard);
	jv_free(t->set);
	jv_free(t->run);
}

jv trail_save(const struct trail *t, jv state)
{
	state = json_set(json_set_str(state, "history", t->history), "step", jv_number((double)t->step));
	return json_set(json_set(state, "said", jv_copy(t->said)), "heard", jv_copy(t->heard));
}

static size_t length(jv event)
{
	char *text = json_text(event);
	size_t len = strlen(text);

	free(text);
	return len;
}

/* LIST without its first items, as many as must go so that the rest are at most KEPT and KEPT_MAX bytes. */
static jv newest(jv list)
{
	jv kept = jv_array();
	size_t sum = 0, n = json_len(list), from = n;

	while (from > 0 && n - from < KEPT) {
		jv item = json_at(list, (int)from - 1);

		sum += length(item);
		jv_free(item);
		if (sum > KEPT_MAX)
			break;
		from--;
	}
	for (struct json_iter it = json_iter(list); json_next(&it);)
		if ((size_t)it.index >= from)
			kept = json_push(kept, jv_copy(it.value));
	jv_free(list);
	return kept;
}

void trail_said(struct trail *t, jv event)
{
	t->said = newest(json_push(t->said, event));
}

static bool holds(jv list, const char *id)
{
	bool found = false;

	for (struct json_iter it = json_iter(list); json_next(&it);)
		found = found || strcmp(json_str(it.value, "id", ""), id) == 0;
	return found;
}

static void hear(struct trail *t, jv event)
{
	if (json_is(event, JV_KIND_OBJECT) && !holds(t->heard, json_str(event, "id", "")))
		t->heard = newest(json_push(t->heard, jv_copy(event)));
}

jv trail_step(struct trail *t, const char *input, jv event, const char *goal, jv basis)
{
	jv by = json_merge_take(json_obj("history", jv_string(t->history), "step", jv_number((double)++t->step), "input",
					 jv_string(input), NULL),
				jv_copy(basis));

	hear(t, t->set);
	hear(t, event);
	if (json_is(event, JV_KIND_OBJECT))
		by = json_set_str(by, "event", json_str(event, "id", ""));
	if (goal)
		by = json_set_str(by, "goal", goal);
	if (json_is(t->run, JV_KIND_OBJECT))
		by = json_set(by, "run", t->run);
	t->run = jv_null();
	return by;
}

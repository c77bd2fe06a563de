#include "site/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static bool same_field(const char *key, jv a, jv b)
{
	int64_t ta, tb;

	if (strcmp(key, "start") == 0 && clock_parse(json_string(a, ""), &ta) == 0 && clock_parse(json_string(b, ""), &tb) == 0)
		return ta == tb;
	return json_equal(a, b);
}

bool identity_match(jv shown, jv slot, char *why, size_t size)
{
	bool same = true;

	if (json_is(shown, JV_KIND_STRING)) {
		jv id = json_get(slot, "id");

		same = json_equal(shown, id);
		jv_free(id);
		snprintf(why, size, "the page shows %.60s, the slot is %.60s", json_string(shown, ""), json_str(slot, "id", ""));
		return same;
	}
	snprintf(why, size, "the slot's identity can't be read from the page");
	if (!json_is(shown, JV_KIND_OBJECT) || !json_len(shown))
		return false;
	for (struct json_iter it = json_iter(shown); json_next(&it);) {
		jv mine = json_get(slot, it.key);

		if (same && !same_field(it.key, it.value, mine)) {
			char *a = json_text(it.value), *b = json_text(mine);

			snprintf(why, size, "the page shows %s %.60s, the slot has %.60s", it.key, a, b);
			same = false;
			free(a);
			free(b);
		}
		jv_free(mine);
	}
	return same;
}

void flow_result_free(struct flow_result *r)
{
	jv_free(r->slots);
	jv_free(r->booking);
	jv_free(r->var);
	r->slots = r->booking = r->var = jv_null();
}

bool flow_ok(const struct flow_result *r)
{
	return strcmp(r->class, "ok") == 0;
}

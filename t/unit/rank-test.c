/* Ranking at a given time, for tables in t/0500-rank.bats.
 * usage: rank-test RULES-JSON NOW <SLOTS-JSON      prints {"hash","bad","order":[{"id","why"}],"why"} */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "plan/rank.h"
#include "plan/slot.h"

int main(int argc, char **argv)
{
	struct err e = {0};
	struct str text;
	char hash[SLOT_HASH], *out;
	size_t bad;
	int64_t now;

	if (argc != 3 || clock_parse(argv[2], &now))
		die(EX_USAGE, "usage: rank-test RULES NOW");
	jv rules = json_parse(argv[1], strlen(argv[1]), &e);
	struct prefs *p = prefs_parse(rules, &e);

	if (!p || fs_read_fd(0, "stdin", 1 << 24, &text, &e))
		die_err(&e);
	jv given = json_parse(text.s, text.len, &e), slots = slots_parse(given, &bad, &e), ranked = rank_slots(p, slots, now);
	jv order = json_get(ranked, "order"), list = jv_array();

	if (bad)
		fprintf(stderr, "%s\n", e.text);
	for (struct json_iter it = json_iter(order); json_next(&it);) {
		jv id = json_path(it.value, "slot.id");

		list = json_push(list, json_obj("id", id, "why", json_get(it.value, "why"), NULL));
	}
	jv result = json_obj("hash", jv_string(slots_hash(slots, hash)), "bad", jv_number((double)bad), "order", list, "why",
			     json_get(ranked, "why"), "slots", slots, NULL);

	out = json_text(result);
	puts(out);
	free(out);
	jv_free(result);
	jv_free(order);
	jv_free(ranked);
	jv_free(given);
	jv_free(rules);
	prefs_free(p);
	str_free(&text);
	return 0;
}

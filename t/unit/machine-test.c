/* The state machine with a clock of its own, for tables in t/0510-machine.bats.
 * usage: machine-test RULES-JSON <STEPS
 * A step a line: {"at": SECONDS} and one of "event": {…}, "start": true, "again": true, "sent": true, "restart": true
 * (saved, loaded and started again), nothing (time alone); "refused": why consent is lacking. Prints a line for each
 * action: {"type","data","trace"}, and for each step {"state","due","held","asking"}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/machine.h"
#include "wire/line.h"

static const int64_t epoch = 1795338000000; /* 2026-11-22T09:00:00Z */

static void print_take(jv v)
{
	char *text = json_text(v);

	puts(text);
	free(text);
	jv_free(v);
}

static struct machine *reload(struct machine *m, struct prefs *p)
{
	struct machine *fresh = machine_new(p, MACHINE_TIMES);
	jv saved = machine_save(m);
	struct err e;

	if (machine_load(fresh, saved, &e))
		die_err(&e);
	jv_free(saved);
	machine_free(m);
	return fresh;
}

/* The state that is kept over a restart changes only with a word about it: else nobody could fold it again. */
static void check_silent(const struct machine *m, jv before, jv actions)
{
	jv now = machine_save(m);

	if (!json_len(actions) && !json_equal(before, now))
		die(EX_SOFTWARE, "the state changed in silence");
	jv_free(now);
	jv_free(before);
}

static jv run(struct machine **m, struct prefs *p, jv step, struct machine_in *in)
{
	if (json_has(step, "sent"))
		return machine_sent(*m);
	if (json_has(step, "restart"))
		*m = reload(*m, p);
	if (json_has(step, "restart") || json_has(step, "start") || json_has(step, "again"))
		return machine_start(*m, in, json_has(step, "again"));
	return machine_step(*m, in);
}

static void show(const struct machine *m, int64_t now)
{
	int64_t due = machine_due(m, now);
	const char *held = machine_held(m);

	print_take(json_obj("state", jv_string(machine_state(m)), "due", due < 0 ? jv_null() : jv_number((double)(due - epoch) / 1000),
			    "held", held ? jv_string(held) : jv_null(), "asking", machine_asking(m) ? jv_true() : jv_false(), NULL));
}

int main(int argc, char **argv)
{
	struct err e;
	struct line_in in;
	char *text;
	size_t len;
	int goals = 0;

	if (argc != 2)
		die(EX_USAGE, "usage: machine-test RULES");
	jv rules = json_parse(argv[1], strlen(argv[1]), &e);
	struct prefs *p = prefs_parse(rules, &e);

	if (!p)
		die_err(&e);
	struct machine *m = machine_new(p, MACHINE_TIMES);

	line_init(&in, 0, LINE_EVENT_MAX);
	while (line_next(&in, &text, &len, -1) == LINE_OK) {
		jv step = json_parse(text, len, &e), event = json_get(step, "event");
		char goal[16];
		struct machine_in mi = {.now = epoch + (int64_t)(json_num(step, "at", 0) * 1000), .event = event, .goal = goal,
					.refused = json_str(step, "refused", NULL)};

		if (!json_ok(step))
			die_err(&e);
		snprintf(goal, sizeof goal, "goal-%d", json_has(step, "start") || json_has(step, "again") ? ++goals : goals);
		jv before = machine_save(m), actions = run(&m, p, step, &mi);

		check_silent(m, before, actions);
		for (struct json_iter it = json_iter(actions); json_next(&it);)
			print_take(jv_copy(it.value));
		show(m, mi.now);
		jv_free(actions);
		jv_free(event);
		jv_free(step);
	}
	line_free(&in);
	machine_free(m);
	prefs_free(p);
	jv_free(rules);
	return 0;
}

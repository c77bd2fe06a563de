/* ab-audit replay: what ab-plan decided, decided again from what the chain holds.
 *
 * The order of records is not that of ab-plan's steps: it hears a result over its FIFO before or after the same
 * event passes here, what it said may be recorded late (after a crash) or twice, and most of its input leads to
 * nothing. So it numbers the steps that lead to something and says what each rested on (ab-events(5), "by");
 * steps are taken by these numbers, and the time of a step is that of its events. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "audit.h"
#include "plan/machine.h"
#include "store/audit.h"
#include "store/consent.h"
#include "store/rules.h"
#include "wire/event.h"

/* An event in the chain. */
struct kept {
	int64_t seq;
	jv time, event, by;
	int history; /* its number in the order of appearance */
	int64_t step;
};

struct kepts {
	struct kept *at;
	size_t n, cap;
};

static const char *session;
static jv given;              /* rules in place of the recorded ones, or null */
static bool verbose;
static struct kepts said;     /* by ab-plan */
static struct kepts heard;    /* what its steps name */
static jv wanted;             /* {id: [index in heard …]} of what they name */
static jv histories;          /* {uuid: number} */
static int64_t records;

/* ---- from the chain ------------------------------------------------------------------------------- */

static struct kept *keep(struct kepts *list, jv record, jv event)
{
	struct kept *k;

	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 64;
		list->at = xrealloc(list->at, list->cap * sizeof *list->at);
	}
	k = &list->at[list->n++];
	*k = (struct kept){json_int(record, "seq", 0), json_get(record, "time"), jv_copy(event), json_path(event, "data.by"), 0, 0};
	return k;
}

static void drop_all(struct kepts *list)
{
	for (size_t i = 0; i < list->n; i++) {
		jv_free(list->at[i].time);
		jv_free(list->at[i].event);
		jv_free(list->at[i].by);
	}
	free(list->at);
	*list = (struct kepts){0};
}

static bool derived(jv event)
{
	return strcmp(event_type(event), "session.state") == 0 || strcmp(event_type(event), "booking.request") == 0;
}

static void want(const char *id)
{
	if (id && !json_has(wanted, id))
		wanted = json_set(wanted, id, jv_array());
}

static int take_said(void *ctx, jv record)
{
	jv event = json_get(record, "event");

	(void)ctx;
	records++;
	if (derived(event)) {
		struct kept *k = keep(&said, record, event);
		const char *history = json_str(k->by, "history", "");

		if (!json_has(histories, history))
			histories = json_set(histories, history, jv_number((double)json_len(histories)));
		k->history = (int)json_int(histories, history, 0);
		k->step = json_int(k->by, "step", 0);
		want(json_str(k->by, "event", NULL));
		want(json_str(k->by, "set", NULL));
	}
	jv_free(event);
	return 0;
}

/* Of one event that comes several times the first is enough. */
static int take_heard(void *ctx, jv record)
{
	jv event = json_get(record, "event");
	const char *id = json_str(event, "id", NULL);

	(void)ctx;
	if (id && !derived(event) && json_has(wanted, id)) {
		jv places = json_get(wanted, id), last = json_at(places, (int)json_len(places) - 1);

		if (!json_is(last, JV_KIND_NUMBER) || !json_equal(heard.at[(size_t)jv_number_value(last)].event, event)) {
			places = json_push(places, jv_number((double)heard.n));
			keep(&heard, record, event);
			wanted = json_set(wanted, id, jv_copy(places));
		}
		jv_free(last);
		jv_free(places);
	}
	jv_free(event);
	return 0;
}

/* The event (borrowed) of this id that stands last before SEQ; else the first after it; null when there is none. */
static jv event_of(const char *id, int64_t seq)
{
	jv places = json_get(wanted, id), found = jv_null();

	for (struct json_iter it = json_iter(places); json_next(&it);) {
		const struct kept *k = &heard.at[(size_t)jv_number_value(it.value)];

		if (k->seq < seq || json_is(found, JV_KIND_NULL))
			found = k->event;
	}
	jv_free(places);
	return found;
}

/* By history and step; within one as they stand. */
static int by_step(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	if (x->history != y->history)
		return x->history < y->history ? -1 : 1;
	if (x->step != y->step)
		return x->step < y->step ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool same_id(const struct kept *a, const struct kept *b)
{
	return a->history == b->history && a->step == b->step && strcmp(json_str(a->event, "id", ""), json_str(b->event, "id", "")) == 0;
}

/* What was told twice, after a crash, counts once. */
static void order_steps(void)
{
	size_t n = 0;

	if (said.n)
		qsort(said.at, said.n, sizeof *said.at, by_step);
	for (size_t i = 0; i < said.n; i++) {
		bool again = false;

		for (size_t j = n; j-- && said.at[j].step == said.at[i].step && said.at[j].history == said.at[i].history;)
			again = again || same_id(&said.at[j], &said.at[i]);
		if (again) {
			jv_free(said.at[i].time);
			jv_free(said.at[i].event);
			jv_free(said.at[i].by);
		} else {
			said.at[n++] = said.at[i];
		}
	}
	said.n = n;
}

/* ---- telling a difference ------------------------------------------------------------------------- */

static void print_event(const char *word, jv event)
{
	struct str line = {0};

	str_puts(&line, word);
	if (json_is(event, JV_KIND_OBJECT))
		json_add_text(&line, event);
	else
		str_puts(&line, "nothing");
	print_line(&line);
	str_free(&line);
}

/* WHAT (freed) is wrong at K. ACTION: what is derived, or null. Gives -1. */
static int differ(const struct kept *k, jv action, char *what)
{
	struct str line = {0};

	str_addf(&line, "record %" PRId64 " (%s, %.60s): %s", k->seq, json_string(k->time, "?"), event_type(k->event), what);
	print_line(&line);
	str_free(&line);
	free(what);
	if (verbose) {
		print_event("recorded: ", k->event);
		print_event("derived:  ", action);
	}
	return -1;
}

/* The first member in which the objects differ, as "NAME: recorded 1, now 2". The caller frees; NULL: none. */
static char *difference(jv recorded, jv now)
{
	jv all = json_merge_take(jv_copy(recorded), jv_copy(now));
	char *what = NULL;

	for (struct json_iter it = json_iter(all); json_next(&it);) {
		jv a = json_get(recorded, it.key), b = json_get(now, it.key);

		if (!what && !json_equal(a, b)) {
			char *was = json_text(a), *is = json_text(b);

			what = xasprintf("%.60s: recorded %.400s, now %.400s", it.key, was, is);
			free(was);
			free(is);
		}
		jv_free(a);
		jv_free(b);
	}
	jv_free(all);
	return what;
}

/* One event of a step against what is derived now (null: nothing). */
static int compare(const struct kept *k, const struct kept *first, jv action)
{
	const char *type = json_str(action, "type", NULL), *time = json_str(k->event, "time", "");
	jv data = json_get(k->event, "data"), now = json_get(action, "data");
	char *what;
	int r = 0;

	data = json_del(data, "by");
	if (!type)
		what = xstrdup("recorded, but nothing is derived now");
	else if (strcmp(type, event_type(k->event)) != 0)
		what = xasprintf("recorded, but a %s is derived now", type);
	else if (strcmp(time, json_str(first->event, "time", "")) != 0)
		what = xstrdup("its time is not that of its step");
	else
		what = difference(data, now);
	if (what)
		r = differ(k, action, what);
	jv_free(data);
	jv_free(now);
	return r;
}

/* N events of a step, from K on, against ACTIONS. */
static int compare_all(const struct kept *k, size_t n, jv actions)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		jv action = json_at(actions, (int)i);

		r = compare(&k[i], k, action);
		jv_free(action);
	}
	if (!r && json_len(actions) > n) {
		jv action = json_at(actions, (int)n);

		r = differ(&k[n - 1], action, xasprintf("a %s is derived after it, but not recorded", json_str(action, "type", "?")));
		jv_free(action);
	}
	return r;
}

/* ---- folding -------------------------------------------------------------------------------------- */

static struct fold {
	struct machine *machine;
	struct prefs *prefs;
	jv rules;
	int history;
	int64_t step, steps;
} fold;

static void fold_free(void)
{
	machine_free(fold.machine);
	prefs_free(fold.prefs);
	jv_free(fold.rules);
	fold.machine = NULL;
	fold.prefs = NULL;
	fold.rules = jv_null();
}

/* The rules that the run which begins at K worked by. */
static jv rules_of(const struct kept *k, jv kept)
{
	bool match;
	struct err e;
	jv rules = rules_kept(session, kept, given, &match, &e);

	if (!json_ok(rules)) {
		err_wrap(&e, "record %" PRId64 ", the rules that ab-plan worked by", k->seq);
		die_err(&e);
	}
	if (!json_is(rules, JV_KIND_OBJECT))
		die(EX_CONFIG, "record %" PRId64 ": here ab-plan was given its rules from a file; give replay the same with --rules", k->seq);
	if (!match)
		die(EX_CONFIG, "the rules were changed: at %s (record %" PRId64 ") ab-plan worked by others than those in the file",
		    json_string(k->time, "?"), k->seq);
	return rules;
}

/* A run of ab-plan begins: on from the state that its file had, which must be the one that the fold has come to. */
static int begin_run(const struct kept *k, jv run)
{
	jv saved = json_get(run, "state"), kept = json_get(run, "rules"), now = fold.machine ? machine_save(fold.machine) : jv_null();
	struct machine_times times = MACHINE_TIMES;
	char *what = fold.machine ? difference(saved, now) : json_is(saved, JV_KIND_NULL) ? NULL : xstrdup("it is not in the record");
	struct err e;
	int r = -1;

	if (what) {
		differ(k, jv_null(), xasprintf("ab-plan began with a state that nothing recorded led to: %s", what));
		free(what);
		goto out;
	}
	fold_free();
	fold.rules = rules_of(k, kept);
	fold.prefs = prefs_parse(fold.rules, &e);
	if (!fold.prefs)
		die_err(&e);
	times.valid = json_int(run, "valid", times.valid);
	times.grace = json_int(run, "grace", times.grace);
	fold.machine = machine_new(fold.prefs, times);
	if (!json_is(saved, JV_KIND_NULL) && machine_load(fold.machine, saved, &e))
		differ(k, jv_null(), xasprintf("ab-plan began with %s", e.text));
	else
		r = 0;
out:
	jv_free(now);
	jv_free(saved);
	jv_free(kept);
	return r;
}

/* K is the next step's first event, and there is what is needed to fold it. */
static int check_order(const struct kept *k)
{
	if (!json_is(k->by, JV_KIND_OBJECT) || k->step < 1)
		return differ(k, jv_null(), xstrdup("it does not say what it came from (data.by), so it can't be derived"));
	if (k->history != fold.history) {
		fold_free();
		fold.history = k->history;
		fold.step = 0;
	}
	if (k->step == fold.step + 2)
		return differ(k, jv_null(), xasprintf("ab-plan's step %" PRId64 " before it is not in the record", fold.step + 1));
	if (k->step != fold.step + 1)
		return differ(k, jv_null(), xasprintf("ab-plan's steps %" PRId64 " to %" PRId64 " before it are not in the record", fold.step + 1, k->step - 1));
	fold.step = k->step;
	return 0;
}

/* *EVENT (borrowed) is the one that KEY of K's `by` names; null when it names none. */
static int named(const struct kept *k, const char *key, jv *event)
{
	const char *id = json_str(k->by, key, NULL);

	*event = id ? event_of(id, k->seq) : jv_null();
	if (id && !json_is(*event, JV_KIND_OBJECT))
		return differ(k, jv_null(), xasprintf("event %.100s, which it came from, is not in the record", id));
	return 0;
}

static jv fold_input(const char *input, const struct machine_in *in)
{
	if (strcmp(input, "start") == 0 || strcmp(input, "again") == 0)
		return machine_start(fold.machine, in, strcmp(input, "again") == 0);
	return strcmp(input, "sent") == 0 ? machine_sent(fold.machine) : machine_step(fold.machine, in);
}

/* Folds the step whose N events begin at K. */
static int fold_step(const struct kept *k, size_t n)
{
	struct machine_in in = {.event = jv_null(), .goal = json_str(k->by, "goal", NULL)};
	jv run = json_get(k->by, "run"), set, actions;
	struct err e;
	int r = check_order(k);

	if (!r && json_is(run, JV_KIND_OBJECT))
		r = begin_run(k, run);
	else if (!r && !fold.machine)
		r = differ(k, jv_null(), xstrdup("it does not say what ab-plan worked by (data.by.run)"));
	jv_free(run);
	if (r || named(k, "set", &set) || named(k, "event", &in.event))
		return -1;
	if (clock_parse(json_str(k->event, "time", ""), &in.now))
		return differ(k, jv_null(), xstrdup("it has no time"));
	machine_recall(fold.machine, k->by, set);
	if (consent_check(fold.rules, CONSENT_BOOK, in.now, &e) == CONSENT_NO)
		in.refused = e.text;
	actions = fold_input(json_str(k->by, "input", ""), &in);
	fold.steps++;
	r = compare_all(k, n, actions);
	jv_free(actions);
	return r;
}

static int fold_all(void)
{
	int r = 0;

	fold = (struct fold){.rules = jv_null(), .history = -1};
	for (size_t i = 0, n; !r && i < said.n; i += n) {
		for (n = 1; i + n < said.n && said.at[i + n].history == said.at[i].history && said.at[i + n].step == said.at[i].step;)
			n++;
		r = fold_step(&said.at[i], n);
	}
	fold_free();
	return r;
}

int replay_chain(const char *of, jv rules, bool both)
{
	struct err e;
	int r;

	session = of;
	given = rules;
	verbose = both;
	wanted = jv_object();
	histories = jv_object();
	if (audit_each(session, take_said, NULL, &e) || audit_each(session, take_heard, NULL, &e))
		die_err(&e);
	order_steps();
	r = fold_all();
	if (!r)
		printf("the same: %zu events of ab-plan, in %" PRId64 " steps, of %" PRId64 " records\n", said.n, fold.steps, records);
	drop_all(&said);
	drop_all(&heard);
	jv_free(wanted);
	jv_free(histories);
	return r ? EX_NO : 0;
}

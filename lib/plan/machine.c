#include "plan/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "plan/slot.h"

#define INTERVAL 60000       /* until a heartbeat names another */
#define INTERVAL_MIN 5000
#define INTERVAL_MAX 600000  /* a pause for the night must not keep the evening's slots fresh */
#define VALID_MIN 300000     /* a form, a code by mail and the commit must fit in */
#define VALID_MAX 600000
#define NO_DEADLINE (-1)
#define BACK_MAX (24 * 3600000LL) /* whatever a site asks for */

enum state { IDLE, MONITORING, CLAIMING, BOOKING, WAITING, BOOKED, FAILED, STATES };

static const char *const names[] = {"idle", "monitoring", "claiming", "booking", "waiting", "booked", "failed"};

struct machine {
	const struct prefs *prefs;
	struct machine_times times;
	/* kept over a restart */
	enum state state;
	char *goal;
	int attempt;
	jv request;     /* data of the outstanding booking.request, or null */
	jv trace;       /* its traceparent, or null */
	jv held;        /* {"goal","attempt","status","slot"} of a pending or unknown result, or null */
	int64_t asked;  /* a question to the person: its deadline, NO_DEADLINE, when it was answered, or 0 for none */
	jv lost;        /* ids that were taken, until they go and return: {id: true} */
	int64_t back_from, back_until, back_ms;
	/* of this run */
	jv slots;       /* the newest set, or null */
	char *set;      /* the id of the event it came by */
	char *hash;
	jv slots_trace;
	int64_t confirmed, interval;
	char *said;     /* why nothing is requested, as last told */
	jv out;         /* what this step does */
};

static void jv_put(jv *to, jv value)
{
	jv_free(*to);
	*to = value;
}

static void text_put(char **to, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;

	free(*to);
	*to = copy;
}

struct machine *machine_new(const struct prefs *p, struct machine_times times)
{
	struct machine *m = xcalloc(1, sizeof *m);

	m->prefs = p;
	m->times = times;
	m->request = m->trace = m->held = m->slots = m->slots_trace = jv_null();
	m->lost = jv_object();
	m->out = jv_array();
	m->interval = INTERVAL;
	return m;
}

void machine_free(struct machine *m)
{
	if (!m)
		return;

	jv all[] = {m->request, m->trace, m->held, m->lost, m->slots, m->slots_trace, m->out};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		jv_free(all[i]);
	free(m->goal);
	free(m->set);
	free(m->hash);
	free(m->said);
	free(m);
}

jv machine_save(const struct machine *m)
{
	jv back = json_obj("from", jv_number((double)m->back_from), "until", jv_number((double)m->back_until), "ms", jv_number((double)m->back_ms), NULL);

	return json_obj("state", jv_string(names[m->state]), "goal", m->goal ? jv_string(m->goal) : jv_null(), "attempt",
			jv_number(m->attempt), "request", jv_copy(m->request), "trace", jv_copy(m->trace), "held",
			jv_copy(m->held), "asked", jv_number((double)m->asked), "lost", jv_copy(m->lost), "backoff", back,
			NULL);
}

static bool object_or_null(jv v)
{
	return json_is(v, JV_KIND_OBJECT) || json_is(v, JV_KIND_NULL);
}

int machine_load(struct machine *m, jv saved, struct err *e)
{
	const char *state = json_str(saved, "state", "");
	jv back = json_get(saved, "backoff");
	int i = 0;

	while (i < STATES && strcmp(names[i], state) != 0)
		i++;
	jv_put(&m->request, json_get(saved, "request"));
	jv_put(&m->held, json_get(saved, "held"));
	jv_put(&m->trace, json_get(saved, "trace"));
	jv_put(&m->lost, json_get(saved, "lost"));
	text_put(&m->goal, json_str(saved, "goal", NULL));
	m->attempt = (int)json_int(saved, "attempt", -1);
	m->asked = json_int(saved, "asked", 0);
	m->back_from = json_int(back, "from", 0);
	m->back_until = json_int(back, "until", 0);
	m->back_ms = json_int(back, "ms", 0);
	jv_free(back);
	if (i == STATES || m->attempt < 0 || !object_or_null(m->request) || !object_or_null(m->held) ||
	    !json_is(m->lost, JV_KIND_OBJECT) || (i != IDLE && !m->goal))
		return err_set(e, EX_DATAERR, "not a state of ab-plan");
	m->state = (enum state)i;
	return 0;
}

static void emit(struct machine *m, const char *type, jv trace, jv data)
{
	m->out = json_push(m->out, json_obj("type", jv_string(type), "data", data, "trace", jv_copy(trace), NULL));
}

static jv taken_out(struct machine *m)
{
	jv out = m->out;

	m->out = jv_array();
	return out;
}

/* The trace of what we are at: the request's, else that of the newest set. */
static jv trace_of(const struct machine *m)
{
	return json_is(m->trace, JV_KIND_STRING) ? m->trace : m->slots_trace;
}

__attribute__((format(printf, 3, 4))) static void go(struct machine *m, enum state to, const char *fmt, ...)
{
	char why[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	emit(m, "session.state", trace_of(m),
	     json_obj("from", jv_string(names[m->state]), "to", jv_string(names[to]), "why", jv_string(why), NULL));
	m->state = to;
	text_put(&m->said, NULL);
}

/* Why nothing is requested; told once until it changes. */
static void say(struct machine *m, const char *why)
{
	if (m->said && strcmp(m->said, why) == 0)
		return;
	go(m, m->state, "%s", why);
	text_put(&m->said, why);
}

/* Nothing is outstanding or held any more. */
static void let_go(struct machine *m)
{
	jv_put(&m->request, jv_null());
	jv_put(&m->held, jv_null());
	m->asked = 0;
}

static void monitor(struct machine *m, const char *why)
{
	go(m, MONITORING, "%s", why);
	jv_put(&m->trace, jv_null());
}

static void back_off(struct machine *m, int64_t now, int64_t not_before, const char *reason)
{
	char when[CLOCK_TEXT], *why;

	m->back_ms = m->back_ms ? m->back_ms * 2 : m->times.back_first;
	if (m->back_ms > m->times.back_max)
		m->back_ms = m->times.back_max;
	m->back_from = now;
	m->back_until = now + m->back_ms;
	if (not_before > m->back_until)
		m->back_until = not_before < now + BACK_MAX ? not_before : now + BACK_MAX;
	why = xasprintf("%.400s; next try not before %s", reason, clock_format(m->back_until, when));
	monitor(m, why);
	free(why);
}

static int64_t valid_for(const struct machine *m)
{
	int64_t ms = 2 * m->interval;

	if (m->times.valid)
		return m->times.valid;
	return ms < VALID_MIN ? VALID_MIN : ms > VALID_MAX ? VALID_MAX : ms;
}

static void claim(struct machine *m, jv choice, int64_t now)
{
	char expires[CLOCK_TEXT];
	const char *why = json_str(choice, "why", "");

	jv_put(&m->trace, jv_copy(m->slots_trace));
	jv_put(&m->request,
	       json_obj("goal", jv_string(m->goal), "attempt", jv_number(++m->attempt), "slot", json_get(choice, "slot"),
			"rank", json_get(choice, "rank"), "why", jv_string(why), "expires",
			jv_string(clock_format(now + valid_for(m), expires)), NULL));
	go(m, CLAIMING, "%s", why);
	emit(m, "booking.request", m->trace, jv_copy(m->request));
}

/* The best slot that was not taken from us: its item of ORDER, or null. *GONE counts those that were. */
static jv best(const struct machine *m, jv order, int *gone)
{
	*gone = 0;
	for (struct json_iter it = json_iter(order); json_next(&it); (*gone)++) {
		jv slot = json_get(it.value, "slot");
		bool lost = json_has(m->lost, json_str(slot, "id", ""));

		jv_free(slot);
		if (!lost) {
			jv found = jv_copy(it.value);

			json_iter_end(&it);
			return found;
		}
	}
	return jv_null();
}

static bool fresh(const struct machine *m, int64_t now)
{
	int64_t age = now - m->confirmed;

	return age <= 2 * m->interval && -age <= 2 * m->interval;
}

static void choose(struct machine *m, const struct machine_in *in)
{
	jv ranked = rank_slots(m->prefs, m->slots, in->now), order = json_get(ranked, "order");
	int gone;
	jv choice = best(m, order, &gone);
	char *why = NULL;

	if (!json_is(choice, JV_KIND_OBJECT))
		why = gone ? xasprintf("%s; %d of them tried and gone", json_str(ranked, "why", ""), gone)
			   : xstrdup(json_str(ranked, "why", ""));
	else if (in->refused)
		why = xasprintf("not booked: %.300s; would be %s", in->refused, json_str(choice, "why", ""));
	if (why)
		say(m, why);
	else
		claim(m, choice, in->now);
	free(why);
	jv_free(choice);
	jv_free(order);
	jv_free(ranked);
}

/* A clock that was set back must not make the pause longer than it was meant. */
static void shift_pause(struct machine *m, int64_t now)
{
	char when[CLOCK_TEXT];

	if (now >= m->back_from - INTERVAL_MIN)
		return;
	m->back_until -= m->back_from - now;
	m->back_from = now;
	go(m, m->state, "the clock was set back; next try not before %s", clock_format(m->back_until, when));
}

/* Asks for the best slot, when everything allows it. */
static void decide(struct machine *m, const struct machine_in *in)
{
	if (m->state != MONITORING || !json_len(m->slots))
		return;
	shift_pause(m, in->now);
	if (in->now >= m->back_until && fresh(m, in->now))
		choose(m, in);
}

/* Wall time after which the outstanding request counts as lost; -1: never. */
static int64_t lost_at(const struct machine *m)
{
	int64_t at = 0;

	if (m->asked == NO_DEADLINE)
		return -1;
	clock_parse(json_str(m->request, "expires", ""), &at);
	return (at > m->asked ? at : m->asked) + m->times.grace;
}

/* No result came in all the time there was: whoever books is gone. Asking anew is safe: its journal knows. */
static void check_lost(struct machine *m, int64_t now)
{
	char why[80];

	if (!machine_asking(m) || lost_at(m) < 0 || now < lost_at(m))
		return;
	snprintf(why, sizeof why, "no result for attempt %d", m->attempt);
	let_go(m);
	back_off(m, now, 0, why);
}

static int64_t wall_or(const char *text, int64_t fallback)
{
	int64_t wall;

	return text && clock_parse(text, &wall) == 0 ? wall : fallback;
}

/* The set that EVENT brings is the newest one. */
static void put_slots(struct machine *m, jv event, int64_t now)
{
	jv data = json_get(event, "data"), all = json_get(data, "slots");
	char hash[SLOT_HASH];

	jv_put(&m->slots, slots_parse(all, NULL, NULL));
	text_put(&m->set, json_str(event, "id", NULL));
	text_put(&m->hash, json_str(data, "hash", slots_hash(m->slots, hash)));
	jv_put(&m->slots_trace, json_get(event, "traceparent"));
	m->confirmed = wall_or(json_str(data, "checked_at", json_str(event, "time", NULL)), now);
	jv_free(all);
	jv_free(data);
}

/* What was taken and is not offered any more may be tried when it returns. */
static void forget_gone(struct machine *m)
{
	jv still = jv_object();
	size_t gone;

	for (struct json_iter it = json_iter(m->slots); json_next(&it);) {
		const char *id = json_str(it.value, "id", "");

		if (json_has(m->lost, id))
			still = json_set(still, id, jv_true());
	}
	gone = json_len(m->lost) - json_len(still);
	jv_put(&m->lost, still);
	if (gone)
		go(m, m->state, "%zu that %s taken %s gone from the site", gone, gone == 1 ? "was" : "were", gone == 1 ? "is" : "are");
}

static void take_slots(struct machine *m, jv event, int64_t now)
{
	put_slots(m, event, now);
	forget_gone(m);
	if (!json_len(m->slots))
		text_put(&m->said, NULL);
}

/* A check that saw the newest set again, or that saw something else: then an event of its own tells what. */
static void take_heartbeat(struct machine *m, jv data, int64_t now)
{
	const char *hash = json_str(data, "slots_hash", NULL), *verdict = json_str(data, "verdict", "available");
	int64_t next = json_int(data, "next_ms", 0);

	if (!hash || (strcmp(verdict, "available") != 0 && strcmp(verdict, "none") != 0))
		return;
	if (next > 0)
		m->interval = next < INTERVAL_MIN ? INTERVAL_MIN : next > INTERVAL_MAX ? INTERVAL_MAX : next;
	if (m->hash && strcmp(hash, m->hash) == 0)
		m->confirmed = wall_or(json_str(data, "checked_at", NULL), now);
}

enum policy { NEXT_SLOT, BACK_OFF, STOP };

/* What follows a failure. Whoever booked may say it (`action`, a provider's policy); else the class tells. */
static enum policy policy_of(jv data)
{
	static const struct {
		const char *word;
		enum policy policy;
	} table[] = {
		{"next_slot", NEXT_SLOT}, {"back_off", BACK_OFF}, {"stop", STOP}, /* actions */
		{"taken", NEXT_SLOT}, {"declined", NEXT_SLOT}, {"login_failed", STOP}, {"refused", STOP},
		{"already_booked", STOP},
	};
	const char *words[] = {json_str(data, "action", ""), json_str(data, "reason", "")};

	for (int w = 0; w < 2; w++)
		for (size_t i = w ? 3 : 0; i < (w ? sizeof table / sizeof *table : 3); i++)
			if (strcmp(table[i].word, words[w]) == 0)
				return table[i].policy;
	return BACK_OFF;
}

static void take_failure(struct machine *m, jv data, int64_t now)
{
	jv slot = json_path(json_is(m->request, JV_KIND_OBJECT) ? m->request : m->held, "slot");
	const char *reason = json_str(data, "reason", "failed");
	char *where = json_has(slot, "id") ? slot_text(slot, prefs_zone(m->prefs)) : xstrdup("the slot"),
	     *why = xasprintf("%.80s: %.200s", reason, where);

	let_go(m);
	switch (policy_of(data)) {
	case NEXT_SLOT:
		m->lost = json_set(m->lost, json_str(slot, "id", ""), jv_true());
		m->back_ms = 0;
		monitor(m, why);
		break;
	case STOP:
		go(m, FAILED, "%s", why);
		break;
	case BACK_OFF:
		back_off(m, now, wall_or(json_str(data, "until", NULL), 0), why);
	}
	free(why);
	free(where);
	jv_free(slot);
}

static bool same_attempt(jv a, jv b)
{
	return strcmp(json_str(a, "goal", ""), json_str(b, "goal", "")) == 0 &&
	       json_int(a, "attempt", 0) == json_int(b, "attempt", 0);
}

/* This was told before. */
static bool held_so(const struct machine *m, jv data, const char *status)
{
	return strcmp(json_str(m->held, "status", ""), status) == 0 && same_attempt(m->held, data);
}

static void hold(struct machine *m, jv data, const char *status)
{
	jv slot;
	const char *until = json_str(data, "until", NULL), *reason = json_str(data, "reason", NULL);

	if (held_so(m, data, status))
		return;
	slot = json_get(data, "slot");
	if (!json_has(slot, "id"))
		jv_put(&slot, json_path(machine_asking(m) ? m->request : m->held, "slot"));
	let_go(m);
	jv_put(&m->held, json_obj("goal", json_get(data, "goal"), "attempt", json_get(data, "attempt"), "status",
				  jv_string(status), "slot", slot, NULL));
	go(m, WAITING, "%s%s%.300s%s%.40s", status, reason ? ": " : "", reason ? reason : "", until ? ", until " : "",
	   until ? until : "");
}

/* Another goal's result: its `unknown` blocks ours, until it is settled. */
static void take_foreign(struct machine *m, jv data, const char *status, bool holds)
{
	char why[80];

	if (machine_asking(m) && strcmp(status, "unknown") == 0) {
		hold(m, data, status);
	} else if (holds && (strcmp(status, "failed") == 0 || strcmp(status, "booked") == 0)) {
		snprintf(why, sizeof why, "an earlier goal is settled: %s", status);
		let_go(m);
		monitor(m, why);
	}
}

static void take_result(struct machine *m, jv data, int64_t now)
{
	const char *status = json_str(data, "status", ""), *goal = json_str(data, "goal", ""),
		   *reference = json_str(data, "reference", NULL);
	int attempt = (int)json_int(data, "attempt", 0);
	bool holds = machine_held(m) && same_attempt(m->held, data);

	if (!m->goal || !*goal || machine_ended(m))
		return;
	if (strcmp(goal, m->goal) != 0) {
		take_foreign(m, data, status, holds);
	} else if (strcmp(status, "booked") == 0) {
		/* any attempt's booking counts, also one that had been given up for lost */
		let_go(m);
		go(m, BOOKED, "%.300s%s%.100s", json_str(data, "reason", "booked"), reference ? ", reference " : "",
		   reference ? reference : "");
	} else if (strcmp(status, "pending") == 0 || strcmp(status, "unknown") == 0) {
		hold(m, data, status);
	} else if (strcmp(status, "failed") == 0 && (holds || (machine_asking(m) && attempt == m->attempt))) {
		take_failure(m, data, now);
	}
}

/* Its deadline is as long from now as it was from the asking: the clock that it was asked by may have been set meanwhile. */
static void take_question(struct machine *m, jv event, jv data, int64_t now)
{
	int64_t deadline = wall_or(json_str(data, "deadline", NULL), NO_DEADLINE);

	if (deadline != NO_DEADLINE)
		deadline += now - wall_or(json_str(event, "time", NULL), now);
	if (!machine_asking(m) || (m->state == WAITING && m->asked == deadline))
		return;
	m->asked = deadline;
	go(m, WAITING, "for the person: %.40s", json_str(data, "kind", "question"));
}

static void take_answer(struct machine *m, jv data, int64_t now)
{
	if (!machine_asking(m) || m->state != WAITING)
		return;
	m->asked = now; /* the rest of the booking has its time from here */
	go(m, BOOKING, "the person: %.40s", json_str(data, "outcome", "answered"));
}

jv machine_step(struct machine *m, const struct machine_in *in)
{
	const char *type = json_str(in->event, "type", "");
	jv data = json_get(in->event, "data");

	if (strcmp(type, "appointment.available") == 0)
		take_slots(m, in->event, in->now);
	else if (strcmp(type, "agent.heartbeat") == 0)
		take_heartbeat(m, data, in->now);
	else if (strcmp(type, "booking.result") == 0)
		take_result(m, data, in->now);
	else if (strcmp(type, "human.required") == 0)
		take_question(m, in->event, data, in->now);
	else if (strcmp(type, "human.answered") == 0)
		take_answer(m, data, in->now);
	check_lost(m, in->now);
	decide(m, in);
	jv_free(data);
	return taken_out(m);
}

/* An expiry further away than any request's: the clock was set back while nobody looked. */
static void bound_expiry(struct machine *m, int64_t now)
{
	int64_t most = m->times.valid > VALID_MAX ? m->times.valid : VALID_MAX;
	char expires[CLOCK_TEXT];

	if (machine_asking(m) && wall_or(json_str(m->request, "expires", NULL), 0) > now + most)
		m->request = json_set_str(m->request, "expires", clock_format(now + valid_for(m), expires));
}

jv machine_start(struct machine *m, const struct machine_in *in, bool again)
{
	if (m->state == IDLE || (m->state == BOOKED && again)) {
		text_put(&m->goal, in->goal);
		m->attempt = 0;
		m->back_from = m->back_until = m->back_ms = 0;
		jv_put(&m->lost, jv_object());
		let_go(m);
		jv_put(&m->trace, jv_null());
		m->state = IDLE;
		if (in->refused)
			go(m, MONITORING, "watching only: %.300s", in->refused);
		else
			go(m, MONITORING, "a new goal");
	} else if (m->state == FAILED) {
		m->back_from = m->back_until = m->back_ms = 0;
		monitor(m, "started again");
	}
	bound_expiry(m, in->now);
	if (machine_asking(m) && in->now < wall_or(json_str(m->request, "expires", NULL), 0)) {
		m->asked = 0; /* whoever asked the person will ask again */
		if (m->state != CLAIMING)
			go(m, CLAIMING, "attempt %d is asked for again after a restart", m->attempt);
		emit(m, "booking.request", m->trace, jv_copy(m->request));
	}
	check_lost(m, in->now);
	return taken_out(m);
}

jv machine_sent(struct machine *m)
{
	if (m->state == CLAIMING)
		go(m, BOOKING, "attempt %d is with whoever books", m->attempt);
	return taken_out(m);
}

int64_t machine_due(const struct machine *m, int64_t now)
{
	if (machine_asking(m))
		return lost_at(m);
	return m->state == MONITORING && now < m->back_until && json_len(m->slots) ? m->back_until : -1;
}

bool machine_doubt(const struct machine *m, const char **goal, int *attempt)
{
	jv of = machine_held(m) ? m->held : m->request;

	*goal = json_str(of, "goal", NULL);
	*attempt = (int)json_int(of, "attempt", 0);
	return *goal != NULL;
}

const char *machine_state(const struct machine *m)
{
	return names[m->state];
}

bool machine_ended(const struct machine *m)
{
	return m->state == BOOKED || m->state == FAILED;
}

bool machine_asking(const struct machine *m)
{
	return json_is(m->request, JV_KIND_OBJECT);
}

const char *machine_held(const struct machine *m)
{
	return json_is(m->held, JV_KIND_OBJECT) ? json_str(m->held, "status", "unknown") : NULL;
}

jv machine_basis(const struct machine *m)
{
	char seen[CLOCK_TEXT];

	if (!json_is(m->slots, JV_KIND_ARRAY))
		return jv_object();
	return json_obj("set", m->set ? jv_string(m->set) : jv_null(), "seen", jv_string(clock_format(m->confirmed, seen)), "interval",
			jv_number((double)m->interval), NULL);
}

void machine_recall(struct machine *m, jv basis, jv set)
{
	text_put(&m->said, NULL); /* it told something then, so it had not told the same before */
	if (!json_is(set, JV_KIND_OBJECT))
		return;
	put_slots(m, set, 0);
	m->confirmed = wall_or(json_str(basis, "seen", NULL), 0);
	m->interval = json_int(basis, "interval", INTERVAL);
}

/* ab-poll: looks for slots on schedule, and says what it saw: every check ends in one verdict.
 *
 * One check is one turn on the session's page. `available` and `none` are proved by the provider's flow;
 * every other ending says why we could not see, and a watcher that is blind for too long says so. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "plan/slot.h"
#include "wire/launch.h"
#include "work/blind.h"
#include "work/schedule.h"
#include "work/work.h"

#define TURN_TIMEOUT 120000
#define BACKOFF_MAX 1800000
#define CLOCK_AGAIN 5000 /* ms between two looks whether the clock was set … */
#define CLOCK_SET 1000    /* … by so many ms */

static bool once, headed;

static const struct opt opts[] = {{'1', "once", NULL, "look once: exit 0 when there are slots, 1 when there are none, 75 when blind", NULL, &once, NULL},
				   {0, "headed", NULL, "a browser shows its window on this display", NULL, &headed, NULL},
				   {0}};

struct watch {
	struct work work;
	struct schedule schedule;
	bool paused, stop;
	int failures;          /* rounds in a row without a good look */
	struct blind blind;
	bool stopped_for_good;
	char hash[SLOT_HASH];  /* of the slots last told */
	bool told;
};

struct look {
	const char *verdict;
	bool own_trouble; /* with this machine, not the site: a full disk */
	bool used_up;     /* the day's requests are: tomorrow there are others */
	char reason[512];
	jv slots;
	int64_t took;
	char checked_at[CLOCK_TEXT];
};

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* The provider may have classes of its own; a verdict is one of design.md's: that of the class for which as much is to be done. */
static const char *verdict_of(const struct provider *p, const char *class)
{
	static const char *const verdicts[] = {"throttled", "blocked", "expired", "login_failed", "queued", "challenged",
					       "maintenance", "changed", "unreachable", NULL};

	for (const char *const *v = verdicts; *v; v++)
		if (is(class, *v))
			return *v;
	if (is(class, "refused") || is(class, "stopped"))
		return "paused";
	if (is(class, "no_code"))
		return "login_failed";
	switch (flow_policy(p, class)) {
	case ACTION_VERIFY: /* the account has a booking: there is nothing to look for until that is settled */
		return "paused";
	case ACTION_BACK_OFF:
		return "throttled";
	case ACTION_WAIT:
		return "queued";
	case ACTION_ASK_HUMAN:
		return "challenged";
	case ACTION_RELOGIN:
		return "expired";
	default:
		return "changed";
	}
}

static void look_failed(struct look *l, const char *verdict, const char *reason)
{
	l->verdict = verdict;
	snprintf(l->reason, sizeof l->reason, "%s", reason);
}

static void take_slots(struct watch *w, struct look *l, const struct flow_result *r)
{
	struct err e = {0};
	size_t bad = 0;
	jv list = jv_array();

	/* a slot without a zone of its own is in the site's */
	for (struct json_iter it = json_iter(r->slots); json_next(&it);) {
		jv slot = jv_copy(it.value);
		jv zone = json_get(w->work.provider->doc, "timezone");

		if (json_is(slot, JV_KIND_OBJECT) && !*json_str(slot, "timezone", "") && json_is(zone, JV_KIND_STRING))
			slot = json_set(slot, "timezone", zone);
		else
			jv_free(zone);
		list = json_push(list, slot);
	}
	jv_free(l->slots);
	l->slots = slots_parse(list, &bad, &e);
	jv_free(list);
	if (bad) /* one slot that can't be read means that the page is not the one we know */
		look_failed(l, "changed", e.text);
	else
		l->verdict = json_len(l->slots) ? "available" : "none";
}

static void look_once(struct watch *w, struct look *l)
{
	struct flow_result r;
	struct err e = {0};
	int64_t began = clock_mono();

	*l = (struct look){.verdict = "unreachable", .slots = jv_array()};
	clock_format(clock_wall(), l->checked_at);
	trace_make(NULL, w->work.trace);
	if (work_consent(&w->work, CONSENT_WATCH, &e) == CONSENT_NO) {
		w->stopped_for_good = e.status == EX_NOPERM; /* else it can't be read just now */
		l->own_trouble = !w->stopped_for_good;
		look_failed(l, "paused", e.text);
	} else if (work_begin(&w->work, TURN_TIMEOUT, &e)) {
		l->own_trouble = e.status == EX_IOERR || e.status == EX_CANTCREAT || e.status == EX_OSERR;
		look_failed(l, e.status == EX_TEMPFAIL || l->own_trouble ? "paused" : "unreachable", e.text);
	} else {
		work_flow(&w->work, "check", jv_null(), jv_null(), &r);
		clock_format(clock_wall(), l->checked_at);
		work_end(&w->work);
		if (flow_ok(&r))
			take_slots(w, l, &r);
		else
			look_failed(l, verdict_of(w->work.provider, r.class), r.reason);
		l->own_trouble = is(r.class, "stopped") && work_sleep(&w->work, 0) == 0; /* else it is a signal */
		l->used_up = is(r.class, "refused") && pacer_used_up(w->work.pacer);
		w->stopped_for_good |= !flow_ok(&r) && !l->used_up && flow_policy(w->work.provider, r.class) == ACTION_STOP;
		flow_result_free(&r);
	}
	l->took = clock_mono() - began;
	jv_free(work_evidence_taken(&w->work));
}

static bool good(const struct look *l)
{
	return is(l->verdict, "available") || is(l->verdict, "none");
}

static void tell_slots(struct watch *w, const struct look *l)
{
	char hash[SLOT_HASH];

	slots_hash(l->slots, hash);
	if (w->told && is(hash, w->hash))
		return;
	work_say(&w->work, "appointment.available",
		 json_obj("slots", jv_copy(l->slots), "hash", jv_string(hash), "checked_at", jv_string(l->checked_at), NULL));
	snprintf(w->hash, sizeof w->hash, "%s", hash);
	w->told = true;
}

static void tell_round(struct watch *w, const struct look *l, int64_t next_ms)
{
	char hash[SLOT_HASH];
	jv data = json_obj("agent", jv_string(prog), "verdict", jv_string(l->verdict), "took_ms", jv_number((double)l->took), "next_ms",
			   jv_number((double)next_ms), "checked_at", jv_string(l->checked_at), NULL);

	if (good(l)) {
		data = json_set(data, "seen", jv_number((double)json_len(l->slots)));
		data = json_set_str(data, "slots_hash", slots_hash(l->slots, hash));
	} else {
		data = json_set_str(data, "reason", l->reason);
	}
	work_say(&w->work, "agent.heartbeat", data);
}

static void alert(struct watch *w, const char *severity, const char *reason, const char *hint)
{
	work_say(&w->work, "runtime.alert", json_obj("severity", jv_string(severity), "reason", jv_string(reason), "hint", jv_string(hint), NULL));
}

static void tell_blindness(struct watch *w)
{
	char hint[160];

	if (!blind_alert(&w->blind))
		return;
	snprintf(hint, sizeof hint, "no good look for %lld min; the watch goes on, look at the site yourself meanwhile",
		 (long long)w->blind.dark / 60000);
	alert(w, "warning", w->blind.why, hint);
}

/* Empty is not blind: too long without a good look is told, again at growing intervals, and when it is over. */
static void mind_blindness(struct watch *w, const struct look *l)
{
	char text[600];
	int64_t lasted;

	blind_pass(&w->blind, true);
	if (good(l)) {
		w->failures = 0;
		if (!blind_over(&w->blind, &lasted))
			return;
		snprintf(text, sizeof text, "seeing again, after %lld min", (long long)lasted / 60000);
		alert(w, "info", text, "nothing to do");
		return;
	}
	w->failures++;
	snprintf(text, sizeof text, "%s: %s", l->verdict, l->reason);
	blind_failed(&w->blind, text, l->own_trouble || flow_policy(w->work.provider, l->verdict) == ACTION_ALERT || w->stopped_for_good);
	if (w->stopped_for_good) {
		blind_alert(&w->blind);
		alert(w, "error", text, "watching has stopped: correct what the reason names, then start again");
	} else {
		tell_blindness(w);
	}
}

/* When to look after the look L, which ended at LAST (clock_mono, as the result is). Blind rounds come at growing distances,
 * so that a site in trouble is not pressed. */
static int64_t next_look(struct watch *w, const struct look *l, int64_t last, double random)
{
	int64_t ahead = clock_ahead(), interval = schedule_interval(&w->schedule, last + ahead), held;
	int64_t next = schedule_next(&w->schedule, last + ahead, random) - ahead;

	if (!good(l) && !is(l->verdict, "paused") && w->failures > 1) {
		int64_t back = interval << (w->failures > 12 ? 12 : w->failures - 1);

		if (back > BACKOFF_MAX)
			back = BACKOFF_MAX > interval ? BACKOFF_MAX : interval;
		if (last + back > next)
			next = last + back;
	}
	held = clock_mono() + pacer_held(w->work.pacer);
	return held > next ? held : next;
}

static void take_signals(struct watch *w)
{
	for (int sig; (sig = proc_signal_next(w->work.stop_fd));) {
		if (sig == SIGUSR1 || sig == SIGUSR2)
			w->paused = sig == SIGUSR1;
		else
			w->stop = true;
	}
}

static void say_paused(struct watch *w, const char *why, int64_t next_ms)
{
	struct look l = {.verdict = "paused", .slots = jv_array()};

	look_failed(&l, "paused", why);
	clock_format(clock_wall(), l.checked_at);
	tell_round(w, &l, next_ms);
	jv_free(l.slots);
}

/* Until the next look, a signal, or the reader of our events is gone. When the clock is set, the times of day of the
 * schedule come at other moments: NEXT (of next_look, which RANDOM went into) is reckoned anew from the look at LAST. */
static void wait_for_next(struct watch *w, const struct look *l, int64_t last, double random, int64_t next)
{
	int64_t ahead = clock_ahead();

	while (!w->stop && (w->paused || clock_mono() < next)) {
		struct pollfd p[2] = {{w->work.stop_fd, POLLIN, 0}, {w->work.out, 0, 0}};
		int64_t tick = clock_mono() + CLOCK_AGAIN, dark = blind_at(&w->blind);
		bool before = w->paused, looking = !before && schedule_active(&w->schedule, clock_wall());

		if (looking && dark >= 0 && dark < tick)
			tick = dark;
		proc_poll(p, 2, w->paused || next > tick ? tick : next);
		blind_pass(&w->blind, looking);
		tell_blindness(w);
		take_signals(w);
		if (w->paused && !before)
			say_paused(w, "paused by the person", 0);
		if (p[1].revents & (POLLERR | POLLNVAL))
			w->stop = true;
		if (llabs(clock_ahead() - ahead) > CLOCK_SET) {
			int64_t before_it = next;

			ahead = clock_ahead();
			next = next_look(w, l, last, random);
			if (next > before_it + CLOCK_SET) /* who counts on the last heartbeat's word is told */
				say_paused(w, "the clock was set: it is no time to look now", next - clock_mono());
		}
	}
}

static int watch(struct watch *w)
{
	while (!w->stop) {
		struct look l;
		int64_t last, next;
		double random = random_below(1001) / 1000.0;

		look_once(w, &l);
		last = clock_mono();
		if (launch_lost())
			die(EX_TEMPFAIL, "the launcher was killed: nothing can be started any more; start ab-poll again");
		take_signals(w);
		if (w->stop && !good(&l)) { /* cut short by the signal: not a look */
			jv_free(l.slots);
			break;
		}
		if (good(&l))
			tell_slots(w, &l);
		mind_blindness(w, &l);
		next = next_look(w, &l, last, random);
		tell_round(w, &l, next - clock_mono());
		jv_free(l.slots);
		if (w->stopped_for_good)
			return EX_NOPERM;
		if (w->work.unheard) /* nobody would be told of a slot */
			break;
		if (w->paused)
			say_paused(w, "paused by the person", 0);
		wait_for_next(w, &l, last, random, next);
	}
	return 0;
}

static int check_once(struct watch *w)
{
	struct look l;
	int status;

	look_once(w, &l);
	if (good(&l))
		tell_slots(w, &l);
	else
		warn("%s: %s", l.verdict, l.reason);
	mind_blindness(w, &l);
	tell_round(w, &l, 0);
	status = is(l.verdict, "available") ? 0 : is(l.verdict, "none") ? EX_NO : w->stopped_for_good || l.used_up ? EX_NOPERM : EX_TEMPFAIL;
	jv_free(l.slots);
	return status;
}

/* What one check sends at least: the requests of its flow outside branches and loops. */
static int check_cost(const struct provider *p)
{
	jv flow = provider_flow(p, "check");
	int cost = 0;

	for (struct json_iter it = json_iter(flow); json_next(&it);) {
		const char *verb = step_verb(it.value);

		cost += verb && (is(verb, "get") || is(verb, "post") || is(verb, "submit"));
	}
	jv_free(flow);
	return cost ? cost : 1;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-poll", "[--once] [--headed] SESSION", "Watches a session's site for appointments.", opts, 1, 1, false};
	const unsigned reads = PART_BIT(PART_PROFILE) | PART_BIT(PART_RULES) | PART_BIT(PART_STATE);
	struct watch w = {.work = {.out = STDOUT_FILENO, .stop_fd = -1, .page_given = -1}};
	struct err e = {0};
	jv pace;
	int status;

	sandbox_private();
	w.work.session = argv[opt_parse(argc, argv, &spec)];
	w.work.headed = headed;
	if (work_open(&w.work, argv, reads, PART_BIT(PART_SECRETS) | PART_BIT(PART_EVIDENCE), &e))
		die_err(&e);
	if (work_consent(&w.work, CONSENT_WATCH, &e) == CONSENT_NO)
		die_err(&e);
	pace = json_get(w.work.provider->doc, "pace");
	if (schedule_read(&w.schedule, w.work.rules, pace, check_cost(w.work.provider), consent_daily_requests(w.work.rules), &e) && !once)
		die_err(&e);
	jv_free(pace);
	w.work.stop_fd = proc_signals((const int[]){SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, 0}, &e);
	if (w.work.stop_fd < 0)
		die_err(&e);
	blind_open(&w.blind, w.work.session, w.schedule.blind_after);
	status = work_status(&w.work, once ? check_once(&w) : watch(&w));
	blind_close(&w.blind);
	work_close(&w.work);
	return status;
}

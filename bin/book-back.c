/* The half of ab-book that books. Its journal is the truth; the order of things is the promise:
 *   consent, the slot's identity, the intent on disk, the commit, what the answer named, reading back, the
 *   outcome on disk, the event. A crash at any point leaves a journal from which the next start goes on. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "book.h"
#include "plan/slot.h"
#include "store/consent.h"
#include "store/journal.h"
#include "wire/alert.h"
#include "wire/launch.h"
#include "work/schedule.h"
#include "work/work.h"

#define TURN_TIMEOUT 180000
#define VERIFY_TRIES 6
#define ABSENT_AGAIN 20000 /* ms before absence is believed when no answer to the commit came (pace.settle) */
#define HOLD_QUIET 120000 /* ms of not being able to look, after a commit, that the person need not know of */
#define AGAIN_FIRST 60000 /* ms until what could not be read back is looked at again; doubled up to ... */
#define AGAIN_MAX 1800000

struct back {
	struct work work;
	struct journal *journal;
	jv request;          /* data of the booking.request now: goal, attempt, slot … */
	jv known;            /* what the site's answer named */
	char sent[8];        /* "" before the commit; "no", "maybe", "yes" */
	int last;            /* exit status that the last outcome deserves */
	bool stopped;        /* told to stop while reading back */
	bool agreed;         /* the person said yes to this request */
	const char *unwilling; /* or "declined", "unanswered"; NULL: was not asked, or agreed */
	int64_t expires;            /* the request (clock_mono) */
	int64_t again_at, again_ms; /* when an unknown or pending one is looked at again (clock_mono; -1: never), and the pause after that */
	int64_t pending_ms;         /* the pause while it is pending */
};

static const char *goal_of(jv request)
{
	return json_str(request, "goal", "");
}

static int attempt_of(jv request)
{
	return (int)json_int(request, "attempt", 0);
}

static jv record(const char *what, jv request, jv more)
{
	return json_merge_take(json_obj("what", jv_string(what), "goal", json_get(request, "goal"), "attempt", json_get(request, "attempt"), NULL), more);
}

static int status_for(const char *status)
{
	if (strcmp(status, "booked") == 0 || strcmp(status, "pending") == 0)
		return 0;
	return strcmp(status, "unknown") == 0 ? EX_UNKNOWN : EX_NO;
}

/* What can't be written down is not done: that is said, and is the end. The next start goes on where the journal is. */
static void must(struct back *b, int r, const struct err *e)
{
	if (!r)
		return;
	work_put(&b->work, alert_stop(b->work.session, b->work.trace, e->text));
	die_err(e);
}

static int add(struct back *b, jv entry, struct err *e)
{
	int r = journal_add(b->journal, entry, e);
	jv over = r ? jv_invalid() : alert_over(b->work.session);

	if (json_ok(over))
		work_put(&b->work, over);
	else
		jv_free(over);
	return r;
}

/* Where a record that is missing costs nothing that is not found out again. */
static void add_if_possible(struct back *b, jv entry)
{
	struct err e;

	if (add(b, entry, &e))
		warn("%s", e.text);
}

static void tell(struct back *b, jv event)
{
	jv data = event_data(event);

	b->last = status_for(json_str(data, "status", ""));
	jv_free(data);
	work_put(&b->work, jv_copy(event));
}

/* What ab-plan is to do about a failure: classes may be the provider's own, and its policy is known here. */
static const char *action_word(enum action action)
{
	return action == ACTION_NEXT_SLOT ? "next_slot" : action == ACTION_STOP ? "stop" : NULL;
}

static void alert(struct back *b, const char *severity, const char *word, const char *what, const char *hint)
{
	char *reason = xasprintf("%s: %.300s", word, what);

	work_say(&b->work, "runtime.alert", json_obj("severity", jv_string(severity), "reason", jv_string(reason), "hint", jv_string(hint), NULL));
	free(reason);
}

/* The outcome: on disk, then told. */
static void conclude(struct back *b, const char *status, const char *reason, jv booking)
{
	struct err e;
	jv slot = json_get(b->request, "slot");
	jv data = json_obj("goal", json_get(b->request, "goal"), "attempt", json_get(b->request, "attempt"), "status", jv_string(status), "reason",
			   jv_string(reason), "reference", json_get(booking, "reference"), "slot", slot, "until", json_get(booking, "until"),
			   "evidence", work_evidence_taken(&b->work), NULL);
	const char *conflict = json_str(booking, "conflict", "");
	char when[CLOCK_TEXT];

	if (*conflict)
		data = json_set_str(data, "conflict", conflict);
	if (strcmp(status, "failed") == 0) {
		int64_t held = pacer_held(b->work.pacer);

		data = json_set_str(data, "action", action_word(flow_policy(b->work.provider, reason)));
		data = json_set_str(data, "until", held ? clock_format(clock_wall() + held, when) : NULL);
	}
	jv event = event_make("booking.result", b->work.session, b->work.trace, data);

	if (add(b, record("result", b->request, json_obj("event", jv_copy(event), NULL)), &e)) {
		const char *reference = json_str(booking, "reference", "");

		err_wrap(&e, "'%s%s%.80s' can't be journalled", status, *reference ? " " : "", reference);
		must(b, -1, &e);
	}
	tell(b, event);
	jv_free(event);
	if (*conflict)
		alert(b, "warning", "double", conflict, "the booking stands, and so does somebody else's: ask the office, with the reference at hand");
}

/* ---- asking --------------------------------------------------------------------------------------- */

static jv ask_text(struct back *b, jv slot)
{
	char *text = slot_text(slot, b->work.zone), *question = xasprintf("Book %s?", text);
	jv q = jv_string(question);

	free(text);
	free(question);
	return q;
}

/* 0: the person agreed; -1 with EX_NOPERM when not, else there was no answer. */
static int ask_person(struct back *b, struct err *e)
{
	int64_t left = b->expires - clock_mono();
	jv slot = json_get(b->request, "slot"), question = ask_text(b, slot);
	jv answer = work_ask(&b->work, "confirm", json_string(question, "Book?"), left > 1000 ? left : 1000, e);

	b->agreed = json_ok(answer);
	b->unwilling = b->agreed ? NULL : e->status == EX_NOPERM ? "declined" : "unanswered";
	jv_free(answer);
	jv_free(question);
	jv_free(slot);
	return b->agreed ? 0 : -1;
}

/* ---- round the commit ----------------------------------------------------------------------------- */

static int before_commit(void *ctx, struct err *e)
{
	struct back *b = ctx;

	/* consent may have ended or changed, or the request grown old, while the form was filled */
	enum consent_answer c = work_consent(&b->work, CONSENT_BOOK, e);

	if (c == CONSENT_NO || (c == CONSENT_ASK && !b->agreed && ask_person(b, e)))
		return -1;
	if (clock_mono() > b->expires)
		return err_set(e, EX_SOFTWARE, "the request expired before the commit");
	if (work_sleep(&b->work, 0))
		return err_set(e, EX_SOFTWARE, "told to stop before the commit");
	must(b, journal_reserve(b->journal, e), e);
	must(b, add(b, record("intent", b->request, json_obj("slot", json_get(b->request, "slot"), "trace", jv_string(b->work.trace), NULL)), e), e);
	return 0;
}

static void after_commit(void *ctx, const char *sent)
{
	struct back *b = ctx;

	snprintf(b->sent, sizeof b->sent, "%s", sent);
	if (strcmp(sent, "no") == 0)
		add_if_possible(b, record("unsent", b->request, jv_object()));
}

static void keep_known(void *ctx, jv booking)
{
	struct back *b = ctx;

	jv_free(b->known);
	b->known = jv_copy(booking);
	if (*b->sent && !b->work.settling)
		add_if_possible(b, record("known", b->request, json_obj("booking", jv_copy(booking), NULL)));
}

/* ---- reading back --------------------------------------------------------------------------------- */

enum proof {
	PROVED_THERE,
	PROVED_ABSENT,
	NOT_PROVED, /* could not look */
	CANT_TELL   /* looked, and the site has no way to tell */
};

/* Without its launcher this process can't get a page, a login or a code. Nothing is concluded from that: the next start
 * goes on where we are. */
static void need_launcher(void)
{
	if (launch_lost())
		die(EX_TEMPFAIL, "the launcher was killed: nothing can be started any more; start ab-book again");
}

/* After a commit, whose log may come with what is read back. A cancellation, which has no goal, does no harm twice. */
static void tell_resent(struct back *b, const struct flow_result *r)
{
	if (r->resent && *goal_of(b->request))
		alert(b, "warning", "resent", "the browser sent the booking again by itself, as the connection broke before an answer came",
		      "the site may have made two bookings of it: look there, and cancel what is too much");
}

static enum proof read_back_once(struct back *b, jv *booking, char *why, size_t size)
{
	struct flow_result r;
	struct err e;
	jv slot = json_get(b->request, "slot");
	enum proof proof = NOT_PROVED;

	*booking = jv_null();
	if (work_begin(&b->work, TURN_TIMEOUT, &e)) {
		snprintf(why, size, "%s", e.text);
		jv_free(slot);
		return proof;
	}
	work_flow(&b->work, "verify", slot, b->known, &r);
	work_end(&b->work);
	tell_resent(b, &r);
	snprintf(why, size, "%s%s%s", flow_ok(&r) ? "" : r.class, flow_ok(&r) ? "" : ": ", r.reason);
	if (flow_ok(&r) && json_is(r.booking, JV_KIND_OBJECT)) {
		*booking = jv_copy(r.booking);
		proof = PROVED_THERE;
	} else if (flow_ok(&r)) {
		proof = PROVED_ABSENT;
	}
	if (strcmp(r.class, "unknown") == 0) {
		snprintf(why, size, "%s", r.reason);
		proof = CANT_TELL;
	}
	flow_result_free(&r);
	jv_free(slot);
	return proof;
}

/* While the site wants to be left alone there is nothing to be seen: waits until it may be asked. -1: told to stop. */
static int wait_out_hold(struct back *b)
{
	int64_t held = pacer_held(b->work.pacer);
	char until[CLOCK_TEXT], text[120];
	bool long_one = held > HOLD_QUIET;

	snprintf(text, sizeof text, "the site wants no request before %s", clock_format(clock_wall() + held, until));
	if (long_one)
		alert(b, "warning", "unproved", text, "a booking may have been made and is read back then; look at the site yourself meanwhile");
	for (; held; held = pacer_held(b->work.pacer))
		if (work_sleep(&b->work, held))
			return -1;
	if (long_one)
		alert(b, "info", "unproved", "the booking is read back now", "nothing to do");
	return 0;
}

/* Reads back until it is proved either way, the site can't tell, or patience ends. NO_ANSWER: the commit's answer
 * did not come, so the site may still be at it, and absence is believed only the second time. */
static enum proof read_back(struct back *b, bool no_answer, jv *booking, char *why, size_t size)
{
	enum proof proof = NOT_PROVED;
	int64_t pause = 2000, absent_at = 0, rest = 0;
	jv pace = json_get(b->work.provider->doc, "pace");
	int64_t settled_after = no_answer ? json_int(pace, "settle", ABSENT_AGAIN) : 0;

	jv_free(pace);
	*booking = jv_null();
	b->work.settling = true;
	for (int i = 0; i < VERIFY_TRIES; i++) {
		if ((rest > 0 && work_sleep(&b->work, rest)) || wait_out_hold(b)) {
			b->stopped = true;
			break;
		}
		proof = read_back_once(b, booking, why, size);
		if (proof == PROVED_THERE || proof == CANT_TELL)
			break;
		if (proof == NOT_PROVED) {
			need_launcher();
			rest = pause;
			pause *= 2;
			continue;
		}
		if (!absent_at)
			absent_at = clock_mono();
		rest = absent_at + settled_after - clock_mono();
		if (rest <= 0)
			break;
		proof = NOT_PROVED;
	}
	if (b->stopped)
		proof = NOT_PROVED;
	b->work.settling = false;
	return proof;
}

/* True when the site's answer to the commit named a booking. */
static bool named(jv known)
{
	return json_is(known, JV_KIND_OBJECT) && !*json_str(known, "refused", "");
}

/* How the flow ended of which only what the site's answer named is left. */
static const char *class_of_known(jv known)
{
	return named(known) ? "ok" : json_str(known, "refused", "absent");
}

/* The site holds it until something is done, such as a payment. */
static bool is_pending(enum proof proof, jv booking)
{
	return proof == PROVED_THERE && strcmp(json_str(booking, "state", "confirmed"), "pending") == 0;
}

/* What PROOF, the reading back, makes of a commit whose flow ended in CLASS. */
static void judge(struct back *b, enum proof proof, jv booking, const char *class, bool no_answer, const char *why)
{
	bool claimed = strcmp(class, "ok") == 0 && named(b->known);

	if (proof == PROVED_THERE) {
		bool pending = is_pending(proof, booking);

		booking = jv_copy(booking);
		if (!*json_str(booking, "reference", ""))
			booking = json_set(booking, "reference", json_get(b->known, "reference"));
		conclude(b, pending ? "pending" : "booked", no_answer ? "found by reading back" : "read back from the site", booking);
		jv_free(booking);
	} else if (proof == PROVED_ABSENT && !claimed) {
		conclude(b, "failed", strcmp(class, "ok") == 0 ? "absent" : class, jv_null());
	} else {
		conclude(b, "unknown", proof == PROVED_ABSENT ? "the site named a booking but does not show it" : why, b->known);
	}
}

/* After a commit, or for an intent found open at the start: the outcome, whatever it takes. CLASS and REASON are
 * how the booking flow ended. */
static void settle(struct back *b, bool no_answer, const char *class, const char *reason)
{
	char why[512] = "", text[700];
	jv booking;
	enum proof proof = read_back(b, no_answer, &booking, why, sizeof why);

	if (b->stopped) { /* the intent stays open, and the next start goes on here */
		b->last = EX_UNKNOWN;
		jv_free(booking);
		return;
	}
	snprintf(text, sizeof text, "%s%s%s", why, *why ? "; " : "", *reason ? reason : "look at the site, then: ab-book --settle booked|free");
	judge(b, proof, booking, class, no_answer, text);
	b->again_ms = AGAIN_FIRST;
	b->again_at = proof == NOT_PROVED ? clock_mono() + b->again_ms : is_pending(proof, booking) ? clock_mono() + b->pending_ms : -1;
	jv_free(booking);
}

/* What a pending one has become: paid for, given up by the site, or neither yet. */
static void judge_pending(struct back *b, enum proof proof, jv booking)
{
	if (proof == PROVED_ABSENT)
		conclude(b, "failed", "not_paid", jv_null());
	else if (proof == PROVED_THERE && !is_pending(proof, booking))
		judge(b, proof, booking, "ok", false, "");
	else if (proof == PROVED_THERE)
		b->again_at = clock_mono() + b->pending_ms;
}

/* An unknown or pending one, once more: the site may be back, the person may have paid. Nothing is told unless it is settled. What was
 * sent under a consent is proved at once even when that has ended since; but not looked for again and again. */
static void look_again(struct back *b)
{
	jv found = journal_standing(b->journal, NULL), data = json_path(found, "event.data"), booking, trace;
	bool pending = strcmp(json_str(data, "status", ""), "pending") == 0;
	enum proof proof;
	char why[512];
	struct err e;

	b->again_at = -1;
	if ((!pending && strcmp(json_str(data, "status", ""), "unknown") != 0) || work_consent(&b->work, CONSENT_WATCH, &e) == CONSENT_NO)
		goto out;
	jv_free(b->request);
	b->request = json_obj("goal", json_get(data, "goal"), "attempt", json_get(data, "attempt"), "slot", json_get(data, "slot"), NULL);
	jv_free(b->known);
	b->known = journal_known(b->journal, goal_of(b->request), attempt_of(b->request));
	trace = json_path(found, "event.traceparent");
	trace_make(json_string(trace, NULL), b->work.trace);
	jv_free(trace);
	b->work.settling = true;
	proof = read_back_once(b, &booking, why, sizeof why);
	b->work.settling = false;
	if (pending && proof != NOT_PROVED) {
		judge_pending(b, proof, booking);
	} else if (proof == PROVED_THERE || (proof == PROVED_ABSENT && !named(b->known))) {
		judge(b, proof, booking, class_of_known(b->known), true, why);
		b->again_at = is_pending(proof, booking) ? clock_mono() + b->pending_ms : -1;
	} else if (proof == NOT_PROVED) {
		b->again_ms = b->again_ms * 2 < AGAIN_MAX ? b->again_ms * 2 : AGAIN_MAX;
		b->again_at = clock_mono() + b->again_ms;
	}
	jv_free(booking);
	jv_free(work_evidence_taken(&b->work));
out:
	jv_free(data);
	jv_free(found);
}

/* Told to stop with nothing sent: no outcome, so that the request is asked and taken again by the next start. */
static bool stopped_before(struct back *b)
{
	if (work_sleep(&b->work, 0) == 0)
		return false;
	warn("told to stop; nothing was sent, and the request stands");
	b->last = EX_TEMPFAIL;
	return true;
}

/* ---- one request ---------------------------------------------------------------------------------- */

/* 0: go on; else the outcome is told. */
static int have_consent(struct back *b)
{
	struct err e = {0};
	enum consent_answer c = work_consent(&b->work, CONSENT_BOOK, &e);

	b->agreed = false;
	b->unwilling = NULL;
	if (c == CONSENT_YES || (c == CONSENT_ASK && ask_person(b, &e) == 0))
		return 0;
	warn("%s", e.text);
	if (c == CONSENT_NO)
		conclude(b, "failed", e.status == EX_NOPERM ? "refused" : "stopped", jv_null());
	else if (e.status == EX_NOPERM || !stopped_before(b))
		conclude(b, "failed", b->unwilling, jv_null());
	return -1;
}

/* Where checks are public the login is proved first (`alive`): a commit is no way to find out. */
static void run_book(struct back *b, jv slot, struct flow_result *r)
{
	jv alive = provider_flow(b->work.provider, "alive");
	bool there = !json_is(alive, JV_KIND_NULL);

	jv_free(alive);
	if (there) {
		work_flow(&b->work, "alive", jv_null(), jv_null(), r);
		if (!flow_ok(r))
			return;
		flow_result_free(r);
	}
	work_flow(&b->work, "book", slot, jv_null(), r);
}

static void book(struct back *b)
{
	struct flow_result r;
	struct err e = {0};
	jv slot;
	char class[48], reason[320];
	bool committed;

	*b->sent = '\0';
	jv_free(b->known);
	b->known = jv_null();
	if (have_consent(b))
		return;
	if (clock_mono() > b->expires) {
		conclude(b, "failed", "expired_request", jv_null());
		return;
	}
	if (work_begin(&b->work, TURN_TIMEOUT, &e)) {
		need_launcher();
		warn("%s", e.text);
		if (!stopped_before(b))
			conclude(b, "failed", "unreachable", jv_null());
		return;
	}
	slot = json_get(b->request, "slot");
	run_book(b, slot, &r);
	jv_free(slot);
	work_end(&b->work);
	committed = r.committed;
	if (committed)
		tell_resent(b, &r);
	snprintf(class, sizeof class, "%s", b->unwilling ? b->unwilling : r.class);
	snprintf(reason, sizeof reason, "%s", r.reason);
	flow_result_free(&r);
	if (committed) {
		bool no_answer = strcmp(b->sent, "yes") != 0;

		settle(b, no_answer, class, no_answer ? reason : "");
	} else if (strcmp(class, "ok") == 0) {
		conclude(b, "failed", "changed", jv_null());
		warn("the provider's book flow ended without its commit");
	} else if (flow_policy(b->work.provider, class) == ACTION_VERIFY) {
		settle(b, false, class, reason);
	} else {
		need_launcher();
		warn("%s: %s", class, reason);
		if (!stopped_before(b))
			conclude(b, "failed", class, jv_null());
	}
}

/* An outcome that stands already is told again, with the same id. */
static bool stands(struct back *b)
{
	jv found = journal_result(b->journal, goal_of(b->request), attempt_of(b->request)), event;

	if (!json_is(found, JV_KIND_OBJECT)) {
		jv_free(found);
		found = journal_standing(b->journal, goal_of(b->request));
	}
	if (!json_is(found, JV_KIND_OBJECT)) { /* another goal's unknown blocks this one too */
		jv any = journal_standing(b->journal, NULL);

		event = json_path(any, "event.data.status");
		if (strcmp(json_string(event, ""), "unknown") == 0)
			found = jv_copy(any);
		jv_free(event);
		jv_free(any);
	}
	event = json_get(found, "event");
	bool yes = json_is(event, JV_KIND_OBJECT);

	if (yes)
		tell(b, event);
	jv_free(event);
	jv_free(found);
	return yes;
}

static void finish_open_intent(struct back *b)
{
	jv intent = journal_open_intent(b->journal);

	if (json_is(intent, JV_KIND_OBJECT)) {
		jv_free(b->request);
		b->request = jv_copy(intent);
		jv_free(b->known);
		b->known = journal_known(b->journal, goal_of(intent), attempt_of(intent));
		trace_make(json_str(intent, "trace", NULL), b->work.trace);
		settle(b, !json_is(b->known, JV_KIND_OBJECT), class_of_known(b->known), "");
	}
	jv_free(intent);
}

/* When the request of EVENT expires, on our clock (clock_mono): from here on setting the clock changes nothing. Of a
 * clock that was set back since it was made, it is not valid for longer than it was then. -1: it does not say. */
static int64_t expiry(jv event, jv data)
{
	int64_t expires, made, left;

	if (clock_parse(json_str(data, "expires", ""), &expires))
		return -1;
	left = expires - clock_wall();
	if (clock_parse(json_str(event, "time", ""), &made) == 0 && left > expires - made)
		left = expires - made;
	return clock_mono() + left > 0 ? clock_mono() + left : 0;
}

static void take_request(struct back *b, jv event)
{
	int64_t expires;
	jv data = event_data(event), slot_given = json_get(data, "slot"), slot;
	struct err e = {0};

	trace_make(event_trace(event), b->work.trace);
	slot = slot_parse(slot_given, &e);
	jv_free(slot_given);
	expires = expiry(event, data);
	if (!json_ok(slot) || !*goal_of(data) || expires < 0) {
		warn("a booking.request is passed over: %s", e.status ? e.text : "it needs goal, attempt, slot and expires");
		jv_free(slot);
		jv_free(data);
		return;
	}
	jv_free(b->request);
	b->request = json_set(data, "slot", slot);
	b->expires = expires;
	if (!stands(b))
		book(b);
}

/* As often as the session looks for slots; at least once a minute, because somebody is at it. */
static int64_t pending_pause(const struct work *w)
{
	jv pace = json_get(w->provider->doc, "pace");
	struct schedule schedule;
	struct err e;
	int64_t ms = schedule_read(&schedule, w->rules, pace, 1, consent_daily_requests(w->rules), &e) ? AGAIN_FIRST : schedule_interval(&schedule, clock_wall());

	jv_free(pace);
	return ms < AGAIN_FIRST ? ms : AGAIN_FIRST;
}

/* ---- the loop ------------------------------------------------------------------------------------- */

static int open_back(struct back *b, const struct book_job *job, int out, char **argv, struct err *e)
{
	*b = (struct back){.request = jv_null(), .known = jv_null(), .last = EX_NO, .again_at = -1, .again_ms = AGAIN_FIRST};
	b->work = (struct work){.session = job->session, .out = out, .stop_fd = -1, .priority = 2, .booking = true, .page_given = -1, .headed = job->headed,
				.commit = before_commit, .committed = after_commit, .known = keep_known, .ctx = b};
	if (work_open(&b->work, argv, PART_BIT(PART_PROFILE) | PART_BIT(PART_RULES) | PART_BIT(PART_STATE),
		      PART_BIT(PART_SECRETS) | PART_BIT(PART_EVIDENCE), e))
		return -1;
	b->pending_ms = pending_pause(&b->work);
	b->journal = journal_open(job->session, e);
	if (!b->journal)
		return -1;
	b->work.stop_fd = proc_signals((const int[]){SIGTERM, SIGINT, SIGHUP, 0}, e);
	return b->work.stop_fd < 0 ? -1 : 0;
}

static void close_back(struct back *b)
{
	jv_free(b->request);
	jv_free(b->known);
	journal_free(b->journal);
	work_close(&b->work);
}

static void say_ready(struct back *b)
{
	jv line = json_obj("ready", jv_true(), NULL);
	char *text = json_text(line);

	line_put(b->work.out, text, strlen(text));
	free(text);
	jv_free(line);
}

static void tell_untold(struct back *b)
{
	jv list = journal_untold(b->journal);

	for (struct json_iter it = json_iter(list); json_next(&it);)
		tell(b, it.value);
	jv_free(list);
}

int book_back(const struct book_job *job, int in, int out, char **argv)
{
	struct back b;
	struct err e = {0};
	struct line_in lines;
	char *text;
	size_t len;
	int last;

	if (open_back(&b, job, out, argv, &e)) {
		if (e.status == EX_IOERR || e.status == EX_CANTCREAT)
			must(&b, -1, &e);
		die_err(&e);
	}
	tell_untold(&b);
	finish_open_intent(&b);
	if (b.again_at < 0)
		look_again(&b);
	b.last = EX_NO;
	line_init(&lines, in, LINE_EVENT_MAX + 64);
	say_ready(&b);
	for (;;) {
		enum line_got got = line_next(&lines, &text, &len, b.again_at);

		if (got == LINE_AGAIN) {
			look_again(&b);
			continue;
		}
		if (got != LINE_OK)
			break;
		jv line = json_parse(text, len, &e), request = json_get(line, "request");

		if (json_has(line, "told"))
			add_if_possible(&b, json_obj("what", jv_string("told"), "id", json_get(line, "told"), NULL));
		if (json_is(request, JV_KIND_OBJECT)) {
			take_request(&b, request);
			say_ready(&b);
		}
		jv_free(request);
		jv_free(line);
	}
	line_free(&lines);
	last = b.last;
	close_back(&b);
	return last;
}

/* ---- by hand -------------------------------------------------------------------------------------- */

static int settle_by_hand(struct back *b, const char *word)
{
	bool booked = strcmp(word, "booked") == 0;
	jv found = journal_open_intent(b->journal), status;

	if (!json_is(found, JV_KIND_OBJECT)) {
		jv_free(found);
		found = journal_standing(b->journal, NULL);
		status = json_path(found, "event.data.status");
		bool unknown = strcmp(json_string(status, ""), "unknown") == 0;

		jv_free(status);
		if (!unknown) {
			jv_free(found);
			warn("no booking of %s is unknown: nothing to settle", b->work.session);
			return EX_NO;
		}
		jv slot = json_path(found, "event.data.slot");

		found = json_set(found, "slot", slot);
	}
	jv_free(b->request);
	b->request = found;
	conclude(b, booked ? "booked" : "failed", booked ? "settled by the person: booked" : "settled by the person: free", jv_null());
	return 0;
}

static int before_cancel(void *ctx, struct err *e)
{
	struct back *b = ctx;

	if (work_consent(&b->work, CONSENT_CANCEL, e) == CONSENT_NO)
		return -1;
	return add(b, json_obj("what", jv_string("cancel"), "reference", json_get(b->known, "reference"), NULL), e);
}

static void after_cancel(void *ctx, const char *sent)
{
	struct back *b = ctx;

	snprintf(b->sent, sizeof b->sent, "%s", sent);
	add_if_possible(b, json_obj("what", jv_string("cancel-sent"), "sent", jv_string(sent), NULL));
}

/* The slot of the booking that we made under this reference, if we did. */
static jv slot_of(struct back *b, const char *reference)
{
	jv found = journal_standing(b->journal, NULL), ref = json_path(found, "event.data.reference");
	jv slot = strcmp(json_string(ref, ""), reference) == 0 ? json_path(found, "event.data.slot") : jv_null();

	jv_free(ref);
	jv_free(found);
	return slot;
}

static int cancel_by_hand(struct back *b, const char *reference)
{
	struct flow_result r;
	struct err e = {0};
	jv slot = slot_of(b, reference), booking;
	char why[512];
	int status = EX_UNKNOWN;

	if (work_consent(&b->work, CONSENT_CANCEL, &e) == CONSENT_NO || work_begin(&b->work, TURN_TIMEOUT, &e)) {
		jv_free(slot);
		warn("%s", e.text);
		return e.status;
	}
	b->known = json_obj("reference", jv_string(reference), NULL);
	jv_free(b->request);
	b->request = json_obj("slot", jv_copy(slot), NULL);
	work_flow(&b->work, "cancel", slot, b->known, &r);
	work_end(&b->work);
	jv_free(slot);
	if (!r.committed) {
		warn("%s is not cancelled: %s: %s", reference, r.class, r.reason);
		status = strcmp(r.class, "refused") == 0 ? EX_NOPERM : EX_NO;
		flow_result_free(&r);
		return status;
	}
	flow_result_free(&r);
	*b->sent = '\0'; /* what verify finds is no news of a booking */
	enum proof proof = read_back(b, false, &booking, why, sizeof why);

	if (proof == PROVED_ABSENT) {
		warn("%s is cancelled (read back from the site)", reference);
		status = 0;
	} else if (proof == PROVED_THERE) {
		warn("%s is still booked", reference);
		status = EX_NO;
	} else {
		warn("%s: whether it is cancelled can't be read back: %s", reference, why);
	}
	jv_free(booking);
	add_if_possible(b, json_obj("what", jv_string("cancelled"), "reference", jv_string(reference), "status", jv_number(status), NULL));
	return status;
}

int book_by_hand(const struct book_job *job, char **argv)
{
	struct back b;
	struct err e = {0};
	int status;

	if (open_back(&b, job, STDOUT_FILENO, argv, &e))
		die_err(&e);
	if (job->cancel) {
		b.work.commit = before_cancel;
		b.work.committed = after_cancel;
	}
	status = work_status(&b.work, job->settle ? settle_by_hand(&b, job->settle) : cancel_by_hand(&b, job->cancel));
	close_back(&b);
	return status;
}

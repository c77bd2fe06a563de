/* What ab-notify tells of which event, and in which words. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "notify.h"
#include "plan/calendar.h"
#include "plan/slot.h"
#include "wire/event.h"

#define RUN_TROUBLE "/ab-run/" /* what the troubles that ab-run tells of begin with */

void words_init(struct words *w)
{
	*w = (struct words){.title = {.max = WORDS_TITLE}, .text = {.max = WORDS_TEXT}};
}

void words_free(struct words *w)
{
	str_free(&w->title);
	str_free(&w->text);
}

void words_title(struct words *w, const char *session, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	str_reset(&w->title);
	str_addf(&w->title, "%s: %s", session, text);
}

void words_add(struct words *w, const char *before, const char *value)
{
	if (value && *value)
		str_addf(&w->text, "%s%s%.*s.", w->text.len ? " " : "", before, WORDS_TEXT / 4, value);
}

static void add_time(struct words *w, const char *zone, const char *before, const char *value)
{
	char local[CLOCK_TEXT];
	int64_t at;

	if (value && clock_parse(value, &at) == 0)
		words_add(w, before, clock_format_in(zone, at, local));
	else
		words_add(w, before, value);
}

static void say_slot(const struct teller *t, struct words *w, jv data)
{
	jv given = json_get(data, "slot"), slot = slot_parse(given, NULL);
	char *text = json_ok(slot) ? slot_text(slot, t->zone) : NULL;

	words_add(w, "", text);
	free(text);
	jv_free(slot);
	jv_free(given);
}

static bool say_result(const struct teller *t, struct words *w, jv data)
{
	const char *status = json_str(data, "status", "");

	if (strcmp(status, "booked") == 0)
		words_title(w, t->session, "booked");
	else if (strcmp(status, "pending") == 0)
		words_title(w, t->session, "held, but not booked yet");
	else if (strcmp(status, "unknown") == 0)
		words_title(w, t->session, "booked or not: unknown");
	else if (strcmp(json_str(data, "reason", ""), "not_paid") == 0)
		words_title(w, t->session, "held no longer: it was not paid for in time");
	else
		return false; /* of a failure the next choice follows; the last one is a session.state */
	say_slot(t, w, data);
	words_add(w, "Reference ", json_str(data, "reference", NULL));
	add_time(w, t->zone, "Until ", json_str(data, "until", NULL));
	if (strcmp(status, "failed") == 0)
		return true;
	words_add(w, "", json_str(data, "reason", NULL));
	if (strcmp(status, "pending") == 0)
		words_add(w, "", "Do on the site what it waits for, such as the payment: then it is booked");
	if (strcmp(status, "unknown") == 0)
		words_add(w, "", "Nothing more is tried until it is settled: look at the site, then use ab-book --settle");
	return true;
}

static bool say_state(const struct teller *t, struct words *w, jv data)
{
	if (strcmp(json_str(data, "to", ""), "failed") != 0)
		return false;
	words_title(w, t->session, "given up");
	words_add(w, "", json_str(data, "why", NULL));
	return true;
}

static bool say_question(const struct teller *t, struct words *w, jv data)
{
	const char *ask = json_str(data, "ask", "");
	char how[120];

	words_title(w, t->session, "you are asked (%.40s)", json_str(data, "kind", "question"));
	words_add(w, "", json_str(data, "question", NULL));
	add_time(w, t->zone, "Until ", json_str(data, "deadline", NULL));
	snprintf(how, sizeof how, "ab-answer %.80s", ask);
	words_add(w, "Answer with: ", how);
	return true;
}

/* "/ab-poll/host" -> "/ab-poll/": one program's troubles end with its all-clear. */
static void source_of(jv event, char out[80])
{
	const char *source = json_str(event, "source", "");
	size_t n = *source == '/' ? 1 + strcspn(source + 1, "/") : strlen(source);

	snprintf(out, 80, "%.*s/", (int)(n < 70 ? n : 70), source);
}

static bool say_alert(const struct teller *t, struct words *w, jv event, jv data)
{
	const char *severity = json_str(data, "severity", "warning"), *reason = json_str(data, "reason", "?");
	char source[80];

	source_of(event, source);
	if (strcmp(severity, "info") == 0) {
		if (!outbox_troubled(t->outbox, source))
			return false;
		words_title(w, t->session, "all clear");
	} else {
		/* the class of trouble is what stands before the first colon */
		snprintf(w->trouble, sizeof w->trouble, "%s%.20s/%.*s", source, severity, (int)strcspn(reason, ":"), reason);
		words_title(w, t->session, "%.20s", severity);
	}
	words_add(w, "", reason);
	words_add(w, "", json_str(data, "hint", NULL));
	return true;
}

/* Trouble with the site, which passes, is not a refusal: its reason begins with a verdict. */
static bool refused(const char *reason)
{
	static const char *const passing[] = {"throttled", "blocked", "expired", "queued", "challenged", "maintenance", "changed",
					      "unreachable", "paused"};
	size_t n = strcspn(reason, ":");

	for (size_t i = 0; reason[n] && i < sizeof passing / sizeof *passing; i++)
		if (strlen(passing[i]) == n && memcmp(passing[i], reason, n) == 0)
			return false;
	return true;
}

/* ab-run tells of a pipeline that ends again and again, or is not heard. That it has run for a while since is its all-clear:
 * ab-run itself can't tell, as we are the ones who would. */
static bool say_steady(const struct teller *t, struct words *w)
{
	if (clock_mono() - t->started < t->steady || !outbox_troubled(t->outbox, RUN_TROUBLE))
		return false;
	words_title(w, t->session, "all clear");
	words_add(w, "", "the pipeline runs again, and is heard");
	return true;
}

static bool say_login(const struct teller *t, struct words *w, jv data)
{
	const char *reason = json_str(data, "reason", "no reason given");

	if (json_bool(data, "ok", false)) {
		outbox_clear(t->outbox, "login");
		return false;
	}
	snprintf(w->trouble, sizeof w->trouble, "login");
	words_title(w, t->session, "login refused");
	words_add(w, "", reason);
	return refused(reason);
}

bool words_for(const struct teller *t, struct words *w, jv event)
{
	const char *type = event_type(event);
	jv data = event_data(event);
	bool told = false;

	if (strcmp(type, "booking.result") == 0)
		told = say_result(t, w, data);
	else if (strcmp(type, "session.state") == 0)
		told = say_state(t, w, data);
	else if (strcmp(type, "human.required") == 0)
		told = say_question(t, w, data);
	else if (strcmp(type, "runtime.alert") == 0)
		told = say_alert(t, w, event, data);
	else if (strcmp(type, "session.login") == 0)
		told = say_login(t, w, data);
	else if (strcmp(type, "agent.heartbeat") == 0)
		told = say_steady(t, w);
	jv_free(data);
	return told && !(*w->trouble && outbox_troubled(t->outbox, w->trouble));
}

void words_told(const struct teller *t, const struct words *w, jv event)
{
	const char *type = event_type(event);
	char source[80];

	if (*w->trouble)
		outbox_trouble(t->outbox, w->trouble);
	if (strcmp(type, "runtime.alert") == 0 && !*w->trouble) {
		source_of(event, source);
		outbox_clear(t->outbox, source);
	}
	if (strcmp(type, "agent.heartbeat") == 0) /* say_steady's */
		outbox_clear(t->outbox, RUN_TROUBLE);
}

char *words_calendar(const char *session, const char *zone, jv event)
{
	jv data = event_data(event), given = json_get(data, "slot"), slot = slot_parse(given, NULL);
	const char *category = json_str(slot, "category", NULL), *reference = json_str(data, "reference", NULL);
	struct calendar_entry entry = {.slot = slot};
	char *out = NULL;

	if (strcmp(event_type(event), "booking.result") == 0 && strcmp(json_str(data, "status", ""), "booked") == 0 && json_ok(slot)) {
		char *words = slot_text(slot, zone), *uid = xasprintf("%s@ab.invalid", json_str(data, "goal", json_str(event, "id", "")));
		char *text = xasprintf("%s%s%s", words, reference ? "\nReference " : "", reference ? reference : "");
		char *summary = xasprintf("Appointment of %s%s%s", session, category ? ": " : "", category ? category : "");

		if (clock_parse(json_str(event, "time", ""), &entry.stamp))
			entry.stamp = clock_wall();
		entry.uid = uid;
		entry.summary = summary;
		entry.text = text;
		out = calendar_text(&entry);
		free(summary);
		free(text);
		free(uid);
		free(words);
	}
	jv_free(slot);
	jv_free(given);
	jv_free(data);
	return out;
}

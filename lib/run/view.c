#include "run/view.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "wire/event.h"

#define INTERVAL_DEFAULT 60000 /* until a heartbeat tells */
#define LATE_MAX 1800000       /* ms that a look may be late, and last, however long the interval */
#define BOOKING_QUIET 600000   /* ms; the turn on the page is waited for for two minutes at a time */
#define ANSWER_MAX 86400000    /* ms, of a question without a deadline */

void view_start(struct view *v)
{
	v->heard = clock_mono();
	v->spoke = v->failed = v->resting = false;
	v->next_check = v->interval = v->answer_by = 0;
}

static void take(char *to, size_t size, jv data, const char *key)
{
	const char *text = json_str(data, key, NULL);

	if (text)
		snprintf(to, size, "%s", text);
}

static bool by_poll(jv event, jv data)
{
	return strcmp(json_str(data, "agent", ""), "ab-poll") == 0 ||
	       str_starts(json_str(event, "source", ""), "/ab-poll/");
}

/* A look may take long for a person or a code. What else it says while it is at it shows that it lives. */
static void sign_of_life(struct view *v, const char *type, jv data)
{
	int64_t at, now = clock_mono();

	v->heard = now;
	if (strcmp(type, "human.required") == 0)
		v->answer_by = clock_parse(json_str(data, "deadline", ""), &at) ? now + ANSWER_MAX : now + at - clock_wall();
	else if (strcmp(type, "otp.requested") == 0)
		v->answer_by = now + json_int(data, "timeout_ms", 0);
	else if (strcmp(type, "human.answered") == 0 || strcmp(type, "otp.received") == 0)
		v->answer_by = 0;
}

static void heartbeat(struct view *v, jv data)
{
	int64_t at, next = json_int(data, "next_ms", 0);

	take(v->verdict, sizeof v->verdict, data, "verdict");
	v->spoke = true;
	v->interval = next;
	v->resting = strcmp(v->verdict, "paused") == 0 && next <= 0;
	v->answer_by = 0;
	v->next_check = next > 0 ? clock_wall() + next : 0;
	if (strcmp(v->verdict, "available") && strcmp(v->verdict, "none"))
		return;
	v->good_look = clock_parse(json_str(data, "checked_at", ""), &at) ? clock_wall() : at;
}

static void take_state(struct view *v, jv data)
{
	take(v->goal_state, sizeof v->goal_state, data, "to");
	v->failed = strcmp(v->goal_state, "failed") == 0;
}

bool view_event(struct view *v, jv event)
{
	const char *type = event_type(event);
	jv data = event_data(event);
	bool beat = strcmp(type, "agent.heartbeat") == 0 && by_poll(event, data);

	if (by_poll(event, data) || str_starts(json_str(event, "source", ""), "/ab-login/"))
		sign_of_life(v, type, data);
	if (beat)
		heartbeat(v, data);
	else if (strcmp(type, "session.state") == 0)
		take_state(v, data);
	else if (strcmp(type, "booking.result") == 0)
		take(v->result, sizeof v->result, data, "status");
	if (str_starts(type, "booking.") || strcmp(type, "session.state") == 0)
		take(v->goal, sizeof v->goal, data, "goal");
	jv_free(data);
	return beat;
}

static bool booking(const struct view *v)
{
	static const char *const states[] = {"claiming", "booking", "waiting"};

	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(v->goal_state, states[i]) == 0)
			return true;
	return false;
}

int64_t view_silent_at(const struct view *v, int64_t slack)
{
	int64_t from = v->answer_by > v->heard ? v->answer_by : v->heard, interval = v->interval > 0 ? v->interval : INTERVAL_DEFAULT;
	int64_t quiet = interval + (2 * interval < LATE_MAX ? 2 * interval : LATE_MAX) + slack;

	if (v->resting)
		return -1;
	return from + (booking(v) && quiet < BOOKING_QUIET ? BOOKING_QUIET : quiet);
}

#include "run/view.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "wire/event.h"

#define INTERVAL_DEFAULT 60000 /* until a heartbeat tells */

void view_start(struct view *v)
{
	v->heard = clock_mono();
	v->spoke = v->failed = false;
	v->next_check = 0;
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

static void heartbeat(struct view *v, jv data)
{
	int64_t at, next = json_int(data, "next_ms", 0);

	take(v->verdict, sizeof v->verdict, data, "verdict");
	v->heard = clock_mono();
	v->spoke = true;
	v->interval = next;
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

int64_t view_silent_at(const struct view *v, int64_t slack)
{
	static const char *const busy[] = {"claiming", "booking", "waiting"};

	for (size_t i = 0; i < sizeof busy / sizeof *busy; i++)
		if (strcmp(v->goal_state, busy[i]) == 0)
			return -1;
	if (v->spoke && strcmp(v->verdict, "paused") == 0)
		return -1;
	return v->heard + 3 * (v->interval > 0 ? v->interval : INTERVAL_DEFAULT) + slack;
}

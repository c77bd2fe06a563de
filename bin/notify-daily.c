/* ab-notify's daily message: that the session is watched, and what was seen. Who gets none knows that something is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notify.h"
#include "wire/event.h"

#define LOOK_AGAIN 600000   /* ms: the wall clock may be set meanwhile */
#define VERDICT_MAX 24
#define FIRST_ROUND 3600000 /* ms that a message which was missed waits for a round to tell of */

/* The next MINUTE of a day in ZONE after NOW. */
static int64_t next_after(const char *zone, int minute, int64_t now)
{
	int64_t at = now;

	for (int day = 0; day < 3; day++) {
		char text[80];
		struct tm tm;

		zone_local(zone, now + day * (int64_t)86400000, &tm);
		snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, minute / 60, minute % 60);
		if (zone_parse(zone, text, &at) == 0 && at > now)
			return at;
	}
	return now + 86400000;
}

static void count_anew(struct daily *d)
{
	jv_free(d->verdicts);
	d->verdicts = jv_object();
	d->since = clock_wall();
	d->checks = 0;
}

void daily_open(struct daily *d, const char *time, const char *zone, struct outbox *o)
{
	int hour, minute;
	int64_t now = clock_wall(), next;

	*d = (struct daily){.minute = -1, .zone = zone, .heard = -1, .verdicts = jv_null()};
	count_anew(d);
	if (!time || sscanf(time, "%d:%d", &hour, &minute) != 2)
		return;
	d->minute = hour * 60 + minute;
	next = next_after(zone, d->minute, now);
	/* what is kept counts, unless the time of day or the clock was set to another since */
	if (o->daily < 0 || o->daily > next || next_after(zone, d->minute, o->daily - 60000) != o->daily)
		outbox_set_daily(o, next);
}

void daily_close(struct daily *d)
{
	jv_free(d->verdicts);
}

static int count_of(const struct daily *d, const char *verdict)
{
	return (int)json_int(d->verdicts, verdict, 0);
}

void daily_hear(struct daily *d, jv event)
{
	jv data;
	const char *verdict;

	if (d->minute < 0 || strcmp(event_type(event), "agent.heartbeat") != 0)
		return;
	data = event_data(event);
	verdict = json_str(data, "verdict", "");
	if (*verdict && strlen(verdict) < VERDICT_MAX) {
		d->checks++;
		d->verdicts = json_set(d->verdicts, verdict, jv_number(count_of(d, verdict) + 1));
		if (strcmp(verdict, "none") == 0 || strcmp(verdict, "available") == 0)
			snprintf(d->seen, sizeof d->seen, "%s", json_str(data, "checked_at", json_str(event, "time", "")));
		if (d->heard < 0)
			d->heard = clock_mono();
	}
	jv_free(data);
}

int64_t daily_at(const struct daily *d, const struct outbox *o)
{
	int64_t left = o->daily - clock_wall();

	if (d->minute < 0)
		return -1;
	return clock_mono() + (left > LOOK_AGAIN ? LOOK_AGAIN : left > 0 ? left : d->heard < 0 ? LOOK_AGAIN : 0);
}

bool daily_due(const struct daily *d, const struct outbox *o, bool last)
{
	int64_t late = clock_wall() - o->daily;

	return d->minute >= 0 && late >= 0 && (last || d->heard >= 0 || clock_wall() - d->since > FIRST_ROUND);
}

/* "2 throttled, 1 unreachable" of what could not be seen. */
static void add_blind(const struct daily *d, struct str *out)
{
	for (struct json_iter it = json_iter(d->verdicts); json_next(&it);)
		if (strcmp(it.key, "none") != 0 && strcmp(it.key, "available") != 0)
			str_addf(out, "%s%d %s", out->len ? ", " : "", count_of(d, it.key), it.key);
}

jv daily_say(const struct daily *d, const char *session, struct words *w)
{
	int none = count_of(d, "none"), available = count_of(d, "available");
	char since[CLOCK_TEXT], utc[CLOCK_TEXT], seen[CLOCK_TEXT] = "";
	struct str blind = {0}, text = {0};
	int64_t at;
	jv event;

	words_title(w, session, none + available ? "still watching" : "still here, but nothing could be seen");
	str_addf(&text, "%d check%s since %s: %d with nothing free, %d with slots", d->checks, d->checks == 1 ? "" : "s",
		 clock_format_in(d->zone, d->since, since), none, available);
	words_add(w, "", str_text(&text));
	add_blind(d, &blind);
	words_add(w, "Not seen: ", str_text(&blind));
	if (*d->seen && clock_parse(d->seen, &at) == 0)
		words_add(w, "The last good look was at ", clock_format_in(d->zone, at, seen));
	event = event_make("agent.report", session, NULL,
			   json_obj("since", jv_string(clock_format(d->since, utc)), "checks", jv_number(d->checks), "verdicts", jv_copy(d->verdicts),
				    "seen_at", *d->seen ? jv_string(d->seen) : jv_null(), NULL));
	str_free(&blind);
	str_free(&text);
	return event;
}

void daily_told(struct daily *d, struct outbox *o)
{
	count_anew(d);
	outbox_set_daily(o, next_after(d->zone, d->minute, clock_wall()));
}

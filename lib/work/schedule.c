#include "work/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DAY 1440

static int minute(const char *text)
{
	int h, m;

	return sscanf(text, "%2d:%2d", &h, &m) == 2 && h >= 0 && h <= 24 && m >= 0 && m < 60 ? h * 60 + m : -1;
}

/* A duration that the provider's reader made a number of ms, or a session's text. */
static int64_t duration(jv obj, const char *key, int64_t fallback)
{
	int64_t ms;

	if (duration_parse(json_str(obj, key, ""), &ms) == 0)
		return ms;
	return json_int(obj, key, fallback);
}

/* "20%" of the interval, or a duration. */
static int64_t jitter(jv obj, int64_t interval, int64_t fallback)
{
	const char *text = json_str(obj, "jitter", NULL);

	if (text && str_ends(text, "%"))
		return interval * atoi(text) / 100;
	return duration(obj, "jitter", fallback);
}

static int read_spans(struct schedule *s, jv list, struct err *e)
{
	for (struct json_iter it = json_iter(list); json_next(&it);) {
		const char *text = json_string(it.value, ""), *dash = strchr(text, '-');
		struct span span = {minute(text), dash ? minute(dash + 1) : -1};

		if (span.from < 0 || span.to < 0 || s->spans == SCHEDULE_SPANS) {
			err_set(e, EX_CONFIG, "schedule.active: '%.40s' is no time such as 07:00-23:00", text);
			json_iter_end(&it);
			return -1;
		}
		s->active[s->spans++] = span;
	}
	return 0;
}

static int read_bursts(struct schedule *s, jv list, int64_t least, struct err *e)
{
	for (struct json_iter it = json_iter(list); json_next(&it);) {
		struct burst b = {minute(json_str(it.value, "at", "")), duration(it.value, "for", 600000), duration(it.value, "interval", 0)};

		if (b.at < 0 || b.length <= 0 || b.interval < least || s->bursts == SCHEDULE_SPANS) {
			err_set(e, EX_CONFIG, "schedule.bursts: each has at, for and an interval of at least %lld s", (long long)least / 1000);
			json_iter_end(&it);
			return -1;
		}
		s->burst[s->bursts++] = b;
	}
	return 0;
}

int schedule_read(struct schedule *s, jv rules, jv pace, int cost, int per_day, struct err *e)
{
	jv own = json_get(rules, "schedule"), active = json_get(own, "active"), bursts = json_get(own, "bursts");
	int64_t usual = duration(pace, "interval", 60000), least = duration(pace, "min_interval", 1000);
	int r = -1;

	*s = (struct schedule){.zone = json_str(rules, "timezone", "UTC")};
	s->interval = duration(own, "interval", usual);
	s->blind_after = duration(own, "blind_after", 900000);
	s->jitter = jitter(own, s->interval, jitter(pace, s->interval, s->interval / 10));
	if (s->jitter > s->interval / 2)
		s->jitter = s->interval / 2;
	if (s->interval < least) {
		err_set(e, EX_CONFIG, "schedule.interval: %lld ms is less than the provider's least, %lld ms", (long long)s->interval, (long long)least);
		goto out;
	}
	if (read_spans(s, active, e) || read_bursts(s, bursts, least, e))
		goto out;
	int64_t requests = schedule_checks(s) * cost;

	if (requests > per_day) {
		err_set(e, EX_NOPERM, "the schedule makes %lld requests a day, the owner consented to %d: raise schedule.interval or "
			"consent.requests_per_day (ab-vault edit)", (long long)requests, per_day);
		goto out;
	}
	r = 0;
out:
	jv_free(own);
	jv_free(active);
	jv_free(bursts);
	return r;
}

static bool within(const struct span *s, int m)
{
	return s->from < s->to ? m >= s->from && m < s->to : m >= s->from || m < s->to;
}

static bool active_at(const struct schedule *s, int m)
{
	bool yes = !s->spans;

	for (int i = 0; i < s->spans; i++)
		yes |= within(&s->active[i], m);
	return yes;
}

static int minute_of(const struct tm *tm)
{
	return tm->tm_hour * 60 + tm->tm_min;
}

/* When B begins on the day that TM is in: a time that a change of the clocks skips comes as much later, and of one that comes
 * twice the first is meant. */
static int64_t burst_start(const struct schedule *s, const struct burst *b, const struct tm *tm)
{
	char text[64];
	int64_t at;

	snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d", tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday, b->at / 60, b->at % 60);
	return zone_parse(s->zone, text, &at) ? INT64_MAX : at;
}

/* The burst that WALL is in, and since when; those of the day before may reach into this one. */
static const struct burst *burst_at(const struct schedule *s, int64_t wall, int64_t *start)
{
	struct tm day[2];

	if (!s->bursts)
		return NULL;
	zone_local(s->zone, wall, &day[0]);
	zone_local(s->zone, wall - (minute_of(&day[0]) + DAY / 2) * (int64_t)60000, &day[1]);
	for (int i = 0; i < 2 * s->bursts; i++) {
		const struct burst *b = &s->burst[i / 2];

		*start = burst_start(s, b, &day[i % 2]);
		if (wall >= *start && wall - *start < b->length)
			return b;
	}
	return NULL;
}

int64_t schedule_interval(const struct schedule *s, int64_t now)
{
	int64_t start;
	const struct burst *b = burst_at(s, now, &start);

	return b ? b->interval : s->interval;
}

/* A burst is a time to look, active hours or not. */
bool schedule_active(const struct schedule *s, int64_t wall)
{
	int64_t start;
	struct tm tm;

	zone_local(s->zone, wall, &tm);
	return active_at(s, minute_of(&tm)) || burst_at(s, wall, &start);
}

static int64_t next_minute(int64_t wall)
{
	return wall - wall % 60000 + 60000;
}

int64_t schedule_next(const struct schedule *s, int64_t last, double random)
{
	int64_t interval = schedule_interval(s, last);
	int64_t spread = interval == s->interval ? s->jitter : interval / 10;
	int64_t next = last + interval + (int64_t)((2 * random - 1) * (double)spread), at, start;

	if (next <= last)
		next = last + 1;
	/* a burst that begins before that is looked at from its first moment */
	for (at = next_minute(last); s->bursts && at < next; at = next_minute(at))
		if (burst_at(s, at, &start) && start > last)
			return at;
	/* minute by minute over the clock of the place, so that days of 23 and 25 hours come out right */
	for (at = next; !schedule_active(s, at) && at < next + 2 * (int64_t)DAY * 60000; at = next_minute(at))
		;
	return at;
}

/* The burst that minute M of an ordinary day is in. */
static const struct burst *burst_of_day(const struct schedule *s, int m)
{
	for (int i = 0; i < s->bursts; i++) {
		int length = (int)(s->burst[i].length / 60000);

		if (length >= DAY || within(&(struct span){s->burst[i].at, (s->burst[i].at + length) % DAY}, m))
			return &s->burst[i];
	}
	return NULL;
}

int64_t schedule_checks(const struct schedule *s)
{
	double checks = 0;

	for (int m = 0; m < DAY; m++) {
		const struct burst *b = burst_of_day(s, m);

		if (b || active_at(s, m))
			checks += 60000.0 / (double)(b ? b->interval : s->interval);
	}
	return (int64_t)(checks + 0.999);
}

/* When to look: a session's schedule (ab-session(5)) within its provider's pace. Pure: no clock of its own. */
#ifndef WORK_SCHEDULE_H
#define WORK_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "ext/json.h"

#define SCHEDULE_SPANS 16

struct schedule {
	const char *zone;
	int64_t interval, jitter; /* ms; the jitter is the most that is added or taken away */
	int64_t blind_after;      /* ms without a good look until the person is told */
	int spans;
	struct span {
		int from, to;     /* minutes of the day; to <= from: past midnight */
	} active[SCHEDULE_SPANS]; /* none: always */
	int bursts;
	struct burst {
		int at;           /* minute of the day */
		int64_t length, interval;
	} burst[SCHEDULE_SPANS];
};

/* From the session's rules and the provider's `pace` (both borrowed; ZONE lives as long as RULES). An
 * interval under the provider's is refused, and a schedule with more checks a day, of COST requests each,
 * than the owner consented to (EX_NOPERM). */
int schedule_read(struct schedule *s, jv rules, jv pace, int cost, int per_day, struct err *e);
/* The interval in force at NOW (wall ms), a burst's included. */
int64_t schedule_interval(const struct schedule *s, int64_t now);
/* False at an hour off: not in `active`, and in no burst. */
bool schedule_active(const struct schedule *s, int64_t now);
/* When to look next after a look at LAST (wall ms): the interval, with RANDOM (0..1) of the jitter; sooner if
 * a burst begins; not before the next active time. Where the clocks change: an active time is what the clock of the place
 * shows, so an hour that is skipped has none and one that comes twice two; a burst lasts as long as it is meant to, and comes
 * once (zone_parse says when). */
int64_t schedule_next(const struct schedule *s, int64_t last, double random);
/* The checks of a whole day. */
int64_t schedule_checks(const struct schedule *s);

#endif

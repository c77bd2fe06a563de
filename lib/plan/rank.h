/* Which slot the person would take: preferences of a session (ab-session(5)) against slots.
 *
 * Dates, weekdays and hours are read from the clock where the slot is (slot_local); `notice` counts real time
 * from now. Order: `locations` as listed, then `categories` as listed, then earliest start, then id. */
#ifndef PLAN_RANK_H
#define PLAN_RANK_H

#include "ext/json.h"

struct prefs;

/* Reads `preferences` and `timezone` of RULES, the session's rules part (borrowed). NULL with *e (EX_CONFIG)
 * naming what can't be understood: a preference is never ignored. */
struct prefs *prefs_parse(jv rules, struct err *e);
void prefs_free(struct prefs *p);
/* The session's time zone; "UTC" when it names none. */
const char *prefs_zone(const struct prefs *p);

/* Judges SLOTS (parsed; borrowed) at NOW:
 *   {"order": [{"slot","rank","why"}…],   best first; why: "1st of 3: location Ankara (1st choice), Tue …"
 *    "why": "4 slots: 1 fits, 2 before 2026-12-01, 1 weekday sun"} */
jv rank_slots(const struct prefs *p, jv slots, int64_t now);

#endif

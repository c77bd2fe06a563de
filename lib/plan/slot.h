/* Slots: what a site offers, in one shape (ab-events(5)).
 *
 * {"id","start","end","timezone","location","category","resource","seats","extra"}: every key is there, null
 * when unknown; `id` is stable between checks; `start` and `end` are RFC 3339 with offset. */
#ifndef PLAN_SLOT_H
#define PLAN_SLOT_H

#include <time.h>

#include "ext/json.h"

#define SLOT_HASH 17 /* 16 hex digits and NUL */

/* VALUE (borrowed) as a whole slot: texts given as numbers become texts, empty ones null, `start` and `end` are put
 * into `timezone` where there is one, keys that a slot has not are left out. Invalid with *e (EX_DATAERR: "slot
 * 17: …") when `id` or `start` is missing, or anything is not what it should be. */
jv slot_parse(jv value, struct err *e);
/* The slots of ARRAY (borrowed) that slot_parse takes, in the array's order, of equal ids the first alone. *BAD
 * counts the others (equal ids not counted), *E tells about the first of them; both may be NULL. */
jv slots_parse(jv array, size_t *bad, struct err *e);

/* Of a parsed slot: its start as wall time (ms). */
int64_t slot_start(jv slot);
/* Its start on the clock of the place: in its `timezone`; without one as written, with the offset it has; of a
 * start in UTC ("Z") without a timezone in ZONE, the session's. */
void slot_local(jv slot, const char *zone, struct tm *tm);
/* "short-stay, Ankara, Tue 2026-12-01 09:30": for people. The caller frees. */
char *slot_text(jv slot, const char *zone);
/* Earliest start first, then by id: for qsort-like use; <0, 0, >0. */
int slot_compare(jv a, jv b);

/* A short name for a set of parsed slots: the same for the same slots in any order. Not cryptographic. */
char *slots_hash(jv slots, char out[SLOT_HASH]);

#endif

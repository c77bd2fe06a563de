/* A slot as an entry for the person's calendar (iCalendar, RFC 5545). */
#ifndef PLAN_CALENDAR_H
#define PLAN_CALENDAR_H

#include "ext/json.h"

struct calendar_entry {
	jv slot;             /* parsed (slot.h), borrowed */
	const char *uid;     /* the same for the same appointment */
	int64_t stamp;       /* when it was booked, wall ms */
	const char *summary; /* the entry's title, UTF-8 */
	const char *text;    /* what else is to be known; may be NULL */
};

/* A VCALENDAR with one VEVENT, METHOD:PUBLISH, times in UTC, lines folded at 75 bytes and ended by CRLF. The caller frees. */
char *calendar_text(const struct calendar_entry *entry);

#endif

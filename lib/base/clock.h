/* Time: the wall (for people and files) and the monotonic clock (for waiting), both in milliseconds.
 *
 * Zones are IANA names. The functions that take one switch TZ for the call, so they are not for threads. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds since 1970-01-01T00:00:00Z. May jump. */
int64_t clock_wall(void);
/* Milliseconds of CLOCK_BOOTTIME: never jumps back, counts while the machine sleeps. */
int64_t clock_mono(void);
/* How far the wall clock is ahead of the monotonic one: what changes when somebody sets it. */
int64_t clock_ahead(void);
/* Which start of the machine this is, for what is kept on disk; "" where that can't be told. */
const char *clock_boot(void);
/* The ms since a moment of another run, kept as its clock_boot, clock_mono and clock_wall: by the monotonic clock, which
 * nobody sets, or, when the machine was started since, by the wall clock; never negative. */
int64_t clock_passed(const char *boot, int64_t mono, int64_t wall);
/* The earlier of two deadlines, of which a negative one is never. */
int64_t clock_earlier(int64_t a, int64_t b);

#define CLOCK_TEXT 40
/* RFC 3339 in UTC with milliseconds, "2026-11-22T08:00:00.123Z"; returns OUT. */
char *clock_format(int64_t wall, char out[CLOCK_TEXT]);
/* RFC 3339 with ZONE's offset and no fraction, "2026-12-01T09:30:00+03:00"; returns OUT. */
char *clock_format_in(const char *zone, int64_t wall, char out[CLOCK_TEXT]);
/* RFC 3339 (a date-time with an offset or Z; fractions are cut to ms) to wall time; 0, or -1. */
int clock_parse(const char *text, int64_t *wall);

/* True for a name in the machine's zone database (or "UTC"). */
bool zone_valid(const char *zone);
/* Wall time to broken-down local time. */
void zone_local(const char *zone, int64_t wall, struct tm *tm);
/* "YYYY-MM-DD" [T or space "HH:MM[:SS]"] in ZONE to wall time. A time that a daylight-saving change
 * skips is moved on by the gap; of one that comes twice the first is meant. 0, or -1 on bad text. */
int zone_parse(const char *zone, const char *text, int64_t *wall);
/* A real calendar date "YYYY-MM-DD". */
bool date_valid(const char *text);

/* "90s", "10m", "48h", "2d", "250ms", or sums such as "1h30m"; 0, or -1. Never negative. */
int duration_parse(const char *text, int64_t *ms);

/* UUIDv7 (RFC 9562 s.5.7); ordered within a process. */
void uuid_make(char out[37]);
/* N random bytes from the kernel. */
void random_bytes(void *to, size_t n);
/* Uniform in 0..n-1 (n > 0). */
uint32_t random_below(uint32_t n);

#endif

/* The budget of requests: one per account and one per site and way out, on disk, shared by every program
 * that uses them, surviving restarts (design.md, "Budget").
 *
 * "N per T" holds over every window of T, not only over aligned ones: the file keeps the time of each
 * request of the last T. Files are named by the keyed hashes that ab-vault put into rules.pace. */
#ifndef SITE_PACER_H
#define SITE_PACER_H

#include <stdbool.h>
#include <stdint.h>

#include "ext/json.h"

struct pacer;

struct pacer_spec {
	const char *dir;     /* where the buckets are */
	const char *account; /* bucket names: hex of keyed hashes */
	const char *site;
	const char *way_out; /* the proxy's URL, or "" */
	int budget;          /* requests … */
	int64_t window;      /* … per this many ms */
	int reserve;         /* of which checks never spend these */
	int per_day;         /* consent.requests_per_day, by the account */
	const char *zone;    /* whose days they are */
};

struct pacer *pacer_open(const struct pacer_spec *spec, struct err *e);
void pacer_free(struct pacer *p);
/* Takes one token from both buckets, synced. 0; or the ms to wait before asking again (> 0); or -1 with
 * *e (EX_NOPERM: the day's requests are used up until tomorrow; EX_IOERR). BOOKING may use the reserve. */
int64_t pacer_take(struct pacer *p, bool booking, struct err *e);
/* MORE requests went out than tokens were taken (redirects). */
int pacer_spend(struct pacer *p, int more, struct err *e);
/* The site asked to be left alone until WALL: holds for every program of the account. */
int pacer_hold(struct pacer *p, int64_t wall, struct err *e);
/* When the hold ends (wall ms), 0 when there is none. */
int64_t pacer_held(struct pacer *p);
/* The most requests of checks a day that a schedule of one every INTERVAL ms, COST requests each, makes. */
int64_t pacer_daily(int64_t interval, int64_t active_ms, int cost);

#endif

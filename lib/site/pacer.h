/* The budget of requests: one per account and one per site and way out, on disk, shared by every program
 * that uses them, surviving restarts (design.md, "Budget").
 *
 * "N per T" holds over every window of T, as the site counts, not only over aligned ones. So a request counts from
 * before it is sent until T after its answer; and what a command may send at most, redirects included, is taken before
 * it. Of a program that was killed meanwhile it stays taken until the command's time and T have passed.
 *
 * Times are those of clock_mono: setting the clock neither frees a budget nor freezes one, and ends neither a hold nor
 * a day. Only across a restart of the machine the wall clock tells what has passed: of a hold and a day that time
 * itself, of the window never more than the machine has been up. Files are named by the keyed hashes that ab-vault put
 * into rules.pace. */
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

/* What a command wants of the budget. */
struct pacer_want {
	bool booking;   /* it may use the reserve */
	bool redirects; /* it may be redirected, and needs room for that */
	int64_t lease;  /* ms after which it has surely sent its last request; 0: it sends one, now, and pacer_spend won't follow */
};

struct pacer *pacer_open(const struct pacer_spec *spec, struct err *e);
void pacer_free(struct pacer *p);
/* From now on so many requests a day. */
void pacer_allow(struct pacer *p, int per_day);
/* Takes tokens from both buckets, synced: *MAY requests can be sent. 0; or the ms to wait before asking again (> 0); or
 * -1 with *e (EX_NOPERM: the day's requests are used up; EX_IOERR). */
int64_t pacer_take(struct pacer *p, const struct pacer_want *want, int *may, struct err *e);
/* What was taken is settled: REQUESTS went out, and the rest is given back. */
int pacer_spend(struct pacer *p, int requests, struct err *e);
/* The site asked to be left alone for MS: holds for every program of the account. */
int pacer_hold(struct pacer *p, int64_t ms, struct err *e);
/* How long the hold lasts still (ms), 0 when there is none. */
int64_t pacer_held(struct pacer *p);
/* The day's requests are used up, for a check with its redirects: time alone mends that. */
bool pacer_used_up(struct pacer *p);

#endif

/* The practice world: accounts, slots and bookings, kept in a database so that a crash of the site loses
 * no booking and the truth can be asked. A seed makes the same world, and the same codes, each time.
 *
 * The caller brackets each request in a transaction (world_begin, world_end). Errors of the database are
 * sticky (ext/sql.h): world_end tells. Times named "start" are the site's local "YYYY-MM-DDTHH:MM". */
#ifndef DEMO_WORLD_H
#define DEMO_WORLD_H

#include "ext/json.h"
#include "ext/sql.h"

#define PRACTICE "practice"
#define PRACTICE_API "practice-api"
#define VFS "vfs"
#define RIVAL "rival-" /* accounts of other clients, made up as faults want them */

struct world_options {
	const char *file;     /* the database */
	const char *zone;     /* the site's time zone */
	const char *accounts; /* "alice@example.org,bob@example.org:password" */
	const char *offices;  /* "practice,practice-api,vfs" */
	uint64_t seed;
	int per_account;      /* bookings that one account may hold in one office */
};

struct world {
	struct sql *db;
	char *zone, *accounts, *offices;
	uint64_t seed, random;
	int per_account;
};

struct world *world_open(const struct world_options *o, struct err *e);
void world_close(struct world *w);
/* Back to how it was opened: no slots, no bookings, no sessions, the first accounts. */
void world_reset(struct world *w);

void world_begin(struct world *w);
/* Commits; or undoes everything since world_begin and returns -1 with *e. */
int world_end(struct world *w, struct err *e);

/* 0..n-1, from the seed. */
uint32_t world_random(struct world *w, uint32_t n);
/* LEN characters out of ALPHABET, and NUL. */
void world_word(struct world *w, char *out, int len, const char *alphabet);
bool world_has_office(const struct world *w, const char *office);

enum world_login { LOGIN_OK, LOGIN_WRONG, LOGIN_LOCKED };
/* Five wrong passwords in a row lock an account. */
enum world_login world_login(struct world *w, const char *account, const char *password);
/* Makes or changes an account: {account, password?, locked?, per_account?}. */
int world_set_account(struct world *w, jv spec, struct err *e);

/* [{name}] */
jv world_accounts(struct world *w);

/* Opens slots: {office, slots: [{place, category, start, seats}]} or {office, count, place?, category?, from?},
 * and after_ms or at (RFC 3339). The slots made, or invalid with *e (EX_DATAERR). */
jv world_release(struct world *w, jv spec, struct err *e);
/* Free slots that are open, by start: [{id, place, category, start, seats, free}]. PLACE may be NULL; FROM and
 * TO are dates (inclusive). */
jv world_free(struct world *w, const char *office, const char *place, const char *from, const char *to);
/* One open slot, free or not; null when there is none. */
jv world_slot(struct world *w, const char *office, const char *id);
/* All slots, for the control port. */
jv world_slots(struct world *w);
/* Names of the places: those everybody knows, and those of released slots. */
jv world_places(struct world *w, const char *office);
/* The same of the categories. */
jv world_categories(struct world *w, const char *office);

enum world_booked { BOOKED, BOOKED_TAKEN, BOOKED_ALREADY };
#define REFERENCE_TEXT 40
/* Books one seat; where APPLICANT is an array, one for each in it. ALPHABET and LEN make the reference. */
enum world_booked world_book(struct world *w, const char *office, const char *account, const char *slot, jv applicant,
			     const char *prefix, int len, const char *alphabet, char reference[REFERENCE_TEXT]);
/* A confirmed booking becomes one that is pending until UNTIL (wall ms): it holds its seats until then, and has expired after. */
void world_hold(struct world *w, const char *reference, int64_t until);
/* True when it was pending until now, and is confirmed. */
bool world_pay(struct world *w, const char *office, const char *account, const char *reference);
/* True when the account may hold no more in this office. */
bool world_full(struct world *w, const char *office, const char *account);
/* Other clients take all that is left of a slot. */
void world_take(struct world *w, const char *office, const char *slot);
/* Another client is booked into the slot although it is full: what no site should do. */
void world_double(struct world *w, const char *office, const char *slot);
/* An account's bookings, cancelled ones too: [{reference, slot, place, category, start, state, until, people, …}];
 * the state is confirmed, pending (until then, wall ms), expired or cancelled. */
jv world_bookings(struct world *w, const char *office, const char *account);
/* One of them, or null. */
jv world_booking(struct world *w, const char *office, const char *account, const char *reference);
/* True when it was confirmed until now. */
bool world_cancel(struct world *w, const char *office, const char *account, const char *reference);
/* Everybody's bookings, for the control port. */
jv world_truth(struct world *w);

#endif

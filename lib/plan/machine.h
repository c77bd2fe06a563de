/* What ab-plan decides: a fold of events over a state, without I/O, clock or chance of its own, so that
 * ab-audit can fold the recorded events again and must get the same.
 *
 *   idle → monitoring → claiming → booking → booked | failed, and waiting (for a person, or pending)
 *
 * A goal begins when idle is left and is closed by booked. Of the sets of slots only the newest counts, and only
 * while it was confirmed (by itself, or by a heartbeat with its hash) within two intervals. One request is
 * outstanding at most; `unknown` and `pending` forbid another until a later result of that attempt settles them. */
#ifndef PLAN_MACHINE_H
#define PLAN_MACHINE_H

#include "ext/json.h"
#include "plan/rank.h"

struct machine;

/* Milliseconds. */
struct machine_times {
	int64_t valid;      /* how long a request may wait to be begun; 0: two intervals, 5 to 10 min */
	int64_t grace;      /* how long its result may take after that, before it counts as lost */
	int64_t back_first; /* backoff: the first pause; doubled each time up to ... */
	int64_t back_max;
};
#define MACHINE_TIMES ((struct machine_times){0, 300000, 30000, 1800000})

struct machine_in {
	int64_t now;         /* wall time */
	jv event;            /* borrowed; null: only time has passed */
	const char *goal;    /* a fresh UUID: the goal's, if this step begins one */
	const char *refused; /* why consent does not cover booking; NULL: it does */
};

/* P must outlive the machine. */
struct machine *machine_new(const struct prefs *p, struct machine_times times);
void machine_free(struct machine *m); /* NULL is fine */
/* What must survive a restart (the caller's), and back. EX_DATAERR when SAVED (borrowed) is no such thing. */
jv machine_save(const struct machine *m);
int machine_load(struct machine *m, jv saved, struct err *e);

/* Each gives what follows: an array of {"type","data","trace"} (trace may be null), events to be emitted in order
 * after the state was saved. What machine_save gives changes only in a step that something follows from: so whoever
 * knows these steps in order, and what each rested on (machine_basis), knows the state at any time. */

/* A run begins: leaves idle (or, with AGAIN, booked; else failed), asks again what was asked and not answered.
 * Without AGAIN a booked machine stays so. */
jv machine_start(struct machine *m, const struct machine_in *in, bool again);
/* Takes an event of this session, or the time alone. */
jv machine_step(struct machine *m, const struct machine_in *in);
/* The outstanding request has left for the program that books. */
jv machine_sent(struct machine *m);

/* When machine_step must be called with the time alone (wall time); -1: no need. */
int64_t machine_due(const struct machine *m, int64_t now);

const char *machine_state(const struct machine *m); /* "idle" … */
bool machine_ended(const struct machine *m);        /* booked or failed */
bool machine_asking(const struct machine *m);       /* a request is outstanding */
/* "pending" or "unknown" when that is what forbids another try, else NULL. */
const char *machine_held(const struct machine *m);
/* The attempt whose result is missing or not final: what to look up in the journal. False when there is none. *GOAL
 * lives until the next step. */
bool machine_doubt(const struct machine *m, const char **goal, int *attempt);

/* For folding a step again. What it rested on beside the saved state: {"set": the id of the event that brought the newest
 * slots,"seen": when they were last confirmed,"interval": ms}; empty where no slots are known. */
jv machine_basis(const struct machine *m);
/* Before the step is folded again: puts the machine on BASIS, SET being that event (null: none). Both borrowed. */
void machine_recall(struct machine *m, jv basis, jv set);

#endif

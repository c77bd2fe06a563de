/* ab-plan's trail: what makes its decisions derivable again (ab-audit replay) and what a crash can't take from the record.
 *
 * Each step from which events follow is numbered; each of the events says in `by` which step it belongs to and what that
 * rested on (ab-events(5), "by"). In state.json stay the last events of ours (`said`) and the last that led to them
 * (`heard`), where ab-audit looks for what did not reach it. */
#ifndef BIN_PLAN_H
#define BIN_PLAN_H

#include "ext/json.h"

struct trail {
	char history[37]; /* one life of state.json */
	int64_t step;     /* the last one's number */
	jv said, heard;   /* arrays of events */
	jv set;           /* the event that brought the newest slots, or null */
	jv run;           /* what this run works by: told with its first step, then null */
};

/* STATE (borrowed): what state.json holds, an empty object when there is none. RUN is kept. */
void trail_init(struct trail *t, jv state, jv run_taken);
void trail_free(struct trail *t);
/* What is to be saved, added to STATE. */
jv trail_save(const struct trail *t, jv state_taken);
/* Begins a step and gives its `by`. INPUT: "start", "again", "sent", "time" or "event"; EVENT and BASIS
 * (machine_basis) are borrowed, GOAL is for a start. */
jv trail_step(struct trail *t, const char *input, jv event, const char *goal, jv basis);
void trail_said(struct trail *t, jv event_taken);

#endif

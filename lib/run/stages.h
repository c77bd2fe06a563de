/* One run of a pipeline: its processes, from start to the last one's end.
 *
 * Each stage is a process group of its own, gets TERM when we die, and only the keys of its stage. The stop
 * is orderly: the first stage is told, and each other ends at the end of its input, so that nothing that
 * was seen is lost and an attempt that may hold a commit is finished; who takes too long is told, then
 * killed. */
#ifndef RUN_STAGES_H
#define RUN_STAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/proc.h"
#include "run/pipeline.h"

enum stages_phase {
	STAGES_NONE,    /* nothing runs: not started, or over */
	STAGES_RUNNING,
	STAGES_DRAIN,   /* the first stage was told to end; the rest follows by end of input */
	STAGES_TERM,    /* all were told */
	STAGES_KILL
};

struct stages {
	const struct pipeline *of;
	struct proc proc[PIPELINE_STAGES];
	int ended[PIPELINE_STAGES];  /* 0: runs; else the how-manieth round of reaping it ended in */
	int status[PIPELINE_STAGES]; /* as a shell has it, once ended */
	int round;
	enum stages_phase phase;
	int64_t until;               /* when the phase ends (clock_mono), -1: never */
	char *feedback;              /* the FIFO's path, or NULL */
};

/* Starts OF for SESSION. IN becomes the first stage's stdin (-1: /dev/null), OUT the last one's stdout;
 * both stay the caller's. On failure nothing is left running. */
int stages_start(struct stages *s, const struct pipeline *of, const char *session, int in, int out, struct err *e);
/* True when PID was one of these stages and is now reaped. Its end also begins the stop of the others. */
bool stages_reap(struct stages *s, pid_t pid, int64_t grace);
/* Call after a round of stages_reap: ends seen in one round count as simultaneous. True once all have
 * ended: what is left is given back, the statuses stay. */
bool stages_round(struct stages *s);
/* Begins the orderly stop (GRACE ms for the others to follow); once begun, goes on to the next phase. */
void stages_stop(struct stages *s, int64_t grace);
/* The same for stages whose input ends of itself: nobody is told yet. */
void stages_follow(struct stages *s, int64_t grace);
/* Goes on to the next phase when the time has come. */
void stages_tick(struct stages *s);

enum stages_outcome {
	OUTCOME_DONE,    /* ab-plan's 0: the goal is booked, and what stands behind it ended well */
	OUTCOME_HALT,    /* a status that no restart mends */
	OUTCOME_RESTART
};
/* How a run that is over ended, and which stage (index) decided it. */
enum stages_outcome stages_outcome(const struct stages *s, int *stage);

#endif

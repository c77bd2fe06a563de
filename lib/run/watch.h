/* One session under the coordinator: its pipeline is started, watched, started again, and stopped. */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "run/output.h"
#include "run/stages.h"
#include "run/view.h"
#include "wire/line.h"

/* A pipeline that ends is started again after FIRST_WAIT ms, then twice that, up to WATCH_WAIT_MAX times
 * that; when it has run for WATCH_RESET times that, the count begins anew. */
#define WATCH_WAIT_MAX 300
#define WATCH_RESET 60
/* A look may take long, in a site's waiting room for one: a run that is silent is not ended at once. */
#define WATCH_HUNG 20

struct watch_times {
	int64_t first_wait; /* ms before the first restart */
	int64_t grace;      /* ms that an orderly stop may take */
	int64_t silence;    /* ms beyond three intervals without a heartbeat; WATCH_HUNG times that later the run is ended */
};

enum watch_state {
	WATCH_WAITING,  /* between two runs */
	WATCH_RUNNING,
	WATCH_STOPPING, /* being ended: asked for, or because a stage ended */
	WATCH_STOPPED,  /* from here on: over, until a new start */
	WATCH_BOOKED,
	WATCH_FAILED,
	WATCH_HALTED    /* a stage ended with a status that no restart mends */
};

struct watch {
	char *name;
	const struct pipeline *pipeline;
	const struct watch_times *times;
	struct output *out; /* where whole lines go: what the pipeline says, and alerts */
	enum watch_state state;
	bool stop_wanted, paused, pause_told, silent;
	bool hung;            /* this run is being ended because it was silent */
	struct stages stages, tell;
	struct line_in in;    /* the last stage's stdout; fd -1: none */
	struct view view;
	unsigned restarts;    /* all of them */
	unsigned in_a_row;    /* since it last ran for long */
	int64_t started, restart_at; /* clock_mono */
	int last_status;      /* of the stage that ended the last run */
	char why[160];        /* how the last run ended, "" before */
};

/* NAME is copied, the rest borrowed. Nothing is started yet. */
void watch_init(struct watch *w, const char *name, const struct pipeline *of, const struct watch_times *times,
		struct output *out);
void watch_free(struct watch *w);
/* Starts the pipeline; a failure counts as a run that ended. */
void watch_start(struct watch *w);
/* Asks for the end; asked again, hastens it. */
void watch_stop(struct watch *w);
/* Has ab-poll stop or go on checking. A pipeline that ends while paused waits for the resumption. */
void watch_pause(struct watch *w, bool on);
/* True when PID was one of ours. After the last PID of a round: watch_round. */
bool watch_reap(struct watch *w, pid_t pid);
void watch_round(struct watch *w);
/* Takes lines from the pipeline to w->out while that has room; line_ready(&w->in) tells whether one is left. */
void watch_read(struct watch *w);
/* Does what the time asks for; watch_deadline says when to call again (clock_mono, -1: no need). */
void watch_tick(struct watch *w);
int64_t watch_deadline(const struct watch *w);
/* Nothing of it runs, and nothing will of itself. */
bool watch_over(const struct watch *w);

/* "running", "paused", "silent", "waiting", "stopping", "stopped", "booked", "failed", "halted". */
const char *watch_word(const struct watch *w);
/* What `ab-run status --json` shows; ab-run(1). */
jv watch_status(const struct watch *w);

#endif

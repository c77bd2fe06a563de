/* The coordinator: a pipeline per session, one process, one loop.
 *
 * It starts the stages of each pipeline itself (a shell would hide their pids and statuses), reads the events
 * that come out at the end, writes them to stdout as whole lines, and answers on run.sock (run/control.h).
 * It hands keys on, and reads none. */
#ifndef RUN_COORDINATOR_H
#define RUN_COORDINATOR_H

#include "run/watch.h"

struct coordinator_options {
	struct watch_times times;
	const struct pipeline *pipeline; /* where a request names none */
	bool stay;                       /* go on when every session is over */
};

/* Runs the sessions until all are over, or TERM, INT or HUP asks for the end (again: hastens it). Returns the
 * exit status: 0, 1 when a goal failed, or that of a stage that no restart mends; -1 with *e when it could
 * not begin. Nothing that it started is left running. Once per process. */
int coordinator_run(const struct coordinator_options *options, const char *const *sessions, int n, struct err *e);

#endif

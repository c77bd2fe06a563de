/* Child processes: started with exactly the descriptors named, ended for certain. */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/die.h"

struct proc {
	pid_t pid;  /* 0: none */
	int pidfd;  /* readable when it has ended; close-on-exec; -1: none */
	int status; /* as waitpid gives it, once proc_reap was true */
};

#define PROC_NONE ((struct proc){.pidfd = -1})

struct fd_map {
	int from, to;
};

struct proc_spec {
	const char *const *argv; /* argv[0] is a path when it has a '/', else looked for on PATH */
	const struct fd_map *fds; /* what the child gets; everything else is closed. 0..2 not named are inherited */
	int nfds;
	const char *const *env;  /* "NAME=value" to add, or "NAME" to take away; NULL-ended, or NULL */
	bool group;              /* its own process group */
	bool die_with_parent;    /* a signal for it when this thread ends (PR_SET_PDEATHSIG) */
	int parent_signal;       /* which; 0: SIGKILL */
};

/* Starts a child: signals at their defaults and unblocked, SIGPIPE too. A failed exec is reported here
 * (EX_UNAVAILABLE when the program is not there), not by the child. */
int proc_start(struct proc *p, const struct proc_spec *spec, struct err *e);
/* True when it has ended and was reaped; waits until DEADLINE (clock_mono; 0: do not wait, -1: for ever). */
bool proc_reap(struct proc *p, int64_t deadline);
/* Sends SIG if it still runs. */
void proc_signal(const struct proc *p, int sig);
/* TERM, waits GRACE ms, KILL (the whole group where it has one), reaps. */
void proc_end(struct proc *p, int64_t grace);
/* 0..255 as a shell has it (128 + signal). */
int proc_exit_status(int status);

/* Blocks SIGS (0-ended) and gives a signalfd for them, close-on-exec and non-blocking. */
int proc_signals(const int *sigs, struct err *e);
/* A signal number read from that descriptor, 0 when none waits. */
int proc_signal_next(int fd);

/* poll(2) through EINTR until DEADLINE (clock_mono ms; 0: just look, -1: for ever). Returns what poll does. Where it
 * waits for longer than a moment, what lies on the stack below is cleared (base/wipe.h). */
struct pollfd;
int proc_poll(struct pollfd *fds, unsigned n, int64_t deadline);

#endif

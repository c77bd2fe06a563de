/* Starting other programs from one that holds keys.
 *
 * launch_init forks a launcher before any key is read and before the program gives up the network: the
 * launcher can do nothing but start programs, end them and tell how they ended. So what it starts has the
 * network, and the program that asked has not. When the program ends, however it ends, the launcher ends
 * what it started (TERM, five seconds, KILL), except what was started detached. */
#ifndef WIRE_LAUNCH_H
#define WIRE_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/die.h"
#include "base/proc.h"

struct child {
	pid_t pid;   /* 0: none */
	int ended;   /* readable once it has ended; poll it beside others; -1: none */
	int status;  /* as waitpid gives it, once child_wait was true */
};

#define CHILD_NONE ((struct child){.ended = -1})

/* Forks the launcher; call once, early, in every program that starts others. */
int launch_init(struct err *e);
/* The launcher was there and is gone (killed): nothing can be started any more, by a program that gave up the network
 * not another launcher either. Such a program ends with EX_TEMPFAIL, and works again when it is started again. */
bool launch_lost(void);
/* Starts a program. FDS: what it gets, everything else is closed (0..2 not named are inherited). ENV: as
 * in struct proc_spec. DETACHED: in a session of its own, not ended with us, C stays CHILD_NONE; its stdin and
 * stdout are /dev/null unless named.
 * EX_UNAVAILABLE when the program is not there. */
int launch(struct child *c, const char *const *argv, const struct fd_map *fds, int nfds, const char *const *env,
	   bool detached, struct err *e);
/* True when it has ended (status is set); waits until DEADLINE (clock_mono; 0: just look, -1: for ever). */
bool child_wait(struct child *c, int64_t deadline);
void child_signal(struct child *c, int sig);
/* TERM, GRACE ms, KILL, waited for. */
void child_end(struct child *c, int64_t grace);

/* The full path of one of our own programs ("ab-login"): $AB_BIN (colon-separated folders), else the
 * folder this program runs from, else the installed one, else NAME for PATH to find. Caller frees. */
char *program_path(const char *name);

#endif

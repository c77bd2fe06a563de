/* Driver programs, found by name: ab-KIND-SCHEME ("page" + "http", "inbox" + "maildir", "notify" + "exec").
 * They speak NDJSON on stdin and stdout, one answer a request; stderr is ours. */
#ifndef WIRE_DRIVER_H
#define WIRE_DRIVER_H

#include "ext/json.h"
#include "wire/launch.h"
#include "wire/line.h"

/* Path of the driver: each folder of $AB_LIBEXEC (colon-separated), the installed libexec folder, then
 * PATH; for a SCHEME that ends in s then that without the s. Caller frees. NULL with EX_UNAVAILABLE, saying which name was looked for. */
char *driver_find(const char *kind, const char *scheme, struct err *e);

struct driver {
	struct child child;
	int to;            /* its stdin */
	struct line_in in; /* its stdout */
};

/* Starts it with ARGS (NULL-ended, without argv[0]; may be NULL) through the launcher. */
int driver_start(struct driver *d, const char *kind, const char *scheme, const char *const *args, struct err *e);
/* The same for a program of ours that speaks like a driver (ab-otp): PATH, what it gets beside stdin and
 * stdout, and ENV as in launch. */
int driver_start_program(struct driver *d, const char *path, const char *const *args, const struct fd_map *fds,
			 int nfds, const char *const *env, struct err *e);
/* Sends REQUEST (consumed) as a line and reads one answer until DEADLINE (clock_mono). Invalid with
 * EX_TEMPFAIL (no answer in time), EX_UNAVAILABLE (the driver ended) or EX_DATAERR (no JSON object). */
jv driver_call(struct driver *d, jv request_taken, int64_t deadline, struct err *e);
/* The two halves of driver_call, for event loops (poll d->in.fd; mind line_ready). */
int driver_send(struct driver *d, jv request_taken, struct err *e);
jv driver_recv(struct driver *d, int64_t deadline, struct err *e);
/* Closes its stdin, waits GRACE ms, ends it. Fine on one that never started if zeroed by DRIVER_NONE. */
void driver_stop(struct driver *d, int64_t grace);

#define DRIVER_NONE ((struct driver){.child = CHILD_NONE, .to = -1, .in = {.fd = -1}})

#endif

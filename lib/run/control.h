/* The coordinator's socket, run.sock: one request, a JSON object on a line, and one answer, a connection.
 *
 *   {"do":"status|list|start|stop|pause|resume", "session":NAME, "pipeline":NAME, "parts":[PART…]}
 *   {"ok":true, …} or {"ok":false, "status":EXIT STATUS, "error":TEXT}
 *
 * "start" brings the session's keys along as descriptors (unix(7), SCM_RIGHTS), one for each of "parts" in
 * their order. Only processes of the same user are listened to. */
#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include "ext/json.h"
#include "wire/rights.h"

struct control_peer {
	int fd;       /* -1: none */
	int64_t since; /* clock_mono of its connecting */
	struct str in;
	int fds[RIGHTS_MAX]; /* what came along; ours */
	int nfds;
	char *waits_for; /* "stop": the session whose end is to be answered, "" for all; NULL when answered at once */
};

/* Listens on run.sock; the caller holds run.lock. The descriptor, or -1. */
int control_listen(struct err *e);
/* The next connection, of our own user; false when there is none. */
bool control_accept(int listener, struct control_peer *p);
/* Reads what is there: 1 when *REQUEST is whole, 0 when not yet, -1 when the peer is gone or talks nonsense. */
int control_read(struct control_peer *p, jv *request);
/* Answers (ANSWER is consumed) and hangs up. */
void control_answer(struct control_peer *p, jv answer_taken);
/* Hangs up; closes what came along. */
void control_close(struct control_peer *p);

/* The client's side: REQUEST (consumed) with NFDS descriptors (which stay ours) to the coordinator, and its
 * answer, waited for. Invalid with *e: EX_UNAVAILABLE when no coordinator runs, else what it said. */
jv control_call(jv request_taken, const int *fds, int nfds, struct err *e);

#endif

/* Who may command a page agent, and when: one client on stdin and stdout, or several on a socket that take
 * turns (ab-page(5), "Turns"). Knows nothing of pages: any agent may stand behind it. */
#ifndef PAGE_TURNS_H
#define PAGE_TURNS_H

#include <stdint.h>

#include "ext/http.h"
#include "ext/json.h"

/* The agent behind. Answers have no id; JVs given are borrowed. */
struct turns_agent {
	void *(*open)(const struct http_aside *aside); /* makes ctx; ASIDE (NULL: none) is copied */
	void (*close)(void *ctx);
	jv (*begin)(void *ctx, jv settings);
	jv (*command)(void *ctx, jv command, int64_t deadline);
	void (*drop)(void *ctx); /* the client of the turn went away inside it */
	void *ctx; /* what open made */
	/* What the agent looks after while nobody commands it: IDLE is called when idle_fd's descriptor (-1: none) is readable.
	 * Both may be NULL. */
	int (*idle_fd)(void *ctx);
	void (*idle)(void *ctx);
};

/* All of an agent's service: on the listening socket FD, or (-1) on stdin and stdout. 0; 1 when stdout's reader is gone;
 * -1 with *e. */
int turns_run(struct turns_agent *agent, int fd, struct err *e);

/* Serves the lines of IN on OUT until IN ends or `close`. 0, or -1 when OUT's reader is gone. */
int turns_stdio(const struct turns_agent *agent, int in, int out);

struct turns;

/* FD is a listening Unix socket. It, and page.lock beside it, become ours. NULL with *e. */
struct turns *turns_new(int fd, struct err *e);
/* What the agent looks after while a command waits for the network: other clients come, go and queue. */
struct http_aside turns_aside(struct turns *t);
/* Serves until the last client has gone, or none came for ten seconds, and removes the socket. */
void turns_serve(struct turns *t, const struct turns_agent *agent);
void turns_free(struct turns *t);

#endif

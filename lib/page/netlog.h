/* Chromium's log of its network (--log-net-log), read as it is written, for one thing that the DevTools protocol does not tell:
 * that the browser sent a request again by itself, because the kept connection on which it was sent broke before an answer. */
#ifndef PAGE_NETLOG_H
#define PAGE_NETLOG_H

#include "ext/json.h"
#include "wire/line.h"

#define NETLOG_KEPT 64 /* requests that are remembered: those that may still be sent again */

struct netlog {
	struct line_in in;
	long started, again; /* the numbers of the events; 0: not known yet */
	struct netlog_request {
		long long id;
		char *method, *url;
	} kept[NETLOG_KEPT];
	unsigned next;
};

/* Reads from FD, non-blocking, which becomes ours. */
void netlog_init(struct netlog *n, int fd);
void netlog_free(struct netlog *n);
/* Reads what is there; TOLD is called for each request that went out again. False at the end of the log. */
bool netlog_read(struct netlog *n, void (*told)(void *ctx, const char *method, const char *url), void *ctx);

#endif

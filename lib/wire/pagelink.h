/* The client's end of a session's page (ab-page(5)): one process per session holds the connection, the
 * cookies and the document; programs connect to it over page.sock and take turns. */
#ifndef WIRE_PAGELINK_H
#define WIRE_PAGELINK_H

#include "ext/json.h"
#include "wire/line.h"

struct page;

/* Connects to SESSION's page; where there is none, takes page.lock and starts ab-page-TRANSPORT through
 * the launcher, detached. NULL with *e. */
struct page *page_open(const char *session, const char *transport, struct err *e);
/* Connects to SESSION's page where there is one; NULL with EX_UNAVAILABLE otherwise. */
struct page *page_join(const char *session, struct err *e);
/* A page on a connection that was handed to us (ab-login --page-fd); FD becomes ours. */
struct page *page_from_fd(int fd);
/* A page driver of our own on a socketpair, ended with us: ab-provider test (ARGS "--replay", FILE). */
struct page *page_private(const char *transport, const char *const *args, struct err *e);
/* The connection, for handing on and for polling (its end means the agent is gone). */
int page_fd(const struct page *p);
/* The agent at the other end is gone. */
bool page_lost(const struct page *p);
void page_close(struct page *p);

/* Sends COMMAND (consumed; gets "id", and "deadline_ms" unless it has one) and waits for its answer, at
 * most TIMEOUT ms and a little more than the agent itself. Returns the answer, {"ok":false,"error":…}
 * included. Invalid with *e (EX_TEMPFAIL) when the agent is gone or silent: whether a request went out is
 * then not known ("sent" counts as "maybe"), and the page must be opened again. */
jv page_call(struct page *p, jv command_taken, int64_t timeout, struct err *e);

#endif

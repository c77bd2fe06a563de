/* A small HTTP/1.1 server in the caller's own loop (libmicrohttpd): one thread, no locks.
 *
 *	poll(httpd_fd(h)) until httpd_deadline(h), then httpd_run(h): the handler is called from there, once
 *	for each request, when the whole of it has been read.
 *
 * A reply may also misbehave, in the ways that real servers do; that is what it was written for. */
#ifndef EXT_HTTPD_H
#define EXT_HTTPD_H

#include <stddef.h>
#include <stdint.h>

#include "base/die.h"
#include "base/str.h"

struct httpd;

/* Borrowed by the handler for the time of its call. */
struct httpd_request {
	const char *method;
	const char *target; /* path and query as they were sent, percent-encoding and all */
	const char *client; /* "127.0.0.1:53122": the peer of this connection; "unix" */
	const char *body;
	size_t len;
	void *conn; /* private */
};
/* The first header of that name (any case), or NULL. */
const char *httpd_header(const struct httpd_request *req, const char *name);

enum httpd_ending {
	HTTPD_WHOLE,  /* as it should be */
	HTTPD_CUT,    /* the connection is closed before any byte of the answer */
	HTTPD_RESET,  /* the same with a TCP reset */
	HTTPD_STALL,  /* status and headers, then nothing (for ten minutes) */
	HTTPD_ENDLESS /* the body again and again until the client has gone */
};

struct httpd_reply {
	int status;
	struct str headers; /* lines "Name: value\n"; a line that HTTP does not allow is left out */
	struct str body;
	enum httpd_ending ending;
	int64_t delay; /* ms to wait before the answer */
};

/* Fills *OUT, which comes as status 200, whole, and empty. The server frees it. */
typedef void httpd_handler(void *ctx, const struct httpd_request *req, struct httpd_reply *out);

/* Serves the listening socket LISTENER (which becomes the server's, also on failure). A request with a
 * body over BODY_MAX bytes is answered 413 without asking the handler. NULL with *e. */
struct httpd *httpd_start(int listener, size_t body_max, httpd_handler *handler, void *ctx, struct err *e);
/* Readable when httpd_run has something to do. */
int httpd_fd(const struct httpd *h);
/* When httpd_run must be called at the latest (clock_mono; 0: now; -1: no need). */
int64_t httpd_deadline(const struct httpd *h);
void httpd_run(struct httpd *h);
/* Closes every connection, in whatever state it is. */
void httpd_stop(struct httpd *h);

#endif

/* One HTTP request at a time over libcurl: kept connections, HTTP/2 where the server has it, gzip and br,
 * certificates always checked. No redirects, no cookies, no proxies from the environment, nothing but
 * http and https: what follows from an answer is the caller's to decide (page/fetch.h).
 *
 * One struct http is one session's: connections made through it are reused by it alone. */
#ifndef EXT_HTTP_H
#define EXT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/die.h"
#include "base/str.h"

struct http;

/* What to look after while a request waits: TICK is called when FD is readable and whenever the time it
 * last gave (clock_mono; -1: none) has come. FD -1: nothing. */
struct http_aside {
	int fd;
	int64_t (*tick)(void *ctx);
	void *ctx;
};

/* ASIDE is copied, and may be NULL. */
struct http *http_new(const struct http_aside *aside);
void http_free(struct http *h);

struct http_request {
	const char *method;         /* "GET", "POST" or "PUT" */
	const char *url;            /* absolute, without a fragment */
	const char *const *headers; /* "Name: value" or "Name:" (not sent), NULL-ended; may be NULL */
	const void *body;
	size_t body_len;
	bool once;          /* sent at most once whatever happens: libcurl's own repeats are stopped */
	size_t body_max;    /* of the answer, after decompression */
	int64_t deadline;   /* clock_mono */
	const char *proxy;  /* http:, https: or socks5h: URL; NULL: none */
	const char *cafile; /* trust these authorities instead of the system's; NULL: the system's */
};

/* Whether the request reached the server. */
enum http_sent {
	HTTP_SENT_NO,    /* certainly not: it failed before its first byte */
	HTTP_SENT_MAYBE, /* anything between */
	HTTP_SENT_YES    /* an answer began to come */
};

struct http_answer {
	int status;
	struct str head; /* "Name: value\n" for each header as it came */
	struct str body;
	bool cut;        /* the body was longer than body_max; the rest was not read */
	bool open_ended; /* it ended with the connection: nothing says that it is whole */
	int requests;    /* that went out or may have: 1, more where libcurl repeated a GET, 0 */
	enum http_sent sent;
};

enum http_result {
	HTTP_OK,          /* an answer, whole or cut */
	HTTP_UNREACHABLE, /* DNS, connect, TLS, reset, empty or broken answer */
	HTTP_TIMEOUT,
	HTTP_TOO_MUCH     /* headers over 256 KiB, more than 1000, or one over 100 KiB */
};

/* ANSWER is initialised here, and freed by http_answer_free whatever the result; requests and sent hold
 * after a failure too. *e says what failed. */
enum http_result http_do(struct http *h, const struct http_request *r, struct http_answer *answer, struct err *e);
void http_answer_free(struct http_answer *answer);

/* A date as HTTP and mail headers have it (RFC 9110 s.5.6.7, RFC 5322 s.3.3), wall ms; -1: none. */
int64_t http_date(const char *text);

#endif

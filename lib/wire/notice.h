/* The serving side of ab-notify's drivers (ab-notify-SCHEME): ab-notify(1), "DRIVERS". */
#ifndef WIRE_NOTICE_H
#define WIRE_NOTICE_H

#include "base/die.h"
#include "ext/json.h"

/* What is to be told, to one address. All of it is borrowed. */
struct notice {
	const char *id;             /* the same when it is sent again */
	const char *url;            /* the address */
	const char *title, *text;
	const char *calendar;       /* an RFC 5545 object; NULL: none */
	jv event;                   /* a CloudEvent */
	jv settings;                /* the address with what stands beside it in the session's record (an object, url included) */
	jv request;                 /* all of it, as it came */
	int64_t later;              /* the driver may set it: ms that the other side asks to wait before the next try */
};

#define NOTICE_PATIENCE 25000 /* ms for a message; ab-notify waits 30 s for us */

/* The beginning of a driver's main: closes it to others, and reads its options: --timeout TIME, how long a message may take (ms). */
int64_t notice_options(int argc, char **argv, const char *program, const char *about);

/* Answers the requests on stdin, until its end, with what SEND says: 0, or -1 with *e; EX_USAGE, EX_DATAERR, EX_NOPERM and EX_CONFIG
 * mean that it makes no sense to try again. Dies when stdout is gone. */
void notice_serve(int (*send)(struct notice *n, struct err *e));

#endif

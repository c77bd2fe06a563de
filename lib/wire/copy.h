/* The filter's loop for programs that must not wait for a slow reader (the others: event_each).
 *
 * Lines are copied through a queue: what is read is queued whole, in order, and written as the reader takes
 * it. While much is queued nothing is read (copy_poll asks for nothing), so memory is bounded and the writer
 * upstream waits. The descriptors' flags are left alone: others share them. */
#ifndef WIRE_COPY_H
#define WIRE_COPY_H

#include <poll.h>

#include "ext/json.h"
#include "wire/line.h"

#define COPY_FULL (2u << 20) /* bytes queued from which on nothing is read */

struct copy {
	struct line_in in;
	int out;
	bool eof;           /* of IN */
	const char *text;   /* the last event's line as it was; lives until the next copy_next */
	size_t len;
	uint64_t put, gone; /* bytes queued and written since the start */
	struct str queue;   /* private from here */
	size_t at;
};

void copy_init(struct copy *c, int in, int out);
void copy_free(struct copy *c);
/* What to poll: p[0] for IN (fd -1 while nothing is to be read), p[1] for OUT (its end shows as POLLERR). */
void copy_poll(const struct copy *c, struct pollfd p[2]);
/* True when copy_next would give something without a poll. */
bool copy_ready(const struct copy *c);
/* The next event, its line queued as it was. LINE_AGAIN: nothing there, or too much is queued; LINE_LONG: a bad
 * line, which was reported and is not copied; LINE_EOF; LINE_ERROR: errno. Never waits. */
enum line_got copy_next(struct copy *c, jv *event);
/* Takes the line that copy_next queued last, and that nothing was queued or written after, off the queue again. */
void copy_take_back(struct copy *c);
/* Queues an event of our own (consumed). -1 with EMSGSIZE: over 1 MiB, not queued. */
int copy_add(struct copy *c, jv event_taken);
/* Writes what OUT takes now. -1 sets errno (EPIPE: the reader is gone). */
int copy_write(struct copy *c);
/* Writes all, waiting for the reader. */
int copy_drain(struct copy *c);

#endif

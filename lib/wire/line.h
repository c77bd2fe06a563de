/* Lines in and out: bounded, with deadlines, on blocking or non-blocking descriptors. */
#ifndef WIRE_LINE_H
#define WIRE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define LINE_EVENT_MAX (1u << 20) /* an event's line (design) */
#define LINE_PAGE_MAX (8u << 20)  /* a page command's or answer's line */

struct line_in {
	int fd;
	size_t max;
	unsigned long number; /* of the line last given, from 1 */
	struct str buf;       /* private from here */
	size_t at;
	bool skipping, eof;
};

enum line_got {
	LINE_OK,
	LINE_AGAIN, /* the deadline passed first */
	LINE_EOF,   /* an unfinished last line is given as LINE_OK first */
	LINE_LONG,  /* a line over MAX was passed over whole; number tells which */
	LINE_ERROR  /* errno */
};

void line_init(struct line_in *in, int fd, size_t max);
void line_free(struct line_in *in);
/* The next line without its newline, NUL-terminated, valid until the next call, which clears it. Waits until DEADLINE
 * (clock_mono ms; 0: take only what is there, -1: for ever). */
enum line_got line_next(struct line_in *in, char **text, size_t *len, int64_t deadline);
/* True when a whole line is buffered already: poll(2) would not tell. */
bool line_ready(const struct line_in *in);

/* Writes TEXT and a newline in one write where it fits; waits on a full pipe. -1 sets errno. */
int line_put(int fd, const char *text, size_t len);

#endif

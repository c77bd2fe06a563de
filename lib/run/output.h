/* Standard output as a queue of whole lines, written without ever blocking. */
#ifndef RUN_OUTPUT_H
#define RUN_OUTPUT_H

#include <stdbool.h>

#include "base/str.h"

struct output {
	struct str text; /* from `at` on not yet written */
	size_t at;
	bool torn;       /* what was written last was no whole line */
	bool failing;    /* the last write failed, and that was said */
};

void output_line(struct output *o, const char *text, size_t len);
bool output_pending(const struct output *o);
/* False while so much waits that no more should be read for it. */
bool output_room(const struct output *o);
/* Writes a piece; for when poll(2) has said POLLOUT. -1 when the reader is gone. Any other failure (a full
 * disk) is said once, and what waited is dropped: what is watched matters more than its record here. */
int output_write(struct output *o);
void output_drop(struct output *o);
void output_free(struct output *o);

#endif

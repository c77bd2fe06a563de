/* How much memory processes take. */
#ifndef PAGE_WEIGHT_H
#define PAGE_WEIGHT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/die.h"

#define WEIGHT_CHILDREN 64 /* of a browser's own: those of its pages are a few others' */

struct weight {
	pid_t root, children[WEIGHT_CHILDREN + 1]; /* as last looked for, 0 after the last */
	unsigned looks;
};

/* What ROOT and all processes below it have for themselves: what several share, such as programs, is not counted. ROOT's own children
 * may be of any of its many threads, so they are looked for now and then only: one that it started since is told a few looks later. */
void weight_init(struct weight *w, pid_t root);
/* True when that is more than MAX bytes. */
bool weight_over(struct weight *w, int64_t max);
/* How many MiB a browser may take: AB_CHROMIUM_MEMORY, or 2048. */
int weight_limit(long long *mib, struct err *e);

#endif

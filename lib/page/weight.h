/* How much memory processes take. */
#ifndef PAGE_WEIGHT_H
#define PAGE_WEIGHT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/die.h"

/* Bytes that ROOT and all processes below it have for themselves: what several share, such as programs, is not counted. */
int64_t weight_of(pid_t root);
/* How many MiB a browser may take: AB_CHROMIUM_MEMORY, or 2048. */
int weight_limit(long long *mib, struct err *e);

#endif

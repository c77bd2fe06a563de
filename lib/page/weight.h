/* How much memory processes take. */
#ifndef PAGE_WEIGHT_H
#define PAGE_WEIGHT_H

#include <stdint.h>
#include <sys/types.h>

/* Bytes that ROOT and all processes below it have for themselves: what several share, such as programs, is not counted. */
int64_t weight_of(pid_t root);

#endif

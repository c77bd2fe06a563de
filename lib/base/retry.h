/* When a server wants to be asked again. */
#ifndef BASE_RETRY_H
#define BASE_RETRY_H

#include <stdint.h>

/* Retry-After (RFC 9110 s.10.2.3) in ms: seconds, or a date seen from the answer's DATE (its header; NULL or malformed:
 * from NOW, clock_wall), 0 when that is past; -1 when malformed or more than a year away. */
int64_t retry_after(const char *text, const char *date, int64_t now);

#endif

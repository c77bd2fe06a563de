/* A program's last words. What stops it for good or for now (a disk that is full) is said downstream before it ends, so that the
 * person is told; and when it works again, that too. In between, a file in the runtime folder remembers it. */
#ifndef WIRE_ALERT_H
#define WIRE_ALERT_H

#include "ext/json.h"

/* The runtime.alert (severity error, reason "stopped: WHY") to be written before this program ends. TRACE may be NULL. */
jv alert_stop(const char *session, const char *trace, const char *why);
/* To be called where it is seen to work: the all-clear, if this program's last word here was alert_stop; else invalid. Looks once
 * in a process. */
jv alert_over(const char *session);

#endif

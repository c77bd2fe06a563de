/* Whoever started the coordinator as a service, and watches it (systemd's sd_notify protocol: datagrams to the socket that
 * NOTIFY_SOCKET names). Without one all this does nothing. */
#ifndef RUN_SERVICE_H
#define RUN_SERVICE_H

#include <stdint.h>

/* Takes what is in the environment, for us alone: what we start does not see it. */
void service_init(void);
/* "READY=1", "STOPPING=1". */
void service_say(const char *state);
/* Says that we live, when it is time; the next time (clock_mono; -1: never). */
int64_t service_alive(void);

#endif

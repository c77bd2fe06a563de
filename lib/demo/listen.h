/* Listening where only this machine can connect. */
#ifndef DEMO_LISTEN_H
#define DEMO_LISTEN_H

#include "base/die.h"

/* A listening socket at ADDRESS: "127.0.0.1:PORT", "[::1]:PORT", "localhost:PORT" (port 0: a free one), or
 * "unix:PATH" (0600, an old socket is replaced). *URL (caller frees) tells how to reach it: "http://127.0.0.1:8460/",
 * or the address as it was. -1 with *e; any other address is refused. */
int listen_local(const char *address, char **url, struct err *e);

#endif

/* A connection to an IMAP server, verified, encrypted and past the greeting (libcurl), for libetpan to speak over, which checks no
 * certificate. TLS from the first byte or by STARTTLS (RFC 8314); what a server says before STARTTLS is forgotten. */
#ifndef EXT_DIAL_H
#define EXT_DIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ext/server.h"

struct dial;

/* What ends the connecting, and what is done with the connection, early: FD is polled beside the connection, and when it is readable ON is asked. */
struct dial_stop {
	int fd; /* -1: nothing */
	bool (*on)(void *ctx);
	void *ctx;
};

/* By DEADLINE (clock_mono). On this machine (localhost, 127.0.0.1, ::1) STARTTLS is asked for only if there is a cafile; everywhere else
 * the server must have it unless `plaintext` is set. NULL: EX_CONFIG (certificate, no STARTTLS, cafile), EX_NO (stopped), else
 * EX_UNAVAILABLE. */
struct dial *dial_open(const struct mail_server *server, const struct dial_stop *stop, int64_t deadline, struct err *e);
/* Cuts it; NULL is fine. */
void dial_close(struct dial *d);
int dial_fd(const struct dial *d);
/* How it is protected, in words. */
const char *dial_security(const struct dial *d);
/* Bytes, 0 when none can be had (sent) now: poll for it; -1 when it has ended. Neither waits. */
ssize_t dial_recv(struct dial *d, void *to, size_t max);
ssize_t dial_send(struct dial *d, const void *data, size_t len);

#endif

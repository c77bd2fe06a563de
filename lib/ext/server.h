/* A mail server: where it is, and what a connection to it must be. */
#ifndef EXT_SERVER_H
#define EXT_SERVER_H

#include <stdbool.h>

#include "base/die.h"

struct mail_server {
	const char *host;   /* name or address, IPv6 without brackets */
	int port;
	bool tls;           /* from the first byte; else STARTTLS */
	bool plaintext;     /* a login without TLS is fine, wherever the server is; else only where it is this machine */
	const char *cafile; /* trust these authorities instead of the system's; NULL: the system's */
};

/* A mail server's address as a person writes it. */
struct server_url {
	char *user, *host, *path; /* decoded; USER NULL: not said; PATH "" where there is none */
	int port;
	bool tls;
};

/* Takes URL apart: SCHEME://USER@HOST:PORT/PATH, or SCHEMEs://… for TLS from the first byte, with %XX for what would be taken for a
 * part of it; an '@' in USER may stand. PORT and TLS_PORT: where none is said. -1: EX_CONFIG, also for a password in it; server_url_free in
 * both cases. */
int server_url(struct server_url *u, const char *url, const char *scheme, int port, int tls_port, struct err *e);
void server_url_free(struct server_url *u);

#endif

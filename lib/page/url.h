/* Addresses of pages: http and https, parsed and resolved as browsers do (WHATWG URL), and written again
 * in one canonical form, so that what is checked is what is asked for. */
#ifndef PAGE_URL_H
#define PAGE_URL_H

#include <stdbool.h>

#include "base/die.h"

struct url {
	bool https;
	char *host;     /* lower case; an IPv6 address in its brackets */
	int port;       /* never 0 */
	char *path;     /* begins with '/'; percent-encoded */
	char *query;    /* NULL, or what follows '?' */
	char *fragment; /* NULL, or what follows '#' */
};

/* Parses TEXT, relative to BASE where that is not NULL. Refused: other schemes, names and passwords in
 * the address, hosts with odd characters, more than 64 KiB. -1 with *e and *u empty. */
int url_parse(struct url *u, const char *text, const struct url *base, struct err *e);
void url_free(struct url *u);
/* The whole address; without its fragment unless FRAGMENT. Caller frees. */
char *url_text(const struct url *u, bool fragment);
/* Path and query. Caller frees. */
char *url_target(const struct url *u);
/* "https://host" or "https://host:8443": the port only where it is not the scheme's. Caller frees. */
char *url_origin(const struct url *u);
bool url_same_origin(const struct url *a, const struct url *b);
/* It names this machine: localhost, 127.0.0.0/8, ::1. */
bool url_is_here(const struct url *u);

#endif

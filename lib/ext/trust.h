/* Whom a mail connection trusts, for ext/dial.h and ext/smtp.h alike: certificates and names always verified, TLS 1.2 or later, no login
 * in the clear, unless the server is this machine or the person said so by name. (libcurl) */
#ifndef EXT_TRUST_H
#define EXT_TRUST_H

#include <curl/curl.h>

#include "ext/server.h"

struct trust {
	const struct mail_server *server;
	const char *security; /* how the connection is protected, in words */
	bool demanded;        /* not without TLS */
	bool stranger;        /* an address that is not this machine was refused */
};

/* Sets on C where SERVER (borrowed) is, by SCHEME ("imap", "smtp"; with TLS from the first byte its name with an 's'), and what its
 * connection must be. *T is kept until C is done with. */
void trust_begin(struct trust *t, CURL *c, const struct mail_server *server, const char *scheme);
/* When R, with libcurl's own words WHY, is about trust: fills *e (EX_CONFIG) and returns true. */
bool trust_failed(const struct trust *t, CURLcode r, const char *why, const char *scheme, struct err *e);

#endif

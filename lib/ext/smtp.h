/* Handing a mail to a mail server (libcurl; RFC 5321, RFC 3207, RFC 4954). */
#ifndef EXT_SMTP_H
#define EXT_SMTP_H

#include <stddef.h>
#include <stdint.h>

#include "ext/server.h"

struct smtp_server {
	struct mail_server at;     /* where, and what its connection must be: as for IMAP */
	const char *user;          /* NULL: without a login */
	const char *password;      /* PLAIN or LOGIN … */
	const char *token;         /* … or XOAUTH2; one of them with USER */
};

struct smtp_mail {
	const char *from;
	const char *const *to;     /* NULL-ended */
	const char *text;          /* RFC 5322, lines ended by CRLF */
	size_t len;
};

/* Sends it by DEADLINE (clock_mono). Of several recipients some may be refused: then the others get it, and this fails all the same, for
 * good, saying who did not, for a second try would send it twice to the others. 0, or -1 with the server's own words in *e, as far as they
 * are fit to show:
 *   EX_CONFIG       certificate, no STARTTLS, cafile, no way to log in that the server has
 *   EX_NOPERM       the login was refused, or is demanded
 *   EX_DATAERR      refused for good (5xx); or refused for some
 *   EX_TEMPFAIL     refused for now (4xx), or not done by DEADLINE
 *   EX_UNAVAILABLE  no connection, or it broke */
int smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, int64_t deadline, struct err *e);

#endif

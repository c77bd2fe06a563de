/* Handing one mail to a mail server (libcurl). */
#ifndef EXT_SMTP_H
#define EXT_SMTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/die.h"

/* Sends MAIL (RFC 5322, CRLF or LF line ends) to the server at URL ("smtp://HOST:PORT"), waiting at most
 * TIMEOUT ms. 0, or -1 with *e (EX_UNAVAILABLE). */
int smtp_send(const char *url, const char *from, const char *to, const char *mail, size_t len, int64_t timeout,
	      struct err *e);

#endif

/* A message to the person as a mail (RFC 5322, RFC 2045-2047, RFC 3834). */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include <stdint.h>

#include "base/str.h"

struct letter {
	const char *id;          /* of the message: another mail with it is known by its Message-ID as the same one */
	const char *from;        /* an address (address_valid) */
	const char *const *to;   /* the same, NULL-ended */
	const char *title, *text; /* UTF-8; whatever it holds, it makes no header field */
	const char *calendar;    /* an iCalendar object of METHOD:PUBLISH, to be attached; NULL: none */
	int64_t date;            /* wall ms */
};

/* The mail, lines ended by "\n" and not longer than 78 except for addresses; the caller frees. */
char *compose(const struct letter *letter);

/* An address as most people have it: LOCAL@DOMAIN in ASCII, the local part without quotes. Nothing that passes can end a line, a list or
 * an angle bracket, or be an option. */
bool address_valid(const char *address);

#endif

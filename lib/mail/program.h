/* A program of the person's own that is asked for one line: the code itself, or the token to log in with. */
#ifndef MAIL_PROGRAM_H
#define MAIL_PROGRAM_H

#include "ext/json.h"
#include "wire/line.h"

/* Starts PROGRAM through the launcher (launch_init came before) with REQUEST (consumed) as one JSON line on its stdin, and reads
 * the first line of its stdout. It is ended, with all it has started, before this returns. WHAT names the line in messages ("a
 * code"). 0 and *LINE, without white space round it and not empty, which the caller wipes and frees; or -1: EX_UNAVAILABLE, EX_TEMPFAIL at DEADLINE (clock_mono), or EX_NO when
 * something came on IN (NULL: nothing can). */
int program_ask(const char *program, const char *what, jv request_taken, int64_t deadline, struct line_in *in, char **line,
		struct err *e);

/* Asks PROGRAM for the token to log in with as USERNAME on HOST, telling it whether the last one was REFUSED: the line itself, or the
 * access_token in it where it is JSON as an authorization server gives it (RFC 6749 s.5.1). As program_ask. */
int program_token(const char *program, const char *username, const char *host, bool refused, int64_t deadline, struct line_in *in,
		  char **token, struct err *e);

#endif

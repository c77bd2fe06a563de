/* Saying what went wrong, in one line, and the exit status that goes with it.
 *
 * Libraries fill a struct err and return -1 (or NULL); only bin/ and libexec/ decide to exit.
 * Exit statuses are those of sysexits.h, with two of our own meaning (design: "Exit status"). */
#ifndef BASE_DIE_H
#define BASE_DIE_H

#include <sysexits.h>

#define EX_NO 1               /* the answer is "no": no slots, not booked */
#define EX_UNKNOWN EX_PROTOCOL /* 76: a read-back or the person must settle it; never a retry */

/* The name messages begin with; opt_parse sets it. Never NULL. */
extern const char *prog;

/* An error on its way up: the exit status it deserves and one line for the user (no newline). */
struct err {
	int status;
	char text[512];
};

/* Fills *e (which may be NULL) and returns -1. A FMT that ends in ':' gets strerror(errno) added. */
int err_set(struct err *e, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what: " before the text that *e holds already; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes "prog: message" to stderr in one write(2); the trailing colon works as in err_set. */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* warn, then exit(STATUS). */
_Noreturn void die(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* die with what *e says. */
_Noreturn void die_err(const struct err *e);

#endif

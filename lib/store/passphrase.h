/* Asking the person at the terminal. */
#ifndef STORE_PASSPHRASE_H
#define STORE_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/die.h"

#define TTY_MAX 1024

/* Asks on /dev/tty, whatever stdin and stdout are. Without ECHO what is typed is not shown; a signal restores the
 * terminal before it takes effect. The line without its newline goes to BUF (SIZE bytes, at most TTY_MAX), its
 * length is returned. -1: EX_CONFIG when there is no terminal, EX_NOPERM at its end, EX_DATAERR when too long. */
long tty_ask(const char *prompt, bool echo, char *buf, size_t size, struct err *e);
/* Writes TEXT there. */
int tty_say(const char *text, struct err *e);
/* A question answered with y or n; an empty answer is FALLBACK. 1, 0, or -1. */
int tty_confirm(const char *question, bool fallback, struct err *e);
bool tty_there(void);

/* A passphrase in secret memory, NUL-terminated, with TWICE asked again until both are the same. NULL with *e. */
char *passphrase_ask(const char *prompt, bool twice, size_t *len, struct err *e);

#endif

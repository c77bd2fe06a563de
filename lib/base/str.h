/* Bytes that grow, and allocation that does not fail quietly.
 *
 * Running out of memory ends the program with EX_OSERR: nothing here tries to go on without. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A growing buffer, always NUL-terminated once anything was added. MAX caps it at birth: an addition
 * that would pass MAX bytes is refused whole. {0} is a valid empty buffer without a cap. */
struct str {
	char *s;
	size_t len, cap, max;
	bool full; /* an addition was refused */
};

void str_init(struct str *b, size_t max);
void str_free(struct str *b);
/* Empties, keeping the memory. */
void str_reset(struct str *b);
/* Each: 0, or -1 when the cap refused it. */
int str_add(struct str *b, const void *data, size_t len);
int str_puts(struct str *b, const char *s);
int str_putc(struct str *b, char c);
int str_addf(struct str *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text, "" when empty; valid until the next change. */
const char *str_text(const struct str *b);
/* Hands the memory to the caller (free), "" when empty, and leaves *b empty. */
char *str_take(struct str *b);

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Glob with '*' only, over the whole of S. Linear in len(S) * number of stars. */
bool str_glob(const char *pattern, const char *s);
/* A name that may be a file name and an event's subject: [a-z0-9][a-z0-9._-]{0,63}. */
bool name_valid(const char *s);
/* A decimal number in lo..hi and nothing else; 0, or -1. */
int str_long(const char *s, long long lo, long long hi, long long *out);
/* Percent-encoding, RFC 3986 s.2.3 (unreserved kept); the caller frees. */
char *url_escape(const char *s, size_t len);
/* Undoes %XX in place; -1 on a malformed escape or %00. */
int url_unescape(char *s);

#endif

/* How a page command fails: one of the codes of ab-page(5) and one line for people. */
#ifndef PAGE_FAIL_H
#define PAGE_FAIL_H

#include "base/die.h"

struct fail {
	const char *code; /* "usage", "refused" …; NULL: nothing failed */
	char text[512];
};

/* Fills *f and returns -1. */
int fail_set(struct fail *f, const char *code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with what *e says. */
int fail_err(struct fail *f, const char *code, const struct err *e);

#endif

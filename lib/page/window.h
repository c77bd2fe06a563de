/* The display on which a browser with a window shows it: the person's. */
#ifndef PAGE_WINDOW_H
#define PAGE_WINDOW_H

#include "base/die.h"

struct window {
	const char *platform; /* the browser's option for it */
	char *env[3];         /* "NAME=value" that finds the display for a program with a home of its own; NULL-ended */
};

/* Looks in the environment where the display is; -1 with *e (EX_CONFIG) where there is none. */
int window_find(struct window *w, struct err *e);
void window_free(struct window *w);

#endif

/* Mistakes found in a provider, each with its line and column. */
#ifndef SITE_MISTAKES_H
#define SITE_MISTAKES_H

#include "ext/yaml.h"

struct mistake {
	int line, column;
	char *text;
};

struct mistakes {
	const struct yaml *yaml; /* borrowed, as is the text it was read from */
	const char *source;
	struct mistake *list;
	size_t n;
};

#define MISTAKES_MAX 500 /* further ones are not told */

void mistakes_free(struct mistakes *m);
bool mistakes_full(const struct mistakes *m);
/* Each adds one; saying the same of the same place twice adds it once.
 *   mistake_at   at the value that POINTER (RFC 6901) names, or the nearest parent that stands somewhere
 *   mistake_key  at its key
 *   mistake_in   at byte AT of the string VALUE that stands there */
void mistake_at(struct mistakes *m, const char *pointer, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void mistake_key(struct mistakes *m, const char *pointer, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void mistake_in(struct mistakes *m, const char *pointer, jv value, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* In the order of the text. */
void mistakes_sort(struct mistakes *m);

/* POINTER with one step more; caller frees. */
char *pointer_down(const char *pointer, const char *key);
char *pointer_item(const char *pointer, int index);

/* The name nearest to NAME in NAMES (NULL-ended), when it is near enough to be what was meant; else NULL. */
const char *name_nearest(const char *name, const char *const *names);

#endif

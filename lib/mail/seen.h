/* A set of names of mails, as 64-bit hashes: what an inbox's mark holds, and what a wait has looked at. */
#ifndef MAIL_SEEN_H
#define MAIL_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct seen { /* {0} is empty */
	uint64_t *slots; /* open addressing, 0 is free */
	size_t size, used;
};

/* Never 0. */
uint64_t seen_hash(const char *name, size_t len);
bool seen_has(const struct seen *s, uint64_t hash);
void seen_add(struct seen *s, uint64_t hash);
void seen_free(struct seen *s);

/* As text: 16 hex digits a hash. */
void seen_put(struct str *text, uint64_t hash);
void seen_add_text(struct seen *s, const char *text);

#endif

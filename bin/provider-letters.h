/* The characters of a text as a person means them, however they are written there: as UTF-8, %41, &#65;, &#x41;, &amp; or \u0041,
 * in upper or lower case, with or without diacritics. */
#ifndef BIN_PROVIDER_LETTERS_H
#define BIN_PROVIDER_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct letter {
	uint32_t is;     /* the character */
	uint32_t folded; /* in lower case, Latin letters without diacritics, any blank as ' ' */
	unsigned len;    /* bytes of the text that it takes */
};

/* The character at P < END. A byte that is no UTF-8 is U+FFFD. */
struct letter letter_at(const char *p, const char *end);
uint32_t letter_fold(uint32_t c);
bool letter_is_upper(uint32_t c);
/* Adds C as UTF-8. */
void letter_put(struct str *out, uint32_t c);
/* Adds TEXT with all its letters in upper or lower case. */
void letters_in_case(struct str *out, const char *text, bool upper);

#endif

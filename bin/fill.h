/* ab-fill: which piece of a profile a form's field asks for, and how it is written there. */
#ifndef BIN_FILL_H
#define BIN_FILL_H

#include <stdbool.h>

#include "ext/json.h"

/* A kind of thing that forms ask a person for. */
struct concept {
	const char *keys;         /* profile keys that hold it, blank-separated, best first */
	const char *autocomplete; /* WHATWG autofill tokens, blank-separated */
	const char *words;        /* how forms call it, folded (fill_fold), in several languages, '|' between */
	enum { PLAIN, DATE, COUNTRY, GENDER, FULL_NAME, ANY_NAME } kind;
};

/* TEXT in lower case without diacritics, words separated by single blanks, "camelCase2" and "a[b_c]" taken
 * apart. Caller frees. */
char *fill_fold(const char *text);
/* True when folded HAVE holds the words WANT: as whole words, or, if they are long enough to be told, run together. */
bool fill_has_words(const char *have, const char *want);

/* What FIELD's autocomplete attribute says that it asks for; NULL where it says nothing. */
const struct concept *fill_token(jv field);
/* What FIELD (of the page's `form` answer) asks for; NULL when nothing tells. */
const struct concept *fill_concept(jv field);
/* The concept with that profile key ("last_name"); NULL: none. */
const struct concept *fill_concept_of(const char *key);

/* The value of PROFILE for FIELD as CONCEPT (may be NULL: only a profile key of the field's own name counts), in
 * the form that the field wants: its date order, one of its options. A string, a list for several choices, or
 * null when the profile has nothing that fits; then *WHY says so. *FROM is the profile key it came from
 * (caller frees). */
jv fill_value(jv field, const struct concept *concept, jv profile, char **from, const char **why);
/* The choice among OPTIONS ([{"value","text","disabled"}…]) that VALUE means as CONCEPT; null: none. */
jv fill_choice(jv options, const char *value, const struct concept *concept);

#endif

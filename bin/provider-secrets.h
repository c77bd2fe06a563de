/* What of a person must not be seen in what ab-provider shows and writes: the values of the record, codes, tokens and cookies.
 *
 * They are found in a text however it writes them (provider-letters.h), within base64 too; numbers and codes also with blanks or
 * signs between their figures, dates in the usual forms. Values of at most three characters are left alone: they are everywhere. */
#ifndef BIN_PROVIDER_SECRETS_H
#define BIN_PROVIDER_SECRETS_H

#include <stdio.h>

#include "ext/json.h"

struct secrets;

struct secrets *secrets_new(void);
void secrets_free(struct secrets *s);

/* NAME ("profile.nationality") may stay as it is. To be said before it is added. */
void secrets_keep(struct secrets *s, const char *name);
/* Hides TEXT, called NAME; the part of NAME before its dot is its kind. The same text under another name stays as it was first. */
void secrets_add(struct secrets *s, const char *name, const char *text);
/* Every text in VALUE (borrowed): NAME.first_name, NAME.0.first_name … */
void secrets_add_all(struct secrets *s, const char *name, jv value);

/* TEXT with "<NAME>" for each. */
void secrets_mask(struct secrets *s, struct str *out, const char *text, size_t len);
/* TEXT with a stand-in for each: always the same for the same secret, of the same shape (a letter for a letter in its case, a
 * figure for a figure, a date for a date), made from its name alone. Counts. */
void secrets_replace(struct secrets *s, struct str *out, const char *text, size_t len);
/* The same for the keys and texts of V. */
jv secrets_replace_json(struct secrets *s, jv v_taken);

/* Looks for them once more, by searching TEXT for each as it is, in upper and lower case, URL-encoded (twice, too), HTML- and
 * JSON-escaped, in base64 and in hexadecimal. The name of one that is there, and HOW; NULL when there is none. */
const char *secrets_left(const struct secrets *s, const char *text, size_t len, const char **how);
/* How often each kind and name was replaced, on a line each. */
void secrets_tell(const struct secrets *s, FILE *to);

#endif

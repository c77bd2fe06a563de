/* A session's schema (ab-session(5)): checking what a person wrote, splitting it into parts. */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "ext/json.h"
#include "store/keys.h"

/* Where a mistake stands in the text a person edits: POINTER is an RFC 6901 pointer into the value
 * ("/preferences/hours/0"). WHERE may turn it into "line 12, column 3" or be NULL. */
typedef void session_where(void *ctx, const char *pointer, int *line, int *column);

/* Checks a whole session (all scalars strings, as ext/yaml gives them) and converts the numbers and
 * booleans that the schema names. VALUE is consumed; the converted value, or invalid with *e (EX_DATAERR;
 * "line L, column C: FIELD: what is wrong"). */
jv session_check(jv value_taken, session_where *where, void *ctx, struct err *e);

/* The part's share of a whole session ({} for one that people don't write), and the whole again from its parts (borrowed). The
 * whole is what a person sees: `id` and `pace`, which ab-vault keeps in rules, are not in it. */
jv session_part(jv whole, enum part part);
jv session_join(const jv parts[PART_COUNT]);

/* The schema's top fields in the order of the manual, from 0; NULL after the last. */
const char *session_field(int index);

#endif

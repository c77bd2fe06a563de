/* The rules that decisions follow from, kept beside the decisions, so that they can be derived again when the session's
 * own have been changed since. They are personal, so they are sealed. */
#ifndef STORE_RULES_H
#define STORE_RULES_H

#include <stdbool.h>

#include "ext/json.h"

/* Of RULES what a choice depends on (time zone, preferences, consent), to be kept in the clear: {"sealed": base64 of
 * sealed.h}, under the subkey of SESSION's rules; without that key {"digest": hex}. Invalid with *e. */
jv rules_keep(const char *session, jv rules, struct err *e);
/* Back from KEPT. Where the rules themselves are not in it, or GIVEN (else null) is to be taken, *MATCH says whether
 * GIVEN is what the digest is of (true where there is none to compare). Invalid with *e: sealed under another key. */
jv rules_kept(const char *session, jv kept, jv given, bool *match, struct err *e);

#endif

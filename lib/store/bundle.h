/* A value sealed under a key of its own, to be carried elsewhere: what `ab-vault export` writes. */
#ifndef STORE_BUNDLE_H
#define STORE_BUNDLE_H

#include "store/wrap.h"

/* Caller frees. NULL with *e. */
char *bundle_make(const struct master_key *key, jv value, struct err *e);
/* Whether TEXT is one, and what it is sealed with. */
bool bundle_is(const char *text, size_t len, enum master_kind *kind);
/* Invalid with *e: EX_NOPERM wrong key, EX_DATAERR damaged. */
jv bundle_open(const struct master_key *key, const char *text, size_t len, struct err *e);

#endif

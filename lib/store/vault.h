/* A session's sealed parts, read and written by programs that were given their subkeys (keys.h).
 * Everything is libsodium's XChaCha20-Poly1305 (IETF AEAD) with the vault, session, part and a counter as
 * associated data, so that files can't be swapped. The master key lives in ab-vault alone. */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include "ext/json.h"
#include "store/keys.h"

/* One part, opened. Invalid with *e: EX_NOPERM (77) wrong key, EX_DATAERR (65) damaged, truncated or swapped,
 * EX_NOINPUT not there (for state and audit "not there" is an empty object, not an error). */
jv part_read(const char *session, enum part part, struct err *e);
/* Seals and replaces one part; a crash leaves the old or the new. VALUE is borrowed. */
int part_write(const char *session, enum part part, jv value, struct err *e);
/* For a change of what is there: part_read with its counter, and part_write that gives EX_TEMPFAIL where another has written since. */
jv part_read_at(const char *session, enum part part, uint64_t *counter, struct err *e);
int part_replace(const char *session, enum part part, jv value, uint64_t counter, struct err *e);

/* Seals DATA as evidence NAME ("book-3-confirm.html") in the session's state folder: evidence/NAME. */
int evidence_put(const char *session, const char *name, const void *data, size_t len, struct err *e);
/* Opens it into *OUT. */
int evidence_get(const char *session, const char *name, struct str *out, struct err *e);

/* For ab-vault, which has the master key instead: where NAME is (NAME NULL: the folder; caller frees),
 * evidence_get with a subkey given, and the writing of a file that is sealed already. */
char *evidence_path(const char *session, const char *name, struct err *e);
int evidence_open(const char *session, const char *name, const struct subkey *k, struct str *out, struct err *e);
int evidence_replace(const char *path, const void *file, size_t len, struct err *e);

#endif

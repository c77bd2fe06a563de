/* The vault as a whole: its master key and its sessions' folders. For ab-vault alone: a program that holds the
 * master key never opens a socket.
 *
 * VAULT/vault.json   id, how the master key is wrapped, the wrapped key; replaced whole
 * VAULT/NAME/        a session's record (record.h)
 * VAULT/lock         held while sessions come, go or are re-sealed
 *
 * A new master key takes effect when vault.json is replaced. It then holds the old key too, sealed under the new
 * one, until every file is re-sealed: a crash on the way is made good by whoever opens the vault next. */
#ifndef STORE_MASTER_H
#define STORE_MASTER_H

#include "ext/json.h"
#include "store/keys.h"
#include "store/wrap.h"

struct master;

/* What the vault is opened with; EX_NOINPUT when there is no vault. */
int master_kind(enum master_kind *kind, struct err *e);
/* Makes a vault. EX_CANTCREAT when there is one. */
int master_create(const struct master_key *key, struct err *e);
/* Opens it: EX_NOPERM wrong key, EX_DATAERR damaged. NULL with *e. */
struct master *master_open(const struct master_key *key, struct err *e);
void master_close(struct master *m);

/* The vault's id, 32 hex digits: not secret. */
void master_id(const struct master *m, char out[2 * VAULT_ID + 1]);
void master_subkey(const struct master *m, const char *session, enum part part, struct subkey *k);
/* A hash keyed by the vault's own pace key, 32 hex digits: the same for the same texts, and tells nothing. */
void master_pace(const struct master *m, const struct seal_part *in, int n, char out[33]);

/* Names of the sessions, sorted. No key is needed. */
jv master_sessions(struct err *e);
bool master_has(const char *session);
/* EX_NOINPUT when there is no such session. */
int master_must_have(const char *session, struct err *e);

/* One part (record_read; {} where it isn't there and may lack). */
jv master_read(const struct master *m, const char *session, enum part part, uint64_t *counter, struct err *e);
/* Makes a session of VALUES (borrowed; of evidence none); all of it or nothing. EX_CANTCREAT when there is one. */
int master_new(const struct master *m, const char *session, const jv values[PART_COUNT], struct err *e);
/* Replaces the parts that people write, all or none. COUNTERS (PART_COUNT, or NULL) as master_read gave them:
 * EX_TEMPFAIL when someone else wrote meanwhile. */
int master_change(const struct master *m, const char *session, const jv values[PART_COUNT], const uint64_t *counters,
		  struct err *e);
/* Replaces one part; COUNTER as above. */
int master_replace(const struct master *m, const char *session, enum part part, jv value, uint64_t counter, struct err *e);
/* Removes a session's record. */
int master_remove(const char *session, struct err *e);

/* Wraps the master key anew under KEY (NULL: as it is), and with FRESH makes a new master key and re-seals
 * everything, evidence too. EX_TEMPFAIL while one of its programs runs (FRESH). */
int master_rekey(struct master *m, const struct master_key *key, bool fresh, struct err *e);

#endif

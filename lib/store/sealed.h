/* Sealed files: what every file of the vault, and every piece of evidence, looks like.
 *
 *   offset  bytes
 *   0       8   "ab-seal1"
 *   8       8   counter, big-endian: one more at each writing of this file
 *   16      8   length of the text, big-endian
 *   24      16  label: hash of vault id, session and what the file is
 *   40      16  key id: hash keyed by the subkey
 *   56      24  nonce
 *   80      n   XChaCha20-Poly1305 of the text, tag included; associated data are the vault id, session, what, and
 *               bytes 0..55
 *   80+n    16  hash of everything before it
 *
 * The seal alone can't tell a wrong key from a damaged file. The last hash, the label and the key id can, and say
 * no more than the folder's names do: so each refusal has its own word. */
#ifndef STORE_SEALED_H
#define STORE_SEALED_H

#include "base/str.h"
#include "ext/seal.h"

#define VAULT_ID 16
#define SEALED_MAX (32u << 20) /* a sealed file's size */

/* A subkey and the vault it belongs to. Kept in secret memory; wiped after use. */
struct subkey {
	unsigned char vault[VAULT_ID];
	unsigned char key[SEAL_KEY];
};

/* The subkey of SESSION's WHAT ("rules", "evidence" …) under a vault's master key. */
void subkey_derive(struct subkey *k, const unsigned char vault[VAULT_ID], const unsigned char master[SEAL_KEY],
		   const char *session, const char *what);

/* Appends the sealed file to OUT. WHAT: "rules", or "evidence/NAME". */
void sealed_make(struct str *out, const struct subkey *k, const char *session, const char *what, uint64_t counter,
		 const void *text, size_t len);
/* Opens one. *TEXT is secret memory (secret_free; a NUL follows). PATH is for messages. EX_DATAERR: cut short,
 * damaged, or another session's or part's file; EX_NOPERM: sealed under another key. */
int sealed_open(const void *file, size_t file_len, const char *path, const struct subkey *k, const char *session,
		const char *what, uint64_t *counter, char **text, size_t *len, struct err *e);
/* Whether the file, as far as it can be read, is under this subkey: 1, 0, or -1 (no sealed file). */
int sealed_is_under(const void *file, size_t file_len, const struct subkey *k);

/* Reads a file that must be ours and closed to others (EX_NOPERM says chmod). As fs_read otherwise. */
int sealed_fetch(const char *path, struct str *out, struct err *e);
/* The same with another limit than SEALED_MAX. */
int sealed_fetch_up_to(const char *path, size_t max, struct str *out, struct err *e);
/* EX_NOPERM where another user could put something else in PATH's place: the folders on the way to it must be ours or root's, and
 * only those with the sticky bit may be written by others. */
int sealed_way(const char *path, struct err *e);
/* As sealed_fetch for a folder, without reading it; the way to it must be closed too. */
int sealed_folder(const char *path, struct err *e);

#endif

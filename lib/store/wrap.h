/* Keys sealed under what a person has: a passphrase or a key file. */
#ifndef STORE_WRAP_H
#define STORE_WRAP_H

#include "ext/json.h"
#include "store/sealed.h"

enum master_kind { MASTER_PASSPHRASE, MASTER_KEY };

/* What opens a vault, or a bundle. */
struct master_key {
	enum master_kind kind;
	char *text;            /* secret memory, the caller's: the passphrase, or SEAL_KEY bytes */
	size_t len;
	struct seal_cost cost; /* when something is sealed with a passphrase */
};

/* How a wrapping key comes about, with a fresh salt:
 * {"kind":"passphrase","kdf":"argon2id","ops":3,"memory":268435456,"salt":HEX} or {"kind":"key","salt":HEX} */
jv wrap_make(const struct master_key *key);
enum master_kind wrap_kind(jv wrap);
/* The wrapping key itself. */
int wrap_key(unsigned char out[SEAL_KEY], jv wrap, const struct master_key *key, struct err *e);

/* A key sealed under another, as hex: KEY_SEAL; and back, -1 when it is not what was sealed. Authenticated with it: the
 * vault's id, WHAT key it is, and how UNDER came about (WRAP). */
jv key_seal(const unsigned char key[SEAL_KEY], const unsigned char under[SEAL_KEY], const unsigned char id[VAULT_ID],
	    const char *what, jv wrap);
int key_open(unsigned char key[SEAL_KEY], const char *hex, const unsigned char under[SEAL_KEY],
	     const unsigned char id[VAULT_ID], const char *what, jv wrap);
/* That associated data. */
void key_ad(unsigned char out[SEAL_KEY], const unsigned char id[VAULT_ID], const char *what, jv wrap);

/* The files that hold wrapped keys carry a hash of themselves, so that a damaged one is not taken for a wrong
 * passphrase: what belongs into "check"; and the check of that, of "format" and of "version" (PATH is for messages). */
jv wrap_sum(jv doc);
int wrap_doc_check(jv doc, const char *format, const char *path, struct err *e);

#endif

/* Keys, sealing and secret memory: libsodium. Everything else that touches a key goes through here.
 *
 * Secret memory (secret_*) is sodium_malloc's: locked where RLIMIT_MEMLOCK allows, between guard pages, and
 * wiped when freed. */
#ifndef EXT_SEAL_H
#define EXT_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/die.h"

#define SEAL_KEY 32
#define SEAL_NONCE 24
#define SEAL_TAG 16
#define SEAL_SALT 16

/* Ends the program with EX_OSERR when there is no memory. */
void *secret_alloc(size_t size);
void secret_free(void *p); /* NULL is fine */
/* Overwrites; the compiler can't leave it out. */
void secret_wipe(void *p, size_t size);
/* In constant time. */
bool secret_equal(const void *a, const void *b, size_t size);

/* One input of a hash. Each goes in with its length before it, so that ("ab","c") is not ("a","bc"). */
struct seal_part {
	const void *data;
	size_t len;
};

/* BLAKE2b of OUT_LEN (16..64) bytes over N inputs, keyed by KEY (SEAL_KEY bytes) unless that is NULL. Keyed, it is
 * also how subkeys are derived. */
void seal_hash(void *out, size_t out_len, const unsigned char *key, const struct seal_part *in, int n);

/* XChaCha20-Poly1305 (IETF AEAD): writes LEN + SEAL_TAG bytes to OUT, under a fresh random nonce that it puts into
 * NONCE. AD is authenticated with it. */
void seal_box(unsigned char *out, unsigned char nonce[SEAL_NONCE], const unsigned char key[SEAL_KEY], const void *data,
	      size_t len, const void *ad, size_t ad_len);
/* Undoes it: BOX_LEN - SEAL_TAG bytes to OUT; -1 when key, nonce, text or AD is not what was sealed. */
int seal_unbox(unsigned char *out, const unsigned char nonce[SEAL_NONCE], const unsigned char key[SEAL_KEY],
	       const void *box, size_t box_len, const void *ad, size_t ad_len);

/* What Argon2id may cost. */
struct seal_cost {
	unsigned long long ops;
	size_t memory; /* bytes */
};
/* "interactive", "moderate" or "sensitive" (libsodium's); false when it is none of them. */
bool seal_cost_named(const char *name, struct seal_cost *cost);
/* Argon2id (RFC 9106) of a passphrase. EX_DATAERR when the costs are beyond reason (they come from a file),
 * EX_OSERR when there is not enough memory. */
int seal_stretch(unsigned char key[SEAL_KEY], const char *pass, size_t len, const unsigned char salt[SEAL_SALT],
		 const struct seal_cost *cost, struct err *e);

/* LEN bytes as lower-case hex, NUL-terminated: OUT holds 2 * LEN + 1. Returns OUT. */
char *seal_hex(char *out, const void *data, size_t len);
/* Exactly LEN bytes from 2 * LEN hex digits (TEXT_LEN of them); 0, or -1. */
int seal_unhex(void *out, size_t len, const char *text, size_t text_len);
/* Base64 (RFC 4648 s.4, padded); the caller frees. */
char *seal_base64(const void *data, size_t len);
/* Back; the caller frees. *OUT_LEN bytes and a NUL; NULL when it is no base64. */
unsigned char *seal_unbase64(const char *text, size_t text_len, size_t *out_len);

#endif

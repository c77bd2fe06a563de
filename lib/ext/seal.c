#include "ext/seal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

_Static_assert(SEAL_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SEAL_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SEAL_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(SEAL_SALT == crypto_pwhash_argon2id_SALTBYTES, "salt");

/* Cheap after the first time, so every door in calls it. */
static void ready(void)
{
	if (sodium_init() < 0)
		die(EX_OSERR, "libsodium can't be used on this machine");
}

void *secret_alloc(size_t size)
{
	void *p;

	ready();
	p = sodium_malloc(size ? size : 1);
	if (!p)
		die(EX_OSERR, "out of memory for secrets");
	return p;
}

void secret_free(void *p)
{
	sodium_free(p);
}

void secret_wipe(void *p, size_t size)
{
	sodium_memzero(p, size);
}

bool secret_equal(const void *a, const void *b, size_t size)
{
	return sodium_memcmp(a, b, size) == 0;
}

void seal_hash(void *out, size_t out_len, const unsigned char *key, const struct seal_part *in, int n)
{
	crypto_generichash_state state;
	unsigned char len[8];

	ready();
	crypto_generichash_init(&state, key, key ? SEAL_KEY : 0, out_len);
	for (int i = 0; i < n; i++) {
		for (int b = 0; b < 8; b++)
			len[b] = (unsigned char)((uint64_t)in[i].len >> (8 * b));
		crypto_generichash_update(&state, len, sizeof len);
		crypto_generichash_update(&state, in[i].data, in[i].len);
	}
	crypto_generichash_final(&state, out, out_len);
	sodium_memzero(&state, sizeof state);
}

void seal_box(unsigned char *out, unsigned char nonce[SEAL_NONCE], const unsigned char key[SEAL_KEY], const void *data,
	      size_t len, const void *ad, size_t ad_len)
{
	ready();
	randombytes_buf(nonce, SEAL_NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, data, len, ad, ad_len, NULL, nonce, key);
}

int seal_unbox(unsigned char *out, const unsigned char nonce[SEAL_NONCE], const unsigned char key[SEAL_KEY],
	       const void *box, size_t box_len, const void *ad, size_t ad_len)
{
	ready();
	if (box_len < SEAL_TAG)
		return -1;
	return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, box, box_len, ad, ad_len, nonce, key);
}

bool seal_cost_named(const char *name, struct seal_cost *cost)
{
	if (strcmp(name, "interactive") == 0)
		*cost = (struct seal_cost){crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE, crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE};
	else if (strcmp(name, "moderate") == 0)
		*cost = (struct seal_cost){crypto_pwhash_argon2id_OPSLIMIT_MODERATE, crypto_pwhash_argon2id_MEMLIMIT_MODERATE};
	else if (strcmp(name, "sensitive") == 0)
		*cost = (struct seal_cost){crypto_pwhash_argon2id_OPSLIMIT_SENSITIVE, crypto_pwhash_argon2id_MEMLIMIT_SENSITIVE};
	else
		return false;
	return true;
}

int seal_stretch(unsigned char key[SEAL_KEY], const char *pass, size_t len, const unsigned char salt[SEAL_SALT],
		 const struct seal_cost *cost, struct err *e)
{
	ready();
	if (cost->ops < crypto_pwhash_argon2id_OPSLIMIT_MIN || cost->ops > 64 ||
	    cost->memory < crypto_pwhash_argon2id_MEMLIMIT_MIN || cost->memory > (size_t)4 << 30)
		return err_set(e, EX_DATAERR, "the passphrase's Argon2id costs are beyond reason");
	if (crypto_pwhash_argon2id(key, SEAL_KEY, pass, len, salt, cost->ops, cost->memory, crypto_pwhash_argon2id_ALG_ARGON2ID13))
		return err_set(e, EX_OSERR, "not enough memory for Argon2id (%zu MiB)", cost->memory >> 20);
	return 0;
}

char *seal_hex(char *out, const void *data, size_t len)
{
	return sodium_bin2hex(out, 2 * len + 1, data, len);
}

int seal_unhex(void *out, size_t len, const char *text, size_t text_len)
{
	size_t got;
	const char *end;

	if (text_len != 2 * len || sodium_hex2bin(out, len, text, text_len, NULL, &got, &end))
		return -1;
	return got == len && end == text + text_len ? 0 : -1;
}

char *seal_base64(const void *data, size_t len)
{
	size_t room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
	char *text = xmalloc(room);

	return sodium_bin2base64(text, room, data, len, sodium_base64_VARIANT_ORIGINAL);
}

unsigned char *seal_unbase64(const char *text, size_t text_len, size_t *out_len)
{
	unsigned char *out = xmalloc(text_len / 4 * 3 + 4);
	const char *end;

	if (sodium_base642bin(out, text_len / 4 * 3 + 3, text, text_len, "\r\n", out_len, &end, sodium_base64_VARIANT_ORIGINAL) ||
	    end != text + text_len) {
		sodium_memzero(out, text_len / 4 * 3 + 4);
		free(out);
		return NULL;
	}
	out[*out_len] = '\0';
	return out;
}

#include "store/wrap.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define BOX (SEAL_NONCE + SEAL_KEY + SEAL_TAG) /* a sealed key */

static struct seal_part text_part(const char *s)
{
	return (struct seal_part){s, strlen(s)};
}

jv wrap_make(const struct master_key *key)
{
	unsigned char salt[SEAL_SALT];
	char hex[2 * SEAL_SALT + 1];
	jv wrap;

	random_bytes(salt, sizeof salt);
	wrap = json_obj("salt", jv_string(seal_hex(hex, salt, sizeof salt)), NULL);
	if (key->kind == MASTER_KEY)
		return json_set_str(wrap, "kind", "key");
	wrap = json_set_str(json_set_str(wrap, "kind", "passphrase"), "kdf", "argon2id");
	wrap = json_set(wrap, "ops", jv_number((double)key->cost.ops));
	return json_set(wrap, "memory", jv_number((double)key->cost.memory));
}

enum master_kind wrap_kind(jv wrap)
{
	return strcmp(json_str(wrap, "kind", ""), "key") == 0 ? MASTER_KEY : MASTER_PASSPHRASE;
}

int wrap_key(unsigned char out[SEAL_KEY], jv wrap, const struct master_key *key, struct err *e)
{
	struct seal_cost cost = {(unsigned long long)json_int(wrap, "ops", 0), (size_t)json_int(wrap, "memory", 0)};
	const char *hex = json_str(wrap, "salt", "");
	unsigned char salt[SEAL_SALT];
	struct seal_part in[] = {text_part("ab key file 1"), {salt, sizeof salt}};

	if (seal_unhex(salt, sizeof salt, hex, strlen(hex)))
		return err_set(e, EX_DATAERR, "the salt is malformed");
	if (key->kind == MASTER_PASSPHRASE)
		return seal_stretch(out, key->text, key->len, salt, &cost, e);
	seal_hash(out, SEAL_KEY, (const unsigned char *)key->text, in, 2);
	return 0;
}

void key_ad(unsigned char out[SEAL_KEY], const unsigned char id[VAULT_ID], const char *what, jv wrap)
{
	char *text = json_text_sorted(wrap);
	struct seal_part in[] = {text_part("ab sealed key 1"), {id, VAULT_ID}, text_part(what), text_part(text)};

	seal_hash(out, SEAL_KEY, NULL, in, 4);
	free(text);
}

jv key_seal(const unsigned char key[SEAL_KEY], const unsigned char under[SEAL_KEY], const unsigned char id[VAULT_ID],
		   const char *what, jv wrap)
{
	unsigned char box[BOX], ad[SEAL_KEY];
	char hex[2 * BOX + 1];

	key_ad(ad, id, what, wrap);
	seal_box(box + SEAL_NONCE, box, under, key, SEAL_KEY, ad, sizeof ad);
	return jv_string(seal_hex(hex, box, sizeof box));
}

int key_open(unsigned char key[SEAL_KEY], const char *hex, const unsigned char under[SEAL_KEY],
		    const unsigned char id[VAULT_ID], const char *what, jv wrap)
{
	unsigned char box[BOX], ad[SEAL_KEY];

	key_ad(ad, id, what, wrap);
	return seal_unhex(box, sizeof box, hex, strlen(hex)) ||
		seal_unbox(key, box, under, box + SEAL_NONCE, sizeof box - SEAL_NONCE, ad, sizeof ad) ? -1 : 0;
}

jv wrap_sum(jv doc)
{
	jv bare = json_del(jv_copy(doc), "check");
	char *text = json_text_sorted(bare), hex[33];
	unsigned char sum[16];
	struct seal_part in[] = {text_part(text)};

	seal_hash(sum, sizeof sum, NULL, in, 1);
	jv_free(bare);
	free(text);
	return jv_string(seal_hex(hex, sum, sizeof sum));
}

int wrap_doc_check(jv doc, const char *format, const char *path, struct err *e)
{
	jv sum = wrap_sum(doc), stored = json_get(doc, "check");
	bool same = json_equal(sum, stored);

	jv_free(sum);
	jv_free(stored);
	if (strcmp(json_str(doc, "format", ""), format) != 0 || !same)
		return err_set(e, EX_DATAERR, "%s: damaged; restore it from a backup", path);
	if (json_int(doc, "version", 0) != 1)
		return err_set(e, EX_DATAERR, "%s: made by a newer version of ab; install that", path);
	return 0;
}

#include "store/bundle.h"

#include <stdlib.h>
#include <string.h>

#define BUNDLE_FORMAT "ab-bundle"

static void bundle_ad(unsigned char out[SEAL_KEY], jv wrap)
{
	const unsigned char none[VAULT_ID] = {0};

	key_ad(out, none, "bundle", wrap);
}

char *bundle_make(const struct master_key *key, jv value, struct err *e)
{
	char *text = json_text(value), *sealed = NULL;
	size_t len = strlen(text);
	unsigned char *box = xmalloc(SEAL_NONCE + len + SEAL_TAG), *under = secret_alloc(SEAL_KEY), ad[SEAL_KEY];
	jv wrap = wrap_make(key), doc;
	char *out = NULL;

	bundle_ad(ad, wrap);
	if (wrap_key(under, wrap, key, e) == 0) {
		seal_box(box + SEAL_NONCE, box, under, text, len, ad, sizeof ad);
		sealed = seal_base64(box, SEAL_NONCE + len + SEAL_TAG);
		doc = json_obj("format", jv_string(BUNDLE_FORMAT), "version", jv_number(1), "wrap", jv_copy(wrap), "sealed",
			       jv_string(sealed), NULL);
		doc = json_set(doc, "check", wrap_sum(doc));
		out = json_text_sorted(doc);
		jv_free(doc);
	}
	secret_wipe(text, len);
	secret_free(under);
	free(sealed);
	free(text);
	free(box);
	jv_free(wrap);
	return out;
}

bool bundle_is(const char *text, size_t len, enum master_kind *kind)
{
	jv doc = len && text[0] == '{' ? json_parse(text, len, NULL) : jv_invalid(), wrap = json_get(doc, "wrap");
	bool is = strcmp(json_str(doc, "format", ""), BUNDLE_FORMAT) == 0;

	*kind = wrap_kind(wrap);
	jv_free(wrap);
	jv_free(doc);
	return is;
}

jv bundle_open(const struct master_key *key, const char *text, size_t len, struct err *e)
{
	jv doc = json_parse(text, len, e), wrap = json_get(doc, "wrap"), value = jv_invalid();
	const char *sealed = json_str(doc, "sealed", "");
	size_t box_len = 0;
	unsigned char *box = NULL, *under = secret_alloc(SEAL_KEY), ad[SEAL_KEY];
	char *plain = NULL;

	if (!json_ok(doc) || wrap_doc_check(doc, BUNDLE_FORMAT, "the bundle", e))
		goto out;
	box = seal_unbase64(sealed, strlen(sealed), &box_len);
	if (!box || box_len < SEAL_NONCE + SEAL_TAG) {
		err_set(e, EX_DATAERR, "the bundle: damaged");
		goto out;
	}
	if (wrap_key(under, wrap, key, e))
		goto out;
	bundle_ad(ad, wrap);
	plain = secret_alloc(box_len);
	if (seal_unbox((unsigned char *)plain, box, under, box + SEAL_NONCE, box_len - SEAL_NONCE, ad, sizeof ad))
		err_set(e, EX_NOPERM, "wrong %s: the bundle does not open with it", key->kind == MASTER_KEY ? "key" : "passphrase");
	else
		value = json_parse(plain, box_len - SEAL_NONCE - SEAL_TAG, e);
out:
	secret_free(plain);
	secret_free(under);
	free(box);
	jv_free(wrap);
	jv_free(doc);
	return value;
}

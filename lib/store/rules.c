#include "store/rules.h"

#include <stdlib.h>
#include <string.h>

#include "ext/seal.h"
#include "store/keys.h"

#define WHAT "rules/kept"
#define DIGEST 32

static char *text_of(jv rules)
{
	jv needed = json_obj("timezone", json_get(rules, "timezone"), "preferences", json_get(rules, "preferences"), "consent",
			     json_get(rules, "consent"), NULL);
	char *text = json_text_sorted(needed);

	jv_free(needed);
	return text;
}

static jv digest_of(jv rules)
{
	unsigned char sum[DIGEST];
	char hex[2 * DIGEST + 1], *text = text_of(rules);

	seal_hash(sum, DIGEST, NULL, &(struct seal_part){text, strlen(text)}, 1);
	free(text);
	return jv_string(seal_hex(hex, sum, DIGEST));
}

jv rules_keep(const char *session, jv rules, struct err *e)
{
	struct subkey *k;
	struct str file = {0};
	char *text, *base64;
	jv kept = jv_invalid();

	if (!keys_have(session, PART_RULES))
		return json_obj("digest", digest_of(rules), NULL);
	k = secret_alloc(sizeof *k);
	if (keys_subkey(session, PART_RULES, k, e) == 0) {
		text = text_of(rules);
		sealed_make(&file, k, session, WHAT, 0, text, strlen(text));
		base64 = seal_base64(file.s, file.len);
		kept = json_obj("sealed", jv_string(base64), NULL);
		free(base64);
		free(text);
	}
	secret_free(k);
	str_free(&file);
	return kept;
}

static jv unsealed(const char *session, const char *base64, struct err *e)
{
	struct subkey *k = secret_alloc(sizeof *k);
	size_t len, text_len;
	unsigned char *file = seal_unbase64(base64, strlen(base64), &len);
	char *text = NULL;
	uint64_t counter;
	jv rules = jv_invalid();

	if (!file)
		err_set(e, EX_DATAERR, "the rules in the record are no base64");
	else if (keys_subkey(session, PART_RULES, k, e) == 0 &&
		 sealed_open(file, len, "the rules in the record", k, session, WHAT, &counter, &text, &text_len, e) == 0)
		rules = json_parse(text, text_len, e);
	secret_free(text);
	secret_free(k);
	free(file);
	return rules;
}

jv rules_kept(const char *session, jv kept, jv given, bool *match, struct err *e)
{
	const char *sealed = json_str(kept, "sealed", NULL), *digest = json_str(kept, "digest", NULL);
	jv now;

	*match = true;
	if (sealed && !json_is(given, JV_KIND_OBJECT))
		return unsealed(session, sealed, e);
	now = digest_of(given);
	*match = !digest || strcmp(digest, json_string(now, "")) == 0;
	jv_free(now);
	return jv_copy(given);
}

#include "ext/totp.h"

#include <liboath/oath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define PERIOD_MAX 3600

static const struct {
	const char *name;
	int flag;
} hashes[] = {[TOTP_SHA1] = {"SHA1", 0}, [TOTP_SHA256] = {"SHA256", OATH_TOTP_HMAC_SHA256}, [TOTP_SHA512] = {"SHA512", OATH_TOTP_HMAC_SHA512}};

const char *totp_hash_name(enum totp_hash hash)
{
	return hashes[hash].name;
}

void totp_wipe(struct totp *t)
{
	explicit_bzero(t, sizeof *t);
}

/* TEXT without blanks and hyphens, in capitals: liboath itself takes only some of what people paste. */
static char *only_base32(const char *text)
{
	char *copy = xmalloc(strlen(text) + 1), *to = copy;

	for (; *text; text++)
		if (!strchr(" \t\r\n-", *text))
			*to++ = *text >= 'a' && *text <= 'z' ? *text - 32 : *text;
	*to = '\0';
	return copy;
}

static int set_secret(struct totp *t, const char *text, struct err *e)
{
	char *clean = only_base32(text), *key = NULL;
	size_t size = strlen(clean), len = 0;
	int rc = size ? oath_base32_decode(clean, size, &key, &len) : OATH_INVALID_BASE32, r = 0;

	if (rc != OATH_OK || !len)
		r = err_set(e, EX_CONFIG, "the secret is no base32 (letters, and digits 2 to 7): copy it again from the site");
	else if (len > TOTP_KEY_MAX)
		r = err_set(e, EX_CONFIG, "the secret is longer than %d bytes", TOTP_KEY_MAX);
	else
		memcpy(t->key, key, t->len = len);
	if (key) {
		explicit_bzero(key, len);
		free(key);
	}
	explicit_bzero(clean, size);
	free(clean);
	return r;
}

static int set_hash(struct totp *t, const char *value, struct err *e)
{
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
		if (strcasecmp(value, hashes[i].name) == 0) {
			t->hash = (enum totp_hash)i;
			return 0;
		}
	return err_set(e, EX_CONFIG, "the otpauth: address names an algorithm other than SHA1, SHA256 and SHA512");
}

static int set_parameter(struct totp *t, const char *name, const char *value, struct err *e)
{
	long long n;

	if (strcasecmp(name, "secret") == 0)
		return t->len ? err_set(e, EX_CONFIG, "the otpauth: address has two secrets") : set_secret(t, value, e);
	if (strcasecmp(name, "algorithm") == 0)
		return set_hash(t, value, e);
	if (strcasecmp(name, "digits") == 0) {
		if (str_long(value, 6, 8, &n) || n == 7)
			return err_set(e, EX_CONFIG, "the otpauth: address asks for a number of digits other than 6 and 8");
		t->digits = (int)n;
	} else if (strcasecmp(name, "period") == 0) {
		if (str_long(value, 1, PERIOD_MAX, &n))
			return err_set(e, EX_CONFIG, "the otpauth: address has a period that is not 1 to %d seconds", PERIOD_MAX);
		t->period = n;
	}
	return 0; /* issuer, image …: for people */
}

/* What is behind the '?', taken apart in place. */
static int set_parameters(struct totp *t, char *query, struct err *e)
{
	for (char *next = query, *name, *value; (name = next) && *name;) {
		next = strchr(name, '&');
		if (next)
			*next++ = '\0';
		value = strchr(name, '=');
		if (!value)
			continue;
		*value++ = '\0';
		if (url_unescape(value))
			return err_set(e, EX_CONFIG, "the otpauth: address has a malformed %%XX in it");
		if (set_parameter(t, name, value, e))
			return -1;
	}
	return t->len ? 0 : err_set(e, EX_CONFIG, "the otpauth: address has no secret");
}

static int parse_uri(struct totp *t, const char *rest, struct err *e)
{
	const char *query = strchr(rest, '?');
	size_t size;
	char *copy;
	int r;

	if (strncasecmp(rest, "totp/", 5) != 0 && strncasecmp(rest, "totp?", 5) != 0)
		return err_set(e, EX_CONFIG, "only otpauth://totp/ is known: codes made from the time, not from a counter");
	if (!query)
		return err_set(e, EX_CONFIG, "the otpauth: address has no secret");
	copy = xstrndup(query + 1, strcspn(query + 1, "#"));
	size = strlen(copy);
	r = set_parameters(t, copy, e);
	explicit_bzero(copy, size);
	free(copy);
	return r;
}

int totp_parse(struct totp *t, const char *text, struct err *e)
{
	int r;

	*t = (struct totp){.digits = 6, .period = OATH_TOTP_DEFAULT_TIME_STEP_SIZE};
	text += strspn(text, " \t\r\n");
	r = strncasecmp(text, "otpauth://", 10) == 0 ? parse_uri(t, text + 10, e) : set_secret(t, text, e);
	if (r)
		totp_wipe(t);
	return r;
}

int totp_code(const struct totp *t, int64_t step, char code[TOTP_CODE], struct err *e)
{
	int rc = oath_totp_generate2(t->key, t->len, (time_t)(step * t->period), (unsigned)t->period, 0, (unsigned)t->digits,
				     hashes[t->hash].flag, code);

	return rc == OATH_OK ? 0 : err_set(e, EX_SOFTWARE, "make a code: %s", oath_strerror_name(rc));
}

/* The secret is named by what it gives (HMAC-SHA1, cut short) at counters that no clock comes to: 79 bits of it, one-way. */
int totp_step_name(const struct totp *t, int64_t step, char name[TOTP_NAME], struct err *e)
{
	char part[3][TOTP_CODE];

	for (unsigned i = 0; i < 3; i++) {
		int rc = oath_hotp_generate(t->key, t->len, UINT64_MAX - i, 8, false, OATH_HOTP_DYNAMIC_TRUNCATION, part[i]);

		if (rc != OATH_OK)
			return err_set(e, EX_SOFTWARE, "name a code: %s", oath_strerror_name(rc));
	}
	snprintf(name, TOTP_NAME, "totp;%s%s%s;%lld", part[0], part[1], part[2], (long long)step * t->period);
	return 0;
}

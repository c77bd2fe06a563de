/* Texts with names or stand-ins for the secrets in them. */
#include "provider-secret.h"

#include <stdlib.h>
#include <string.h>

#include "ext/seal.h"

#define RUN_SHORTEST 8 /* characters of base64 */

struct put {
	struct str *out;
	const struct secret *secret;
};

static void put_letter(void *ctx, const struct letter *l, const char *p, ssize_t at)
{
	struct put *put = ctx;
	char c = at < 0 ? '\0' : put->secret->stand_in[at];

	if (!c)
		str_add(put->out, p, l->len);
	else
		str_putc(put->out, letter_is_upper(l->is) && c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c);
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

typedef void put_cb(struct str *out, struct secret *x, const char *p, size_t len);

static void put_stand_in(struct str *out, struct secret *x, const char *p, size_t len)
{
	x->count++;
	secret_match(x, p, p + len, put_letter, &(struct put){out, x});
}

static void put_name(struct str *out, struct secret *x, const char *p, size_t len)
{
	(void)p;
	(void)len;
	str_addf(out, "<%s>", x->name);
}

/* How many there were. */
static size_t plain_text(struct secrets *s, struct str *out, const char *text, size_t len, put_cb *put)
{
	const char *end = text + len;
	size_t found = 0, takes;

	for (const char *p = text; p < end;) {
		struct secret *x = secret_at(s, p, end, &takes);

		if (!x) {
			str_putc(out, *p++);
			continue;
		}
		found++;
		put(out, x, p, takes);
		p += takes;
		while (x->file && p < end && (base64_value(*p) >= 0 || *p == '='))
			p++;
	}
	return found;
}

static void unbase64(struct str *out, const char *p, size_t len)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 6 | (uint32_t)base64_value(p[i]);
		if (i % 4 == 3) {
			str_putc(out, (char)(bits >> 16));
			str_putc(out, (char)(bits >> 8));
			str_putc(out, (char)bits);
			bits = 0;
		}
	}
	if (len % 4 >= 2)
		str_putc(out, (char)(bits >> (len % 4 == 2 ? 4 : 10)));
	if (len % 4 == 3)
		str_putc(out, (char)(bits >> 2));
}

static void put_base64(struct str *out, const struct str *data, bool url)
{
	char *text = seal_base64(str_text(data), data->len);
	size_t len = strcspn(text, "="); /* the run's own padding stands behind it still */

	for (size_t i = 0; i < len; i++)
		str_putc(out, url && text[i] == '+' ? '-' : url && text[i] == '/' ? '_' : text[i]);
	free(text);
}

/* A run of base64 characters may begin with some that are none of it, such as a path. */
static bool run_replaced(struct secrets *s, struct str *out, const char *p, size_t len, put_cb *put)
{
	bool found = false;

	for (size_t skip = 0; !found && skip < 4 && skip + RUN_SHORTEST <= len; skip++) {
		struct str decoded = {0}, made = {0};

		unbase64(&decoded, p + skip, len - skip);
		found = plain_text(s, &made, str_text(&decoded), decoded.len, put) > 0;
		if (found) {
			str_add(out, p, skip);
			put_base64(out, &made, memchr(p, '-', len) || memchr(p, '_', len));
		}
		str_free(&decoded);
		str_free(&made);
	}
	return found;
}

static void base64_runs(struct secrets *s, struct str *out, const char *text, size_t len, put_cb *put)
{
	const char *end = text + len;

	for (const char *p = text; p < end;) {
		size_t run = 0;

		while (p + run < end && base64_value(p[run]) >= 0)
			run++;
		if (!run) {
			str_putc(out, *p++);
			continue;
		}
		if (run < RUN_SHORTEST || !run_replaced(s, out, p, run, put))
			str_add(out, p, run);
		p += run;
	}
}

static void replace(struct secrets *s, struct str *out, const char *text, size_t len, put_cb *put)
{
	struct str half = {0};

	secrets_order(s);
	base64_runs(s, &half, text, len, put);
	plain_text(s, out, str_text(&half), half.len, put);
	str_free(&half);
}

void secrets_mask(struct secrets *s, struct str *out, const char *text, size_t len)
{
	secrets_order(s);
	plain_text(s, out, text, len, put_name);
}

void secrets_replace(struct secrets *s, struct str *out, const char *text, size_t len)
{
	replace(s, out, text, len, put_stand_in);
}

static jv replaced(struct secrets *s, const char *text, size_t len)
{
	struct str out = {0};
	jv v;

	secrets_replace(s, &out, text, len);
	v = jv_string_sized(str_text(&out), (int)out.len);
	str_free(&out);
	return v;
}

jv secrets_replace_json(struct secrets *s, jv v)
{
	jv made;

	if (json_is(v, JV_KIND_STRING)) {
		made = replaced(s, json_string(v, ""), json_len(v));
	} else if (json_is(v, JV_KIND_ARRAY) || json_is(v, JV_KIND_OBJECT)) {
		made = json_is(v, JV_KIND_ARRAY) ? jv_array() : jv_object();
		for (struct json_iter it = json_iter(v); json_next(&it);) {
			jv one = secrets_replace_json(s, jv_copy(it.value)), key = it.key ? replaced(s, it.key, strlen(it.key)) : jv_null();

			made = it.key ? json_set(made, json_string(key, ""), one) : json_push(made, one);
			jv_free(key);
		}
	} else {
		return v;
	}
	jv_free(v);
	return made;
}

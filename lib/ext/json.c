#include "ext/json.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"

static bool utf8_valid(const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = s[i];
		size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;

		if (!n || n > len - i)
			return false;
		for (size_t k = 1; k < n; k++)
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
		if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f) || (c == 0xf0 && s[i + 1] < 0x90) ||
		    (c == 0xf4 && s[i + 1] > 0x8f))
			return false;
		i += n;
	}
	return true;
}

/* jq takes "nan" for a number; JSON does not. */
static bool has_nan(jv v)
{
	bool found = false;

	if (json_is(v, JV_KIND_NUMBER))
		return isnan(jv_number_value(v));
	for (struct json_iter it = json_iter(v); json_next(&it);)
		if ((found = has_nan(it.value))) {
			json_iter_end(&it);
			break;
		}
	return found;
}

jv json_parse(const char *text, size_t len, struct err *e)
{
	jv v, msg;

	if (memchr(text, '\0', len) || len > 1u << 30) {
		err_set(e, EX_DATAERR, "not JSON: a NUL byte");
		return jv_invalid();
	}
	if (!utf8_valid((const unsigned char *)text, len)) {
		err_set(e, EX_DATAERR, "not JSON: invalid UTF-8");
		return jv_invalid();
	}
	v = jv_parse_sized(text, (int)len);
	if (!jv_is_valid(v)) {
		msg = jv_invalid_get_msg(v);
		if (json_is(msg, JV_KIND_STRING))
			err_set(e, EX_DATAERR, "not JSON: %.200s", jv_string_value(msg));
		else
			err_set(e, EX_DATAERR, "not JSON: empty");
		jv_free(msg);
		return jv_invalid();
	}
	if (memmem(text, len, "nan", 3) && has_nan(v)) {
		jv_free(v);
		err_set(e, EX_DATAERR, "not JSON: NaN");
		return jv_invalid();
	}
	return v;
}

jv json_parse_foreign(const char *text, size_t len, struct err *e)
{
	size_t opened = 0;

	for (size_t i = 0; i < len; i++) /* those in strings too: so many of them are no data either */
		opened += text[i] == '{' || text[i] == '[';
	if (opened <= JSON_FOREIGN_MAX)
		return json_parse(text, len, e);
	err_set(e, EX_DATAERR, "more than %d lists and objects", JSON_FOREIGN_MAX);
	return jv_invalid();
}

static bool weigh(jv v, int depth, size_t max, size_t *sum)
{
	bool fits = true;

	*sum += sizeof v;
	if (json_is(v, JV_KIND_STRING))
		*sum += 32 + json_len(v);
	else if (json_is(v, JV_KIND_ARRAY) || json_is(v, JV_KIND_OBJECT))
		*sum += 512;
	if (*sum > max || !depth)
		return false;
	for (struct json_iter it = json_iter(v); fits && json_next(&it);)
		if (!(fits = weigh(it.value, depth - 1, max, sum)))
			json_iter_end(&it);
	return fits;
}

bool json_weigh(jv v, size_t max, size_t *sum)
{
	return weigh(v, 256, max, sum);
}

jv json_read(const char *path, size_t max, struct err *e)
{
	struct str text;
	jv v;

	if (fs_read(path, max, &text, e))
		return jv_invalid();
	v = json_parse(str_text(&text), text.len, e);
	if (!json_ok(v)) {
		err_wrap(e, "%s", path);
		errno = EINVAL;
	}
	str_free(&text);
	return v;
}

bool json_ok(jv v)
{
	return jv_get_kind(v) != JV_KIND_INVALID;
}

static ssize_t take_text(void *ctx, const char *text, size_t len)
{
	return str_add(ctx, text, len) ? 0 : (ssize_t)len;
}

/* By way of a stream: jv_dump_string adds to its string character by character, each with a check of UTF-8. */
static int dump(struct str *b, jv v, int flags)
{
	char buffer[1024];
	FILE *f = fopencookie(b, "w", (cookie_io_functions_t){.write = take_text});
	size_t before = b->len;
	int r;

	if (!f)
		die(EX_OSERR, "out of memory");
	setvbuf(f, buffer, _IOFBF, sizeof buffer);
	jv_dumpf(jv_copy(v), f, flags);
	r = ferror(f);
	r |= fclose(f);
	explicit_bzero(buffer, sizeof buffer);
	if (!r)
		return 0;
	b->len = before;
	if (b->s)
		b->s[before] = '\0';
	return -1;
}

static char *dump_text(jv v, int flags)
{
	struct str b = {0};

	dump(&b, v, flags);
	return str_take(&b);
}

char *json_text(jv v)
{
	return dump_text(v, 0);
}

char *json_text_sorted(jv v)
{
	return dump_text(v, JV_PRINT_SORTED);
}

int json_add_text(struct str *b, jv v)
{
	return dump(b, v, 0);
}

bool json_is(jv v, jv_kind kind)
{
	return jv_get_kind(v) == kind;
}

bool json_true(jv v)
{
	return json_is(v, JV_KIND_TRUE);
}

const char *json_string(jv v, const char *fallback)
{
	return json_is(v, JV_KIND_STRING) ? jv_string_value(v) : fallback;
}

size_t json_len(jv v)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_STRING:
		return (size_t)jv_string_length_bytes(jv_copy(v));
	case JV_KIND_ARRAY:
		return (size_t)jv_array_length(jv_copy(v));
	case JV_KIND_OBJECT:
		return (size_t)jv_object_length(jv_copy(v));
	default:
		return 0;
	}
}

jv json_get(jv obj, const char *key)
{
	jv v;

	if (!json_is(obj, JV_KIND_OBJECT))
		return jv_null();
	v = jv_object_get(jv_copy(obj), jv_string(key));
	if (json_ok(v))
		return v;
	jv_free(v);
	return jv_null();
}

bool json_has(jv obj, const char *key)
{
	return json_is(obj, JV_KIND_OBJECT) && jv_object_has(jv_copy(obj), jv_string(key));
}

const char *json_str(jv obj, const char *key, const char *fallback)
{
	jv v = json_get(obj, key);
	const char *s = json_string(v, fallback);

	jv_free(v); /* OBJ keeps the string alive */
	return s;
}

double json_num(jv obj, const char *key, double fallback)
{
	jv v = json_get(obj, key);
	double d = json_is(v, JV_KIND_NUMBER) ? jv_number_value(v) : fallback;

	jv_free(v);
	return d;
}

int64_t json_int(jv obj, const char *key, int64_t fallback)
{
	double d = json_num(obj, key, NAN);

	return isnan(d) || fabs(d) > 9.007199254740992e15 ? fallback : (int64_t)d;
}

bool json_bool(jv obj, const char *key, bool fallback)
{
	jv v = json_get(obj, key);
	bool b = json_is(v, JV_KIND_TRUE) ? true : json_is(v, JV_KIND_FALSE) ? false : fallback;

	jv_free(v);
	return b;
}

jv json_at(jv array, int index)
{
	if (!json_is(array, JV_KIND_ARRAY) || index < 0 || (size_t)index >= json_len(array))
		return jv_null();
	return jv_array_get(jv_copy(array), index);
}

jv json_path(jv v, const char *path)
{
	jv at = jv_copy(v), next;

	while (*path) {
		size_t n = strcspn(path, ".");
		char *part = xstrndup(path, n);
		long long index;

		if (json_is(at, JV_KIND_ARRAY) && str_long(part, 0, 1 << 30, &index) == 0)
			next = json_at(at, (int)index);
		else
			next = json_get(at, part);
		free(part);
		jv_free(at);
		at = next;
		path += n + (path[n] == '.');
	}
	return at;
}

bool json_equal(jv a, jv b)
{
	return jv_equal(jv_copy(a), jv_copy(b));
}

jv json_set(jv obj, const char *key, jv value)
{
	return jv_object_set(json_is(obj, JV_KIND_OBJECT) ? obj : (jv_free(obj), jv_object()), jv_string(key), value);
}

jv json_set_str(jv obj, const char *key, const char *value)
{
	return json_set(obj, key, value ? jv_string(value) : jv_null());
}

jv json_push(jv array, jv value)
{
	return jv_array_append(json_is(array, JV_KIND_ARRAY) ? array : (jv_free(array), jv_array()), value);
}

jv json_del(jv obj, const char *key)
{
	return json_is(obj, JV_KIND_OBJECT) ? jv_object_delete(obj, jv_string(key)) : obj;
}

jv json_merge_take(jv obj, jv more)
{
	for (struct json_iter it = json_iter(more); json_next(&it);)
		if (it.key)
			obj = json_set(obj, it.key, jv_copy(it.value));
	jv_free(more);
	return obj;
}

jv json_obj(const char *key, ...)
{
	jv obj = jv_object();
	va_list ap;

	va_start(ap, key);
	for (; key; key = va_arg(ap, const char *))
		obj = json_set(obj, key, va_arg(ap, jv));
	va_end(ap);
	return obj;
}

jv json_moment(void)
{
	return json_obj("boot", jv_string(clock_boot()), "mono", jv_number((double)clock_mono()), "wall", jv_number((double)clock_wall()), NULL);
}

int64_t json_moment_age(jv moment)
{
	return clock_passed(json_str(moment, "boot", ""), json_int(moment, "mono", 0), json_int(moment, "wall", 0));
}

struct json_iter json_iter(jv container)
{
	struct json_iter it = {.value = jv_null(), .index = -1, .of = jv_copy(container), .keys = jv_null()};

	if (json_is(container, JV_KIND_OBJECT))
		it.keys = jv_keys(jv_copy(container));
	return it;
}

void json_iter_end(struct json_iter *it)
{
	jv_free(it->value);
	jv_free(it->of);
	jv_free(it->keys);
	*it = (struct json_iter){.value = jv_null(), .index = -1, .of = jv_null(), .keys = jv_null()};
}

bool json_next(struct json_iter *it)
{
	bool object = json_is(it->of, JV_KIND_OBJECT);
	size_t n = object ? json_len(it->keys) : json_is(it->of, JV_KIND_ARRAY) ? json_len(it->of) : 0;
	jv key;

	jv_free(it->value);
	it->value = jv_null();
	if ((size_t)++it->index >= n) {
		json_iter_end(it);
		return false;
	}
	if (object) {
		key = json_at(it->keys, it->index);
		it->key = jv_string_value(key);
		jv_free(key); /* keys holds it */
		it->value = json_get(it->of, it->key);
	} else {
		it->value = json_at(it->of, it->index);
	}
	return true;
}

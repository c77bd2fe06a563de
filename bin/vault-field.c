/* ab-vault: fields of a session by their paths, files in a profile, and what is not shown. */
#include <stdlib.h>
#include <string.h>

#include "vault-command.h"

#define FILE_MAX (8u << 20)

/* --- paths --- */

const char *file_name_in(const char *path)
{
	if (str_starts(path, "party.")) {
		path += strlen("party.");
		path += strspn(path, "0123456789");
		return str_starts(path, ".files.") ? path + strlen(".files.") : NULL;
	}
	return str_starts(path, "profile.files.") ? path + strlen("profile.files.") : NULL;
}

/* The first step of PATH, which is WHOLE or its rest; what is left in *REST (NULL at the end). A file's name may
 * hold dots. */
static char *step(const char *path, const char *whole, const char **rest)
{
	static const char *const fields[] = {".name", ".type", ".data_base64"};
	size_t n = strcspn(path, ".");

	if (path == file_name_in(whole)) {
		n = strlen(path);
		for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
			if (str_ends(path, fields[i]))
				n = strlen(path) - strlen(fields[i]);
	}
	*rest = path[n] ? path + n + 1 : NULL;
	return xstrndup(path, n);
}

static jv child_of(jv v, const char *key)
{
	long long index;

	if (json_is(v, JV_KIND_ARRAY))
		return str_long(key, 0, 1 << 20, &index) ? jv_null() : json_at(v, (int)index);
	return json_get(v, key);
}

static bool child_there(jv v, const char *key)
{
	long long index;

	if (json_is(v, JV_KIND_ARRAY))
		return str_long(key, 0, 1 << 20, &index) == 0 && (size_t)index < json_len(v);
	return json_has(v, key);
}

/* LIST with item INDEX replaced, added (INDEX is its length) or, with an invalid VALUE, taken out. */
static jv list_with(jv list, size_t index, jv value)
{
	jv out = jv_array();

	for (struct json_iter it = json_iter(list); json_next(&it);) {
		if ((size_t)it.index != index)
			out = json_push(out, jv_copy(it.value));
		else if (json_ok(value))
			out = json_push(out, jv_copy(value));
	}
	if (index >= json_len(list) && json_ok(value))
		out = json_push(out, jv_copy(value));
	jv_free(list);
	jv_free(value);
	return out;
}

/* V (consumed) with VALUE (consumed; invalid: nothing) at PATH; mappings are made on the way. */
static jv with(jv v, const char *path, const char *whole_path, jv value)
{
	const char *rest;
	char *key = step(path, whole_path, &rest);
	long long index;
	jv inner = child_of(v, key);

	if (rest)
		inner = with(inner, rest, whole_path, value);
	else
		jv_free(inner), inner = value;
	if (json_is(v, JV_KIND_ARRAY)) {
		if (str_long(key, 0, (long long)json_len(v), &index))
			die(EX_USAGE, "%s: '%s' is no index of this list (0 to %zu)", whole_path, key, json_len(v));
		v = list_with(v, (size_t)index, inner);
	} else if (json_ok(inner)) {
		v = json_set(v, key, inner);
	} else {
		v = json_del(v, key);
	}
	free(key);
	return v;
}

jv put_at(jv whole, const char *path, jv value)
{
	return with(whole, path, path, value);
}

jv at_path(jv v, const char *path)
{
	const char *rest = path;
	jv at = jv_copy(v), next;

	while (rest) {
		char *key = step(rest, path, &rest);

		next = child_there(at, key) ? child_of(at, key) : jv_invalid();
		jv_free(at);
		at = next;
		free(key);
	}
	return at;
}

/* --- files in a profile --- */

static bool is_file(jv v)
{
	return json_has(v, "data_base64");
}

static jv each_file(jv profile, jv old, jv (*f)(jv file, jv old))
{
	jv files = json_get(profile, "files"), old_files = json_get(old, "files");

	for (struct json_iter it = json_iter(files); json_next(&it);) {
		jv before = it.key ? json_get(old_files, it.key) : jv_null();

		if (it.key && is_file(it.value))
			profile = json_set(profile, "files", json_set(json_get(profile, "files"), it.key, f(jv_copy(it.value), before)));
		jv_free(before);
	}
	jv_free(files);
	jv_free(old_files);
	return profile;
}

/* F on every file of the profile and of the party. */
static jv all_files(jv whole, jv old, jv (*f)(jv file, jv old))
{
	jv profile = json_get(whole, "profile"), old_profile = json_get(old, "profile"), party = json_get(whole, "party");
	jv old_party = json_get(old, "party"), people = jv_array();

	if (json_is(profile, JV_KIND_OBJECT))
		whole = json_set(whole, "profile", each_file(jv_copy(profile), old_profile, f));
	for (struct json_iter it = json_iter(party); json_next(&it);) {
		jv before = json_at(old_party, it.index);

		people = json_push(people, each_file(jv_copy(it.value), before, f));
		jv_free(before);
	}
	if (json_is(party, JV_KIND_ARRAY))
		whole = json_set(whole, "party", jv_copy(people));
	jv_free(profile);
	jv_free(old_profile);
	jv_free(party);
	jv_free(old_party);
	jv_free(people);
	return whole;
}

#define KEPT "(kept)"

static jv fold(jv file, jv old)
{
	(void)old;
	return json_set_str(file, "data_base64", KEPT);
}

static jv unfold(jv file, jv old)
{
	if (strcmp(json_str(file, "data_base64", ""), KEPT) == 0 && is_file(old))
		file = json_set(file, "data_base64", json_get(old, "data_base64"));
	return file;
}

jv files_fold(jv whole)
{
	return all_files(whole, whole, fold);
}

jv files_unfold(jv whole, jv old)
{
	return all_files(whole, old, unfold);
}

static const char *file_type(const struct str *data)
{
	static const struct {
		const char *start, *type;
		size_t len;
	} known[] = {
		{"\xff\xd8\xff", "image/jpeg", 3}, {"\x89PNG\r\n\x1a\n", "image/png", 8}, {"%PDF-", "application/pdf", 5},
		{"GIF8", "image/gif", 4},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (data->len >= known[i].len && memcmp(data->s, known[i].start, known[i].len) == 0)
			return known[i].type;
	return "application/octet-stream";
}

jv file_value(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str data;
	char *text;
	jv v;

	slurp(path, FILE_MAX, &data);
	text = seal_base64(str_text(&data), data.len);
	v = json_obj("name", jv_string(slash ? slash + 1 : path), "type", jv_string(file_type(&data)), "data_base64",
		     jv_string(text), NULL);
	wipe_text(text);
	if (data.s)
		secret_wipe(data.s, data.cap);
	str_free(&data);
	return v;
}

/* --- hiding --- */

static jv hide_leaves(jv v)
{
	jv out = json_is(v, JV_KIND_OBJECT) ? jv_object() : jv_array();

	if (!json_is(v, JV_KIND_OBJECT) && !json_is(v, JV_KIND_ARRAY)) {
		jv_free(v);
		jv_free(out);
		return jv_string("(hidden)");
	}
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		jv inner = hide_leaves(jv_copy(it.value));

		out = it.key ? json_set(out, it.key, inner) : json_push(out, inner);
	}
	jv_free(v);
	return out;
}

jv hide(jv whole)
{
	static const char *const secret[] = {"credentials", "inbox", "profile", "party"};

	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
		if (json_has(whole, secret[i]))
			whole = json_set(whole, secret[i], hide_leaves(json_get(whole, secret[i])));
	return whole;
}

/* ab-vault get, set, list, rm; a session as a person sees it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "ext/yaml.h"
#include "store/passphrase.h"
#include "store/session.h"
#include "vault-command.h"

#define FILE_MAX (8u << 20)

/* --- seeing and storing --- */

void see(struct master *m, const char *session, struct seen *s)
{
	struct err e;
	jv secrets, profile;

	if (!json_ok(secrets = master_read(m, session, PART_SECRETS, &s->counters[PART_SECRETS], &e)) ||
	    !json_ok(profile = master_read(m, session, PART_PROFILE, &s->counters[PART_PROFILE], &e)) ||
	    !json_ok(s->rules = master_read(m, session, PART_RULES, &s->counters[PART_RULES], &e)))
		die_err(&e);
	s->whole = session_join(secrets, profile, s->rules);
	jv_free(secrets);
	jv_free(profile);
}

void unsee(struct seen *s)
{
	jv_free(s->whole);
	jv_free(s->rules);
	*s = SEEN_NONE;
}

/* Names for the budgets' files: they must not tell who asks what site. */
static jv pace_of(const struct master *m, jv whole)
{
	jv user = json_path(whole, "credentials.username");
	char *site = site_origin(whole), account_hex[33], site_hex[33];
	const char *provider = json_str(whole, "provider", ""), *name = json_string(user, "");
	struct seal_part account_in[] = {{"account", 7}, {provider, strlen(provider)}, {site, strlen(site)}, {name, strlen(name)}};
	struct seal_part site_in[] = {{"site", 4}, {*site ? site : provider, strlen(*site ? site : provider)}};

	master_pace(m, account_in, 4, account_hex);
	master_pace(m, site_in, 2, site_hex);
	free(site);
	jv_free(user);
	return json_obj("account", jv_string(account_hex), "site", jv_string(site_hex), NULL);
}

int store(struct master *m, const char *session, jv whole, const struct seen *old, struct err *e)
{
	jv secrets = session_part(whole, PART_SECRETS), profile = session_part(whole, PART_PROFILE);
	jv rules = session_part(whole, PART_RULES);
	char id[37];
	int r;

	uuid_make(id);
	rules = json_set_str(rules, "id", old ? json_str(old->rules, "id", id) : id);
	rules = json_set(rules, "pace", pace_of(m, whole));
	r = old ? master_change(m, session, secrets, profile, rules, old->counters, e) :
		master_new(m, session, secrets, profile, rules, e);
	jv_free(secrets);
	jv_free(profile);
	jv_free(rules);
	return r;
}

static void yaml_where(void *ctx, const char *pointer, int *line, int *column)
{
	yaml_place(ctx, pointer, line, column);
}

jv whole_parse(const char *text, size_t len, const char *name, struct err *e)
{
	struct yaml y;
	jv whole;

	if (yaml_parse(&y, text, len, name, e))
		return jv_invalid();
	whole = session_check(jv_copy(y.value), yaml_where, &y, e);
	if (!json_ok(whole))
		err_wrap(e, "%s", name);
	yaml_done(&y);
	return whole;
}

char *whole_text(jv whole)
{
	struct str b = {0};
	const char *field;

	for (int i = 0; (field = session_field(i)); i++) {
		char *text;

		if (!json_has(whole, field))
			continue;
		text = yaml_text(json_obj(field, json_get(whole, field), NULL));
		str_puts(&b, text);
		wipe_text(text);
	}
	return str_take(&b);
}

void wipe_text(char *text)
{
	if (text)
		secret_wipe(text, strlen(text));
	free(text);
}

/* --- paths --- */

/* Where the name of a file starts in "profile.files.NAME" and "party.0.files.NAME"; NULL elsewhere. */
static const char *file_name_in(const char *path)
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

/* The value at PATH; invalid when there is none. */
static jv at_path(jv v, const char *path)
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

/* A file as a form wants it: {"name","type","data_base64"}. */
static jv file_value(const char *path)
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

/* --- get --- */

static bool reveal, as_json;

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

static void show(jv v, bool whole)
{
	char *text = as_json ? json_text(v) : whole ? whole_text(v) : yaml_text(v);
	const char *plain = json_string(v, NULL);

	if (plain && !as_json) {
		put(plain);
		put("\n");
	} else {
		put(text);
		if (as_json)
			put("\n");
	}
	wipe_text(text);
}

static int get_run(char **operands)
{
	struct master *m = unlock();
	struct seen s;
	jv v;

	see(m, operands[0], &s);
	if (!reveal)
		s.whole = hide(s.whole);
	v = operands[1] ? at_path(s.whole, operands[1]) : jv_copy(s.whole);
	if (!json_ok(v))
		die(EX_NO, "%s has no %s", operands[0], operands[1]);
	show(v, !operands[1]);
	jv_free(v);
	unsee(&s);
	master_close(m);
	return 0;
}

const struct command get_command = {
	"get", "get [--reveal] [--json] SESSION [PATH]", "Shows a session, or one field of it (\"consent.until\"); secrets as (hidden).",
	(const struct opt[]){
		{0, "reveal", NULL, "show secrets and the profile too", NULL, &reveal, NULL},
		{0, "json", NULL, "as JSON instead of YAML", NULL, &as_json, NULL},
		{0},
	},
	1, 2, false, get_run,
};

/* --- set --- */

static const char *file_path;
static bool as_yaml, take_out;

static bool is_secret(const char *path)
{
	return str_starts(path, "credentials") || str_starts(path, "inbox") || str_starts(path, "profile") ||
		str_starts(path, "party");
}

static jv typed_value(const char *path)
{
	char *prompt = xasprintf("%s: ", path), *text = secret_alloc(TTY_MAX);
	struct err e;
	jv v;

	if (tty_ask(prompt, !is_secret(path), text, TTY_MAX, &e) < 0)
		die_err(&e);
	v = jv_string(text);
	secret_free(text);
	free(prompt);
	return v;
}

static jv yaml_value(const char *text, size_t len)
{
	struct yaml y;
	struct err e;
	jv v;

	if (yaml_parse(&y, text, len, "value", &e))
		die_err(&e);
	v = jv_copy(y.value);
	yaml_done(&y);
	return v;
}

static jv piped_value(void)
{
	struct str text;
	jv v;

	slurp("-", 1u << 20, &text);
	if (text.len && text.s[text.len - 1] == '\n' && !as_yaml)
		text.s[--text.len] = '\0';
	if (memchr(str_text(&text), '\0', text.len))
		die(EX_DATAERR, "the value holds a NUL byte; use --file for a file");
	v = as_yaml ? yaml_value(str_text(&text), text.len) : jv_string_sized(str_text(&text), (int)text.len);
	if (text.s)
		secret_wipe(text.s, text.cap);
	str_free(&text);
	return v;
}

static jv new_value(const char *path, const char *text)
{
	if (take_out + (file_path != NULL) + (text != NULL) != 1)
		opt_usage("give one of: a value, '-', --file or --delete");
	if (take_out)
		return jv_invalid();
	if (file_path) {
		if (!file_name_in(path))
			opt_usage("--file goes to profile.files.NAME (or party.N.files.NAME), not to %s", path);
		return file_value(file_path);
	}
	if (strcmp(text, "-") == 0)
		return isatty(0) ? typed_value(path) : piped_value();
	if (is_secret(path))
		opt_usage("%s is secret, and arguments can be read by others: give '-' and the value on standard input", path);
	return as_yaml ? yaml_value(text, strlen(text)) : jv_string(text);
}

/* Reads, changes and writes once; -1 with *e, EX_TEMPFAIL when someone else wrote in between. */
static int set_once(struct master *m, const char *session, const char *path, jv value, struct err *e)
{
	struct seen s;
	jv whole;
	int r = -1;

	see(m, session, &s);
	whole = session_check(put_at(jv_copy(s.whole), path, jv_copy(value)), NULL, NULL, e);
	if (json_ok(whole))
		r = store(m, session, whole, &s, e);
	jv_free(whole);
	unsee(&s);
	return r;
}

static int set_run(char **operands)
{
	jv value = new_value(operands[1], operands[2]);
	struct master *m = unlock();
	struct err e;
	int r, tries = 20;

	do
		r = set_once(m, operands[0], operands[1], value, &e);
	while (r && e.status == EX_TEMPFAIL && --tries);
	if (r)
		die_err(&e);
	jv_free(value);
	master_close(m);
	return 0;
}

const struct command set_command = {
	"set", "set SESSION PATH VALUE | - | --file FILE | --delete", "Changes one field of a session; '-' reads the value from standard input.",
	(const struct opt[]){
		{0, "file", "FILE", "put a file into profile.files.NAME", &file_path, NULL, NULL},
		{0, "yaml", NULL, "the value is YAML: a list or mapping", NULL, &as_yaml, NULL},
		{0, "delete", NULL, "take the field out", NULL, &take_out, NULL},
		{0},
	},
	2, 3, false, set_run,
};

/* --- list --- */

static bool long_list;

static void list_one(struct master *m, const char *session)
{
	struct seen s;
	jv consent;
	char *line;

	see(m, session, &s);
	consent = json_get(s.whole, "consent");
	line = xasprintf("%s\t%s\tbook %s\tuntil %s\n", session, json_str(s.whole, "provider", ""), json_str(consent, "book", "no"),
			 json_str(consent, "until", "-"));
	put(line);
	free(line);
	jv_free(consent);
	unsee(&s);
}

static int list_run(char **operands)
{
	struct master *m = long_list ? unlock() : NULL;
	struct err e;
	jv names = master_sessions(&e);

	(void)operands;
	if (!json_ok(names))
		die_err(&e);
	for (struct json_iter it = json_iter(names); json_next(&it);) {
		if (m) {
			list_one(m, json_string(it.value, ""));
		} else {
			put(json_string(it.value, ""));
			put("\n");
		}
	}
	jv_free(names);
	master_close(m);
	return 0;
}

const struct command list_command = {
	"list", "list [--long]", "Lists the sessions' names; no key is needed for that.",
	(const struct opt[]){
		{'l', "long", NULL, "with provider and consent (opens the vault)", NULL, &long_list, NULL},
		{0},
	},
	0, 0, false, list_run,
};

/* --- rm --- */

static bool force;

static int rm_run(char **operands)
{
	const char *session = operands[0];
	char *question = xasprintf("Remove the session '%s' from the vault for good?", session);
	struct err e;
	int yes;

	if (master_must_have(session, &e))
		die_err(&e);
	if (!force) {
		yes = tty_confirm(question, false, &e);
		if (yes < 0 && e.status == EX_CONFIG)
			die(EX_CONFIG, "there is no terminal to ask at: give --force to remove '%s'", session);
		if (yes < 0)
			die_err(&e);
		if (!yes)
			return EX_NO;
	}
	if (master_remove(session, &e))
		die_err(&e);
	free(question);
	return 0;
}

const struct command rm_command = {
	"rm", "rm [--force] SESSION", "Removes a session's record. Its journal, audit and evidence stay where they are.",
	(const struct opt[]){
		{'f', "force", NULL, "do not ask", NULL, &force, NULL},
		{0},
	},
	1, 1, false, rm_run,
};

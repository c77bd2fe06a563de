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

/* --- seeing and storing --- */

static void free_parts(jv parts[PART_COUNT])
{
	for (enum part p = 0; p < PART_COUNT; p++)
		jv_free(parts[p]);
}

void see(struct master *m, const char *session, struct seen *s)
{
	jv parts[PART_COUNT];
	struct err e;

	for (enum part p = 0; p < PART_COUNT; p++) {
		s->counters[p] = 0;
		parts[p] = part_is_written(p) ? master_read(m, session, p, &s->counters[p], &e) : jv_null();
		if (!json_ok(parts[p]))
			die_err(&e);
	}
	s->whole = session_join(parts);
	s->rules = jv_copy(parts[PART_RULES]);
	free_parts(parts);
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
	jv parts[PART_COUNT], *rules = &parts[PART_RULES];
	char id[37];
	int r;

	for (enum part p = 0; p < PART_COUNT; p++)
		parts[p] = session_part(whole, p);
	uuid_make(id);
	*rules = json_set_str(*rules, "id", old ? json_str(old->rules, "id", id) : id);
	*rules = json_set(*rules, "pace", pace_of(m, whole));
	r = old ? master_change(m, session, parts, old->counters, e) : master_new(m, session, parts, e);
	free_parts(parts);
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
		jv one = json_has(whole, field) ? json_obj(field, json_get(whole, field), NULL) : jv_null();
		char *text = json_len(one) ? yaml_text(one) : NULL;

		if (text)
			str_puts(&b, text);
		wipe_text(text);
		jv_free(one);
	}
	return str_take(&b);
}

void wipe_text(char *text)
{
	if (text)
		secret_wipe(text, strlen(text));
	free(text);
}

/* --- get --- */

static bool reveal, as_json;

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

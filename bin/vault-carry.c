/* ab-vault export, import: a session on its way to another vault. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "store/bundle.h"
#include "store/session.h"
#include "vault-command.h"

#define BUNDLE_MAX (64u << 20)

static struct key_source bundle_key;
static const char *kdf, *output;
static const char *cookies;
static bool plain, replace;

static char *sealed_text(const char *session, jv whole)
{
	jv value = json_obj("name", jv_string(session), "session", jv_copy(whole), NULL);
	struct master_key key;
	struct err e;
	char *text, *line;

	key_to_seal(&key, &bundle_key, kdf, "Passphrase for the bundle: ");
	text = bundle_make(&key, value, &e);
	key_wipe(&key);
	jv_free(value);
	if (!text)
		die_err(&e);
	line = xasprintf("%s\n", text);
	free(text);
	return line;
}

static int export_run(char **operands)
{
	struct master *m = unlock();
	struct seen s;
	struct err e;
	char *text;

	see(m, operands[0], &s);
	master_close(m);
	if (plain)
		warn("warning: --plain writes passwords and personal data in the clear");
	text = plain ? whole_text(s.whole) : sealed_text(operands[0], s.whole);
	if (!output)
		put(text);
	else if (fs_replace(output, text, strlen(text), &e))
		die_err(&e);
	wipe_text(text);
	unsee(&s);
	return 0;
}

const struct command export_command = {
	"export", "export [--plain] [--output FILE] [--bundle-key-file FILE | --bundle-key-fd N] SESSION",
	"Writes a session as a sealed bundle, under a passphrase or key file of its own.",
	(const struct opt[]){
		{'o', "output", "FILE", "write there instead of standard output", &output, NULL, NULL},
		{0, "plain", NULL, "as YAML, unsealed", NULL, &plain, NULL},
		{0, "bundle-key-file", "FILE", "seal the bundle with this key file", &bundle_key.file, NULL, NULL},
		{0, "bundle-key-fd", "N", "the same, read from a descriptor", &bundle_key.fd, NULL, NULL},
		{0, "kdf", "COST", "what the passphrase costs to try: interactive, moderate (default), sensitive", &kdf, NULL, NULL},
		{0},
	},
	1, 1, false, export_run,
};

/* Opens a bundle; its own name for the session goes to *NAME (caller frees). */
static jv open_bundle(const struct str *text, enum master_kind kind, char **name)
{
	struct master_key key;
	struct err e;
	jv value, whole;

	key_to_open(&key, kind, &bundle_key, "Passphrase of the bundle: ");
	value = bundle_open(&key, str_text(text), text->len, &e);
	key_wipe(&key);
	if (!json_ok(value))
		die_err(&e);
	*name = xstrdup(json_str(value, "name", ""));
	whole = session_check(json_get(value, "session"), NULL, NULL, &e);
	if (!json_ok(whole))
		die_err(&e);
	jv_free(value);
	return whole;
}

static int import_run(char **operands)
{
	const char *from = operands[0], *session = operands[1];
	enum master_kind kind;
	struct master *m;
	struct seen old = SEEN_NONE;
	char *name = NULL;
	struct str text;
	struct err e;
	bool bundle;
	jv whole;

	if (cookies) {
		if (session || replace || bundle_key.file || bundle_key.fd)
			opt_usage("--cookies FILE goes with a session's name alone");
		return cookies_import(cookies, from);
	}
	slurp(from, BUNDLE_MAX, &text);
	bundle = bundle_is(str_text(&text), text.len, &kind);
	whole = bundle ? open_bundle(&text, kind, &name) : whole_parse(str_text(&text), text.len, from, &e);
	if (!json_ok(whole))
		die_err(&e);
	if (!session && !bundle)
		opt_usage("%s is no bundle, so it does not say what to call the session: give its name", from);
	if (text.s)
		secret_wipe(text.s, text.cap);
	str_free(&text);
	m = unlock();
	session = session ? session : name;
	if (replace && master_has(session))
		see(m, session, &old);
	if (store(m, session, whole, json_is(old.rules, JV_KIND_OBJECT) ? &old : NULL, &e))
		die_err(&e);
	unsee(&old);
	master_close(m);
	jv_free(whole);
	free(name);
	return 0;
}

const struct command import_command = {
	"import", "import [--replace] [--bundle-key-file FILE | --bundle-key-fd N] FILE|- [SESSION]\n"
		  "       ab-vault import --cookies FILE|- SESSION",
	"Puts a bundle, or a session as YAML, into the vault; or the cookies of a log-in in your own browser into a session.",
	(const struct opt[]){
		{0, "cookies", "FILE", "a browser's cookies.txt (Netscape format)", &cookies, NULL, NULL},
		{0, "replace", NULL, "over the session of that name", NULL, &replace, NULL},
		{0, "bundle-key-file", "FILE", "the bundle's key file", &bundle_key.file, NULL, NULL},
		{0, "bundle-key-fd", "N", "the same, read from a descriptor", &bundle_key.fd, NULL, NULL},
		{0},
	},
	1, 2, false, import_run,
};

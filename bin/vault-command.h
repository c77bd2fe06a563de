/* What the files of ab-vault share. Functions here end the program when they fail, unless they return int. */
#ifndef BIN_VAULT_COMMAND_H
#define BIN_VAULT_COMMAND_H

#include "base/opt.h"
#include "ext/json.h"
#include "store/master.h"

/* One command; RUN gets the operands (NULL-ended) and gives the exit status. */
struct command {
	const char *name, *synopsis, *about;
	const struct opt *opts; /* beside --key-file and --key-fd; ends with {0}; may be NULL */
	int min, max;
	bool stop_early;
	int (*run)(char **operands);
};
extern const struct command init_command, rekey_command, new_command, edit_command, get_command, set_command, list_command,
	rm_command, export_command, import_command, exec_command, evidence_command;

/* --- vault-key.c: where keys come from --- */

/* Where a key comes from; texts as given on the command line. */
struct key_source {
	const char *file, *fd;
};
extern struct key_source given_key; /* --key-file, --key-fd */

/* The master key's owner is asked for, or its file read; the vault is opened. */
struct master *unlock(void);
/* A new key to seal with: from SOURCE, else (NULL or empty) a passphrase asked twice with PROMPT. KDF NULL: moderate. */
void key_to_seal(struct master_key *key, const struct key_source *source, const char *kdf, const char *prompt);
/* A key to open something with that was sealed with KIND. */
void key_to_open(struct master_key *key, enum master_kind kind, const struct key_source *source, const char *prompt);
void key_wipe(struct master_key *key);
/* --key-file, --key-fd, or what the environment names (AB_KEY_FILE, systemd's credentials). */
struct key_source vault_key_source(void);
/* Makes FILE with a fresh key, unless it is there. */
void key_file_make(const char *file);

/* --- vault-session.c: a session as a person sees it --- */

struct seen {
	jv whole;             /* without id and pace */
	jv rules;             /* as stored */
	uint64_t counters[PART_COUNT]; /* of the parts that people write */
};
#define SEEN_NONE ((struct seen){.whole = jv_null(), .rules = jv_null()})

void see(struct master *m, const char *session, struct seen *s);
void unsee(struct seen *s);
/* Stores a checked whole (borrowed): over OLD where given (EX_TEMPFAIL when someone else wrote since), else as a
 * new session. */
int store(struct master *m, const char *session, jv whole, const struct seen *old, struct err *e);
/* Checks TEXT as a session. NAME is for messages. Invalid with *e. */
jv whole_parse(const char *text, size_t len, const char *name, struct err *e);
/* WHOLE as YAML, in the manual's order. wipe_text when done. */
char *whole_text(jv whole);
void wipe_text(char *text);

/* --- vault-field.c: fields of it, by paths such as "preferences.locations.0" --- */

/* The value at PATH; invalid when there is none. */
jv at_path(jv whole, const char *path);
/* WHOLE with VALUE (invalid: nothing) at PATH ("a.b.0"); mappings are made on the way. Both consumed. */
jv put_at(jv whole_taken, const char *path, jv value_taken);
/* WHOLE with every file's contents (profile.files.*.data_base64) replaced by a note, or the note by what OLD has. */
jv files_fold(jv whole_taken);
jv files_unfold(jv whole_taken, jv old);
/* Where the name of a file starts in "profile.files.NAME" and "party.0.files.NAME"; NULL elsewhere. */
const char *file_name_in(const char *path);
/* The file at PATH as a form wants it: {"name","type","data_base64"}. */
jv file_value(const char *path);
/* WHOLE with what is secret shown as "(hidden)". */
jv hide(jv whole_taken);

/* --- vault-provider.c --- */

/* "https://example.org" of a URL, in lower case, without the scheme's own port; NULL when it has none. */
char *origin_of(const char *url);
/* Where the session's site is: its base's origin, "" when that is not known. Caller frees. */
char *site_origin(jv whole);

/* Where the session's provider may go: a list of origins. Where its file computes them by more than a path: EX_CONFIG. */
jv site_origins(jv whole, struct err *e);

/* --- vault-cookies.c --- */

/* import --cookies: what of FILE ("-": stdin) goes to SESSION's site. */
int cookies_import(const char *file, const char *session);

/* Writes TEXT to stdout, or ends. */
void put(const char *text);
/* All of PATH, or of stdin for "-". wipe_text what str_take gives. */
void slurp(const char *path, size_t max, struct str *out);

#endif

/* ab-vault init, rekey; where keys come from. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "store/passphrase.h"
#include "vault-command.h"

struct key_source given_key;

/* Key text: 32 bytes as they are, or 64 hex digits and perhaps a newline. */
static void take_key(struct master_key *key, const struct str *text, const char *name)
{
	size_t len = text->len;

	key->kind = MASTER_KEY;
	key->text = secret_alloc(SEAL_KEY);
	key->len = SEAL_KEY;
	if (len == SEAL_KEY) {
		memcpy(key->text, text->s, SEAL_KEY);
		return;
	}
	if (len == 2 * SEAL_KEY + 1 && text->s[len - 1] == '\n')
		len--;
	if (len != 2 * SEAL_KEY || seal_unhex(key->text, SEAL_KEY, text->s, len))
		die(EX_DATAERR, "%s: no key: it must be 32 bytes or 64 hex digits ('ab-vault init --make-key' makes one)", name);
}

static void read_key_fd(struct master_key *key, int fd, const char *name)
{
	struct str text;
	struct err e;

	if (fs_read_fd(fd, name, 256, &text, &e))
		die_err(&e);
	take_key(key, &text, name);
	secret_wipe(text.s, text.cap);
	str_free(&text);
}

/* CHECKED: the file must be closed to others. systemd's credentials are its own business. */
static void read_key_file(struct master_key *key, const char *path, bool checked)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct err e;

	if (fd < 0 || fstat(fd, &st))
		die(errno == ENOENT ? EX_NOINPUT : EX_NOPERM, "open key file %s:", path);
	if (checked && S_ISREG(st.st_mode) && (st.st_mode & 077))
		die(EX_NOPERM, "key file %s: its permissions are too open: chmod 600 %s", path, path);
	if (checked && st.st_uid != geteuid() && st.st_uid != 0)
		die(EX_NOPERM, "key file %s is not yours", path);
	if (checked && S_ISREG(st.st_mode) && sealed_way(path, &e))
		die_err(&e);
	read_key_fd(key, fd, path);
	close(fd);
}

static bool source_given(const struct key_source *s)
{
	return s && (s->file || s->fd);
}

static void read_source(struct master_key *key, const struct key_source *s)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	size_t n = credentials ? strlen(credentials) : 0;
	long long fd;

	if (s->fd) {
		if (str_long(s->fd, 0, 1 << 20, &fd))
			opt_usage("--key-fd takes a number, not '%s'", s->fd);
		read_key_fd(key, (int)fd, "the key's descriptor");
		if (fd > 2)
			close((int)fd);
	} else {
		read_key_file(key, s->file, !(n && strncmp(s->file, credentials, n) == 0 && s->file[n] == '/'));
	}
}

struct key_source vault_key_source(void)
{
	struct key_source s = given_key;
	const char *env = getenv("AB_KEY_FILE"), *credentials = getenv("CREDENTIALS_DIRECTORY");
	static char *path; /* lives as long as the source */

	if (source_given(&s))
		return s;
	if (env && *env) {
		s.file = env;
	} else if (credentials && *credentials == '/') {
		free(path);
		path = xasprintf("%s/ab.key", credentials);
		if (access(path, F_OK) == 0)
			s.file = path;
	}
	return s;
}

void key_to_seal(struct master_key *key, const struct key_source *source, const char *kdf, const char *prompt)
{
	struct err e;

	*key = (struct master_key){.kind = MASTER_PASSPHRASE};
	if (!seal_cost_named(kdf ? kdf : "moderate", &key->cost))
		opt_usage("--kdf is interactive, moderate or sensitive, not '%s'", kdf);
	if (source_given(source)) {
		read_source(key, source);
		return;
	}
	key->text = passphrase_ask(prompt, true, &key->len, &e);
	if (!key->text)
		die_err(&e);
}

void key_to_open(struct master_key *key, enum master_kind kind, const struct key_source *source, const char *prompt)
{
	struct err e;

	*key = (struct master_key){.kind = kind};
	if (kind == MASTER_KEY) {
		if (!source_given(source))
			die(EX_CONFIG, "a key file is needed: give --key-file FILE or set AB_KEY_FILE");
		read_source(key, source);
		return;
	}
	key->text = passphrase_ask(prompt, false, &key->len, &e);
	if (!key->text)
		die_err(&e);
}

void key_wipe(struct master_key *key)
{
	secret_free(key->text);
	key->text = NULL;
}

struct master *unlock(void)
{
	struct key_source source = vault_key_source();
	enum master_kind kind;
	struct master_key key;
	struct master *m;
	struct err e;

	if (master_kind(&kind, &e))
		die_err(&e);
	if (kind == MASTER_PASSPHRASE && source_given(&given_key))
		die(EX_NOPERM, "wrong kind of key: this vault opens with a passphrase, not with a key file");
	for (int tries = 3;;) {
		key_to_open(&key, kind, &source, "Passphrase of the vault: ");
		m = master_open(&key, &e);
		key_wipe(&key);
		if (m)
			return m;
		if (kind != MASTER_PASSPHRASE || e.status != EX_NOPERM || !--tries)
			die_err(&e);
		warn("%s", e.text); /* a mistyped one costs no more than another try */
	}
}

static char *folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? xstrndup(file, slash == file ? 1 : (size_t)(slash - file)) : xstrdup(".");
}

void key_file_make(const char *file)
{
	unsigned char key[SEAL_KEY];
	char hex[2 * SEAL_KEY + 2];
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char *folder = folder_of(file);
	struct err e;

	if (fd < 0)
		die(EX_CANTCREAT, "make key file %s:", file);
	random_bytes(key, sizeof key);
	seal_hex(hex, key, sizeof key);
	hex[2 * SEAL_KEY] = '\n';
	if (fs_write_all(fd, hex, 2 * SEAL_KEY + 1) || fsync(fd)) {
		unlink(file);
		die(EX_IOERR, "write key file %s:", file);
	}
	close(fd);
	if (fs_sync_dir(folder, &e)) /* a vault that opens with it alone is next */
		die_err(&e);
	free(folder);
	secret_wipe(key, sizeof key);
	secret_wipe(hex, sizeof hex);
}

/* --- init --- */

static const char *kdf;
static bool make_key;

static int init_run(char **operands)
{
	struct key_source source = vault_key_source();
	struct master_key key;
	struct err e;
	int r;

	(void)operands;
	if (make_key) {
		if (!source.file)
			opt_usage("--make-key needs --key-file");
		key_file_make(source.file);
	}
	key_to_seal(&key, &source, kdf, "Passphrase for the new vault: ");
	r = master_create(&key, &e);
	key_wipe(&key);
	if (r) {
		if (make_key)
			unlink(source.file);
		die_err(&e);
	}
	return 0;
}

const struct command init_command = {
	"init", "init [--kdf COST] [--key-file FILE [--make-key]]", "Makes an empty vault, sealed with a passphrase or a key file.",
	(const struct opt[]){
		{0, "kdf", "COST", "what a passphrase costs to try: interactive, moderate (default), sensitive", &kdf, NULL, NULL},
		{0, "make-key", NULL, "make the key file first", NULL, &make_key, NULL},
		{0},
	},
	0, 0, false, init_run,
};

/* --- rekey --- */

static struct key_source new_key;
static bool fresh_master, new_passphrase;

static int rekey_run(char **operands)
{
	struct master *m = unlock();
	struct master_key key = {0};
	bool rewrap = source_given(&new_key) || new_passphrase || !fresh_master;
	struct err e;

	(void)operands;
	if (make_key) {
		if (!new_key.file)
			opt_usage("--make-key needs --new-key-file");
		key_file_make(new_key.file);
	}
	if (rewrap)
		key_to_seal(&key, &new_key, kdf, "New passphrase for the vault: ");
	if (master_rekey(m, rewrap ? &key : NULL, fresh_master, &e))
		die_err(&e);
	key_wipe(&key);
	master_close(m);
	return 0;
}

const struct command rekey_command = {
	"rekey", "rekey [--master] [--passphrase | --new-key-file FILE [--make-key] | --new-key-fd N]",
	"Seals the vault with a new passphrase or key file; with --master also makes a new master key\n"
	"and seals every file anew.",
	(const struct opt[]){
		{0, "master", NULL, "a new master key; alone, passphrase or key file stay", NULL, &fresh_master, NULL},
		{0, "passphrase", NULL, "a new passphrase (the default without --master)", NULL, &new_passphrase, NULL},
		{0, "new-key-file", "FILE", "open the vault with this key file from now on", &new_key.file, NULL, NULL},
		{0, "new-key-fd", "N", "the same, read from a descriptor", &new_key.fd, NULL, NULL},
		{0, "make-key", NULL, "make the new key file first", NULL, &make_key, NULL},
		{0, "kdf", "COST", "what a passphrase costs to try: interactive, moderate (default), sensitive", &kdf, NULL, NULL},
		{0},
	},
	0, 0, false, rekey_run,
};

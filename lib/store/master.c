#include "store/master.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "store/record.h"
#include "store/vault.h"

#define VAULT_FORMAT "ab-vault"

struct keys {
	unsigned char wrap[SEAL_KEY];     /* from the passphrase or key file */
	unsigned char master[SEAL_KEY];
	unsigned char previous[SEAL_KEY]; /* the master key before, while files are re-sealed */
	unsigned char pace[SEAL_KEY];
};

struct master {
	char *dir;
	unsigned char id[VAULT_ID];
	struct keys *keys; /* secret memory */
	jv wrap;           /* how keys->wrap comes about */
	bool moving;       /* keys->previous is still in use */
};

/* --- vault.json --- */

static jv doc_read(struct err *e)
{
	char *dir = path_vault(NULL, e), *path = path_vault("vault.json", e);
	struct str text = {0};
	jv doc = jv_invalid();

	if (!dir || !path || sealed_folder(dir, e) || sealed_fetch(path, &text, e)) {
		if (dir && e && e->status == EX_NOINPUT)
			err_set(e, EX_NOINPUT, "there is no vault in %s: make one with 'ab-vault init'", dir);
	} else {
		doc = json_parse(str_text(&text), text.len, NULL);
		if (!json_is(doc, JV_KIND_OBJECT) || wrap_doc_check(doc, VAULT_FORMAT, path, e)) {
			if (!json_is(doc, JV_KIND_OBJECT))
				err_set(e, EX_DATAERR, "%s: damaged; restore it from a backup", path);
			jv_free(doc);
			doc = jv_invalid();
		}
		str_free(&text);
	}
	free(dir);
	free(path);
	return doc;
}

static int doc_write(const struct master *m, struct err *e)
{
	char id[2 * VAULT_ID + 1], *path = xasprintf("%s/vault.json", m->dir), *text;
	jv none = jv_null(), doc;
	struct str line = {0};
	int r;

	doc = json_obj("format", jv_string(VAULT_FORMAT), "version", jv_number(1), "id",
		       jv_string(seal_hex(id, m->id, VAULT_ID)), "wrap", jv_copy(m->wrap), "master",
		       key_seal(m->keys->master, m->keys->wrap, m->id, "master", m->wrap), "pace",
		       key_seal(m->keys->pace, m->keys->master, m->id, "pace", none), NULL);
	if (m->moving)
		doc = json_set(doc, "previous", key_seal(m->keys->previous, m->keys->master, m->id, "previous", none));
	doc = json_set(doc, "check", wrap_sum(doc));
	text = json_text_sorted(doc);
	str_addf(&line, "%s\n", text);
	r = fs_replace(path, line.s, line.len, e);
	str_free(&line);
	free(text);
	free(path);
	jv_free(doc);
	return r;
}

int master_kind(enum master_kind *kind, struct err *e)
{
	jv doc = doc_read(e), wrap = json_get(doc, "wrap");
	bool ok = json_ok(doc);

	*kind = wrap_kind(wrap);
	jv_free(wrap);
	jv_free(doc);
	return ok ? 0 : -1;
}

static struct master *blank(void)
{
	struct master *m = xcalloc(1, sizeof *m);

	m->keys = secret_alloc(sizeof *m->keys);
	m->wrap = jv_null();
	return m;
}

void master_close(struct master *m)
{
	if (!m)
		return;
	secret_free(m->keys);
	jv_free(m->wrap);
	free(m->dir);
	free(m);
}

static int vault_lock(const struct master *m, struct err *e)
{
	char *path = xasprintf("%s/lock", m->dir);
	int fd = fs_lock_wait(path, e);

	free(path);
	return fd;
}

int master_create(const struct master_key *key, struct err *e)
{
	struct master *m = blank();
	char *path = NULL;
	int lock = -1, r = -1;

	if (!(m->dir = path_vault(NULL, e)) || fs_mkdirs(m->dir, e) || sealed_folder(m->dir, e) || (lock = vault_lock(m, e)) < 0)
		goto out;
	path = xasprintf("%s/vault.json", m->dir);
	if (access(path, F_OK) == 0) {
		err_set(e, EX_CANTCREAT, "there is a vault in %s already", m->dir);
		goto out;
	}
	random_bytes(m->id, sizeof m->id);
	random_bytes(m->keys->master, SEAL_KEY);
	random_bytes(m->keys->pace, SEAL_KEY);
	m->wrap = wrap_make(key);
	if (wrap_key(m->keys->wrap, m->wrap, key, e) == 0)
		r = doc_write(m, e);
out:
	if (lock >= 0)
		close(lock);
	free(path);
	master_close(m);
	return r;
}

/* Takes the keys out of DOC with keys->wrap. */
static int take_keys(struct master *m, jv doc, struct err *e)
{
	jv none = jv_null();
	const char *previous = json_str(doc, "previous", NULL);

	if (key_open(m->keys->master, json_str(doc, "master", ""), m->keys->wrap, m->id, "master", m->wrap))
		return err_set(e, EX_NOPERM, "wrong %s: the vault in %s does not open with it",
			       wrap_kind(m->wrap) == MASTER_KEY ? "key" : "passphrase", m->dir);
	if (key_open(m->keys->pace, json_str(doc, "pace", ""), m->keys->master, m->id, "pace", none) ||
	    (previous && key_open(m->keys->previous, previous, m->keys->master, m->id, "previous", none)))
		return err_set(e, EX_DATAERR, "%s/vault.json: damaged; restore it from a backup", m->dir);
	m->moving = previous != NULL;
	return 0;
}

static int finish_move(struct master *m, struct err *e);

struct master *master_open(const struct master_key *key, struct err *e)
{
	struct master *m = blank();
	jv doc = doc_read(e);
	const char *id = json_str(doc, "id", "");

	if (!json_ok(doc) || !(m->dir = path_vault(NULL, e)))
		goto bad;
	jv_free(m->wrap);
	m->wrap = json_get(doc, "wrap");
	if (seal_unhex(m->id, VAULT_ID, id, strlen(id))) {
		err_set(e, EX_DATAERR, "%s/vault.json: damaged; restore it from a backup", m->dir);
		goto bad;
	}
	if (wrap_kind(m->wrap) != key->kind) {
		err_set(e, EX_NOPERM, "wrong kind of key: the vault in %s opens with a %s", m->dir,
			key->kind == MASTER_KEY ? "passphrase" : "key file");
		goto bad;
	}
	if (wrap_key(m->keys->wrap, m->wrap, key, e) || take_keys(m, doc, e) || (m->moving && finish_move(m, e)))
		goto bad;
	jv_free(doc);
	return m;
bad:
	jv_free(doc);
	master_close(m);
	return NULL;
}

/* --- sessions --- */

static char *folder_of(const char *session, struct err *e)
{
	if (!name_valid(session)) {
		err_set(e, EX_USAGE, "'%s' is no session name: use a-z, 0-9, '.', '_' and '-', 64 at most", session);
		return NULL;
	}
	return path_vault(session, e);
}

bool master_has(const char *session)
{
	char *folder = folder_of(session, NULL), *rules = folder ? xasprintf("%s/rules", folder) : NULL;
	bool has = rules && access(rules, F_OK) == 0;

	free(rules);
	free(folder);
	return has;
}

int master_must_have(const char *session, struct err *e)
{
	char *folder = folder_of(session, e);
	int r = -1;

	if (!folder)
		return -1;
	if (!master_has(session))
		err_set(e, EX_NOINPUT, "there is no session '%s' in the vault ('ab-vault list' shows them)", session);
	else
		r = sealed_folder(folder, e);
	free(folder);
	return r;
}

jv master_sessions(struct err *e)
{
	char *dir = path_vault(NULL, e);
	jv names = jv_array();
	struct dirent *entry;
	DIR *d;

	if (!dir || !(d = opendir(dir))) {
		if (dir)
			err_set(e, EX_NOINPUT, "there is no vault in %s: make one with 'ab-vault init'", dir);
		free(dir);
		jv_free(names);
		return jv_invalid();
	}
	while ((entry = readdir(d)))
		if (name_valid(entry->d_name) && master_has(entry->d_name))
			names = json_push(names, jv_string(entry->d_name));
	closedir(d);
	free(dir);
	return jv_sort(names, jv_copy(names));
}

void master_id(const struct master *m, char out[2 * VAULT_ID + 1])
{
	seal_hex(out, m->id, VAULT_ID);
}

void master_subkey(const struct master *m, const char *session, enum part part, struct subkey *k)
{
	subkey_derive(k, m->id, m->keys->master, session, part_name(part));
}

void master_pace(const struct master *m, const struct seal_part *in, int n, char out[33])
{
	unsigned char hash[16];

	seal_hash(hash, sizeof hash, m->keys->pace, in, n);
	seal_hex(out, hash, sizeof hash);
}

jv master_read(const struct master *m, const char *session, enum part part, uint64_t *counter, struct err *e)
{
	struct subkey *k;
	char *folder;
	jv v;

	if (master_must_have(session, e) || !(folder = folder_of(session, e)))
		return jv_invalid();
	k = secret_alloc(sizeof *k);
	master_subkey(m, session, part, k);
	v = record_read(folder, k, session, part, counter, e);
	if (!json_ok(v) && errno == ENOENT && part_may_lack(part))
		v = jv_object();
	secret_free(k);
	free(folder);
	return v;
}

/* Removes a folder of plain files. */
static int remove_folder(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, EX_IOERR, "remove %s:", path);
	while (!r && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlinkat(dirfd(d), entry->d_name, 0))
			r = err_set(e, EX_IOERR, "remove %s/%s:", path, entry->d_name);
	closedir(d);
	return r || rmdir(path) ? (r ? r : err_set(e, EX_IOERR, "remove %s:", path)) : 0;
}

/* What a crash left of a `new` or an `rm`. The vault's lock is held. */
static void sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (str_starts(entry->d_name, ".new-") || str_starts(entry->d_name, ".gone-")) {
			char *path = xasprintf("%s/%s", dir, entry->d_name);

			remove_folder(path, NULL);
			free(path);
		} else if (str_starts(entry->d_name, "vault.json.")) {
			unlinkat(dirfd(d), entry->d_name, 0);
		}
	if (d)
		closedir(d);
}

static int write_all_parts(const struct master *m, const char *folder, const char *session, const jv values[PART_COUNT],
			   struct err *e)
{
	struct subkey *k = secret_alloc(sizeof *k);
	int r = 0;

	for (enum part p = 0; !r && p < PART_COUNT; p++) {
		if (p == PART_EVIDENCE)
			continue;
		master_subkey(m, session, p, k);
		r = record_write(folder, k, session, p, values[p], e);
	}
	secret_free(k);
	return r;
}

int master_new(const struct master *m, const char *session, const jv values[PART_COUNT], struct err *e)
{
	char *folder = folder_of(session, e), *tmp = NULL;
	int lock = -1, r = -1;

	if (!folder || (lock = vault_lock(m, e)) < 0)
		goto out;
	sweep(m->dir);
	if (access(folder, F_OK) == 0) { /* before a counter is raised for it */
		err_set(e, EX_CANTCREAT, "there is a session '%s' already", session);
		goto out;
	}
	tmp = xasprintf("%s/.new-%s.XXXXXX", m->dir, session);
	if (!mkdtemp(tmp)) {
		err_set(e, EX_CANTCREAT, "make a folder in %s:", m->dir);
		goto out;
	}
	r = write_all_parts(m, tmp, session, values, e);
	if (!r && rename(tmp, folder))
		r = err_set(e, EX_CANTCREAT, "make %s:", folder);
	if (r)
		remove_folder(tmp, NULL);
	else
		r = fs_sync_dir(m->dir, e);
out:
	if (lock >= 0)
		close(lock);
	free(tmp);
	free(folder);
	return r;
}

int master_change(const struct master *m, const char *session, const jv values[PART_COUNT], const uint64_t *counters,
		  struct err *e)
{
	struct subkey *k = secret_alloc(PART_COUNT * sizeof *k);
	struct record_new parts[PART_COUNT];
	char *folder = folder_of(session, e);
	int n = 0, r = -1;

	for (enum part p = 0; p < PART_COUNT; p++)
		if (part_is_written(p)) {
			master_subkey(m, session, p, &k[n]);
			parts[n] = (struct record_new){p, values[p], &k[n], counters != NULL, counters ? counters[p] : 0};
			n++;
		}
	if (folder && !master_must_have(session, e))
		r = record_change(folder, session, parts, n, e);
	free(folder);
	secret_free(k);
	return r;
}

int master_replace(const struct master *m, const char *session, enum part part, jv value, uint64_t counter, struct err *e)
{
	struct subkey *k = secret_alloc(sizeof *k);
	char *folder = folder_of(session, e);
	int r = -1;

	master_subkey(m, session, part, k);
	if (folder && !master_must_have(session, e))
		r = record_replace(folder, k, session, part, value, counter, e);
	free(folder);
	secret_free(k);
	return r;
}

int master_remove(const char *session, struct err *e)
{
	struct master m = {.dir = path_vault(NULL, e)};
	char *folder = folder_of(session, e), *gone = NULL;
	int lock = -1, r = -1;

	if (!m.dir || !folder || master_must_have(session, e) || (lock = vault_lock(&m, e)) < 0)
		goto out;
	sweep(m.dir);
	gone = xasprintf("%s/.gone-%s", m.dir, session);
	if (rename(folder, gone))
		err_set(e, EX_IOERR, "remove %s:", folder);
	else if (!fs_sync_dir(m.dir, e))
		r = remove_folder(gone, e);
out:
	if (lock >= 0)
		close(lock);
	free(gone);
	free(folder);
	free(m.dir);
	return r;
}

/* --- a new master key --- */

static int reseal_evidence(const char *session, const struct subkey *from, const struct subkey *to, const char *name,
			   struct err *e)
{
	char *path = evidence_path(session, name, e), *what = xasprintf("evidence/%s", name);
	struct str file = {0}, text = {0};
	struct err why;
	int r = path ? sealed_fetch(path, &file, e) : -1;

	if (!r && sealed_is_under(file.s, file.len, to) == 0) {
		if (evidence_open(session, name, from, &text, &why) == 0) {
			str_reset(&file);
			sealed_make(&file, to, session, what, 1, text.s, text.len);
			r = evidence_replace(path, file.s, file.len, e);
			secret_wipe(text.s, text.len);
		} else if (why.status != EX_DATAERR) { /* what is damaged can't be opened either way */
			if (e)
				*e = why;
			r = -1;
		}
	}
	str_free(&text);
	str_free(&file);
	free(what);
	free(path);
	return r;
}

static int move_evidence(const char *session, const struct subkey *from, const struct subkey *to,
			 struct err *e)
{
	char *dir = evidence_path(session, NULL, e);
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *entry;
	int r = dir ? 0 : -1;

	while (!r && d && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && entry->d_type != DT_DIR)
			r = reseal_evidence(session, from, to, entry->d_name, e);
	if (d)
		closedir(d);
	free(dir);
	return r;
}

static int move_session(const struct master *m, const char *session, struct err *e)
{
	struct subkey *k = secret_alloc(2 * sizeof *k);
	char *folder = folder_of(session, e);
	int lock = folder ? record_lock(folder, e) : -1, r = lock < 0 ? -1 : 0;

	for (enum part p = 0; !r && p < PART_COUNT; p++) {
		subkey_derive(&k[0], m->id, m->keys->previous, session, part_name(p));
		subkey_derive(&k[1], m->id, m->keys->master, session, part_name(p));
		r = p == PART_EVIDENCE ? move_evidence(session, &k[0], &k[1], e) :
			record_reseal(folder, &k[0], &k[1], session, p, e);
	}
	if (lock >= 0)
		close(lock);
	free(folder);
	secret_free(k);
	return r;
}

/* Re-seals what is left, then forgets the old master key. The vault's lock is held. */
static int move_all(struct master *m, struct err *e)
{
	jv names = master_sessions(e);
	int r = json_ok(names) ? 0 : -1;

	for (struct json_iter it = json_iter(names); !r && json_next(&it);)
		if ((r = move_session(m, json_string(it.value, ""), e)))
			json_iter_end(&it);
	jv_free(names);
	if (r)
		return r;
	m->moving = false;
	secret_wipe(m->keys->previous, SEAL_KEY);
	return doc_write(m, e);
}

/* Reads vault.json again, now that we hold the lock. */
static int reload(struct master *m, struct err *e)
{
	jv doc = doc_read(e), wrap = json_get(doc, "wrap");
	int r = -1;

	if (json_ok(doc) && !json_equal(wrap, m->wrap))
		err_set(e, EX_TEMPFAIL, "the vault was rekeyed meanwhile; try again");
	else if (json_ok(doc))
		r = take_keys(m, doc, e);
	jv_free(wrap);
	jv_free(doc);
	return r;
}

static int finish_move(struct master *m, struct err *e)
{
	int lock = vault_lock(m, e), r = -1;

	if (lock < 0)
		return -1;
	sweep(m->dir);
	r = reload(m, e);
	if (!r && m->moving)
		r = move_all(m, e);
	close(lock);
	return r;
}

/* Programs that run hold the old subkeys: what they sealed on the way would be lost. */
static int nobody_runs(struct err *e)
{
	jv names = master_sessions(e);
	int r = json_ok(names) ? 0 : -1;

	for (struct json_iter it = json_iter(names); !r && json_next(&it);) {
		char *dir = path_run(json_string(it.value, ""), "lock", e);
		DIR *d = dir ? opendir(dir) : NULL;
		struct dirent *entry;

		while (!r && d && (entry = readdir(d))) {
			char *path = xasprintf("%s/%s", dir, entry->d_name);
			pid_t pid = entry->d_name[0] == '.' ? 0 : fs_lock_holder(path);

			if (pid)
				r = err_set(e, EX_TEMPFAIL, "%s of %s runs as process %ld; stop it first", entry->d_name,
					    json_string(it.value, ""), (long)pid);
			free(path);
		}
		if (d)
			closedir(d);
		free(dir);
		if (r)
			json_iter_end(&it);
	}
	jv_free(names);
	return r;
}

int master_rekey(struct master *m, const struct master_key *key, bool fresh, struct err *e)
{
	int lock = vault_lock(m, e), r = -1;

	if (lock < 0 || (fresh && nobody_runs(e)) || reload(m, e))
		goto out;
	sweep(m->dir);
	if (key) {
		jv_free(m->wrap);
		m->wrap = wrap_make(key);
		if (wrap_key(m->keys->wrap, m->wrap, key, e))
			goto out;
	}
	if (fresh) {
		memcpy(m->keys->previous, m->keys->master, SEAL_KEY);
		random_bytes(m->keys->master, SEAL_KEY);
		m->moving = true;
	}
	r = doc_write(m, e);
	if (!r && m->moving)
		r = move_all(m, e);
out:
	if (lock >= 0)
		close(lock);
	return r;
}

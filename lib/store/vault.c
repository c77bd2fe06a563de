#include "store/vault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "store/record.h"

/* Opens the way to one part: its folder and its key (secret_free). NULL with *e. */
static struct subkey *way_to(const char *session, enum part part, char **folder, struct err *e)
{
	struct subkey *k = secret_alloc(sizeof *k);

	*folder = NULL;
	if (keys_subkey(session, part, k, e) || !(*folder = path_vault(session, e)) || sealed_folder(*folder, e)) {
		free(*folder);
		*folder = NULL;
		secret_free(k);
		return NULL;
	}
	return k;
}

jv part_read_at(const char *session, enum part part, uint64_t *counter, struct err *e)
{
	char *folder;
	struct subkey *k = way_to(session, part, &folder, e);
	jv v;

	*counter = 0;
	if (!k)
		return jv_invalid();
	v = record_read(folder, k, session, part, counter, e);
	if (!json_ok(v) && errno == ENOENT && (part_may_lack(part)))
		v = jv_object();
	secret_free(k);
	free(folder);
	return v;
}

jv part_read(const char *session, enum part part, struct err *e)
{
	uint64_t unused;

	return part_read_at(session, part, &unused, e);
}

int part_write(const char *session, enum part part, jv value, struct err *e)
{
	char *folder;
	struct subkey *k = way_to(session, part, &folder, e);
	int r;

	if (!k)
		return -1;
	r = record_write(folder, k, session, part, value, e);
	secret_free(k);
	free(folder);
	return r;
}

int part_replace(const char *session, enum part part, jv value, uint64_t counter, struct err *e)
{
	char *folder;
	struct subkey *k = way_to(session, part, &folder, e);
	int r;

	if (!k)
		return -1;
	r = record_replace(folder, k, session, part, value, counter, e);
	secret_free(k);
	free(folder);
	return r;
}

/* --- evidence --- */

static bool evidence_name_ok(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= 128 && !name[n] && name[0] != '.' && name[0] != '-';
}

char *evidence_path(const char *session, const char *name, struct err *e)
{
	char *folder, *path;

	if (name && !evidence_name_ok(name)) {
		err_set(e, EX_USAGE, "'%s' is no evidence name: use letters, digits, '.', '_' and '-', 128 at most", name);
		return NULL;
	}
	folder = path_state(session, "evidence", e);
	if (!folder || !name)
		return folder;
	path = xasprintf("%s/%s", folder, name);
	free(folder);
	return path;
}

/* Under a hidden name first, so that what a crash leaves is not taken for evidence. */
int evidence_replace(const char *path, const void *file, size_t len, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = xstrndup(path, (size_t)(slash - path)), *hidden = xasprintf("%s/.%s", dir, slash + 1);
	int r = fs_replace(hidden, file, len, e);

	if (!r && rename(hidden, path))
		r = err_set(e, EX_IOERR, "write %s:", path);
	if (!r)
		r = fs_sync_dir(dir, e);
	free(hidden);
	free(dir);
	return r;
}

int evidence_put(const char *session, const char *name, const void *data, size_t len, struct err *e)
{
	char *folder = evidence_path(session, NULL, e), *path = evidence_path(session, name, e);
	char *what = xasprintf("evidence/%s", name);
	struct subkey *k = secret_alloc(sizeof *k);
	struct str file = {.max = SEALED_MAX};
	int r = -1;

	if (folder && path && !fs_mkdirs(folder, e) && !keys_subkey(session, PART_EVIDENCE, k, e)) {
		sealed_make(&file, k, session, what, 1, data, len);
		r = file.full ? err_set(e, EX_DATAERR, "%s: larger than 32 MiB", path) :
			evidence_replace(path, file.s, file.len, e);
	}
	str_free(&file);
	secret_free(k);
	free(what);
	free(path);
	free(folder);
	return r;
}

int evidence_open(const char *session, const char *name, const struct subkey *k, struct str *out, struct err *e)
{
	char *path = evidence_path(session, name, e), *what = xasprintf("evidence/%s", name), *text;
	struct str file = {0};
	uint64_t counter;
	size_t len;
	int r = -1;

	str_init(out, 0);
	if (path && sealed_fetch(path, &file, e) == 0)
		r = sealed_open(file.s, file.len, path, k, session, what, &counter, &text, &len, e);
	if (!r) {
		str_add(out, text, len);
		secret_free(text);
	}
	str_free(&file);
	free(what);
	free(path);
	return r;
}

int evidence_get(const char *session, const char *name, struct str *out, struct err *e)
{
	struct subkey *k = secret_alloc(sizeof *k);
	int r = keys_subkey(session, PART_EVIDENCE, k, e);

	str_init(out, 0);
	if (!r)
		r = evidence_open(session, name, k, out, e);
	secret_free(k);
	return r;
}

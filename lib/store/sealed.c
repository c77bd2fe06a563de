#include "store/sealed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

#define MAGIC "ab-seal1"

enum { AT_COUNTER = 8, AT_LENGTH = 16, AT_LABEL = 24, AT_KEY_ID = 40, AT_NONCE = 56, AT_BOX = 80, HASH = 16 };

static struct seal_part part_of(const char *s)
{
	return (struct seal_part){s, strlen(s)};
}

void subkey_derive(struct subkey *k, const unsigned char vault[VAULT_ID], const unsigned char master[SEAL_KEY],
		   const char *session, const char *what)
{
	struct seal_part in[] = {part_of("ab subkey 1"), {vault, VAULT_ID}, part_of(session), part_of(what)};

	memcpy(k->vault, vault, VAULT_ID);
	seal_hash(k->key, SEAL_KEY, master, in, 4);
}

static void put64(unsigned char *to, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		to[i] = (unsigned char)v;
}

static uint64_t get64(const unsigned char *from)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | from[i];
	return v;
}

static void make_label(unsigned char out[HASH], const struct subkey *k, const char *session, const char *what)
{
	struct seal_part in[] = {part_of("ab label 1"), {k->vault, VAULT_ID}, part_of(session), part_of(what)};

	seal_hash(out, HASH, NULL, in, 4);
}

static void make_key_id(unsigned char out[HASH], const struct subkey *k)
{
	struct seal_part in[] = {part_of("ab key id 1")};

	seal_hash(out, HASH, k->key, in, 1);
}

/* The associated data: one hash over all of it, so that it has one size. */
static void make_ad(unsigned char out[SEAL_KEY], const struct subkey *k, const char *session, const char *what,
		    const unsigned char *head)
{
	struct seal_part in[] = {{k->vault, VAULT_ID}, part_of(session), part_of(what), {head, AT_NONCE}};

	seal_hash(out, SEAL_KEY, NULL, in, 4);
}

static void make_sum(unsigned char out[HASH], const void *data, size_t len)
{
	seal_hash(out, HASH, NULL, &(struct seal_part){data, len}, 1);
}

void sealed_make(struct str *out, const struct subkey *k, const char *session, const char *what, uint64_t counter,
		 const void *text, size_t len)
{
	size_t box = len + SEAL_TAG, total = AT_BOX + box + HASH;
	unsigned char *file = xmalloc(total), ad[SEAL_KEY];

	memcpy(file, MAGIC, 8);
	put64(file + AT_COUNTER, counter);
	put64(file + AT_LENGTH, len);
	make_label(file + AT_LABEL, k, session, what);
	make_key_id(file + AT_KEY_ID, k);
	make_ad(ad, k, session, what, file);
	seal_box(file + AT_BOX, file + AT_NONCE, k->key, text, len, ad, sizeof ad);
	make_sum(file + AT_BOX + box, file, AT_BOX + box);
	str_add(out, file, total);
	free(file);
}

/* Everything that can be told without a key. */
static int check_shape(const unsigned char *f, size_t len, const char *path, struct err *e)
{
	unsigned char sum[HASH];
	uint64_t text;

	if (!len || (len < 8 && memcmp(f, MAGIC, len) == 0))
		return err_set(e, EX_DATAERR, "%s: cut short (%zu bytes); restore it from a backup", path, len);
	if (len < 8 || memcmp(f, MAGIC, 8) != 0)
		return err_set(e, EX_DATAERR, "%s: damaged, or no file of ours", path);
	text = len < AT_BOX ? SEALED_MAX : get64(f + AT_LENGTH);
	if (text <= SEALED_MAX && len < AT_BOX + text + SEAL_TAG + HASH)
		return err_set(e, EX_DATAERR, "%s: cut short (%zu bytes); restore it from a backup", path, len);
	make_sum(sum, f, len - HASH);
	if (len != AT_BOX + text + SEAL_TAG + HASH || memcmp(sum, f + len - HASH, HASH) != 0)
		return err_set(e, EX_DATAERR, "%s: damaged; restore it from a backup", path);
	return 0;
}

int sealed_open(const void *file, size_t file_len, const char *path, const struct subkey *k, const char *session,
		const char *what, uint64_t *counter, char **text, size_t *len, struct err *e)
{
	const unsigned char *f = file;
	unsigned char id[HASH], ad[SEAL_KEY];

	if (check_shape(f, file_len, path, e))
		return -1;
	make_label(id, k, session, what);
	if (memcmp(id, f + AT_LABEL, HASH) != 0)
		return err_set(e, EX_DATAERR, "%s: swapped: this is another session's or part's file", path);
	make_key_id(id, k);
	if (memcmp(id, f + AT_KEY_ID, HASH) != 0)
		return err_set(e, EX_NOPERM, "%s: wrong key: it is sealed under another one (after a rekey, start the programs again)",
			       path);
	*len = file_len - AT_BOX - SEAL_TAG - HASH;
	*text = secret_alloc(*len + 1);
	make_ad(ad, k, session, what, f);
	if (seal_unbox((unsigned char *)*text, f + AT_NONCE, k->key, f + AT_BOX, *len + SEAL_TAG, ad, sizeof ad)) {
		secret_free(*text);
		*text = NULL;
		return err_set(e, EX_DATAERR, "%s: damaged; restore it from a backup", path);
	}
	(*text)[*len] = '\0';
	*counter = get64(f + AT_COUNTER);
	return 0;
}

int sealed_is_under(const void *file, size_t file_len, const struct subkey *k)
{
	const unsigned char *f = file;
	unsigned char id[HASH];

	if (check_shape(f, file_len, "", NULL))
		return -1;
	make_key_id(id, k);
	return memcmp(id, f + AT_KEY_ID, HASH) == 0;
}

static int closed_to_others(const char *path, const struct stat *st, const char *mode, struct err *e)
{
	if (st->st_uid != geteuid() && geteuid() != 0)
		return err_set(e, EX_NOPERM, "%s is not yours", path);
	if (st->st_mode & 077)
		return err_set(e, EX_NOPERM, "%s: its permissions are too open: chmod %s %s", path, mode, path);
	return 0;
}

int sealed_fetch_up_to(const char *path, size_t max, struct str *out, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0 && closed_to_others(path, &st, "600", e)) {
		errno = EACCES;
		return -1;
	}
	return fs_read(path, max, out, e);
}

int sealed_fetch(const char *path, struct str *out, struct err *e)
{
	return sealed_fetch_up_to(path, SEALED_MAX, out, e);
}

int sealed_way(const char *path, struct err *e)
{
	char *real = realpath(path, NULL), *slash;
	struct stat st;
	int r = 0;

	while (!r && real && (slash = strrchr(real, '/'))) {
		slash[slash == real] = '\0'; /* "/a" leads to "/" */
		if (stat(real, &st))
			break;
		if (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
			r = err_set(e, EX_NOPERM, "%s is another user's, who could put something else in the place of %s", real, path);
		else if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
			r = err_set(e, EX_NOPERM, "%s can be written by others, who could put something else in the place of %s: chmod go-w %s",
				    real, path, real);
		if (slash == real)
			break;
	}
	free(real);
	return r;
}

int sealed_folder(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_set(e, errno == ENOENT ? EX_NOINPUT : EX_NOPERM, "open %s:", path);
	return closed_to_others(path, &st, "700", e) || sealed_way(path, e) ? -1 : 0;
}

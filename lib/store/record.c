#include "store/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#define CHANGE_MAGIC "ab-chng2"
#define CHANGE_SUM 16
#define CHANGE_MAX (PART_COUNT * (SEALED_MAX + 5) + 8 + CHANGE_SUM)

static char *in_folder(const char *folder, const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

/* --- the highest counter seen --- */

static char *seen_path(const char *session, enum part part)
{
	char *name = xasprintf("seen.%s", part_name(part)), *path = path_state(session, name, NULL);

	free(name);
	return path;
}

/* 0 when nothing was seen, or not of this vault. A torn file is a lower number, which is harmless. */
static uint64_t seen_get(const char *session, enum part part, const struct subkey *k)
{
	char *path = seen_path(session, part), id[2 * VAULT_ID + 1];
	unsigned long long counter = 0;
	struct str text = {0};

	seal_hex(id, k->vault, VAULT_ID);
	if (path && fs_read(path, 256, &text, NULL) == 0) {
		if (!str_starts(str_text(&text), id) || sscanf(str_text(&text) + 2 * VAULT_ID, " %llu", &counter) != 1)
			counter = 0;
		str_free(&text);
	}
	free(path);
	return counter;
}

/* A lower bound is all that is promised: a state folder that can't be written does not stop anything. */
static void seen_put(const char *session, enum part part, const struct subkey *k, uint64_t counter)
{
	char *path = seen_path(session, part), id[2 * VAULT_ID + 1], *text;

	if (path) {
		text = xasprintf("%s %llu\n", seal_hex(id, k->vault, VAULT_ID), (unsigned long long)counter);
		fs_replace(path, text, strlen(text), NULL);
		free(text);
	}
	free(path);
}

static int seen_check(const char *session, enum part part, const struct subkey *k, const char *path, uint64_t counter,
		      struct err *e)
{
	uint64_t seen = seen_get(session, part, k);
	char *mark;

	if (counter > seen)
		seen_put(session, part, k, counter);
	if (counter >= seen)
		return 0;
	mark = seen_path(session, part);
	err_set(e, EX_DATAERR, "%s: rolled back: record %llu, but %llu was seen before; if you restored a backup, remove %s",
		path, (unsigned long long)counter, (unsigned long long)seen, mark);
	free(mark);
	return -1;
}

/* --- the change file: magic, then per part: number (1 byte), length (4 bytes, big-endian), sealed file; at the end the hash of
 * everything before it, so that nothing damaged is put in the place of parts that are not --- */

struct piece {
	enum part part;
	const char *data;
	size_t len;
};

/* The next piece at *AT; 1, 0 at the end, -1 when the file makes no sense. */
static int change_next(const struct str *change, size_t *at, struct piece *piece)
{
	const unsigned char *p = (const unsigned char *)change->s + *at;
	size_t left;

	if (*at == 0) {
		if (change->len < 8 || memcmp(p, CHANGE_MAGIC, 8) != 0)
			return -1;
		*at = 8;
		p += 8;
	}
	left = change->len - *at;
	if (!left)
		return 0;
	if (left < 5 || p[0] >= PART_COUNT)
		return -1;
	piece->part = (enum part)p[0];
	piece->len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	piece->data = (const char *)p + 5;
	if (piece->len > left - 5)
		return -1;
	*at += 5 + piece->len;
	return 1;
}

static void change_add(struct str *change, enum part part, const struct str *sealed)
{
	unsigned char head[5] = {(unsigned char)part, (unsigned char)(sealed->len >> 24), (unsigned char)(sealed->len >> 16),
				 (unsigned char)(sealed->len >> 8), (unsigned char)sealed->len};

	if (!change->len)
		str_puts(change, CHANGE_MAGIC);
	str_add(change, head, sizeof head);
	str_add(change, sealed->s, sealed->len);
}

static void change_sum(unsigned char out[CHANGE_SUM], const struct str *change, size_t len)
{
	seal_hash(out, CHANGE_SUM, NULL, &(struct seal_part){change->s, len}, 1);
}

static void change_end(struct str *change)
{
	unsigned char sum[CHANGE_SUM];

	change_sum(sum, change, change->len);
	str_add(change, sum, sizeof sum);
}

/* All of it but the hash, which was right. -1 with errno ENOENT: there is none. */
static int change_read(const char *path, struct str *change, struct err *e)
{
	unsigned char sum[CHANGE_SUM];

	if (sealed_fetch_up_to(path, CHANGE_MAX, change, e))
		return -1;
	if (change->len >= CHANGE_SUM) {
		change->len -= CHANGE_SUM;
		change_sum(sum, change, change->len);
		if (memcmp(sum, change->s + change->len, CHANGE_SUM) == 0)
			return 0;
	}
	str_free(change);
	err_set(e, EX_DATAERR, "%s: damaged; restore the folder from a backup", path);
	errno = EINVAL;
	return -1;
}

static int change_apply(const char *folder, const char *path, const struct str *change, struct err *e)
{
	struct piece piece;
	size_t at = 0;
	int more;

	while ((more = change_next(change, &at, &piece)) > 0) {
		char *file = in_folder(folder, part_name(piece.part));
		int failed = fs_replace(file, piece.data, piece.len, e);

		free(file);
		if (failed)
			return -1;
	}
	if (more < 0)
		return err_set(e, EX_DATAERR, "%s: damaged; restore the folder from a backup", path);
	if (fs_unlink(path, e))
		return -1;
	return fs_sync_dir(folder, e);
}

/* Removes what a crash left of fs_replace: only holders of the lock write here, so whatever has a longer name
 * than a part is nobody's. */
static void sweep(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strchr(entry->d_name, '.') && entry->d_name[0] != '.' && !str_ends(entry->d_name, ".lock"))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

int record_lock(const char *folder, struct err *e)
{
	char *lock_path = in_folder(folder, "lock"), *change_path = in_folder(folder, "change");
	int lock = fs_lock_wait(lock_path, e);
	struct str change;

	if (lock >= 0) {
		sweep(folder);
		if (change_read(change_path, &change, e) == 0) {
			if (change_apply(folder, change_path, &change, e)) {
				close(lock);
				lock = -1;
			}
			str_free(&change);
		} else if (errno != ENOENT) {
			close(lock);
			lock = -1;
		}
	}
	free(lock_path);
	free(change_path);
	return lock;
}

/* --- reading --- */

/* The part's sealed bytes, from `change` where it holds them. */
static int fetch(const char *folder, enum part part, struct str *out, struct err *e)
{
	char *path = in_folder(folder, "change");
	struct str change;
	struct piece piece;
	size_t at = 0;
	int more = 0;

	if (change_read(path, &change, e) == 0) {
		while ((more = change_next(&change, &at, &piece)) > 0 && piece.part != part)
			;
		str_init(out, 0);
		if (more > 0)
			str_add(out, piece.data, piece.len);
		str_free(&change);
	} else if (errno != ENOENT) {
		free(path);
		return -1;
	}
	if (more < 0) {
		err_set(e, EX_DATAERR, "%s: damaged; restore the folder from a backup", path);
		errno = EINVAL;
	}
	free(path);
	if (more)
		return more > 0 ? 0 : -1;
	path = in_folder(folder, part_name(part));
	more = sealed_fetch(path, out, e);
	free(path);
	return more;
}

static jv open_part(const struct str *file, const char *path, const struct subkey *k, const char *session, enum part part,
		    uint64_t *counter, struct err *e)
{
	char *text;
	size_t len;
	jv v;

	if (sealed_open(file->s, file->len, path, k, session, part_name(part), counter, &text, &len, e) ||
	    seen_check(session, part, k, path, *counter, e))
		return jv_invalid();
	v = json_parse(text, len, e);
	secret_free(text);
	return v;
}

jv record_read(const char *folder, const struct subkey *k, const char *session, enum part part, uint64_t *counter,
	       struct err *e)
{
	char *path = in_folder(folder, part_name(part));
	uint64_t unused;
	struct str file;
	jv v = jv_invalid();

	if (fetch(folder, part, &file, e) == 0) {
		v = open_part(&file, path, k, session, part, counter ? counter : &unused, e);
		str_free(&file);
		errno = EINVAL;
	} else if (errno == ENOENT && seen_get(session, part, k)) {
		err_set(e, EX_DATAERR, "%s: gone, though it was there before; restore it from a backup", path);
		errno = EINVAL;
	}
	free(path);
	return v;
}

/* --- writing --- */

/* The counter that the next writing gets. EX_NOPERM when what is there is under another key: its owner was
 * rekeyed while this program ran, and what we would write nobody could open. */
static int next_counter(const char *folder, const struct subkey *k, const char *session, enum part part, uint64_t *counter,
			struct err *e)
{
	uint64_t seen = seen_get(session, part, k);
	char *path = in_folder(folder, part_name(part)), *text = NULL;
	struct str file;
	size_t len;
	int r = 0;

	*counter = 0;
	if (fetch(folder, part, &file, e) == 0) {
		if (sealed_is_under(file.s, file.len, k) == 0)
			r = err_set(e, EX_NOPERM, "%s: wrong key: it is sealed under another one (after a rekey, start the programs again)",
				    path);
		else if (sealed_open(file.s, file.len, path, k, session, part_name(part), counter, &text, &len, NULL) == 0)
			secret_free(text);
		str_free(&file);
	} else if (errno != ENOENT) {
		r = -1;
	}
	if (*counter < seen)
		*counter = seen;
	++*counter;
	free(path);
	return r;
}

static void seal_value(struct str *out, const struct subkey *k, const char *session, enum part part, uint64_t counter,
		       jv value)
{
	char *text = json_text(value);
	size_t len = strlen(text);

	sealed_make(out, k, session, part_name(part), counter, text, len);
	secret_wipe(text, len);
	free(text);
}

static int changed_meanwhile(const char *session, struct err *e)
{
	return err_set(e, EX_TEMPFAIL, "%s was changed by someone else meanwhile", session);
}

/* EXPECT may be NULL. */
static int write_locked(const char *folder, const struct subkey *k, const char *session, enum part part, jv value,
			const uint64_t *expect, struct err *e)
{
	char *path = in_folder(folder, part_name(part));
	struct str file = {.max = SEALED_MAX};
	uint64_t counter;
	int r = next_counter(folder, k, session, part, &counter, e);

	if (!r && expect && counter != *expect + 1)
		r = changed_meanwhile(session, e);
	if (!r) {
		seal_value(&file, k, session, part, counter, value);
		if (file.full)
			r = err_set(e, EX_DATAERR, "%s: larger than 32 MiB", path);
	}
	if (!r && !(r = fs_replace(path, file.s, file.len, e)))
		seen_put(session, part, k, counter);
	str_free(&file);
	free(path);
	return r;
}

static int write_one(const char *folder, const struct subkey *k, const char *session, enum part part, jv value,
		     const uint64_t *expect, struct err *e)
{
	int lock = record_lock(folder, e), r;

	if (lock < 0)
		return -1;
	r = write_locked(folder, k, session, part, value, expect, e);
	close(lock);
	return r;
}

int record_write(const char *folder, const struct subkey *k, const char *session, enum part part, jv value,
		 struct err *e)
{
	return write_one(folder, k, session, part, value, NULL, e);
}

int record_replace(const char *folder, const struct subkey *k, const char *session, enum part part, jv value, uint64_t counter,
		   struct err *e)
{
	return write_one(folder, k, session, part, value, &counter, e);
}

/* Puts all of PARTS, sealed, into CHANGE. */
static int prepare(struct str *change, uint64_t *counters, const char *folder, const char *session,
		   const struct record_new *parts, int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		const struct record_new *p = &parts[i];
		struct str sealed = {.max = SEALED_MAX};

		if (next_counter(folder, p->k, session, p->part, &counters[i], e))
			return -1;
		if (p->expect && counters[i] != p->counter + 1)
			return changed_meanwhile(session, e);
		seal_value(&sealed, p->k, session, p->part, counters[i], p->value);
		if (!sealed.full)
			change_add(change, p->part, &sealed);
		str_free(&sealed);
		if (sealed.full)
			return err_set(e, EX_DATAERR, "%s/%s: larger than 32 MiB", session, part_name(p->part));
	}
	return 0;
}

int record_change(const char *folder, const char *session, const struct record_new *parts, int n, struct err *e)
{
	uint64_t counters[PART_COUNT];
	char *path = in_folder(folder, "change");
	struct str change = {0};
	int lock = record_lock(folder, e), r = -1;

	if (lock < 0)
		goto out;
	r = prepare(&change, counters, folder, session, parts, n, e);
	if (!r) {
		size_t len = change.len;

		change_end(&change);
		r = fs_replace(path, change.s, change.len, e);
		change.len = len;
	}
	if (!r)
		r = change_apply(folder, path, &change, e);
	for (int i = 0; !r && i < n; i++)
		seen_put(session, parts[i].part, parts[i].k, counters[i]);
out:
	if (lock >= 0)
		close(lock);
	str_free(&change);
	free(path);
	return r;
}

int record_reseal(const char *folder, const struct subkey *from, const struct subkey *to, const char *session,
		  enum part part, struct err *e)
{
	char *path = in_folder(folder, part_name(part));
	struct str file = {0};
	uint64_t counter;
	jv v = jv_invalid();
	int r = sealed_fetch(path, &file, e), under;

	if (r && errno == ENOENT) {
		r = 0;
		goto out;
	}
	if (r)
		goto out;
	under = sealed_is_under(file.s, file.len, to);
	if (under == 1)
		goto out;
	v = open_part(&file, path, from, session, part, &counter, e);
	if (!json_ok(v)) {
		r = -1;
		goto out;
	}
	str_reset(&file);
	seal_value(&file, to, session, part, counter + 1, v);
	r = fs_replace(path, file.s, file.len, e);
	if (!r)
		seen_put(session, part, to, counter + 1);
out:
	jv_free(v);
	str_free(&file);
	free(path);
	return r;
}

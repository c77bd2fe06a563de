/* The vault as programs use it, by hand:
 *
 *   vault-test read SESSION PART
 *   vault-test write SESSION PART JSON
 *   vault-test evidence SESSION NAME <DATA
 *   vault-test need SESSION PART COMMAND…   keys_need first (it goes through ab-vault when they are missing)
 *   vault-test child SESSION PARTS          runs `vault-test have SESSION` with those keys alone
 *   vault-test have SESSION                 the parts whose keys are there
 *   vault-test damage FILE part SESSION PART           every bit of FILE flipped in turn, then FILE cut at every length: each
 *   vault-test damage FILE evidence SESSION NAME       time, what is read must be refused as damaged. Says how often that was.
 *   vault-test damage FILE vault KEYFILE
 *   vault-test damage FILE bundle KEYFILE
 *   vault-test keys SESSION                 all of them, as JSON, in hex
 *   vault-test master KEYFILE               the vault's master key, opened with the 32 bytes of KEYFILE, in hex */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "store/bundle.h"
#include "store/master.h"
#include "store/vault.h"

static struct err e;

static enum part part_named(const char *name)
{
	unsigned bits = parts_parse(name);
	enum part p = 0;

	while (p < PART_COUNT && bits != PART_BIT(p))
		p++;
	if (p == PART_COUNT)
		opt_usage("no part '%s'", name);
	return p;
}

static int read_part(const char *session, const char *part)
{
	jv v = part_read(session, part_named(part), &e);
	char *text;

	if (!json_ok(v))
		die_err(&e);
	text = json_text_sorted(v);
	puts(text);
	free(text);
	jv_free(v);
	return 0;
}

static int write_part(const char *session, const char *part, const char *json)
{
	jv v = json_parse(json, strlen(json), &e);

	if (!json_ok(v) || part_write(session, part_named(part), v, &e))
		die_err(&e);
	jv_free(v);
	return 0;
}

static int evidence(const char *session, const char *name)
{
	struct str data;

	if (fs_read_fd(0, "standard input", 1u << 24, &data, &e) || evidence_put(session, name, data.s, data.len, &e))
		die_err(&e);
	str_free(&data);
	return 0;
}

static int child(char **argv, const char *session, const char *parts)
{
	const char *const args[] = {argv[0], "have", session, NULL};
	struct fd_map fds[PART_COUNT];
	int nfds = 0;
	char *keys = keys_pass(session, parts_parse(parts), 10, fds, &nfds);
	const char *const env[] = {keys, NULL};
	struct proc p;

	if (proc_start(&p, &(struct proc_spec){.argv = args, .fds = fds, .nfds = nfds, .env = env}, &e))
		die_err(&e);
	proc_reap(&p, -1);
	free(keys);
	return proc_exit_status(p.status);
}

static int have(const char *session)
{
	unsigned char key[KEY_BYTES];

	for (enum part p = 0; p < PART_COUNT; p++)
		if (keys_have(session, p) && keys_get(session, p, key, &e) == 0)
			puts(part_name(p));
	return 0;
}

static int show_keys(const char *session)
{
	unsigned char key[KEY_BYTES];
	char hex[2 * KEY_BYTES + 1];
	jv all = jv_object();
	char *text;

	for (enum part p = 0; p < PART_COUNT; p++)
		if (keys_have(session, p) && keys_get(session, p, key, &e) == 0)
			all = json_set_str(all, part_name(p), seal_hex(hex, key, sizeof key));
	text = json_text(all);
	puts(text);
	free(text);
	jv_free(all);
	return 0;
}

static int show_master(const char *file)
{
	unsigned char under[SEAL_KEY], key[SEAL_KEY], id[VAULT_ID];
	char hex[2 * SEAL_KEY + 1], *path = path_vault("vault.json", &e);
	struct master_key with = {.kind = MASTER_KEY};
	jv doc = path ? json_read(path, 65536, &e) : jv_invalid(), wrap = json_get(doc, "wrap");
	const char *id_hex = json_str(doc, "id", "");
	struct str text;

	if (!json_ok(doc) || fs_read(file, SEAL_KEY, &text, &e))
		die_err(&e);
	with.text = text.s;
	with.len = text.len;
	if (seal_unhex(id, sizeof id, id_hex, strlen(id_hex)) || wrap_key(under, wrap, &with, &e) ||
	    key_open(key, json_str(doc, "master", ""), under, id, "master", wrap))
		die(EX_NOPERM, "the vault does not open with %s", file);
	puts(seal_hex(hex, key, sizeof key));
	str_free(&text);
	free(path);
	jv_free(wrap);
	jv_free(doc);
	return 0;
}

/* What is tried with a damaged file: 0 when it was taken for good. */
static char **damaged_args;

static int try_part(struct err *why)
{
	jv v = part_read(damaged_args[0], part_named(damaged_args[1]), why);
	int r = json_ok(v) ? 0 : -1;

	jv_free(v);
	return r;
}

static int try_evidence(struct err *why)
{
	struct str text;
	int r = evidence_get(damaged_args[0], damaged_args[1], &text, why);

	str_free(&text);
	return r;
}

static struct master_key key_of(struct str *text)
{
	if (fs_read(damaged_args[0], SEAL_KEY, text, &e))
		die_err(&e);
	return (struct master_key){.kind = MASTER_KEY, .text = text->s, .len = text->len};
}

static int try_vault(struct err *why)
{
	struct str text;
	struct master_key key = key_of(&text);
	struct master *m = master_open(&key, why);

	str_free(&text);
	master_close(m);
	return m ? 0 : -1;
}

static const char *damaged_file;

static int try_bundle(struct err *why)
{
	struct str text, file;
	struct master_key key = key_of(&text);
	jv v = fs_read(damaged_file, 1u << 20, &file, why) ? jv_invalid() : bundle_open(&key, str_text(&file), file.len, why);
	int r = json_ok(v) ? 0 : -1;

	str_free(&file);
	str_free(&text);
	jv_free(v);
	return r;
}

static bool refused_well(const struct err *why)
{
	static const char *const words[] = {"damaged", "cut short", "swapped", "not JSON", NULL};

	for (const char *const *w = words; *w; w++)
		if (why->status == EX_DATAERR && strstr(why->text, *w))
			return true;
	return false;
}

static void spoil(const char *file, const char *data, size_t len, int (*attempt)(struct err *), const char *how, size_t at)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC); /* O_TRUNC would have some file systems flush each time */
	struct err why = {0};

	if (fd < 0 || fs_write_all(fd, data, len) || ftruncate(fd, (off_t)len))
		die(EX_IOERR, "spoil %s:", file);
	close(fd);
	if (attempt(&why) == 0)
		die(EX_NO, "%s %s at %zu is taken for good", file, how, at);
	if (!refused_well(&why))
		die(EX_NO, "%s %s at %zu: status %d, %s", file, how, at, why.status, why.text);
}

static int damage(const char *file, const char *kind)
{
	int (*attempt)(struct err *) = strcmp(kind, "part") == 0 ? try_part : strcmp(kind, "evidence") == 0 ? try_evidence :
		strcmp(kind, "vault") == 0 ? try_vault : try_bundle;
	bool line = attempt == try_vault || attempt == try_bundle; /* whose newline at the end may go */
	struct str good;
	size_t n;

	damaged_file = file;
	if (fs_read(file, 1u << 20, &good, &e))
		die_err(&e);
	n = good.len - line;
	for (size_t at = 0; at < n; at++)
		for (int bit = 0; bit < 8; bit++) {
			good.s[at] ^= (char)(1 << bit);
			spoil(file, good.s, good.len, attempt, "flipped", at);
			good.s[at] ^= (char)(1 << bit);
		}
	for (size_t at = 0; at < n; at++)
		spoil(file, good.s, at, attempt, "cut", at);
	if (fs_replace(file, good.s, good.len, &e) || attempt(&e))
		die_err(&e);
	printf("%zu bits, %zu lengths\n", 8 * n, n);
	str_free(&good);
	return 0;
}

static int run(int argc, char **argv)
{
	const char *verb = argv[1];

	if (strcmp(verb, "read") == 0 && argc == 4)
		return read_part(argv[2], argv[3]);
	if (strcmp(verb, "write") == 0 && argc == 5)
		return write_part(argv[2], argv[3], argv[4]);
	if (strcmp(verb, "evidence") == 0 && argc == 4)
		return evidence(argv[2], argv[3]);
	if (strcmp(verb, "child") == 0 && argc == 4)
		return child(argv, argv[2], argv[3]);
	if (strcmp(verb, "have") == 0 && argc == 3)
		return have(argv[2]);
	if (strcmp(verb, "damage") == 0 && argc > 4) {
		damaged_args = argv + 4;
		return damage(argv[2], argv[3]);
	}
	if (strcmp(verb, "keys") == 0 && argc == 3)
		return show_keys(argv[2]);
	if (strcmp(verb, "master") == 0 && argc == 3)
		return show_master(argv[2]);
	opt_usage("see the source");
}

int main(int argc, char **argv)
{
	sandbox_private();
	prog = "vault-test";
	if (argc > 4 && strcmp(argv[1], "need") == 0) {
		if (keys_need(argv, argv[2], parts_parse(argv[3]), &e))
			die_err(&e);
		return run(argc - 3, argv + 3);
	}
	return argc > 2 ? run(argc, argv) : EX_USAGE;
}

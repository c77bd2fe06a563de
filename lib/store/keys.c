#include "store/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wipe.h"
#include "wire/launch.h"

#define TRIED "AB_KEYS_TRIED" /* "alice/rules,alice/state": what ab-vault was asked for already */

struct given {
	char *session;
	enum part part;
	int fd;
	void *pin; /* keeps the descriptor's memory out of swap */
};

static struct given *given;
static int ngiven;
static bool loaded;

static const char *const names[PART_COUNT] = {"secrets", "profile", "rules", "state", "evidence", "audit", "notices"};

const char *part_name(enum part part)
{
	return names[part];
}

bool part_is_written(enum part part)
{
	return part == PART_SECRETS || part == PART_PROFILE || part == PART_RULES || part == PART_NOTICES;
}

bool part_may_lack(enum part part)
{
	return part == PART_STATE || part == PART_AUDIT || part == PART_NOTICES; /* an older record has them in its rules */
}

static int part_of(const char *name, size_t len)
{
	for (int i = 0; i < PART_COUNT; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return i;
	return -1;
}

unsigned parts_parse(const char *list)
{
	unsigned parts = 0;

	if (strcmp(list, "all") == 0)
		return (1u << PART_COUNT) - 1;
	for (;; list++) {
		size_t n = strcspn(list, ",");
		int part = part_of(list, n);

		if (part < 0)
			return 0;
		parts |= PART_BIT(part);
		list += n;
		if (!*list)
			return parts;
	}
}

/* AB_KEYS may be left over from something else: only a sealed memfd of the right size is a key. */
static bool is_key(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == sizeof(struct subkey) && (fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE);
}

static void give(char *session, enum part part, int fd)
{
	given = xrealloc(given, (size_t)(ngiven + 1) * sizeof *given);
	given[ngiven++] = (struct given){session, part, fd, wipe_pin(fd, sizeof(struct subkey))};
}

static void take(const char *entry)
{
	const char *slash = strchr(entry, '/'), *eq = slash ? strchr(slash, '=') : NULL;
	long long fd;
	int part;

	if (!eq || (part = part_of(slash + 1, (size_t)(eq - slash - 1))) < 0 || str_long(eq + 1, 3, 1 << 20, &fd) ||
	    !is_key((int)fd))
		return;
	fcntl((int)fd, F_SETFD, FD_CLOEXEC); /* handed on by name only */
	give(xstrndup(entry, (size_t)(slash - entry)), (enum part)part, (int)fd);
}

static void load(void)
{
	const char *env = getenv("AB_KEYS");
	char *copy, *at, *entry;

	if (loaded)
		return;
	loaded = true;
	if (!env)
		return;
	copy = at = xstrdup(env);
	while ((entry = strsep(&at, ",")))
		take(entry);
	free(copy);
}

static struct given *find(const char *session, enum part part)
{
	load();
	for (int i = 0; i < ngiven; i++)
		if (given[i].part == part && strcmp(given[i].session, session) == 0)
			return &given[i];
	return NULL;
}

bool keys_have(const char *session, enum part part)
{
	return find(session, part) != NULL;
}

static bool tried(const char *session, enum part part)
{
	const char *list = getenv(TRIED);
	char *item = xasprintf("%s/%s", session, part_name(part));
	bool found = false;

	for (size_t n; list && *list && !found; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		found = n == strlen(item) && memcmp(list, item, n) == 0;
	}
	free(item);
	return found;
}

static void mark_tried(const char *const *sessions, int n, unsigned parts)
{
	struct str list = {0};

	if (getenv(TRIED))
		str_puts(&list, getenv(TRIED));
	for (int i = 0; i < n; i++)
		for (enum part p = 0; p < PART_COUNT; p++)
			if (parts & PART_BIT(p))
				str_addf(&list, "%s%s/%s", list.len ? "," : "", sessions[i], part_name(p));
	setenv(TRIED, str_text(&list), 1);
	str_free(&list);
}

static char *parts_text(unsigned parts)
{
	struct str list = {0};

	for (enum part p = 0; p < PART_COUNT; p++)
		if (parts & PART_BIT(p))
			str_addf(&list, "%s%s", list.len ? "," : "", part_name(p));
	return str_take(&list);
}

/* Replaces this program by ab-vault, which comes back as it was called. Returns only when it can't. */
static int through_vault(char **argv, const char *const *sessions, int n, unsigned parts, struct err *e)
{
	char *vault = program_path("ab-vault"), *list = parts_text(parts), self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	int argc = 0, at = 0;
	const char **args;

	while (argv[argc])
		argc++;
	self[len > 0 ? len : 0] = '\0';
	args = xcalloc((size_t)(argc + n + 8), sizeof *args);
	args[at++] = "ab-vault";
	args[at++] = "exec";
	args[at++] = "--parts";
	args[at++] = list;
	for (int i = 0; i < n; i++)
		args[at++] = sessions[i];
	args[at++] = "--";
	args[at++] = len > 0 ? self : argv[0];
	for (int i = 1; i < argc; i++)
		args[at++] = argv[i];
	for (int i = 0; i < ngiven; i++)
		fcntl(given[i].fd, F_SETFD, 0);
	mark_tried(sessions, n, parts);
	execvp(vault, (char *const *)args);
	err_set(e, EX_NOPERM, "start %s, which would ask for the keys:", vault);
	for (int i = 0; i < ngiven; i++)
		fcntl(given[i].fd, F_SETFD, FD_CLOEXEC);
	free(args);
	free(list);
	free(vault);
	return -1;
}

int keys_need_all(char **argv, const char *const *sessions, int n, unsigned parts, struct err *e)
{
	unsigned missing = 0;

	for (int i = 0; i < n; i++) {
		if (!name_valid(sessions[i]))
			return err_set(e, EX_USAGE, "'%s' is no session name: use a-z, 0-9, '.', '_' and '-', 64 at most", sessions[i]);
		for (enum part p = 0; p < PART_COUNT; p++) {
			if (!(parts & PART_BIT(p)) || keys_have(sessions[i], p))
				continue;
			if (tried(sessions[i], p))
				return err_set(e, EX_NOPERM, "ab-vault exec brought no key for %s/%s", sessions[i], part_name(p));
			missing |= PART_BIT(p);
		}
	}
	if (missing)
		return through_vault(argv, sessions, n, missing, e);
	unsetenv(TRIED); /* what we start may try for itself */
	return 0;
}

int keys_need(char **argv, const char *session, unsigned parts, struct err *e)
{
	return keys_need_all(argv, &session, 1, parts, e);
}

/* Keeps what is of a part in PARTS, or not SESSION's (NULL: anybody's). */
static void forget(const char *session, unsigned parts)
{
	int kept = 0;

	load();
	for (int i = 0; i < ngiven; i++) {
		if ((parts & PART_BIT(given[i].part)) || (session && strcmp(given[i].session, session) != 0)) {
			given[kept++] = given[i];
		} else {
			wipe_unpin(given[i].pin, sizeof(struct subkey));
			close(given[i].fd);
			free(given[i].session);
		}
	}
	ngiven = kept;
}

void keys_keep(unsigned keep)
{
	forget(NULL, keep);
}

void keys_drop(const char *session)
{
	forget(session, 0);
}

int keys_adopt(const char *session, enum part part, int fd, struct err *e)
{
	load();
	if (!is_key(fd))
		return err_set(e, EX_NOPERM, "what was given for %s/%s is no key", session, part_name(part));
	forget(session, ~PART_BIT(part));
	give(xstrdup(session), part, fd);
	return 0;
}

int keys_subkey(const char *session, enum part part, struct subkey *k, struct err *e)
{
	struct given *g = find(session, part);

	if (!g)
		return err_set(e, EX_NOPERM, "no key for %s/%s: start this program through 'ab-vault exec %s -- …'", session,
			       part_name(part), session);
	if (pread(g->fd, k, sizeof *k, 0) != sizeof *k)
		return err_set(e, EX_NOPERM, "the key for %s/%s can't be read", session, part_name(part));
	return 0;
}

int keys_get(const char *session, enum part part, unsigned char key[KEY_BYTES], struct err *e)
{
	struct subkey k;
	int r = keys_subkey(session, part, &k, e);

	if (!r)
		memcpy(key, k.key, KEY_BYTES);
	secret_wipe(&k, sizeof k);
	return r;
}

char *keys_inherit(void)
{
	struct str env = {0};

	load();
	for (int i = 0; i < ngiven; i++) {
		fcntl(given[i].fd, F_SETFD, 0);
		str_addf(&env, "%s%s/%s=%d", env.len ? "," : "", given[i].session, part_name(given[i].part), given[i].fd);
	}
	return str_take(&env);
}

char *keys_pass(const char *session, unsigned parts, int first, struct fd_map *fds, int *nfds)
{
	struct str env = {0};
	const char *sep = "";

	str_puts(&env, "AB_KEYS=");
	for (enum part p = 0; p < PART_COUNT; p++) {
		struct given *g = parts & PART_BIT(p) ? find(session, p) : NULL;

		if (!g)
			continue;
		fds[(*nfds)++] = (struct fd_map){g->fd, first};
		str_addf(&env, "%s%s/%s=%d", sep, session, part_name(p), first++);
		sep = ",";
	}
	return str_take(&env);
}

#include "page/weight.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

#define DEEP 16
#define LOOK_EVERY 8 /* for the children of the first */
#define LIMIT 2048 /* MiB */

/* The text of a file of /proc, as far as it fits; false when it is gone. */
static bool read_proc(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static int64_t own(pid_t pid)
{
	char path[64], text[128];
	long long resident, shared;

	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	if (!read_proc(path, text, sizeof text) || sscanf(text, "%*s %lld %lld", &resident, &shared) != 2)
		return 0;
	return (resident - shared) * sysconf(_SC_PAGESIZE);
}

/* The numbers of one thread's children, as text. */
static const char *children_of(pid_t pid, const char *thread, char *text, size_t size)
{
	char path[64 + 256];

	snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
	read_proc(path, text, size);
	return text;
}

/* The next of them; 0 after the last. */
static pid_t next(const char **at)
{
	char *end;
	long child = strtol(*at, &end, 10);

	*at = end;
	return (pid_t)child;
}

/* With those below it. What a browser starts for starting others has but one thread. */
static int64_t whole(pid_t pid, int depth)
{
	char name[32], text[4096];
	const char *at;
	int64_t sum = own(pid);
	pid_t child;

	snprintf(name, sizeof name, "%d", (int)pid);
	for (at = children_of(pid, name, text, sizeof text); depth < DEEP && (child = next(&at));)
		sum += whole(child, depth + 1);
	return sum;
}

static void look(struct weight *w)
{
	char name[32], text[4096];
	const char *at;
	DIR *threads;
	struct dirent *d;
	size_t n = 0;

	snprintf(name, sizeof name, "/proc/%d/task", (int)w->root);
	threads = opendir(name);
	while (threads && (d = readdir(threads)))
		if (*d->d_name != '.')
			for (at = children_of(w->root, d->d_name, text, sizeof text); n < WEIGHT_CHILDREN && (w->children[n] = next(&at));)
				n++;
	if (threads)
		closedir(threads);
	w->children[n] = 0;
}

static int64_t sum(const struct weight *w)
{
	int64_t bytes = own(w->root);

	for (const pid_t *child = w->children; *child; child++)
		bytes += whole(*child, 1);
	return bytes;
}

void weight_init(struct weight *w, pid_t root)
{
	*w = (struct weight){.root = root};
}

bool weight_over(struct weight *w, int64_t max)
{
	bool looked = w->looks++ % LOOK_EVERY == 0;

	if (looked)
		look(w);
	if (sum(w) <= max)
		return false;
	if (!looked) { /* what is another's by now has not been ours for long */
		look(w);
		return sum(w) > max;
	}
	return true;
}

int weight_limit(long long *mib, struct err *e)
{
	const char *given = getenv("AB_CHROMIUM_MEMORY");

	*mib = LIMIT;
	if (given && *given && str_long(given, 64, 1 << 20, mib))
		return err_set(e, EX_CONFIG, "AB_CHROMIUM_MEMORY=%.40s: not a number of MiB, 64 at least", given);
	return 0;
}

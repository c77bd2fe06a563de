#include "page/weight.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

#define DEEP 16
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

static int64_t with_children(pid_t pid, int depth);

/* What the children of one thread weigh, with theirs. */
static int64_t children_of(pid_t pid, const char *thread, int depth)
{
	char path[64 + 256], text[4096], *at, *end;
	int64_t sum = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
	if (!read_proc(path, text, sizeof text))
		return 0;
	for (at = text;; at = end) {
		long child = strtol(at, &end, 10);

		if (end == at)
			return sum;
		sum += with_children((pid_t)child, depth + 1);
	}
}

static int64_t with_children(pid_t pid, int depth)
{
	char name[64];
	int64_t sum = own(pid);
	DIR *threads;
	struct dirent *d;

	snprintf(name, sizeof name, "%d", (int)pid);
	if (depth) /* a browser starts processes from any of its threads, those that it starts for that have but one */
		return depth < DEEP ? sum + children_of(pid, name, depth) : sum;
	snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
	threads = opendir(name);
	while (threads && (d = readdir(threads)))
		if (*d->d_name != '.')
			sum += children_of(pid, d->d_name, depth);
	if (threads)
		closedir(threads);
	return sum;
}

int64_t weight_of(pid_t root)
{
	return with_children(root, 0);
}

int weight_limit(long long *mib, struct err *e)
{
	const char *given = getenv("AB_CHROMIUM_MEMORY");

	*mib = LIMIT;
	if (given && *given && str_long(given, 64, 1 << 20, mib))
		return err_set(e, EX_CONFIG, "AB_CHROMIUM_MEMORY=%.40s: not a number of MiB, 64 at least", given);
	return 0;
}

#include "page/weight.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

#define DEEP 16

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

static int64_t with_children(pid_t pid, int depth)
{
	char path[64 + 256], text[4096], *at, *end;
	int64_t sum = own(pid);
	DIR *tasks;
	struct dirent *d;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	tasks = depth < DEEP ? opendir(path) : NULL;
	while (tasks && (d = readdir(tasks))) {
		if (*d->d_name == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, d->d_name);
		if (!read_proc(path, text, sizeof text))
			continue;
		for (at = text;; at = end) {
			long child = strtol(at, &end, 10);

			if (end == at)
				break;
			sum += with_children((pid_t)child, depth + 1);
		}
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

int64_t weight_of(pid_t root)
{
	return with_children(root, 0);
}

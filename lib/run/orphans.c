#include "run/orphans.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"

#define PATIENCE 7000 /* ms; a launcher's own grace is five seconds */
#define TOLD 2000     /* ms between TERM and KILL */

/* The parent of PID, proc(5): the second word after the name, which may hold anything but ends in ')'. */
static pid_t parent_of(const char *pid)
{
	char path[64];
	struct str text;
	const char *end;
	pid_t parent = 0;

	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	if (fs_read(path, 4096, &text, NULL))
		return 0;
	end = strrchr(str_text(&text), ')');
	if (end && strlen(end) > 4)
		parent = (pid_t)atol(end + 4);
	str_free(&text);
	return parent;
}

static void signal_children(int sig)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && (d = readdir(proc)))
		if (isdigit((unsigned char)d->d_name[0]) && parent_of(d->d_name) == getpid())
			kill((pid_t)atol(d->d_name), sig);
	if (proc)
		closedir(proc);
}

void orphans_end(int signals)
{
	static const struct {
		int sig;
		int64_t wait;
	} steps[] = {{0, PATIENCE}, {SIGTERM, TOLD}, {SIGKILL, TOLD}};
	struct pollfd p = {signals, POLLIN, 0};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int64_t until = clock_mono() + steps[i].wait;

		if (steps[i].sig)
			signal_children(steps[i].sig);
		do {
			pid_t got;

			while (proc_signal_next(signals))
				;
			while ((got = waitpid(-1, NULL, WNOHANG)) > 0)
				;
			if (got < 0 && errno == ECHILD)
				return;
		} while (proc_poll(&p, 1, until) > 0);
	}
}

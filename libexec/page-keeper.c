/* ab-page-keeper: stands between ab-page-browser and its browser, as page/chromium.h says. A program of its own because it lives as long
 * as the browser does, and so should weigh next to nothing. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "page/chromium.h"
#include "page/netlog.h"
#include "page/weight.h"

#define WEIGH_AGAIN 500 /* ms: a page may take a gigabyte a second */

static const struct opt opts[] = {{0}};

static const struct opt_spec spec = {
	.program = "ab-page-keeper",
	.synopsis = "FOLDER BROWSER [ARGUMENT…]",
	.about = "Keeps the browser of ab-page-browser, and ends it with whoever started it; not for use by hand.",
	.opts = opts,
	.min = 2,
	.max = -1,
	.stop_early = true,
};

/* A line that does not fit is left out: nobody takes them. */
static void tell_again(void *ctx, const char *method, const char *url)
{
	char line[PIPE_BUF];
	int n = snprintf(line, sizeof line, "%.20s %.2000s\n", method, url);

	(void)ctx;
	if (write(CHROMIUM_AGAIN, line, (size_t)n) < 0)
		return;
}

/* As such a line: why it was ended by us. */
static void tell_end(const char *why)
{
	char line[PIPE_BUF];
	int n = snprintf(line, sizeof line, "!%s\n", why);

	if (write(CHROMIUM_AGAIN, line, (size_t)n) < 0)
		return;
}

/* True when the browser takes too much memory, after that is told. A limit of the kernel's is none: Chromium asks for a multiple of
 * what it uses. */
static bool overweight(struct weight *w, long long mib)
{
	char why[160];

	if (!weight_over(w, (int64_t)mib << 20))
		return false;
	snprintf(why, sizeof why, "the browser took more than %lld MiB of memory for this page, and was ended (AB_CHROMIUM_MEMORY)", mib);
	tell_end(why);
	return true;
}

static int open_log(const char *folder)
{
	char *path = xasprintf("%s/" CHROMIUM_LOG, folder);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	free(path);
	return fd;
}

/* Until its owner or itself ends, or it takes more than MIB; true for the last. */
static bool keep(const struct proc *browser, struct netlog *log, int signals, long long mib)
{
	struct pollfd p[4] = {{CHROMIUM_LIFE, POLLIN, 0}, {signals, POLLIN, 0}, {browser->pidfd, POLLIN, 0}, {log->in.fd, POLLIN, 0}};
	int64_t weigh = clock_mono() + WEIGH_AGAIN;
	struct weight w;

	weight_init(&w, browser->pid);
	do {
		proc_poll(p, 4, weigh);
		if (clock_mono() >= weigh) {
			if (overweight(&w, mib))
				return true;
			weigh = clock_mono() + WEIGH_AGAIN;
		}
		if (p[3].revents && !netlog_read(log, tell_again, NULL))
			p[3].fd = -1;
	} while (!p[0].revents && !p[1].revents && !p[2].revents);
	return false;
}

int main(int argc, char **argv)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, 0}, kept[] = {CHROMIUM_LIFE, CHROMIUM_LOCK, CHROMIUM_AGAIN};
	struct proc_spec start = {.fds = (const struct fd_map[]){{CHROMIUM_TO, CHROMIUM_TO}, {CHROMIUM_FROM, CHROMIUM_FROM}},
				  .nfds = 2,
				  .group = true,
				  .die_with_parent = true};
	struct proc browser;
	struct netlog log;
	const char *folder;
	pid_t group;
	struct err e;
	long long mib;
	int at, signals;
	bool over;

	sandbox_private(); /* addresses hold what is secret, too */
	at = opt_parse(argc, argv, &spec);
	folder = argv[at];
	start.argv = (const char *const *)argv + at + 1;
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (fcntl(kept[i], F_SETFD, FD_CLOEXEC))
			opt_usage("descriptor %d is not open: this is started by ab-page-browser", kept[i]);
	netlog_init(&log, open_log(folder));
	sandbox_memory_back();
	signals = proc_signals(ends, &e);
	if (weight_limit(&mib, &e) || proc_start(&browser, &start, &e)) {
		warn("%s", e.text);
		fs_remove_all(folder);
		return e.status;
	}
	close(CHROMIUM_TO);
	close(CHROMIUM_FROM);
	group = browser.pid;
	over = keep(&browser, &log, signals, mib);
	netlog_free(&log);
	proc_reap(&browser, over ? 0 : clock_mono() + CHROMIUM_GRACE);
	kill(-group, SIGKILL);
	proc_reap(&browser, -1);
	fs_remove_all(folder);
	return 0;
}

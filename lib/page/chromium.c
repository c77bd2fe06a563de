#include "page/chromium.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/sandbox.h"
#include "base/str.h"
#include "page/netlog.h"
#include "page/weight.h"
#include "page/window.h"

#define GRACE 700 /* ms for the browser to end when its pipe has closed */
#define LOOK_AGAIN 20 /* ms */
#define NOISE_MAX 4096
#define MEMORY_MAX 2048 /* MiB, unless AB_CHROMIUM_MEMORY says otherwise */
#define WEIGH_AGAIN 500 /* ms: a page may take a gigabyte a second */
#define LOG_NAME "net" /* a FIFO in the folder: the keeper reads it, nothing of it is on disk */

/* ---- its folder ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	remove(path);
	return 0;
}

static void remove_all(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int lock_of(const char *folder, int flags)
{
	char *path = xasprintf("%s/lock", folder);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

	free(path);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Removes the folders below TOP whose keeper is gone. */
static void sweep(const char *top)
{
	DIR *dir = opendir(top);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char *folder;
		int lock;

		if (!str_starts(d->d_name, "at."))
			continue;
		folder = xasprintf("%s/%s", top, d->d_name);
		lock = lock_of(folder, O_CREAT);
		if (lock >= 0) {
			remove_all(folder);
			close(lock);
		}
		free(folder);
	}
	if (dir)
		closedir(dir);
}

/* A new folder, locked: *LOCK. Caller frees; NULL with *e. */
static char *make_folder(int *lock, struct err *e)
{
	char *top = path_run(NULL, ".browser", e), *gate = NULL, *folder = NULL, *tmp;
	int door = -1;

	if (!top || fs_mkdirs(top, e))
		goto out;
	gate = xasprintf("%s/lock", top);
	door = fs_lock_wait(gate, e); /* none is swept between its birth and its lock */
	if (door < 0)
		goto out;
	sweep(top);
	folder = xasprintf("%s/at.XXXXXX", top);
	if (!mkdtemp(folder) || (*lock = lock_of(folder, O_CREAT)) < 0) {
		err_set(e, EX_CANTCREAT, "make %s for the browser's profile:", folder);
		free(folder);
		folder = NULL;
		goto out;
	}
	tmp = xasprintf("%s/tmp", folder);
	mkdir(tmp, 0700);
	free(tmp);
	tmp = xasprintf("%s/" LOG_NAME, folder);
	if (mkfifo(tmp, 0600)) { /* else the browser would make a file, and fill it */
		err_set(e, EX_CANTCREAT, "make %s for the browser's log:", tmp);
		remove_all(folder);
		free(folder);
		folder = NULL;
	}
	free(tmp);
out:
	if (door >= 0)
		close(door);
	free(gate);
	free(top);
	return folder;
}

/* ---- which one ---- */

/* Those without a window first: they take the least. */
static const struct {
	const char *path, *name;
	bool window;
} programs[] = {
	{"/usr/lib/chromium/chromium-headless-shell", "chromium-headless-shell", false},
	{NULL, "chrome-headless-shell", false},
	{"/usr/lib/chromium/chromium", "chromium", true},
};
#define PROGRAMS (sizeof programs / sizeof *programs)

static char *on_path(const char *name)
{
	const char *path = getenv("PATH");
	char *found = NULL;

	while (path && *path && !found) {
		size_t n = strcspn(path, ":");

		found = xasprintf("%.*s/%s", (int)n, path, name);
		if (access(found, X_OK)) {
			free(found);
			found = NULL;
		}
		path += n + (path[n] == ':');
	}
	return found;
}

static int none_here(bool headed, struct err *e)
{
	return err_set(e, EX_UNAVAILABLE, headed ? "no Chromium with a window is here: install the package chromium, or name one in AB_CHROMIUM" :
		       "no Chromium is here: install the package chromium-headless-shell (or chromium), or name one in AB_CHROMIUM");
}

/* Debian's scripts of these names do not exec what they start, so the programs themselves come first. */
static char *find_program(bool headed, struct err *e)
{
	const char *named = getenv("AB_CHROMIUM");
	char *found = NULL;

	if (named && *named) {
		const char *slash = strrchr(named, '/');

		if (headed && strstr(slash ? slash : named, "headless"))
			err_set(e, EX_UNAVAILABLE, "AB_CHROMIUM names %s, which has no window", named);
		else if (access(named, X_OK))
			err_set(e, EX_UNAVAILABLE, "AB_CHROMIUM names %s:", named);
		else
			found = xstrdup(named);
		return found;
	}
	for (size_t i = 0; i < PROGRAMS; i++)
		if (programs[i].path && programs[i].window >= headed && access(programs[i].path, X_OK) == 0)
			return xstrdup(programs[i].path);
	for (size_t i = 0; i < PROGRAMS && !found; i++)
		if (programs[i].window >= headed)
			found = on_path(programs[i].name);
	if (!found)
		none_here(headed, e);
	return found;
}

/* How much memory it may take, in MiB. */
static int memory_max(long long *mib, struct err *e)
{
	const char *given = getenv("AB_CHROMIUM_MEMORY");

	*mib = MEMORY_MAX;
	if (given && *given && str_long(given, 64, 1 << 20, mib))
		return err_set(e, EX_CONFIG, "AB_CHROMIUM_MEMORY=%.40s: not a number of MiB, 64 at least", given);
	return 0;
}

/* ---- start and end ---- */

/* WINDOW is NULL for a browser without one. */
static int start_keeper(struct chromium *c, const char *folder, const char *program, const struct window *window, const struct fd_map *fds,
			struct err *e)
{
	char *profile = xasprintf("--user-data-dir=%s/profile", folder), *tmp = xasprintf("TMPDIR=%s/tmp", folder);
	char *home = xasprintf("HOME=%s", folder), *log = xasprintf("--log-net-log=%s/" LOG_NAME, folder);
	static bool told;
	bool root = geteuid() == 0;
	const char *argv[] = {"/proc/self/exe", "--keep", folder, program, "--remote-debugging-pipe", profile, log,
			      /* headless-shell has no site isolation by default; every other one knows --headless */
			      window ? window->platform : "--headless", "--site-per-process", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
			      "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
			      "--disable-extensions", "--disable-default-apps", "--disable-breakpad", "--disable-crash-reporter",
			      "--disable-features=BackForwardCache,Translate,MediaRouter,OptimizationHints,AutofillServerCommunication,DeferRendererTasksAfterInput",
			      "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
			      "--disable-dev-shm-usage", window ? "--disable-backgrounding-occluded-windows" : "--mute-audio", "--password-store=basic", "--no-proxy-server",
			      "--js-flags=--max-old-space-size=512", "--renderer-process-limit=8", "--window-size=1280,1000",
			      /* a window of its first context would be one too many */
			      window ? "--no-startup-window" : "about:blank", root ? "--no-sandbox" : NULL, NULL};
	/* nothing of the person's own: no certificates, settings or keyring; and no word of what we are */
	const char *env[] = {tmp, home, "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
			     "DBUS_SESSION_BUS_ADDRESS", "AB_KEYS", "AB_KEY_FILE", window ? window->env[0] : NULL, NULL};
	struct proc_spec spec = {.argv = argv, .fds = fds, .nfds = 8, .env = env, .group = true};
	int r;

	if (root && !told)
		warn("we are root, so Chromium runs without its sandbox (--no-sandbox); as an ordinary user it has one");
	told = root;
	r = proc_start(&c->keeper, &spec, e);
	free(profile);
	free(tmp);
	free(home);
	free(log);
	return r;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_pair(int *p)
{
	close_fd(&p[0]);
	close_fd(&p[1]);
}

int chromium_start(struct chromium *c, bool headed, struct err *e)
{
	struct window window = {0};
	int to[2] = {-1, -1}, from[2] = {-1, -1}, life[2] = {-1, -1}, noise[2] = {-1, -1}, again[2] = {-1, -1}, lock = -1, r = -1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char *program = !headed || window_find(&window, e) == 0 ? find_program(headed, e) : NULL, *folder = NULL;

	long long mib;

	*c = CHROMIUM_NONE;
	if (!program || memory_max(&mib, e))
		goto out;
	folder = make_folder(&lock, e);
	if (!folder)
		goto out;
	if (null < 0 || pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) || pipe2(life, O_CLOEXEC) || pipe2(noise, O_CLOEXEC | O_NONBLOCK) ||
	    pipe2(again, O_CLOEXEC | O_NONBLOCK)) {
		err_set(e, EX_OSERR, "start a browser: make pipes:");
		goto out;
	}
	r = start_keeper(c, folder, program, headed ? &window : NULL,
			 (const struct fd_map[]){{null, 0}, {null, 1}, {noise[1], 2}, {to[0], 3}, {from[1], 4}, {life[0], 5}, {lock, 6},
					      {again[1], 7}}, e);
	if (r) {
		remove_all(folder);
		goto out;
	}
	c->to = to[1];
	c->from = from[0];
	c->life = life[1];
	c->noise = noise[0];
	c->again = again[0];
	c->folder = folder;
	folder = NULL;
	to[1] = from[0] = life[1] = noise[0] = again[0] = -1;
	fcntl(c->to, F_SETFL, O_NONBLOCK);
	fcntl(c->from, F_SETFL, O_NONBLOCK);
out:
	close_pair(to);
	close_pair(from);
	close_pair(life);
	close_pair(noise);
	close_pair(again);
	close_fd(&null);
	close_fd(&lock);
	window_free(&window);
	free(program);
	free(folder);
	return r;
}

/* Of a keeper that was killed: what it could not remove any more. The browser's processes are on their way out, and may still
 * write there. */
static void remove_left(const char *folder)
{
	int64_t until = clock_mono() + GRACE;

	while (access(folder, F_OK) == 0) {
		remove_all(folder);
		if (clock_mono() >= until)
			return;
		proc_poll(NULL, 0, clock_mono() + LOOK_AGAIN);
	}
}

void chromium_end(struct chromium *c)
{
	close_fd(&c->to);
	close_fd(&c->from);
	close_fd(&c->life);
	if (c->keeper.pid && !proc_reap(&c->keeper, clock_mono() + 3 * GRACE))
		proc_end(&c->keeper, 100); /* the kernel ends the browser with it */
	if (c->folder)
		remove_left(c->folder);
	free(c->folder);
	close_fd(&c->noise);
	close_fd(&c->again);
	*c = CHROMIUM_NONE;
}

char *chromium_last_words(struct chromium *c)
{
	char text[NOISE_MAX + 1], *line, *end;
	ssize_t n = c->noise >= 0 ? read(c->noise, text, NOISE_MAX) : 0;

	text[n > 0 ? n : 0] = '\0';
	end = text + strlen(text);
	while (end > text && (unsigned char)end[-1] <= ' ')
		*--end = '\0';
	line = strrchr(text, '\n');
	return xstrndup(line ? line + 1 : text, 200);
}

/* ---- the keeper ---- */

/* A line that does not fit is left out: nobody takes them. */
static void tell_again(void *ctx, const char *method, const char *url)
{
	char line[PIPE_BUF];
	int n = snprintf(line, sizeof line, "%.20s %.2000s\n", method, url);

	(void)ctx;
	if (write(7, line, (size_t)n) < 0)
		return;
}

/* As such a line: why it was ended by us. */
static void tell_end(const char *why)
{
	char line[PIPE_BUF];
	int n = snprintf(line, sizeof line, "!%s\n", why);

	if (write(7, line, (size_t)n) < 0)
		return;
}

/* True when the browser takes too much memory, after that is told. A limit of the kernel's is none: Chromium asks for a multiple of
 * what it uses. */
static bool overweight(pid_t browser, long long mib)
{
	char why[160];

	if (weight_of(browser) >> 20 <= mib)
		return false;
	snprintf(why, sizeof why, "the browser took more than %lld MiB of memory for this page, and was ended (AB_CHROMIUM_MEMORY)", mib);
	tell_end(why);
	return true;
}

static int open_log(const char *folder)
{
	char *path = xasprintf("%s/" LOG_NAME, folder);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	free(path);
	return fd;
}

int chromium_keep(char **argv)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, 0};
	const char *folder = argv[0];
	struct proc_spec spec = {.argv = (const char *const *)argv + 1,
				 .fds = (const struct fd_map[]){{3, 3}, {4, 4}},
				 .nfds = 2,
				 .group = true,
				 .die_with_parent = true};
	struct proc browser;
	struct err e;
	struct pollfd p[4] = {{5, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}, {open_log(folder), POLLIN, 0}};
	struct netlog log;
	pid_t group;
	long long mib;
	int64_t weigh = clock_mono() + WEIGH_AGAIN;
	bool over = false;

	fcntl(5, F_SETFD, FD_CLOEXEC);
	fcntl(6, F_SETFD, FD_CLOEXEC);
	fcntl(7, F_SETFD, FD_CLOEXEC);
	netlog_init(&log, p[3].fd);
	sandbox_memory_back();
	p[1].fd = proc_signals(ends, &e);
	if (memory_max(&mib, &e) || proc_start(&browser, &spec, &e)) {
		warn("%s", e.text);
		remove_all(folder);
		return e.status;
	}
	close(3);
	close(4);
	group = browser.pid;
	p[2].fd = browser.pidfd;
	do {
		proc_poll(p, 4, weigh);
		if (clock_mono() >= weigh) {
			over = overweight(group, mib);
			weigh = clock_mono() + WEIGH_AGAIN;
		}
		if (p[3].revents && !netlog_read(&log, tell_again, NULL))
			p[3].fd = -1;
	} while (!p[0].revents && !p[1].revents && !p[2].revents && !over);
	netlog_free(&log);
	proc_reap(&browser, over ? 0 : clock_mono() + GRACE);
	kill(-group, SIGKILL);
	proc_reap(&browser, -1);
	remove_all(folder);
	return 0;
}

#include "page/chromium.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "page/weight.h"
#include "page/window.h"
#include "wire/driver.h"

#define LOOK_AGAIN 20 /* ms */
#define NOISE_MAX 4096

/* ---- its folder ---- */

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
			fs_remove_all(folder);
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
	tmp = xasprintf("%s/" CHROMIUM_LOG, folder);
	if (mkfifo(tmp, 0600)) { /* else the browser would make a file, and fill it */
		err_set(e, EX_CANTCREAT, "make %s for the browser's log:", tmp);
		fs_remove_all(folder);
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

/* ---- start and end ---- */

/* WINDOW is NULL for a browser without one. */
static int start_keeper(struct chromium *c, const char *keeper, const char *folder, const char *program, const struct window *window, const struct fd_map *fds,
			struct err *e)
{
	char *profile = xasprintf("--user-data-dir=%s/profile", folder), *tmp = xasprintf("TMPDIR=%s/tmp", folder);
	char *home = xasprintf("HOME=%s", folder), *log = xasprintf("--log-net-log=%s/" CHROMIUM_LOG, folder);
	static bool told;
	bool root = geteuid() == 0;
	const char *argv[] = {keeper, folder, program, "--remote-debugging-pipe", profile, log,
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
	char *keeper = driver_find("page", "keeper", e), *program = !keeper ? NULL : !headed || window_find(&window, e) == 0 ? find_program(headed, e) : NULL, *folder = NULL;

	long long mib;

	*c = CHROMIUM_NONE;
	if (!program || weight_limit(&mib, e))
		goto out;
	folder = make_folder(&lock, e);
	if (!folder)
		goto out;
	if (null < 0 || pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) || pipe2(life, O_CLOEXEC) || pipe2(noise, O_CLOEXEC | O_NONBLOCK) ||
	    pipe2(again, O_CLOEXEC | O_NONBLOCK)) {
		err_set(e, EX_OSERR, "start a browser: make pipes:");
		goto out;
	}
	r = start_keeper(c, keeper, folder, program, headed ? &window : NULL,
			 (const struct fd_map[]){{null, 0}, {null, 1}, {noise[1], 2}, {to[0], CHROMIUM_TO}, {from[1], CHROMIUM_FROM},
					      {life[0], CHROMIUM_LIFE}, {lock, CHROMIUM_LOCK}, {again[1], CHROMIUM_AGAIN}}, e);
	if (r) {
		fs_remove_all(folder);
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
	free(keeper);
	free(program);
	free(folder);
	return r;
}

/* Of a keeper that was killed: what it could not remove any more. The browser's processes are on their way out, and may still
 * write there. */
static void remove_left(const char *folder)
{
	int64_t until = clock_mono() + CHROMIUM_GRACE;

	while (access(folder, F_OK) == 0) {
		fs_remove_all(folder);
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
	if (c->keeper.pid && !proc_reap(&c->keeper, clock_mono() + 3 * CHROMIUM_GRACE))
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

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int fs_read_fd(int fd, const char *name, size_t max, struct str *out, struct err *e)
{
	char chunk[16384];
	ssize_t got;
	int r = 0;

	str_init(out, max);
	while (!r && (got = read(fd, chunk, sizeof chunk)) != 0) {
		if (got < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN && (poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1) >= 0 || errno == EINTR))
				continue;
			r = err_set(e, EX_IOERR, "read %s:", name);
		} else if (str_add(out, chunk, (size_t)got)) {
			errno = EFBIG;
			r = err_set(e, EX_DATAERR, "read %s: larger than %zu bytes", name, max);
		}
	}
	explicit_bzero(chunk, sizeof chunk); /* a key, maybe */
	if (r)
		str_free(out);
	return r;
}

int fs_read(const char *path, size_t max, struct str *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r, saved;
	struct stat st;

	if (fd < 0)
		return err_set(e, errno == ENOENT ? EX_NOINPUT : EX_NOPERM, "open %s:", path);
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		errno = EINVAL;
		return err_set(e, EX_DATAERR, "open %s: not a regular file", path);
	}
	r = fs_read_fd(fd, path, max, out, e);
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int fs_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t put = write(fd, p, len);

		if (put < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN && (poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1) >= 0 || errno == EINTR))
				continue;
			return -1;
		}
		p += put;
		len -= (size_t)put;
	}
	return 0;
}

int fs_append(int fd, const void *data, size_t len, bool sync)
{
	off_t before = lseek(fd, 0, SEEK_END);
	int saved;

	if (fs_write_all(fd, data, len) == 0 && (!sync || fdatasync(fd) == 0))
		return 0;
	saved = errno;
	/* half a line would make the next one unreadable */
	if (before >= 0 && ftruncate(fd, before))
		warn("cut off what was half written:");
	errno = saved;
	return -1;
}

int fs_reserve(int fd, size_t len)
{
	off_t end = lseek(fd, 0, SEEK_END);
	int r;

	do
		r = fallocate(fd, FALLOC_FL_KEEP_SIZE, end < 0 ? 0 : end, (off_t)len);
	while (r && errno == EINTR);
	return r && (errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == EIO) ? -1 : 0;
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

int fs_sync_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return err_set(e, EX_IOERR, "open folder %s:", path);
	r = fsync(fd);
	if (r)
		err_set(e, EX_IOERR, "sync folder %s:", path);
	close(fd);
	return r;
}

int fs_replace(const char *path, const void *data, size_t len, struct err *e)
{
	char *tmp = xasprintf("%s.XXXXXX", path), *dir = dir_of(path);
	int fd = mkostemp(tmp, O_CLOEXEC), r = -1;

	if (fd < 0) {
		err_set(e, EX_CANTCREAT, "create a temporary file beside %s:", path);
		goto out;
	}
	if (fs_write_all(fd, data, len) || fsync(fd) || rename(tmp, path)) {
		err_set(e, EX_IOERR, "write %s:", path);
		unlink(tmp);
		goto out;
	}
	r = fs_sync_dir(dir, e);
out:
	if (fd >= 0)
		close(fd);
	free(tmp);
	free(dir);
	return r;
}

int fs_open_append(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, EX_CANTCREAT, "open %s for appending:", path);
	return fd;
}

int fs_mkdirs(const char *path, struct err *e)
{
	char *copy = xstrdup(path);
	struct stat st;
	int r = 0;

	for (char *p = copy + 1;; p++) {
		if (*p != '/' && *p)
			continue;
		char at = *p;

		*p = '\0';
		if (mkdir(copy, 0700) && errno != EEXIST) {
			r = err_set(e, EX_CANTCREAT, "make folder %s:", copy);
			break;
		}
		*p = at;
		if (!at)
			break;
	}
	if (!r && stat(path, &st))
		r = err_set(e, EX_IOERR, "look at folder %s:", path);
	else if (!r && !S_ISDIR(st.st_mode))
		r = err_set(e, EX_CANTCREAT, "%s is not a folder", path);
	else if (!r && (st.st_uid != geteuid() || (st.st_mode & 022)))
		r = err_set(e, EX_NOPERM, "folder %s must be yours and writable by you alone (chmod 700)", path);
	free(copy);
	return r;
}

int fs_unlink(const char *path, struct err *e)
{
	if (unlink(path) && errno != ENOENT)
		return err_set(e, EX_IOERR, "remove %s:", path);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	remove(path);
	return 0;
}

void fs_remove_all(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

pid_t fs_lock_holder(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	pid_t holder = 0;

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK && pread(fd, text, sizeof text - 1, 0) > 0)
		holder = (pid_t)atol(text);
	close(fd);
	return holder;
}

static int lock(const char *path, int how, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), r;
	char text[32];

	if (fd < 0)
		return err_set(e, EX_CANTCREAT, "open lock %s:", path);
	do
		r = flock(fd, how);
	while (r && errno == EINTR);
	if (r) {
		int saved = errno;

		close(fd);
		errno = saved;
		return err_set(e, EX_TEMPFAIL, "lock %s:", path);
	}
	/* who holds it is told to others; on a full disk it is held without */
	snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, strlen(text), 0) < 0 && errno != ENOSPC && errno != EDQUOT)
		warn("write lock %s:", path);
	return fd;
}

int fs_lock(const char *path, const char *what, struct err *e)
{
	int fd = lock(path, LOCK_EX | LOCK_NB, e);
	pid_t holder;

	if (fd >= 0 || errno != EWOULDBLOCK)
		return fd;
	holder = fs_lock_holder(path);
	if (!holder)
		return err_set(e, EX_TEMPFAIL, "%s runs already; stop that one first", what);
	return err_set(e, EX_TEMPFAIL, "%s runs already as process %ld; stop that one first", what, (long)holder);
}

int fs_lock_wait(const char *path, struct err *e)
{
	return lock(path, LOCK_EX, e);
}

static char *join(char *root, const char *session, const char *name, bool make, struct err *e)
{
	char *dir, *path;

	if (!root)
		return NULL;
	if (session && !name_valid(session)) {
		err_set(e, EX_USAGE, "'%s' is no session name: use a-z, 0-9, '.', '_' and '-', 64 at most", session);
		free(root);
		return NULL;
	}
	dir = session ? xasprintf("%s/%s", root, session) : xstrdup(root);
	free(root);
	if (make && fs_mkdirs(dir, e)) {
		free(dir);
		return NULL;
	}
	if (!name)
		return dir;
	path = xasprintf("%s/%s", dir, name);
	free(dir);
	return path;
}

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* OWN, else XDG/ab, else HOME's DEFAULT. XDG's specification says to ignore relative paths. */
static char *root_of(const char *own, const char *xdg, const char *tail, const char *home_tail, struct err *e)
{
	const char *v = env(own);

	if (v)
		return xstrdup(v);
	v = env(xdg);
	if (v && *v == '/')
		return xasprintf("%s/%s", v, tail);
	v = env("HOME");
	if (v && *v == '/')
		return xasprintf("%s/%s", v, home_tail);
	err_set(e, EX_CONFIG, "neither %s, %s nor HOME says where to keep files", own, xdg);
	return NULL;
}

char *path_state(const char *session, const char *name, struct err *e)
{
	return join(root_of("AB_STATE", "XDG_STATE_HOME", "ab", ".local/state/ab", e), session, name, true, e);
}

char *path_vault(const char *name, struct err *e)
{
	return join(root_of("AB_VAULT", "XDG_DATA_HOME", "ab/vault", ".local/share/ab/vault", e), NULL, name, false, e);
}

char *path_run(const char *session, const char *name, struct err *e)
{
	const char *v = env("AB_RUNTIME");
	char *root;

	if (v) {
		root = xstrdup(v);
	} else if ((v = env("XDG_RUNTIME_DIR")) && *v == '/') {
		root = xasprintf("%s/ab", v);
	} else {
		root = xasprintf("/run/user/%lu", (unsigned long)geteuid());
		v = access(root, W_OK | X_OK) ? NULL : root;
		root = v ? xasprintf("%s/ab", v) : xasprintf("/tmp/ab-%lu", (unsigned long)geteuid());
		free((char *)v);
	}
	return join(root, session, name, true, e);
}

int fs_memfd(const char *name, const void *data, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (fs_write_all(fd, data, len) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)) {
		close(fd);
		return -1;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

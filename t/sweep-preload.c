/* The crash sweep's hand: preloaded into every program of a pipeline, it counts their calls and kills at a chosen one, or lets the
 * disk be full from it on.
 *
 *   SWEEP_SHM      a file of at least SHARED_SIZE zero bytes, shared by all: counts, who runs, whether it has happened
 *   SWEEP_MOMENT   "ROLE KIND N POINT WHOM": at the Nth call of that kind by programs of that role (all of them
 *                  together), before, half-way through or after it, kill that process (one) or all at once (group); or
 *                  (full) that write, and those of all programs for FULL_MS, find no space left on the disk
 *
 * Without SWEEP_SHM it does nothing; without a moment it counts. It happens once. t/crash-sweep reads the same file: the
 * layout stands there too. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ROLES 24
#define KINDS 16
#define PROCESSES 4096
#define FULL_MS 1200

/* A forked child is its parent's role until it says otherwise, but ab-book's first, which is its back. */
static const char *const roles[ROLES] = {
	"other", "ab-poll", "ab-plan", "ab-book", "ab-book-back", "ab-audit", "ab-notify", "ab-login", "ab-otp",
	"ab-page-http", "ab-run", "ab-launcher", "ab-inbox-maildir", "ab-notify-file", "ab-notify-exec", "ab-vault"};
enum { ROLE_OTHER, ROLE_BOOK = 3, ROLE_BACK = 4, ROLE_LAUNCHER = 11 };

/* What is counted. The journal's writes are told from those of other files, the programs' own sockets from the site's. */
enum kind { JOURNAL, FILES, SYNC, RENAME, ASK, ANSWER, REQUEST, REPLY, EVENT, LINE, NONE };
static const char *const kinds[KINDS] = {"journal", "file", "sync", "rename", "ask", "answer", "request", "reply", "event", "line"};

enum point { BEFORE, HALF, AFTER };
static const char *const points[] = {"before", "half", "after"};

static struct shared {
	uint32_t happened, processes;
	uint64_t count[ROLES][KINDS];
	struct process {
		int32_t pid, role;
		uint64_t start; /* clock ticks since boot: with the pid, who it is */
	} process[PROCESSES];
	int64_t full_until; /* CLOCK_MONOTONIC ms */
} *shared;

static int role, forked;
static struct {
	int role, kind, point, group, full;
	uint64_t n;
} moment = {.role = -1};

static uint64_t start_of(int pid)
{
	char path[40], text[1024], *at;
	unsigned long long start = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = syscall(SYS_read, fd, text, sizeof text - 1);
	close(fd);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	at = strrchr(text, ')'); /* then the 3rd field; the start is the 22nd */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %llu", &start) == 1 ? start : 0;
}

static void enlist(void)
{
	uint32_t i = __atomic_fetch_add(&shared->processes, 1, __ATOMIC_SEQ_CST) % PROCESSES;

	shared->process[i] = (struct process){getpid(), role, start_of(getpid())};
}

static int number_of(const char *word, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i] && strcmp(list[i], word) == 0)
			return i;
	return -1;
}

static void read_moment(const char *text)
{
	char who[32], what[32], where[16], whom[16];
	unsigned long long n;

	if (!text || sscanf(text, "%31s %31s %llu %15s %15s", who, what, &n, where, whom) != 5)
		return;
	moment.role = number_of(who, roles, ROLES);
	moment.kind = number_of(what, kinds, KINDS);
	moment.point = number_of(where, points, 3);
	moment.group = strcmp(whom, "group") == 0;
	moment.full = strcmp(whom, "full") == 0;
	moment.n = n;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SWEEP_SHM");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return;
	shared = map;
	role = number_of(program_invocation_short_name, roles, ROLES);
	if (role < 0)
		role = ROLE_OTHER;
	read_moment(getenv("SWEEP_MOMENT"));
	enlist();
}

static void kill_all(void)
{
	uint32_t n = shared->processes < PROCESSES ? shared->processes : PROCESSES;

	for (int round = 0; round < 2; round++) /* again: one may just have forked */
		for (uint32_t i = 0; i < n; i++) {
			struct process *p = &shared->process[i];

			if (p->pid && p->pid != getpid() && p->start == start_of(p->pid))
				kill(p->pid, SIGKILL);
		}
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void happen(void)
{
	uint32_t not_yet = 0;

	if (!__atomic_compare_exchange_n(&shared->happened, &not_yet, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (moment.full) {
		__atomic_store_n(&shared->full_until, now() + FULL_MS, __ATOMIC_SEQ_CST);
		return;
	}
	if (moment.group)
		kill_all();
	kill(getpid(), SIGKILL);
}

/* Counts a call; true when it is the one. */
static int is_it(enum kind kind)
{
	char name[16];
	uint64_t n;

	if (!shared || kind == NONE)
		return 0;
	if (forked && role != ROLE_LAUNCHER && prctl(PR_GET_NAME, name) == 0 && strcmp(name, "ab-launcher") == 0)
		role = ROLE_LAUNCHER;
	n = __atomic_add_fetch(&shared->count[role][kind], 1, __ATOMIC_SEQ_CST);
	return role == moment.role && (int)kind == moment.kind && n == moment.n && !shared->happened;
}

/* By what FD is; *WHOLE: half a write is none (packets, and pipes up to PIPE_BUF). */
static enum kind kind_of(int fd, int writing, size_t len, int *whole)
{
	struct sockaddr_storage a = {0};
	socklen_t size = sizeof a;
	char path[40], name[512];
	struct stat st;
	ssize_t n;
	int type;

	*whole = 0;
	if (!shared || fstat(fd, &st))
		return NONE;
	if (S_ISFIFO(st.st_mode)) {
		*whole = len <= PIPE_BUF;
		return writing ? EVENT : LINE;
	}
	if (S_ISSOCK(st.st_mode) && getsockname(fd, (struct sockaddr *)&a, &size) == 0) {
		size = sizeof type;
		*whole = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM;
		if (a.ss_family == AF_UNIX)
			return writing ? ASK : ANSWER;
		return writing ? REQUEST : REPLY;
	}
	if (!S_ISREG(st.st_mode) || !writing)
		return NONE;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof name - 1);
	if (n <= 0 || strncmp(name, "/memfd:", 7) == 0)
		return NONE;
	name[n] = '\0';
	return strstr(name, "/journal.ndjson") ? JOURNAL : FILES;
}

#define REAL(function) \
	static __typeof__(&function) real; \
	if (!real) \
		real = (__typeof__(&function))dlsym(RTLD_NEXT, #function)

/* Before, and after, a call whose result is R. */
static void before(int it)
{
	if (it && moment.point == BEFORE)
		happen();
}

static ssize_t after(int it, ssize_t r)
{
	if (it)
		happen();
	return r;
}

/* A write to a file when there is no space: half of it fits. */
static ssize_t no_space(int fd, const void *data, size_t len, ssize_t (*real)(int, const void *, size_t))
{
	if (len > 1)
		return real(fd, data, len / 2);
	errno = ENOSPC;
	return -1;
}

ssize_t write(int fd, const void *data, size_t len)
{
	int whole;
	enum kind kind = kind_of(fd, 1, len, &whole);
	int it = is_it(kind);

	REAL(write);
	if (it && moment.full) {
		happen();
		it = 0;
	}
	if (role != ROLE_OTHER && (kind == JOURNAL || kind == FILES) && now() < __atomic_load_n(&shared->full_until, __ATOMIC_SEQ_CST))
		return no_space(fd, data, len, real);
	before(it);
	if (it && moment.point == HALF) {
		if (!whole && len > 1 && real(fd, data, len / 2) < 0)
			errno = 0; /* as well killed before it */
		happen();
	}
	return after(it, real(fd, data, len));
}

/* Nor does this file system keep room. */
int fallocate(int fd, int mode, off_t at, off_t len)
{
	REAL(fallocate);
	if (!shared || !moment.full)
		return real(fd, mode, at, len);
	errno = EOPNOTSUPP;
	return -1;
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	int whole, it = is_it(kind_of(fd, 1, len, &whole));

	REAL(send);
	before(it);
	if (it && moment.point == HALF) {
		if (!whole && len > 1 && real(fd, data, len / 2, flags) < 0)
			errno = 0;
		happen();
	}
	return after(it, real(fd, data, len, flags));
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	int whole, it = is_it(kind_of(fd, 1, 0, &whole));

	REAL(sendmsg);
	before(it && moment.point != AFTER);
	return after(it, real(fd, m, flags));
}

/* What was read is lost with who read it: there is only an after. */
static ssize_t was_read(int fd, ssize_t got)
{
	int saved = errno, whole;

	if (got > 0 && is_it(kind_of(fd, 0, 0, &whole)))
		happen();
	errno = saved;
	return got;
}

ssize_t read(int fd, void *to, size_t len)
{
	REAL(read);
	return was_read(fd, real(fd, to, len));
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
	REAL(recv);
	return was_read(fd, real(fd, to, len, flags));
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	REAL(recvmsg);
	return was_read(fd, real(fd, m, flags));
}

int fsync(int fd)
{
	int it = is_it(SYNC);

	REAL(fsync);
	before(it);
	return (int)after(it, real(fd));
}

int fdatasync(int fd)
{
	int it = is_it(SYNC);

	REAL(fdatasync);
	before(it);
	return (int)after(it, real(fd));
}

int rename(const char *from, const char *to)
{
	int it = is_it(RENAME);

	REAL(rename);
	before(it);
	return (int)after(it, real(from, to));
}

pid_t fork(void)
{
	pid_t pid;

	REAL(fork);
	pid = real();
	if (pid == 0 && shared) {
		role = role == ROLE_BOOK ? ROLE_BACK : role;
		forked = 1;
		enlist();
	}
	return pid;
}

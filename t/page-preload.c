/* A hand in the page agent: it counts the commands that its programs give it, and kills at a chosen one.
 *
 *   PAGE_LOG     a file to which each answered command is added: "K VERB MS", with " commit" behind it where it is one
 *   PAGE_MOMENT  "K MS WHOM": MS after the Kth command has come (0: before it is heeded) kill -9 the browser, its tabs (their
 *                processes), its keeper, the agent (us), the program that gave the command, or, of ab-book, the process
 *                that books alone (back)
 *   PAGE_KILLED  a file that is made when it happens: it happens once, in the first agent
 *
 * Only ab-page-browser has it: neither its browser nor its keeper is preloaded. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int on;             /* in the agent, with something to do */
static int count;          /* commands so far */
static char verb[16];      /* of the last */
static int commit, waited; /* it is one; it is not answered yet */
static long long came;
static struct {
	int k, ms;
	char whom[16];
} moment;
static char killed[512], log_to[512];

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("PAGE_MOMENT"), *file = getenv("PAGE_KILLED"), *to = getenv("PAGE_LOG");

	if (strcmp(program_invocation_short_name, "ab-page-browser") != 0)
		return;
	on = 1;
	if (at)
		sscanf(at, "%d %d %15s", &moment.k, &moment.ms, moment.whom);
	snprintf(killed, sizeof killed, "%s", file ? file : "");
	snprintf(log_to, sizeof log_to, "%s", to ? to : "");
	unsetenv("LD_PRELOAD");
}

/* ---- who ---- */

static int file_of(int pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : pread(fd, text, size - 1, 0);
	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0 ? (int)got : 0;
}

/* A word of the process's command line, or, of one that begins with a slash, its end; another way to say it than strstr, as its
 * words end with NUL. */
static int has_word(int pid, const char *word)
{
	char text[4096];
	int n = file_of(pid, "cmdline", text, sizeof text);

	for (char *p = text; p < text + n; p += strlen(p) + 1) {
		const char *end = *word == '/' ? strrchr(p, '/') : p;

		if (end && strcmp(end, word) == 0)
			return 1;
	}
	return 0;
}

/* Parent and process group of PID; 0 where it is gone. */
static int parent_of(int pid, int *group)
{
	char text[512], *at;
	int parent = 0;

	file_of(pid, "stat", text, sizeof text);
	at = strrchr(text, ')');
	if (at && sscanf(at, ") %*c %d %d", &parent, group) != 2)
		parent = 0;
	return parent;
}

/* Kills the processes below /proc that are so: PARENT's children with WORD (NULL: any), or those of GROUP with it. Gives
 * the last one. */
static int each(int parent, int group, const char *word, int sig)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	int found = 0;

	while (dir && (d = readdir(dir))) {
		int pid = atoi(d->d_name), its = 0, above = pid > 0 ? parent_of(pid, &its) : 0;

		if (!above || (parent ? above != parent : its != group) || (word && !has_word(pid, word)))
			continue;
		found = pid;
		if (sig)
			kill(pid, sig);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void do_kill(int agent, int client)
{
	const char *whom = moment.whom;
	int keeper = each(agent, 0, "/ab-page-keeper", 0), browser = keeper ? each(keeper, 0, NULL, 0) : 0, none, fd;

	fd = open(killed, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	close(fd);
	if (strcmp(whom, "agent") == 0)
		kill(agent, SIGKILL);
	else if (strcmp(whom, "keeper") == 0 && keeper)
		kill(keeper, SIGKILL);
	else if (strcmp(whom, "browser") == 0 && browser)
		kill(browser, SIGKILL);
	else if (strcmp(whom, "tabs") == 0 && browser)
		each(0, browser, "--type=renderer", SIGKILL);
	else if (strcmp(whom, "back") == 0)
		kill(client, SIGKILL);
	else if (strcmp(whom, "program") == 0) {
		char name[32];

		file_of(client, "comm", name, sizeof name);
		kill(strncmp(name, "ab-book-back", 12) == 0 ? parent_of(client, &none) : client, SIGKILL);
	}
}

/* Now, or by a process of its own that nobody has to wait for. */
static void happen(int socket_of)
{
	struct ucred peer = {0};
	socklen_t size = sizeof peer;
	int agent = getpid();
	pid_t pid;

	getsockopt(socket_of, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	if (!moment.ms) {
		do_kill(agent, peer.pid);
		return;
	}
	pid = fork();
	if (pid == 0) {
		close_range(0, ~0U, 0);
		signal(SIGTERM, SIG_DFL);
		if (fork() == 0) {
			struct timespec t = {moment.ms / 1000, moment.ms % 1000 * 1000000L};

			nanosleep(&t, NULL);
			do_kill(agent, peer.pid);
		}
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* ---- what passes ---- */

static int is_client(int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t size = sizeof a;

	return on && getsockname(fd, (struct sockaddr *)&a, &size) == 0 && a.ss_family == AF_UNIX;
}

#define REAL(function) \
	static __typeof__(&function) real; \
	if (!real) \
		real = (__typeof__(&function))dlsym(RTLD_NEXT, #function)

ssize_t read(int fd, void *to, size_t len)
{
	const char *text, *is;
	ssize_t got;

	REAL(read);
	got = real(fd, to, len);
	if (got <= 0 || !is_client(fd))
		return got;
	is = memmem(to, (size_t)got, "\"do\":\"", 6);
	if (is)
		snprintf(verb, sizeof verb, "%.*s", (int)strcspn(is + 6, "\""), is + 6);
	if (memmem(to, (size_t)got, "\"commit\":true", 13))
		commit = 1;
	for (text = to; (text = memchr(text, '\n', (size_t)((char *)to + got - text))) != NULL; text++) {
		came = now();
		waited = 1;
		if (++count == moment.k) {
			errno = 0;
			happen(fd);
		}
	}
	return got;
}

ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t put;

	REAL(write);
	if (waited && *log_to && is_client(fd)) {
		int to = open(log_to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		waited = 0;
		dprintf(to, "%d %s %lld%s\n", count, verb, now() - came, commit ? " commit" : "");
		close(to);
		commit = 0;
	}
	put = real(fd, data, len);
	return put;
}

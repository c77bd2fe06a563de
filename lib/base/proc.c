#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/wipe.h"

#define WAIT_LONG 3600000
#define WAIT_SHORT 20 /* ms that the stack is left as it is: to clear it costs as much as the work between two short waits */
#define MAP_MAX 64

/* Between fork and exec: only async-signal-safe calls. */
static void child(const struct proc_spec *spec, const int *moved, int report, char **environment, pid_t parent)
{
	sigset_t none;
	int top = 2, err;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (spec->group && setpgid(0, 0))
		goto fail;
	if (spec->die_with_parent) {
		prctl(PR_SET_PDEATHSIG, spec->parent_signal ? spec->parent_signal : SIGKILL);
		if (getppid() != parent) /* it ended before the prctl */
			_exit(127);
	}
	for (int i = 0; i < spec->nfds; i++) {
		if (dup2(moved[i], spec->fds[i].to) < 0)
			goto fail;
		if (spec->fds[i].to > top)
			top = spec->fds[i].to;
	}
	for (int fd = 3; fd <= top; fd++) {
		bool wanted = false;

		for (int i = 0; i < spec->nfds; i++)
			wanted |= spec->fds[i].to == fd;
		if (!wanted && fd != report)
			close(fd);
	}
	/* what lies above is close-on-exec or nobody's: mark it all */
	syscall(SYS_close_range, (unsigned)top + 1, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
	execvpe(spec->argv[0], (char *const *)spec->argv, environment);
fail:
	err = errno;
	if (write(report, &err, sizeof err) < 0)
		_exit(126);
	_exit(127);
}

static char **make_env(const char *const *changes)
{
	size_t n = 0, extra = 0, out = 0;
	char **list;

	while (environ[n])
		n++;
	while (changes && changes[extra])
		extra++;
	list = xcalloc(n + extra + 1, sizeof *list);
	for (size_t i = 0; i < n; i++) {
		bool dropped = false;

		for (size_t c = 0; c < extra; c++) {
			size_t len = strcspn(changes[c], "=");

			dropped |= strncmp(environ[i], changes[c], len) == 0 && environ[i][len] == '=';
		}
		if (!dropped)
			list[out++] = environ[i];
	}
	for (size_t c = 0; c < extra; c++)
		if (strchr(changes[c], '='))
			list[out++] = (char *)changes[c];
	return list;
}

int proc_start(struct proc *p, const struct proc_spec *spec, struct err *e)
{
	int report[2], moved[MAP_MAX], n = 0, failure = 0, r = -1;
	int floor = 3;
	char **environment;
	pid_t parent = getpid();
	ssize_t got;

	*p = PROC_NONE;
	if (spec->nfds > MAP_MAX)
		return err_set(e, EX_SOFTWARE, "start %s: too many descriptors", spec->argv[0]);
	for (int i = 0; i < spec->nfds; i++)
		if (spec->fds[i].to >= floor)
			floor = spec->fds[i].to + 1;
	environment = make_env(spec->env);
	/* sources are copied above every target first, so that no dup2 in the child overwrites a source */
	for (; n < spec->nfds; n++)
		if ((moved[n] = fcntl(spec->fds[n].from, F_DUPFD_CLOEXEC, floor)) < 0) {
			err_set(e, EX_OSERR, "start %s: duplicate descriptor %d:", spec->argv[0], spec->fds[n].from);
			goto out;
		}
	if (pipe2(report, O_CLOEXEC)) {
		err_set(e, EX_OSERR, "start %s: make a pipe:", spec->argv[0]);
		goto out;
	}
	if (report[1] < floor) {
		int high = fcntl(report[1], F_DUPFD_CLOEXEC, floor);

		close(report[1]);
		report[1] = high;
	}
	p->pid = fork();
	if (p->pid == 0)
		child(spec, moved, report[1], environment, parent);
	close(report[1]);
	if (p->pid < 0) {
		err_set(e, EX_OSERR, "start %s: fork:", spec->argv[0]);
		close(report[0]);
		*p = PROC_NONE;
		goto out;
	}
	if (spec->group)
		setpgid(p->pid, p->pid);
	do
		got = read(report[0], &failure, sizeof failure);
	while (got < 0 && errno == EINTR);
	close(report[0]);
	if (got == (ssize_t)sizeof failure) {
		waitpid(p->pid, NULL, 0);
		*p = PROC_NONE;
		errno = failure;
		err_set(e, failure == ENOENT ? EX_UNAVAILABLE : EX_OSERR, "start %s:", spec->argv[0]);
		goto out;
	}
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd >= 0)
		fcntl(p->pidfd, F_SETFD, FD_CLOEXEC);
	r = 0;
out:
	while (n--)
		close(moved[n]);
	free(environment);
	return r;
}

bool proc_reap(struct proc *p, int64_t deadline)
{
	struct pollfd ended = {p->pidfd, POLLIN, 0};
	pid_t got;

	if (!p->pid)
		return true;
	if (deadline && p->pidfd >= 0 && proc_poll(&ended, 1, deadline) <= 0)
		return false;
	do
		got = waitpid(p->pid, &p->status, deadline && p->pidfd < 0 ? 0 : WNOHANG);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return false;
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->pid = 0;
	p->pidfd = -1;
	return true;
}

void proc_signal(const struct proc *p, int sig)
{
	if (p->pid > 0)
		kill(p->pid, sig);
}

void proc_end(struct proc *p, int64_t grace)
{
	pid_t pid = p->pid;
	bool group = pid > 0 && getpgid(pid) == pid;

	if (!pid)
		return;
	kill(group ? -pid : pid, SIGTERM);
	if (!proc_reap(p, clock_mono() + grace)) {
		kill(group ? -pid : pid, SIGKILL);
		proc_reap(p, -1);
	}
	if (group)
		kill(-pid, SIGKILL);
}

int proc_exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int proc_signals(const int *sigs, struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (; *sigs; sigs++)
		sigaddset(&set, *sigs);
	if (sigprocmask(SIG_BLOCK, &set, NULL) || (fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return err_set(e, EX_OSERR, "set up signals:");
	return fd;
}

int proc_signal_next(int fd)
{
	struct signalfd_siginfo si;
	ssize_t got;

	do
		got = read(fd, &si, sizeof si);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof si ? (int)si.ssi_signo : 0;
}

int proc_poll(struct pollfd *fds, unsigned n, int64_t deadline)
{
	int most = deadline ? WAIT_SHORT : 0;

	for (;;) {
		int64_t left = deadline < 0 ? most : deadline - clock_mono();
		int r = poll(fds, n, left < 0 ? 0 : left > most ? most : (int)left);

		if (r > 0 || (r < 0 && errno != EINTR))
			return r;
		if (deadline >= 0 && clock_mono() >= deadline)
			return 0;
		if (r == 0 && most == WAIT_SHORT) {
			wipe_stack();
			most = WAIT_LONG;
		}
	}
}

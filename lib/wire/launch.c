#include "wire/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "ext/json.h"
#include "wire/rights.h"

#define MESSAGE_MAX 65536
#define GRACE 5000

static int launcher = -1; /* our end; SOCK_SEQPACKET, a JSON message each way per request */

/* What the launcher keeps of a child: where to tell its status. */
struct started {
	struct proc proc;
	int tell;
	struct started *next;
};

static jv strings(const char *const *list)
{
	jv a = jv_array();

	for (; list && *list; list++)
		a = json_push(a, jv_string(*list));
	return a;
}

/* Borrowed strings of ARRAY as a NULL-ended list; the list is the caller's. */
static const char **string_list(jv array)
{
	const char **list = xcalloc(json_len(array) + 1, sizeof *list);
	size_t n = 0;

	for (struct json_iter it = json_iter(array); json_next(&it);)
		list[n++] = json_string(it.value, "");
	return list;
}

static void start_one(struct started **all, jv request, int *fds, int nfds, struct err *e)
{
	jv argv = json_get(request, "argv"), env = json_get(request, "env"), to = json_get(request, "to");
	bool detached = json_bool(request, "detached", false);
	const char **args = string_list(argv), **changes = string_list(env);
	struct started *s = xcalloc(1, sizeof *s);
	struct fd_map maps[RIGHTS_MAX];
	int n = nfds - 1; /* the last descriptor is where to tell the status */
	struct proc_spec spec = {.argv = args, .fds = maps, .nfds = n, .env = changes, .group = true};

	for (int i = 0; i < n; i++) {
		jv t = json_at(to, i);

		maps[i] = (struct fd_map){fds[i], (int)jv_number_value(t)};
		jv_free(t);
	}
	if (proc_start(&s->proc, &spec, e) || detached) {
		if (s->proc.pidfd >= 0)
			close(s->proc.pidfd);
		free(s);
	} else {
		s->tell = fds[n];
		s->next = *all;
		*all = s;
		n++; /* kept */
	}
	for (int i = 0; i < nfds; i++)
		if (i != n - 1 || !*all || (*all)->tell != fds[i])
			close(fds[i]);
	free(args);
	free(changes);
	jv_free(argv);
	jv_free(env);
	jv_free(to);
}

static void serve_one(int sock, struct started **all, const char *text, size_t len, int *fds, int nfds)
{
	struct err e = {0};
	jv request = json_parse(text, len, &e), answer;
	pid_t pid = (pid_t)json_int(request, "signal", 0);
	char *out;

	if (pid) {
		for (struct started *s = *all; s; s = s->next)
			if (s->proc.pid == pid)
				kill(json_bool(request, "group", false) ? -pid : pid, (int)json_int(request, "sig", SIGTERM));
		jv_free(request);
		return;
	}
	start_one(all, request, fds, nfds, &e);
	answer = json_obj("status", jv_number(e.status), "text", jv_string(e.text), "pid",
			  jv_number(!e.status && !json_bool(request, "detached", false) ? (*all)->proc.pid : 0), NULL);
	out = json_text(answer);
	rights_send(sock, out, strlen(out), NULL, 0);
	free(out);
	jv_free(answer);
	jv_free(request);
}

static void reap(struct started **all)
{
	for (struct started **at = all; *at;) {
		struct started *s = *at;

		if (!proc_reap(&s->proc, 0)) {
			at = &s->next;
			continue;
		}
		fs_write_all(s->tell, &s->proc.status, sizeof s->proc.status);
		close(s->tell);
		*at = s->next;
		free(s);
	}
}

/* Our stdin and stdout are often pipes of a pipeline: whoever is at their other end waits for their end, and
 * that must not wait for us. Children are given the owner's by name. */
static void let_go(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int std = 0; null >= 0 && std <= 1; std++)
		if (fcntl(std, F_GETFD) >= 0)
			dup2(null, std);
	if (null > 2)
		close(null);
}

static _Noreturn void launcher_main(int sock)
{
	static char buf[MESSAGE_MAX];
	struct started *all = NULL;
	int sigs = proc_signals((const int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP, 0}, NULL);
	int fds[RIGHTS_MAX], nfds;

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "ab-launcher");
	let_go();
	for (;;) {
		struct pollfd p[2] = {{sock, POLLIN, 0}, {sigs, POLLIN, 0}};
		ssize_t got;

		proc_poll(p, 2, -1);
		while (proc_signal_next(sigs))
			; /* the owner decides when to stop; its end is our end */
		reap(&all);
		if (!p[0].revents)
			continue;
		got = rights_recv(sock, buf, sizeof buf - 1, fds, &nfds);
		if (got <= 0)
			break;
		serve_one(sock, &all, buf, (size_t)got, fds, nfds);
		explicit_bzero(buf, (size_t)got); /* arguments and environment of what was started */
	}
	for (struct started *s = all; s; s = s->next)
		kill(-s->proc.pid, SIGTERM);
	for (int64_t until = clock_mono() + GRACE; all; all = all->next) {
		if (!proc_reap(&all->proc, until))
			proc_end(&all->proc, 0);
	}
	_exit(0);
}

int launch_init(struct err *e)
{
	int pair[2];
	pid_t pid;

	if (launcher >= 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || (pid = fork()) < 0)
		return err_set(e, EX_OSERR, "start the launcher:");
	if (pid == 0) {
		close(pair[0]);
		launcher_main(pair[1]);
	}
	close(pair[1]);
	launcher = pair[0];
	return 0;
}

bool launch_lost(void)
{
	struct pollfd p = {launcher, 0, 0};

	return launcher >= 0 && poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

int launch(struct child *c, const char *const *argv, const struct fd_map *fds, int nfds, const char *const *env,
	   bool detached, struct err *e)
{
	int pass[RIGHTS_MAX], status[2], got_fds[RIGHTS_MAX], n, r = -1;
	char buf[4096], *text = NULL;
	jv to = jv_array(), request, answer;
	ssize_t got;

	*c = CHILD_NONE;
	if (launch_init(e))
		return -1;
	if (nfds > RIGHTS_MAX - 5)
		return err_set(e, EX_SOFTWARE, "start %s: too many descriptors", argv[0]);
	if (pipe2(status, O_CLOEXEC))
		return err_set(e, EX_OSERR, "start %s: make a pipe:", argv[0]);
	for (n = 0; n < nfds; n++) {
		pass[n] = fds[n].from;
		to = json_push(to, jv_number(fds[n].to));
	}
	/* our own standard descriptors, which may have changed since the launcher was forked */
	for (int std = detached ? 2 : 0; std <= 2; std++) {
		bool named = false;

		for (int i = 0; i < nfds; i++)
			named |= fds[i].to == std;
		if (!named && fcntl(std, F_GETFD) >= 0) {
			pass[n++] = std;
			to = json_push(to, jv_number(std));
		}
	}
	pass[n++] = status[1];
	request = json_obj("argv", strings(argv), "env", strings(env), "to", to, "detached",
			   detached ? jv_true() : jv_false(), NULL);
	text = json_text(request);
	jv_free(request);
	if (rights_send(launcher, text, strlen(text), pass, n) ||
	    (got = rights_recv(launcher, buf, sizeof buf - 1, got_fds, &n)) <= 0) {
		err_set(e, EX_OSERR, "start %s: the launcher is gone", argv[0]);
		goto out;
	}
	answer = json_parse(buf, (size_t)got, e);
	if (json_ok(answer) && json_int(answer, "status", 0))
		err_set(e, (int)json_int(answer, "status", 0), "%s", json_str(answer, "text", "?"));
	else if (json_ok(answer))
		r = 0;
	c->pid = (pid_t)json_int(answer, "pid", 0);
	jv_free(answer);
out:
	free(text);
	close(status[1]);
	if (r || detached)
		close(status[0]);
	else
		c->ended = status[0];
	return r;
}

bool child_wait(struct child *c, int64_t deadline)
{
	struct pollfd p = {c->ended, POLLIN, 0};

	if (!c->pid)
		return true;
	if (proc_poll(&p, 1, deadline) <= 0)
		return false;
	if (read(c->ended, &c->status, sizeof c->status) != (ssize_t)sizeof c->status)
		c->status = SIGKILL; /* the launcher itself was killed: how the child fares is not known */
	close(c->ended);
	c->ended = -1;
	c->pid = 0;
	return true;
}

static void tell_signal(pid_t pid, int sig, bool group)
{
	jv request = json_obj("signal", jv_number(pid), "sig", jv_number(sig), "group", group ? jv_true() : jv_false(), NULL);
	char *text = json_text(request);

	rights_send(launcher, text, strlen(text), NULL, 0);
	free(text);
	jv_free(request);
}

void child_signal(struct child *c, int sig)
{
	if (c->pid)
		tell_signal(c->pid, sig, false);
}

void child_end(struct child *c, int64_t grace)
{
	if (!c->pid)
		return;
	tell_signal(c->pid, SIGTERM, true);
	if (child_wait(c, clock_mono() + grace))
		return;
	tell_signal(c->pid, SIGKILL, true);
	child_wait(c, -1);
}

char *program_path(const char *name)
{
	const char *list = getenv("AB_BIN");
	char self[4096], *path;
	ssize_t n;

	for (; list && *list; list += strcspn(list, ":"), list += *list == ':') {
		path = xasprintf("%.*s/%s", (int)strcspn(list, ":"), list, name);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		path = xasprintf("%s/%s", self, name);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	path = xasprintf("%s/%s", AB_BINDIR, name);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return xstrdup(name);
}

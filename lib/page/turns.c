#include "page/turns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "wire/line.h"

#define DEADLINE_DEFAULT 30000
#define DEADLINE_MAX 3600000
#define FIRST_CLIENT 10000  /* ms we wait for one */
#define PATIENCE 10000      /* ms a client may take to read an answer */
#define CPU_MAX 15000       /* ms of one command: ends the agent, when nothing gentler has worked */
#define CPU_SLACK 1000      /* … or so much beyond the command's deadline, if that is sooner */
#define CLIENTS_MAX 64
#define LOCK_AGAIN 20       /* ms */

struct client {
	struct line_in in;
	struct client *next;
	bool waiting;        /* for the turn, with what follows */
	jv id, settings;
	int priority;
	unsigned long order;
	int64_t until;
	bool gone;
};

struct turns {
	int fd, epoll;
	struct client *clients, *holder; /* the holder is not in the epoll set */
	unsigned long orders;
	bool had_client, dirty;
	int64_t start;
};

/* ---- the last resort ---- */

/* What a signal handler needs, made before. */
static struct {
	char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* of the socket, "" where there is none */
	char line[512]; /* the answer to the command under way */
	size_t len;
	int fd;
} last;

static void on_cpu(int sig)
{
	(void)sig;
	if (last.len && write(last.fd, last.line, last.len) < 0)
		_exit(EX_IOERR);
	if (*last.path)
		unlink(last.path);
	_exit(EX_TEMPFAIL);
}

static void on_stop(int sig)
{
	if (*last.path)
		unlink(last.path);
	_exit(128 + sig);
}

static int64_t time_of(jv command)
{
	int64_t ms = json_int(command, "deadline_ms", DEADLINE_DEFAULT);

	return ms < 1 ? 1 : ms > DEADLINE_MAX ? DEADLINE_MAX : ms;
}

static void watch_cpu(int fd, jv command)
{
	const char *verb = json_str(command, "do", "");
	static const char *const quiet[] = {"begin", "form", "find", "rows", "test", "load", "embed", "evidence", "save", "restore"};
	bool asks = true;
	jv id = json_get(command, "id");
	char *text = json_text(id);
	long ms = time_of(command) + CPU_SLACK < CPU_MAX ? (long)time_of(command) + CPU_SLACK : CPU_MAX;
	struct itimerval t = {.it_value = {ms / 1000, ms % 1000 * 1000}};
	int n;

	for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++)
		asks &= strcmp(verb, quiet[i]) != 0;
	n = snprintf(last.line, sizeof last.line,
		     "{\"id\":%s,\"ok\":false,\"error\":{\"code\":\"limit\",\"message\":\"the command took more than %ld ms of CPU; the "
		     "page agent has ended\"},\"requests\":%d,\"sent\":\"%s\"}\n",
		     text, ms, asks, asks ? "maybe" : "no");
	last.len = n > 0 && (size_t)n < sizeof last.line ? (size_t)n : 0;
	last.fd = fd;
	signal(SIGPROF, on_cpu);
	setitimer(ITIMER_PROF, &t, NULL);
	free(text);
	jv_free(id);
}

static void unwatch_cpu(void)
{
	setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
}

/* ---- lines ---- */

static jv failure(const char *code, const char *message)
{
	return json_obj("ok", jv_false(), "error", json_obj("code", jv_string(code), "message", jv_string(message), NULL),
			"requests", jv_number(0), "sent", jv_string("no"), NULL);
}

static jv success(void)
{
	return json_obj("ok", jv_true(), "requests", jv_number(0), "sent", jv_string("no"), NULL);
}

/* One line, waiting PATIENCE for a reader that is slow. */
static int write_line(int fd, const char *text, size_t len)
{
	int64_t until = clock_mono() + PATIENCE;

	while (len) {
		ssize_t n = write(fd, text, len);

		if (n >= 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (proc_poll(&(struct pollfd){fd, POLLOUT, 0}, 1, until) <= 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

/* ANSWER (consumed) with ID as a line. */
static int put(int fd, jv id, jv answer)
{
	struct str line;
	int r;

	str_init(&line, LINE_PAGE_MAX);
	answer = json_set(answer, "id", jv_copy(id));
	if (json_add_text(&line, answer)) {
		jv requests = json_get(answer, "requests"), sent = json_get(answer, "sent");

		jv_free(answer);
		answer = json_set(failure("limit", "the answer is longer than 8 MiB"), "id", jv_copy(id));
		answer = json_set(json_set(answer, "requests", requests), "sent", sent);
		str_reset(&line);
		json_add_text(&line, answer);
	}
	str_putc(&line, '\n');
	r = write_line(fd, line.s, line.len);
	str_free(&line);
	jv_free(answer);
	return r;
}

/* A line as a command; where it is none, the answer that says so is written and *COMMAND is invalid. */
static int parse(int out, char *text, size_t len, jv *command)
{
	struct err e;

	*command = json_parse(text, len, &e);
	explicit_bzero(text, len); /* what goes into a form; the next line may be long in coming */
	if (json_is(*command, JV_KIND_OBJECT))
		return 0;
	if (json_ok(*command))
		snprintf(e.text, sizeof e.text, "a command is an object");
	jv_free(*command);
	*command = jv_invalid();
	return put(out, jv_null(), failure("usage", e.text));
}

static int64_t deadline_of(jv command)
{
	return clock_mono() + time_of(command);
}

static bool does(jv command, const char *verb)
{
	return strcmp(json_str(command, "do", ""), verb) == 0;
}

/* begin, and whatever the agent itself knows. */
static jv run(const struct turns_agent *agent, int out, jv command)
{
	jv settings = json_get(command, "settings"), answer;

	watch_cpu(out, command);
	answer = does(command, "begin") ? agent->begin(agent->ctx, settings)
					: agent->command(agent->ctx, command, deadline_of(command));
	unwatch_cpu();
	jv_free(settings);
	return answer;
}

/* ---- one client ---- */

static int stdio_line(const struct turns_agent *agent, int out, char *text, size_t len, bool *closed)
{
	jv command, id, answer;
	int r = parse(out, text, len, &command);

	if (!json_ok(command))
		return r;
	*closed = does(command, "close");
	if (*closed || does(command, "end"))
		answer = success();
	else
		answer = run(agent, out, command);
	if (does(command, "begin") && json_bool(answer, "ok", false))
		answer = json_set(answer, "dirty", jv_false());
	id = json_get(command, "id");
	r = put(out, id, answer);
	jv_free(id);
	jv_free(command);
	return r;
}

static struct pollfd idle_poll(const struct turns_agent *agent)
{
	return (struct pollfd){agent->idle_fd ? agent->idle_fd(agent->ctx) : -1, POLLIN, 0};
}

/* Until there is something to read from LINES. */
static void await_line(const struct turns_agent *agent, struct line_in *lines)
{
	while (!line_ready(lines)) {
		struct pollfd p[2] = {{lines->fd, POLLIN, 0}, idle_poll(agent)};

		if (p[1].fd < 0)
			return;
		proc_poll(p, 2, -1);
		if (p[1].revents)
			agent->idle(agent->ctx);
		if (p[0].revents)
			return;
	}
}

int turns_stdio(const struct turns_agent *agent, int in, int out)
{
	struct line_in lines;
	bool closed = false;
	char *text;
	size_t len;
	int r = 0;

	line_init(&lines, in, LINE_PAGE_MAX);
	while (!r && !closed) {
		enum line_got got;

		await_line(agent, &lines);
		got = line_next(&lines, &text, &len, -1);
		if (got == LINE_OK)
			r = len ? stdio_line(agent, out, text, len, &closed) : 0;
		else if (got == LINE_LONG)
			r = put(out, jv_null(), failure("usage", "a line of more than 8 MiB"));
		else
			break;
	}
	line_free(&lines);
	return r;
}

/* ---- several ---- */

static void watch(struct turns *t, struct client *c, int op, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};

	epoll_ctl(t->epoll, op, c ? c->in.fd : t->fd, &ev);
}

static void stop_waiting(struct client *c)
{
	jv_free(c->id);
	jv_free(c->settings);
	c->id = c->settings = jv_null();
	c->waiting = false;
}

/* Marks only: lists are being walked where this is called. sweep() frees. */
static void lose(struct turns *t, struct client *c)
{
	if (c->gone)
		return;
	c->gone = true;
	if (t->holder != c)
		watch(t, c, EPOLL_CTL_DEL, 0);
}

static void sweep(struct turns *t)
{
	for (struct client **at = &t->clients; *at;) {
		struct client *c = *at;

		if (!c->gone || c == t->holder) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		stop_waiting(c);
		close(c->in.fd);
		line_free(&c->in);
		free(c);
	}
}

static bool accept_one(struct turns *t)
{
	int fd = accept4(t->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), n = 0;
	struct client *c;

	if (fd < 0)
		return false;
	for (c = t->clients; c; c = c->next)
		n++;
	if (n >= CLIENTS_MAX) {
		close(fd);
		return true;
	}
	c = xcalloc(1, sizeof *c);
	line_init(&c->in, fd, LINE_PAGE_MAX);
	c->id = c->settings = jv_null();
	c->next = t->clients;
	t->clients = c;
	t->had_client = true;
	watch(t, c, EPOLL_CTL_ADD, EPOLLIN);
	return true;
}

static void enqueue(struct turns *t, struct client *c, jv command)
{
	c->waiting = true;
	c->id = json_get(command, "id");
	c->settings = json_get(command, "settings");
	c->priority = (int)json_int(command, "priority", 0);
	c->order = ++t->orders;
	c->until = deadline_of(command);
	watch(t, c, EPOLL_CTL_MOD, 0); /* what else it sends can wait too; its end is still told */
}

/* A command of a client without the turn. */
static void outside(struct turns *t, struct client *c, jv command)
{
	jv id = json_get(command, "id");
	bool closed = does(command, "close");
	int r = 0;

	if (does(command, "begin"))
		enqueue(t, c, command);
	else
		r = put(c->in.fd, id, closed ? success() : failure("turn", "this needs the turn: send begin first"));
	if (r || closed)
		lose(t, c);
	jv_free(id);
}

/* Reads what a client without the turn has sent, up to its begin. */
static void listen_to(struct turns *t, struct client *c)
{
	while (!c->gone && !c->waiting) {
		char *text;
		size_t len;
		jv command;

		switch (line_next(&c->in, &text, &len, 0)) {
		case LINE_OK:
			if (!len)
				break;
			if (parse(c->in.fd, text, len, &command))
				lose(t, c);
			else if (json_ok(command))
				outside(t, c, command);
			jv_free(command);
			break;
		case LINE_LONG:
			if (put(c->in.fd, jv_null(), failure("usage", "a line of more than 8 MiB")))
				lose(t, c);
			break;
		case LINE_AGAIN:
			return;
		default:
			lose(t, c);
		}
	}
}

/* Looks after everybody but the holder; gives when to look again. */
static int64_t tick(void *ctx)
{
	struct turns *t = ctx;
	struct epoll_event events[32];
	int n = epoll_wait(t->epoll, events, 32, 0);
	int64_t next = -1, now;

	for (int i = 0; i < n; i++) {
		struct client *c = events[i].data.ptr;

		if (!c)
			while (accept_one(t))
				;
		else if (c->waiting)
			lose(t, c);
		else
			listen_to(t, c);
	}
	now = clock_mono();
	for (struct client *c = t->clients; c; c = c->next) {
		if (!c->waiting || c->gone)
			continue;
		if (c->until <= now) {
			int r = put(c->in.fd, c->id, failure("busy", "another program has the turn; it was not given in time"));

			stop_waiting(c);
			watch(t, c, EPOLL_CTL_MOD, EPOLLIN);
			if (r)
				lose(t, c);
			else
				listen_to(t, c);
		}
		if (c->waiting && (next < 0 || c->until < next))
			next = c->until;
	}
	sweep(t);
	return next;
}

/* Takes the turn back. CLEAN: it was given back by `end`. */
static void release(struct turns *t, const struct turns_agent *agent, bool clean)
{
	struct client *c = t->holder;

	t->holder = NULL;
	if (!clean) {
		agent->drop(agent->ctx);
		t->dirty = true;
	}
	if (!c->gone) {
		watch(t, c, EPOLL_CTL_ADD, EPOLLIN);
		listen_to(t, c);
	}
	sweep(t);
}

/* Gives the turn to the client of the highest priority that waits longest. */
static void give(struct turns *t, const struct turns_agent *agent)
{
	struct client *best = NULL;
	jv command, answer, id;
	bool ok;

	for (struct client *c = t->clients; c; c = c->next)
		if (c->waiting && !c->gone &&
		    (!best || c->priority > best->priority || (c->priority == best->priority && c->order < best->order)))
			best = c;
	if (!best)
		return;
	t->holder = best;
	watch(t, best, EPOLL_CTL_DEL, 0);
	id = jv_copy(best->id);
	command = json_obj("do", jv_string("begin"), "id", jv_copy(id), "settings", jv_copy(best->settings), NULL);
	stop_waiting(best);
	answer = run(agent, best->in.fd, command);
	ok = json_bool(answer, "ok", false);
	if (ok)
		answer = json_set(answer, "dirty", jv_bool(t->dirty));
	if (put(best->in.fd, id, answer)) {
		best->gone = true;
		release(t, agent, true); /* it never knew that it had the turn: as dirty as before */
	} else if (ok) {
		t->dirty = false;
	} else {
		release(t, agent, true);
	}
	jv_free(command);
	jv_free(id);
}

/* A command of the holder. */
static void inside(struct turns *t, const struct turns_agent *agent, jv command)
{
	struct client *c = t->holder;
	jv id = json_get(command, "id"), answer;
	bool end = does(command, "end"), closed = does(command, "close");

	answer = end || closed ? success() : run(agent, c->in.fd, command);
	if (does(command, "begin") && json_bool(answer, "ok", false))
		answer = json_set(answer, "dirty", jv_false());
	if (put(c->in.fd, id, answer) || closed)
		c->gone = true;
	if (c->gone || end)
		release(t, agent, end);
	jv_free(id);
}

/* One line of the holder, if there is one. */
static void serve_holder(struct turns *t, const struct turns_agent *agent)
{
	struct client *c = t->holder;
	char *text;
	size_t len;
	jv command;

	switch (line_next(&c->in, &text, &len, 0)) {
	case LINE_OK:
		if (!len)
			return;
		if (parse(c->in.fd, text, len, &command)) {
			c->gone = true;
			release(t, agent, false);
		} else if (json_ok(command)) {
			inside(t, agent, command);
		}
		jv_free(command);
		return;
	case LINE_LONG:
		if (put(c->in.fd, jv_null(), failure("usage", "a line of more than 8 MiB")) == 0)
			return;
		break;
	case LINE_AGAIN:
		return;
	default:
		break;
	}
	c->gone = true;
	release(t, agent, false);
}

/* True when we may end: with page.lock held and the socket out of the way, nobody is waiting at the door.
 * Whoever comes then finds no socket, waits for the lock, looks again, and starts another agent. */
static bool may_end(struct turns *t)
{
	char *slash = strrchr(last.path, '/'), *path, *aside;
	struct err e = {0};
	bool end;
	int lock;

	if (!*last.path)
		return !accept_one(t);
	path = slash ? xasprintf("%.*s/page.lock", (int)(slash - last.path), last.path) : xstrdup("page.lock");
	lock = fs_lock(path, "the page", &e);
	free(path);
	if (lock < 0 && e.status == EX_TEMPFAIL)
		return false; /* somebody is on the way to us, or about to start another */
	aside = xasprintf("%s.end", last.path);
	rename(last.path, aside);
	end = !accept_one(t);
	if (end)
		unlink(aside);
	else
		rename(aside, last.path);
	if (end)
		*last.path = '\0';
	free(aside);
	if (lock >= 0)
		close(lock);
	return end;
}

struct turns *turns_new(int fd, struct err *e)
{
	struct turns *t;
	struct sockaddr_un a = {0};
	socklen_t len = sizeof a;

	if (getsockname(fd, (struct sockaddr *)&a, &len) || a.sun_family != AF_UNIX) {
		err_set(e, EX_USAGE, "descriptor %d is no listening Unix socket", fd);
		return NULL;
	}
	memcpy(last.path, a.sun_path, sizeof last.path);
	last.path[sizeof last.path - 1] = '\0';
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	t = xcalloc(1, sizeof *t);
	t->fd = fd;
	t->start = clock_mono();
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll < 0)
		die(EX_OSERR, "make an epoll:");
	watch(t, NULL, EPOLL_CTL_ADD, EPOLLIN);
	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	signal(SIGHUP, on_stop);
	return t;
}

struct http_aside turns_aside(struct turns *t)
{
	return (struct http_aside){t->epoll, tick, t};
}

/* Waits until something happens or DEADLINE. */
static void wait_for(struct turns *t, const struct turns_agent *agent, int64_t deadline)
{
	struct pollfd p[3] = {{t->epoll, POLLIN, 0}, {t->holder ? t->holder->in.fd : -1, POLLIN, 0}, idle_poll(agent)};

	if (t->holder && line_ready(&t->holder->in))
		return;
	proc_poll(p, 3, deadline);
	if (p[2].revents)
		agent->idle(agent->ctx);
}

void turns_serve(struct turns *t, const struct turns_agent *agent)
{
	for (;;) {
		int64_t next = tick(t);

		if (!t->holder)
			give(t, agent);
		if (t->holder)
			serve_holder(t, agent);
		if (!t->clients && (t->had_client || clock_mono() - t->start >= FIRST_CLIENT)) {
			if (may_end(t))
				return;
			next = clock_mono() + LOCK_AGAIN;
		} else if (!t->clients) {
			next = t->start + FIRST_CLIENT;
		} else if (!t->holder) {
			next = clock_mono() + LOCK_AGAIN;
			for (struct client *c = t->clients; c && next; c = c->next)
				if (c->waiting)
					next = 0;
			next = next ? -1 : 0;
		}
		if (next)
			wait_for(t, agent, next);
	}
}

void turns_free(struct turns *t)
{
	if (!t)
		return;
	for (struct client *c = t->clients; c; c = c->next)
		c->gone = true;
	t->holder = NULL;
	sweep(t);
	close(t->epoll);
	close(t->fd);
	free(t);
}

int turns_run(struct turns_agent *agent, int fd, struct err *e)
{
	struct turns *t = fd < 0 ? NULL : turns_new(fd, e);
	struct http_aside aside;
	int r = 0;

	if (fd >= 0 && !t)
		return -1;
	if (t)
		aside = turns_aside(t);
	agent->ctx = agent->open(t ? &aside : NULL);
	if (t)
		turns_serve(t, agent);
	else if (turns_stdio(agent, STDIN_FILENO, STDOUT_FILENO))
		r = 1;
	agent->close(agent->ctx);
	if (t)
		turns_free(t);
	return r;
}

#include "wire/ask.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"

#define CLIENTS 8            /* connections at once; the oldest makes room for a ninth */
#define ASK_LINE (ASK_ANSWER_MAX + 3) /* '+', the answer, newline and NUL */
#define REPLY_WAIT 10        /* seconds that ask_reply waits for the asker */
#define FILE_MAX (ASK_QUESTION_MAX * 6 + 4096)

/* Somebody who is giving an answer: a connection, or the terminal. */
struct source {
	int fd; /* -1: none */
	size_t len;
	char line[ASK_LINE];
};

struct ask {
	char id[8], *kind;
	char *folder;
	jv question;     /* what ID.json says */
	int file;        /* ID.json, locked */
	int listener, timer, epoll;
	int64_t started; /* clock_mono */
	int64_t ended;
	enum ask_got got;
	bool listed; /* the files are there */
	char answer[ASK_ANSWER_MAX + 1];
	struct source clients[CLIENTS];
	int next_client;
	struct source tty;
	int tty_lock;
	struct termios tty_was;
	bool tty_changed;
};

/* FOLDER's Unix address of ID. Paths over 107 bytes go through /proc, so that deep folders work; *DIR is then a
 * descriptor to be closed after use, else -1. */
static int address(const char *folder, const char *id, struct sockaddr_un *to, int *dir)
{
	*dir = -1;
	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((size_t)snprintf(to->sun_path, sizeof to->sun_path, "%s/%s.sock", folder, id) < sizeof to->sun_path)
		return 0;
	*dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return -1;
	snprintf(to->sun_path, sizeof to->sun_path, "/proc/self/fd/%d/%s.sock", *dir, id);
	return 0;
}

static bool same_user(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static void remove_files(const char *folder, const char *id)
{
	static const char *const tails[] = {".json", ".sock"};

	for (int i = 0; i < 2; i++) {
		char *path = xasprintf("%s/%s%s", folder, id, tails[i]);

		unlink(path);
		free(path);
	}
}

/* True when PATH is there and its asker lives. */
static bool asker_lives(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool lives;

	if (fd < 0)
		return false;
	lives = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return lives;
}

/* Removes what dead askers left in FOLDER. Its lock is ours, so nothing here is just being made. */
static void sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char *dot = strrchr(d->d_name, '.'), *json;

		if (!dot || dot == d->d_name)
			continue;
		json = xasprintf("%s/%.*s.json", folder, (int)(dot - d->d_name), d->d_name);
		if (!asker_lives(json)) {
			char *path = xasprintf("%s/%s", folder, d->d_name);

			unlink(path);
			free(path);
		}
		free(json);
	}
	if (dir)
		closedir(dir);
}

/* A question may come from a site or a stranger's provider: what it may do to a terminal is print. */
static char *printable(const char *text)
{
	size_t len = strnlen(text, ASK_QUESTION_MAX), end = len;
	char *copy;

	/* cut between characters */
	while (text[len] && end && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	copy = xstrndup(text, end);
	for (unsigned char *p = (unsigned char *)copy; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = ' ';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* C1 controls */
			p[0] = p[1] = ' ';
		else if (*p == 0xe2 && ((p[1] == 0x80 && (p[2] & 0xf8) == 0xa8) || (p[1] == 0x81 && (p[2] & 0xf0) == 0xa0)))
			p[0] = p[1] = p[2] = ' '; /* line separators and what turns the writing direction */
	return copy;
}

static jv nullable(const char *text)
{
	return text ? jv_string(text) : jv_null();
}

static jv describe(const struct ask *a, const char *session, const char *question, const char *picture, int64_t deadline)
{
	char until[CLOCK_TEXT], now[CLOCK_TEXT], *clean = printable(question);
	jv v = json_obj("id", jv_string(a->id), "session", nullable(session), "kind", jv_string(a->kind), "question",
			jv_string(clean), "picture", nullable(picture), "deadline",
			deadline ? jv_string(clock_format(deadline, until)) : jv_null(), "asked_at",
			jv_string(clock_format(clock_wall(), now)), "program", jv_string(prog), "pid",
			jv_number(getpid()), NULL);

	free(clean);
	return v;
}

static int watch(struct ask *a, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static int listen_at(struct ask *a, struct err *e)
{
	struct sockaddr_un at;
	int dir, r = -1;

	a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->listener >= 0 && address(a->folder, a->id, &at, &dir) == 0) {
		r = bind(a->listener, (struct sockaddr *)&at, sizeof at) || listen(a->listener, CLIENTS) ||
		    watch(a, a->listener) ? -1 : 0;
		if (dir >= 0)
			close(dir);
	}
	return r ? err_set(e, EX_OSERR, "ask: listen at %s/%s.sock:", a->folder, a->id) : 0;
}

/* The file appears under its name only when it is locked and whole. */
static int write_question(struct ask *a, struct err *e)
{
	char *tmp = xasprintf("%s/%s.new", a->folder, a->id), *path = xasprintf("%s/%s.json", a->folder, a->id);
	char *text = json_text(a->question);
	int r = 0;

	a->file = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (a->file < 0 || flock(a->file, LOCK_EX | LOCK_NB) || fs_write_all(a->file, text, strlen(text)) ||
	    fs_write_all(a->file, "\n", 1) || rename(tmp, path))
		r = err_set(e, EX_CANTCREAT, "ask: write %s:", path);
	if (r)
		unlink(tmp);
	free(text);
	free(tmp);
	free(path);
	return r;
}

static int set_timer(struct ask *a, int64_t deadline, struct err *e)
{
	int64_t left = deadline - clock_wall();
	/* elapsed time counts, not the wall clock, which may jump */
	int64_t at = a->started + (left > 0 ? left : 0);
	struct itimerspec when = {.it_value = {at / 1000, at % 1000 * 1000000 + 1}};

	if (!deadline)
		return 0;
	a->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (a->timer < 0 || timerfd_settime(a->timer, TFD_TIMER_ABSTIME, &when, NULL) || watch(a, a->timer))
		return err_set(e, EX_OSERR, "ask: set a timer:");
	return 0;
}

static void source_close(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	explicit_bzero(s->line, sizeof s->line);
	s->fd = -1;
	s->len = 0;
}

static bool yes_or_no(const struct ask *a)
{
	return strcmp(a->kind, "confirm") == 0 || strcmp(a->kind, "payment") == 0;
}

/* The terminal */

static void tty_say(const struct ask *a, const char *text)
{
	if (write(a->tty.fd, text, strlen(text)) < 0)
		return; /* a terminal that can't be written to is no reason to stop asking */
}

static void tty_prompt(const struct ask *a)
{
	tty_say(a, yes_or_no(a) ? "yes or no: " : strcmp(a->kind, "otp") == 0 ? "Code (not shown): " : "Answer: ");
}

static bool in_foreground(int tty)
{
	return tcgetpgrp(tty) == getpgrp();
}

/* One question at a time per terminal: two readers would take each other's lines. */
static int tty_take(int tty)
{
	char name[40], *path;
	int fd = -1;

	snprintf(name, sizeof name, "tty-%ld.lock", (long)tcgetsid(tty));
	path = path_run(NULL, name, NULL);
	if (path)
		fd = fs_lock(path, "a question", NULL);
	free(path);
	return fd;
}

static void tty_open(struct ask *a)
{
	struct termios quiet;
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	if (!in_foreground(fd) || tcgetattr(fd, &a->tty_was) || (a->tty_lock = tty_take(fd)) < 0) {
		close(fd);
		return;
	}
	a->tty.fd = fd;
	if (strcmp(a->kind, "otp") == 0) {
		quiet = a->tty_was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		a->tty_changed = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
	}
	tty_say(a, "\n");
	tty_say(a, json_str(a->question, "question", ""));
	tty_say(a, "\n");
	tty_prompt(a);
	watch(a, fd);
}

static void tty_close(struct ask *a)
{
	if (a->tty.fd >= 0 && in_foreground(a->tty.fd)) { /* from the background this would stop us */
		if (a->tty_changed)
			tcsetattr(a->tty.fd, TCSADRAIN, &a->tty_was);
		tty_say(a, "\n");
	}
	source_close(&a->tty);
	if (a->tty_lock >= 0)
		close(a->tty_lock);
	a->tty_lock = -1;
}

/* The outcome */

static void finish(struct ask *a, enum ask_got got)
{
	a->got = got;
	a->ended = clock_mono();
	if (a->listed)
		remove_files(a->folder, a->id);
	a->listed = false;
	if (a->listener >= 0)
		close(a->listener);
	a->listener = -1;
	for (int i = 0; i < CLIENTS; i++)
		source_close(&a->clients[i]);
	tty_close(a);
}

static bool is_word(const char *text, size_t len, const char *a, const char *b)
{
	return (len == strlen(a) && strncasecmp(text, a, len) == 0) || (len == strlen(b) && strncasecmp(text, b, len) == 0);
}

/* Takes TEXT as the answer; NULL, or why it is none. */
static const char *take_answer(struct ask *a, const char *text, size_t len)
{
	while (len && strchr(" \t\r", text[len - 1]))
		len--;
	while (len && (*text == ' ' || *text == '\t'))
		text++, len--;
	if (!len)
		return "an empty answer";
	if (len > ASK_ANSWER_MAX)
		return "too long an answer";
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return "control characters in the answer";
	if (yes_or_no(a)) {
		if (is_word(text, len, "no", "n")) {
			a->got = ASK_DECLINED;
			return NULL;
		}
		if (!is_word(text, len, "yes", "y"))
			return "answer yes or no";
		text = "yes";
		len = 3;
	}
	memcpy(a->answer, text, len);
	a->answer[len] = '\0';
	a->got = ASK_ANSWER;
	return NULL;
}

static void reply(int fd, const char *word, const char *why)
{
	char text[128];
	int n = snprintf(text, sizeof text, "%s%s%s\n", word, why ? " " : "", why ? why : "");

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return; /* whoever asked has gone */
}

static void client_line(struct ask *a, struct source *s, size_t len)
{
	const char *why = "start the line with + or -";

	if (s->line[0] == '-' && len == 1) {
		a->got = ASK_DECLINED;
		why = NULL;
	} else if (s->line[0] == '+') {
		why = take_answer(a, s->line + 1, len - 1);
	}
	reply(s->fd, why ? "bad" : "ok", why);
	source_close(s);
}

static void client_read(struct ask *a, struct source *s)
{
	ssize_t got = read(s->fd, s->line + s->len, sizeof s->line - 1 - s->len);
	char *nl;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		source_close(s);
		return;
	}
	s->len += (size_t)got;
	nl = memchr(s->line, '\n', s->len);
	if (nl) {
		client_line(a, s, (size_t)(nl - s->line));
	} else if (s->len == sizeof s->line - 1) {
		reply(s->fd, "bad", "too long an answer");
		source_close(s);
	}
}

static void client_new(struct ask *a)
{
	int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct source *s = &a->clients[a->next_client];

	if (fd < 0)
		return;
	if (!same_user(fd)) {
		close(fd);
		return;
	}
	source_close(s);
	a->next_client = (a->next_client + 1) % CLIENTS;
	s->fd = fd;
	if (watch(a, fd))
		source_close(s);
}

static void tty_read(struct ask *a)
{
	struct source *s = &a->tty;
	const char *why;
	ssize_t got;

	/* put into the background: reading would stop this process */
	if (!in_foreground(s->fd)) {
		epoll_ctl(a->epoll, EPOLL_CTL_DEL, s->fd, NULL);
		return;
	}
	got = read(s->fd, s->line, sizeof s->line - 1);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		epoll_ctl(a->epoll, EPOLL_CTL_DEL, s->fd, NULL);
		return;
	}
	if (s->line[got - 1] == '\n')
		got--;
	why = take_answer(a, s->line, (size_t)got);
	explicit_bzero(s->line, sizeof s->line);
	if (why && (got || a->tty_changed)) {
		tty_say(a, a->tty_changed ? "\n" : "");
		tty_say(a, why);
		tty_say(a, "\n");
	}
	if (why)
		tty_prompt(a);
}

/* Nothing open but its question. */
static struct ask *ask_new(const char *kind)
{
	struct ask *a = xcalloc(1, sizeof *a);

	a->file = a->listener = a->timer = a->epoll = a->tty.fd = a->tty_lock = -1;
	for (int i = 0; i < CLIENTS; i++)
		a->clients[i].fd = -1;
	a->kind = xstrdup(kind);
	a->question = jv_null();
	a->started = clock_mono();
	return a;
}

struct ask *ask_open(const char *session, const char *kind, const char *question, const char *picture,
		     int64_t deadline, bool terminal, struct err *e)
{
	struct ask *a = ask_new(kind);
	char *lock_path = NULL;
	int lock = -1, r = -1;

	for (int i = 0; i < 6; i++)
		a->id[i] = "abcdefghjkmnpqrstuvwxyz23456789"[random_below(31)];
	a->folder = path_run(session, "ask", e);
	if (!a->folder || fs_mkdirs(a->folder, e))
		goto out;
	lock_path = xasprintf("%s/.lock", a->folder);
	lock = fs_lock_wait(lock_path, e);
	if (lock < 0)
		goto out;
	sweep(a->folder);
	jv_free(a->question);
	a->question = describe(a, session, question, picture, deadline);
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll < 0) {
		err_set(e, EX_OSERR, "ask: make an epoll:");
		goto out;
	}
	a->listed = true;
	if (set_timer(a, deadline, e) || listen_at(a, e) || write_question(a, e))
		goto out;
	if (terminal)
		tty_open(a);
	r = 0;
out:
	if (lock >= 0)
		close(lock);
	free(lock_path);
	if (!r)
		return a;
	ask_close(a);
	return NULL;
}

const char *ask_id(const struct ask *a)
{
	return a->id;
}

int ask_fd(const struct ask *a)
{
	return a->epoll;
}

static bool timer_passed(struct ask *a)
{
	uint64_t times;

	return a->timer >= 0 && read(a->timer, &times, sizeof times) == (ssize_t)sizeof times;
}

/* What FD stands for may have changed since epoll_wait: it is looked up, not remembered. */
static void serve(struct ask *a, int fd)
{
	if (fd == a->listener) {
		client_new(a);
		return;
	}
	if (fd == a->tty.fd) {
		tty_read(a);
		return;
	}
	for (int i = 0; i < CLIENTS; i++)
		if (a->clients[i].fd == fd) {
			client_read(a, &a->clients[i]);
			return;
		}
}

enum ask_got ask_poll(struct ask *a)
{
	struct epoll_event ev[4];
	bool late = false;

	/* bounded: a socket that can't be accepted from stays readable */
	for (int round = 0; a->got == ASK_WAIT && round < 64; round++) {
		int n = epoll_wait(a->epoll, ev, 4, 0), others = 0;

		for (int i = 0; i < n && a->got == ASK_WAIT; i++) {
			if (ev[i].data.fd == a->timer) {
				late = late || timer_passed(a);
				continue;
			}
			others++;
			serve(a, ev[i].data.fd);
		}
		if (a->got != ASK_WAIT)
			finish(a, a->got);
		else if (late && !others) /* an answer that came with the deadline counts */
			finish(a, ASK_TIMEOUT);
		else if (!others && !late)
			break;
	}
	return a->got;
}

enum ask_got ask_wait(struct ask *a, int64_t until)
{
	struct pollfd p = {a->epoll, POLLIN, 0};

	while (ask_poll(a) == ASK_WAIT)
		if (proc_poll(&p, 1, until) <= 0)
			break;
	return a->got;
}

const char *ask_answer(const struct ask *a)
{
	return a->answer;
}

void ask_close(struct ask *a)
{
	if (!a)
		return;
	finish(a, a->got);
	if (a->file >= 0)
		close(a->file);
	if (a->timer >= 0)
		close(a->timer);
	if (a->epoll >= 0)
		close(a->epoll);
	jv_free(a->question);
	free(a->kind);
	free(a->folder);
	explicit_bzero(a, sizeof *a);
	free(a);
}

jv ask_event_data(const struct ask *a)
{
	jv picture = json_get(a->question, "picture");
	jv data = json_obj("ask", jv_string(a->id), "kind", jv_string(a->kind), "question",
			   json_get(a->question, "question"), "deadline", json_get(a->question, "deadline"), NULL);

	if (json_is(picture, JV_KIND_NULL))
		jv_free(picture);
	else
		data = json_set(data, "picture", picture);
	return data;
}

jv ask_outcome_data(const struct ask *a)
{
	static const char *const words[] = {
		[ASK_WAIT] = "withdrawn", [ASK_ANSWER] = "answered", [ASK_DECLINED] = "declined", [ASK_TIMEOUT] = "timeout",
	};
	int64_t end = a->got == ASK_WAIT ? clock_mono() : a->ended;

	return json_obj("ask", jv_string(a->id), "kind", jv_string(a->kind), "outcome", jv_string(words[a->got]),
			"waited_ms", jv_number((double)(end - a->started)), NULL);
}

/* The other side */

static jv list_folder(jv all, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char *path;
		jv q;

		if (!str_ends(d->d_name, ".json") || d->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", folder, d->d_name);
		q = asker_lives(path) ? json_read(path, FILE_MAX, NULL) : jv_invalid();
		if (json_ok(q) && *json_str(q, "id", ""))
			all = json_push(all, json_set_str(q, "folder", folder));
		else
			jv_free(q);
		free(path);
	}
	if (dir)
		closedir(dir);
	return all;
}

static jv list_sessions(jv all, const char *root)
{
	DIR *dir = opendir(root);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char *folder;

		if (!name_valid(d->d_name))
			continue;
		folder = xasprintf("%s/%s/ask", root, d->d_name);
		all = list_folder(all, folder);
		free(folder);
	}
	if (dir)
		closedir(dir);
	return all;
}

/* The oldest first: RFC 3339 in UTC sorts as text. */
static jv by_age(jv all)
{
	jv keys = jv_array();

	for (struct json_iter it = json_iter(all); json_next(&it);)
		keys = json_push(keys, json_get(it.value, "asked_at"));
	return jv_sort(all, keys);
}

jv ask_list(const char *session, struct err *e)
{
	char *root = path_run(NULL, NULL, e), *folder;
	jv all = jv_array();

	if (!root || (session && !name_valid(session))) {
		if (root)
			err_set(e, EX_USAGE, "'%s' is no session name", session);
		free(root);
		jv_free(all);
		return jv_invalid();
	}
	if (session) {
		folder = xasprintf("%s/%s/ask", root, session);
		all = list_folder(all, folder);
	} else {
		folder = xasprintf("%s/ask", root);
		all = list_sessions(list_folder(all, folder), root);
	}
	free(folder);
	free(root);
	return by_age(all);
}

static int connect_to(jv question, struct err *e)
{
	struct timeval patience = {REPLY_WAIT, 0};
	struct sockaddr_un to;
	int dir, saved, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ||
	    address(json_str(question, "folder", ""), json_str(question, "id", ""), &to, &dir)) {
		if (fd >= 0)
			close(fd);
		return err_set(e, EX_OSERR, "answer: make a socket:");
	}
	if (connect(fd, (struct sockaddr *)&to, sizeof to)) {
		saved = errno;
		close(fd);
		fd = -1;
		errno = saved;
		err_set(e, EX_TEMPFAIL, "question %s is no longer open: answered by another, timed out or taken back",
			json_str(question, "id", ""));
	} else if (!same_user(fd)) {
		close(fd);
		fd = err_set(e, EX_NOPERM, "question %s is another user's", json_str(question, "id", ""));
	}
	if (dir >= 0)
		close(dir);
	return fd;
}

int ask_reply(jv question, const char *answer, size_t len, struct err *e)
{
	const char *id = json_str(question, "id", "");
	char line[ASK_LINE], back[128];
	size_t n = 0, got = 0;
	ssize_t r;
	int fd, result = -1;
	bool late;

	if (len > ASK_ANSWER_MAX || (answer && memchr(answer, '\n', len)))
		return err_set(e, EX_USAGE, "an answer is one line of at most %d bytes", ASK_ANSWER_MAX);
	fd = connect_to(question, e);
	if (fd < 0)
		return -1;
	line[n++] = answer ? '+' : '-';
	if (len)
		memcpy(line + n, answer, len);
	n += len;
	line[n++] = '\n';
	r = send(fd, line, n, MSG_NOSIGNAL);
	explicit_bzero(line, sizeof line);
	while (r > 0 && got < sizeof back - 1 && !memchr(back, '\n', got))
		if ((r = recv(fd, back + got, sizeof back - 1 - got, 0)) > 0)
			got += (size_t)r;
	back[got] = '\0';
	back[strcspn(back, "\n")] = '\0';
	late = r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
	close(fd);
	if (strcmp(back, "ok") == 0)
		result = 0;
	else if (str_starts(back, "bad "))
		err_set(e, EX_USAGE, "question %s does not take that: %s", id, back + 4);
	else if (late)
		err_set(e, EX_TEMPFAIL, "question %s: its program is busy and did not confirm; it may still take the answer", id);
	else
		err_set(e, EX_TEMPFAIL, "question %s was answered by another, or its program went away", id);
	return result;
}

/* --- a question of another process's, on our terminal --- */

static jv question_of(const char *session, const char *id)
{
	jv all = ask_list(session, NULL), found = jv_invalid();

	for (struct json_iter it = json_iter(all); json_next(&it);)
		if (strcmp(json_str(it.value, "id", ""), id) == 0) {
			jv_free(found);
			found = jv_copy(it.value);
		}
	jv_free(all);
	return found;
}

struct ask *ask_show(const char *session, const char *id)
{
	jv question = question_of(session, id);
	struct ask *a;

	if (!json_ok(question))
		return NULL;
	a = ask_new(json_str(question, "kind", ""));
	a->question = question;
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll >= 0)
		tty_open(a);
	if (a->tty.fd >= 0)
		return a;
	ask_close(a);
	return NULL;
}

bool ask_shown(struct ask *a)
{
	enum ask_got got = ask_poll(a);
	struct err e;

	if (got == ASK_WAIT)
		return false;
	/* when another answer was first, the asker says so */
	if (ask_reply(a->question, got == ASK_ANSWER ? a->answer : NULL, strlen(a->answer), &e) && e.status != EX_TEMPFAIL)
		warn("%s", e.text);
	return true;
}

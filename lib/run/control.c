#include "run/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "wire/line.h"

#define REQUEST_MAX 65536
#define ANSWER_MAX (8u << 20)
#define PEER_PATIENCE 2 /* s that a peer may take to read its answer */
#define ANSWER_PATIENCE 10000 /* ms that a coordinator may take to say how things are */

/* A socket and run.sock's address in A. */
static int make_socket(struct sockaddr_un *a, int flags, struct err *e)
{
	char *path = path_run(NULL, "run.sock", e);
	int fd = -1;

	if (!path)
		return -1;
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a->sun_path)
		err_set(e, EX_CONFIG, "%s is too long for a socket's path: set AB_RUNTIME to a shorter folder", path);
	else if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)) < 0)
		err_set(e, EX_OSERR, "make a socket:");
	else
		memcpy(a->sun_path, path, strlen(path) + 1);
	free(path);
	return fd;
}

int control_listen(struct err *e)
{
	struct sockaddr_un a;
	int fd = make_socket(&a, SOCK_NONBLOCK, e);

	if (fd < 0)
		return -1;
	unlink(a.sun_path); /* a killed coordinator's: we hold the lock */
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 16)) {
		err_set(e, EX_OSERR, "listen on %s:", a.sun_path);
		close(fd);
		return -1;
	}
	return fd;
}

bool control_accept(int listener, struct control_peer *p)
{
	struct timeval patience = {.tv_sec = PEER_PATIENCE};
	struct ucred who = {0};
	socklen_t size = sizeof who;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == geteuid())
			break;
		close(fd);
	}
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	*p = (struct control_peer){.fd = fd, .since = clock_mono()};
	str_init(&p->in, REQUEST_MAX);
	return true;
}

int control_read(struct control_peer *p, jv *request)
{
	char buf[4096];
	int fds[RIGHTS_MAX], nfds, r;
	ssize_t got = rights_recv(p->fd, buf, sizeof buf, fds, &nfds);
	struct err e;

	for (int i = 0; i < nfds; i++) {
		if (p->nfds < RIGHTS_MAX)
			p->fds[p->nfds++] = fds[i];
		else
			close(fds[i]);
	}
	if (got <= 0 || str_add(&p->in, buf, (size_t)got))
		return -1;
	if (p->in.s[p->in.len - 1] != '\n')
		return 0;
	*request = json_parse(p->in.s, p->in.len, &e);
	r = json_is(*request, JV_KIND_OBJECT) ? 1 : -1;
	if (r < 0)
		jv_free(*request);
	return r;
}

void control_close(struct control_peer *p)
{
	for (int i = 0; i < p->nfds; i++)
		close(p->fds[i]);
	if (p->fd >= 0)
		close(p->fd);
	str_free(&p->in);
	free(p->waits_for);
	*p = (struct control_peer){.fd = -1};
}

void control_answer(struct control_peer *p, jv answer)
{
	struct str text = {0};
	size_t at = 0;
	ssize_t put = 0;

	json_add_text(&text, answer);
	str_putc(&text, '\n');
	jv_free(answer);
	/* not fs_write_all: a peer that does not read must not stop us, so a timeout (EAGAIN) ends it */
	while (at < text.len && (put = send(p->fd, text.s + at, text.len - at, MSG_NOSIGNAL)) > 0)
		at += (size_t)put;
	str_free(&text);
	control_close(p);
}

/* A stop takes its time; but whoever asks how things are must hear it when nobody is there to tell. */
static int64_t patience_for(jv request)
{
	const char *verb = json_str(request, "do", "");

	return strcmp(verb, "status") == 0 || strcmp(verb, "list") == 0 ? clock_mono() + ANSWER_PATIENCE : -1;
}

static void no_answer(enum line_got got, struct err *e)
{
	char *path = path_run(NULL, "run.lock", NULL);
	int holder = path ? (int)fs_lock_holder(path) : 0;

	if (got == LINE_AGAIN)
		err_set(e, EX_UNAVAILABLE, "the coordinator, process %d, hangs: it gives no answer; end it (kill -KILL %d) and start it again",
			holder, holder);
	else
		err_set(e, EX_UNAVAILABLE, "the coordinator ended without an answer");
	free(path);
}

jv control_call(jv request, const int *fds, int nfds, struct err *e)
{
	struct sockaddr_un a;
	struct line_in in;
	char *text = json_text(request), *line;
	struct str message = {0};
	int fd = make_socket(&a, 0, e);
	jv answer = jv_invalid();
	int64_t until = patience_for(request);
	enum line_got got;
	size_t len;

	jv_free(request);
	str_puts(&message, text);
	str_putc(&message, '\n');
	free(text);
	line_init(&in, fd, ANSWER_MAX);
	if (fd < 0)
		goto out;
	if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
		err_set(e, EX_UNAVAILABLE, "no coordinator is running here: start one with 'ab-run SESSION…'");
		goto out;
	}
	if (rights_send(fd, message.s, message.len, fds, nfds)) {
		err_set(e, EX_UNAVAILABLE, "ask the coordinator:");
		goto out;
	}
	got = line_next(&in, &line, &len, until);
	if (got != LINE_OK) {
		no_answer(got, e);
		goto out;
	}
	answer = json_parse(line, len, e);
	if (json_ok(answer) && !json_bool(answer, "ok", false)) {
		err_set(e, (int)json_int(answer, "status", EX_UNAVAILABLE), "%s", json_str(answer, "error", "refused"));
		jv_free(answer);
		answer = jv_invalid();
	}
out:
	line_free(&in);
	str_free(&message);
	if (fd >= 0)
		close(fd);
	return answer;
}

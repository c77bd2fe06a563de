#include "wire/pagelink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "wire/driver.h"

#define SLACK 2000 /* ms we give the agent beyond its own deadline */

struct page {
	struct line_in in;
	unsigned long next_id;
	struct child child; /* of page_private */
};

struct page *page_from_fd(int fd)
{
	struct page *p = xcalloc(1, sizeof *p);

	p->child = CHILD_NONE;
	line_init(&p->in, fd, LINE_PAGE_MAX);
	return p;
}

/* Unix socket paths hold 107 bytes. */
static int address(const char *path, struct sockaddr_un *a, struct err *e)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a->sun_path)
		return err_set(e, EX_CONFIG, "%s is too long for a socket's path: set AB_RUNTIME to a shorter folder", path);
	memcpy(a->sun_path, path, strlen(path) + 1);
	return 0;
}

static int connect_to(const char *path, struct err *e)
{
	struct sockaddr_un a;
	int fd;

	if (address(path, &a, e))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, EX_OSERR, "make a socket:");
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	err_set(e, EX_UNAVAILABLE, "connect to %s:", path);
	close(fd);
	return -1;
}

static int start_agent(const char *sock, const char *transport, struct err *e)
{
	char *driver = driver_find("page", transport, e);
	struct child c;
	struct sockaddr_un a;
	int fd = -1, r = -1, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (!driver || address(sock, &a, e))
		goto out;
	if (null < 0) {
		err_set(e, EX_OSERR, "open /dev/null:");
		goto out;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(sock); /* nobody answers on it, and we hold page.lock */
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 16)) {
		err_set(e, EX_OSERR, "listen on %s:", sock);
		goto out;
	}
	/* it outlives us: our pipeline's ends are not for it to hold open */
	r = launch(&c, (const char *const[]){driver, "--listen", "3", NULL},
		   (const struct fd_map[]){{fd, 3}, {null, 0}, {null, 1}}, 3, NULL, true, e);
	if (r)
		unlink(sock);
out:
	if (fd >= 0)
		close(fd);
	if (null >= 0)
		close(null);
	free(driver);
	return r;
}

struct page *page_join(const char *session, struct err *e)
{
	char *sock = path_run(session, "page.sock", e);
	int fd = sock ? connect_to(sock, e) : -1;

	if (sock && fd < 0)
		err_set(e, EX_UNAVAILABLE, "%s has no page now; ab-poll and ab-login open one", session);
	free(sock);
	return fd < 0 ? NULL : page_from_fd(fd);
}

struct page *page_open(const char *session, const char *transport, struct err *e)
{
	char *sock = path_run(session, "page.sock", e), *lockfile = sock ? path_run(session, "page.lock", e) : NULL;
	struct page *p = NULL;
	int fd, lock;

	if (!lockfile)
		goto out;
	fd = connect_to(sock, e);
	if (fd < 0) {
		lock = fs_lock_wait(lockfile, e);
		if (lock < 0)
			goto out;
		fd = connect_to(sock, e); /* another may have started it while we waited */
		if (fd < 0 && start_agent(sock, transport, e) == 0)
			fd = connect_to(sock, e);
		close(lock);
	}
	if (fd >= 0)
		p = page_from_fd(fd);
out:
	free(sock);
	free(lockfile);
	return p;
}

struct page *page_private(const char *transport, const char *const *args, struct err *e)
{
	char *driver = driver_find("page", transport, e);
	const char *argv[16];
	int pair[2], n = 0;
	struct page *p = NULL;

	if (!driver)
		return NULL;
	argv[n++] = driver;
	while (args && *args && n < 15)
		argv[n++] = *args++;
	argv[n] = NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		err_set(e, EX_OSERR, "make a socket:");
		goto out;
	}
	p = page_from_fd(pair[0]);
	if (launch(&p->child, argv, (const struct fd_map[]){{pair[1], 0}, {pair[1], 1}}, 2, NULL, false, e)) {
		page_close(p);
		p = NULL;
	}
	close(pair[1]);
out:
	free(driver);
	return p;
}

int page_fd(const struct page *p)
{
	return p->in.fd;
}

bool page_lost(const struct page *p)
{
	struct pollfd poll_it = {p->in.fd, 0, 0};

	return p->in.eof || (poll(&poll_it, 1, 0) > 0 && poll_it.revents & (POLLHUP | POLLERR));
}

void page_close(struct page *p)
{
	if (!p)
		return;
	close(p->in.fd);
	line_free(&p->in);
	if (p->child.pid && !child_wait(&p->child, clock_mono() + SLACK))
		child_end(&p->child, 1000);
	free(p);
}

jv page_call(struct page *p, jv command, int64_t timeout, struct err *e)
{
	char id[24], *text;
	int64_t deadline = clock_mono() + timeout + SLACK;
	size_t len;
	jv v;
	int r;

	snprintf(id, sizeof id, "%ld.%lu", (long)getpid(), ++p->next_id);
	command = json_set_str(command, "id", id);
	if (!json_has(command, "deadline_ms"))
		command = json_set(command, "deadline_ms", jv_number((double)timeout));
	text = json_text(command);
	len = strlen(text);
	jv_free(command);
	if (len > LINE_PAGE_MAX) {
		free(text);
		err_set(e, EX_DATAERR, "a page command is longer than %u bytes", LINE_PAGE_MAX);
		return jv_invalid();
	}
	r = line_put(p->in.fd, text, len);
	free(text);
	if (r) {
		err_set(e, EX_TEMPFAIL, "the page agent is gone:");
		return jv_invalid();
	}
	for (;;) {
		switch (line_next(&p->in, &text, &len, deadline)) {
		case LINE_OK:
			v = json_parse(text, len, e);
			explicit_bzero(text, len); /* cookies, maybe, and the next call may be long in coming */
			if (!json_ok(v))
				return v;
			if (strcmp(json_str(v, "id", ""), id) == 0)
				return v;
			jv_free(v); /* the answer to a command that was given up */
			break;
		case LINE_AGAIN:
			err_set(e, EX_TEMPFAIL, "the page agent did not answer in %lld ms", (long long)timeout);
			return jv_invalid();
		case LINE_LONG:
			err_set(e, EX_TEMPFAIL, "the page agent's answer is too long");
			return jv_invalid();
		default:
			err_set(e, EX_TEMPFAIL, "the page agent is gone");
			return jv_invalid();
		}
	}
}

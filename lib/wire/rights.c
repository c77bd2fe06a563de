#include "wire/rights.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Aligned as a control message must be (cmsg(3)). */
union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
};

ssize_t rights_recv(int sock, char *buf, size_t size, int fds[RIGHTS_MAX], int *nfds)
{
	union control control;
	struct iovec iov = {buf, size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t got;

	*nfds = 0;
	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); got > 0 && c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			*nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(fds, CMSG_DATA(c), (size_t)*nfds * sizeof(int));
		}
	return got;
}

int rights_send(int sock, const char *text, size_t len, const int *fds, int nfds)
{
	union control control = {0};
	struct iovec iov = {(void *)text, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t put;

	if (nfds) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	do
		put = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put >= 0 && (size_t)put < len)
		errno = EMSGSIZE;
	return put < 0 || (size_t)put < len ? -1 : 0;
}

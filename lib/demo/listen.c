#include "demo/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

#define BACKLOG 511

static int listen_unix(const char *path, struct err *e)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd, r;

	if (!*path || strlen(path) >= sizeof un.sun_path)
		return err_set(e, EX_USAGE, "unix:%s: a path of 1 to %zu bytes is needed", path, sizeof un.sun_path - 1);
	memcpy(un.sun_path, path, strlen(path) + 1);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	r = fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof un) || listen(fd, BACKLOG) ? -1 : 0;
	umask(mask);
	if (!r)
		return fd;
	err_set(e, EX_CANTCREAT, "listen on unix:%s:", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* HOST:PORT, numbers only, loopback only. */
static int parse(const char *text, union address *a, struct err *e)
{
	const char *colon = strrchr(text, ':');
	char *host = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup("");
	long long port;
	int r = 0;

	*a = (union address){0};
	if (!colon || str_long(colon + 1, 0, 65535, &port)) {
		r = err_set(e, EX_USAGE, "listen on %s: an address such as 127.0.0.1:8460 is needed", text);
	} else if (strcmp(host, "[::1]") == 0) {
		a->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	} else {
		a->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
		if (strcmp(host, "localhost") == 0)
			a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		else if (inet_pton(AF_INET, host, &a->v4.sin_addr) != 1 || ntohl(a->v4.sin_addr.s_addr) >> 24 != 127)
			r = err_set(e, EX_USAGE, "listen on %s: practice sites are for this machine alone; use 127.0.0.1 or [::1]", text);
	}
	free(host);
	return r;
}

static int listen_tcp(const char *text, char **url, struct err *e)
{
	char ip[INET6_ADDRSTRLEN];
	union address a;
	socklen_t len = sizeof a;
	int fd;

	if (parse(text, &a, e))
		return -1;
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (fd < 0 || bind(fd, &a.any, a.any.sa_family == AF_INET ? sizeof a.v4 : sizeof a.v6) || listen(fd, BACKLOG) ||
	    getsockname(fd, &a.any, &len)) {
		err_set(e, EX_UNAVAILABLE, "listen on %s:", text);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (a.any.sa_family == AF_INET6)
		*url = xasprintf("http://[::1]:%u/", ntohs(a.v6.sin6_port));
	else
		*url = xasprintf("http://%s:%u/", inet_ntop(AF_INET, &a.v4.sin_addr, ip, sizeof ip), ntohs(a.v4.sin_port));
	return fd;
}

int listen_local(const char *address, char **url, struct err *e)
{
	int fd;

	if (!str_starts(address, "unix:"))
		return listen_tcp(address, url, e);
	fd = listen_unix(address + strlen("unix:"), e);
	if (fd >= 0)
		*url = xstrdup(address);
	return fd;
}

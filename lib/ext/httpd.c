#include "ext/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define STALL 600000 /* ms; no client waits as long */

/* One request and its reply; libmicrohttpd's "connection context" from the request line on. */
struct exchange {
	struct httpd *h;
	struct exchange *prev, *next; /* all that live, so that delays and stalls can be ended */
	struct MHD_Connection *conn;
	char *target;
	char client[INET6_ADDRSTRLEN + 8];
	struct str body;
	struct httpd_reply reply;
	bool begun, answered, stalled, suspended;
	int64_t wake; /* when suspended: clock_mono */
};

struct httpd {
	struct MHD_Daemon *daemon;
	httpd_handler *handler;
	void *ctx;
	size_t body_max;
	struct exchange *live;
	bool stopping;
};

const char *httpd_header(const struct httpd_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, name);
}

static void *exchange_new(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct exchange *x = xcalloc(1, sizeof *x);

	x->h = cls;
	x->conn = conn;
	x->target = xstrdup(uri);
	x->next = x->h->live;
	if (x->next)
		x->next->prev = x;
	x->h->live = x;
	return x;
}

static void exchange_done(void *cls, struct MHD_Connection *conn, void **con_cls, enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *con_cls;

	(void)cls, (void)conn, (void)why;
	if (!x)
		return;
	*con_cls = NULL;
	if (x->prev)
		x->prev->next = x->next;
	else
		x->h->live = x->next;
	if (x->next)
		x->next->prev = x->prev;
	free(x->target);
	str_free(&x->body);
	str_free(&x->reply.headers);
	str_free(&x->reply.body);
	free(x);
}

static void client_name(struct exchange *x)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	char ip[INET6_ADDRSTRLEN];

	snprintf(x->client, sizeof x->client, "unix");
	if (a && a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;

		inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip);
		snprintf(x->client, sizeof x->client, "%s:%u", ip, ntohs(in->sin_port));
	} else if (a && a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)a;

		inet_ntop(AF_INET6, &in->sin6_addr, ip, sizeof ip);
		snprintf(x->client, sizeof x->client, "[%s]:%u", ip, ntohs(in->sin6_port));
	}
}

static void suspend(struct exchange *x, int64_t wake)
{
	x->suspended = true;
	x->wake = wake;
	MHD_suspend_connection(x->conn);
}

static ssize_t no_more(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct exchange *x = cls;

	(void)pos, (void)buf, (void)max;
	if (x->stalled)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	x->stalled = true;
	suspend(x, clock_mono() + STALL);
	return 0;
}

static ssize_t again_and_again(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct exchange *x = cls;
	size_t len = x->reply.body.len, at = len ? (size_t)(pos % len) : 0, n = len - at;

	if (!len || x->h->stopping)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > max)
		n = max;
	memcpy(buf, x->reply.body.s + at, n);
	return (ssize_t)n;
}

static void add_headers(struct MHD_Response *r, const char *lines)
{
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		char *line = xstrndup(lines, n), *colon = strstr(line, ": ");

		if (colon) {
			*colon = '\0';
			MHD_add_response_header(r, line, colon + 2);
		}
		free(line);
		lines += n + (lines[n] == '\n');
	}
}

/* A reset instead of an orderly end: connecting to no address dissolves a connection so (connect(2), Linux). */
static void reset(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		connect(info->connect_fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
}

static enum MHD_Result send_reply(struct exchange *x)
{
	struct httpd_reply *out = &x->reply;
	struct MHD_Response *r;
	enum MHD_Result ok;

	if (out->ending == HTTPD_CUT || out->ending == HTTPD_RESET) {
		if (out->ending == HTTPD_RESET)
			reset(x->conn);
		return MHD_NO;
	}
	if (out->ending == HTTPD_STALL)
		r = MHD_create_response_from_callback(out->body.len ? out->body.len : 1, 4096, no_more, x, NULL);
	else if (out->ending == HTTPD_ENDLESS)
		r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 65536, again_and_again, x, NULL);
	else /* the exchange outlives the response's sending, so the body need not be copied */
		r = MHD_create_response_from_buffer(out->body.len, (void *)(uintptr_t)str_text(&out->body),
						    MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO;
	add_headers(r, str_text(&out->headers));
	ok = MHD_queue_response(x->conn, (unsigned)out->status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result answer(struct exchange *x, const char *method)
{
	struct httpd_request req = {method, x->target, x->client, str_text(&x->body), x->body.len, x->conn};

	if (!x->answered) {
		x->answered = true;
		x->reply.status = 200;
		client_name(x);
		if (x->body.full)
			x->reply.status = 413;
		else
			x->h->handler(x->h->ctx, &req, &x->reply);
		if (x->reply.delay > 0) {
			suspend(x, clock_mono() + x->reply.delay);
			return MHD_YES;
		}
	}
	return x->h->stopping ? MHD_NO : send_reply(x);
}

static enum MHD_Result take(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
			    const char *version, const char *data, size_t *len, void **con_cls)
{
	struct exchange *x = *con_cls;

	(void)cls, (void)conn, (void)url, (void)version;
	if (!x->begun) { /* the headers are here, the body is not */
		x->begun = true;
		str_init(&x->body, x->h->body_max);
		return MHD_YES;
	}
	if (*len) {
		if (!x->body.full)
			str_add(&x->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	return answer(x, method);
}

struct httpd *httpd_start(int listener, size_t body_max, httpd_handler *handler, void *ctx, struct err *e)
{
	struct httpd *h = xcalloc(1, sizeof *h);

	h->handler = handler;
	h->ctx = ctx;
	h->body_max = body_max;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, take, h,
				     MHD_OPTION_LISTEN_SOCKET, (MHD_socket)listener,
				     MHD_OPTION_URI_LOG_CALLBACK, exchange_new, h,
				     MHD_OPTION_NOTIFY_COMPLETED, exchange_done, h,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)128 * 1024,
				     MHD_OPTION_CONNECTION_LIMIT, 1000u,
				     MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_END);
	if (!h->daemon) {
		err_set(e, EX_OSERR, "start the HTTP server:");
		close(listener);
		free(h);
		return NULL;
	}
	return h;
}

int httpd_fd(const struct httpd *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

int64_t httpd_deadline(const struct httpd *h)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int64_t at = -1;

	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
		at = ms ? clock_mono() + (int64_t)ms : 0;
	for (const struct exchange *x = h->live; x; x = x->next)
		if (x->suspended && (at < 0 || x->wake < at))
			at = x->wake;
	return at;
}

static void wake_up(struct httpd *h)
{
	int64_t now = clock_mono();

	for (struct exchange *x = h->live; x; x = x->next)
		if (x->suspended && (h->stopping || x->wake <= now)) {
			x->suspended = false;
			MHD_resume_connection(x->conn);
		}
}

void httpd_run(struct httpd *h)
{
	wake_up(h);
	MHD_run(h->daemon);
}

void httpd_stop(struct httpd *h)
{
	if (!h)
		return;
	/* libmicrohttpd wants no connection suspended when it stops */
	h->stopping = true;
	httpd_run(h);
	MHD_stop_daemon(h->daemon);
	free(h);
}

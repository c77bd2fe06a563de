#include "ext/dial.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "ext/trust.h"

struct dial {
	CURL *curl;
	int fd;
	struct trust trust;
	const struct dial_stop *stop; /* while connecting */
	bool stopped;
	char why[CURL_ERROR_SIZE];
};

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct dial *dial = ctx;

	(void)a, (void)b, (void)c, (void)d;
	dial->stopped = dial->stop->fd >= 0 && dial->stop->on(dial->stop->ctx);
	return dial->stopped;
}

static int connect_failed(struct dial *d, const struct mail_server *s, CURLcode r, struct err *e)
{
	const char *why = *d->why ? d->why : curl_easy_strerror(r);

	if (d->stopped)
		return err_set(e, EX_NO, "connect to %s: cancelled", s->host);
	if (trust_failed(&d->trust, r, why, "imap", e))
		return -1;
	return err_set(e, EX_UNAVAILABLE, "connect to %s:%d: %s", s->host, s->port, why);
}

static void set_fixed(struct dial *d)
{
	CURL *c = d->curl;

	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, d->why);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, d);
}

static int establish(struct dial *d, const struct mail_server *s, int64_t deadline, struct err *e)
{
	int64_t left = deadline - clock_mono();
	curl_socket_t fd = -1;
	CURLcode r;

	trust_begin(&d->trust, d->curl, s, "imap");
	set_fixed(d);
	curl_easy_setopt(d->curl, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
	r = curl_easy_perform(d->curl);
	if (r)
		return connect_failed(d, s, r, e);
	curl_easy_getinfo(d->curl, CURLINFO_ACTIVESOCKET, &fd);
	d->fd = (int)fd;
	return 0;
}

struct dial *dial_open(const struct mail_server *server, const struct dial_stop *stop, int64_t deadline, struct err *e)
{
	struct dial *d = xcalloc(1, sizeof *d);

	d->fd = -1;
	d->stop = stop;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(d->curl = curl_easy_init()))
		die(EX_OSERR, "start libcurl: out of memory");
	if (establish(d, server, deadline, e)) {
		dial_close(d);
		return NULL;
	}
	return d;
}

void dial_close(struct dial *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		shutdown(d->fd, SHUT_RDWR); /* or libcurl says LOGOUT, and waits for the answer */
	curl_easy_setopt(d->curl, CURLOPT_NOPROGRESS, 1L);
	curl_easy_cleanup(d->curl);
	curl_global_cleanup();
	free(d);
}

int dial_fd(const struct dial *d)
{
	return d->fd;
}

const char *dial_security(const struct dial *d)
{
	return d->trust.security;
}

ssize_t dial_recv(struct dial *d, void *to, size_t max)
{
	size_t got = 0;
	CURLcode r = curl_easy_recv(d->curl, to, max, &got);

	return r == CURLE_OK && got ? (ssize_t)got : r == CURLE_AGAIN ? 0 : -1;
}

ssize_t dial_send(struct dial *d, const void *data, size_t len)
{
	size_t sent = 0;
	CURLcode r = curl_easy_send(d->curl, data, len, &sent);

	return r == CURLE_OK && sent ? (ssize_t)sent : r == CURLE_AGAIN ? 0 : -1;
}

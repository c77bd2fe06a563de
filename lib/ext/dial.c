#include "ext/dial.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define CA_FOLDER "/etc/ssl/certs" /* a folder of hashed names is read in 22 ms less than the bundle */

struct dial {
	CURL *curl;
	int fd;
	const char *security;
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

static void set_trust(CURL *c, const char *cafile)
{
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (cafile) {
		/* CAINFO alone would trust CAPATH beside it */
		curl_easy_setopt(c, CURLOPT_CAINFO, cafile);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	} else if (access(CA_FOLDER, X_OK) == 0) {
		curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(c, CURLOPT_CAPATH, CA_FOLDER);
	}
}

static bool names_this_machine(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

static bool is_this_machine(CURL *curl)
{
	char *ip = NULL;
	struct in_addr four;

	curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &ip);
	return ip && (strcmp(ip, "::1") == 0 || (inet_pton(AF_INET, ip, &four) == 1 && ntohl(four.s_addr) >> 24 == 127));
}

static int connect_failed(struct dial *d, const struct dial_server *s, CURLcode r, struct err *e)
{
	const char *why = *d->why ? d->why : curl_easy_strerror(r);

	if (d->stopped)
		return err_set(e, EX_NO, "connect to %s: cancelled", s->host);
	if (r == CURLE_PEER_FAILED_VERIFICATION)
		return err_set(e, EX_CONFIG, "%s: the server's certificate is not valid for it: %s", s->host, why);
	if (r == CURLE_SSL_CACERT_BADFILE)
		return err_set(e, EX_CONFIG, "%s: cafile %s: %s", s->host, s->cafile ? s->cafile : CA_FOLDER, why);
	if (r == CURLE_USE_SSL_FAILED)
		return err_set(e, EX_CONFIG, "%s:%d has no STARTTLS, so the password would be for all to read: nothing was sent; use imaps:, or say "
			       "'plaintext: true'", s->host, s->port);
	return err_set(e, EX_UNAVAILABLE, "connect to %s:%d: %s", s->host, s->port, why);
}

static void set_address(CURL *c, const struct dial_server *s)
{
	bool six = strchr(s->host, ':');
	char *url = xasprintf("%s://%s%s%s:%d/", s->tls ? "imaps" : "imap", six ? "[" : "", s->host, six ? "]" : "", s->port);

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* the environment is not asked */
	free(url);
}

static void set_fixed(struct dial *d)
{
	CURL *c = d->curl;

	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a name server that is silent must not hold us up */
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, d->why);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, d);
}

static int establish(struct dial *d, const struct dial_server *s, int64_t deadline, struct err *e)
{
	bool here = names_this_machine(s->host) && !s->cafile, demanded = s->tls || !(here || s->plaintext);
	int64_t left = deadline - clock_mono();
	curl_socket_t fd = -1;
	CURLcode r;

	set_address(d->curl, s);
	set_fixed(d);
	set_trust(d->curl, s->cafile);
	/* what may go in the clear goes so only where the server has no STARTTLS; on this machine nobody has certificates */
	curl_easy_setopt(d->curl, CURLOPT_USE_SSL, (long)(demanded ? CURLUSESSL_ALL : here ? CURLUSESSL_NONE : CURLUSESSL_TRY));
	curl_easy_setopt(d->curl, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
	r = curl_easy_perform(d->curl);
	if (r)
		return connect_failed(d, s, r, e);
	curl_easy_getinfo(d->curl, CURLINFO_ACTIVESOCKET, &fd);
	d->fd = (int)fd;
	d->security = demanded ? "TLS, its certificate is good" : here ? "no encryption: this machine" : "TLS only if the server has it";
	if (!demanded && !s->plaintext && !is_this_machine(d->curl))
		return err_set(e, EX_CONFIG, "%s is not this machine: no password goes there without TLS", s->host);
	return 0;
}

struct dial *dial_open(const struct dial_server *server, const struct dial_stop *stop, int64_t deadline, struct err *e)
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
	return d->security;
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

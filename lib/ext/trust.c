#include "ext/trust.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

#define CA_FOLDER "/etc/ssl/certs" /* a folder of hashed names is read in 22 ms less than the bundle */

static void set_certificates(CURL *c, const char *cafile)
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

static bool is_this_machine(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* Of a name that says "this machine" only such addresses are taken: a resolver may say anything. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct trust *t = ctx;

	(void)purpose;
	if (!t->demanded && !t->server->plaintext && !is_this_machine(&to->addr)) {
		t->stranger = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void set_address(CURL *c, const struct mail_server *s, const char *scheme)
{
	bool six = strchr(s->host, ':');
	char *url = xasprintf("%s%s://%s%s%s:%d/", scheme, s->tls ? "s" : "", six ? "[" : "", s->host, six ? "]" : "", s->port);
	char *protocols = xasprintf("%s,%ss", scheme, scheme);

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* the environment is not asked */
	free(protocols);
	free(url);
}

void trust_begin(struct trust *t, CURL *c, const struct mail_server *s, const char *scheme)
{
	bool here = names_this_machine(s->host) && !s->cafile;

	*t = (struct trust){.server = s, .demanded = s->tls || !(here || s->plaintext)};
	t->security = t->demanded ? "TLS, its certificate is good" : here ? "no encryption: this machine" : "TLS only if the server has it";
	set_address(c, s, scheme);
	set_certificates(c, s->cafile);
	/* what may go in the clear goes so only where the server has no STARTTLS; on this machine nobody has certificates */
	curl_easy_setopt(c, CURLOPT_USE_SSL, (long)(t->demanded ? CURLUSESSL_ALL : here ? CURLUSESSL_NONE : CURLUSESSL_TRY));
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a name server that is silent must not hold us up */
}

bool trust_failed(const struct trust *t, CURLcode r, const char *why, const char *scheme, struct err *e)
{
	const struct mail_server *s = t->server;

	if (t->stranger && r == CURLE_COULDNT_CONNECT)
		err_set(e, EX_CONFIG, "%s is not this machine: no password goes there without TLS", s->host);
	else if (r == CURLE_PEER_FAILED_VERIFICATION)
		err_set(e, EX_CONFIG, "%s: the server's certificate is not valid for it: %s", s->host, why);
	else if (r == CURLE_SSL_CACERT_BADFILE)
		err_set(e, EX_CONFIG, "%s: cafile %s: %s", s->host, s->cafile ? s->cafile : CA_FOLDER, why);
	else if (r == CURLE_USE_SSL_FAILED)
		err_set(e, EX_CONFIG, "%s:%d has no STARTTLS, so the password would be for all to read: nothing was sent; use %ss:, or say "
			"'plaintext: true'", s->host, s->port, scheme);
	else
		return false;
	return true;
}

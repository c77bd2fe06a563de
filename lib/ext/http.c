#include "ext/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "ext/httphead.h"

#define HEAD_MAX (256u << 10)
#define HEADERS_MAX 1000
#define CA_FOLDER "/etc/ssl/certs" /* a folder of hashed names is read in 22 ms less than the bundle */

struct http {
	CURLM *multi;
	CURLSH *share; /* TLS sessions, which would go with the easy handle */
	CURL *easy;
	struct http_aside aside;
	char why[CURL_ERROR_SIZE];
	/* of the request under way */
	const struct http_request *request;
	struct http_answer *answer;
	unsigned headers; /* all that came, those of interim answers and behind the body too */
	bool head_full, refused_repeat;
};

static CURL *easy_new(struct http *h)
{
	CURL *c = curl_easy_init();

	if (!c)
		die(EX_OSERR, "start libcurl: out of memory");
	curl_easy_setopt(c, CURLOPT_SHARE, h->share);
	return c;
}

struct http *http_new(const struct http_aside *aside)
{
	struct http *h = xcalloc(1, sizeof *h);

	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(h->multi = curl_multi_init()) || !(h->share = curl_share_init()))
		die(EX_OSERR, "start libcurl: out of memory");
	curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	h->easy = easy_new(h);
	h->aside = aside ? *aside : (struct http_aside){.fd = -1};
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 8L);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	curl_share_cleanup(h->share);
	curl_global_cleanup();
	free(h);
}

/* Called whenever a request is about to be written to a connection: also before libcurl's own repeats
 * (a kept connection that died, a refused HTTP/2 stream), which is where `once` is kept. */
static int on_request(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
	struct http *h = ctx;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	if (h->request->once && h->answer->requests) {
		h->refused_repeat = true;
		return CURL_PREREQFUNC_ABORT;
	}
	h->answer->requests++;
	h->answer->sent = HTTP_SENT_MAYBE;
	return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct http *h = ctx;
	struct http_answer *a = h->answer;
	size_t len = size * count, n = len;

	while (n && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	if (++h->headers > HEADERS_MAX) {
		h->head_full = true;
		return 0;
	}
	if (n >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		str_reset(&a->head); /* an interim answer (1xx) came before */
		a->sent = HTTP_SENT_YES;
		return len;
	}
	if (n && (str_add(&a->head, line, n) || str_putc(&a->head, '\n'))) {
		h->head_full = true;
		return 0;
	}
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct http *h = ctx;
	struct http_answer *a = h->answer;
	size_t len = size * count, room = h->request->body_max - a->body.len;

	if (len <= room)
		return str_add(&a->body, data, len) ? 0 : len;
	str_add(&a->body, data, room);
	a->cut = true;
	return 0; /* ends the transfer */
}

static void set_trust(CURL *c, const char *cafile)
{
	if (cafile) {
		/* CAINFO alone would trust CAPATH beside it */
		curl_easy_setopt(c, CURLOPT_CAINFO, cafile);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(c, CURLOPT_PROXY_CAINFO, cafile);
		curl_easy_setopt(c, CURLOPT_PROXY_CAPATH, NULL);
	} else if (access(CA_FOLDER, X_OK) == 0) {
		curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(c, CURLOPT_CAPATH, CA_FOLDER);
		curl_easy_setopt(c, CURLOPT_PROXY_CAINFO, NULL);
		curl_easy_setopt(c, CURLOPT_PROXY_CAPATH, CA_FOLDER);
	}
}

static void set_fixed(struct http *h)
{
	CURL *c = h->easy;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->why);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip, deflate, br");
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a name server that is silent must not hold us up */
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, h);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
}

static struct curl_slist *set_request(struct http *h, const struct http_request *r)
{
	CURL *c = h->easy;
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	int64_t left = r->deadline - clock_mono();

	for (const char *const *p = r->headers; p && *p; p++)
		headers = curl_slist_append(headers, *p);
	if (!headers)
		die(EX_OSERR, "out of memory");
	curl_easy_setopt(c, CURLOPT_URL, r->url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(left > 1 ? left : 1));
	curl_easy_setopt(c, CURLOPT_PROXY, r->proxy ? r->proxy : ""); /* "": nor one from the environment */
	curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	set_trust(c, r->cafile);
	if (strcmp(r->method, "GET") != 0) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body ? r->body : "");
		if (strcmp(r->method, "POST") != 0)
			curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
	} else {
		curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	}
	return headers;
}

/* Runs the transfer to its end, looking after the aside. */
static CURLcode run(struct http *h, int64_t deadline)
{
	int running = 1, left;

	curl_multi_add_handle(h->multi, h->easy);
	for (;;) {
		struct curl_waitfd extra = {.fd = h->aside.fd, .events = CURL_WAIT_POLLIN};
		int64_t next = h->aside.fd >= 0 ? h->aside.tick(h->aside.ctx) : -1, wait;

		curl_multi_perform(h->multi, &running);
		if (!running)
			break;
		wait = deadline - clock_mono() + 1;
		if (next >= 0 && next - clock_mono() < wait)
			wait = next - clock_mono();
		wait = wait < 0 ? 0 : wait > 1000 ? 1000 : wait;
		curl_multi_poll(h->multi, &extra, h->aside.fd >= 0, (int)wait, NULL);
	}
	for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));)
		if (m->msg == CURLMSG_DONE)
			return m->data.result;
	return CURLE_FAILED_INIT;
}

static enum http_result judge(struct http *h, CURLcode code, struct err *e)
{
	struct http_answer *a = h->answer;
	const char *why = *h->why ? h->why : curl_easy_strerror(code);

	if (code == CURLE_OK || a->cut)
		return HTTP_OK;
	/* libcurl runs "out of memory" over a line of 100 KiB */
	if (h->head_full || code == CURLE_OUT_OF_MEMORY) {
		err_set(e, EX_DATAERR, "the answer's headers are more than %d, or longer than %u bytes", HEADERS_MAX, HEAD_MAX);
		return HTTP_TOO_MUCH;
	}
	if (h->refused_repeat) {
		err_set(e, EX_UNAVAILABLE, "the connection died with the request on it; it is not sent a second time");
		return HTTP_UNREACHABLE;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		err_set(e, EX_TEMPFAIL, "no whole answer in time (%s)", why);
		return HTTP_TIMEOUT;
	}
	err_set(e, EX_UNAVAILABLE, "%s%s",
		code == CURLE_PEER_FAILED_VERIFICATION ? "the server's certificate is not valid for it: " : "", why);
	return HTTP_UNREACHABLE;
}

static bool is_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n == len && len && len < 19; /* of a longer one libcurl makes nothing */
}

/* 0, or -1 when an answer names two lengths, of which either may be true (RFC 9112 s.6.3). */
static int check_length(struct http *h, struct err *e)
{
	struct http_answer *a = h->answer;
	const char *name, *value, *length = NULL;
	size_t at = 0, n, len, length_len = 0;
	long version = 0;
	bool framed;

	curl_easy_getinfo(h->easy, CURLINFO_HTTP_VERSION, &version);
	framed = version == CURL_HTTP_VERSION_2_0 || a->status == 204 || a->status == 304;
	while (http_head_next(&a->head, &at, &name, &n, &value, &len)) {
		if (n == 17 && strncasecmp(name, "transfer-encoding", n) == 0)
			framed |= len >= 7 && strncasecmp(value + len - 7, "chunked", 7) == 0;
		if (n != 14 || strncasecmp(name, "content-length", n) != 0)
			continue;
		if (length && (len != length_len || memcmp(value, length, len) != 0))
			return err_set(e, EX_UNAVAILABLE, "the answer names two lengths");
		length = value;
		length_len = len;
		framed |= is_length(value, len);
	}
	a->open_ended = !framed && a->body.len;
	return 0;
}

enum http_result http_do(struct http *h, const struct http_request *r, struct http_answer *answer, struct err *e)
{
	struct curl_slist *headers;
	enum http_result result;
	CURLcode code;
	long status = 0;

	*answer = (struct http_answer){0};
	str_init(&answer->head, HEAD_MAX);
	h->request = r;
	h->answer = answer;
	h->head_full = h->refused_repeat = false;
	h->headers = 0;
	*h->why = '\0';
	curl_easy_reset(h->easy); /* keeps connections and TLS sessions */
	set_fixed(h);
	headers = set_request(h, r);
	code = run(h, r->deadline);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	answer->status = (int)status;
	curl_multi_remove_handle(h->multi, h->easy);
	curl_slist_free_all(headers);
	result = judge(h, code, e);
	if (result == HTTP_OK && check_length(h, e))
		result = HTTP_UNREACHABLE;
	if (r->body_len) { /* the handle's buffers have it: freeing wipes them; connections are the multi's and stay */
		curl_easy_cleanup(h->easy);
		h->easy = easy_new(h);
	}
	h->request = NULL;
	h->answer = NULL;
	return result;
}

void http_answer_free(struct http_answer *a)
{
	str_free(&a->head);
	str_free(&a->body);
}

int64_t http_date(const char *text)
{
	time_t seconds = curl_getdate(text, NULL);

	return seconds < 0 ? -1 : (int64_t)seconds * 1000;
}

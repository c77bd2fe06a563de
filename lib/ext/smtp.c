#include "ext/smtp.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct source {
	const char *at;
	size_t left;
};

static size_t give(char *to, size_t size, size_t count, void *ctx)
{
	struct source *s = ctx;
	size_t n = size * count < s->left ? size * count : s->left;

	memcpy(to, s->at, n);
	s->at += n;
	s->left -= n;
	return n;
}

int smtp_send(const char *url, const char *from, const char *to, const char *mail, size_t len, int64_t timeout,
	      struct err *e)
{
	CURL *c = curl_easy_init();
	struct source source = {mail, len};
	char *sender = xasprintf("<%s>", from), *receiver = xasprintf("<%s>", to);
	struct curl_slist *to_list = curl_slist_append(NULL, receiver);
	CURLcode r = CURLE_OUT_OF_MEMORY;

	if (c && to_list) {
		curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
		curl_easy_setopt(c, CURLOPT_URL, url);
		curl_easy_setopt(c, CURLOPT_PROXY, ""); /* the environment is not asked */
		curl_easy_setopt(c, CURLOPT_MAIL_FROM, sender);
		curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to_list);
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_CRLF, 0L);
		curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
		curl_easy_setopt(c, CURLOPT_READDATA, &source);
		r = curl_easy_perform(c);
	}
	curl_slist_free_all(to_list);
	curl_easy_cleanup(c);
	free(sender);
	free(receiver);
	return r ? err_set(e, EX_UNAVAILABLE, "send mail by %s: %s", url, curl_easy_strerror(r)) : 0;
}

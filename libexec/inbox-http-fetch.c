#include "libexec/inbox-http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "ext/http.h"
#include "ext/httphead.h"
#include "page/url.h"

#define BODY_MAX (2u << 20)
#define HOPS_MAX 5
#define HEADERS_MAX 24
#define LATER_MAX 86400000

static struct http *http;
static struct url base;
static char *name, *cafile;
static char *own[HEADERS_MAX]; /* "Name: value" that go with every request */
static int nown;
static char *etag, *modified; /* of the inbox's last answer; NULL: none */

const char *fetch_name(void)
{
	return name;
}

/* Opening */

static void forget(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void fetch_again(void)
{
	forget(&etag);
	forget(&modified);
}

void fetch_close(void)
{
	if (http)
		http_free(http);
	http = NULL;
	while (nown)
		forget(&own[--nown]);
	fetch_again();
	url_free(&base);
	forget(&name);
	forget(&cafile);
}

static int add_header(const char *key, const char *value, struct err *e)
{
	if (!http_header_valid(key, value))
		return err_set(e, EX_CONFIG, "headers: '%.40s' or its value can't be a header", key);
	if (nown == HEADERS_MAX)
		return err_set(e, EX_CONFIG, "headers: more than %d", HEADERS_MAX);
	own[nown++] = xasprintf("%s: %s", key, value);
	return 0;
}

/* RFC 4648 s.4 */
static char *base64(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text);
	char *out = xmalloc((len + 2) / 3 * 4 + 1), *to = out;

	for (size_t i = 0; i < len; i += 3) {
		unsigned b[3] = {(unsigned char)text[i], i + 1 < len ? (unsigned char)text[i + 1] : 0, i + 2 < len ? (unsigned char)text[i + 2] : 0};

		*to++ = digits[b[0] >> 2];
		*to++ = digits[(b[0] & 3) << 4 | b[1] >> 4];
		*to++ = i + 1 < len ? digits[(b[1] & 15) << 2 | b[2] >> 6] : '=';
		*to++ = i + 2 < len ? digits[b[2] & 63] : '=';
	}
	*to = '\0';
	return out;
}

/* Who we are: a token, or a name and a password. */
static int add_login(jv settings, struct err *e)
{
	const char *token = json_str(settings, "token", ""), *password = json_str(settings, "password", "");
	char *value, *plain;
	int r;

	if (str_starts(token, "exec:"))
		return err_set(e, EX_CONFIG, "token: of this inbox it is the token itself, not a program");
	if (!*token && !*password)
		return 0;
	if (*token) {
		value = xasprintf("Bearer %s", token);
	} else {
		char *coded;

		plain = xasprintf("%s:%s", json_str(settings, "username", ""), password);
		coded = base64(plain);
		value = xasprintf("Basic %s", coded);
		forget(&plain);
		forget(&coded);
	}
	r = add_header("Authorization", value, NULL);
	forget(&value);
	return r ? err_set(e, EX_CONFIG, "the token can't be sent: it has a line break or the like in it") : 0;
}

static int add_headers(jv settings, struct err *e)
{
	jv headers = json_get(settings, "headers");
	int r = 0;

	for (struct json_iter it = json_iter(headers); r == 0 && json_next(&it);)
		if (it.key && (r = add_header(it.key, json_string(it.value, ""), e)))
			json_iter_end(&it);
	jv_free(headers);
	return r || add_login(settings, e) ? -1 : 0;
}

int fetch_open(jv settings, struct err *e)
{
	const char *ca = json_str(settings, "cafile", "");

	fetch_close();
	if (url_parse(&base, json_str(settings, "url", ""), NULL, e)) {
		e->status = EX_CONFIG;
		return -1;
	}
	if (!base.https && !url_is_here(&base) && !json_bool(settings, "plaintext", false))
		return err_set(e, EX_CONFIG, "http://%s would send codes, and who you are, for all to read: use https:, or say 'plaintext: true'",
			       base.host);
	name = url_origin(&base);
	cafile = *ca ? xstrdup(ca) : NULL;
	http = http_new(NULL);
	return add_headers(settings, e);
}

/* Asking */

static char *head_text(const struct str *head, const char *key)
{
	const char *value;
	size_t len;

	return http_head_get(head, key, &value, &len) ? xstrndup(value, len) : NULL;
}

/* How long the server wants to be left alone, ms; beyond LATER_MAX it says nothing to who waits for a code. */
static int64_t wanted_pause(const struct str *head)
{
	int64_t ms = http_retry_after(head);

	return ms < 0 || ms > LATER_MAX ? 0 : ms;
}

static int judge(int status, const struct str *head, int64_t *later, struct err *e)
{
	if (status == 401 || status == 403)
		return err_set(e, EX_NOPERM, "%s answers %d: it does not take who we say we are (token, password or headers)", name, status);
	if (status == 404 || status == 410)
		return err_set(e, EX_NO, "%s answers %d: there is no such page", name, status);
	if (status == 408 || status == 425 || status == 429 || status >= 500) {
		*later = wanted_pause(head);
		return err_set(e, EX_TEMPFAIL, "%s answers %d", name, status);
	}
	return err_set(e, EX_CONFIG, "%s answers %d", name, status);
}

/* One request; 1: it leads on to *TO. */
static int hop(const struct url *at, bool conditional, int64_t deadline, struct http_answer *answer, struct url *to, int64_t *later,
	       struct err *e)
{
	const char *headers[HEADERS_MAX + 4] = {"Accept: application/json, text/html, message/rfc822, text/plain, */*;q=0.1"};
	char *text = url_text(at, false), *match = NULL, *since = NULL, *location = NULL;
	enum http_result result;
	int n = 1, r = -1;

	for (int i = 0; i < nown; i++)
		headers[n++] = own[i];
	if (conditional && etag)
		headers[n++] = match = xasprintf("If-None-Match: %s", etag);
	if (conditional && modified)
		headers[n++] = since = xasprintf("If-Modified-Since: %s", modified);
	headers[n] = NULL;
	result = http_do(http, &(struct http_request){.method = "GET", .url = text, .headers = headers, .body_max = BODY_MAX,
						      .deadline = deadline, .cafile = cafile}, answer, e);
	if (result != HTTP_OK) {
		err_wrap(e, "%s", name);
		if (result != HTTP_TOO_MUCH)
			e->status = EX_TEMPFAIL;
	} else if (answer->status >= 301 && answer->status <= 308 && answer->status != 304 && (location = head_text(&answer->head, "Location"))) {
		if (url_parse(to, location, at, e))
			e->status = EX_CONFIG;
		else if (url_same_origin(to, &base))
			r = 1;
		else
			r = err_set(e, EX_CONFIG, "%s leads on to another place (%s), where it is not followed", name, to->host);
	} else if (answer->status == 200 || (answer->status == 304 && conditional && (etag || modified))) {
		r = answer->cut ? err_set(e, EX_CONFIG, "%s answers more than %u bytes: ask for fewer mails", name, BODY_MAX) : 0;
	} else {
		judge(answer->status, &answer->head, later, e);
	}
	free(location);
	free(text);
	free(match);
	free(since);
	return r;
}

/* What tells the inbox's next answer from this one. */
static void remember(const struct str *head)
{
	fetch_again();
	etag = head_text(head, "ETag");
	modified = head_text(head, "Last-Modified");
	for (const char *p = etag; p && *p; p++)
		if ((unsigned char)*p < 0x20) {
			forget(&etag);
			break;
		}
}

static void take(struct page *page, struct http_answer *answer)
{
	page->unchanged = answer->status == 304;
	page->open_ended = answer->open_ended;
	page->type = head_text(&answer->head, "Content-Type");
	page->body = answer->body;
	answer->body = (struct str){0};
}

int fetch(const char *address, int64_t deadline, struct page *page, int64_t *later, struct err *e)
{
	int64_t began = clock_mono(), until = began + FETCH_TIME < deadline ? began + FETCH_TIME : deadline;
	struct url at, to = {0};
	int r;

	*page = (struct page){0};
	*later = 0;
	if (!http)
		return err_set(e, EX_CONFIG, "open the inbox first");
	if (url_parse(&at, address ? address : "", &base, e))
		return e->status = EX_CONFIG, -1;
	if (!url_same_origin(&at, &base)) {
		r = err_set(e, EX_CONFIG, "mail.link: %.100s is another place, and is not asked", at.host);
		url_free(&at);
		return r;
	}
	for (int hops = 0;; hops++) {
		struct http_answer answer;

		r = hop(&at, !address, until, &answer, &to, later, e);
		if (r == 0 && !address && answer.status == 200)
			remember(&answer.head);
		if (r == 0)
			take(page, &answer);
		http_answer_free(&answer);
		url_free(&at);
		at = to;
		to = (struct url){0};
		if (r != 1)
			break;
		if (hops == HOPS_MAX) {
			r = err_set(e, EX_CONFIG, "%s leads on and on", name);
			break;
		}
	}
	url_free(&at);
	page->ms = clock_mono() - began;
	return r;
}

void page_free(struct page *p)
{
	if (p->body.s)
		explicit_bzero(p->body.s, p->body.len);
	str_free(&p->body);
	free(p->type);
	*p = (struct page){0};
}

/* ab-notify-http: a webhook, for https: and http: addresses (ab-notify(1), "Drivers").
 *
 * Addresses, settings and what is sent may hold tokens, so messages name the address's origin only, and of an answer a few words at
 * most, and none in which something of ours comes back. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "config.h"
#include "ext/http.h"
#include "ext/httphead.h"
#include "libexec/notify-http.h"
#include "page/url.h"

#define ANSWER_MAX (64u << 10)
#define HEADERS_MAX 32
#define WORDS_MAX 100   /* of an answer that are told */
#define SECRET_LEAST 6  /* bytes; what is shorter is a common word */
#define PAUSE_MAX 31536000 /* s */

static int64_t patience; /* ms for the whole */

/* One message on its way. */
struct hook {
	struct url base, to; /* the address, and with what the template adds */
	char *origin;        /* its name in messages */
	const char *cafile;  /* NULL: the system's */
	struct shape shape;
	char *headers[HEADERS_MAX + 1]; /* "Name: value", NULL-ended */
	size_t nheaders;
	const struct notice *notice;
	int64_t deadline;
};

/* Where it goes */

static bool said_yes(jv settings, const char *key)
{
	return json_bool(settings, key, false) || strcmp(json_str(settings, key, ""), "true") == 0;
}

static int take_address(struct hook *h, struct err *e)
{
	jv settings = h->notice->settings;
	struct err inner;

	if (url_parse(&h->base, h->notice->url, NULL, &inner)) /* its words quote the address */
		return err_set(e, EX_CONFIG, "the address is no https: or http: URL, or has a name and password in it, which go into headers");
	h->origin = url_origin(&h->base);
	if (!h->base.https && !url_is_here(&h->base) && !said_yes(settings, "plaintext"))
		return err_set(e, EX_CONFIG, "%s would send the message, and the token, for all to read: use https:, or say 'plaintext: true'", h->origin);
	h->cafile = json_str(settings, "cafile", NULL);
	if (h->cafile && access(h->cafile, R_OK))
		return err_set(e, EX_CONFIG, "cafile %s:", h->cafile);
	return 0;
}

/* The address with what the template adds, which can lead nowhere else. */
static int aim(struct hook *h, struct err *e)
{
	const struct shape *s = &h->shape;
	size_t kept = strlen(h->base.path);
	struct err inner;
	struct str text = {0};
	int r;

	while (s->path && kept && h->base.path[kept - 1] == '/')
		kept--;
	str_puts(&text, h->origin);
	str_add(&text, h->base.path, kept);
	if (s->path)
		str_addf(&text, "/%s", s->path);
	if (h->base.query)
		str_addf(&text, "?%s", h->base.query);
	if (s->query)
		str_addf(&text, "%c%s", h->base.query ? '&' : '?', s->query);
	r = url_parse(&h->to, str_text(&text), NULL, &inner);
	if (!r && (!url_same_origin(&h->to, &h->base) || strncmp(h->to.path, h->base.path, kept) != 0))
		r = -1;
	str_free(&text);
	return r ? err_set(e, EX_CONFIG, "the template's path leads out of the address, or is too long") : 0;
}

/* What goes along */

/* Those that are libcurl's to say. */
static bool is_ours(const char *name)
{
	return http_header_reserved(name) || strcasecmp(name, "keep-alive") == 0 || strcasecmp(name, "proxy-connection") == 0;
}

static char **find_header(struct hook *h, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < h->nheaders; i++)
		if (strncasecmp(h->headers[i], name, n) == 0 && h->headers[i][n] == ':')
			return &h->headers[i];
	return NULL;
}

static int put_header(struct hook *h, const char *name, const char *value, struct err *e)
{
	char **there = find_header(h, name);

	if (!value || is_ours(name) || !http_header_valid(name, value))
		return err_set(e, EX_CONFIG, "headers: '%.40s' can't be set, or its value can't be sent", name);
	if (!there && h->nheaders == HEADERS_MAX)
		return err_set(e, EX_CONFIG, "headers: more than %d", HEADERS_MAX);
	if (there)
		free(*there);
	else
		there = &h->headers[h->nheaders++];
	*there = xasprintf("%s: %s", name, value);
	return 0;
}

static int put_headers(struct hook *h, jv headers, struct err *e)
{
	for (struct json_iter it = json_iter(headers); json_next(&it);) {
		if (json_is(it.value, JV_KIND_NULL) || !it.key)
			continue;
		if (put_header(h, it.key, json_string(it.value, NULL), e)) {
			json_iter_end(&it);
			return -1;
		}
	}
	return 0;
}

static int put_token(struct hook *h, const char *token, struct err *e)
{
	char *value;
	int r;

	if (str_starts(token, "exec:"))
		return err_set(e, EX_CONFIG, "token: of a webhook it is the token itself, not a program");
	if (!*token || !h->shape.bearer || find_header(h, "Authorization"))
		return 0;
	value = xasprintf("Bearer %s", token);
	r = put_header(h, "Authorization", value, NULL);
	free(value);
	return r ? err_set(e, EX_CONFIG, "the token can't be sent: it has a line break or the like in it") : 0;
}

/* The template's, over them the person's. */
static int take_headers(struct hook *h, struct err *e)
{
	jv own = json_get(h->notice->settings, "headers");
	int r = put_header(h, "User-Agent", "ab/" PACKAGE_VERSION " (appointment booking tools)", e);

	if (!r)
		r = put_header(h, "Accept", "application/json, */*;q=0.1", e);
	if (!r)
		r = put_headers(h, h->shape.headers, e);
	if (!r)
		r = put_headers(h, own, e);
	if (!r)
		r = put_token(h, json_str(h->notice->settings, "token", ""), e);
	jv_free(own);
	return r;
}

/* What comes back */

/* SECRET, or its parts between slashes and the like, come back in WORDS. */
static bool repeats(const char *words, const char *secret)
{
	for (size_t n; *secret; secret += n + (secret[n] != '\0')) {
		char *part = xstrndup(secret, n = strcspn(secret, "/?&=#"));
		bool there = n >= SECRET_LEAST && strstr(words, part);

		free(part);
		if (there)
			return true;
	}
	return false;
}

static bool repeats_any(const char *words, jv settings)
{
	bool there = json_is(settings, JV_KIND_STRING) && (repeats(words, json_string(settings, "")) ||
		(json_len(settings) >= SECRET_LEAST && strstr(words, json_string(settings, ""))));

	for (struct json_iter it = json_iter(settings); json_next(&it);)
		there |= repeats_any(words, it.value);
	return there;
}

/* Printable, short, in brackets; "" where that would be nothing, or something of ours. */
static char *cleaned(struct hook *h, const char *words)
{
	char *target = url_target(&h->to), *text;
	bool ours = repeats(words, target) || repeats_any(words, h->notice->settings);
	size_t n = strlen(words);

	free(target);
	if (n > WORDS_MAX)
		for (n = WORDS_MAX; n && ((unsigned char)words[n] & 0xc0) == 0x80;)
			n--; /* no half a character */
	if (ours || !n)
		return xstrdup("");
	text = xasprintf(" (%.*s)", (int)n, words);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return text;
}

/* Why, in the server's words: those of the APIs that templates are for, or a single one (Slack: "no_team"). */
static char *words_of(struct hook *h, const struct http_answer *a, jv said)
{
	static const char *const keys[] = {"description", "message", "errorDescription", "error", "errcode"};
	const char *text = str_text(&a->body), *words = "";
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_");

	for (size_t i = 0; i < sizeof keys / sizeof *keys && !*words; i++)
		words = json_str(said, keys[i], "");
	if (!*words && n && n <= 40 && n == a->body.len)
		words = text;
	return cleaned(h, words);
}

/* How long it wants to be left alone, ms; 0: it does not say. Matrix, Discord and Telegram say so in the body. */
static int64_t pause_wanted(const struct http_answer *a, jv said)
{
	int64_t ms = http_retry_after(&a->head);
	jv parameters = json_get(said, "parameters");
	double s = json_num(said, "retry_after", json_num(parameters, "retry_after", json_num(said, "retry_after_ms", -1000) / 1000));

	jv_free(parameters);
	if (ms >= 0)
		return ms;
	return s > 0 && s < PAUSE_MAX ? (int64_t)(s * 1000) + 1 : 0;
}

static int leads_on(struct hook *h, const struct http_answer *a, struct err *e)
{
	const char *value;
	size_t len;
	char *location = http_head_get(&a->head, "Location", &value, &len) ? xstrndup(value, len) : NULL, *origin = NULL;
	struct url to = {0};
	struct err inner;

	if (location && url_parse(&to, location, &h->to, &inner) == 0)
		origin = url_origin(&to);
	err_set(e, EX_CONFIG, "%s answers %d, and leads on to %.100s: messages do not follow; give the address that it leads to", h->origin, a->status,
		origin ? origin : "nowhere");
	url_free(&to);
	free(origin);
	free(location);
	return -1;
}

static int refused(struct hook *h, int status, const char *words, struct err *e)
{
	if (status == 401 || status == 403)
		return err_set(e, EX_NOPERM, "%s answers %d%s: it does not take who we say we are (token, headers, address)", h->origin, status, words);
	if (status == 404 || status == 410)
		return err_set(e, EX_CONFIG, "%s answers %d%s: there is nothing at this address", h->origin, status, words);
	if (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429)
		return err_set(e, EX_CONFIG, "%s answers %d%s: it does not take the message", h->origin, status, words);
	return err_set(e, EX_TEMPFAIL, "%s answers %d%s", h->origin, status, words);
}

static int judge(struct hook *h, const struct http_answer *a, int64_t *later, struct err *e)
{
	jv said = json_parse_foreign(str_text(&a->body), a->body.len, NULL);
	bool taken = a->status >= 200 && a->status < 300, no = json_has(said, "ok") && !json_bool(said, "ok", true);
	char *words;
	int r = 0;

	if (a->status >= 300 && a->status < 400) {
		r = leads_on(h, a, e);
	} else if (!taken || no) { /* some APIs say 200 and {"ok": false} */
		words = words_of(h, a, said);
		*later = pause_wanted(a, said);
		r = refused(h, taken ? (int)json_int(said, "error_code", a->status) : a->status, words, e);
		free(words);
	}
	jv_free(said);
	return r;
}

static int send_it(struct hook *h, int64_t *later, struct err *e)
{
	char *url = url_text(&h->to, false);
	struct http *http = http_new(NULL);
	struct http_answer answer;
	/* once: whether it is sent again is ab-notify's to decide */
	enum http_result result = http_do(http, &(struct http_request){.method = h->shape.method, .url = url, .headers = (const char *const *)h->headers,
		.body = h->shape.body, .body_len = strlen(h->shape.body), .once = true, .body_max = ANSWER_MAX, .deadline = h->deadline,
		.cafile = h->cafile}, &answer, e);
	int r = 0;

	if (result == HTTP_OK) {
		r = judge(h, &answer, later, e);
	} else if (answer.status < 200 || answer.status > 299) {
		err_wrap(e, "%s", h->origin);
		e->status = EX_TEMPFAIL;
		r = -1;
	} /* else it was taken, and only the rest of the answer was lost */
	http_answer_free(&answer);
	http_free(http);
	free(url);
	return r;
}

static void hook_free(struct hook *h)
{
	url_free(&h->base);
	url_free(&h->to);
	free(h->origin);
	shape_free(&h->shape);
	while (h->nheaders)
		free(h->headers[--h->nheaders]);
}

static int tell(struct notice *n, struct err *e)
{
	struct hook h = {.notice = n, .deadline = clock_mono() + patience, .shape = {.headers = jv_null()}};
	int r = take_address(&h, e) || shape_make(&h.shape, n, e) || aim(&h, e) || take_headers(&h, e) || send_it(&h, &n->later, e) ? -1 : 0;

	hook_free(&h);
	return r;
}

int main(int argc, char **argv)
{
	patience = notice_options(argc, argv, "ab-notify-http", "Driver of ab-notify: posts messages to a webhook.");
	notice_serve(tell);
	return 0;
}

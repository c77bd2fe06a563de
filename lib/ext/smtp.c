#include "ext/smtp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "ext/trust.h"

#define WORDS_MAX 160   /* of a server's reply that are shown */
#define REFUSED_MAX 200 /* … and of the recipients that it refused */
#define BYE_WAIT 1000   /* ms for the answer to QUIT, which changes nothing any more */

struct sending {
	const struct smtp_server *server;
	const struct smtp_mail *mail;
	struct trust trust;
	size_t given;             /* bytes of the mail */
	/* the exchange, as it goes */
	char *sent;               /* the last command */
	int code;                 /* of the last reply */
	struct str words;         /* its text */
	bool whole;               /* it has come to its end */
	int at;                   /* recipients asked for so far */
	int taken, refused;       /* … of which */
	bool for_now;             /* one of the refusals was a 4xx */
	int64_t over;             /* when QUIT was said: what comes then tells nothing; 0: not yet */
	struct str refusals;
	char why[CURL_ERROR_SIZE];
};

static size_t give(char *to, size_t size, size_t count, void *ctx)
{
	struct sending *s = ctx;
	size_t left = s->mail->len - s->given, n = size * count < left ? size * count : left;

	memcpy(to, s->mail->text + s->given, n);
	s->given += n;
	return n;
}

/* What was sent last may be a password, encoded or not: a reply that repeats it is not shown. */
static bool repeats_secret(const struct sending *s, const char *reply)
{
	const struct smtp_server *at = s->server;

	return (s->sent && strlen(s->sent) > 4 && strncmp(s->sent, "RCPT", 4) != 0 && strncmp(s->sent, "MAIL", 4) != 0 && strstr(reply, s->sent)) ||
	       (at->password && strstr(reply, at->password)) || (at->token && strstr(reply, at->token));
}

static void add_words(struct sending *s, const char *line, size_t len)
{
	char *text = xstrndup(line, len);

	if (repeats_secret(s, text))
		len = 0;
	if (len && s->words.len)
		str_putc(&s->words, ' ');
	for (size_t i = 0; i < len; i++)
		str_putc(&s->words, text[i] >= ' ' && text[i] < 127 ? text[i] : '?');
	free(text);
}

static void note_recipient(struct sending *s)
{
	const char *address = s->mail->to[s->at];

	if (!address)
		return;
	s->at++;
	if (s->code / 100 == 2) {
		s->taken++;
		return;
	}
	s->refused++;
	s->for_now = s->for_now || s->code / 100 == 4;
	if (s->refusals.len < REFUSED_MAX)
		str_addf(&s->refusals, "%s%.80s (%d %s)", s->refused > 1 ? ", " : "", address, s->code, str_text(&s->words));
}

/* A line of a reply: "250-…" more follow, "250 …" the last (RFC 5321 s.4.2). */
static void take_reply(struct sending *s, const char *line, size_t len)
{
	while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (len < 3)
		return;
	if (s->whole)
		str_reset(&s->words);
	s->whole = len == 3 || line[3] != '-';
	s->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	if (len > 4)
		add_words(s, line + 4, len - 4);
	if (s->whole && s->sent && strncmp(s->sent, "RCPT", 4) == 0)
		note_recipient(s);
}

static void forget_sent(struct sending *s)
{
	if (s->sent)
		explicit_bzero(s->sent, strlen(s->sent));
	free(s->sent);
	s->sent = NULL;
}

static void take_command(struct sending *s, const char *text, size_t len)
{
	while (len && (text[len - 1] == '\r' || text[len - 1] == '\n'))
		len--;
	if (len == 4 && memcmp(text, "QUIT", 4) == 0)
		s->over = clock_mono();
	if (s->over)
		return;
	forget_sent(s);
	s->sent = xstrndup(text, len);
	s->code = 0;
	s->whole = true;
}

/* libcurl tells only of the last refusal; who was refused, and why, is in what goes to and fro. */
static int on_exchange(CURL *c, curl_infotype kind, char *text, size_t len, void *ctx)
{
	struct sending *s = ctx;

	(void)c;
	if (kind == CURLINFO_HEADER_OUT)
		take_command(s, text, len);
	else if (kind == CURLINFO_HEADER_IN && !s->over)
		take_reply(s, text, len);
	return 0;
}

/* libcurl would wait two minutes for the answer to QUIT. */
static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct sending *s = ctx;

	(void)a, (void)b, (void)c, (void)d;
	return s->over && clock_mono() - s->over > BYE_WAIT;
}

/* Where it went wrong, as the person may know it. */
static const char *stage(const struct sending *s)
{
	static const struct {
		const char *command, *stage;
	} table[] = {{"EHLO", "greeting"}, {"HELO", "greeting"}, {"STARTTLS", "STARTTLS"}, {"MAIL", "sender"}, {"RCPT", "recipient"}, {"DATA", "mail"}};

	for (size_t i = 0; s->sent && i < sizeof table / sizeof *table; i++)
		if (strncmp(s->sent, table[i].command, strlen(table[i].command)) == 0)
			return table[i].stage;
	return s->sent ? "login" : "greeting";
}

static int login_failed(const struct sending *s, struct err *e)
{
	const struct mail_server *at = &s->server->at;

	if (strcmp(stage(s), "login") != 0) /* no command of a login was sent */
		return err_set(e, EX_CONFIG, "%s:%d has no way to log in with a %s", at->host, at->port,
			       s->server->token ? "token (XOAUTH2)" : "password (PLAIN, LOGIN)");
	/* a 334 is XOAUTH2's way to refuse, with JSON in base64 */
	return err_set(e, s->code / 100 == 4 ? EX_TEMPFAIL : EX_NOPERM, "%s: the login as %.80s was refused: %d %s", at->host, s->server->user, s->code,
		       s->code / 100 == 3 ? "" : str_text(&s->words));
}

static int refused(const struct sending *s, struct err *e)
{
	bool nobody = s->refused && !s->taken, for_now = s->code / 100 == 4 || (nobody && s->for_now);
	int status = for_now ? EX_TEMPFAIL : s->code == 530 || s->code == 535 || s->code == 538 ? EX_NOPERM : EX_DATAERR;

	if (nobody)
		return err_set(e, status, "%s refused %s", s->server->at.host, str_text(&s->refusals));
	return err_set(e, status, "%s refused the %s: %d %s", s->server->at.host, stage(s), s->code, str_text(&s->words));
}

static int failed(struct sending *s, CURLcode r, struct err *e)
{
	const struct mail_server *at = &s->server->at;
	const char *why = *s->why ? s->why : curl_easy_strerror(r);

	if (r == CURLE_LOGIN_DENIED)
		return login_failed(s, e);
	if (r == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, EX_TEMPFAIL, "%s:%d did not answer in time (%s)", at->host, at->port, stage(s));
	if (s->code / 100 == 4)
		return refused(s, e);
	if (trust_failed(&s->trust, r, why, "smtp", e))
		return -1;
	if (s->code / 100 == 5)
		return refused(s, e);
	return err_set(e, EX_UNAVAILABLE, "mail by %s:%d: %s", at->host, at->port, why);
}

static int some_refused(const struct sending *s, struct err *e)
{
	return err_set(e, EX_DATAERR, "%s took the mail for %d of %d, but not for %s", s->server->at.host, s->taken, s->taken + s->refused,
		       str_text(&s->refusals));
}

static void set_login(CURL *c, const struct smtp_server *s)
{
	if (!s->user)
		return;
	curl_easy_setopt(c, CURLOPT_USERNAME, s->user);
	if (s->token)
		curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, s->token);
	else
		curl_easy_setopt(c, CURLOPT_PASSWORD, s->password);
	curl_easy_setopt(c, CURLOPT_LOGIN_OPTIONS, s->token ? "AUTH=XOAUTH2" : "AUTH=PLAIN;AUTH=LOGIN");
}

static CURLcode perform(CURL *c, struct sending *s, int64_t deadline)
{
	int64_t left = deadline - clock_mono();
	char *from = xasprintf("<%s>", s->mail->from);
	struct curl_slist *to = NULL;
	CURLcode r;

	for (const char *const *p = s->mail->to; *p; p++) {
		char *one = xasprintf("<%s>", *p);

		to = curl_slist_append(to, one);
		free(one);
	}
	trust_begin(&s->trust, c, &s->server->at, "smtp");
	set_login(c, s->server);
	curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(c, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)s->mail->len);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(c, CURLOPT_READDATA, s);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->why);
	curl_easy_setopt(c, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, on_exchange);
	curl_easy_setopt(c, CURLOPT_DEBUGDATA, s);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L); /* closed by this handle, with its limits, not by another one later */
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
	r = curl_easy_perform(c);
	curl_slist_free_all(to);
	free(from);
	return r;
}

/* Or libcurl says QUIT to a server that has gone silent, and waits two minutes for the answer. */
static void cut(CURL *c)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (curl_easy_getinfo(c, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD)
		shutdown(fd, SHUT_RDWR);
}

int smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, int64_t deadline, struct err *e)
{
	struct sending s = {.server = server, .mail = mail, .words = {.max = WORDS_MAX}};
	CURL *c = curl_global_init(CURL_GLOBAL_DEFAULT) ? NULL : curl_easy_init();
	CURLcode r;
	int status;

	if (!c)
		die(EX_OSERR, "start libcurl: out of memory");
	r = perform(c, &s, deadline);
	status = r ? failed(&s, r, e) : s.refused ? some_refused(&s, e) : 0;
	if (r)
		cut(c);
	curl_easy_cleanup(c);
	curl_global_cleanup();
	forget_sent(&s);
	str_free(&s.words);
	str_free(&s.refusals);
	return status;
}

/* ab-notify-mailto: mailto:ADDRESS,… mails the message, by the server that the settings name or by the system's sendmail (ab-notify(1),
 * DRIVERS). */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "ext/smtp.h"
#include "mail/compose.h"
#include "mail/program.h"
#include "wire/launch.h"
#include "wire/notice.h"

#define PATIENCE 24000     /* ms for all of it, and one for the farewell; ab-notify waits 30 s for us */
#define PROGRAM_TIME 10000 /* … for the program that gives the token */
#define RECIPIENTS_MAX 16
#define SUBMISSION 587     /* RFC 6409 */
#define SUBMISSION_TLS 465 /* RFC 8314 */

/* What the settings say; all of it is ours. */
struct account {
	char *to[RECIPIENTS_MAX + 1]; /* NULL-ended */
	int nto;
	char *from;
	struct server_url url; /* of the server; no host: by sendmail */
	char *user, *password, *token, *program, *cafile;
	bool plaintext;
	int64_t deadline;
};

static void forget(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void account_free(struct account *a)
{
	for (int i = 0; i < a->nto; i++)
		free(a->to[i]);
	free(a->from);
	server_url_free(&a->url);
	free(a->user);
	forget(a->password);
	forget(a->token);
	free(a->program);
	free(a->cafile);
}

/* Settings */

static int add_recipient(struct account *a, const char *text, size_t len, struct err *e)
{
	char *address = xstrndup(text, len);

	if (a->nto == RECIPIENTS_MAX) {
		free(address);
		return err_set(e, EX_CONFIG, "the address names more than %d recipients", RECIPIENTS_MAX);
	}
	a->to[a->nto++] = address;
	if (url_unescape(address) || !address_valid(address))
		return err_set(e, EX_CONFIG, "recipient %d of the address is none that mail goes to: it is mailto:alice@example.org, more of them after "
			       "commas, and special characters percent-encoded", a->nto);
	return 0;
}

/* RFC 6068, without header fields: whoever writes the address is not to write the mail. */
static int take_recipients(struct account *a, const char *url, struct err *e)
{
	const char *p = url + strlen("mailto:");
	size_t n;

	if (!str_starts(url, "mailto:"))
		return err_set(e, EX_CONFIG, "the address is not mailto:ADDRESS");
	if (strpbrk(p, "?#"))
		return err_set(e, EX_CONFIG, "the address has header fields (?subject=…): only recipients can be named");
	for (;; p += n + 1) {
		n = strcspn(p, ",");
		if (add_recipient(a, p, n, e))
			return -1;
		if (!p[n])
			return 0;
	}
}

static int check_names(jv settings, struct err *e)
{
	static const char *const known[] = {"url", "smtp", "username", "password", "token", "from", "cafile", "plaintext"};
	int r = 0;

	for (struct json_iter it = json_iter(settings); json_next(&it);) {
		bool found = false;

		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			found = found || strcmp(it.key, known[i]) == 0;
		if (!found) {
			r = err_set(e, EX_CONFIG, "mailto: has no setting '%.40s'", it.key);
			json_iter_end(&it);
			break;
		}
	}
	return r;
}

static char *setting(jv settings, const char *name)
{
	const char *text = json_str(settings, name, "");

	return *text ? xstrdup(text) : NULL;
}

static int take_login(struct account *a, jv settings, struct err *e)
{
	a->user = setting(settings, "username");
	a->password = setting(settings, "password");
	a->token = setting(settings, "token");
	if (!a->user && a->url.user && *a->url.user)
		a->user = xstrdup(a->url.user);
	if (a->token && str_starts(a->token, "exec:")) {
		a->program = xstrdup(a->token + strlen("exec:"));
		forget(a->token);
		a->token = NULL;
	}
	if (a->password && (a->token || a->program))
		return err_set(e, EX_CONFIG, "either a password or a token");
	if (a->user && !a->password && !a->token && !a->program)
		return err_set(e, EX_CONFIG, "neither a password nor a token for %.80s", a->user);
	if (!a->user && (a->password || a->token || a->program))
		return err_set(e, EX_CONFIG, "no user name: put it into smtp (smtps://USER@HOST) or the field username");
	return 0;
}

static int take_server(struct account *a, jv settings, struct err *e)
{
	static const char *const servers[] = {"username", "password", "token", "cafile", "plaintext"};
	const char *url = json_str(settings, "smtp", NULL);

	for (size_t i = 0; !url && i < sizeof servers / sizeof *servers; i++)
		if (json_has(settings, servers[i]))
			return err_set(e, EX_CONFIG, "%s is of use only with smtp: the server to send by", servers[i]);
	if (!url)
		return 0;
	if (server_url(&a->url, url, "smtp", SUBMISSION, SUBMISSION_TLS, e))
		return err_wrap(e, "smtp");
	if (*a->url.path)
		return err_set(e, EX_CONFIG, "smtp: nothing comes after the host: smtps://USER@HOST");
	a->cafile = setting(settings, "cafile");
	a->plaintext = json_bool(settings, "plaintext", false) || strcmp(json_str(settings, "plaintext", ""), "true") == 0;
	return take_login(a, settings, e);
}

static int take_settings(struct account *a, const struct notice *n, struct err *e)
{
	if (check_names(n->settings, e) || take_recipients(a, n->url, e) || take_server(a, n->settings, e))
		return -1;
	a->from = xstrdup(json_str(n->settings, "from", a->to[0]));
	return address_valid(a->from) ? 0 : err_set(e, EX_CONFIG, "from is no address: it is alice@example.org");
}

/* By a server */

static int try_server(const struct account *a, const char *mail, struct err *e)
{
	struct smtp_server server = {
		.at = {.host = a->url.host, .port = a->url.port, .tls = a->url.tls, .plaintext = a->plaintext, .cafile = a->cafile},
		.user = a->user, .password = a->password, .token = a->token,
	};
	struct smtp_mail m = {.from = a->from, .to = (const char *const *)a->to, .text = mail, .len = strlen(mail)};

	if (smtp_send(&server, &m, a->deadline, e) == 0)
		return 0;
	/* a certificate that is not valid, a STARTTLS that is missing: perhaps this network's doing, and nothing was sent */
	if (e->status == EX_CONFIG && (!a->cafile || access(a->cafile, R_OK) == 0))
		e->status = EX_TEMPFAIL;
	return -1;
}

static int need_token(struct account *a, bool refused, struct err *e)
{
	int64_t most = clock_mono() + PROGRAM_TIME;

	forget(a->token);
	a->token = NULL;
	return program_token(a->program, a->user, a->url.host, refused, most < a->deadline ? most : a->deadline, NULL, &a->token, e);
}

static int by_server(struct account *a, const char *mail, struct err *e)
{
	struct str crlf = {0};
	int r;

	encode_crlf(&crlf, mail);
	r = a->program ? need_token(a, false, e) : 0;
	if (r == 0)
		r = try_server(a, str_text(&crlf), e);
	/* a token that is refused has run out, as tokens do: once a new one is asked for */
	if (r && e->status == EX_NOPERM && a->program)
		r = need_token(a, true, e) ? -1 : try_server(a, str_text(&crlf), e);
	str_free(&crlf);
	return r;
}

/* By sendmail */

static const char *find_sendmail(void)
{
	static const char *const places[] = {"/usr/sbin/sendmail", "/usr/lib/sendmail"};
	const char *own = getenv("AB_SENDMAIL");

	if (own && *own)
		return own;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return "sendmail";
}

/* As sysexits.h has them, which sendmail made; -t and the like of its kin end with 1 for anything. */
static int judge(const char *program, int status, struct err *e)
{
	static const struct {
		int said, meant;
		const char *words;
	} final[] = {
		{EX_USAGE, EX_CONFIG, "does not understand how it was called"}, {EX_DATAERR, EX_DATAERR, "refuses the mail"},
		{EX_NOUSER, EX_DATAERR, "knows no such recipient"}, {EX_NOHOST, EX_DATAERR, "knows no such host"},
		{EX_NOPERM, EX_NOPERM, "may not send it"}, {EX_CONFIG, EX_CONFIG, "is not set up"},
	};

	if (status == 0)
		return 0;
	for (size_t i = 0; i < sizeof final / sizeof *final; i++)
		if (status == final[i].said)
			return err_set(e, final[i].meant, "%s %s (status %d)", program, final[i].words, status);
	return err_set(e, EX_TEMPFAIL, "%s ended with status %d", program, status);
}

static int by_sendmail(const struct account *a, const char *mail, struct err *e)
{
	const char *program = find_sendmail(), *argv[RECIPIENTS_MAX + 6] = {program, "-i", "-f", a->from, "--"};
	int in = fs_memfd("mail", mail, strlen(mail)), r;
	struct proc p = PROC_NONE;

	for (int i = 0; i < a->nto; i++)
		argv[5 + i] = a->to[i];
	if (in < 0)
		return err_set(e, EX_OSERR, "hold the mail:");
	r = proc_start(&p, &(struct proc_spec){.argv = argv, .fds = (const struct fd_map[]){{in, 0}, {STDERR_FILENO, 1}}, .nfds = 2, .group = true,
					       .die_with_parent = true}, e);
	close(in);
	if (r && e->status == EX_UNAVAILABLE)
		return err_set(e, EX_CONFIG, "there is no %s: install a mail system, or name a server with smtp:", program);
	if (r)
		return -1;
	if (proc_reap(&p, a->deadline))
		return judge(program, proc_exit_status(p.status), e);
	proc_end(&p, 500);
	return err_set(e, EX_TEMPFAIL, "%s did not end within %d s", program, PATIENCE / 1000);
}

static int tell(struct notice *n, struct err *e)
{
	struct account a = {.deadline = clock_mono() + PATIENCE};
	char *mail;
	int r = take_settings(&a, n, e);

	if (r == 0) {
		mail = compose(&(struct letter){.id = n->id, .from = a.from, .to = (const char *const *)a.to, .title = n->title, .text = n->text,
						.calendar = n->calendar, .date = clock_wall()});
		r = a.url.host ? by_server(&a, mail, e) : by_sendmail(&a, mail, e);
		free(mail);
	}
	account_free(&a);
	return r;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-notify-mailto", "", "Driver of ab-notify: mails the message.", NULL, 0, 0, false};
	struct err e;

	sandbox_private();
	opt_parse(argc, argv, &spec);
	/* the launcher before there is a password: it starts the program that gives a token */
	if (launch_init(&e))
		die_err(&e);
	notice_serve(tell);
	return 0;
}

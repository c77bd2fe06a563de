#include "demo/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/str.h"
#include "demo/picture.h"
#include "ext/smtp.h"

#define SMTP_WAIT 10000 /* ms */

struct late {
	struct late *next;
	int64_t due;
	const char *from;
	char *to, *text;
};

struct mail {
	char *maildir, *zone;
	struct server_url smtp; /* no host: into the Maildir */
	struct late *late;
	unsigned long count;
};

struct mail *mail_open(const char *maildir, const char *smtp, const char *zone, struct err *e)
{
	struct mail *m = xcalloc(1, sizeof *m);

	m->maildir = maildir ? xstrdup(maildir) : NULL;
	m->zone = xstrdup(zone);
	if (smtp && server_url(&m->smtp, smtp, "smtp", 25, 465, e)) {
		err_set(e, EX_USAGE, "--smtp %s: an address such as smtp://127.0.0.1:2525 is needed", smtp);
		mail_close(m);
		return NULL;
	}
	return m;
}

void mail_reset(struct mail *m)
{
	for (struct late *l; (l = m->late);) {
		m->late = l->next;
		free(l->to);
		free(l->text);
		free(l);
	}
}

void mail_close(struct mail *m)
{
	if (!m)
		return;
	mail_reset(m);
	free(m->maildir);
	server_url_free(&m->smtp);
	free(m->zone);
	free(m);
}

static void date(const char *zone, int64_t wall, char *out, size_t size)
{
	struct tm tm;

	zone_local(zone, wall, &tm);
	strftime(out, size, "%a, %d %b %Y %H:%M:%S %z", &tm);
}

/* How an office's mails read; "%s" is the code. */
static const struct style {
	const char *office, *name, *from, *subject, *text, *html, *picture;
} styles[] = {
	{NULL, "Practice Office", "codes@office.example.org", "Your verification code",
	 "Hello,\n\nYour verification code is %s. It is valid for 5 minutes – do not give it to anybody.\n\n"
	 "If you did not try to log in, you need not do anything.\n\n"
	 "Practice Office · Doğrulama Servisi\nPO box 100200, 06640 Ankara\n",
	 "<h1>Practice Office</h1>\n<p>Your verification code is <b>%s</b>.</p>\n"
	 "<p>It is valid for 5 minutes – do not give it to anybody.</p>\n<p><small>PO box 100200, 06640 Ankara</small></p>",
	 "<p>Your verification code is <img src=\"cid:%s\" alt=\"in this picture\">.</p>\n"
	 "<p><small>PO box 100200, 06640 Ankara</small></p>"},
	{"vfs", "Practice Visa Centre", "donotreply@centre.example.org", "One Time Password",
	 "Dear Applicant,\n\nThe OTP for your application with VFS Global is %s. The OTP will expire in 5 minutes.\n\n"
	 "This mail was sent by a machine: please do not answer it.\n\nPractice Visa Centre\nPO box 100200, 06640 Ankara\n",
	 "<p>Dear Applicant,</p>\n<p>The OTP for your application with VFS Global is <b>%s</b>. The OTP will expire in 5 minutes.</p>\n"
	 "<p><small>Practice Visa Centre, PO box 100200, 06640 Ankara</small></p>",
	 "<p>Dear Applicant,</p>\n<p>The OTP for your application with VFS Global is <img src=\"cid:%s\" alt=\"in this picture\">. "
	 "The OTP will expire in 5 minutes.</p>"},
};

static const struct style *style_of(const char *office)
{
	for (size_t i = 1; office && i < sizeof styles / sizeof *styles; i++)
		if (strcmp(styles[i].office, office) == 0)
			return &styles[i];
	return &styles[0];
}

/* TEMPLATE with VALUE for its "%s". */
static char *filled(const char *template, const char *value)
{
	const char *hole = strstr(template, "%s");

	return hole ? xasprintf("%.*s%s%s", (int)(hole - template), template, value, hole + 2) : xstrdup(template);
}

static void add_head(struct mail *m, struct str *b, const struct style *s, const char *to, const char *subject, int64_t wall, const char *id)
{
	char when[64];

	date(m->zone, wall, when, sizeof when);
	str_addf(b,
		 "From: %s <%s>\nTo: <%s>\nSubject: %s\nDate: %s\nMessage-ID: <%s@%s>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n",
		 s->name, s->from, to, subject, when, id, strchr(s->from, '@') + 1);
}

/* As such mails are: two parts in two encodings, and other six-digit numbers about. */
static char *compose(struct mail *m, const struct style *s, const char *to, const char *code, int64_t wall)
{
	struct str b = {0};
	char id[37];
	char *text = filled(s->text, code), *body = filled(s->html, code), *html;

	uuid_make(id);
	html = xasprintf("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><style>h1{color:#336699}p{color:#202122}</style></head>\n"
			 "<body>%s</body></html>\n",
			 body);
	add_head(m, &b, s, to, s->subject, wall, id);
	str_addf(&b, "Content-Type: multipart/alternative; boundary=\"=_part_%.8s\"\n\nThis is a multi-part message in MIME format.\n", id + 28);
	str_addf(&b, "--=_part_%.8s\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n", id + 28);
	encode_quoted(&b, text);
	str_addf(&b, "\n--=_part_%.8s\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n", id + 28);
	encode_as_base64(&b, html, strlen(html));
	str_addf(&b, "\n--=_part_%.8s--\n", id + 28);
	free(text);
	free(body);
	free(html);
	return str_take(&b);
}

static char *compose_picture(struct mail *m, const struct style *s, const char *to, const char *code, int64_t wall)
{
	struct str b = {0}, picture = {0};
	char id[37], *body;

	uuid_make(id);
	body = filled(s->picture, id);
	picture_add(&picture, code);
	add_head(m, &b, s, to, s->subject, wall, id);
	str_addf(&b,
		 "Content-Type: multipart/related; boundary=\"=_part_%.8s\"\n\nThis is a multi-part message in MIME format.\n"
		 "--=_part_%.8s\nContent-Type: text/html; charset=utf-8\n\n%s\n",
		 id + 28, id + 28, body);
	str_addf(&b,
		 "--=_part_%.8s\nContent-Type: image/bmp\nContent-Disposition: inline; filename=\"code.bmp\"\nContent-ID: <%s>\n"
		 "Content-Transfer-Encoding: base64\n\n",
		 id + 28, id);
	encode_as_base64(&b, picture.s, picture.len);
	str_addf(&b, "\n--=_part_%.8s--\n", id + 28);
	str_free(&picture);
	free(body);
	return str_take(&b);
}

/* The folder for TO: every "%u" in the pattern is the part before the '@'. */
static char *maildir_of(const struct mail *m, const char *to)
{
	struct str b = {0};

	for (const char *p = m->maildir; *p; p++) {
		if (p[0] == '%' && p[1] == 'u') {
			str_add(&b, to, strcspn(to, "@/"));
			p++;
		} else {
			str_putc(&b, *p);
		}
	}
	return str_take(&b);
}

int mail_box(struct mail *m, const char *to, struct err *e)
{
	static const char *const folders[] = {"tmp", "new", "cur"};
	char *dir, *path;
	int r = 0;

	if (!m->maildir)
		return 0;
	dir = maildir_of(m, to);
	for (int i = 0; !r && i < 3; i++) {
		path = xasprintf("%s/%s", dir, folders[i]);
		r = fs_mkdirs(path, e);
		free(path);
	}
	free(dir);
	return r;
}

/* As maildir(5) says: written whole in tmp, then moved to new under a name that nobody else makes. */
static int drop(struct mail *m, const char *to, const char *text, struct err *e)
{
	char *dir, *tmp, *final;
	struct timespec t;
	int fd, r = -1;

	if (mail_box(m, to, e))
		return -1;
	dir = maildir_of(m, to);
	clock_gettime(CLOCK_REALTIME, &t);
	m->count++;
	tmp = xasprintf("%s/tmp/%lld.M%06ldP%ldQ%lu.ab-demo", dir, (long long)t.tv_sec, t.tv_nsec / 1000, (long)getpid(), m->count);
	final = xasprintf("%s/new/%s", dir, strrchr(tmp, '/') + 1);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fs_write_all(fd, text, strlen(text)) || rename(tmp, final)) {
		err_set(e, EX_CANTCREAT, "put a mail into %s:", dir);
		unlink(tmp);
		goto out;
	}
	r = 0;
out:
	if (fd >= 0)
		close(fd);
	free(dir);
	free(tmp);
	free(final);
	return r;
}

static int hand_over(const struct mail *m, const char *from, const char *to, const char *text, struct err *e)
{
	struct smtp_server server = {.at = {.host = m->smtp.host, .port = m->smtp.port, .tls = m->smtp.tls}};
	struct str crlf = {0};
	int r;

	encode_crlf(&crlf, text);
	r = smtp_send(&server, &(struct smtp_mail){from, (const char *const[]){to, NULL}, str_text(&crlf), crlf.len}, clock_mono() + SMTP_WAIT, e);
	str_free(&crlf);
	return r;
}

/* A mail server may be slow: a process of its own waits for it, and the site goes on. It holds none of the site's connections, which end
 * when the site ends them. */
static int post(struct mail *m, const char *from, const char *to, const char *text, struct err *e)
{
	pid_t pid;

	if (!m->smtp.host)
		return drop(m, to, text, e);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	pid = fork();
	if (pid < 0)
		return err_set(e, EX_OSERR, "mail to %s: start a process:", to);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close_range(STDERR_FILENO + 1, ~0u, 0);
		if (hand_over(m, from, to, text, e))
			warn("%s", e->text);
		_exit(0);
	}
	return 0;
}

int mail_code(struct mail *m, const char *to, const char *code, const struct mail_how *how, struct err *e)
{
	const struct style *s = style_of(how->office);
	int64_t sent = clock_wall() - how->age;
	char *text = how->picture ? compose_picture(m, s, to, code, sent) : compose(m, s, to, code, sent);
	struct late *l;
	int r;

	if (how->later <= 0) {
		r = post(m, s->from, to, text, e);
		free(text);
		return r;
	}
	l = xmalloc(sizeof *l);
	*l = (struct late){m->late, clock_mono() + how->later, s->from, xstrdup(to), text};
	m->late = l;
	return 0;
}

int mail_notice(struct mail *m, const char *office, const char *to, const char *subject, const char *text, struct err *e)
{
	const struct style *s = style_of(office);
	struct str b = {0};
	char id[37];
	int r;

	uuid_make(id);
	add_head(m, &b, s, to, subject, clock_wall(), id);
	str_addf(&b, "Content-Type: text/plain; charset=utf-8\n\n%s", text);
	r = post(m, s->from, to, str_text(&b), e);
	str_free(&b);
	return r;
}

int64_t mail_deadline(const struct mail *m)
{
	int64_t at = -1;

	for (const struct late *l = m->late; l; l = l->next)
		if (at < 0 || l->due < at)
			at = l->due;
	return at;
}

void mail_run(struct mail *m)
{
	int64_t now = clock_mono();
	struct err e;

	for (struct late **at = &m->late, *l; (l = *at);) {
		if (l->due > now) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		if (post(m, l->from, l->to, l->text, &e))
			warn("%s", e.text);
		free(l->to);
		free(l->text);
		free(l);
	}
}

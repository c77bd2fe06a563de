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
#include "ext/smtp.h"

#define FROM "codes@office.example.org"
#define CODE_LEN 6
#define SMTP_WAIT 10000 /* ms */

struct late {
	struct late *next;
	int64_t due;
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

/* As such mails are: two parts in two encodings, and other six-digit numbers about. */
static char *compose(struct mail *m, const char *to, const char *code, int64_t wall)
{
	struct str b = {0};
	char when[64], id[37];
	char *text, *html;

	date(m->zone, wall, when, sizeof when);
	uuid_make(id);
	text = xasprintf("Hello,\n\n"
			 "Your verification code is %s. It is valid for %d minutes – do not give it to anybody.\n\n"
			 "If you did not try to log in, you need not do anything.\n\n"
			 "Practice Office · Doğrulama Servisi\nPO box 100200, 06640 Ankara\n",
			 code, 5);
	html = xasprintf("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><style>h1{color:#336699}p{color:#202122}</style></head>\n"
			 "<body><h1>Practice Office</h1>\n<p>Your verification code is <b>%s</b>.</p>\n"
			 "<p>It is valid for %d minutes – do not give it to anybody.</p>\n"
			 "<p><small>PO box 100200, 06640 Ankara</small></p></body></html>\n",
			 code, 5);
	str_addf(&b, "From: Practice Office <" FROM ">\nTo: <%s>\nSubject: Your verification code\nDate: %s\n"
		     "Message-ID: <%s@office.example.org>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		     "Content-Type: multipart/alternative; boundary=\"=_part_%.8s\"\n\nThis is a multi-part message in MIME format.\n",
		 to, when, id, id + 28);
	str_addf(&b, "--=_part_%.8s\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n", id + 28);
	encode_quoted(&b, text);
	str_addf(&b, "\n--=_part_%.8s\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n", id + 28);
	encode_as_base64(&b, html, strlen(html));
	str_addf(&b, "\n--=_part_%.8s--\n", id + 28);
	free(text);
	free(html);
	return str_take(&b);
}

#define PIXEL 4                    /* a dot of a digit, in pixels */
#define WIDE ((CODE_LEN * 4 + 8) * PIXEL) /* a multiple of 32: the rows of a BMP are whole words */
#define HIGH (7 * PIXEL)

/* Row ROW (0: the lowest) of the picture, WIDE bits; digits are three dots wide and five high. */
static void add_row(struct str *b, const char *code, int row)
{
	static const unsigned short font[] = {075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717};
	int y = 5 - row / PIXEL; /* of the digit, 0: its top */
	unsigned char byte = 0;

	for (int x = 0; x < WIDE; x++) {
		int at = x / PIXEL - 4, digit = at / 4, column = at % 4;
		bool ink = y >= 0 && y < 5 && at >= 0 && digit < CODE_LEN && column < 3 &&
			   font[code[digit] - '0'] >> (3 * (4 - y) + 2 - column) & 1;

		byte = (unsigned char)(byte << 1 | ink);
		if (x % 8 == 7)
			str_putc(b, (char)byte);
	}
}

static void add_number(struct str *b, unsigned long n, int bytes)
{
	for (; bytes > 0; bytes--, n >>= 8)
		str_putc(b, (char)(n & 255));
}

/* CODE as a BMP of two colours. */
static void add_picture(struct str *b, const char *code)
{
	const unsigned long head = 14 + 40 + 8, data = WIDE / 8 * HIGH;

	str_puts(b, "BM");
	add_number(b, head + data, 4);
	add_number(b, 0, 4);
	add_number(b, head, 4);
	add_number(b, 40, 4);
	add_number(b, WIDE, 4);
	add_number(b, HIGH, 4);
	add_number(b, 1, 2); /* plane */
	add_number(b, 1, 2); /* bit for each pixel */
	add_number(b, 0, 4); /* not compressed */
	add_number(b, data, 4);
	add_number(b, 2835, 4); /* pixels in a metre */
	add_number(b, 2835, 4);
	add_number(b, 2, 4); /* colours */
	add_number(b, 0, 4);
	add_number(b, 0xffffff, 4);
	add_number(b, 0, 4);
	for (int row = 0; row < HIGH; row++)
		add_row(b, code, row);
}

static char *compose_picture(struct mail *m, const char *to, const char *code, int64_t wall)
{
	struct str b = {0}, picture = {0};
	char when[64], id[37];

	date(m->zone, wall, when, sizeof when);
	uuid_make(id);
	add_picture(&picture, code);
	str_addf(&b, "From: Practice Office <" FROM ">\nTo: <%s>\nSubject: Your verification code\nDate: %s\n"
		     "Message-ID: <%s@office.example.org>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		     "Content-Type: multipart/related; boundary=\"=_part_%.8s\"\n\nThis is a multi-part message in MIME format.\n",
		 to, when, id, id + 28);
	str_addf(&b, "--=_part_%.8s\nContent-Type: text/html; charset=utf-8\n\n"
		     "<p>Your verification code is <img src=\"cid:%s\" alt=\"in this picture\">.</p>\n"
		     "<p><small>PO box 100200, 06640 Ankara</small></p>\n",
		 id + 28, id);
	str_addf(&b, "--=_part_%.8s\nContent-Type: image/bmp\nContent-Disposition: inline; filename=\"code.bmp\"\nContent-ID: <%s>\n"
		     "Content-Transfer-Encoding: base64\n\n",
		 id + 28, id);
	encode_as_base64(&b, picture.s, picture.len);
	str_addf(&b, "\n--=_part_%.8s--\n", id + 28);
	str_free(&picture);
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

static int hand_over(const struct mail *m, const char *to, const char *text, struct err *e)
{
	struct smtp_server server = {.at = {.host = m->smtp.host, .port = m->smtp.port, .tls = m->smtp.tls}};
	struct str crlf = {0};
	int r;

	encode_crlf(&crlf, text);
	r = smtp_send(&server, &(struct smtp_mail){FROM, (const char *const[]){to, NULL}, str_text(&crlf), crlf.len}, clock_mono() + SMTP_WAIT, e);
	str_free(&crlf);
	return r;
}

/* A mail server may be slow: a process of its own waits for it, and the site goes on. It holds none of the site's connections, which end
 * when the site ends them. */
static int post(struct mail *m, const char *to, const char *text, struct err *e)
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
		if (hand_over(m, to, text, e))
			warn("%s", e->text);
		_exit(0);
	}
	return 0;
}

int mail_code(struct mail *m, const char *to, const char *code, const struct mail_how *how, struct err *e)
{
	int64_t sent = clock_wall() - how->age;
	char *text = how->picture ? compose_picture(m, to, code, sent) : compose(m, to, code, sent);
	struct late *l;
	int r;

	if (how->later <= 0) {
		r = post(m, to, text, e);
		free(text);
		return r;
	}
	l = xmalloc(sizeof *l);
	*l = (struct late){m->late, clock_mono() + how->later, xstrdup(to), text};
	m->late = l;
	return 0;
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
		if (post(m, l->to, l->text, &e))
			warn("%s", e.text);
		free(l->to);
		free(l->text);
		free(l);
	}
}

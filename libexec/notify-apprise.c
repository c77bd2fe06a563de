/* ab-notify-apprise: apprise:URL hands the message to the program apprise, which knows a hundred services (ab-notify(1), "Drivers").
 *
 * The URL holds tokens, so it is in no argument and no variable: it is a configuration of one line, in a memory file, as are the
 * text and the calendar entry. Tried with apprise 1.2.0: it reads /dev/fd/N as a configuration and as an attachment, whose name and
 * type the query gives; nothing is on a disk, so nothing is left behind, however we end. With -c it reads no other configuration,
 * but would load plugins out of the home folder: so it is told of none. What it prints may quote the URL, and is thrown away. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "wire/notice.h"

#define GRACE 500      /* ms from TERM to KILL */
#define CONFIG_FD 3
#define ICS_FD 4

static int64_t patience; /* ms for the whole */

/* What one message needs; descriptors, -1: none. */
struct parcel {
	int config, text, ics, null;
	char *title;
};

/* SCHEME://… and nothing that a configuration's line could be besides: another line, a comment, an include, tags. */
static bool url_valid(const char *url)
{
	size_t n = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

	if (!n || !str_starts(url + n, "://") || !url[n + 3])
		return false;
	for (; *url; url++)
		if ((unsigned char)*url <= ' ' || *url == 0x7f)
			return false;
	return true;
}

static int hold(const char *name, const char *text, struct err *e)
{
	int fd = fs_memfd(name, text, strlen(text));

	if (fd < 0)
		err_set(e, EX_OSERR, "hold the message:");
	return fd;
}

static int pack(struct parcel *p, const struct notice *n, const char *url, struct err *e)
{
	char *line = xasprintf("%s\n", url);

	p->title = xasprintf("--title=%s", n->title);
	p->config = hold("config", line, e);
	p->text = hold("text", *n->text ? n->text : n->title, e); /* of an empty one apprise makes an error */
	p->ics = n->calendar ? hold("calendar", n->calendar, e) : -1;
	p->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	free(line);
	if (p->null < 0)
		return err_set(e, EX_OSERR, "open /dev/null:");
	return p->config < 0 || p->text < 0 || (n->calendar && p->ics < 0) ? -1 : 0;
}

static void unpack(struct parcel *p)
{
	int fds[] = {p->config, p->text, p->ics, p->null};

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(p->title);
}

/* Its exit status, or -1 with *e. DRY: only whether it understands the URL. */
static int run(const struct parcel *p, bool dry, int64_t deadline, struct err *e)
{
	const char *argv[] = {"apprise", "--config=file:///dev/fd/3?format=text", p->title, NULL, NULL};
	static const char *const env[] = {"HOME=/nonexistent", "APPRISE_URLS", "APPRISE_CONFIG", "PYTHONUTF8=1", NULL};
	struct fd_map fds[] = {{p->text, 0}, {p->null, 1}, {p->null, 2}, {p->config, CONFIG_FD}, {p->ics, ICS_FD}};
	struct proc proc = PROC_NONE;

	if (dry)
		argv[3] = "--dry-run";
	else if (p->ics >= 0)
		argv[3] = "--attach=file:///dev/fd/4?name=appointment.ics&mime=text/calendar";
	if (proc_start(&proc, &(struct proc_spec){.argv = argv, .fds = fds, .nfds = p->ics >= 0 ? 5 : 4, .env = env, .group = true,
						  .die_with_parent = true}, e)) {
		if (e->status == EX_UNAVAILABLE)
			err_set(e, EX_CONFIG, "the program apprise is not there: install the package apprise");
		return -1;
	}
	if (!proc_reap(&proc, deadline)) {
		proc_end(&proc, GRACE);
		return err_set(e, EX_TEMPFAIL, "apprise did not end within %lld s", (long long)patience / 1000);
	}
	return proc_exit_status(proc.status);
}

/* It ends with 1 when the service could not be reached or does not take the message, and also when it knows no such service or the
 * URL lacks something; a dry run tells these apart. */
static int outcome(const struct parcel *p, int status, int64_t deadline, struct err *e)
{
	if (status == 0)
		return 0;
	if (status == 2)
		return err_set(e, EX_CONFIG, "apprise does not understand its options (exit status 2): is it 1.2.0 or later?");
	if (status != 3) {
		int dry = run(p, true, deadline, e);

		if (dry < 0)
			return -1;
		if (dry == 0)
			return err_set(e, EX_TEMPFAIL, "apprise could not tell it (exit status %d)", status);
	}
	return err_set(e, EX_CONFIG, "apprise makes nothing of the URL behind apprise: (exit status %d)", status);
}

static int tell(struct notice *n, struct err *e)
{
	const char *url = str_starts(n->url, "apprise:") ? n->url + strlen("apprise:") : "";
	int64_t deadline = clock_mono() + patience;
	struct parcel p = {-1, -1, -1, -1, NULL};
	int r = -1, status;

	if (!url_valid(url))
		return err_set(e, EX_USAGE, "the address is not apprise:SCHEME://..., percent-encoded");
	if (pack(&p, n, url, e) == 0 && (status = run(&p, false, deadline, e)) >= 0)
		r = outcome(&p, status, deadline, e);
	unpack(&p);
	return r;
}

int main(int argc, char **argv)
{
	patience = notice_options(argc, argv, "ab-notify-apprise", "Driver of ab-notify: hands messages to apprise.");
	notice_serve(tell);
	return 0;
}

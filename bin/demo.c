/* ab-demo: the practice sites. One loop, one thread: two HTTP servers, late mails, signals. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/str.h"
#include "demo/listen.h"
#include "demo/site.h"
#include "ext/httpd.h"
#include "ext/json.h"

#define BODY_MAX ((size_t)4 << 20)

static const char *listen_at = "127.0.0.1:8460", *control_at = "127.0.0.1:8461", *seed = "1", *per_account = "1", *idle = "20m", *vfs_wait = "20s";
static bool until_eof;
static struct site_options options = {
	.world = {.zone = "Europe/Istanbul", .offices = "practice,practice-api,vfs",
		  .accounts = "alice@example.org,bob@example.org,carol@example.org,dave@example.org,erin@example.org"},
};

static const struct opt opts[] = {
	{'l', "listen", "ADDRESS", "where the sites are (127.0.0.1:8460; port 0: a free one)", &listen_at, NULL, NULL},
	{'c', "control", "ADDRESS", "the control port (127.0.0.1:8461), or unix:PATH", &control_at, NULL, NULL},
	{'d', "db", "FILE", "keep the database (a temporary one, removed at the end)", &options.world.file, NULL, NULL},
	{'m', "maildir", "DIR", "where codes are dropped (a temporary Maildir)", &options.maildir, NULL, NULL},
	{0, "smtp", "URL", "mail the codes: smtp://HOST:PORT", &options.smtp, NULL, NULL},
	{'s', "seed", "N", "which world it is (1)", &seed, NULL, NULL},
	{'t', "timezone", "ZONE", "the offices' time zone (Europe/Istanbul)", &options.world.zone, NULL, NULL},
	{'a', "accounts", "LIST", "who may log in: ADDRESS[:PASSWORD],…", &options.world.accounts, NULL, NULL},
	{'o', "offices", "LIST", "which offices are open (practice,practice-api,vfs)", &options.world.offices, NULL, NULL},
	{'n', "per-account", "N", "bookings an account may hold in an office (1)", &per_account, NULL, NULL},
	{'i', "idle", "TIME", "after how much rest a session expires (20m)", &idle, NULL, NULL},
	{0, "vfs-wait", "TIME", "what vfs makes one wait before the details are saved (20s)", &vfs_wait, NULL, NULL},
	{'v', "verbose", NULL, "a line of JSON on stderr for each request", NULL, &options.verbose, NULL},
	{'e', "until-eof", NULL, "end when stdin does", NULL, &until_eof, NULL},
	{0},
};

/* A folder of our own for what was not given a place; NULL when everything was. */
static char *private_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	if (options.world.file && (options.maildir || options.smtp))
		return NULL;
	dir = xasprintf("%s/ab-demo.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		die(EX_CANTCREAT, "make a temporary folder %s:", dir);
	if (!options.world.file)
		options.world.file = xasprintf("%s/site.db", dir);
	if (!options.maildir && !options.smtp)
		options.maildir = xasprintf("%s/Maildir", dir);
	return dir;
}

static void check_options(void)
{
	char *names = xstrdup(options.world.offices), *save = NULL;
	long long n;

	if (str_long(seed, 0, INT64_MAX, &n))
		opt_usage("--seed %s: a number is needed", seed);
	options.world.seed = (uint64_t)n;
	if (str_long(per_account, 0, 1000, &n))
		opt_usage("--per-account %s: a number from 0 to 1000 is needed", per_account);
	options.world.per_account = (int)n;
	if (duration_parse(idle, &options.idle))
		opt_usage("--idle %s: a time such as 20m is needed", idle);
	if (str_long(vfs_wait, 0, 86400000, &n) == 0)
		options.vfs_wait = n; /* ms */
	else if (duration_parse(vfs_wait, &options.vfs_wait))
		opt_usage("--vfs-wait %s: a time such as 20s is needed", vfs_wait);
	if (!zone_valid(options.world.zone))
		opt_usage("--timezone %s: no such zone", options.world.zone);
	if (options.maildir && options.smtp)
		opt_usage("either --maildir or --smtp");
	for (char *one = strtok_r(names, ",", &save); one; one = strtok_r(NULL, ",", &save))
		if (strcmp(one, PRACTICE) && strcmp(one, PRACTICE_API) && strcmp(one, VFS))
			opt_usage("--offices: '%s' is none of %s, %s, %s", one, PRACTICE, PRACTICE_API, VFS);
	free(names);
}

static struct httpd *serve(const char *address, httpd_handler *handler, struct site *site, char **url, struct err *e)
{
	int fd = listen_local(address, url, e);

	return fd < 0 ? NULL : httpd_start(fd, BODY_MAX, handler, site, e);
}

static char *absolute(const char *path)
{
	char *here = path && *path != '/' ? getcwd(NULL, 0) : NULL, *full;

	full = here ? xasprintf("%s/%s", here, path) : path ? xstrdup(path) : NULL;
	free(here);
	return full;
}

static void say_ready(const char *base, const char *control)
{
	jv v = json_obj("base", jv_string(base), "control", jv_string(control), NULL);
	char *text, *maildir = absolute(options.maildir);

	v = json_set_str(v, "maildir", maildir);
	free(maildir);
	v = json_set(v, "pid", jv_number(getpid()));
	text = json_text(v);
	jv_free(v);
	printf("%s\n", text);
	if (fflush(stdout))
		warn("write to stdout:");
	free(text);
}

/* True when stdin has ended; what comes before is thrown away. */
static bool stdin_ended(void)
{
	char waste[256];

	return read(STDIN_FILENO, waste, sizeof waste) <= 0;
}

static void loop(struct site *site, struct httpd *public, struct httpd *control, int signals)
{
	for (;;) {
		struct pollfd fds[] = {{signals, POLLIN, 0},
				       {httpd_fd(public), POLLIN, 0},
				       {httpd_fd(control), POLLIN, 0},
				       {until_eof ? STDIN_FILENO : -1, POLLIN, 0}};

		proc_poll(fds, 4, clock_earlier(site_deadline(site), clock_earlier(httpd_deadline(public), httpd_deadline(control))));
		if (proc_signal_next(signals) || (fds[3].revents && stdin_ended()))
			return;
		httpd_run(public);
		httpd_run(control);
		site_run(site);
	}
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-demo", "[OPTION…]", "Serves practice booking sites on this machine alone.", opts, 0, 0, false};
	struct httpd *public = NULL, *control = NULL;
	char *folder, *base = NULL, *command = NULL;
	struct site *site;
	struct err e;
	int signals, status = EX_OK;

	opt_parse(argc, argv, &spec);
	check_options();
	signals = proc_signals((const int[]){SIGTERM, SIGINT, SIGHUP, 0}, &e);
	if (signals < 0)
		die_err(&e);
	folder = private_folder();
	site = site_open(&options, &e);
	if (site && (public = serve(listen_at, site_public, site, &base, &e)))
		control = serve(control_at, site_control, site, &command, &e);
	if (control) {
		say_ready(base, command);
		loop(site, public, control, signals);
	} else {
		warn("%s", e.text);
		status = e.status;
	}
	httpd_stop(control);
	httpd_stop(public);
	site_close(site);
	if (command && str_starts(command, "unix:"))
		unlink(command + strlen("unix:"));
	if (folder)
		fs_remove_all(folder);
	free(folder);
	free(base);
	free(command);
	return status;
}

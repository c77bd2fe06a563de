/* ab-notify-exec: exec:PROGRAM runs PROGRAM TITLE TEXT, the event on its stdin (ab-notify(1), DRIVERS). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "wire/notice.h"

#define PATIENCE 25000 /* ms for the program; ab-notify waits 30 s for us */

/* Exit statuses with which another try makes no sense: usage, data, permission, configuration; not to be run. */
static bool for_good(int status)
{
	return status == EX_USAGE || status == EX_DATAERR || status == EX_NOPERM || status == EX_CONFIG || status == 126 || status == 127;
}

static int outcome(struct proc *p, const char *program, struct err *e)
{
	int status;

	if (!proc_reap(p, clock_mono() + PATIENCE)) {
		proc_end(p, 1000);
		return err_set(e, EX_TEMPFAIL, "%s did not end within %d s", program, PATIENCE / 1000);
	}
	status = proc_exit_status(p->status);
	return status ? err_set(e, for_good(status) ? EX_CONFIG : EX_TEMPFAIL, "%s ended with status %d", program, status) : 0;
}

static int run(const char *program, const struct notice *n, struct err *e)
{
	const char *argv[] = {program, n->title, n->text, NULL};
	char *json = json_text(n->event), *line = xasprintf("%s\n", json), *id = xasprintf("AB_MESSAGE_ID=%s", n->id);
	int in = fs_memfd("event", line, strlen(line)), r; /* a file: the program need not read it */
	struct proc p = PROC_NONE;

	if (in < 0)
		r = err_set(e, EX_OSERR, "hold the event:");
	else
		r = proc_start(&p, &(struct proc_spec){.argv = argv, .fds = (const struct fd_map[]){{in, 0}, {STDERR_FILENO, 1}}, .nfds = 2,
						       .env = (const char *const[]){id, NULL}, .die_with_parent = true}, e);
	if (r && e->status == EX_UNAVAILABLE)
		e->status = EX_CONFIG; /* it is not there: no try will find it */
	if (!r)
		r = outcome(&p, program, e);
	if (in >= 0)
		close(in);
	free(id);
	free(line);
	free(json);
	return r;
}

static int tell(struct notice *n, struct err *e)
{
	char *program;
	int r;

	if (!str_starts(n->url, "exec:"))
		return err_set(e, EX_USAGE, "the address is not exec:PROGRAM");
	program = xstrdup(n->url + strlen("exec:"));
	if (!*program || url_unescape(program))
		r = err_set(e, EX_USAGE, "the address names no program (exec:notify-send)");
	else
		r = run(program, n, e);
	free(program);
	return r;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-notify-exec", "", "Driver of ab-notify: runs a program with title and text.", NULL, 0, 0, false};

	opt_parse(argc, argv, &spec);
	notice_serve(tell);
	return 0;
}

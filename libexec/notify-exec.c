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
#include "ext/json.h"
#include "wire/line.h"

#define PATIENCE 25000 /* ms for the program; ab-notify waits 30 s for us */

/* Exit statuses with which another try makes no sense: usage, data, permission, configuration; not to be run. */
static bool for_good(int status)
{
	return status == EX_USAGE || status == EX_DATAERR || status == EX_NOPERM || status == EX_CONFIG || status == 126 || status == 127;
}

static jv failure(const char *code, const char *message, bool retry)
{
	return json_obj("ok", jv_false(), "error", json_obj("code", jv_string(code), "message", jv_string(message), NULL), "retry",
			retry ? jv_true() : jv_false(), NULL);
}

static jv outcome(struct proc *p, const char *program)
{
	int status;
	char *why;
	jv answer;

	if (!proc_reap(p, clock_mono() + PATIENCE)) {
		proc_end(p, 1000);
		why = xasprintf("%s did not end within %d s", program, PATIENCE / 1000);
		answer = failure("timeout", why, true);
	} else if ((status = proc_exit_status(p->status)) == 0) {
		return json_obj("ok", jv_true(), NULL);
	} else {
		why = xasprintf("%s ended with status %d", program, status);
		answer = failure("failed", why, !for_good(status));
	}
	free(why);
	return answer;
}

static jv run(const char *program, jv request)
{
	const char *title = json_str(request, "title", ""), *text = json_str(request, "text", "");
	const char *argv[] = {program, title, text, NULL};
	jv event = json_get(request, "event");
	char *json = json_text(event), *line = xasprintf("%s\n", json), *id = xasprintf("AB_MESSAGE_ID=%s", json_str(request, "id", ""));
	int in = fs_memfd("event", line, strlen(line)); /* a file: the program need not read it */
	struct proc p = PROC_NONE;
	struct err e = {0};
	jv answer;

	if (in < 0)
		err_set(&e, EX_OSERR, "hold the event:");
	else
		proc_start(&p, &(struct proc_spec){.argv = argv, .fds = (const struct fd_map[]){{in, 0}, {STDERR_FILENO, 1}}, .nfds = 2,
						   .env = (const char *const[]){id, NULL}, .die_with_parent = true}, &e);
	answer = e.status ? failure("not_started", e.text, e.status != EX_UNAVAILABLE) : outcome(&p, program);
	if (in >= 0)
		close(in);
	free(id);
	free(line);
	free(json);
	jv_free(event);
	return answer;
}

static jv answer_to(jv request)
{
	const char *url = json_str(request, "url", "");
	char *program;
	jv answer;

	if (strcmp(json_str(request, "do", ""), "send") != 0)
		return failure("usage", "the only command is send", false);
	if (!str_starts(url, "exec:"))
		return failure("usage", "the address is not exec:PROGRAM", false);
	program = xstrdup(url + strlen("exec:"));
	if (!*program || url_unescape(program))
		answer = failure("usage", "the address names no program (exec:notify-send)", false);
	else
		answer = run(program, request);
	free(program);
	return answer;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-notify-exec", "", "Driver of ab-notify: runs a program with title and text.", NULL, 0, 0, false};
	struct line_in in;
	enum line_got got;
	char *text;
	size_t len;

	opt_parse(argc, argv, &spec);
	line_init(&in, STDIN_FILENO, LINE_EVENT_MAX);
	while ((got = line_next(&in, &text, &len, -1)) == LINE_OK || got == LINE_LONG) {
		jv request = got == LINE_OK ? json_parse(text, len, NULL) : jv_invalid(), answer = answer_to(request);
		char *out = json_text(answer);
		int r = line_put(STDOUT_FILENO, out, strlen(out));

		free(out);
		jv_free(answer);
		jv_free(request);
		if (r)
			die(EX_IOERR, "write the answer:");
	}
	line_free(&in);
	return 0;
}

/* ab-inbox-exec: the code comes from a program of the person's own (an SMS gateway, a phone, another machine).
 *
 * The program is started once for each wait, with one JSON line on its stdin, {"since", "rules", "timeout_ms"} and the inbox's
 * other settings, and answers on its stdout by a line that is the code, or {"code", "id"}. It is ended with the wait. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "mail/inbox.h"

#define ANSWER_MAX 4096
#define GRACE 500

static jv settings;
static char *program;
static int stop = -1; /* signals: the program must not outlive us */

static void exec_close(void)
{
	free(program);
	program = NULL;
	jv_free(settings);
	settings = jv_null();
}

static int exec_open(jv given, struct err *e)
{
	exec_close();
	program = inbox_path(json_str(given, "url", ""), e);
	if (!program)
		return -1;
	if (strchr(program, '/') && access(program, X_OK))
		return err_set(e, EX_CONFIG, "exec:%s can't be run:", program);
	settings = json_del(json_del(jv_copy(given), "do"), "url");
	return 0;
}

static jv exec_mark(struct err *e)
{
	char now[CLOCK_TEXT];

	(void)e;
	return jv_string(clock_format(clock_wall(), now));
}

/* Starts it with REQUEST on its stdin; returns the end of its stdout to read from, or -1. */
static int start(struct proc *p, const char *request, struct err *e)
{
	char *line = xasprintf("%s\n", request);
	/* a file in memory: a program that never reads can't hold us up */
	int in = fs_memfd("request", line, strlen(line)), out[2] = {-1, -1}, r = -1;

	if (in < 0 || pipe2(out, O_CLOEXEC))
		err_set(e, EX_OSERR, "start %s: make a pipe:", program);
	else
		r = proc_start(p, &(struct proc_spec){.argv = (const char *const[]){program, NULL},
			       .fds = (struct fd_map[]){{in, 0}, {out[1], 1}}, .nfds = 2, .group = true, .die_with_parent = true}, e);
	if (in >= 0)
		close(in);
	if (out[1] >= 0)
		close(out[1]);
	if (r && out[0] >= 0)
		close(out[0]);
	explicit_bzero(line, strlen(line));
	free(line);
	return r ? -1 : out[0];
}

static jv read_answer(const char *text, size_t len, struct err *e)
{
	jv v;

	while (len && strchr(" \t\r", text[len - 1]))
		len--;
	if (!len) {
		err_set(e, EX_UNAVAILABLE, "%s printed an empty line where a code should be", program);
		return jv_invalid();
	}
	if (*text != '{')
		return json_obj("ok", jv_true(), "code", jv_string_sized(text, (int)len), NULL);
	v = json_parse(text, len, e);
	if (json_ok(v) && !*json_str(v, "code", "")) {
		jv_free(v);
		err_set(e, EX_UNAVAILABLE, "%s answered without a code", program);
		return jv_invalid();
	}
	if (json_ok(v))
		v = json_obj("ok", jv_true(), "code", json_get(v, "code"), "mail",
			     json_obj("id", json_get(v, "id"), NULL), NULL);
	return v;
}

static jv read_code(int fd, int64_t deadline, struct line_in *in, struct err *e)
{
	struct pollfd p[3] = {{fd, POLLIN, 0}, {in->fd, POLLIN, 0}, {stop, POLLIN, 0}};
	struct line_in out;
	jv answer = jv_invalid();
	char *text;
	size_t len;

	line_init(&out, fd, ANSWER_MAX);
	for (;;) {
		enum line_got got = line_next(&out, &text, &len, 0);

		if (got == LINE_OK) {
			answer = read_answer(text, len, e);
			explicit_bzero(text, len);
			break;
		}
		if (got != LINE_AGAIN) {
			err_set(e, EX_UNAVAILABLE, "%s ended without printing a code", program);
			break;
		}
		if (inbox_interrupted(in) || p[2].revents) {
			err_set(e, INBOX_CANCELLED, "the wait was cancelled");
			break;
		}
		if (proc_poll(p, 3, deadline) == 0) {
			err_set(e, EX_TEMPFAIL, "%s printed no code in time", program);
			break;
		}
	}
	line_free(&out);
	return answer;
}

static jv exec_wait(jv mark, jv rules, int64_t deadline, struct line_in *in, struct err *e)
{
	int64_t left = deadline - clock_mono();
	struct proc p = PROC_NONE;
	jv request, answer;
	char *text;
	int fd;

	if (!program) {
		err_set(e, EX_CONFIG, "wait: open the inbox first");
		return jv_invalid();
	}
	request = json_merge_take(jv_copy(settings), json_obj("since", jv_copy(mark), "rules", jv_copy(rules), "timeout_ms",
							       jv_number((double)(left > 0 ? left : 0)), NULL));
	text = json_text(request);
	jv_free(request);
	fd = start(&p, text, e);
	explicit_bzero(text, strlen(text));
	free(text);
	if (fd < 0)
		return jv_invalid();
	answer = read_code(fd, deadline, in, e);
	close(fd);
	proc_end(&p, GRACE);
	return answer;
}

int main(int argc, char **argv)
{
	static const struct inbox_ops ops = {.open = exec_open, .mark = exec_mark, .wait = exec_wait, .close = exec_close};
	static const struct opt_spec spec = {
		.program = "ab-inbox-exec", .synopsis = "", .about = "Inbox driver: runs a program that gets the code (ab-otp(1)).",
	};
	struct err e;

	sandbox_private();
	opt_parse(argc, argv, &spec);
	settings = jv_null();
	/* during a wait only; between waits nothing runs, and EOF of stdin ends us */
	stop = proc_signals((const int[]){SIGTERM, SIGINT, SIGHUP, 0}, &e);
	if (stop < 0)
		die_err(&e);
	return inbox_serve(&ops) ? EX_IOERR : 0;
}

/* ab-inbox-exec: the code comes from a program of the person's own (an SMS gateway, a phone, another machine).
 *
 * The program is started once for each wait, with one JSON line on its stdin, {"since", "rules", "timeout_ms"} and the inbox's
 * other settings, and answers on its stdout by a line that is the code, or {"code", "id"}. It is ended with the wait. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "mail/inbox.h"
#include "mail/program.h"
#include "wire/launch.h"

static jv settings;
static char *program;

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

static jv read_answer(char *text, struct err *e)
{
	jv v;

	if (*text != '{')
		return json_obj("ok", jv_true(), "code", jv_string(text), NULL);
	v = json_parse(text, strlen(text), e);
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

static jv exec_wait(jv mark, jv rules, int64_t deadline, struct line_in *in, struct err *e)
{
	int64_t left = deadline - clock_mono();
	char *line = NULL;
	jv request, answer;

	if (!program) {
		err_set(e, EX_CONFIG, "wait: open the inbox first");
		return jv_invalid();
	}
	request = json_merge_take(jv_copy(settings), json_obj("since", jv_copy(mark), "rules", jv_copy(rules), "timeout_ms",
							       jv_number((double)(left > 0 ? left : 0)), NULL));
	if (program_ask(program, "a code", request, deadline, in, &line, e))
		return jv_invalid();
	answer = read_answer(line, e);
	explicit_bzero(line, strlen(line));
	free(line);
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
	/* what the launcher has started ends with us */
	if (launch_init(&e))
		die_err(&e);
	return inbox_serve(&ops) ? EX_IOERR : 0;
}

/* ab-inbox-human: the code comes from the person, who is asked for it (ab-answer(1)). */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "mail/inbox.h"
#include "wire/ask.h"

static jv settings;

static int human_open(jv given, struct err *e)
{
	(void)e;
	jv_free(settings);
	settings = jv_copy(given);
	return 0;
}

/* There is nothing old to be told apart: the person is asked after the mark. */
static jv human_mark(struct err *e)
{
	char now[CLOCK_TEXT];

	(void)e;
	return jv_string(clock_format(clock_wall(), now));
}

/* "The code for alice, sent by …, please." */
static char *question(jv rules)
{
	const char *own = json_str(settings, "question", ""), *session = json_str(settings, "session", "");
	const char *from = json_str(rules, "from", "");

	if (*own)
		return xstrdup(own);
	return xasprintf("The one-time code that was just sent%s%s%s%s, please", *session ? " for " : "", session,
			 *from ? " by " : "", from);
}

static jv answer_of(struct ask *a, enum ask_got got, struct err *e)
{
	if (got == ASK_ANSWER)
		return json_obj("ok", jv_true(), "code", jv_string(ask_answer(a)), NULL);
	if (got == ASK_DECLINED)
		err_set(e, EX_NOPERM, "the person has no code");
	else if (got == ASK_TIMEOUT)
		err_set(e, EX_TEMPFAIL, "the person gave no code in time");
	else
		err_set(e, INBOX_CANCELLED, "the wait was cancelled");
	return jv_invalid();
}

static jv human_wait(jv mark, jv rules, int64_t deadline, struct line_in *in, struct err *e)
{
	const char *session = json_str(settings, "session", NULL);
	char *text = question(rules);
	struct ask *a = ask_open(session, "otp", text, NULL, clock_wall() + deadline - clock_mono(), true, e);
	struct pollfd p[2] = {{-1, POLLIN, 0}, {in->fd, POLLIN, 0}};
	enum ask_got got;
	jv answer;

	(void)mark;
	free(text);
	if (!a)
		return jv_invalid();
	inbox_tell("human.required", ask_event_data(a));
	p[0].fd = ask_fd(a);
	while ((got = ask_poll(a)) == ASK_WAIT && !inbox_interrupted(in))
		proc_poll(p, 2, -1);
	answer = answer_of(a, got, e);
	inbox_tell("human.answered", ask_outcome_data(a));
	ask_close(a);
	return answer;
}

static void human_close(void)
{
	jv_free(settings);
	settings = jv_null();
}

int main(int argc, char **argv)
{
	static const struct inbox_ops ops = {.open = human_open, .mark = human_mark, .wait = human_wait, .close = human_close};
	static const struct opt_spec spec = {
		.program = "ab-inbox-human", .synopsis = "", .about = "Inbox driver: asks the person for the code (ab-otp(1)).",
	};
	struct err e;

	sandbox_private();
	opt_parse(argc, argv, &spec);
	settings = jv_null();
	/* whoever ends us closes our stdin, too: then the question is taken back, which a signal would leave lying */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (sandbox_no_network(&e))
		die_err(&e);
	return inbox_serve(&ops) ? EX_IOERR : 0;
}

/* ab-answer: the person's side of a question: lists what is open, shows it, takes the answer. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "wire/ask.h"

static bool list_only, as_json, yes, no;
static const char *session;

/* Answers by kind: which are secret, which are yes or no */

static bool is_secret(jv q)
{
	return strcmp(json_str(q, "kind", ""), "otp") == 0;
}

static bool is_yes_no(jv q)
{
	const char *kind = json_str(q, "kind", "");

	return strcmp(kind, "confirm") == 0 || strcmp(kind, "payment") == 0;
}

/* Listing */

/* "4m 10s", or "" where there is no deadline. */
static void time_left(jv q, char out[32])
{
	const char *deadline = json_str(q, "deadline", "");
	int64_t at, left;

	out[0] = '\0';
	if (clock_parse(deadline, &at))
		return;
	left = (at - clock_wall()) / 1000;
	left = left > 0 ? left : 0;
	if (left >= 3600)
		snprintf(out, 32, "%lldh %lldm left", (long long)left / 3600, (long long)left / 60 % 60);
	else if (left >= 60)
		snprintf(out, 32, "%lldm %llds left", (long long)left / 60, (long long)left % 60);
	else
		snprintf(out, 32, "%llds left", (long long)left);
}

static void print_question(jv q)
{
	char left[32];

	time_left(q, left);
	printf("%s  %s  %s  %s%s%s\n", json_str(q, "id", ""), json_str(q, "session", "-"), json_str(q, "kind", ""),
	       json_str(q, "question", ""), *left ? "  " : "", left);
	if (json_has(q, "picture") && *json_str(q, "picture", ""))
		printf("      picture: ab-vault evidence %s show %s\n", json_str(q, "session", "-"), json_str(q, "picture", ""));
}

static int list(jv all)
{
	for (struct json_iter it = json_iter(all); json_next(&it);) {
		jv q = json_del(jv_copy(it.value), "folder");
		char *text = json_text(q);

		if (as_json)
			puts(text);
		else
			print_question(q);
		free(text);
		jv_free(q);
	}
	if (fflush(stdout) || ferror(stdout))
		die(EX_IOERR, "write standard output:");
	return json_len(all) ? 0 : EX_NO;
}

/* Taking the answer */

static struct termios tty_was;
static volatile sig_atomic_t tty_quiet;

static void restore_tty(int sig)
{
	if (tty_quiet)
		tcsetattr(STDIN_FILENO, TCSANOW, &tty_was);
	if (sig) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

/* A line of stdin without its newline; 0..ASK_ANSWER_MAX bytes. */
static size_t read_line(char *line)
{
	size_t len = 0;
	ssize_t got;

	while (len <= ASK_ANSWER_MAX && (got = read(STDIN_FILENO, line + len, ASK_ANSWER_MAX + 1 - len)) > 0) {
		len += (size_t)got;
		if (memchr(line, '\n', len))
			break;
	}
	if (!len)
		die(EX_USAGE, "no answer was given");
	if (len > ASK_ANSWER_MAX && !memchr(line, '\n', len))
		die(EX_USAGE, "the answer is longer than %d bytes", ASK_ANSWER_MAX);
	return memchr(line, '\n', len) ? (size_t)((char *)memchr(line, '\n', len) - line) : len;
}

static size_t ask_terminal(jv q, char *line)
{
	struct termios quiet;
	size_t len;

	fprintf(stderr, "%s", is_secret(q) ? "Code (not shown): " : is_yes_no(q) ? "yes or no: " : "Answer: ");
	if (is_secret(q) && tcgetattr(STDIN_FILENO, &tty_was) == 0) {
		quiet = tty_was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tty_quiet = 1;
		signal(SIGINT, restore_tty);
		signal(SIGTERM, restore_tty);
		signal(SIGHUP, restore_tty);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	len = read_line(line);
	if (tty_quiet)
		fputc('\n', stderr);
	restore_tty(0);
	tty_quiet = 0;
	return len;
}

/* The answer for Q out of ARG (the operand, NULL, or "-"), --yes, --no, the terminal or stdin. False: declined. */
static bool find_answer(jv q, const char *arg, char *line, size_t *len)
{
	if (no)
		return false;
	if (yes && !is_yes_no(q))
		opt_usage("--yes answers questions of kind confirm and payment; this one is %s", json_str(q, "kind", ""));
	if (yes)
		arg = "yes";
	if (arg && strcmp(arg, "-") != 0) {
		if (is_secret(q))
			opt_usage("a code on the command line can be seen by others: give - and the code on standard input");
		*len = strlen(arg);
		if (*len > ASK_ANSWER_MAX)
			die(EX_USAGE, "the answer is longer than %d bytes", ASK_ANSWER_MAX);
		memcpy(line, arg, *len);
		return true;
	}
	*len = !arg && isatty(STDIN_FILENO) ? ask_terminal(q, line) : read_line(line);
	return true;
}

static int deliver(jv q, const char *arg)
{
	char line[ASK_ANSWER_MAX + 1];
	bool tty = !arg && !yes && !no && isatty(STDIN_FILENO);
	size_t len = 0;
	struct err e;
	int r;

	if (tty)
		print_question(q);
	fflush(stdout);
	do {
		bool given = find_answer(q, arg, line, &len);

		r = ask_reply(q, given ? line : NULL, len, &e);
		explicit_bzero(line, sizeof line);
		if (r && e.status == EX_USAGE && tty)
			warn("%s", e.text);
	} while (r && e.status == EX_USAGE && tty);
	if (r)
		die_err(&e);
	return 0;
}

/* The question ID, or the only one. Invalid when there is none. */
static jv choose(jv all, const char *id)
{
	jv found = jv_invalid();

	if (!id && json_len(all) == 1)
		return json_at(all, 0);
	for (struct json_iter it = json_iter(all); id && json_next(&it);)
		if (strcmp(json_str(it.value, "id", ""), id) == 0) {
			jv_free(found);
			found = jv_copy(it.value);
		}
	return found;
}

int main(int argc, char **argv)
{
	static const struct opt opts[] = {
		{'s', "session", "NAME", "only this session's questions", &session, NULL, NULL},
		{'l', "list", NULL, "list the open questions", NULL, &list_only, NULL},
		{'j', "json", NULL, "list them as JSON, one a line", NULL, &as_json, NULL},
		{'y', "yes", NULL, "answer yes (kinds confirm and payment)", NULL, &yes, NULL},
		{'n', "no", NULL, "decline", NULL, &no, NULL},
		{0},
	};
	static const struct opt_spec spec = {
		.program = "ab-answer", .synopsis = "[options] [ID [ANSWER | -]]", .opts = opts,
		.about = "Lists the questions that programs ask the person, and answers them.", .max = 2,
	};
	struct err e;
	jv all, q;
	int i, r;

	sandbox_private();
	i = opt_parse(argc, argv, &spec);
	if (yes && no)
		opt_usage("--yes and --no exclude each other");
	if ((yes || no) && i + 1 < argc)
		opt_usage("give either an answer, or --yes or --no");
	all = ask_list(session, &e);
	if (!json_ok(all))
		die_err(&e);
	if (list_only || as_json || (i == argc && !yes && !no && (json_len(all) != 1 || !isatty(STDIN_FILENO)))) {
		r = list(all);
		jv_free(all);
		return r;
	}
	q = choose(all, argv[i]);
	if (!json_ok(q) && i < argc)
		die(EX_TEMPFAIL, "no question %s is open: answered, timed out or taken back", argv[i]);
	if (!json_ok(q))
		die(json_len(all) ? EX_USAGE : EX_NO, json_len(all) ? "several questions are open: say which (ab-answer --list)" :
		    "no question is open");
	r = deliver(q, i + 1 < argc ? argv[i + 1] : NULL);
	jv_free(q);
	jv_free(all);
	return r;
}

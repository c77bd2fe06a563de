/* ask-test [-t] KIND QUESTION DEADLINE_MS [SESSION [PICTURE]]: asks; prints the data of human.required and of human.answered, each on
 * a line, and last what ask_poll gave with the answer. -t: at the terminal, too. DEADLINE_MS 0: none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wire/ask.h"

static void print(jv v)
{
	char *text = json_text(v);

	printf("%s\n", text);
	fflush(stdout);
	free(text);
	jv_free(v);
}

int main(int argc, char **argv)
{
	static const char *const words[] = {"wait", "answer", "declined", "timeout"};
	bool terminal = argc > 1 && strcmp(argv[1], "-t") == 0;
	struct err e;
	struct ask *a;
	int64_t ms;
	enum ask_got got;

	prog = "ask-test";
	argv += terminal;
	argc -= terminal;
	if (argc < 4)
		die(EX_USAGE, "ask-test [-t] KIND QUESTION DEADLINE_MS [SESSION [PICTURE]]");
	ms = atoll(argv[3]);
	a = ask_open(argv[4], argv[1], argv[2], argc > 5 ? argv[5] : NULL, ms ? clock_wall() + ms : 0, terminal, &e);
	if (!a)
		die_err(&e);
	print(ask_event_data(a));
	got = ask_wait(a, -1);
	print(ask_outcome_data(a));
	printf("%s %s\n", words[got], ask_answer(a));
	if (ask_poll(a) != got)
		die(EX_SOFTWARE, "the outcome changed");
	ask_close(a);
	return 0;
}

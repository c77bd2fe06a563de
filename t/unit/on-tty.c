/* Runs a program on a terminal of its own and answers its questions.
 *
 *   on-tty [EXPECT ANSWER]… -- PROGRAM [ARGUMENT…]
 *
 * Waits until EXPECT appears in the output (after what was matched before), then types ANSWER and return; "^C", "^D"
 * and "^Z" alone are those keys. All output goes to stdout; after it a line "[echo on]" or "[echo off]" says how the
 * terminal was left. The exit status is the program's, 128 + signal when one ended it, 124 when 20 seconds passed. */
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"

static struct str output;
static size_t matched;

static void take(int master)
{
	char chunk[4096];
	ssize_t n = read(master, chunk, sizeof chunk);

	if (n > 0) {
		str_add(&output, chunk, (size_t)n);
		fs_write_all(STDOUT_FILENO, chunk, (size_t)n);
	}
}

static void type(int master, const char *answer)
{
	char key;

	if (answer[0] == '^' && answer[1] && !answer[2]) {
		key = (char)(answer[1] & 0x1f);
		fs_write_all(master, &key, 1);
	} else {
		fs_write_all(master, answer, strlen(answer));
		fs_write_all(master, "\n", 1);
	}
}

static bool asked(const char *expect)
{
	char *at = output.len > matched ? strstr(output.s + matched, expect) : NULL;

	if (at)
		matched = (size_t)(at - output.s) + strlen(expect);
	return at != NULL;
}

int main(int argc, char **argv)
{
	int master, slave, status = 0, at = 1, dashes = 1;
	int64_t deadline = clock_mono() + 20000;
	struct termios mode;
	bool ended = false;
	pid_t pid;

	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	if (dashes + 1 >= argc || (dashes - 1) % 2 || openpty(&master, &slave, NULL, NULL, NULL))
		die(EX_USAGE, "on-tty [EXPECT ANSWER]... -- PROGRAM [ARGUMENT...]");
	pid = fork();
	if (pid == 0) {
		close(master);
		if (login_tty(slave))
			_exit(126);
		execvp(argv[dashes + 1], argv + dashes + 1);
		_exit(127);
	}
	while (!ended) {
		struct pollfd p = {.fd = master, .events = POLLIN};

		ended = waitpid(pid, &status, WNOHANG) == pid;
		while (poll(&p, 1, ended ? 0 : 20) > 0 && (p.revents & POLLIN))
			take(master);
		while (at + 1 < dashes && asked(argv[at])) {
			type(master, argv[at + 1]);
			at += 2;
		}
		if (!ended && clock_mono() > deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			printf("\n[nobody asked '%s']\n", at < dashes ? argv[at] : "");
			return 124;
		}
	}
	tcgetattr(slave, &mode);
	printf("[echo %s]\n", mode.c_lflag & ECHO ? "on" : "off");
	return proc_exit_status(status);
}

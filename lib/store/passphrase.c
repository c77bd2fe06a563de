#include "store/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "ext/seal.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
#define NSIGNALS (sizeof signals / sizeof *signals)

static volatile sig_atomic_t caught[64];

static void note(int sig)
{
	caught[sig] = 1;
}

static int open_tty(struct err *e)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_set(e, EX_CONFIG, "there is no terminal to ask at (give --key-file, or what is asked for as an option)");
	return fd;
}

bool tty_there(void)
{
	int fd = open_tty(NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int tty_say(const char *text, struct err *e)
{
	int fd = open_tty(e), r;

	if (fd < 0)
		return -1;
	r = fs_write_all(fd, text, strlen(text));
	close(fd);
	return r ? err_set(e, EX_IOERR, "write to the terminal:") : 0;
}

/* Reads a line; -1 at the terminal's end, -2 when it is too long, -3 when a signal came. */
static long read_line(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t got;
	char c;

	while ((got = read(fd, &c, 1)) == 1 && c != '\n') {
		if (len < size)
			buf[len] = c;
		len++;
	}
	c = '\0';
	if (got < 0)
		return errno == EINTR ? -3 : -1;
	if (got == 0 && !len)
		return -1;
	if (len >= size)
		return -2;
	buf[len] = '\0';
	return (long)len;
}

static void echo_set(int fd, const struct termios *mode)
{
	while (tcsetattr(fd, TCSAFLUSH, mode) && errno == EINTR && !caught[SIGTTOU])
		;
}

/* One try, with every signal that would end or stop us held back until the terminal is as it was. */
static long ask_once(int fd, const char *prompt, bool echo, char *buf, size_t size)
{
	struct sigaction act = {.sa_handler = note}, old[NSIGNALS];
	struct termios before, quiet;
	bool hide = !echo && tcgetattr(fd, &before) == 0;
	long len;

	memset((void *)caught, 0, sizeof caught);
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < NSIGNALS; i++)
		sigaction(signals[i], &act, &old[i]);
	if (hide) {
		quiet = before;
		quiet.c_lflag &= (tcflag_t)~(ECHO | ECHONL);
		echo_set(fd, &quiet);
	}
	len = fs_write_all(fd, prompt, strlen(prompt)) ? -1 : read_line(fd, buf, size);
	if (hide) {
		echo_set(fd, &before);
		fs_write_all(fd, "\n", 1);
	}
	for (size_t i = 0; i < NSIGNALS; i++)
		sigaction(signals[i], &old[i], NULL);
	return len;
}

/* True when a signal stopped us and we go on: the question is asked again. */
static bool deliver(void)
{
	bool again = false;

	for (size_t i = 0; i < NSIGNALS; i++)
		if (caught[signals[i]]) {
			kill(getpid(), signals[i]);
			again = true;
		}
	return again;
}

long tty_ask(const char *prompt, bool echo, char *buf, size_t size, struct err *e)
{
	int fd = open_tty(e);
	long len;

	if (fd < 0)
		return -1;
	do
		len = ask_once(fd, prompt, echo, buf, size);
	while (deliver() || len == -3);
	close(fd);
	if (len == -1)
		return err_set(e, EX_NOPERM, "no answer at the terminal");
	if (len == -2)
		return err_set(e, EX_DATAERR, "the answer is too long (%zu bytes at most)", size - 1);
	return len;
}

int tty_confirm(const char *question, bool fallback, struct err *e)
{
	char *prompt = xasprintf("%s [%s] ", question, fallback ? "Y/n" : "y/N"), answer[16];
	int r = -1;

	for (;;) {
		long len = tty_ask(prompt, true, answer, sizeof answer, e);

		if (len < 0)
			break;
		if (!len || strchr("yYnN", answer[0])) {
			r = len ? strchr("yY", answer[0]) != NULL : fallback;
			break;
		}
	}
	free(prompt);
	return r;
}

char *passphrase_ask(const char *prompt, bool twice, size_t *len, struct err *e)
{
	char *pass = secret_alloc(TTY_MAX), *again = secret_alloc(TTY_MAX);
	long got, got2;

	for (;;) {
		got = tty_ask(prompt, false, pass, TTY_MAX, e);
		if (got < 0)
			goto bad;
		if (!got) {
			if (tty_say("It must not be empty.\n", e))
				goto bad;
			continue;
		}
		if (!twice)
			break;
		got2 = tty_ask("Once more: ", false, again, TTY_MAX, e);
		if (got2 < 0)
			goto bad;
		if (got == got2 && secret_equal(pass, again, (size_t)got))
			break;
		if (tty_say("They differ; try again.\n", e))
			goto bad;
	}
	*len = (size_t)got;
	secret_free(again);
	return pass;
bad:
	secret_free(pass);
	secret_free(again);
	return NULL;
}

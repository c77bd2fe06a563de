#include "base/die.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *prog = "ab";

/* What errno means, and what to do where the machine is the trouble. */
static const char *cause(int err)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
		return "No space left on device (make room there)";
	case EROFS:
		return "Read-only file system (make it writable)";
	default:
		return strerror(err);
	}
}

static void format(char *to, size_t size, const char *fmt, va_list ap)
{
	int saved = errno;
	size_t len = strlen(fmt);
	int n = vsnprintf(to, size, fmt, ap);

	if (n < 0)
		n = 0;
	if ((size_t)n < size && len && fmt[len - 1] == ':')
		snprintf(to + n, size - (size_t)n, " %s", cause(saved));
	errno = saved;
}

int err_set(struct err *e, int status, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		format(e->text, sizeof e->text, fmt, ap);
		va_end(ap);
		e->status = status;
	}
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char head[sizeof e->text], both[2 * sizeof e->text + 3];
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		vsnprintf(head, sizeof head, fmt, ap);
		va_end(ap);
		snprintf(both, sizeof both, "%s: %s", head, e->text);
		memcpy(e->text, both, sizeof e->text - 1);
		e->text[sizeof e->text - 1] = '\0';
	}
	return -1;
}

/* One write, so that the lines of several programs on one terminal do not mix; control characters are
 * shown as '?', because messages quote what strangers sent. */
static void say(const char *text)
{
	char line[1280];
	int n = snprintf(line, sizeof line - 1, "%s: %s", prog, text);
	ssize_t put;

	if (n < 0)
		return;
	if ((size_t)n > sizeof line - 2)
		n = sizeof line - 2;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	do
		put = write(STDERR_FILENO, line, (size_t)n);
	while (put < 0 && errno == EINTR);
}

void warn(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof text, fmt, ap);
	va_end(ap);
	say(text);
}

void die(int status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof text, fmt, ap);
	va_end(ap);
	say(text);
	exit(status);
}

void die_err(const struct err *e)
{
	say(e->text);
	exit(e->status ? e->status : EX_SOFTWARE);
}

#include "run/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"

#define PENDING_MAX 65536
#define PIECE 4096 /* PIPE_BUF: what a pipe that poll(2) calls writable takes without blocking */

void output_line(struct output *o, const char *text, size_t len)
{
	str_add(&o->text, text, len);
	str_putc(&o->text, '\n');
}

bool output_pending(const struct output *o)
{
	return o->text.len > o->at;
}

bool output_room(const struct output *o)
{
	return o->text.len - o->at < PENDING_MAX;
}

/* What was written makes room, before it is more than what waits. */
static void compact(struct output *o)
{
	size_t left = o->text.len - o->at;

	if (o->at < left)
		return;
	memmove(o->text.s, o->text.s + o->at, left + 1);
	o->text.len = left;
	o->at = 0;
}

int output_write(struct output *o)
{
	size_t n = o->text.len - o->at < PIECE ? o->text.len - o->at : PIECE;
	ssize_t put = o->torn && o->failing ? write(STDOUT_FILENO, "\n", 1) : 0;

	if (put >= 0)
		put = write(STDOUT_FILENO, o->text.s + o->at, n);
	if (put > 0) {
		o->failing = false;
		o->at += (size_t)put;
		o->torn = o->text.s[o->at - 1] != '\n';
		compact(o);
		return 0;
	}
	if (put == 0 || errno == EINTR || errno == EAGAIN)
		return 0;
	if (errno == EPIPE)
		return -1;
	if (!o->failing)
		warn("write standard output (events are left out of it, and nowhere else):");
	o->failing = true;
	output_drop(o);
	return 0;
}

void output_drop(struct output *o)
{
	str_reset(&o->text);
	o->at = 0;
}

void output_free(struct output *o)
{
	str_free(&o->text);
}

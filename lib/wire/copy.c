#include "wire/copy.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "wire/event.h"

void copy_init(struct copy *c, int in, int out)
{
	*c = (struct copy){.out = out};
	line_init(&c->in, in, LINE_EVENT_MAX);
}

void copy_free(struct copy *c)
{
	line_free(&c->in);
	str_free(&c->queue);
}

static bool full(const struct copy *c)
{
	return c->queue.len - c->at >= COPY_FULL;
}

void copy_poll(const struct copy *c, struct pollfd p[2])
{
	p[0] = (struct pollfd){c->eof || full(c) ? -1 : c->in.fd, POLLIN, 0};
	p[1] = (struct pollfd){c->out, c->queue.len > c->at ? POLLOUT : 0, 0};
}

bool copy_ready(const struct copy *c)
{
	return !c->eof && !full(c) && line_ready(&c->in);
}

static void queue_line(struct copy *c, const char *text, size_t len)
{
	str_add(&c->queue, text, len);
	str_putc(&c->queue, '\n');
	c->put += len + 1;
}

enum line_got copy_next(struct copy *c, jv *event)
{
	enum line_got got;
	struct err e;
	char *text;
	size_t len;

	if (full(c))
		return LINE_AGAIN;
	got = line_next(&c->in, &text, &len, 0);
	if (got == LINE_EOF)
		c->eof = true;
	if (got == LINE_LONG)
		warn("line %lu passed over: longer than %zu bytes", c->in.number, c->in.max);
	if (got != LINE_OK)
		return got;
	*event = event_parse(text, len, &e);
	if (!json_ok(*event)) {
		warn("line %lu passed over: %s", c->in.number, e.text);
		return LINE_LONG;
	}
	queue_line(c, text, len);
	c->text = text;
	c->len = len;
	return LINE_OK;
}

void copy_take_back(struct copy *c)
{
	c->queue.len -= c->len + 1;
	c->put -= c->len + 1;
}

int copy_add(struct copy *c, jv event)
{
	char *text = json_text(event);
	size_t len = strlen(text);
	int r = 0;

	jv_free(event);
	if (len > LINE_EVENT_MAX) {
		errno = EMSGSIZE;
		r = -1;
	} else {
		queue_line(c, text, len);
	}
	free(text);
	return r;
}

/* What was written makes room; a queue that was long once gives its memory back. */
static void forget_written(struct copy *c)
{
	if (c->at == c->queue.len) {
		str_reset(&c->queue);
		if (c->queue.cap > 1u << 16)
			str_free(&c->queue);
	} else if (c->at >= 1u << 18) {
		memmove(c->queue.s, c->queue.s + c->at, c->queue.len - c->at + 1);
		c->queue.len -= c->at;
	} else {
		return;
	}
	c->at = 0;
}

int copy_write(struct copy *c)
{
	while (c->queue.len > c->at) {
		struct pollfd p = {c->out, POLLOUT, 0};
		size_t left = c->queue.len - c->at;
		ssize_t put;

		if (proc_poll(&p, 1, 0) <= 0)
			break;
		/* of a pipe that polls as writable, PIPE_BUF bytes fit without waiting */
		put = write(c->out, c->queue.s + c->at, left < PIPE_BUF ? left : PIPE_BUF);
		if (put < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (put < 0)
			break;
		c->at += (size_t)put;
		c->gone += (uint64_t)put;
	}
	forget_written(c);
	return 0;
}

int copy_drain(struct copy *c)
{
	while (c->queue.len > c->at) {
		struct pollfd p = {c->out, POLLOUT, 0};

		if (proc_poll(&p, 1, -1) < 0 || copy_write(c))
			return -1;
	}
	return 0;
}

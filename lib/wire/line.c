#include "wire/line.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"

void line_init(struct line_in *in, int fd, size_t max)
{
	*in = (struct line_in){.fd = fd, .max = max};
}

void line_free(struct line_in *in)
{
	str_free(&in->buf);
}

bool line_ready(const struct line_in *in)
{
	return in->at < in->buf.len && memchr(in->buf.s + in->at, '\n', in->buf.len - in->at);
}

static void drop_read(struct line_in *in)
{
	if (!in->at)
		return;
	in->buf.len -= in->at;
	memmove(in->buf.s, in->buf.s + in->at, in->buf.len + 1);
	explicit_bzero(in->buf.s + in->buf.len, in->at);
	in->at = 0;
	/* one huge line must not hold its memory for ever */
	if (!in->buf.len && in->buf.cap > 1u << 16)
		str_free(&in->buf);
}

enum line_got line_next(struct line_in *in, char **text, size_t *len, int64_t deadline)
{
	char chunk[16384];
	size_t seen = 0;

	for (;;) {
		char *start = in->buf.s ? in->buf.s + in->at : NULL;
		size_t have = in->buf.len - in->at;
		char *nl = start && have > seen ? memchr(start + seen, '\n', have - seen) : NULL;
		struct pollfd p = {in->fd, POLLIN, 0};
		ssize_t got;

		if (nl || (in->eof && have)) {
			size_t n = nl ? (size_t)(nl - start) : have;

			in->at += n + (nl != NULL);
			in->number++;
			if (in->skipping || n > in->max) {
				in->skipping = false;
				return LINE_LONG;
			}
			start[n] = '\0';
			*text = start;
			*len = n;
			return LINE_OK;
		}
		if (in->eof) {
			if (!in->skipping)
				return LINE_EOF;
			in->skipping = false;
			in->number++;
			return LINE_LONG;
		}
		seen = have;
		if (have > in->max) {
			in->skipping = true;
			explicit_bzero(in->buf.s, in->buf.len);
			str_reset(&in->buf);
			in->at = seen = 0;
		}
		drop_read(in);
		if (deadline >= 0 || in->fd < 0) {
			int r = in->fd < 0 ? -1 : proc_poll(&p, 1, deadline);

			if (r == 0)
				return LINE_AGAIN;
			if (r < 0)
				return LINE_ERROR;
		}
		got = read(in->fd, chunk, sizeof chunk);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN) {
				if (proc_poll(&p, 1, deadline) == 0)
					return LINE_AGAIN;
				continue;
			}
			if (errno != ECONNRESET)
				return LINE_ERROR;
			got = 0;
		}
		if (got == 0)
			in->eof = true;
		else
			str_add(&in->buf, chunk, (size_t)got);
		explicit_bzero(chunk, (size_t)got);
	}
}

int line_put(int fd, const char *text, size_t len)
{
	struct str line = {0};
	int r, saved;

	str_add(&line, text, len);
	str_putc(&line, '\n');
	r = fs_write_all(fd, line.s, line.len);
	saved = errno;
	str_free(&line);
	errno = saved;
	return r;
}

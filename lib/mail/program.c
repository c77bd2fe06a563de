#include "mail/program.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "mail/inbox.h"
#include "wire/launch.h"

#define ANSWER_MAX 16384 /* tokens are up to some thousand bytes */
#define GRACE 500

/* Starts it with REQUEST on its stdin; returns the end of its stdout to read from, or -1. */
static int start(struct child *c, const char *program, jv request, struct err *e)
{
	char *text = json_text(request), *line = xasprintf("%s\n", text);
	/* a file in memory: a program that never reads can't hold us up */
	int in = fs_memfd("request", line, strlen(line)), out[2] = {-1, -1}, r = -1;

	if (in < 0 || pipe2(out, O_CLOEXEC))
		err_set(e, EX_OSERR, "start %s: make a pipe:", program);
	else
		r = launch(c, (const char *const[]){program, NULL}, (struct fd_map[]){{in, 0}, {out[1], 1}}, 2, NULL, false, e);
	if (in >= 0)
		close(in);
	if (out[1] >= 0)
		close(out[1]);
	if (r && out[0] >= 0)
		close(out[0]);
	explicit_bzero(text, strlen(text));
	explicit_bzero(line, strlen(line));
	free(text);
	free(line);
	return r ? -1 : out[0];
}

static int take(const char *program, const char *what, char *text, char **line, struct err *e)
{
	size_t len;

	text += strspn(text, " \t\r");
	len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		len--;
	if (!len)
		return err_set(e, EX_UNAVAILABLE, "%s printed an empty line where %s should be", program, what);
	*line = xstrndup(text, len);
	return 0;
}

static int read_line(int fd, const char *program, const char *what, int64_t deadline, struct line_in *in, char **line, struct err *e)
{
	struct pollfd p[2] = {{fd, POLLIN, 0}, {in ? in->fd : -1, POLLIN, 0}};
	struct line_in out;
	int r = -1;
	char *text;
	size_t len;

	line_init(&out, fd, ANSWER_MAX);
	for (;;) {
		enum line_got got = line_next(&out, &text, &len, 0);

		if (got == LINE_OK) {
			r = take(program, what, text, line, e);
			explicit_bzero(text, len);
			break;
		}
		if (got != LINE_AGAIN) {
			err_set(e, EX_UNAVAILABLE, "%s ended without printing %s", program, what);
			break;
		}
		if (in && inbox_interrupted(in)) {
			err_set(e, INBOX_CANCELLED, "the wait was cancelled");
			break;
		}
		if (proc_poll(p, 2, deadline) == 0) {
			err_set(e, EX_TEMPFAIL, "%s did not print %s in time", program, what);
			break;
		}
	}
	line_free(&out);
	return r;
}

int program_ask(const char *program, const char *what, jv request, int64_t deadline, struct line_in *in, char **line, struct err *e)
{
	struct child c;
	int fd = start(&c, program, request, e), r;

	jv_free(request);
	if (fd < 0)
		return -1;
	r = read_line(fd, program, what, deadline, in, line, e);
	close(fd);
	child_end(&c, GRACE);
	return r;
}

int program_token(const char *program, const char *username, const char *host, bool refused, int64_t deadline, struct line_in *in,
		  char **token, struct err *e)
{
	jv request = json_obj("username", jv_string(username), "host", jv_string(host), "refused", jv_bool(refused), NULL), parsed;
	char *line = NULL;
	const char *found;
	bool none;

	if (program_ask(program, "a token", request, deadline, in, &line, e))
		return -1;
	if (*line != '{') {
		*token = line;
		return 0;
	}
	parsed = json_parse(line, strlen(line), NULL);
	found = json_str(parsed, "access_token", "");
	none = !*found;
	if (!none)
		*token = xstrdup(found);
	jv_free(parsed);
	explicit_bzero(line, strlen(line));
	free(line);
	return none ? err_set(e, EX_UNAVAILABLE, "%s printed JSON without an access_token", program) : 0;
}

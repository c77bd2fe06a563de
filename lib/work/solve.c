#include "work/solve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "wire/ask.h"
#include "wire/driver.h"

#define TIME_MAX 120000 /* ms */
#define GRACE 500       /* ms that it has to end */
#define ROUND 250       /* ms between looks whether it has ended before it read all */

static int start(struct driver *d, const char *name, struct err *e)
{
	static const char *const env[] = {"AB_KEYS", "AB_KEY_FILE", NULL};
	char *path = driver_find("solve", name, e), *file = xasprintf("/ab-solve-%s", name);
	int r = -1;

	*d = DRIVER_NONE;
	if (path && !str_ends(path, file)) /* one of a like name is not the one that was named */
		err_set(e, EX_UNAVAILABLE, "no driver %s: neither in %s nor on PATH", file + 1, AB_LIBEXECDIR);
	else if (path)
		r = driver_start_program(d, path, NULL, NULL, 0, env, e);
	free(file);
	free(path);
	return r;
}

/* Waits until FD can be used, a while; -1 with *e at the deadline, or when we are told to stop. */
static int ready(int fd, short events, int stop_fd, int64_t deadline, struct err *e)
{
	struct pollfd p[2] = {{fd, events, 0}, {stop_fd, POLLIN, 0}};

	if (proc_poll(p, 2, clock_earlier(deadline, clock_mono() + ROUND)) > 0 && p[1].revents)
		return err_set(e, EX_SOFTWARE, "told to stop");
	return clock_mono() < deadline ? 0 : err_set(e, EX_TEMPFAIL, "it did not answer in time");
}

/* All of it, though a picture is more than a pipe holds and nobody may read. */
static int tell(struct driver *d, const char *text, size_t len, int stop_fd, int64_t deadline, struct err *e)
{
	fcntl(d->to, F_SETFL, O_NONBLOCK);
	while (len) {
		ssize_t put = write(d->to, text, len);

		if (put > 0) {
			text += put;
			len -= (size_t)put;
		} else if (errno != EAGAIN && errno != EINTR) {
			return err_set(e, EX_UNAVAILABLE, "it does not read what it is asked:");
		} else if (ready(d->to, POLLOUT, stop_fd, deadline, e)) {
			return -1;
		}
	}
	close(d->to);
	d->to = -1;
	return 0;
}

static jv hear(struct driver *d, int stop_fd, int64_t deadline, struct err *e)
{
	struct pollfd p;

	for (;;) {
		p = (struct pollfd){d->in.fd, POLLIN, 0};
		if (line_ready(&d->in) || poll(&p, 1, 0) > 0) {
			char *text;
			size_t len;
			enum line_got got = line_next(&d->in, &text, &len, 0);

			if (got == LINE_OK)
				return json_parse(text, len, e);
			if (got != LINE_AGAIN) {
				err_set(e, EX_UNAVAILABLE, got == LINE_EOF ? "it ended without an answer" : "it gave no line that is an answer");
				return jv_invalid();
			}
		}
		if (ready(d->in.fd, POLLIN, stop_fd, deadline, e))
			return jv_invalid();
	}
}

static bool is_answer(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return *text && strlen(text) <= ASK_ANSWER_MAX;
}

static jv answer_of(jv said, struct err *e)
{
	jv answer = json_get(said, "answer"), error = json_get(said, "error");

	if (!json_is(said, JV_KIND_OBJECT) || !is_answer(json_string(answer, ""))) {
		err_set(e, EX_TEMPFAIL, "%.200s", json_string(error, json_str(error, "message", "what it said is no answer")));
		jv_free(answer);
		answer = jv_invalid();
	}
	jv_free(error);
	return answer;
}

jv solve(const char *name, const struct question *q, jv picture, int stop_fd, struct err *e)
{
	int64_t deadline = clock_mono() + (q->timeout > 0 && q->timeout < TIME_MAX ? q->timeout : TIME_MAX);
	jv request = json_obj("kind", jv_string(q->kind), "question", jv_string(q->text), "url", jv_string(q->url), "picture", picture, NULL);
	jv said = jv_invalid(), answer = jv_invalid();
	struct str line = {0};
	struct driver d;

	json_add_text(&line, request);
	str_putc(&line, '\n');
	jv_free(request);
	if (start(&d, name, e) == 0 && tell(&d, str_text(&line), line.len, stop_fd, deadline, e) == 0)
		said = hear(&d, stop_fd, deadline, e);
	if (json_ok(said))
		answer = answer_of(said, e);
	driver_stop(&d, GRACE);
	str_free(&line);
	jv_free(said);
	return answer;
}

/* ab-book: books the slot that is requested, proves it, and journals it.
 *
 * Two processes: the front owns the pipe (it copies events, queues requests, passes the outcome on and wakes
 * ab-plan over the feedback FIFO), so that the pipeline flows while a booking is under way; the back holds the
 * keys, the page and the journal, and does one thing at a time. They talk in lines:
 *   front to back  {"request": EVENT}   {"told": EVENT-ID}
 *   back to front  EVENT                {"ready": true}    {"last": STATUS-WORD} */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "book.h"
#include "store/keys.h"
#include "wire/event.h"

#define QUEUE_MAX 64

static const char *feedback, *cancel, *settle;

static const struct opt opts[] = {
	{0, "feedback", "FIFO", "write results there (default: where ab-plan reads them)", &feedback, NULL, NULL},
	{0, "cancel", "REF", "cancel the booking with this reference", &cancel, NULL, NULL},
	{0, "settle", "booked|free", "say how an unknown booking ended, having looked yourself", &settle, NULL, NULL},
	{0}};

struct front {
	const char *session;
	struct line_in in, back; /* our stdin; the back's lines */
	int to_back, out;        /* out: -1 once its reader has gone */
	jv queue;
	bool ready, asked_to_end;
};

static void send_back(struct front *f, jv line)
{
	char *text = json_text(line);

	if (f->to_back >= 0 && line_put(f->to_back, text, strlen(text)) && errno != EPIPE)
		warn("write to the booking process:");
	free(text);
	jv_free(line);
}

/* A line of at most PIPE_BUF bytes is written whole or not at all: several programs may write there. */
static void wake_plan(jv event)
{
	int fd = feedback ? open(feedback, O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	jv small = jv_copy(event);
	char *text = json_text(small);

	if (fd < 0) /* nobody reads: the journal will tell */
		goto out;
	if (strlen(text) >= PIPE_BUF) {
		jv data = json_del(json_del(json_get(small, "data"), "slot"), "evidence");

		small = json_set(small, "data", data);
		free(text);
		text = json_text(small);
	}
	if (strlen(text) < PIPE_BUF)
		line_put(fd, text, strlen(text));
	close(fd);
out:
	free(text);
	jv_free(small);
}

static void pass_on(struct front *f, jv event)
{
	bool result = strcmp(event_type(event), "booking.result") == 0;

	if (f->out >= 0 && event_put(f->out, jv_copy(event))) {
		warn("write standard output:");
		f->out = -1;
	}
	if (result || str_starts(event_type(event), "human."))
		wake_plan(event);
	if (result && f->out >= 0)
		send_back(f, json_obj("told", json_get(event, "id"), NULL));
}

/* One line of the back; false at its end. */
static bool from_back(struct front *f, int64_t deadline)
{
	char *text;
	size_t len;
	enum line_got got = line_next(&f->back, &text, &len, deadline);
	jv v;

	if (got != LINE_OK)
		return got == LINE_AGAIN || got == LINE_LONG;
	v = json_parse(text, len, NULL);
	if (json_bool(v, "ready", false))
		f->ready = true;
	else if (json_is(v, JV_KIND_OBJECT))
		pass_on(f, v);
	jv_free(v);
	return true;
}

static void take_event(struct front *f, jv event)
{
	if (strcmp(event_type(event), "booking.request") != 0 || strcmp(event_subject(event), f->session) != 0)
		return;
	if (json_len(f->queue) >= QUEUE_MAX)
		warn("a booking.request is passed over: %d wait already", QUEUE_MAX);
	else
		f->queue = json_push(f->queue, jv_copy(event));
}

static void feed_back(struct front *f)
{
	jv rest;
	bool first = true;

	if (!f->ready || !json_len(f->queue))
		return;
	rest = jv_array();
	for (struct json_iter it = json_iter(f->queue); json_next(&it); first = false) {
		if (first)
			send_back(f, json_obj("request", jv_copy(it.value), NULL));
		else
			rest = json_push(rest, jv_copy(it.value));
	}
	jv_free(f->queue);
	f->queue = rest;
	f->ready = false;
}

/* No more requests: the back ends when it has done what it has. */
static void end_back(struct front *f)
{
	if (f->to_back >= 0)
		close(f->to_back);
	f->to_back = -1;
}

static void from_stdin(struct front *f, int64_t deadline)
{
	jv event;
	enum line_got got = event_next(&f->in, f->out, &event, deadline);

	if (got == LINE_OK) {
		take_event(f, event);
		jv_free(event);
	} else if (got == LINE_EOF || got == LINE_ERROR) {
		if (got == LINE_ERROR) {
			if (errno != EPIPE)
				warn("copy events:");
			f->out = -1;
		}
		f->in.fd = -1;
	}
}

static int front(struct front *f, int sigs, pid_t back)
{
	int status;

	for (bool open = true; open;) {
		struct pollfd p[4] = {{f->back.fd, POLLIN, 0}, {f->in.fd, POLLIN, 0}, {sigs, POLLIN, 0}, {f->out, 0, 0}};
		bool waiting = line_ready(&f->back) || (f->in.fd >= 0 && line_ready(&f->in));

		proc_poll(p, 4, waiting ? 0 : -1);
		if (proc_signal_next(sigs)) { /* the back decides: before the commit it stops, after it it proves */
			kill(back, SIGTERM);
			f->in.fd = -1;
			jv_free(f->queue);
			f->queue = jv_array();
			f->ready = true;
		}
		if (p[3].revents & (POLLERR | POLLNVAL) && f->out >= 0) {
			f->out = -1;
			f->in.fd = -1;
		}
		if (p[0].revents || line_ready(&f->back))
			open = from_back(f, 0);
		if (f->in.fd >= 0 && (p[1].revents || line_ready(&f->in)))
			from_stdin(f, 0);
		feed_back(f);
		if (f->in.fd < 0 && f->ready && !json_len(f->queue))
			end_back(f);
	}
	line_free(&f->in);
	line_free(&f->back);
	jv_free(f->queue);
	while (waitpid(back, &status, 0) < 0 && errno == EINTR)
		;
	return proc_exit_status(status);
}

static pid_t start_back(struct front *f, const struct book_job *job, char **argv)
{
	int down[2], up[2];
	pid_t parent = getpid(), pid;

	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC) || (pid = fork()) < 0)
		die(EX_OSERR, "start the booking process:");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* the journal carries on where we stop */
		if (getppid() != parent)
			_exit(EX_TEMPFAIL);
		close(down[1]);
		close(up[0]);
		exit(book_back(job, down[0], up[1], argv));
	}
	close(down[0]);
	close(up[1]);
	f->to_back = down[1];
	line_init(&f->back, up[0], LINE_EVENT_MAX);
	return pid;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {"ab-book", "[--feedback FIFO | --cancel REF | --settle booked|free] SESSION",
					     "Books the requested slot, proves it and journals it.", opts, 1, 1, false};
	struct front f = {.out = STDOUT_FILENO};
	struct book_job job;
	struct err e;
	int sigs;

	sandbox_private();
	f.session = argv[opt_parse(argc, argv, &spec)];
	if (settle && strcmp(settle, "booked") != 0 && strcmp(settle, "free") != 0)
		opt_usage("--settle: '%s' is neither booked nor free", settle);
	if (!!settle + !!cancel + !!feedback > 1)
		opt_usage("--feedback, --cancel and --settle exclude each other");
	job = (struct book_job){f.session, cancel, settle};
	if (keys_need(argv, f.session, BOOK_PARTS, &e))
		die_err(&e);
	if (cancel || settle)
		return book_by_hand(&job, argv);
	f.queue = jv_array();
	if (!feedback && !(feedback = path_run(f.session, "feedback", &e)))
		die_err(&e);
	pid_t back = start_back(&f, &job, argv);

	keys_keep(0);
	sigs = proc_signals((const int[]){SIGTERM, SIGINT, SIGHUP, 0}, &e);
	if (sigs < 0)
		die_err(&e);
	line_init(&f.in, STDIN_FILENO, LINE_EVENT_MAX);
	return front(&f, sigs, back);
}

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
#include "wire/copy.h"
#include "wire/event.h"

#define QUEUE_MAX 64
#define PATIENCE 5000 /* ms that a reader has when we are told to stop */

static const char *feedback, *cancel, *settle;
static bool headed;

static const struct opt opts[] = {
	{0, "feedback", "FIFO", "write results there (default: where ab-plan reads them)", &feedback, NULL, NULL},
	{0, "headed", NULL, "a browser shows its window on this display", NULL, &headed, NULL},
	{0, "cancel", "REF", "cancel the booking with this reference", &cancel, NULL, NULL},
	{0, "settle", "booked|free", "say how an unknown booking ended, having looked yourself", &settle, NULL, NULL},
	{0}};

struct front {
	const char *session;
	struct copy copy;      /* stdin to stdout, with the back's events in between */
	struct line_in back;   /* the back's lines */
	int to_back;
	jv queue, told;        /* requests; {"id","end"} of results that are on their way out */
	bool ready;            /* the back waits for a request */
	bool reading, heard;   /* our stdin; our stdout */
	int64_t give_up;       /* clock_mono: when told to stop, how long a reader may take; -1: as long as it likes */
	int failed;            /* exit status for a standard descriptor that failed */
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

	if (f->heard && copy_add(&f->copy, jv_copy(event)))
		warn("an event of ours is left out:");
	if (result || str_starts(event_type(event), "human."))
		wake_plan(event);
	if (result && f->heard)
		f->told = json_push(f->told, json_obj("id", json_get(event, "id"), "end", jv_number((double)f->copy.put), NULL));
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

static jv without_first(jv list)
{
	jv rest = jv_array();

	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (it.index)
			rest = json_push(rest, jv_copy(it.value));
	jv_free(list);
	return rest;
}

static void feed_back(struct front *f)
{
	if (!f->ready || !json_len(f->queue))
		return;
	send_back(f, json_obj("request", json_at(f->queue, 0), NULL));
	f->queue = without_first(f->queue);
	f->ready = false;
}

/* No more requests: the back ends when it has done what it has. */
static void end_back(struct front *f)
{
	if (f->to_back >= 0)
		close(f->to_back);
	f->to_back = -1;
}

static void from_stdin(struct front *f)
{
	jv event;

	switch (copy_next(&f->copy, &event)) {
	case LINE_OK:
		take_event(f, event);
		jv_free(event);
		break;
	case LINE_EOF:
		f->reading = false;
		break;
	case LINE_ERROR:
		warn("read standard input:");
		f->failed = EX_IOERR;
		f->reading = false;
	default:
		break;
	}
}

/* Nobody hears us any more: what is under way is finished, and told by the next start. */
static void lose_reader(struct front *f)
{
	if (errno != EPIPE) {
		warn("write standard output:");
		f->failed = EX_IOERR;
	}
	f->heard = f->reading = false;
}

/* Results that went out are told, and not again. */
static void note_told(struct front *f)
{
	for (;;) {
		jv first = json_at(f->told, 0);
		bool out = json_is(first, JV_KIND_OBJECT) && json_num(first, "end", 0) <= (double)f->copy.gone;

		if (out) {
			send_back(f, json_obj("told", json_get(first, "id"), NULL));
			f->told = without_first(f->told);
		}
		jv_free(first);
		if (!out)
			return;
	}
}

static void write_out(struct front *f, short revents)
{
	if (!f->heard)
		return;
	errno = EPIPE;
	if (revents & (POLLERR | POLLNVAL) || copy_write(&f->copy))
		lose_reader(f);
	else
		note_told(f);
}

/* The back decides: before the commit it stops, after it it proves. */
static void stop(struct front *f, pid_t back)
{
	kill(back, SIGTERM);
	f->give_up = clock_mono() + PATIENCE;
	f->reading = false;
	jv_free(f->queue);
	f->queue = jv_array();
	end_back(f);
}

/* True while a reader has something to get from us, and may take its time. */
static bool owes(const struct front *f)
{
	return f->heard && f->copy.put > f->copy.gone && (f->give_up < 0 || clock_mono() < f->give_up);
}

static void turn(struct front *f, int sigs, pid_t back, bool *open)
{
	struct pollfd p[4];
	bool waiting = line_ready(&f->back) || (f->reading && copy_ready(&f->copy));

	copy_poll(&f->copy, p);
	if (!f->reading)
		p[0].fd = -1;
	if (!f->heard)
		p[1].fd = -1;
	p[2] = (struct pollfd){*open ? f->back.fd : -1, POLLIN, 0};
	p[3] = (struct pollfd){sigs, POLLIN, 0};
	proc_poll(p, 4, waiting ? 0 : *open ? -1 : f->give_up);
	if (proc_signal_next(sigs))
		stop(f, back);
	if (*open && (p[2].revents || line_ready(&f->back)))
		*open = from_back(f, 0);
	if (!*open)
		f->reading = false;
	if (f->reading && (p[0].revents || copy_ready(&f->copy)))
		from_stdin(f);
	write_out(f, p[1].revents);
	feed_back(f);
	if (!f->reading && f->ready && !json_len(f->queue) && !(f->heard && json_len(f->told)))
		end_back(f);
}

static int front(struct front *f, int sigs, pid_t back)
{
	bool open = true;
	int status;

	while (open || owes(f))
		turn(f, sigs, back, &open);
	if (f->heard && f->copy.put > f->copy.gone) {
		warn("told to stop, and nobody reads standard output: the next ab-book %s tells what is left", f->session);
		f->failed = EX_TEMPFAIL;
	}
	copy_free(&f->copy);
	line_free(&f->back);
	jv_free(f->queue);
	jv_free(f->told);
	while (waitpid(back, &status, 0) < 0 && errno == EINTR)
		;
	status = proc_exit_status(status);
	return f->failed && (status == 0 || status == EX_NO) ? f->failed : status;
}

static pid_t start_back(struct front *f, const struct book_job *job, char **argv)
{
	int down[2], up[2];
	pid_t parent = getpid(), pid;

	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC) || (pid = fork()) < 0)
		die(EX_OSERR, "start the booking process:");
	if (pid == 0) {
		sandbox_private();
		prctl(PR_SET_NAME, "ab-book-back");
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
	static const struct opt_spec spec = {"ab-book", "[--headed] [--feedback FIFO | --cancel REF | --settle booked|free] SESSION",
					     "Books the requested slot, proves it and journals it.", opts, 1, 1, false};
	struct front f = {.reading = true, .heard = true, .give_up = -1};
	struct book_job job;
	struct err e;
	int sigs;

	sandbox_private();
	f.session = argv[opt_parse(argc, argv, &spec)];
	if (settle && strcmp(settle, "booked") != 0 && strcmp(settle, "free") != 0)
		opt_usage("--settle: '%s' is neither booked nor free", settle);
	if (!!settle + !!cancel + !!feedback > 1)
		opt_usage("--feedback, --cancel and --settle exclude each other");
	job = (struct book_job){f.session, cancel, settle, headed};
	if (keys_need(argv, f.session, BOOK_PARTS, &e))
		die_err(&e);
	if (cancel || settle)
		return book_by_hand(&job, argv);
	f.queue = jv_array();
	f.told = jv_array();
	if (!feedback && !(feedback = path_run(f.session, "feedback", &e)))
		die_err(&e);
	pid_t back = start_back(&f, &job, argv);

	keys_keep(0);
	sigs = proc_signals((const int[]){SIGTERM, SIGINT, SIGHUP, 0}, &e);
	if (sigs < 0)
		die_err(&e);
	copy_init(&f.copy, STDIN_FILENO, STDOUT_FILENO);
	return front(&f, sigs, back);
}

#include "run/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/keys.h"
#include "wire/event.h"

#define ALERT_AFTER 5      /* runs that ended in a row before the person is told; again when it is twice as many */
#define TELL_GRACE 30000

void watch_init(struct watch *w, const char *name, const struct pipeline *of, const struct watch_times *times,
		struct output *out)
{
	*w = (struct watch){.name = xstrdup(name), .pipeline = of, .times = times, .out = out, .in = {.fd = -1},
			    .restart_at = -1};
}

static void close_in(struct watch *w)
{
	if (w->in.fd >= 0)
		close(w->in.fd);
	line_free(&w->in);
	w->in.fd = -1;
}

void watch_free(struct watch *w)
{
	close_in(w);
	free(w->name);
}

/* The alert as a line; the caller frees. */
static char *alert_text(struct watch *w, const char *severity, const char *reason, const char *hint)
{
	jv event = event_make("runtime.alert", w->name, NULL,
			      json_obj("severity", jv_string(severity), "reason", jv_string(reason), "hint", jv_string(hint), NULL));
	char *text = json_text(event);

	jv_free(event);
	return text;
}

static void alert(struct watch *w, const char *severity, const char *reason, const char *hint)
{
	char *text = alert_text(w, severity, reason, hint);

	output_line(w->out, text, strlen(text));
	free(text);
}

/* With the pipeline gone, nobody would tell the person: a short one of ab-audit and ab-notify does. */
static void alert_person(struct watch *w, const char *severity, const char *reason, const char *hint)
{
	char *text = alert_text(w, severity, reason, hint);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), link[2];
	struct err e;

	output_line(w->out, text, strlen(text));
	if (null < 0 || pipe2(link, O_CLOEXEC)) {
		warn("%s: tell the person:", w->name);
		goto out;
	}
	line_put(link[1], text, strlen(text)); /* an empty pipe holds it */
	close(link[1]);
	if (stages_start(&w->tell, pipeline_tell(), w->name, link[0], null, &e))
		warn("%s: tell the person: %s", w->name, e.text);
	else
		stages_follow(&w->tell, TELL_GRACE);
	close(link[0]);
out:
	if (null >= 0)
		close(null);
	free(text);
}

static int64_t next_wait(struct watch *w)
{
	int64_t wait = w->times->first_wait, most = WATCH_WAIT_MAX * w->times->first_wait;

	if (w->started && clock_mono() - w->started >= WATCH_RESET * w->times->first_wait)
		w->in_a_row = 0;
	for (unsigned i = 0; i < w->in_a_row && wait < most; i++)
		wait *= 2;
	w->in_a_row++;
	return wait < most ? wait : most;
}

/* A run is over (or could not begin) and another is to follow. */
static void plan_restart(struct watch *w)
{
	int64_t wait = next_wait(w);
	unsigned told = ALERT_AFTER;
	char reason[240];

	w->state = WATCH_WAITING;
	w->restart_at = clock_mono() + wait;
	warn("%s: %s; starting again in %lld ms", w->name, w->why, (long long)wait);
	while (told < w->in_a_row)
		told *= 2;
	if (told != w->in_a_row && !w->hung)
		return;
	if (w->hung)
		snprintf(reason, sizeof reason, "dead: %s", w->why);
	else
		snprintf(reason, sizeof reason, "dead: the pipeline ended %u times in a row; last: %s", w->in_a_row, w->why);
	alert_person(w, "error", reason, "nothing is watched meanwhile; it is started again, see the log of ab-run");
}

static void halt(struct watch *w)
{
	bool unknown = w->last_status == EX_UNKNOWN;
	char reason[240];
	char *hint = unknown ? xasprintf("look at the site, settle it (ab-book --settle %s), then 'ab-run start %s'", w->name, w->name)
			     : xasprintf("mend the cause, then 'ab-run start %s'", w->name);

	w->state = WATCH_HALTED;
	warn("%s: %s; not started again", w->name, w->why);
	snprintf(reason, sizeof reason, "halted: %s", w->why);
	alert_person(w, "error", reason, hint);
	free(hint);
}

/* ab-poll is told once it has spoken: before, the signal could find it without a handler and end it. */
static void tell_pause(struct watch *w)
{
	if (w->state != WATCH_RUNNING || !w->view.spoke || w->paused == w->pause_told)
		return;
	proc_signal(&w->stages.proc[0], w->paused ? SIGUSR1 : SIGUSR2);
	w->pause_told = w->paused;
	view_start(&w->view);
	w->view.spoke = true;
}

static void take_line(struct watch *w, const char *text, size_t len)
{
	struct err e;
	jv event = event_parse(text, len, &e);

	if (!json_ok(event)) {
		warn("%s: line %lu of the pipeline passed over: %s", w->name, w->in.number, e.text);
		return;
	}
	output_line(w->out, text, len);
	if (view_event(&w->view, event)) {
		if (w->silent)
			alert(w, "info", "ab-poll is heard again", "nothing to do");
		w->silent = false;
		tell_pause(w);
	}
	jv_free(event);
}

/* One line; false when there is none now. */
static bool read_line(struct watch *w)
{
	char *text;
	size_t len;

	switch (line_next(&w->in, &text, &len, 0)) {
	case LINE_OK:
		take_line(w, text, len);
		return true;
	case LINE_LONG:
		warn("%s: line %lu of the pipeline passed over: longer than %u bytes", w->name, w->in.number, LINE_EVENT_MAX);
		return true;
	case LINE_AGAIN:
		return false;
	default: /* the end, or as good: nothing to wait for here any more */
		close_in(w);
		return false;
	}
}

static void end_run(struct watch *w)
{
	int stage = 0;
	enum stages_outcome outcome = stages_outcome(&w->stages, &stage);

	while (w->in.fd >= 0 && read_line(w))
		; /* what the last stage still wrote: a pipe's worth at most */
	close_in(w);
	w->last_status = w->stages.status[stage];
	if (!w->hung)
		snprintf(w->why, sizeof w->why, "%s ended with status %d", w->pipeline->stages[stage].program, w->last_status);
	if (w->stop_wanted)
		w->state = WATCH_STOPPED;
	else if (outcome == OUTCOME_HALT)
		halt(w);
	else if (outcome == OUTCOME_DONE)
		w->state = WATCH_BOOKED;
	else if (w->view.failed)
		w->state = WATCH_FAILED;
	else
		plan_restart(w);
	if (w->state >= WATCH_STOPPED)
		keys_drop(w->name); /* who is told has them already */
}

void watch_start(struct watch *w)
{
	struct err e;
	int link[2];

	w->stop_wanted = w->pause_told = w->silent = w->hung = false;
	w->restart_at = -1;
	w->started = clock_mono();
	if (pipe2(link, O_CLOEXEC)) {
		snprintf(w->why, sizeof w->why, "no pipe: %s", strerror(errno));
		plan_restart(w);
		return;
	}
	if (stages_start(&w->stages, w->pipeline, w->name, -1, link[1], &e)) {
		close(link[0]);
		snprintf(w->why, sizeof w->why, "%.150s", e.text);
		plan_restart(w);
	} else {
		fcntl(link[0], F_SETFL, O_NONBLOCK);
		line_init(&w->in, link[0], LINE_EVENT_MAX);
		view_start(&w->view);
		w->state = WATCH_RUNNING;
	}
	close(link[1]);
}

void watch_stop(struct watch *w)
{
	/* asked for the second time it can't wait; an end that began of itself was not asked for */
	if (w->stop_wanted)
		stages_stop(&w->tell, 0);
	if (w->stop_wanted || w->stages.phase == STAGES_RUNNING)
		stages_stop(&w->stages, w->times->grace);
	w->stop_wanted = true;
	if (w->state == WATCH_WAITING) {
		w->state = WATCH_STOPPED;
		keys_drop(w->name);
	} else if (w->state == WATCH_RUNNING) {
		w->state = WATCH_STOPPING;
	}
}

void watch_pause(struct watch *w, bool on)
{
	w->paused = on;
	tell_pause(w);
}

bool watch_reap(struct watch *w, pid_t pid)
{
	bool ours = stages_reap(&w->stages, pid, w->times->grace);

	if (ours && w->state == WATCH_RUNNING)
		w->state = WATCH_STOPPING;
	return ours || stages_reap(&w->tell, pid, 0);
}

void watch_round(struct watch *w)
{
	stages_round(&w->tell);
	if (stages_round(&w->stages))
		end_run(w);
}

void watch_read(struct watch *w)
{
	while (output_room(w->out) && read_line(w))
		;
}

/* When it is silent; and, when it is, for too long. While our own reader holds everything back nothing can be heard. */
static int64_t silent_at(const struct watch *w)
{
	int64_t at;

	if (w->state != WATCH_RUNNING || w->paused || !output_room(w->out))
		return -1;
	at = view_silent_at(&w->view, w->times->silence);
	return at < 0 || !w->silent ? at : at + WATCH_HUNG * w->times->silence;
}

static long long heard_ago(const struct watch *w)
{
	return (clock_mono() - w->view.heard) / 1000;
}

static void go_silent(struct watch *w)
{
	char reason[80];

	snprintf(reason, sizeof reason, "silent: nothing was heard of ab-poll for %lld s", heard_ago(w));
	w->silent = true;
	warn("%s: %s", w->name, reason);
	alert(w, "warning", reason, "if it stays so, the pipeline is ended and started again");
}

/* A stage hangs, and no restart would come of itself. */
static void end_hung(struct watch *w)
{
	snprintf(w->why, sizeof w->why, "nothing was heard of ab-poll for %lld s, and the pipeline was ended", heard_ago(w));
	w->hung = true;
	w->state = WATCH_STOPPING;
	stages_stop(&w->stages, w->times->grace);
}

void watch_tick(struct watch *w)
{
	int64_t now = clock_mono(), quiet = silent_at(w);

	stages_tick(&w->stages);
	stages_tick(&w->tell);
	if (w->state == WATCH_WAITING && !w->paused && w->tell.phase == STAGES_NONE && now >= w->restart_at) {
		w->restarts++;
		watch_start(w);
	}
	if (!output_room(w->out))
		w->view.heard = now;
	if (quiet < 0 || now < quiet)
		return;
	if (w->silent)
		end_hung(w);
	else
		go_silent(w);
}

int64_t watch_deadline(const struct watch *w)
{
	int64_t at = clock_earlier(w->stages.phase ? w->stages.until : -1, w->tell.phase ? w->tell.until : -1);

	if (w->state == WATCH_WAITING && !w->paused && w->tell.phase == STAGES_NONE)
		at = clock_earlier(at, w->restart_at);
	return clock_earlier(at, silent_at(w));
}

bool watch_over(const struct watch *w)
{
	return w->state >= WATCH_STOPPED && w->tell.phase == STAGES_NONE;
}

const char *watch_word(const struct watch *w)
{
	static const char *const words[] = {"waiting", "running", "stopping", "stopped", "booked", "failed", "halted"};

	if (w->paused && w->state <= WATCH_RUNNING)
		return "paused";
	return w->silent && w->state == WATCH_RUNNING ? "silent" : words[w->state];
}

static jv when(int64_t wall)
{
	char text[CLOCK_TEXT];

	return wall ? jv_string(clock_format(wall, text)) : jv_null();
}

static jv word(const char *text)
{
	return *text ? jv_string(text) : jv_null();
}

jv watch_status(const struct watch *w)
{
	const struct view *v = &w->view;
	jv pids = jv_object();

	for (int i = 0; w->stages.phase != STAGES_NONE && w->pipeline->stages[i].program; i++)
		if (w->stages.proc[i].pid)
			pids = json_set(pids, w->pipeline->stages[i].program, jv_number(w->stages.proc[i].pid));
	return json_obj("session", jv_string(w->name), "state", jv_string(watch_word(w)), "pipeline",
			jv_string(w->pipeline->name), "verdict", word(v->verdict), "good_look", when(v->good_look), "next_check",
			w->state == WATCH_RUNNING && !w->paused ? when(v->next_check) : jv_null(), "restarts",
			jv_number(w->restarts), "goal", word(v->goal), "goal_state", word(v->goal_state), "result",
			word(v->result), "why", word(w->why), "pids", pids, NULL);
}

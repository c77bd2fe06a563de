/* What the events of one session tell about it. */
#ifndef RUN_VIEW_H
#define RUN_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "ext/json.h"

struct view {
	char verdict[32];   /* of the last check; "" before the first */
	char goal[40];      /* "" while there is none */
	char goal_state[32]; /* ab-plan's state: idle, monitoring, claiming … */
	char result[32];    /* booking.result's status */
	int64_t good_look;  /* wall time of the last check that saw (available, none); 0: none yet */
	int64_t next_check; /* wall time; 0: not told */
	int64_t interval;   /* ms between checks, as last told */
	int64_t heard;      /* clock_mono of ab-poll's last word (or ab-login's, which it starts), or of the start */
	int64_t answer_by;  /* clock_mono: until then a person, or a code, is waited for; 0: for nobody */
	bool failed;        /* this run of ab-plan closed the goal as failed */
	bool spoke;         /* a heartbeat came since the start */
	bool resting;       /* ab-poll said that it is paused until it is told to go on */
};

/* A new run of the pipeline begins: what was seen stays, silence is counted from now. */
void view_start(struct view *v);
/* Takes an event in (borrowed). True when it was a heartbeat of ab-poll. */
bool view_event(struct view *v, jv event);
/* clock_mono after which the pipeline counts as silent: three intervals (of a long one, it and half an hour) and SLACK ms after it
 * was last heard, or after what it waits for. While a booking is under way (ab-book holds the page then) at least ten minutes. -1:
 * it is paused. */
int64_t view_silent_at(const struct view *v, int64_t slack);

#endif

/* Empty is not blind: how long a watcher has had no good look, when the person is to hear of it, and when it is over.
 *
 * Kept in blind.json of the session's state folder while it lasts, so that neither a restart nor a watch made of single looks
 * (cron) begins anew. The file is made at the first look that fails and goes with the next good one. */
#ifndef WORK_BLIND_H
#define WORK_BLIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/die.h"
#include "work/schedule.h"

#define BLIND_EVERY_MAX 86400000 /* ms: the distance of two alerts doubles up to a day */

struct blind {
	char *path;
	int64_t after;     /* ms of blindness until the first alert (schedule.blind_after) */
	bool open;         /* the last look was not a good one */
	bool told;         /* an alert went out, and no all-clear yet */
	bool lost;         /* the file could not be written, which was said */
	int64_t dark, due; /* ms without a good look so far; and of the next alert */
	int64_t counted;   /* clock_mono: up to here dark is reckoned */
	char why[560];     /* what the last look said */
};

/* What an earlier run left is taken up; a file that can't be read is as none, and said. */
void blind_open(struct blind *b, const char *session, int64_t after);
void blind_close(struct blind *b);
/* Reckons the time since the last call: DARK when looks were made or due, not in an hour off or a pause. */
void blind_pass(struct blind *b, bool watching);
/* A look that failed. With NOW the next blind_alert is true at once, if nothing was told yet: what a person must mend. */
void blind_failed(struct blind *b, const char *why, bool now);
/* A good look. True when an all-clear is due: *LASTED ms had been dark. */
bool blind_over(struct blind *b, int64_t *lasted);
/* True when an alert is due; the next one is then later by twice as much, at most a day. */
bool blind_alert(struct blind *b);
/* When blind_alert will be true if all goes on as it is (clock_mono); -1: never. */
int64_t blind_at(const struct blind *b);

#endif

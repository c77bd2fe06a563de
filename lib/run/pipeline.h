/* Pipelines by name: which programs, in which order, with which keys. */
#ifndef RUN_PIPELINE_H
#define RUN_PIPELINE_H

#include <stdbool.h>

#define PIPELINE_STAGES 8

struct pipeline_stage {
	const char *program; /* "ab-poll"; NULL ends the list */
	unsigned parts;      /* PART_BIT mask of the keys it is handed */
	bool feedback;       /* takes --feedback FIFO */
};

struct pipeline {
	const char *name, *about;
	struct pipeline_stage stages[PIPELINE_STAGES];
};

/* "monitor-and-book", "watch-only"; NULL for another name. */
const struct pipeline *pipeline_find(const char *name);
/* What carries an event of our own to the person when a pipeline is gone: ab-audit | ab-notify. */
const struct pipeline *pipeline_tell(void);

bool pipeline_has_feedback(const struct pipeline *p);
/* Index of PROGRAM's stage, -1 when it has none. */
int pipeline_stage(const struct pipeline *p, const char *program);

/* The same stages as a shell script for SESSION, the text of share/pipelines/NAME but for the line that
 * says which session. Caller frees. */
char *pipeline_script(const struct pipeline *p, const char *session);

#endif

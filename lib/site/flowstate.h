/* A flow under way: what its steps share. Each step gives GO (the next step) or END (the result's class and reason are
 * set). */
#ifndef SITE_FLOWSTATE_H
#define SITE_FLOWSTATE_H

#include "site/host.h"

#define STEP_TIMEOUT 30000    /* ms for one page command */
#define THINK_MAX 10000       /* ms that the expressions of one run take */
#define VAR_MAX (64u << 20)   /* bytes of memory that it keeps */

enum go { GO, END };

struct flow {
	const struct flow_run *run;
	struct flow_result *result;
	const char *name;
	jv context;       /* with var, page, now */
	jv mark;          /* the inbox's, from `mark` */
	jv same;          /* the page command whose answer is unchanged (memo.h), or null */
	jv asked;         /* the `get` whose answer the page is, or null */
	const char *step; /* the verb now, for reasons */
	const struct flow_place *place; /* of that step */
	bool identified;
	int depth, steps;
	int64_t thought, paged; /* ms spent in expressions and on page commands */
	jv weights;             /* what each of var takes */
	size_t slots_text;
	int unpaid;             /* requests that the page made by itself while it was looked at: counted with the next command */
	char broken[160];       /* the condition that could not be decided, "" for none */
};

/* Ends it with CLASS and "FLOW: STEP: why". */
enum go flow_end(struct flow *f, const char *class, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Ends it with the class that a host's refusal stands for (host.h). */
enum go flow_end_err(struct flow *f, const struct err *e);

/* TEMPLATE, borrowed, with its expressions' values put in; invalid with *e. */
jv flow_expand(struct flow *f, jv template, struct err *e);
/* The same, for a member of the step; null when the step has none. */
jv flow_member(struct flow *f, jv step, const char *key, struct err *e);
/* Keeps VALUE (consumed) as .var.NAME, within the bounds of what a run may keep. */
enum go flow_keep(struct flow *f, const char *name, jv value);

/* A page command (consumed); its answer, or invalid with *e. Its time is counted. */
jv flow_page_ask(struct flow *f, jv command, int64_t timeout, struct err *e);
/* Ends it with the class that the agent's error ANSWER (borrowed) stands for. */
enum go flow_page_failed(struct flow *f, jv answer);
/* A command (consumed) that looks at the page as it is. On END there is no *answer to free. */
enum go flow_look(struct flow *f, jv command, jv *answer);
/* Keeps the page as it is now, where the host keeps evidence. */
void flow_evidence(struct flow *f, const char *label);

#endif

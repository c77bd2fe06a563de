/* Running a provider's flows: steps become commands to the session's page, answers are classed.
 *
 * The interpreter knows the site's description and the page; everything else (budget, journal, codes,
 * the person, evidence) is asked of its host. ab-provider(5) is the language; design.md, "Classes and who
 * acts", says what happens with the class that a flow ends in. */
#ifndef SITE_FLOW_H
#define SITE_FLOW_H

#include "site/host.h"

/* What to do about a class (a provider's `policy`). */
enum action {
	ACTION_BACK_OFF,
	ACTION_ALERT, /* back off, and tell the person */
	ACTION_STOP,
	ACTION_RELOGIN,
	ACTION_RESTART,
	ACTION_NEXT_SLOT,
	ACTION_VERIFY,
	ACTION_WAIT,
	ACTION_ASK_HUMAN
};
enum action flow_policy(const struct provider *p, const char *class);

/* Runs flow NAME. The result is the caller's (flow_result_free), whatever it is. */
void flow_run(const struct flow_run *run, const char *name, struct flow_result *result);

#endif

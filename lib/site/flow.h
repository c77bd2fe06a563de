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

/* Retry-After (RFC 9110 s.10.2.3) in ms: seconds, or a date seen from the answer's DATE (its header; NULL or malformed:
 * from NOW, clock_wall), 0 when that is past; -1 when malformed or more than a year away. */
int64_t retry_after(const char *text, const char *date, int64_t now);

#endif

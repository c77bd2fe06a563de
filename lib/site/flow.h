/* Running a provider's flows: steps become commands to the session's page, answers are classed.
 *
 * The interpreter knows the site's description and the page; everything else (budget, journal, codes,
 * the person, evidence) is asked of its host. ab-provider(5) is the language; design.md, "Classes and who
 * acts", says what happens with the class that a flow ends in. */
#ifndef SITE_FLOW_H
#define SITE_FLOW_H

#include "site/host.h"

/* Runs flow NAME. The result is the caller's (flow_result_free), whatever it is. */
void flow_run(const struct flow_run *run, const char *name, struct flow_result *result);

#endif

/* Conditions (ab-provider(5)): what the page decides is asked in one command. */
#ifndef SITE_FLOWCOND_H
#define SITE_FLOWCOND_H

#include "site/flowstate.h"

/* A filter that fails tells nothing, not even by `not`. */
enum truth { NO, UNKNOWN, YES };

/* Whether COND (borrowed) holds now. */
enum go cond_holds(struct flow *f, jv cond, bool *yes);

/* For several conditions at once: the results of the page's parts of CONDS (borrowed, an array), whose owner is the
 * caller; then each condition in that order, NEXT beginning at 0; then END where a filter broke. */
enum go cond_ask(struct flow *f, jv conds, jv *results);
enum truth cond_decide(struct flow *f, jv cond, jv results, int *next);
enum go cond_undecided(struct flow *f);

#endif

/* Asking the person from a flow.
 *
 * Over HTTP the person acts elsewhere, so the page is asked for again once they have answered. In a browser they may act in the page
 * itself: while the question is open the page is looked at, without a request of ours, and when it has gone on nobody is asked any
 * more. */
#ifndef SITE_FLOWHUMAN_H
#define SITE_FLOWHUMAN_H

#include "site/flowstate.h"

/* The step `human`. */
enum go human_step(struct flow *f, jv step);
/* The page is of CLASS, which a person must pass. GO: it is of another now, with its WHY; *AGAIN is set when it was asked for again. */
enum go human_pass(struct flow *f, char *class, size_t size, char *why, size_t why_size, bool *again);

#endif

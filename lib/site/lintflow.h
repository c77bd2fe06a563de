/* What must hold on every path through a flow: the commit, the identity before it, the proof of a page. */
#ifndef SITE_LINTFLOW_H
#define SITE_LINTFLOW_H

#include "site/mistakes.h"

/* FLOWS as lint.c has converted them (steps where they are not well-formed are passed over). */
void lint_flows(struct mistakes *m, jv flows);

/* The flows that are run by name; others are private ones, for `use`. */
extern const char *const flow_names[];
bool flow_public(const char *name);

#endif

/* The control port, /_demo/…: what to happen, and what did. For tests and rehearsals only. */
#ifndef DEMO_CONTROL_H
#define DEMO_CONTROL_H

#include "demo/traffic.h"
#include "demo/visit.h"

void control_visit(struct visit *v, struct traffic *t);

#endif

/* The office "practice", below /office/: pages made by a server, as most registries' are. */
#ifndef DEMO_OFFICE_H
#define DEMO_OFFICE_H

#include "demo/visit.h"

void office_visit(struct visit *v);

#endif

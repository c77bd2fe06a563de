/* The office "practice-api", below /api/: JSON behind a page that carries the token. */
#ifndef DEMO_API_H
#define DEMO_API_H

#include "demo/visit.h"

void api_visit(struct visit *v);

#endif

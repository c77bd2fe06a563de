/* A page that came is classed before any step looks at it; waiting rooms and challenges are passed. */
#ifndef SITE_FLOWPASS_H
#define SITE_FLOWPASS_H

#include "site/flowstate.h"

/* Classes the page that just came; GO when STEP (borrowed) may look at it. */
enum go flow_classify(struct flow *f, jv step);

#endif

/* What a page is: the provider's rules, and what every site's status says. */
#ifndef SITE_FLOWCLASS_H
#define SITE_FLOWCLASS_H

#include "site/flowstate.h"

/* The class of the page, "" when no rule knows it, and why. */
enum go class_find(struct flow *f, char *class, size_t size, char *why, size_t why_size);
/* Whether STEP (borrowed) may `allow` CLASS. */
bool class_allowed(jv step, const char *class);

#endif

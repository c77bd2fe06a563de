/* Setting a form's fields from a command, as a person could have (ab-page(5), FORMS). */
#ifndef PAGE_FIELDS_H
#define PAGE_FIELDS_H

#include "page/controls.h"

/* SET is {"name": value…} or null. -1: `no_match` for a field or choice that is not there or disabled,
 * `usage` for a value of the wrong kind. */
int fields_set(struct form *f, jv set, struct fail *why);
/* The text of a string, number or boolean; NULL for anything else. Caller frees. */
char *scalar_text(jv v);

#endif

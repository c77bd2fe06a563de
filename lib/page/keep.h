/* What of a browser is kept and given back: its cookies, and what the pages of the site stored. */
#ifndef PAGE_KEEP_H
#define PAGE_KEEP_H

#include "page/element.h"

/* {"cookies":[…]} as page/cookies.h has it, and "storage" where there is any. SCENE NULL: there is no page to ask. Invalid with *why. */
jv keep_save(struct tab *t, struct scene *scene, int64_t deadline, struct fail *why);
/* Replaces all cookies; storage is given to the first page that is asked for, where it is of that origin. */
int keep_restore(struct tab *t, jv state, int64_t deadline, struct fail *why);

#endif

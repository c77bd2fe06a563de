/* What a site gave that is as good as a password: tokens, by what they are called or look like, and cookies. Each is added to the
 * secrets. */
#ifndef BIN_PROVIDER_LEARN_H
#define BIN_PROVIDER_LEARN_H

#include "provider-secrets.h"
#include "work/work.h"

/* The parameters of an address; the members of JSON. */
void learn_url(struct secrets *s, const char *url);
void learn_json(struct secrets *s, jv v);
/* PAGE, the `evidence` of the page that W is on: its address, hidden fields, meta elements, and JSON web tokens anywhere in it. */
void learn_page(struct secrets *s, struct work *w, jv page);
/* W's cookies, and what its pages have stored. */
void learn_state(struct secrets *s, struct work *w);

#endif

/* What in a provider speaks of pages: addresses, selectors, conditions. */
#ifndef SITE_LINTPAGE_H
#define SITE_LINTPAGE_H

#include "site/lintkind.h"

check kind_base;
check kind_origins;
check kind_address;       /* of a request */
check kind_headers;
check kind_css;
check kind_xpath;
check kind_selector;      /* "css", "css:…", "xpath:…", "/…" */
check kind_form_selector; /* the same; a || b gives fallbacks */
check kind_cells;         /* the fields of `rows` */
check kind_let_value;     /* an expression, or something of the page */
check kind_condition;     /* or a list of them */

/* "scheme://host[:port]" of an absolute http(s) URL, lower case, default port left out; NULL when it is none. */
char *address_origin(const char *url);

/* Notes the selector S of LEN bytes at AT for the page driver. */
void lint_selector(struct lint *l, const char *s, size_t len, const char *at);

/* True when `origins` lists ORIGIN. */
bool lint_origin_listed(struct lint *l, const char *origin);

#endif

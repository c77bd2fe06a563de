/* Writing the practice office's pages. */
#ifndef DEMO_HTML_H
#define DEMO_HTML_H

#include "base/str.h"

/* Adds TEMPLATE with each "{}" replaced by the next argument (const char *, escaped for text and
 * attributes); the arguments end with NULL. */
void html_add(struct str *b, const char *template, ...) __attribute__((sentinel));
/* What every page begins and ends with. ACCOUNT "" when nobody is logged in. */
void html_begin(struct str *b, const char *title, const char *account, const char *csrf);
void html_end(struct str *b);

#endif

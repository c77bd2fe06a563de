/* CSS selectors as XPath expressions (Selectors level 4, the parts that mean something on a page without
 * a person in front of it; ab-page(5) lists them).
 *
 * A selector is compiled from its right end: `A > B` is "any B whose parent is A", so that, as in
 * querySelectorAll, the left parts may stand outside the node that is searched. */
#ifndef PAGE_CSS_H
#define PAGE_CSS_H

#include "base/die.h"

/* The XPath (for html_select, whose $scope it may use) of what SELECTOR finds below the node it is
 * evaluated at. A selector may begin with a combinator, "> td": then the node itself stands before it.
 * Caller frees; NULL with *e, which names the part that is malformed or not supported. */
char *css_xpath(const char *selector, struct err *e);

#endif

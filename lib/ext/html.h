/* HTML trees and XPath over them: libxml2, hardened against hostile pages (ab-page(5), "LIMITS").
 *
 * Nothing is fetched, no entity is read from outside. What the parser could not take in (too deep, too
 * many attributes on a tag, too many elements) ends the tree there: html_cut tells. */
#ifndef EXT_HTML_H
#define EXT_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/die.h"
#include "base/str.h"

struct html;
typedef struct _xmlNode html_node; /* an element, text or attribute of a tree; lives as long as the tree */

/* Parses UTF-8 TEXT (valid, no NULs), at most until DEADLINE (clock_mono). Never NULL: markup without an
 * element gives a tree without a root. */
struct html *html_parse(const char *text, size_t len, int64_t deadline);
void html_free(struct html *h);
/* True when a tag has so many attributes that the tree would be cut there; costs one look at the text. */
bool html_flooded(const char *text, size_t len);
/* Why the tree is not the whole page; NULL when it is. */
const char *html_cut(const struct html *h);
/* True when the cause was DEADLINE. */
bool html_late(const struct html *h);

/* What a selection found: nodes in document order, or a scalar (a string, number or boolean expression). */
struct html_found {
	html_node **nodes; /* nodes is the caller's: html_found_free */
	size_t n;
	char *scalar;      /* NULL when it was a node set */
	bool truth;        /* XPath's boolean() of the result */
};

enum html_select {
	HTML_FOUND,
	HTML_MALFORMED, /* not XPath, or it has no value */
	HTML_LIMIT      /* too many steps */
};

/* Evaluates XPATH at FROM (NULL: the document). The variable $scope is FROM (the root element for the
 * document); index(), index-last(), index-of-type() and index-of-type-last() are an element's place among
 * its siblings, from 1. */
enum html_select html_select(struct html *h, html_node *from, const char *xpath, struct html_found *found,
			     struct err *e);
void html_found_free(struct html_found *found);

html_node *html_root(const struct html *h);
html_node *html_parent(const html_node *n);     /* an element, or NULL */
html_node *html_child(const html_node *n);      /* first child of any kind; NULL for none */
html_node *html_next(const html_node *n);       /* next sibling of any kind */
/* The node after N in document order, below TOP only; NULL at the end. SKIP: not into N itself. */
html_node *html_walk(const html_node *n, const html_node *top, bool skip);
bool html_is_element(const html_node *n);
/* True for an element of that (lower case) name. */
bool html_is(const html_node *n, const char *name);
const char *html_name(const html_node *n);      /* "" where N is no element */
/* The text of a text node, or NULL. */
const char *html_text(const html_node *n);
/* An attribute's value, "" for one without; NULL where there is none. Caller frees. */
char *html_attr(const html_node *n, const char *name);
bool html_has(const html_node *n, const char *name);
/* The whole text below N as it is (textContent), or an attribute node's value. Caller frees. */
char *html_content(const html_node *n);

#endif

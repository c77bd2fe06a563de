/* Expressions: ${ … } inside the strings of a provider (ab-provider(5), "Expressions").
 *
 * A plain path (.profile.first_name, .var["x"], .a[0]) is looked up here; anything more is a jq filter for
 * ext/filter. "$${" stands for "${" itself. */
#ifndef SITE_EXPR_H
#define SITE_EXPR_H

#include "ext/json.h"

struct exprs;

/* Collects every ${…} of every string in DOC (borrowed). Nothing is compiled yet; malformed ones are
 * refused when they are checked or expanded. ZONE is the filters' (NULL: UTC). */
struct exprs *exprs_new(jv doc, const char *zone);
void exprs_free(struct exprs *x);

/* Called for each filter that does not compile: the TEMPLATE string it is in, the byte AT in it. */
typedef void expr_wrong(void *ctx, jv template, size_t at, const char *what);
/* Compiles the filters, if there are any. 0, or -1 with *e (the first mistake). WRONG may be NULL. */
int exprs_check(struct exprs *x, expr_wrong *wrong, void *ctx, struct err *e);
/* How long one filter may run; 2000 ms unless told. */
void exprs_limit(struct exprs *x, int ms);

/* Lets go of the last context, which the filters keep to be quick (filter_forget). */
void exprs_forget(struct exprs *x);

/* TEMPLATE (borrowed; from DOC, or without filters) with its expressions' values, in CONTEXT (borrowed), through objects and
 * arrays. A string that is one ${…} alone gives the value as it is; otherwise values are put in as text:
 * numbers as short as they are, null as nothing; an object or array is an error. Keys are not expanded.
 * Invalid with *e as filter_run has it. */
jv expr_expand(struct exprs *x, jv template, jv context, struct err *e);

/* Truth, for `if`: neither null, false nor "". */
bool expr_true(jv value);

/* --- for linting --- */

/* Calls EACH for the expressions of TEXT: the program (a copy that lasts for the call) and the byte of
 * TEXT it starts at. 0, or -1 when a ${ is not closed (*AT: where it starts). */
typedef void expr_each_cb(void *ctx, const char *program, size_t at);
int expr_each(const char *text, expr_each_cb *each, void *ctx, size_t *at);
/* The names and indexes of a plain path as a jv array; invalid when PROGRAM is more than that. */
jv expr_path(const char *program);

#endif

/* Checking a provider (ab-provider(5)): every mistake with its place, and the converted document.
 *
 * In the converted document booleans and whole numbers are such where the language says so; durations are
 * numbers of milliseconds; `pace.budget` "80 per 120s" is {requests: 80, window: 120000}; `needs` is an object from
 * path without the leading dot ("profile.first_name") to {title, about, default, secret, optional}; `allow` and
 * `status` are lists; an expression written bare (`slots`, `identity`, `if`, `for`, `jq`) is a ${…}. */
#ifndef SITE_LINT_H
#define SITE_LINT_H

#include "site/lintexpr.h"
#include "site/mistakes.h"

struct lint {
	struct mistakes mistakes;
	jv doc;       /* converted */
	jv selectors; /* [{"kind": "css"|"xpath", "text", "line", "column"}]: those without expressions, which
	                 only the page driver can check */
	jv homes;     /* private from here: template -> [pointer, how much was put before it] */
	jv classes;   /* every class's name -> true */
	jv users;     /* private flow -> {public flow: true} */
	struct lint_scope scope;
	jv origins;   /* where literal addresses may go; null: not known here */
	bool browser;
};

/* SOURCE is the text that Y was read from; FOLDER (may be NULL) the name of the folder it lies in. Both
 * are borrowed as long as L. */
void lint_provider(struct lint *l, const struct yaml *y, const char *source, const char *folder);
void lint_free(struct lint *l);

/* An expr_wrong (site/expr.h) for the expressions of l->doc; CTX is the struct lint. */
void lint_filter_wrong(void *ctx, jv template, size_t at, const char *what);

/* "scheme://host[:port]" of an absolute http(s) URL, lower case, default port left out; NULL when it is none. */
char *url_origin(const char *url);

#endif

/* Kinds of values in a provider: each check looks at V (borrowed), which stands at AT (RFC 6901), tells what is
 * wrong of it, and gives V converted. */
#ifndef SITE_LINTKIND_H
#define SITE_LINTKIND_H

#include "site/lintexpr.h"
#include "site/mistakes.h"

/* What checking has found, and what it knows. */
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
	bool browser;          /* steps that need one are allowed */
	bool regions;          /* regions are: they are for HTTP */
	const char *over_http; /* the flow that goes over HTTP though the provider's pages are a browser's; NULL: none here */
};

/* An expr_wrong (site/expr.h) for the expressions of l->doc; CTX is the struct lint. */
void lint_filter_wrong(void *ctx, jv template, size_t at, const char *what);

typedef jv check(struct lint *l, jv v, const char *at);

struct key {
	const char *name;
	check *check;
	bool needed;
};

check kind_text;         /* may hold ${…} */
check kind_any;          /* text, or lists and mappings of it */
check kind_plain;        /* without ${…}, not empty */
check kind_expression;   /* text with ${…}, or a filter written bare, which becomes a ${…} */
check kind_boolean;
check kind_whole_number;
check kind_duration;     /* a number of ms */
check kind_variable;     /* a name that values are kept under */
check kind_class;        /* a class that is known */

jv kind_one_of(struct lint *l, jv v, const char *at, const char *const *names);
/* A mapping with the keys of KEYS (ends with a NULL name); WHAT it is, for messages ("'otp'"). */
jv kind_mapping(struct lint *l, jv v, const char *at, const char *what, const struct key *keys);
/* A mapping with any keys, but at least one; with VARIABLES they are names to keep values under. */
jv kind_map_of(struct lint *l, jv v, const char *at, const char *what, check *each, bool variables);
jv kind_list_of(struct lint *l, jv v, const char *at, check *each);
/* One, or a list of them; always a list afterwards. */
jv kind_one_or_more(struct lint *l, jv v, const char *at, check *each);

/* True for a text, a mapping; otherwise that it is none was told. */
bool lint_is_text(struct lint *l, jv v, const char *at);
bool lint_is_map(struct lint *l, jv v, const char *at, const char *what);
void lint_variable_key(struct lint *l, const char *name, const char *at);
/* NAME, a value or (KEY) a key at AT, is a class. */
void lint_class_known(struct lint *l, const char *name, const char *at, bool key);

extern const char *const lint_classes[]; /* those that are built in */

#endif

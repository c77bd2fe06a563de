/* What an expression may use: looked at word by word, before it is ever compiled. */
#ifndef SITE_LINTEXPR_H
#define SITE_LINTEXPR_H

#include "site/mistakes.h"

/* Members of the context. */
enum root { ROOT_PROFILE, ROOT_PARTY, ROOT_SITE, ROOT_CREDENTIALS, ROOT_VAR, ROOT_SLOT, ROOT_BOOKING, ROOT_PAGE, ROOT_NOW, ROOT_COUNT };
extern const char *const root_names[ROOT_COUNT + 1];
#define ROOT_RECORD (1u << ROOT_PROFILE | 1u << ROOT_PARTY | 1u << ROOT_SITE)

struct lint_scope {
	jv needs;          /* an object with the provider's `needs` as keys */
	jv vars;           /* an object with every name that is kept somewhere as key */
	unsigned roots;    /* bits: what there is here */
	const char *where; /* "in 'check'": for messages */
};

/* PROGRAM stands at byte AT of the string VALUE at POINTER. */
void lint_program(struct mistakes *m, const struct lint_scope *scope, const char *pointer, jv value, size_t at,
		  const char *program);

#endif

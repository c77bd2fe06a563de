/* HTML forms (HTML s.4.10.21): what a form holds, and what submitting it sends. */
#ifndef PAGE_FORM_H
#define PAGE_FORM_H

#include <stdint.h>

#include "page/document.h"

/* The answer of the command `form`. */
int form_describe(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why);

/* What a submission asks for. */
struct submission {
	const char *method; /* "GET" or "POST" */
	struct url url;
	char *type;         /* NULL for GET */
	struct str body;
};

/* The submission that the command `submit` (`form`, `set`, `button`) means on page D. */
int form_submission(struct document *d, jv command, int64_t deadline, struct submission *s, struct fail *why);
void submission_free(struct submission *s);

/* The body of `post`'s `form`: a nested map becomes a[b]=…, a list repeats its name. -1 `usage`. */
int form_encode(jv form, struct str *body, struct fail *why);
/* The one body of the command `post` (form, json or body) and its type. */
int form_post_body(jv command, struct str *body, const char **type, struct fail *why);

#endif

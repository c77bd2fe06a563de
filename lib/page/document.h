/* The page that a session is on: an answer as text, as JSON, as a tree, and what is asked of it.
 *
 * Nothing is parsed before somebody looks. Functions that return int give 0, or -1 with *why. */
#ifndef PAGE_DOCUMENT_H
#define PAGE_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ext/html.h"
#include "ext/json.h"
#include "page/fail.h"
#include "page/answer.h"

struct document {
	struct url url;
	int status;
	jv headers;       /* lower-case name: value */
	char *type;       /* lower case, without parameters; "" when none was given */
	char *charset;
	struct str text;  /* the body as UTF-8 */
	size_t from, to;  /* the part of it that counts: the region, or all */
	bool region_asked, region_found;
	size_t length;    /* of the body as it came, decompressed */
	bool cut, told_cut; /* text is missing; the summary has said so */
	int redirects;
	int64_t ms;
	jv json;          /* invalid when it is no JSON */
	char *json_error; /* NULL, or why it is none though its type says so */
	size_t given;      /* what the answer to this command takes so far */
	struct html *html; /* NULL until somebody looks */
	struct url base;   /* what a `base` element says; host NULL where there is none */
	bool base_known;   /* somebody has looked for it */
};

/* ANSWER's url and body are taken. REGION is {"from","to"} or null. */
struct document *document_new(struct answer *answer, jv region, int64_t deadline);
/* The page that `load` gives: LOAD is the command. NULL with *why. */
struct document *document_load(jv load, const struct url *base, struct fail *why);
void document_free(struct document *d);

/* The answer of get, post and submit, without ok, requests and sent. */
jv document_summary(const struct document *d);
/* The tree (for markup; an empty one otherwise); parsed on the first call. `limit` or `timeout` when
 * it could not be parsed whole and nobody was told yet: what is cut off must not pass for empty. */
int document_tree(struct document *d, int64_t deadline, struct html **tree, struct fail *why);
/* What selector SEL (a css string, "xpath:…" or a path that begins with '/') finds at FROM (NULL: the document). */
int document_select(struct document *d, html_node *from, const char *sel, int64_t deadline, struct html_found *found,
		    struct fail *why);
/* What the links of the page are relative to: the page's address, or what its `base` element says. */
int document_base(struct document *d, int64_t deadline, const struct url **base, struct fail *why);
/* A node's text with white space folded; scripts, styles and templates inside it left out. Caller frees. */
char *node_text(html_node *n);

/* The commands of the same names: COMMAND in, the answer's own members in *OUT. */
int document_find(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why);
int document_rows(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why);
int document_test(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why);
int document_embed(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why);
jv document_evidence(const struct document *d, size_t body_max);

#endif

/* How secrets are kept and found: for the modules of provider-secrets.h alone. */
#ifndef BIN_PROVIDER_SECRET_H
#define BIN_PROVIDER_SECRET_H

#include <sys/types.h>

#include "provider-letters.h"
#include "provider-secrets.h"

#define SECRET_SHORTEST 4 /* characters */

struct secret {
	char *name, *text;
	uint32_t *folded;  /* its characters */
	char *stand_in;    /* one for each, '\0' where the text's own stays; NULL until needed */
	size_t n;
	bool code;         /* may have signs between */
	bool file;         /* the beginning of a file in base64 */
	unsigned number;   /* of those with its name */
	size_t count;
};

struct secrets {
	struct secret *list; /* longest first, once sorted */
	size_t n;
	bool sorted;
	bool heads[256]; /* what they begin with, its lowest byte */
	jv kept;         /* names */
	jv whole;        /* all that was added, as it was: {name, text} */
};

/* Letters and figures, folded. */
bool secret_letter(uint32_t folded);
bool secret_figure(uint32_t folded);

/* How many bytes at P are secret X; 0: none. EACH, where not NULL, gets its letters in turn: the AT-th of it, or -1 for a sign
 * between. */
typedef void secret_each(void *ctx, const struct letter *l, const char *p, ssize_t at);
size_t secret_match(const struct secret *x, const char *p, const char *end, secret_each *each, void *ctx);
/* The longest secret at P, which takes *LEN bytes there; NULL for none. S is in order. */
struct secret *secret_at(const struct secrets *s, const char *p, const char *end, size_t *len);
/* Puts them in order, with a stand-in for each. */
void secrets_order(struct secrets *s);

/* provider-standin.c: a number that depends on NAME alone, never on the value, which could be guessed from it. AGAIN: another one. */
uint64_t stand_in_seed(const char *name, unsigned again);
/* Makes those that are not there. S is in order. */
void stand_ins_make(struct secrets *s);

#endif

/* jq programs that a stranger may have written, run in a process of their own.
 *
 * libjq aborts on its own mistakes, a filter may never end or eat all memory, and `env` reads the
 * environment. So the programs run in a worker: forked at first use, with nothing but a socket to us and
 * the environment TZ, no files to open, bounded memory and time, killed with us. All programs are compiled
 * as one (a compile costs 35 ms, however many there are).
 *
 * Beside jq's own functions the programs have, in the zone that filter_new was given (ab-provider(5)):
 *   days(from; n)  months(from; n)  month_days  local_to_utc  format_time(format) */
#ifndef EXT_FILTER_H
#define EXT_FILTER_H

#include "ext/json.h"

struct filter;

/* N programs (copied), not yet compiled. ZONE is an IANA name; NULL: UTC. */
struct filter *filter_new(const char *const *programs, size_t n, const char *zone);
void filter_free(struct filter *f);
/* How long one run may take; 2000 ms unless told. */
void filter_limit(struct filter *f, int ms);

/* Called for each mistake found: program INDEX, byte AT in its text, WHAT is wrong. */
typedef void filter_wrong(void *ctx, size_t index, size_t at, const char *what);
/* Compiles; every program that does not is reported. 0 when all do; -1 with *e (EX_CONFIG: the first
 * mistake; other statuses: the worker could not be run). WRONG may be NULL. */
int filter_check(struct filter *f, filter_wrong *wrong, void *ctx, struct err *e);

/* Runs program INDEX on INPUT (consumed). No output gives null; more than one is an error. Members of an
 * object that are the very same values as in the last run are not sent again. Invalid with *e: EX_DATAERR
 * (the program raised an error), EX_CONFIG (the programs do not compile), EX_TEMPFAIL (too long, too much
 * memory, worker lost). After a failure the filter can be used again. */
jv filter_run(struct filter *f, size_t index, jv input_taken, struct err *e);
/* Lets go of the last run's input, here and in the worker: call it once the secrets in it are not needed any more. */
void filter_forget(struct filter *f);

/* --- the words of a program, for linting --- */
enum filter_kind {
	FILTER_FIELD,  /* .name */
	FILTER_NAME,   /* a function, keyword or object key */
	FILTER_VAR,    /* $name */
	FILTER_FORMAT, /* @name */
	FILTER_STRING, /* "…" whole; the words of its \( ) follow, one deeper, round brackets included */
	FILTER_NUMBER,
	FILTER_OP
};
struct filter_word {
	enum filter_kind kind;
	int depth; /* how many strings it stands in */
	size_t at, len;
};
struct filter_words {
	struct filter_word *list;
	size_t n;
	size_t wrong_at;   /* where the mistake is, when scanning failed */
	const char *wrong; /* what it is, else NULL */
};
/* Splits TEXT; brackets must balance. 0, or -1 with wrong and wrong_at set. Free in both cases. */
int filter_scan(struct filter_words *w, const char *text);
void filter_words_free(struct filter_words *w);
/* True when word I is TEXT exactly. */
bool filter_word_is(const struct filter_words *w, size_t i, const char *program, const char *text);

#endif

/* Which of the mails that came holds the code that was asked for.
 *
 * A mail counts when it came after the mark (the driver's business), fits the rules and holds a code, or a picture in its place. A first one is
 * not taken at once: for `settle` ms after each further one (six times that in all) a later one still wins. Later is what
 * was sent later: the Date header, then the order of arrival. A Date more than PICK_CLOCK ms before the request makes a mail
 * suspect: it is taken only when nothing better came for PICK_SUSPECT ms; and more than the rules' `skew` before it, never: an
 * old code that was delivered late. */
#ifndef MAIL_PICK_H
#define MAIL_PICK_H

#include "ext/json.h"
#include "mail/code.h"

#define PICK_SETTLE 500 /* where the rules name none */
#define PICK_CLOCK 2000
#define PICK_SUSPECT 15000
#define PICK_SKEW 60000 /* where the rules name none */

struct rules {
	char *from, *to, *subject; /* NULL: any */
	struct code_pattern pattern;
	int64_t since; /* when the code was asked for, wall ms; -1: not said */
	int64_t asked; /* the same moment by clock_mono; -1: not said */
	int64_t skew, settle;
	jv skip;       /* ids of mails that are not to be taken */
};

/* {"from": glob, "to": address (or glob), "subject": glob, "pattern": regex, "since": RFC 3339, "skew": duration, "settle": duration,
 * "skip": [id…]}, all optional, null too. Globs know '*' only and take no notice of case. EX_CONFIG with *e when one is malformed. */
int rules_parse(struct rules *r, jv rules, struct err *e);
void rules_free(struct rules *r);

/* True when MAIL has the sender, the recipient and the subject that the rules ask for. */
bool pick_fits(const struct rules *r, const struct mime *mail);

struct pick {
	const struct rules *rules;
	jv best;           /* the answer it would be, invalid when there is none */
	int64_t sent, order; /* of the best */
	bool suspect;
	int64_t first, last; /* when the first and the last candidate came, clock_mono */
	jv passed;         /* ids of all candidates */
	int64_t old;       /* how much too old the youngest of those was that were left out for it (ms); 0: there was none */
};

void pick_start(struct pick *p, const struct rules *rules);
/* A mail: UNIQUE names it where it has no Message-ID; ORDER grows with the order of arrival. True when it became a candidate. */
bool pick_offer(struct pick *p, const struct mime *mail, const char *unique, int64_t order);
/* When the best may be taken (clock_mono); -1: there is none. */
int64_t pick_ready(const struct pick *p);
/* The driver's answer to `wait`, with the best mail's code; ends the pick. Invalid when there is none. */
jv pick_take(struct pick *p);
void pick_free(struct pick *p);
/* That nothing came in time; and whether a code came that was taken for an old one, as a wrong clock would have it. EX_TEMPFAIL. */
void pick_none(const struct pick *p, struct err *e);

#endif

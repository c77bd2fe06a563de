/* What the session's owner has agreed to; every program asks before it acts. */
#ifndef STORE_CONSENT_H
#define STORE_CONSENT_H

#include "ext/json.h"

enum consent_act { CONSENT_WATCH, CONSENT_BOOK, CONSENT_CANCEL };
enum consent_answer {
	CONSENT_NO,  /* *e says why in one line (EX_NOPERM) */
	CONSENT_YES,
	CONSENT_ASK  /* the person must be asked first (book: ask) */
};

/* RULES is the session's rules part (the whole, with "consent" and "timezone"). Not owner, past `until`
 * (inclusive, in the session's zone) or not granted: CONSENT_NO. */
enum consent_answer consent_check(jv rules, enum consent_act act, int64_t now, struct err *e);
/* CONSENT_NO, with "not allowed: the session's consent WHY; …" in *e. */
enum consent_answer consent_refuse(struct err *e, const char *why);
/* requests_per_day; 0 when none was granted. */
int consent_daily_requests(jv rules);
/* PROGRAM (as written in a provider's exec) is listed in consent.programs; PROXY in consent.proxies; a
 * solver NAME is consent.solver. */
bool consent_program(jv rules, const char *program);
/* The same for a setting of SESSION's own that may be exec:PROGRAM: 0, or -1 with *e (EX_NOPERM). */
int consent_setting(jv rules, const char *session, const char *setting, struct err *e);
bool consent_proxy(jv rules, const char *proxy);
bool consent_solver(jv rules, const char *name);

#endif

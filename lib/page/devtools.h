/* Messages of the DevTools protocol over pipes: JSON ended by NUL, calls with ids, events in between.
 *
 * Nothing here trusts the other side: messages have a limit, lone surrogates (which jv refuses) become U+FFFD, and every call
 * has a deadline. */
#ifndef PAGE_DEVTOOLS_H
#define PAGE_DEVTOOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "ext/http.h"
#include "ext/json.h"
#include "page/fail.h"

struct devtools;

/* What is told from inside the functions below. None may make a call; `event` and `reply` may send and ask. JVs are borrowed. */
struct devtools_hooks {
	bool (*wanted)(const char *method); /* else the event is not even parsed */
	void (*event)(void *ctx, const char *session, const char *method, jv params);
	void (*reply)(void *ctx, jv tag, jv result); /* to devtools_ask; RESULT is null where it failed */
	void *ctx;
};

/* TO and FROM stay the caller's; both are non-blocking. ASIDE as in http_new. */
struct devtools *devtools_new(int to, int from, const struct devtools_hooks *hooks, const struct http_aside *aside);
void devtools_free(struct devtools *d);

/* METHOD's result; invalid with *why: `unreachable` when the browser or the session is gone, `timeout`, `limit`, or "browser",
 * which is no code of ab-page(5): the browser said no, with its message. SESSION NULL: the browser itself. */
jv devtools_call(struct devtools *d, const char *session, const char *method, jv params_taken, int64_t deadline,
		 struct fail *why);
/* The same without waiting: the answer is dropped, or given to the reply hook with TAG. */
void devtools_send(struct devtools *d, const char *session, const char *method, jv params_taken);
/* devtools_send, but it goes out with what is sent next. */
void devtools_queue(struct devtools *d, const char *session, const char *method, jv params_taken);
void devtools_ask(struct devtools *d, const char *session, const char *method, jv params_taken, jv tag_taken);

/* Takes what comes until something has come, or DEADLINE (0: takes what is there). False at the deadline, or when gone. */
bool devtools_pump(struct devtools *d, int64_t deadline);
/* The browser's end of the pipes is closed. */
bool devtools_gone(const struct devtools *d);
/* From the event hook: SESSION has ended as it should; a call to it that is waited for has done what it was to do, and gives {}. */
void devtools_abandon(struct devtools *d, const char *session);
/* From the event hook: whoever waits for a session's answer waits in vain, because WHY. Until devtools_mend. */
void devtools_lose(struct devtools *d, const char *why);
void devtools_mend(struct devtools *d);
/* Why the session was lost; NULL when it was not. */
const char *devtools_lost(const struct devtools *d);

#endif

/* The pages of a session's turn, and what is kept of them.
 *
 * Who has the turn on the session's page (page.sock) has the session: it alone writes `page` of the part `state`. Where a provider's
 * flows go partly over HTTP and partly through a browser, the session's page is the HTTP one, and the browser is started within the turn,
 * for the first flow that needs it, and ends with the turn: so a watcher costs no browser. Cookies go from one to the other around
 * each such flow; what pages stored (`storage`) is the browser's, and waits in `state` for the next one.
 *
 * `state` also has `imported`: cookies that `ab-vault import --cookies` put there. The next turn gives them to the page, over those of
 * the same names, and takes them out. */
#ifndef WORK_TURN_H
#define WORK_TURN_H

#include "site/flow.h"

struct turn {
	/* set by the owner before turn_begin; borrowed */
	const char *session;
	int priority;
	int given;     /* a page's connection, in whose turn we are; -1: none. It becomes ours */
	int stop_fd;   /* readable: stop waiting; -1: none */
	bool settling; /* may begin while an intent is open */
	const struct provider *provider;
	struct flow_memo *memo;
	jv settings;   /* of the page */
	/* the turn's own */
	struct page *page;         /* what the flow is on: one of these, or NULL */
	struct page *shared, *own; /* the session's; a browser of this turn alone */
	jv passed, imported;       /* cookies: that both have; that the session's page was given in this turn */
};

#define TURN_NONE ((struct turn){.given = -1, .stop_fd = -1, .settings = jv_null(), .passed = jv_null(), .imported = jv_null()})

/* Waits for the session's page, at most TIMEOUT ms, and makes sure that it has the cookies that are kept. EX_TEMPFAIL: not now. */
int turn_begin(struct turn *t, int64_t timeout, struct err *e);
/* Makes t->page the one on which FLOW runs; it lasts until turn_left. */
int turn_page(struct turn *t, const char *flow, struct err *e);
/* After the flow: what a browser of our own has learnt is sealed, and given to the session's page. False when the flow's page agent
 * died under it, which is not the site's doing. */
bool turn_left(struct turn *t);
/* After that: whether another one can be had. */
bool turn_again(struct turn *t);
/* The session's page, to hand its connection on; NULL where it is gone. A browser of our own is ended: who gets the turn has one of
 * its own where it needs one. */
struct page *turn_lend(struct turn *t);
/* Its connection can't be used any more. */
void turn_lose(struct turn *t);
/* Seals the cookies where they changed, and lets the next one have the session's page. */
void turn_end(struct turn *t);
void turn_free(struct turn *t);

#endif

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

#include "work/work.h"

/* Waits for the session's page, and makes sure that it has the cookies that are kept. EX_TEMPFAIL: not now. */
int turn_begin(struct work *w, int64_t timeout, struct err *e);
/* Makes w->page the one on which FLOW runs; it lasts until turn_left. */
int turn_page(struct work *w, const char *flow, struct err *e);
/* After the flow: what a browser of our own has learnt is sealed, and given to the session's page. False when the flow's page agent
 * died under it, which is not the site's doing. */
bool turn_left(struct work *w);
/* After that: whether another one can be had. */
bool turn_again(struct work *w);
/* Ends the browser of our own, if there is one. */
void turn_close(struct work *w);
/* Seals the cookies where they changed, and lets the next one have the session's page. */
void turn_end(struct work *w);

#endif

/* Commands that may make requests: within the budget, a commit at most once, and the page that comes is classed before
 * any step looks at it. */
#ifndef SITE_FLOWSEND_H
#define SITE_FLOWSEND_H

#include "site/flowstate.h"

#define HUMAN_TIMEOUT 600000 /* ms that the person has */

/* Sends COMMAND (consumed) for STEP; the answer becomes the page. COMMIT: it is the point of no return. */
enum go flow_send(struct flow *f, jv step, jv command, bool commit);
/* Classes the page that just came; GO when STEP may look at it. Waiting rooms and challenges are passed. */
enum go flow_classify(struct flow *f, jv step);
/* Loads the page again: after a wait, or after the person acted. Its class is looked at by the caller. */
enum go flow_reload(struct flow *f);

#endif

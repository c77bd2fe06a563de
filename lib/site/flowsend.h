/* Commands that may make requests: within the budget, and a commit at most once. */
#ifndef SITE_FLOWSEND_H
#define SITE_FLOWSEND_H

#include "site/flowstate.h"

/* Sends COMMAND (consumed) for STEP; the answer becomes the page. COMMIT: it is the point of no return. */
enum go flow_send(struct flow *f, jv step, jv command, bool commit);
/* Loads the page again: after a wait, or after the person acted. Its class is looked at by the caller. */
enum go flow_reload(struct flow *f);

#endif

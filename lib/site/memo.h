/* What a check may reuse of the last one (provider.md, `region`): the answers of commands that only look,
 * on a page of which the same part came again, byte for byte. */
#ifndef SITE_MEMO_H
#define SITE_MEMO_H

#include "ext/json.h"

struct flow_memo;
struct flow_memo *flow_memo_new(void);
void flow_memo_free(struct flow_memo *m);
/* After a login nothing is reused. */
void flow_memo_clear(struct flow_memo *m);

/* ANSWER came for the request COMMAND. Gives a handle for memo_recall and memo_keep when the page may be
 * reused (a region, found, status 200), else null. When it differs from the last one, or that is older
 * than ten minutes, what was kept of it is forgotten first. M may be NULL. */
jv memo_page(struct flow_memo *m, jv command, jv answer);
/* The answer kept for LOOK on the page of HANDLE; invalid when there is none. */
jv memo_recall(const struct flow_memo *m, jv handle, jv look);
void memo_keep(struct flow_memo *m, jv handle, jv look, jv answer);

#endif

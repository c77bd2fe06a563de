/* Who asked for what, as the site counted it. Kept in memory. */
#ifndef DEMO_TRAFFIC_H
#define DEMO_TRAFFIC_H

#include "demo/visit.h"

struct traffic;

struct traffic *traffic_new(void);
void traffic_free(struct traffic *t);
void traffic_clear(struct traffic *t);
/* Counts the visit once its answer is made. FAULTS: names of those that hit. VERBOSE: says so on stderr. */
void traffic_count(struct traffic *t, const struct visit *v, const char *faults, bool verbose);
/* {total, by_account, by_path, by_client, by_connection, log?}. A session's requests count for the account that
 * logged in with it, also those before. Requests of no account count as "-". LOG adds each request: [{t (wall ms),
 * mono (of CLOCK_BOOTTIME), client, account, method, path, status, faults?}]. */
jv traffic_report(const struct traffic *t, struct world *w, bool log);

#endif

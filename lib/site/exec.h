/* Flows that are programs (provider.md, "Programs instead of data").
 *
 * A program is started once and kept. Each flow is one line to it, {"flow", "slot", "profile", …}: what `needs`
 * names. Before it answers it may need something, a line each, and waits for {"granted": true, …} or
 * {"granted": false, "why": …}:
 *   {"need":"request","requests":N}   a token of the budget for each
 *   {"need":"commit","identity":{…}}  the point of no return: the slot as the site shows it now
 *   {"need":"mark"}, then {"need":"otp","from","subject","pattern","timeout_ms"}   granted with "code"
 *   {"need":"human","kind","question","timeout_ms"}   granted with "answer"
 * Its answer is {"verdict", "reason", "slots", "booking", "state"}: verdict "ok" (or "available", "none"), or a class;
 * "state" comes back to it in the next request. */
#ifndef SITE_EXEC_H
#define SITE_EXEC_H

#include "site/host.h"

/* Runs flow NAME by PROGRAM (a path relative to the provider's folder, or absolute). */
void exec_run(const struct flow_run *run, const char *name, const char *program, struct flow_result *result);
/* Ends the programs that were kept. */
void exec_end_all(void);

#endif

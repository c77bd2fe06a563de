/* Running a provider's flows live, but dry: what try and record have in common. */
#ifndef BIN_PROVIDER_TRY_H
#define BIN_PROVIDER_TRY_H

#include "work/work.h"

/* What fails ends the program. */
void try_no_login(const char *flow, const char *session);
/* W for SESSION, to run flows dry; then a turn of it. */
void try_open(struct work *w, const char *session, char **argv);
void try_begin(struct work *w);
/* The JSON object TEXT that option --WHAT gives; null for NULL. */
jv try_operand(const char *text, const char *what);
/* The answer of W's page to COMMAND (consumed), which looks at it; null where it has none. */
jv try_ask(struct work *w, jv command);
/* Whether a step with VERB is a command that acts on the page, or changes what it tells; such as are recorded. */
bool try_acts(const char *verb);
/* The first slot that check finds, for a flow that needs one; null, told, when there is none. */
jv try_slot(struct work *w);

#endif

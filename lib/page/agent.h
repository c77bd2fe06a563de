/* The page agent over HTTP: one page, one jar, the commands of ab-page(5). Who may command it is
 * page/turns.h's business. */
#ifndef PAGE_AGENT_H
#define PAGE_AGENT_H

#include <stdint.h>

#include "ext/http.h"
#include "ext/json.h"
#include "page/replay.h"

struct agent;

/* REPLAY becomes the agent's; NULL: the network. ASIDE as in http_new. */
struct agent *agent_new(const struct http_aside *aside, struct replay *replay);
void agent_free(struct agent *a);

/* Each gives an answer without its id: {"ok":true,…} or {"ok":false,"error":{…}}, always with "requests"
 * and "sent". DEADLINE is of clock_mono. */

/* The `settings` of begin (null: they stay as they are), and {"fresh":…}. */
jv agent_begin(struct agent *a, jv settings);
/* Any other command; `usage` for one that is not known. */
jv agent_command(struct agent *a, jv command, int64_t deadline);
/* Forgets the page: whoever was on it is gone. */
void agent_drop(struct agent *a);

#endif

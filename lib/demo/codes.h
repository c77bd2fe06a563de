/* Mailing codes. */
#ifndef DEMO_CODES_H
#define DEMO_CODES_H

#include "demo/visit.h"

/* Mails a new code to the session's account, with whatever is to go wrong at the mailer. */
void codes_send(struct visit *v);

#endif

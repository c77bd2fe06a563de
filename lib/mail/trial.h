/* What the test of an inbox looks for (`ab-otp --test`): the last mail that fits the rules, and whether it holds a code. */
#ifndef MAIL_TRIAL_H
#define MAIL_TRIAL_H

#include "mail/pick.h"

#define TRIAL_MAILS 200 /* as many mails are enough to look at, the newest */

struct trial {
	const struct rules *rules;
	bool reveal;        /* the answer may hold the code itself */
	int looked, fitted;
	int64_t sent;       /* of the best */
	jv mail;            /* the best, null when there is none */
};

void trial_start(struct trial *t, const struct rules *rules, bool reveal);
/* A mail; of those sent at the same time the one offered first counts as the last. */
void trial_offer(struct trial *t, const struct mime *mail);
/* The driver's answer to `test`; ends the trial. */
jv trial_answer(struct trial *t);

#endif

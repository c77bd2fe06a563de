#ifndef SITE_POLICY_H
#define SITE_POLICY_H

#include "site/provider.h"

/* What to do about a class (a provider's `policy`). */
enum action {
	ACTION_BACK_OFF,
	ACTION_ALERT, /* back off, and tell the person */
	ACTION_STOP,
	ACTION_RELOGIN,
	ACTION_RESTART,
	ACTION_NEXT_SLOT,
	ACTION_VERIFY,
	ACTION_WAIT,
	ACTION_ASK_HUMAN
};
enum action flow_policy(const struct provider *p, const char *class);

#endif

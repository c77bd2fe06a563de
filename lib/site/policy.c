#include "site/policy.h"

#include <string.h>

enum action flow_policy(const struct provider *p, const char *class)
{
	static const struct {
		const char *class;
		enum action action;
	} built_in[] = {
		{"throttled", ACTION_BACK_OFF}, {"blocked", ACTION_ALERT},       {"maintenance", ACTION_BACK_OFF},
		{"expired", ACTION_RELOGIN},    {"login_failed", ACTION_STOP},   {"taken", ACTION_NEXT_SLOT},
		{"already_booked", ACTION_VERIFY}, {"queued", ACTION_WAIT},      {"challenged", ACTION_ASK_HUMAN},
		{"changed", ACTION_ALERT},      {"unreachable", ACTION_BACK_OFF}, {"refused", ACTION_STOP},
	};
	static const char *const names[] = {"back_off", "alert", "stop", "relogin", "restart", "next_slot", "verify", "wait", "ask_human"};
	jv policy = json_get(p->doc, "policy");
	enum action action = ACTION_BACK_OFF;
	const char *given = json_str(policy, class, NULL);

	for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
		if (strcmp(built_in[i].class, class) == 0)
			action = built_in[i].action;
	for (size_t i = 0; given && i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], given) == 0)
			action = (enum action)i;
	jv_free(policy);
	return action;
}

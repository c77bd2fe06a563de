#include "store/consent.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Refuses with the words after "the session's consent ". */
static enum consent_answer no(struct err *e, const char *why, const char *what)
{
	err_set(e, EX_NOPERM, "not allowed: the session's consent %s%s; its owner changes that with 'ab-vault edit'", why, what);
	return CONSENT_NO;
}

enum consent_answer consent_refuse(struct err *e, const char *why)
{
	return no(e, why, "");
}

static enum consent_answer granted(jv consent, enum consent_act act, struct err *e)
{
	const char *word;

	if (act == CONSENT_WATCH)
		return CONSENT_YES;
	word = json_str(consent, act == CONSENT_BOOK ? "book" : "cancel", "no");
	if (strcmp(word, "yes") == 0)
		return CONSENT_YES;
	if (act == CONSENT_BOOK && strcmp(word, "ask") == 0)
		return CONSENT_ASK;
	return no(e, "does not cover ", act == CONSENT_BOOK ? "booking (book)" : "cancelling (cancel)");
}

enum consent_answer consent_check(jv rules, enum consent_act act, int64_t now, struct err *e)
{
	jv consent = json_get(rules, "consent");
	const char *until = json_str(consent, "until", "");
	enum consent_answer answer;
	char today[16];
	struct tm tm;

	zone_local(json_str(rules, "timezone", "UTC"), now, &tm);
	snprintf(today, sizeof today, "%04d-%02d-%02d", (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100);
	if (!json_bool(consent, "owner", false))
		answer = no(e, "is not given by its owner (owner)", "");
	else if (!date_valid(until))
		answer = no(e, "has no last day (until)", "");
	else if (strcmp(today, until) > 0)
		answer = no(e, "ended after ", until);
	else
		answer = granted(consent, act, e);
	jv_free(consent);
	return answer;
}

int consent_daily_requests(jv rules)
{
	jv n = json_path(rules, "consent.requests_per_day");
	double d = json_is(n, JV_KIND_NUMBER) ? jv_number_value(n) : 0;

	jv_free(n);
	return d >= 1 && d <= 1e9 ? (int)d : 0;
}

static bool listed(jv rules, const char *path, const char *what)
{
	jv list = json_path(rules, path);
	bool found = false;

	for (struct json_iter it = json_iter(list); !found && json_next(&it);)
		if (!it.key && strcmp(json_string(it.value, ""), what) == 0) {
			found = *what;
			json_iter_end(&it);
			break;
		}
	jv_free(list);
	return found;
}

bool consent_program(jv rules, const char *program)
{
	return listed(rules, "consent.programs", program);
}

int consent_setting(jv rules, const char *session, const char *setting, struct err *e)
{
	if (!str_starts(setting, "exec:") || consent_program(rules, setting + 5))
		return 0;
	return err_set(e, EX_NOPERM, "%s: consent.programs does not list %s; add it with ab-vault edit %s", session, setting + 5, session);
}

bool consent_proxy(jv rules, const char *proxy)
{
	return listed(rules, "consent.proxies", proxy);
}

bool consent_solver(jv rules, const char *name)
{
	jv solver = json_path(rules, "consent.solver");
	bool same = *name && strcmp(name, "none") != 0 && strcmp(json_string(solver, "none"), name) == 0;

	jv_free(solver);
	return same;
}

#include "site/flowsend.h"

#include <stdio.h>
#include <string.h>

#include "site/flowclass.h"
#include "site/memo.h"

static enum go may_commit(struct flow *f)
{
	struct err e = {0};

	if (!f->run->host->commit)
		return flow_end(f, "commit", "stopped before the commit (a dry run)");
	if (strcmp(f->name, "book") == 0 && !f->identified)
		return flow_end(f, "changed", "the slot's identity was not read from the page before the commit");
	if (f->result->committed)
		return flow_end(f, "changed", "a second commit in one run");
	return f->run->host->commit(f->run->host->ctx, &e) ? flow_end_err(f, &e) : GO;
}

static bool is_request(const char *verb)
{
	return strcmp(verb, "get") == 0 || strcmp(verb, "post") == 0 || strcmp(verb, "submit") == 0;
}

/* An action that found nothing to act on: perhaps another page came in the way, which the rules know. */
static enum go action_failed(struct flow *f, jv step, jv command, jv answer)
{
	jv error = json_get(answer, "error");
	bool looked = strcmp(json_str(error, "code", ""), "unreachable") != 0 && !is_request(json_str(command, "do", ""));
	char class[48] = "", why[160];

	if (looked && (class_find(f, class, sizeof class, why, sizeof why) == GO) && *class && !class_allowed(step, class))
		flow_end(f, class, "%s", why);
	else
		flow_page_failed(f, answer);
	if (looked)
		flow_evidence(f, f->result->class);
	jv_free(error);
	return END;
}

/* A wait that need not come to anything, and did not: the page is there, without what was waited for. */
static bool in_vain(jv step, jv answer)
{
	jv error = json_get(answer, "error");
	const char *code = json_str(error, "code", "");
	bool yes = json_bool(step, "optional", false) && (strcmp(code, "no_match") == 0 || strcmp(code, "timeout") == 0);

	jv_free(error);
	return yes;
}

/* Sends COMMAND (consumed), which makes requests; the answer becomes the page. */
enum go flow_send(struct flow *f, jv step, jv command, bool commit)
{
	const struct flow_host *host = f->run->host;
	int64_t timeout = json_int(step, "timeout", STEP_TIMEOUT);
	struct err e = {0};
	int may = host->take ? host->take(host->ctx, json_bool(command, "follow", true), timeout, &e) : 0, requests;
	jv answer, asked = jv_copy(command);
	const char *sent;

	if (may < 0 || (commit && may_commit(f) == END)) {
		if (may > 0)
			host->spent(host->ctx, 0);
		jv_free(command);
		jv_free(asked);
		return may < 0 ? flow_end_err(f, &e) : END;
	}
	if (may)
		command = json_set(command, "requests", jv_number(may));
	if (commit)
		f->result->resent = 0;
	answer = flow_page_ask(f, command, timeout, &e);
	sent = json_str(answer, "sent", "maybe");
	/* of an agent that died nobody knows: all that it was allowed */
	requests = (json_ok(answer) ? (int)json_int(answer, "requests", 1) : may ? may : 1) + f->unpaid;
	f->unpaid = 0;
	if (commit) {
		f->result->committed = strcmp(sent, "no") != 0;
		if (host->committed)
			host->committed(host->ctx, sent);
	}
	f->result->requests += requests;
	if (host->spent)
		host->spent(host->ctx, requests);
	jv_free(f->same);
	f->same = jv_null();
	if (!json_ok(answer)) {
		jv_free(asked);
		return flow_end(f, "unreachable", "%s", e.text);
	}
	if (!json_bool(answer, "ok", false)) {
		enum go go = in_vain(step, answer) ? GO : action_failed(f, step, asked, answer);

		jv_free(asked);
		jv_free(answer);
		return go;
	}
	f->same = memo_page(f->run->memo, asked, answer);
	jv_free(f->asked);
	f->asked = strcmp(json_str(asked, "do", ""), "get") == 0 ? asked : jv_null();
	if (!json_is(f->asked, JV_KIND_OBJECT))
		jv_free(asked);
	f->context = json_set(f->context, "page", answer);
	return GO;
}

enum go flow_reload(struct flow *f)
{
	jv page = json_get(f->context, "page");
	bool same = json_is(f->asked, JV_KIND_OBJECT) && !json_int(page, "redirects", 0);
	jv command = same ? jv_copy(f->asked) : json_obj("do", jv_string("get"), "url", json_get(page, "url"), NULL);

	jv_free(page);
	return flow_send(f, jv_null(), command, false);
}

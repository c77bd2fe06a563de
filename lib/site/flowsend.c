#include "site/flowsend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/retry.h"
#include "site/flowclass.h"
#include "site/memo.h"
#include "site/policy.h"

#define QUEUE_TIMEOUT 600000 /* then it is a look that saw nothing; the place in the queue is kept by cookies */
#define QUEUE_PAUSE 10000    /* where the page names none */

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
static enum go action_failed(struct flow *f, jv command, jv answer)
{
	jv error = json_get(answer, "error");
	bool looked = strcmp(json_str(error, "code", ""), "unreachable") != 0 && !is_request(json_str(command, "do", ""));
	char class[48] = "", why[160];

	if (looked && (class_find(f, class, sizeof class, why, sizeof why) == GO) && *class)
		flow_end(f, class, "%s", why);
	else
		flow_page_failed(f, answer);
	if (looked)
		flow_evidence(f, *class ? class : "changed");
	jv_free(error);
	return END;
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
	answer = flow_page_ask(f, command, timeout, &e);
	sent = json_str(answer, "sent", "maybe");
	/* of an agent that died nobody knows: all that it was allowed */
	requests = json_ok(answer) ? (int)json_int(answer, "requests", 1) : may ? may : 1;
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
		action_failed(f, asked, answer);
		jv_free(asked);
		jv_free(answer);
		return END;
	}
	f->same = memo_page(f->run->memo, asked, answer);
	jv_free(f->asked);
	f->asked = strcmp(json_str(asked, "do", ""), "get") == 0 ? asked : jv_null();
	if (!json_is(f->asked, JV_KIND_OBJECT))
		jv_free(asked);
	f->context = json_set(f->context, "page", answer);
	return GO;
}

/* The site's wish to be left alone for a while, whatever page says so; a throttled one that names no time is held too. */
static void note_wait(struct flow *f, bool throttled)
{
	jv page = json_get(f->context, "page"), headers = json_get(page, "headers");
	const char *text = json_str(headers, "retry-after", NULL);
	int64_t ms = text ? retry_after(text, json_str(headers, "date", NULL), clock_wall()) : -1;

	if (ms >= 0)
		f->result->again_after = ms;
	if (f->run->host->throttled && (throttled || ms >= 0))
		f->run->host->throttled(f->run->host->ctx, ms);
	jv_free(headers);
	jv_free(page);
}

enum go flow_reload(struct flow *f)
{
	jv page = json_get(f->context, "page");
	bool same = json_is(f->asked, JV_KIND_OBJECT) && !json_int(page, "redirects", 0);
	jv command = same ? jv_copy(f->asked) : json_obj("do", jv_string("get"), "url", json_get(page, "url"), NULL);

	jv_free(page);
	return flow_send(f, jv_null(), command, false);
}

/* How long a waiting room wants us to wait before the page is asked for again: its Refresh header. */
static int64_t queue_pause(const struct flow *f)
{
	jv refresh = json_path(f->context, "page.headers.refresh");
	const char *text = json_string(refresh, "");
	int64_t seconds = *text >= '0' && *text <= '9' ? atoi(text) : 0;

	jv_free(refresh);
	return seconds < 1 ? QUEUE_PAUSE : seconds > 60 ? 60000 : seconds * 1000;
}

static enum go wait_in_queue(struct flow *f, char *class, size_t size, char *why, size_t why_size)
{
	int64_t deadline = clock_mono() + QUEUE_TIMEOUT;

	while (flow_policy(f->run->provider, class) == ACTION_WAIT) {
		if (clock_mono() > deadline)
			return flow_end(f, class, "still waiting after %d minutes", QUEUE_TIMEOUT / 60000);
		if (f->run->host->sleep(f->run->host->ctx, queue_pause(f)))
			return flow_end(f, "stopped", "told to stop while waiting");
		if (flow_reload(f) == END || class_find(f, class, size, why, why_size) == END)
			return END;
	}
	return GO;
}

static enum go ask_person(struct flow *f, char *class, size_t size, char *why, size_t why_size)
{
	struct err e = {0};
	jv answer;

	flow_evidence(f, class);
	if (!f->run->host->human)
		return flow_end(f, class, "%s", why);
	answer = f->run->host->human(f->run->host->ctx, "captcha", why, HUMAN_TIMEOUT, &e);
	if (!json_ok(answer))
		return flow_end(f, class, "%s; %s", why, e.text);
	jv_free(answer);
	if (flow_reload(f) == END || class_find(f, class, size, why, why_size) == END)
		return END;
	return flow_policy(f->run->provider, class) == ACTION_ASK_HUMAN ? flow_end(f, class, "%s, after the person's answer too", why) : GO;
}

/* A waiting room or a challenge in place of the page that STEP asked for is passed, and the page asked for again. What
 * stood in a form's way has swallowed the form: then the flow has to begin again (`passed`). */
static enum go pass_by(struct flow *f, jv step, char *class, size_t size, char *why, size_t why_size)
{
	enum action action = flow_policy(f->run->provider, class);
	char stood[48];

	if (!*class || class_allowed(step, class) || f->result->committed || (action != ACTION_WAIT && action != ACTION_ASK_HUMAN))
		return GO;
	snprintf(stood, sizeof stood, "%s", class);
	if (action == ACTION_WAIT && wait_in_queue(f, class, size, why, why_size) == END)
		return END;
	/* behind the waiting room there may be a challenge */
	if (*class && flow_policy(f->run->provider, class) == ACTION_ASK_HUMAN && ask_person(f, class, size, why, why_size) == END)
		return END;
	if (json_has(step, "get"))
		return GO;
	f->result->passed = true;
	return flow_end(f, stood, "it is over, but the form did not go through");
}

enum go flow_classify(struct flow *f, jv step)
{
	char class[48], why[160];
	jv page;

	if (class_find(f, class, sizeof class, why, sizeof why) == END || pass_by(f, step, class, sizeof class, why, sizeof why) == END)
		return END;
	note_wait(f, strcmp(class, "throttled") == 0);
	page = json_set_str(json_get(f->context, "page"), "class", *class ? class : NULL);
	f->context = json_set(f->context, "page", page);
	if (!*class || class_allowed(step, class))
		return GO;
	if (f->result->committed || strcmp(class, "changed") == 0 || strcmp(class, "blocked") == 0)
		flow_evidence(f, class);
	return flow_end(f, class, "%s", why);
}

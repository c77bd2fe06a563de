#include "site/flowhuman.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "site/flowclass.h"
#include "site/flowcond.h"
#include "site/flowsend.h"
#include "site/policy.h"

#define LOOK_TIME 3000   /* ms for one look */
#define LOOK_EVERY 500   /* ms between looks after the answer */
#define LOST_MAX 3       /* looks in a row that found no page: there is none any more */
#define DONE_TIME 10000  /* ms after a yes in which the page may go on … */
#define PASSED_TIME 3000 /* … and a challenge; then it is asked for again */

/* A page that is watched for what the person does. */
struct vigil {
	struct flow *f;
	jv until; /* what is waited for; null: that the page is not of CLASS any more */
	char *class, *why;
	size_t size, why_size;
	bool live; /* in a browser */
	int lost;
	enum go go; /* END: the page has ended, and the flow with it */
};

/* Makes .page what the browser shows now; nothing is asked of the site. False when that can't be seen just now, or no browser shows it.
 * TELL: the host may see it pass; of the many that come to nothing it hears nothing. */
static bool look_anew(struct vigil *v, bool tell)
{
	struct flow *f = v->f;
	jv until = json_obj("url", jv_string("*"), NULL), error;
	jv command = json_obj("do", jv_string("wait"), "until", until, "complete", jv_true(), NULL);
	jv answer = tell ? flow_page_ask(f, command, LOOK_TIME, NULL) : page_call(f->run->page, command, LOOK_TIME, NULL);
	const char *code;

	if (json_bool(answer, "ok", false)) {
		f->unpaid += (int)json_int(answer, "requests", 0);
		v->lost = 0;
		jv_free(f->same);
		f->same = jv_null();
		f->context = json_set(f->context, "page", answer);
		return true;
	}
	error = json_get(answer, "error");
	code = json_str(error, "code", "");
	v->live = strcmp(code, "usage") != 0; /* a page over HTTP knows no such command */
	if (!json_ok(answer) || ((strcmp(code, "unreachable") == 0 || strcmp(code, "no_page") == 0) && ++v->lost >= LOST_MAX))
		v->go = flow_end(f, "unreachable", "%s", json_str(error, "message", "the page agent is gone"));
	jv_free(error);
	jv_free(answer);
	return false;
}

/* Whether the page as it is now is what was waited for. One that changes while it is looked at is not yet. */
static bool gone_on(struct vigil *v)
{
	struct flow *f = v->f;
	bool yes = false;
	enum go go;

	if (!look_anew(v, false))
		return false;
	if (!v->class) {
		go = cond_holds(f, v->until, &yes);
	} else {
		char class[48], why[160];

		go = class_find(f, class, sizeof class, why, sizeof why);
		yes = flow_policy(f->run->provider, class) != ACTION_ASK_HUMAN;
		if (go == GO && yes) {
			snprintf(v->class, v->size, "%s", class);
			snprintf(v->why, v->why_size, "%s", why);
		}
	}
	if (go == GO)
		return yes && (!f->run->host->paged || look_anew(v, true));
	snprintf(f->result->class, sizeof f->result->class, "ok");
	f->result->reason[0] = '\0';
	return false;
}

static bool need_not_answer(void *ctx)
{
	struct vigil *v = ctx;

	return gone_on(v) || v->go == END;
}

/* For MS milliseconds, until it has. */
static bool goes_on(struct vigil *v, int64_t ms)
{
	int64_t deadline = clock_mono() + ms;

	while (!need_not_answer(v)) {
		if (clock_mono() >= deadline)
			return false;
		if (v->f->run->host->sleep(v->f->run->host->ctx, LOOK_EVERY)) {
			v->go = flow_end(v->f, "stopped", "told to stop while waiting for the page");
			return false;
		}
	}
	return v->go == GO;
}

/* The answer, or null where the page has gone on; invalid with *e, or with v->go END. */
static jv ask(struct vigil *v, struct question *q, struct err *e)
{
	jv answer;

	q->solved = false;
	q->look = v->live ? need_not_answer : NULL;
	q->ctx = v;
	answer = v->f->run->host->human(v->f->run->host->ctx, q, e);
	if (v->go == GO)
		return answer;
	jv_free(answer);
	return jv_invalid();
}

/* ---- the step --------------------------------------------------------------------------------------- */

/* What an answer says for itself; the others say that something was done. */
static bool in_words(const struct question *q)
{
	return strcmp(q->kind, "captcha") == 0 || strcmp(q->kind, "otp") == 0;
}

/* Whether the flow may go on after an answer. */
static bool enough(struct vigil *v, const struct question *q, const char *into)
{
	bool yes = false;

	if (v->live && in_words(q)) { /* the steps that follow use it, unless there is no need any more */
		if (gone_on(v))
			v->go = flow_keep(v->f, into, jv_null());
		return v->go == GO;
	}
	if (v->live)
		return goes_on(v, DONE_TIME);
	v->go = flow_reload(v->f);
	if (v->go == GO)
		v->go = cond_holds(v->f, v->until, &yes);
	return yes;
}

static enum go step_ask(struct vigil *v, struct question *q, const char *into)
{
	bool waits = !json_is(v->until, JV_KIND_NULL), words;
	struct err e = {0};
	jv answer;

	v->live = waits;
	if (waits && gone_on(v)) /* already */
		return flow_keep(v->f, into, jv_null());
	flow_evidence(v->f, "human");
	for (;; q->person = true) {
		answer = v->go == GO ? ask(v, q, &e) : jv_invalid();
		if (!json_ok(answer))
			return v->go == END ? END : flow_end(v->f, "challenged", "%s", e.text);
		words = json_is(answer, JV_KIND_STRING);
		v->go = flow_keep(v->f, into, answer);
		if (v->go == END || !waits || !words || enough(v, q, into) || v->go == END)
			return v->go;
		if (!q->solved)
			return flow_end(v->f, "challenged", "answered, but the page has not gone on");
	}
}

enum go human_step(struct flow *f, jv step)
{
	struct err e = {0};
	jv spec = flow_member(f, step, "human", &e), until = json_path(step, "human.until"), url = json_path(f->context, "page.url");
	struct vigil v = {.f = f, .until = until};
	struct question q = {.kind = json_str(spec, "kind", "confirm"), .text = json_str(spec, "question", ""), .url = json_string(url, ""),
			     .timeout = json_int(spec, "timeout", HUMAN_TIMEOUT), .kept = true};
	enum go go;

	if (!json_ok(spec) || !f->run->host->human)
		go = flow_end(f, "challenged", "%s", e.status ? e.text : "nobody can be asked here");
	else
		go = step_ask(&v, &q, json_str(spec, "into", "answer"));
	jv_free(spec);
	jv_free(until);
	jv_free(url);
	return go;
}

/* ---- challenges ------------------------------------------------------------------------------------- */

/* The person is done: the page goes on by itself, or is asked for again. */
static enum go pass_on(struct vigil *v, bool *again)
{
	if (v->live && goes_on(v, PASSED_TIME))
		return GO;
	if (v->go == END)
		return END;
	*again = true;
	if (flow_reload(v->f) == END || class_find(v->f, v->class, v->size, v->why, v->why_size) == END)
		return END;
	return flow_policy(v->f->run->provider, v->class) == ACTION_ASK_HUMAN ? flow_end(v->f, v->class, "%s, after the person's answer too", v->why)
									     : GO;
}

enum go human_pass(struct flow *f, char *class, size_t size, char *why, size_t why_size, bool *again)
{
	jv url = json_path(f->context, "page.url");
	struct vigil v = {.f = f, .until = jv_null(), .class = class, .size = size, .why = why, .why_size = why_size, .live = true};
	/* what it says in words could not be given to the page here */
	struct question q = {.kind = "captcha", .text = why, .timeout = HUMAN_TIMEOUT, .url = json_string(url, ""), .kept = true, .person = true};
	struct err e = {0};
	jv answer = jv_null();
	enum go go = GO;

	flow_evidence(f, class);
	if (!f->run->host->human)
		go = flow_end(f, class, "%s", why);
	else if (!gone_on(&v) && v.go == GO)
		answer = ask(&v, &q, &e);
	if (v.go == END)
		go = END;
	else if (!json_ok(answer))
		go = flow_end(f, class, "%s; %s", why, e.text);
	else if (json_is(answer, JV_KIND_STRING))
		go = pass_on(&v, again);
	jv_free(answer);
	jv_free(url);
	return go;
}

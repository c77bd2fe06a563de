/* ab-provider try: one flow, live, for a session: the commit is never sent. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "provider-step.h"
#include "provider-try.h"
#include "provider.h"

#define TURN_TIMEOUT 120000
#define PAGE_TIMEOUT 30000

jv try_operand(const char *text, const char *what)
{
	struct err e;
	jv v;

	if (!text)
		return jv_null();
	v = json_parse(text, strlen(text), &e);
	if (!json_is(v, JV_KIND_OBJECT))
		die(EX_USAGE, "--%s: a JSON object is wanted%s%s", what, json_ok(v) ? "" : ": ", json_ok(v) ? "" : e.text);
	return v;
}

static jv report_of(const struct flow_result *r, const char *flow, bool vars)
{
	jv v = json_obj("flow", jv_string(flow), "class", jv_string(r->class), "reason", jv_string(r->reason), "slots", jv_copy(r->slots),
			"booking", jv_copy(r->booking), "requests", jv_number(r->requests), NULL);

	return vars ? json_set(v, "var", jv_copy(r->var)) : v;
}

static int status_of(const char *class)
{
	static const struct {
		const char *class;
		int status;
	} table[] = {{"ok", 0},           {"commit", 0},        {"throttled", EX_TEMPFAIL},   {"queued", EX_TEMPFAIL},
		     {"maintenance", EX_TEMPFAIL}, {"unreachable", EX_TEMPFAIL}, {"stopped", EX_TEMPFAIL}, {"login_failed", EX_NOPERM},
		     {"refused", EX_NOPERM}, {"unknown", EX_UNKNOWN}};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].class, class) == 0)
			return table[i].status;
	return EX_NO;
}

/* Runs FLOW and prints what came of it as a line of JSON. */
static int run(struct work *w, const struct try *t, jv slot, jv booking)
{
	struct flow_result r;
	char *text;
	jv v;
	int status;

	work_flow(w, t->flow, slot, booking, &r);
	v = report_of(&r, t->flow, t->vars);
	text = json_text(v);
	puts(text);
	free(text);
	jv_free(v);
	if (strcmp(r.class, "commit") == 0)
		warn("stopped before the commit: nothing was sent that books or cancels");
	status = status_of(r.class);
	flow_result_free(&r);
	return status;
}

jv try_slot(struct work *w)
{
	struct flow_result r;
	jv slot;

	work_flow(w, "check", jv_null(), jv_null(), &r);
	if (!flow_ok(&r))
		warn("no slot to try with: check ended as %s: %s", r.class, r.reason);
	else if (!json_len(r.slots))
		warn("no slot to try with: check found none; give one with --slot");
	slot = json_at(r.slots, 0);
	flow_result_free(&r);
	return slot;
}

jv try_ask(struct work *w, jv command)
{
	jv answer = w->page ? page_call(w->page, command, PAGE_TIMEOUT, NULL) : (jv_free(command), jv_invalid());

	if (json_bool(answer, "ok", false))
		return answer;
	jv_free(answer);
	return jv_null();
}

bool try_acts(const char *verb)
{
	static const char *const verbs[] = {"get", "post", "submit", "click", "fill", "choose", "check", "press", "upload", "frame", "wait", "listen", NULL};

	for (const char *const *v = verbs; *v; v++)
		if (strcmp(*v, verb) == 0)
			return true;
	return false;
}

static int try_in_turn(struct work *w, const struct try *t, jv slot, jv booking)
{
	if (strcmp(t->flow, "book") == 0 && json_is(slot, JV_KIND_NULL)) {
		int status;

		slot = try_slot(w);
		status = json_is(slot, JV_KIND_OBJECT) ? run(w, t, slot, booking) : EX_NO;
		jv_free(slot);
		return status;
	}
	return run(w, t, slot, booking);
}

void try_no_login(const char *flow, const char *session)
{
	if (strcmp(flow, "login") == 0)
		die(EX_USAGE, "logins are left to ab-login, which keeps count: run `ab-login %s`", session);
}

void try_open(struct work *w, const char *session, char **argv)
{
	const unsigned reads = PART_BIT(PART_PROFILE) | PART_BIT(PART_RULES) | PART_BIT(PART_STATE);
	struct err e = {0};

	*w = (struct work){.session = session, .out = STDERR_FILENO, .stop_fd = -1, .priority = 1, .dry = true, .page_given = -1};
	if (work_open(w, argv, reads, PART_BIT(PART_SECRETS) | PART_BIT(PART_EVIDENCE), &e))
		die_err(&e);
	if (work_consent(w, CONSENT_WATCH, &e) == CONSENT_NO)
		die_err(&e);
	w->stop_fd = proc_signals((const int[]){SIGTERM, SIGINT, SIGHUP, 0}, &e);
	if (w->stop_fd < 0)
		die_err(&e);
}

void try_begin(struct work *w)
{
	struct err e;

	if (work_begin(w, TURN_TIMEOUT, &e))
		die_err(&e);
}

int provider_try(const struct try *t, char **argv)
{
	jv slot = try_operand(t->slot, "slot"), booking = try_operand(t->booking, "booking");
	struct work w;
	struct err e;
	int status;

	try_no_login(t->flow, t->session);
	try_open(&w, t->session, argv);
	if (t->step && step_walk(&w, t->pictures, &e))
		die_err(&e);
	try_begin(&w);
	status = try_in_turn(&w, t, slot, booking);
	work_end(&w);
	if (t->step)
		step_end();
	work_close(&w);
	jv_free(slot);
	jv_free(booking);
	return status;
}

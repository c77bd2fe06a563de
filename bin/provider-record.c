/* ab-provider record: flows live, but dry, and their pages kept as fixtures, without what is personal or secret. */
#include "provider-record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "provider-learn.h"
#include "provider-try.h"
#include "provider.h"
#include "store/vault.h"

#define FLOWS_MAX 16
#define KEEP_MAX 32

static struct recorder {
	struct work *work;
	struct secrets *secrets;
	struct recorded *run;      /* now */
	jv form;                   /* that is about to be sent: {action, method} */
	char *last;                /* the page's text after the last command, NULL: none */
} recorder;

/* ---- what the flow makes of the record's values ---- */

static const char *keep[KEEP_MAX];
static size_t keeps;

void record_keep(const char *field)
{
	if (keeps == KEEP_MAX)
		die(EX_USAGE, "--keep: more than %d fields", KEEP_MAX);
	keep[keeps++] = field;
}

/* A date in another order, a number without its blanks: personal, too. What is kept may be seen in any form. */
static bool is_personal(const char *template)
{
	for (size_t i = 0; i < keeps; i++)
		if (strstr(template, keep[i]))
			return false;
	return strstr(template, ".profile") || strstr(template, ".party") || strstr(template, ".credentials");
}

static void learn_sent(const char *key, jv template, jv context)
{
	jv value;

	if (json_is(template, JV_KIND_STRING) && is_personal(json_string(template, ""))) {
		char *name = xasprintf("sent.%s", key);

		value = expr_expand(recorder.work->provider->exprs, template, context, NULL);
		if (json_is(value, JV_KIND_STRING))
			secrets_add(recorder.secrets, name, json_string(value, ""));
		jv_free(value);
		free(name);
	}
	for (struct json_iter it = json_iter(template); json_next(&it);)
		learn_sent(it.key ? it.key : key, it.value, context);
}

static void learn_step(const struct flow_view *v)
{
	static const char *const members[] = {"let", "set", "form", "json", "body", "fill", NULL};
	jv context = json_has(v->context, "now") ? jv_copy(v->context) : json_set(jv_copy(v->context), "now", json_get(recorder.run->given, "now"));

	for (const char *const *m = members; *m; m++) {
		jv what = json_get(v->step, *m);

		learn_sent(*m, what, context);
		jv_free(what);
	}
	jv_free(context);
}

/* ---- pages ---- */

static jv names_only(jv map)
{
	jv names = jv_object();

	for (struct json_iter it = json_iter(map); json_next(&it);)
		names = json_set(names, it.key, jv_null());
	return names;
}

/* COMMAND without what was typed and sent. */
static jv outline(jv command)
{
	static const char *const keys[] = {"do", "url", "sel", "key", "until", "heard", "patterns", "top", "button", NULL};
	jv made = jv_object();

	for (const char *const *k = keys; *k; k++)
		if (json_has(command, *k))
			made = json_set(made, *k, json_get(command, *k));
	if (strcmp(json_str(command, "do", ""), "submit") == 0)
		made = json_set(made, "form", json_get(command, "form"));
	for (const char *const *k = (const char *const[]){"fields", "set", NULL}; *k; k++)
		if (json_has(command, *k)) {
			jv map = json_get(command, *k);

			made = json_set(made, *k, names_only(map));
			jv_free(map);
		}
	return made;
}

/* The page as it is now, put into ENTRY, where it is another than before. */
static jv with_page(jv entry)
{
	jv page = try_ask(recorder.work, json_obj("do", jv_string("evidence"), NULL));
	const char *body = json_str(page, "body", NULL);
	char *all = body ? xasprintf("%s\n%s", json_str(page, "url", ""), body) : NULL;
	bool same = recorder.run->browser && all && recorder.last && strcmp(all, recorder.last) == 0;

	if (!body || same) {
		free(all);
		jv_free(page);
		return entry;
	}
	free(recorder.last);
	recorder.last = all;
	learn_page(recorder.secrets, recorder.work, page);
	if (json_bool(page, "cut", false))
		warn("the page %s was too long to be kept whole", json_str(page, "url", ""));
	entry = json_set(entry, "body", json_get(page, "body"));
	entry = json_set(entry, "page", json_obj("url", json_get(page, "url"), "status", json_get(page, "status"), "type", json_get(page, "type"),
						 "headers", json_get(page, "headers"), NULL));
	jv_free(page);
	return entry;
}

/* What of ANSWER the page itself does not tell. */
static jv with_answer(jv entry, jv answer)
{
	static const char *const keys[] = {"heard", "dialogs", NULL};
	jv kept = jv_object();

	for (const char *const *k = keys; *k; k++)
		if (json_has(answer, *k))
			kept = json_set(kept, *k, json_get(answer, *k));
	if (json_int(answer, "redirects", 0))
		kept = json_set(kept, "redirects", json_get(answer, "redirects"));
	learn_json(recorder.secrets, kept);
	if (json_has(answer, "error"))
		entry = json_set(entry, "error", json_get(answer, "error"));
	return json_set(json_set(entry, "redirected", jv_bool(json_int(answer, "redirects", 0) > 0)), "answer", kept);
}

/* Where the form leads is not known afterwards, when its answer was a redirect. */
static void before_submit(jv command)
{
	jv answer = try_ask(recorder.work, json_obj("do", jv_string("form"), "form", json_get(command, "form"), NULL));

	jv_free(recorder.form);
	recorder.form = json_get(answer, "form");
	jv_free(answer);
}

static bool sent_by_get(jv command)
{
	const char *verb = json_str(command, "do", "");

	return strcmp(verb, "get") == 0 || (strcmp(verb, "submit") == 0 && strcasecmp(json_str(recorder.form, "method", "post"), "get") == 0);
}

/* What COMMAND asks for: a form that is sent by GET has its fields behind the address. */
static jv asked(jv command)
{
	const char *url = json_str(recorder.form, "action", "");
	char *any;
	jv v;

	if (strcmp(json_str(command, "do", ""), "submit") != 0)
		return jv_string(json_str(command, "url", ""));
	if (!sent_by_get(command))
		return jv_string(url);
	any = xasprintf("%.*s?*", (int)strcspn(url, "?#"), url);
	v = jv_string(any);
	free(any);
	return v;
}

static void on_paged(void *ctx, jv command, jv answer)
{
	const char *verb = json_str(command, "do", "");
	jv entry;

	(void)ctx;
	if (!try_acts(verb) || !json_ok(answer))
		return;
	if (json_is(answer, JV_KIND_NULL)) {
		if (strcmp(verb, "submit") == 0)
			before_submit(command);
		return;
	}
	learn_url(recorder.secrets, json_str(command, "url", ""));
	entry = json_obj("command", outline(command), "method", jv_string(sent_by_get(command) ? "GET" : "POST"), "asked", asked(command), NULL);
	recorder.run->entries = json_push(recorder.run->entries, with_page(with_answer(entry, answer)));
}

/* ---- steps ---- */

/* After a log-in, say, the flow begins again: only what comes from then on counts. */
static void begin_run(void)
{
	char now[CLOCK_TEXT];

	jv_free(recorder.run->entries);
	recorder.run->entries = jv_array();
	recorder.run->given = json_set_str(recorder.run->given, "now", clock_format(clock_wall(), now));
	free(recorder.last);
	recorder.last = NULL;
}

/* What came from the inbox and the person is given in the case, too. */
static void learn_answer(const struct flow_view *v)
{
	bool otp = strcmp(v->verb, "otp") == 0;
	jv into = json_path(v->step, otp ? "otp.into" : "human.into"), value = json_get(v->result->var, json_string(into, otp ? "code" : "answer"));

	if (json_is(value, JV_KIND_STRING)) {
		secrets_add(recorder.secrets, "code", json_string(value, ""));
		recorder.run->given = json_set(recorder.run->given, v->verb, jv_copy(value));
	}
	jv_free(value);
	jv_free(into);
}

static int on_step(void *ctx, const struct flow_view *v)
{
	(void)ctx;
	if (!v->after) {
		if (!v->place->up && v->place->index == 0 && strcmp(v->place->key, recorder.run->flow) == 0)
			begin_run();
		learn_step(v);
		return 0;
	}
	if (strcmp(v->verb, "human") == 0 || strcmp(v->verb, "otp") == 0)
		learn_answer(v);
	return 0;
}

/* ---- running ---- */

static void learn_record(struct work *w)
{
	static const enum part parts[] = {PART_SECRETS, PART_PROFILE};
	jv needs = json_get(w->provider->doc, "needs");
	struct err e;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		jv part = part_read(w->session, parts[i], &e);

		if (!json_ok(part))
			die_err(&e);
		for (struct json_iter it = json_iter(part); json_next(&it);)
			secrets_add_all(recorder.secrets, it.key, it.value);
		jv_free(part);
	}
	for (struct json_iter it = json_iter(needs); json_next(&it);)
		if (str_starts(it.key, "site.") && json_bool(it.value, "secret", false)) {
			jv v = json_path(w->rules, it.key);

			secrets_add_all(recorder.secrets, it.key, v);
			jv_free(v);
		}
	jv_free(needs);
}

static jv given_of(struct work *w, jv slot, jv booking)
{
	jv record = json_obj("profile", json_get(w->profile, "profile"), "party", json_get(w->profile, "party"), "site",
			     json_get(w->rules, "site"), NULL);
	jv given = provider_context(w->provider, record, false);

	jv_free(record);
	return json_set(json_set(given, "slot", jv_copy(slot)), "booking", jv_copy(booking));
}

/* V (consumed) without its null members: what is not there is not asked for. */
static jv said_of(jv v)
{
	jv out;

	if (!json_is(v, JV_KIND_OBJECT) && !json_is(v, JV_KIND_ARRAY))
		return v;
	out = json_is(v, JV_KIND_OBJECT) ? jv_object() : jv_array();
	for (struct json_iter it = json_iter(v); json_next(&it);)
		if (!it.key)
			out = json_push(out, said_of(jv_copy(it.value)));
		else if (!json_is(it.value, JV_KIND_NULL))
			out = json_set(out, it.key, said_of(jv_copy(it.value)));
	jv_free(v);
	return out;
}

static jv expect_of(const char *flow, const struct flow_result *r)
{
	jv expect = json_obj("class", jv_string(r->class), NULL);

	if (strcmp(flow, "check") == 0 && flow_ok(r))
		expect = json_set(expect, "slots", said_of(jv_copy(r->slots)));
	if (json_is(r->booking, JV_KIND_OBJECT))
		return json_set(expect, "booking", said_of(jv_copy(r->booking)));
	return strcmp(flow, "verify") == 0 && flow_ok(r) ? json_set_str(expect, "booking", "null") : expect;
}

/* 0; otherwise there is nothing to keep of it, and why was said. SLOT is set by check. */
static int record_one(struct work *w, const char *flow, jv *slot, jv booking, struct recorded *run)
{
	jv steps = provider_flow(w->provider, flow);
	bool program = json_has(steps, "exec"), has = json_is(steps, JV_KIND_ARRAY), nothing;
	struct flow_result r;
	struct str reason = {0};

	jv_free(steps);
	if (!has) {
		warn("%s%s", flow, program ? " is a program: what it asks for can't be seen here" : ": the provider has no such flow");
		return EX_USAGE;
	}
	*run = (struct recorded){flow, strcmp(provider_transport(w->provider, flow), "browser") == 0, jv_array(), given_of(w, *slot, booking), jv_null()};
	recorder.run = run;
	work_flow(w, flow, *slot, booking, &r);
	learn_state(recorder.secrets, w);
	run->expect = expect_of(flow, &r);
	secrets_mask(recorder.secrets, &reason, r.reason, strlen(r.reason));
	warn("%s: %s%s%s, %zu pages", flow, r.class, reason.len ? ", " : "", str_text(&reason), json_len(run->entries));
	str_free(&reason);
	if (strcmp(flow, "check") == 0 && json_is(*slot, JV_KIND_NULL)) {
		jv_free(*slot);
		*slot = json_at(r.slots, 0);
	}
	nothing = !json_len(run->entries) || strcmp(r.class, "stopped") == 0 || strcmp(r.class, "refused") == 0;

	flow_result_free(&r);
	return nothing ? EX_TEMPFAIL : 0;
}

/* A slot to book, by a check that is not recorded. */
static jv find_slot(struct work *w)
{
	struct recorded aside = {"", false, jv_array(), jv_object(), jv_null()};
	jv slot;

	recorder.run = &aside;
	slot = try_slot(w);
	jv_free(aside.entries);
	jv_free(aside.given);
	return slot;
}

/* All of them, or those before the first of which there is nothing to keep. *N: how many. */
static int record_flows(struct work *w, char **flows, size_t *n, jv *slot, jv booking, struct recorded *runs)
{
	size_t all = *n;
	int r = 0;

	for (*n = 0; *n < all; ++*n) {
		if (strcmp(flows[*n], "book") == 0 && json_is(*slot, JV_KIND_NULL))
			*slot = find_slot(w);
		r = strcmp(flows[*n], "book") == 0 && json_is(*slot, JV_KIND_NULL) ? EX_NO : record_one(w, flows[*n], slot, booking, &runs[*n]);
		if (r)
			break;
	}
	return r;
}

/* ---- saving ---- */

/* Nothing is in TO before it was looked through. The status. */
static int save(const struct record *what, const struct provider *p, const struct recorded *runs, size_t n)
{
	char *folder = xasprintf("%s.XXXXXX", what->to), *names[] = {p->path, NULL};
	struct err e;
	int status;

	if (!mkdtemp(folder))
		die(EX_CANTCREAT, "make a folder beside %s:", what->to);
	if (fixture_write(folder, p, runs, n, recorder.secrets, &e) || fixture_clean(folder, recorder.secrets, &e)) {
		fixture_remove(folder);
		die(e.status, "%s: nothing was kept", e.text);
	}
	status = provider_test(names, folder);
	if (fixture_move(folder, what->to, &e)) {
		fixture_remove(folder);
		die_err(&e);
	}
	rmdir(folder);
	free(folder);
	return status;
}

int provider_record(const struct record *what, char **argv)
{
	struct recorded runs[FLOWS_MAX] = {0};
	jv slot = try_operand(what->slot, "slot"), booking = try_operand(what->booking, "booking");
	struct work w;
	size_t n = what->n;
	int status, agrees = 0;

	if (what->n > FLOWS_MAX)
		die(EX_USAGE, "more than %d flows", FLOWS_MAX);
	if (!what->force && !fixture_empty(what->to))
		die(EX_CANTCREAT, "%s is there and not empty: name another folder, or say --force", what->to);
	for (size_t i = 0; i < what->n; i++)
		try_no_login(what->flows[i], what->session);
	try_open(&w, what->session, argv);
	recorder = (struct recorder){.work = &w, .secrets = secrets_new(), .form = jv_null()};
	for (size_t i = 0; i < keeps; i++)
		secrets_keep(recorder.secrets, keep[i]);
	learn_record(&w);
	w.host.step = on_step;
	w.host.paged = on_paged;
	try_begin(&w);
	status = record_flows(&w, what->flows, &n, &slot, booking, runs);
	work_end(&w);
	if (n) {
		agrees = save(what, w.provider, runs, n);
		secrets_tell(recorder.secrets, stderr);
		if (agrees)
			warn("%s holds the pages, but they do not give again what the site gave: see above", what->to);
		warn("look through %s before you publish it: what is personal may stand there in other words", what->to);
	}
	for (size_t i = 0; i < what->n; i++) {
		jv_free(runs[i].entries);
		jv_free(runs[i].given);
		jv_free(runs[i].expect);
	}
	jv_free(recorder.form);
	free(recorder.last);
	secrets_free(recorder.secrets);
	jv_free(slot);
	jv_free(booking);
	work_close(&w);
	return status ? status : agrees;
}

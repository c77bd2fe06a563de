#include "page/agent.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "page/cookies.h"
#include "page/document.h"
#include "page/fetch.h"
#include "page/form.h"

#define EVIDENCE_MAX (3u << 20)

struct agent {
	struct fetch *fetch;
	struct replay *script; /* the fetch's, where it is one of commands; else NULL */
	struct document *page; /* NULL: none */
	bool used;             /* something was restored or loaded */
};

/* One command under way. */
struct job {
	struct agent *a;
	jv command;
	int64_t deadline;
	jv out;           /* the answer's own members */
	struct fail why;
	int requests;
	enum http_sent sent;
};

struct agent *agent_new(const struct http_aside *aside, struct replay *replay)
{
	struct agent *a = xcalloc(1, sizeof *a);

	a->fetch = fetch_new(aside, replay);
	a->script = replay && replay_is_script(replay) ? replay : NULL;
	return a;
}

void agent_drop(struct agent *a)
{
	document_free(a->page);
	a->page = NULL;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	agent_drop(a);
	fetch_free(a->fetch);
	free(a);
}

/* ---- requests ---- */

/* Sends Q and makes its answer the page. Without an answer there is no page: an old one must not pass
 * for the new. */
static int go(struct job *j, struct fetch_request *q)
{
	struct answer answer;
	jv region = json_get(j->command, "region"), headers = json_get(j->command, "headers");
	struct document *old = j->a->page;
	int r;

	q->page = old ? &old->url : NULL;
	if (!q->base)
		q->base = fetch_base(j->a->fetch); /* addresses are written against the site's base; a form brings its own */
	q->headers = headers;
	q->follow = json_bool(j->command, "follow", true);
	q->most = (int)json_int(j->command, "requests", 0);
	q->deadline = j->deadline;
	j->a->used = true;
	r = fetch_do(j->a->fetch, q, &answer, &j->why);
	j->requests = answer.requests;
	j->sent = answer.sent;
	if (!r || answer.status || (strcmp(j->why.code, "usage") != 0 && strcmp(j->why.code, "refused") != 0)) {
		j->a->page = answer.status ? document_new(&answer, region, j->deadline) : NULL;
		document_free(old);
	}
	if (!r)
		j->out = document_summary(j->a->page);
	answer_free(&answer);
	jv_free(region);
	jv_free(headers);
	return r;
}

static int do_get(struct job *j)
{
	const char *url = json_str(j->command, "url", NULL);
	struct fetch_request q = {.method = "GET", .url = url, .commit = json_bool(j->command, "commit", false)};

	return url ? go(j, &q) : fail_set(&j->why, "usage", "get: no url");
}

static int do_post(struct job *j)
{
	const char *url = json_str(j->command, "url", NULL), *type;
	struct str body = {0};
	struct fetch_request q = {.method = "POST", .url = url, .commit = json_bool(j->command, "commit", false)};
	int r;

	if (!url)
		return fail_set(&j->why, "usage", "post: no url");
	r = form_post_body(j->command, &body, &type, &j->why);
	if (!r) {
		q.type = json_str(j->command, "type", type);
		q.body = body.s;
		q.body_len = body.len;
		r = go(j, &q);
	}
	str_free(&body);
	return r;
}

static int need_page(struct job *j)
{
	return j->a->page ? 0 : fail_set(&j->why, "no_page", "there is no page yet, or its last request failed");
}

static int do_submit(struct job *j)
{
	struct submission s;
	char *url;
	int r;

	if (need_page(j))
		return -1;
	r = form_submission(j->a->page, j->command, j->deadline, &s, &j->why);
	if (!r) {
		bool post = strcmp(s.method, "POST") == 0;
		struct fetch_request q = {.method = s.method, .commit = json_bool(j->command, "commit", false)};

		q.url = url = url_text(&s.url, true);
		q.type = post ? s.type : NULL;
		q.body = post ? s.body.s : NULL;
		q.body_len = s.body.len;
		r = go(j, &q);
		free(url);
	}
	submission_free(&s);
	return r;
}

/* ---- the page ---- */

static int do_form(struct job *j)
{
	return need_page(j) ? -1 : form_describe(j->a->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_find(struct job *j)
{
	return need_page(j) ? -1 : document_find(j->a->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_rows(struct job *j)
{
	return need_page(j) ? -1 : document_rows(j->a->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_test(struct job *j)
{
	return need_page(j) ? -1 : document_test(j->a->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_embed(struct job *j)
{
	return need_page(j) ? -1 : document_embed(j->a->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_evidence(struct job *j)
{
	size_t max = EVIDENCE_MAX;

	if (need_page(j))
		return -1;
	for (;; max /= 2) { /* control characters take six bytes each in JSON */
		char *text;
		size_t len;

		j->out = document_evidence(j->a->page, max);
		text = json_text(j->out);
		len = strlen(text);
		free(text);
		if (len < 2 * EVIDENCE_MAX)
			return 0;
		jv_free(j->out);
	}
}

static int do_load(struct job *j)
{
	struct document *old = j->a->page;
	const struct url *base = old ? &old->url : fetch_base(j->a->fetch);
	struct document *made = document_load(j->command, base, &j->why);

	if (!made)
		return -1;
	document_free(old);
	j->a->page = made;
	j->a->used = true;
	j->out = document_summary(made);
	return 0;
}

/* ---- a recorded browser ---- */

/* What acts on a browser's page; what looks at it looks at the page that was recorded. */
static bool acts(const char *verb)
{
	static const char *const verbs[] = {"get", "post", "submit", "click", "fill", "choose", "check", "press", "upload", "frame", "wait", "listen", NULL};

	for (const char *const *v = verbs; *v; v++)
		if (strcmp(*v, verb) == 0)
			return true;
	return false;
}

static int recorded_page(struct job *j, jv page, const struct str *body)
{
	jv load = json_set(jv_copy(page), "html", jv_string_sized(str_text(body), (int)body->len));
	struct document *made = document_load(load, fetch_base(j->a->fetch), &j->why);

	jv_free(load);
	if (!made)
		return -1;
	if (json_has(page, "headers")) {
		jv_free(made->headers);
		made->headers = json_get(page, "headers");
	}
	document_free(j->a->page);
	j->a->page = made;
	return 0;
}

/* The code lives as long as the program. */
static int recorded_failure(struct job *j, jv error)
{
	static const char *const codes[] = {"unreachable", "timeout", "refused", "selector", "no_match", "many", "row", "no_page", "limit", "embed", NULL};
	const char *const *c = codes;

	while (*c && strcmp(*c, json_str(error, "code", "")) != 0)
		c++;
	return fail_set(&j->why, *c ? *c : "usage", "%s", json_str(error, "message", "it failed"));
}

static int do_recorded(struct job *j)
{
	struct str body;
	struct err e;
	jv entry = replay_command(j->a->script, j->command, &body, &e), page = json_get(entry, "page"), error = json_get(entry, "error");
	int r = 0;

	if (!json_ok(entry))
		r = fail_err(&j->why, "unreachable", &e);
	else if (json_is(page, JV_KIND_OBJECT))
		r = recorded_page(j, page, &body);
	if (!r && json_is(error, JV_KIND_OBJECT))
		r = recorded_failure(j, error);
	if (!r) {
		jv answer = json_get(entry, "answer"), summary = j->a->page ? document_summary(j->a->page) : jv_object();

		j->sent = HTTP_SENT_YES;
		j->out = json_merge_take(summary, json_is(answer, JV_KIND_OBJECT) ? answer : jv_object());
	}
	str_free(&body);
	jv_free(error);
	jv_free(page);
	jv_free(entry);
	return r;
}

/* ---- the jar ---- */

static int do_restore(struct job *j)
{
	jv state = json_get(j->command, "state"), cookies = json_get(state, "cookies");
	struct err e;
	int r = jar_restore(fetch_jar(j->a->fetch), cookies, &e);

	jv_free(state);
	jv_free(cookies);
	if (r)
		return fail_err(&j->why, "usage", &e);
	j->a->used = true;
	j->out = jv_object();
	return 0;
}

static int do_save(struct job *j)
{
	jv cookies = jar_save(fetch_jar(j->a->fetch), clock_wall() / 1000);

	j->out = json_obj("state", json_obj("cookies", cookies, NULL), NULL);
	return 0;
}

/* ---- all of them ---- */

static const struct verb {
	const char *name;
	int (*run)(struct job *j);
} verbs[] = {
	{"get", do_get},     {"post", do_post},		{"submit", do_submit}, {"form", do_form},
	{"find", do_find},   {"rows", do_rows},		{"test", do_test},     {"embed", do_embed},
	{"load", do_load},   {"evidence", do_evidence}, {"save", do_save},     {"restore", do_restore},
};

static const char *const sent_names[] = {"no", "maybe", "yes"};

static jv answer(struct job *j, int r)
{
	jv base;

	if (r) {
		jv_free(j->out);
		j->out = json_obj("error", json_obj("code", jv_string(j->why.code), "message", jv_string(j->why.text), NULL), NULL);
	}
	base = json_obj("ok", jv_bool(r == 0), "requests", jv_number(j->requests), "sent", jv_string(sent_names[j->sent]), NULL);
	return json_merge_take(base, j->out);
}

jv agent_begin(struct agent *a, jv settings)
{
	struct job j = {.a = a, .out = jv_null()};
	int r = 0;

	if (json_is(settings, JV_KIND_OBJECT))
		r = fetch_settings(a->fetch, settings, &j.why);
	else if (!json_is(settings, JV_KIND_NULL))
		r = fail_set(&j.why, "usage", "begin: settings is no object");
	if (!r)
		j.out = json_obj("fresh", jv_bool(!a->used), NULL);
	return answer(&j, r);
}

jv agent_command(struct agent *a, jv command, int64_t deadline)
{
	struct job j = {.a = a, .command = command, .deadline = deadline, .out = jv_null()};
	const char *verb = json_str(command, "do", "");

	if (a->script && acts(verb))
		return answer(&j, do_recorded(&j));
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verb, verbs[i].name) == 0)
			return answer(&j, verbs[i].run(&j));
	return answer(&j, fail_set(&j.why, "usage", *verb ? "unknown command '%.40s'" : "a command without 'do'%s", verb));
}

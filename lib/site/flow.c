/* Each step function gives GO (the next step) or END (the result's class and reason are set). The page
 * commands are those of ab-page(5); what the page answers is classed before any step looks at it. */
#include "site/flow.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/retry.h"
#include "site/exec.h"
#include "site/memo.h"

#define STEP_TIMEOUT 30000
#define CODE_TIMEOUT 120000
#define HUMAN_TIMEOUT 600000
#define QUEUE_TIMEOUT 600000 /* then it is a look that saw nothing; the place in the queue is kept by cookies */
#define QUEUE_PAUSE 10000    /* where the page names none */
#define ROUNDS_MAX 1000 /* of one `for` */
#define DEPTH_MAX 16    /* of `use` */
#define STEPS_MAX 20000 /* of one run, loops in loops included */
#define THINK_MAX 10000 /* ms that the expressions of one run take */
#define PAGES_TIME 600000 /* ms that its page commands take */
#define VAR_MAX (64u << 20)     /* bytes of memory that it keeps */
#define SLOTS_TEXT (768u << 10) /* of the slots found: an event holds 1 MiB */

enum go { GO, END };

struct flow {
	const struct flow_run *run;
	struct flow_result *result;
	const char *name;
	jv context;       /* with var, page, now */
	jv mark;          /* the inbox's, from `mark` */
	jv same;          /* the page command whose answer is unchanged (memo.h), or null */
	jv asked;         /* the `get` whose answer the page is, or null */
	const char *step; /* the verb now, for reasons */
	bool identified;
	int depth, steps;
	int64_t thought, paged; /* ms spent in expressions and on page commands */
	jv weights;             /* what each of var takes */
	size_t slots_text;
	char broken[160];       /* the condition that could not be decided, "" for none */
};

static enum go end(struct flow *f, const char *class, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static enum go end(struct flow *f, const char *class, const char *fmt, ...)
{
	char why[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	snprintf(f->result->class, sizeof f->result->class, "%s", class);
	snprintf(f->result->reason, sizeof f->result->reason, "%s: %s: %s", f->name, f->step, why);
	return END;
}

static enum go end_err(struct flow *f, const struct err *e)
{
	return end(f, e->status == EX_TEMPFAIL ? "throttled" : e->status == EX_NOPERM ? "refused" : "stopped", "%s", e->text);
}

static jv expand(struct flow *f, jv template, struct err *e)
{
	char now[CLOCK_TEXT];

	int64_t began = clock_mono();
	jv v;

	if (f->thought > THINK_MAX) {
		err_set(e, EX_TEMPFAIL, "the expressions of this flow took more than %d s", THINK_MAX / 1000);
		return jv_invalid();
	}
	if (!json_has(f->run->context, "now"))
		f->context = json_set_str(f->context, "now", clock_format(clock_wall(), now));
	v = expr_expand(f->run->provider->exprs, template, f->context, e);
	f->thought += clock_mono() - began;
	return v;
}

/* expand, for a member of the step; null when the step has none. */
static jv member(struct flow *f, jv step, const char *key, struct err *e)
{
	jv template = json_get(step, key), v = expand(f, template, e);

	jv_free(template);
	return v;
}

static enum go keep(struct flow *f, const char *name, jv value)
{
	size_t weight = 0, all = 0;

	for (struct json_iter it = json_iter(f->weights); json_next(&it);)
		all += strcmp(it.key, name) == 0 ? 0 : (size_t)jv_number_value(it.value);
	if (!json_weigh(value, VAR_MAX - all, &weight)) {
		jv_free(value);
		return end(f, "changed", "what it keeps is more than %u MiB, or nested too deep", VAR_MAX >> 20);
	}
	f->weights = json_set(f->weights, name, jv_number((double)weight));
	f->result->var = json_set(f->result->var, name, value);
	f->context = json_set(f->context, "var", jv_copy(f->result->var));
	return GO;
}

/* ---- talking to the page -------------------------------------------------------------------------- */

/* The class that an agent's error code stands for. */
static const char *error_class(const char *code)
{
	static const char *const site[] = {"unreachable", "timeout", "busy", NULL};

	for (const char *const *c = site; *c; c++)
		if (strcmp(code, *c) == 0)
			return "unreachable";
	return "changed"; /* no form, no row, a selector that finds nothing: not the page we know */
}

static enum go page_failed(struct flow *f, jv answer)
{
	jv error = json_get(answer, "error");
	enum go go = end(f, error_class(json_str(error, "code", "")), "%s", json_str(error, "message", "the page agent refused"));

	jv_free(error);
	return go;
}

static jv page_ask(struct flow *f, jv command, int64_t timeout, struct err *e)
{
	int64_t began = clock_mono();
	jv answer = page_call(f->run->page, command, timeout, e);

	f->paged += clock_mono() - began;
	return answer;
}

/* A command that looks at the page as it is. On END *answer is freed. */
static enum go look(struct flow *f, jv command, jv *answer)
{
	struct err e;

	*answer = memo_recall(f->run->memo, f->same, command);
	if (json_ok(*answer)) {
		jv_free(command);
		return GO;
	}
	jv asked = jv_copy(command);

	*answer = page_ask(f, command, STEP_TIMEOUT, &e);
	if (json_ok(*answer) && json_bool(*answer, "ok", false)) {
		memo_keep(f->run->memo, f->same, asked, *answer);
		jv_free(asked);
		return GO;
	}
	jv_free(asked);
	if (!json_ok(*answer))
		return end(f, "unreachable", "%s", e.text);
	page_failed(f, *answer);
	jv_free(*answer);
	return END;
}

static void keep_evidence(struct flow *f, const char *label)
{
	jv page;

	if (!f->run->host->evidence)
		return;
	page = page_call(f->run->page, json_obj("do", jv_string("evidence"), NULL), STEP_TIMEOUT, NULL);
	if (json_ok(page) && json_bool(page, "ok", false))
		f->run->host->evidence(f->run->host->ctx, label, page);
	jv_free(page);
}

/* ---- conditions ----------------------------------------------------------------------------------- */

/* The parts of COND that the page decides, in the order in which decide() meets them. */
static jv atoms(struct flow *f, jv cond, jv list, struct err *e)
{
	if (json_is(cond, JV_KIND_ARRAY)) {
		for (struct json_iter it = json_iter(cond); json_next(&it);)
			list = atoms(f, it.value, list, e);
		return list;
	}
	jv part = json_del(json_del(jv_copy(cond), "jq"), "not");

	if (json_len(part)) {
		jv expanded = expand(f, part, e);

		list = json_push(list, json_ok(expanded) ? expanded : jv_null());
	}
	jv_free(part);
	if (json_has(cond, "not")) {
		jv inner = json_get(cond, "not");

		list = atoms(f, inner, list, e);
		jv_free(inner);
	}
	return list;
}

/* A filter that fails tells nothing, not even by `not`. */
enum truth { NO, UNKNOWN, YES };

static enum truth decide_filter(struct flow *f, jv cond)
{
	struct err e = {0};
	jv v = member(f, cond, "jq", &e);
	enum truth truth = !json_ok(v) ? UNKNOWN : expr_true(v) ? YES : NO;

	jv_free(v);
	if (truth == UNKNOWN && e.status == EX_TEMPFAIL && !*f->broken) /* of a mistake another rule may know why */
		snprintf(f->broken, sizeof f->broken, "%.150s", e.text);
	return truth;
}

/* All parts are gone through, because NEXT must keep step. */
static enum truth decide(struct flow *f, jv cond, jv results, int *next)
{
	enum truth truth = YES, part;

	if (json_is(cond, JV_KIND_ARRAY)) {
		truth = NO;
		for (struct json_iter it = json_iter(cond); json_next(&it);) {
			part = decide(f, it.value, results, next);
			truth = part > truth ? part : truth;
		}
		return truth;
	}
	size_t own = json_len(cond) - json_has(cond, "jq") - json_has(cond, "not");

	if (own) {
		jv r = json_at(results, (*next)++);

		truth = json_true(r) ? YES : NO;
		jv_free(r);
	}
	if (json_has(cond, "not")) {
		jv inner = json_get(cond, "not");

		part = YES - decide(f, inner, results, next);
		truth = part < truth ? part : truth;
		jv_free(inner);
	}
	if (truth != NO && json_has(cond, "jq")) {
		part = decide_filter(f, cond);
		truth = part < truth ? part : truth;
	}
	return truth;
}

static enum go undecided(struct flow *f)
{
	return *f->broken ? end(f, "changed", "%s", f->broken) : GO;
}

/* The results of the page's parts of CONDS, an array of conditions, in one command. */
static enum go ask_atoms(struct flow *f, jv conds, jv *results)
{
	struct err e = {0};
	jv list = atoms(f, conds, jv_array(), &e), answer;

	*results = jv_array();
	if (e.status) {
		jv_free(list);
		return end(f, "changed", "%s", e.text);
	}
	if (!json_len(list)) {
		jv_free(list);
		return GO;
	}
	if (look(f, json_obj("do", jv_string("test"), "conditions", list, NULL), &answer) == END)
		return END;
	jv_free(*results);
	*results = json_get(answer, "results");
	jv_free(answer);
	return GO;
}

static enum go holds(struct flow *f, jv cond, bool *yes)
{
	jv results;
	int next = 0;
	enum go go = ask_atoms(f, cond, &results);

	if (go == GO) {
		*yes = decide(f, cond, results, &next) == YES;
		go = undecided(f);
	}
	jv_free(results);
	return go;
}

/* ---- classes -------------------------------------------------------------------------------------- */

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

static void name_class(char *class, size_t size, char *why, size_t why_size, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

static void name_class(char *class, size_t size, char *why, size_t why_size, const char *name, const char *fmt, ...)
{
	va_list ap;

	snprintf(class, size, "%s", name);
	va_start(ap, fmt);
	vsnprintf(why, why_size, fmt, ap);
	va_end(ap);
}

/* The first of the provider's rules that holds. */
static enum go class_by_rules(struct flow *f, char *class, size_t size, char *why, size_t why_size)
{
	jv rules = json_get(f->run->provider->doc, "classify"), conds = jv_array(), results;
	int next = 0;
	enum go go;

	for (struct json_iter it = json_iter(rules); json_next(&it);)
		conds = json_push(conds, json_get(it.value, "when"));
	go = ask_atoms(f, conds, &results);
	for (struct json_iter it = json_iter(go == GO ? rules : jv_null()); json_next(&it);) {
		jv when = json_get(it.value, "when");
		bool yes = decide(f, when, results, &next) == YES;

		jv_free(when);
		if (yes && !*class)
			name_class(class, size, why, why_size, json_str(it.value, "class", "changed"), "%s",
				   json_str(it.value, "why", "the page says so"));
	}
	jv_free(rules);
	jv_free(conds);
	jv_free(results);
	return go == GO ? undecided(f) : END;
}

/* The class of the page, "" when no rule knows it. Of a page that was cut off the rules are not asked: the rest of it may
 * say otherwise. */
static enum go find_class(struct flow *f, char *class, size_t size, char *why, size_t why_size)
{
	jv page = json_get(f->context, "page");
	int status = (int)json_int(page, "status", 0);
	bool cut = json_bool(page, "cut", false), no_json = json_has(page, "json_error") && status >= 200 && status < 300 && status != 204;
	enum go go = GO;

	jv_free(page);
	*class = *why = '\0';
	if (!cut)
		go = class_by_rules(f, class, size, why, why_size);
	if (!*class && (status == 429 || status == 503 || status == 403 || status >= 500))
		name_class(class, size, why, why_size, status == 403 ? "blocked" : status == 429 || status == 503 ? "throttled" : "unreachable",
			   "the site answered %d", status);
	if (!*class && cut)
		name_class(class, size, why, why_size, "changed", "the page was cut off: too large, too deep, or without its end");
	if (!*class && no_json)
		name_class(class, size, why, why_size, "changed", "the page says that it is JSON, and is not");
	return go;
}

static bool allowed(jv step, const char *class)
{
	jv allow = json_get(step, "allow");
	bool yes = strcmp(json_string(allow, ""), class) == 0;

	for (struct json_iter it = json_iter(allow); json_next(&it);)
		yes |= strcmp(json_string(it.value, ""), class) == 0;
	jv_free(allow);
	return yes;
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

static enum go send(struct flow *f, jv step, jv command, bool commit);

/* Loads the page again: after a wait, or after the person acted. Its class is looked at by the caller. */
static enum go reload(struct flow *f)
{
	jv page = json_get(f->context, "page");
	bool same = json_is(f->asked, JV_KIND_OBJECT) && !json_int(page, "redirects", 0);
	jv command = same ? jv_copy(f->asked) : json_obj("do", jv_string("get"), "url", json_get(page, "url"), NULL);

	jv_free(page);
	return send(f, jv_null(), command, false);
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
			return end(f, class, "still waiting after %d minutes", QUEUE_TIMEOUT / 60000);
		if (f->run->host->sleep(f->run->host->ctx, queue_pause(f)))
			return end(f, "stopped", "told to stop while waiting");
		if (reload(f) == END || find_class(f, class, size, why, why_size) == END)
			return END;
	}
	return GO;
}

static enum go ask_person(struct flow *f, char *class, size_t size, char *why, size_t why_size)
{
	struct err e = {0};
	jv answer;

	keep_evidence(f, class);
	if (!f->run->host->human)
		return end(f, class, "%s", why);
	answer = f->run->host->human(f->run->host->ctx, "captcha", why, HUMAN_TIMEOUT, &e);
	if (!json_ok(answer))
		return end(f, class, "%s; %s", why, e.text);
	jv_free(answer);
	if (reload(f) == END || find_class(f, class, size, why, why_size) == END)
		return END;
	return flow_policy(f->run->provider, class) == ACTION_ASK_HUMAN ? end(f, class, "%s, after the person's answer too", why) : GO;
}

/* A waiting room or a challenge in place of the page that STEP asked for is passed, and the page asked for again. What
 * stood in a form's way has swallowed the form: then the flow has to begin again (`passed`). */
static enum go pass_by(struct flow *f, jv step, char *class, size_t size, char *why, size_t why_size)
{
	enum action action = flow_policy(f->run->provider, class);
	char stood[48];

	if (!*class || allowed(step, class) || f->result->committed || (action != ACTION_WAIT && action != ACTION_ASK_HUMAN))
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
	return end(f, stood, "it is over, but the form did not go through");
}

/* Classes the page that just came; GO when the step may look at it. */
static enum go classify(struct flow *f, jv step)
{
	char class[48], why[160];
	jv page;

	if (find_class(f, class, sizeof class, why, sizeof why) == END || pass_by(f, step, class, sizeof class, why, sizeof why) == END)
		return END;
	note_wait(f, strcmp(class, "throttled") == 0);
	page = json_set_str(json_get(f->context, "page"), "class", *class ? class : NULL);
	f->context = json_set(f->context, "page", page);
	if (!*class || allowed(step, class))
		return GO;
	if (f->result->committed || strcmp(class, "changed") == 0 || strcmp(class, "blocked") == 0)
		keep_evidence(f, class);
	return end(f, class, "%s", why);
}

/* ---- requests ------------------------------------------------------------------------------------- */

static enum go may_commit(struct flow *f)
{
	struct err e = {0};

	if (!f->run->host->commit)
		return end(f, "commit", "stopped before the commit (a dry run)");
	if (strcmp(f->name, "book") == 0 && !f->identified)
		return end(f, "changed", "the slot's identity was not read from the page before the commit");
	if (f->result->committed)
		return end(f, "changed", "a second commit in one run");
	return f->run->host->commit(f->run->host->ctx, &e) ? end_err(f, &e) : GO;
}

static bool is_action(const char *verb);

/* An action that found nothing to act on: perhaps another page came in the way, which the rules know. */
static enum go action_failed(struct flow *f, jv command, jv answer)
{
	jv error = json_get(answer, "error");
	bool looked = strcmp(json_str(error, "code", ""), "unreachable") != 0 && is_action(json_str(command, "do", ""));
	char class[48] = "", why[160];

	if (looked && (find_class(f, class, sizeof class, why, sizeof why) == GO) && *class)
		end(f, class, "%s", why);
	else
		page_failed(f, answer);
	if (looked)
		keep_evidence(f, *class ? class : "changed");
	jv_free(error);
	return END;
}

/* Sends COMMAND (consumed), which makes requests; the answer becomes the page. */
static enum go send(struct flow *f, jv step, jv command, bool commit)
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
		return may < 0 ? end_err(f, &e) : END;
	}
	if (may)
		command = json_set(command, "requests", jv_number(may));
	answer = page_ask(f, command, timeout, &e);
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
		return end(f, "unreachable", "%s", e.text);
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

/* Copies the step's members KEYS, expanded, into the command. */
static enum go put_members(struct flow *f, jv step, const char *const *keys, jv *command)
{
	struct err e = {0};

	for (; *keys; keys++) {
		if (!json_has(step, *keys))
			continue;
		jv v = member(f, step, *keys, &e);

		if (!json_ok(v))
			return end(f, "changed", "%s: %s", *keys, e.text);
		*command = json_set(*command, *keys, v);
	}
	return GO;
}

/* Where it leads would depend on the page before. lint refuses those that are written so; this is for those that an
 * expression makes, as of a link read raw. */
static bool is_relative(const char *url)
{
	return *url != '/' && strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0;
}

static enum go do_request(struct flow *f, jv step, const char *verb)
{
	static const char *const keys[] = {"form", "json", "body", "type", "headers", "follow", "region", "fresh", NULL};
	bool commit = json_bool(step, "commit", false);
	struct err e = {0};
	jv url = member(f, step, verb, &e), command;

	if (!json_is(url, JV_KIND_STRING)) {
		jv_free(url);
		return end(f, "changed", "no address: %s", e.text);
	}
	if (is_relative(json_string(url, ""))) {
		const char *text = json_string(url, "");
		int shown = (int)strcspn(text, "?#"); /* what follows may be personal */

		end(f, "changed", "the address '%.*s' is relative: read links with attr: href, which gives them whole", shown < 60 ? shown : 60, text);
		jv_free(url);
		return END;
	}
	command = json_obj("do", jv_string(verb), "url", url, NULL);
	if (put_members(f, step, keys, &command) == END) {
		jv_free(command);
		return END;
	}
	if (commit)
		command = json_set(command, "commit", jv_true());
	return send(f, step, command, commit) == END ? END : classify(f, step);
}

/* "a || b" as ["a","b"]. */
static jv alternatives(const char *text)
{
	jv list = jv_array();

	for (;;) {
		const char *bar = strstr(text, "||"), *stop = bar ? bar : text + strlen(text);

		while (*text == ' ')
			text++;
		while (stop > text && stop[-1] == ' ')
			stop--;
		list = json_push(list, jv_string_sized(text, (int)(stop - text)));
		if (!bar)
			return list;
		text = bar + 2;
	}
}

static enum go do_submit(struct flow *f, jv step)
{
	static const char *const keys[] = {"set", "button", "headers", "follow", NULL};
	bool commit = json_bool(step, "commit", false);
	struct err e = {0};
	jv form = member(f, step, "submit", &e), command;

	if (!json_is(form, JV_KIND_STRING)) {
		jv_free(form);
		return end(f, "changed", "no form named: %s", e.text);
	}
	command = json_obj("do", jv_string("submit"), "form", alternatives(json_string(form, "")), NULL);
	jv_free(form);
	if (put_members(f, step, keys, &command) == END) {
		jv_free(command);
		return END;
	}
	if (commit)
		command = json_set(command, "commit", jv_true());
	return send(f, step, command, commit) == END ? END : classify(f, step);
}

/* ---- a browser's page ----------------------------------------------------------------------------- */

/* What stands behind VERB becomes the member KEY of the page's command. */
static const struct action_verb {
	const char *verb, *key;
	bool classed; /* another page may be there afterwards */
} actions[] = {
	{"click", "sel", true}, {"check", "sel", true}, {"press", "key", true}, {"fill", "fields", false}, {"choose", "fields", true},
	{"wait", "until", true}, {"listen", "patterns", false}, {"frame", "sel", false},
};

static const struct action_verb *action_named(const char *verb)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].verb, verb) == 0)
			return &actions[i];
	return NULL;
}

static bool is_action(const char *verb)
{
	return strcmp(verb, "upload") == 0 || action_named(verb);
}

static enum go act(struct flow *f, jv step, const struct action_verb *a)
{
	bool commit = json_bool(step, "commit", false);
	struct err e = {0};
	jv what = member(f, step, a->verb, &e), command;

	if (!json_ok(what))
		return end(f, "changed", "%s", e.text);
	if (json_has(what, "heard"))
		command = json_obj("do", jv_string(a->verb), "heard", json_get(what, "heard"), NULL);
	else if (strcmp(a->verb, "frame") == 0 && strcmp(json_string(what, ""), "top") == 0)
		command = json_obj("do", jv_string(a->verb), "top", jv_true(), NULL);
	else
		command = json_obj("do", jv_string(a->verb), a->key, jv_copy(what), NULL);
	jv_free(what);
	if (commit)
		command = json_set(command, "commit", jv_true());
	if (send(f, step, command, commit) == END)
		return END;
	return a->classed ? classify(f, step) : GO;
}

static enum go do_upload(struct flow *f, jv step)
{
	struct err e = {0};
	jv files = member(f, step, "upload", &e);
	enum go go = GO;

	if (!json_is(files, JV_KIND_OBJECT))
		go = end(f, "changed", "upload: %s", e.status ? e.text : "no mapping");
	for (struct json_iter it = json_iter(go == GO ? files : jv_null()); json_next(&it);) {
		go = send(f, step, json_obj("do", jv_string("upload"), "sel", jv_string(it.key), "file", jv_copy(it.value), NULL), false);
		if (go == END) {
			json_iter_end(&it);
			break;
		}
	}
	jv_free(files);
	return go;
}

/* ---- looking at the page -------------------------------------------------------------------------- */

static enum go do_expect(struct flow *f, jv step)
{
	jv cond = json_get(step, "expect");
	bool yes = false;
	enum go go = holds(f, cond, &yes);

	jv_free(cond);
	if (go == GO && !yes) {
		keep_evidence(f, "changed");
		return end(f, "changed", "%s", json_str(step, "why", "the page is not the one expected"));
	}
	return go;
}

/* One value of `let`: out of the page when it is a page's spec, else an expression. */
static enum go read_value(struct flow *f, jv spec, jv *value)
{
	bool embed = json_has(spec, "embed"), found = json_has(spec, "css") || json_has(spec, "xpath");
	struct err e = {0};
	jv expanded = expand(f, spec, &e), answer;

	*value = jv_null();
	if (!json_ok(expanded))
		return end(f, "changed", "%s", e.text);
	if (!embed && !found) {
		*value = expanded;
		return GO;
	}
	jv command = embed ? json_obj("do", jv_string("embed"), "marker", json_get(expanded, "embed"), NULL)
			   : json_set_str(jv_copy(expanded), "do", "find");
	bool all = json_bool(expanded, "all", false), optional = json_bool(expanded, "optional", false);

	jv_free(expanded);
	if (look(f, command, &answer) == END)
		return END;
	*value = json_get(answer, embed || !all ? "value" : "values");
	if (found && !optional && (!json_int(answer, "count", 0) || json_is(*value, JV_KIND_NULL))) {
		jv_free(answer);
		keep_evidence(f, "changed");
		return end(f, "changed", "nothing on the page matches %s",
			   json_str(spec, "css", json_str(spec, "xpath", "the selector")));
	}
	jv_free(answer);
	return GO;
}

static enum go do_let(struct flow *f, jv step)
{
	jv names = json_get(step, "let");
	enum go go = GO;

	for (struct json_iter it = json_iter(names); json_next(&it);) {
		jv value;

		go = read_value(f, it.value, &value);
		if (go == END) {
			jv_free(value);
			json_iter_end(&it);
			break;
		}
		if (keep(f, it.key, value) == END) {
			json_iter_end(&it);
			go = END;
			break;
		}
	}
	jv_free(names);
	return go;
}

static enum go do_rows(struct flow *f, jv step)
{
	struct err e = {0};
	jv spec = member(f, step, "rows", &e), answer;
	char *into;
	enum go go;

	if (!json_ok(spec))
		return end(f, "changed", "%s", e.text);
	into = xstrdup(json_str(spec, "into", "rows"));
	go = look(f, json_set_str(json_del(spec, "into"), "do", "rows"), &answer);
	if (go == GO) {
		go = keep(f, into, json_get(answer, "rows"));
		jv_free(answer);
	} else {
		keep_evidence(f, "changed");
	}
	free(into);
	return go;
}

/* Whether LIST, more slots, still fits. */
static bool room_for_slots(struct flow *f, jv list)
{
	size_t weight = 0;
	char *text;

	if (!json_weigh(list, VAR_MAX, &weight))
		return false;
	text = json_text(list);
	f->slots_text += strlen(text);
	free(text);
	return f->slots_text <= SLOTS_TEXT;
}

static enum go do_slots(struct flow *f, jv step)
{
	struct err e = {0};
	jv list = member(f, step, "slots", &e);

	if (!json_is(list, JV_KIND_ARRAY)) {
		bool bad = !json_ok(list);

		jv_free(list);
		return end(f, "changed", "slots: %s", bad ? e.text : "not a list");
	}
	if (!room_for_slots(f, list)) {
		jv_free(list);
		return end(f, "changed", "more slots than an event can tell (%u KiB): let the check look at fewer days", SLOTS_TEXT >> 10);
	}
	f->result->slots = jv_array_concat(f->result->slots, list);
	return GO;
}

static enum go do_identity(struct flow *f, jv step)
{
	struct err e = {0};
	jv shown = member(f, step, "identity", &e), slot = json_get(f->context, "slot");
	char why[200];
	enum go go = GO;

	if (!json_ok(shown))
		go = end(f, "changed", "%s", e.text);
	else if (!identity_match(shown, slot, why, sizeof why))
		go = end(f, "taken", "%s", why);
	f->identified |= go == GO;
	jv_free(shown);
	jv_free(slot);
	return go;
}

static enum go do_booking(struct flow *f, jv step)
{
	struct err e = {0};
	jv found = member(f, step, "booking", &e);

	if (!json_is(found, JV_KIND_OBJECT)) {
		jv_free(found);
		return end(f, "changed", "booking: %s", e.text);
	}
	keep_evidence(f, "booking");
	f->result->booking = json_merge_take(json_is(f->result->booking, JV_KIND_OBJECT) ? f->result->booking : jv_object(), found);
	f->context = json_set(f->context, "booking", jv_copy(f->result->booking));
	if (f->run->host->booking)
		f->run->host->booking(f->run->host->ctx, f->result->booking);
	return GO;
}

/* ---- codes and the person ------------------------------------------------------------------------- */

static enum go do_mark(struct flow *f)
{
	struct err e = {0};

	if (!f->run->host->otp_mark)
		return end(f, "no_code", "codes can't be fetched here");
	jv_free(f->mark);
	f->mark = f->run->host->otp_mark(f->run->host->ctx, &e);
	if (json_ok(f->mark))
		return GO;
	f->mark = jv_null();
	return end(f, "no_code", "%s", e.text);
}

static enum go do_otp(struct flow *f, jv step)
{
	struct err e = {0};
	jv rules = member(f, step, "otp", &e), code;
	char *into = xstrdup(json_str(rules, "into", "code"));
	int64_t timeout = json_int(rules, "timeout", CODE_TIMEOUT);
	enum go go;

	if (!json_ok(rules) || !f->run->host->otp_wait) {
		jv_free(rules);
		free(into);
		return end(f, "no_code", "%s", e.status ? e.text : "codes can't be fetched here");
	}
	code = f->run->host->otp_wait(f->run->host->ctx, f->mark, rules, timeout, &e);
	jv_free(rules);
	go = json_ok(code) ? keep(f, into, code) : end(f, "no_code", "%s", e.text);
	free(into);
	return go;
}

static enum go do_human(struct flow *f, jv step)
{
	struct err e = {0};
	jv spec = member(f, step, "human", &e), until = json_path(step, "human.until"), answer;
	bool yes = true;
	enum go go = GO;

	if (!json_ok(spec) || !f->run->host->human) {
		go = end(f, "challenged", "%s", e.status ? e.text : "nobody can be asked here");
		goto out;
	}
	keep_evidence(f, "human");
	answer = f->run->host->human(f->run->host->ctx, json_str(spec, "kind", "confirm"), json_str(spec, "question", ""),
				     json_int(spec, "timeout", HUMAN_TIMEOUT), &e);
	if (!json_ok(answer)) {
		go = end(f, "challenged", "%s", e.text);
		goto out;
	}
	go = keep(f, json_str(spec, "into", "answer"), answer);
	if (go == END || json_is(until, JV_KIND_NULL))
		goto out;
	go = reload(f);
	if (go == GO)
		go = holds(f, until, &yes);
	if (go == GO && !yes)
		go = end(f, "challenged", "answered, but the page has not gone on");
out:
	jv_free(spec);
	jv_free(until);
	return go;
}

/* ---- structure ------------------------------------------------------------------------------------ */

static enum go steps(struct flow *f, jv list);

static enum go do_for(struct flow *f, jv step)
{
	jv names = json_get(step, "for"), body = json_get(step, "do");
	struct json_iter name = json_iter(names);
	struct err e = {0};
	jv list = json_next(&name) ? expand(f, name.value, &e) : jv_null();
	enum go go = GO;

	if (!json_is(list, JV_KIND_ARRAY))
		go = end(f, "changed", "for %s: %s", name.key ? name.key : "?", json_ok(list) ? "not a list" : e.text);
	else if (json_len(list) > ROUNDS_MAX)
		go = end(f, "changed", "for %s: more than %d rounds", name.key, ROUNDS_MAX);
	for (struct json_iter it = json_iter(go == GO ? list : jv_null()); json_next(&it);) {
		go = keep(f, name.key, jv_copy(it.value));
		if (go == GO)
			go = steps(f, body);
		if (go == END) {
			json_iter_end(&it);
			break;
		}
	}
	json_iter_end(&name);
	jv_free(list);
	jv_free(names);
	jv_free(body);
	return go;
}

static enum go do_if(struct flow *f, jv step)
{
	jv cond = json_get(step, "if"), branch;
	bool yes = false;
	enum go go = GO;

	if (json_is(cond, JV_KIND_STRING)) {
		struct err e = {0};
		jv v = expand(f, cond, &e);

		if (!json_ok(v))
			go = end(f, "changed", "%s", e.text);
		yes = json_ok(v) && expr_true(v);
		jv_free(v);
	} else {
		go = holds(f, cond, &yes);
	}
	jv_free(cond);
	if (go == END)
		return END;
	branch = json_get(step, yes ? "then" : "else");
	go = steps(f, branch);
	jv_free(branch);
	return go;
}

static enum go do_use(struct flow *f, jv step)
{
	const char *name = json_str(step, "use", "");
	jv list = provider_flow(f->run->provider, name);
	enum go go;

	if (!json_is(list, JV_KIND_ARRAY) || f->depth >= DEPTH_MAX) {
		jv_free(list);
		return end(f, "changed", "flow '%s' can't be used here", name);
	}
	f->depth++;
	go = steps(f, list);
	f->depth--;
	jv_free(list);
	return go;
}

static enum go do_end(struct flow *f, jv step)
{
	struct err e = {0};
	jv why = member(f, step, "why", &e);
	enum go go;

	if (strcmp(json_str(step, "end", ""), "changed") == 0)
		keep_evidence(f, "changed");
	go = end(f, json_str(step, "end", "changed"), "%s", json_string(why, "the provider ends here"));
	jv_free(why);
	return go;
}

static enum go one_step(struct flow *f, jv step)
{
	const char *verb = step_verb(step);

	f->step = verb ? verb : "?";
	if (++f->steps > STEPS_MAX)
		return end(f, "changed", "more than %d steps", STEPS_MAX);
	if (f->thought > THINK_MAX)
		return end(f, "changed", "the expressions of this flow took more than %d s", THINK_MAX / 1000);
	if (f->paged > PAGES_TIME)
		return end(f, "unreachable", "its pages took more than %d minutes", PAGES_TIME / 60000);
	if (strcmp(f->step, "get") == 0 || strcmp(f->step, "post") == 0)
		return do_request(f, step, f->step);
	if (strcmp(f->step, "submit") == 0)
		return do_submit(f, step);
	if (strcmp(f->step, "expect") == 0)
		return do_expect(f, step);
	if (strcmp(f->step, "let") == 0)
		return do_let(f, step);
	if (strcmp(f->step, "rows") == 0)
		return do_rows(f, step);
	if (strcmp(f->step, "slots") == 0)
		return do_slots(f, step);
	if (strcmp(f->step, "for") == 0)
		return do_for(f, step);
	if (strcmp(f->step, "if") == 0)
		return do_if(f, step);
	if (strcmp(f->step, "mark") == 0)
		return do_mark(f);
	if (strcmp(f->step, "otp") == 0)
		return do_otp(f, step);
	if (strcmp(f->step, "human") == 0)
		return do_human(f, step);
	if (strcmp(f->step, "use") == 0)
		return do_use(f, step);
	if (strcmp(f->step, "identity") == 0)
		return do_identity(f, step);
	if (strcmp(f->step, "booking") == 0)
		return do_booking(f, step);
	if (strcmp(f->step, "end") == 0)
		return do_end(f, step);
	if (strcmp(f->step, "upload") == 0)
		return do_upload(f, step);
	if (strcmp(f->step, "screenshot") == 0) {
		keep_evidence(f, json_str(step, "screenshot", "page"));
		return GO;
	}
	if (action_named(f->step))
		return act(f, step, action_named(f->step));
	return end(f, "changed", "there is no such step");
}

static enum go steps(struct flow *f, jv list)
{
	enum go go = GO;

	for (struct json_iter it = json_iter(list); json_next(&it);)
		if ((go = one_step(f, it.value)) == END) {
			json_iter_end(&it);
			break;
		}
	return go;
}

void flow_run(const struct flow_run *run, const char *name, struct flow_result *result)
{
	struct flow f = {.run = run, .result = result, .name = name, .mark = jv_null(), .same = jv_null(), .asked = jv_null(), .weights = jv_object(), .step = "start"};
	jv list = provider_flow(run->provider, name);
	struct err e = {0};

	*result = (struct flow_result){.class = "ok", .slots = jv_array(), .booking = jv_null(), .var = jv_object(), .again_after = -1};
	f.context = json_set(json_set(jv_copy(run->context), "var", jv_object()), "page", jv_null());
	if (json_is(list, JV_KIND_ARRAY)) {
		jv vars = json_get(run->provider->doc, "vars");
		enum go go = GO;

		/* in order of name: a provider's vars may use the record, not each other */
		for (struct json_iter it = json_iter(vars); json_next(&it);) {
			jv v = expand(&f, it.value, &e);

			if (go == GO)
				go = keep(&f, it.key, json_ok(v) ? v : jv_null());
			else
				jv_free(v);
		}
		jv_free(vars);
		if (go == GO)
			steps(&f, list);
		if (strcmp(result->class, "ok") == 0)
			result->reason[0] = '\0';
	} else if (*json_str(list, "exec", "")) {
		exec_run(run, name, json_str(list, "exec", ""), result);
	} else {
		end(&f, "changed", "the provider has no flow '%s'", name);
	}
	jv_free(list);
	jv_free(f.context);
	jv_free(f.mark);
	jv_free(f.same);
	jv_free(f.asked);
	jv_free(f.weights);
}

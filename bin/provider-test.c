/* ab-provider test: flows on saved pages, without a network. The page driver answers from each case's table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "provider.h"
#include "ext/yaml.h"
#include "site/flow.h"
#include "site/mistakes.h"
#include "site/provider.h"
#include "wire/pagelink.h"

#define TIMEOUT 30000
#define TABLE_MAX (16u << 20)

struct test {
	struct provider *provider;
	char *folder; /* of the saved pages */
	char *path;   /* of tests.yaml */
	struct yaml yaml;
	jv given;     /* of the case that runs */
};

/* --- reading tests.yaml --- */

static int wrong_key(const struct test *t, jv map, const char *pointer, const char *const *known, struct err *e)
{
	for (struct json_iter it = json_iter(map); json_next(&it);) {
		const char *const *k = known;
		char *at;
		int line, column;

		while (*k && (!it.key || strcmp(*k, it.key)))
			k++;
		if (*k)
			continue;
		at = it.key ? pointer_down(pointer, it.key) : pointer_item(pointer, it.index);
		yaml_place(&t->yaml, at, &line, &column);
		err_set(e, EX_CONFIG, "%s:%d:%d: there is no '%s' here", t->path, line, column, it.key ? it.key : "list");
		free(at);
		json_iter_end(&it);
		return -1;
	}
	return 0;
}

static int check_cases(const struct test *t, jv cases, struct err *e)
{
	static const char *const case_keys[] = {"name", "flow", "given", "answers", "commands", "dry", "expect", NULL};
	static const char *const expect_keys[] = {"class", "reason", "slots", "booking", "var", NULL};

	if (!json_is(cases, JV_KIND_ARRAY) || !json_len(cases))
		return err_set(e, EX_CONFIG, "%s: there are no 'cases'", t->path);
	for (struct json_iter it = json_iter(cases); json_next(&it);) {
		char *at = xasprintf("/cases/%d", it.index), *in = pointer_down(at, "expect");
		jv expect = json_get(it.value, "expect");
		int r = wrong_key(t, it.value, at, case_keys, e) || wrong_key(t, expect, in, expect_keys, e);

		if (r == 0 && !*json_str(it.value, "flow", ""))
			r = err_set(e, EX_CONFIG, "%s: case %d names no flow", t->path, it.index + 1);
		jv_free(expect);
		free(in);
		free(at);
		if (r) {
			json_iter_end(&it);
			return -1;
		}
	}
	return 0;
}

/* PAGES: the folder of the saved pages, NULL: the provider's own. */
static int tests_read(struct test *t, const char *name, const char *pages, struct err *e)
{
	static const char *const keys[] = {"given", "answers", "cases", NULL};
	jv cases;
	int r;

	*t = (struct test){.given = jv_null(), .yaml = {.value = jv_null(), .places = jv_null()}};
	t->provider = provider_load(name, e);
	if (!t->provider)
		return -1;
	t->folder = pages ? xstrdup(pages) : xasprintf("%s/pages", t->provider->dir);
	t->path = xasprintf("%s/tests.yaml", t->folder);
	if (yaml_read(&t->yaml, t->path, e)) {
		t->yaml = (struct yaml){.value = jv_null(), .places = jv_null()};
		return -1;
	}
	cases = json_get(t->yaml.value, "cases");
	r = wrong_key(t, t->yaml.value, "", keys, e) || check_cases(t, cases, e) ? -1 : 0;
	jv_free(cases);
	return r;
}

static void tests_free(struct test *t)
{
	if (json_ok(t->yaml.value) && json_is(t->yaml.places, JV_KIND_OBJECT))
		yaml_done(&t->yaml);
	provider_free(t->provider);
	free(t->folder);
	free(t->path);
	jv_free(t->given);
}

/* --- the table of answers --- */

static jv number_at(jv obj, const char *key)
{
	long long n;

	return str_long(json_str(obj, key, ""), 0, 1000000, &n) == 0 ? json_set(obj, key, jv_number((double)n)) : obj;
}

/* ENTRY with the name of its file as from anywhere. */
static jv whole_path(jv entry, const char *folder)
{
	const char *file = json_str(entry, "file", NULL);

	if (file && folder && *file != '/') {
		char *path = xasprintf("%s/%s", folder, file);

		entry = json_set(entry, "file", jv_string(path));
		free(path);
	}
	return entry;
}

/* All of LIST, numbers as numbers, file names from the folder of the saved pages. Each is given once unless
 * it says otherwise, or ANY number of times. */
static jv answers_add(const struct test *t, jv to, jv list, bool any)
{
	char *folder = realpath(t->folder, NULL);

	for (struct json_iter it = json_iter(list); json_next(&it);) {
		jv a = number_at(number_at(jv_copy(it.value), "status"), "times");

		if (!any && !json_has(a, "times"))
			a = json_set(a, "times", jv_number(1));
		to = json_push(to, whole_path(a, folder));
	}
	jv_free(list);
	free(folder);
	return to;
}

/* What was recorded of a browser: a file in the folder of the saved pages. Invalid with *e. */
static jv commands_table(const struct test *t, const char *file, struct err *e)
{
	char *folder = realpath(t->folder, NULL), *path = xasprintf("%s/%s", t->folder, file);
	jv list = json_read(path, TABLE_MAX, e), made = jv_array();

	for (struct json_iter it = json_iter(list); json_next(&it);)
		made = json_push(made, whole_path(jv_copy(it.value), folder));
	if (!json_ok(list)) {
		jv_free(made);
		made = jv_copy(list);
	}
	jv_free(list);
	free(path);
	free(folder);
	return json_ok(made) ? json_obj("commands", made, NULL) : made;
}

/* A case's own answers come before those that all share. */
static jv table_of(const struct test *t, jv one, struct err *e)
{
	const char *commands = json_str(one, "commands", NULL);
	jv answers;

	if (commands)
		return commands_table(t, commands, e);
	answers = answers_add(t, jv_array(), json_get(one, "answers"), false);
	return json_obj("answers", answers_add(t, answers, json_get(t->yaml.value, "answers"), true), NULL);
}

/* The table as a file for the driver; the caller unlinks and frees the name. */
static char *table_write(const struct test *t, jv one, struct err *e)
{
	jv table = table_of(t, one, e);
	const char *tmp = getenv("TMPDIR");
	char *text, *path;
	int fd;

	if (!json_ok(table))
		return NULL;
	text = json_text(table);
	path = xasprintf("%s/ab-provider-test.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	fd = mkostemp(path, 02000000 /* O_CLOEXEC */);
	if (fd < 0 || fs_write_all(fd, text, strlen(text))) {
		err_set(e, EX_CANTCREAT, "write %s:", path);
		free(path);
		path = NULL;
	}
	if (fd >= 0)
		close(fd);
	free(text);
	jv_free(table);
	return path;
}

/* --- the flow's host --- */

static jv given_text(void *ctx, const char *key, struct err *e)
{
	struct test *t = ctx;
	jv v = json_get(t->given, key);

	if (json_is(v, JV_KIND_STRING))
		return v;
	jv_free(v);
	err_set(e, EX_TEMPFAIL, "the case gives no '%s'", key);
	return jv_invalid();
}

static int host_commit(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

static jv host_mark(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return jv_string("mark");
}

static jv host_code(void *ctx, jv mark, jv rules, int64_t timeout, struct err *e)
{
	(void)mark;
	(void)rules;
	(void)timeout;
	return given_text(ctx, "otp", e);
}

static jv host_human(void *ctx, struct question *q, struct err *e)
{
	(void)q;
	return given_text(ctx, "human", e);
}

static int host_program(void *ctx, const char *program, struct err *e)
{
	(void)ctx;
	return err_set(e, EX_NOPERM, "%s is a program: saved pages test steps only", program);
}

static int host_sleep(void *ctx, int64_t ms)
{
	(void)ctx;
	(void)ms;
	return 0;
}

/* --- one case --- */

/* What is given as KEY; a text is JSON, which keeps numbers as they are. */
static jv object_of(jv given, const char *key)
{
	jv v = json_get(given, key), read;

	if (!json_is(v, JV_KIND_STRING))
		return v;
	read = json_parse(json_string(v, ""), json_len(v), NULL);
	if (!json_ok(read))
		return v;
	jv_free(v);
	return read;
}

static jv context_of(const struct test *t, const char *flow)
{
	jv context = provider_context(t->provider, t->given, strcmp(flow, "login") == 0);
	const char *now = json_str(t->given, "now", NULL);

	context = json_set(context, "slot", object_of(t->given, "slot"));
	context = json_set(context, "booking", object_of(t->given, "booking"));
	return now ? json_set(context, "now", jv_string(now)) : context;
}

/* The page with its table, in a turn. */
static struct page *page_start(const struct test *t, jv context, const char *table, struct err *e)
{
	jv doc = t->provider->doc, answer, settings;
	jv template = json_obj("base", json_get(doc, "base"), "origins", json_get(doc, "origins"), "headers", json_get(doc, "headers"), NULL);
	struct page *page;

	settings = expr_expand(t->provider->exprs, template, context, e);
	jv_free(template);
	if (!json_ok(settings))
		return NULL;
	page = page_private("http", (const char *const[]){"--replay", table, NULL}, e);
	if (!page) {
		jv_free(settings);
		return NULL;
	}
	answer = page_call(page, json_obj("do", jv_string("begin"), "program", jv_string(prog), "session", jv_string("test"), "priority",
					  jv_number(0), "settings", settings, NULL), TIMEOUT, e);
	if (!json_bool(answer, "ok", false)) {
		jv error = json_get(answer, "error");

		if (json_ok(answer))
			err_set(e, EX_CONFIG, "the page: %s", json_str(error, "message", "refused"));
		jv_free(error);
		page_close(page);
		page = NULL;
	}
	jv_free(answer);
	return page;
}

/* WANTED's fields are in GOT: texts compare as texts, times as instants, lists item by item. */
static bool holds(jv wanted, jv got, const char *at, struct str *why)
{
	int64_t a, b;
	bool yes = true;

	if (json_is(wanted, JV_KIND_OBJECT) || json_is(wanted, JV_KIND_ARRAY)) {
		if (json_is(wanted, JV_KIND_ARRAY) && json_len(wanted) != json_len(got)) {
			str_addf(why, "%s: %zu wanted, %zu found", at, json_len(wanted), json_len(got));
			return false;
		}
		for (struct json_iter it = json_iter(wanted); yes && json_next(&it);) {
			char *down = it.key ? xasprintf("%s.%s", at, it.key) : xasprintf("%s[%d]", at, it.index);
			jv inner = it.key ? json_get(got, it.key) : json_at(got, it.index);

			yes = holds(it.value, inner, down, why);
			jv_free(inner);
			free(down);
			if (!yes)
				json_iter_end(&it);
		}
		return yes;
	}
	char *text = json_is(got, JV_KIND_STRING) ? xstrdup(json_string(got, "")) : json_text(got);

	yes = strcmp(json_string(wanted, ""), text) == 0 ||
	      (clock_parse(json_string(wanted, ""), &a) == 0 && clock_parse(text, &b) == 0 && a == b);
	if (!yes)
		str_addf(why, "%s: '%.100s' wanted, '%.100s' found", at, json_string(wanted, ""), text);
	free(text);
	return yes;
}

static bool as_expected(jv expect, const struct flow_result *r, struct str *why)
{
	const char *class = json_str(expect, "class", "ok"), *reason = json_str(expect, "reason", "");
	jv got = json_obj("slots", jv_copy(r->slots), "booking", jv_copy(r->booking), "var", jv_copy(r->var), NULL);
	bool yes = strcmp(class, r->class) == 0 && strstr(r->reason, reason);

	if (!yes)
		str_addf(why, "class '%s'%s%s wanted, '%s' found%s%s", class, *reason ? " with " : "", reason, r->class, *r->reason ? ": " : "",
			 r->reason);
	for (struct json_iter it = json_iter(yes ? expect : jv_null()); json_next(&it);)
		if (json_has(got, it.key)) {
			jv part = json_get(got, it.key);

			yes = holds(it.value, part, it.key, why);
			jv_free(part);
			if (!yes) {
				json_iter_end(&it);
				break;
			}
		}
	jv_free(got);
	return yes;
}

static bool run_flow(struct test *t, jv one, jv context, struct page *page, struct str *why)
{
	const char *flow = json_str(one, "flow", "");
	jv expect = json_get(one, "expect");
	bool dry = strcmp(json_str(one, "dry", ""), "true") == 0; /* as `try` and `record` are */
	struct flow_host host = {.ctx = t, .commit = dry ? NULL : host_commit, .otp_mark = host_mark, .otp_wait = host_code, .human = host_human,
				 .program = host_program, .sleep = host_sleep};
	struct flow_run run = {.provider = t->provider, .page = page, .host = &host, .context = context};
	struct flow_result result;
	bool yes;

	flow_run(&run, flow, &result);
	yes = as_expected(expect, &result, why);
	flow_result_free(&result);
	jv_free(expect);
	return yes;
}

static bool run_case(struct test *t, jv one, struct str *why)
{
	struct err e = {0};
	jv context = context_of(t, json_str(one, "flow", ""));
	char *table = table_write(t, one, &e); /* a case gives only what it needs of what the provider needs */
	struct page *page = table ? page_start(t, context, table, &e) : NULL;
	bool yes = false;

	if (page)
		yes = run_flow(t, one, context, page, why);
	else
		str_puts(why, e.text);
	page_close(page);
	if (table)
		unlink(table);
	free(table);
	jv_free(context);
	return yes;
}

static jv given_of(const struct test *t, jv one)
{
	jv all = json_get(t->yaml.value, "given"), own = json_get(one, "given");

	if (!json_is(all, JV_KIND_OBJECT)) {
		jv_free(all);
		all = jv_object();
	}
	if (json_is(own, JV_KIND_OBJECT))
		return json_merge_take(all, own);
	jv_free(own);
	return all;
}

static int run_cases(struct test *t)
{
	jv cases = json_get(t->yaml.value, "cases");
	int failed = 0;

	for (struct json_iter it = json_iter(cases); json_next(&it);) {
		struct str why = {0};
		const char *name = json_str(it.value, "name", json_str(it.value, "flow", ""));
		bool yes;

		jv_free(t->given);
		t->given = given_of(t, it.value);
		yes = run_case(t, it.value, &why);
		printf("%s - %s: %s%s%s\n", yes ? "ok" : "not ok", t->provider->name, name, yes ? "" : ": ", yes ? "" : str_text(&why));
		failed += !yes;
		str_free(&why);
	}
	jv_free(cases);
	return failed ? EX_NO : 0;
}

int provider_test(char **names, const char *pages)
{
	int status = 0, one;

	for (; *names; names++) {
		struct test t;
		struct err e;

		if (tests_read(&t, *names, pages, &e)) {
			warn("%s", e.text);
			one = e.status;
		} else {
			one = run_cases(&t);
		}
		tests_free(&t);
		if (one > status)
			status = one;
	}
	return status;
}

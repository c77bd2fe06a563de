/* ab-provider: which providers there are, whether they are sound, and what they do: on saved pages, or live
 * but dry. */
#include "provider.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "ext/yaml.h"
#include "site/provider.h"
#include "wire/launch.h"
#include "wire/pagelink.h"

#define SELECTOR_TIMEOUT 10000

static const char *session, *slot, *booking, *pictures, *pages;
static bool step, vars, force;

static const struct opt opts[] = {
	{'s', "session", "NAME", "try, record: the session to run the flow for", &session, NULL, NULL},
	{0, "slot", "JSON", "try, record: the slot (default: the first that check finds)", &slot, NULL, NULL},
	{0, "booking", "JSON", "try, record: the booking, for verify and cancel", &booking, NULL, NULL},
	{0, "step", NULL, "try: show each step and what came of it, and wait before the next one", NULL, &step, NULL},
	{0, "pictures", "DIR", "try --step: save the page after each step that acts on it", &pictures, NULL, NULL},
	{0, "vars", NULL, "try: print what the flow kept, too (may hold personal data)", NULL, &vars, NULL},
	{0, "pages", "DIR", "test: the folder of the saved pages (default: the provider's own)", &pages, NULL, NULL},
	{0, "keep", "FIELD", "record: leave this field as it is, such as profile.nationality (repeatable)", NULL, NULL, record_keep},
	{0, "force", NULL, "record: write into a folder that is not empty, too", NULL, &force, NULL},
	{0}};

/* --- list --- */

static void list_one(const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s/provider.yaml", folder, name);
	struct yaml y;
	struct err e;

	if (access(path, F_OK) == 0 && yaml_read(&y, path, &e) == 0) {
		printf("%s\t%s\t%s\t%s/%s\n", name, json_str(y.value, "title", ""), json_str(y.value, "transport", "http"), folder, name);
		yaml_done(&y);
	} else if (access(path, F_OK) == 0) {
		printf("%s\t(not readable: see `ab-provider check %s`)\t\t%s/%s\n", name, name, folder, name);
	}
	free(path);
}

static bool seen_before(jv *seen, const char *name)
{
	bool before = json_has(*seen, name);

	*seen = json_set(*seen, name, jv_true());
	return before;
}

int provider_list(void)
{
	char **folders = provider_folders();
	jv seen = jv_object();

	for (char **f = folders; *f; f++) {
		struct dirent **names;
		int n = scandir(*f, &names, NULL, alphasort);

		for (int i = 0; i < n; i++) {
			char *inside = xasprintf("%s/%s/provider.yaml", *f, names[i]->d_name);

			/* the first of a name is the one that is used */
			if (name_valid(names[i]->d_name) && access(inside, F_OK) == 0 && !seen_before(&seen, names[i]->d_name))
				list_one(*f, names[i]->d_name);
			free(inside);
			free(names[i]);
		}
		if (n >= 0)
			free(names);
		free(*f);
	}
	free(folders);
	jv_free(seen);
	return 0;
}

/* --- check --- */

static void say(void *ctx, const char *path, int line, int column, const char *text)
{
	(*(int *)ctx)++;
	printf("%s:%d:%d: %s\n", path, line, column, text);
}

/* What the page driver says of a selector: NULL when it takes it. The caller frees. */
static char *selector_wrong(struct page *page, const char *kind, const char *text, struct err *e)
{
	jv answer = page_call(page, json_obj("do", jv_string("find"), kind, jv_string(text), NULL), SELECTOR_TIMEOUT, e);
	jv error = json_get(answer, "error");
	char *wrong = strcmp(json_str(error, "code", ""), "selector") == 0 ? xstrdup(json_str(error, "message", "")) : NULL;

	jv_free(error);
	jv_free(answer);
	return wrong;
}

static struct page *empty_page(struct err *e)
{
	struct page *page = page_private("http", NULL, e);
	jv answer;

	if (!page)
		return NULL;
	answer = page_call(page, json_obj("do", jv_string("load"), "html", jv_string("<!DOCTYPE html><p></p>"), "url",
					  jv_string("http://127.0.0.1/"), NULL), SELECTOR_TIMEOUT, e);
	if (!json_bool(answer, "ok", false)) {
		if (json_ok(answer))
			err_set(e, EX_UNAVAILABLE, "the page driver loads no page");
		page_close(page);
		page = NULL;
	}
	jv_free(answer);
	return page;
}

static int check_selectors(const char *path, jv selectors, int *mistakes, struct err *e)
{
	struct page *page = json_len(selectors) ? empty_page(e) : NULL;
	int r = 0;

	if (!json_len(selectors))
		return 0;
	if (!page)
		return err_wrap(e, "check the selectors of %s", path);
	for (struct json_iter it = json_iter(selectors); json_next(&it);) {
		struct err failed = {0};
		char *wrong = selector_wrong(page, json_str(it.value, "kind", "css"), json_str(it.value, "text", ""), &failed);

		if (wrong)
			say(mistakes, path, (int)json_int(it.value, "line", 1), (int)json_int(it.value, "column", 1), wrong);
		free(wrong);
		if (failed.status) {
			*e = failed;
			r = -1;
			json_iter_end(&it);
			break;
		}
	}
	page_close(page);
	return r;
}

static int check_one(const char *name)
{
	struct err e = {0};
	jv selectors = jv_array();
	int mistakes = 0, status = 0;
	struct provider *p = provider_check(name, say, &mistakes, &selectors, &e);
	char *path = provider_find(name, NULL);

	if (!p && !mistakes) {
		/* not YAML, or not there */
		if (e.status == EX_CONFIG)
			puts(e.text);
		else
			warn("%s", e.text);
		status = e.status;
	}
	if (path && check_selectors(path, selectors, &mistakes, &e)) {
		warn("%s", e.text);
		status = EX_UNAVAILABLE;
	}
	free(path);
	jv_free(selectors);
	provider_free(p);
	return mistakes ? EX_CONFIG : status;
}

int provider_check_all(char **names)
{
	int status = 0, one;

	for (; *names; names++)
		if ((one = check_one(*names)))
			status = status == EX_CONFIG ? status : one;
	return status;
}

/* --- main --- */

/* STATUS, once all that was to be said is written. */
static int said(int status)
{
	if (fflush(stdout) || ferror(stdout))
		die(EX_IOERR, "write standard output:");
	return status;
}

int main(int argc, char **argv)
{
	static const struct opt_spec spec = {
		"ab-provider", "list | check NAME|PATH… | test NAME|PATH… | try --session NAME [--step] FLOW | record --session NAME FLOW… DIR",
		"Lists, checks and tries the descriptions of sites, and records their pages.", opts, 1, -1, false};
	const char *command;
	struct err e;
	int first;

	sandbox_private();
	first = opt_parse(argc, argv, &spec);
	command = argv[first++];
	if (strcmp(command, "list") == 0) {
		if (argv[first])
			opt_usage("list takes no operand");
		return said(provider_list());
	}
	if (strcmp(command, "try") == 0) {
		if (!argv[first] || argv[first + 1] || !session)
			opt_usage("try: --session NAME and one FLOW are wanted");
		if (pictures && !step)
			opt_usage("--pictures goes with --step");
		return said(provider_try(&(struct try){session, argv[first], slot, booking, pictures, step, vars}, argv));
	}
	if (strcmp(command, "record") == 0) {
		int last = argc - 1;

		if (last <= first || !session)
			opt_usage("record: --session NAME, a FLOW or more and the DIR are wanted");
		return said(provider_record(&(struct record){session, argv + first, (size_t)(last - first), slot, booking, argv[last], force}, argv));
	}
	if (strcmp(command, "check") && strcmp(command, "test"))
		opt_usage("'%s' is none of list, check, test, try and record", command);
	if (!argv[first])
		opt_usage("%s: which provider?", command);
	if (launch_init(&e))
		die_err(&e);
	return said(strcmp(command, "check") == 0 ? provider_check_all(argv + first) : provider_test(argv + first, pages));
}

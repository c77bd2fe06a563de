/* Expands templates: expr-test ZONE LIMIT-MS reads lines {"template": …, "context": …} and prints for each its value
 * as JSON, or "error STATUS MESSAGE". All templates are known from the start, as those of a provider are. First
 * comes a line for each filter that does not compile. */
#include "site/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

static jv read_lines(void)
{
	struct str text;
	struct err e;
	jv lines = jv_array();
	char *save = NULL;

	if (fs_read_fd(0, "stdin", 4u << 20, &text, &e))
		die_err(&e);
	for (char *line = strtok_r(text.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		jv v = json_parse(line, strlen(line), &e);

		if (!json_ok(v))
			die_err(&e);
		lines = json_push(lines, v);
	}
	str_free(&text);
	return lines;
}

static jv templates_of(jv lines)
{
	jv all = jv_array();

	for (struct json_iter it = json_iter(lines); json_next(&it);)
		all = json_push(all, json_get(it.value, "template"));
	return all;
}

static void wrong(void *ctx, jv template, size_t at, const char *what)
{
	(void)ctx;
	printf("wrong %zu of %s: %s\n", at, json_string(template, ""), what);
}

static void one(struct exprs *x, jv line)
{
	jv template = json_get(line, "template"), context = json_get(line, "context");
	struct err e = {0};
	jv v = expr_expand(x, template, context, &e);
	char *text = json_ok(v) ? json_text(v) : xasprintf("error %d %s", e.status, e.text);

	puts(text);
	free(text);
	jv_free(v);
	jv_free(template);
	jv_free(context);
}

int main(int argc, char **argv)
{
	jv lines = read_lines(), all = templates_of(lines);
	struct exprs *x = exprs_new(all, argc > 1 ? argv[1] : "UTC");
	struct err e;

	exprs_limit(x, argc > 2 ? atoi(argv[2]) : 2000);
	if (exprs_check(x, wrong, NULL, &e) == 0)
		for (struct json_iter it = json_iter(lines); json_next(&it);)
			one(x, it.value);
	exprs_free(x);
	jv_free(all);
	jv_free(lines);
	return 0;
}

/* The files of a recorded run: pages, what was asked for them, and the cases of tests.yaml. */
#include "provider-record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fs.h"
#include "ext/yaml.h"

#define FILE_MAX (64u << 20)

static const char head[] = "# Recorded. What was personal or secret has stand-ins; look through it all the same before you publish it.\n";

struct writer {
	const char *to;
	const struct provider *provider;
	struct str source; /* the provider's file: which headers it asks about */
	struct secrets *secrets;
	struct err *e;
};

/* ---- one file ---- */

static int put_file(struct writer *w, const char *name, const char *data, size_t len)
{
	char *path = xasprintf("%s/%s", w->to, name);
	int r = fs_replace(path, data, len, w->e);

	free(path);
	return r;
}

/* The page of ENTRY as FLOW-NN-VERB.html; its name, NULL with *e. The caller frees. */
static char *put_page(struct writer *w, const char *flow, int number, jv entry)
{
	const char *body = json_str(entry, "body", "");
	jv command = json_get(entry, "command"), type = json_path(entry, "page.type");
	const char *kind = json_string(type, "");
	char *name = xasprintf("%s-%02d-%s.%s", flow, number, json_str(command, "do", "page"),
			       strstr(kind, "json") ? "json" : strstr(kind, "html") ? "html" : "txt");
	struct str out = {0};

	secrets_replace(w->secrets, &out, body, strlen(body));
	if (put_file(w, name, str_text(&out), out.len)) {
		free(name);
		name = NULL;
	}
	str_free(&out);
	jv_free(type);
	jv_free(command);
	return name;
}

/* ---- over HTTP: answers ---- */

/* The headers that a rule may look at: those that mean something to every flow, and those that the provider names. */
static jv kept_headers(const struct writer *w, jv headers, const char *type)
{
	static const char *const always[] = {"retry-after", "refresh", "location", NULL};
	jv kept = jv_object();

	for (struct json_iter it = json_iter(headers); json_next(&it);) {
		bool keep = strcasestr(str_text(&w->source), it.key) && strcmp(it.key, "date") != 0;

		for (const char *const *a = always; *a; a++)
			keep |= strcmp(it.key, *a) == 0;
		if (keep && strcmp(it.key, "content-type") != 0 && strcmp(it.key, "set-cookie") != 0)
			kept = json_set(kept, it.key, jv_copy(it.value));
	}
	if (*type) {
		/* a saved page is UTF-8, whatever it was before */
		char *text = xasprintf("%s; charset=utf-8", type);

		kept = json_set_str(kept, "content-type", text);
		free(text);
	}
	return kept;
}

/* URL as the table knows it: from its path on, where its site is the provider's; up to what would be written otherwise. */
static char *pattern_of(const char *url, const char *base)
{
	const char *end = strstr(base, "://"), *path = url;
	size_t origin = end ? (size_t)(end + 3 - base) + strcspn(end + 3, "/?#") : 0, len, plain;

	if (origin && strncmp(url, base, origin) == 0 && url[origin] == '/')
		path = url + origin;
	len = strcspn(path, "#");
	plain = strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?@!$&'()+,;=%[]");
	return plain < len ? xasprintf("%.*s*", (int)plain, path) : xasprintf("%.*s", (int)len, path);
}

static jv answer_base(const char *method, const char *url, const char *base)
{
	char *pattern = pattern_of(url, base);
	jv a = json_obj("url", jv_string(pattern), NULL);

	free(pattern);
	return strcmp(method, "GET") == 0 ? a : json_set_str(a, "method", method);
}

/* What ENTRY's request is answered with: the page, after a redirect where there was one. */
static int add_answers(struct writer *w, const char *flow, int number, jv entry, const char *base, jv *answers)
{
	jv page = json_get(entry, "page"), headers = json_get(page, "headers"), a;
	const char *url = json_str(page, "url", ""), *asked = json_str(entry, "asked", ""), *method = json_str(entry, "method", "GET");
	char *file = put_page(w, flow, number, entry);

	if (!file)
		goto out;
	if (json_bool(entry, "redirected", false)) {
		a = *asked ? answer_base(method, asked, base) : json_set_str(json_obj("url", jv_string("*"), NULL), "method", method);
		a = json_set(a, "status", jv_number(303));
		a = json_set(a, "headers", json_obj("location", jv_string(url), NULL));
		*answers = json_push(*answers, json_set_str(a, "body", ""));
		method = "GET";
	}
	a = answer_base(method, url, base);
	if (json_int(page, "status", 200) != 200)
		a = json_set(a, "status", json_get(page, "status"));
	a = json_set(a, "headers", kept_headers(w, headers, json_str(page, "type", "")));
	*answers = json_push(*answers, json_set_str(a, "file", file));
out:
	jv_free(headers);
	jv_free(page);
	free(file);
	return file ? 0 : -1;
}

static int put_answers(struct writer *w, const struct recorded *run, const char *base, jv *one)
{
	jv answers = jv_array();
	int number = 0, r = 0;

	for (struct json_iter it = json_iter(run->entries); r == 0 && json_next(&it);)
		if (json_has(it.value, "page"))
			r = add_answers(w, run->flow, ++number, it.value, base, &answers);
	*one = json_set(*one, "answers", secrets_replace_json(w->secrets, answers));
	return r;
}

/* ---- in a browser: commands ---- */

/* ENTRY as the table has it; its page in a file of its own, where it is another than before. */
static jv command_entry(struct writer *w, const char *flow, int number, jv entry)
{
	jv made = json_del(json_del(json_del(json_del(jv_copy(entry), "body"), "method"), "asked"), "redirected");
	jv page = json_get(made, "page"), headers = json_get(page, "headers");

	if (json_is(page, JV_KIND_OBJECT)) {
		char *file = put_page(w, flow, number, entry);

		if (!file) {
			jv_free(made);
			made = jv_invalid();
		} else {
			made = json_set(made, "page", json_set(jv_copy(page), "headers", kept_headers(w, headers, "")));
			made = json_set_str(secrets_replace_json(w->secrets, made), "file", file);
		}
		free(file);
	} else {
		made = secrets_replace_json(w->secrets, made);
	}
	jv_free(headers);
	jv_free(page);
	return made;
}

/* A line for each, so that people can read and compare them. */
static int put_commands(struct writer *w, const struct recorded *run, jv *one)
{
	char *name = xasprintf("%s-commands.json", run->flow);
	struct str out = {0};
	int r = 0;

	for (struct json_iter it = json_iter(run->entries); r == 0 && json_next(&it);) {
		jv made = command_entry(w, run->flow, it.index + 1, it.value);

		str_puts(&out, it.index ? ",\n" : "[");
		r = json_ok(made) ? json_add_text(&out, made) : -1;
		jv_free(made);
	}
	str_puts(&out, out.len ? "]\n" : "[]\n");
	r = r || put_file(w, name, str_text(&out), out.len) ? -1 : 0;
	*one = json_set_str(*one, "commands", name);
	str_free(&out);
	free(name);
	return r;
}

/* ---- tests.yaml ---- */

/* A slot's numbers stay such in JSON; YAML has texts alone. */
static jv given_of(struct writer *w, const struct recorded *run)
{
	static const char *const as_json[] = {"slot", "booking", NULL};
	jv given = secrets_replace_json(w->secrets, jv_copy(run->given));

	for (const char *const *k = as_json; *k; k++) {
		jv v = json_get(given, *k);
		char *text = json_text(v);

		given = json_is(v, JV_KIND_OBJECT) ? json_set_str(given, *k, text) : json_del(given, *k);
		free(text);
		jv_free(v);
	}
	return given;
}

static int put_tests(struct writer *w, jv cases)
{
	jv tests = json_obj("cases", cases, NULL);
	char *text = yaml_text(tests), *whole = xasprintf("%s%s", head, text);
	int r = put_file(w, "tests.yaml", whole, strlen(whole));

	free(whole);
	free(text);
	jv_free(tests);
	return r;
}

int fixture_write(const char *to, const struct provider *p, const struct recorded *runs, size_t n, struct secrets *secrets, struct err *e)
{
	struct writer w = {to, p, {0}, secrets, e};
	jv cases = jv_array();
	int r = fs_read(p->path, FILE_MAX, &w.source, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		jv template = json_get(p->doc, "base"), base = expr_expand(p->exprs, template, runs[i].given, NULL);
		char *name = xasprintf("%s, as it was recorded", runs[i].flow);
		jv one = json_obj("name", jv_string(name), "flow", jv_string(runs[i].flow), "given", given_of(&w, &runs[i]), NULL);

		r = runs[i].browser ? put_commands(&w, &runs[i], &one) : put_answers(&w, &runs[i], json_string(base, ""), &one);
		one = json_set(json_set_str(one, "dry", "true"), "expect", secrets_replace_json(secrets, jv_copy(runs[i].expect)));
		cases = json_push(cases, one);
		free(name);
		jv_free(base);
		jv_free(template);
	}
	if (r == 0)
		r = put_tests(&w, cases);
	else
		jv_free(cases);
	str_free(&w.source);
	return r;
}

/* ---- the folder ---- */

typedef int each_cb(const char *path, const char *name, void *ctx, struct err *e);

static int each_file(const char *folder, each_cb *each, void *ctx, struct err *e)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort), r = 0;

	if (n < 0)
		return err_set(e, EX_NOINPUT, "read %s:", folder);
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", folder, names[i]->d_name);

		if (r == 0 && strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0)
			r = each(path, names[i]->d_name, ctx, e);
		free(path);
		free(names[i]);
	}
	free(names);
	return r;
}

static int look_through(const char *path, const char *name, void *ctx, struct err *e)
{
	const char *how, *left;
	struct str text;

	if (fs_read(path, FILE_MAX, &text, e))
		return -1;
	left = secrets_left(ctx, str_text(&text), text.len, &how);
	str_free(&text);
	return left ? err_set(e, EX_DATAERR, "%s is left in %s, %s", left, name, how) : 0;
}

int fixture_clean(const char *folder, const struct secrets *secrets, struct err *e)
{
	return each_file(folder, look_through, (void *)secrets, e);
}

static int move_one(const char *path, const char *name, void *ctx, struct err *e)
{
	char *to = xasprintf("%s/%s", (const char *)ctx, name), *old = xasprintf("%s.old", to);
	int r = strcmp(name, "tests.yaml") == 0 && rename(to, old) && errno != ENOENT ? -1 : rename(path, to);

	if (r)
		err_set(e, EX_CANTCREAT, "write %s:", to);
	free(old);
	free(to);
	return r;
}

int fixture_move(const char *folder, const char *to, struct err *e)
{
	return fs_mkdirs(to, e) ? -1 : each_file(folder, move_one, (void *)to, e);
}

static int remove_one(const char *path, const char *name, void *ctx, struct err *e)
{
	(void)name;
	(void)ctx;
	return fs_unlink(path, e);
}

void fixture_remove(const char *folder)
{
	struct err e;

	if (each_file(folder, remove_one, NULL, &e) || rmdir(folder))
		warn("%s can't be removed: do it by hand, it may hold what is secret", folder);
}

static int not_empty(const char *path, const char *name, void *ctx, struct err *e)
{
	(void)path;
	(void)name;
	(void)ctx;
	(void)e;
	return 1;
}

bool fixture_empty(const char *folder)
{
	struct err e;

	return access(folder, F_OK) != 0 || each_file(folder, not_empty, NULL, &e) == 0;
}

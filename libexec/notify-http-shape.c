#include "libexec/notify-http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "ext/filter.h"

#define TEMPLATE_MAX (64u << 10)
#define TEMPLATE_TIME 5000 /* ms */

/* So an error is a value, whose words we look at before they are told: libjq quotes what the program had in hand. */
#define CATCH_BEGIN "try (\n"
#define CATCH_END "\n) catch {error: (if type == \"string\" then . else \"it stopped\" end)}"

static char *template_path(const char *name, struct err *e)
{
	const char *installed = getenv("AB_PKGDATA");

	if (str_ends(name, ".jq") && *name == '/')
		return xstrdup(name);
	if (!name_valid(name) || str_ends(name, ".jq")) {
		err_set(e, EX_CONFIG, "template '%.100s' is neither the name of one of ours (ntfy) nor the full path of a file that ends in .jq", name);
		return NULL;
	}
	return xasprintf("%s/webhooks/%s.jq", installed && *installed ? installed : AB_PKGDATADIR, name);
}

static int template_read(const char *name, struct str *text, struct err *e)
{
	char *path = template_path(name, e);
	int r = path ? fs_read(path, TEMPLATE_MAX, text, e) : -1;

	if (r && path && errno == ENOENT)
		err_set(e, EX_CONFIG, "template %.100s: there is no %s", name, path);
	if (r)
		e->status = EX_CONFIG;
	else if (memchr(str_text(text), '\0', text->len))
		r = err_set(e, EX_CONFIG, "template %.100s: a NUL byte in it", name);
	free(path);
	return r;
}

/* The first mistake in a template, in words; CATCH_BEGIN is a line. */
struct mistake {
	const char *program;
	char text[300];
};

static void mistake_at(struct mistake *m, size_t at, const char *what)
{
	size_t line = 0, last = 0;

	for (size_t i = 0; m->program[i]; i++) {
		last += m->program[i] == '\n';
		line += i < at && m->program[i] == '\n';
	}
	last -= 1; /* CATCH_END's */
	line = line < 1 ? 1 : line > last ? last : line;
	snprintf(m->text, sizeof m->text, "line %zu: %s", line, what);
}

static void on_mistake(void *ctx, size_t index, size_t at, const char *what)
{
	struct mistake *m = ctx;

	(void)index;
	if (!*m->text)
		mistake_at(m, at, what);
}

/* The template's own brackets must balance, or ours would be taken for its. */
static bool balanced(struct mistake *m, const char *text)
{
	struct filter_words words;
	bool ok = filter_scan(&words, text) == 0;

	if (!ok)
		mistake_at(m, strlen(CATCH_BEGIN) + words.wrong_at, words.wrong);
	filter_words_free(&words);
	return ok;
}

static jv template_run(const char *name, const char *text, jv input, struct err *e)
{
	char *program = xasprintf("%s%s%s", CATCH_BEGIN, text, CATCH_END);
	struct filter *f = filter_new((const char *const *)&program, 1, NULL);
	struct mistake m = {.program = program};
	jv out = jv_invalid();

	filter_limit(f, TEMPLATE_TIME);
	if (!balanced(&m, text) || filter_check(f, on_mistake, &m, e)) {
		if (*m.text)
			err_set(e, EX_CONFIG, "template %.100s, %s", name, m.text);
		else
			err_wrap(e, "template %.100s", name);
		jv_free(input);
	} else {
		out = filter_run(f, 0, input, e);
		if (!json_ok(out) && e->status == EX_DATAERR)
			err_set(e, EX_CONFIG, "template %.100s gives more than one value", name);
		else if (!json_ok(out))
			err_set(e, e->status, "template %.100s took longer than %d s, or too much memory", name, TEMPLATE_TIME / 1000);
	}
	filter_free(f);
	free(program);
	return out;
}

/* The words of a template's error, without the values that libjq puts into brackets: they may be secret. */
static int refuse(const char *name, const char *words, struct err *e)
{
	const char *open = strchr(words, '('), *close = strrchr(words, ')');

	if (open && close && close > open)
		return err_set(e, EX_CONFIG, "template %.100s: %.*s(...)%.100s", name, open - words > 100 ? 100 : (int)(open - words), words, close + 1);
	return err_set(e, EX_CONFIG, "template %.100s: %.200s", name, words);
}

static int take_path(struct shape *s, const char *name, const char *path, struct err *e)
{
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("?#\\", *p))
			return err_set(e, EX_CONFIG, "template %.100s: what it adds to the path has a character in it that needs @uri", name);
	s->path = xstrdup(path + strspn(path, "/"));
	return 0;
}

static int take_query(struct shape *s, const char *name, jv query, struct err *e)
{
	struct str text = {0};
	int r = 0;

	if (!json_is(query, JV_KIND_OBJECT))
		return err_set(e, EX_CONFIG, "template %.100s: query is not an object", name);
	for (struct json_iter it = json_iter(query); r == 0 && json_next(&it);) {
		const char *value = json_string(it.value, NULL);
		char *k = url_escape(it.key ? it.key : "", strlen(it.key ? it.key : "")), *v = value ? url_escape(value, json_len(it.value)) : NULL;

		if (v)
			str_addf(&text, "%s%s=%s", text.len ? "&" : "", k, v);
		else
			r = err_set(e, EX_CONFIG, "template %.100s: query: '%.40s' is no text", name, k);
		free(k);
		free(v);
		if (r)
			json_iter_end(&it);
	}
	s->query = str_take(&text);
	return r;
}

static int take_body(struct shape *s, const char *name, jv body, struct err *e)
{
	bool text = json_is(body, JV_KIND_STRING);

	if (!text && !json_is(body, JV_KIND_OBJECT) && !json_is(body, JV_KIND_ARRAY))
		return err_set(e, EX_CONFIG, "template %.100s gives no body: an object, or a text", name);
	if (text && strlen(json_string(body, "")) != json_len(body))
		return err_set(e, EX_CONFIG, "template %.100s: a NUL byte in the body", name);
	s->body = text ? xstrdup(json_string(body, "")) : json_text(body);
	s->headers = json_set_str(s->headers, "Content-Type", text ? "text/plain; charset=utf-8" : "application/json");
	return 0;
}

static int take_method(struct shape *s, const char *name, const char *method, struct err *e)
{
	if (strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0)
		return err_set(e, EX_CONFIG, "template %.100s: method is neither POST nor PUT", name);
	free(s->method);
	s->method = xstrdup(method);
	return 0;
}

static int take_headers(struct shape *s, const char *name, jv headers, struct err *e)
{
	if (!json_is(headers, JV_KIND_OBJECT))
		return err_set(e, EX_CONFIG, "template %.100s: headers is not an object", name);
	for (struct json_iter it = json_iter(headers); json_next(&it);) {
		/* the name may be written otherwise than ours */
		if (strcasecmp(it.key, "Content-Type") == 0)
			s->headers = json_del(s->headers, "Content-Type");
		s->headers = json_set(s->headers, it.key, jv_copy(it.value));
	}
	return 0;
}

static int take_member(struct shape *s, const char *name, const char *key, jv value, struct err *e)
{
	if (strcmp(key, "body") == 0 || json_is(value, JV_KIND_NULL))
		return 0;
	if (strcmp(key, "headers") == 0)
		return take_headers(s, name, value, e);
	if (strcmp(key, "method") == 0)
		return take_method(s, name, json_string(value, ""), e);
	if (strcmp(key, "path") == 0)
		return take_path(s, name, json_string(value, "?"), e);
	if (strcmp(key, "query") == 0)
		return take_query(s, name, value, e);
	if (strcmp(key, "bearer") == 0) {
		s->bearer = json_true(value);
		return 0;
	}
	return err_set(e, EX_CONFIG, "template %.100s gives '%.40s', which is none of body, headers, method, path, query, bearer", name, key);
}

static int take(struct shape *s, const char *name, jv out, struct err *e)
{
	jv body = json_get(out, "body"), error = json_get(out, "error");
	int r;

	if (!json_is(out, JV_KIND_OBJECT))
		r = err_set(e, EX_CONFIG, "template %.100s does not give an object", name);
	else if (!json_is(error, JV_KIND_NULL))
		r = refuse(name, json_string(error, "it stopped"), e);
	else
		r = take_body(s, name, body, e);
	for (struct json_iter it = json_iter(r ? jv_null() : out); json_next(&it);)
		if ((r = take_member(s, name, it.key, it.value, e))) {
			json_iter_end(&it);
			break;
		}
	jv_free(body);
	jv_free(error);
	return r;
}

static int by_template(struct shape *s, const char *name, const struct notice *n, struct err *e)
{
	struct str text = {0};
	int r = template_read(name, &text, e);
	jv input, out;

	if (r == 0) {
		input = json_obj("id", jv_string(n->id), "title", jv_string(n->title), "text", jv_string(n->text), "event", jv_copy(n->event),
				 "settings", jv_copy(n->settings), NULL);
		out = template_run(name, str_text(&text), json_set_str(input, "calendar", n->calendar), e);
		r = json_ok(out) ? take(s, name, out, e) : -1;
		jv_free(out);
	}
	str_free(&text);
	return r;
}

/* CloudEvents, HTTP protocol binding 1.0.2 s.3.2: structured content mode. */
static int as_it_is(struct shape *s, const struct notice *n, struct err *e)
{
	if (!json_is(n->event, JV_KIND_OBJECT))
		return err_set(e, EX_DATAERR, "there is no event to send");
	s->body = json_text(n->event);
	s->headers = json_set_str(s->headers, "Content-Type", "application/cloudevents+json; charset=utf-8");
	return 0;
}

int shape_make(struct shape *s, const struct notice *n, struct err *e)
{
	const char *template = json_str(n->settings, "template", "");

	*s = (struct shape){.method = xstrdup("POST"), .headers = jv_object(), .bearer = true};
	return *template ? by_template(s, template, n, e) : as_it_is(s, n, e);
}

void shape_free(struct shape *s)
{
	free(s->method);
	free(s->path);
	free(s->query);
	free(s->body);
	jv_free(s->headers);
	*s = (struct shape){.headers = jv_null()};
}

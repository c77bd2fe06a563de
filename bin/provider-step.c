#include "provider-step.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "ext/seal.h"
#include "ext/yaml.h"
#include "provider-secrets.h"
#include "provider-try.h"
#include "store/vault.h"

#define LINE_MAX_BYTES 8192
#define VALUE_SHOWN 200  /* bytes of a kept value */
#define TEXT_SHOWN 3000  /* of a page, when asked for */
#define FOUND_SHOWN 8    /* of a list of headings and such */

static struct walk {
	struct work *work;
	const char *pictures;
	struct yaml yaml;         /* the provider's file, for its lines */
	struct secrets *secrets;
	bool on;                  /* without stopping */
	unsigned number;          /* of the step */
	bool told;                /* why it failed */
} walk;

/* ---- what is shown ---- */

/* TEXT in lines that begin with INDENT, without what is secret. */
static void show(const char *indent, const char *text, size_t max)
{
	struct str out = {0};
	size_t len = strlen(text);
	bool cut = len > max;

	/* the whole is looked through: half of a secret would not be known */
	secrets_mask(walk.secrets, &out, text, len);
	cut |= out.len > max;
	if (out.len > max)
		out.s[max] = '\0';
	for (const char *p = str_text(&out); *p;) {
		size_t line = strcspn(p, "\n");

		fprintf(stderr, "%s%.*s%s\n", indent, (int)line, p, cut && !p[line] ? " …" : "");
		p += line + (p[line] == '\n');
	}
	str_free(&out);
}

static void show_value(const char *what, jv v)
{
	char *text = json_is(v, JV_KIND_STRING) ? xstrdup(json_string(v, "")) : json_text(v), *line = xasprintf("%s%s", what, text);

	show("   ", line, VALUE_SHOWN);
	free(line);
	free(text);
}

/* Credentials and their like are hidden at any length, where they are all of a value. */
static jv hide_short(jv v, jv hidden)
{
	if (json_is(v, JV_KIND_STRING)) {
		if (!json_has(hidden, json_string(v, "")) || !json_len(v))
			return v;
		jv_free(v);
		return jv_string("<secret>");
	}
	if (json_is(v, JV_KIND_OBJECT)) {
		jv keys = jv_copy(v);

		for (struct json_iter it = json_iter(keys); json_next(&it);)
			v = json_set(v, it.key, hide_short(jv_copy(it.value), hidden));
		jv_free(keys);
	}
	return v;
}

/* ---- the step's place and text ---- */

static void place_text(struct str *to, const struct flow_place *place, const char *between)
{
	if (place->up)
		place_text(to, place->up, between);
	else
		str_puts(to, "/flows");
	str_addf(to, "/%s%s/%d", place->key, place->up ? "" : between, place->index);
}

/* Its line in the file, 0 where it is not known. */
static int line_of(const struct flow_place *place)
{
	static const char *const between[] = {"", "/steps"}; /* a flow may have settings beside its steps */
	int line = 0, column;

	for (size_t i = 0; i < 2 && !line; i++) {
		struct str at = {0};

		place_text(&at, place, between[i]);
		if (json_has(walk.yaml.places, str_text(&at)))
			yaml_place(&walk.yaml, str_text(&at), &line, &column);
		str_free(&at);
	}
	return line;
}

static jv with_now(jv context)
{
	char now[CLOCK_TEXT];

	return json_has(context, "now") ? jv_copy(context) : json_set_str(jv_copy(context), "now", clock_format(clock_wall(), now));
}

/* The step with its expressions' values, without the steps in it. What can't be told before it runs stays as it is written. */
static jv expanded(const struct flow_view *v)
{
	jv context = with_now(v->context), shown = jv_object();

	for (struct json_iter it = json_iter(v->step); json_next(&it);) {
		bool inner = strcmp(it.key, "do") == 0 || strcmp(it.key, "then") == 0 || strcmp(it.key, "else") == 0;
		jv value = inner ? jv_null() : expr_expand(walk.work->provider->exprs, it.value, context, NULL);

		if (!inner)
			shown = json_set(shown, it.key, json_ok(value) ? value : jv_copy(it.value));
		else
			jv_free(value);
	}
	jv_free(context);
	return shown;
}

static jv credentials(void)
{
	jv list = jv_object();

	for (struct json_iter it = json_iter(walk.work->secrets); json_next(&it);)
		for (struct json_iter in = json_iter(it.value); json_next(&in);)
			if (json_is(in.value, JV_KIND_STRING))
				list = json_set(list, json_string(in.value, ""), jv_true());
	return list;
}

static void show_step(const struct flow_view *v)
{
	int line = line_of(v->place);
	jv hidden = credentials(), shown = hide_short(expanded(v), hidden);
	char *text = yaml_text(shown);

	walk.number++;
	walk.told = false;
	fprintf(stderr, "%u. ", walk.number);
	if (line)
		fprintf(stderr, "%s:%d: ", walk.work->provider->path, line);
	fprintf(stderr, "%s\n", v->verb);
	show("   ", text, TEXT_SHOWN);
	if (json_bool(v->step, "commit", false))
		fputs("   (the commit: it is not sent, and the flow ends here)\n", stderr);
	free(text);
	jv_free(shown);
	jv_free(hidden);
}

/* ---- the page ---- */

/* What CSS finds: their texts, or an attribute. */
static jv texts(const char *css, const char *attr)
{
	jv command = json_obj("do", jv_string("find"), "css", jv_string(css), "all", jv_true(), NULL);
	jv answer = try_ask(walk.work, attr ? json_set_str(command, "attr", attr) : command), values = json_get(answer, "values");

	jv_free(answer);
	return values;
}

static void show_found(const char *what, const char *css, const char *attr)
{
	jv list = texts(css, attr);
	struct str line = {0};
	int n = 0;

	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (json_len(it.value) && n++ < FOUND_SHOWN)
			str_addf(&line, "%s'%.60s'", line.len ? ", " : what, json_string(it.value, ""));
	if (n > FOUND_SHOWN)
		str_addf(&line, " and %d more", n - FOUND_SHOWN);
	if (line.len)
		show("   ", str_text(&line), TEXT_SHOWN);
	str_free(&line);
	jv_free(list);
}

static void show_text(size_t max)
{
	jv answer = try_ask(walk.work, json_obj("do", jv_string("find"), "css", jv_string("body"), NULL));
	const char *text = json_str(answer, "value", "");

	if (*text)
		show("   | ", text, max);
	jv_free(answer);
}

static void show_page(void)
{
	jv page = try_ask(walk.work, json_obj("do", jv_string("evidence"), NULL));
	struct str head = {0};

	if (!json_has(page, "url")) {
		fputs("   there is no page yet\n", stderr);
		jv_free(page);
		return;
	}
	str_addf(&head, "%lld %s (%s)", (long long)json_int(page, "status", 0), json_str(page, "url", ""), json_str(page, "type", ""));
	show("   ", str_text(&head), TEXT_SHOWN);
	if (strstr(json_str(page, "type", ""), "html"))
		show_text(TEXT_SHOWN);
	else
		show("   | ", json_str(page, "body", ""), TEXT_SHOWN);
	str_free(&head);
	jv_free(page);
}

/* Written as NUMBER-VERB.ENDING into the folder of pictures. */
static void keep_file(const char *verb, const char *ending, const void *data, size_t len)
{
	char *path = xasprintf("%s/%03u-%s.%s", walk.pictures, walk.number, verb, ending);
	struct err e;

	if (fs_replace(path, data, len, &e))
		warn("%s", e.text);
	else
		fprintf(stderr, "   saved: %s\n", path);
	free(path);
}

static void keep_page(const char *verb)
{
	jv page = walk.pictures ? try_ask(walk.work, json_obj("do", jv_string("evidence"), NULL)) : jv_null(), picture = json_get(page, "picture");
	const char *type = json_str(page, "type", ""), *image = json_str(picture, "type", ""), *base64 = json_str(picture, "data_base64", "");
	size_t len = 0;
	unsigned char *data = *base64 && str_starts(image, "image/") && name_valid(image + 6) ? seal_unbase64(base64, strlen(base64), &len) : NULL;

	if (data)
		keep_file(verb, image + 6, data, len);
	if (json_has(page, "body"))
		keep_file(verb, strstr(type, "json") ? "json" : strstr(type, "html") ? "html" : "txt", json_str(page, "body", ""),
			  strlen(json_str(page, "body", "")));
	free(data);
	jv_free(picture);
	jv_free(page);
}

/* ---- what came of it ---- */

/* Another page may be there afterwards. */
static bool acts(const char *verb)
{
	return strcmp(verb, "human") == 0 || (try_acts(verb) && strcmp(verb, "listen") != 0);
}

static bool holds_steps(const char *verb)
{
	return strcmp(verb, "for") == 0 || strcmp(verb, "if") == 0 || strcmp(verb, "use") == 0;
}

static int count_of(const char *kind, const char *selector)
{
	jv answer = try_ask(walk.work, json_obj("do", jv_string("find"), kind, jv_string(selector), NULL));
	int n = (int)json_int(answer, "count", -1);

	jv_free(answer);
	return n;
}

/* Of a selector that finds nothing, the longest beginning that finds something. */
static void show_nearest(const char *css)
{
	char *part = xstrdup(css);
	size_t len = strlen(part);

	while (len && !strpbrk(part, "[(,\"")) {
		int n;

		while (len && !strchr(" >+~", part[len - 1]))
			len--;
		while (len && strchr(" >+~", part[len - 1]))
			len--;
		part[len] = '\0';
		n = len ? count_of("css", part) : 0;
		if (n > 0) {
			fprintf(stderr, "   of it, '%s' is there: %d\n", part, n);
			break;
		}
	}
	free(part);
}

static void show_count(const char *kind, const char *selector)
{
	int n = *selector ? count_of(kind, selector) : -1;

	if (n < 0)
		return;
	fprintf(stderr, "   %s '%s' is there: %d\n", kind, selector, n);
	if (n == 0 && strcmp(kind, "css") == 0)
		show_nearest(selector);
}

/* The parts of condition COND, one by one, and whether each holds. */
static void show_condition(jv cond)
{
	static const char *const parts[] = {"status", "url", "header", "css", "xpath", "text", NULL};

	if (json_is(cond, JV_KIND_ARRAY)) {
		for (struct json_iter it = json_iter(cond); json_next(&it);)
			show_condition(it.value);
		return;
	}
	for (const char *const *p = parts; *p; p++) {
		jv part = json_get(cond, *p), answer, first;
		struct str line = {0};

		if (!json_is(part, JV_KIND_NULL)) {
			char *text = json_text(part);

			answer = try_ask(walk.work, json_obj("do", jv_string("test"), "conditions", json_push(jv_array(), json_obj(*p, jv_copy(part), NULL)), NULL));
			first = json_path(answer, "results.0");
			str_addf(&line, "%s %s: %s", *p, text, json_true(first) ? "yes" : "no");
			show("   ", str_text(&line), TEXT_SHOWN);
			if (!json_true(first) && strcmp(*p, "css") == 0)
				show_nearest(json_string(part, ""));
			free(text);
			jv_free(first);
			jv_free(answer);
		}
		str_free(&line);
		jv_free(part);
	}
	if (json_has(cond, "css") && json_has(cond, "text"))
		show_found("there it says ", json_str(cond, "css", ""), NULL);
	if (json_has(cond, "jq"))
		show("   jq ", json_bool(cond, "jq", false) ? "yes" : json_str(cond, "jq", "no"), VALUE_SHOWN);
}

static void show_selectors(jv spec)
{
	if (json_is(spec, JV_KIND_STRING)) {
		show_count("css", json_string(spec, ""));
		return;
	}
	show_count("css", json_str(spec, "css", ""));
	show_count("xpath", json_str(spec, "xpath", ""));
}

static void show_wanted(const struct flow_view *v, jv shown)
{
	jv what = json_get(shown, v->verb);

	fputs("   looked for:\n", stderr);
	if (strcmp(v->verb, "expect") == 0 || strcmp(v->verb, "wait") == 0) {
		show_condition(what);
	} else if (strcmp(v->verb, "let") == 0) {
		for (struct json_iter it = json_iter(what); json_next(&it);)
			if (json_is(it.value, JV_KIND_OBJECT))
				show_selectors(it.value);
	} else if (strcmp(v->verb, "rows") == 0) {
		jv each = json_get(what, "each");

		show_selectors(each);
		jv_free(each);
	} else {
		char *text = json_text(what);

		show("   ", text, VALUE_SHOWN);
		free(text);
	}
	jv_free(what);
}

/* Which flow, step and verb it was is told already. */
static void show_failure(const struct flow_view *v)
{
	jv shown = expanded(v);
	char *text = xasprintf("%s, %s", v->result->class, v->result->reason);

	walk.told = true;
	show("   the flow ends: ", text, TEXT_SHOWN);
	if (strcmp(v->result->class, "commit") != 0 && strcmp(v->result->class, "stopped") != 0) {
		show_wanted(v, shown);
		fputs("   the page has:\n", stderr);
		show_found("title ", "title", NULL);
		show_found("headings ", "h1, h2, h3", NULL);
		show_found("forms ", "form[id]", "id");
		show_found("buttons ", "button, [role=button]", NULL);
		show_found("messages ", "[role=alert]", NULL);
		show_text(VALUE_SHOWN);
	}
	free(text);
	jv_free(shown);
}

static void show_kept(const struct flow_view *v)
{
	jv names = json_get(v->step, "let"), into = json_path(v->step, "rows.into"), rows;

	for (struct json_iter it = json_iter(names); json_next(&it);) {
		jv value = json_get(v->result->var, it.key);
		char *what = xasprintf("%s = ", it.key);

		show_value(what, value);
		free(what);
		jv_free(value);
	}
	if (strcmp(v->verb, "rows") == 0) {
		rows = json_get(v->result->var, json_string(into, "rows"));
		fprintf(stderr, "   %zu rows\n", json_len(rows));
		if (json_len(rows)) {
			jv first = json_at(rows, 0);

			show_value("the first: ", first);
			jv_free(first);
		}
		jv_free(rows);
	}
	if (strcmp(v->verb, "slots") == 0)
		fprintf(stderr, "   %zu slots so far\n", json_len(v->result->slots));
	if (strcmp(v->verb, "booking") == 0)
		show_value("booking: ", v->result->booking);
	jv_free(into);
	jv_free(names);
}

/* A code that came is a secret from now on. */
static void hide_code(const struct flow_view *v)
{
	jv into, value;

	if (strcmp(v->verb, "otp") != 0 && strcmp(v->verb, "human") != 0)
		return;
	into = json_path(v->step, strcmp(v->verb, "otp") == 0 ? "otp.into" : "human.into");
	value = json_get(v->result->var, json_string(into, strcmp(v->verb, "otp") == 0 ? "code" : "answer"));
	if (json_is(value, JV_KIND_STRING)) {
		secrets_add(walk.secrets, "code", json_string(value, ""));
		fprintf(stderr, "   it came: %zu characters\n", json_len(value));
	}
	jv_free(value);
	jv_free(into);
}

static void show_result(const struct flow_view *v)
{
	jv page = json_get(v->context, "page");

	if (!v->ended && acts(v->verb) && json_has(page, "url")) {
		struct str line = {0};

		str_addf(&line, "%lld %s", (long long)json_int(page, "status", 0), json_str(page, "url", ""));
		if (*json_str(page, "class", ""))
			str_addf(&line, ", class %s", json_str(page, "class", ""));
		show("   ", str_text(&line), TEXT_SHOWN);
		str_free(&line);
	}
	jv_free(page);
	if (v->ended)
		show_failure(v);
	else
		show_kept(v);
	fprintf(stderr, "   %s, %lld ms\n", v->ended ? "ended" : "done", (long long)v->ms);
}

/* ---- the author ---- */

/* A line without its end; false at the end of input, and when we are told to end. */
static bool read_line(char *line, size_t size)
{
	struct pollfd p[2] = {{STDIN_FILENO, POLLIN, 0}, {walk.work->stop_fd, POLLIN, 0}};
	size_t n = 0;
	char c;

	for (;;) {
		if (proc_poll(p, 2, -1) <= 0 || p[1].revents || read(STDIN_FILENO, &c, 1) != 1)
			return false;
		if (c == '\n')
			break;
		if (n + 1 < size)
			line[n++] = c;
	}
	line[n] = '\0';
	return true;
}

static void evaluate(const char *text, const struct flow_view *v)
{
	char *whole = xasprintf("${%s}", text);
	jv template = jv_string(whole), context = with_now(v->context), value = jv_invalid();
	struct exprs *x = exprs_new(template, json_str(walk.work->provider->doc, "timezone", NULL));
	struct err e = {0};
	char *shown;

	if (exprs_check(x, NULL, NULL, &e) == 0)
		value = expr_expand(x, template, context, &e);
	shown = json_ok(value) ? json_text(value) : xstrdup(e.text);
	show("   ", shown, TEXT_SHOWN);
	free(shown);
	jv_free(value);
	jv_free(context);
	jv_free(template);
	exprs_free(x);
	free(whole);
}

/* As struct flow_host has it for `step`, before one. */
static int ask_author(const struct flow_view *v)
{
	char line[LINE_MAX_BYTES];

	for (;;) {
		fputs("Enter runs it, s leaves it out, c goes on, p shows the page, e EXPRESSION, q stops: ", stderr);
		if (!read_line(line, sizeof line)) {
			fputc('\n', stderr);
			return -1;
		}
		if (!isatty(STDIN_FILENO))
			fprintf(stderr, "%s\n", line);
		if (!*line)
			return 0;
		if (str_starts(line, "e ")) {
			evaluate(line + 2, v);
		} else if (strcmp(line, "p") == 0) {
			show_page();
		} else if (strcmp(line, "s") == 0) {
			return 1;
		} else if (strcmp(line, "q") == 0) {
			return -1;
		} else if (strcmp(line, "c") == 0) {
			walk.on = true;
			return 0;
		} else {
			fprintf(stderr, "   '%.40s' is none of them\n", line);
		}
	}
}

static int on_step(void *ctx, const struct flow_view *v)
{
	(void)ctx;
	if (!v->after) {
		show_step(v);
		return walk.on ? 0 : ask_author(v);
	}
	if (holds_steps(v->verb) && (!v->ended || walk.told))
		return 0;
	hide_code(v);
	show_result(v);
	if (acts(v->verb) || v->ended)
		keep_page(v->verb);
	return 0;
}

int step_walk(struct work *w, const char *pictures, struct err *e)
{
	jv profile, secrets;

	walk = (struct walk){.work = w, .pictures = pictures, .secrets = secrets_new()};
	if (pictures && fs_mkdirs(pictures, e))
		return -1;
	if (yaml_read(&walk.yaml, w->provider->path, e))
		return -1;
	profile = part_read(w->session, PART_PROFILE, e);
	secrets = part_read(w->session, PART_SECRETS, e);
	if (!json_ok(profile) || !json_ok(secrets)) {
		jv_free(profile);
		jv_free(secrets);
		return -1;
	}
	for (struct json_iter it = json_iter(secrets); json_next(&it);)
		secrets_add_all(walk.secrets, it.key, it.value);
	for (struct json_iter it = json_iter(profile); json_next(&it);)
		secrets_add_all(walk.secrets, it.key, it.value);
	jv_free(profile);
	jv_free(secrets);
	w->host.step = on_step;
	return 0;
}

void step_end(void)
{
	secrets_free(walk.secrets);
	yaml_done(&walk.yaml);
	walk = (struct walk){0};
}

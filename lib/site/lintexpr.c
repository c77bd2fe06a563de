#include "site/lintexpr.h"

#include <stdlib.h>
#include <string.h>

#include "ext/filter.h"

#define LEVELS 512

const char *const root_names[ROOT_COUNT + 1] = {"profile", "party", "site", "credentials", "var", "slot", "booking", "page", "now", NULL};

static const struct {
	const char *name, *instead;
} forbidden[] = {
	{"env", "a provider may not read the environment"},
	{"$ENV", "a provider may not read the environment"},
	{"input", "there is no input but the context"},
	{"inputs", "there is no input but the context"},
	{"input_filename", "there is no input but the context"},
	{"input_line_number", "there is no input but the context"},
	{"import", "a provider may not load modules"},
	{"include", "a provider may not load modules"},
	{"modulemeta", "a provider may not load modules"},
	{"get_search_list", "a provider may not load modules"},
	{"$__loc__", "it tells nothing here"},
	{"$__prog_args", "there are no arguments"},
	{"debug", "nothing may be printed"},
	{"stderr", "nothing may be printed"},
	{"halt", "use error(\"why\")"},
	{"halt_error", "use error(\"why\")"},
	{"now", "use .now, which tests can set"},
};

/* Whether "." is the context still, followed through brackets and pipes. */
struct level {
	bool start, known; /* at the level's start, and now */
	bool object;       /* in { } */
	bool binding;      /* after `as` or `label`: the next | changes nothing */
	int depth;         /* of strings: the level's bracket belongs to it */
};

struct program {
	struct mistakes *m;
	const struct lint_scope *scope;
	const char *pointer, *text;
	jv value;
	size_t at;
	struct filter_words words;
	struct level levels[LEVELS];
	int top;
};

#define say(p, i, ...) mistake_in((p)->m, (p)->pointer, (p)->value, (p)->at + (p)->words.list[i].at, __VA_ARGS__)

static bool is(const struct program *p, size_t i, const char *text)
{
	return filter_word_is(&p->words, i, p->text, text);
}

static bool is_one_of(const struct program *p, size_t i, const char *const *texts)
{
	for (; *texts; texts++)
		if (is(p, i, *texts))
			return true;
	return false;
}

/* A name before a colon, or alone, in an object is a key and no call. */
static bool is_key(const struct program *p, size_t i)
{
	return p->levels[p->top].object && i && (is(p, i - 1, "{") || is(p, i - 1, ",")) &&
	       (is(p, i + 1, ":") || is(p, i + 1, ",") || is(p, i + 1, "}"));
}

static void check_call(struct program *p, size_t i)
{
	if (p->words.list[i].kind == FILTER_NAME && is_key(p, i))
		return;
	for (size_t k = 0; k < sizeof forbidden / sizeof *forbidden; k++)
		if (is(p, i, forbidden[k].name))
			say(p, i, "%s is not allowed: %s", forbidden[k].name, forbidden[k].instead);
}

static void check_format(struct program *p, size_t i)
{
	static const char *const formats[] = {"@text", "@json", "@csv", "@tsv", "@html", "@uri", "@sh", "@base64", "@base64d", "@base32", NULL};

	if (!is_one_of(p, i, formats))
		say(p, i, "filter: there is no %.*s", (int)p->words.list[i].len, p->text + p->words.list[i].at);
}

/* The path that starts at word I, as far as it is names: ["profile","first_name"]. NEXT: the word after. */
static jv path_at(const struct program *p, size_t i, size_t *next)
{
	jv path = jv_array();
	bool first = true;

	for (; i < p->words.n; first = false) {
		const struct filter_word *w = &p->words.list[i];

		if (w->kind == FILTER_FIELD) {
			path = json_push(path, jv_string_sized(p->text + w->at + 1, (int)w->len - 1));
			i++;
			continue;
		}
		if (is(p, i, ".") && (is(p, i + 1, "[") || (i + 1 < p->words.n && p->words.list[i + 1].kind == FILTER_STRING)))
			i++;
		else if (first)
			break;
		bool bracket = is(p, i, "[");
		size_t s = i + bracket;
		jv name;

		if (s >= p->words.n || p->words.list[s].kind != FILTER_STRING || (bracket && !is(p, s + 1, "]")))
			break;
		name = json_parse(p->text + p->words.list[s].at, p->words.list[s].len, NULL);
		if (!json_is(name, JV_KIND_STRING)) {
			jv_free(name);
			break;
		}
		path = json_push(path, name);
		i = s + 1 + bracket;
	}
	*next = i;
	return path;
}

static char *dotted(jv path)
{
	struct str b = {0};

	for (struct json_iter it = json_iter(path); json_next(&it);)
		str_addf(&b, "%s%s", it.index ? "." : "", json_string(it.value, ""));
	return str_take(&b);
}

/* A field of the record must be one that `needs` names, or lie within one. */
static bool needed(jv needs, const char *path)
{
	for (struct json_iter it = json_iter(needs); json_next(&it);)
		if (str_starts(path, it.key) && (path[strlen(it.key)] == '.' || !path[strlen(it.key)])) {
			json_iter_end(&it);
			return true;
		}
	return false;
}

static void check_field(struct program *p, size_t i, jv path)
{
	char *text = dotted(path);

	/* the whole of a part is no more than what is needed of it */
	if (json_len(path) > 1 && !needed(p->scope->needs, text))
		say(p, i, ".%s is not in 'needs'", text);
	free(text);
}

static void check_var(struct program *p, size_t i, jv path)
{
	jv name = json_at(path, 1);
	const char *text = json_string(name, NULL), **names;
	size_t n = 0;

	if (text && !json_has(p->scope->vars, text)) {
		names = xcalloc(json_len(p->scope->vars) + 1, sizeof *names);
		for (struct json_iter it = json_iter(p->scope->vars); json_next(&it);)
			names[n++] = xstrdup(it.key);
		const char *near = name_nearest(text, names);

		say(p, i, near ? "nothing keeps .var.%s (did you mean .var.%s?)" : "nothing keeps .var.%s", text, near);
		for (size_t k = 0; k < n; k++)
			free((char *)names[k]);
		free(names);
	}
	jv_free(name);
}

static void check_root(struct program *p, size_t i, jv path)
{
	jv first = json_at(path, 0);
	const char *name = json_string(first, ""), *near;
	int root = 0;

	while (root < ROOT_COUNT && strcmp(root_names[root], name))
		root++;
	if (root == ROOT_COUNT) {
		near = name_nearest(name, root_names);
		say(p, i, near ? "there is no .%s (did you mean .%s?)" : "there is no .%s", name, near);
	} else if (!(p->scope->roots & 1u << root)) {
		say(p, i, root == ROOT_CREDENTIALS ? ".%s is for 'login' only, not %s" : "there is no .%s %s", name, p->scope->where);
	} else if (1u << root & (ROOT_RECORD | 1u << ROOT_CREDENTIALS)) {
		check_field(p, i, path);
	} else if (root == ROOT_VAR) {
		check_var(p, i, path);
	}
	jv_free(first);
}

/* True when the word ends a term, so that a field after it belongs to that term. */
static bool ends_term(const struct program *p, size_t i)
{
	static const char *const enders[] = {")", "]", "}", "?", "..", "end", NULL};
	static const char *const words[] = {"and", "or", "not", "if", "then", "elif", "else", "reduce", "foreach", "try", "catch", "as", NULL};

	switch (p->words.list[i].kind) {
	case FILTER_FIELD:
	case FILTER_VAR:
	case FILTER_STRING:
	case FILTER_NUMBER:
		return true;
	case FILTER_NAME:
		return !is_one_of(p, i, words);
	default:
		return is_one_of(p, i, enders);
	}
}

static void push(struct program *p, bool known, bool object, int depth)
{
	if (p->top + 1 < LEVELS)
		p->levels[++p->top] = (struct level){known, known, object, false, depth};
}

/* What is inside the brackets at word I has the context only where no function takes it as an argument. */
static bool opens_known(const struct program *p, size_t i)
{
	static const char *const words[] = {"and", "or", "if", "then", "elif", "else", "try", "catch", "reduce", "foreach", "as", NULL};

	if (!p->levels[p->top].known)
		return false;
	if (!i || !is(p, i, "("))
		return true;
	if (p->words.list[i - 1].kind == FILTER_NAME && p->words.list[i - 1].depth == p->words.list[i].depth)
		return is_one_of(p, i - 1, words);
	return p->words.list[i - 1].kind != FILTER_VAR; /* reduce … as $x ( … ) */
}

static void follow(struct program *p, size_t i)
{
	struct level *now = &p->levels[p->top];

	if (is(p, i, "(") || is(p, i, "[") || is(p, i, "{")) {
		push(p, opens_known(p, i), is(p, i, "{"), p->words.list[i].depth);
	} else if (is(p, i, ")") || is(p, i, "]") || is(p, i, "}") || (is(p, i, "end") && !is_key(p, i))) {
		if (p->top)
			p->top--;
	} else if (is(p, i, "if") && !is_key(p, i)) {
		push(p, now->known, false, p->words.list[i].depth);
	} else if (is(p, i, "then") || is(p, i, "elif") || is(p, i, "else")) {
		now->known = now->start;
		now->binding = false;
	} else if (is(p, i, "as") || is(p, i, "label")) {
		now->binding = true;
	} else if (is(p, i, "def")) {
		now->known = false; /* its body runs where it is called */
	} else if (is(p, i, ";")) {
		now->known = now->start;
	} else if (is(p, i, ",") && now->object) {
		now->known = now->start;
	} else if (is(p, i, "|")) {
		now->known &= now->binding;
		now->binding = false;
	}
}

static void check_words(struct program *p)
{
	for (size_t i = 0; i < p->words.n; i++) {
		const struct filter_word *w = &p->words.list[i];
		bool starts = (w->kind == FILTER_FIELD || is(p, i, ".")) && (!i || !ends_term(p, i - 1) || p->words.list[i - 1].depth != w->depth);
		size_t next;

		if (w->kind == FILTER_NAME || w->kind == FILTER_VAR)
			check_call(p, i);
		if (w->kind == FILTER_FORMAT)
			check_format(p, i);
		if (starts && p->levels[p->top].known) {
			jv path = path_at(p, i, &next);

			if (json_len(path))
				check_root(p, i, path);
			jv_free(path);
		}
		follow(p, i);
	}
}

void lint_program(struct mistakes *m, const struct lint_scope *scope, const char *pointer, jv value, size_t at,
		  const char *program)
{
	struct program *p;

	if (mistakes_full(m))
		return;
	p = xcalloc(1, sizeof *p);
	*p = (struct program){.m = m, .scope = scope, .pointer = pointer, .text = program, .value = value, .at = at};
	p->levels[0] = (struct level){.start = true, .known = true};
	if (filter_scan(&p->words, program))
		mistake_in(m, pointer, value, at + p->words.wrong_at, "filter: %s", p->words.wrong);
	else
		check_words(p);
	filter_words_free(&p->words);
	free(p);
}

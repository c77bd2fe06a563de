#include "ext/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/fs.h"

#define TEXT_MAX (1u << 20)
#define DEPTH_MAX 64

/* --- reading --- */

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	bool held;          /* event is to be deleted */
	struct yaml *out;
	struct str at;      /* pointer of the node being read */
	const char *name;
	struct err *e;
};

static int fail_at(const struct reader *r, yaml_mark_t mark, const char *what)
{
	return err_set(r->e, EX_DATAERR, "%s:%zu:%zu: %s", r->name, mark.line + 1, mark.column + 1, what);
}

static int fail_here(const struct reader *r, const char *what)
{
	return fail_at(r, r->event.start_mark, what);
}

/* libyaml's reader counts bytes; people count lines. */
static yaml_mark_t mark_of_byte(const char *text, size_t at)
{
	yaml_mark_t mark = {0};

	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static int parser_failed(const struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "not YAML";
	char text[256];

	if (p->error == YAML_READER_ERROR)
		return fail_at(r, mark_of_byte((const char *)p->input.string.start, p->problem_offset), problem);
	if (!p->context)
		return fail_at(r, p->problem_mark, problem);
	snprintf(text, sizeof text, "%s (%s)", problem, p->context);
	return fail_at(r, p->problem_mark, text);
}

static void drop(struct reader *r)
{
	if (r->held)
		yaml_event_delete(&r->event);
	r->held = false;
}

static int next(struct reader *r)
{
	drop(r);
	if (!yaml_parser_parse(&r->parser, &r->event))
		return parser_failed(r);
	r->held = true;
	return 0;
}

static void remember(struct reader *r, const char *suffix)
{
	yaml_mark_t mark = r->event.start_mark;
	char *pointer = xasprintf("%s%s", str_text(&r->at), suffix);
	jv place = json_push(json_push(jv_array(), jv_number((double)mark.line + 1)), jv_number((double)mark.column + 1));

	r->out->places = json_set(r->out->places, pointer, place);
	free(pointer);
}

static void go_down(struct reader *r, const char *key)
{
	str_putc(&r->at, '/');
	for (; *key; key++)
		if (*key == '~')
			str_puts(&r->at, "~0");
		else if (*key == '/')
			str_puts(&r->at, "~1");
		else
			str_putc(&r->at, *key);
}

static void go_up(struct reader *r, size_t len)
{
	r->at.len = len;
	if (r->at.s)
		r->at.s[len] = '\0';
}

/* What YAML offers beyond plain data is refused: it makes a text mean something else than it says. */
static int plain_data(const struct reader *r)
{
	const yaml_event_t *ev = &r->event;
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return fail_here(r, "an alias (*name) is not allowed: write the value out");
	case YAML_SCALAR_EVENT:
		anchor = ev->data.scalar.anchor;
		tag = ev->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = ev->data.sequence_start.anchor;
		tag = ev->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = ev->data.mapping_start.anchor;
		tag = ev->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor)
		return fail_here(r, "an anchor (&name) is not allowed");
	if (tag)
		return fail_here(r, "a tag (!name) is not allowed: every scalar is a string");
	if (ev->type == YAML_SCALAR_EVENT && memchr(ev->data.scalar.value, '\0', ev->data.scalar.length))
		return fail_here(r, "a NUL character is not allowed");
	return 0;
}

static int node(struct reader *r, int depth, jv *value);

static int sequence(struct reader *r, int depth, jv *value)
{
	size_t len = r->at.len;
	char index[24];

	*value = jv_array();
	for (int i = 0; !next(r); i++) {
		jv item = jv_null();

		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		snprintf(index, sizeof index, "%d", i);
		go_down(r, index);
		if (node(r, depth + 1, &item)) {
			jv_free(item);
			return -1;
		}
		*value = json_push(*value, item);
		go_up(r, len);
	}
	return -1;
}

static int check_key(struct reader *r, jv map, const char *key)
{
	char what[160];
	int line, column;

	if (strcmp(key, "<<") == 0 && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return fail_here(r, "a merge key (<<) is not allowed");
	if (!json_has(map, key))
		return 0;
	yaml_place(r->out, str_text(&r->at), &line, &column);
	snprintf(what, sizeof what, "duplicate key '%.80s': it stands on line %d already", key, line);
	return fail_here(r, what);
}

static int member(struct reader *r, int depth, jv *map)
{
	size_t len = r->at.len;
	jv value = jv_null();
	char *key;
	int failed;

	if (r->event.type != YAML_SCALAR_EVENT)
		return plain_data(r) ? -1 : fail_here(r, "a key must be a scalar, not a list or mapping");
	if (plain_data(r))
		return -1;
	key = xstrdup((const char *)r->event.data.scalar.value);
	go_down(r, key);
	failed = check_key(r, *map, key);
	if (!failed) {
		remember(r, "#key");
		failed = next(r) || node(r, depth + 1, &value);
	}
	if (!failed)
		*map = json_set(*map, key, jv_copy(value));
	jv_free(value);
	free(key);
	go_up(r, len);
	return failed ? -1 : 0;
}

static int mapping(struct reader *r, int depth, jv *value)
{
	*value = jv_object();
	while (!next(r)) {
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (member(r, depth, value))
			return -1;
	}
	return -1;
}

/* Reads the node that the current event starts; the last event read is its end. */
static int node(struct reader *r, int depth, jv *value)
{
	const yaml_event_t *ev = &r->event;

	if (plain_data(r))
		return -1;
	if (depth > DEPTH_MAX)
		return fail_here(r, "nested too deeply (64 levels at most)");
	remember(r, "");
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		*value = jv_string_sized((const char *)ev->data.scalar.value, (int)ev->data.scalar.length);
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		return sequence(r, depth, value);
	case YAML_MAPPING_START_EVENT:
		return mapping(r, depth, value);
	default:
		return fail_here(r, "a value is missing");
	}
}

static int document(struct reader *r)
{
	if (next(r)) /* the stream's start */
		return -1;
	if (next(r))
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return fail_here(r, "there is nothing in it");
	if (r->event.data.document_start.tag_directives.start != r->event.data.document_start.tag_directives.end)
		return fail_here(r, "a %TAG line is not allowed");
	if (next(r) || node(r, 1, &r->out->value))
		return -1;
	if (next(r) || next(r)) /* the document's end, and what follows */
		return -1;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return fail_here(r, "a second document is not allowed");
	return 0;
}

int yaml_parse(struct yaml *y, const char *text, size_t len, const char *name, struct err *e)
{
	struct reader r = {.out = y, .name = name, .e = e};
	int failed;

	*y = (struct yaml){jv_null(), jv_null()};
	if (len > TEXT_MAX)
		return err_set(e, EX_DATAERR, "%s:1:1: larger than 1 MiB", name);
	y->places = jv_object();
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (!yaml_parser_initialize(&r.parser))
		die(EX_OSERR, "out of memory");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	failed = document(&r);
	drop(&r);
	yaml_parser_delete(&r.parser);
	str_free(&r.at);
	if (failed)
		yaml_done(y);
	return failed;
}

int yaml_read(struct yaml *y, const char *path, struct err *e)
{
	struct str text;
	int failed;

	*y = (struct yaml){jv_null(), jv_null()};
	if (fs_read(path, TEXT_MAX, &text, e))
		return -1;
	failed = yaml_parse(y, str_text(&text), text.len, path, e);
	if (text.s)
		explicit_bzero(text.s, text.cap);
	str_free(&text);
	return failed;
}

void yaml_done(struct yaml *y)
{
	jv_free(y->value);
	jv_free(y->places);
	*y = (struct yaml){jv_null(), jv_null()};
}

void yaml_place(const struct yaml *y, const char *pointer, int *line, int *column)
{
	char *at = xstrdup(pointer), *cut;

	*line = *column = 1;
	while (!json_has(y->places, at) && (cut = strrchr(at, '/')))
		*cut = '\0';
	if (json_has(y->places, at)) {
		jv place = json_get(y->places, at), l = json_at(place, 0), c = json_at(place, 1);

		*line = (int)jv_number_value(l);
		*column = (int)jv_number_value(c);
		jv_free(l);
		jv_free(c);
		jv_free(place);
	}
	free(at);
}

/* --- writing --- */

/* How many bytes of a character at S must be escaped in quotes: those that YAML does not print, takes for a line
 * break, or takes for a byte-order mark. 0: it may stand as it is. */
static int unprintable(const unsigned char *s)
{
	if (s[0] < ' ' || s[0] == 0x7f)
		return 1;
	if (s[0] == 0xc2 && s[1] < 0xa0)
		return 2;
	if (s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9))
		return 3;
	if (s[0] == 0xef && ((s[1] == 0xbb && s[2] == 0xbf) || (s[1] == 0xbf && s[2] >= 0xbe)))
		return 3;
	return 0;
}

static bool plain_ok(const char *s)
{
	size_t len = strlen(s);

	if (!len || strchr("-?:,[]{}#&*!|>'\"%@` .<=~", s[0]) || s[len - 1] == ' ' || s[len - 1] == ':')
		return false;
	if (strstr(s, ": ") || strstr(s, " #"))
		return false;
	for (; *s; s++)
		if (unprintable((const unsigned char *)s))
			return false;
	return true;
}

static bool flow_ok(const char *s)
{
	return plain_ok(s) && !strpbrk(s, ",[]{}:#");
}

static bool literal_ok(const char *s)
{
	if (!strchr(s, '\n') || strchr(" \t\n", s[0]) || str_ends(s, "\n\n"))
		return false;
	for (; *s; s++)
		if (*s != '\n' && *s != '\t' && unprintable((const unsigned char *)s))
			return false;
	return true;
}

static void put_escaped(struct str *b, const unsigned char *s, int n)
{
	unsigned code = n == 1 ? s[0] : n == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu) :
		(s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);

	if (code == '\n')
		str_puts(b, "\\n");
	else if (code == '\t')
		str_puts(b, "\\t");
	else
		str_addf(b, "\\u%04X", code);
}

static void put_quoted(struct str *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	int n;

	str_putc(b, '"');
	while (*s) {
		if ((n = unprintable(s))) {
			put_escaped(b, s, n);
			s += n;
			continue;
		}
		if (*s == '"' || *s == '\\')
			str_putc(b, '\\');
		str_putc(b, (char)*s++);
	}
	str_putc(b, '"');
}

static void put_indent(struct str *b, int indent)
{
	str_addf(b, "%*s", indent, "");
}

static void put_literal(struct str *b, const char *s, int indent)
{
	str_puts(b, str_ends(s, "\n") ? "|" : "|-");
	while (*s) {
		size_t n = strcspn(s, "\n");

		str_putc(b, '\n');
		if (n)
			put_indent(b, indent);
		str_add(b, s, n);
		s += n;
		if (*s)
			s++;
	}
}

/* A scalar in place, without a newline; INDENT is where a block's lines would stand. */
static void put_scalar(struct str *b, jv value, int indent)
{
	const char *s = json_string(value, NULL);
	char *text;

	if (s && literal_ok(s)) {
		put_literal(b, s, indent);
	} else if (s && plain_ok(s)) {
		str_puts(b, s);
	} else if (s || json_is(value, JV_KIND_NULL)) {
		put_quoted(b, s ? s : "");
	} else {
		text = json_text(value);
		str_puts(b, text);
		free(text);
	}
}

static bool is_container(jv v)
{
	return json_is(v, JV_KIND_OBJECT) || json_is(v, JV_KIND_ARRAY);
}

/* A short list of plain scalars: [mon, tue]. */
static bool put_flow(struct str *b, jv list)
{
	struct str line = {.max = 72};
	bool ok = true;

	if (!json_is(list, JV_KIND_ARRAY))
		return false;
	for (struct json_iter it = json_iter(list); ok && json_next(&it);) {
		const char *s = json_string(it.value, "");

		ok = flow_ok(s) && !str_puts(&line, it.index ? ", " : "") && !str_puts(&line, s);
		if (!ok)
			json_iter_end(&it);
	}
	if (ok)
		str_addf(b, " [%s]", str_text(&line));
	str_free(&line);
	return ok;
}

static void put_block(struct str *b, jv value, int indent, bool first_in_place);

/* What stands after "key:" or "-". */
static void put_value(struct str *b, jv value, int indent, bool after_dash)
{
	if (!is_container(value)) {
		str_putc(b, ' ');
		put_scalar(b, value, indent + 2);
		str_putc(b, '\n');
	} else if (!json_len(value)) {
		str_puts(b, json_is(value, JV_KIND_OBJECT) ? " {}\n" : " []\n");
	} else if (put_flow(b, value)) {
		str_putc(b, '\n');
	} else if (after_dash && json_is(value, JV_KIND_OBJECT)) {
		str_putc(b, ' ');
		put_block(b, value, indent + 2, true);
	} else {
		str_putc(b, '\n');
		put_block(b, value, indent + 2, false);
	}
}

static void put_key(struct str *b, const char *key)
{
	if (plain_ok(key) && strlen(key) <= 128)
		str_puts(b, key);
	else
		put_quoted(b, key);
}

static void put_block(struct str *b, jv value, int indent, bool first_in_place)
{
	for (struct json_iter it = json_iter(value); json_next(&it); first_in_place = false) {
		if (!first_in_place)
			put_indent(b, indent);
		if (it.key)
			put_key(b, it.key);
		str_puts(b, it.key ? ":" : "-");
		put_value(b, it.value, indent, !it.key);
	}
}

char *yaml_text(jv value)
{
	struct str b = {0};

	if (is_container(value) && json_len(value)) {
		put_block(&b, value, 0, false);
	} else {
		if (is_container(value))
			str_puts(&b, json_is(value, JV_KIND_OBJECT) ? "{}" : "[]");
		else
			put_scalar(&b, value, 2);
		str_putc(&b, '\n');
	}
	return str_take(&b);
}

#include "site/mistakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mistakes_free(struct mistakes *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->list[i].text);
	free(m->list);
	m->list = NULL;
	m->n = 0;
}

bool mistakes_full(const struct mistakes *m)
{
	return m->n >= MISTAKES_MAX;
}

static void add(struct mistakes *m, int line, int column, const char *fmt, va_list ap)
{
	char text[400];

	if (mistakes_full(m))
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].line == line && m->list[i].column == column && strcmp(m->list[i].text, text) == 0)
			return;
	m->list = xrealloc(m->list, (m->n + 1) * sizeof *m->list);
	m->list[m->n++] = (struct mistake){line, column, xstrdup(text)};
}

void mistake_at(struct mistakes *m, const char *pointer, const char *fmt, ...)
{
	int line, column;
	va_list ap;

	yaml_place(m->yaml, pointer, &line, &column);
	va_start(ap, fmt);
	add(m, line, column, fmt, ap);
	va_end(ap);
}

void mistake_key(struct mistakes *m, const char *pointer, const char *fmt, ...)
{
	char *key = xasprintf("%s#key", pointer);
	int line, column;
	va_list ap;

	yaml_place(m->yaml, json_has(m->yaml->places, key) ? key : pointer, &line, &column);
	va_start(ap, fmt);
	add(m, line, column, fmt, ap);
	va_end(ap);
	free(key);
}

/* --- from a byte of a value to its place in the text --- */

struct walk {
	const char *p; /* in the source */
	int line, column;
	char style;    /* '"', '\'', '|' for a block, else 0 */
};

static void step(struct walk *w)
{
	if (*w->p == '\n') {
		w->line++;
		w->column = 1;
	} else if (((unsigned char)w->p[1] & 0xc0) != 0x80) {
		w->column++;
	}
	w->p++;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void walk_start(struct walk *w, const char *source, int line, int column)
{
	*w = (struct walk){.p = source, .line = 1, .column = 1};
	while (*w->p && (w->line < line || (w->line == line && w->column < column)))
		step(w);
	if (*w->p == '"' || *w->p == '\'') {
		w->style = *w->p;
		step(w);
	} else if (*w->p == '|' || *w->p == '>') {
		w->style = '|';
		while (*w->p && *w->p != '\n')
			step(w);
		while (blank(*w->p))
			step(w);
	}
}

/* Past what stands for one character of the value in double quotes after a backslash. */
static void walk_escape(struct walk *w)
{
	int n = 1;

	step(w);
	if (*w->p == 'x' || *w->p == 'u' || *w->p == 'U')
		n = *w->p == 'x' ? 3 : *w->p == 'u' ? 5 : 9;
	while (n-- && *w->p)
		step(w);
}

/* Folded lines, indentation and escapes make source and value differ; what does not fit is passed over. */
static void walk_to(struct walk *w, const char *value, size_t at)
{
	for (size_t k = 0; k < at && value[k] && *w->p;) {
		if (w->style == '"' && *w->p == '\\') {
			walk_escape(w);
			for (k++; ((unsigned char)value[k] & 0xc0) == 0x80; k++)
				;
		} else if (*w->p == value[k]) {
			if (w->style == '\'' && *w->p == '\'')
				step(w);
			step(w);
			k++;
		} else if (blank(*w->p)) {
			step(w);
		} else {
			k++;
		}
	}
	while (blank(*w->p) && value[at] && !blank(value[at]))
		step(w);
}

void mistake_in(struct mistakes *m, const char *pointer, jv value, size_t at, const char *fmt, ...)
{
	int line, column;
	struct walk w;
	va_list ap;

	yaml_place(m->yaml, pointer, &line, &column);
	if (json_has(m->yaml->places, pointer) && json_is(value, JV_KIND_STRING)) {
		walk_start(&w, m->source, line, column);
		walk_to(&w, json_string(value, ""), at < json_len(value) ? at : json_len(value));
		line = w.line;
		column = w.column;
	}
	va_start(ap, fmt);
	add(m, line, column, fmt, ap);
	va_end(ap);
}

static int by_place(const void *a, const void *b)
{
	const struct mistake *x = a, *y = b;

	return x->line != y->line ? x->line - y->line : x->column != y->column ? x->column - y->column : strcmp(x->text, y->text);
}

void mistakes_sort(struct mistakes *m)
{
	if (m->n)
		qsort(m->list, m->n, sizeof *m->list, by_place);
}

/* --- pointers and names --- */

char *pointer_down(const char *pointer, const char *key)
{
	struct str b = {0};

	str_puts(&b, pointer);
	str_putc(&b, '/');
	for (; *key; key++)
		if (*key == '~')
			str_puts(&b, "~0");
		else if (*key == '/')
			str_puts(&b, "~1");
		else
			str_putc(&b, *key);
	return str_take(&b);
}

char *pointer_item(const char *pointer, int index)
{
	return xasprintf("%s/%d", pointer, index);
}

#define NAME_MAX_LEN 40

/* Levenshtein's distance, with a swap of neighbours counted as one. */
static int distance(const char *a, const char *b)
{
	int d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];
	int n = (int)strlen(a), k = (int)strlen(b);

	if (n > NAME_MAX_LEN || k > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (int i = 0; i <= n; i++)
		for (int j = 0; j <= k; j++) {
			int best;

			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][k];
}

const char *name_nearest(const char *name, const char *const *names)
{
	const char *nearest = NULL;
	int best = (int)strlen(name) < 4 ? 2 : 3, d;

	for (; *names; names++)
		if ((d = distance(name, *names)) < best) {
			best = d;
			nearest = *names;
		}
	return nearest;
}

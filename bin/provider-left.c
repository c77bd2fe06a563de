/* Searching texts for secrets in another way than they were replaced: one form after the other. */
#include "provider-secret.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ext/seal.h"

static bool in_any_case(const char *text, size_t len, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; n && i + n <= len; i++)
		if ((text[i] | 0x20) == (what[0] | 0x20) && strncasecmp(text + i, what, n) == 0)
			return true;
	return false;
}

static char *html_escaped(const char *text)
{
	struct str out = {0};

	for (; *text; text++)
		switch (*text) {
		case '&': str_puts(&out, "&amp;"); break;
		case '<': str_puts(&out, "&lt;"); break;
		case '>': str_puts(&out, "&gt;"); break;
		case '"': str_puts(&out, "&quot;"); break;
		case '\'': str_puts(&out, "&#39;"); break;
		default: str_putc(&out, *text);
		}
	return str_take(&out);
}

static char *json_escaped(const char *text)
{
	jv v = jv_string(text);
	char *quoted = json_text(v), *inside = xstrndup(quoted + 1, strlen(quoted) - 2);

	jv_free(v);
	free(quoted);
	return inside;
}

static char *escaped_url(const char *text)
{
	return url_escape(text, strlen(text));
}

static char *escaped_form(const char *text)
{
	struct str out = {0};
	char *one;

	for (; *text; text++) {
		one = *text == ' ' ? xstrdup("+") : url_escape(text, 1);
		str_puts(&out, one);
		free(one);
	}
	return str_take(&out);
}

static char *in_hex(const char *text)
{
	struct str out = {0};

	for (; *text; text++)
		str_addf(&out, "%02x", (unsigned char)*text);
	return str_take(&out);
}

static char *upper(const char *text)
{
	struct str out = {0};

	letters_in_case(&out, text, true);
	return str_take(&out);
}

static char *lower(const char *text)
{
	struct str out = {0};

	letters_in_case(&out, text, false);
	return str_take(&out);
}

/* The characters of base64 that TEXT makes whatever stands around it, after so many bytes. */
static bool in_base64(const char *text, size_t len, const char *what)
{
	size_t n = strlen(what);

	for (size_t before = 0; before < 3; before++) {
		char *padded = xasprintf("%.*s%s", (int)before, "  ", what), *coded = seal_base64(padded, strlen(padded)), *end;
		size_t from = (before * 8 + 5) / 6, to = (before + n) * 8 / 6;
		bool there = to >= from + 5 && memmem(text, len, coded + from, to - from);

		for (end = coded; *end; end++)
			*end = *end == '+' ? '-' : *end == '/' ? '_' : *end;
		there |= to >= from + 5 && memmem(text, len, coded + from, to - from);
		free(padded);
		free(coded);
		if (there)
			return true;
	}
	return false;
}

static const char *left_how(const char *value, const char *text, size_t len)
{
	static const struct {
		char *(*form)(const char *text);
		const char *how;
	} forms[] = {{xstrdup, "as it is"},	   {upper, "in upper case"},	   {lower, "in lower case"},	{escaped_url, "URL-encoded"},
		     {escaped_form, "URL-encoded"}, {html_escaped, "HTML-escaped"},
		     {json_escaped, "JSON-escaped"}, {in_hex, "in hexadecimal"}};
	static char *(*const cases[])(const char *text) = {xstrdup, upper, lower};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		char *what = forms[i].form(value);
		bool there = in_any_case(text, len, what);

		free(what);
		if (there)
			return forms[i].how;
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *what = cases[i](value);
		bool there = in_base64(text, len, what);

		free(what);
		if (there)
			return "in base64";
	}
	return NULL;
}

/* NAME as one that lives as long as S. */
static const char *name_of(const struct secrets *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->list[i].name, name) == 0)
			return s->list[i].name;
	return "the record";
}

/* TEXT with its escapes undone. */
static void unescape(struct str *out, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		struct letter l = letter_at(text, end);

		letter_put(out, l.is);
		text += l.len;
	}
}

static const char *left_in(const struct secrets *s, const char *text, size_t len, const char **how)
{
	for (size_t i = 0; i < s->n; i++)
		if ((*how = left_how(s->list[i].text, text, len)))
			return s->list[i].name;
	for (int i = 0; i < (int)json_len(s->whole); i++) {
		jv one = json_at(s->whole, i);
		const char *value = json_str(one, "text", ""), *name = json_str(one, "name", "");

		*how = strlen(value) >= SECRET_SHORTEST ? left_how(value, text, len) : NULL;
		name = *how ? name_of(s, name) : NULL;
		jv_free(one);
		if (name)
			return name;
	}
	return NULL;
}

const char *secrets_left(const struct secrets *s, const char *text, size_t len, const char **how)
{
	const char *left = left_in(s, text, len, how);
	struct str once = {0}, twice = {0};

	if (!left) {
		unescape(&once, text, len);
		unescape(&twice, str_text(&once), once.len);
		left = left_in(s, str_text(&twice), twice.len, how);
		*how = left ? "encoded twice" : NULL;
	}
	str_free(&once);
	str_free(&twice);
	return left;
}

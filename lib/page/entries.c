#include "page/entries.h"

#include <stdlib.h>
#include <string.h>

#include "page/charset.h"

void entry_add(struct entries *e, const char *name, const char *value, jv file_taken)
{
	e->list = xrealloc(e->list, (e->n + 1) * sizeof *e->list);
	e->list[e->n++] = (struct entry){xstrdup(name), xstrdup(value), file_taken};
}

void entries_free(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->list[i].name);
		free(e->list[i].value);
		jv_free(e->list[i].file);
	}
	free(e->list);
}

/* Line ends as CRLF, in CHARSET. */
static void wire_text(struct str *out, const char *s, const char *charset)
{
	struct str lines = {0};

	for (; *s; s++) {
		if (*s == '\r' && s[1] == '\n')
			continue;
		if (*s == '\n' || *s == '\r')
			str_puts(&lines, "\r\n");
		else
			str_putc(&lines, *s);
	}
	charset_encode(out, str_text(&lines), lines.len, charset);
	str_free(&lines);
}

/* application/x-www-form-urlencoded (URL s.5.2). */
static void add_escaped(struct str *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == ' ')
			str_putc(out, '+');
		else if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("*-._", c)))
			str_putc(out, (char)c);
		else
			str_addf(out, "%%%02X", c);
	}
}

void entry_write_pair(struct str *out, const char *name, const char *value, const char *charset)
{
	struct str n = {0}, v = {0};

	wire_text(&n, name, charset);
	wire_text(&v, value, charset);
	if (out->len)
		str_putc(out, '&');
	add_escaped(out, str_text(&n), n.len);
	str_putc(out, '=');
	add_escaped(out, str_text(&v), v.len);
	str_free(&n);
	str_free(&v);
}

void entries_write_urlencoded(struct str *out, const struct entries *e, const char *charset)
{
	for (size_t i = 0; i < e->n; i++)
		entry_write_pair(out, e->list[i].name, e->list[i].value, charset);
}

void entries_write_plain(struct str *out, const struct entries *e, const char *charset)
{
	for (size_t i = 0; i < e->n; i++) {
		wire_text(out, e->list[i].name, charset);
		str_putc(out, '=');
		wire_text(out, e->list[i].value, charset);
		str_puts(out, "\r\n");
	}
}

/* A name in a multipart header: quotes and line ends escaped (HTML s.4.10.21.8). */
static void add_quoted(struct str *out, const char *s, const char *charset)
{
	struct str b = {0};

	wire_text(&b, s, charset);
	for (size_t i = 0; i < b.len; i++) {
		if (b.s[i] == '"')
			str_puts(out, "%22");
		else if (b.s[i] == '\r')
			str_puts(out, "%0D");
		else if (b.s[i] == '\n')
			str_puts(out, "%0A");
		else
			str_putc(out, b.s[i]);
	}
	str_free(&b);
}

static int base64(struct str *out, const char *s)
{
	unsigned bits = 0;
	int have = 0;

	for (; *s && *s != '='; s++) {
		static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
		const char *d;

		if (strchr(" \r\n\t", *s))
			continue;
		d = strchr(digits, *s);
		if (!d)
			return -1;
		bits = bits << 6 | (unsigned)(d - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			str_putc(out, (char)(bits >> have));
			bits &= (1u << have) - 1;
		}
	}
	return s[strspn(s, "=\r\n ")] ? -1 : 0;
}

static int add_file_part(struct str *out, const struct entry *e, const char *charset, struct fail *why)
{
	const char *type = json_str(e->file, "type", "application/octet-stream");

	if (!*type || strpbrk(type, "\r\n"))
		return fail_set(why, "usage", "set: the type of file '%.60s' is malformed", e->value);
	str_puts(out, "; filename=\"");
	add_quoted(out, e->value, charset);
	str_addf(out, "\"\r\nContent-Type: %s\r\n\r\n", type);
	if (base64(out, json_str(e->file, "data_base64", "")))
		return fail_set(why, "usage", "set: the data of file '%.60s' is not base64", e->value);
	return 0;
}

int entries_write_multipart(struct str *out, const struct entries *e, const char *charset, const char *boundary,
			   struct fail *why)
{
	int r = 0;

	for (size_t i = 0; !r && i < e->n; i++) {
		str_addf(out, "--%s\r\nContent-Disposition: form-data; name=\"", boundary);
		add_quoted(out, e->list[i].name, charset);
		str_putc(out, '"');
		if (json_is(e->list[i].file, JV_KIND_OBJECT)) {
			r = add_file_part(out, &e->list[i], charset, why);
		} else {
			str_puts(out, "\r\n\r\n");
			wire_text(out, e->list[i].value, charset);
		}
		str_puts(out, "\r\n");
	}
	str_addf(out, "--%s--\r\n", boundary);
	return r;
}

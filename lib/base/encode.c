#include "base/encode.h"

#include <stdlib.h>
#include <string.h>

#define ROW 76  /* RFC 2045 s.6.7, RFC 2047 s.2 */
#define BASE64_BYTES 57
#define WORD_AROUND (sizeof "=?UTF-8?B?" + 1) /* and its "?=" */

void encode_quoted(struct str *b, const char *text)
{
	int column = 0;

	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool end = c == '\n' || (c == '\r' && p[1] == '\n'), last = !p[1] || p[1] == '\n' || p[1] == '\r';
		bool plain = (c >= 33 && c <= 126 && c != '=') || (c == ' ' && !last);

		if (end) {
			p += c == '\r';
			str_putc(b, '\n');
			column = 0;
			continue;
		}
		if (column > ROW - 4) { /* room for =XX and the soft break */
			str_puts(b, "=\n");
			column = 0;
		}
		if (plain)
			str_putc(b, (char)c);
		else
			str_addf(b, "=%02X", c);
		column += plain ? 1 : 3;
	}
}

static void add_base64(struct str *b, const char *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (k < n ? (unsigned char)data[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			str_putc(b, k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
	}
}

void encode_as_base64(struct str *b, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i += BASE64_BYTES) {
		add_base64(b, data + i, len - i < BASE64_BYTES ? len - i : BASE64_BYTES);
		str_putc(b, '\n');
	}
}

static bool fits_plain(const char *text, size_t room)
{
	if (strlen(text) > room || strstr(text, "=?"))
		return false;
	for (const char *p = text; *p; p++)
		if (*p < ' ' || *p > 126)
			return false;
	return true;
}

/* The bytes of whole characters at TEXT that are at most MOST. */
static size_t whole_characters(const char *text, size_t most)
{
	size_t n = strnlen(text, most + 1);

	if (n <= most)
		return n;
	for (n = most; n && ((unsigned char)text[n] & 0xc0) == 0x80;)
		n--;
	return n ? n : most; /* not UTF-8 */
}

void encode_header(struct str *b, size_t name_len, const char *text)
{
	char *clean = xstrdup(text);
	size_t taken;

	for (char *p = clean; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	if (fits_plain(clean, ROW - name_len)) {
		str_puts(b, clean);
	} else {
		for (const char *p = clean; *p; p += taken) {
			/* a line after the first begins with one blank */
			size_t room = ROW - (p == clean ? name_len : 1) - WORD_AROUND;

			taken = whole_characters(p, room / 4 * 3);
			str_puts(b, p == clean ? "=?UTF-8?B?" : "\n =?UTF-8?B?");
			add_base64(b, p, taken);
			str_puts(b, "?=");
		}
	}
	free(clean);
}

void encode_crlf(struct str *b, const char *text)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		str_add(b, text, (size_t)(end - text));
		str_puts(b, "\r\n");
	}
	str_puts(b, text);
}

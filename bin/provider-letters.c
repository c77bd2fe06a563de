#include "provider-letters.h"

#include <string.h>

#define UNKNOWN 0xfffd

/* ---- one character ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static unsigned utf8_len(unsigned char lead)
{
	return lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

static uint32_t utf8_join(const unsigned char *b, unsigned n)
{
	uint32_t c = n == 1 ? b[0] : b[0] & (0x7fu >> n);

	for (unsigned i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return UNKNOWN;
		c = c << 6 | (b[i] & 0x3f);
	}
	return c;
}

static int percent_byte(const char *p, const char *end)
{
	int high, low;

	if (end - p < 3 || *p != '%')
		return -1;
	high = hex_digit(p[1]);
	low = hex_digit(p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* %C3%A7, and its like of one to four bytes. */
static bool as_percent(const char *p, const char *end, struct letter *l)
{
	unsigned char bytes[4];
	int first = percent_byte(p, end);
	unsigned n = first < 0 ? 0 : utf8_len((unsigned char)first);

	for (unsigned i = 0; i < n; i++) {
		int byte = percent_byte(p + 3 * (size_t)i, end);

		if (byte < 0)
			return false;
		bytes[i] = (unsigned char)byte;
	}
	if (!n)
		return false;
	*l = (struct letter){.is = utf8_join(bytes, n), .len = 3 * n};
	return l->is != UNKNOWN;
}

static bool as_number(const char *p, const char *end, struct letter *l)
{
	bool hex = end - p > 3 && (p[2] == 'x' || p[2] == 'X');
	const char *q = p + (hex ? 3 : 2);
	uint32_t c = 0;
	int d;

	for (; q < end && c < 0x110000 && (d = hex_digit(*q)) >= 0 && (hex || d < 10); q++)
		c = c * (hex ? 16 : 10) + (uint32_t)d;
	if (q == end || *q != ';' || c >= 0x110000 || q == p + (hex ? 3 : 2))
		return false;
	*l = (struct letter){.is = c, .len = (unsigned)(q + 1 - p)};
	return true;
}

static bool as_entity(const char *p, const char *end, struct letter *l)
{
	static const struct {
		const char *name;
		uint32_t is;
	} names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&nbsp;", ' '}};

	if (end - p > 3 && p[1] == '#')
		return as_number(p, end, l);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i].name);

		if ((size_t)(end - p) >= len && memcmp(p, names[i].name, len) == 0) {
			*l = (struct letter){.is = names[i].is, .len = (unsigned)len};
			return true;
		}
	}
	return false;
}

static bool as_script(const char *p, const char *end, struct letter *l)
{
	uint32_t c = 0;

	if (end - p >= 2 && strchr("\"\\/'", p[1])) {
		*l = (struct letter){.is = (unsigned char)p[1], .len = 2};
		return p[1];
	}
	if (end - p < 6 || p[1] != 'u')
		return false;
	for (int i = 2; i < 6; i++) {
		int d = hex_digit(p[i]);

		if (d < 0)
			return false;
		c = c << 4 | (uint32_t)d;
	}
	*l = (struct letter){.is = c, .len = 6};
	return true;
}

struct letter letter_at(const char *p, const char *end)
{
	struct letter l = {.is = UNKNOWN, .len = 1};
	unsigned n = utf8_len((unsigned char)*p);
	bool written = (*p == '%' && as_percent(p, end, &l)) || (*p == '&' && as_entity(p, end, &l)) || (*p == '\\' && as_script(p, end, &l));

	if (!written && n && (size_t)(end - p) >= n) {
		l.is = utf8_join((const unsigned char *)p, n);
		l.len = l.is == UNKNOWN ? 1 : n;
	}
	l.folded = letter_fold(l.is);
	return l;
}

/* ---- upper and lower ---- */

/* Of U+00C0 to U+017F, the letter without its diacritics; '.' for what is none. */
static const char plain[] = "aaaaaaaceeeeiiiidnooooo.ouuuuytsaaaaaaaceeeeiiiidnooooo.ouuuuyty"
			    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooo"
			    "rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/* Greek and Cyrillic capitals: what their small letters are further on; else 0. */
static uint32_t small_is_at(uint32_t c)
{
	return (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f) ? 0x20 : c >= 0x400 && c <= 0x40f ? 0x50 : 0;
}

uint32_t letter_fold(uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c + 0x20;
	if (c == '\t' || c == '\n' || c == '\r' || c == 0xa0 || c == 0x202f)
		return ' ';
	if (c >= 0xc0 && c <= 0x17f && plain[c - 0xc0] != '.')
		return (unsigned char)plain[c - 0xc0];
	return c + small_is_at(c);
}

bool letter_is_upper(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z';
	if (c < 0x100)
		return c >= 0xc0 && c <= 0xde && c != 0xd7;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c & 1;
	return (c < 0x180 && (!(c & 1) || c == 0x178)) || small_is_at(c);
}

static uint32_t in_case(uint32_t c, bool upper)
{
	if (letter_is_upper(c) == upper)
		return c;
	if (c < 0x80)
		return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? c ^ 0x20 : c;
	if (c < 0x100)
		return c >= 0xc0 && c != 0xd7 && c != 0xf7 && c != 0xdf && c != 0xff ? c ^ 0x20 : c;
	if (c == 0x130 || c == 0x131)
		return upper ? 'I' : 'i';
	if (c < 0x178)
		return upper ? c - 1 : c + 1;
	if (c >= 0x391 && c <= 0x45f)
		return upper ? c - (small_is_at(c - 0x20) == 0x20 ? 0x20 : small_is_at(c - 0x50)) : c + small_is_at(c);
	return c;
}

void letter_put(struct str *out, uint32_t c)
{
	char b[4];
	unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (unsigned i = n; i-- > 1; c >>= 6)
		b[i] = (char)(0x80 | (c & 0x3f));
	b[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	str_add(out, b, n);
}

void letters_in_case(struct str *out, const char *text, bool upper)
{
	const char *end = text + strlen(text);

	while (text < end) {
		unsigned n = utf8_len((unsigned char)*text);
		uint32_t c = n && (size_t)(end - text) >= n ? utf8_join((const unsigned char *)text, n) : UNKNOWN;

		if (c == UNKNOWN) {
			str_putc(out, *text++);
		} else {
			letter_put(out, in_case(c, upper));
			text += n;
		}
	}
}

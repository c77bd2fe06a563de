#include "page/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define PRESCAN 2048

/* Labels whose name or conversion is not simply their own; the rest is asked of iconv. */
static const struct alias {
	const char *label, *name, *iconv;
} aliases[] = {
	{"utf-8", "utf-8", "UTF-8"},
	{"utf8", "utf-8", "UTF-8"},
	{"unicode-1-1-utf-8", "utf-8", "UTF-8"},
	{"utf-16", "utf-16le", "UTF-16LE"},
	{"utf-16le", "utf-16le", "UTF-16LE"},
	{"utf-16be", "utf-16be", "UTF-16BE"},
	{"unicode", "utf-16le", "UTF-16LE"},
	{"ascii", "windows-1252", "CP1252"},
	{"us-ascii", "windows-1252", "CP1252"},
	{"iso-8859-1", "windows-1252", "CP1252"},
	{"iso8859-1", "windows-1252", "CP1252"},
	{"iso88591", "windows-1252", "CP1252"},
	{"iso_8859-1", "windows-1252", "CP1252"},
	{"latin1", "windows-1252", "CP1252"},
	{"l1", "windows-1252", "CP1252"},
	{"cp1252", "windows-1252", "CP1252"},
	{"iso-8859-9", "windows-1254", "CP1254"},
	{"iso8859-9", "windows-1254", "CP1254"},
	{"iso88599", "windows-1254", "CP1254"},
	{"iso_8859-9", "windows-1254", "CP1254"},
	{"latin5", "windows-1254", "CP1254"},
	{"l5", "windows-1254", "CP1254"},
	{"cp1254", "windows-1254", "CP1254"},
	{"iso-8859-11", "windows-874", "CP874"},
	{"tis-620", "windows-874", "CP874"},
	{"windows-874", "windows-874", "CP874"},
	{"iso-8859-8-i", "iso-8859-8", "ISO-8859-8"},
	{"latin2", "iso-8859-2", "ISO-8859-2"},
	{"gb2312", "gbk", "GB18030"},
	{"gbk", "gbk", "GB18030"},
	{"gb18030", "gb18030", "GB18030"},
	{"shift_jis", "shift_jis", "CP932"},
	{"shift-jis", "shift_jis", "CP932"},
	{"sjis", "shift_jis", "CP932"},
	{"euc-kr", "euc-kr", "CP949"},
	{"big5", "big5", "BIG5-HKSCS"},
	{"x-mac-cyrillic", "x-mac-cyrillic", "MAC-CYRILLIC"},
};

static const char *iconv_name(const char *name)
{
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i].iconv;
	return name;
}

const char *charset_name(const char *label, size_t len)
{
	static char name[48];
	iconv_t c;

	while (len && (unsigned char)*label <= ' ')
		label++, len--;
	while (len && (unsigned char)label[len - 1] <= ' ')
		len--;
	if (!len || len >= sizeof name - 1)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		char ch = label[i] >= 'A' && label[i] <= 'Z' ? (char)(label[i] | 32) : label[i];

		if (!ch || !strchr("abcdefghijklmnopqrstuvwxyz0123456789-_:", ch))
			return NULL; /* iconv takes options after a slash */
		name[i] = ch;
	}
	name[len] = '\0';
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(aliases[i].label, name) == 0)
			return aliases[i].name;
	/* only what keeps ASCII where it is may be a page's charset (utf-7 and ebcdic are ways round filters) */
	if (!str_starts(name, "windows-") && !str_starts(name, "iso-8859-") && !str_starts(name, "koi8-") &&
	    strcmp(name, "euc-jp") != 0 && strcmp(name, "iso-2022-jp") != 0 && strcmp(name, "macintosh") != 0)
		return NULL;
	c = iconv_open("UTF-8", name);
	if (c == (iconv_t)-1)
		return NULL;
	iconv_close(c);
	return name;
}

size_t utf8_char(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	if (!len)
		return 0;
	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* A character cut by the end (a body that was cut) does not make the rest another charset. */
static bool looks_utf8(const char *s, size_t len)
{
	while (len) {
		size_t n = utf8_char(s, len);

		if (!n)
			return len < 4;
		s += n;
		len -= n;
	}
	return true;
}

/* The value of charset=… in S; false where there is none. */
static bool charset_param(const char *s, size_t len, const char **value, size_t *value_len)
{
	for (size_t i = 0; i + 7 < len; i++) {
		size_t at = i + 7, end;
		char quote = 0;

		if (strncasecmp(s + i, "charset", 7) != 0)
			continue;
		while (at < len && (s[at] == ' ' || s[at] == '\t'))
			at++;
		if (at >= len || s[at] != '=')
			continue;
		for (at++; at < len && (s[at] == ' ' || s[at] == '\t');)
			at++;
		if (at < len && (s[at] == '"' || s[at] == '\''))
			quote = s[at++];
		for (end = at; end < len && (quote ? s[end] != quote : !strchr(" \t\r\n;>\"'/", s[end]));)
			end++;
		*value = s + at;
		*value_len = end - at;
		return true;
	}
	return false;
}

static const char *from_markup(const char *body, size_t len)
{
	const char *value, *end, *name;
	size_t n, left = len < PRESCAN ? len : PRESCAN;

	if (left > 5 && strncasecmp(body, "<?xml", 5) == 0 && (end = memchr(body, '>', left))) {
		const char *e = memmem(body, (size_t)(end - body), "encoding=", 9);

		if (e && e + 10 < end && (e[9] == '"' || e[9] == '\''))
			return charset_name(e + 10, strcspn(e + 10, "\"'>"));
	}
	for (const char *p = body; (p = memchr(p, '<', left - (size_t)(p - body))) != NULL; p++) {
		size_t here = left - (size_t)(p - body);

		if (here > 4 && strncmp(p, "<!--", 4) == 0) {
			p = memmem(p, here, "-->", 3);
			if (!p)
				return NULL;
			continue;
		}
		if (here < 6 || strncasecmp(p, "<meta", 5) != 0)
			continue;
		end = memchr(p, '>', here);
		if (!end)
			return NULL;
		if (charset_param(p, (size_t)(end - p), &value, &n) && (name = charset_name(value, n)))
			return str_starts(name, "utf-16") ? "utf-8" : name; /* it was read as ASCII to get here */
	}
	return NULL;
}

const char *charset_find(const char *body, size_t len, const char *header, bool markup)
{
	const char *name, *value;
	size_t n;

	if (len >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0)
		return "utf-8";
	if (len >= 2 && memcmp(body, "\xff\xfe", 2) == 0)
		return "utf-16le";
	if (len >= 2 && memcmp(body, "\xfe\xff", 2) == 0)
		return "utf-16be";
	if (header && charset_param(header, strlen(header), &value, &n) && (name = charset_name(value, n)))
		return name;
	if (markup && len && (name = from_markup(body, len)))
		return name;
	return looks_utf8(body, len) ? "utf-8" : "windows-1252";
}

static void add_char(struct str *b, uint32_t c)
{
	if (c < 0x80) {
		str_putc(b, (char)c);
	} else if (c < 0x800) {
		str_putc(b, (char)(0xc0 | c >> 6));
		str_putc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		str_putc(b, (char)(0xe0 | c >> 12));
		str_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		str_putc(b, (char)(0x80 | (c & 0x3f)));
	}
}

#define REPLACEMENT 0xfffd

/* UTF-8 to UTF-8: whole runs of good bytes are copied at once. */
static void decode_utf8(struct str *text, const char *s, size_t len)
{
	size_t good = 0;

	while (good < len) {
		size_t n = utf8_char(s + good, len - good);

		if (n && s[good]) {
			good += n;
			continue;
		}
		str_add(text, s, good);
		add_char(text, REPLACEMENT);
		s += good + 1;
		len -= good + 1;
		good = 0;
	}
	str_add(text, s, good);
}

void charset_decode(struct str *text, const char *body, size_t len, const char *charset)
{
	bool wide = str_starts(charset, "utf-16");
	char chunk[8192], *in = (char *)body;
	iconv_t c;

	str_init(text, 0);
	str_add(text, "", 0);
	if (len >= 3 && strcmp(charset, "utf-8") == 0 && memcmp(in, "\xef\xbb\xbf", 3) == 0)
		in += 3, len -= 3;
	if (len >= 2 && wide && (memcmp(in, "\xff\xfe", 2) == 0 || memcmp(in, "\xfe\xff", 2) == 0))
		in += 2, len -= 2;
	c = strcmp(charset, "utf-8") == 0 ? (iconv_t)-1 : iconv_open("UTF-8", iconv_name(charset));
	if (c == (iconv_t)-1) {
		decode_utf8(text, in, len);
		return;
	}
	while (len) {
		char *out = chunk;
		size_t room = sizeof chunk, r = iconv(c, &in, &len, &out, &room), skip = wide ? 2 : 1;
		int why = errno;

		for (char *p = chunk; p < out;) {
			char *nul = memchr(p, '\0', (size_t)(out - p));

			str_add(text, p, (size_t)((nul ? nul : out) - p));
			if (nul)
				add_char(text, REPLACEMENT);
			p = nul ? nul + 1 : out;
		}
		if (r != (size_t)-1 || why == E2BIG)
			continue;
		add_char(text, REPLACEMENT); /* an invalid sequence, or one that the end cuts */
		skip = skip < len ? skip : len;
		in += skip;
		len -= skip;
	}
	iconv_close(c);
}

static uint32_t code_point(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	switch (n) {
	case 2:
		return (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
	case 3:
		return (u[0] & 0xfu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
	case 4:
		return (u[0] & 7u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
	default:
		return u[0];
	}
}

void charset_encode(struct str *out, const char *text, size_t len, const char *charset)
{
	iconv_t c;

	if (strcmp(charset, "utf-8") == 0 || str_starts(charset, "utf-16") ||
	    (c = iconv_open(iconv_name(charset), "UTF-8")) == (iconv_t)-1) {
		str_add(out, text, len);
		return;
	}
	while (len) {
		char bytes[16], *to = bytes, *in = (char *)text;
		size_t n = utf8_char(text, len), left = n ? n : 1, room = sizeof bytes;

		if (!n)
			n = 1;
		if (iconv(c, &in, &left, &to, &room) == 0)
			str_add(out, bytes, (size_t)(to - bytes));
		else
			str_addf(out, "&#%u;", code_point(text, n));
		text += n;
		len -= n;
	}
	iconv_close(c);
}

size_t utf8_space(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	if (!len)
		return 0;
	if (s[0] == ' ' || (s[0] >= '\t' && s[0] <= '\r'))
		return 1;
	if (len >= 2 && s[0] == 0xc2 && (s[1] == 0xa0 || s[1] == 0x85))
		return 2;
	if (len < 3)
		return 0;
	if (s[0] == 0xe2 && s[1] == 0x80 && ((s[2] >= 0x80 && s[2] <= 0x8a) || s[2] == 0xa8 || s[2] == 0xa9 || s[2] == 0xaf))
		return 3; /* U+2000–200A, 2028, 2029, 202F */
	if ((s[0] == 0xe2 && s[1] == 0x81 && s[2] == 0x9f) || (s[0] == 0xe3 && s[1] == 0x80 && s[2] == 0x80) ||
	    (s[0] == 0xe1 && s[1] == 0x9a && s[2] == 0x80))
		return 3; /* U+205F, 3000, 1680 */
	return 0;
}

void fold_add(struct str *b, const char *s, size_t len)
{
	size_t run = 0;

	while (run < len) {
		size_t n = utf8_space(s + run, len - run);

		if (!n) {
			run++;
			continue;
		}
		str_add(b, s, run);
		if (b->len && b->s[b->len - 1] != ' ')
			str_putc(b, ' ');
		s += run + n;
		len -= run + n;
		run = 0;
	}
	str_add(b, s, run);
}

void fold_end(struct str *b)
{
	if (b->len && b->s[b->len - 1] == ' ')
		b->s[--b->len] = '\0';
}

char *charset_title(const char *name)
{
	static const char *const as_they_are[] = {"windows-", "macintosh", "x-", "gb18030", NULL};
	char *title = xstrdup(name);

	if (strcmp(name, "big5") == 0 || strcmp(name, "shift_jis") == 0) {
		title[0] = (char)(title[0] - 32);
		if (*name == 's')
			memcpy(title + 6, "JIS", 3);
		return title;
	}
	for (const char *const *p = as_they_are; *p; p++)
		if (str_starts(name, *p))
			return title;
	for (char *p = title; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 32);
	return title;
}

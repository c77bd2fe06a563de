#include "mail/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *p, *end;
	struct str *out;
	int newlines; /* owed before the next text: 0, 1 or 2 */
	char gap;     /* owed before the next text: ' ', '\t' or 0 */
	struct str *pictures; /* ids of those seen; NULL: not wanted */
	bool unclosed[2]; /* no further " or ' from here on: not looked for again */
};

static void put(struct reader *r, const char *bytes, size_t len)
{
	if (r->out->len) {
		for (; r->newlines; r->newlines--)
			str_putc(r->out, '\n'), r->gap = 0;
		if (r->gap)
			str_putc(r->out, r->gap);
	}
	r->newlines = 0;
	r->gap = 0;
	str_add(r->out, bytes, len);
}

static void put_char(struct reader *r, uint32_t c)
{
	char b[4];

	if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
		r->gap = r->gap ? r->gap : ' ';
	} else if (c >= 0x20 && c < 0x80) {
		b[0] = (char)c;
		put(r, b, 1);
	} else if (c >= 0xa0 && c < 0x800) {
		b[0] = (char)(0xc0 | c >> 6);
		b[1] = (char)(0x80 | (c & 63));
		put(r, b, 2);
	} else if (c >= 0x800 && c < 0x10000 && (c < 0xd800 || c > 0xdfff)) {
		b[0] = (char)(0xe0 | c >> 12);
		b[1] = (char)(0x80 | (c >> 6 & 63));
		b[2] = (char)(0x80 | (c & 63));
		put(r, b, 3);
	} else if (c >= 0x10000 && c < 0x110000) {
		b[0] = (char)(0xf0 | c >> 18);
		b[1] = (char)(0x80 | (c >> 12 & 63));
		b[2] = (char)(0x80 | (c >> 6 & 63));
		b[3] = (char)(0x80 | (c & 63));
		put(r, b, 4);
	}
}

/* Names of U+00A0 to U+00FF in order (HTML 4.01 s.24.2), then others with their number. */
static const char latin[] = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg "
	"plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc "
	"Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc "
	"Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig "
	"ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash "
	"ugrave uacute ucirc uuml yacute thorn yuml ";
static const struct {
	const char *name;
	uint32_t c;
} named[] = {
	{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"ensp", ' '}, {"emsp", ' '},
	{"thinsp", ' '}, {"zwnj", 0x200c}, {"zwj", 0x200d}, {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018},
	{"rsquo", 0x2019}, {"ldquo", 0x201c}, {"rdquo", 0x201d}, {"bdquo", 0x201e}, {"bull", 0x2022},
	{"hellip", 0x2026}, {"euro", 0x20ac}, {"trade", 0x2122}, {"scaron", 0x161}, {"Scaron", 0x160}, {"colon", ':'},
	{"inodot", 0x131}, {"scedil", 0x15f}, {"gbreve", 0x11f}, {"zwsp", 0x200b},
};

static uint32_t named_char(const char *name, size_t len)
{
	uint32_t c = 0xa0;

	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (strlen(named[i].name) == len && memcmp(named[i].name, name, len) == 0)
			return named[i].c;
	for (const char *p = latin; *p; p += strcspn(p, " ") + 1, c++)
		if (strcspn(p, " ") == len && memcmp(p, name, len) == 0)
			return c;
	return 0;
}

/* At '&'. What is no reference stays as it stands. */
static void take_reference(struct reader *r)
{
	char name[12] = "";
	size_t n = 0;
	uint32_t c;

	for (const char *p = r->p + 1; p < r->end && n < sizeof name - 1 && *p != ';' && *p != '&' && *p != '<' && *p > ' '; p++)
		name[n++] = *p;
	if (name[0] == '#')
		c = (uint32_t)strtoul(name[1] == 'x' || name[1] == 'X' ? name + 2 : name + 1, NULL,
				      name[1] == 'x' || name[1] == 'X' ? 16 : 10);
	else
		c = named_char(name, n);
	if (!c) {
		put_char(r, '&');
		r->p++;
		return;
	}
	put_char(r, c == 0xa0 ? ' ' : c);
	r->p += 1 + n;
	if (r->p < r->end && *r->p == ';')
		r->p++;
}

/* One past the '>' that ends the tag at '<'. A quoted attribute value may hold a '>'. */
static const char *tag_end(struct reader *r)
{
	const char *p = r->p + 1;

	for (; p < r->end && *p != '>'; p++) {
		bool single = *p == '\'';
		const char *close;

		if ((*p != '"' && !single) || p[-1] != '=' || r->unclosed[single])
			continue;
		close = memchr(p + 1, *p, (size_t)(r->end - p - 1));
		if (close)
			p = close;
		else
			r->unclosed[single] = true;
	}
	return p < r->end ? p + 1 : r->end;
}

static bool is_tag(const char *name, size_t len, const char *list)
{
	for (; *list; list += strcspn(list, " "), list += *list == ' ')
		if (strcspn(list, " ") == len && strncasecmp(list, name, len) == 0)
			return true;
	return false;
}

/* Moves past the end tag of the element NAME, whose start tag was read. Without one, everything else is its. */
static void skip_element(struct reader *r, const char *name, size_t len)
{
	for (const char *p = r->p; (p = memchr(p, '<', (size_t)(r->end - p))); p++)
		if ((size_t)(r->end - p) > len + 2 && p[1] == '/' && strncasecmp(p + 2, name, len) == 0) {
			r->p = p;
			r->p = tag_end(r);
			return;
		}
	r->p = r->end;
}

static void owe_newlines(struct reader *r, int n)
{
	if (r->newlines < n)
		r->newlines = n;
}

/* TAG is an img's. */
static void take_picture(struct reader *r, const char *tag, size_t len)
{
	const char *id = memmem(tag, len, "cid:", 4);
	size_t n = 0, most;

	id = id ? id + 4 : tag + len;
	most = len - (size_t)(id - tag);
	while (n < most && !strchr("\"' >\t\r\n", id[n]))
		n++;
	str_add(r->pictures, id, n);
	str_putc(r->pictures, '\n');
	put_char(r, TEXT_PICTURE);
}

/* At '<'. */
static void take_tag(struct reader *r)
{
	const char *name = r->p + 1, *close;
	bool end_tag = name < r->end && *name == '/';
	size_t len = 0;

	name += end_tag;
	if (r->end - r->p >= 4 && memcmp(r->p, "<!--", 4) == 0) {
		close = memmem(r->p + 4, (size_t)(r->end - r->p - 4), "-->", 3);
		r->p = close ? close + 3 : tag_end(r); /* one that never ends is taken for a tag */
		return;
	}
	while (name + len < r->end && ((name[len] | 32) >= 'a' || (name[len] >= '0' && name[len] <= '9')) &&
	       (name[len] | 32) <= 'z')
		len++;
	if (!len && name < r->end && *name != '!' && *name != '?') {
		put_char(r, '<'); /* "<" as text */
		r->p++;
		return;
	}
	r->p = tag_end(r);
	if (r->pictures && is_tag(name, len, "img"))
		take_picture(r, name, (size_t)(r->p - name));
	else if (!end_tag && is_tag(name, len, "style script title template"))
		skip_element(r, name, len);
	else if (is_tag(name, len, "br"))
		owe_newlines(r, 1);
	else if (is_tag(name, len, "p div table tr ul ol li h1 h2 h3 h4 h5 h6 hr pre blockquote center section article "
			"header footer dl dt dd form tbody thead body head"))
		owe_newlines(r, 2);
	else if (is_tag(name, len, "td th"))
		r->gap = '\t';
}

void text_of_html(struct str *out, const char *html, size_t len, struct str *pictures)
{
	struct reader r = {.p = html, .end = html + len, .out = out, .pictures = pictures};

	while (r.p < r.end && !out->full) {
		unsigned char c = (unsigned char)*r.p;

		if (c == '<') {
			take_tag(&r);
		} else if (c == '&') {
			take_reference(&r);
		} else if (c < 0x80) {
			put_char(&r, c);
			r.p++;
		} else {
			const char *start = r.p;

			while (r.p < r.end && (unsigned char)*r.p >= 0x80)
				r.p++;
			put(&r, start, (size_t)(r.p - start));
		}
	}
}

#include "page/css.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define SELECTOR_MAX 4096
#define NESTING_MAX 8
#define XPATH_MAX (256u << 10)

/* A reader of one selector. The first mistake sets *e and stays. */
struct css {
	const char *at;
	int nesting;
	bool failed;
	struct err *e;
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static void bad(struct css *c, const char *what)
{
	if (!c->failed)
		err_set(c->e, EX_DATAERR, "css: %s at '%.40s'", what, c->at);
	c->failed = true;
}

static void unsupported(struct css *c, const char *part, const char *tail)
{
	if (!c->failed)
		err_set(c->e, EX_DATAERR, "css: '%s%.40s' is not supported", part, tail);
	c->failed = true;
}

static void space(struct css *c)
{
	for (;;) {
		c->at += strspn(c->at, " \t\r\n\f");
		if (!str_starts(c->at, "/*"))
			return;
		c->at = strstr(c->at, "*/") ? strstr(c->at, "*/") + 2 : c->at + strlen(c->at);
	}
}

static void add_code(struct str *b, unsigned long v)
{
	if (!v || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		v = 0xfffd;
	if (v < 0x80) {
		str_putc(b, (char)v);
		return;
	}
	if (v < 0x800) {
		str_putc(b, (char)(0xc0 | v >> 6));
	} else if (v < 0x10000) {
		str_putc(b, (char)(0xe0 | v >> 12));
		str_putc(b, (char)(0x80 | (v >> 6 & 0x3f)));
	} else {
		str_putc(b, (char)(0xf0 | v >> 18));
		str_putc(b, (char)(0x80 | (v >> 12 & 0x3f)));
		str_putc(b, (char)(0x80 | (v >> 6 & 0x3f)));
	}
	str_putc(b, (char)(0x80 | (v & 0x3f)));
}

/* After the backslash (CSS Syntax s.4.3.7). */
static void escape(struct css *c, struct str *b)
{
	size_t n = strspn(c->at, "0123456789abcdefABCDEF");
	char hex[8] = "";

	if (!n) {
		if (!*c->at) {
			bad(c, "an escape without a character");
			return;
		}
		str_putc(b, *c->at++);
		return;
	}
	n = n > 6 ? 6 : n;
	memcpy(hex, c->at, n);
	add_code(b, strtoul(hex, NULL, 16));
	c->at += n;
	if (*c->at && strchr(" \t\r\n\f", *c->at))
		c->at++;
}

/* An identifier; caller frees; NULL after bad(). */
static char *name(struct css *c, const char *what)
{
	struct str b = {0};
	char first = c->at[0] == '-' ? c->at[1] : c->at[0];

	if ((first >= '0' && first <= '9') || (c->at[0] == '-' && !is_name_char(first) && first != '\\')) {
		bad(c, what);
		return NULL;
	}
	while (!c->failed) {
		if (is_name_char(*c->at)) {
			str_putc(&b, *c->at++);
		} else if (*c->at == '\\' && c->at[1] != '\n') {
			c->at++;
			escape(c, &b);
		} else {
			break;
		}
	}
	if (!b.len || c->failed) {
		bad(c, what);
		str_free(&b);
		return NULL;
	}
	return str_take(&b);
}

static char *quoted(struct css *c)
{
	char quote = *c->at++;
	struct str b = {0};

	str_add(&b, "", 0);
	while (*c->at && *c->at != quote && *c->at != '\n' && !c->failed) {
		if (*c->at != '\\') {
			str_putc(&b, *c->at++);
		} else if (c->at[1] == '\n') {
			c->at += 2;
		} else {
			c->at++;
			escape(c, &b);
		}
	}
	if (*c->at != quote)
		bad(c, "a string without its end");
	else
		c->at++;
	return str_take(&b);
}

static void lower(char *s)
{
	for (; s && *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s |= 32;
}

/* An XPath string, which has no escapes: one with both quotes is put together. */
static void literal(struct str *x, const char *s)
{
	if (!strchr(s, '\'')) {
		str_addf(x, "'%s'", s);
		return;
	}
	str_puts(x, "concat(''");
	while (*s) {
		size_t n = strcspn(s, "'");

		if (n)
			str_addf(x, ",'%.*s'", (int)n, s);
		s += n;
		n = strspn(s, "'");
		if (n)
			str_addf(x, ",\"%.*s\"", (int)n, s);
		s += n;
	}
	str_putc(x, ')');
}

#define UPPER "'ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
#define LOWER "'abcdefghijklmnopqrstuvwxyz'"

/* Attributes whose values HTML s.4.16.2 has compared without case. */
static bool caseless_attribute(const char *attr)
{
	static const char list[] =
		" accept accept-charset align alink axis bgcolor charset checked clear codetype color compact declare "
		"defer dir direction disabled enctype face frame hreflang http-equiv lang language link media method "
		"multiple nohref noresize noshade nowrap readonly rel rev rules scope scrolling selected shape target "
		"text type valign valuetype vlink ";
	char *padded = xasprintf(" %s ", attr);
	bool found = strstr(list, padded);

	free(padded);
	return found;
}

static bool xml_name(const char *s)
{
	return *s && !strchr("-.0123456789", *s) && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

/* "@name", also for names that XPath could not write. */
static char *attr_path(const char *attr)
{
	struct str x = {0};

	if (xml_name(attr))
		return xasprintf("@%s", attr);
	str_puts(&x, "@*[name()=");
	literal(&x, attr);
	str_putc(&x, ']');
	return str_take(&x);
}

static void attr_test(struct str *x, const char *attr, char op, char *value, bool caseless)
{
	char *path = attr_path(attr), *v;
	struct str text = {0};

	if (caseless) {
		lower(value);
		v = xasprintf("translate(%s," UPPER "," LOWER ")", path);
	} else {
		v = xstrdup(path);
	}
	literal(&text, value);
	if (op != '=' && op != '|' && !*value)
		str_puts(x, "false()"); /* no value has an empty part */
	else if (op == '~' && strpbrk(value, " \t\r\n\f"))
		str_puts(x, "false()");
	else if (op == '=')
		str_addf(x, "(%s and %s=%s)", path, v, text.s);
	else if (op == '~')
		str_addf(x, "contains(concat(' ',normalize-space(%s),' '),concat(' ',%s,' '))", v, text.s);
	else if (op == '|')
		str_addf(x, "(%s and (%s=%s or starts-with(%s,concat(%s,'-'))))", path, v, text.s, v, text.s);
	else if (op == '^')
		str_addf(x, "starts-with(%s,%s)", v, text.s);
	else if (op == '*')
		str_addf(x, "contains(%s,%s)", v, text.s);
	else
		str_addf(x,
			 "(string-length(%s)>=string-length(%s) and "
			 "substring(%s,string-length(%s)-string-length(%s)+1)=%s)",
			 v, text.s, v, v, text.s, text.s);
	free(path);
	free(v);
	str_free(&text);
}

/* After '['. */
static void attribute(struct css *c, struct str *x)
{
	char *attr, *value = NULL, op = '=';
	bool caseless;

	space(c);
	attr = name(c, "an attribute's name is missing");
	lower(attr);
	space(c);
	if (attr && *c->at == '|' && c->at[1] != '=')
		unsupported(c, "a namespace in [", attr);
	if (!c->failed && *c->at == ']') {
		char *path = attr_path(attr);

		c->at++;
		str_puts(x, path);
		free(path);
		free(attr);
		return;
	}
	if (!c->failed && *c->at && strchr("~|^$*", *c->at))
		op = *c->at++;
	if (!c->failed && *c->at != '=')
		bad(c, "an attribute test that is none of = ~= |= ^= $= *=");
	if (!c->failed) {
		c->at++;
		space(c);
		value = *c->at == '"' || *c->at == '\'' ? quoted(c) : name(c, "an attribute's value is missing or needs quotes");
		space(c);
	}
	if (!c->failed) {
		caseless = caseless_attribute(attr);
		if (*c->at == 'i' || *c->at == 'I' || *c->at == 's' || *c->at == 'S') {
			caseless = (*c->at | 32) == 'i';
			c->at++;
			space(c);
		}
		if (*c->at == ']') {
			c->at++;
			attr_test(x, attr, op, value, caseless);
		} else {
			bad(c, "an attribute test without its ']'");
		}
	}
	free(attr);
	free(value);
}

/* An element as an XPath step without its axis: "div[…]". */
static void step(struct css *c, struct str *x);
static void complex_self(struct css *c, struct str *x);

/* After the argument: its ')' is consumed. */
static void close_argument(struct css *c)
{
	space(c);
	if (*c->at != ')')
		bad(c, "a ')' is missing");
	else
		c->at++;
}

/* "S1 or S2 …" of a selector list, each made by ONE; up to the ')'. */
static void alternatives(struct css *c, struct str *x, void (*one)(struct css *, struct str *))
{
	if (++c->nesting > NESTING_MAX)
		bad(c, "nested too deep");
	for (bool first = true; !c->failed; first = false) {
		if (!first)
			str_puts(x, " or ");
		one(c, x);
		space(c);
		if (*c->at != ',')
			break;
		c->at++;
	}
	c->nesting--;
}

/* A signed number, with blanks after the sign as an+b has them. */
static bool number(struct css *c, int *v)
{
	const char *p = c->at;
	int sign = *p == '-' ? -1 : 1;
	size_t n;

	if (*p == '-' || *p == '+')
		p++;
	p += strspn(p, " \t\r\n\f");
	n = strspn(p, "0123456789");
	if (!n || n > 6)
		return false;
	*v = sign * atoi(p);
	c->at = p + n;
	return true;
}

/* "2n+1", "odd", "-n + 3", "4": A and B of an+b (CSS Syntax s.6). */
static void an_plus_b(struct css *c, int *a, int *b)
{
	const char *p;

	space(c);
	*a = *b = 0;
	if (strncasecmp(c->at, "even", 4) == 0 || strncasecmp(c->at, "odd", 3) == 0) {
		*a = 2;
		*b = (c->at[0] | 32) == 'o';
		c->at += *b ? 3 : 4;
		return;
	}
	p = c->at + (*c->at == '-' || *c->at == '+');
	if ((*p | 32) == 'n') {
		*a = *c->at == '-' ? -1 : 1;
		c->at = p;
	} else if (!number(c, a)) {
		bad(c, "neither a number, 'even', 'odd' nor an+b");
		return;
	}
	if ((*c->at | 32) != 'n') {
		*b = *a;
		*a = 0;
		return;
	}
	c->at++;
	space(c);
	if ((*c->at == '-' || *c->at == '+') && !number(c, b))
		bad(c, "not an an+b");
}

/* The condition that position POS (an XPath number, from 1) is an+b for some n >= 0. */
static void position_test(struct str *x, const char *pos, int a, int b)
{
	if (a == 0)
		str_addf(x, "%s=%d", pos, b);
	else if (a > 0)
		str_addf(x, "(%s>=%d and (%s - %d) mod %d=0)", pos, b, pos, b, a);
	else
		str_addf(x, "(%s<=%d and (%d - %s) mod %d=0)", pos, b, b, pos, -a);
}

/* :nth-…: INDEX is the function of html_select that counts, AXIS where `of S` does. */
static void nth(struct css *c, struct str *x, const char *index, const char *axis)
{
	struct str which = {0};
	int a, b;

	an_plus_b(c, &a, &b);
	space(c);
	if (axis && strncasecmp(c->at, "of", 2) == 0 && !is_name_char(c->at[2])) {
		char *pos;

		c->at += 2;
		alternatives(c, &which, complex_self);
		pos = xasprintf("(count(%s::*[%s])+1)", axis, str_text(&which));
		str_addf(x, "(%s) and ", str_text(&which));
		position_test(x, pos, a, b);
		free(pos);
		str_free(&which);
	} else {
		position_test(x, index, a, b);
	}
	close_argument(c);
}

#define SELF_IN(list) "contains('" list "',concat(' ',name(),' '))"
/* A control in a disabled fieldset is disabled, unless it stands in that fieldset's first legend: more
 * disabled fieldsets are above it than such legends. */
#define DISABLED                                                                                                       \
	"((" SELF_IN(" button input select textarea optgroup option fieldset ") " and @disabled) or "                  \
	"(self::option and parent::optgroup/@disabled) or "                                                            \
	"(" SELF_IN(" button input select textarea fieldset ") " and count(ancestor::fieldset[@disabled]) > "          \
	"count(ancestor::legend[not(preceding-sibling::legend)]/parent::fieldset[@disabled])))"
#define USABLE "[not(@disabled)]"
/* What a select without a chosen option shows: its first that is not disabled. */
#define SHOWN                                                                                                          \
	"(self::option and not(@disabled) and not(parent::optgroup/@disabled) and "                                    \
	"ancestor::select[1][not(@multiple)][not(.//option[@selected])] and not(preceding-sibling::option" USABLE      \
	") and not(parent::optgroup/preceding-sibling::option" USABLE ") and "                                         \
	"not((.|parent::optgroup)/preceding-sibling::optgroup" USABLE "/option" USABLE "))"
#define INPUT_TYPE "translate(@type," UPPER "," LOWER ")"
#define CHECKED                                                                                                        \
	"((self::input and @checked and (" INPUT_TYPE "='checkbox' or " INPUT_TYPE "='radio')) or "                    \
	"(self::option and @selected) or " SHOWN ")"

/* Pseudo-classes that are one fixed condition. */
static const struct simple {
	const char *name, *xpath;
} simples[] = {
	{"first-child", "not(preceding-sibling::*[1])"},
	{"last-child", "not(following-sibling::*[1])"},
	{"only-child", "not(preceding-sibling::*[1]) and not(following-sibling::*[1])"},
	{"first-of-type", "index-of-type()=1"},
	{"last-of-type", "index-of-type-last()=1"},
	{"only-of-type", "index-of-type()=1 and index-of-type-last()=1"},
	{"root", "not(parent::*)"},
	{"scope", "count(.|$scope)=1"},
	{"empty", "not(*) and not(text())"},
	{"checked", CHECKED},
	{"disabled", DISABLED},
	{"enabled", SELF_IN(" button input select textarea optgroup option fieldset ") " and not(" DISABLED ")"},
};

static const struct counting {
	const char *name, *index, *axis;
} countings[] = {
	{"nth-child", "index()", "preceding-sibling"},
	{"nth-last-child", "index-last()", "following-sibling"},
	{"nth-of-type", "index-of-type()", NULL},
	{"nth-last-of-type", "index-of-type-last()", NULL},
};

/* A combinator at the reader; ' ' for none but blanks, 0 where the selector ends. */
static char combinator(struct css *c)
{
	space(c);
	if (*c->at == '>' || *c->at == '+' || *c->at == '~') {
		char found = *c->at++;

		space(c);
		return found;
	}
	if (*c->at == '|' && c->at[1] == '|')
		unsupported(c, "||", "");
	return !*c->at || *c->at == ',' || *c->at == ')' || c->failed ? 0 : ' ';
}

/* One relative selector of :has(): a path forward from the element. */
static void relative(struct css *c, struct str *x)
{
	char how = combinator(c);

	if (!how)
		bad(c, "a selector is missing");
	for (bool first = true; how && !c->failed; first = false) {
		str_puts(x, first ? "" : "/");
		str_puts(x, how == '>'	 ? "child::"
			    : how == '+' ? "following-sibling::*[1]/self::"
			    : how == '~' ? "following-sibling::"
					 : "descendant::");
		step(c, x);
		how = combinator(c);
	}
}

/* One selector, from its right end, without the axis before it. */
static void complex(struct css *c, struct str *x)
{
	struct str left = {0};
	char how;

	space(c);
	if (*c->at == '>' || *c->at == '+' || *c->at == '~')
		str_puts(&left, "*[count(.|$scope)=1]");
	else
		step(c, &left);
	while (!c->failed && (how = combinator(c))) {
		struct str right = {0};

		step(c, &right);
		str_addf(&right, how == '>'   ? "[parent::%s]"
				 : how == '+' ? "[preceding-sibling::*[1][self::%s]]"
				 : how == '~' ? "[preceding-sibling::%s]"
					      : "[ancestor::%s]",
			 str_text(&left));
		str_free(&left);
		left = right;
	}
	str_puts(x, str_text(&left));
	str_free(&left);
}

static void complex_self(struct css *c, struct str *x)
{
	str_puts(x, "self::");
	complex(c, x);
}

/* The functional pseudo-class NAME, after its '('. */
static void function(struct css *c, struct str *x, const char *what)
{
	bool has = strcmp(what, "has") == 0, not = strcmp(what, "not") == 0;

	for (size_t i = 0; i < sizeof countings / sizeof *countings; i++)
		if (strcmp(what, countings[i].name) == 0) {
			nth(c, x, countings[i].index, countings[i].axis);
			return;
		}
	if (!has && !not && strcmp(what, "is") != 0 && strcmp(what, "where") != 0) {
		unsupported(c, ":", what);
		return;
	}
	str_puts(x, not ? "not(" : "(");
	alternatives(c, x, has ? relative : complex_self);
	str_putc(x, ')');
	close_argument(c);
}

/* After ':'. */
static void pseudo(struct css *c, struct str *x)
{
	char *what;

	if (*c->at == ':') {
		unsupported(c, ":", c->at);
		return;
	}
	what = name(c, "a pseudo-class's name is missing");
	lower(what);
	if (!c->failed && *c->at == '(') {
		c->at++;
		function(c, x, what);
	} else if (!c->failed) {
		size_t i = 0, n = sizeof simples / sizeof *simples;

		while (i < n && strcmp(what, simples[i].name) != 0)
			i++;
		if (i < n)
			str_puts(x, simples[i].xpath);
		else
			unsupported(c, ":", what);
	}
	free(what);
}

/* "#id", ".class", "[…]" or ":…" as "[condition]". */
static void condition(struct css *c, struct str *x)
{
	char kind = *c->at++, *text;

	str_putc(x, '[');
	if (kind == '[') {
		attribute(c, x);
	} else if (kind == ':') {
		pseudo(c, x);
	} else if ((text = name(c, kind == '#' ? "an id is missing" : "a class is missing"))) {
		if (kind == '#')
			str_puts(x, "@id=");
		else
			str_puts(x, "contains(concat(' ',normalize-space(@class),' '),concat(' ',");
		literal(x, text);
		if (kind == '.')
			str_puts(x, ",' '))");
		free(text);
	}
	str_putc(x, ']');
}

static void step(struct css *c, struct str *x)
{
	const char *start = c->at;

	if (*c->at == '*') {
		c->at++;
		str_putc(x, '*');
	} else if (is_name_char(*c->at) || *c->at == '\\') {
		char *type = name(c, "an element's name is missing");

		lower(type);
		if (type && xml_name(type)) {
			str_puts(x, type);
		} else if (type) {
			str_puts(x, "*[name()=");
			literal(x, type);
			str_putc(x, ']');
		}
		free(type);
	} else {
		str_putc(x, '*');
	}
	if (*c->at == '|' && c->at[1] != '|')
		unsupported(c, "a namespace, ", start);
	while (!c->failed && *c->at && strchr("#.[:", *c->at))
		condition(c, x);
	if (!c->failed && *c->at == '&')
		unsupported(c, "&", "");
	else if (!c->failed && c->at == start)
		bad(c, *c->at ? "a selector can't begin or go on so" : "a selector is missing");
}

char *css_xpath(const char *selector, struct err *e)
{
	struct css c = {.at = selector, .e = e};
	struct str x = {0};

	if (strlen(selector) > SELECTOR_MAX)
		bad(&c, "a selector of more than 4096 bytes");
	while (!c.failed) {
		str_puts(&x, x.len ? " | descendant::" : "descendant::");
		complex(&c, &x);
		space(&c);
		if (*c.at != ',')
			break;
		c.at++;
	}
	if (!c.failed && *c.at)
		bad(&c, "a ')' too many");
	if (!c.failed && x.len > XPATH_MAX)
		bad(&c, "too complicated a selector");
	if (!c.failed)
		return str_take(&x);
	str_free(&x);
	return NULL;
}

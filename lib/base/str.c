#include "base/str.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/die.h"

static _Noreturn void out_of_memory(void)
{
	die(EX_OSERR, "out of memory");
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrndup(const char *s, size_t len)
{
	char *p = xmalloc(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

static int addv(struct str *b, const char *fmt, va_list ap)
{
	char *text = NULL;
	int n = vasprintf(&text, fmt, ap), r;

	if (n < 0)
		out_of_memory();
	r = str_add(b, text, (size_t)n);
	free(text);
	return r;
}

char *xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return text;
}

void str_init(struct str *b, size_t max)
{
	*b = (struct str){.max = max};
}

void str_free(struct str *b)
{
	free(b->s);
	*b = (struct str){.max = b->max};
}

void str_reset(struct str *b)
{
	b->len = 0;
	b->full = false;
	if (b->s)
		b->s[0] = '\0';
}

int str_add(struct str *b, const void *data, size_t len)
{
	size_t cap = b->cap ? b->cap : 64;

	if (len > SIZE_MAX / 4 - b->len || (b->max && b->len + len > b->max)) {
		b->full = true;
		return -1;
	}
	while (cap < b->len + len + 1)
		cap *= 2;
	if (cap != b->cap) {
		b->s = xrealloc(b->s, cap);
		b->cap = cap;
	}
	if (len)
		memcpy(b->s + b->len, data, len);
	b->len += len;
	b->s[b->len] = '\0';
	return 0;
}

int str_puts(struct str *b, const char *s)
{
	return str_add(b, s, strlen(s));
}

int str_putc(struct str *b, char c)
{
	return str_add(b, &c, 1);
}

int str_addf(struct str *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = addv(b, fmt, ap);
	va_end(ap);
	return r;
}

const char *str_text(const struct str *b)
{
	return b->s ? b->s : "";
}

char *str_take(struct str *b)
{
	char *s = b->s ? b->s : xstrdup("");

	*b = (struct str){.max = b->max};
	return s;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t a = strlen(s), b = strlen(suffix);

	return a >= b && memcmp(s + a - b, suffix, b) == 0;
}

bool str_glob(const char *p, const char *s)
{
	const char *star = NULL, *back = NULL;

	while (*s) {
		if (*p == '*') {
			star = ++p;
			back = s;
		} else if (*p == *s) {
			p++;
			s++;
		} else if (star) {
			p = star;
			s = ++back;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

bool name_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= 64 && !s[n] && !strchr("._-", s[0]);
}

int str_long(const char *s, long long lo, long long hi, long long *out)
{
	char *end;
	long long v;

	if (!*s || strspn(s, "-0123456789") != strlen(s))
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno || *end || v < lo || v > hi)
		return -1;
	*out = v;
	return 0;
}

char *url_escape(const char *s, size_t len)
{
	struct str b = {0};

	str_add(&b, "", 0);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("-._~", c)))
			str_putc(&b, (char)c);
		else
			str_addf(&b, "%%%02X", c);
	}
	return str_take(&b);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int url_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '%') {
			int hi = hex(s[1]), lo = hi < 0 ? -1 : hex(s[2]);

			if (lo < 0 || hi * 16 + lo == 0)
				return -1;
			*to++ = (char)(hi * 16 + lo);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return 0;
}

#include "page/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define URL_MAX (64u << 10)

void url_free(struct url *u)
{
	free(u->host);
	free(u->path);
	free(u->query);
	free(u->fragment);
	*u = (struct url){0};
}

/* Leading and trailing blanks go, tabs and newlines go everywhere; backslashes before the query are slashes. */
static char *clean(const char *text)
{
	struct str b = {0};
	size_t len = strlen(text);
	bool path = true;

	while (len && (unsigned char)text[len - 1] <= ' ')
		len--;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\t' || c == '\n' || c == '\r' || (!b.len && (unsigned char)c <= ' '))
			continue;
		if (c == '?' || c == '#')
			path = false;
		str_putc(&b, path && c == '\\' ? '/' : c);
	}
	return str_take(&b);
}

/* S with what ODD names, controls, blanks and bytes over 0x7e percent-encoded; existing escapes stay. */
static char *encode(const char *s, size_t len, const char *odd)
{
	struct str b = {0};

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c >= 0x7f || strchr(odd, c))
			str_addf(&b, "%%%02X", c);
		else
			str_putc(&b, (char)c);
	}
	return str_take(&b);
}

/* 1: ".", 2: "..", also with escaped dots; 0: neither. */
static int dots(const char *s, size_t len)
{
	int n = 0;

	while (len) {
		size_t step = *s == '.' ? 1 : len >= 3 && strncasecmp(s, "%2e", 3) == 0 ? 3 : 0;

		if (!step || ++n > 2)
			return 0;
		s += step;
		len -= step;
	}
	return n;
}

/* RFC 3986 s.5.2.4; PATH begins with '/'. */
static char *without_dots(const char *path)
{
	struct str b = {0};

	while (*path) {
		size_t n = strcspn(path + 1, "/");
		bool last = !path[n + 1];
		int d = dots(path + 1, n);

		if (d == 2 && b.len) {
			b.len = (size_t)(strrchr(b.s, '/') - b.s);
			b.s[b.len] = '\0';
		}
		if (d == 0)
			str_add(&b, path, n + 1);
		else if (last)
			str_putc(&b, '/');
		path += n + 1;
	}
	if (!b.len)
		str_putc(&b, '/');
	return str_take(&b);
}

static int take_host(struct url *u, const char *s, size_t len, struct err *e)
{
	const char *end = s + len, *port = NULL;
	size_t host_len;
	long long n;
	char *text;

	if (memchr(s, '@', len))
		return err_set(e, EX_NOPERM, "an address with a name or password in it");
	if (*s == '[') {
		const char *close = memchr(s, ']', len);

		if (!close || (close + 1 < end && close[1] != ':') ||
		    strspn(s + 1, "0123456789abcdefABCDEF:.") != (size_t)(close - s - 1))
			return err_set(e, EX_DATAERR, "a malformed IPv6 address");
		host_len = (size_t)(close - s) + 1;
	} else {
		const char *colon = memchr(s, ':', len);

		host_len = colon ? (size_t)(colon - s) : len;
		for (size_t i = 0; i < host_len; i++)
			if ((unsigned char)s[i] <= ' ' || strchr("%^|<>\"`{}[]\\#?/:@!$&'()*+,;=\x7f", s[i]))
				return err_set(e, EX_DATAERR, "a host with an odd character in it");
	}
	if (!host_len || host_len > 253)
		return err_set(e, EX_DATAERR, "an address without a host");
	if (s + host_len < end)
		port = s + host_len + 1;
	u->port = u->https ? 443 : 80;
	if (port && port < end) {
		text = xstrndup(port, (size_t)(end - port));
		if (str_long(text, 1, 65535, &n)) {
			free(text);
			return err_set(e, EX_DATAERR, "a malformed port");
		}
		free(text);
		u->port = (int)n;
	}
	u->host = xstrndup(s, host_len);
	for (char *p = u->host; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 32;
	return 0;
}

/* "?query" and "#fragment" at S, either or both missing. */
static void take_tail(struct url *u, const char *s)
{
	size_t n;

	if (*s == '?') {
		n = strcspn(s + 1, "#");
		u->query = encode(s + 1, n, "\"#<>'");
		s += n + 1;
	}
	if (*s == '#')
		u->fragment = encode(s + 1, strlen(s + 1), "\"<>`");
}

/* Path (merged with BASE's where S is relative), query and fragment. */
static void take_path(struct url *u, const char *s, const struct url *base)
{
	size_t n = strcspn(s, "?#");
	struct str whole = {0};
	char *encoded;

	if (!n && base) {
		u->path = xstrdup(base->path);
		if (*s != '?' && base->query)
			u->query = xstrdup(base->query);
		take_tail(u, s);
		return;
	}
	if (*s != '/' && base)
		str_add(&whole, base->path, (size_t)(strrchr(base->path, '/') - base->path) + 1);
	else if (*s != '/')
		str_putc(&whole, '/');
	encoded = encode(s, n, "\"#<>?`{}");
	str_puts(&whole, encoded);
	u->path = without_dots(whole.s);
	free(encoded);
	str_free(&whole);
	take_tail(u, s + n);
}

/* The length of "scheme" where S begins with "scheme:", else 0. */
static size_t scheme_len(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

	return n && s[n] == ':' && strchr("+-.0123456789", s[0]) == NULL ? n : 0;
}

static int parse(struct url *u, const char *s, const struct url *base, struct err *e)
{
	size_t n = scheme_len(s);
	bool authority = false;

	if (n) {
		u->https = n == 5;
		if (!(n == 4 && strncasecmp(s, "http", 4) == 0) && !(n == 5 && strncasecmp(s, "https", 5) == 0))
			return err_set(e, EX_NOPERM, "the scheme '%.*s:' is not allowed, only http: and https:",
				       n > 20 ? 20 : (int)n, s);
		s += n + 1;
		authority = str_starts(s, "//") || !base || base->https != u->https;
	} else if (str_starts(s, "//") && base) {
		authority = true;
		u->https = base->https;
	} else if (!base) {
		return err_set(e, EX_DATAERR, "a relative address, and nothing that it is relative to");
	}
	if (authority) {
		s += strspn(s, "/");
		n = strcspn(s, "/?#");
		if (take_host(u, s, n, e))
			return -1;
		take_path(u, s + n, NULL);
		return 0;
	}
	u->https = base->https;
	u->port = base->port;
	u->host = xstrdup(base->host);
	take_path(u, s, base);
	return 0;
}

int url_parse(struct url *u, const char *text, const struct url *base, struct err *e)
{
	char *s;
	int r;

	*u = (struct url){0};
	if (strlen(text) > URL_MAX)
		return err_set(e, EX_DATAERR, "an address of more than %u bytes", URL_MAX);
	s = clean(text);
	r = parse(u, s, base, e);
	if (r) {
		url_free(u);
		err_wrap(e, "'%.100s'", s);
	}
	free(s);
	return r;
}

char *url_origin(const struct url *u)
{
	if (u->port == (u->https ? 443 : 80))
		return xasprintf("%s://%s", u->https ? "https" : "http", u->host);
	return xasprintf("%s://%s:%d", u->https ? "https" : "http", u->host, u->port);
}

char *url_target(const struct url *u)
{
	return xasprintf("%s%s%s", u->path, u->query ? "?" : "", u->query ? u->query : "");
}

char *url_text(const struct url *u, bool fragment)
{
	char *origin = url_origin(u), *target = url_target(u), *text;
	bool tail = fragment && u->fragment;

	text = xasprintf("%s%s%s%s", origin, target, tail ? "#" : "", tail ? u->fragment : "");
	free(origin);
	free(target);
	return text;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool url_is_here(const struct url *u)
{
	struct in_addr four;

	if (inet_pton(AF_INET, u->host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return strcmp(u->host, "localhost") == 0 || strcmp(u->host, "[::1]") == 0;
}

#include "ext/httphead.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/retry.h"

bool http_head_next(const struct str *head, size_t *at, const char **name, size_t *name_len, const char **value,
		    size_t *value_len)
{
	while (*at < head->len) {
		const char *line = head->s + *at, *end = memchr(line, '\n', head->len - *at);
		const char *colon;

		end = end ? end : head->s + head->len;
		*at = (size_t)(end - head->s) + 1;
		colon = memchr(line, ':', (size_t)(end - line));
		if (!colon || colon == line)
			continue;
		*name = line;
		*name_len = (size_t)(colon - line);
		for (colon++; colon < end && (*colon == ' ' || *colon == '\t');)
			colon++;
		*value = colon;
		*value_len = (size_t)(end - colon);
		return true;
	}
	return false;
}

bool http_head_get(const struct str *head, const char *wanted, const char **value, size_t *len)
{
	const char *name;
	size_t at = 0, n;

	while (http_head_next(head, &at, &name, &n, value, len))
		if (n == strlen(wanted) && strncasecmp(name, wanted, n) == 0)
			return true;
	return false;
}

int64_t http_retry_after(const struct str *head)
{
	const char *value;
	size_t len;
	char *after = http_head_get(head, "Retry-After", &value, &len) ? xstrndup(value, len) : NULL;
	char *date = http_head_get(head, "Date", &value, &len) ? xstrndup(value, len) : NULL;
	int64_t ms = after ? retry_after(after, date, clock_wall()) : -1;

	free(after);
	free(date);
	return ms;
}

bool http_header_valid(const char *name, const char *value)
{
	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != strlen(name))
		return false;
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return false;
	return true;
}

bool http_header_reserved(const char *name)
{
	static const char *const names[] = {"host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "trailer", "expect",
					    "proxy-authorization", "accept-encoding"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

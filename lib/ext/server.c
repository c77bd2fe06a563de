#include "ext/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* "HOST", "HOST:PORT", "[ADDRESS]:PORT" */
static int take_host(struct server_url *u, char *text, struct err *e)
{
	char *end = *text == '[' ? strchr(text, ']') : NULL, *colon = strchr(end ? end : text, ':');
	long long port = u->port;

	if (colon && str_long(colon + 1, 1, 65535, &port))
		return err_set(e, EX_CONFIG, "'%.40s' is no port", colon + 1);
	if (end)
		*end = '\0';
	else if (colon)
		*colon = '\0';
	text += end != NULL;
	if (!*text || strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%") != strlen(text))
		return err_set(e, EX_CONFIG, "there is no host in it");
	u->host = xstrdup(text);
	u->port = (int)port;
	return 0;
}

/* USER@HOST:PORT/PATH */
static int take_url(struct server_url *u, char *rest, struct err *e)
{
	char *path = strchr(rest, '/'), *at;

	if (path)
		*path++ = '\0';
	at = strrchr(rest, '@');
	if (at)
		*at++ = '\0';
	if (at && strchr(rest, ':'))
		return err_set(e, EX_CONFIG, "a password has no place in it; it goes into the field password");
	if ((at && url_unescape(rest)) || (path && url_unescape(path)))
		return err_set(e, EX_CONFIG, "a malformed %%XX");
	u->user = at ? xstrdup(rest) : NULL;
	u->path = xstrdup(path ? path : "");
	return take_host(u, at ? at : rest, e);
}

int server_url(struct server_url *u, const char *url, const char *scheme, int port, int tls_port, struct err *e)
{
	size_t n = strlen(scheme);
	bool fits = strncmp(url, scheme, n) == 0, tls = fits && url[n] == 's';
	char *copy;
	int r;

	*u = (struct server_url){.tls = tls, .port = tls ? tls_port : port};
	if (!fits || !str_starts(url + n + tls, "://"))
		return err_set(e, EX_CONFIG, "it is %ss://USER@HOST", scheme); /* not quoted: it may hold a password */
	copy = xstrdup(url + n + tls + 3);
	r = take_url(u, copy, e);
	free(copy);
	return r;
}

void server_url_free(struct server_url *u)
{
	free(u->user);
	free(u->host);
	free(u->path);
	*u = (struct server_url){0};
}

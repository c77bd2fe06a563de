/* ab-vault: where a session's site is. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ext/yaml.h"
#include "site/provider.h"
#include "vault-command.h"

/* The base that the provider's file gives, as it stands there. Only read: provider_load would start a worker for its
 * expressions, and no process beside this one is to be born with the master key in it. */
static char *provider_base(const char *name)
{
	char *path = provider_find(name, NULL), *base;
	struct yaml y;

	if (!path || yaml_read(&y, path, NULL)) {
		free(path);
		return xstrdup("");
	}
	base = xstrdup(json_str(y.value, "base", ""));
	yaml_done(&y);
	free(path);
	return base;
}

char *origin_of(const char *url)
{
	const char *colon = strstr(url, "://"), *host, *end;
	char *origin;

	if (!colon || colon == url)
		return NULL;
	host = colon + 3;
	end = host + strcspn(host, "/?#");
	for (const char *at = host; at < end; at++)
		if (*at == '@')
			host = at + 1;
	if (host == end)
		return NULL;
	origin = xasprintf("%.*s://%.*s", (int)(colon - url), url, (int)(end - host), host);
	for (char *p = origin; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (str_starts(origin, "http://") && str_ends(origin, ":80"))
		origin[strlen(origin) - 3] = '\0';
	if (str_starts(origin, "https://") && str_ends(origin, ":443"))
		origin[strlen(origin) - 4] = '\0';
	return origin;
}

char *site_origin(jv whole)
{
	jv site = json_path(whole, "site.base");
	char *origin = origin_of(json_string(site, "")), *base;

	jv_free(site);
	if (origin)
		return origin;
	base = provider_base(json_str(whole, "provider", ""));
	origin = origin_of(base); /* a template ("${.site.base}") has no origin */
	free(base);
	return origin ? origin : xstrdup("");
}

/* ab-vault: what it wants to know of a provider. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "ext/yaml.h"
#include "vault-command.h"

/* $AB_PROVIDERS (folders, colon-separated), then the installed ones. */
static char *provider_path(const char *name)
{
	const char *list = getenv("AB_PROVIDERS");
	char *path;

	for (; list && *list; list += strcspn(list, ":"), list += *list == ':') {
		path = xasprintf("%.*s/%s/provider.yaml", (int)strcspn(list, ":"), list, name);
		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return xasprintf("%s/providers/%s/provider.yaml", AB_PKGDATADIR, name);
}

jv provider_doc(const char *name, struct err *e)
{
	struct yaml y;
	char *path;
	jv doc;

	if (!name_valid(name)) {
		err_set(e, EX_USAGE, "'%s' is no provider's name", name);
		return jv_invalid();
	}
	path = provider_path(name);
	if (yaml_read(&y, path, e)) {
		if (e && e->status == EX_NOINPUT)
			err_set(e, EX_NOINPUT, "there is no provider '%s' ('ab-provider list' shows them)", name);
		doc = jv_invalid();
	} else {
		doc = jv_copy(y.value);
		yaml_done(&y);
	}
	free(path);
	return doc;
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
	jv base = json_path(whole, "site.base"), doc;
	char *origin = origin_of(json_string(base, ""));

	jv_free(base);
	if (origin)
		return origin;
	doc = provider_doc(json_str(whole, "provider", ""), NULL);
	origin = origin_of(json_str(doc, "base", "")); /* a template ("${.site.base}") has no origin */
	jv_free(doc);
	return origin ? origin : xstrdup("");
}

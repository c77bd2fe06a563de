/* ab-vault: where a session's site is. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ext/yaml.h"
#include "site/expr.h"
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

/* --- where a provider may go --- */

/* WHOLE with what the provider's NEEDS give where it says nothing itself. */
static jv with_defaults(jv whole, jv needs)
{
	for (struct json_iter it = json_iter(needs); json_next(&it);) {
		const char *path = it.key ? it.key + (*it.key == '.') : "";
		jv there = json_has(it.value, "default") && str_starts(path, "site.") ? at_path(whole, path) : jv_true();

		if (!json_ok(there))
			whole = put_at(whole, path, json_get(it.value, "default"));
		jv_free(there);
	}
	return whole;
}

static void not_plain(void *ctx, const char *program, size_t at)
{
	jv path = expr_path(program);

	(void)at;
	if (!json_ok(path))
		*(bool *)ctx = false;
	jv_free(path);
}

/* The origins that LIST (borrowed; as the provider's file has it) stands for. Only paths are looked up, for which nothing is started. */
static jv expand_origins(jv list, jv context, struct err *e)
{
	struct exprs *x = exprs_new(list, NULL);
	jv made = jv_array();

	for (struct json_iter it = json_iter(list); json_ok(made) && json_next(&it);) {
		bool plain = true;
		size_t at;
		jv text = jv_null();
		char *origin;

		if (expr_each(json_string(it.value, ""), not_plain, &plain, &at) == 0 && plain)
			text = expr_expand(x, it.value, context, e);
		origin = origin_of(json_string(text, ""));
		if (origin) {
			made = json_push(made, jv_string(origin));
		} else {
			jv_free(made);
			made = jv_invalid();
			json_iter_end(&it);
		}
		free(origin);
		jv_free(text);
	}
	exprs_free(x);
	return made;
}

jv site_origins(jv whole, struct err *e)
{
	const char *name = json_str(whole, "provider", "");
	char *path = provider_find(name, e);
	jv needs, list, context, made;
	struct yaml y;

	if (!path || yaml_read(&y, path, e)) {
		free(path);
		return jv_invalid();
	}
	needs = json_get(y.value, "needs");
	list = json_has(y.value, "origins") ? json_get(y.value, "origins") : json_push(jv_array(), json_get(y.value, "base"));
	context = with_defaults(jv_copy(whole), needs);
	made = json_is(list, JV_KIND_ARRAY) ? expand_origins(list, context, NULL) : jv_invalid();
	if (!json_ok(made))
		err_set(e, EX_CONFIG, "where provider %s goes can't be told from %s: base and origins are addresses, or such as ${.site.base}",
			name, path);
	jv_free(context);
	jv_free(list);
	jv_free(needs);
	yaml_done(&y);
	free(path);
	return made;
}

#include "page/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "ext/httphead.h"

#define BODY_MAX (4u << 20)

void settings_free(struct settings *s)
{
	url_free(&s->base);
	for (char **o = s->origins; o && *o; o++)
		free(*o);
	free(s->origins);
	jv_free(s->headers);
	free(s->proxy);
	free(s->cafile);
	free(s->user_agent);
	*s = SETTINGS_NONE;
}

int settings_check_headers(jv headers, struct fail *why)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *odd = NULL;

	if (!json_is(headers, JV_KIND_OBJECT) && !json_is(headers, JV_KIND_NULL))
		return fail_set(why, "usage", "headers: not an object");
	for (struct json_iter it = json_iter(headers); json_next(&it);) {
		const char *value = json_string(it.value, NULL);

		if (!*it.key || strspn(it.key, token) != strlen(it.key) || http_header_reserved(it.key) ||
		    strcasecmp(it.key, "cookie") == 0) /* beside the jar none is said */
			odd = "a header of this name can't be set";
		else if (!value && !json_is(it.value, JV_KIND_NULL))
			odd = "its value is no string";
		else if (value && (strlen(value) != json_len(it.value) || strpbrk(value, "\r\n")))
			odd = "its value has a line end or NUL in it";
		if (odd) {
			fail_set(why, "usage", "headers: '%.60s': %s", it.key, odd);
			json_iter_end(&it);
			return -1;
		}
	}
	return 0;
}

static int take_base(struct settings *s, jv settings, struct fail *why)
{
	const char *base = json_str(settings, "base", NULL);
	struct err e;

	if (base && url_parse(&s->base, base, NULL, &e))
		return fail_set(why, "usage", "settings.base: %s", e.text);
	return 0;
}

static int take_origins(struct settings *s, jv settings, struct fail *why)
{
	jv list = json_get(settings, "origins");
	size_t n = 0, many = json_len(list);
	int r = 0;

	s->origins = xcalloc(many + 2, sizeof *s->origins);
	if (!many && s->base.host)
		s->origins[n++] = url_origin(&s->base);
	for (struct json_iter it = json_iter(list); json_next(&it);) {
		struct err e = {.text = "not a string"};
		struct url u = {0};

		if (!json_is(it.value, JV_KIND_STRING) || url_parse(&u, json_string(it.value, ""), NULL, &e) ||
		    strcmp(u.path, "/") != 0 || u.query || u.fragment) {
			r = fail_set(why, "usage", "settings.origins[%d]: %s", it.index, u.host ? "an origin has no path" : e.text);
			url_free(&u);
			json_iter_end(&it);
			break;
		}
		s->origins[n++] = url_origin(&u);
		url_free(&u);
	}
	jv_free(list);
	return r;
}

static int take_proxy(struct settings *s, jv settings, struct fail *why)
{
	const char *proxy = json_str(settings, "proxy", "");

	if (!*proxy)
		return 0;
	if (!str_starts(proxy, "http://") && !str_starts(proxy, "https://") && !str_starts(proxy, "socks5h://"))
		return fail_set(why, "usage", "settings.proxy: only http:, https: and socks5h: proxies can be used");
	s->proxy = xstrdup(proxy);
	return 0;
}

int settings_read(struct settings *old, jv settings, struct fail *why)
{
	struct settings s = {.headers = json_get(settings, "headers")};
	int64_t max = json_int(settings, "body_max", SETTINGS_BODY_MAX);
	const char *ours = getenv("AB_CAFILE");
	const char *agent = json_str(settings, "user_agent", ""), *cafile = json_str(settings, "cafile", ours ? ours : "");

	s.body_max = max < 1 ? SETTINGS_BODY_MAX : max > BODY_MAX ? BODY_MAX : (size_t)max;
	s.headed = json_bool(settings, "headed", false);
	s.user_agent = *agent ? xstrdup(agent) : NULL;
	s.cafile = *cafile ? xstrdup(cafile) : NULL;
	if (strpbrk(agent, "\r\n"))
		fail_set(why, "usage", "settings.user_agent: a line end in it");
	else if (take_base(&s, settings, why) == 0 && take_origins(&s, settings, why) == 0 &&
		 take_proxy(&s, settings, why) == 0 && settings_check_headers(s.headers, why) == 0) {
		settings_free(old);
		*old = s;
		return 0;
	}
	settings_free(&s);
	return -1;
}

int settings_allow(const struct settings *s, const struct url *u, struct fail *why)
{
	char *origin = url_origin(u);
	bool allowed = false;

	for (char **o = s->origins; o && *o; o++)
		allowed |= strcmp(*o, origin) == 0;
	if (!allowed)
		fail_set(why, "refused", "%s is not among the allowed origins%s", origin,
			 s->origins && *s->origins ? "" : " (none was set: send begin with settings)");
	free(origin);
	return allowed ? 0 : -1;
}

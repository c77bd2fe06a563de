#include "page/keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "page/cookies.h"

#define STORAGE_MAX (1u << 20) /* memory: what is more is not kept */

/* Sets what was kept where the page has nothing of its own, before any script of it runs. */
static const char seed[] = "(list => { if (window !== top) return; for (const e of list) if (e.origin === location.origin) try {"
			   " const s = e.area === 'local' ? localStorage : sessionStorage;"
			   " if (s.getItem(e.key) === null) s.setItem(e.key, e.value); } catch (x) { } })(%s)";

/* ---- cookies ---- */

/* The browser's cookie as ours. */
static jv from_browser(jv c)
{
	const char *domain = json_str(c, "domain", ""), *same = json_str(c, "sameSite", "");
	int64_t port = json_int(c, "sourcePort", 0);
	double expires = json_num(c, "expires", -1);

	return json_obj("domain", jv_string(*domain == '.' ? domain + 1 : domain), "host_only", jv_bool(*domain != '.'), "port",
			jv_number(port > 0 ? (double)port : 0), "path", jv_string(json_str(c, "path", "/")), "name",
			jv_string(json_str(c, "name", "")), "value", jv_string(json_str(c, "value", "")), "secure",
			jv_bool(json_bool(c, "secure", false)), "http_only", jv_bool(json_bool(c, "httpOnly", false)), "same_site",
			jv_string(strcmp(same, "Strict") == 0 ? "strict" : strcmp(same, "Lax") == 0 ? "lax" : strcmp(same, "None") == 0 ? "none" : ""),
			"expires", jv_number(expires > 0 ? (double)(int64_t)expires : 0), NULL);
}

static jv to_browser(jv c)
{
	const char *domain = json_str(c, "domain", ""), *path = json_str(c, "path", "/"), *same = json_str(c, "same_site", "");
	bool secure = json_bool(c, "secure", false);
	int64_t port = json_int(c, "port", 0), expires = json_int(c, "expires", 0);
	char number[16] = "", *url, *wide;
	jv p;

	if (port > 0 && port != (secure ? 443 : 80))
		snprintf(number, sizeof number, ":%d", (int)port);
	url = xasprintf("%s://%s%s%s", secure ? "https" : "http", domain, number, path);
	p = json_obj("name", json_get(c, "name"), "value", json_get(c, "value"), "url", jv_string(url), "path", jv_string(path), "secure",
		     jv_bool(secure), "httpOnly", jv_bool(json_bool(c, "http_only", false)), "sourcePort",
		     jv_number(port > 0 ? (double)port : -1), NULL); /* the address's is not taken for it */
	if (!json_bool(c, "host_only", true)) { /* a cookie without a domain is its host's alone */
		wide = xasprintf(".%s", domain);
		p = json_set_str(p, "domain", wide);
		free(wide);
	}
	if (*same)
		p = json_set_str(p, "sameSite", strcmp(same, "strict") == 0 ? "Strict" : strcmp(same, "lax") == 0 ? "Lax" : "None");
	if (expires)
		p = json_set(p, "expires", jv_number((double)expires));
	free(url);
	return p;
}

/* LIST in the jar's order, without what has expired; invalid where it is no such list. */
static jv sorted(jv list, struct err *e)
{
	struct jar *jar = jar_new();
	jv made = jar_restore(jar, list, e) ? jv_invalid() : jar_save(jar, clock_wall() / 1000);

	jar_free(jar);
	return made;
}

static jv save_cookies(struct tab *t, int64_t deadline, struct fail *why)
{
	jv got = devtools_call(t->link, NULL, "Storage.getCookies", json_obj("browserContextId", jv_string(t->context), NULL), deadline, why);
	jv all = json_get(got, "cookies"), list = jv_array(), made;
	struct err e;

	if (!json_ok(got)) {
		jv_free(all);
		jv_free(list);
		return got;
	}
	for (struct json_iter it = json_iter(all); json_next(&it);)
		if (*json_str(it.value, "name", "")) /* a jar has none without a name */
			list = json_push(list, from_browser(it.value));
	made = sorted(list, &e);
	if (!json_ok(made))
		fail_set(why, "browser", "%s", e.text);
	jv_free(list);
	jv_free(all);
	jv_free(got);
	return made;
}

static int done(jv value)
{
	int r = json_ok(value) ? 0 : -1;

	jv_free(value);
	return r;
}

static int set_cookies(struct tab *t, jv list_taken, int64_t deadline, struct fail *why)
{
	return done(devtools_call(t->link, NULL, "Storage.setCookies",
				  json_obj("cookies", list_taken, "browserContextId", jv_string(t->context), NULL), deadline, why));
}

static int restore_cookies(struct tab *t, jv cookies, int64_t deadline, struct fail *why)
{
	jv list = jv_array(), good;
	struct err e;
	int r;

	good = sorted(cookies, &e);
	if (!json_ok(good)) {
		jv_free(list);
		return fail_err(why, "usage", &e);
	}
	for (struct json_iter it = json_iter(good); json_next(&it);)
		list = json_push(list, to_browser(it.value));
	jv_free(good);
	if (done(devtools_call(t->link, NULL, "Storage.clearCookies", json_obj("browserContextId", jv_string(t->context), NULL), deadline, why))) {
		jv_free(list);
		return -1;
	}
	r = set_cookies(t, jv_copy(list), deadline, why);
	if (r && strcmp(why->code, "browser") == 0) { /* it takes none for the sake of one that it would take from no site */
		struct fail one;

		r = 0;
		for (struct json_iter it = json_iter(list); json_next(&it);)
			set_cookies(t, json_push(jv_array(), jv_copy(it.value)), deadline, &one);
	}
	jv_free(list);
	return r;
}

/* ---- what pages stored ---- */

/* What the page has, in place of what was known of its origin. */
static void look_at_storage(struct tab *t, struct scene *s, int64_t deadline)
{
	struct scene top = {.tab = s->tab, .helper = s->helper};
	struct fail why;
	jv got = scene_ask(&top, "storage", NULL, jv_null(), deadline, &why), list = json_get(got, "list");
	size_t weight = 0;

	s->helper = top.helper; /* as old as it was, or another */
	if (json_ok(got)) {
		for (struct json_iter it = json_iter(t->storage); json_next(&it);)
			if (strcmp(json_str(it.value, "origin", ""), json_str(got, "origin", "")) != 0)
				list = json_push(list, jv_copy(it.value));
		if (json_weigh(list, STORAGE_MAX, &weight)) {
			jv_free(t->storage);
			t->storage = jv_sort(jv_copy(list), jv_copy(list)); /* equal states have equal text */
		}
	}
	jv_free(list);
	jv_free(got);
}

jv keep_save(struct tab *t, struct scene *scene, int64_t deadline, struct fail *why)
{
	jv cookies = save_cookies(t, deadline, why), state;

	if (!json_ok(cookies))
		return cookies;
	if (scene)
		look_at_storage(t, scene, deadline);
	state = json_obj("cookies", cookies, NULL);
	return json_len(t->storage) ? json_set(state, "storage", jv_copy(t->storage)) : state;
}

static int restore_storage(struct tab *t, int64_t deadline, struct fail *why)
{
	char *list = json_text(t->storage), *script = xasprintf(seed, list);
	jv got = tab_call(t, "Page.addScriptToEvaluateOnNewDocument",
			  json_obj("source", jv_string(script), "worldName", jv_string("ab"), NULL), deadline, why);

	if (json_ok(got)) {
		free(t->seed);
		t->seed = xstrdup(json_str(got, "identifier", ""));
	}
	free(list);
	free(script);
	return done(got);
}

int keep_restore(struct tab *t, jv state, int64_t deadline, struct fail *why)
{
	jv cookies = json_get(state, "cookies"), storage = json_get(state, "storage");
	int r = restore_cookies(t, cookies, deadline, why);

	if (!r && !json_is(storage, JV_KIND_ARRAY) && !json_is(storage, JV_KIND_NULL))
		r = fail_set(why, "usage", "state.storage is no list");
	if (!r) {
		jv_free(t->storage);
		t->storage = json_is(storage, JV_KIND_ARRAY) ? jv_copy(storage) : jv_array();
		r = json_len(t->storage) ? restore_storage(t, deadline, why) : 0;
	}
	jv_free(cookies);
	jv_free(storage);
	return r;
}

#include "page/tab.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/str.h"

#define REDIRECTS_MAX 10
#define LISTED_MAX 1000        /* requests under way, frames */
#define HEARD_MAX (2u << 20)    /* bytes of one answer that is heard */
#define HEARD_MEMORY (8u << 20) /* … and the memory of all: a command's answer holds them with the rest */
#define DIALOGS_MAX 20
#define REFUSALS 400 /* from this status on an answer is heard whether it is JSON or not */
#define TEXT_MAX 1000

static void put(char **to, const char *value)
{
	free(*to);
	*to = xstrdup(value);
}

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

int tab_allowed(const struct tab *t, const char *url, struct fail *why)
{
	struct url u;
	struct err e;
	int r;

	if (url_parse(&u, url, NULL, &e))
		return fail_err(why, "refused", &e);
	r = settings_allow(t->set, &u, why);
	url_free(&u);
	return r;
}

static bool to_site(const struct tab *t, const char *url)
{
	struct fail why;

	return tab_allowed(t, url, &why) == 0;
}

/* ---- tabs ---- */

/* What a session is to tell and to ask; in a new one nothing runs before the last message. */
static void set_up(struct tab *t, const char *session)
{
	jv patterns = jv_array(), pattern = json_obj("urlPattern", jv_string("*"), "resourceType", jv_string("Document"), NULL);

	patterns = json_push(patterns, pattern);
	for (char **o = t->set->origins; o && *o && json_len(t->set->headers); o++) {
		char *all = xasprintf("%s/*", *o);

		patterns = json_push(patterns, json_obj("urlPattern", jv_string(all), NULL));
		free(all);
	}
	devtools_send(t->link, session, "Page.enable", jv_object());
	devtools_send(t->link, session, "Inspector.enable", jv_object());
	devtools_send(t->link, session, "Network.enable",
		      json_obj("maxTotalBufferSize", jv_number(32 << 20), "maxResourceBufferSize", jv_number(5 << 20), NULL));
	devtools_send(t->link, session, "Page.setLifecycleEventsEnabled", json_obj("enabled", jv_true(), NULL));
	devtools_send(t->link, session, "Fetch.enable", json_obj("patterns", patterns, NULL));
	devtools_send(t->link, session, "Target.setAutoAttach",
		      json_obj("autoAttach", jv_true(), "waitForDebuggerOnStart", jv_false(), "flatten", jv_true(), NULL));
	if (t->headed) /* a window behind others gives no pictures, and its fields no focus */
		devtools_send(t->link, session, "Emulation.setFocusEmulationEnabled", json_obj("enabled", jv_true(), NULL));
	if (t->set->user_agent)
		devtools_send(t->link, session, "Emulation.setUserAgentOverride",
			      json_obj("userAgent", jv_string(t->set->user_agent), NULL));
	devtools_send(t->link, session, "Runtime.runIfWaitingForDebugger", jv_object());
}

void tab_settings(struct tab *t)
{
	if (t->link && t->session)
		set_up(t, t->session);
}

/* A tab of our context: the first, or one that the page opened, which takes its place. */
static void on_tab(struct tab *t, const char *session, const char *target)
{
	struct fail why;

	if (t->popup && *t->popup && !str_starts(t->popup, "about:") && tab_allowed(t, t->popup, &why)) {
		put(&t->refused, why.text);
		t->refused_code = why.code;
		devtools_send(t->link, NULL, "Target.closeTarget", json_obj("targetId", jv_string(target), NULL));
		return;
	}
	if (t->target)
		devtools_send(t->link, NULL, "Target.closeTarget", json_obj("targetId", jv_string(t->target), NULL));
	if (t->session)
		devtools_abandon(t->link, t->session);
	visit_free(&t->coming);
	put(&t->target, target);
	put(&t->session, session);
	if (t->popup)
		t->asked_at = clock_mono();
	free(t->popup);
	t->popup = NULL;
	set_up(t, session);
}

/* A tab that the person opened beside ours. */
static bool of_person(const struct tab *t, jv info)
{
	return t->headed && t->target && !t->popup && str_starts(json_str(info, "url", ""), "chrome:");
}

static void on_attached(struct tab *t, const char *parent, jv params)
{
	jv info = json_get(params, "targetInfo");
	const char *session = json_str(params, "sessionId", ""), *type = json_str(info, "type", ""), *target = json_str(info, "targetId", "");

	(void)parent;
	if (is(type, "page") && is(json_str(info, "browserContextId", ""), t->context) && !of_person(t, info)) {
		if (!is(target, t->target))
			on_tab(t, session, target);
	} else {
		if (is(type, "iframe") && json_len(t->frames) < LISTED_MAX) {
			t->frames = json_set_str(t->frames, target, session);
			devtools_send(t->link, session, "Network.enable", jv_object());
		}
		devtools_send(t->link, session, "Runtime.runIfWaitingForDebugger", jv_object());
	}
	jv_free(info);
}

static void on_detached(struct tab *t, const char *parent, jv params)
{
	(void)parent;
	if (is(json_str(params, "sessionId", ""), t->session))
		devtools_lose(t->link, "the tab was closed");
}

/* ---- the account ---- */

static bool counts(const char *type)
{
	return is(type, "Document") || is(type, "XHR") || is(type, "Fetch");
}

static void ended(struct tab *t, const char *request)
{
	t->inflight = json_del(t->inflight, request);
}

static void answered(struct tab *t, const char *request)
{
	if (json_has(t->inflight, request))
		t->sent = HTTP_SENT_YES;
}

void tab_again(struct tab *t)
{
	char *line, *url;
	size_t len;

	while (line_next(&t->again, &line, &len, 0) == LINE_OK) {
		if (*line == '!') {
			put(&t->ended, line + 1);
			continue;
		}
		url = strchr(line, ' ');
		if (!url || !to_site(t, url + 1))
			continue;
		*url = '\0';
		t->repeated++;
		t->resent += !is(line, "GET") && !is(line, "HEAD");
	}
}

/* The response's headers with lower-case names; the browser joins those that repeat by a line feed. */
static jv headers_of(jv response)
{
	jv given = json_get(response, "headers"), made = jv_object();

	for (struct json_iter it = json_iter(given); json_next(&it);) {
		char *key = xstrdup(it.key);
		struct str value = {0};

		for (char *p = key; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p |= 32;
		for (const char *s = json_string(it.value, ""); *s; s++)
			if (*s == '\n')
				str_puts(&value, ", ");
			else
				str_putc(&value, *s);
		made = json_set_str(made, key, str_text(&value));
		str_free(&value);
		free(key);
	}
	jv_free(given);
	return made;
}

static void take_response(struct visit *v, jv response)
{
	v->status = (int)json_int(response, "status", 0);
	put(&v->url, json_str(response, "url", ""));
	put(&v->type, json_str(response, "mimeType", ""));
	jv_free(v->headers);
	v->headers = headers_of(response);
}

static bool is_main(const struct tab *t, jv params)
{
	return is(json_str(params, "type", ""), "Document") && is(json_str(params, "frameId", ""), t->target) &&
	       is(json_str(params, "requestId", ""), json_str(params, "loaderId", "?"));
}

static void on_request(struct tab *t, const char *session, jv params)
{
	jv request = json_get(params, "request"), redirect = json_get(params, "redirectResponse");
	const char *id = json_str(params, "requestId", ""), *url = json_str(request, "url", ""), *type = json_str(params, "type", "");
	bool again = json_is(redirect, JV_KIND_OBJECT);

	(void)session;
	if (again)
		answered(t, id);
	if (counts(type) && to_site(t, url)) {
		t->requests++;
		if (t->sent == HTTP_SENT_NO)
			t->sent = HTTP_SENT_MAYBE;
		if (json_len(t->inflight) < LISTED_MAX)
			t->inflight = json_set(t->inflight, id, jv_true());
	} else if (again) {
		ended(t, id);
	}
	if (is_main(t, params)) {
		if (!again) {
			visit_free(&t->coming);
			visit_free(&t->hop);
			t->coming.loader = xstrdup(id);
		} else {
			t->coming.redirects++;
			take_response(&t->hop, redirect);
		}
		put(&t->coming.url, url);
		t->asked_at = 0;
	}
	jv_free(request);
	jv_free(redirect);
}

/* The name under which an answer from URL is listened to; NULL: it is not. */
static const char *listened(const struct tab *t, const char *url, jv *names)
{
	struct url u;
	struct err e;
	char *target = NULL;
	const char *found = NULL;

	*names = jv_copy(t->listen);
	if (url_parse(&u, url, NULL, &e))
		return NULL;
	target = url_target(&u);
	for (struct json_iter it = json_iter(*names); json_next(&it);) {
		const char *pattern = json_string(it.value, "");

		if (str_glob(pattern, *pattern == '/' ? target : url)) {
			found = it.key;
			json_iter_end(&it);
			break;
		}
	}
	free(target);
	url_free(&u);
	return found;
}

static void on_response(struct tab *t, const char *session, jv params)
{
	jv response = json_get(params, "response"), names = jv_null();
	const char *id = json_str(params, "requestId", ""), *url = json_str(response, "url", ""), *name;

	(void)session;
	answered(t, id);
	if (is_main(t, params) && is(t->coming.loader, id)) {
		take_response(&t->coming, response);
	} else if (json_len(t->listen) && to_site(t, url) && (name = listened(t, url, &names)) && json_len(t->hearing) < LISTED_MAX) {
		jv tag = json_obj("name", jv_string(name), "status", jv_number((double)json_int(response, "status", 0)), "url", jv_string(url), NULL);
		jv headers = headers_of(response), again = json_get(headers, "retry-after");

		if (json_is(again, JV_KIND_STRING))
			tag = json_set(tag, "headers", json_obj("retry-after", jv_copy(again), "date", json_get(headers, "date"), NULL));
		jv_free(again);
		jv_free(headers);
		t->hearing = json_set(t->hearing, id, tag);
	}
	jv_free(names);
	jv_free(response);
}

static void on_finished(struct tab *t, const char *session, jv params)
{
	const char *id = json_str(params, "requestId", "");

	if (json_has(t->hearing, id)) {
		jv tag = json_get(t->hearing, id);

		t->hearing = json_del(t->hearing, id);
		/* it stays in flight until its body is here: whoever waits for the site waits for it */
		devtools_ask(t->link, session, "Network.getResponseBody", json_obj("requestId", jv_string(id), NULL),
			     json_set_str(tag, "request", id));
	} else {
		ended(t, id);
	}
}

/* BODY (consumed) is invalid where the answer was no JSON, or nobody read it: a refusal is heard all the same. */
static void hear(struct tab *t, jv tag, jv body)
{
	const char *name = json_str(tag, "name", "");
	size_t weight = 0;
	jv entry;

	if (!json_ok(body) && json_int(tag, "status", 0) < REFUSALS) {
		jv_free(body);
		return;
	}
	entry = json_obj("url", json_get(tag, "url"), "status", json_get(tag, "status"), NULL);
	if (json_has(tag, "headers"))
		entry = json_set(entry, "headers", json_get(tag, "headers"));
	if (json_ok(body))
		entry = json_set(entry, "json", body);
	else
		jv_free(body);
	t->heard = json_set(t->heard, name, entry);
	if (!json_weigh(t->heard, HEARD_MEMORY, &weight))
		t->heard = json_del(t->heard, name);
}

static void on_failed(struct tab *t, const char *session, jv params)
{
	const char *id = json_str(params, "requestId", "");
	jv tag = json_get(t->hearing, id);

	(void)session;
	if (json_has(t->inflight, id) && !json_bool(params, "canceled", false) && !is(json_str(params, "errorText", ""), "net::ERR_ABORTED"))
		t->broken = true;
	ended(t, id);
	hear(t, tag, jv_invalid());
	jv_free(tag);
	t->hearing = json_del(t->hearing, id);
	if (is(t->coming.loader, id)) {
		put(&t->coming.failed, json_str(params, "errorText", "failed"));
		if (json_bool(params, "canceled", false)) /* another took its place, or it was refused: the page stays */
			visit_free(&t->coming);
	}
}

void tab_reply(void *ctx, jv tag, jv result)
{
	const char *text = json_str(result, "body", "");
	size_t len = strlen(text);
	bool json = !json_bool(result, "base64Encoded", false) && len && len <= HEARD_MAX;

	ended(ctx, json_str(tag, "request", ""));
	hear(ctx, tag, json ? json_parse_foreign(text, len, NULL) : jv_invalid());
}

/* ---- where it goes ---- */

/* What the request ought to be refused for; the redirect becomes the page where *CODE is NULL. */
static bool unwanted(struct tab *t, jv request, bool redirected, const char **code, struct fail *why)
{
	const struct order *o = &t->order;
	int status = t->hop.status;

	*code = "refused";
	if (tab_allowed(t, json_str(request, "url", ""), why))
		return true;
	if (!redirected || !o->on)
		return false;
	*code = NULL;
	if (!o->follow)
		return fail_set(why, "refused", "a redirect, not followed");
	*code = "limit";
	if (t->coming.redirects > REDIRECTS_MAX)
		return fail_set(why, "limit", "more than %d redirects", REDIRECTS_MAX);
	if (o->most && t->coming.redirects >= o->most)
		return fail_set(why, "limit", "redirected beyond the %d requests that were allowed", o->most);
	*code = NULL;
	return o->commit && (status == 307 || status == 308) && fail_set(why, "refused", "a commit is not repeated");
}

static jv with_header(jv list, const char *name, const char *value)
{
	jv kept = jv_array();

	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (strcasecmp(json_str(it.value, "name", ""), name) != 0)
			kept = json_push(kept, jv_copy(it.value));
	jv_free(list);
	return value && *value ? json_push(kept, json_obj("name", jv_string(name), "value", jv_string(value), NULL)) : kept;
}

static jv with_headers(jv list, jv headers)
{
	for (struct json_iter it = json_iter(headers); json_next(&it);)
		list = with_header(list, it.key, json_string(it.value, ""));
	return list;
}

static jv as_list(jv headers)
{
	jv list = jv_array();

	for (struct json_iter it = json_iter(headers); json_next(&it);)
		list = json_push(list, json_obj("name", jv_string(it.key), "value", jv_copy(it.value), NULL));
	return list;
}

/* Base64 as mail has it, in one line, in place. */
static const char *without_lines(struct str *b)
{
	char *to = b->s;

	for (const char *s = str_text(b); *s; s++)
		if (*s != '\n')
			*to++ = *s;
	if (to)
		*to = '\0';
	return str_text(b);
}

void order_spent(struct order *o)
{
	o->method = "GET";
	o->type = NULL;
	o->body = NULL;
	o->body_len = 0;
	o->headers = jv_null();
}

/* The paused request goes on: with the headers that were set, and, the first of an order, with its method and body. */
static void go_on(struct tab *t, const char *session, const char *id, jv request, bool main, bool redirected)
{
	jv params = json_obj("requestId", jv_string(id), NULL), given = json_get(request, "headers"), list;
	struct order *o = &t->order;
	bool first = main && o->on && !redirected, site = to_site(t, json_str(request, "url", ""));

	if (main || (site && json_len(t->set->headers))) {
		list = as_list(given);
		if (main) /* the site's page of now, not what was kept of it */
			list = with_header(list, "Cache-Control", "no-cache");
		if (site)
			list = with_headers(list, t->set->headers);
		if (first)
			list = with_headers(list, o->headers);
		if (first && o->type)
			list = with_header(list, "Content-Type", o->type);
		params = json_set(params, "headers", list);
	}
	if (first && strcmp(o->method, "GET") != 0) {
		struct str body = {0};

		encode_as_base64(&body, o->body, o->body_len);
		params = json_set_str(json_set_str(params, "method", o->method), "postData", without_lines(&body));
		str_free(&body);
	}
	devtools_send(t->link, session, "Fetch.continueRequest", params);
	if (first)
		order_spent(o);
	jv_free(given);
}

static void on_paused(struct tab *t, const char *session, jv params)
{
	jv request = json_get(params, "request");
	const char *id = json_str(params, "requestId", ""), *code;
	bool main = is(json_str(params, "resourceType", ""), "Document") && is(json_str(params, "frameId", ""), t->target);
	bool redirected = main && t->coming.redirects > 0;
	struct fail why = {0};

	if (main && unwanted(t, request, redirected, &code, &why)) {
		put(&t->refused, why.text);
		t->refused_code = code;
		if (to_site(t, json_str(request, "url", "")) && t->requests > 0)
			t->requests--; /* counted when it was meant to be sent */
		if (!t->requests && t->order.on)
			t->sent = HTTP_SENT_NO;
		/* not "blocked", for which the browser would show a page of its own */
		devtools_send(t->link, session, "Fetch.failRequest",
			      json_obj("requestId", jv_string(id), "errorReason", jv_string("Aborted"), NULL));
	} else {
		go_on(t, session, id, request, main, redirected);
	}
	jv_free(request);
}

static void on_navigated(struct tab *t, const char *session, jv params)
{
	jv frame = json_get(params, "frame");
	const char *loader = json_str(frame, "loaderId", "");

	(void)session;
	if (is(json_str(frame, "id", ""), t->target)) {
		bool pending = json_has(t->inflight, loader);

		visit_free(&t->now);
		jv_free(t->inflight); /* what the old document asked for has ended with it */
		t->inflight = pending ? json_obj(loader, jv_true(), NULL) : jv_object();
		if (is(t->coming.loader, loader)) {
			t->now = t->coming;
			t->coming = (struct visit){.headers = jv_null()};
		} else {
			t->now = (struct visit){.loader = xstrdup(loader), .type = xstrdup(json_str(frame, "mimeType", "")), .headers = jv_object()};
		}
		put(&t->now.url, json_str(frame, "url", ""));
		if (json_has(frame, "unreachableUrl") && !t->now.failed)
			put(&t->now.failed, "net::ERR_FAILED");
		t->asked_at = 0;
		if (t->seed && t->now.status) {
			devtools_send(t->link, t->session, "Page.removeScriptToEvaluateOnNewDocument",
				      json_obj("identifier", jv_string(t->seed), NULL));
			free(t->seed);
			t->seed = NULL;
		}
	}
	jv_free(frame);
}

static void on_lifecycle(struct tab *t, const char *session, jv params)
{
	(void)session;
	if (is(json_str(params, "frameId", ""), t->target) && is(json_str(params, "name", ""), "DOMContentLoaded") &&
	    is(json_str(params, "loaderId", ""), t->now.loader))
		t->now.ready = true;
}

/* alert() and leaving a page are agreed to; what asks the person is answered no, unless the command says otherwise. */
static void on_dialog(struct tab *t, const char *session, jv params)
{
	const char *type = json_str(params, "type", ""), *text = json_str(params, "message", "");
	bool yes = is(type, "alert") || is(type, "beforeunload") || t->accept;
	char *cut = xstrndup(text, strnlen(text, TEXT_MAX));

	if (json_len(t->dialogs) < DIALOGS_MAX)
		t->dialogs = json_push(t->dialogs, json_obj("type", jv_string(type), "message", jv_string(cut), "accepted", jv_bool(yes), NULL));
	devtools_send(t->link, session, "Page.handleJavaScriptDialog", json_obj("accept", jv_bool(yes), NULL));
	free(cut);
}

static void on_crash(struct tab *t, const char *session, jv params)
{
	(void)params;
	if (is(session, t->session))
		devtools_lose(t->link, "the tab has crashed");
}

static void on_window(struct tab *t, const char *session, jv params)
{
	if (is(session, t->session))
		put(&t->popup, json_str(params, "url", ""));
}

static void on_wish(struct tab *t, const char *session, jv params)
{
	(void)session;
	if (is(json_str(params, "frameId", ""), t->target) && is(json_str(params, "disposition", ""), "currentTab"))
		t->asked_at = clock_mono();
}

static const struct event {
	const char *method;
	void (*run)(struct tab *t, const char *session, jv params);
} events[] = {
	{"Network.requestWillBeSent", on_request},
	{"Network.responseReceived", on_response},
	{"Network.loadingFinished", on_finished},
	{"Network.loadingFailed", on_failed},
	{"Fetch.requestPaused", on_paused},
	{"Target.attachedToTarget", on_attached},
	{"Target.detachedFromTarget", on_detached},
	{"Inspector.targetCrashed", on_crash},
	{"Page.frameNavigated", on_navigated},
	{"Page.lifecycleEvent", on_lifecycle},
	{"Page.javascriptDialogOpening", on_dialog},
	{"Page.windowOpen", on_window},
	{"Page.frameRequestedNavigation", on_wish},
};

static const struct event *event_of(const char *method)
{
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (is(method, events[i].method))
			return &events[i];
	return NULL;
}

bool tab_wanted(const char *method)
{
	return event_of(method) != NULL;
}

void tab_event(void *ctx, const char *session, const char *method, jv params)
{
	const struct event *event = event_of(method);

	if (event)
		event->run(ctx, session, params);
}

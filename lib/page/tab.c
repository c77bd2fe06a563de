#include "page/tab.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define START_MAX 30000  /* ms that the browser may take to start */
#define ASKED_MAX 500    /* ms from the page's wish to go somewhere to its request */
#define PROBE 1000       /* ms that a page which does not hang may take to answer */
#define LOOKS 64         /* at what has come: some pages never cease to have it */

void visit_free(struct visit *v)
{
	free(v->loader);
	free(v->url);
	free(v->type);
	free(v->failed);
	jv_free(v->headers);
	*v = (struct visit){.headers = jv_null()};
}

static void clear(jv *v, jv empty)
{
	jv_free(*v);
	*v = empty;
}

static void drop(char **s)
{
	free(*s);
	*s = NULL;
}

void tab_init(struct tab *t, const struct settings *set, const struct http_aside *aside)
{
	*t = (struct tab){.chromium = CHROMIUM_NONE, .set = set, .aside = aside};
	t->frames = jv_object();
	t->inflight = jv_object();
	t->hearing = jv_object();
	t->heard = jv_object();
	t->listen = jv_object();
	t->dialogs = jv_array();
	t->storage = jv_array();
	line_init(&t->again, -1, LINE_EVENT_MAX);
	t->now.headers = t->coming.headers = t->hop.headers = jv_null();
}

/* Forgets what belongs to the tab itself. */
static void forget(struct tab *t)
{
	visit_free(&t->now);
	visit_free(&t->coming);
	visit_free(&t->hop);
	clear(&t->frames, jv_object());
	clear(&t->inflight, jv_object());
	clear(&t->hearing, jv_object());
	drop(&t->target);
	drop(&t->session);
	drop(&t->popup);
	drop(&t->refused);
	drop(&t->seed);
	t->asked_at = 0;
	t->slow = false;
}

void tab_close(struct tab *t)
{
	forget(t);
	devtools_free(t->link);
	t->link = NULL;
	tab_again(t);
	chromium_end(&t->chromium);
	line_free(&t->again);
	line_init(&t->again, -1, LINE_EVENT_MAX);
	drop(&t->context);
	drop(&t->proxy);
	clear(&t->heard, jv_object());
	clear(&t->listen, jv_object());
	clear(&t->dialogs, jv_array());
	clear(&t->storage, jv_array());
}

void tab_free(struct tab *t)
{
	jv *const all[] = {&t->frames, &t->inflight, &t->hearing, &t->heard, &t->listen, &t->dialogs, &t->storage};

	tab_close(t);
	drop(&t->ended);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		clear(all[i], jv_null());
}

bool tab_alive(struct tab *t)
{
	if (!t->link)
		return false;
	for (int i = 0; i < LOOKS && devtools_pump(t->link, 0); i++)
		;
	if (devtools_gone(t->link))
		tab_close(t);
	return t->link != NULL;
}

static int start_browser(struct tab *t, int64_t deadline, struct fail *why)
{
	const struct devtools_hooks hooks = {tab_wanted, tab_event, tab_reply, t};
	struct err e;
	jv version;

	drop(&t->ended);
	if (chromium_start(&t->chromium, t->set->headed, &e))
		return fail_err(why, "unreachable", &e);
	t->headed = t->set->headed;
	line_init(&t->again, t->chromium.again, LINE_EVENT_MAX);
	t->link = devtools_new(t->chromium.to, t->chromium.from, &hooks, t->aside);
	version = devtools_call(t->link, NULL, "Browser.getVersion", jv_object(), clock_earlier(deadline, clock_mono() + START_MAX), why);
	if (!json_ok(version)) {
		char *words = chromium_last_words(&t->chromium);

		fail_set(why, why->code, "the browser did not start%s%s", *words ? ": " : "", words);
		free(words);
		tab_close(t);
		return -1;
	}
	jv_free(version);
	return 0;
}

/* A context is a browser without memory: cookies and storage of its own, nothing on disk. */
static int open_context(struct tab *t, int64_t deadline, struct fail *why)
{
	jv params = json_obj("disposeOnDetach", jv_true(), NULL), result;
	const char *proxy = t->set->proxy;

	if (proxy) {
		char *server = str_starts(proxy, "socks5h://") ? xasprintf("socks5://%s", proxy + 10) : xstrdup(proxy);

		params = json_set(json_set_str(params, "proxyServer", server), "proxyBypassList", jv_string("<-loopback>"));
		free(server);
	}
	result = devtools_call(t->link, NULL, "Target.createBrowserContext", params, deadline, why);
	if (!json_ok(result))
		return -1;
	t->context = xstrdup(json_str(result, "browserContextId", ""));
	t->proxy = proxy ? xstrdup(proxy) : NULL;
	jv_free(result);
	devtools_send(t->link, NULL, "Browser.setDownloadBehavior",
		      json_obj("behavior", jv_string("deny"), "browserContextId", jv_string(t->context), "eventsEnabled", jv_false(), NULL));
	/* what opens later is held until it is ours (tab-events.c) */
	devtools_send(t->link, NULL, "Target.setAutoAttach",
		      json_obj("autoAttach", jv_true(), "waitForDebuggerOnStart", jv_true(), "flatten", jv_true(), NULL));
	return 0;
}

static bool same_proxy(const struct tab *t)
{
	return !t->proxy || !t->set->proxy ? t->proxy == t->set->proxy : strcmp(t->proxy, t->set->proxy) == 0;
}

/* A page that hangs would hold up the next one, which often is of the same process: its tab is given up. */
static void give_up_hung(struct tab *t)
{
	struct fail why;
	jv result;

	if (!t->slow || !t->session || devtools_lost(t->link))
		return;
	result = tab_call(t, "Runtime.evaluate", json_obj("expression", jv_string("0"), NULL), clock_mono() + PROBE, &why);
	if (!json_ok(result))
		devtools_lose(t->link, "the tab hangs");
	jv_free(result);
	t->slow = false;
}

int tab_open(struct tab *t, int64_t deadline, struct fail *why)
{
	jv result;

	if (t->link && (devtools_gone(t->link) || !same_proxy(t)))
		tab_close(t);
	if (t->link)
		give_up_hung(t);
	if (t->link && t->session && !devtools_lost(t->link))
		return 0;
	if (!t->link && start_browser(t, deadline, why))
		return -1;
	if (!t->context && open_context(t, deadline, why))
		return -1;
	if (t->target)
		devtools_send(t->link, NULL, "Target.closeTarget", json_obj("targetId", jv_string(t->target), NULL));
	forget(t);
	devtools_mend(t->link);
	result = devtools_call(t->link, NULL, "Target.createTarget",
			       json_obj("url", jv_string("about:blank"), "browserContextId", jv_string(t->context), NULL), deadline, why);
	if (!json_ok(result))
		return -1;
	jv_free(result);
	while (!t->session) /* Target.attachedToTarget */
		if (!devtools_pump(t->link, deadline))
			return fail_set(why, devtools_gone(t->link) ? "unreachable" : "timeout", "the browser opened no tab");
	/* an answer of its page itself: all that was set up before is in force there, too */
	result = tab_call(t, "Runtime.evaluate", json_obj("expression", jv_string("0"), NULL), deadline, why);
	jv_free(result);
	return json_ok(result) ? 0 : -1;
}

jv tab_call(struct tab *t, const char *method, jv params, int64_t deadline, struct fail *why)
{
	return devtools_call(t->link, t->session, method, params, deadline, why);
}

/* ---- going somewhere ---- */

static int network_failure(struct tab *t, const char *url, const char *text, struct fail *why)
{
	/* it failed before a byte of the request could be sent */
	static const char *const early[] = {"NAME_NOT_RESOLVED", "CONNECTION_REFUSED", "ADDRESS_", "CERT_", "SSL_", "PROXY_CONNECTION_FAILED",
					    "TUNNEL_CONNECTION_FAILED", "INTERNET_DISCONNECTED", "NAME_RESOLUTION_FAILED", "SOCKS_", "UNSAFE_PORT"};

	for (size_t i = 0; i < sizeof early / sizeof *early; i++)
		if (strstr(text, early[i]) && t->sent == HTTP_SENT_MAYBE)
			t->sent = HTTP_SENT_NO;
	if (strcmp(text, "net::ERR_ABORTED") == 0)
		return fail_set(why, "unreachable", "%.200s: the browser shows nothing for this answer (it is empty, or a download)", url);
	return fail_set(why, strstr(text, "TIMED_OUT") ? "timeout" : "unreachable", "%.200s: %s", url, text);
}

static bool arrived(const struct tab *t, const char *loader)
{
	return t->now.loader && strcmp(t->now.loader, loader) == 0 && t->now.ready;
}

static int await_arrival(struct tab *t, const char *loader, int64_t deadline, struct fail *why)
{
	while (!arrived(t, loader)) {
		if (devtools_gone(t->link) || devtools_lost(t->link))
			return fail_set(why, "unreachable", "%s", devtools_lost(t->link) ? devtools_lost(t->link) : "the browser has ended");
		if (t->coming.failed && t->coming.loader && strcmp(t->coming.loader, loader) == 0)
			return network_failure(t, t->coming.url, t->coming.failed, why);
		/* the page may have gone on by itself already */
		if (t->now.ready && t->now.loader && !t->coming.loader && !t->asked_at)
			return 0;
		if (!devtools_pump(t->link, deadline))
			return fail_set(why, "timeout", "the page was not complete in time");
	}
	return 0;
}

int tab_go(struct tab *t, const char *url, int64_t deadline, struct fail *why)
{
	jv result;
	const char *error;
	int r = 0;

	drop(&t->refused);
	visit_free(&t->hop);
	result = tab_call(t, "Page.navigate", json_obj("url", jv_string(url), NULL), deadline, why);
	error = json_str(result, "errorText", NULL);
	if (t->refused)
		r = t->refused_code ? fail_set(why, t->refused_code, "%s", t->refused) : 0;
	else if (!json_ok(result))
		r = -1;
	else if (error)
		r = network_failure(t, url, error, why);
	else if (json_has(result, "loaderId"))
		r = await_arrival(t, json_str(result, "loaderId", ""), deadline, why);
	if (r && why->code && strcmp(why->code, "timeout") == 0 && !devtools_gone(t->link))
		devtools_send(t->link, t->session, "Page.stopLoading", jv_object());
	jv_free(result);
	return r || t->refused ? r : tab_settle(t, clock_mono() + TAB_PATIENCE, deadline, why);
}

int tab_settle(struct tab *t, int64_t patience, int64_t deadline, struct fail *why)
{
	for (;;) {
		int64_t now = clock_mono(), until = deadline;
		bool going = t->coming.loader && !t->coming.failed;

		if (devtools_gone(t->link) || devtools_lost(t->link))
			return fail_set(why, "unreachable", "%s", devtools_lost(t->link) ? devtools_lost(t->link) : "the browser has ended");
		if (t->asked_at && now >= t->asked_at + ASKED_MAX)
			t->asked_at = 0;
		if (going || (t->session && t->now.loader && !t->now.ready))
			;
		else if (t->asked_at)
			until = clock_earlier(deadline, t->asked_at + ASKED_MAX);
		else if (json_len(t->inflight) && now < patience)
			until = clock_earlier(deadline, patience);
		else
			return 0;
		if (now >= deadline)
			return fail_set(why, "timeout", "the page was not complete in time");
		devtools_pump(t->link, until);
	}
}

bool tab_rests(const struct tab *t)
{
	bool going = (t->coming.loader && !t->coming.failed) || (t->asked_at && clock_mono() < t->asked_at + ASKED_MAX);

	return !going && t->now.ready;
}

#include "page/browser.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "page/cookies.h"
#include "page/document.h"
#include "page/element.h"
#include "page/form.h"
#include "page/keep.h"
#include "page/tab.h"

#define EVIDENCE_MAX (2u << 20)
#define PICTURE_MAX (3u << 20) /* characters of base64 */
#define PICTURE_TIME 10000     /* ms */
#define LOOK_SOON 5            /* ms between two looks of a wait, at least, for the first few */
#define LOOKS_SOON 10
#define LOOK_AGAIN 50          /* … and then */
#define LOOK_AT_LEAST 500      /* … and at most */

struct browser {
	struct settings set;
	struct tab tab;
	struct scene scene;
	struct document *page; /* as last written out; NULL: none */
	char *loader;          /* the visit that it is of */
	bool fixed;            /* it is not the tab's: loaded, or a redirect that was kept */
	bool lost;             /* there is no page until the next is asked for */
	bool headed;           /* whatever the settings say */
	bool used;             /* something was restored or loaded since the browser's start */
	bool died;             /* it did in this turn, and the page with it */
	jv region;
};

struct job {
	struct browser *b;
	jv command;
	int64_t deadline;
	jv out;
	struct fail why;
	jv seen;               /* the page as `html` of element.js gave it a moment ago, nothing having happened since; else null */
	int looks;
};

static void no_page(struct browser *b)
{
	document_free(b->page);
	b->page = NULL;
	free(b->loader);
	b->loader = NULL;
	b->fixed = false;
	scene_reset(&b->scene);
}

struct browser *browser_new(const struct http_aside *aside, bool headed)
{
	struct browser *b = xcalloc(1, sizeof *b);

	b->set = SETTINGS_NONE;
	b->set.headed = b->headed = headed;
	b->region = jv_null();
	b->lost = true;
	tab_init(&b->tab, &b->set, aside);
	b->scene.tab = &b->tab;
	return b;
}

void browser_free(struct browser *b)
{
	if (!b)
		return;
	no_page(b);
	tab_free(&b->tab);
	jv_free(b->region);
	settings_free(&b->set);
	free(b);
}

void browser_drop(struct browser *b)
{
	no_page(b);
	b->lost = true;
}

/* True while the browser lives; when it has died, with all that it knew, the next `begin` says so. */
static bool alive(struct browser *b)
{
	bool had = b->tab.link != NULL;

	if (tab_alive(&b->tab))
		return true;
	b->died |= had;
	if (!b->fixed)
		browser_drop(b);
	b->used = false;
	return false;
}

/* The tab shows the document that b->page is of. */
static bool same_visit(const struct browser *b)
{
	return b->loader && b->tab.now.loader && strcmp(b->loader, b->tab.now.loader) == 0;
}

int browser_idle_fd(struct browser *b)
{
	return b->tab.link ? b->tab.chromium.from : -1;
}

void browser_idle(struct browser *b)
{
	alive(b);
}

/* ---- the document ---- */

/* The answer of the visit V, at URL, with BODY, as a document in place of the one before. */
static void make_document(struct job *j, const struct visit *v, const struct url *url, const char *type, const char *body, size_t len, bool cut)
{
	struct browser *b = j->b;
	struct answer a = {.status = v->status, .redirects = v->redirects, .cut = cut};
	struct err e;
	char *text = url_text(url, true);

	if (url_parse(&a.url, text, NULL, &e) == 0) {
		for (struct json_iter it = json_iter(v->headers); json_next(&it);)
			if (strcmp(it.key, "content-type") != 0)
				str_addf(&a.head, "%s: %s\n", it.key, json_string(it.value, ""));
		str_addf(&a.head, "content-type: %s; charset=utf-8\n", type);
		str_add(&a.body, body, len);
		document_free(b->page);
		b->page = document_new(&a, b->region, j->deadline);
	}
	answer_free(&a);
	free(text);
}

static bool is_markup(const char *type)
{
	return !type || !*type || strcmp(type, "text/html") == 0 || strcmp(type, "application/xhtml+xml") == 0;
}

/* What is no HTML is taken as it came: the browser shows JSON in a page of its own. */
static int take_body(struct job *j, const struct url *url)
{
	struct visit *v = &j->b->tab.now;
	jv got = tab_call(&j->b->tab, "Network.getResponseBody", json_obj("requestId", jv_string(v->loader), NULL), j->deadline, &j->why);
	const char *body = json_str(got, "body", "");

	if (!json_ok(got))
		return -1;
	if (json_bool(got, "base64Encoded", false))
		body = "";
	make_document(j, v, url, v->type, body, strlen(body), strlen(body) > j->b->set.body_max);
	jv_free(got);
	return 0;
}

static bool same_text(const struct document *d, const struct url *url, const char *html, size_t len)
{
	char *a, *b;
	bool same;

	if (!d || d->text.len != len || memcmp(str_text(&d->text), html, len) != 0)
		return false;
	a = url_text(&d->url, true);
	b = url_text(url, true);
	same = strcmp(a, b) == 0;
	free(a);
	free(b);
	return same;
}

static jv html_argument(const struct browser *b)
{
	return json_obj("max", jv_number((double)b->set.body_max), NULL);
}

static int take_html(struct job *j, bool same)
{
	struct browser *b = j->b;
	jv got = json_is(j->seen, JV_KIND_OBJECT) ? j->seen : scene_ask(&b->scene, "html", NULL, html_argument(b), j->deadline, &j->why);
	jv html = json_get(got, "html");
	struct url url;
	struct err e;
	int r = -1;

	j->seen = jv_null();
	if (!json_ok(got))
		;
	else if (url_parse(&url, json_str(got, "url", ""), b->scene.frame ? &b->set.base : NULL, &e)) {
		fail_set(&j->why, "no_page", "the tab shows no page of the site: %s", e.text);
	} else {
		if (!same || !same_text(b->page, &url, json_string(html, ""), json_len(html)))
			make_document(j, &b->tab.now, &url, "text/html", json_string(html, ""), json_len(html), json_bool(got, "cut", false));
		url_free(&url);
		r = 0;
	}
	jv_free(html);
	jv_free(got);
	return r;
}

static int need_page(struct job *j)
{
	if (j->b->fixed || !j->b->lost)
		return 0;
	if (j->b->died) /* no matter of the site's, whenever it was noticed */
		return fail_set(&j->why, "unreachable", "the browser has ended, and the page with it");
	return fail_set(&j->why, "no_page", "there is no page yet, or its last request failed");
}

static int need_live(struct job *j)
{
	if (need_page(j))
		return -1;
	if (j->b->fixed)
		return fail_set(&j->why, "no_page", "the page was loaded from a text, or is a redirect: nothing can be done on it");
	return 0;
}

/* Makes b->page what the tab shows now. */
static int refresh(struct job *j)
{
	struct browser *b = j->b;
	struct visit *v = &b->tab.now;
	struct url url;
	struct err e;
	bool same;
	int r;

	if (need_page(j))
		return -1;
	if (b->fixed)
		return 0;
	if (devtools_lost(b->tab.link))
		return fail_set(&j->why, "unreachable", "%s", devtools_lost(b->tab.link));
	same = b->page && same_visit(b);
	if (is_markup(v->type))
		r = take_html(j, same);
	else if (same)
		return 0;
	else if (url_parse(&url, v->url, NULL, &e))
		return fail_err(&j->why, "no_page", &e);
	else {
		r = take_body(j, &url);
		url_free(&url);
	}
	free(b->loader);
	b->loader = r || !v->loader ? NULL : xstrdup(v->loader);
	return r;
}

/* The page's summary, and what else was noticed. */
static int summary(struct job *j)
{
	struct tab *t = &j->b->tab;
	jv s;

	if (refresh(j))
		return -1;
	s = document_summary(j->b->page);
	if (json_len(t->heard))
		s = json_set(s, "heard", jv_copy(t->heard));
	if (t->broken)
		s = json_set(s, "failed", jv_true());
	if (json_len(t->dialogs))
		s = json_set(s, "dialogs", jv_copy(t->dialogs));
	j->out = s;
	return 0;
}

/* ---- requests ---- */

static int start(struct job *j)
{
	alive(j->b);
	if (tab_open(&j->b->tab, j->deadline, &j->why))
		return -1;
	j->b->died = false;
	j->b->used = true;
	return 0;
}

static void set_region(struct browser *b, jv command)
{
	jv_free(b->region);
	b->region = json_get(command, "region");
}

/* What was heard before is of a time gone by, and what is on its way too. */
static void deaf(struct tab *t)
{
	jv_free(t->heard);
	jv_free(t->hearing);
	t->heard = jv_object();
	t->hearing = jv_object();
	t->broken = false;
}

/* How the command wants the next document of the tab. ORDER says the rest. */
static void take_order(struct job *j, const struct order *order)
{
	struct order *o = &j->b->tab.order;

	*o = *order;
	o->on = true;
	o->follow = json_bool(j->command, "follow", true);
	o->most = (int)json_int(j->command, "requests", 0);
	o->commit = json_bool(j->command, "commit", false);
}

/* The redirect that was not followed is the page. */
static void keep_redirect(struct job *j)
{
	struct visit *hop = &j->b->tab.hop;
	struct url at;
	struct err e;

	if (!hop->url || url_parse(&at, hop->url, NULL, &e))
		return;
	no_page(j->b);
	make_document(j, hop, &at, "text/html", "", 0, false);
	url_free(&at);
	j->b->fixed = true;
}

/* Asks for TEXT as ORDER says, and makes the answer the page. */
static int go(struct job *j, const char *text, struct order *order)
{
	struct browser *b = j->b;
	jv headers = json_get(j->command, "headers");
	struct url url;
	struct err e;
	char *whole = NULL;
	int64_t began = clock_mono();
	int r;

	if (url_parse(&url, text, b->set.base.host ? &b->set.base : b->page ? &b->page->url : NULL, &e)) {
		jv_free(headers);
		return fail_set(&j->why, e.status == EX_NOPERM ? "refused" : "usage", "%s", e.text);
	}
	r = settings_check_headers(headers, &j->why) || settings_allow(&b->set, &url, &j->why) ? -1 : start(j);
	if (!r) {
		whole = url_text(&url, true);
		order->headers = headers;
		take_order(j, order);
		set_region(b, j->command);
		deaf(&b->tab);
		no_page(b);
		b->lost = true;
		r = tab_go(&b->tab, whole, j->deadline, &j->why);
		order_spent(&b->tab.order);
		if (b->tab.refused)
			keep_redirect(j);
	}
	if (!r) {
		b->lost = false;
		r = summary(j);
		if (!r)
			j->out = json_set(j->out, "ms", jv_number((double)(clock_mono() - began)));
	}
	free(whole);
	url_free(&url);
	jv_free(headers);
	return r;
}

static int do_get(struct job *j)
{
	const char *url = json_str(j->command, "url", NULL);
	struct order order = {.method = "GET"};

	return url ? go(j, url, &order) : fail_set(&j->why, "usage", "get: no url");
}

static int do_post(struct job *j)
{
	const char *url = json_str(j->command, "url", NULL), *type;
	struct order order = {.method = "POST"};
	struct str body = {0};
	int r;

	if (!url)
		return fail_set(&j->why, "usage", "post: no url");
	r = form_post_body(j->command, &body, &type, &j->why);
	if (!r) {
		order.type = json_str(j->command, "type", type);
		order.body = str_text(&body);
		order.body_len = body.len;
		r = go(j, url, &order);
	}
	str_free(&body);
	return r;
}

/* ---- acting ---- */

/* The selector of a command: `sel`, or css, xpath, text or label. Caller frees; NULL for none. */
static char *selector(jv command)
{
	static const char *const kinds[][2] = {{"css", "css:"}, {"xpath", "xpath:"}, {"text", "text="}, {"label", "label="}};
	const char *s = json_str(command, "sel", NULL);

	for (size_t i = 0; !s && i < sizeof kinds / sizeof *kinds; i++) {
		const char *given = json_str(command, kinds[i][0], NULL);

		if (given)
			return xasprintf("%s%s", kinds[i][1], given);
	}
	return s ? xstrdup(s) : NULL;
}

static bool is_busy(const struct tab *t)
{
	return !tab_rests(t) || json_len(t->inflight);
}

/* After something was done: until the page has taken it and what it asks the site for is there. */
static int settled(struct job *j)
{
	struct tab *t = &j->b->tab;
	int64_t patience = clock_mono() + TAB_PATIENCE;
	jv drawn;

	if (is_busy(t)) { /* the page is asked when it has its answers */
		if (tab_settle(t, patience, j->deadline, &j->why))
			return -1;
		if (!same_visit(j->b))
			return 0;
	}
	drawn = scene_ask(&j->b->scene, "drawn", NULL, html_argument(j->b), j->deadline, &j->why);
	if (!json_ok(drawn) && (devtools_gone(t->link) || devtools_lost(t->link)))
		return -1;
	if (json_ok(drawn) && !is_busy(t) && same_visit(j->b)) {
		j->seen = drawn;
		return 0;
	}
	jv_free(drawn);
	j->why = (struct fail){0}; /* the frame may be gone, which is no mistake */
	return tab_settle(t, patience, j->deadline, &j->why);
}

/* The document that failed, which the browser shows its own page for, or is about to; NULL: none did. What is no document (a
 * download, an empty answer) leaves the page where it is. */
static const struct visit *failed_visit(const struct tab *t)
{
	if (t->now.failed)
		return &t->now;
	return t->coming.failed && strcmp(t->coming.failed, "net::ERR_ABORTED") != 0 ? &t->coming : NULL;
}

/* Where the action led; a document elsewhere that was refused makes it fail. */
static int outcome(struct job *j)
{
	struct tab *t = &j->b->tab;
	const struct visit *failed;

	if (settled(j))
		return -1;
	if (j->b->loader && t->now.loader && !same_visit(j->b))
		scene_reset(&j->b->scene);
	if (t->refused && t->refused_code)
		return fail_set(&j->why, t->refused_code, "%s", t->refused);
	if (t->refused)
		keep_redirect(j);
	else if ((failed = failed_visit(t)) != NULL) {
		fail_set(&j->why, "unreachable", "%.200s: %s", failed->url, failed->failed);
		browser_drop(j->b);
		return -1;
	}
	return summary(j);
}

/* Before an action. SEL is NULL where the command has none, and then that is a mistake if NEEDED. */
static int prepare(struct job *j, char **sel, bool needed)
{
	struct tab *t = &j->b->tab;

	*sel = NULL;
	if (!alive(j->b) || need_live(j))
		return need_live(j) ? -1 : fail_set(&j->why, "no_page", "the browser has ended");
	if (devtools_lost(t->link))
		return fail_set(&j->why, "unreachable", "%s", devtools_lost(t->link));
	free(t->refused);
	t->refused = NULL;
	take_order(j, &(struct order){.method = "GET", .headers = jv_null()});
	t->accept = strcmp(json_str(j->command, "dialog", "dismiss"), "accept") == 0;
	*sel = selector(j->command);
	if (needed && !*sel)
		return fail_set(&j->why, "usage", "%s: neither sel, css, xpath, text nor label", json_str(j->command, "do", ""));
	return 0;
}

static int do_click(struct job *j)
{
	char *sel;
	int r = prepare(j, &sel, true);

	deaf(&j->b->tab);
	r = r || scene_click(&j->b->scene, sel, j->command, j->deadline, &j->why) ? -1 : outcome(j);
	free(sel);
	return r;
}

static int do_press(struct job *j)
{
	const char *key = json_str(j->command, "key", NULL);
	char *sel;
	int r = prepare(j, &sel, false);

	if (!r && !key)
		r = fail_set(&j->why, "usage", "press: no key");
	deaf(&j->b->tab);
	r = r || scene_press(&j->b->scene, sel, key, j->command, j->deadline, &j->why) ? -1 : outcome(j);
	free(sel);
	return r;
}

/* The text of a string, number or boolean; NULL for anything else. Caller frees. */
static char *text_of(jv v)
{
	if (json_is(v, JV_KIND_STRING))
		return strlen(json_string(v, "")) == json_len(v) ? xstrdup(json_string(v, "")) : NULL;
	return json_is(v, JV_KIND_NUMBER) ? json_text(v) : NULL;
}

/* `fields` as a list of [name, text], in order of their names; invalid with *why. */
static jv texts_of(jv fields, const char *verb, struct fail *why)
{
	jv list = jv_array();

	for (struct json_iter it = json_iter(fields); json_ok(list) && json_next(&it);) {
		char *text = text_of(it.value);

		if (text) {
			list = json_push(list, json_push(json_push(jv_array(), jv_string(it.key)), jv_string(text)));
		} else {
			fail_set(why, "usage", "%s: %.100s: not a text", verb, it.key);
			json_iter_end(&it);
			jv_free(list);
			list = jv_invalid();
		}
		free(text);
	}
	return list;
}

/* One field (`sel` and KEY), or each of `fields`. */
static int each_field(struct job *j, const char *key,
		      int (*one)(struct scene *s, const char *selector, const char *value, jv options, int64_t deadline, struct fail *why),
		      int (*all)(struct scene *s, jv fields, int64_t deadline, struct fail *why))
{
	jv fields = json_get(j->command, "fields"), value = json_get(j->command, key), list;
	const char *verb = json_str(j->command, "do", "");
	char *sel, *text;
	int r = prepare(j, &sel, !json_is(fields, JV_KIND_OBJECT));

	if (!r && !sel) {
		list = texts_of(fields, verb, &j->why);
		r = json_ok(list) ? all(&j->b->scene, list, j->deadline, &j->why) : -1;
		jv_free(list);
	} else if (!r) {
		text = text_of(value);
		r = text ? one(&j->b->scene, sel, text, j->command, j->deadline, &j->why) : fail_set(&j->why, "usage", "%s: no %s", verb, key);
		free(text);
	}
	free(sel);
	jv_free(fields);
	jv_free(value);
	return r ? -1 : outcome(j);
}

static int do_fill(struct job *j)
{
	return each_field(j, "value", scene_fill, scene_fill_all);
}

static int do_choose(struct job *j)
{
	deaf(&j->b->tab);
	return each_field(j, "option", scene_choose, scene_choose_all);
}

static int do_check(struct job *j)
{
	char *sel;
	int r = prepare(j, &sel, true);

	r = r || scene_check(&j->b->scene, sel, json_bool(j->command, "on", true), j->command, j->deadline, &j->why) ? -1 : outcome(j);
	free(sel);
	return r;
}

static int do_upload(struct job *j)
{
	jv file = json_get(j->command, "file"), files = json_is(file, JV_KIND_ARRAY) ? jv_copy(file) : json_push(jv_array(), jv_copy(file));
	char *sel;
	int r = prepare(j, &sel, true);

	for (struct json_iter it = json_iter(files); !r && json_next(&it);)
		if (!json_is(it.value, JV_KIND_OBJECT)) {
			r = fail_set(&j->why, "usage", "upload: file is {name, type, data_base64}, or a list of them");
			json_iter_end(&it);
		}
	r = r || scene_upload(&j->b->scene, sel, files, j->command, j->deadline, &j->why) ? -1 : outcome(j);
	free(sel);
	jv_free(files);
	jv_free(file);
	return r;
}

/* `form` as a list of selectors: a string may hold several, "a || b". */
static jv form_list(jv command)
{
	jv given = json_get(command, "form"), list = jv_array();

	if (json_is(given, JV_KIND_ARRAY))
		return jv_free(list), given;
	if (json_is(given, JV_KIND_STRING))
		list = json_push(list, jv_copy(given));
	jv_free(given);
	return list;
}

static int do_submit(struct job *j)
{
	jv arg, got;
	char *sel;
	int r = prepare(j, &sel, false);

	free(sel);
	if (r)
		return -1;
	deaf(&j->b->tab);
	set_region(j->b, j->command);
	arg = json_obj("form", form_list(j->command), "set", json_get(j->command, "set"), "button", json_get(j->command, "button"), NULL);
	got = scene_ask(&j->b->scene, "submit", NULL, arg, j->deadline, &j->why);
	if (json_ok(got) || strcmp(j->why.code, "timeout") == 0 || strcmp(j->why.code, "unreachable") == 0)
		j->b->tab.sent = j->b->tab.sent == HTTP_SENT_NO ? HTTP_SENT_MAYBE : j->b->tab.sent;
	r = json_ok(got) ? outcome(j) : -1;
	jv_free(got);
	return r;
}

static int do_frame(struct job *j)
{
	char *sel;
	int r = prepare(j, &sel, false);

	if (!r && json_bool(j->command, "top", false))
		scene_reset(&j->b->scene);
	else if (!r && !sel)
		r = fail_set(&j->why, "usage", "frame: neither a selector nor \"top\": true");
	else if (!r)
		r = scene_enter(&j->b->scene, sel, j->command, j->deadline, &j->why);
	free(sel);
	return r ? -1 : summary(j);
}

/* ---- waiting and listening ---- */

static int do_listen(struct job *j)
{
	jv patterns = json_get(j->command, "patterns");
	struct tab *t = &j->b->tab;
	int r = json_is(patterns, JV_KIND_OBJECT) ? start(j) : fail_set(&j->why, "usage", "listen: patterns is no object");

	if (!r) {
		jv_free(t->listen);
		t->listen = jv_copy(patterns);
		deaf(t);
		j->out = jv_object();
	}
	jv_free(patterns);
	return r;
}

/* 1 when it holds, 0 when not, -1 with *why. */
static int holds(struct job *j, jv until, const char *heard)
{
	jv command, out = jv_null();
	int r;

	if (json_bool(j->command, "complete", false) && !tab_rests(&j->b->tab))
		return 0;
	if (heard && !json_has(j->b->tab.heard, heard))
		return 0;
	if (json_is(until, JV_KIND_NULL))
		return 1;
	if (refresh(j))
		return -1;
	command = json_obj("conditions", json_push(jv_array(), jv_copy(until)), NULL);
	r = document_test(j->b->page, command, j->deadline, &out, &j->why);
	if (!r) {
		jv yes = json_path(out, "results.0");

		r = json_true(yes);
		jv_free(yes);
	}
	jv_free(out);
	jv_free(command);
	return r;
}

/* Until the page changes, or a while. */
static void await_change(struct job *j)
{
	struct tab *t = &j->b->tab;
	int64_t now = clock_mono(), soon = clock_earlier(j->deadline, now + (j->looks++ < LOOKS_SOON ? LOOK_SOON : LOOK_AGAIN));
	struct fail why = {0};

	while (clock_mono() < soon && !devtools_gone(t->link))
		devtools_pump(t->link, soon);
	if (!j->b->fixed && json_len(t->inflight) == 0)
		jv_free(scene_ask(&j->b->scene, "change", NULL, jv_null(), clock_earlier(j->deadline, now + LOOK_AT_LEAST), &why));
}

/* Of a page that waits for nothing itself, and whose requests were answered, it is not the site that is slow or away. */
static const char *why_in_vain(const struct tab *t)
{
	if (is_busy(t))
		return "timeout";
	return t->broken ? "unreachable" : "no_match";
}

static int do_wait(struct job *j)
{
	jv until = json_get(j->command, "until");
	const char *heard = json_str(j->command, "heard", NULL);
	char *sel;
	int r = prepare(j, &sel, false);

	free(sel);
	if (!r && !heard && json_is(until, JV_KIND_NULL))
		r = fail_set(&j->why, "usage", "wait: neither until nor heard");
	while (!r) {
		r = holds(j, until, heard);
		if (r < 0 && strcmp(j->why.code, "no_page") == 0)
			r = 0; /* a new tab has none yet */
		if (r || clock_mono() >= j->deadline)
			break;
		await_change(j);
		if (!alive(j->b) || devtools_lost(j->b->tab.link))
			r = fail_set(&j->why, "unreachable", "the browser or its tab has ended");
	}
	jv_free(until);
	if (!r)
		return fail_set(&j->why, why_in_vain(&j->b->tab), "what was waited for did not come");
	return r < 0 ? -1 : summary(j);
}

/* ---- looking ---- */

static int do_form(struct job *j)
{
	return refresh(j) ? -1 : form_describe(j->b->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_find(struct job *j)
{
	return refresh(j) ? -1 : document_find(j->b->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_rows(struct job *j)
{
	return refresh(j) ? -1 : document_rows(j->b->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_test(struct job *j)
{
	return refresh(j) ? -1 : document_test(j->b->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_embed(struct job *j)
{
	return refresh(j) ? -1 : document_embed(j->b->page, j->command, j->deadline, &j->out, &j->why);
}

static int do_load(struct job *j)
{
	struct browser *b = j->b;
	struct document *made = document_load(j->command, b->page ? &b->page->url : b->set.base.host ? &b->set.base : NULL, &j->why);

	if (!made)
		return -1;
	no_page(b);
	b->page = made;
	b->fixed = b->used = true;
	j->out = document_summary(made);
	return 0;
}

/* What a person would see; null where there is no picture. */
static jv picture(struct job *j)
{
	static const struct {
		const char *format, *type;
	} tries[] = {{"png", "image/png"}, {"jpeg", "image/jpeg"}};
	int64_t until = clock_earlier(j->deadline, clock_mono() + PICTURE_TIME);
	struct fail why;
	jv made = jv_null();

	for (size_t i = 0; i < sizeof tries / sizeof *tries && json_is(made, JV_KIND_NULL); i++) {
		jv got = tab_call(&j->b->tab, "Page.captureScreenshot", json_obj("format", jv_string(tries[i].format), NULL), until, &why);

		if (json_ok(got) && strlen(json_str(got, "data", "")) < PICTURE_MAX)
			made = json_obj("type", jv_string(tries[i].type), "data_base64", json_get(got, "data"), NULL);
		jv_free(got);
	}
	return made;
}

static int do_evidence(struct job *j)
{
	char *text;
	size_t len;

	if (refresh(j))
		return -1;
	for (size_t max = EVIDENCE_MAX;; max /= 2) { /* control characters take six bytes each in JSON */
		j->out = document_evidence(j->b->page, max);
		text = json_text(j->out);
		len = strlen(text);
		free(text);
		if (len < 2 * EVIDENCE_MAX)
			break;
		jv_free(j->out);
	}
	if (!j->b->fixed)
		j->out = json_set(j->out, "picture", picture(j));
	return 0;
}

/* ---- what is kept ---- */

static int do_restore(struct job *j)
{
	jv state = json_get(j->command, "state");
	int r = start(j);

	r = r || keep_restore(&j->b->tab, state, j->deadline, &j->why) ? -1 : 0;
	if (!r)
		j->out = jv_object();
	jv_free(state);
	return r;
}

static int do_save(struct job *j)
{
	jv state;

	if (!alive(j->b)) /* it knows no cookies; that is not the same as that there are none */
		return fail_set(&j->why, "no_page", "no browser runs");
	state = keep_save(&j->b->tab, j->b->lost || j->b->fixed ? NULL : &j->b->scene, j->deadline, &j->why);
	if (!json_ok(state))
		return -1;
	j->out = json_obj("state", state, NULL);
	return 0;
}

/* ---- all of them ---- */

static const struct verb {
	const char *name;
	int (*run)(struct job *j);
	bool asks; /* the site, maybe: who sends it counts the requests */
} verbs[] = {
	{"get", do_get, true}, {"post", do_post, true}, {"submit", do_submit, true}, {"click", do_click, true},
	{"fill", do_fill, true}, {"choose", do_choose, true}, {"check", do_check, true}, {"press", do_press, true},
	{"upload", do_upload, true}, {"wait", do_wait, true},
	{"form", do_form, false}, {"find", do_find, false}, {"rows", do_rows, false}, {"test", do_test, false},
	{"embed", do_embed, false}, {"load", do_load, false}, {"evidence", do_evidence, false}, {"save", do_save, false},
	{"restore", do_restore, false}, {"listen", do_listen, false}, {"frame", do_frame, false},
};

static const char *const sent_names[] = {"no", "maybe", "yes"};

/* What the browser repeats by itself is told late, and then with the next command that ASKS. */
static jv answer(struct job *j, int r, bool asks)
{
	struct tab *t = &j->b->tab;
	int requests = t->requests, resent = 0;
	jv base;

	jv_free(j->seen);
	tab_again(t);
	if (r) {
		if (t->ended && (j->b->died || !t->link || devtools_gone(t->link))) /* better than that it has ended */
			fail_set(&j->why, "unreachable", "%s", t->ended);
		jv_free(j->out);
		if (strcmp(j->why.code, "browser") == 0)
			j->why.code = "unreachable";
		t->slow |= strcmp(j->why.code, "timeout") == 0;
		j->out = json_obj("error", json_obj("code", jv_string(j->why.code), "message", jv_string(j->why.text), NULL), NULL);
	}
	if (asks) {
		requests += t->repeated;
		resent = t->resent;
		t->repeated = t->resent = 0;
	}
	base = json_obj("ok", jv_bool(r == 0), "requests", jv_number(requests), "sent", jv_string(sent_names[t->sent]), NULL);
	if (resent)
		base = json_set(base, "resent", jv_number(resent));
	if (r && t->link && devtools_gone(t->link))
		alive(j->b);
	t->requests = 0;
	t->order = (struct order){.headers = jv_null()};
	jv_free(t->dialogs);
	t->dialogs = jv_array();
	return json_merge_take(base, j->out);
}

/* One that has a window keeps it; one without is replaced where a window is wanted. */
static void show_window(struct browser *b)
{
	b->set.headed |= b->headed;
	if (!b->set.headed || !b->tab.link || b->tab.headed)
		return;
	if (!b->fixed)
		browser_drop(b);
	tab_close(&b->tab);
	b->used = false;
}

jv browser_begin(struct browser *b, jv settings)
{
	struct job j = {.b = b, .out = jv_null(), .seen = jv_null()};
	int r = 0;

	b->tab.sent = HTTP_SENT_NO;
	alive(b);
	b->died = false;
	if (json_has(settings, "cafile"))
		r = fail_set(&j.why, "usage", "settings.cafile: a browser trusts the system's authorities alone");
	else if (json_is(settings, JV_KIND_OBJECT)) {
		r = settings_read(&b->set, settings, &j.why);
		show_window(b);
		tab_settings(&b->tab);
	} else if (!json_is(settings, JV_KIND_NULL))
		r = fail_set(&j.why, "usage", "begin: settings is no object");
	if (!r)
		j.out = json_obj("fresh", jv_bool(!b->used), NULL);
	return answer(&j, r, false);
}

jv browser_command(struct browser *b, jv command, int64_t deadline)
{
	struct job j = {.b = b, .command = command, .deadline = deadline, .out = jv_null(), .seen = jv_null()};
	const char *verb = json_str(command, "do", "");

	alive(b);
	b->tab.sent = HTTP_SENT_NO;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verb, verbs[i].name) == 0)
			return answer(&j, verbs[i].run(&j), verbs[i].asks);
	return answer(&j, fail_set(&j.why, "usage", *verb ? "unknown command '%.40s'" : "a command without 'do'%s", verb), false);
}

#include "work/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal.h"
#include "store/vault.h"

#define PAGE_TIMEOUT 30000
#define BEGIN_TRIES 3
#define BEGIN_PAUSE 50 /* ms */
#define SEAL_TRIES 20

static void lose(struct work *w, struct page **page)
{
	if (w->page == *page)
		w->page = NULL;
	page_close(*page);
	*page = NULL;
}

static int page_do(struct work *w, struct page **page, jv command, int64_t timeout, jv *answer, struct err *e)
{
	*answer = page_call(*page, command, timeout, e);
	if (!json_ok(*answer)) {
		lose(w, page);
		return -1;
	}
	if (json_bool(*answer, "ok", false))
		return 0;
	jv error = json_get(*answer, "error");

	err_set(e, EX_TEMPFAIL, "the page: %s", json_str(error, "message", "refused"));
	jv_free(error);
	jv_free(*answer);
	return -1;
}

static int page_begin(struct work *w, struct page **page, int64_t timeout, bool *fresh, struct err *e)
{
	jv answer;

	if (page_do(w, page, json_obj("do", jv_string("begin"), "program", jv_string(prog), "session", jv_string(w->session), "priority",
				      jv_number(w->priority), "settings", jv_copy(w->settings), NULL), timeout, &answer, e))
		return -1;
	*fresh = json_bool(answer, "fresh", false);
	jv_free(answer);
	return 0;
}

/* What PAGE would be restored with; invalid with *e. */
static jv page_save(struct work *w, struct page **page, struct err *e)
{
	jv answer, state;

	if (page_do(w, page, json_obj("do", jv_string("save"), NULL), PAGE_TIMEOUT, &answer, e))
		return jv_invalid();
	state = json_get(answer, "state");
	jv_free(answer);
	return state;
}

static int page_restore(struct work *w, struct page **page, jv state_taken, struct err *e)
{
	jv answer;

	if (page_do(w, page, json_obj("do", jv_string("restore"), "state", state_taken, NULL), PAGE_TIMEOUT, &answer, e))
		return -1;
	jv_free(answer);
	return 0;
}

/* ---- what is kept --------------------------------------------------------------------------------- */

/* A member of the part `state`, as whoever had the page last has sealed it; null where there is none. */
static jv kept(struct work *w, const char *name)
{
	struct err e;
	jv now = part_read(w->session, PART_STATE, &e), v = json_get(now, name);

	if (!json_ok(now))
		warn("%s", e.text);
	jv_free(now);
	return v;
}

/* STATE with MORE of cookies: a page takes the later of two that are the same. Both consumed. */
static jv with_cookies(jv state, jv more)
{
	jv cookies = json_get(state, "cookies");

	if (!json_is(state, JV_KIND_OBJECT)) {
		jv_free(state);
		state = jv_object();
	}
	if (!json_is(cookies, JV_KIND_ARRAY)) {
		jv_free(cookies);
		cookies = jv_array();
	}
	for (struct json_iter it = json_iter(more); json_next(&it);)
		cookies = json_push(cookies, jv_copy(it.value));
	jv_free(more);
	return json_set(state, "cookies", cookies);
}

static bool holds(jv list, jv item)
{
	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (json_equal(it.value, item)) {
			json_iter_end(&it);
			return true;
		}
	return false;
}

/* LIST without what is in GONE. */
static jv without(jv list, jv gone)
{
	jv rest = jv_array();

	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (!holds(gone, it.value))
			rest = json_push(rest, jv_copy(it.value));
	return rest;
}

/* The part `state` (consumed) with what a page saved. One over HTTP (COOKIES alone) says nothing of what was stored. */
static jv state_with(struct work *w, jv now, jv state, bool cookies)
{
	jv old = json_get(now, "page"), imported = json_get(now, "imported"), rest = without(imported, w->imported), page = jv_copy(state);

	if (cookies && json_has(old, "storage"))
		page = json_set(page, "storage", json_get(old, "storage"));
	jv_free(old);
	jv_free(imported);
	now = json_set(now, "page", page);
	if (json_len(rest))
		return json_set(now, "imported", rest);
	jv_free(rest);
	return json_del(now, "imported");
}

static int seal_once(struct work *w, jv state, bool cookies, struct err *e)
{
	uint64_t counter;
	jv now = part_read_at(w->session, PART_STATE, &counter, e), changed;
	int r;

	if (!json_ok(now))
		return -1;
	changed = state_with(w, jv_copy(now), state, cookies);
	r = json_equal(now, changed) ? 0 : part_replace(w->session, PART_STATE, changed, counter, e);
	jv_free(changed);
	jv_free(now);
	return r;
}

/* Beside us only an import writes there. */
static void seal_state(struct work *w, jv state, bool cookies)
{
	struct err e = {0};
	int r, left = SEAL_TRIES;

	do
		r = seal_once(w, state, cookies, &e);
	while (r && e.status == EX_TEMPFAIL && --left);
	if (r)
		warn("%s", e.text);
	jv_free(state);
}

/* ---- the session's page --------------------------------------------------------------------------- */

static int refuse_while_settling(struct work *w, struct err *e)
{
	struct journal *j;
	jv intent;
	bool open;

	if (w->settling)
		return 0;
	j = journal_read(w->session, e);
	if (!j)
		return -1;
	intent = journal_open_intent(j);
	open = json_is(intent, JV_KIND_OBJECT);
	jv_free(intent);
	journal_free(j);
	return open ? err_set(e, EX_TEMPFAIL, "a booking of %s is not settled yet; only reading back may go on", w->session) : 0;
}

/* A page that is new gets what was kept; and any page what was imported since. */
static int give_kept(struct work *w, bool fresh, struct err *e)
{
	jv state;

	jv_free(w->imported);
	w->imported = kept(w, "imported");
	if (!fresh && !json_len(w->imported))
		return 0;
	flow_memo_clear(w->memo);
	state = fresh ? kept(w, "page") : page_save(w, &w->shared, e);
	if (!json_ok(state))
		return -1;
	if (!json_is(state, JV_KIND_OBJECT) && !json_len(w->imported)) {
		jv_free(state);
		return 0;
	}
	return page_restore(w, &w->shared, with_cookies(state, jv_copy(w->imported)), e);
}

static int begin_once(struct work *w, int64_t timeout, struct err *e)
{
	bool fresh;

	if (!w->shared)
		w->shared = page_open(w->session, provider_transport(w->provider, NULL), e);
	if (!w->shared || page_begin(w, &w->shared, timeout, &fresh, e))
		return -1;
	return give_kept(w, fresh, e);
}

/* An agent that is just ending, or was killed, may still take a connection and drop it: so a few tries. */
static int begin(struct work *w, int64_t timeout, struct err *e)
{
	for (int left = BEGIN_TRIES;; left--) {
		if (begin_once(w, timeout, e) == 0)
			return 0;
		if (w->shared || left == 1 || work_sleep(w, BEGIN_PAUSE))
			return -1;
	}
}

int turn_begin(struct work *w, int64_t timeout, struct err *e)
{
	if (w->page_given >= 0) { /* we are in the turn of the program that started us, and it may have it */
		if (!w->shared)
			w->shared = page_from_fd(w->page_given);
		return 0;
	}
	return refuse_while_settling(w, e) || begin(w, timeout, e) ? -1 : 0;
}

void turn_end(struct work *w)
{
	struct err e;
	jv state, answer;

	turn_close(w);
	w->page = NULL;
	if (!w->shared || w->page_given >= 0)
		return;
	state = page_save(w, &w->shared, &e);
	if (json_ok(state))
		seal_state(w, state, strcmp(provider_transport(w->provider, NULL), "http") == 0);
	else
		jv_free(state);
	jv_free(w->imported);
	w->imported = jv_null();
	if (w->shared && page_do(w, &w->shared, json_obj("do", jv_string("end"), NULL), PAGE_TIMEOUT, &answer, &e) == 0)
		jv_free(answer);
}

/* ---- a browser of our own ------------------------------------------------------------------------- */

void turn_close(struct work *w)
{
	lose(w, &w->own);
	jv_free(w->passed);
	w->passed = jv_null();
}

static int open_own(struct work *w, const char *transport, struct err *e)
{
	bool fresh;

	w->own = page_private(transport, NULL, e);
	if (!w->own)
		return -1;
	if (page_begin(w, &w->own, PAGE_TIMEOUT, &fresh, e) == 0)
		return 0;
	turn_close(w);
	return -1;
}

/* The browser of our own goes on where the session's page is: with its cookies, and what the last browser had stored. */
static int pass_on(struct work *w, struct err *e)
{
	jv state = page_save(w, &w->shared, e), cookies = json_get(state, "cookies"), page, storage;

	if (!json_ok(state) || json_equal(cookies, w->passed)) {
		int r = json_ok(state) ? 0 : -1;

		jv_free(cookies);
		jv_free(state);
		return r;
	}
	page = kept(w, "page");
	storage = json_get(page, "storage");
	jv_free(page);
	jv_free(w->passed);
	w->passed = cookies;
	if (json_is(storage, JV_KIND_ARRAY))
		state = json_set(state, "storage", storage);
	else
		jv_free(storage);
	return page_restore(w, &w->own, state, e);
}

int turn_page(struct work *w, const char *flow, struct err *e)
{
	const char *transport = provider_transport(w->provider, flow);

	if (!w->shared)
		return err_set(e, EX_TEMPFAIL, "the page agent is gone");
	w->page = w->shared;
	if (strcmp(transport, provider_transport(w->provider, NULL)) == 0)
		return 0;
	if ((!w->own && open_own(w, transport, e)) || pass_on(w, e)) {
		turn_close(w);
		return -1;
	}
	w->page = w->own;
	return 0;
}

/* Invalid where it has died, and what it knew with it: what was passed on to it is still there. */
static jv learnt(struct work *w)
{
	struct err e;
	jv state = page_save(w, &w->own, &e);

	if (!json_ok(state))
		return state;
	jv_free(w->passed);
	w->passed = json_get(state, "cookies");
	seal_state(w, jv_copy(state), false);
	if (!w->shared || page_restore(w, &w->shared, json_obj("cookies", jv_copy(w->passed), NULL), &e))
		warn("the page could not be given the browser's cookies; they are kept");
	return state;
}

bool turn_left(struct work *w)
{
	bool lost;
	jv state;

	if (!w->own || w->page != w->own)
		return !w->shared || !page_lost(w->shared);
	w->page = w->shared;
	state = learnt(w);
	lost = !w->own;
	if (!json_ok(state))
		turn_close(w);
	jv_free(state);
	return !lost;
}

bool turn_again(struct work *w)
{
	struct err e;

	if (w->shared && !page_lost(w->shared))
		return true;
	if (w->page_given >= 0)
		return false;
	lose(w, &w->shared);
	if (begin(w, PAGE_TIMEOUT, &e) == 0)
		return true;
	warn("the page agent is gone, and another could not be had: %s", e.text);
	return false;
}

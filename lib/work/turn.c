#include "work/turn.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/proc.h"
#include "store/journal.h"
#include "store/vault.h"

#define PAGE_TIMEOUT 30000
#define BEGIN_TRIES 3
#define BEGIN_PAUSE 50 /* ms */
#define SEAL_TRIES 20

static void lose(struct turn *t, struct page **page)
{
	if (t->page == *page)
		t->page = NULL;
	page_close(*page);
	*page = NULL;
}

static int page_do(struct turn *t, struct page **page, jv command, int64_t timeout, jv *answer, struct err *e)
{
	*answer = page_call(*page, command, timeout, e);
	if (!json_ok(*answer)) {
		lose(t, page);
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

static int page_begin(struct turn *t, struct page **page, int64_t timeout, bool *fresh, struct err *e)
{
	jv answer;

	if (page_do(t, page, json_obj("do", jv_string("begin"), "program", jv_string(prog), "session", jv_string(t->session), "priority",
				      jv_number(t->priority), "settings", jv_copy(t->settings), NULL), timeout, &answer, e))
		return -1;
	*fresh = json_bool(answer, "fresh", false);
	jv_free(answer);
	return 0;
}

/* What PAGE would be restored with; invalid with *e. */
static jv page_save(struct turn *t, struct page **page, struct err *e)
{
	jv answer, state;

	if (page_do(t, page, json_obj("do", jv_string("save"), NULL), PAGE_TIMEOUT, &answer, e))
		return jv_invalid();
	state = json_get(answer, "state");
	jv_free(answer);
	return state;
}

static int page_restore(struct turn *t, struct page **page, jv state_taken, struct err *e)
{
	jv answer;

	if (page_do(t, page, json_obj("do", jv_string("restore"), "state", state_taken, NULL), PAGE_TIMEOUT, &answer, e))
		return -1;
	jv_free(answer);
	return 0;
}

/* ---- what is kept --------------------------------------------------------------------------------- */

/* A member of the part `state`, as whoever had the page last has sealed it; null where there is none. */
static jv kept(struct turn *t, const char *name)
{
	struct err e;
	jv now = part_read(t->session, PART_STATE, &e), v = json_get(now, name);

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
static jv state_with(struct turn *t, jv now, jv state, bool cookies)
{
	jv old = json_get(now, "page"), imported = json_get(now, "imported"), rest = without(imported, t->imported), page = jv_copy(state);

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

static int seal_once(struct turn *t, jv state, bool cookies, struct err *e)
{
	uint64_t counter;
	jv now = part_read_at(t->session, PART_STATE, &counter, e), changed;
	int r;

	if (!json_ok(now))
		return -1;
	changed = state_with(t, jv_copy(now), state, cookies);
	r = json_equal(now, changed) ? 0 : part_replace(t->session, PART_STATE, changed, counter, e);
	jv_free(changed);
	jv_free(now);
	return r;
}

/* Beside us only an import writes there. */
static void seal_state(struct turn *t, jv state, bool cookies)
{
	struct err e = {0};
	int r, left = SEAL_TRIES;

	do
		r = seal_once(t, state, cookies, &e);
	while (r && e.status == EX_TEMPFAIL && --left);
	if (r)
		warn("%s", e.text);
	jv_free(state);
}

/* ---- the session's page --------------------------------------------------------------------------- */

static int refuse_while_settling(struct turn *t, struct err *e)
{
	struct journal *j;
	jv intent;
	bool open;

	if (t->settling)
		return 0;
	j = journal_read(t->session, e);
	if (!j)
		return -1;
	intent = journal_open_intent(j);
	open = json_is(intent, JV_KIND_OBJECT);
	jv_free(intent);
	journal_free(j);
	return open ? err_set(e, EX_TEMPFAIL, "a booking of %s is not settled yet; only reading back may go on", t->session) : 0;
}

/* A page that is new gets what was kept; and any page what was imported since. */
static int give_kept(struct turn *t, bool fresh, struct err *e)
{
	jv state;

	jv_free(t->imported);
	t->imported = kept(t, "imported");
	if (!fresh && !json_len(t->imported))
		return 0;
	flow_memo_clear(t->memo);
	state = fresh ? kept(t, "page") : page_save(t, &t->shared, e);
	if (!json_ok(state))
		return -1;
	if (!json_is(state, JV_KIND_OBJECT) && !json_len(t->imported)) {
		jv_free(state);
		return 0;
	}
	return page_restore(t, &t->shared, with_cookies(state, jv_copy(t->imported)), e);
}

static int begin_once(struct turn *t, int64_t timeout, struct err *e)
{
	bool fresh;

	if (!t->shared)
		t->shared = page_open(t->session, provider_transport(t->provider, NULL), e);
	if (!t->shared || page_begin(t, &t->shared, timeout, &fresh, e))
		return -1;
	return give_kept(t, fresh, e);
}

static bool told_to_stop(const struct turn *t, int64_t ms)
{
	struct pollfd stop = {t->stop_fd, POLLIN, 0};

	return proc_poll(&stop, 1, clock_mono() + ms) > 0;
}

/* An agent that is just ending, or was killed, may still take a connection and drop it: so a few tries. */
static int begin(struct turn *t, int64_t timeout, struct err *e)
{
	for (int left = BEGIN_TRIES;; left--) {
		if (begin_once(t, timeout, e) == 0)
			return 0;
		if (t->shared || left == 1 || told_to_stop(t, BEGIN_PAUSE))
			return -1;
	}
}

int turn_begin(struct turn *t, int64_t timeout, struct err *e)
{
	if (t->given >= 0) { /* we are in the turn of the program that started us, and it may have it */
		if (!t->shared)
			t->shared = page_from_fd(t->given);
		return 0;
	}
	return refuse_while_settling(t, e) || begin(t, timeout, e) ? -1 : 0;
}

/* ---- a browser of our own ------------------------------------------------------------------------- */

static void close_own(struct turn *t)
{
	lose(t, &t->own);
	jv_free(t->passed);
	t->passed = jv_null();
}

static int open_own(struct turn *t, const char *transport, struct err *e)
{
	bool fresh;

	t->own = page_private(transport, NULL, e);
	if (!t->own)
		return -1;
	if (page_begin(t, &t->own, PAGE_TIMEOUT, &fresh, e) == 0)
		return 0;
	close_own(t);
	return -1;
}

/* The browser of our own goes on where the session's page is: with its cookies, and what the last browser had stored. */
static int pass_on(struct turn *t, struct err *e)
{
	jv state = page_save(t, &t->shared, e), cookies = json_get(state, "cookies"), page, storage;

	if (!json_ok(state) || json_equal(cookies, t->passed)) {
		int r = json_ok(state) ? 0 : -1;

		jv_free(cookies);
		jv_free(state);
		return r;
	}
	page = kept(t, "page");
	storage = json_get(page, "storage");
	jv_free(page);
	jv_free(t->passed);
	t->passed = cookies;
	if (json_is(storage, JV_KIND_ARRAY))
		state = json_set(state, "storage", storage);
	else
		jv_free(storage);
	return page_restore(t, &t->own, state, e);
}

int turn_page(struct turn *t, const char *flow, struct err *e)
{
	const char *transport = provider_transport(t->provider, flow);

	if (!t->shared)
		return err_set(e, EX_TEMPFAIL, "the page agent is gone");
	t->page = t->shared;
	if (strcmp(transport, provider_transport(t->provider, NULL)) == 0)
		return 0;
	if ((!t->own && open_own(t, transport, e)) || pass_on(t, e)) {
		close_own(t);
		return -1;
	}
	t->page = t->own;
	return 0;
}

/* Invalid where it has died, and what it knew with it: what was passed on to it is still there. */
static jv learnt(struct turn *t)
{
	struct err e;
	jv state = page_save(t, &t->own, &e);

	if (!json_ok(state))
		return state;
	jv_free(t->passed);
	t->passed = json_get(state, "cookies");
	seal_state(t, jv_copy(state), false);
	if (!t->shared || page_restore(t, &t->shared, json_obj("cookies", jv_copy(t->passed), NULL), &e))
		warn("the page could not be given the browser's cookies; they are kept");
	return state;
}

bool turn_left(struct turn *t)
{
	bool lost;
	jv state;

	if (!t->own || t->page != t->own)
		return !t->shared || !page_lost(t->shared);
	t->page = t->shared;
	state = learnt(t);
	lost = !t->own;
	if (!json_ok(state))
		close_own(t);
	jv_free(state);
	return !lost;
}

bool turn_again(struct turn *t)
{
	struct err e;

	if (t->shared && !page_lost(t->shared))
		return true;
	if (t->given >= 0)
		return false;
	lose(t, &t->shared);
	if (begin(t, PAGE_TIMEOUT, &e) == 0)
		return true;
	warn("the page agent is gone, and another could not be had: %s", e.text);
	return false;
}

/* ---- the end -------------------------------------------------------------------------------------- */

struct page *turn_lend(struct turn *t)
{
	close_own(t);
	return t->shared;
}

void turn_lose(struct turn *t)
{
	lose(t, &t->shared);
}

void turn_end(struct turn *t)
{
	struct err e;
	jv state, answer;

	close_own(t);
	t->page = NULL;
	if (!t->shared || t->given >= 0)
		return;
	state = page_save(t, &t->shared, &e);
	if (json_ok(state))
		seal_state(t, state, strcmp(provider_transport(t->provider, NULL), "http") == 0);
	else
		jv_free(state);
	jv_free(t->imported);
	t->imported = jv_null();
	if (t->shared && page_do(t, &t->shared, json_obj("do", jv_string("end"), NULL), PAGE_TIMEOUT, &answer, &e) == 0)
		jv_free(answer);
}

void turn_free(struct turn *t)
{
	close_own(t);
	lose(t, &t->shared);
	jv_free(t->imported);
	t->imported = jv_null();
}

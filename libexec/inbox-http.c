/* ab-inbox-http: codes out of an inbox that is a web page or a REST API, described by its address and jq programs
 * (ab-session(5), "inbox").
 *
 * The list is asked for at the mark, at the start of a wait, and then once an interval; with the ETag or the date that the
 * server gave, so that it need not send what we know. What is new in it, by its id, is a mail that came after the mark. When a
 * code was found there is one look more, so that a later code wins. A server that says when to come again is obeyed. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "libexec/inbox-http.h"
#include "mail/inbox.h"
#include "mail/pick.h"
#include "mail/seen.h"
#include "mail/trial.h"

#define INTERVAL 5000
#define INTERVAL_LEAST 1000
#define BACKOFF_MAX 60000
#define FETCHES_MAX 20 /* mails asked for after one look at the list; the rest after the next */
#define TRIES 3        /* … for a mail that can't be had */
#define TRY_MAILS 20   /* … in a test */
#define MEMORY (384u << 20) /* more than any list takes */

static int64_t interval;
static bool opened;

static void http_close(void)
{
	fetch_close();
	mail_close();
	opened = false;
}

static int http_open(jv settings, struct err *e)
{
	const char *own = json_str(settings, "interval", "");

	http_close();
	interval = INTERVAL;
	if (*own && (duration_parse(own, &interval) || interval < INTERVAL_LEAST))
		return err_set(e, EX_CONFIG, "interval '%s' is no duration of a second or more", own);
	if (fetch_open(settings, e) || mail_open(settings, e)) {
		http_close();
		return -1;
	}
	opened = true;
	return 0;
}

static int need_open(const char *verb, struct err *e)
{
	return opened ? 0 : err_set(e, EX_CONFIG, "%s: open the inbox first", verb);
}

/* What a mark, a test, or a person is told: that there is no such page is a mistake in the settings. */
static void plain_status(struct err *e)
{
	if (e->status == EX_NO || e->status == EX_DATAERR)
		e->status = EX_CONFIG;
	else if (e->status == EX_TEMPFAIL)
		e->status = EX_UNAVAILABLE;
}

/* The list, whole; a short trouble is no reason to have no mark. */
static jv whole_list(struct page *list, struct err *e)
{
	int64_t deadline = clock_mono() + FETCH_TIME, later;
	jv items = jv_invalid();

	fetch_again();
	if (fetch(NULL, deadline, list, &later, e)) {
		page_free(list);
		if (e->status != EX_TEMPFAIL || later || clock_mono() + INTERVAL_LEAST > deadline)
			return items;
		proc_poll(NULL, 0, clock_mono() + INTERVAL_LEAST);
		if (fetch(NULL, deadline, list, &later, e)) {
			page_free(list);
			return items;
		}
	}
	return mail_items(list, e);
}

/* The mark: {"time", "seen"}: every item's id, hashed. */
static jv http_mark(struct err *e)
{
	char now[CLOCK_TEXT];
	struct str seen = {0};
	struct page list;
	jv items, mark = jv_invalid();

	if (need_open("mark", e))
		return mark;
	clock_format(clock_wall(), now);
	items = whole_list(&list, e);
	for (int i = 0; json_ok(items) && i < (int)json_len(items); i++) {
		jv item = json_at(items, i);
		char *id = mail_id(item, e);

		jv_free(item);
		if (!id) {
			jv_free(items);
			items = jv_invalid();
			break;
		}
		seen_put(&seen, seen_hash(id, strlen(id)));
		free(id);
	}
	if (json_ok(items))
		mark = json_obj("time", jv_string(now), "seen", jv_string(str_text(&seen)), NULL);
	else
		plain_status(e);
	mail_forget();
	jv_free(items);
	page_free(&list);
	str_free(&seen);
	return mark;
}

/* Waiting */

struct waiting {
	struct seen seen;
	struct rules *rules;
	struct pick pick;
	int64_t deadline, order;
	int64_t looked, next; /* the last look, and when the next one may be; clock_mono */
	int64_t later;        /* what the server asked for, ms; 0: nothing */
	int failures;         /* looks in a row that failed */
	int fetches;          /* in this look */
	uint64_t hard;        /* a mail that can't be had, … */
	int tries;            /* … and how often it was asked for */
	bool seen_once;       /* some look worked */
	struct err passed;    /* why a mail was passed over; status 0: none was */
};

/* The mail of an item; 1: there is none any more. *ADDRESSED: it tells whom it is to. */
static int get_mail(jv item, int64_t deadline, struct mime *mail, bool *addressed, int64_t *later, struct err *e)
{
	char *link = mail_link(item, e);
	struct page page = {0};
	int r = -1;

	*mail = (struct mime){.date = -1, .received = -1};
	*later = 0;
	if (!link)
		return -1;
	if (!*link)
		r = mail_make(mail, item, NULL, e);
	else if (fetch(link, deadline, &page, later, e) == 0)
		r = mail_make(mail, item, &page, e);
	else if (e->status == EX_NO)
		r = 1;
	*addressed = mail_tells_recipient(*link ? &page : NULL);
	page_free(&page);
	free(link);
	return r;
}

/* A mail that can't be had is asked for again, a few times; one that can't be read is none: whoever can write to us could hold
 * up the code otherwise. */
static bool pass_over(struct waiting *w, uint64_t hash, const struct err *e)
{
	if (e->status == EX_DATAERR)
		return true; /* no mail */
	if (e->status == EX_TEMPFAIL || e->status == EX_UNAVAILABLE) {
		w->tries = w->hard == hash ? w->tries + 1 : 1;
		w->hard = hash;
		if (w->tries < TRIES)
			return false;
	}
	warn("a mail of %s is passed over: %s", fetch_name(), e->text);
	w->passed = *e;
	return true;
}

/* 1: no more of this look; what is left comes with the next. */
static int offer(struct waiting *w, jv item, int64_t order, struct err *e)
{
	char *id = mail_id(item, e), *unique;
	uint64_t hash = id ? seen_hash(id, strlen(id)) : 0;
	struct mime mail;
	bool addressed = true;
	char *to = w->rules->to;
	int r;

	if (!id)
		return -1;
	if (seen_has(&w->seen, hash)) {
		free(id);
		return 0;
	}
	if (w->fetches++ == FETCHES_MAX) {
		free(id);
		return 1;
	}
	inbox_bound_cpu();
	r = get_mail(item, w->deadline, &mail, &addressed, &w->later, e);
	if (r < 0 && pass_over(w, hash, e))
		r = 1;
	if (r >= 0)
		seen_add(&w->seen, hash);
	unique = xasprintf("%s;%s", fetch_name(), id);
	/* where no mail tells whom it is to, all are ours */
	w->rules->to = addressed ? to : NULL;
	if (r == 0)
		pick_offer(&w->pick, &mail, unique, order);
	w->rules->to = to;
	inbox_unbound_cpu();
	mime_free(&mail);
	free(unique);
	free(id);
	return r < 0 ? -1 : 0;
}

/* Newest first, so of mails that were sent in the same second the first in the list is the last. */
static int offer_all(struct waiting *w, jv items, struct err *e)
{
	int n = (int)json_len(items), r = 0;

	w->order += n + 1;
	w->fetches = 0;
	for (int i = 0; i < n && r == 0; i++) {
		jv item = json_at(items, i);

		r = offer(w, item, w->order - i, e);
		jv_free(item);
	}
	if (r)
		fetch_again();
	return r < 0 ? -1 : 0;
}

static int look(struct waiting *w, struct err *e)
{
	struct page list;
	jv items;
	int r = fetch(NULL, w->deadline, &list, &w->later, e);

	if (r == 0 && !list.unchanged) {
		items = mail_items(&list, e);
		r = json_ok(items) ? offer_all(w, items, e) : -1;
		if (!json_ok(items))
			fetch_again();
		jv_free(items);
	}
	page_free(&list);
	return r;
}

/* Looks, and says when the next look may be. -1: there is no use in going on. */
static int look_politely(struct waiting *w, struct err *e)
{
	int64_t pause = interval;
	int r = look(w, e);

	w->looked = clock_mono();
	if (r && e->status != EX_TEMPFAIL && e->status != EX_UNAVAILABLE)
		return -1;
	w->failures = r ? w->failures + 1 : 0;
	w->seen_once = w->seen_once || !r;
	for (int i = 1; i < w->failures && pause < BACKOFF_MAX; i++)
		pause *= 2;
	if (r && w->later > pause)
		pause = w->later;
	w->next = w->looked + pause;
	return 0;
}

/* True when the best of what is there may be had: nothing later came for a while, and we looked since. */
static bool settled(const struct waiting *w, int64_t now)
{
	int64_t ready = pick_ready(&w->pick);

	if (ready < 0)
		return false;
	if (now >= w->deadline)
		return !w->pick.suspect;
	return ready <= now && (w->looked >= ready || w->failures);
}

static jv too_late(const struct waiting *w, const struct err *last, struct err *e)
{
	if (!w->seen_once) {
		*e = *last;
		plain_status(e);
	} else if (w->passed.status) {
		err_set(e, EX_TEMPFAIL, "no mail with a code came in time, but one that was passed over: %s", w->passed.text);
	} else {
		pick_none(&w->pick, e);
	}
	return jv_invalid();
}

static jv wait_for(struct waiting *w, struct line_in *in, struct err *e)
{
	struct pollfd p = {in->fd, POLLIN, 0};
	struct err last = {.status = EX_UNAVAILABLE, .text = "the inbox was not looked at"};

	for (;;) {
		int64_t now = clock_mono(), ready = pick_ready(&w->pick), until;
		bool once_more = ready >= 0 && !w->pick.suspect && ready <= now && w->looked < ready && !w->failures;

		if (settled(w, now))
			return pick_take(&w->pick);
		if (now >= w->deadline)
			return too_late(w, &last, e);
		if (now >= w->next || once_more) {
			if (look_politely(w, &last)) {
				*e = last;
				plain_status(e);
				return jv_invalid();
			}
			continue;
		}
		until = ready > now && ready < w->next ? ready : w->next;
		proc_poll(&p, 1, line_ready(in) ? 0 : until < w->deadline ? until : w->deadline);
		if (inbox_interrupted(in)) {
			err_set(e, INBOX_CANCELLED, "the wait was cancelled");
			return jv_invalid();
		}
	}
}

static jv http_wait(jv mark, jv rules_given, int64_t deadline, struct line_in *in, struct err *e)
{
	const char *seen = json_str(mark, "seen", NULL);
	struct rules rules;
	struct waiting w = {.rules = &rules, .deadline = deadline, .next = clock_mono()};
	jv answer = jv_invalid();

	pick_start(&w.pick, &rules);
	if (rules_parse(&rules, rules_given, e) == 0 && need_open("wait", e) == 0) {
		if (!seen) {
			err_set(e, EX_CONFIG, "wait: not a mark of an inbox on the web");
		} else {
			if (rules.since < 0)
				clock_parse(json_str(mark, "time", ""), &rules.since);
			seen_add_text(&w.seen, seen);
			fetch_again();
			answer = wait_for(&w, in, e);
		}
	}
	mail_forget();
	pick_free(&w.pick);
	rules_free(&rules);
	seen_free(&w.seen);
	return answer;
}

/* Testing */

static int try_items(struct trial *t, struct rules *rules, jv items, struct err *e)
{
	char *to = rules->to;
	int n = (int)json_len(items), r = 0;

	for (int i = 0; i < n && i < TRY_MAILS && r >= 0; i++) {
		jv item = json_at(items, i);
		char *id = mail_id(item, e);
		struct mime mail = {0};
		bool addressed = true;
		int64_t later;

		inbox_bound_cpu();
		r = id ? get_mail(item, clock_mono() + FETCH_TIME, &mail, &addressed, &later, e) : -1;
		rules->to = addressed ? to : NULL;
		if (r == 0)
			trial_offer(t, &mail);
		rules->to = to;
		if (r == 0 && i == 0)
			inbox_step("the newest has the id %.60s, comes from %s, is called \"%s\", and has %d texts", id, *mail.from ? mail.from : "nobody",
				   mail.subject, mail.ntexts);
		inbox_unbound_cpu();
		mime_free(&mail);
		free(id);
		jv_free(item);
	}
	return r < 0 ? -1 : 0;
}

static jv http_test(jv request, struct err *e)
{
	jv given = json_get(request, "rules"), items = jv_invalid(), answer = jv_invalid();
	struct page list = {0};
	struct rules rules;
	struct trial t;

	if (rules_parse(&rules, given, e) == 0 && need_open("test", e) == 0) {
		items = whole_list(&list, e);
		if (list.type)
			inbox_step("%s answers within %lldms: %s", fetch_name(), (long long)list.ms, list.type);
	}
	if (json_ok(items)) {
		inbox_step("its list has %zu mails", json_len(items));
		trial_start(&t, &rules, json_bool(request, "reveal", false));
		if (try_items(&t, &rules, items, e) == 0)
			answer = trial_answer(&t);
		else
			jv_free(t.mail);
	}
	if (!json_ok(answer))
		plain_status(e);
	mail_forget();
	jv_free(items);
	page_free(&list);
	rules_free(&rules);
	jv_free(given);
	return answer;
}

int main(int argc, char **argv)
{
	static const struct inbox_ops ops = {http_open, http_mark, http_wait, http_close, http_test};
	static const struct opt_spec spec = {
		.program = "ab-inbox-http", .synopsis = "", .about = "Inbox driver: codes out of a web page or a REST API (ab-otp(1)).",
	};

	sandbox_private();
	opt_parse(argc, argv, &spec);
	sandbox_memory(MEMORY);
	return inbox_serve(&ops) ? EX_IOERR : 0;
}

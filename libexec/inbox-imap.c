/* ab-inbox-imap: codes out of mailboxes on a server, as they arrive (RFC 3501, RFC 2177).
 *
 * Each folder has a connection of its own, so that the server can tell of each at once (IDLE), or is asked every few seconds
 * (NOOP). The mark is each folder's UIDVALIDITY and UIDNEXT: a mail is new when its UID is not below. The connections of the mark
 * serve the wait; one that is lost is made again, with pauses that grow. Nothing is changed on the server, unless `consume` is
 * set: then the mail whose code was taken is marked as read. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "ext/imap.h"
#include "mail/inbox.h"
#include "mail/pick.h"
#include "mail/program.h"
#include "mail/trial.h"
#include "wire/launch.h"

#define FOLDERS_MAX 8
#define STALE 60000        /* ms after which an idle connection is not trusted by a mark, but made again */
#define IDLE_TIME 60000    /* … after which IDLE is said again: so long a dead connection may pass for a quiet one */
#define IDLE_MOST 1500000  /* RFC 2177: well before 29 minutes */
#define INTERVAL 5000      /* … between NOOPs where there is no IDLE */
#define INTERVAL_LEAST 1000
#define MARK_TIME 15000
#define MARK_RETRY 3000    /* a server that can't be reached is tried so long by a mark */
#define PROGRAM_TIME 10000 /* … for the program that gives the token */
#define CONSUME_TIME 2000
#define PAUSE_FIRST 500
#define PAUSE_MOST 30000
#define STEADY 10000       /* a connection that lasted so long was good, and is made again at once */
#define NEW_MAX 500        /* mails looked at of those that came at once, the last ones */
#define TRIES 2            /* for a mail that the server can't give */
#define TEST_MAILS 50      /* of each folder */
#define MEMORY (256u << 20)

/* One folder and the connection that serves it. */
struct watch {
	char *name;
	struct imap *imap;     /* NULL: none */
	struct imap_folder at; /* as it was selected */
	int64_t opened, used;
	/* of the wait */
	bool wanted;
	uint32_t validity, next; /* UIDs from here on are new */
	int64_t after;           /* arrival (wall) from which mails are new where UIDs do not tell; -1: they do */
	int64_t due, pause;      /* when it is looked at again; the pause before the next attempt to connect */
	uint32_t candidate;      /* the lowest UID that held a code; 0: none has */
	uint32_t failing;        /* the UID that could not be fetched */
	int tries;
};

static struct mail_server server;
static char *host, *cafile, *user, *password, *token, *program;
static bool consume;
static int64_t idle_time, interval;
static struct watch watches[FOLDERS_MAX];
static int nwatches;
static char *last_wait; /* the mark and the rules of it */

/* Opening */

static void forget(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static void hang_up(struct watch *w)
{
	imap_close(w->imap);
	w->imap = NULL;
}

static void close_all(void)
{
	for (; nwatches; nwatches--) {
		hang_up(&watches[nwatches - 1]);
		free(watches[nwatches - 1].name);
	}
	forget(&last_wait);
	forget(&host);
	forget(&cafile);
	forget(&user);
	forget(&password);
	forget(&token);
	forget(&program);
}

static int add_folder(const char *name, struct err *e)
{
	for (int i = 0; i < nwatches; i++)
		if (strcmp(watches[i].name, name) == 0)
			return 0;
	if (nwatches == FOLDERS_MAX)
		return err_set(e, EX_CONFIG, "more than %d folders", FOLDERS_MAX);
	watches[nwatches++] = (struct watch){.name = xstrdup(name)};
	return 0;
}

static int take_url(const char *url, struct err *e)
{
	struct server_url u;
	int r = server_url(&u, url, "imap", 143, 993, e);

	if (r) {
		err_wrap(e, "inbox url");
	} else {
		host = xstrdup(u.host);
		user = u.user ? xstrdup(u.user) : NULL;
		server.host = host;
		server.port = u.port;
		server.tls = u.tls;
		r = add_folder(*u.path ? u.path : "INBOX", e);
	}
	server_url_free(&u);
	return r;
}

static int take_folders(jv settings, struct err *e)
{
	jv list = json_get(settings, "folders");
	int r = 0;

	for (struct json_iter it = json_iter(list); r == 0 && json_next(&it);)
		if ((r = add_folder(json_string(it.value, ""), e)))
			json_iter_end(&it);
	jv_free(list);
	return r;
}

static int take_duration(jv settings, const char *key, int64_t least, int64_t most, int64_t *out, struct err *e)
{
	const char *text = json_str(settings, key, "");

	if (*text && (duration_parse(text, out) || *out < least || *out > most))
		return err_set(e, EX_CONFIG, "%s '%s' is no duration from %llds to %llds", key, text, (long long)least / 1000, (long long)most / 1000);
	return 0;
}

/* Who we are, and how that is proved. */
static int take_login(jv settings, struct err *e)
{
	const char *name = json_str(settings, "username", ""), *pass = json_str(settings, "password", ""), *t = json_str(settings, "token", "");

	if (*name) {
		forget(&user);
		user = xstrdup(name);
	}
	if (!user || !*user)
		return err_set(e, EX_CONFIG, "no user name: put it into the url (imaps://USER@HOST) or the field username");
	if (str_starts(t, "exec:"))
		program = xstrdup(t + 5);
	else if (*t)
		token = xstrdup(t);
	else if (*pass)
		password = xstrdup(pass);
	else
		return err_set(e, EX_CONFIG, "neither a password nor a token for %s", user);
	return 0;
}

static int imap_open_settings(jv settings, struct err *e)
{
	const char *ca = json_str(settings, "cafile", "");

	close_all();
	consume = json_bool(settings, "consume", false);
	idle_time = IDLE_TIME;
	interval = INTERVAL;
	cafile = *ca ? xstrdup(ca) : NULL;
	server = (struct mail_server){.plaintext = json_bool(settings, "plaintext", false), .cafile = cafile};
	if (take_url(json_str(settings, "url", ""), e) || take_folders(settings, e) || take_login(settings, e) ||
	    take_duration(settings, "idle", 1000, IDLE_MOST, &idle_time, e) ||
	    take_duration(settings, "interval", INTERVAL_LEAST, IDLE_MOST, &interval, e)) {
		close_all();
		return -1;
	}
	return 0;
}

/* Connecting */

static bool interrupted(void *in)
{
	return inbox_interrupted(in);
}

/* Whatever comes on stdin ends what goes on, as a wait must. */
static struct dial_stop stop_for(struct line_in *in)
{
	return in ? (struct dial_stop){in->fd, interrupted, in} : (struct dial_stop){.fd = -1};
}

/* The token to log in with: the last one that was good, or a new one from the program. */
static int need_token(int64_t deadline, struct line_in *in, bool refused, struct err *e)
{
	int64_t most = clock_mono() + PROGRAM_TIME;

	if (token)
		return 0;
	if (program_token(program, user, host, refused, most < deadline ? most : deadline, in, &token, e) == 0)
		return 0;
	if (e->status == EX_TEMPFAIL) /* that is: no mail in time */
		e->status = EX_UNAVAILABLE;
	return -1;
}

static int log_in(struct imap *c, int64_t deadline, struct line_in *in, bool again, struct err *e)
{
	if (password)
		return imap_login(c, user, password, e);
	if (need_token(deadline, in, again, e))
		return -1;
	return imap_login_token(c, user, token, e);
}

static int try_connect(struct watch *w, int64_t deadline, struct line_in *in, bool again, struct err *e)
{
	struct dial_stop stop = stop_for(in);

	w->imap = imap_open(&server, &stop, deadline, e);
	if (!w->imap)
		return -1;
	if (log_in(w->imap, deadline, in, again, e) == 0 && imap_select(w->imap, w->name, consume, &w->at, e) == 0) {
		w->opened = w->used = clock_mono();
		return 0;
	}
	hang_up(w);
	return -1;
}

/* Logs in and selects the folder. A token that is refused has run out, as tokens do: once a new one is asked for. */
static int connect_to(struct watch *w, int64_t deadline, struct line_in *in, struct err *e)
{
	if (try_connect(w, deadline, in, false, e) == 0)
		return 0;
	if (e->status != EX_NOPERM || !program)
		return -1;
	forget(&token);
	if (try_connect(w, deadline, in, true, e) == 0)
		return 0;
	if (e->status == EX_NOPERM)
		forget(&token);
	return -1;
}

/* Its folder as it is now, over a connection that works. */
static int refresh(struct watch *w, int64_t deadline, struct err *e)
{
	if (w->imap && clock_mono() - w->used > STALE)
		hang_up(w);
	if (w->imap) {
		imap_until(w->imap, deadline, NULL);
		/* selected once more: only that tells the UIDNEXT of now */
		if ((!imap_idling(w->imap) || imap_idle_end(w->imap, e) == 0) && imap_select(w->imap, w->name, consume, &w->at, e) == 0) {
			w->used = clock_mono();
			return 0;
		}
		hang_up(w); /* the server may well have ended it meanwhile */
	}
	return connect_to(w, deadline, NULL, e);
}

static int refresh_patiently(struct watch *w, int64_t deadline, struct err *e)
{
	int64_t until = clock_mono() + MARK_RETRY;

	for (int64_t pause = PAUSE_FIRST; refresh(w, deadline, e); pause *= 2) {
		if (e->status != EX_UNAVAILABLE || clock_mono() + pause >= until)
			return -1;
		proc_poll(NULL, 0, clock_mono() + pause);
	}
	return 0;
}

/* The mark: {"time", "folders": [{"name", "validity", "next"}…]} */

static jv imap_mark(struct err *e)
{
	int64_t deadline = clock_mono() + MARK_TIME;
	char now[CLOCK_TEXT];
	jv folders;

	if (!nwatches) {
		err_set(e, EX_CONFIG, "mark: open the inbox first");
		return jv_invalid();
	}
	folders = jv_array();
	for (int i = 0; i < nwatches; i++) {
		struct watch *w = &watches[i];

		if (refresh_patiently(w, deadline, e) == 0) {
			folders = json_push(folders, json_obj("name", jv_string(w->name), "validity", jv_number(w->at.validity), "next",
							      jv_number(w->at.next), NULL));
		} else if (i == 0 || e->status != EX_CONFIG) {
			jv_free(folders);
			return jv_invalid();
		} else {
			warn("%s; going on without it", e->text); /* one folder too many is no reason to see nothing */
		}
	}
	return json_obj("time", jv_string(clock_format(clock_wall(), now)), "folders", folders, NULL);
}

/* Waiting */

struct waiting {
	struct pick pick;
	struct line_in *in;
	int64_t deadline, marked; /* marked: by the wall */
	int64_t serial;           /* of the mails offered */
	struct watch *best;       /* where the mail is whose code is to be taken */
	uint32_t best_uid;
	struct err trouble;       /* the last that a connection had */
};

/* True for the mark and the rules of the last wait: another round of it. What it found to hold no code needs no second look. */
static bool goes_on(jv mark, jv rules)
{
	jv both = json_obj("mark", jv_copy(mark), "rules", json_del(json_del(jv_copy(rules), "skip"), "since_mono"), NULL);
	char *text = json_text_sorted(both);
	bool same = last_wait && strcmp(last_wait, text) == 0;

	jv_free(both);
	forget(&last_wait);
	last_wait = text;
	return same;
}

static void begin_at(struct watch *f, jv place, bool again)
{
	f->wanted = true;
	f->due = f->pause = 0;
	f->failing = 0;
	if (again) {
		f->next = f->candidate ? f->candidate : f->next;
	} else {
		f->validity = (uint32_t)json_int(place, "validity", 0);
		f->next = (uint32_t)json_int(place, "next", 1);
		f->after = -1;
	}
	f->candidate = 0;
}

static int read_mark(struct waiting *w, jv mark, jv rules, struct err *e)
{
	jv list = json_get(mark, "folders");
	bool again = goes_on(mark, rules);
	int found = 0;

	for (int i = 0; i < nwatches; i++)
		watches[i].wanted = false;
	for (struct json_iter it = json_iter(list); json_next(&it);)
		for (int i = 0; i < nwatches; i++)
			if (strcmp(watches[i].name, json_str(it.value, "name", "")) == 0) {
				begin_at(&watches[i], it.value, again);
				found++;
			}
	jv_free(list);
	if (!found || clock_parse(json_str(mark, "time", ""), &w->marked))
		return err_set(e, EX_CONFIG, "wait: not a mark of this inbox");
	return 0;
}

static void offer(struct waiting *w, struct watch *f, uint32_t uid, const struct str *raw, int64_t arrived)
{
	struct mime mail;
	char *unique;

	if (f->after >= 0 && arrived + 999 < f->after)
		return; /* it was there before */
	unique = xasprintf("imap:%s@%s/%s;%lu;%lu", user, host, f->name, (unsigned long)f->validity, (unsigned long)uid);
	inbox_bound_cpu();
	if (mime_parse(&mail, str_text(raw), raw->len, NULL) == 0 && pick_offer(&w->pick, &mail, unique, ++w->serial)) {
		f->candidate = f->candidate ? f->candidate : uid;
		if (w->pick.order == w->serial) {
			w->best = f;
			w->best_uid = uid;
		}
	}
	mime_free(&mail);
	inbox_bound_cpu(); /* anew, for what the server says next */
	free(unique);
}

/* One mail that the server can't give must not hide those after it. */
static void count_failure(struct watch *f, uint32_t uid)
{
	f->tries = f->failing == uid ? f->tries + 1 : 1;
	f->failing = uid;
	if (f->tries >= TRIES) {
		warn("%s: a mail is left out: the server fails to give it", f->name);
		f->next = uid + 1;
	}
}

static int look(struct waiting *w, struct watch *f, struct err *e)
{
	uint32_t *uids = NULL;
	struct str raw;
	int n = imap_uids(f->imap, f->next, f->after >= 0 ? f->after - 86400000 : -1, NEW_MAX, &uids, e), r = n < 0 ? -1 : 0;

	str_init(&raw, MIME_MAIL_MAX);
	for (int i = 0; i < n && r == 0; i++) {
		int64_t arrived = -1;
		int got = imap_fetch(f->imap, uids[i], MIME_MAIL_MAX, &raw, &arrived, e);

		if (got > 0)
			offer(w, f, uids[i], &raw, arrived);
		if (got >= 0)
			f->next = uids[i] + 1;
		else if (e->status != INBOX_CANCELLED)
			count_failure(f, uids[i]);
		r = got < 0 ? -1 : 0;
	}
	if (raw.s)
		explicit_bzero(raw.s, raw.len);
	str_free(&raw);
	free(uids);
	return r;
}

/* The server numbers the folder's mails anew (it was restored, or made again): UIDs of the mark mean nothing any more. */
static void check_validity(struct waiting *w, struct watch *f)
{
	if (f->at.validity == f->validity)
		return;
	f->validity = f->at.validity;
	f->next = 1;
	f->after = w->marked;
}

/* How long the work on one folder may take: with a code at hand, no longer than that has to wait. */
static int64_t turn_end(const struct waiting *w)
{
	int64_t ready = pick_ready(&w->pick), now = clock_mono();

	ready = ready >= 0 && ready < now + 100 ? now + 100 : ready;
	return ready >= 0 && ready < w->deadline ? ready : w->deadline;
}

/* Looks for new mail, and leaves the connection so that the next one is told of. */
static int work(struct waiting *w, struct watch *f, struct err *e)
{
	struct dial_stop stop = stop_for(w->in);
	int64_t end = turn_end(w);

	if (!f->imap) {
		if (connect_to(f, end, w->in, e))
			return -1;
		inbox_bound_cpu(); /* anew: certificates have their price */
		check_validity(w, f);
	} else {
		imap_until(f->imap, end, &stop);
		check_validity(w, f);
		if (imap_idling(f->imap) ? imap_idle_end(f->imap, e) : imap_noop(f->imap, e))
			return -1;
	}
	if (look(w, f, e))
		return -1;
	f->used = clock_mono();
	if (!imap_can_idle(f->imap)) {
		f->due = f->used + interval;
		return 0;
	}
	if (imap_idle(f->imap, e))
		return -1;
	f->due = f->used + (imap_ready(f->imap) ? 0 : idle_time); /* news may come with the answer to IDLE */
	return 0;
}

/* After a failure: when it is tried again. A login that is refused is not: servers lock accounts. */
static int lost(struct waiting *w, struct watch *f, const struct err *why, struct err *e)
{
	int64_t now = clock_mono();
	bool steady = f->imap && now - f->opened > STEADY;

	hang_up(f);
	w->trouble = *why;
	if (why->status == EX_CONFIG && f != &watches[0]) {
		warn("%s; going on without it", why->text);
		f->wanted = false;
		return 0;
	}
	if (why->status == EX_CONFIG || why->status == EX_NOPERM || why->status == INBOX_CANCELLED) {
		*e = *why;
		return -1;
	}
	f->pause = steady ? 0 : f->pause ? f->pause * 2 : PAUSE_FIRST;
	f->pause = f->pause < PAUSE_MOST ? f->pause : PAUSE_MOST;
	f->due = now + f->pause + (f->pause ? (int64_t)random_below((uint32_t)f->pause / 4 + 1) : 0);
	return 0;
}

static int turn(struct waiting *w, struct watch *f, struct err *e)
{
	struct err why = {.status = EX_UNAVAILABLE};
	int r;

	inbox_bound_cpu();
	r = work(w, f, &why) ? lost(w, f, &why, e) : 0;
	inbox_unbound_cpu();
	return r;
}

/* Marks the mail as read. It has served, so a failure is no more than a pity. */
static void use_up(struct waiting *w)
{
	struct err e;
	struct imap *c = w->best ? w->best->imap : NULL;

	if (!consume || !c)
		return;
	imap_until(c, clock_mono() + CONSUME_TIME, NULL);
	if ((imap_idling(c) && imap_idle_end(c, &e)) || imap_mark_read(c, w->best_uid, &e)) {
		warn("%s", e.text);
		hang_up(w->best);
	}
}

/* Until something comes over a connection or stdin, or UNTIL. */
static void rest(struct waiting *w, int64_t until)
{
	struct pollfd p[FOLDERS_MAX + 1];

	for (int i = 0; i < nwatches; i++) {
		struct watch *f = &watches[i];

		p[i] = (struct pollfd){f->wanted && f->imap && imap_idling(f->imap) ? imap_fd(f->imap) : -1, POLLIN, 0};
		if (f->wanted && f->due < until)
			until = f->due;
	}
	p[nwatches] = (struct pollfd){w->in->fd, POLLIN, 0};
	proc_poll(p, (unsigned)nwatches + 1, line_ready(w->in) ? 0 : until);
	for (int i = 0; i < nwatches; i++)
		if (p[i].revents && imap_ready(watches[i].imap))
			watches[i].due = 0;
}

static jv too_late(struct waiting *w, struct err *e)
{
	bool blind = true;

	for (int i = 0; i < nwatches; i++)
		blind = blind && !(watches[i].wanted && watches[i].imap);
	if (blind && w->trouble.status) /* nobody looked: that is not the same as no mail */
		*e = w->trouble;
	else
		pick_none(&w->pick, e);
	return jv_invalid();
}

static jv wait_for(struct waiting *w, struct err *e)
{
	for (;;) {
		int64_t now = clock_mono(), ready = pick_ready(&w->pick);

		if (ready >= 0 && (ready <= now || (now >= w->deadline && !w->pick.suspect))) {
			use_up(w);
			return pick_take(&w->pick);
		}
		if (now >= w->deadline)
			return too_late(w, e);
		if (inbox_interrupted(w->in)) {
			err_set(e, INBOX_CANCELLED, "the wait was cancelled");
			return jv_invalid();
		}
		for (int i = 0; i < nwatches; i++)
			if (watches[i].wanted && watches[i].due <= now && turn(w, &watches[i], e))
				return jv_invalid();
		ready = pick_ready(&w->pick);
		rest(w, ready >= 0 && ready < w->deadline ? ready : w->deadline);
	}
}

static jv imap_wait(jv mark, jv rules_given, int64_t deadline, struct line_in *in, struct err *e)
{
	struct waiting w = {.in = in, .deadline = deadline};
	struct rules rules;
	jv answer = jv_invalid();

	pick_start(&w.pick, &rules);
	if (rules_parse(&rules, rules_given, e) == 0 && read_mark(&w, mark, rules_given, e) == 0) {
		if (rules.since < 0)
			rules.since = w.marked;
		answer = wait_for(&w, e);
	}
	pick_free(&w.pick);
	rules_free(&rules);
	return answer;
}

/* Testing */

static int try_folder(struct watch *w, struct trial *t, int64_t deadline, struct err *e)
{
	uint32_t *uids = NULL;
	struct str raw;
	int n;

	hang_up(w); /* so that all of it is tried */
	if (connect_to(w, deadline, NULL, e))
		return -1;
	if (w == &watches[0]) {
		inbox_step("connected to %s:%d (%s)", host, server.port, imap_security(w->imap));
		inbox_step("logged in as %s with %s", user, password ? "the password" : program ? "the program's token" : "the token");
	}
	inbox_step("folder %s: %lu mails; %s", w->name, (unsigned long)w->at.mails,
		   imap_can_idle(w->imap) ? "the server tells of new ones (IDLE)" : "the server has no IDLE and is asked again and again");
	n = imap_uids(w->imap, 1, -1, TEST_MAILS, &uids, e);
	str_init(&raw, MIME_MAIL_MAX);
	while (n > 0 && clock_mono() < deadline) {
		struct mime mail;
		int64_t arrived;
		int got = imap_fetch(w->imap, uids[--n], MIME_MAIL_MAX, &raw, &arrived, e);

		if (got < 0) {
			n = -1;
			break;
		}
		inbox_bound_cpu();
		if (got && mime_parse(&mail, str_text(&raw), raw.len, NULL) == 0)
			trial_offer(t, &mail);
		if (got)
			mime_free(&mail);
		inbox_unbound_cpu();
	}
	if (raw.s)
		explicit_bzero(raw.s, raw.len);
	str_free(&raw);
	free(uids);
	return n < 0 ? -1 : 0;
}

static jv imap_test(jv request, struct err *e)
{
	jv given = json_get(request, "rules"), answer;
	int64_t deadline = clock_mono() + 2 * MARK_TIME;
	struct rules rules;
	struct trial t;
	int r = rules_parse(&rules, given, e);

	trial_start(&t, &rules, json_bool(request, "reveal", false));
	if (r == 0 && !nwatches)
		r = err_set(e, EX_CONFIG, "test: open the inbox first");
	for (int i = 0; r == 0 && i < nwatches; i++)
		r = try_folder(&watches[i], &t, deadline, e);
	answer = trial_answer(&t);
	if (r) {
		jv_free(answer);
		answer = jv_invalid();
	}
	rules_free(&rules);
	jv_free(given);
	return answer;
}

int main(int argc, char **argv)
{
	static const struct inbox_ops ops = {
		.open = imap_open_settings, .mark = imap_mark, .wait = imap_wait, .close = close_all, .test = imap_test,
	};
	static const struct opt_spec spec = {
		.program = "ab-inbox-imap", .synopsis = "", .about = "Inbox driver: codes out of a mailbox on a server (ab-otp(1)).",
	};
	struct err e;

	sandbox_private();
	opt_parse(argc, argv, &spec);
	/* the launcher first: the program that gives a token has limits of its own */
	if (launch_init(&e))
		die_err(&e);
	sandbox_memory(MEMORY);
	return inbox_serve(&ops) ? EX_IOERR : 0;
}

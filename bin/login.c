/* ab-login: makes a session logged in, if it is not.
 *
 * By hand it takes the page's turn, looks whether the session still is logged in, and logs in if not. Inside
 * another program's turn (--page-fd) that was seen already. A refused login is kept on disk and blocks further
 * ones until the record changes: sites lock accounts after a few wrong passwords. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "work/work.h"

#define PER_HOUR 6
#define HOUR 3600000
#define TURN_TIMEOUT 120000

static const char *page_fd_text;
static bool force, headed;

static const struct opt opts[] = {
	{'f', "force", NULL, "log in although an earlier login was refused", NULL, &force, NULL},
	{0, "headed", NULL, "a browser shows its window on this display", NULL, &headed, NULL},
	{0, "page-fd", "FD", "use this connection to the page, whose turn is ours", &page_fd_text, NULL, NULL},
	{0}};

/* LOGIN_FILE, as work.h has it. A damaged one may have held a refusal, and is no leave to try: invalid with *e. */
static jv history_read(const char *session, struct err *e)
{
	char *path = path_state(session, LOGIN_FILE, e);
	jv v = path ? json_read(path, 65536, NULL) : jv_invalid();

	if (path && !json_ok(v) && errno == ENOENT) {
		v = jv_object();
	} else if (path && !json_is(v, JV_KIND_OBJECT)) {
		jv_free(v);
		v = jv_invalid();
		err_set(e, EX_DATAERR, "%s can't be read, and may hold a refusal: see whether you can log in yourself, then remove it", path);
	}
	free(path);
	return v;
}

/* The same once it is known to be whole. */
static jv history_again(const char *session)
{
	struct err e;
	jv v = history_read(session, &e);

	if (!json_ok(v))
		die_err(&e);
	return v;
}

static int history_write(const char *session, jv history, struct err *e)
{
	char *path = path_state(session, LOGIN_FILE, e), *text = json_text(history);
	int r = path ? fs_replace(path, text, strlen(text), e) : -1;

	free(path);
	free(text);
	jv_free(history);
	return r;
}

/* Changes whenever the sealed secrets are written: what a refusal is bound to. */
static void record_mark(const char *session, char *out, size_t size)
{
	char *name = xasprintf("%s/secrets", session), *path = path_vault(name, NULL);
	struct stat st = {0};

	if (path && stat(path, &st))
		memset(&st, 0, sizeof st);
	snprintf(out, size, "%llx-%llx-%lx", (unsigned long long)st.st_ino, (unsigned long long)st.st_mtim.tv_sec,
		 (unsigned long)st.st_mtim.tv_nsec);
	free(name);
	free(path);
}

/* The ms since a login that was counted. */
static int64_t age_of(jv time)
{
	if (json_is(time, JV_KIND_NUMBER)) /* as 0.1.0 kept them */
		return clock_passed("", 0, (int64_t)jv_number_value(time));
	return json_moment_age(time);
}

static void may_log_in(struct work *w, struct err *e)
{
	jv history = history_read(w->session, e), refused = json_get(history, "refused"), times = json_get(history, "times");
	int64_t oldest = 0;
	char mark[80];
	int recent = 0;

	record_mark(w->session, mark, sizeof mark);
	if (!force && json_is(refused, JV_KIND_OBJECT) && strcmp(json_str(refused, "record", ""), mark) == 0)
		err_set(e, EX_NOPERM, "the site refused the last login (%.120s); correct the record (ab-vault edit %s), or try once more with "
			"ab-login --force %s", json_str(refused, "reason", "no reason given"), w->session, w->session);
	for (struct json_iter it = json_iter(times); json_next(&it);) {
		int64_t age = age_of(it.value);

		if (age < HOUR) {
			recent++;
			oldest = age > oldest ? age : oldest;
		}
	}
	if (!e->status && recent >= PER_HOUR)
		err_set(e, EX_TEMPFAIL, "%d logins in the last hour; the next may be in %lld minutes", recent,
			(long long)(HOUR - oldest) / 60000 + 1);
	jv_free(times);
	jv_free(refused);
	jv_free(history);
}

/* Counted before it is tried: a crash in between must not give a free one. */
static void count_login(const char *session)
{
	jv history = history_again(session), times = json_get(history, "times"), kept = jv_array();
	struct err e;

	for (struct json_iter it = json_iter(times); json_next(&it);)
		if (age_of(it.value) < HOUR)
			kept = json_push(kept, jv_copy(it.value));
	jv_free(times);
	if (history_write(session, json_set(history, "times", json_push(kept, json_moment())), &e))
		die_err(&e); /* without it nothing would bound the next login */
}

/* CLASS "ok" and "login_failed" are the site's own word on the record; whatever else went wrong leaves that as it is. */
static void note_outcome(const struct work *w, const char *class, const char *reason)
{
	char now[CLOCK_TEXT], mark[80];
	struct err e;
	jv history = history_again(w->session), refused = json_get(history, "refused"), last = jv_null();

	record_mark(w->session, mark, sizeof mark);
	if (strcmp(class, "ok") != 0)
		last = json_obj("class", jv_string(class), "reason", jv_string(reason), "trace", jv_string(w->trace), NULL);
	if (strcmp(class, "ok") == 0 || strcmp(class, "login_failed") == 0) {
		jv_free(refused);
		refused = strcmp(class, "ok") == 0 ? jv_null()
						   : json_obj("at", jv_string(clock_format(clock_wall(), now)), "reason", jv_string(reason),
							      "record", jv_string(mark), NULL);
	}
	if (history_write(w->session, json_set(json_set(history, "refused", refused), "last", last), &e))
		warn("%s", e.text); /* no further login goes before one can be counted */
}

static int finish(struct work *w, bool ok, const char *reason, int64_t began, int status)
{
	work_say(w, "session.login", json_obj("ok", ok ? jv_true() : jv_false(), "reason", jv_string(reason), "waited_ms",
					      jv_number((double)(clock_mono() - began)), NULL));
	if (!ok)
		warn("%s", reason);
	return status;
}

static int log_in(struct work *w)
{
	struct flow_result r;
	struct err e = {0};
	int64_t began = clock_mono();
	int status;

	may_log_in(w, &e);
	if (e.status)
		return finish(w, false, e.text, began, e.status);
	count_login(w->session);
	work_flow(w, "login", jv_null(), jv_null(), &r);
	note_outcome(w, r.class, r.reason);
	if (flow_ok(&r)) {
		status = finish(w, true, "logged in", began, 0);
	} else if (strcmp(r.class, "login_failed") == 0 || strcmp(r.class, "refused") == 0) {
		status = finish(w, false, r.reason, began, EX_NOPERM);
	} else {
		char reason[400];

		snprintf(reason, sizeof reason, "%s: %s", r.class, r.reason);
		status = finish(w, false, reason, began, EX_TEMPFAIL);
	}
	flow_result_free(&r);
	return status;
}

/* Whether the session is logged in still: 1, 0; or -1 with *r (the caller's) when that could not be seen. */
static int alive(struct work *w, struct flow_result *r)
{
	jv flow = provider_flow(w->provider, "alive");
	bool there = json_is(flow, JV_KIND_ARRAY);

	jv_free(flow);
	if (!there)
		return 0;
	work_flow(w, "alive", jv_null(), jv_null(), r);
	/* a page that is not the one expected may be any page that one is shown instead */
	bool ok = flow_ok(r), no = strcmp(r->class, "changed") == 0 || flow_policy(w->provider, r->class) == ACTION_RELOGIN;

	if (!ok && !no)
		return -1;
	flow_result_free(r);
	return ok;
}

static int not_seen(struct work *w, struct flow_result *r)
{
	char reason[400];

	int status = strcmp(r->class, "refused") == 0 ? EX_NOPERM : EX_TEMPFAIL;

	snprintf(reason, sizeof reason, "%s: %s", r->class, r->reason);
	flow_result_free(r);
	return finish(w, false, reason, clock_mono(), status);
}

int main(int argc, char **argv)
{
	const unsigned reads = PART_BIT(PART_SECRETS) | PART_BIT(PART_PROFILE) | PART_BIT(PART_RULES) | PART_BIT(PART_STATE);
	static const struct opt_spec spec = {"ab-login", "[--force] [--headed] SESSION", "Makes a session logged in, if it is not.", opts, 1, 1, false};
	struct work w = {.out = STDOUT_FILENO, .stop_fd = -1, .priority = 1, .page_given = -1, .no_login = true};
	struct flow_result r;
	struct err e = {0};
	long long fd;
	int status, there;

	sandbox_private();
	w.session = argv[opt_parse(argc, argv, &spec)];
	w.headed = headed;
	if (page_fd_text) {
		if (str_long(page_fd_text, 3, 1023, &fd))
			opt_usage("--page-fd: '%s' is no descriptor", page_fd_text);
		w.page_given = (int)fd;
	}
	if (work_open(&w, argv, reads, PART_BIT(PART_EVIDENCE), &e))
		die_err(&e);
	w.stop_fd = proc_signals((const int[]){SIGTERM, SIGINT, SIGHUP, 0}, &e);
	if (w.stop_fd < 0)
		die_err(&e);
	if (getenv("AB_TRACE"))
		trace_make(getenv("AB_TRACE"), w.trace);
	if (work_consent(&w, CONSENT_WATCH, &e) == CONSENT_NO)
		die_err(&e);
	if (work_begin(&w, TURN_TIMEOUT, &e))
		die_err(&e);
	there = w.page_given < 0 ? alive(&w, &r) : 0;
	if (there)
		status = there > 0 ? finish(&w, true, "already logged in", clock_mono(), 0) : not_seen(&w, &r);
	else
		status = log_in(&w);
	work_end(&w);
	work_close(&w);
	return w.page_given < 0 ? work_status(&w, status) : status;
}

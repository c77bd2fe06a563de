#include "work/work.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "ext/seal.h"
#include "site/exec.h"
#include "store/vault.h"
#include "wire/ask.h"
#include "wire/driver.h"
#include "work/solve.h"

#define PAGE_TIMEOUT 30000
#define LOGIN_TIMEOUT 900000
#define TOKEN_PATIENCE 90000 /* ms to wait for a token of the budget before giving the turn back */
#define HOLD_DEFAULT 60000   /* ms of quiet after a 429 that names no time, or one that is past */
#define OTP_SLACK 5000
#define TOLD_MAX 100         /* texts of a flow that the person is told, in one process */
#define ASK_LOOK 500         /* ms between looks at the page while the person is asked */
#define LOOK_ROUND 500       /* ms between looks whether we are told to end, while a reader does not read */
#define READER_PATIENCE 5000 /* ms that it has then */
#define TRACE_ID_END 35      /* of a traceparent: version and trace id */

/* ---- opening -------------------------------------------------------------------------------------- */

static int open_part(struct work *w, enum part part, jv *to, struct err *e)
{
	jv_free(*to);
	*to = jv_null();
	if (!(w->parts & PART_BIT(part)))
		return 0;
	*to = part_read(w->session, part, e);
	if (json_ok(*to))
		return 0;
	*to = jv_null();
	return -1;
}

static int open_secrets(struct work *w, struct err *e)
{
	if (open_part(w, PART_PROFILE, &w->profile, e) || open_part(w, PART_SECRETS, &w->secrets, e))
		return -1;
	w->secrets = json_del(w->secrets, "inbox"); /* ab-otp's */
	return 0;
}

/* What only a turn needs is not held while we wait for the next one, neither here nor in the filters. */
static void forget_secrets(struct work *w)
{
	jv_free(w->profile);
	jv_free(w->secrets);
	w->profile = w->secrets = jv_null();
	if (w->provider)
		exprs_forget(w->provider->exprs);
}

static jv settings(struct work *w, struct err *e);
static bool wants_window(const struct work *w);

/* Where a browser could show nothing, that is said at the start, too. */
static int check_display(const struct work *w, struct err *e)
{
	const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	if (!wants_window(w) || w->page_given >= 0 || strcmp(json_str(w->provider->doc, "transport", ""), "browser") != 0 || (x && *x) ||
	    (wayland && *wayland))
		return 0;
	return err_set(e, EX_CONFIG, "%s: a browser with a window (headed) needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set",
		       w->session);
}

/* What can't be read is said at the start, not at the first turn. */
static int try_parts(struct work *w, struct err *e)
{
	jv state = jv_null();
	int r = open_secrets(w, e) || open_part(w, PART_STATE, &state, e) ? -1 : 0;

	jv_free(state);
	if (!r)
		w->settings = settings(w, e);
	forget_secrets(w);
	return r || !json_ok(w->settings) ? -1 : 0;
}

static int open_budget(struct work *w, struct err *e)
{
	jv names = json_get(w->rules, "pace"), pace = json_get(w->provider->doc, "pace"), budget = json_get(pace, "budget");
	char *dir = path_state(NULL, "pace", e);
	struct pacer_spec spec = {
		.dir = dir,
		.account = json_str(names, "account", ""),
		.site = json_str(names, "site", ""),
		.way_out = json_str(w->rules, "proxy", ""),
		.budget = (int)json_int(budget, "requests", 80),
		.window = json_int(budget, "window", 120000),
		.reserve = (int)json_int(pace, "reserve", 10),
		.per_day = consent_daily_requests(w->rules),
		.zone = w->zone,
	};

	w->pacer = dir ? pacer_open(&spec, e) : NULL;
	free(dir);
	jv_free(names);
	jv_free(pace);
	jv_free(budget);
	return w->pacer ? 0 : -1;
}

static int take_lock(struct work *w, struct err *e)
{
	char *dir = path_run(w->session, "lock", e), *path, *what;

	if (!dir || fs_mkdirs(dir, e)) {
		free(dir);
		return -1;
	}
	path = xasprintf("%s/%s", dir, prog);
	what = xasprintf("%s of session %s", prog, w->session);
	w->lock = fs_lock(path, what, e);
	free(what);
	free(path);
	free(dir);
	return w->lock < 0 ? -1 : 0;
}

static void set_host(struct work *w);

int work_open(struct work *w, char **argv, unsigned parts, unsigned hand_on, struct err *e)
{
	w->rules = w->profile = w->secrets = w->settings = jv_null();
	w->parts = parts;
	w->evidence = jv_array();
	w->told = jv_object();
	w->provider = NULL;
	w->pacer = NULL;
	w->page = NULL;
	w->turn = TURN_NONE;
	w->memo = NULL;
	w->lock = -1;
	w->unheard = 0;
	w->logged_in = false;
	trace_make(NULL, w->trace);
	if (!name_valid(w->session))
		return err_set(e, EX_USAGE, "'%s' is no session's name", w->session);
	if (keys_need(argv, w->session, parts | hand_on, e))
		return -1;
	keys_keep(parts | hand_on);
	if (launch_init(e) || sandbox_no_network(e))
		return -1;
	if (w->page_given < 0 && take_lock(w, e))
		return -1;
	if (open_part(w, PART_RULES, &w->rules, e))
		return -1;
	w->zone = json_str(w->rules, "timezone", "UTC");
	w->provider = provider_load(json_str(w->rules, "provider", ""), e);
	if (!w->provider || check_display(w, e) || try_parts(w, e) || open_budget(w, e)) /* the filters' process is forked before there is a secret */
		return -1;
	w->memo = flow_memo_new();
	set_host(w);
	return 0;
}

void work_close(struct work *w)
{
	exec_end_all();
	turn_free(&w->turn);
	flow_memo_free(w->memo);
	pacer_free(w->pacer);
	provider_free(w->provider);
	jv_free(w->rules);
	jv_free(w->profile);
	jv_free(w->secrets);
	jv_free(w->settings);
	jv_free(w->evidence);
	jv_free(w->told);
	if (w->lock >= 0)
		close(w->lock);
}

/* ---- events, waiting, asking ---------------------------------------------------------------------- */

static bool told_to_end(void)
{
	sigset_t waiting;

	return sigpending(&waiting) == 0 &&
	       (sigismember(&waiting, SIGTERM) > 0 || sigismember(&waiting, SIGINT) > 0 || sigismember(&waiting, SIGHUP) > 0);
}

/* All of it, however slowly it is read; but a reader that does not read must not keep us from ending. Our signals are blocked, so
 * a write that waits would. */
static int put_slowly(int fd, const char *text, size_t len)
{
	int64_t until = INT64_MAX;

	while (len) {
		struct pollfd p = {fd, POLLOUT, 0};
		ssize_t put = 0;

		if (proc_poll(&p, 1, clock_mono() + LOOK_ROUND) > 0)
			/* of a pipe that polls as writable, PIPE_BUF bytes fit without waiting */
			put = write(fd, text, len < PIPE_BUF ? len : PIPE_BUF);
		else if (until == INT64_MAX && told_to_end())
			until = clock_mono() + READER_PATIENCE;
		if (put < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (put > 0) {
			text += put;
			len -= (size_t)put;
		} else if (clock_mono() >= until) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

void work_put(struct work *w, jv event)
{
	struct str line = {0};

	json_add_text(&line, event);
	str_putc(&line, '\n');
	jv_free(event);
	if (line.len > LINE_EVENT_MAX) {
		warn("an event of ours is left out: longer than %u bytes", LINE_EVENT_MAX);
	} else if (!w->unheard && put_slowly(w->out, line.s, line.len)) {
		w->unheard = errno; /* half a line may stand there: nothing may follow it */
		if (errno != EPIPE)
			warn("write standard output:");
	}
	str_free(&line);
}

void work_say(struct work *w, const char *type, jv data)
{
	work_put(w, event_make(type, w->session, w->trace, data));
}

int work_status(const struct work *w, int status)
{
	return w->unheard && w->unheard != EPIPE && (status == 0 || status == EX_NO) ? EX_IOERR : status;
}

int work_sleep(struct work *w, int64_t ms)
{
	struct pollfd stop = {w->stop_fd, POLLIN, 0};

	return proc_poll(&stop, 1, clock_mono() + ms) > 0 ? -1 : 0;
}

/* The name of the page's last picture or text, or null. */
static jv last_kept(struct work *w)
{
	return json_len(w->evidence) ? json_at(w->evidence, (int)json_len(w->evidence) - 1) : jv_null();
}

/* Until there is an outcome, we are told to stop, or LOOK takes the question back. */
static enum ask_got await_outcome(struct work *w, struct ask *a, const struct question *q, bool *taken_back)
{
	struct pollfd p[2] = {{ask_fd(a), POLLIN, 0}, {w->stop_fd, POLLIN, 0}};
	enum ask_got got;

	while ((got = ask_poll(a)) == ASK_WAIT && !*taken_back) {
		proc_poll(p, 2, q->look ? clock_mono() + ASK_LOOK : -1);
		if (p[1].revents)
			break;
		*taken_back = q->look && !p[0].revents && q->look(q->ctx);
	}
	return got;
}

static void set_unanswered(enum ask_got got, int64_t timeout, struct err *e)
{
	bool minutes = timeout >= 120000;

	if (got == ASK_DECLINED)
		err_set(e, EX_NOPERM, "the person said no");
	else if (got == ASK_TIMEOUT)
		err_set(e, EX_TEMPFAIL, "nobody answered within %lld %s", (long long)(timeout + 500) / (minutes ? 60000 : 1000),
			minutes ? "minutes" : "s");
	else
		err_set(e, EX_TEMPFAIL, "told to stop while asking the person");
}

static jv ask_person(struct work *w, const struct question *q, struct err *e)
{
	/* a challenge or a payment is about the page that was kept just now, too */
	bool shown = q->kept || strcmp(q->kind, "captcha") == 0 || strcmp(q->kind, "payment") == 0, taken_back = false;
	jv picture = shown ? last_kept(w) : jv_null(), answer = jv_invalid();
	struct ask *a = ask_open(w->session, q->kind, q->text, json_string(picture, NULL), q->timeout ? clock_wall() + q->timeout : 0, true, e);
	enum ask_got got;

	jv_free(picture);
	if (!a)
		return answer;
	work_say(w, "human.required", ask_event_data(a));
	got = await_outcome(w, a, q, &taken_back);
	work_say(w, "human.answered", ask_outcome_data(a));
	if (got == ASK_ANSWER)
		answer = jv_string(ask_answer(a));
	else if (taken_back)
		answer = jv_null();
	else
		set_unanswered(got, q->timeout, e);
	ask_close(a);
	return answer;
}

jv work_ask(struct work *w, const char *kind, const char *question, int64_t timeout, struct err *e)
{
	return ask_person(w, &(struct question){.kind = kind, .text = question, .timeout = timeout}, e);
}

jv work_evidence_taken(struct work *w)
{
	jv names = w->evidence;

	w->evidence = jv_array();
	return names;
}

/* ---- consent -------------------------------------------------------------------------------------- */

static int read_consent(struct work *w, struct err *e)
{
	jv now = part_read(w->session, PART_RULES, e);

	if (!json_ok(now))
		return -1;
	w->rules = json_set(w->rules, "consent", json_get(now, "consent"));
	jv_free(now);
	pacer_allow(w->pacer, consent_daily_requests(w->rules));
	return 0;
}

enum consent_answer work_consent(struct work *w, enum consent_act act, struct err *e)
{
	const char *proxy = json_str(w->rules, "proxy", "");
	enum consent_answer answer = read_consent(w, e) ? CONSENT_NO : consent_check(w->rules, act, clock_wall(), e);

	if (answer == CONSENT_NO)
		return answer;
	if (!consent_daily_requests(w->rules))
		return consent_refuse(e, "grants no requests (requests_per_day)");
	if (*proxy && !consent_proxy(w->rules, proxy))
		return consent_refuse(e, "does not list the proxy that is used (proxies)");
	return answer;
}

/* ---- the flow's host ------------------------------------------------------------------------------ */

/* A budget that can't be written down (a full disk) keeps all from being sent, but for the few requests that prove what came
 * of a commit: the budget's reserve is for them, and the person's booking is what it is about. */
static bool proof_first(const struct work *w, const struct err *e)
{
	if (!w->settling || (e->status != EX_IOERR && e->status != EX_CANTCREAT))
		return false;
	warn("%s; reading back all the same", e->text);
	return true;
}

static int host_take(void *ctx, bool redirects, int64_t lease, struct err *e)
{
	struct work *w = ctx;
	struct pacer_want want = {w->booking, redirects, lease};
	int64_t patience = clock_mono() + TOKEN_PATIENCE;

	if (!w->settling && work_consent(w, CONSENT_WATCH, e) == CONSENT_NO)
		return -1;
	for (;;) {
		int may;
		int64_t wait = pacer_take(w->pacer, &want, &may, e);

		if (wait == 0 || (wait < 0 && proof_first(w, e)))
			return may;
		if (wait < 0)
			return -1;
		if (clock_mono() + wait > patience)
			return err_set(e, EX_TEMPFAIL, "the budget has no request left for %lld s", (long long)(wait + 999) / 1000);
		if (work_sleep(w, wait))
			return err_set(e, EX_SOFTWARE, "told to stop");
	}
}

static void host_spent(void *ctx, int requests)
{
	struct work *w = ctx;
	struct err e;

	if (pacer_spend(w->pacer, requests, &e))
		warn("%s", e.text);
}

static void host_throttled(void *ctx, int64_t again_after)
{
	struct work *w = ctx;
	struct err e;

	if (pacer_hold(w->pacer, again_after > 0 ? again_after : HOLD_DEFAULT, &e))
		warn("%s", e.text);
}

static int host_commit(void *ctx, struct err *e)
{
	struct work *w = ctx;

	return w->commit(w->ctx, e);
}

static void host_committed(void *ctx, const char *sent)
{
	struct work *w = ctx;

	w->committed(w->ctx, sent);
}

static void host_known(void *ctx, jv booking)
{
	struct work *w = ctx;

	if (w->known)
		w->known(w->ctx, booking);
}

/* ab-otp, started for the flow that asks and kept until it ends: its inbox stays connected from mark to code. */
static struct driver otp = {.child = {.ended = -1}, .to = -1, .in = {.fd = -1}};

static int otp_start(struct work *w, struct err *e)
{
	struct fd_map fds[PART_COUNT];
	int n = 0, r;
	char *path, *keys;

	if (otp.child.pid)
		return 0;
	path = program_path("ab-otp");
	keys = keys_pass(w->session, PART_BIT(PART_SECRETS) | PART_BIT(PART_RULES) | PART_BIT(PART_EVIDENCE), 3, fds, &n);
	r = driver_start_program(&otp, path, (const char *const[]){"--coprocess", "--events", w->session, NULL}, fds, n,
				 (const char *const[]){keys, NULL}, e);
	free(keys);
	free(path);
	return r;
}

/* What ab-otp asks of the person is put on our terminal, too, as neither it nor its drivers are in its foreground. */
static struct ask *shown;

static void hide_question(void)
{
	ask_close(shown);
	shown = NULL;
}

static jv otp_line(int64_t deadline, struct err *e)
{
	struct pollfd p[2] = {{otp.in.fd, POLLIN, 0}, {-1, POLLIN, 0}};

	while (shown && !line_ready(&otp.in)) {
		p[1].fd = ask_fd(shown);
		if (proc_poll(p, 2, deadline) <= 0 || p[0].revents)
			break;
		if (ask_shown(shown))
			hide_question();
	}
	return driver_recv(&otp, deadline, e);
}

/* ab-otp's answer; what it asks of the person meanwhile is told in our name, because its output is ours alone. */
static jv otp_answer(struct work *w, int64_t deadline, struct err *e)
{
	for (;;) {
		jv line = otp_line(deadline, e), event, data;
		const char *type;

		if (!json_has(line, "event")) {
			hide_question();
			return line;
		}
		event = json_get(line, "event");
		type = json_str(event, "type", "human.required");
		data = json_get(event, "data");
		hide_question();
		if (strcmp(type, "human.required") == 0)
			shown = ask_show(w->session, json_str(data, "ask", ""));
		work_say(w, type, data);
		jv_free(event);
		jv_free(line);
	}
}

static jv otp_call(struct work *w, jv request, int64_t timeout, struct err *e)
{
	jv answer, error;

	if (otp_start(w, e) || driver_send(&otp, jv_copy(request), e)) {
		jv_free(request);
		return jv_invalid();
	}
	jv_free(request);
	answer = otp_answer(w, clock_mono() + timeout + OTP_SLACK, e);
	if (!json_ok(answer) || json_bool(answer, "ok", false))
		return answer;
	error = json_get(answer, "error");
	err_set(e, strcmp(json_str(error, "code", ""), "refused") == 0 ? EX_NOPERM : EX_TEMPFAIL, "%s", json_str(error, "message", "no code"));
	jv_free(error);
	jv_free(answer);
	return jv_invalid();
}

static jv host_otp_mark(void *ctx, struct err *e)
{
	struct work *w = ctx;
	jv answer = otp_call(w, json_obj("do", jv_string("mark"), NULL), PAGE_TIMEOUT, e), mark;

	if (!json_ok(answer))
		return answer;
	mark = json_get(answer, "mark");
	jv_free(answer);
	return mark;
}

static jv host_otp_wait(void *ctx, jv mark, jv rules, int64_t timeout, struct err *e)
{
	struct work *w = ctx;
	int64_t began = clock_mono();
	jv answer, code;

	work_say(w, "otp.requested", json_obj("timeout_ms", jv_number((double)timeout), NULL));
	answer = otp_call(w, json_obj("do", jv_string("wait"), "mark", jv_copy(mark), "rules", jv_copy(rules), "timeout_ms",
				      jv_number((double)timeout), NULL), timeout, e);
	work_say(w, "otp.received", json_obj("ok", json_ok(answer) ? jv_true() : jv_false(), "channel",
					     jv_string(json_str(answer, "channel", "")), "waited_ms",
					     jv_number((double)(clock_mono() - began)), NULL));
	if (!json_ok(answer))
		return answer;
	code = json_get(answer, "code");
	jv_free(answer);
	return code;
}

/* The page's picture as it was sealed just now: {type, data_base64}, or null. */
static jv kept_picture(struct work *w, const struct question *q)
{
	jv name = q->kept ? last_kept(w) : jv_null(), picture = jv_null();
	const char *dot = strrchr(json_string(name, ""), '.');
	struct str data = {0};
	struct err e;

	if (dot && (strcmp(dot, ".png") == 0 || strcmp(dot, ".jpeg") == 0) && evidence_get(w->session, json_string(name, ""), &data, &e) == 0) {
		char *type = xasprintf("image/%s", dot + 1), *text = seal_base64(str_text(&data), data.len);

		picture = json_obj("type", jv_string(type), "data_base64", jv_string(text), NULL);
		free(type);
		free(text);
	}
	str_free(&data);
	jv_free(name);
	return picture;
}

/* The answer of the solver that the consent names; invalid where it names none, or that has failed. */
static jv ask_solver(struct work *w, const struct question *q)
{
	struct err e = {0};
	jv name, answer = jv_invalid();

	if (strcmp(q->kind, "captcha") != 0 || work_consent(w, CONSENT_WATCH, &e) == CONSENT_NO)
		return answer;
	name = json_path(w->rules, "consent.solver");
	if (consent_solver(w->rules, json_string(name, ""))) {
		answer = solve(json_string(name, ""), q, kept_picture(w, q), w->stop_fd, &e);
		if (!json_ok(answer))
			warn("the solver %s gave no answer, so the person is asked: %s", json_string(name, ""), e.text);
	}
	jv_free(name);
	return answer;
}

static jv host_human(void *ctx, struct question *q, struct err *e)
{
	struct work *w = ctx;
	jv answer = q->person ? jv_invalid() : ask_solver(w, q);

	q->solved = json_ok(answer);
	if (q->solved)
		return answer;
	jv_free(answer);
	return ask_person(w, q, e);
}

static void keep_piece(struct work *w, const char *name, const void *data, size_t len)
{
	struct err e;

	if (evidence_put(w->session, name, data, len, &e))
		warn("%s", e.text);
	else
		w->evidence = json_push(w->evidence, jv_string(name));
}

/* What a browser showed, beside what it was made of: NAME with another ending. */
static void keep_picture(struct work *w, const char *name, jv page)
{
	jv picture = json_get(page, "picture");
	const char *type = json_str(picture, "type", ""), *base64 = json_str(picture, "data_base64", "");
	size_t len = 0;
	unsigned char *data = *base64 && str_starts(type, "image/") && name_valid(type + 6) ? seal_unbase64(base64, strlen(base64), &len) : NULL;
	if (data) {
		char *other = xasprintf("%.*s.%s", (int)(strrchr(name, '.') - name), name, type + 6);

		keep_piece(w, other, data, len);
		free(other);
	}
	free(data);
	jv_free(picture);
}

static void host_evidence(void *ctx, const char *label, jv page)
{
	struct work *w = ctx;
	char now[CLOCK_TEXT], *name;
	const char *body = json_str(page, "body", "");
	static unsigned count; /* two pages of one second keep their order */

	clock_format(clock_wall(), now);
	name = xasprintf("%.10s-%.2s%.2s%.2s-%s-%u-%s.%s", now, now + 11, now + 14, now + 17, prog, ++count, label,
			 strstr(json_str(page, "type", ""), "json") ? "json" : "html");
	keep_piece(w, name, body, strlen(body));
	keep_picture(w, name, page);
	free(name);
}

/* Once in a process: the same is there at each look. */
static void host_tell(void *ctx, const char *text)
{
	struct work *w = ctx;
	char reason[300];

	snprintf(reason, sizeof reason, "%.280s", text);
	if (json_has(w->told, reason) || json_len(w->told) >= TOLD_MAX)
		return;
	w->told = json_set(w->told, reason, jv_true());
	work_say(w, "runtime.alert", json_obj("severity", jv_string("info"), "reason", jv_string(reason), "hint", jv_string("look at the site"), NULL));
}

static int host_program(void *ctx, const char *program, struct err *e)
{
	struct work *w = ctx;

	if (consent_program(w->rules, program))
		return 0;
	return err_set(e, EX_NOPERM, "the owner's consent does not list the program '%s' (consent.programs)", program);
}

static int host_sleep(void *ctx, int64_t ms)
{
	return work_sleep(ctx, ms);
}

static void set_host(struct work *w)
{
	w->host = (struct flow_host){
		.ctx = w,
		.take = host_take,
		.spent = host_spent,
		.throttled = host_throttled,
		.commit = w->commit && !w->dry ? host_commit : NULL,
		.committed = w->committed ? host_committed : NULL,
		.booking = host_known,
		.otp_mark = host_otp_mark,
		.otp_wait = host_otp_wait,
		.human = host_human,
		.tell = host_tell,
		.evidence = keys_have(w->session, PART_EVIDENCE) ? host_evidence : NULL,
		.program = host_program,
		.sleep = host_sleep,
	};
}

/* ---- turns ---------------------------------------------------------------------------------------- */

/* What expressions of FLOW see of the session. */
static jv context_of(struct work *w, const char *flow, jv slot, jv booking)
{
	jv record = json_obj("profile", json_get(w->profile, "profile"), "party", json_get(w->profile, "party"), "site",
			     json_get(w->rules, "site"), "credentials", json_get(w->secrets, "credentials"), NULL);
	jv context = provider_context(w->provider, record, strcmp(flow, "login") == 0);

	jv_free(record);
	context = json_set(context, "slot", jv_copy(slot));
	return json_set(context, "booking", jv_copy(booking));
}

static bool wants_window(const struct work *w)
{
	return w->headed || json_bool(w->rules, "headed", false);
}

static jv settings(struct work *w, struct err *e)
{
	jv context = context_of(w, "check", jv_null(), jv_null());
	jv template = json_obj("base", json_get(w->provider->doc, "base"), "origins", json_get(w->provider->doc, "origins"), "headers",
			       json_get(w->provider->doc, "headers"), NULL);
	jv s = expr_expand(w->provider->exprs, template, context, e);

	jv_free(template);
	jv_free(context);
	if (json_ok(s) && *json_str(w->rules, "proxy", ""))
		s = json_set(s, "proxy", json_get(w->rules, "proxy"));
	if (json_ok(s) && wants_window(w))
		s = json_set(s, "headed", jv_true());
	return s;
}

static void set_turn(struct work *w)
{
	struct turn *t = &w->turn;

	t->session = w->session;
	t->priority = w->priority;
	t->given = w->page_given;
	t->stop_fd = w->stop_fd;
	t->settling = w->settling;
	t->provider = w->provider;
	t->memo = w->memo;
	t->settings = w->settings;
}

int work_begin(struct work *w, int64_t timeout, struct err *e)
{
	w->logged_in = false;
	set_turn(w);
	if (turn_begin(&w->turn, timeout, e))
		return -1;
	if (open_secrets(w, e) == 0)
		return 0;
	work_end(w);
	return -1;
}

void work_end(struct work *w)
{
	forget_secrets(w);
	driver_stop(&otp, 1000);
	turn_end(&w->turn);
	w->page = NULL;
}

/* ---- flows ---------------------------------------------------------------------------------------- */

int work_login(struct work *w, struct err *e)
{
	const unsigned parts = PART_BIT(PART_SECRETS) | PART_BIT(PART_PROFILE) | PART_BIT(PART_RULES) | PART_BIT(PART_STATE) |
			       PART_BIT(PART_EVIDENCE);
	struct page *page = turn_lend(&w->turn);
	struct fd_map fds[PART_COUNT + 3] = {{w->out, 1}};
	int n = 1, null, r;
	char *path, *keys, *trace;
	struct child c;
	bool late;

	if (!page)
		return err_set(e, EX_TEMPFAIL, "the page agent is gone");
	fds[n++] = (struct fd_map){page_fd(page), 3};
	path = program_path("ab-login");
	trace = xasprintf("AB_TRACE=%s", w->trace);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[n++] = (struct fd_map){null, 0};
	keys = keys_pass(w->session, parts, 4, fds, &n);
	r = launch(&c, (const char *const[]){path, "--page-fd", "3", w->session, w->headed ? "--headed" : NULL, NULL}, fds, n,
		   (const char *const[]){keys, trace, NULL}, false, e);
	close(null);
	free(keys);
	free(trace);
	free(path);
	if (r)
		return -1;
	flow_memo_clear(w->memo);
	late = !child_wait(&c, clock_mono() + LOGIN_TIMEOUT);
	if (late)
		child_end(&c, 2000);
	if (late || WIFSIGNALED(c.status)) /* maybe in the middle of a command */
		turn_lose(&w->turn);
	if (late)
		return err_set(e, EX_TEMPFAIL, "the login took longer than %d minutes", LOGIN_TIMEOUT / 60000);
	r = proc_exit_status(c.status);
	if (r == 0) {
		w->logged_in = true;
		return 0;
	}
	return r == EX_NOPERM ? err_set(e, EX_NOPERM, "the login was refused")
			      : err_set(e, EX_TEMPFAIL, "the login did not succeed (status %d)", r);
}

/* A log-in that did not succeed ends the flow with the class that the log-in ended in. */
static void take_login_class(struct work *w, const struct err *e, struct flow_result *r)
{
	char *path = path_state(w->session, LOGIN_FILE, NULL);
	jv history = path ? json_read(path, 65536, NULL) : jv_invalid(), last = json_get(history, "last");
	bool ours = strncmp(json_str(last, "trace", ""), w->trace, TRACE_ID_END) == 0;
	const char *class = ours ? json_str(last, "class", "") : "";

	snprintf(r->class, sizeof r->class, "%s", strcmp(class, "refused") == 0 ? class : e->status == EX_NOPERM ? "login_failed" : *class ? class : "expired");
	snprintf(r->reason, sizeof r->reason, "%.120s%s%.160s", e->text, *class ? ": " : "", *class ? json_str(last, "reason", "") : "");
	jv_free(last);
	jv_free(history);
	free(path);
}

/* True when flow NAME may run again: a log-in or fresh start was in order, and did its part. */
static bool second_try(struct work *w, const char *name, bool lost, struct flow_result *r)
{
	bool login = strcmp(name, "login") == 0;
	struct err e = {0};

	if (r->committed)
		return false;
	if (r->passed || (lost && turn_again(&w->turn)))
		return true;
	switch (flow_policy(w->provider, r->class)) {
	case ACTION_RELOGIN: /* of a log-in itself: a form that was too old, say */
		if (login || w->no_login)
			return login;
		if (work_login(w, &e) == 0)
			return true;
		take_login_class(w, &e, r);
		return false;
	case ACTION_RESTART:
		return true;
	default:
		return false;
	}
}

/* Nothing was asked. */
static void not_run(struct flow_result *r, const char *class, const char *why)
{
	*r = (struct flow_result){.slots = jv_array(), .booking = jv_null(), .var = jv_object(), .again_after = -1};
	snprintf(r->class, sizeof r->class, "%s", class);
	snprintf(r->reason, sizeof r->reason, "%.300s", why);
}

/* On the page that the flow wants. False when that died under it. */
static bool run_once(struct work *w, const char *name, jv context, struct flow_result *r)
{
	struct flow_run run = {w->provider, NULL, &w->host, context, w->memo};
	struct err e;

	if (turn_page(&w->turn, name, &e)) {
		not_run(r, "unreachable", e.text);
		return true;
	}
	run.page = w->page = w->turn.page;
	flow_run(&run, name, r);
	return turn_left(&w->turn);
}

void work_flow(struct work *w, const char *name, jv slot, jv booking, struct flow_result *r)
{
	jv context = context_of(w, name, slot, booking);
	struct err e;
	bool lost;

	if (provider_needs_met(w->provider, context, &e)) {
		not_run(r, "refused", e.text);
		jv_free(context);
		return;
	}
	lost = !run_once(w, name, context, r);
	if (!flow_ok(r) && second_try(w, name, lost, r)) {
		int requests = r->requests;

		flow_result_free(r);
		run_once(w, name, context, r);
		r->requests += requests;
	}
	w->page = w->turn.page; /* it may be another one now, or none */
	jv_free(context);
}

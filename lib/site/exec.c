#include "site/exec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wire/driver.h"

#define FLOW_TIMEOUT 900000
#define PROGRAMS_MAX 8
#define REQUESTS_MAX 100 /* that may be asked for at once */

static struct kept {
	char *path;
	struct driver driver;
	jv state;
} kept[PROGRAMS_MAX];

struct exec {
	const struct flow_run *run;
	struct flow_result *result;
	const char *name;
	jv mark;
};

static void ended(struct exec *x, const char *class, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void ended(struct exec *x, const char *class, const char *fmt, ...)
{
	char why[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	snprintf(x->result->class, sizeof x->result->class, "%s", class);
	snprintf(x->result->reason, sizeof x->result->reason, "%s: program: %s", x->name, why);
}

static struct kept *find(const char *path, struct err *e)
{
	struct kept *free_place = NULL;

	for (struct kept *k = kept; k < kept + PROGRAMS_MAX; k++) {
		if (k->path && strcmp(k->path, path) == 0)
			return k;
		if (!k->path && !free_place)
			free_place = k;
	}
	if (!free_place) {
		err_set(e, EX_CONFIG, "more than %d programs in one provider", PROGRAMS_MAX);
		return NULL;
	}
	/* it gets no descriptor of ours, and no word of where they are */
	if (driver_start_program(&free_place->driver, path, NULL, NULL, 0, (const char *const[]){"AB_KEYS", NULL}, e))
		return NULL;
	free_place->path = xstrdup(path);
	free_place->state = jv_null();
	return free_place;
}

static void forget(struct kept *k)
{
	driver_stop(&k->driver, 1000);
	free(k->path);
	jv_free(k->state);
	*k = (struct kept){.state = jv_null()};
}

void exec_end_all(void)
{
	for (struct kept *k = kept; k < kept + PROGRAMS_MAX; k++)
		if (k->path)
			forget(k);
}

static jv denied(const char *why)
{
	return json_obj("granted", jv_false(), "why", jv_string(why), NULL);
}

static jv granted(const char *key, jv value)
{
	jv v = json_obj("granted", jv_true(), NULL);

	return key ? json_set(v, key, value) : v;
}

static jv grant_requests(struct exec *x, jv need)
{
	const struct flow_host *host = x->run->host;
	int n = (int)json_int(need, "requests", 1);
	struct err e;

	if (n < 1 || n > REQUESTS_MAX)
		return denied("requests: 1 to 100 at once");
	for (int i = 0; i < n; i++)
		if (host->take && host->take(host->ctx, false, 0, &e) < 0)
			return denied(e.text);
	x->result->requests += n;
	return granted(NULL, jv_null());
}

/* The commit is counted as sent from the moment it is granted: what the program does with it can't be seen. */
static jv grant_commit(struct exec *x, jv need)
{
	const struct flow_host *host = x->run->host;
	jv shown = json_get(need, "identity"), slot = json_get(x->run->context, "slot");
	bool same = strcmp(x->name, "book") != 0;
	char why[200] = "";
	struct err e;

	if (!same)
		same = identity_match(shown, slot, why, sizeof why);
	jv_free(shown);
	jv_free(slot);
	if (!same)
		return denied(why);
	if (!host->commit)
		return denied("a dry run");
	if (x->result->committed)
		return denied("a second commit in one run");
	if (host->commit(host->ctx, &e))
		return denied(e.text);
	x->result->committed = true;
	if (host->committed)
		host->committed(host->ctx, "maybe");
	return granted(NULL, jv_null());
}

static jv grant_mark(struct exec *x)
{
	struct err e = {0};
	jv mark = x->run->host->otp_mark ? x->run->host->otp_mark(x->run->host->ctx, &e) : jv_invalid();

	if (!json_ok(mark))
		return denied(e.status ? e.text : "codes can't be fetched here");
	jv_free(x->mark);
	x->mark = mark;
	return granted(NULL, jv_null());
}

static jv grant_otp(struct exec *x, jv need)
{
	struct err e;
	jv code;

	if (json_is(x->mark, JV_KIND_NULL))
		return denied("ask for the mark before the step that triggers the mail");
	code = x->run->host->otp_wait(x->run->host->ctx, x->mark, need, json_int(need, "timeout_ms", 120000), &e);
	return json_ok(code) ? granted("code", code) : denied(e.text);
}

static jv grant_human(struct exec *x, jv need)
{
	struct question q = {.kind = json_str(need, "kind", "confirm"), .text = json_str(need, "question", ""),
			     .timeout = json_int(need, "timeout_ms", HUMAN_TIMEOUT), .url = ""};
	struct err e = {0};
	jv answer = jv_invalid();

	if (x->run->host->human)
		answer = x->run->host->human(x->run->host->ctx, &q, &e);
	return json_ok(answer) ? granted("answer", answer) : denied(e.status ? e.text : "nobody can be asked here");
}

static jv grant(struct exec *x, jv need)
{
	const char *what = json_str(need, "need", "");

	if (strcmp(what, "request") == 0)
		return grant_requests(x, need);
	if (strcmp(what, "commit") == 0)
		return grant_commit(x, need);
	if (strcmp(what, "mark") == 0)
		return grant_mark(x);
	if (strcmp(what, "otp") == 0)
		return grant_otp(x, need);
	if (strcmp(what, "human") == 0)
		return grant_human(x, need);
	return denied("no such need");
}

static void take_answer(struct exec *x, struct kept *k, jv answer)
{
	const char *verdict = json_str(answer, "verdict", "changed");
	jv slots = json_get(answer, "slots"), booking = json_get(answer, "booking");

	if (strcmp(verdict, "available") == 0 || strcmp(verdict, "none") == 0)
		verdict = "ok";
	if (strcmp(verdict, "ok") != 0)
		ended(x, verdict, "%s", json_str(answer, "reason", "no reason given"));
	if (json_is(slots, JV_KIND_ARRAY))
		x->result->slots = jv_array_concat(x->result->slots, jv_copy(slots));
	else if (strcmp(x->name, "check") == 0 && strcmp(verdict, "ok") == 0)
		ended(x, "changed", "a check's answer has no slots"); /* an empty list proves none, no list proves nothing */
	if (json_is(booking, JV_KIND_OBJECT)) {
		jv_free(x->result->booking);
		x->result->booking = jv_copy(booking);
		if (x->run->host->booking)
			x->run->host->booking(x->run->host->ctx, booking);
	}
	jv_free(slots);
	jv_free(booking);
	jv_free(k->state);
	k->state = json_get(answer, "state");
}

void exec_run(const struct flow_run *run, const char *name, const char *program, struct flow_result *result)
{
	struct exec x = {run, result, name, jv_null()};
	struct err e = {0};
	char *path = *program == '/' ? xstrdup(program) : xasprintf("%s/%s", run->provider->dir, program);
	int64_t deadline = clock_mono() + FLOW_TIMEOUT;
	struct kept *k = NULL;
	jv line;

	if (run->host->program && run->host->program(run->host->ctx, program, &e)) {
		ended(&x, "refused", "%s", e.text);
		goto out;
	}
	k = find(path, &e);
	if (!k || driver_send(&k->driver, json_set(json_set_str(jv_copy(run->context), "flow", name), "state", jv_copy(k->state)), &e)) {
		ended(&x, "unreachable", "%s", e.text);
		goto out;
	}
	for (;;) {
		line = driver_recv(&k->driver, deadline, &e);
		if (!json_ok(line)) {
			ended(&x, "unreachable", "%s", e.text);
			forget(k);
			break;
		}
		if (!json_has(line, "need")) {
			take_answer(&x, k, line);
			jv_free(line);
			break;
		}
		int failed = driver_send(&k->driver, grant(&x, line), &e);

		jv_free(line);
		if (failed) {
			ended(&x, "unreachable", "%s", e.text);
			forget(k);
			break;
		}
	}
out:
	jv_free(x.mark);
	free(path);
}

/* ab-inbox-totp: codes as an authenticator app makes them, from a secret and the time (RFC 6238).
 *
 * A code lives for one time step, and a site takes it once (s.5.2). So each step has an id, which ab-otp claims as it does a
 * mail's, and what is claimed comes back in `skip`: then, and when a step is nearly over, the next one is waited for. */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "ext/totp.h"
#include "mail/inbox.h"

#define SKEW 5000 /* ms that a code must still live for */

static struct totp totp; /* len 0: none */
static int64_t skew;

static int64_t step_ms(void)
{
	return totp.period * 1000;
}

static int totp_open(jv settings, struct err *e)
{
	const char *given = json_str(settings, "skew", "");

	totp_wipe(&totp);
	if (strcmp(json_str(settings, "url", ""), "totp:") != 0)
		return err_set(e, EX_CONFIG, "the url is 'totp:' and no more; the secret goes into the inbox's field secret");
	if (!*json_str(settings, "secret", ""))
		return err_set(e, EX_CONFIG, "the inbox has no secret: the otpauth:// address, or the letters, that the site showed");
	if (totp_parse(&totp, json_str(settings, "secret", ""), e))
		return -1;
	skew = SKEW < step_ms() / 2 ? SKEW : step_ms() / 2;
	if (*given && (duration_parse(given, &skew) || skew >= step_ms())) {
		err_set(e, EX_CONFIG, "skew '%s' is no duration shorter than the code's life, %llds", given, (long long)totp.period);
		totp_wipe(&totp);
		return -1;
	}
	return 0;
}

static int opened(const char *verb, struct err *e)
{
	return totp.len ? 0 : err_set(e, EX_CONFIG, "%s: open the inbox first", verb);
}

/* Nothing comes, so nothing old needs to be told apart. */
static jv totp_mark(struct err *e)
{
	char now[CLOCK_TEXT];

	return opened("mark", e) ? jv_invalid() : jv_string(clock_format(clock_wall(), now));
}

static bool skipped(jv rules, const char *name)
{
	jv skip = json_get(rules, "skip");
	bool found = false;

	for (struct json_iter it = json_iter(skip); json_next(&it);)
		found = found || strcmp(json_string(it.value, ""), name) == 0;
	jv_free(skip);
	return found;
}

/* How long the step of NOW (wall) still lasts. */
static int64_t left_of(int64_t now)
{
	return step_ms() - now % step_ms();
}

/* 1 and *answer; 0: this step has no code for us; -1. */
static int code_at(int64_t now, jv rules, jv *answer, struct err *e)
{
	char code[TOTP_CODE], name[TOTP_NAME];
	int64_t step = now / step_ms();

	if (left_of(now) < skew)
		return 0;
	if (totp_step_name(&totp, step, name, e))
		return -1;
	if (skipped(rules, name))
		return 0;
	if (totp_code(&totp, step, code, e))
		return -1;
	*answer = json_obj("ok", jv_true(), "code", jv_string(code), "mail", json_obj("id", jv_string(name), NULL), NULL);
	explicit_bzero(code, sizeof code);
	return 1;
}

static jv wait_for(jv rules, int64_t deadline, struct line_in *in, struct err *e)
{
	struct pollfd p = {in->fd, POLLIN, 0};
	jv answer = jv_invalid();

	for (;;) {
		int64_t now = clock_wall(), left = left_of(now);

		if (code_at(now, rules, &answer, e))
			return answer;
		/* said at once, so that the next inbox has its turn */
		if (clock_mono() + left > deadline) {
			err_set(e, EX_TEMPFAIL, "the next code comes in %llds, too late", (long long)(left + 999) / 1000);
			return answer;
		}
		/* at most a second at a time: somebody may set the clock */
		proc_poll(&p, 1, line_ready(in) ? 0 : clock_mono() + (left < 1000 ? left : 1000));
		if (inbox_interrupted(in)) {
			err_set(e, INBOX_CANCELLED, "the wait was cancelled");
			return answer;
		}
	}
}

static jv totp_wait(jv mark, jv rules, int64_t deadline, struct line_in *in, struct err *e)
{
	(void)mark;
	return opened("wait", e) ? jv_invalid() : wait_for(rules, deadline, in, e);
}

static jv totp_test(jv request, struct err *e)
{
	char code[TOTP_CODE], now[CLOCK_TEXT];
	int64_t wall = clock_wall();

	if (opened("test", e) || totp_code(&totp, wall / step_ms(), code, e))
		return jv_invalid();
	inbox_step("the secret gives codes of %d digits every %llds (%s)", totp.digits, (long long)totp.period, totp_hash_name(totp.hash));
	inbox_step("this machine's clock says %s; codes are wrong where it is", clock_format(wall, now));
	if (json_bool(request, "reveal", false))
		inbox_step("the code is now %s, for %llds", code, (long long)left_of(wall) / 1000);
	explicit_bzero(code, sizeof code);
	return json_obj("ok", jv_true(), NULL);
}

static void forget(void)
{
	totp_wipe(&totp);
}

int main(int argc, char **argv)
{
	static const struct inbox_ops ops = {totp_open, totp_mark, totp_wait, forget, totp_test};
	static const struct opt_spec spec = {
		.program = "ab-inbox-totp", .synopsis = "", .about = "Inbox driver: codes made from a secret and the time (ab-otp(1)).",
	};
	struct err e;

	sandbox_private();
	opt_parse(argc, argv, &spec);
	if (sandbox_no_network(&e))
		die_err(&e);
	return inbox_serve(&ops) ? EX_IOERR : 0;
}

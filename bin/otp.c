/* ab-otp: the one-time code that was asked for after the mark, out of the person's inboxes.
 *
 * Each inbox is a driver of its own (ab-inbox-SCHEME). All are marked together. A wait begins with those that have no
 * `after`; the others join when their time has come, or when nobody else is left (the person, human:, is asked last). The first
 * good code wins and the other waits are cancelled. A code is handed out once: its mail is entered, hashed, in a file that
 * every session shares. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "bin/otp.h"
#include "ext/yaml.h"
#include "store/consent.h"
#include "store/keys.h"
#include "store/session.h"
#include "store/vault.h"

#define FILE_MAX (64u << 10)
#define WATCH_ROUND 3600000 /* ms of one wait of many */
#define WATCH_PAUSE 5000    /* … after all inboxes have failed */

static bool watching, testing, reveal;
static const char *from, *to, *subject, *pattern, *timeout, *settle;
static const char *session, *file, *urls[BOXES_MAX];
static int nurls;

/* Setting up */

/* Nobody wants to be asked for every code, for ever. */
static void add(jv settings)
{
	if (watching && str_starts(json_str(settings, "url", ""), "human:"))
		jv_free(settings);
	else
		box_add(settings);
}

/* Arguments can be read by every user of the machine. */
static void note_url(const char *url)
{
	if (nurls == BOXES_MAX)
		opt_usage("more than %d inboxes", BOXES_MAX);
	if (str_starts(url, "otpauth:") || (str_starts(url, "totp:") && url[5]))
		opt_usage("--url: a secret is no argument; put it into an inbox's field secret");
	urls[nurls++] = url;
}

/* What an inbox has run, by its address or for its token, is the owner's to allow. */
static void check_program(const char *setting, jv rules)
{
	struct err e;

	if (consent_setting(rules, session, setting, &e))
		die_err(&e);
}

static void add_session_box(jv settings, jv rules)
{
	check_program(json_str(settings, "url", ""), rules);
	check_program(json_str(settings, "token", ""), rules);
	add(json_set_str(jv_copy(settings), "session", session));
}

static jv part(enum part which)
{
	struct err e;
	jv v = part_read(session, which, &e);

	if (!json_ok(v))
		die_err(&e);
	return v;
}

static void load_session(void)
{
	jv rules = part(PART_RULES), secrets = part(PART_SECRETS), inbox = json_get(secrets, "inbox");
	jv username = json_path(secrets, "credentials.username");
	struct err e;

	if (consent_check(rules, CONSENT_WATCH, clock_wall(), &e) == CONSENT_NO)
		die_err(&e);
	if (json_is(inbox, JV_KIND_OBJECT))
		add_session_box(inbox, rules);
	else
		for (struct json_iter it = json_iter(inbox); json_next(&it);)
			add_session_box(it.value, rules);
	if (!nboxes)
		die(EX_CONFIG, "%s has no inbox; add one with ab-vault edit %s", session, session);
	if (strchr(json_string(username, ""), '@'))
		account = xstrdup(json_string(username, ""));
	jv_free(username);
	jv_free(inbox);
	jv_free(secrets);
	jv_free(rules);
}

/* The inbox of a session that is not in a vault: FILE holds what would stand below `inbox:`, so that no secret is an argument. */
static void add_file(void)
{
	bool piped = strcmp(file, "-") == 0;
	struct yaml y = {.value = jv_invalid()};
	struct str text = {0};
	struct err e;
	jv whole, inbox;

	if ((piped ? fs_read_fd(STDIN_FILENO, "standard input", FILE_MAX, &text, &e) : fs_read(file, FILE_MAX, &text, &e)) ||
	    yaml_parse(&y, str_text(&text), text.len, piped ? "standard input" : file, &e))
		die_err(&e);
	explicit_bzero(text.s, text.len);
	str_free(&text);
	whole = session_check(json_obj("provider", jv_string("none"), "timezone", jv_string("UTC"), "inbox", jv_copy(y.value), NULL), NULL, NULL, &e);
	if (!json_ok(whole)) {
		err_wrap(&e, "%s", piped ? "standard input" : file);
		die_err(&e);
	}
	inbox = json_get(whole, "inbox");
	if (json_is(inbox, JV_KIND_OBJECT))
		add(jv_copy(inbox));
	else
		for (struct json_iter it = json_iter(inbox); json_next(&it);)
			add(jv_copy(it.value));
	jv_free(inbox);
	jv_free(whole);
	yaml_done(&y);
}

static jv rules_by_hand(void)
{
	const char *const pairs[][2] = {{"from", from}, {"to", to}, {"subject", subject}, {"pattern", pattern}, {"settle", settle}};
	jv rules = jv_object();

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i][1])
			rules = json_set_str(rules, pairs[i][0], pairs[i][1]);
	return rules;
}

static int64_t time_by_hand(const char *standard)
{
	int64_t ms;

	if (duration_parse(timeout ? timeout : standard, &ms))
		opt_usage("'%s' is no duration (90s, 2m)", timeout);
	return ms;
}

static jv mark_by_hand(void)
{
	struct err e = {0};
	jv mark = otp_mark(&e);

	if (!json_ok(mark))
		die_err(&e);
	return mark;
}

static void print_code(jv answer)
{
	if (printf("%s\n", json_str(answer, "code", "")) < 0 || fflush(stdout))
		die(EX_IOERR, "write standard output:");
	jv_free(answer);
}

/* By hand: one mark, one code. */
static int one_code(void)
{
	int64_t ms = time_by_hand("2m");
	jv rules = rules_by_hand(), mark = mark_by_hand(), answer;
	struct err e = {0};

	warn("ready: waiting up to %s for a code that is sent from now on", timeout ? timeout : "2m");
	answer = otp_wait(mark, rules, clock_mono() + ms, NULL, &e);
	if (!json_ok(answer))
		die_err(&e);
	print_code(answer);
	jv_free(mark);
	jv_free(rules);
	return 0;
}

/* Every code that is sent from now on. One mark serves for many: what was printed is skipped, so nothing falls between. */
static int all_codes(void)
{
	int64_t end = timeout ? clock_mono() + time_by_hand("0s") : -1, left = WATCH_ROUND;
	jv rules = rules_by_hand(), mark = mark_by_hand();
	int codes = 0;

	warn("ready: printing the codes that are sent from now on");
	for (; end < 0 || (left = end - clock_mono()) > 0;) {
		struct err e = {0};
		jv answer = otp_wait(mark, rules, clock_mono() + (left < WATCH_ROUND ? left : WATCH_ROUND), NULL, &e);

		if (json_ok(answer)) {
			print_code(answer);
			if (++codes % (SKIP_MAX / 2) == 0) {
				jv_free(mark);
				mark = mark_by_hand();
			}
			continue;
		}
		if (e.status == EX_CONFIG || e.status == EX_NOPERM)
			die_err(&e);
		if (e.status != EX_TEMPFAIL)
			proc_poll(NULL, 0, clock_mono() + WATCH_PAUSE);
	}
	jv_free(mark);
	jv_free(rules);
	return codes ? 0 : EX_TEMPFAIL;
}

static int try_out(void)
{
	jv rules = rules_by_hand();
	int status = otp_test(rules, reveal);

	jv_free(rules);
	return status;
}

int main(int argc, char **argv)
{
	static const struct opt opts[] = {
		{'u', "url", "URL", "an inbox, in place of a session's; can be repeated", NULL, NULL, note_url},
		{'i', "inbox", "FILE", "a session's 'inbox:' out of a file (-: standard input), in place of a session", &file, NULL, NULL},
		{'f', "from", "GLOB", "only mail from this address", &from, NULL, NULL},
		{0, "to", "ADDRESS", "only mail to this address", &to, NULL, NULL},
		{'s', "subject", "GLOB", "only mail with this subject", &subject, NULL, NULL},
		{'p', "pattern", "REGEX", "what the code looks like: a POSIX extended expression", &pattern, NULL, NULL},
		{'t', "timeout", "TIME", "how long to wait (2m; --watch: for ever)", &timeout, NULL, NULL},
		{0, "settle", "TIME", "how long a later mail still wins (500ms)", &settle, NULL, NULL},
		{'c', "coprocess", NULL, "serve mark and wait requests on stdin, for a program", NULL, &coprocess, NULL},
		{0, "events", NULL, "with --coprocess: write {\"event\": …} lines before answers", NULL, &say_events, NULL},
		{'w', "watch", NULL, "print every code that is sent from now on, one a line", NULL, &watching, NULL},
		{0, "test", NULL, "try the inboxes out, and tell what the last mail was that fits", NULL, &testing, NULL},
		{0, "reveal", NULL, "with --test: show its code, too", NULL, &reveal, NULL},
		{0},
	};
	static const struct opt_spec spec = {
		.program = "ab-otp", .synopsis = "[options] SESSION | --url URL | --inbox FILE", .opts = opts,
		.about = "Waits for the one-time code that is sent from now on, and prints it.", .max = 1,
	};
	static const struct inbox_ops ops = {.mark = otp_mark, .wait = otp_wait};
	struct err e;
	int i, r;

	sandbox_private();
	i = opt_parse(argc, argv, &spec);
	session = argv[i];
	if (!session == !(nurls || file))
		opt_usage("name a session, or an inbox with --url or --inbox");
	if (coprocess + watching + testing > 1 || (reveal && !testing) || (coprocess && file && strcmp(file, "-") == 0))
		opt_usage("--coprocess, --watch and --test are three things; --reveal goes with --test, and --coprocess with no pipe to --inbox");
	if (session && keys_need(argv, session, PART_BIT(PART_SECRETS) | PART_BIT(PART_RULES) | PART_BIT(PART_EVIDENCE), &e))
		die_err(&e);
	if (launch_init(&e) || sandbox_no_network(&e))
		die_err(&e);
	if (session)
		load_session();
	for (int n = 0; n < nurls; n++)
		add(json_obj("url", jv_string(urls[n]), NULL));
	if (file)
		add_file();
	if (!nboxes)
		die(EX_CONFIG, watching ? "no inbox to watch: a person is not asked for every code" : "no inbox is set up");
	keys_keep(PART_BIT(PART_EVIDENCE)); /* for a code that is a picture */
	r = coprocess ? (inbox_serve(&ops) ? EX_IOERR : 0) : watching ? all_codes() : testing ? try_out() : one_code();
	boxes_stop();
	return r;
}

/* ab-page: commands for a page, typed or piped as lines; one page of our own, or a session's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "store/consent.h"
#include "store/vault.h"
#include "wire/pagelink.h"

#define DEADLINE 30000

static const char *base, *replay, *session;
static bool headed;
static jv origins;

static void add_origin(const char *arg)
{
	origins = json_push(origins, jv_string(arg));
}

static const struct opt opts[] = {
	{'b', "base", "URL", "what relative addresses are relative to; its origin is allowed", &base, NULL, NULL},
	{'o', "origin", "URL", "allow this origin (and only those given); repeats", NULL, NULL, add_origin},
	{0, "headed", NULL, "a browser shows its window on this display", NULL, &headed, NULL},
	{0, "replay", "FILE", "answer from FILE's saved pages; no network", &replay, NULL, NULL},
	{'s', "session", "NAME", "command NAME's page, which is running, in a turn of ours", &session, NULL, NULL},
	{0},
};

static const struct opt_spec spec = {
	.program = "ab-page",
	.synopsis = "[-b URL] [-o URL]… [--headed | --replay FILE] TRANSPORT | -s NAME",
	.about = "Commands a page by hand: JSON lines on stdin, answers on stdout.",
	.opts = opts,
	.max = 1,
};

/* What is done on a session's page its owner must have allowed; asked anew for each command. */
static bool allowed(struct err *e)
{
	jv rules = session ? part_read(session, PART_RULES, e) : jv_null();
	bool yes = json_ok(rules) && (!session || consent_check(rules, CONSENT_WATCH, clock_wall(), e) != CONSENT_NO);

	jv_free(rules);
	return yes;
}

static struct page *open_page(char **argv, struct err *e)
{
	const char *args[] = {"--replay", replay, NULL};

	if (session)
		return page_join(session, e);
	if (!*argv)
		opt_usage("name a transport, such as http, or a --session");
	return page_private(*argv, replay ? args : NULL, e);
}

/* The turn, and for a page of our own its settings; a session's keeps those that it has. */
static jv begin(void)
{
	jv c = json_obj("do", jv_string("begin"), "program", jv_string("ab-page"), "priority", jv_number(0), NULL), settings;

	if (session)
		return json_set_str(c, "session", session);
	settings = json_len(origins) ? json_obj("origins", jv_copy(origins), NULL) : jv_object();
	if (headed)
		settings = json_set(settings, "headed", jv_true());
	return json_set(c, "settings", base ? json_set_str(settings, "base", base) : settings);
}

static void say(jv answer, jv id)
{
	char *text;

	answer = json_set(answer, "id", jv_copy(id));
	text = json_text(answer);
	if (line_put(STDOUT_FILENO, text, strlen(text)))
		die(EX_IOERR, "write standard output:");
	free(text);
	jv_free(answer);
}

/* Passes one line on; false when the page said no. */
static bool relay(struct page *p, const char *text, size_t len, unsigned long number)
{
	struct err e;
	jv command = json_parse(text, len, &e), id, answer;
	int64_t timeout = json_int(command, "deadline_ms", DEADLINE);
	bool ok;

	if (!json_is(command, JV_KIND_OBJECT)) {
		warn("line %lu: %s", number, json_ok(command) ? "not an object" : e.text);
		jv_free(command);
		return false;
	}
	id = json_get(command, "id");
	answer = page_call(p, command, timeout, &e);
	if (!json_ok(answer))
		die_err(&e);
	ok = json_bool(answer, "ok", false);
	say(answer, id);
	jv_free(id);
	return ok;
}

static int relay_all(struct page *p)
{
	struct line_in in;
	enum line_got got;
	char *text;
	size_t len;
	struct err e;
	int status = 0;

	line_init(&in, STDIN_FILENO, LINE_PAGE_MAX);
	while ((got = line_next(&in, &text, &len, -1)) == LINE_OK || got == LINE_LONG) {
		if (!allowed(&e)) {
			warn("%s", e.text);
			status = e.status;
			break;
		}
		if (got == LINE_LONG)
			warn("line %lu: longer than 8 MiB", in.number);
		if (got == LINE_LONG || (len && !relay(p, text, len, in.number)))
			status = EX_NO;
	}
	line_free(&in);
	if (got == LINE_ERROR)
		die(EX_IOERR, "read standard input:");
	return status;
}

/* Begins or ends our turn; dies when the page refuses. */
static void turn(struct page *p, jv command_taken)
{
	struct err e;
	jv answer = page_call(p, command_taken, DEADLINE, &e), error;

	if (!json_ok(answer))
		die_err(&e);
	if (!json_bool(answer, "ok", false)) {
		error = json_get(answer, "error");
		die(strcmp(json_str(error, "code", ""), "busy") == 0 ? EX_TEMPFAIL : EX_USAGE, "%s", json_str(error, "message", "?"));
	}
	jv_free(answer);
}

int main(int argc, char **argv)
{
	struct page *p;
	struct err e;
	char **args = argv;
	int status;

	sandbox_private(); /* cookies pass through */
	origins = jv_array();
	argv += opt_parse(argc, argv, &spec);
	if (session && (*argv || base || replay || json_len(origins) || headed))
		opt_usage("--session has its own transport, base and origins");
	p = open_page(argv, &e);
	if (!p || (session && (keys_need(args, session, PART_BIT(PART_RULES), &e) || !allowed(&e))))
		die_err(&e);
	turn(p, begin());
	status = relay_all(p);
	turn(p, json_obj("do", jv_string("end"), NULL));
	page_close(p);
	jv_free(origins);
	return status;
}

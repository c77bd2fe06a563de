/* ab-run: runs a pipeline per session; given a verb (start, stop …) it tells the coordinator that does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "run/control.h"
#include "run/coordinator.h"
#include "run/table.h"
#include "store/keys.h"

#define PARTS_ALL ((1u << PART_COUNT) - 1)

static const char *pipeline = "monitor-and-book", *grace = "1m", *first_wait = "1s", *silence = "1m";
static bool print, stay, json, all;

static const struct opt options[] = {
	{'p', "pipeline", "NAME", "monitor-and-book (the default) or watch-only", &pipeline, NULL, NULL},
	{0, "print", NULL, "write the same pipeline as a shell script, and end", NULL, &print, NULL},
	{0, "stay", NULL, "go on when every session is over, for 'ab-run start'", NULL, &stay, NULL},
	{0, "grace", "TIME", "what an orderly stop may take (1m)", &grace, NULL, NULL},
	{0, "restart", "TIME", "the wait before a first restart, doubled each time (1s)", &first_wait, NULL, NULL},
	{0, "silence", "TIME", "after three intervals, until ab-poll counts as silent (1m)", &silence, NULL, NULL},
	{'j', "json", NULL, "status: as JSON", NULL, &json, NULL},
	{'a', "all", NULL, "stop: every session, and the coordinator", NULL, &all, NULL},
	{0},
};
static const struct opt_spec spec = {
	"ab-run",
	"[OPTION…] SESSION…\n"
	"       ab-run start [--pipeline NAME] SESSION…\n"
	"       ab-run stop SESSION… | stop --all | pause SESSION… | resume SESSION…\n"
	"       ab-run status [--json] [SESSION] | list",
	"Runs a pipeline per session; given a verb, tells the coordinator that does.", options, 0, -1, false};

static void write_text(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout))
		die(EX_IOERR, "write standard output:");
}

static jv request(const char *verb, const char *session)
{
	jv r = json_obj("do", jv_string(verb), NULL);

	return session ? json_set_str(r, "session", session) : r;
}

/* The answer; a refusal ends the program. */
static jv ask(jv req, const int *fds, int nfds)
{
	struct err e;
	jv answer = control_call(req, fds, nfds, &e);

	if (!json_ok(answer))
		die_err(&e);
	return answer;
}

/* EX_NO where something needs a look. */
static int show_status(const char *session)
{
	static const char *const ill[] = {"silent", "waiting", "failed", "halted"};
	int status = 0;

	jv answer = ask(request("status", session), NULL, 0), sessions = json_get(answer, "sessions");
	char *text = json ? json_text(sessions) : table_text(sessions, clock_wall());

	write_text(text);
	if (json)
		write_text("\n");
	for (struct json_iter it = json_iter(sessions); json_next(&it);)
		for (size_t i = 0; i < sizeof ill / sizeof *ill; i++)
			if (strcmp(json_str(it.value, "state", ""), ill[i]) == 0)
				status = EX_NO;
	free(text);
	jv_free(sessions);
	jv_free(answer);
	return status;
}

static void show_list(void)
{
	jv answer = ask(request("list", NULL), NULL, 0), sessions = json_get(answer, "sessions");

	for (struct json_iter it = json_iter(sessions); json_next(&it);) {
		write_text(json_str(it.value, "session", ""));
		write_text("\n");
	}
	jv_free(sessions);
	jv_free(answer);
}

static void start_one(const char *session)
{
	jv req = request("start", session), parts = jv_array();
	int fds[PART_COUNT], n = 0;

	for (enum part p = 0; p < PART_COUNT; p++) {
		struct fd_map map;
		int one = 0;

		free(keys_pass(session, PART_BIT(p), 0, &map, &one));
		if (!one)
			continue;
		fds[n++] = map.from;
		parts = json_push(parts, jv_string(part_name(p)));
	}
	req = json_set_str(json_set(req, "parts", parts), "pipeline", pipeline);
	jv_free(ask(req, fds, n));
}

/* The keys are asked for here, and handed over: the coordinator can't ask. */
static void start_all(char **argv, char **sessions, int n)
{
	struct err e;

	jv_free(ask(request("list", NULL), NULL, 0)); /* before a passphrase is asked for in vain */
	if (keys_need_all(argv, (const char *const *)sessions, n, PARTS_ALL, &e))
		die_err(&e);
	for (int i = 0; i < n; i++)
		start_one(sessions[i]);
}

static bool is_verb(const char *word)
{
	static const char *const verbs[] = {"start", "stop", "pause", "resume", "status", "list"};

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(word, verbs[i]) == 0)
			return true;
	return false;
}

static int tell(char **argv, const char *verb, char **sessions, int n)
{
	bool status = strcmp(verb, "status") == 0, list = strcmp(verb, "list") == 0, stop = strcmp(verb, "stop") == 0;

	if (status ? n > 1 : list ? n > 0 : stop && all ? n > 0 : n < 1)
		opt_usage("%s: %s", verb, status || list || all ? "too many operands" : "which session?");
	if (status)
		return show_status(n ? sessions[0] : NULL);
	if (list)
		show_list();
	else if (strcmp(verb, "start") == 0)
		start_all(argv, sessions, n);
	else if (stop && all)
		jv_free(ask(request("stop", NULL), NULL, 0));
	else
		for (int i = 0; i < n; i++)
			jv_free(ask(request(verb, sessions[i]), NULL, 0));
	return 0;
}

static int64_t duration(const char *name, const char *text)
{
	int64_t ms;

	if (duration_parse(text, &ms) || ms == 0)
		opt_usage("--%s: '%s' is no duration: write 90s, 10m, 1h30m", name, text);
	return ms;
}

static int coordinate(char **argv, const struct pipeline *of, char **sessions, int n)
{
	struct coordinator_options o = {
		.times = {duration("restart", first_wait), duration("grace", grace), duration("silence", silence)},
		.pipeline = of, .stay = stay};
	struct err e;
	int status;

	if (keys_need_all(argv, (const char *const *)sessions, n, PARTS_ALL, &e))
		die_err(&e);
	status = coordinator_run(&o, (const char *const *)sessions, n, &e);
	if (status < 0)
		die_err(&e);
	return status;
}

int main(int argc, char **argv)
{
	const struct pipeline *of;
	char **args, *script;
	int n;

	sandbox_private();
	umask(077);
	args = argv + opt_parse(argc, argv, &spec);
	n = argc - (int)(args - argv);
	of = pipeline_find(pipeline);
	if (!of)
		opt_usage("no pipeline is called '%s'", pipeline);
	if (!n && (print || !stay))
		opt_usage("which session?");
	if (n && is_verb(args[0]))
		return tell(argv, args[0], args + 1, n - 1);
	if (!print)
		return coordinate(argv, of, args, n);
	script = pipeline_script(of, args[0]);
	write_text(script);
	free(script);
	return 0;
}

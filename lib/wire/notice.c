#include "wire/notice.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "wire/line.h"

static bool final(int status)
{
	return status == EX_USAGE || status == EX_DATAERR || status == EX_NOPERM || status == EX_CONFIG;
}

static jv failure(const struct err *e, int64_t later)
{
	bool retry = !final(e->status);
	jv v = json_obj("ok", jv_false(), "error", json_obj("code", jv_string(retry ? "failed" : "refused"), "message", jv_string(e->text), NULL),
			"retry", jv_bool(retry), NULL);

	return retry && later > 0 ? json_set(v, "retry_ms", jv_number((double)later)) : v;
}

static jv answer_to(jv request, int (*send)(struct notice *n, struct err *e))
{
	struct notice n = {.id = json_str(request, "id", ""), .url = json_str(request, "url", ""), .title = json_str(request, "title", ""),
			   .text = json_str(request, "text", ""), .calendar = json_str(request, "calendar", NULL), .event = json_get(request, "event"),
			   .settings = json_get(request, "settings"), .request = request};
	struct err e = {0};
	bool failed;

	if (strcmp(json_str(request, "do", ""), "send") != 0 || !*n.id)
		failed = err_set(&e, EX_USAGE, "the only command is send, with an id");
	else
		failed = send(&n, &e);
	jv_free(n.event);
	jv_free(n.settings);
	return failed ? failure(&e, n.later) : json_obj("ok", jv_true(), NULL);
}

int64_t notice_options(int argc, char **argv, const char *program, const char *about)
{
	static const char *timeout;
	static const struct opt opts[] = {
		{.word = "timeout", .arg = "TIME", .help = "how long a message may take (default 25s)", .value = &timeout},
		{0},
	};
	static struct opt_spec spec; /* opt_usage looks at it later, too */
	int64_t patience = NOTICE_PATIENCE;

	spec = (struct opt_spec){program, "", about, opts, 0, 0, false};
	sandbox_private();
	opt_parse(argc, argv, &spec);
	if (timeout && (duration_parse(timeout, &patience) || !patience))
		opt_usage("--timeout %s: no duration (5s)", timeout);
	return patience;
}

void notice_serve(int (*send)(struct notice *n, struct err *e))
{
	struct line_in in;
	enum line_got got;
	char *text;
	size_t len;

	line_init(&in, STDIN_FILENO, LINE_EVENT_MAX);
	while ((got = line_next(&in, &text, &len, -1)) == LINE_OK || got == LINE_LONG) {
		jv request = got == LINE_OK ? json_parse(text, len, NULL) : jv_invalid(), answer = answer_to(request, send);
		char *out = json_text(answer);
		int r = line_put(STDOUT_FILENO, out, strlen(out));

		free(out);
		jv_free(answer);
		jv_free(request);
		if (r)
			die(EX_IOERR, "write the answer:");
	}
	line_free(&in);
}

/* ab-page-browser: the page agent on a browser. One process per session, with a Chromium of its own that lives no longer than
 * it does; what it may do is ab-page(5). */
#include <unistd.h>

#include "base/opt.h"
#include "base/sandbox.h"
#include "base/str.h"
#include "page/browser.h"
#include "page/turns.h"

#define MEMORY (512u << 20) /* the browser itself is not counted */

static const char *listen_fd;
static bool headed;

static const struct opt opts[] = {
	{0, "headed", NULL, "with a window on this display, whatever the settings say", NULL, &headed, NULL},
	{0, "listen", "FD", "serve clients of the listening Unix socket on descriptor FD", &listen_fd, NULL, NULL},
	{0},
};

static const struct opt_spec spec = {
	.program = "ab-page-browser",
	.synopsis = "[--headed] [--listen FD]",
	.about = "A session's page in a browser (Chromium): commands in, answers out, as JSON lines.",
	.opts = opts,
};

static void *on_open(const struct http_aside *aside)
{
	return browser_new(aside, headed);
}

static void on_close(void *ctx)
{
	browser_free(ctx);
}

static jv on_begin(void *ctx, jv settings)
{
	return browser_begin(ctx, settings);
}

static jv on_command(void *ctx, jv command, int64_t deadline)
{
	return browser_command(ctx, command, deadline);
}

static void on_drop(void *ctx)
{
	browser_drop(ctx);
}

static int on_idle_fd(void *ctx)
{
	return browser_idle_fd(ctx);
}

static void on_idle(void *ctx)
{
	browser_idle(ctx);
}

int main(int argc, char **argv)
{
	struct turns_agent agent = {.open = on_open, .close = on_close, .begin = on_begin, .command = on_command, .drop = on_drop,
				    .idle_fd = on_idle_fd, .idle = on_idle};
	struct err e;
	long long fd = -1;
	int r;

	sandbox_private(); /* cookies are as good as a password */
	opt_parse(argc, argv, &spec);
	sandbox_memory(MEMORY);
	if (listen_fd && str_long(listen_fd, 3, 1 << 20, &fd))
		opt_usage("--listen %s: not a descriptor", listen_fd);
	r = turns_run(&agent, (int)fd, &e);
	if (r < 0)
		die_err(&e);
	return r ? EX_IOERR : 0;
}

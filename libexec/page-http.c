/* ab-page-http: the page agent over HTTP. One process per session holds its connection, its cookies and
 * its document, and nothing else of it; what it may do is ab-page(5). */
#include <unistd.h>

#include "base/opt.h"
#include "base/sandbox.h"
#include "base/str.h"
#include "page/agent.h"
#include "page/turns.h"

#define MEMORY (384u << 20) /* what no page takes; but a selector can put text after text */

static const char *listen_fd, *replay_file;

static const struct opt opts[] = {
	{0, "listen", "FD", "serve clients of the listening Unix socket on descriptor FD", &listen_fd, NULL, NULL},
	{0, "replay", "FILE", "answer from FILE's saved pages; no network", &replay_file, NULL, NULL},
	{0},
};

static const struct opt_spec spec = {
	.program = "ab-page-http",
	.synopsis = "[--listen FD] [--replay FILE]",
	.about = "A session's page over HTTP: commands in, answers out, as JSON lines.",
	.opts = opts,
};

static struct replay *replay; /* NULL: the network */

static void *on_open(const struct http_aside *aside)
{
	return agent_new(aside, replay);
}

static void on_close(void *ctx)
{
	agent_free(ctx);
}

static jv on_begin(void *ctx, jv settings)
{
	return agent_begin(ctx, settings);
}

static jv on_command(void *ctx, jv command, int64_t deadline)
{
	return agent_command(ctx, command, deadline);
}

static void on_drop(void *ctx)
{
	agent_drop(ctx);
}

int main(int argc, char **argv)
{
	struct turns_agent agent = {.open = on_open, .close = on_close, .begin = on_begin, .command = on_command, .drop = on_drop};
	struct err e;
	long long fd = -1;
	int r;

	sandbox_private(); /* cookies are as good as a password */
	opt_parse(argc, argv, &spec);
	sandbox_memory(MEMORY);
	if (replay_file && !(replay = replay_open(replay_file, &e)))
		die_err(&e);
	if (listen_fd && str_long(listen_fd, 3, 1 << 20, &fd))
		opt_usage("--listen %s: not a descriptor", listen_fd);
	r = turns_run(&agent, (int)fd, &e);
	if (r < 0)
		die_err(&e);
	return r ? EX_IOERR : 0;
}

/* ab-vault: keeps sessions sealed, and hands their keys to the programs that need them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sandbox.h"
#include "vault-command.h"

static const struct command *const commands[] = {
	&init_command, &new_command, &edit_command, &get_command, &set_command, &list_command, &rm_command,
	&export_command, &import_command, &rekey_command, &exec_command, &evidence_command,
};
#define NCOMMANDS (sizeof commands / sizeof *commands)

void put(const char *text)
{
	if (fs_write_all(STDOUT_FILENO, text, strlen(text)))
		die(EX_IOERR, "write standard output:");
}

void slurp(const char *path, size_t max, struct str *out)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC); /* a pipe will do: --from <(…) */
	struct err e;

	if (fd < 0)
		die(errno == ENOENT ? EX_NOINPUT : EX_NOPERM, "open %s:", path);
	if (fs_read_fd(fd, standard ? "standard input" : path, max, out, &e))
		die_err(&e);
	if (!standard)
		close(fd);
}

static const struct command *named(const char *name)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	opt_usage("there is no command '%s'", name);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct opt opts[16] = {
		{0, "key-file", "FILE", "the vault's key file (or AB_KEY_FILE)", &given_key.file, NULL, NULL},
		{0, "key-fd", "N", "descriptor to read the vault's key from", &given_key.fd, NULL, NULL},
	};
	struct opt_spec spec = {"ab-vault", c->synopsis, c->about, opts, c->min, c->max, c->stop_early};

	for (int i = 0; c->opts && c->opts[i].word; i++)
		opts[2 + i] = c->opts[i];
	return c->run(argv + opt_parse(argc, argv, &spec));
}

int main(int argc, char **argv)
{
	static const struct opt opts[] = {
		{0, "key-file", "FILE", "the vault's key file (or AB_KEY_FILE)", &given_key.file, NULL, NULL},
		{0, "key-fd", "N", "descriptor to read the vault's key from", &given_key.fd, NULL, NULL},
		{0},
	};
	static const struct opt_spec spec = {
		"ab-vault", "COMMAND [ARGUMENT…]",
		"Keeps sessions sealed. Commands: init new edit get set list rm export import rekey exec evidence;\n"
		"'ab-vault COMMAND --help' tells about one.",
		opts, 1, -1, true,
	};
	int at;

	sandbox_private();
	at = opt_parse(argc, argv, &spec);
	return run(named(argv[at]), argc - at, argv + at);
}

/* ab-vault exec: subkeys in sealed memfds, then the program. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "vault-command.h"

static const char *parts_given;

/* Adds one session's keys to ENV, "alice/rules=5,…"; the descriptors stay open across exec. */
static void give(const struct master *m, const char *session, unsigned parts, struct str *env)
{
	struct subkey *k = secret_alloc(sizeof *k);

	for (enum part p = 0; p < PART_COUNT; p++) {
		int fd;

		if (!(parts & PART_BIT(p)))
			continue;
		master_subkey(m, session, p, k);
		fd = fs_memfd("ab-key", k, sizeof *k);
		if (fd < 0 || fcntl(fd, F_SETFD, 0))
			die(EX_OSERR, "hand over a key:");
		str_addf(env, "%s%s/%s=%d", env->len ? "," : "", session, part_name(p), fd);
	}
	secret_free(k);
}

static char **after_dashes(char **operands)
{
	for (; *operands; operands++)
		if (strcmp(*operands, "--") == 0)
			return operands + 1;
	opt_usage("'--' and a program are missing");
}

static int exec_run(char **operands)
{
	char **program = after_dashes(operands), *inherited;
	unsigned parts = parts_parse(parts_given ? parts_given : "all");
	struct str env = {0};
	struct master *m;
	struct err e;

	if (!parts)
		opt_usage("--parts takes a list of: secrets profile rules state evidence audit; not '%s'", parts_given);
	if (program == operands + 1)
		opt_usage("a session's name is missing");
	if (!*program)
		opt_usage("a program is missing after '--'");
	for (char **s = operands; s + 1 < program; s++)
		if (master_must_have(*s, &e))
			die_err(&e);
	inherited = keys_inherit(); /* looked at before new descriptors take numbers that it may name */
	m = unlock();
	for (char **s = operands; s + 1 < program; s++)
		give(m, *s, parts, &env);
	master_close(m);
	if (*inherited)
		str_addf(&env, ",%s", inherited);
	setenv("AB_KEYS", str_text(&env), 1);
	signal(SIGPIPE, SIG_DFL); /* opt_parse ignores it, and what is ignored stays so across exec */
	execvp(*program, program);
	die(EX_UNAVAILABLE, "start %s:", *program);
}

const struct command exec_command = {
	"exec", "exec [--parts LIST] SESSION… -- PROGRAM [ARGUMENT…]",
	"Opens the vault once and runs a program that is given the sessions' keys.",
	(const struct opt[]){
		{0, "parts", "LIST", "only these keys: of secrets,profile,rules,state,evidence,audit", &parts_given, NULL, NULL},
		{0},
	},
	2, -1, true, exec_run,
};

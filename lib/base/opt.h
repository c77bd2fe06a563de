/* Options: getopt_long with the same --help and --version everywhere. */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>

struct opt {
	char name;           /* short letter, or 0 */
	const char *word;    /* "--WORD"; never NULL */
	const char *arg;     /* the argument's name in the help, or NULL for a flag */
	const char *help;    /* one line */
	const char **value;  /* where the argument goes */
	bool *flag;          /* set when given */
	void (*each)(const char *arg); /* called each time, for options that repeat; may be NULL */
};

struct opt_spec {
	const char *program;  /* "ab-poll" */
	const char *synopsis; /* "[-1] SESSION" */
	const char *about;    /* one line */
	const struct opt *opts; /* ends with {0} */
	int min, max;         /* how many operands (max -1: any number) */
	bool stop_early;      /* options end at the first operand (programs that run another) */
};

/* Sets prog, ignores SIGPIPE (a closed pipe is an EPIPE error), makes standard descriptors that are closed fail with EBADF, handles --help and --version (stdout, exit 0) and mistakes (exit 64). Returns the index of
 * the first operand in argv. */
int opt_parse(int argc, char **argv, const struct opt_spec *spec);

/* Exits 64 after "prog: MESSAGE" and a hint at --help. */
_Noreturn void opt_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

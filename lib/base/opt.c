#include "base/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/str.h"
#include "config.h"

_Noreturn void opt_usage(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	die(EX_USAGE, "%s (%s --help tells more)", text, prog);
}

static void help(const struct opt_spec *spec)
{
	printf("usage: %s %s\n%s\n", spec->program, spec->synopsis, spec->about);
	for (const struct opt *o = spec->opts; o && o->word; o++) {
		char left[64];

		snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->name ? '-' : ' ', o->name ? o->name : ' ',
			 o->name ? "," : " ", o->word, o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-28s %s\n", left, o->help);
	}
	printf("  %-28s %s\n  %-28s %s\n", "    --help", "show this", "    --version", "show the version");
	printf("See %s(1).\n", spec->program);
}

static _Noreturn void finish(void)
{
	if (fflush(stdout) || ferror(stdout))
		die(EX_IOERR, "write standard output:");
	exit(0);
}

/* A standard descriptor that was closed (>&-) would be given to the next file that is opened, and events be written into it.
 * What takes its place can't be used the way that one would be: EBADF, as if it were closed. */
static void hold_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			exit(EX_OSERR);
}

int opt_parse(int argc, char **argv, const struct opt_spec *spec)
{
	struct option longs[64] = {0};
	char shorts[140] = "+:";
	int n = 0, c, i;
	size_t s = 2;

	prog = spec->program;
	hold_standard();
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an EPIPE where it was written to */
	if (!spec->stop_early) {
		shorts[0] = ':';
		shorts[1] = '\0';
		s = 1;
	}
	for (const struct opt *o = spec->opts; o && o->word && n < 60; o++, n++) {
		longs[n] = (struct option){o->word, o->arg ? required_argument : no_argument, NULL, 1000 + n};
		if (o->name) {
			shorts[s++] = o->name;
			if (o->arg)
				shorts[s++] = ':';
		}
	}
	shorts[s] = '\0';
	longs[n] = (struct option){"help", no_argument, NULL, 998};
	longs[n + 1] = (struct option){"version", no_argument, NULL, 999};
	optind = 0; /* programs with subcommands parse twice */
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct opt *o = spec->opts;

		if (c == 998) {
			help(spec);
			finish();
		}
		if (c == 999) {
			printf("%s (ab) %s\n", spec->program, PACKAGE_VERSION);
			finish();
		}
		if (c == ':')
			opt_usage("%s needs an argument", argv[optind - 1]);
		if (c == '?') {
			if (optopt && optopt < 256)
				opt_usage("unknown option -%c", optopt);
			opt_usage("unknown option %s", argv[optind - 1]);
		}
		if (c >= 1000)
			o += c - 1000;
		else
			while (o->name != c)
				o++;
		if (o->flag)
			*o->flag = true;
		if (o->value)
			*o->value = optarg;
		if (o->each)
			o->each(optarg);
	}
	i = argc - optind;
	if (i < spec->min)
		opt_usage("%s: usage: %s %s", i ? "too few operands" : "an operand is missing", spec->program, spec->synopsis);
	if (spec->max >= 0 && i > spec->max)
		opt_usage("too many operands, from '%s' on", argv[optind + spec->max]);
	return optind;
}

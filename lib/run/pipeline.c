#include "run/pipeline.h"

#include <string.h>

#include "base/str.h"
#include "store/keys.h"

/* A flow may log in, so whoever runs flows has the secrets to hand to ab-login. */
#define FLOWS (PART_BIT(PART_RULES) | PART_BIT(PART_PROFILE) | PART_BIT(PART_STATE) | \
	       PART_BIT(PART_SECRETS) | PART_BIT(PART_EVIDENCE))

#define POLL {"ab-poll", FLOWS, false}
#define PLAN {"ab-plan", PART_BIT(PART_RULES), true}
#define BOOK {"ab-book", FLOWS, true}
#define AUDIT {"ab-audit", PART_BIT(PART_AUDIT), false}
#define NOTIFY {"ab-notify", PART_BIT(PART_RULES) | PART_BIT(PART_NOTICES), false}

static const struct pipeline pipelines[] = {
	{"monitor-and-book", "Watches for a session, books what fits, proves it, records it and tells",
	 {POLL, PLAN, BOOK, AUDIT, NOTIFY}},
	{"watch-only", "Watches for a session, records what it sees and tells; books nothing",
	 {POLL, AUDIT, NOTIFY}},
};
static const struct pipeline tell = {"tell", "", {AUDIT, NOTIFY}};

const struct pipeline *pipeline_find(const char *name)
{
	for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++)
		if (strcmp(pipelines[i].name, name) == 0)
			return &pipelines[i];
	return NULL;
}

const struct pipeline *pipeline_tell(void)
{
	return &tell;
}

bool pipeline_has_feedback(const struct pipeline *p)
{
	for (const struct pipeline_stage *s = p->stages; s->program; s++)
		if (s->feedback)
			return true;
	return false;
}

int pipeline_stage(const struct pipeline *p, const char *program)
{
	for (int i = 0; p->stages[i].program; i++)
		if (strcmp(p->stages[i].program, program) == 0)
			return i;
	return -1;
}

char *pipeline_script(const struct pipeline *p, const char *session)
{
	struct str s = {0};
	const struct pipeline_stage *first = p->stages, *at;

	str_addf(&s, "#!/bin/sh\n# %s. ab-run(1) runs the same stages.\nset -eu\nsession=%s\n", p->about, session);
	str_puts(&s, "\n# the passphrase is asked for once, and all stages get their keys from there\n"
		     "[ -n \"${AB_KEYS-}\" ] || exec ab-vault exec \"$session\" -- sh \"$0\" \"$session\"\n"
		     "\ndir=$(mktemp -d)\ntrap 'rm -rf \"$dir\"' EXIT\nmkfifo -m 600 \"$dir/seen\"");
	str_puts(&s, pipeline_has_feedback(p) ? " \"$dir/feedback\"\n" : "\n");
	str_puts(&s, "\n# stage PROGRAM…: runs it and keeps its exit status, which a pipeline hides\n"
		     "stage() {\n\tstatus=0\n\t\"$@\" || status=$?\n\techo \"$status\" >\"$dir/$1\"\n}\n");
	str_addf(&s, "\n%s \"$session\" >\"$dir/seen\" &\nfirst=$!\n{\n", first->program);
	for (at = first + 1; at->program; at++)
		str_addf(&s, "\t%sstage %s%s \"$session\"%s\n", at == first + 1 ? "" : "\t", at->program,
			 at->feedback ? " --feedback \"$dir/feedback\"" : "", at[1].program ? " |" : "");
	str_addf(&s, "} <\"$dir/seen\" &\nrest=$!\n"
		     "\n# ending %s ends the others in order, each at the end of its input\n"
		     "trap 'kill \"$first\" 2>/dev/null || :' HUP INT TERM\n"
		     "while kill -0 \"$rest\" 2>/dev/null; do wait \"$rest\" || :; done\n"
		     "status=0\nwait \"$first\" || status=$?\n"
		     "echo \"$status\" >\"$dir/%s\"\n",
		 first->program, first->program);
	/* ab-plan last: its 1 is an answer, another's status is trouble */
	str_puts(&s, "\nfor program in");
	for (at = first; at->program; at++)
		if (strcmp(at->program, "ab-plan") != 0)
			str_addf(&s, " %s", at->program);
	str_puts(&s, pipeline_stage(p, "ab-plan") >= 0 ? " ab-plan" : "");
	str_puts(&s, "; do\n\tread -r status <\"$dir/$program\"\n\t[ \"$status\" -eq 0 ] || exit \"$status\"\ndone\n");
	return str_take(&s);
}

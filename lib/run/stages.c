#include "run/stages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "store/keys.h"
#include "wire/launch.h"

#define TERM_GRACE 10000
#define KEY_FDS 10 /* key descriptors are numbered from here in a stage */

static int make_feedback(struct stages *s, const char *session, struct err *e)
{
	s->feedback = path_run(session, "feedback", e);
	if (!s->feedback)
		return -1;
	/* one left by a coordinator that was killed may hold lines of another run */
	if (fs_unlink(s->feedback, e))
		return -1;
	if (mkfifo(s->feedback, 0600))
		return err_set(e, EX_CANTCREAT, "make the FIFO %s:", s->feedback);
	return 0;
}

static int start_stage(struct stages *s, int i, const char *session, int in, int out, struct err *e)
{
	const struct pipeline_stage *stage = &s->of->stages[i];
	char *path = program_path(stage->program);
	const char *argv[5] = {path}, *env[2] = {"AB_KEYS"};
	struct fd_map fds[2 + PART_COUNT] = {{in, 0}, {out, 1}};
	int n = 1, nfds = 2, r;
	char *keys = keys_pass(session, stage->parts, KEY_FDS, fds, &nfds);

	if (stage->feedback) {
		argv[n++] = "--feedback";
		argv[n++] = s->feedback;
	}
	argv[n] = session;
	if (nfds > 2)
		env[0] = keys;
	r = proc_start(&s->proc[i], &(struct proc_spec){.argv = argv, .fds = fds, .nfds = nfds, .env = env,
							.group = true, .die_with_parent = true, .parent_signal = SIGTERM}, e);
	free(keys);
	free(path);
	return r;
}

static void give_back(struct stages *s)
{
	if (s->feedback)
		unlink(s->feedback);
	free(s->feedback);
	s->feedback = NULL;
	s->phase = STAGES_NONE;
	s->until = -1;
}

int stages_start(struct stages *s, const struct pipeline *of, const char *session, int in, int out, struct err *e)
{
	int from = in < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : fcntl(in, F_DUPFD_CLOEXEC, 3), r = -1, i;

	*s = (struct stages){.of = of, .phase = STAGES_RUNNING, .until = -1};
	for (i = 0; i < PIPELINE_STAGES; i++)
		s->proc[i] = PROC_NONE;
	if (from < 0) {
		err_set(e, EX_OSERR, "start a pipeline for %s:", session);
		goto out;
	}
	if (pipeline_has_feedback(of) && make_feedback(s, session, e))
		goto out;
	for (i = 0; of->stages[i].program; i++) {
		bool last = !of->stages[i + 1].program;
		int link[2] = {-1, out};

		if (!last && pipe2(link, O_CLOEXEC)) {
			err_set(e, EX_OSERR, "start %s for %s: make a pipe:", of->stages[i].program, session);
			goto out;
		}
		r = start_stage(s, i, session, from, link[1], e);
		close(from);
		from = link[0];
		if (!last)
			close(link[1]);
		if (r)
			goto out;
	}
out:
	if (from >= 0)
		close(from);
	if (r) {
		for (i = 0; i < PIPELINE_STAGES; i++)
			proc_end(&s->proc[i], 0);
		give_back(s);
	}
	return r;
}

bool stages_reap(struct stages *s, pid_t pid, int64_t grace)
{
	for (int i = 0; i < PIPELINE_STAGES; i++) {
		if (s->phase == STAGES_NONE || s->proc[i].pid != pid || !proc_reap(&s->proc[i], 0))
			continue;
		s->ended[i] = s->round + 1;
		s->status[i] = proc_exit_status(s->proc[i].status);
		if (s->phase == STAGES_RUNNING)
			stages_stop(s, grace);
		return true;
	}
	return false;
}

bool stages_round(struct stages *s)
{
	s->round++;
	if (s->phase == STAGES_NONE)
		return false;
	for (int i = 0; i < PIPELINE_STAGES; i++)
		if (s->proc[i].pid)
			return false;
	give_back(s);
	return true;
}

/* Tells it to end, and wakes it where it is stopped: it could not. Where it is not, SIGCONT would only undo a stop that is on its
 * way, such as that of a debugger, or of a sanitizer that looks for leaks, which then waits for it for ever. */
static void tell_to_end(const struct proc *p)
{
	siginfo_t stopped = {0};

	proc_signal(p, SIGTERM);
	if (p->pid > 0 && waitid(P_PID, (id_t)p->pid, &stopped, WSTOPPED | WNOHANG | WNOWAIT) == 0 && stopped.si_pid)
		proc_signal(p, SIGCONT);
}

void stages_follow(struct stages *s, int64_t grace)
{
	s->phase = STAGES_DRAIN;
	s->until = clock_mono() + grace;
}

void stages_stop(struct stages *s, int64_t grace)
{
	switch (s->phase) {
	case STAGES_NONE:
		return;
	case STAGES_RUNNING:
		stages_follow(s, grace);
		tell_to_end(&s->proc[0]);
		return;
	case STAGES_DRAIN:
		s->phase = STAGES_TERM;
		s->until = clock_mono() + TERM_GRACE;
		for (int i = 0; i < PIPELINE_STAGES; i++)
			tell_to_end(&s->proc[i]);
		return;
	case STAGES_TERM:
	case STAGES_KILL:
		s->phase = STAGES_KILL;
		s->until = -1;
		for (int i = 0; i < PIPELINE_STAGES; i++)
			proc_signal(&s->proc[i], SIGKILL); /* the process alone: its launcher then ends what it had started */
	}
}

void stages_tick(struct stages *s)
{
	if (s->until >= 0 && clock_mono() >= s->until)
		stages_stop(s, 0);
}

static bool no_restart(int status)
{
	return status == EX_USAGE || status == EX_DATAERR || status == EX_UNKNOWN || status == EX_NOPERM ||
	       status == EX_CONFIG;
}

/* A stage that ended with trouble of its own; 0 and ab-plan's 1 come with any end of input. */
static bool trouble(const struct stages *s, int i)
{
	return s->status[i] != 0 && s->status[i] != EX_NO;
}

enum stages_outcome stages_outcome(const struct stages *s, int *stage)
{
	int plan = pipeline_stage(s->of, "ab-plan"), culprit = 0;

	for (int i = 0; s->of->stages[i].program; i++) {
		if (no_restart(s->status[i])) {
			*stage = i;
			return OUTCOME_HALT;
		}
		/* A stage's input ends a moment before the one above it can be reaped, so who was reaped first
		 * is no proof of who began. */
		if (trouble(s, i) && (!trouble(s, culprit) || s->ended[i] < s->ended[culprit]))
			culprit = i;
	}
	*stage = culprit;
	if (plan < 0 || s->status[plan] != 0)
		return OUTCOME_RESTART;
	/* booked; but who died behind ab-plan may not have passed on, recorded or told it: the next run does */
	for (*stage = plan + 1; s->of->stages[*stage].program; ++*stage)
		if (trouble(s, *stage))
			return OUTCOME_RESTART;
	*stage = plan;
	return OUTCOME_DONE;
}

/* ab-vault edit: a session in the person's editor, on paper that burns. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "store/passphrase.h"
#include "store/session.h"
#include "vault-command.h"

#define TEXT_MAX (1u << 20)
#define TMPFS 0x01021994
#define RAMFS 0x858458f6

static bool allow_disk, resume, discard;

struct paper {
	const char *session;
	char *dir, *file;
	char *base;  /* file: the counters of the record that the text was begun from */
	char *first; /* the text as it was laid out; NULL for one that was found */
};

static bool in_memory(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 && ((unsigned long)fs.f_type == TMPFS || (unsigned long)fs.f_type == RAMFS);
}

/* A folder of ours that is never on a disk. */
static char *edit_root(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");

	if (run && *run == '/' && in_memory(run) && access(run, W_OK) == 0)
		return xasprintf("%s/ab-edit", run);
	if (in_memory("/dev/shm") && access("/dev/shm", W_OK) == 0)
		return xasprintf("/dev/shm/ab-edit-%lu", (unsigned long)geteuid());
	if (!allow_disk)
		die(EX_CONFIG, "no folder in memory to edit in (XDG_RUNTIME_DIR, /dev/shm); with --allow-disk secrets touch the disk");
	return xasprintf("%s/ab-edit-%lu", tmp && *tmp == '/' ? tmp : "/tmp", (unsigned long)geteuid());
}

/* What a crash left of fs_replace: nobody else writes here, edit.lock is ours. */
static void sweep(const struct paper *p)
{
	char *text = xasprintf("%s.yaml.", p->session);
	DIR *d = opendir(p->dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (str_starts(entry->d_name, text) || str_starts(entry->d_name, "base."))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	free(text);
}

static void paper_find(struct paper *p, const struct master *m, const char *session)
{
	char *root = edit_root(), id[2 * VAULT_ID + 1];
	struct err e;

	master_id(m, id);
	*p = (struct paper){.session = session, .dir = xasprintf("%s/%.12s-%s", root, id, session)};
	p->file = xasprintf("%s/%s.yaml", p->dir, session);
	p->base = xasprintf("%s/base", p->dir);
	if (fs_mkdirs(root, &e) || fs_mkdirs(p->dir, &e))
		die_err(&e);
	sweep(p);
	free(root);
}

static void paper_burn(struct paper *p)
{
	unlink(p->file);
	unlink(p->base);
	rmdir(p->dir); /* unless an editor left something there */
	wipe_text(p->first);
	free(p->file);
	free(p->base);
	free(p->dir);
}

/* Ends, keeping what was typed. */
static _Noreturn void keep(const struct paper *p, int status)
{
	warn("your text is kept in %s until the machine restarts; go on with: ab-vault edit --resume %s", p->file, p->session);
	exit(status);
}

static char *base_text(const struct seen *s)
{
	struct str text = {0};

	for (enum part p = 0; p < PART_COUNT; p++)
		if (part_is_written(p))
			str_addf(&text, "%s%llu", text.len ? " " : "", (unsigned long long)s->counters[p]);
	str_putc(&text, '\n');
	return str_take(&text);
}

static void lay_out(struct paper *p, const struct seen *s)
{
	jv folded = files_fold(jv_copy(s->whole));
	char *text = whole_text(folded), *base = base_text(s);
	struct err e;

	p->first = xasprintf("# Session '%s'. Save and leave the editor to store it; leave it as it is to change nothing.\n"
			     "# ab-session(5) tells about every field. Files are shown as (kept).\n%s", p->session, text);
	wipe_text(text);
	jv_free(folded);
	if (fs_replace(p->base, base, strlen(base), &e) || fs_replace(p->file, p->first, strlen(p->first), &e))
		die_err(&e);
	free(base);
}

/* A text taken up again may have been begun from an older record. */
static void compare_base(const struct paper *p, const struct seen *s)
{
	char *now = base_text(s);
	struct str then = {0};

	if (fs_read(p->base, 256, &then, NULL) || strcmp(str_text(&then), now) != 0)
		warn("%s was changed since this text was begun; what you save replaces that", p->session);
	str_free(&then);
	free(now);
}

/* A text that an interrupted edit left. True: go on with it. */
static bool left_over(const struct paper *p)
{
	char *question;
	int yes;

	if (access(p->file, F_OK) || discard)
		return false;
	if (resume)
		return true;
	if (!tty_there())
		die(EX_TEMPFAIL, "an unfinished text is in %s: go on with --resume, or throw it away with --discard", p->file);
	question = xasprintf("An unfinished text is in %s. Go on with it (n: throw it away)?", p->file);
	yes = tty_confirm(question, true, NULL);
	free(question);
	if (yes < 0)
		die(EX_NOPERM, "no answer at the terminal; nothing was changed");
	return yes;
}

static void run_editor(const struct paper *p)
{
	const char *editor = getenv("VISUAL") && *getenv("VISUAL") ? getenv("VISUAL") : getenv("EDITOR");
	char *line = xasprintf("%s \"$@\"", editor && *editor ? editor : "vi");
	const char *const argv[] = {"/bin/sh", "-c", line, "sh", p->file, NULL};
	struct proc child;
	struct err e;

	signal(SIGINT, SIG_IGN); /* the editor's business */
	signal(SIGQUIT, SIG_IGN);
	if (proc_start(&child, &(struct proc_spec){.argv = argv}, &e))
		die_err(&e);
	proc_reap(&child, -1);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	free(line);
	if (proc_exit_status(child.status)) {
		warn("the editor '%s' ended with status %d", editor ? editor : "vi", proc_exit_status(child.status));
		keep(p, EX_UNAVAILABLE);
	}
}

/* What was written, checked. Invalid when the person wants to go on editing. */
static jv take_in(const struct paper *p, jv before, bool *unchanged)
{
	struct str text;
	struct err e;
	jv whole;

	if (fs_read(p->file, TEXT_MAX, &text, &e)) {
		warn("%s", e.text);
		keep(p, e.status);
	}
	*unchanged = p->first && strcmp(str_text(&text), p->first) == 0;
	whole = whole_parse(str_text(&text), text.len, p->file, &e);
	secret_wipe(text.s, text.cap);
	str_free(&text);
	if (json_ok(whole))
		return files_unfold(whole, before);
	warn("%s", e.text);
	if (!tty_there() || tty_confirm("Edit again?", true, NULL) <= 0)
		keep(p, EX_DATAERR);
	return whole;
}

static int edit_lock(const char *session)
{
	char *folder = NULL, *path, *what = xasprintf("another 'ab-vault edit %s'", session);
	struct err e;
	int fd;

	if (master_must_have(session, &e) || !(folder = path_vault(session, &e)))
		die_err(&e);
	path = xasprintf("%s/edit.lock", folder);
	fd = fs_lock(path, what, &e);
	if (fd < 0)
		die_err(&e);
	free(path);
	free(folder);
	free(what);
	return fd;
}

static int edit_run(char **operands)
{
	const char *session = operands[0];
	struct master *m = unlock();
	int lock = edit_lock(session);
	bool unchanged = false;
	struct paper p;
	struct seen s;
	struct err e;
	jv whole;

	see(m, session, &s);
	paper_find(&p, m, session);
	if (left_over(&p))
		compare_base(&p, &s);
	else
		lay_out(&p, &s);
	do {
		run_editor(&p);
		whole = take_in(&p, s.whole, &unchanged);
	} while (!json_ok(whole));
	if (!unchanged && store(m, session, whole, &s, &e)) {
		warn("%s", e.text);
		keep(&p, e.status);
	}
	paper_burn(&p);
	jv_free(whole);
	unsee(&s);
	master_close(m);
	close(lock);
	return 0;
}

const struct command edit_command = {
	"edit", "edit [--resume | --discard] [--allow-disk] SESSION", "Opens a session in $VISUAL or $EDITOR, and stores what is saved if it is valid.",
	(const struct opt[]){
		{0, "resume", NULL, "go on with the text of an unfinished edit", NULL, &resume, NULL},
		{0, "discard", NULL, "throw that text away first", NULL, &discard, NULL},
		{0, "allow-disk", NULL, "edit on a disk where there is no folder in memory", NULL, &allow_disk, NULL},
		{0},
	},
	1, 1, false, edit_run,
};

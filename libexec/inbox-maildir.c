/* ab-inbox-maildir: codes out of a Maildir, as they arrive.
 *
 * New mail is seen by inotify within a millisecond; the folder is listed only at the mark and at the start of a wait (after
 * the watches are set, so that nothing falls between), and again when it changed without a word from inotify
 * (network file systems). A mail is known by its name without the flags, so that it stays the same when a mail program
 * marks it as read. Nothing is written, moved or flagged. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "mail/inbox.h"
#include "mail/pick.h"
#include "mail/seen.h"
#include "mail/trial.h"

#define SEEN_MAX 20000 /* names in a mark; a larger folder is told apart by time */
#define RECENT 2000    /* ms before the mark whose mails even then are known by name */
#define TICK 1000      /* ms between looks at the folders' own times */

struct folder {
	const char *name;
	int fd, watch;
	struct timespec listed; /* its modification time when it was last listed */
};

static char *root;
static struct folder folders[2] = {{"new", -1, -1, {0}}, {"cur", -1, -1, {0}}};
static int notify = -1;

/* Without the flags, which follow the ':'. */
static uint64_t name_hash(const char *name)
{
	return seen_hash(name, strcspn(name, ":"));
}

/* Opening */

static void close_all(void)
{
	for (int i = 0; i < 2; i++) {
		if (folders[i].fd >= 0)
			close(folders[i].fd);
		folders[i].fd = -1;
	}
	if (notify >= 0)
		close(notify);
	notify = -1;
	free(root);
	root = NULL;
}

static int open_folder(struct folder *f, struct err *e)
{
	char *path = xasprintf("%s/%s", root, f->name);
	int r = 0;

	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->watch = inotify_add_watch(notify, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	if (f->fd < 0)
		r = err_set(e, errno == ENOENT ? EX_CONFIG : EX_UNAVAILABLE, "%s is no Maildir that can be read: open %s:", root, f->name);
	else if (f->watch < 0)
		r = err_set(e, EX_UNAVAILABLE, "watch %s:", path);
	free(path);
	return r;
}

static int maildir_open(jv settings, struct err *e)
{
	const char *home = getenv("HOME");
	char *path = inbox_path(json_str(settings, "url", ""), e);

	close_all();
	if (!path)
		return -1;
	if (str_starts(path, "~/") && home)
		root = xasprintf("%s%s", home, path + 1);
	else
		root = xstrdup(path);
	free(path);
	if (*root != '/')
		return err_set(e, EX_CONFIG, "maildir:%s: give the whole path, from / or ~/", root);
	notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (notify < 0)
		return err_set(e, EX_OSERR, "start inotify:");
	return open_folder(&folders[0], e) || open_folder(&folders[1], e) ? -1 : 0;
}

/* Listing */

typedef void each_mail(struct folder *f, const char *name, void *ctx);

static int list(struct folder *f, each_mail *each, void *ctx, struct err *e)
{
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	struct stat st;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return err_set(e, EX_UNAVAILABLE, "list %s/%s:", root, f->name);
	}
	if (fstat(fd, &st) == 0)
		f->listed = st.st_mtim;
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.')
			each(f, d->d_name, ctx);
	closedir(dir);
	return 0;
}

static int list_both(each_mail *each, void *ctx, struct err *e)
{
	/* new first: a mail that moves on to cur meanwhile is met twice, not never */
	return list(&folders[0], each, ctx, e) || list(&folders[1], each, ctx, e) ? -1 : 0;
}

static int64_t stat_ms(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

/* The mark: {"time", "seen"} with every name's hash in hex, or, for a large folder, {"time", "recent"} with those of the
 * last moments. */

struct marking {
	int64_t now;
	size_t count;
	struct str all, recent;
};

static void mark_one(struct folder *f, const char *name, void *ctx)
{
	struct marking *m = ctx;
	struct stat st;

	if (m->count++ < SEEN_MAX)
		seen_put(&m->all, name_hash(name));
	if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && stat_ms(&st.st_mtim) >= m->now - RECENT)
		seen_put(&m->recent, name_hash(name));
}

static jv maildir_mark(struct err *e)
{
	struct marking m = {.now = clock_wall()};
	char now[CLOCK_TEXT];
	jv mark = jv_invalid();

	if (notify < 0)
		err_set(e, EX_CONFIG, "mark: open the inbox first");
	else if (list_both(mark_one, &m, e) == 0)
		mark = json_obj("time", jv_string(clock_format(m.now, now)), m.count <= SEEN_MAX ? "seen" : "recent",
				jv_string(str_text(m.count <= SEEN_MAX ? &m.all : &m.recent)), NULL);
	str_free(&m.all);
	str_free(&m.recent);
	return mark;
}

/* Waiting */

struct waiting {
	struct seen seen;
	int64_t after; /* mails older than this (wall) are not new; -1: names alone tell */
	struct pick pick;
	bool lost;     /* inotify dropped events, or cannot tell: list again */
};

static int read_mark(struct waiting *w, jv mark, struct err *e)
{
	const char *seen = json_str(mark, "seen", NULL), *names = seen ? seen : json_str(mark, "recent", NULL);
	int64_t time;

	w->after = -1;
	if (!names || clock_parse(json_str(mark, "time", ""), &time))
		return err_set(e, EX_CONFIG, "wait: not a mark of a Maildir");
	if (!seen)
		w->after = time - RECENT / 2;
	seen_add_text(&w->seen, names);
	return 0;
}

/* FD's mail; false when it is none. Ends with the CPU bound on, for what is done with the mail. */
static bool read_mail(int fd, struct mime *mail)
{
	struct str raw = {.s = xmalloc(MIME_MAIL_MAX + 1), .cap = MIME_MAIL_MAX + 1};
	bool good;

	for (ssize_t got; raw.len < MIME_MAIL_MAX && (got = read(fd, raw.s + raw.len, MIME_MAIL_MAX - raw.len)) > 0;)
		raw.len += (size_t)got;
	raw.s[raw.len] = '\0';
	inbox_bound_cpu();
	good = mime_parse(mail, raw.s, raw.len, NULL) == 0;
	explicit_bzero(raw.s, raw.len);
	str_free(&raw);
	return good;
}

/* A whole mail in F, opened; -1: gone on to cur, still empty, or no mail. */
static int open_mail(const struct folder *f, const char *name, struct stat *st)
{
	int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && (fstat(fd, st) || !S_ISREG(st->st_mode) || !st->st_size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void offer(struct folder *f, const char *name, void *ctx)
{
	struct waiting *w = ctx;
	uint64_t h = name_hash(name);
	struct mime mail;
	struct stat st;
	char *unique;
	int fd;

	if (name[0] == '.' || seen_has(&w->seen, h) || (fd = open_mail(f, name, &st)) < 0)
		return;
	if (w->after >= 0 && stat_ms(&st.st_mtim) < w->after) {
		close(fd);
		return; /* old */
	}
	seen_add(&w->seen, h);
	unique = xstrndup(name, strcspn(name, ":"));
	if (read_mail(fd, &mail))
		pick_offer(&w->pick, &mail, unique, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	inbox_unbound_cpu();
	mime_free(&mail);
	free(unique);
	close(fd);
}

static int gone(struct err *e)
{
	return err_set(e, EX_UNAVAILABLE, "the Maildir %s was removed or moved", root);
}

static int take_event(struct waiting *w, const struct inotify_event *ev, struct err *e)
{
	if (ev->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
		return gone(e);
	/* a name that was made, but neither moved here nor closed yet, may be a hard link (a whole mail) or a mail that
	 * is being written */
	if (ev->mask & (IN_Q_OVERFLOW | IN_CREATE))
		w->lost = true;
	else if (ev->len)
		offer(ev->wd == folders[0].watch ? &folders[0] : &folders[1], ev->name, w);
	return 0;
}

static int take_events(struct waiting *w, struct err *e)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t got;

	while ((got = read(notify, buf, sizeof buf)) > 0)
		for (char *p = buf; p < buf + got; p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len)
			if (take_event(w, (struct inotify_event *)p, e))
				return -1;
	return 0;
}

static bool changed(const struct folder *f)
{
	struct stat st;

	return fstat(f->fd, &st) == 0 && (st.st_mtim.tv_sec != f->listed.tv_sec || st.st_mtim.tv_nsec != f->listed.tv_nsec);
}

/* A folder that is held open sends no event when it is removed. */
static bool removed(const struct folder *f)
{
	struct stat st;

	return fstat(f->fd, &st) == 0 && !st.st_nlink;
}

static jv wait_for(struct waiting *w, int64_t deadline, struct line_in *in, struct err *e)
{
	struct pollfd p[2] = {{notify, POLLIN, 0}, {in->fd, POLLIN, 0}};

	if (take_events(w, e) || list_both(offer, w, e))
		return jv_invalid();
	for (;;) {
		int64_t now = clock_mono(), ready = pick_ready(&w->pick);

		if (ready >= 0 && (ready <= now || (now >= deadline && !w->pick.suspect)))
			return pick_take(&w->pick);
		if (now >= deadline) {
			pick_none(&w->pick, e);
			return jv_invalid();
		}
		proc_poll(p, 2, line_ready(in) ? 0 : clock_earlier(ready, clock_earlier(now + (w->lost ? TICK / 10 : TICK), deadline)));
		if (inbox_interrupted(in)) {
			err_set(e, INBOX_CANCELLED, "the wait was cancelled");
			return jv_invalid();
		}
		if (!p[0].revents && (w->lost || changed(&folders[0]) || changed(&folders[1]))) {
			w->lost = false;
			if (list_both(offer, w, e))
				return jv_invalid();
		}
		if (take_events(w, e) || ((removed(&folders[0]) || removed(&folders[1])) && gone(e)))
			return jv_invalid();
	}
}

static jv maildir_wait(jv mark, jv rules_given, int64_t deadline, struct line_in *in, struct err *e)
{
	struct waiting w = {0};
	struct rules rules;
	jv answer = jv_invalid();

	pick_start(&w.pick, &rules);
	if (rules_parse(&rules, rules_given, e) == 0 && read_mark(&w, mark, e) == 0) {
		if (rules.since < 0)
			clock_parse(json_str(mark, "time", ""), &rules.since);
		if (notify < 0)
			err_set(e, EX_CONFIG, "wait: open the inbox first");
		else
			answer = wait_for(&w, deadline, in, e);
	}
	pick_free(&w.pick);
	rules_free(&rules);
	seen_free(&w.seen);
	return answer;
}

/* Testing */

struct newest {
	struct folder *folder;
	char *name;
	int64_t time;
};

struct listing {
	struct newest mails[TRIAL_MAILS]; /* the newest first */
	int n;
	size_t all;
};

static void keep_newest(struct folder *f, const char *name, void *ctx)
{
	struct listing *l = ctx;
	struct stat st;
	int at;

	if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return;
	l->all++;
	for (at = l->n; at > 0 && l->mails[at - 1].time < stat_ms(&st.st_mtim); at--)
		;
	if (at == TRIAL_MAILS)
		return;
	if (l->n == TRIAL_MAILS)
		free(l->mails[--l->n].name);
	memmove(l->mails + at + 1, l->mails + at, (size_t)(l->n - at) * sizeof *l->mails);
	l->mails[at] = (struct newest){f, xstrdup(name), stat_ms(&st.st_mtim)};
	l->n++;
}

static void try_mail(struct trial *t, const struct newest *m)
{
	struct mime mail;
	struct stat st;
	int fd = open_mail(m->folder, m->name, &st);

	if (fd < 0)
		return;
	if (read_mail(fd, &mail))
		trial_offer(t, &mail);
	inbox_unbound_cpu();
	mime_free(&mail);
	close(fd);
}

static jv maildir_test(jv request, struct err *e)
{
	jv given = json_get(request, "rules"), answer = jv_invalid();
	struct listing l = {0};
	struct rules rules;
	struct trial t;

	if (rules_parse(&rules, given, e) == 0 && (notify >= 0 || err_set(e, EX_CONFIG, "test: open the inbox first") == 0) &&
	    list_both(keep_newest, &l, e) == 0) {
		inbox_step("%s is a Maildir that can be read and watched, with %zu mails", root, l.all);
		trial_start(&t, &rules, json_bool(request, "reveal", false));
		for (int i = 0; i < l.n; i++)
			try_mail(&t, &l.mails[i]);
		answer = trial_answer(&t);
	}
	for (int i = 0; i < l.n; i++)
		free(l.mails[i].name);
	rules_free(&rules);
	jv_free(given);
	return answer;
}

int main(int argc, char **argv)
{
	static const struct inbox_ops ops = {maildir_open, maildir_mark, maildir_wait, close_all, maildir_test};
	static const struct opt_spec spec = {
		.program = "ab-inbox-maildir", .synopsis = "", .about = "Inbox driver: codes out of a Maildir (ab-otp(1)).",
	};
	struct err e;

	sandbox_private();
	opt_parse(argc, argv, &spec);
	if (sandbox_no_network(&e))
		die_err(&e);
	return inbox_serve(&ops) ? EX_IOERR : 0;
}

#include "site/pacer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define DAY_MS 86400000
#define LOG_MAX 20000
#define FILE_MAX (1u << 20)
#define LOOK_AGAIN 100 /* ms */
#define HOPS 11 /* what a command that may be redirected takes: itself and ten redirects, less where the budget is small */

/* A bucket's file, all times clock_mono but `wall`: {"boot": of which start of the machine, "mono", "wall": when it was
 * written, "window": the longest that was asked for, "log": [when each request of that window had been answered, or will
 * surely have been sent], "day": {"end", "count"}, "hold": its end}. Changed under the lock beside it, replaced whole, so
 * that a crash leaves one or the other. */
struct bucket {
	char *path, *lock;
	int lock_fd;
	int64_t *log, window, hold, day_end, count;
	int n;
	int64_t taken_day; /* day_end when what is open was taken */
};

struct pacer {
	struct bucket account, site;
	int budget, reserve, per_day;
	int64_t window;
	char *zone;
	int open;         /* taken and not settled … */
	int64_t open_till; /* … and logged with this time */
};

static void bucket_name(struct bucket *b, const char *dir, const char *kind, const char *name)
{
	*b = (struct bucket){.path = xasprintf("%s/%s-%s.json", dir, kind, name), .lock_fd = -1};
	b->lock = xasprintf("%s.lock", b->path);
}

static void bucket_free(struct bucket *b)
{
	free(b->path);
	free(b->lock);
	free(b->log);
}

/* The way out is part of the site's bucket: 64 bits of FNV-1a over a name that is keyed already. */
static char *site_name(const char *site, const char *way_out)
{
	uint64_t h = 1469598103934665603u;

	if (!*way_out)
		return xstrdup(site);
	for (const char *p = way_out; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	return xasprintf("%s-%016llx", site, (unsigned long long)h);
}

struct pacer *pacer_open(const struct pacer_spec *spec, struct err *e)
{
	struct pacer *p;
	char *site;

	if (!*spec->account || !*spec->site || strspn(spec->account, "0123456789abcdef") != strlen(spec->account) ||
	    strspn(spec->site, "0123456789abcdef") != strlen(spec->site)) {
		err_set(e, EX_DATAERR, "the session's record names no budget: run ab-vault edit to write it anew");
		return NULL;
	}
	if (fs_mkdirs(spec->dir, e))
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->budget = spec->budget;
	p->window = spec->window;
	p->reserve = spec->reserve;
	p->per_day = spec->per_day;
	p->zone = xstrdup(spec->zone);
	site = site_name(spec->site, spec->way_out);
	bucket_name(&p->account, spec->dir, "account", spec->account);
	bucket_name(&p->site, spec->dir, "site", site);
	free(site);
	return p;
}

void pacer_allow(struct pacer *p, int per_day)
{
	p->per_day = per_day;
}

void pacer_free(struct pacer *p)
{
	if (!p)
		return;
	bucket_free(&p->account);
	bucket_free(&p->site);
	free(p->zone);
	free(p);
}

/* The first midnight after WALL in the session's zone. */
static int64_t midnight(const struct pacer *p, int64_t wall)
{
	char text[CLOCK_TEXT];
	int64_t at, noon;
	struct tm tm;

	zone_local(p->zone, wall, &tm);
	noon = wall + ((int64_t)(36 - tm.tm_hour) * 60 - tm.tm_min) * 60000; /* of the next day, an hour early or late at a change */
	clock_format_in(p->zone, noon, text)[10] = '\0';
	return zone_parse(p->zone, text, &at) == 0 && at > wall ? at : wall + DAY_MS;
}

/* A day ends at its midnight, as it stood when the day began. The clock may have been set meanwhile: so that no day comes
 * twice, the next one ends at the first midnight that is at least half a day later. */
static void turn_day(struct bucket *b, const struct pacer *p, int64_t now)
{
	int64_t wall = clock_wall(), at;

	if (b->day_end && now < b->day_end)
		return;
	at = midnight(p, wall);
	if (b->day_end && now + at - wall < b->day_end + DAY_MS / 2)
		at = midnight(p, at);
	b->day_end = now + at - wall;
	b->count = 0;
}

/* How much further times of the log, and those of hold and day, are in the past than they say: nothing, but in another
 * run of the machine. */
struct lapse {
	int64_t log, rest;
};

static struct lapse lapse_since(jv old, int64_t now)
{
	int64_t mono = json_int(old, "mono", 0);
	int64_t passed = json_moment_age(old);

	if (strcmp(json_str(old, "boot", ""), clock_boot()) == 0 && mono <= now)
		return (struct lapse){0, 0};
	return (struct lapse){now - mono - (passed < now ? passed : now), now - mono - passed};
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void read_log(struct bucket *b, jv old, int64_t shift, int64_t now)
{
	jv log = json_get(old, "log");

	free(b->log);
	b->log = xcalloc(json_len(log) + HOPS, sizeof *b->log);
	b->n = 0;
	for (struct json_iter it = json_iter(log); json_next(&it);) {
		int64_t at = json_is(it.value, JV_KIND_NUMBER) ? (int64_t)jv_number_value(it.value) + shift : now;

		if (at >= now - b->window)
			b->log[b->n++] = at;
	}
	qsort(b->log, (size_t)b->n, sizeof *b->log, by_time);
	jv_free(log);
}

/* Reads the bucket under its lock, without what is older than the window. */
static int bucket_open(struct bucket *b, const struct pacer *p, struct err *e)
{
	struct lapse lapse;
	int64_t now;
	jv old, day;

	b->lock_fd = fs_lock_wait(b->lock, e);
	if (b->lock_fd < 0)
		return -1;
	now = clock_mono(); /* not before: what was written meanwhile would be of the future, as if the machine had been started anew */
	old = json_read(b->path, FILE_MAX, e);
	if (!json_has(old, "mono") && access(b->path, F_OK) == 0) {
		if (json_ok(old))
			err_set(e, EX_DATAERR, "%s is no budget", b->path);
		jv_free(old);
		close(b->lock_fd);
		b->lock_fd = -1;
		return err_wrap(e, "the budget can't be read (remove the file once the site's window has passed)");
	}
	lapse = json_ok(old) ? lapse_since(old, now) : (struct lapse){0, 0};
	b->window = json_int(old, "window", 0) > p->window ? json_int(old, "window", 0) : p->window;
	read_log(b, old, lapse.log, now);
	day = json_get(old, "day");
	b->hold = json_has(old, "hold") ? json_int(old, "hold", 0) + lapse.rest : 0;
	b->day_end = json_has(day, "end") ? json_int(day, "end", 0) + lapse.rest : 0;
	b->count = json_int(day, "count", 0);
	jv_free(day);
	jv_free(old);
	turn_day(b, p, now);
	return 0;
}

static int bucket_write(const struct bucket *b, int64_t now, struct err *e)
{
	jv log = jv_array(), v;
	char *text;
	int r;

	for (int i = 0; i < b->n; i++)
		log = json_push(log, jv_number((double)b->log[i]));
	v = json_obj("boot", jv_string(clock_boot()), "mono", jv_number((double)now), "wall", jv_number((double)clock_wall()), "window",
		     jv_number((double)b->window), "log", log, "day",
		     json_obj("end", jv_number((double)b->day_end), "count", jv_number((double)b->count), NULL), NULL);
	if (b->hold > now)
		v = json_set(v, "hold", jv_number((double)b->hold));
	text = json_text(v);
	r = fs_replace(b->path, text, strlen(text), e);
	free(text);
	jv_free(v);
	return r;
}

static int bucket_close(struct bucket *b, bool write, int64_t now, struct err *e)
{
	int r = write ? bucket_write(b, now, e) : 0;

	close(b->lock_fd);
	b->lock_fd = -1;
	return r;
}

/* Logs N requests at AT. */
static void bucket_add(struct bucket *b, int n, int64_t at)
{
	if (n <= 0)
		return;
	b->log = xrealloc(b->log, (size_t)(b->n + n) * sizeof *b->log);
	for (int i = 0; i < n && b->n < LOG_MAX; i++)
		b->log[b->n++] = at;
	b->count += n;
}

/* Takes back N of those logged at AT; whose they are makes no difference. */
static void bucket_remove(struct bucket *b, int n, int64_t at)
{
	int kept = 0, left = n;

	for (int i = 0; i < b->n; i++)
		if (left && b->log[i] == at)
			left--;
		else
			b->log[kept++] = b->log[i];
	b->n = kept;
	if (b->day_end == b->taken_day)
		b->count -= n < b->count ? n : b->count;
}

static int at_most(int a, int b)
{
	return a < b ? a : b;
}

/* How long until this bucket may have N tokens under LIMIT: 0 now. What is taken and not yet settled, the last of the log, may
 * be given back at any moment. */
static int64_t bucket_wait(const struct bucket *b, const struct pacer *p, int limit, int n, int64_t now)
{
	int64_t wait = b->hold > now ? b->hold - now : 0, need = 0;
	int over = b->n + n - limit, settled = b->n; /* so many must have left the window, or be given back */

	while (settled && b->log[settled - 1] > now)
		settled--;
	over = at_most(over, b->n);
	if (over > b->n - settled)
		need = b->log[over - (b->n - settled) - 1] + p->window + 1 - now;
	else if (over > 0)
		need = LOOK_AGAIN;
	return need > wait ? need : wait;
}

/* Both buckets are locked in one order, the account's first, so that two programs never wait for each other. */
static int both_open(struct pacer *p, struct err *e)
{
	if (bucket_open(&p->account, p, e))
		return -1;
	if (bucket_open(&p->site, p, e)) {
		bucket_close(&p->account, false, 0, NULL);
		return -1;
	}
	return 0;
}

static int both_close(struct pacer *p, bool write, int64_t now, struct err *e)
{
	int a = bucket_close(&p->site, write, now, e), b = bucket_close(&p->account, write, now, e);

	return a || b ? -1 : 0;
}

int64_t pacer_take(struct pacer *p, const struct pacer_want *want, int *may, struct err *e)
{
	int kept = want->booking ? 0 : p->reserve, limit = p->budget - kept, day = p->per_day - kept;
	int64_t now, a, s;

	/* where the budget is small, so is the room for redirects: a quarter */
	*may = want->redirects ? at_most(HOPS, at_most(limit, day) / 4) : 1;
	if (*may < 2)
		*may = want->redirects && limit >= 2 && day >= 2 ? 2 : 1;
	if (both_open(p, e))
		return -1;
	now = clock_mono();
	/* the last requests of a day belong to a booking, too: proof needs them */
	if (p->account.count + *may > day) {
		both_close(p, false, now, NULL);
		return err_set(e, EX_NOPERM, "the %d requests a day that the owner consented to are used up: wait for the next day, or raise "
			       "consent.requests_per_day (ab-vault edit)", p->per_day);
	}
	a = bucket_wait(&p->account, p, limit, *may, now);
	s = bucket_wait(&p->site, p, limit, *may, now);
	if (a || s) {
		both_close(p, false, now, NULL);
		return a > s ? a : s;
	}
	p->open = want->lease ? *may : 0;
	p->open_till = now + want->lease;
	for (int i = 0; i < 2; i++) {
		struct bucket *b = i ? &p->site : &p->account;

		bucket_add(b, *may, p->open_till);
		b->taken_day = b->day_end;
	}
	if (both_close(p, true, now, e) == 0)
		return 0;
	p->open = 0;
	return -1;
}

int pacer_spend(struct pacer *p, int requests, struct err *e)
{
	struct bucket *const both[] = {&p->account, &p->site};
	int64_t now;

	if (!p->open && requests <= 0)
		return 0;
	if (both_open(p, e))
		return -1;
	now = clock_mono();
	for (int i = 0; i < 2; i++) {
		bucket_remove(both[i], p->open, p->open_till);
		bucket_add(both[i], requests, now);
	}
	p->open = 0;
	return both_close(p, true, now, e);
}

int pacer_hold(struct pacer *p, int64_t ms, struct err *e)
{
	int64_t now;

	if (bucket_open(&p->account, p, e))
		return -1;
	now = clock_mono();
	if (now + ms > p->account.hold)
		p->account.hold = now + ms;
	return bucket_close(&p->account, true, now, e);
}

int64_t pacer_held(struct pacer *p)
{
	int64_t now, hold;

	if (bucket_open(&p->account, p, NULL))
		return 0;
	now = clock_mono();
	hold = p->account.hold;
	bucket_close(&p->account, false, now, NULL);
	return hold > now ? hold - now : 0;
}

bool pacer_used_up(struct pacer *p)
{
	bool up;

	if (bucket_open(&p->account, p, NULL))
		return false;
	up = p->account.count + HOPS > p->per_day - p->reserve;
	bucket_close(&p->account, false, 0, NULL);
	return up;
}

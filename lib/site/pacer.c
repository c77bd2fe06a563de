#include "site/pacer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define DAY_MS 86400000
#define LOG_MAX 20000
#define FILE_MAX (1u << 20)

/* A bucket's file: {"log": [wall ms of each request of the last window], "day": "2026-12-01", "count": n,
 * "hold": wall ms}. Changed under the lock beside it, replaced whole, so that a crash leaves one or the other. */
struct bucket {
	char *path, *lock;
	int lock_fd;
	jv state;
};

struct pacer {
	struct bucket account, site;
	int budget, reserve, per_day;
	int64_t window;
	char *zone;
};

static void bucket_name(struct bucket *b, const char *dir, const char *kind, const char *name)
{
	*b = (struct bucket){.path = xasprintf("%s/%s-%s.json", dir, kind, name), .lock_fd = -1, .state = jv_null()};
	b->lock = xasprintf("%s.lock", b->path);
}

static void bucket_free(struct bucket *b)
{
	free(b->path);
	free(b->lock);
	jv_free(b->state);
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

void pacer_free(struct pacer *p)
{
	if (!p)
		return;
	bucket_free(&p->account);
	bucket_free(&p->site);
	free(p->zone);
	free(p);
}

static void today(const struct pacer *p, int64_t now, char day[11])
{
	char text[CLOCK_TEXT];

	snprintf(day, 11, "%.10s", clock_format_in(p->zone, now, text));
}

/* Reads the bucket under its lock, without what is older than the window. A time ahead of the clock (which
 * was set back) counts as now: the budget errs on the side of the site. */
static int bucket_open(struct bucket *b, const struct pacer *p, int64_t now, struct err *e)
{
	jv old, log = jv_array(), times;
	char day[11];

	b->lock_fd = fs_lock_wait(b->lock, e);
	if (b->lock_fd < 0)
		return -1;
	old = json_read(b->path, FILE_MAX, e);
	if (!json_ok(old) && access(b->path, F_OK) == 0) {
		jv_free(old);
		jv_free(log);
		close(b->lock_fd);
		b->lock_fd = -1;
		return err_wrap(e, "the budget can't be read (remove the file once the site's window has passed)");
	}
	times = json_get(old, "log");
	for (struct json_iter it = json_iter(times); json_next(&it);) {
		int64_t at = json_is(it.value, JV_KIND_NUMBER) ? (int64_t)jv_number_value(it.value) : now;

		if (at > now)
			at = now;
		if (at > now - p->window)
			log = json_push(log, jv_number((double)at));
	}
	jv_free(times);
	today(p, now, day);
	bool same = strcmp(json_str(old, "day", ""), day) == 0;

	jv_free(b->state);
	b->state = json_obj("log", log, "day", jv_string(day), "count", jv_number(same ? json_num(old, "count", 0) : 0), "hold",
			    jv_number(json_num(old, "hold", 0)), NULL);
	jv_free(old);
	return 0;
}

static int bucket_close(struct bucket *b, bool write, struct err *e)
{
	char *text = write ? json_text(b->state) : NULL;
	int r = write ? fs_replace(b->path, text, strlen(text), e) : 0;

	free(text);
	close(b->lock_fd);
	b->lock_fd = -1;
	return r;
}

static void bucket_add(struct bucket *b, int n, int64_t now)
{
	jv log = json_get(b->state, "log");

	for (int i = 0; i < n && json_len(log) < LOG_MAX; i++)
		log = json_push(log, jv_number((double)now));
	b->state = json_set(b->state, "log", log);
	b->state = json_set(b->state, "count", jv_number(json_num(b->state, "count", 0) + n));
}

/* How long until this bucket has a token: 0 now. */
static int64_t bucket_wait(const struct bucket *b, const struct pacer *p, int limit, int64_t now)
{
	int64_t hold = json_int(b->state, "hold", 0), wait = 0;
	jv log = json_get(b->state, "log");
	int n = (int)json_len(log);

	if (hold > now)
		wait = hold - now;
	if (n >= limit) {
		jv oldest = json_at(log, limit > 0 ? n - limit : n - 1);
		int64_t free_at = (json_is(oldest, JV_KIND_NUMBER) ? (int64_t)jv_number_value(oldest) : now) + p->window;

		jv_free(oldest);
		if (free_at - now > wait)
			wait = free_at - now > 0 ? free_at - now : 1;
	}
	jv_free(log);
	return wait;
}

/* Both buckets are locked in one order, the account's first, so that two programs never wait for each other. */
static int both_open(struct pacer *p, int64_t now, struct err *e)
{
	if (bucket_open(&p->account, p, now, e))
		return -1;
	if (bucket_open(&p->site, p, now, e)) {
		bucket_close(&p->account, false, NULL);
		return -1;
	}
	return 0;
}

static int both_close(struct pacer *p, bool write, struct err *e)
{
	int a = bucket_close(&p->site, write, e), b = bucket_close(&p->account, write, e);

	return a || b ? -1 : 0;
}

int64_t pacer_take(struct pacer *p, bool booking, struct err *e)
{
	int64_t now = clock_wall(), a, s;
	int limit = booking ? p->budget : p->budget - p->reserve;

	if (both_open(p, now, e))
		return -1;
	/* the last requests of a day belong to a booking, too: proof needs them */
	if (json_num(p->account.state, "count", 0) >= p->per_day - (booking ? 0 : p->reserve)) {
		both_close(p, false, NULL);
		return err_set(e, EX_NOPERM, "the %d requests a day that the owner consented to are used up", p->per_day);
	}
	a = bucket_wait(&p->account, p, limit, now);
	s = bucket_wait(&p->site, p, limit, now);
	if (a || s) {
		both_close(p, false, NULL);
		return a > s ? a : s;
	}
	bucket_add(&p->account, 1, now);
	bucket_add(&p->site, 1, now);
	return both_close(p, true, e);
}

int pacer_spend(struct pacer *p, int more, struct err *e)
{
	int64_t now = clock_wall();

	if (more <= 0)
		return 0;
	if (both_open(p, now, e))
		return -1;
	bucket_add(&p->account, more, now);
	bucket_add(&p->site, more, now);
	return both_close(p, true, e);
}

int pacer_hold(struct pacer *p, int64_t wall, struct err *e)
{
	if (bucket_open(&p->account, p, clock_wall(), e))
		return -1;
	if (wall > json_int(p->account.state, "hold", 0))
		p->account.state = json_set(p->account.state, "hold", jv_number((double)wall));
	return bucket_close(&p->account, true, e);
}

int64_t pacer_held(struct pacer *p)
{
	int64_t now = clock_wall(), hold;

	if (bucket_open(&p->account, p, now, NULL))
		return 0;
	hold = json_int(p->account.state, "hold", 0);
	bucket_close(&p->account, false, NULL);
	return hold > now ? hold : 0;
}

int64_t pacer_daily(int64_t interval, int64_t active_ms, int cost)
{
	return interval > 0 ? (active_ms + interval - 1) / interval * cost : 0;
}

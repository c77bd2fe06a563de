/* ab-vault import --cookies: a session that was logged in in the person's own browser. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "page/cookiefile.h"
#include "vault-command.h"

#define TELL 10        /* lines that are no cookie */
#define SITE_MAX 300   /* what a page keeps (ab-page(5)) */
#define TRIES 20

struct told {
	const char *file;
	size_t lines;
};

static void tell_line(void *ctx, size_t line, const char *what)
{
	struct told *t = ctx;

	if (++t->lines <= TELL)
		warn("%s:%zu: %s", t->file, line, what);
	else if (t->lines == TELL + 1)
		warn("%s: and others", t->file);
}

static bool same_place(jv a, jv b)
{
	static const char *const keys[] = {"domain", "path", "name"};
	bool same = true;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		same &= strcmp(json_str(a, keys[i], ""), json_str(b, keys[i], "")) == 0;
	return same;
}

/* LIST with MORE, which stand in place of those of the same names. */
static jv with(jv list, jv more)
{
	jv all = jv_array();

	for (struct json_iter it = json_iter(list); json_next(&it);) {
		bool again = false;

		for (struct json_iter m = json_iter(more); json_next(&m);)
			again |= same_place(it.value, m.value);
		if (!again)
			all = json_push(all, jv_copy(it.value));
	}
	return jv_array_concat(all, jv_copy(more));
}

/* Beside what was imported before and is not taken yet. Each is given to the page once, by whoever has its turn next: only they
 * know what the page has (work/turn.h). */
static int keep_once(const struct master *m, const char *session, jv cookies, struct err *e)
{
	uint64_t counter = 0;
	jv state = master_read(m, session, PART_STATE, &counter, e), list;
	int r;

	if (!json_ok(state))
		return -1;
	list = json_get(state, "imported");
	state = json_set(state, "imported", with(list, cookies));
	jv_free(list);
	r = master_replace(m, session, PART_STATE, state, counter, e);
	jv_free(state);
	return r;
}

static void keep(const struct master *m, const char *session, jv cookies)
{
	struct err e = {0};
	int r, tries = TRIES;

	do
		r = keep_once(m, session, cookies, &e);
	while (r && e.status == EX_TEMPFAIL && --tries);
	if (r)
		die_err(&e);
}

static jv origins_of(const struct master *m, const char *session)
{
	struct err e;
	jv rules = master_read(m, session, PART_RULES, NULL, &e), origins;

	if (!json_ok(rules))
		die_err(&e);
	origins = site_origins(rules, &e);
	if (!json_ok(origins))
		die_err(&e);
	jv_free(rules);
	return origins;
}

static struct cookiefile read_file(const char *file, jv origins)
{
	const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
	struct told told = {name, 0};
	struct cookiefile f;
	struct str text;

	slurp(file, COOKIEFILE_MAX, &text);
	f = cookiefile_read(str_text(&text), text.len, origins, clock_wall() / 1000, tell_line, &told);
	if (text.s)
		secret_wipe(text.s, text.cap);
	str_free(&text);
	if (f.wrong)
		die(EX_DATAERR, "%s: %zu line%s no cookie in the format of cookies.txt (Netscape); nothing was taken in", name, f.wrong,
		    f.wrong == 1 ? " is" : "s are");
	if (json_len(f.cookies) > SITE_MAX)
		die(EX_DATAERR, "%s: %zu cookies are for the site, and a page keeps %d; nothing was taken in", name, json_len(f.cookies), SITE_MAX);
	return f;
}

int cookies_import(const char *file, const char *session)
{
	struct master *m = unlock();
	jv origins = origins_of(m, session);
	struct cookiefile f = read_file(file, origins);
	size_t kept = json_len(f.cookies);

	if (kept)
		keep(m, session, f.cookies);
	warn("%s: %zu cookie%s kept, %zu left out (%zu of other sites, %zu expired)%s", session, kept, kept == 1 ? "" : "s",
	     f.foreign + f.expired, f.foreign, f.expired, kept ? "" : ": nothing was changed");
	jv_free(f.cookies);
	jv_free(origins);
	master_close(m);
	return kept ? 0 : EX_NO;
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "ext/seal.h"
#include "notify.h"

#define OUTBOX_MAX (64u << 20)
#define RESERVE (64u << 10) /* bytes of the file for what is to be told when the disk is full: that it is, for one */
#define SETTINGS_MAX 8192 /* bytes of an address with its settings */
#define KEEP (30 * 86400000LL) /* how long an id is remembered */

static int write_record(struct outbox *o, jv record, struct err *e)
{
	struct str line = {0};
	int r;

	json_add_text(&line, record);
	str_putc(&line, '\n');
	r = o->fd < 0 ? 0 : fs_append(o->fd, line.s, line.len, true); /* without a file, which was said */
	if (r)
		err_set(e, EX_IOERR, "write the outbox:");
	str_free(&line);
	jv_free(record);
	return r;
}

static char *address_hash(const char *url)
{
	unsigned char sum[16];
	char *hex = xmalloc(2 * sizeof sum + 1);

	seal_hash(sum, sizeof sum, NULL, &(struct seal_part){url, strlen(url)}, 1);
	return seal_hex(hex, sum, sizeof sum);
}

/* What makes an address this one: another password is no other address, another chat of one service is. */
static char *item_hash(jv item, const char *url)
{
	jv options = json_get(item, "options");
	char *more = json_ok(options) && json_len(options) ? json_text(options) : xstrdup(""), *all = xasprintf("%s%s", url, more);
	char *hash = address_hash(all);

	free(all);
	free(more);
	jv_free(options);
	return hash;
}

static struct target *target_of(struct outbox *o, const char *hash)
{
	for (int i = 0; i < o->ntargets; i++)
		if (strcmp(o->targets[i].hash, hash) == 0)
			return &o->targets[i];
	return NULL;
}

/* ITEM is an object here. */
static int take_target(struct outbox *o, jv item, struct err *e)
{
	const char *url = json_str(item, "url", "");
	size_t n = strcspn(url, ":");
	char *hash, *text;
	bool again, large;

	if (!n || !url[n])
		return err_set(e, EX_CONFIG, "notify: address %d has no scheme (exec:PROGRAM, file:PATH, …)", o->ntargets + 1);
	text = json_text(item);
	large = strlen(text) > SETTINGS_MAX;
	explicit_bzero(text, strlen(text));
	free(text);
	if (large)
		return err_set(e, EX_CONFIG, "notify: address %d is longer than %d KiB with its settings", o->ntargets + 1, SETTINGS_MAX >> 10);
	hash = item_hash(item, url);
	again = target_of(o, hash);
	if (again) {
		free(hash);
		return err_set(e, EX_CONFIG, "notify: address %d stands there twice", o->ntargets + 1);
	}
	o->targets[o->ntargets++] = (struct target){.url = xstrdup(url), .scheme = xstrndup(url, n), .hash = hash,
						    .settings = jv_copy(item), .driver = DRIVER_NONE};
	return 0;
}

static int take_targets(struct outbox *o, jv items, struct err *e)
{
	int r = 0;

	if (json_len(items) > TARGETS_MAX)
		return err_set(e, EX_CONFIG, "notify has more than %d addresses", TARGETS_MAX);
	for (struct json_iter it = json_iter(items); !r && json_next(&it);) {
		jv item = json_is(it.value, JV_KIND_OBJECT) ? jv_copy(it.value) : json_obj("url", jv_copy(it.value), NULL);

		r = take_target(o, item, e);
		jv_free(item);
		if (r)
			json_iter_end(&it);
	}
	return r;
}

static void add_delivery(struct outbox *o, jv message, struct target *to)
{
	struct delivery **end = &o->pending, *d = xcalloc(1, sizeof *d);
	int64_t born, now = clock_wall(), age = clock_parse(json_str(message, "time", ""), &born) == 0 ? now - born : 0;

	/* from here on setting the clock changes nothing */
	*d = (struct delivery){.message = jv_copy(message), .to = to, .due = clock_mono(), .ends = clock_mono() + o->patience - (age > 0 ? age : 0)};
	while (*end)
		end = &(*end)->next;
	*end = d;
	o->npending++;
}

/* What the file says: messages by id, and {id: {HASH: "sent"|"gave_up"}}. */
struct found {
	jv messages, done;
};

static void take_record(struct outbox *o, struct found *f, jv r)
{
	const char *what = json_str(r, "what", ""), *id = json_str(r, "id", "");
	jv of;

	if (strcmp(what, "new") == 0) {
		f->messages = json_set(f->messages, id, jv_copy(r));
		o->known = json_set_str(o->known, id, json_str(r, "time", ""));
	} else if (strcmp(what, "old") == 0) {
		o->known = json_set_str(o->known, id, json_str(r, "time", ""));
	} else if (strcmp(what, "sent") == 0 || strcmp(what, "gave_up") == 0) {
		of = json_get(f->done, id);
		f->done = json_set(f->done, id, json_set_str(of, json_str(r, "to", ""), what));
	} else if (strcmp(what, "trouble") == 0) {
		o->troubles = json_bool(r, "open", false) ? json_set(o->troubles, json_str(r, "key", ""), jv_true())
							  : json_del(o->troubles, json_str(r, "key", ""));
	} else if (strcmp(what, "daily") == 0 && clock_parse(json_str(r, "next", ""), &o->daily)) {
		o->daily = -1;
	}
}

static int load(struct outbox *o, const char *path, struct found *f, struct err *e)
{
	struct str text;
	size_t line = 0;

	if (fs_read(path, OUTBOX_MAX, &text, e))
		return errno == ENOENT ? 0 : -1;
	for (size_t at = 0; at < text.len;) {
		char *nl = memchr(text.s + at, '\n', text.len - at);
		size_t n = nl ? (size_t)(nl - text.s) - at : text.len - at;
		jv r = json_parse(text.s + at, n, NULL);

		line++;
		if (json_is(r, JV_KIND_OBJECT))
			take_record(o, f, r);
		else if (nl && n) /* a last line without its end is what a crash leaves */
			warn("%s: line %zu is damaged and passed over", path, line);
		jv_free(r);
		at += n + 1;
	}
	str_free(&text);
	return 0;
}

/* Addresses that have yet to get MESSAGE. One that is no longer among the rules can't be reached; when none was, all
 * that are get it. */
static void revive(struct outbox *o, jv message, jv done)
{
	jv to = json_get(message, "to");
	bool reached = json_len(done) > 0;

	for (struct json_iter it = json_iter(to); json_next(&it);) {
		const char *hash = json_string(it.value, "");
		struct target *t = json_has(done, hash) ? NULL : target_of(o, hash);

		if (t)
			add_delivery(o, message, t);
		reached |= t != NULL;
	}
	for (int i = 0; !reached && i < o->ntargets; i++)
		add_delivery(o, message, &o->targets[i]);
	jv_free(to);
}

static void keep_line(struct str *file, jv record)
{
	json_add_text(file, record);
	str_putc(file, '\n');
	jv_free(record);
}

static void keep_pending(struct outbox *o, struct str *file, struct found *f)
{
	for (struct json_iter it = json_iter(f->messages); json_next(&it);) {
		jv done = json_get(f->done, it.key);
		int before = o->npending;

		revive(o, it.value, done);
		if (o->npending > before) {
			keep_line(file, jv_copy(it.value));
			for (struct json_iter d = json_iter(done); json_next(&d);)
				keep_line(file, json_obj("what", jv_copy(d.value), "id", jv_string(it.key), "to", jv_string(d.key), NULL));
		}
		jv_free(done);
	}
}

static jv daily_record(const struct outbox *o)
{
	char next[CLOCK_TEXT];

	return json_obj("what", jv_string("daily"), "next", jv_string(clock_format(o->daily, next)), NULL);
}

/* The file anew: pending messages whole, of the others the id for a while. */
static int rewrite(struct outbox *o, const char *path, struct found *f, struct err *e)
{
	struct str file = {0};
	jv young = jv_object();
	int r;

	keep_pending(o, &file, f);
	for (struct json_iter it = json_iter(o->known); json_next(&it);) {
		int64_t at = 0;

		if (clock_parse(json_string(it.value, ""), &at) || clock_wall() - at > KEEP)
			continue;
		young = json_set(young, it.key, jv_copy(it.value));
		keep_line(&file, json_obj("what", jv_string("old"), "id", jv_string(it.key), "time", jv_copy(it.value), NULL));
	}
	jv_free(o->known);
	o->known = young;
	for (struct json_iter it = json_iter(o->troubles); json_next(&it);)
		keep_line(&file, json_obj("what", jv_string("trouble"), "key", jv_string(it.key), "open", jv_true(), NULL));
	if (o->daily >= 0)
		keep_line(&file, daily_record(o));
	r = fs_replace(path, str_text(&file), file.len, e);
	str_free(&file);
	return r;
}

/* On a disk that is full or read-only the person is told all the same: with the file as it is, or without one. */
static void open_file(struct outbox *o, const char *path, struct found *f)
{
	struct err e;
	int r = rewrite(o, path, f, &e);

	if (r)
		warn("%s; messages are told, but after a crash they may be told again, or not at all", e.text);
	o->fd = fs_open_append(path, r ? NULL : &e);
	if (o->fd < 0 && !r)
		warn("%s", e.text);
	if (o->fd >= 0 && r && fs_append(o->fd, "\n", 1, false)) /* its last line may be one that a crash cut short */
		return;
	if (o->fd >= 0)
		fs_reserve(o->fd, RESERVE);
}

int outbox_open(struct outbox *o, const char *session, jv items, int64_t patience, struct err *e)
{
	char *path = path_state(session, "notify.ndjson", e);
	struct found f = {jv_object(), jv_object()};
	int r = -1;

	*o = (struct outbox){.fd = -1, .known = jv_object(), .troubles = jv_object(), .daily = -1, .patience = patience};
	if (path && take_targets(o, items, e) == 0 && load(o, path, &f, e) == 0) {
		open_file(o, path, &f);
		r = 0;
	}
	jv_free(f.messages);
	jv_free(f.done);
	free(path);
	return r;
}

static void free_delivery(struct outbox *o, struct delivery *d)
{
	struct delivery **at = &o->pending;

	while (*at && *at != d)
		at = &(*at)->next;
	if (*at)
		*at = d->next;
	o->npending--;
	jv_free(d->message);
	free(d);
}

void outbox_close(struct outbox *o)
{
	while (o->pending)
		free_delivery(o, o->pending);
	for (int i = 0; i < o->ntargets; i++) {
		driver_stop(&o->targets[i].driver, 0);
		free(o->targets[i].url);
		free(o->targets[i].scheme);
		free(o->targets[i].hash);
		jv_free(o->targets[i].settings);
	}
	jv_free(o->known);
	jv_free(o->troubles);
	if (o->fd >= 0)
		close(o->fd);
}

bool outbox_knows(const struct outbox *o, const char *id)
{
	return json_has(o->known, id);
}

int outbox_add(struct outbox *o, const char *id, jv title, jv text, jv event, const struct target *except, struct err *e)
{
	char now[CLOCK_TEXT];
	jv to = jv_array(), message;
	int r;

	for (int i = 0; i < o->ntargets; i++)
		if (&o->targets[i] != except)
			to = json_push(to, jv_string(o->targets[i].hash));
	message = json_obj("what", jv_string("new"), "id", jv_string(id), "time", jv_string(clock_format(clock_wall(), now)),
			   "title", title, "text", text, "event", event, "to", to, NULL);
	if (o->npending + o->ntargets > PENDING_MAX) {
		r = err_set(e, EX_TEMPFAIL, "%d messages wait already", o->npending);
	} else {
		r = write_record(o, jv_copy(message), e);
		o->known = json_set_str(o->known, id, now);
		for (int i = 0; i < o->ntargets; i++)
			if (&o->targets[i] != except)
				add_delivery(o, message, &o->targets[i]);
	}
	jv_free(message);
	return r;
}

int outbox_done(struct outbox *o, struct delivery *d, const char *what, struct err *e)
{
	jv id = json_get(d->message, "id");
	int r = write_record(o, json_obj("what", jv_string(what), "id", id, "to", jv_string(d->to->hash), NULL), e);

	free_delivery(o, d);
	return r;
}

static void note_trouble(struct outbox *o, const char *key, bool open)
{
	struct err e;

	/* when this is lost, the trouble is told once more: no reason to stop */
	if (write_record(o, json_obj("what", jv_string("trouble"), "key", jv_string(key), "open", open ? jv_true() : jv_false(), NULL), &e))
		warn("%s", e.text);
}

bool outbox_troubled(const struct outbox *o, const char *prefix)
{
	for (struct json_iter it = json_iter(o->troubles); json_next(&it);)
		if (str_starts(it.key, prefix)) {
			json_iter_end(&it);
			return true;
		}
	return false;
}

void outbox_trouble(struct outbox *o, const char *key)
{
	o->troubles = json_set(o->troubles, key, jv_true());
	note_trouble(o, key, true);
}

void outbox_clear(struct outbox *o, const char *prefix)
{
	jv left = jv_object();

	for (struct json_iter it = json_iter(o->troubles); json_next(&it);) {
		if (str_starts(it.key, prefix))
			note_trouble(o, it.key, false);
		else
			left = json_set(left, it.key, jv_true());
	}
	jv_free(o->troubles);
	o->troubles = left;
}

void outbox_set_daily(struct outbox *o, int64_t next)
{
	struct err e;

	o->daily = next;
	/* when this is lost, the message comes once more after a crash */
	if (write_record(o, daily_record(o), &e))
		warn("%s", e.text);
}

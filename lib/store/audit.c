#include "store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "ext/seal.h"
#include "store/vault.h"
#include "wire/line.h"

#define HASH 32
#define RECORD_MAX (LINE_EVENT_MAX + 1024)
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define PREV_TAIL (sizeof ",\"prev\":\"" - 1 + 64 + 1) /* ,"prev":"…"   */
#define HASH_TAIL (sizeof ",\"hash\":\"" - 1 + 64 + 2) /* ,"hash":"…"}  */

struct audit {
	char *path;
	int fd;
	struct audit_head head;
	bool dirty;
};

/* A line taken apart, without reading the event in it. */
struct record {
	int64_t seq;
	char prev[AUDIT_HEX], hash[AUDIT_HEX];
	bool fits; /* the hash is that of its bytes */
};

static void hash_of(const char *prev, const char *body, size_t len, char out[AUDIT_HEX])
{
	unsigned char before[HASH] = {0}, sum[HASH];

	seal_unhex(before, HASH, prev, 64);
	seal_hash(sum, HASH, NULL, (const struct seal_part[]){{before, HASH}, {body, len}}, 2);
	seal_hex(out, sum, HASH);
}

/* A quoted hash after MARK at AT. */
static int take_hash(const char *at, const char *mark, char out[AUDIT_HEX])
{
	unsigned char raw[HASH];
	size_t n = strlen(mark);

	if (memcmp(at, mark, n) != 0 || seal_unhex(raw, HASH, at + n, 64))
		return -1;
	memcpy(out, at + n, 64);
	out[64] = '\0';
	return 0;
}

static int take_record(const char *line, size_t len, struct record *r)
{
	char sum[AUDIT_HEX];
	size_t body;
	int used = 0;

	if (len < PREV_TAIL + HASH_TAIL + 8 || sscanf(line, "{\"seq\":%" SCNd64 ",\"time\":%n", &r->seq, &used) != 1 || !used)
		return -1;
	body = len - HASH_TAIL;
	if (memcmp(line + len - 2, "\"}", 2) != 0 || take_hash(line + body, ",\"hash\":\"", r->hash) ||
	    take_hash(line + body - PREV_TAIL, ",\"prev\":\"", r->prev))
		return -1;
	hash_of(r->prev, line, body, sum);
	r->fits = strcmp(sum, r->hash) == 0;
	return 0;
}

int audit_head_read(const char *session, struct audit_head *head, struct err *e)
{
	jv v = part_read(session, PART_AUDIT, e);
	unsigned char raw[HASH];
	const char *hash;

	*head = (struct audit_head){.hash = ZEROS};
	if (!json_ok(v))
		return -1;
	if (json_len(v)) {
		hash = json_str(v, "hash", "");
		head->seq = json_int(v, "seq", -1);
		if (head->seq < 0 || seal_unhex(raw, HASH, hash, strlen(hash))) {
			jv_free(v);
			return err_set(e, EX_DATAERR, "the sealed head of %s's audit chain is no head", session);
		}
		memcpy(head->hash, hash, AUDIT_HEX);
	}
	jv_free(v);
	return 0;
}

int audit_head_write(const char *session, const struct audit_head *head, struct err *e)
{
	jv v = json_obj("seq", jv_number((double)head->seq), "hash", jv_string(head->hash), NULL);
	int r = part_write(session, PART_AUDIT, v, e);

	jv_free(v);
	return r;
}

/* KEY is "event" or "note", VALUE its JSON. */
static int append(struct audit *a, const char *key, const char *value, size_t len, struct err *e)
{
	struct str line = {0};
	char now[CLOCK_TEXT], sum[AUDIT_HEX];
	int r;

	str_addf(&line, "{\"seq\":%" PRId64 ",\"time\":\"%s\",\"%s\":", a->head.seq + 1, clock_format(clock_wall(), now), key);
	str_add(&line, value, len);
	str_addf(&line, ",\"prev\":\"%s\"", a->head.hash);
	hash_of(a->head.hash, line.s, line.len, sum);
	str_addf(&line, ",\"hash\":\"%s\"}\n", sum);
	a->dirty = true;
	r = fs_append(a->fd, line.s, line.len, false);
	if (r) {
		err_set(e, EX_IOERR, "append to %s:", a->path);
	} else {
		a->head.seq++;
		memcpy(a->head.hash, sum, AUDIT_HEX);
	}
	str_free(&line);
	return r;
}

int audit_add(struct audit *a, const char *event, size_t len, struct err *e)
{
	return append(a, "event", event, len, e);
}

static int note(struct audit *a, const char *what, int64_t number, struct err *e)
{
	char text[64];

	snprintf(text, sizeof text, "{\"%s\":%" PRId64 "}", what, number);
	return append(a, "note", text, strlen(text), e);
}

int audit_sync(struct audit *a, struct err *e)
{
	if (a->dirty && fdatasync(a->fd))
		return err_set(e, EX_IOERR, "sync %s:", a->path);
	a->dirty = false;
	return 0;
}

bool audit_dirty(const struct audit *a)
{
	return a->dirty;
}

struct audit_head audit_head(const struct audit *a)
{
	return a->head;
}

/* How the file stands. */
struct scan {
	struct audit_head last, sealed; /* the last record; SEQ of the sealed head as the file has it */
	off_t torn;                     /* bytes of an unfinished last line */
};

/* Cuts what a crash left of a last line. */
static int cut_torn(struct audit *a, off_t *torn, struct err *e)
{
	struct stat st;
	char chunk[4096];
	off_t end, keep = 0;

	*torn = 0;
	if (fstat(a->fd, &st))
		return err_set(e, EX_IOERR, "look at %s:", a->path);
	for (end = st.st_size; end && !keep;) {
		off_t from = end > (off_t)sizeof chunk ? end - (off_t)sizeof chunk : 0;
		ssize_t got = pread(a->fd, chunk, (size_t)(end - from), from);
		char *nl;

		if (got != end - from)
			return err_set(e, EX_IOERR, "read %s:", a->path);
		nl = memrchr(chunk, '\n', (size_t)got);
		if (nl)
			keep = from + (nl - chunk) + 1;
		end = from;
	}
	*torn = st.st_size - keep;
	if (*torn && (ftruncate(a->fd, keep) || fsync(a->fd)))
		return err_set(e, EX_IOERR, "cut the torn end of %s:", a->path);
	return 0;
}

typedef int line_cb(void *ctx, const char *text, size_t len, unsigned long number);

static int each_line(const char *path, line_cb *cb, void *ctx, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	enum line_got got = LINE_OK;
	struct line_in in;
	char *text;
	size_t len;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, EX_NOPERM, "open %s:", path);
	line_init(&in, fd, RECORD_MAX);
	while (!r && (got = line_next(&in, &text, &len, -1)) != LINE_EOF && got != LINE_ERROR)
		r = cb(ctx, got == LINE_OK ? text : "", got == LINE_OK ? len : 0, in.number);
	if (got == LINE_ERROR)
		r = err_set(e, EX_IOERR, "read %s:", path);
	line_free(&in);
	close(fd);
	return r;
}

static int scan_line(void *ctx, const char *text, size_t len, unsigned long number)
{
	struct scan *s = ctx;
	struct record r;

	(void)number;
	if (take_record(text, len, &r))
		return 0;
	s->last.seq = r.seq;
	memcpy(s->last.hash, r.hash, AUDIT_HEX);
	if (r.seq == s->sealed.seq)
		memcpy(s->sealed.hash, r.hash, AUDIT_HEX);
	return 0;
}

static int note_differences(struct audit *a, const struct scan *s, const struct audit_head *sealed, bool *alarm,
			    struct err *e)
{
	bool lost = sealed && sealed->seq && strcmp(s->sealed.hash, sealed->hash) != 0;
	int64_t first_lost = lost && a->head.seq < sealed->seq ? a->head.seq + 1 : lost ? sealed->seq : 0;

	if (alarm)
		*alarm = lost;
	if (s->torn && note(a, "torn", s->torn, e))
		return -1;
	if (lost)
		return note(a, "lost", first_lost, e);
	if (sealed && s->last.seq > sealed->seq)
		return note(a, "unsealed", sealed->seq + 1, e);
	return 0;
}

struct audit *audit_open(const char *session, const struct audit_head *sealed, bool *alarm, struct err *e)
{
	struct audit *a = xcalloc(1, sizeof *a);
	struct scan s = {.last.hash = ZEROS, .sealed.seq = sealed ? sealed->seq : 0};

	a->path = path_state(session, "audit.ndjson", e);
	a->fd = a->path ? open(a->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (a->path && a->fd < 0)
		err_set(e, EX_CANTCREAT, "open %s for appending:", a->path);
	if (a->fd < 0 || cut_torn(a, &s.torn, e) || each_line(a->path, scan_line, &s, e))
		goto bad;
	a->head = s.last;
	if (note_differences(a, &s, sealed, alarm, e) || audit_sync(a, e))
		goto bad;
	return a;
bad:
	audit_free(a);
	return NULL;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	if (a->fd >= 0)
		close(a->fd);
	free(a->path);
	free(a);
}

struct verify {
	struct audit_head last, sealed;
	bool sealed_seen;
	int64_t unread;  /* lines since LAST that are no records */
	struct str before; /* the line of LAST */
	audit_fault *fault;
	void *ctx;
	int faults;
};

/* What a line tells of its record: " (TIME, TYPE)", after WORD. */
static char *about(const char *word, const char *line, size_t len)
{
	jv record = json_parse(line, len, NULL), type = json_path(record, "event.type");
	char *text = json_is(record, JV_KIND_OBJECT) ? xasprintf(" (%s%.40s, %.60s)", word, json_str(record, "time", "?"), json_string(type, "ab-audit"))
						     : xstrdup("");

	jv_free(type);
	jv_free(record);
	return text;
}

__attribute__((format(printf, 4, 5))) static void tell(struct verify *v, int64_t seq, char *about_taken, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->fault(v->ctx, seq, about_taken, text);
	v->faults++;
	free(about_taken);
}

/* Those from DUE up to LAST are not there. */
static void tell_missing(struct verify *v, int64_t due, int64_t last, const char *more)
{
	char *after = about("after ", str_text(&v->before), v->before.len);

	if (last > due)
		tell(v, due, after, "missing, and all up to %" PRId64 "%s", last, more);
	else
		tell(v, due, after, "missing%s", more);
}

/* Where the record after the last one should stand. Of lines in between that are no records nothing can be said: each may
 * have been one, or have been put in. */
static void check_place(struct verify *v, const struct record *r, const char *line, size_t len)
{
	int64_t due = v->last.seq + 1;

	if (r->seq > due + v->unread)
		tell_missing(v, due + v->unread, r->seq - 1, "");
	else if (r->seq < due)
		tell(v, r->seq, about("", line, len), "out of order: it stands after %" PRId64, v->last.seq);
	else if (r->seq == due && strcmp(r->prev, v->last.hash) != 0)
		tell(v, r->seq, about("", line, len), "does not follow from the record before it: one of the two was changed");
}

/* The head that was sealed must be the record of that number. */
static void check_seal(struct verify *v, const struct record *r, const char *line, size_t len)
{
	if (!v->sealed.seq || r->seq != v->sealed.seq || v->sealed_seen)
		return;
	v->sealed_seen = true;
	if (strcmp(r->hash, v->sealed.hash) != 0)
		tell(v, r->seq, about("", line, len), "not the record that was sealed as the chain's end: it, or what is before it, was written anew");
}

static void check_note(struct verify *v, const struct record *r, const char *line, size_t len)
{
	static const char mark[] = ",\"note\":{\"lost\":";
	const char *lost = strstr(line, mark);

	if (lost && lost < line + 64)
		tell(v, strtoll(lost + sizeof mark - 1, NULL, 10), about("noted ", line, len),
		     "lost: noted by record %" PRId64 " when ab-audit found the end cut or changed", r->seq);
}

static int verify_line(void *ctx, const char *text, size_t len, unsigned long number)
{
	struct verify *v = ctx;
	struct record r;

	if (take_record(text, len, &r)) {
		tell(v, v->last.seq + 1 + v->unread, about("", text, len), "line %lu is no record: edited, damaged or put in", number);
		v->unread++;
		return 0;
	}
	if (!r.fits && !v->unread && strcmp(r.prev, v->last.hash) == 0)
		r.seq = v->last.seq + 1; /* of what was edited the number says nothing, when it follows from the record before it */
	if (!r.fits)
		tell(v, r.seq, about("", text, len), "edited: its hash is not that of its bytes");
	check_place(v, &r, text, len);
	check_seal(v, &r, text, len);
	check_note(v, &r, text, len);
	if (r.seq > v->last.seq) { /* one that is out of order does not move the place where we are */
		v->last.seq = r.seq;
		memcpy(v->last.hash, r.hash, AUDIT_HEX);
		str_reset(&v->before);
		str_add(&v->before, text, len);
		v->unread = 0;
	}
	return 0;
}

/* A line is written with its newline: without one it was cut. */
static bool has_end(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	char last = '\n';

	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		last = '\n';
	if (fd >= 0)
		close(fd);
	return last == '\n';
}

static void check_end(struct verify *v, const char *path)
{
	if (!v->unread && !has_end(path))
		tell(v, v->last.seq, about("", str_text(&v->before), v->before.len), "its line has no end: cut short");
	if (v->sealed.seq > v->last.seq + v->unread)
		tell_missing(v, v->last.seq + 1 + v->unread, v->sealed.seq, ": the end was cut");
	else if (v->sealed.seq && v->sealed.seq <= v->last.seq && !v->sealed_seen)
		tell(v, v->sealed.seq, xstrdup(""), "missing: it was sealed as the chain's end");
}

int audit_verify(const char *session, const struct audit_head *sealed, audit_fault *fault, void *ctx,
		 struct audit_head *last, struct err *e)
{
	struct verify v = {.last.hash = ZEROS, .fault = fault, .ctx = ctx};
	char *path = path_state(session, "audit.ndjson", e);
	int r;

	if (!path)
		return -1;
	if (sealed)
		v.sealed = *sealed;
	r = each_line(path, verify_line, &v, e);
	if (!r)
		check_end(&v, path);
	free(path);
	str_free(&v.before);
	if (r)
		return -1;
	if (last)
		*last = v.last;
	return v.faults ? 1 : 0;
}

struct each {
	audit_cb *cb;
	void *ctx;
};

static int each_record(void *ctx, const char *text, size_t len, unsigned long number)
{
	struct each *each = ctx;
	jv record = json_parse(text, len, NULL);
	int r = json_ok(record) ? each->cb(each->ctx, record) : 0;

	(void)number;
	jv_free(record);
	return r;
}

int audit_each(const char *session, audit_cb *cb, void *ctx, struct err *e)
{
	char *path = path_state(session, "audit.ndjson", e);
	int r = path ? each_line(path, each_record, &(struct each){cb, ctx}, e) : -1;

	free(path);
	return r;
}

/* Takes from the object CTX each id that the line names. Without reading it as JSON: chains grow long, and what else is
 * called "id" in an event is none of these UUIDs. */
static int strike_out(void *ctx, const char *text, size_t len, unsigned long number)
{
	static const char mark[] = "\"id\":\"";
	jv *ids = ctx;
	const char *end = text + len, *at = text;

	(void)number;
	while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1))) {
		const char *stop;
		char *id;

		at += sizeof mark - 1;
		stop = memchr(at, '"', (size_t)(end - at));
		id = stop ? xstrndup(at, (size_t)(stop - at)) : NULL;

		if (id && json_has(*ids, id))
			*ids = json_del(*ids, id);
		free(id);
	}
	return 0;
}

jv audit_missing(const char *session, jv events, struct err *e)
{
	char *path = path_state(session, "audit.ndjson", e);
	jv ids = jv_object(), missing = jv_array();
	int r;

	for (struct json_iter it = json_iter(events); json_next(&it);)
		ids = json_set(ids, json_str(it.value, "id", ""), jv_true());
	r = !path ? -1 : json_len(ids) ? each_line(path, strike_out, &ids, e) : 0;
	for (struct json_iter it = json_iter(events); json_next(&it);)
		if (json_has(ids, json_str(it.value, "id", "")))
			missing = json_push(missing, jv_copy(it.value));
	free(path);
	jv_free(ids);
	jv_free(events);
	if (!r)
		return missing;
	jv_free(missing);
	return jv_invalid();
}

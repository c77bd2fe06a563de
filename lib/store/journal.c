#include "store/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define JOURNAL_MAX (64u << 20)
#define RESERVE (64u << 10) /* all the records of one attempt, and of reading back again and again */

struct journal {
	int fd;
	char *path;
	jv records;
	double seq;
};

static int load(struct journal *j, struct str *text, struct err *e)
{
	size_t at = 0, line = 0;

	while (at < text->len) {
		char *nl = memchr(text->s + at, '\n', text->len - at);
		struct err why;
		jv r;

		line++;
		if (!nl) /* torn: it was being written when the power went */
			break;
		r = json_parse(text->s + at, (size_t)(nl - text->s) - at, &why);
		if (!json_is(r, JV_KIND_OBJECT) || json_num(r, "seq", 0) <= j->seq) {
			jv_free(r);
			return err_set(e, EX_DATAERR, "%s: line %zu is damaged; look at it before anything is booked", j->path, line);
		}
		j->seq = json_num(r, "seq", 0);
		j->records = json_push(j->records, r);
		at = (size_t)(nl - text->s) + 1;
	}
	if (j->fd >= 0 && at < text->len && (ftruncate(j->fd, (off_t)at) || fdatasync(j->fd)))
		return err_set(e, EX_IOERR, "cut the torn end of %s:", j->path);
	return 0;
}

static struct journal *open_as(const char *session, bool append, struct err *e)
{
	struct journal *j = xcalloc(1, sizeof *j);
	struct str text = {0};
	char *dir = path_state(session, NULL, e);
	bool fine;

	j->fd = -1;
	j->records = jv_array();
	j->path = dir ? path_state(session, "journal.ndjson", e) : NULL;
	fine = j->path && (!append || ((j->fd = fs_open_append(j->path, e)) >= 0 && fs_sync_dir(dir, e) == 0)) &&
	       (fs_read(j->path, JOURNAL_MAX, &text, e) == 0 || (!append && errno == ENOENT)) && load(j, &text, e) == 0;
	if (!fine) {
		journal_free(j);
		j = NULL;
	}
	str_free(&text);
	free(dir);
	return j;
}

struct journal *journal_open(const char *session, struct err *e)
{
	return open_as(session, true, e);
}

struct journal *journal_read(const char *session, struct err *e)
{
	return open_as(session, false, e);
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	jv_free(j->records);
	free(j);
}

int journal_reserve(struct journal *j, struct err *e)
{
	return fs_reserve(j->fd, RESERVE) ? err_set(e, EX_IOERR, "make room in %s:", j->path) : 0;
}

int journal_add(struct journal *j, jv record, struct err *e)
{
	char now[CLOCK_TEXT], *text;
	int r;

	record = json_set(record, "seq", jv_number(j->seq + 1));
	record = json_set_str(record, "time", clock_format(clock_wall(), now));
	text = json_text(record);
	struct str line = {0};

	str_puts(&line, text);
	str_putc(&line, '\n');
	free(text);
	r = fs_append(j->fd, line.s, line.len, true);
	if (r)
		err_set(e, EX_IOERR, "write %s:", j->path);
	str_free(&line);
	if (r) {
		jv_free(record);
		return -1;
	}
	j->seq++;
	j->records = json_push(j->records, record);
	return 0;
}

static bool is(jv record, const char *what)
{
	return strcmp(json_str(record, "what", ""), what) == 0;
}

static bool same_attempt(jv a, jv b)
{
	return strcmp(json_str(a, "goal", ""), json_str(b, "goal", "-")) == 0 && json_num(a, "attempt", 0) == json_num(b, "attempt", -1);
}

jv journal_open_intent(const struct journal *j)
{
	jv open = jv_null();

	for (struct json_iter it = json_iter(j->records); json_next(&it);) {
		if (is(it.value, "intent")) {
			jv_free(open);
			open = jv_copy(it.value);
		} else if ((is(it.value, "unsent") || is(it.value, "result")) && same_attempt(it.value, open)) {
			jv_free(open);
			open = jv_null();
		}
	}
	return open;
}

jv journal_result(const struct journal *j, const char *goal, int attempt)
{
	jv found = jv_null();

	for (struct json_iter it = json_iter(j->records); json_next(&it);)
		if (is(it.value, "result") && strcmp(json_str(it.value, "goal", ""), goal) == 0 &&
		    json_int(it.value, "attempt", -1) == attempt) {
			jv_free(found);
			found = jv_copy(it.value);
		}
	return found;
}

static const char *status_of(jv result)
{
	jv event = json_get(result, "event"), data = json_get(event, "data");
	const char *status = json_str(data, "status", "");

	jv_free(event);
	jv_free(data);
	return status;
}

jv journal_standing(const struct journal *j, const char *goal)
{
	jv found = jv_null();

	for (struct json_iter it = json_iter(j->records); json_next(&it);) {
		if (!is(it.value, "result") || (goal && strcmp(json_str(it.value, "goal", ""), goal) != 0))
			continue;
		const char *status = status_of(it.value);
		bool holds = strcmp(status, "booked") == 0 || strcmp(status, "pending") == 0 || strcmp(status, "unknown") == 0;

		if (holds || same_attempt(it.value, found)) {
			jv_free(found);
			found = holds ? jv_copy(it.value) : jv_null();
		}
	}
	return found;
}

jv journal_known(const struct journal *j, const char *goal, int attempt)
{
	jv found = jv_null();

	for (struct json_iter it = json_iter(j->records); json_next(&it);)
		if (is(it.value, "known") && strcmp(json_str(it.value, "goal", ""), goal) == 0 &&
		    json_int(it.value, "attempt", -1) == attempt) {
			jv_free(found);
			found = json_get(it.value, "booking");
		}
	return found;
}

jv journal_results(const struct journal *j)
{
	jv list = jv_array();

	for (struct json_iter it = json_iter(j->records); json_next(&it);)
		if (is(it.value, "result"))
			list = json_push(list, json_get(it.value, "event"));
	return list;
}

jv journal_untold(const struct journal *j)
{
	jv told = jv_object(), list = jv_array();

	for (struct json_iter it = json_iter(j->records); json_next(&it);)
		if (is(it.value, "told"))
			told = json_set(told, json_str(it.value, "id", ""), jv_true());
	for (struct json_iter it = json_iter(j->records); json_next(&it);) {
		jv event = is(it.value, "result") ? json_get(it.value, "event") : jv_null();

		if (json_is(event, JV_KIND_OBJECT) && !json_has(told, json_str(event, "id", "")))
			list = json_push(list, jv_copy(event));
		jv_free(event);
	}
	jv_free(told);
	return list;
}

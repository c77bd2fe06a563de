#include "plan/slot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define ID_MAX 512

/* A text member: numbers are codes that lost their quotes; "" is as good as nothing. */
static int take_text(jv *to, jv from, const char *key, struct err *e)
{
	jv v = json_get(from, key);
	char *digits;

	if (json_is(v, JV_KIND_NUMBER)) {
		digits = json_text(v);
		jv_free(v);
		v = jv_string(digits);
		free(digits);
	}
	if (json_is(v, JV_KIND_STRING) && !json_len(v)) {
		jv_free(v);
		v = jv_null();
	}
	if (!json_is(v, JV_KIND_STRING) && !json_is(v, JV_KIND_NULL)) {
		jv_free(v);
		return err_set(e, EX_DATAERR, "%s is not a text", key);
	}
	*to = json_set(*to, key, v);
	return 0;
}

/* `start` or `end`, in the slot's zone where it names one, so that one instant is written in one way. */
static int take_time(jv *to, jv from, const char *key, struct err *e)
{
	const char *zone = json_str(*to, "timezone", NULL), *text;
	char in_zone[CLOCK_TEXT];
	int64_t wall;

	if (take_text(to, from, key, e))
		return -1;
	text = json_str(*to, key, NULL);
	if (!text)
		return 0;
	if (clock_parse(text, &wall))
		return err_set(e, EX_DATAERR, "%s '%.60s' is not RFC 3339 with an offset", key, text);
	if (zone)
		*to = json_set_str(*to, key, clock_format_in(zone, wall, in_zone));
	return 0;
}

static int take_seats(jv *to, jv from, struct err *e)
{
	jv v = json_get(from, "seats");
	const char *text = json_string(v, NULL);
	long long n = -1;

	if (text && str_long(text, 0, 1000000, &n) == 0) {
		jv_free(v);
		v = jv_number((double)n);
	}
	if (!json_is(v, JV_KIND_NULL) && !(json_is(v, JV_KIND_NUMBER) && jv_number_value(v) >= 0)) {
		jv_free(v);
		return err_set(e, EX_DATAERR, "seats is not a number");
	}
	*to = json_set(*to, "seats", v);
	return 0;
}

/* A string without a NUL in it: ids are compared as C strings. */
static bool id_valid(jv slot)
{
	const char *id = json_str(slot, "id", NULL);
	jv v = json_get(slot, "id");
	bool whole = id && strlen(id) == json_len(v) && strlen(id) <= ID_MAX;

	jv_free(v);
	return whole;
}

static int take_all(jv *slot, jv value, struct err *e)
{
	static const char *const texts[] = {"timezone", "location", "category", "resource"};
	const char *zone;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (take_text(slot, value, texts[i], e))
			return -1;
	zone = json_str(*slot, "timezone", NULL);
	if (zone && !zone_valid(zone))
		return err_set(e, EX_DATAERR, "timezone '%.60s' is unknown", zone);
	if (take_time(slot, value, "start", e) || take_time(slot, value, "end", e) || take_seats(slot, value, e))
		return -1;
	if (!json_str(*slot, "start", NULL))
		return err_set(e, EX_DATAERR, "start is missing");
	*slot = json_set(*slot, "extra", json_get(value, "extra"));
	return 0;
}

jv slot_parse(jv value, struct err *e)
{
	jv slot = jv_object();

	if (!json_is(value, JV_KIND_OBJECT)) {
		err_set(e, EX_DATAERR, "a slot is not an object");
		goto bad;
	}
	if (take_text(&slot, value, "id", e))
		goto bad;
	if (!id_valid(slot)) {
		err_set(e, EX_DATAERR, "a slot has no id of 1 to %d bytes", ID_MAX);
		goto bad;
	}
	if (take_all(&slot, value, e) == 0)
		return slot;
	err_wrap(e, "slot %.80s", json_str(slot, "id", ""));
bad:
	jv_free(slot);
	return jv_invalid();
}

jv slots_parse(jv array, size_t *bad, struct err *e)
{
	jv slots = jv_array(), seen = jv_object();
	size_t wrong = 0;

	for (struct json_iter it = json_iter(array); json_next(&it);) {
		jv slot = slot_parse(it.value, wrong ? NULL : e);

		if (!json_ok(slot)) {
			wrong++;
		} else if (json_has(seen, json_str(slot, "id", ""))) {
			jv_free(slot);
		} else {
			seen = json_set(seen, json_str(slot, "id", ""), jv_true());
			slots = json_push(slots, slot);
		}
	}
	jv_free(seen);
	if (bad)
		*bad = wrong;
	return slots;
}

int64_t slot_start(jv slot)
{
	int64_t wall = 0;

	clock_parse(json_str(slot, "start", ""), &wall);
	return wall;
}

void slot_local(jv slot, const char *zone, struct tm *tm)
{
	const char *own = json_str(slot, "timezone", NULL), *start = json_str(slot, "start", "");
	size_t n = strlen(start);
	int64_t shift = 0;

	if (own || (n && (start[n - 1] == 'Z' || start[n - 1] == 'z'))) {
		zone_local(own ? own : zone, slot_start(slot), tm);
		return;
	}
	if (n >= 6) /* "+03:00" is the end of what clock_parse took */
		shift = (atoi(start + n - 5) * 60 + atoi(start + n - 2)) * (start[n - 6] == '-' ? -60000 : 60000);
	zone_local("UTC", slot_start(slot) + shift, tm);
}

char *slot_text(jv slot, const char *zone)
{
	const char *category = json_str(slot, "category", NULL), *location = json_str(slot, "location", NULL);
	char when[40];
	struct tm tm;

	slot_local(slot, zone, &tm);
	strftime(when, sizeof when, "%a %Y-%m-%d %H:%M", &tm);
	return xasprintf("%s%s%s%s%s", category ? category : "", category ? ", " : "", location ? location : "",
			 location ? ", " : "", when);
}

int slot_compare(jv a, jv b)
{
	int64_t at = slot_start(a), bt = slot_start(b);

	if (at != bt)
		return at < bt ? -1 : 1;
	return strcmp(json_str(a, "id", ""), json_str(b, "id", ""));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t h, const char *text)
{
	do
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	while (*text++);
	return h;
}

char *slots_hash(jv slots, char out[SLOT_HASH])
{
	size_t n = 0, count = json_len(slots);
	char **texts = xcalloc(count, sizeof *texts);
	uint64_t h = UINT64_C(14695981039346656037);

	for (struct json_iter it = json_iter(slots); json_next(&it);)
		texts[n++] = json_text_sorted(it.value);
	qsort(texts, n, sizeof *texts, by_text);
	for (size_t i = 0; i < n; i++) {
		h = mix(h, texts[i]);
		free(texts[i]);
	}
	free(texts);
	snprintf(out, SLOT_HASH, "%016" PRIx64, h);
	return out;
}

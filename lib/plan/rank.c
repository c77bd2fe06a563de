#include "plan/rank.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "plan/slot.h"

#define HOURS_MAX 24
#define DAY (24 * 60)

static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct span {
	int from, to; /* minutes of a day, from <= t < to; to < from goes over midnight */
};

struct prefs {
	char *zone;
	char from[11], to[11]; /* dates, inclusive; "": open */
	unsigned days;         /* bits by tm_wday; 0: any */
	struct span hours[HOURS_MAX];
	int nhours;
	jv locations, categories, exclude; /* arrays of texts */
	int64_t notice;
};

static int bad(struct err *e, const char *field, const char *text, const char *want)
{
	return err_set(e, EX_CONFIG, "preferences.%s: '%.60s' is not %s", field, text, want);
}

/* preferences.FIELD as an array of texts; none when it is not there. */
static int take_list(jv from, const char *field, jv *list, struct err *e)
{
	jv v = json_get(from, field);

	*list = v;
	if (json_is(v, JV_KIND_NULL)) {
		*list = jv_array();
		return 0;
	}
	if (!json_is(v, JV_KIND_ARRAY))
		return err_set(e, EX_CONFIG, "preferences.%s is not a list", field);
	for (struct json_iter it = json_iter(v); json_next(&it);)
		if (!json_is(it.value, JV_KIND_STRING)) {
			json_iter_end(&it);
			return err_set(e, EX_CONFIG, "preferences.%s: an item is not a text", field);
		}
	return 0;
}

static int take_between(struct prefs *p, jv from, struct err *e)
{
	char *const ends[] = {p->from, p->to};
	jv list;
	int r = take_list(from, "between", &list, e);

	if (!r && json_len(list) != 0 && json_len(list) != 2)
		r = err_set(e, EX_CONFIG, "preferences.between is not two dates");
	for (int i = 0; !r && i < (int)json_len(list); i++) {
		jv v = json_at(list, i);
		const char *text = json_string(v, "");

		if (*text && !date_valid(text))
			r = bad(e, "between", text, "a date (2026-12-31)");
		else
			snprintf(ends[i], 11, "%s", text);
		jv_free(v);
	}
	jv_free(list);
	if (!r && *p->from && *p->to && strcmp(p->from, p->to) > 0)
		r = err_set(e, EX_CONFIG, "preferences.between: %s is after %s", p->from, p->to);
	return r;
}

static int take_days(struct prefs *p, jv from, struct err *e)
{
	jv list;
	int r = take_list(from, "weekdays", &list, e);

	for (struct json_iter it = json_iter(list); !r && json_next(&it);) {
		const char *text = json_string(it.value, "");
		int d = 0;

		while (d < 7 && strcasecmp(text, day_names[d]) != 0)
			d++;
		if (d == 7) {
			r = bad(e, "weekdays", text, "one of mon tue wed thu fri sat sun");
			json_iter_end(&it);
		} else {
			p->days |= 1u << d;
		}
	}
	jv_free(list);
	return r;
}

/* "09:30" at the start of TEXT; 24:00 is a day's end. */
static int take_clock(const char **text, int *minutes)
{
	const char *t = *text;

	for (int i = 0; i < 5; i++)
		if (i == 2 ? t[i] != ':' : !isdigit((unsigned char)t[i]))
			return -1;
	*minutes = ((t[0] - '0') * 10 + t[1] - '0') * 60 + (t[3] - '0') * 10 + t[4] - '0';
	*text += 5;
	return t[3] > '5' || *minutes > DAY ? -1 : 0;
}

static int take_hours(struct prefs *p, jv from, struct err *e)
{
	jv list;
	int r = take_list(from, "hours", &list, e);

	if (!r && json_len(list) > HOURS_MAX)
		r = err_set(e, EX_CONFIG, "preferences.hours has more than %d items", HOURS_MAX);
	for (struct json_iter it = json_iter(list); !r && json_next(&it);) {
		const char *text = json_string(it.value, ""), *t = text;
		struct span s;

		if (take_clock(&t, &s.from) || *t++ != '-' || take_clock(&t, &s.to) || *t || s.from == s.to || s.from == DAY) {
			r = bad(e, "hours", text, "hours such as 09:00-12:30");
			json_iter_end(&it);
		} else {
			p->hours[p->nhours++] = s;
		}
	}
	jv_free(list);
	return r;
}

static int take_exclude(struct prefs *p, jv from, struct err *e)
{
	if (take_list(from, "exclude", &p->exclude, e))
		return -1;
	for (struct json_iter it = json_iter(p->exclude); json_next(&it);) {
		char text[64];

		snprintf(text, sizeof text, "%s", json_string(it.value, ""));
		if (!date_valid(text)) {
			json_iter_end(&it);
			return bad(e, "exclude", text, "a date (2026-12-31)");
		}
	}
	return 0;
}

static int take_notice(struct prefs *p, jv from, struct err *e)
{
	const char *text = json_str(from, "notice", NULL);

	if (!text && json_has(from, "notice"))
		return err_set(e, EX_CONFIG, "preferences.notice is not a text such as 48h");
	return text && duration_parse(text, &p->notice) ? bad(e, "notice", text, "a duration such as 48h") : 0;
}

static int take_known(jv from, struct err *e)
{
	static const char *const known[] = {"between", "weekdays", "hours", "locations", "categories", "exclude", "notice"};

	if (!json_is(from, JV_KIND_OBJECT) && !json_is(from, JV_KIND_NULL))
		return err_set(e, EX_CONFIG, "preferences is not a mapping");
	for (struct json_iter it = json_iter(from); json_next(&it);) {
		size_t i = 0;

		while (i < sizeof known / sizeof *known && strcmp(known[i], it.key) != 0)
			i++;
		if (i == sizeof known / sizeof *known) {
			err_set(e, EX_CONFIG, "preferences.%.60s is unknown", it.key);
			json_iter_end(&it);
			return -1;
		}
	}
	return 0;
}

struct prefs *prefs_parse(jv rules, struct err *e)
{
	struct prefs *p = xcalloc(1, sizeof *p);
	jv from = json_get(rules, "preferences");
	const char *zone = json_str(rules, "timezone", "UTC");
	int r = 0;

	p->locations = p->categories = p->exclude = jv_null();
	p->zone = xstrdup(zone);
	if (!zone_valid(zone))
		r = err_set(e, EX_CONFIG, "timezone: '%.60s' is not a zone's name (Europe/Istanbul)", zone);
	if (r || take_known(from, e) || take_between(p, from, e) || take_days(p, from, e) || take_hours(p, from, e) ||
	    take_list(from, "locations", &p->locations, e) || take_list(from, "categories", &p->categories, e) ||
	    take_exclude(p, from, e) || take_notice(p, from, e)) {
		prefs_free(p);
		p = NULL;
	}
	jv_free(from);
	return p;
}

void prefs_free(struct prefs *p)
{
	if (!p)
		return;
	free(p->zone);
	jv_free(p->locations);
	jv_free(p->categories);
	jv_free(p->exclude);
	free(p);
}

const char *prefs_zone(const struct prefs *p)
{
	return p->zone;
}

/* Where TEXT stands in LIST, letters' case aside; -1 when it does not. */
static int place_in(jv list, const char *text)
{
	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (strcasecmp(json_string(it.value, ""), text) == 0) {
			int at = it.index;

			json_iter_end(&it);
			return at;
		}
	return -1;
}

static bool in_hours(const struct prefs *p, const struct tm *tm)
{
	int t = tm->tm_hour * 60 + tm->tm_min;

	for (int i = 0; i < p->nhours; i++) {
		const struct span *s = &p->hours[i];

		if (s->from < s->to ? t >= s->from && t < s->to : t >= s->from || t < s->to)
			return true;
	}
	return !p->nhours;
}

#define WHY_MAX 160

/* Why the slot does not suit, into WHY, in words; which of the criteria it was, from 1; 0 when it suits. */
static int unfit(const struct prefs *p, jv slot, int64_t now, char why[WHY_MAX])
{
	const char *location = json_str(slot, "location", NULL), *category = json_str(slot, "category", NULL);
	int64_t start = slot_start(slot);
	char date[24];
	struct tm tm;

	slot_local(slot, p->zone, &tm);
	strftime(date, sizeof date, "%Y-%m-%d", &tm);
	if (start <= now)
		return snprintf(why, WHY_MAX, "in the past"), 1;
	if (start - now < p->notice)
		return snprintf(why, WHY_MAX, "too soon"), 2;
	if (*p->from && strcmp(date, p->from) < 0)
		return snprintf(why, WHY_MAX, "before %s", p->from), 3;
	if (*p->to && strcmp(date, p->to) > 0)
		return snprintf(why, WHY_MAX, "after %s", p->to), 4;
	if (place_in(p->exclude, date) >= 0)
		return snprintf(why, WHY_MAX, "on %s", date), 5;
	if (p->days && !(p->days & 1u << tm.tm_wday))
		return snprintf(why, WHY_MAX, "weekday %s", day_names[tm.tm_wday]), 6;
	if (!in_hours(p, &tm))
		return snprintf(why, WHY_MAX, "at %02d:%02d", tm.tm_hour, tm.tm_min), 7;
	if (json_len(p->locations) && (!location || place_in(p->locations, location) < 0))
		return snprintf(why, WHY_MAX, location ? "location %.100s" : "without a location", location), 8;
	if (json_len(p->categories) && (!category || place_in(p->categories, category) < 0))
		return snprintf(why, WHY_MAX, category ? "category %.100s" : "without a category", category), 9;
	if (json_num(slot, "seats", 1) < 1)
		return snprintf(why, WHY_MAX, "without a seat"), 10;
	return 0;
}

struct choice {
	jv slot;
	int location, category;
};

static int by_liking(const void *va, const void *vb)
{
	const struct choice *a = va, *b = vb;

	if (a->location != b->location)
		return a->location < b->location ? -1 : 1;
	if (a->category != b->category)
		return a->category < b->category ? -1 : 1;
	return slot_compare(a->slot, b->slot);
}

static void add_ordinal(struct str *to, int n)
{
	const char *end = "th";

	if (n % 100 < 11 || n % 100 > 13)
		end = n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
	str_addf(to, "%d%s", n, end);
}

static void add_liking(struct str *to, const char *what, const char *text, int place, jv list)
{
	if (!text)
		return;
	str_addf(to, "%s %.100s", what, text);
	if (json_len(list) > 1) {
		str_puts(to, " (");
		add_ordinal(to, place + 1);
		str_puts(to, " choice)");
	}
	str_puts(to, ", ");
}

static jv praise(const struct prefs *p, const struct choice *c, int rank, int of)
{
	struct str why = {0};
	char when[40];
	struct tm tm;
	jv v;

	add_ordinal(&why, rank);
	str_addf(&why, " of %d: ", of);
	add_liking(&why, "location", json_str(c->slot, "location", NULL), c->location, p->locations);
	add_liking(&why, "category", json_str(c->slot, "category", NULL), c->category, p->categories);
	slot_local(c->slot, p->zone, &tm);
	strftime(when, sizeof when, "%a %Y-%m-%d %H:%M", &tm);
	str_puts(&why, when);
	v = jv_string(str_text(&why));
	str_free(&why);
	return json_obj("slot", jv_copy(c->slot), "rank", jv_number(rank), "why", v, NULL);
}

/* "4 slots: 1 fits, 2 before 2026-12-01, 1 weekday sun"; REASONS counts by reason, each key
 * a letter for the criterion's order and the words. */
static jv summary(int all, int fit, jv reasons)
{
	struct str text = {0};
	const char *comma = "";
	jv v;

	str_addf(&text, all ? "%d slot%s: " : "no slots", all, all == 1 ? "" : "s");
	if (fit) {
		str_addf(&text, "%d fit%s", fit, fit == 1 ? "s" : "");
		comma = ", ";
	}
	for (struct json_iter it = json_iter(reasons); json_next(&it); comma = ", ")
		str_addf(&text, "%s%d %s", comma, (int)jv_number_value(it.value), it.key + 1);
	v = jv_string(str_text(&text));
	str_free(&text);
	return v;
}

jv rank_slots(const struct prefs *p, jv slots, int64_t now)
{
	int all = (int)json_len(slots), fit = 0;
	struct choice *choices = xcalloc((size_t)all, sizeof *choices);
	jv reasons = jv_object(), order = jv_array(), result;
	char why[1 + WHY_MAX];

	for (struct json_iter it = json_iter(slots); json_next(&it);) {
		int criterion = unfit(p, it.value, now, why + 1);

		why[0] = (char)('a' + criterion);
		if (criterion)
			reasons = json_set(reasons, why, jv_number(json_num(reasons, why, 0) + 1));
		else
			choices[fit++] = (struct choice){jv_copy(it.value),
							 place_in(p->locations, json_str(it.value, "location", "")),
							 place_in(p->categories, json_str(it.value, "category", ""))};
	}
	qsort(choices, (size_t)fit, sizeof *choices, by_liking);
	for (int i = 0; i < fit; i++) {
		order = json_push(order, praise(p, &choices[i], i + 1, fit));
		jv_free(choices[i].slot);
	}
	free(choices);
	result = json_obj("order", order, "why", summary(all, fit, reasons), NULL);
	jv_free(reasons);
	return result;
}

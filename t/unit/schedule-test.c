/* When to look next: tables of a schedule, a moment and what must come. */
#include "work/schedule.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static int failed;

static void check(bool ok, const char *what, const char *got)
{
	if (!ok) {
		printf("failed: %s: got %s\n", what, got);
		failed = 1;
	}
}

static struct err e;

static int read_schedule(struct schedule *s, const char *rules_text, jv *rules, int per_day)
{
	jv pace = json_obj("interval", jv_number(60000), "min_interval", jv_number(5000), NULL);
	int r;

	*rules = json_parse(rules_text, strlen(rules_text), &e);
	r = schedule_read(s, *rules, pace, 1, per_day, &e);
	jv_free(pace);
	return r;
}

static const struct {
	const char *what, *rules, *last, *next;
} nexts[] = {
	{"a plain interval", "{\"timezone\":\"UTC\",\"schedule\":{\"interval\":\"60s\"}}", "2026-12-01T10:00:00Z", "2026-12-01T10:01:00Z"},
	{"the provider's interval by default", "{\"timezone\":\"UTC\"}", "2026-12-01T10:00:00Z", "2026-12-01T10:01:00Z"},
	{"not before the active hours, in the session's zone",
	 "{\"timezone\":\"Europe/Istanbul\",\"schedule\":{\"interval\":\"60s\",\"active\":[\"07:00-23:00\"]}}", "2026-12-01T20:59:30Z",
	 "2026-12-02T04:00:00Z"},
	{"active hours past midnight", "{\"timezone\":\"UTC\",\"schedule\":{\"interval\":\"10m\",\"active\":[\"22:00-02:00\"]}}",
	 "2026-12-01T01:55:00Z", "2026-12-01T22:00:00Z"},
	{"a burst is looked at from its first moment",
	 "{\"timezone\":\"UTC\",\"schedule\":{\"interval\":\"30m\",\"bursts\":[{\"at\":\"09:00\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2026-12-01T08:45:00Z", "2026-12-01T09:00:00Z"},
	{"and at its own interval",
	 "{\"timezone\":\"UTC\",\"schedule\":{\"interval\":\"30m\",\"bursts\":[{\"at\":\"09:00\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2026-12-01T09:00:00Z", "2026-12-01T09:00:20Z"},
	{"a burst outside the active hours counts",
	 "{\"timezone\":\"UTC\",\"schedule\":{\"interval\":\"10m\",\"active\":[\"12:00-13:00\"],\"bursts\":[{\"at\":\"09:00\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2026-12-01T07:00:00Z", "2026-12-01T09:00:00Z"},
	{"a day of 23 hours (Europe/Berlin, 28 March 2027)",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"60s\",\"active\":[\"07:00-23:00\"]}}", "2027-03-27T21:59:30Z",
	 "2027-03-28T05:00:00Z"},
	{"a day of 25 hours (America/New_York, 1 November 2026)",
	 "{\"timezone\":\"America/New_York\",\"schedule\":{\"interval\":\"60s\",\"active\":[\"07:00-23:00\"]}}", "2026-11-01T02:59:30Z",
	 "2026-11-01T12:00:00Z"},
	/* Berlin, 28 March 2027: 02:00 is 03:00; 31 October 2027: 03:00 is 02:00. */
	{"active hours that are skipped come the day after",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"60s\",\"active\":[\"02:00-03:00\"]}}", "2027-03-27T01:59:30Z",
	 "2027-03-29T00:00:00Z"},
	{"of active hours that are half skipped the rest is left",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"60s\",\"active\":[\"02:30-04:00\"]}}", "2027-03-27T02:59:30Z",
	 "2027-03-28T01:00:00Z"},
	{"active hours that come twice: in the first",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"10m\",\"active\":[\"02:00-03:00\"]}}", "2027-10-30T00:55:00Z",
	 "2027-10-31T00:00:00Z"},
	{"from the first into the second",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"10m\",\"active\":[\"02:00-03:00\"]}}", "2027-10-31T00:55:00Z",
	 "2027-10-31T01:05:00Z"},
	{"and no longer",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"10m\",\"active\":[\"02:00-03:00\"]}}", "2027-10-31T01:55:00Z",
	 "2027-11-01T01:00:00Z"},
	{"a part of an hour that comes twice comes twice",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"10m\",\"active\":[\"02:30-02:45\"]}}", "2027-10-31T00:44:00Z",
	 "2027-10-31T01:30:00Z"},
	{"a burst at a time that is skipped comes as much later",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"30m\",\"bursts\":[{\"at\":\"02:30\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2027-03-28T01:15:00Z", "2027-03-28T01:30:00Z"},
	{"a burst over the skipped hour lasts as long as any",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"30m\",\"bursts\":[{\"at\":\"01:55\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2027-03-28T01:02:00Z", "2027-03-28T01:02:20Z"},
	{"a burst at a time that comes twice is in the first",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"30m\",\"bursts\":[{\"at\":\"02:30\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2027-10-31T00:15:00Z", "2027-10-31T00:30:00Z"},
	{"and not in the second",
	 "{\"timezone\":\"Europe/Berlin\",\"schedule\":{\"interval\":\"30m\",\"bursts\":[{\"at\":\"02:30\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2027-10-31T01:15:00Z", "2027-10-31T01:45:00Z"},
	{"a burst past midnight",
	 "{\"timezone\":\"Asia/Kathmandu\",\"schedule\":{\"interval\":\"30m\",\"bursts\":[{\"at\":\"23:55\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2026-12-01T18:17:00Z", "2026-12-01T18:17:20Z"},
	{"in New York, too, 14 March 2027",
	 "{\"timezone\":\"America/New_York\",\"schedule\":{\"interval\":\"60s\",\"active\":[\"02:00-03:00\",\"12:00-13:00\"]}}",
	 "2027-03-14T06:59:30Z", "2027-03-14T16:00:00Z"},
	{"and 7 November 2027",
	 "{\"timezone\":\"America/New_York\",\"schedule\":{\"interval\":\"30m\",\"bursts\":[{\"at\":\"01:30\",\"for\":\"10m\",\"interval\":\"20s\"}]}}",
	 "2027-11-07T06:15:00Z", "2027-11-07T06:45:00Z"},
	{"Istanbul has no changes: 28 March 2027 is a day like others",
	 "{\"timezone\":\"Europe/Istanbul\",\"schedule\":{\"interval\":\"60s\",\"active\":[\"03:00-04:00\"]}}", "2027-03-27T23:59:30Z",
	 "2027-03-28T00:00:30Z"},
	{"an hour of 45 minutes beside the others (Asia/Kathmandu)",
	 "{\"timezone\":\"Asia/Kathmandu\",\"schedule\":{\"interval\":\"60s\",\"active\":[\"07:00-23:00\"]}}", "2026-12-01T17:14:30Z",
	 "2026-12-02T01:15:00Z"},
};

static const struct {
	const char *what, *rules;
	int per_day;
	const char *says;
} refused[] = {
	{"more than the owner consented to", "{\"timezone\":\"UTC\",\"schedule\":{\"interval\":\"60s\"}}", 1000, "consented to 1000"},
	{"an interval under the provider's least", "{\"timezone\":\"UTC\",\"schedule\":{\"interval\":\"1s\"}}", 1000000, "less than"},
	{"a span that is none", "{\"timezone\":\"UTC\",\"schedule\":{\"active\":[\"25-26\"]}}", 100000, "schedule.active"},
	{"a burst without interval", "{\"timezone\":\"UTC\",\"schedule\":{\"bursts\":[{\"at\":\"09:00\",\"for\":\"10m\"}]}}", 100000, "schedule.bursts"},
};

int main(void)
{
	struct schedule s;
	jv rules;

	for (size_t i = 0; i < sizeof nexts / sizeof *nexts; i++) {
		int64_t last, want, got;
		char text[CLOCK_TEXT];

		if (read_schedule(&s, nexts[i].rules, &rules, 100000))
			check(false, nexts[i].what, e.text);
		clock_parse(nexts[i].last, &last);
		clock_parse(nexts[i].next, &want);
		got = schedule_next(&s, last, 0.5);
		check(got == want, nexts[i].what, clock_format(got, text));
		/* whatever the jitter, it is later than the last look */
		check(schedule_next(&s, last, 0) > last && schedule_next(&s, last, 1) > last, nexts[i].what, "a look in the past");
		jv_free(rules);
	}
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		int r = read_schedule(&s, refused[i].rules, &rules, refused[i].per_day);

		check(r && strstr(e.text, refused[i].says), refused[i].what, r ? e.text : "taken");
		jv_free(rules);
	}
	return failed;
}

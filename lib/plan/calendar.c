#include "plan/calendar.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "plan/slot.h"

#define LINE_BYTES 75 /* RFC 5545 s.3.1 */

/* NAME:VALUE, folded, but never inside a character. */
static void add_line(struct str *out, const char *name, const char *value)
{
	size_t used = strlen(name) + 1;

	str_addf(out, "%s:", name);
	for (const char *p = value; *p;) {
		size_t n = 1;

		while (((unsigned char)p[n] & 0xc0) == 0x80)
			n++;
		if (used + n > LINE_BYTES) {
			str_puts(out, "\r\n ");
			used = 1;
		}
		str_add(out, p, n);
		used += n;
		p += n;
	}
	str_puts(out, "\r\n");
}

/* A TEXT value (s.3.3.11); control characters but line ends are left out. */
static void add_text(struct str *out, const char *name, const char *text)
{
	struct str value = {0};

	for (const char *p = text; *p; p++) {
		if (strchr("\\;,", *p))
			str_putc(&value, '\\');
		if (*p == '\n')
			str_puts(&value, "\\n");
		else if ((unsigned char)*p >= ' ' && *p != 0x7f)
			str_putc(&value, *p);
	}
	add_line(out, name, str_text(&value));
	str_free(&value);
}

static void add_time(struct str *out, const char *name, int64_t wall)
{
	time_t t = (time_t)(wall / 1000);
	char text[24];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
	add_line(out, name, text);
}

char *calendar_text(const struct calendar_entry *entry)
{
	struct str out = {0};
	const char *place = json_str(entry->slot, "location", NULL);
	int64_t start, end;

	str_puts(&out, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//ab//ab-notify//EN\r\nCALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\n");
	add_text(&out, "UID", entry->uid);
	add_time(&out, "DTSTAMP", entry->stamp);
	start = slot_start(entry->slot);
	add_time(&out, "DTSTART", start);
	/* without an end it is a moment: how long it takes nobody said */
	if (clock_parse(json_str(entry->slot, "end", ""), &end) == 0 && end > start)
		add_time(&out, "DTEND", end);
	add_text(&out, "SUMMARY", entry->summary);
	if (place)
		add_text(&out, "LOCATION", place);
	if (entry->text && *entry->text)
		add_text(&out, "DESCRIPTION", entry->text);
	str_puts(&out, "STATUS:CONFIRMED\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
	return str_take(&out);
}

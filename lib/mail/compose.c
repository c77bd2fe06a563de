#include "mail/compose.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"

#define BOUNDARY "=_ab_part" /* neither quoted-printable nor base64 can hold it */
#define ADDRESS_MAX 254      /* RFC 5321 s.4.5.3.1.3, without the angle brackets */
#define LOCAL_MAX 64
#define ID_MAX 240

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool address_valid(const char *address)
{
	size_t local = strspn(address, LETTERS "!#$%&'*+-/=?^_`{|}~."); /* RFC 5322 s.3.2.3 */
	const char *domain = address + local + 1;

	if (local == 0 || local > LOCAL_MAX || *address == '-' || address[local] != '@' || strlen(address) > ADDRESS_MAX)
		return false;
	return *domain && *domain != '-' && strspn(domain, LETTERS "-.") == strlen(domain);
}

static void add_recipients(struct str *b, const char *const *to)
{
	str_puts(b, "To: ");
	for (const char *const *p = to; *p; p++)
		str_addf(b, "%s<%s>", p == to ? "" : ",\n ", *p);
	str_putc(b, '\n');
}

static void add_date(struct str *b, int64_t wall)
{
	char text[64];
	struct tm tm;

	zone_local("UTC", wall, &tm);
	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	str_addf(b, "Date: %s\n", text);
}

/* Ids come from any program: what is no part of a word there is encoded, a dot too, which may not stand everywhere. */
static void add_id(struct str *b, const char *id)
{
	char *escaped = url_escape(id, strnlen(id, ID_MAX));

	str_puts(b, "Message-ID: <");
	for (const char *p = escaped; *p; p++)
		str_puts(b, *p == '.' ? "%2E" : (char[]){*p, '\0'});
	str_puts(b, "@ab.invalid>\n");
	free(escaped);
}

static void add_text(struct str *b, const char *text)
{
	str_puts(b, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n");
	encode_quoted(b, text);
	if (b->s[b->len - 1] != '\n' || !*text)
		str_putc(b, '\n');
}

static void add_calendar(struct str *b, const char *calendar)
{
	str_puts(b, "Content-Type: text/calendar; charset=utf-8; method=PUBLISH;\n name=appointment.ics\n"
		    "Content-Disposition: attachment; filename=appointment.ics\nContent-Transfer-Encoding: base64\n\n");
	encode_as_base64(b, calendar, strlen(calendar));
}

char *compose(const struct letter *l)
{
	struct str b = {0};

	str_addf(&b, "From: <%s>\n", l->from);
	add_recipients(&b, l->to);
	str_puts(&b, "Subject: ");
	encode_header(&b, strlen("Subject: "), l->title);
	str_putc(&b, '\n');
	add_date(&b, l->date);
	add_id(&b, l->id);
	str_puts(&b, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n");
	if (!l->calendar) {
		add_text(&b, l->text);
		return str_take(&b);
	}
	str_puts(&b, "Content-Type: multipart/mixed; boundary=\"" BOUNDARY "\"\n\n--" BOUNDARY "\n");
	add_text(&b, l->text);
	str_puts(&b, "\n--" BOUNDARY "\n");
	add_calendar(&b, l->calendar);
	str_puts(&b, "\n--" BOUNDARY "--\n");
	return str_take(&b);
}

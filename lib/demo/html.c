#include "demo/html.h"

#include <stdarg.h>
#include <string.h>

static void add_escaped(struct str *b, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': str_puts(b, "&amp;"); break;
		case '<': str_puts(b, "&lt;"); break;
		case '>': str_puts(b, "&gt;"); break;
		case '"': str_puts(b, "&quot;"); break;
		case '\'': str_puts(b, "&#39;"); break;
		default: str_putc(b, *s);
		}
	}
}

void html_add(struct str *b, const char *template, ...)
{
	const char *hole;
	va_list ap;

	va_start(ap, template);
	while ((hole = strstr(template, "{}"))) {
		const char *value = va_arg(ap, const char *);

		str_add(b, template, (size_t)(hole - template));
		if (!value)
			break;
		add_escaped(b, value);
		template = hole + 2;
	}
	if (!hole)
		str_puts(b, template);
	va_end(ap);
}

/* Every page carries every error text, as real ones do: whoever looks for words instead of elements sees
 * an expired session, a full calendar and a lost appointment on each page. */
static const char texts[] =
	"<script>\nvar messages = {\n"
	"\t\"expired\": \"Your session has expired. Please log in again.\",\n"
	"\t\"login\": \"The e-mail address or the password is wrong.\",\n"
	"\t\"locked\": \"This account is locked.\",\n"
	"\t\"code\": \"This code is not valid.\",\n"
	"\t\"none\": \"There are no free appointments at the moment.\",\n"
	"\t\"taken\": \"This appointment is no longer available.\",\n"
	"\t\"already\": \"You have an appointment already.\",\n"
	"\t\"limit\": \"Too many requests. Please try again later.\",\n"
	"\t\"maintenance\": \"The system is under maintenance.\",\n"
	"\t\"queue\": \"You are in the waiting room.\"\n"
	"};\n</script>\n";

void html_begin(struct str *b, const char *title, const char *account, const char *csrf)
{
	html_add(b,
		 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{} · Practice Office</title>\n",
		 title, NULL);
	str_puts(b, texts);
	str_puts(b, "<style>body{font-family:sans-serif;max-width:60em;margin:auto}.notice{border:1px solid;padding:0 1em}"
		    "td,th{padding:.2em .8em;text-align:left}label{display:block}</style>\n"
		    "</head>\n<body>\n<header>\n<p class=\"brand\">Practice Office · Randevu Sistemi</p>\n<nav>\n"
		    "<a href=\"/office/calendar\">Calendar</a> <a href=\"/office/my\">My appointments</a> "
		    "<a href=\"/office/terms\">Terms</a>\n");
	if (*account)
		html_add(b,
			 "<form id=\"logout-form\" class=\"inline\" method=\"post\" action=\"/office/logout\">"
			 "<input type=\"hidden\" name=\"_token\" value=\"{}\"><span id=\"account\">{}</span> "
			 "<button type=\"submit\">Log out</button></form>\n",
			 csrf, account, NULL);
	str_puts(b, "</nav>\n</header>\n");
}

void html_end(struct str *b)
{
	str_puts(b, "<footer>\n<p>A practice site: nothing here is real.</p>\n</footer>\n</body>\n</html>\n");
}

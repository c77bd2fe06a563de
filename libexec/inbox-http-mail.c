#include "libexec/inbox-http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "ext/filter.h"
#include "ext/html.h"
#include "ext/http.h"
#include "mail/text.h"
#include "page/charset.h"

#define ITEMS_MAX 1000 /* of a list, looked at */
#define PARTS_MAX 2000 /* rows and links of an HTML page */
#define HTML_TIME 2000 /* ms for its tree */

enum what { LIST, ID, LINK, RAW, FROM, TO, SUBJECT, DATE, TEXT, HTML, WHATS };

/* The settings' jq programs; those of `mail` have its members' names. */
static const struct {
	const char *field, *standard;
} whats[WHATS] = {
	[LIST] = {"list", "."}, [ID] = {"id", ".id // .ID"}, [LINK] = {"link", NULL}, [RAW] = {"raw", NULL}, [FROM] = {"from", NULL},
	[TO] = {"to", NULL}, [SUBJECT] = {"subject", NULL}, [DATE] = {"date", NULL}, [TEXT] = {"text", NULL}, [HTML] = {"html", NULL},
};

static struct filter *filter;
static bool given[WHATS];

/* Opening */

struct mistake {
	struct err *e;
	bool told;
};

static void wrong(void *ctx, size_t index, size_t at, const char *what)
{
	struct mistake *m = ctx;

	if (!m->told)
		err_set(m->e, EX_CONFIG, "%s%s, character %zu: %s", index == LIST ? "" : "mail.", whats[index].field, at + 1, what);
	m->told = true;
}

void mail_close(void)
{
	if (filter)
		filter_free(filter);
	filter = NULL;
}

int mail_open(jv settings, struct err *e)
{
	jv mail = json_get(settings, "mail");
	const char *programs[WHATS];
	struct mistake m = {.e = e};
	int r;

	mail_close();
	for (int i = 0; i < WHATS; i++) {
		const char *own = json_str(i == LIST ? settings : mail, whats[i].field, "");

		given[i] = *own != '\0';
		programs[i] = *own ? own : whats[i].standard ? whats[i].standard : "null";
	}
	if (!given[LINK] && !given[RAW] && !given[TEXT] && !given[HTML]) {
		jv_free(mail);
		return err_set(e, EX_CONFIG, "mail: says neither link nor raw, text or html: where is the text of a mail?");
	}
	if (*json_str(settings, "to", "") && (given[TEXT] || given[HTML]) && !given[TO] && !given[RAW]) {
		jv_free(mail);
		return err_set(e, EX_CONFIG, "to: needs mail.to, which says whom a mail is to");
	}
	filter = filter_new(programs, WHATS, NULL);
	r = filter_check(filter, wrong, &m, e);
	jv_free(mail);
	return r ? -1 : 0;
}

void mail_forget(void)
{
	if (filter)
		filter_forget(filter);
}

static jv run(enum what what, jv input, struct err *e)
{
	jv v = filter_run(filter, what, jv_copy(input), e);

	if (!json_ok(v)) {
		err_wrap(e, "%s%s", what == LIST ? "" : "mail.", whats[what].field);
		e->status = EX_CONFIG;
	}
	return v;
}

/* Pages as values */

/* White space folded. TEXT is freed. */
static jv folded(char *text)
{
	struct str b = {0};
	jv v;

	fold_add(&b, text, strlen(text));
	fold_end(&b);
	v = jv_string(str_text(&b));
	str_free(&b);
	free(text);
	return v;
}

static jv links_below(const html_node *top, int most)
{
	jv links = jv_array();
	const html_node *n = top;

	while ((n = html_walk(n, top, false)) && (int)json_len(links) < most)
		if (html_is(n, "a") && html_has(n, "href")) {
			char *href = html_attr(n, "href");

			links = json_push(links, json_obj("href", jv_string(href), "text", folded(html_content(n)), NULL));
			free(href);
		}
	return links;
}

static jv row_value(const html_node *row)
{
	jv cells = jv_array();
	const html_node *n = row;

	while ((n = html_walk(n, row, false)) && json_len(cells) < 100)
		if (html_is(n, "td") || html_is(n, "th"))
			cells = json_push(cells, folded(html_content(n)));
	return json_obj("text", folded(html_content(row)), "cells", cells, "links", links_below(row, 100), NULL);
}

/* {"title", "text", "links": [{"href", "text"}…], "rows": [{"text", "cells", "links"}…]}; a row is a <tr> or <li>. */
static jv html_value(const struct str *text, struct err *e)
{
	struct html *h = html_parse(text->s ? text->s : "", text->len, clock_mono() + HTML_TIME);
	html_node *root = html_root(h);
	jv rows = jv_array(), title = jv_null(), v = jv_invalid();
	struct str words;

	str_init(&words, MIME_TEXT_MAX);
	text_of_html(&words, text->s ? text->s : "", text->len, NULL);
	for (const html_node *n = root; n; n = html_walk(n, root, false)) {
		if ((html_is(n, "tr") || html_is(n, "li")) && json_len(rows) < PARTS_MAX)
			rows = json_push(rows, row_value(n));
		else if (html_is(n, "title") && json_is(title, JV_KIND_NULL))
			title = folded(html_content(n));
	}
	if (html_cut(h))
		err_set(e, EX_CONFIG, "the page can't be read whole: %s", html_cut(h));
	else
		v = json_obj("title", jv_copy(title), "text", jv_string(str_text(&words)), "links", root ? links_below(root, PARTS_MAX) : jv_array(),
			     "rows", jv_copy(rows), NULL);
	jv_free(title);
	jv_free(rows);
	str_free(&words);
	html_free(h);
	return v;
}

static bool has_type(const struct page *p, const char *word)
{
	return p->type && strcasestr(p->type, word);
}

static bool is_html(const struct page *p)
{
	return has_type(p, "html");
}

/* The body in UTF-8. */
static void decode(struct str *text, const struct page *p)
{
	const char *body = str_text(&p->body);

	charset_decode(text, body, p->body.len, charset_find(body, p->body.len, p->type, is_html(p)));
}

static bool is_json(const struct page *p)
{
	const char *body = str_text(&p->body);

	return has_type(p, "json") || (!is_html(p) && !has_type(p, "rfc822") && strchr("{[", body[strspn(body, " \t\r\n")]) && *body);
}

/* Half a mail may hold half a code. JSON shows by itself whether it is whole. */
static int cut_short(const struct page *p, struct err *e)
{
	return p->open_ended && !is_json(p) ? err_set(e, EX_TEMPFAIL, "the answer ended with the connection, perhaps too early") : 0;
}

static jv value_of(const struct page *p, struct err *e)
{
	struct str text;
	jv v;

	if (cut_short(p, e))
		return jv_invalid();
	if (is_json(p)) {
		v = json_parse_foreign(str_text(&p->body), p->body.len, e);
		if (!json_ok(v)) {
			err_wrap(e, "the answer is no JSON");
			e->status = EX_CONFIG;
		}
		return v;
	}
	decode(&text, p);
	v = is_html(p) ? html_value(&text, e) : jv_string_sized(str_text(&text), (int)text.len);
	if (text.s)
		explicit_bzero(text.s, text.len);
	str_free(&text);
	return v;
}

/* Items */

jv mail_items(const struct page *list, struct err *e)
{
	jv page = value_of(list, e), items;

	if (!json_ok(page))
		return page;
	items = run(LIST, page, e);
	jv_free(page);
	if (!json_ok(items))
		return items;
	if (!json_is(items, JV_KIND_ARRAY)) {
		jv_free(items);
		err_set(e, EX_CONFIG, "list: gives no list of mails (an array) out of this answer");
		return jv_invalid();
	}
	return json_len(items) > ITEMS_MAX ? jv_array_slice(items, 0, ITEMS_MAX) : items;
}

/* A text as it is, a number as its digits, null as "". V is freed. */
static char *text_take(jv v)
{
	char *text = json_is(v, JV_KIND_STRING) ? xstrndup(json_string(v, ""), json_len(v)) :
		     json_is(v, JV_KIND_NULL) ? xstrdup("") : json_text(v);

	jv_free(v);
	return text;
}

static char *text_by(enum what what, jv input, struct err *e)
{
	jv v = given[what] || whats[what].standard ? run(what, input, e) : jv_null();

	return json_ok(v) ? text_take(v) : NULL;
}

char *mail_id(jv item, struct err *e)
{
	char *id = text_by(ID, item, e);

	if (id && !*id) {
		free(id);
		err_set(e, EX_CONFIG, "mail.id: gives nothing for an item of the list");
		return NULL;
	}
	return id;
}

char *mail_link(jv item, struct err *e)
{
	char *link = text_by(LINK, item, e);

	if (link && !*link && given[LINK]) {
		free(link);
		err_set(e, EX_CONFIG, "mail.link: gives nothing for an item of the list");
		return NULL;
	}
	return link;
}

/* Mails */

/* "Alice <alice@example.org>" → "alice@example.org". TEXT is freed. */
static char *address_of(char *text)
{
	char *open = strrchr(text, '<'), *close = open ? strchr(open, '>') : NULL, *address;

	if (close) {
		address = xstrndup(open + 1, (size_t)(close - open) - 1);
	} else {
		const char *start = text + strspn(text, " \t\r\n");
		size_t len = strlen(start);

		while (len && strchr(" \t\r\n", start[len - 1]))
			len--;
		address = xstrndup(start, len);
	}
	free(text);
	return address;
}

/* Wall ms of an RFC 3339 or mail date, or of a count of seconds or milliseconds; -1. V is freed. */
static int64_t date_take(jv v)
{
	const char *text = json_string(v, "");
	int64_t ms = -1;

	if (json_is(v, JV_KIND_NUMBER) && jv_number_value(v) > 0 && jv_number_value(v) < 1e15)
		ms = (int64_t)(jv_number_value(v) * (jv_number_value(v) < 1e11 ? 1000 : 1));
	else if (*text && clock_parse(text, &ms))
		ms = http_date(text);
	jv_free(v);
	return ms;
}

static void add_text(struct mime *m, bool html, char *text)
{
	size_t len = strlen(text);

	if (!len) {
		free(text);
		return;
	}
	m->texts[m->ntexts++] = (struct mime_text){html, text, len < MIME_TEXT_MAX ? len : MIME_TEXT_MAX};
	m->texts[m->ntexts - 1].text[m->texts[m->ntexts - 1].len] = '\0';
}

static int add_recipients(struct mime *m, jv input, struct err *e)
{
	jv to = given[TO] ? run(TO, input, e) : jv_null();

	if (!json_ok(to))
		return -1;
	if (!json_is(to, JV_KIND_ARRAY)) {
		m->to[m->nto++] = address_of(text_take(to));
		return 0;
	}
	for (int i = 0; i < (int)json_len(to) && m->nto < MIME_TO_MAX; i++)
		m->to[m->nto++] = address_of(text_take(json_at(to, i)));
	jv_free(to);
	return 0;
}

/* Field by field. */
static int compose(struct mime *m, jv input, struct err *e)
{
	char *from = text_by(FROM, input, e), *subject = from ? text_by(SUBJECT, input, e) : NULL;
	char *text = subject ? text_by(TEXT, input, e) : NULL, *html = text ? text_by(HTML, input, e) : NULL;
	jv date = html ? run(DATE, input, e) : jv_invalid();

	*m = (struct mime){.id = xstrdup(""), .from = from ? address_of(from) : xstrdup(""), .subject = subject ? subject : xstrdup(""),
			   .date = -1, .received = -1};
	if (text)
		add_text(m, false, text);
	if (html)
		add_text(m, true, html);
	if (!json_ok(date))
		return -1;
	m->date = date_take(date);
	return add_recipients(m, input, e);
}

static int parse(struct mime *m, const char *raw, size_t len, struct err *e)
{
	return mime_parse(m, raw, len < MIME_MAIL_MAX ? len : MIME_MAIL_MAX, e);
}

/* An HTML page that is the mail. */
static void whole_page(struct mime *m, const struct page *page)
{
	struct str text;

	*m = (struct mime){.id = xstrdup(""), .from = xstrdup(""), .subject = xstrdup(""), .date = -1, .received = -1};
	decode(&text, page);
	add_text(m, true, str_take(&text));
}

static int from_value(struct mime *m, jv value, struct err *e)
{
	char *raw = given[RAW] ? text_by(RAW, value, e) : NULL;
	int r;

	if (!given[RAW])
		return compose(m, value, e);
	*m = (struct mime){.date = -1, .received = -1};
	if (!raw)
		return -1;
	r = parse(m, raw, strlen(raw), e);
	explicit_bzero(raw, strlen(raw));
	free(raw);
	return r;
}

bool mail_tells_recipient(const struct page *page)
{
	return given[TO] || given[RAW] || (page && !given[TEXT] && !given[HTML] && !is_json(page) && !is_html(page));
}

int mail_make(struct mime *m, jv item, const struct page *page, struct err *e)
{
	jv value;
	int r;

	*m = (struct mime){.date = -1, .received = -1};
	if (!page)
		return from_value(m, item, e);
	if (cut_short(page, e))
		return -1;
	if (!given[RAW] && !given[TEXT] && !given[HTML] && !is_json(page)) {
		if (!is_html(page))
			return parse(m, str_text(&page->body), page->body.len, e);
		whole_page(m, page);
		return 0;
	}
	value = value_of(page, e);
	r = json_ok(value) ? from_value(m, value, e) : -1;
	jv_free(value);
	return r;
}

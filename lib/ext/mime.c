#include "ext/mime.h"

#include <libetpan/charconv.h>
#include <libetpan/libetpan.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

#define NESTED_MAX 32   /* multipart and message parts together; libetpan takes them by recursion */
#define HEADER_MAX 8192 /* bytes of one header field looked at */

bool utf8_valid(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	while (p < end) {
		int more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 :
			   *p >= 0xf0 && *p < 0xf5 ? 3 : -1;

		if (more < 0 || end - p <= more)
			return false;
		if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
		    (*p == 0xf4 && p[1] > 0x8f))
			return false;
		for (int i = 1; i <= more; i++)
			if ((p[i] & 0xc0) != 0x80)
				return false;
		p += more + 1;
	}
	return true;
}

/* Charset names as mail programs use them are often the older, smaller ones. */
static const char *charset_meant(const char *name)
{
	static const struct {
		const char *said, *meant;
	} table[] = {
		{"us-ascii", "windows-1252"}, {"iso-8859-1", "windows-1252"}, {"latin1", "windows-1252"},
		{"iso-8859-9", "windows-1254"}, {"gb2312", "gb18030"}, {"gbk", "gb18030"},
		{"ks_c_5601-1987", "cp949"}, {"euc-kr", "cp949"}, {"shift_jis", "cp932"}, {"x-sjis", "cp932"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcasecmp(name, table[i].said) == 0)
			return table[i].meant;
	return name;
}

/* LEN bytes in CHARSET (NULL: not said) as UTF-8; the caller frees. */
static char *to_utf8(const char *charset, const char *text, size_t len)
{
	bool said_utf8 = charset && (strcasecmp(charset, "utf-8") == 0 || strcasecmp(charset, "utf8") == 0);
	bool ascii = charset && strcasecmp(charset, "us-ascii") == 0;
	char *out = NULL, *copy;
	size_t out_len = 0;

	if ((!charset || said_utf8 || ascii) && utf8_valid(text, len))
		return xstrndup(text, len);
	if (!charset || said_utf8 || charconv_buffer("utf-8", charset_meant(charset), text, len, &out, &out_len))
		if (charconv_buffer("utf-8", "windows-1252", text, len, &out, &out_len))
			return xstrdup("");
	copy = xstrndup(out, out_len);
	charconv_buffer_free(out);
	return copy;
}

/* Headers */

/* The next field of the header at *AT: its name's length and its unfolded value (into VALUE). False at the end. */
static bool next_field(const char **at, const char *end, const char **name, size_t *name_len, struct str *value)
{
	const char *p = *at, *line_end, *colon;

	str_reset(value);
	if (p >= end || *p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n'))
		return false;
	line_end = memchr(p, '\n', (size_t)(end - p));
	line_end = line_end ? line_end : end;
	colon = memchr(p, ':', (size_t)(line_end - p));
	*name = p;
	*name_len = colon ? (size_t)(colon - p) : 0;
	p = colon ? colon + 1 : line_end;
	for (;;) {
		size_t n = (size_t)(line_end - p);

		while (n && (p[n - 1] == '\r' || p[n - 1] == '\n'))
			n--;
		if (value->len + n < HEADER_MAX)
			str_add(value, p, n);
		p = line_end < end ? line_end + 1 : end;
		if (p >= end || (*p != ' ' && *p != '\t'))
			break;
		line_end = memchr(p, '\n', (size_t)(end - p));
		line_end = line_end ? line_end : end;
	}
	*at = p;
	return true;
}

static char *decode_words(const char *text)
{
	const char *raw = text + strspn(text, " \t");
	size_t at = 0, len = strlen(raw);
	char *out = NULL, *copy;
	const char *from = utf8_valid(raw, len) ? "utf-8" : "windows-1252";

	if (mailmime_encoded_phrase_parse(from, raw, len, &at, "utf-8", &out) || !out)
		return to_utf8(NULL, raw, len);
	copy = to_utf8(NULL, out, strlen(out));
	free(out);
	return copy;
}

static int64_t date_of(const char *text)
{
	struct mailimf_date_time *d = NULL;
	size_t at = strspn(text, " \t");
	int64_t ms = -1;
	struct tm tm = {0};
	int zone;

	if (mailimf_date_time_parse(text, strlen(text), &at, &d) || !d)
		return -1;
	tm = (struct tm){.tm_sec = d->dt_sec, .tm_min = d->dt_min, .tm_hour = d->dt_hour, .tm_mday = d->dt_day,
			 .tm_mon = d->dt_month - 1, .tm_year = d->dt_year - 1900};
	zone = (d->dt_zone / 100 * 60 + d->dt_zone % 100) * 60;
	if (d->dt_year >= 1970 && d->dt_year < 10000)
		ms = ((int64_t)timegm(&tm) - zone) * 1000;
	mailimf_date_time_free(d);
	return ms;
}

static void add_to(struct mime *m, const char *address)
{
	if (m->nto < MIME_TO_MAX && address)
		m->to[m->nto++] = xstrdup(address);
}

static void add_mailboxes(struct mime *m, clist *list)
{
	for (clistiter *i = list ? clist_begin(list) : NULL; i; i = clist_next(i))
		add_to(m, ((struct mailimf_mailbox *)clist_content(i))->mb_addr_spec);
}

static void add_recipients(struct mime *m, const char *text)
{
	struct mailimf_address_list *list = NULL;
	size_t at = 0;

	if (mailimf_address_list_parse(text, strlen(text), &at, &list) || !list)
		return;
	for (clistiter *i = clist_begin(list->ad_list); i; i = clist_next(i)) {
		struct mailimf_address *a = clist_content(i);

		if (a->ad_type == MAILIMF_ADDRESS_MAILBOX)
			add_to(m, a->ad_data.ad_mailbox->mb_addr_spec);
		else if (a->ad_data.ad_group->grp_mb_list)
			add_mailboxes(m, a->ad_data.ad_group->grp_mb_list->mb_list);
	}
	mailimf_address_list_free(list);
}

/* The library refuses a From with raw 8-bit bytes or stray punctuation in its display name; the address is then
 * what stands in the last angle brackets. */
static char *sender(const char *text)
{
	struct mailimf_mailbox_list *list = NULL;
	const char *open = strrchr(text, '<'), *close = open ? strchr(open, '>') : NULL;
	char *from = NULL;
	size_t at = 0;

	if (mailimf_mailbox_list_parse(text, strlen(text), &at, &list) == 0 && list) {
		for (clistiter *i = clist_begin(list->mb_list); i && !from; i = clist_next(i)) {
			const char *address = ((struct mailimf_mailbox *)clist_content(i))->mb_addr_spec;

			from = strchr(address, '@') ? xstrdup(address) : NULL;
		}
		mailimf_mailbox_list_free(list);
	}
	if (!from && close && memchr(open, '@', (size_t)(close - open)))
		from = xstrndup(open + 1, (size_t)(close - open) - 1);
	return from;
}

static void set_once(char **to, char *value)
{
	if (*to || !value)
		free(value);
	else
		*to = value;
}

static char *message_id(const char *text)
{
	text += strspn(text, " \t<");
	return xstrndup(text, strcspn(text, "> \t"));
}

static void take_field(struct mime *m, const char *name, size_t len, const char *value)
{
	static const char *const recipients[] = {"to", "cc", "delivered-to", "x-original-to", "envelope-to"};
	const char *semicolon;

#define IS(word) (len == sizeof word - 1 && strncasecmp(name, word, len) == 0)
	if (IS("from"))
		set_once(&m->from, sender(value));
	else if (IS("subject"))
		set_once(&m->subject, decode_words(value));
	else if (IS("message-id"))
		set_once(&m->id, message_id(value));
	else if (IS("date") && m->date < 0)
		m->date = date_of(value);
	else if (IS("received") && m->received < 0 && (semicolon = strrchr(value, ';')))
		m->received = date_of(semicolon + 1);
#undef IS
	for (size_t i = 0; i < sizeof recipients / sizeof *recipients; i++)
		if (len == strlen(recipients[i]) && strncasecmp(name, recipients[i], len) == 0)
			add_recipients(m, value);
}

static void take_header(struct mime *m, const char *data, size_t len)
{
	const char *at = data, *end = data + len, *name;
	struct str value = {0};
	size_t name_len;

	/* an mbox separator is no field */
	if (len > 5 && memcmp(at, "From ", 5) == 0)
		at = memchr(at, '\n', len) ? (const char *)memchr(at, '\n', len) + 1 : end;
	while (next_field(&at, end, &name, &name_len, &value))
		take_field(m, name, name_len, str_text(&value));
	str_free(&value);
}

/* Bodies */

/* What an HTML part says of itself, where its header does not. */
static char *charset_in_html(const char *html, size_t len)
{
	const char *end = html + (len < 2048 ? len : 2048);

	for (const char *p = html; p + 9 < end; p++)
		if (strncasecmp(p, "charset=", 8) == 0) {
			p += 8;
			p += *p == '"' || *p == '\'';
			return xstrndup(p, strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"));
		}
	return NULL;
}

static void add_text(struct mime *m, bool html, const char *charset, const char *body, size_t len)
{
	struct mime_text *t = &m->texts[m->ntexts];
	char *own = NULL;

	if (len > MIME_TEXT_MAX)
		len = MIME_TEXT_MAX;
	if (html && !charset && !utf8_valid(body, len))
		charset = own = charset_in_html(body, len);
	t->text = to_utf8(charset, body, len);
	t->len = strlen(t->text); /* an encoded NUL ends it */
	t->html = html;
	m->ntexts++;
	free(own);
}

static const char *picture_type(const char *subtype)
{
	static const char *const known[] = {"image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp"};

	if (strcasecmp(subtype, "jpg") == 0)
		return "image/jpeg";
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(known[i] + strlen("image/"), subtype) == 0)
			return known[i];
	return NULL;
}

static void take_picture(struct mime *m, const char *subtype, const struct mailmime_single_fields *fields, const struct mailmime_data *body)
{
	const char *type = picture_type(subtype);
	char *decoded = NULL;
	size_t at = 0, len = 0;

	if (!type || m->npictures == MIME_PICTURES_MAX || !body || body->dt_type != MAILMIME_DATA_TEXT ||
	    mailmime_part_parse(body->dt_data.dt_text.dt_data, body->dt_data.dt_text.dt_length, &at, body->dt_encoding, &decoded, &len))
		return;
	if (len && len <= MIME_PICTURE_MAX) {
		char *data = xmalloc(len);

		memcpy(data, decoded, len);
		m->pictures[m->npictures++] = (struct mime_picture){type, message_id(fields->fld_id ? fields->fld_id : ""), data, len};
	}
	mailmime_decoded_part_free(decoded);
}

static void take_single(struct mime *m, struct mailmime *part)
{
	struct mailmime_content *type = part->mm_content_type;
	struct mailmime_data *body = part->mm_data.mm_single;
	const char *subtype = type ? type->ct_subtype : "plain";
	struct mailmime_single_fields fields;
	bool html, attached;
	char *decoded = NULL;
	size_t at = 0, len = 0;

	mailmime_single_fields_init(&fields, part->mm_mime_fields, type);
	attached = fields.fld_disposition && fields.fld_disposition->dsp_type->dsp_type == MAILMIME_DISPOSITION_TYPE_ATTACHMENT;
	if (type && type->ct_type->tp_type == MAILMIME_TYPE_DISCRETE_TYPE) {
		int kind = type->ct_type->tp_data.tp_discrete_type->dt_type;

		if (kind == MAILMIME_DISCRETE_TYPE_IMAGE)
			take_picture(m, subtype, &fields, body);
		if (kind != MAILMIME_DISCRETE_TYPE_TEXT)
			return;
	} else if (type) {
		return;
	}
	html = strcasecmp(subtype, "html") == 0;
	if (attached || (!html && strcasecmp(subtype, "plain") != 0) || m->ntexts == MIME_TEXTS_MAX || !body ||
	    body->dt_type != MAILMIME_DATA_TEXT)
		return;
	if (mailmime_part_parse(body->dt_data.dt_text.dt_data, body->dt_data.dt_text.dt_length, &at, body->dt_encoding,
				&decoded, &len))
		return;
	add_text(m, html, fields.fld_content_charset, decoded, len);
	mailmime_decoded_part_free(decoded);
}

/* Recursion is bounded by nested_too_deep. */
static void take_part(struct mime *m, struct mailmime *part)
{
	if (!part)
		return;
	if (part->mm_type == MAILMIME_SINGLE)
		take_single(m, part);
	else if (part->mm_type == MAILMIME_MULTIPLE)
		for (clistiter *i = clist_begin(part->mm_data.mm_multipart.mm_mp_list); i; i = clist_next(i))
			take_part(m, clist_content(i));
}

static bool nested_too_deep(const char *data, size_t len)
{
	const char *end = data + len;
	int n = 0;

	for (const char *p = data; (p = memchr(p, '/', (size_t)(end - p))); p++)
		if ((p - data >= 9 && strncasecmp(p - 9, "multipart", 9) == 0) ||
		    (p - data >= 7 && strncasecmp(p - 7, "message", 7) == 0))
			n++;
	return n > NESTED_MAX;
}

int mime_parse(struct mime *m, const char *data, size_t len, struct err *e)
{
	struct mailmime *root = NULL;
	size_t at = 0;

	*m = (struct mime){.date = -1, .received = -1};
	if (len > MIME_MAIL_MAX)
		len = MIME_MAIL_MAX;
	take_header(m, data, len);
	set_once(&m->from, xstrdup(""));
	set_once(&m->subject, xstrdup(""));
	set_once(&m->id, xstrdup(""));
	if (nested_too_deep(data, len))
		return err_set(e, EX_DATAERR, "a mail with more than %d nested parts", NESTED_MAX);
	if (mailmime_parse(data, len, &at, &root) || !root)
		return err_set(e, EX_DATAERR, "not a mail that can be read");
	if (root->mm_type == MAILMIME_MESSAGE)
		take_part(m, root->mm_data.mm_message.mm_msg_mime);
	mailmime_free(root);
	return 0;
}

void mime_free(struct mime *m)
{
	free(m->from);
	free(m->subject);
	free(m->id);
	for (int i = 0; i < m->nto; i++)
		free(m->to[i]);
	for (int i = 0; i < m->ntexts; i++)
		free(m->texts[i].text);
	for (int i = 0; i < m->npictures; i++) {
		free(m->pictures[i].id);
		free(m->pictures[i].data);
	}
	*m = (struct mime){.date = -1, .received = -1};
}

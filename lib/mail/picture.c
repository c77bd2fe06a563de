#include "mail/picture.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "mail/code.h"
#include "mail/text.h"
#include "mail/words.h"

#define NEAR 5 /* rows between a code's name and its picture */

/* Is token I a code's name: neither a postal nor a QR code's? */
static bool names_code(const struct words *w, int i)
{
	if (w->tokens[i].kind != TOKEN_WORD || !word_is_code(w->tokens[i].folded))
		return false;
	return i == 0 || !word_is_other_code(w->tokens[i - 1].folded);
}

static bool any_name(const char *text)
{
	struct words w;
	bool found = false;

	words_split(&w, text);
	for (int i = 0; i < w.n && !found; i++)
		found = names_code(&w, i);
	words_free(&w);
	return found;
}

/* Which of the text's pictures, counted from 0, is the code's; -1. */
static int by_place(const char *text)
{
	int pictures = 0, last = -1, last_row = 0, name_row = -1, found = -1;
	struct words w;

	words_split(&w, text);
	for (int i = 0; i < w.n; i++) {
		const struct token *t = &w.tokens[i];

		if (names_code(&w, i)) {
			name_row = t->row;
			if (found < 0 && last >= 0 && t->row - last_row <= NEAR)
				found = last; /* unless one follows */
		} else if (t->kind == TOKEN_MARK && t->mark == TEXT_PICTURE) {
			last = pictures++;
			last_row = t->row;
			if (name_row >= 0 && t->row - name_row <= NEAR) {
				found = last;
				break;
			}
		}
	}
	words_free(&w);
	return found;
}

static const struct mime_picture *with_id(const struct mime *mail, const char *ids, int index)
{
	for (; index > 0; index--)
		ids += strcspn(ids, "\n") + 1;
	for (int i = 0; i < mail->npictures; i++)
		if (*mail->pictures[i].id && strlen(mail->pictures[i].id) == strcspn(ids, "\n") &&
		    str_starts(ids, mail->pictures[i].id))
			return &mail->pictures[i];
	return NULL;
}

/* *PLACED: a picture has the code's place, be it one that the mail does not have. */
static const struct mime_picture *in_html(const struct mime *mail, const struct mime_text *t, bool *placed)
{
	const struct mime_picture *found = NULL;
	struct str text, ids = {0};
	int index;

	str_init(&text, CODE_TEXT_MAX);
	text_of_html(&text, t->text, t->len, &ids);
	index = by_place(str_text(&text));
	if (index >= 0) {
		*placed = true;
		found = with_id(mail, str_text(&ids), index);
	}
	str_free(&ids);
	str_free(&text);
	return found;
}

/* The only one that no text shows. */
static const struct mime_picture *attached(const struct mime *mail)
{
	const struct mime_picture *found = NULL;

	for (int i = 0; i < mail->npictures; i++) {
		if (*mail->pictures[i].id && mail->npictures > 1)
			continue; /* a logo, as like as not */
		if (found)
			return NULL;
		found = &mail->pictures[i];
	}
	return found;
}

const struct mime_picture *picture_in_mail(const struct mime *mail)
{
	const struct mime_picture *found = NULL;
	bool named = false, placed = false;

	if (!mail->npictures)
		return NULL;
	for (int i = 0; i < mail->ntexts && !found; i++) {
		if (mail->texts[i].html)
			found = in_html(mail, &mail->texts[i], &placed);
		named = named || any_name(mail->texts[i].text);
	}
	return found || placed || !named ? found : attached(mail);
}

jv picture_json(const struct mime_picture *picture)
{
	struct str text = {0};
	size_t n = 0;
	jv v;

	encode_as_base64(&text, picture->data, picture->len);
	for (size_t i = 0; i < text.len; i++)
		if (text.s[i] != '\n')
			text.s[n++] = text.s[i];
	if (text.s)
		text.s[n] = '\0';
	v = json_obj("type", jv_string(picture->type), "data", jv_string(str_text(&text)), NULL);
	str_free(&text);
	return v;
}

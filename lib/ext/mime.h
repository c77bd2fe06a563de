/* One mail, decoded: headers (RFC 5322, RFC 2047), MIME (RFC 2045-2049), charsets to UTF-8. libetpan.
 *
 * Mails come from strangers: what is parsed is bounded, and what can't be parsed is left out. Where a charset is
 * missing or wrong, valid UTF-8 is taken as that, anything else as windows-1252. */
#ifndef EXT_MIME_H
#define EXT_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/die.h"

#define MIME_MAIL_MAX (1u << 20)   /* of a longer mail only so much is looked at */
#define MIME_TEXT_MAX (256u << 10) /* bytes of one part's text; the rest is left out */
#define MIME_TEXTS_MAX 8           /* text parts looked at */
#define MIME_PICTURES_MAX 8        /* pictures looked at */
#define MIME_PICTURE_MAX (512u << 10) /* bytes of one; larger ones are left out */
#define MIME_TO_MAX 64             /* recipients looked at */

struct mime_text {
	bool html;
	char *text; /* UTF-8, NUL-terminated */
	size_t len;
};

struct mime_picture {
	const char *type; /* "image/png" …: one that any viewer shows */
	char *id;         /* Content-ID without the angle brackets; "" */
	char *data;
	size_t len;
};

struct mime {
	char *from;    /* the address of the first mailbox of From, without its display name; "" */
	char *subject; /* "" */
	char *id;      /* Message-ID without the angle brackets; "" */
	char *to[MIME_TO_MAX]; /* addresses of To, Cc, Delivered-To, X-Original-To and Envelope-To */
	int nto;
	int64_t date;     /* of the Date header, wall ms; -1: none */
	int64_t received; /* of the topmost Received header; -1: none */
	/* The text parts in their order, both sides of multipart/alternative; no attachments, no enclosed messages
	 * (a bounce or a forwarded mail is not the mail). */
	struct mime_text texts[MIME_TEXTS_MAX];
	int ntexts;
	struct mime_picture pictures[MIME_PICTURES_MAX]; /* image parts, attached ones too */
	int npictures;
};

/* 0, or -1 with EX_DATAERR when it can't be a mail, or is nested beyond reason. mime_free in both cases. */
int mime_parse(struct mime *m, const char *data, size_t len, struct err *e);
void mime_free(struct mime *m);

/* True for valid UTF-8 (RFC 3629). */
bool utf8_valid(const char *text, size_t len);

#endif

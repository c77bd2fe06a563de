/* What bytes mean: the charset of a page as browsers find it (WHATWG Encoding, HTML s.13.2.3), its text
 * as UTF-8, and the way back for forms. Conversion is libc's iconv. */
#ifndef PAGE_CHARSET_H
#define PAGE_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* NAME (canonical, lower case) as the Encoding Standard writes it, for a form's _charset_: "UTF-8", "windows-1254",
 * "Shift_JIS". The caller frees. */
char *charset_title(const char *name);
/* The canonical lower-case name behind a label ("latin1" gives "windows-1252"), NULL when the label is
 * not known to us. Valid until the next call. */
const char *charset_name(const char *label, size_t len);

/* The charset of BODY: its byte order mark, else HEADER (the Content-Type header, may be NULL), else, in
 * markup, what a meta element or XML declaration among the first 2048 bytes says, else UTF-8 where the
 * bytes are that, else windows-1252. Canonical name, valid until the next call. */
const char *charset_find(const char *body, size_t len, const char *header, bool markup);

/* BODY as UTF-8 without NULs or a byte order mark: what is invalid becomes U+FFFD. *TEXT is initialised here
 * and has no cap of its own: at most three times LEN. */
void charset_decode(struct str *text, const char *body, size_t len, const char *charset);

/* UTF-8 TEXT in CHARSET; characters that it lacks become "&#N;", as forms are sent. */
void charset_encode(struct str *out, const char *text, size_t len, const char *charset);

/* Bytes of the well-formed UTF-8 character at S, 0 where there is none. */
size_t utf8_char(const char *s, size_t len);
/* Bytes of the white-space character at S (U+00A0 and U+202F included), 0 where there is none. */
size_t utf8_space(const char *s, size_t len);
/* Adds S to B, white space folded: any run is one blank, none first in B. */
void fold_add(struct str *b, const char *s, size_t len);
/* Ends folding: takes a trailing blank away. */
void fold_end(struct str *b);

#endif

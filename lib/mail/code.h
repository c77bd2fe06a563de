/* The one-time code in a mail.
 *
 * Without a pattern a number counts as a code only beside its name ("code", "kod", "código", "OTP", "認証コード" …):
 * in the same sentence after or before it, or alone on one of the next lines. Codes are 4 to 8 digits, in groups or
 * not ("123 456", "123-456"), or 4 to 10 capitals and digits. Never a date, a time, a year that is not named as the
 * code, an amount, a phone, passport, order or booking number, part of an address, a link or a longer number;
 * and never anything out of a header: the subject helps only to say that a number alone on its line is a code. */
#ifndef MAIL_CODE_H
#define MAIL_CODE_H

#include <regex.h>

#include "ext/mime.h"

#define CODE_TEXT_MAX (64u << 10) /* bytes of a mail's text looked at */
#define CODE_PATTERN_MAX 256      /* bytes of a pattern */
#define CODE_MAX 64               /* bytes of a code */

/* A provider's own pattern: a POSIX extended regular expression (regex(7)) with \d and \D added, its first group,
 * or the whole match where it has none. ^ and $ are line ends. */
struct code_pattern {
	regex_t re;
	bool set;
};

/* Refused (EX_DATAERR): longer than CODE_PATTERN_MAX, (?…), back-references, repeat counts that multiply to over 1000: their cost
 * knows no bounds. */
int pattern_compile(struct code_pattern *p, const char *text, struct err *e);
void pattern_free(struct code_pattern *p);

/* The code in MAIL, by PATTERN where that is set; its text parts are looked at in order, HTML ones last. NULL when there is
 * none. The caller frees (and wipes: code_free). */
char *code_in_mail(const struct mime *mail, const struct code_pattern *pattern);
/* The same for a plain text. */
char *code_in_text(const char *text, const char *subject);
/* Wipes and frees; NULL is fine. */
void code_free(char *code);

#endif

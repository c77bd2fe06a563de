/* Text as words, and the words of codes in the languages we know: what mail/code decides with. */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_TEXT_MAX (64u << 10) /* bytes of text looked at */
#define WORDS_MAX 8192             /* tokens looked at */

enum token_kind { TOKEN_WORD, TOKEN_MARK };

/* A word (letters and digits of one script), or one other character. */
struct token {
	enum token_kind kind;
	char text[44];   /* the word with digits as ASCII, its case kept; "" when longer than that */
	char folded[44]; /* lower case, without diacritics */
	uint32_t mark;   /* TOKEN_MARK: the character */
	char before;     /* white space before it: 0, ' ', '\t' or '\n' */
	int line;        /* empty lines count */
	int row;         /* they do not */
	bool digits;     /* nothing but digits */
};

struct words {
	struct token *tokens;
	int n;
};

/* Splits TEXT (UTF-8). Characters that nobody sees (U+200B, soft hyphens …) are left out, digits of other scripts
 * become ASCII, no-break spaces spaces. Lines that quote another mail ("> …") are left out. */
void words_split(struct words *w, const char *text);
void words_free(struct words *w);

/* Is the folded WORD … */
bool word_is_code(const char *word);      /* "code", "kodunuz", "Sicherheitscode", "OTP" */
bool word_is_password(const char *word);  /* "password": of a code only beside word_is_once */
bool word_is_once(const char *word);      /* "one-time", "einmalig" … */
bool word_is_proving(const char *word);   /* "verification": what a login's code is called by */
bool word_is_other_code(const char *word); /* "postal", "booking", "QR": what makes it another kind of code */
bool word_is_other_number(const char *word); /* "reference", "phone", "order": what a number right after is */
bool word_is_number(const char *word);    /* "number", "no", "nr": passed over before asking what came before */
bool word_is_unit(const char *word);      /* "minutes", "EUR" */
bool word_is_link(const char *word);      /* "is", "lautet", "de": between a code's name and the code */
bool word_is_sending(const char *word);   /* "sent": what follows says where to */
bool word_is_of(const char *word);        /* "de", "di", "of": between a noun and what qualifies it */

#endif

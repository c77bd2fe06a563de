/* A mail's HTML as the text that a person reads.
 *
 * Done here and not by an HTML parser on purpose: a mail can come from anybody, and this takes linear time and memory
 * whatever is in it. Markup is dropped, style sheets, scripts and titles with what is in them; blocks and line
 * breaks become newlines (an empty line between paragraphs), table cells tabs; references (&eacute; &#233;) are
 * decoded; white space is folded. Attributes never become text. */
#ifndef MAIL_TEXT_H
#define MAIL_TEXT_H

#include "base/str.h"

#define TEXT_PICTURE 0xfffc /* OBJECT REPLACEMENT CHARACTER */

/* Adds the text of LEN bytes of HTML (UTF-8) to OUT; ends early when OUT's cap is reached. With PICTURES, each picture stands in
 * the text as TEXT_PICTURE, and its id (cid:, RFC 2392; empty for one that is elsewhere) in PICTURES, one a line; NULL: they are left out. */
void text_of_html(struct str *out, const char *html, size_t len, struct str *pictures);

#endif

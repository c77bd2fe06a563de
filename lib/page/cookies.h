/* A cookie jar (RFC 6265, with the prefixes of RFC 6265bis): a session's own, kept by value so that it can
 * be saved and restored. A cookie goes only where its domain, path and `secure` say; which sites may be
 * asked at all is fetch.h's business. */
#ifndef PAGE_COOKIES_H
#define PAGE_COOKIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "ext/json.h"
#include "page/url.h"

struct jar;

struct jar *jar_new(void);
void jar_free(struct jar *jar);
/* Takes one Set-Cookie header that came with the answer to URL at NOW (s since 1970). Malformed, foreign
 * or oversized ones are passed over (s.5.3). */
void jar_take(struct jar *jar, const struct url *url, const char *header, size_t len, int64_t now);
/* Adds "a=1; b=2", what the Cookie header for URL holds (s.5.4); false when no cookie is for it. */
bool jar_header(struct jar *jar, const struct url *url, int64_t now, struct str *out);
/* The live cookies as ab-page(5) has them, sorted by domain, path and name. */
jv jar_save(const struct jar *jar, int64_t now);
/* Replaces the jar's content; -1 where COOKIES is not such a list. */
int jar_restore(struct jar *jar, jv cookies, struct err *e);

#endif

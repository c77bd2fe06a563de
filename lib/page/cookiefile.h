/* Cookies out of a person's own browser: the text file that Netscape's browser kept, which curl and browsers' extensions write still
 * ("cookies.txt"). A line is a cookie, in seven fields set apart by tabs: domain, TRUE where it is the domain's and not the host's alone,
 * path, TRUE where it is secure, when it expires (s since 1970; 0: with the session), name, value. "#HttpOnly_" in front is no
 * comment; other lines that begin with # are. */
#ifndef PAGE_COOKIEFILE_H
#define PAGE_COOKIEFILE_H

#include <stddef.h>
#include <stdint.h>

#include "ext/json.h"

#define COOKIEFILE_MAX (4u << 20)

struct cookiefile {
	jv cookies;                  /* those that go to the origins, as page/cookies.h saves them */
	size_t all, foreign, expired; /* how many there were; went elsewhere; went there once */
	size_t wrong;                 /* lines that are no cookie */
};

/* Told of each line that is no cookie: its number from 1, and what is wrong with it, in words that hold nothing of it. */
typedef void cookiefile_wrong(void *ctx, size_t line, const char *what);

/* TEXT (LEN bytes), at NOW; ORIGINS is a list of addresses ("https://example.org"). */
struct cookiefile cookiefile_read(const char *text, size_t len, jv origins, int64_t now, cookiefile_wrong *say, void *ctx);

#endif

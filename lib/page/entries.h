/* What a form sends: names with values or files, and the ways to write them (HTML s.4.10.21.5 ff). */
#ifndef PAGE_ENTRIES_H
#define PAGE_ENTRIES_H

#include <stddef.h>

#include "base/str.h"
#include "ext/json.h"
#include "page/fail.h"

struct entry {
	char *name, *value;
	jv file; /* {"name","type","data_base64"} for a file; null otherwise */
};

struct entries {
	struct entry *list;
	size_t n;
};

/* Texts are UTF-8 and copied. */
void entry_add(struct entries *e, const char *name, const char *value, jv file_taken);
void entries_free(struct entries *e);

/* Each adds to OUT, in CHARSET (a name of page/charset.h), line ends as CRLF. */
void entry_write_pair(struct str *out, const char *name, const char *value, const char *charset);
void entries_write_urlencoded(struct str *out, const struct entries *e, const char *charset);
void entries_write_plain(struct str *out, const struct entries *e, const char *charset);
int entries_write_multipart(struct str *out, const struct entries *e, const char *charset, const char *boundary,
			    struct fail *why);

#endif

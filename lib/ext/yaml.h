/* YAML as people write sessions and providers: libyaml's events into JSON values, strictly.
 *
 * Every scalar is a string ("007123456", "NO" and "12:30" stay what they are; an empty plain scalar is "").
 * Refused with line and column: duplicate keys, keys that are not scalars, aliases, anchors, merge keys,
 * tags, more than one document, depth over 64, invalid UTF-8, text over 1 MiB. */
#ifndef EXT_YAML_H
#define EXT_YAML_H

#include "ext/json.h"

struct yaml {
	jv value;  /* the document */
	jv places; /* RFC 6901 pointer of every node -> [line, column], from 1; for a mapping's member also
	              pointer + "#key" -> where its key stands */
};

/* NAME is for messages ("FILE:LINE:COLUMN: what"). 0, or -1 with *e (EX_DATAERR). */
int yaml_parse(struct yaml *y, const char *text, size_t len, const char *name, struct err *e);
int yaml_read(struct yaml *y, const char *path, struct err *e);
void yaml_done(struct yaml *y); /* not yaml_free: libyaml exports that name */
/* Line and column of POINTER, or of the nearest parent that has one. */
void yaml_place(const struct yaml *y, const char *pointer, int *line, int *column);
/* VALUE as block YAML (caller frees); strings plain where that reads back as the same string in a YAML
 * 1.2 reader of strings, quoted otherwise; long texts as literal blocks. */
char *yaml_text(jv value);

#endif

/* JSON values: libjq's jv, and what the rest of ab may do with them.
 *
 * jv aborts on a wrong kind, so other files read values through these functions. Ownership: unlike jv's
 * own, **json_* functions borrow their jv arguments**, except those named *_take and the VALUE that
 * json_set, json_push and json_obj consume. Results of type jv are the caller's (jv_free). Results of
 * type const char * live as long as the value they were read from. Numbers are doubles: ids, nanoseconds
 * and money are strings. */
#ifndef EXT_JSON_H
#define EXT_JSON_H

#include <jv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/die.h"
#include "base/str.h"

/* Parses exactly one value. Refused: text after it, depth over 256, NaN, invalid UTF-8, NUL bytes.
 * On failure an invalid jv and *e (EX_DATAERR). Check with json_ok. */
jv json_parse(const char *text, size_t len, struct err *e);
/* The same for what a stranger wrote: at most JSON_FOREIGN_MAX lists and objects (an empty one takes 300 to 600 bytes). */
#define JSON_FOREIGN_MAX 100000
jv json_parse_foreign(const char *text, size_t len, struct err *e);
/* Adds the bytes that V takes, roughly and as if nothing were shared, to *SUM. False, as soon as it is clear, when that is
 * more than MAX, or V is nested more than 256 deep. */
bool json_weigh(jv v, size_t max, size_t *sum);
/* fs_read, then json_parse. */
jv json_read(const char *path, size_t max, struct err *e);
bool json_ok(jv v);

/* Compact text without a newline; json_text_sorted with sorted keys (for hashes and comparing). Caller frees. */
char *json_text(jv v);
char *json_text_sorted(jv v);
/* Adds the compact text to B; -1 when B's cap refused it. */
int json_add_text(struct str *b, jv v);

bool json_is(jv v, jv_kind kind);
bool json_true(jv v);  /* JSON true */
/* The string's bytes, or FALLBACK when V is no string. May hold NULs: json_len tells the length. */
const char *json_string(jv v, const char *fallback);
size_t json_len(jv v);     /* bytes of a string, items of an array, keys of an object; else 0 */

/* Members of an object; a missing key, or an OBJ that is no object, gives null / the fallback. */
jv json_get(jv obj, const char *key);
bool json_has(jv obj, const char *key);
const char *json_str(jv obj, const char *key, const char *fallback);
double json_num(jv obj, const char *key, double fallback);
int64_t json_int(jv obj, const char *key, int64_t fallback);
bool json_bool(jv obj, const char *key, bool fallback);
/* "a.b.0.c": members and array indexes; null where the path ends early. */
jv json_path(jv v, const char *path);
jv json_at(jv array, int index);    /* null when out of range */
bool json_equal(jv a, jv b);

/* Building: consume OBJ/ARRAY and VALUE, give the new whole. */
jv json_set(jv obj_taken, const char *key, jv value_taken);
jv json_set_str(jv obj_taken, const char *key, const char *value);  /* NULL: JSON null */
jv json_push(jv array_taken, jv value_taken);
jv json_del(jv obj_taken, const char *key);
/* OBJ with the members of MORE over its own. Both consumed. */
jv json_merge_take(jv obj, jv more);
/* {"k": v, …} from pairs "k", jv, …, NULL; values are consumed. */
jv json_obj(const char *key, ...) __attribute__((sentinel));

/* This moment as it is kept on disk, {"boot","mono","wall"}; and the ms since such a one (clock_passed), other members ignored. */
jv json_moment(void);
int64_t json_moment_age(jv moment);

/* Visits an object's members in key order, or an array's items:
 *   for (struct json_iter it = json_iter(v); json_next(&it);) use(it.key, it.value);
 * KEY (NULL in an array) and VALUE are borrowed and last until the next step. The end frees the iterator;
 * after leaving early call json_iter_end. Anything else than an object or array has no members. */
struct json_iter {
	const char *key;
	jv value;
	int index;
	jv of, keys; /* private */
};
struct json_iter json_iter(jv container);
bool json_next(struct json_iter *it);
void json_iter_end(struct json_iter *it);

#endif

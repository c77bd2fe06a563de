/* A SQLite database: statements with values in, JSON out.
 *
 * Statements are string literals (they are compiled once and found again by their address). Values follow
 * as TYPES says: 's' const char * (NULL: NULL), 'i' int64_t, 'd' int.
 *
 *	sql_do(db, "UPDATE slot SET seats = ? WHERE id = ?", "ds", 2, id);
 *
 * Errors are sticky: after the first one every call does nothing and gives the empty value, until
 * sql_forget; so callers look once, at the end. A broken constraint is no error but an answer. */
#ifndef EXT_SQL_H
#define EXT_SQL_H

#include "ext/json.h"

struct sql;

enum sql_done { SQL_FAILED = -1, SQL_OK, SQL_CONFLICT };

/* Opens or makes FILE: write-ahead log, foreign keys on. What was committed survives a crash of the
 * process. NULL with *e. */
struct sql *sql_open(const char *file, struct err *e);
void sql_close(struct sql *db);
/* The first error since sql_forget, or NULL. */
const struct err *sql_error(const struct sql *db);
void sql_forget(struct sql *db);

/* Several statements without values. */
enum sql_done sql_script(struct sql *db, const char *text);
/* One statement; its rows are dropped. SQL_CONFLICT: a constraint stood against it and nothing changed. */
enum sql_done sql_do(struct sql *db, const char *stmt, const char *types, ...);
int64_t sql_changes(struct sql *db); /* rows touched by the last sql_do */
int64_t sql_id(struct sql *db);      /* the last row id inserted */

/* Rows as objects, columns as members: text is a string, numbers are numbers, NULL is null. */
jv sql_rows(struct sql *db, const char *stmt, const char *types, ...);
/* The first row, or null. */
jv sql_row(struct sql *db, const char *stmt, const char *types, ...);
/* The first column of the first row, or FALLBACK. */
int64_t sql_number(struct sql *db, int64_t fallback, const char *stmt, const char *types, ...);

#endif

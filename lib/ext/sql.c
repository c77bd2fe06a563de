#include "ext/sql.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CACHE 128

struct sql {
	sqlite3 *db;
	struct err err;
	bool failed;
	struct {
		const char *text;
		sqlite3_stmt *stmt;
	} cache[CACHE];
	int cached;
};

static int fail(struct sql *db, const char *what)
{
	if (!db->failed)
		err_set(&db->err, EX_IOERR, "database: %s: %.300s", sqlite3_errmsg(db->db), what);
	db->failed = true;
	return SQL_FAILED;
}

struct sql *sql_open(const char *file, struct err *e)
{
	struct sql *db = xcalloc(1, sizeof *db);

	if (sqlite3_open_v2(file, &db->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL)) {
		err_set(e, EX_CANTCREAT, "open database %s: %s", file, db->db ? sqlite3_errmsg(db->db) : "out of memory");
		sql_close(db);
		return NULL;
	}
	sqlite3_extended_result_codes(db->db, 1);
	sqlite3_busy_timeout(db->db, 5000);
	/* NORMAL with a write-ahead log syncs at checkpoints only: it outlives a crash of ours, which is what is
	 * promised, and a commit costs microseconds. */
	if (sql_script(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON") != SQL_OK) {
		err_set(e, EX_DATAERR, "open %s: %s", file, db->err.text);
		sql_close(db);
		return NULL;
	}
	return db;
}

void sql_close(struct sql *db)
{
	if (!db)
		return;
	for (int i = 0; i < db->cached; i++)
		sqlite3_finalize(db->cache[i].stmt);
	sqlite3_close(db->db);
	free(db);
}

const struct err *sql_error(const struct sql *db)
{
	return db->failed ? &db->err : NULL;
}

void sql_forget(struct sql *db)
{
	db->failed = false;
}

enum sql_done sql_script(struct sql *db, const char *text)
{
	if (db->failed)
		return SQL_FAILED;
	return sqlite3_exec(db->db, text, NULL, NULL, NULL) ? fail(db, text) : SQL_OK;
}

static sqlite3_stmt *prepared(struct sql *db, const char *text)
{
	sqlite3_stmt *stmt;

	for (int i = 0; i < db->cached; i++)
		if (db->cache[i].text == text)
			return db->cache[i].stmt;
	if (db->cached == CACHE || sqlite3_prepare_v3(db->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL)) {
		fail(db, text);
		return NULL;
	}
	db->cache[db->cached].text = text;
	db->cache[db->cached++].stmt = stmt;
	return stmt;
}

static sqlite3_stmt *bound(struct sql *db, const char *text, const char *types, va_list ap)
{
	sqlite3_stmt *stmt = db->failed ? NULL : prepared(db, text);

	if (!stmt)
		return NULL;
	for (int i = 1; *types; types++, i++) {
		if (*types == 's')
			sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		else if (*types == 'i')
			sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
		else
			sqlite3_bind_int(stmt, i, va_arg(ap, int));
	}
	return stmt;
}

static void done(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

enum sql_done sql_do(struct sql *db, const char *text, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int r;

	va_start(ap, types);
	stmt = bound(db, text, types, ap);
	va_end(ap);
	if (!stmt)
		return SQL_FAILED;
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW)
		;
	done(stmt);
	if (r == SQLITE_DONE)
		return SQL_OK;
	return (r & 0xff) == SQLITE_CONSTRAINT ? SQL_CONFLICT : fail(db, text);
}

int64_t sql_changes(struct sql *db)
{
	return db->failed ? 0 : sqlite3_changes64(db->db);
}

int64_t sql_id(struct sql *db)
{
	return sqlite3_last_insert_rowid(db->db);
}

static jv column(sqlite3_stmt *stmt, int i)
{
	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_NULL:
		return jv_null();
	case SQLITE_INTEGER:
		return jv_number((double)sqlite3_column_int64(stmt, i));
	case SQLITE_FLOAT:
		return jv_number(sqlite3_column_double(stmt, i));
	default:
		return jv_string_sized((const char *)sqlite3_column_text(stmt, i), sqlite3_column_bytes(stmt, i));
	}
}

static jv collect(struct sql *db, sqlite3_stmt *stmt, const char *text, int max)
{
	jv rows = jv_array(), row;
	int r = SQLITE_DONE, n = 0;

	if (!stmt)
		return rows;
	while (n++ < max && (r = sqlite3_step(stmt)) == SQLITE_ROW) {
		row = jv_object();
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			row = json_set(row, sqlite3_column_name(stmt, i), column(stmt, i));
		rows = json_push(rows, row);
	}
	done(stmt);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		fail(db, text);
	return rows;
}

jv sql_rows(struct sql *db, const char *text, const char *types, ...)
{
	va_list ap;
	jv rows;

	va_start(ap, types);
	rows = collect(db, bound(db, text, types, ap), text, INT32_MAX);
	va_end(ap);
	return rows;
}

jv sql_row(struct sql *db, const char *text, const char *types, ...)
{
	va_list ap;
	jv rows, row;

	va_start(ap, types);
	rows = collect(db, bound(db, text, types, ap), text, 1);
	va_end(ap);
	row = json_at(rows, 0);
	jv_free(rows);
	return row;
}

int64_t sql_number(struct sql *db, int64_t fallback, const char *text, const char *types, ...)
{
	sqlite3_stmt *stmt;
	int64_t value = fallback;
	va_list ap;
	int r;

	va_start(ap, types);
	stmt = bound(db, text, types, ap);
	va_end(ap);
	if (!stmt)
		return fallback;
	r = sqlite3_step(stmt);
	if (r == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
		value = sqlite3_column_int64(stmt, 0);
	else if (r != SQLITE_ROW && r != SQLITE_DONE)
		fail(db, text);
	done(stmt);
	return value;
}

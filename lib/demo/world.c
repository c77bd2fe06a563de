#include "demo/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define WRONG_MAX 5
#define DAY_MS ((int64_t)86400000)

static const char *const places[] = {"Ankara", "Istanbul", "Izmir"};
static const char *const categories[] = {"short-stay", "long-stay", "student"};
static const char *const vfs_categories[] = {"short-stay/tourism", "short-stay/business", "long-stay/work", "student/study"};
#define PLACES (sizeof places / sizeof *places)

/* What the known categories of an office are. */
static size_t known_categories(const char *office, const char *const **names)
{
	bool vfs = strcmp(office, VFS) == 0;

	*names = vfs ? vfs_categories : categories;
	return vfs ? sizeof vfs_categories / sizeof *vfs_categories : sizeof categories / sizeof *categories;
}

#define HELD "state IN ('confirmed', 'pending')" /* a seat */

/* The two partial indexes are what makes a second booking of one seat, or one too many of one account,
 * impossible whatever the code above them does. */
static const char schema[] =
	"CREATE TABLE IF NOT EXISTS account(name TEXT PRIMARY KEY, password TEXT NOT NULL, wrong INTEGER NOT NULL DEFAULT 0,"
	" locked INTEGER NOT NULL DEFAULT 0, per_account INTEGER);"
	"CREATE TABLE IF NOT EXISTS slot(id TEXT PRIMARY KEY, office TEXT NOT NULL, place TEXT NOT NULL,"
	" category TEXT NOT NULL, start TEXT NOT NULL, seats INTEGER NOT NULL, opens INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS slot_start ON slot(office, start);"
	"CREATE TABLE IF NOT EXISTS booking(id INTEGER PRIMARY KEY, office TEXT NOT NULL, account TEXT NOT NULL,"
	" slot TEXT NOT NULL REFERENCES slot(id), seat INTEGER NOT NULL, nth INTEGER NOT NULL, reference TEXT UNIQUE NOT NULL,"
	" state TEXT NOT NULL, until INTEGER, created TEXT NOT NULL, cancelled TEXT, party INTEGER NOT NULL, applicant TEXT NOT NULL);"
	"CREATE UNIQUE INDEX IF NOT EXISTS one_per_seat ON booking(slot, seat) WHERE " HELD ";"
	"CREATE UNIQUE INDEX IF NOT EXISTS nth_of_account ON booking(office, account, nth) WHERE " HELD ";"
	"CREATE INDEX IF NOT EXISTS held_until ON booking(until) WHERE state = 'pending';"
	"CREATE TABLE IF NOT EXISTS session(id INTEGER PRIMARY KEY, office TEXT NOT NULL, token TEXT UNIQUE NOT NULL,"
	" twin TEXT NOT NULL, csrf TEXT NOT NULL, account TEXT, stage TEXT NOT NULL, seen INTEGER NOT NULL,"
	" wrong INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE IF NOT EXISTS code(id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES session(id),"
	" code TEXT NOT NULL, made INTEGER NOT NULL, valid INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS code_session ON code(session);"
	"CREATE TABLE IF NOT EXISTS challenge(session INTEGER PRIMARY KEY REFERENCES session(id), token TEXT NOT NULL,"
	" answer TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS draft(urn TEXT PRIMARY KEY, account TEXT NOT NULL, begun INTEGER NOT NULL, content TEXT NOT NULL);";

/* splitmix64, by Sebastiano Vigna (public domain): short, and any seed will do. */
static uint64_t next_random(struct world *w)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t world_random(struct world *w, uint32_t n)
{
	return (uint32_t)((next_random(w) >> 32) * n >> 32);
}

void world_word(struct world *w, char *out, int len, const char *alphabet)
{
	for (int i = 0; i < len; i++)
		out[i] = alphabet[world_random(w, (uint32_t)strlen(alphabet))];
	out[len] = '\0';
}

/* "a@example.org,b@example.org:password" */
static void first_accounts(struct world *w)
{
	char *list = xstrdup(w->accounts), *save = NULL;

	for (char *one = strtok_r(list, ", ", &save); one; one = strtok_r(NULL, ", ", &save)) {
		char *colon = strchr(one, ':');

		if (colon)
			*colon++ = '\0';
		sql_do(w->db, "INSERT INTO account(name, password) VALUES (?, ?) ON CONFLICT DO NOTHING", "ss", one,
		       colon ? colon : "practice");
	}
	free(list);
}

struct world *world_open(const struct world_options *o, struct err *e)
{
	struct world *w = xcalloc(1, sizeof *w);

	w->zone = xstrdup(o->zone);
	w->accounts = xstrdup(o->accounts);
	w->offices = xasprintf(",%s,", o->offices);
	w->seed = w->random = o->seed;
	w->per_account = o->per_account;
	w->db = sql_open(o->file, e);
	if (!w->db) {
		world_close(w);
		return NULL;
	}
	sql_script(w->db, "BEGIN IMMEDIATE");
	sql_script(w->db, schema);
	first_accounts(w);
	if (world_end(w, e)) {
		world_close(w);
		return NULL;
	}
	return w;
}

void world_close(struct world *w)
{
	if (!w)
		return;
	sql_close(w->db);
	free(w->zone);
	free(w->accounts);
	free(w->offices);
	free(w);
}

void world_reset(struct world *w)
{
	sql_script(w->db, "DELETE FROM code; DELETE FROM challenge; DELETE FROM draft; DELETE FROM session; DELETE FROM booking; DELETE FROM slot; DELETE FROM account");
	first_accounts(w);
	w->random = w->seed;
}

void world_begin(struct world *w)
{
	sql_script(w->db, "BEGIN IMMEDIATE");
	sql_do(w->db, "UPDATE booking SET state = 'expired' WHERE state = 'pending' AND until <= ?", "i", clock_wall());
}

int world_end(struct world *w, struct err *e)
{
	const struct err *bad;

	sql_script(w->db, "COMMIT");
	bad = sql_error(w->db);
	if (!bad)
		return 0;
	err_set(e, bad->status, "%s", bad->text);
	sql_forget(w->db);
	sql_script(w->db, "ROLLBACK");
	sql_forget(w->db);
	return -1;
}

bool world_has_office(const struct world *w, const char *office)
{
	char *name = xasprintf(",%s,", office);
	bool has = strstr(w->offices, name) != NULL;

	free(name);
	return has;
}

enum world_login world_login(struct world *w, const char *account, const char *password)
{
	jv row = sql_row(w->db, "SELECT password, wrong, locked FROM account WHERE name = ?", "s", account);
	enum world_login r = LOGIN_WRONG;

	if (json_int(row, "locked", 0)) {
		r = LOGIN_LOCKED;
	} else if (json_is(row, JV_KIND_OBJECT) && strcmp(json_str(row, "password", ""), password) == 0) {
		r = LOGIN_OK;
		sql_do(w->db, "UPDATE account SET wrong = 0 WHERE name = ?", "s", account);
	} else if (json_is(row, JV_KIND_OBJECT)) {
		bool last = json_int(row, "wrong", 0) + 1 >= WRONG_MAX;

		sql_do(w->db, "UPDATE account SET wrong = wrong + 1, locked = ? WHERE name = ?", "ds", (int)last, account);
		r = last ? LOGIN_LOCKED : LOGIN_WRONG;
	}
	jv_free(row);
	return r;
}

int world_set_account(struct world *w, jv spec, struct err *e)
{
	const char *name = json_str(spec, "account", "");

	if (!strchr(name, '@') || strpbrk(name, "<> \r\n\"/"))
		return err_set(e, EX_DATAERR, "account: an e-mail address is needed");
	sql_do(w->db, "INSERT INTO account(name, password) VALUES (?, 'practice') ON CONFLICT DO NOTHING", "s", name);
	if (json_has(spec, "password"))
		sql_do(w->db, "UPDATE account SET password = ? WHERE name = ?", "ss", json_str(spec, "password", ""), name);
	if (json_has(spec, "locked"))
		sql_do(w->db, "UPDATE account SET wrong = 0, locked = ? WHERE name = ?", "ds",
		       (int)json_bool(spec, "locked", false), name);
	if (json_has(spec, "per_account"))
		sql_do(w->db, "UPDATE account SET per_account = ? WHERE name = ?", "is", json_int(spec, "per_account", 1), name);
	return 0;
}

jv world_accounts(struct world *w)
{
	return sql_rows(w->db, "SELECT name FROM account ORDER BY name", "");
}

/* TEXT as the site's local "YYYY-MM-DDTHH:MM": a local time as it is, an instant converted. */
static int local_start(struct world *w, const char *text, char out[CLOCK_TEXT])
{
	int64_t wall;

	if (strlen(text) < 16 || (zone_parse(w->zone, text, &wall) && clock_parse(text, &wall)))
		return -1;
	clock_format_in(w->zone, wall, out);
	out[16] = '\0';
	return 0;
}

static void add_slot(struct world *w, const char *office, const char *place, const char *category, const char *start,
		    int seats, int64_t opens, jv *made)
{
	char id[9];

	do
		world_word(w, id, 8, "0123456789abcdef");
	while (sql_do(w->db, "INSERT INTO slot(id, office, place, category, start, seats, opens) VALUES (?, ?, ?, ?, ?, ?, ?)",
		      "sssssdi", id, office, place, category, start, seats, opens) == SQL_CONFLICT);
	*made = json_push(*made, json_obj("id", jv_string(id), "office", jv_string(office), "place", jv_string(place),
					  "category", jv_string(category), "start", jv_string(start),
					  "seats", jv_number(seats), NULL));
}

static int release_one(struct world *w, const char *office, jv slot, int64_t opens, jv *made, struct err *e)
{
	const char *const *known;
	const char *place, *category;
	int64_t seats = json_int(slot, "seats", 1);
	char start[CLOCK_TEXT];

	known_categories(office, &known);
	place = json_str(slot, "place", places[0]);
	category = json_str(slot, "category", known[0]);
	if (!json_is(slot, JV_KIND_OBJECT))
		return err_set(e, EX_DATAERR, "slots: an object is needed for each");
	if (local_start(w, json_str(slot, "start", ""), start))
		return err_set(e, EX_DATAERR, "start: '%.40s' is no time such as 2026-12-01T09:30", json_str(slot, "start", ""));
	if (seats < 1 || seats > 1000)
		return err_set(e, EX_DATAERR, "seats: 1 to 1000");
	if (!*place || strlen(place) > 60 || !*category || strlen(category) > 60)
		return err_set(e, EX_DATAERR, "place and category: 1 to 60 bytes");
	add_slot(w, office, place, category, start, (int)seats, opens, made);
	return 0;
}

/* N slots on working days from FROM on, half hours between nine and five. */
static int release_many(struct world *w, const char *office, jv spec, int64_t opens, jv *made, struct err *e)
{
	int64_t n = json_int(spec, "count", 0), day;
	const char *from = json_str(spec, "from", NULL), *place = json_str(spec, "place", NULL),
		   *category = json_str(spec, "category", NULL);
	const char *const *known;
	uint32_t kinds = (uint32_t)known_categories(office, &known);
	char start[CLOCK_TEXT];
	struct tm tm;

	if (n < 1 || n > 10000)
		return err_set(e, EX_DATAERR, "count: 1 to 10000");
	if (from && (!date_valid(from) || zone_parse(w->zone, from, &day)))
		return err_set(e, EX_DATAERR, "from: '%.40s' is no date", from);
	if (!from)
		day = clock_wall() + 7 * DAY_MS;
	day += DAY_MS / 2 * !!from; /* noon: adding days never slips over midnight */
	for (int64_t i = 0; i < n; i++) {
		int64_t at = day + (int64_t)world_random(w, 45) * DAY_MS;
		const char *p = places[world_random(w, 3)], *c = known[world_random(w, kinds)];
		unsigned half = world_random(w, 16);

		for (zone_local(w->zone, at, &tm); tm.tm_wday == 0 || tm.tm_wday == 6; zone_local(w->zone, at, &tm))
			at += DAY_MS;
		clock_format_in(w->zone, at, start);
		snprintf(start + 11, 6, "%02u:%02u", (9 + half / 2) % 24, half % 2 * 30);
		add_slot(w, office, place ? place : p, category ? category : c, start, 1, opens, made);
	}
	return 0;
}

jv world_release(struct world *w, jv spec, struct err *e)
{
	const char *office = json_str(spec, "office", PRACTICE), *at = json_str(spec, "at", NULL);
	int64_t opens = clock_wall() + json_int(spec, "after_ms", 0);
	jv made = jv_array(), slots = json_get(spec, "slots");
	int r = 0;

	if (!world_has_office(w, office))
		r = err_set(e, EX_DATAERR, "office: '%.40s' is not served", office);
	else if (at && clock_parse(at, &opens))
		r = err_set(e, EX_DATAERR, "at: '%.40s' is no RFC 3339 time", at);
	else if (json_is(slots, JV_KIND_ARRAY))
		for (struct json_iter it = json_iter(slots); json_next(&it);)
			r = r ? r : release_one(w, office, it.value, opens, &made, e);
	else
		r = release_many(w, office, spec, opens, &made, e);
	jv_free(slots);
	if (r) {
		jv_free(made);
		return jv_invalid();
	}
	return made;
}

#define SLOT_COLUMNS \
	"slot.id, slot.place, slot.category, slot.start, slot.seats, " \
	"max(0, slot.seats - (SELECT coalesce(sum(party), 0) FROM booking WHERE slot = slot.id AND " HELD ")) AS free"

jv world_free(struct world *w, const char *office, const char *place, const char *from, const char *to)
{
	/* 'Z' sorts after the 'T' of every time of the last day */
	return sql_rows(w->db,
			"SELECT * FROM (SELECT " SLOT_COLUMNS " FROM slot WHERE office = ? AND opens <= ? AND place = coalesce(?, place)"
			" AND start >= ? AND start < ? || 'Z') WHERE free > 0 ORDER BY start, place, category, id",
			"sisss", office, clock_wall(), place, from, to);
}

jv world_slot(struct world *w, const char *office, const char *id)
{
	return sql_row(w->db, "SELECT " SLOT_COLUMNS " FROM slot WHERE office = ? AND id = ? AND opens <= ?", "ssi", office, id,
		       clock_wall());
}

jv world_slots(struct world *w)
{
	return sql_rows(w->db, "SELECT office, opens, " SLOT_COLUMNS " FROM slot ORDER BY office, start, place, id", "");
}

/* NAMES, then those in ROWS that are not among them. */
static jv with_others(const char *const *names, size_t n, jv rows_taken)
{
	jv all = jv_array();

	for (size_t i = 0; i < n; i++)
		all = json_push(all, jv_string(names[i]));
	for (struct json_iter it = json_iter(rows_taken); json_next(&it);) {
		const char *name = json_str(it.value, "name", "");
		bool known = false;

		for (size_t i = 0; i < n; i++)
			known |= strcmp(name, names[i]) == 0;
		if (!known)
			all = json_push(all, jv_string(name));
	}
	jv_free(rows_taken);
	return all;
}

jv world_places(struct world *w, const char *office)
{
	return with_others(places, PLACES,
			   sql_rows(w->db, "SELECT DISTINCT place AS name FROM slot WHERE office = ? ORDER BY place", "s", office));
}

jv world_categories(struct world *w, const char *office)
{
	const char *const *names;
	size_t n = known_categories(office, &names);

	return with_others(names, n,
			   sql_rows(w->db, "SELECT DISTINCT category AS name FROM slot WHERE office = ? ORDER BY category", "s", office));
}

bool world_full(struct world *w, const char *office, const char *account)
{
	int64_t most = sql_number(w->db, w->per_account, "SELECT per_account FROM account WHERE name = ?", "s", account);

	return sql_number(w->db, 0, "SELECT count(*) FROM booking WHERE office = ? AND account = ? AND " HELD, "ss",
			  office, account) >= most;
}

/* The lowest number from 1 on that no booking which this account holds has. */
static int64_t free_nth(struct world *w, const char *office, const char *account)
{
	return sql_number(w->db, 1,
			  "SELECT min(n) FROM (SELECT 1 AS n UNION ALL SELECT nth + 1 FROM booking WHERE office = ?1 AND account = ?2"
			  " AND " HELD ") WHERE n NOT IN (SELECT nth FROM booking WHERE office = ?1 AND account = ?2"
			  " AND " HELD ")",
			  "ss", office, account);
}

/* Seats that APPLICANT takes. */
static int party_of(jv applicant)
{
	return json_is(applicant, JV_KIND_ARRAY) ? (int)json_len(applicant) : 1;
}

static void insert_booking(struct world *w, const char *office, const char *account, const char *slot, int64_t seat,
			   jv applicant, const char *prefix, int len, const char *alphabet, char reference[REFERENCE_TEXT])
{
	char now[CLOCK_TEXT], word[REFERENCE_TEXT], *who = json_text(applicant);
	int64_t nth = free_nth(w, office, account);

	do {
		world_word(w, word, len < 33 ? len : 32, alphabet);
		snprintf(reference, REFERENCE_TEXT, "%s%s", prefix, word);
	} while (sql_number(w->db, 0, "SELECT count(*) FROM booking WHERE reference = ?", "s", reference));
	if (sql_do(w->db,
		   "INSERT INTO booking(office, account, slot, seat, nth, reference, state, created, party, applicant)"
		   " VALUES (?, ?, ?, ?, ?, ?, 'confirmed', ?, ?, ?)",
		   "sssiissds", office, account, slot, seat, nth, reference, clock_format(clock_wall(), now), party_of(applicant), who) == SQL_CONFLICT)
		reference[0] = '\0';
	free(who);
}

/* The lowest seat that nobody holds; over the slot's seats when it is full. */
static int64_t free_seat(struct world *w, const char *slot)
{
	return sql_number(w->db, 1,
			  "SELECT min(n) FROM (SELECT 1 AS n UNION ALL SELECT seat + 1 FROM booking WHERE slot = ?1 AND"
			  " " HELD ") WHERE n NOT IN (SELECT seat FROM booking WHERE slot = ?1 AND " HELD ")",
			  "s", slot);
}

enum world_booked world_book(struct world *w, const char *office, const char *account, const char *slot, jv applicant,
			     const char *prefix, int len, const char *alphabet, char reference[REFERENCE_TEXT])
{
	jv row;
	int64_t seats, left, seat;

	reference[0] = '\0';
	if (world_full(w, office, account))
		return BOOKED_ALREADY;
	row = world_slot(w, office, slot);
	seats = json_int(row, "seats", 0);
	left = json_int(row, "free", 0);
	jv_free(row);
	seat = free_seat(w, slot);
	if (seat > seats || left < party_of(applicant))
		return BOOKED_TAKEN;
	insert_booking(w, office, account, slot, seat, applicant, prefix, len, alphabet, reference);
	return *reference ? BOOKED : BOOKED_TAKEN;
}

static void rival(struct world *w, const char *office, const char *slot)
{
	char name[64], word[9], reference[REFERENCE_TEXT];
	jv nobody = jv_object();

	world_word(w, word, 8, "abcdefghijklmnopqrstuvwxyz");
	snprintf(name, sizeof name, RIVAL "%s@example.org", word);
	insert_booking(w, office, name, slot, free_seat(w, slot), nobody, "RIVAL-", 8, "0123456789", reference);
	jv_free(nobody);
}

void world_take(struct world *w, const char *office, const char *slot)
{
	jv row = world_slot(w, office, slot);

	for (int64_t left = json_int(row, "free", 0); left > 0; left--)
		rival(w, office, slot);
	jv_free(row);
}

void world_double(struct world *w, const char *office, const char *slot)
{
	rival(w, office, slot);
}

#define BOOKING_COLUMNS \
	"booking.office, booking.account, booking.reference, booking.slot, slot.place, slot.category, slot.start, slot.seats, " \
	"booking.seat, booking.state, booking.until, booking.created, booking.cancelled, booking.party, " \
	"(SELECT coalesce(sum(b.party), 0) FROM booking AS b WHERE b.slot = slot.id AND b." HELD ") AS people"
#define BOOKING_FROM " FROM booking JOIN slot ON slot.id = booking.slot "

jv world_bookings(struct world *w, const char *office, const char *account)
{
	return sql_rows(w->db,
			"SELECT " BOOKING_COLUMNS BOOKING_FROM "WHERE booking.office = ? AND booking.account = ? ORDER BY booking.id",
			"ss", office, account);
}

jv world_booking(struct world *w, const char *office, const char *account, const char *reference)
{
	return sql_row(w->db,
		       "SELECT " BOOKING_COLUMNS BOOKING_FROM
		       "WHERE booking.office = ? AND booking.account = ? AND booking.reference = ?",
		       "sss", office, account, reference);
}

bool world_cancel(struct world *w, const char *office, const char *account, const char *reference)
{
	char now[CLOCK_TEXT];

	sql_do(w->db,
	       "UPDATE booking SET state = 'cancelled', cancelled = ? WHERE office = ? AND account = ? AND reference = ?"
	       " AND state = 'confirmed'",
	       "ssss", clock_format(clock_wall(), now), office, account, reference);
	return sql_changes(w->db) > 0;
}

void world_hold(struct world *w, const char *reference, int64_t until)
{
	sql_do(w->db, "UPDATE booking SET state = 'pending', until = ? WHERE reference = ? AND state = 'confirmed'", "is", until, reference);
}

bool world_pay(struct world *w, const char *office, const char *account, const char *reference)
{
	sql_do(w->db,
	       "UPDATE booking SET state = 'confirmed', until = NULL WHERE office = ? AND account = ? AND reference = ? AND state = 'pending'",
	       "sss", office, account, reference);
	return sql_changes(w->db) > 0;
}

jv world_truth(struct world *w)
{
	jv rows = sql_rows(w->db, "SELECT " BOOKING_COLUMNS ", applicant" BOOKING_FROM "ORDER BY booking.id", ""), all = jv_array();

	for (struct json_iter it = json_iter(rows); json_next(&it);) {
		const char *text = json_str(it.value, "applicant", "{}");

		all = json_push(all, json_set(jv_copy(it.value), "applicant", json_parse(text, strlen(text), NULL)));
	}
	jv_free(rows);
	return all;
}

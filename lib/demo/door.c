#include "demo/door.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define WRONG_MAX 5

static const char *const stages[] = {"gone", "visitor", "code", "in"};

/* Tokens are not from the seed: a site that is started again on its database must not repeat them. */
static void token_make(char out[TOKEN_TEXT])
{
	unsigned char b[16];

	random_bytes(b, sizeof b);
	for (size_t i = 0; i < sizeof b; i++)
		snprintf(out + 2 * i, 3, "%02x", b[i]);
}

static enum stage stage_of(const char *name)
{
	for (enum stage s = STAGE_GONE; s <= STAGE_IN; s++)
		if (strcmp(stages[s], name) == 0)
			return s;
	return STAGE_GONE;
}

struct session door_find(struct world *w, const char *office, const char *token, const char *twin, int64_t idle)
{
	struct session s = {0};
	int64_t now = clock_wall();
	jv row = sql_row(w->db,
			 "SELECT id, token, twin, csrf, account, stage FROM session WHERE token = ? AND office = ?"
			 " AND twin = coalesce(?, twin) AND stage <> 'gone' AND seen > ?",
			 "sssi", token, office, twin, now - idle);

	if (json_is(row, JV_KIND_OBJECT)) {
		s.id = json_int(row, "id", 0);
		s.stage = stage_of(json_str(row, "stage", ""));
		snprintf(s.token, sizeof s.token, "%s", json_str(row, "token", ""));
		snprintf(s.twin, sizeof s.twin, "%s", json_str(row, "twin", ""));
		snprintf(s.csrf, sizeof s.csrf, "%s", json_str(row, "csrf", ""));
		snprintf(s.account, sizeof s.account, "%s", json_str(row, "account", ""));
		sql_do(w->db, "UPDATE session SET seen = ? WHERE id = ?", "ii", now, s.id);
	}
	jv_free(row);
	return s;
}

struct session door_new(struct world *w, const char *office)
{
	struct session s = {.stage = STAGE_VISITOR};

	token_make(s.token);
	token_make(s.twin);
	token_make(s.csrf);
	sql_do(w->db, "INSERT INTO session(office, token, twin, csrf, stage, seen) VALUES (?, ?, ?, ?, 'visitor', ?)", "ssssi",
	       office, s.token, s.twin, s.csrf, clock_wall());
	s.id = sql_id(w->db);
	return s;
}

void door_move(struct world *w, struct session *s, enum stage stage, const char *account)
{
	s->stage = stage;
	token_make(s->token);
	token_make(s->twin);
	if (account != s->account)
		snprintf(s->account, sizeof s->account, "%s", account);
	sql_do(w->db, "UPDATE session SET token = ?, twin = ?, account = ?, stage = ?, wrong = 0 WHERE id = ?", "ssssi", s->token,
	       s->twin, s->account, stages[stage], s->id);
}

/* The row stays: it tells whose requests those were. */
void door_end(struct world *w, struct session *s)
{
	sql_do(w->db, "UPDATE session SET stage = 'gone' WHERE id = ?", "i", s->id);
	*s = (struct session){0};
}

void door_code(struct world *w, const struct session *s, char code[CODE_TEXT])
{
	snprintf(code, CODE_TEXT, "%06u", world_random(w, 1000000));
	sql_do(w->db, "UPDATE code SET valid = 0 WHERE session = ?", "i", s->id);
	sql_do(w->db, "INSERT INTO code(session, code, made, valid) VALUES (?, ?, ?, 1)", "isi", s->id, code, clock_wall());
}

void door_wrong_code(struct world *w, const struct session *s, char code[CODE_TEXT])
{
	do
		snprintf(code, CODE_TEXT, "%06u", world_random(w, 1000000));
	while (sql_number(w->db, 0, "SELECT count(*) FROM code WHERE session = ? AND code = ?", "is", s->id, code));
}

jv door_codes(struct world *w)
{
	return sql_rows(w->db,
			"SELECT session.account, code.code FROM code JOIN session ON session.id = code.session WHERE code.valid"
			" AND code.made > ? ORDER BY code.id DESC",
			"i", clock_wall() - CODE_MINUTES * 60000);
}

enum code_try door_try(struct world *w, struct session *s, const char *code)
{
	sql_do(w->db, "UPDATE code SET valid = 0 WHERE session = ? AND code = ? AND valid AND made > ?", "isi", s->id, code,
	       clock_wall() - CODE_MINUTES * 60000);
	if (sql_changes(w->db))
		return CODE_OK;
	sql_do(w->db, "UPDATE session SET wrong = wrong + 1 WHERE id = ?", "i", s->id);
	if (sql_number(w->db, 0, "SELECT wrong FROM session WHERE id = ?", "i", s->id) < WRONG_MAX)
		return CODE_WRONG;
	door_end(w, s);
	return CODE_TOO_OFTEN;
}

void door_challenge(struct world *w, const struct session *s, const char *answer, char token[TOKEN_TEXT])
{
	token_make(token);
	sql_do(w->db, "INSERT OR REPLACE INTO challenge(session, token, answer) VALUES (?, ?, ?)", "iss", s->id, token, answer);
}

char *door_picture(struct world *w, const struct session *s)
{
	jv row = sql_row(w->db, "SELECT answer FROM challenge WHERE session = ?", "i", s->id);
	char *answer = xstrdup(json_str(row, "answer", ""));

	jv_free(row);
	return answer;
}

bool door_answer(struct world *w, const struct session *s, const char *answer, char token[TOKEN_TEXT])
{
	token_make(token);
	sql_do(w->db, "UPDATE challenge SET answer = '', token = ? WHERE session = ? AND answer = ? AND answer <> ''", "sis", token, s->id, answer);
	return sql_changes(w->db) > 0;
}

bool door_met(struct world *w, const struct session *s, const char *token)
{
	sql_do(w->db, "DELETE FROM challenge WHERE session = ? AND token = ? AND answer = ''", "is", s->id, token);
	return sql_changes(w->db) > 0;
}

jv door_challenges(struct world *w)
{
	return sql_rows(w->db, "SELECT session, answer FROM challenge WHERE answer <> '' ORDER BY session DESC", "");
}

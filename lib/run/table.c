#include "run/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define COLUMNS 8
#define CELL 66 /* a session's name is the longest */

/* "12s", "5m", "3h", "2d" */
static void span(char cell[CELL], int64_t ms)
{
	int64_t s = ms < 0 ? 0 : ms / 1000;

	if (s < 120)
		snprintf(cell, CELL, "%llds", (long long)s);
	else if (s < 7200)
		snprintf(cell, CELL, "%lldm", (long long)s / 60);
	else if (s < 172800)
		snprintf(cell, CELL, "%lldh", (long long)s / 3600);
	else
		snprintf(cell, CELL, "%lldd", (long long)s / 86400);
}

static void since(char cell[CELL], jv session, const char *key, int64_t now, bool ahead)
{
	int64_t at;

	if (clock_parse(json_str(session, key, ""), &at))
		snprintf(cell, CELL, "-");
	else
		span(cell, ahead ? at - now : now - at);
}

static void row(char cells[COLUMNS][CELL], jv s, int64_t now)
{
	jv pid = json_path(s, "pids.ab-poll");

	snprintf(cells[0], CELL, "%s", json_str(s, "session", "?"));
	snprintf(cells[1], CELL, "%s", json_str(s, "state", "?"));
	snprintf(cells[2], CELL, "%s", json_str(s, "verdict", "-"));
	since(cells[3], s, "good_look", now, false);
	since(cells[4], s, "next_check", now, true);
	snprintf(cells[5], CELL, "%lld", (long long)json_int(s, "restarts", 0));
	snprintf(cells[6], CELL, "%s", json_str(s, "goal_state", "-"));
	if (json_is(pid, JV_KIND_NUMBER))
		snprintf(cells[7], CELL, "%d", (int)jv_number_value(pid));
	else
		snprintf(cells[7], CELL, "-");
	jv_free(pid);
}

char *table_text(jv sessions, int64_t now)
{
	static const char *const heads[COLUMNS] = {"SESSION", "STATE", "VERDICT", "SEEN", "NEXT", "RESTARTS", "GOAL", "PID"};
	size_t n = json_len(sessions) + 1, width[COLUMNS] = {0};
	char(*cells)[COLUMNS][CELL] = xcalloc(n, sizeof *cells);
	struct str text = {0};

	for (int c = 0; c < COLUMNS; c++)
		snprintf(cells[0][c], CELL, "%s", heads[c]);
	for (struct json_iter it = json_iter(sessions); json_next(&it);)
		row(cells[it.index + 1], it.value, now);
	for (size_t r = 0; r < n; r++)
		for (int c = 0; c < COLUMNS; c++)
			if (strlen(cells[r][c]) > width[c])
				width[c] = strlen(cells[r][c]);
	for (size_t r = 0; r < n; r++) {
		for (int c = 0; c < COLUMNS - 1; c++)
			str_addf(&text, "%-*s  ", (int)width[c], cells[r][c]);
		str_addf(&text, "%s\n", cells[r][COLUMNS - 1]);
	}
	free(cells);
	return str_take(&text);
}

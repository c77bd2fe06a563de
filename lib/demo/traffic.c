#include "demo/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"

#define KEEP 200000 /* requests; older ones are dropped, and the report says how many */

struct entry {
	int64_t at, mono, session;
	char *client, *method, *path, *faults;
	int status;
};

struct traffic {
	struct entry *ring;
	size_t size, count; /* COUNT ever; the newest SIZE are kept */
};

struct traffic *traffic_new(void)
{
	return xcalloc(1, sizeof(struct traffic));
}

static void entry_free(struct entry *e)
{
	free(e->client);
	free(e->method);
	free(e->path);
	free(e->faults);
}

void traffic_clear(struct traffic *t)
{
	for (size_t i = 0; i < t->size && i < t->count; i++)
		entry_free(&t->ring[i]);
	free(t->ring);
	*t = (struct traffic){0};
}

void traffic_free(struct traffic *t)
{
	if (!t)
		return;
	traffic_clear(t);
	free(t);
}

static jv entry_json(const struct entry *e, const char *account)
{
	jv v = json_obj("t", jv_number((double)e->at), "mono", jv_number((double)e->mono), "client", jv_string(e->client), "account", jv_string(account),
			"method", jv_string(e->method), "path", jv_string(e->path), "status", jv_number(e->status), NULL);

	return *e->faults ? json_set_str(v, "faults", e->faults) : v;
}

static void say(const struct entry *e, const char *account)
{
	jv v = entry_json(e, account);
	char *text = json_text(v), *line = xasprintf("%s\n", text);

	fs_write_all(2, line, strlen(line));
	free(line);
	free(text);
	jv_free(v);
}

void traffic_count(struct traffic *t, const struct visit *v, const char *faults, bool verbose)
{
	struct entry *e;

	if (t->count == t->size && t->size < KEEP) {
		t->size = t->size ? t->size * 2 : 256;
		t->ring = xrealloc(t->ring, t->size * sizeof *t->ring);
	}
	e = &t->ring[t->count % t->size];
	if (t->count >= t->size)
		entry_free(e);
	t->count++;
	/* what was cut off was no answer */
	*e = (struct entry){clock_wall(), clock_mono(), v->came_as ? v->came_as : v->session.id, xstrdup(v->req->client), xstrdup(v->req->method), xstrdup(v->path),
			    xstrdup(faults), v->out->ending == HTTPD_CUT || v->out->ending == HTTPD_RESET ? 0 : v->out->status};
	if (verbose)
		say(e, *v->session.account ? v->session.account : "-");
}

static jv add_one(jv counts, const char *key)
{
	return json_set(counts, key, jv_number(json_num(counts, key, 0) + 1));
}

/* session number -> account, for those that logged in */
static jv accounts(struct world *w)
{
	jv rows = sql_rows(w->db, "SELECT cast(id AS text) AS id, account FROM session WHERE account <> ''", ""), map = jv_object();

	for (struct json_iter it = json_iter(rows); json_next(&it);)
		map = json_set_str(map, json_str(it.value, "id", ""), json_str(it.value, "account", ""));
	jv_free(rows);
	return map;
}

jv traffic_report(const struct traffic *t, struct world *w, bool log)
{
	jv who = accounts(w), account = jv_object(), path = jv_object(), client = jv_object(), connection = jv_object(),
	   entries = jv_array(), report;
	size_t first = t->count > t->size ? t->count - t->size : 0;

	for (size_t i = first; i < t->count; i++) {
		const struct entry *e = &t->ring[i % t->size];
		char *id = xasprintf("%lld", (long long)e->session), *colon = strrchr(e->client, ':');
		char *ip = xstrndup(e->client, colon ? (size_t)(colon - e->client) : strlen(e->client));
		const char *name = json_str(who, id, "-");

		account = add_one(account, name);
		path = add_one(path, e->path);
		client = add_one(client, ip);
		connection = add_one(connection, e->client);
		if (log)
			entries = json_push(entries, entry_json(e, name));
		free(id);
		free(ip);
	}
	report = json_obj("total", jv_number((double)t->count), "dropped", jv_number((double)first), "by_account", account,
			  "by_path", path, "by_client", client, "by_connection", connection, NULL);
	jv_free(who);
	if (log)
		return json_set(report, "log", entries);
	jv_free(entries);
	return report;
}

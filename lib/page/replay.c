#include "page/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "ext/httphead.h"
#include "ext/json.h"
#include "page/charset.h"

#define TABLE_MAX (16u << 20)
#define FILE_MAX (16u << 20)

struct replay {
	jv answers;
	jv commands;   /* null: they are answers */
	int next;      /* of them */
	int *used;    /* how often each was given */
	char *folder; /* of the table: file names are relative to it */
	char *charset; /* of the page that was given last, in which its forms are sent; NULL for none */
};

static int check_answer(jv a, int index, const char *file, struct err *e)
{
	if (!json_is(a, JV_KIND_OBJECT))
		return err_set(e, EX_DATAERR, "%s: answers[%d] is no object", file, index);
	if (!*json_str(a, "url", ""))
		return err_set(e, EX_DATAERR, "%s: answers[%d] has no url", file, index);
	if (json_has(a, "file") && json_has(a, "body"))
		return err_set(e, EX_DATAERR, "%s: answers[%d] has both file and body", file, index);
	return 0;
}

struct replay *replay_open(const char *file, struct err *e)
{
	struct replay *r = xcalloc(1, sizeof *r);
	const char *slash = strrchr(file, '/');
	jv table = json_read(file, TABLE_MAX, e);

	r->folder = slash ? xstrndup(file, (size_t)(slash - file)) : xstrdup(".");
	r->answers = json_get(table, "answers");
	r->commands = json_get(table, "commands");
	if (!json_ok(table)) {
		replay_free(r);
		return NULL;
	}
	jv_free(table);
	if (replay_is_script(r))
		return r;
	if (!json_is(r->answers, JV_KIND_ARRAY)) {
		err_set(e, EX_DATAERR, "%s: no list 'answers' or 'commands'", file);
		replay_free(r);
		return NULL;
	}
	r->used = xcalloc(json_len(r->answers), sizeof *r->used);
	for (struct json_iter it = json_iter(r->answers); json_next(&it);)
		if (check_answer(it.value, it.index, file, e)) {
			json_iter_end(&it);
			replay_free(r);
			return NULL;
		}
	return r;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	jv_free(r->answers);
	jv_free(r->commands);
	free(r->used);
	free(r->folder);
	free(r->charset);
	free(r);
}

static bool fits_url(jv a, const struct url *url)
{
	const char *pattern = json_str(a, "url", "");
	char *text = *pattern == '/' ? url_target(url) : url_text(url, false);
	bool fits = str_glob(pattern, text);

	free(text);
	return fits;
}

/* True when the urlencoded BODY has NAME=VALUE. */
static bool has_pair(const char *body, size_t len, const char *name, const char *value)
{
	char *copy = xstrndup(body, len), *save = NULL;
	bool found = false;

	for (char *pair = strtok_r(copy, "&", &save); pair && !found; pair = strtok_r(NULL, "&", &save)) {
		char *eq = strchr(pair, '=');

		for (char *p = pair; *p; p++)
			if (*p == '+')
				*p = ' ';
		if (eq)
			*eq++ = '\0';
		found = url_unescape(pair) == 0 && (!eq || url_unescape(eq) == 0) && strcmp(pair, name) == 0 &&
			strcmp(eq ? eq : "", value) == 0;
	}
	free(copy);
	return found;
}

/* True when the multipart BODY has a part NAME that holds VALUE. */
static bool has_part(const char *body, size_t len, const char *name, const char *value)
{
	char *head = xasprintf("; name=\"%s\"", name), *tail = xasprintf("\r\n\r\n%s\r\n--", value);
	const char *p = body, *end = body + len;
	bool found = false;

	while (!found && (p = memmem(p, (size_t)(end - p), head, strlen(head)))) {
		const char *gap = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);

		p += strlen(head);
		found = gap && (size_t)(end - gap) >= strlen(tail) && memcmp(gap, tail, strlen(tail)) == 0;
	}
	free(head);
	free(tail);
	return found;
}

/* The query or the body of the request has NAME=VALUE. */
static bool sends(const struct url *url, const struct http_request *q, const char *name, const char *value)
{
	return (url->query && has_pair(url->query, strlen(url->query), name, value)) ||
	       (q->body && (has_pair(q->body, q->body_len, name, value) || has_part(q->body, q->body_len, name, value)));
}

/* The same, NAME and VALUE in CHARSET. */
static bool sends_in(const struct url *url, const struct http_request *q, const char *name, const char *value, const char *charset)
{
	struct str n = {0}, v = {0};
	bool found;

	charset_encode(&n, name, strlen(name), charset);
	charset_encode(&v, value, strlen(value), charset);
	found = sends(url, q, str_text(&n), str_text(&v));
	str_free(&n);
	str_free(&v);
	return found;
}

static bool expects_one(const struct replay *r, const struct url *url, const struct http_request *q, const char *name, jv wanted)
{
	char *value = json_is(wanted, JV_KIND_STRING) ? xstrdup(json_string(wanted, "")) : json_text(wanted);
	jv json = q->body ? json_parse(q->body, q->body_len, NULL) : jv_null(), member = json_get(json, name);
	bool found = sends(url, q, name, value) || (r->charset && sends_in(url, q, name, value, r->charset)) ||
		     (q->body && json_equal(member, wanted));

	free(value);
	jv_free(member);
	jv_free(json);
	return found;
}

/* The first field of EXPECT that the request has not, NULL when it has all. *FIELD is the caller's. */
static char *lacks(const struct replay *r, jv a, const struct url *url, const struct http_request *q)
{
	jv expect = json_get(a, "expect");
	char *field = NULL;

	for (struct json_iter it = json_iter(expect); json_next(&it);)
		if (it.key && !expects_one(r, url, q, it.key, it.value)) {
			char *text = json_text(it.value);

			field = xasprintf("%s=%s", it.key, text);
			free(text);
			json_iter_end(&it);
			break;
		}
	jv_free(expect);
	return field;
}

static void add_header(struct str *head, const char *name, jv value)
{
	if (json_is(value, JV_KIND_ARRAY)) {
		for (struct json_iter it = json_iter(value); json_next(&it);)
			str_addf(head, "%s: %s\n", name, json_string(it.value, ""));
	} else if (json_is(value, JV_KIND_STRING)) {
		str_addf(head, "%s: %s\n", name, json_string(value, ""));
	}
}

/* A saved page is as the site sent it: it may name its charset itself. What stands in the table is UTF-8. */
static const char *type_of(const char *file)
{
	if (str_ends(file, ".json"))
		return "application/json";
	if (str_ends(file, ".txt"))
		return "text/plain; charset=utf-8";
	return *file ? "text/html" : "text/html; charset=utf-8";
}

static int read_body(const struct replay *r, jv a, struct str *whole, struct err *e)
{
	const char *file = json_str(a, "file", NULL);
	jv body = json_get(a, "body");
	int status = 0;

	*whole = (struct str){0};
	if (file) {
		char *path = *file == '/' ? xstrdup(file) : xasprintf("%s/%s", r->folder, file);

		status = fs_read(path, FILE_MAX, whole, e);
		free(path);
	} else {
		str_add(whole, json_string(body, ""), json_len(body));
	}
	jv_free(body);
	return status;
}

static int give_body(struct replay *r, jv a, size_t max, struct http_answer *answer, struct err *e)
{
	struct str whole;
	int status = read_body(r, a, &whole, e);

	answer->cut = whole.len > max;
	str_add(&answer->body, str_text(&whole), answer->cut ? max : whole.len);
	str_free(&whole);
	return status;
}

/* In which the forms of this page are sent. */
static void remember_charset(struct replay *r, const struct http_answer *answer)
{
	const char *value = "";
	char *type;
	size_t len = 0;

	http_head_get(&answer->head, "content-type", &value, &len);
	type = xstrndup(value, len);
	free(r->charset);
	r->charset = xstrdup(charset_find(str_text(&answer->body), answer->body.len, type, true));
	free(type);
}

static int give(struct replay *r, jv a, size_t max, struct http_answer *answer, struct err *e)
{
	jv headers = json_get(a, "headers");
	const char *value;
	size_t len;

	for (struct json_iter it = json_iter(headers); json_next(&it);)
		if (it.key)
			add_header(&answer->head, it.key, it.value);
	jv_free(headers);
	if (!http_head_get(&answer->head, "content-type", &value, &len))
		str_addf(&answer->head, "content-type: %s\n", type_of(json_str(a, "file", "")));
	answer->status = (int)json_int(a, "status", 200);
	answer->requests = 1;
	answer->sent = HTTP_SENT_YES;
	if (give_body(r, a, max, answer, e))
		return -1;
	if (answer->body.len)
		remember_charset(r, answer);
	return 0;
}

enum http_result replay_do(struct replay *r, const struct url *url, const struct http_request *q,
			   struct http_answer *answer, struct err *e)
{
	char *lack = NULL;
	int found = -1;

	*answer = (struct http_answer){0};
	for (struct json_iter it = json_iter(r->answers); json_next(&it);) {
		int64_t times = json_int(it.value, "times", INT32_MAX);

		if (strcmp(json_str(it.value, "method", "GET"), q->method) != 0 || r->used[it.index] >= times ||
		    !fits_url(it.value, url))
			continue;
		free(lack);
		lack = lacks(r, it.value, url, q);
		if (lack)
			continue;
		found = it.index;
		json_iter_end(&it);
		break;
	}
	if (found >= 0) {
		jv a = json_at(r->answers, found);
		int status = give(r, a, q->body_max, answer, e);

		r->used[found]++;
		jv_free(a);
		return status ? HTTP_UNREACHABLE : HTTP_OK;
	}
	err_set(e, EX_UNAVAILABLE, "no saved page for %s %s%s%.200s%s", q->method, q->url, lack ? " (one expects " : "",
		lack ? lack : "", lack ? ")" : "");
	free(lack);
	return HTTP_UNREACHABLE;
}

/* ---- commands ---- */

bool replay_is_script(const struct replay *r)
{
	return json_is(r->commands, JV_KIND_ARRAY);
}

/* The same names, whatever their values: what is typed is not recorded. */
static bool same_names(jv a, jv b)
{
	bool same = json_len(a) == json_len(b);

	for (struct json_iter it = json_iter(a); json_next(&it);)
		same &= json_has(b, it.key);
	return same;
}

/* All that the record tells of its command is so of COMMAND, too. */
static bool is_command(jv recorded, jv command)
{
	bool same = true;

	for (struct json_iter it = json_iter(recorded); json_next(&it);) {
		bool values = strcmp(it.key, "fields") != 0 && strcmp(it.key, "set") != 0;
		jv now = json_get(command, it.key);

		same &= values ? json_equal(it.value, now) : same_names(it.value, now);
		jv_free(now);
	}
	return same;
}

/* "click #go", for people. The caller frees. */
static char *named(jv command)
{
	static const char *const by[] = {"url", "sel", "css", "xpath", "text", "label", "key", "form", "fields", "until", "heard", "patterns", NULL};
	char *name = NULL;

	for (const char *const *k = by; *k && !name; k++) {
		jv what = json_get(command, *k);
		char *text = json_is(what, JV_KIND_STRING) ? xstrdup(json_string(what, "")) : json_text(what);

		if (!json_is(what, JV_KIND_NULL))
			name = xasprintf("%s %.120s", json_str(command, "do", "?"), text);
		free(text);
		jv_free(what);
	}
	return name ? name : xstrdup(json_str(command, "do", "?"));
}

jv replay_command(struct replay *r, jv command, struct str *body, struct err *e)
{
	jv entry = json_at(r->commands, r->next), recorded = json_get(entry, "command");
	bool fits = json_is(recorded, JV_KIND_OBJECT) && is_command(recorded, command);

	*body = (struct str){0};
	if (!fits) {
		char *asked = named(command), *next = json_is(recorded, JV_KIND_OBJECT) ? named(recorded) : xstrdup("its end");

		err_set(e, EX_UNAVAILABLE, "the flow asks for '%s', the record goes on with '%s' (command %d)", asked, next, r->next + 1);
		free(asked);
		free(next);
	}
	jv_free(recorded);
	if (fits && read_body(r, entry, body, e) == 0) {
		r->next++;
		return entry;
	}
	jv_free(entry);
	return jv_invalid();
}

#include "demo/visit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct field *add_field(struct visit *v)
{
	v->fields = xrealloc(v->fields, (size_t)(v->nfields + 1) * sizeof *v->fields);
	v->fields[v->nfields] = (struct field){0};
	return &v->fields[v->nfields++];
}

static char *decoded(const char *s, size_t len)
{
	char *text = xstrndup(s, len);

	for (char *p = text; *p; p++)
		if (*p == '+')
			*p = ' ';
	if (url_unescape(text))
		*text = '\0';
	return text;
}

static void parse_urlencoded(struct visit *v, const char *body)
{
	while (*body) {
		size_t n = strcspn(body, "&"), name = strcspn(body, "=&");
		struct field *f;

		if (n) {
			f = add_field(v);
			f->name = decoded(body, name);
			f->value = name < n ? decoded(body + name + 1, n - name - 1) : xstrdup("");
			f->len = strlen(f->value);
		}
		body += n + (body[n] == '&');
	}
}

/* name="…" of a Content-Disposition line; NULL when there is none. */
static char *parameter(const char *line, size_t len, const char *name)
{
	char *text = xstrndup(line, len), *mark = xasprintf("; %s=\"", name), *at = strcasestr(text, mark), *value = NULL;

	if (at) {
		at += strlen(mark);
		value = xstrndup(at, strcspn(at, "\""));
	}
	free(text);
	free(mark);
	return value;
}

/* One part: its header lines, an empty line, the value (RFC 7578). */
static void parse_part(struct visit *v, const char *part, size_t len)
{
	const char *body = memmem(part, len, "\r\n\r\n", 4);
	const char *line = strcasestr(part, "Content-Disposition:");
	char *name;
	struct field *f;

	if (!body || !line || line > body || !(name = parameter(line, strcspn(line, "\r"), "name")))
		return;
	f = add_field(v);
	f->name = name;
	f->file = parameter(line, strcspn(line, "\r"), "filename");
	f->len = len - (size_t)(body + 4 - part);
	f->value = xstrndup(body + 4, f->len);
}

static void parse_multipart(struct visit *v, const char *type)
{
	const char *mark = strcasestr(type, "boundary="), *at = v->req->body, *end = at + v->req->len, *next;
	char *boundary, *line;
	size_t n;

	if (!mark)
		return;
	mark += strlen("boundary=");
	boundary = *mark == '"' ? xstrndup(mark + 1, strcspn(mark + 1, "\"")) : xstrndup(mark, strcspn(mark, "; "));
	line = xasprintf("\r\n--%s", boundary);
	n = strlen(line);
	/* the first boundary has no line before it */
	at = (size_t)(end - at) >= n - 2 && memcmp(at, line + 2, n - 2) == 0 ? at + n - 2 : end;
	while (at < end && (next = memmem(at, (size_t)(end - at), line, n))) {
		parse_part(v, at, (size_t)(next - at));
		at = next + n;
	}
	free(line);
	free(boundary);
}

static void parse_body(struct visit *v)
{
	const char *type = httpd_header(v->req, "Content-Type");

	if (!type || !v->req->len)
		return;
	if (strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0) {
		parse_urlencoded(v, v->req->body);
	} else if (strncasecmp(type, "multipart/form-data", 19) == 0) {
		parse_multipart(v, type);
	} else if (strncasecmp(type, "application/json", 16) == 0) {
		jv_free(v->json);
		v->json = json_parse(v->req->body, v->req->len, NULL);
	}
}

void visit_begin(struct visit *v, const struct httpd_request *req, struct httpd_reply *out)
{
	size_t n = strcspn(req->target, "?");

	v->req = req;
	v->out = out;
	v->path = xstrndup(req->target, n);
	v->query = xstrdup(req->target[n] ? req->target + n + 1 : "");
	if (url_unescape(v->path))
		*v->path = '\0';
	v->at = (struct fault_where){"", strcmp(req->method, "HEAD") ? req->method : "GET", v->path};
	v->fields = NULL;
	v->nfields = 0;
	v->json = jv_null();
	v->session = (struct session){0};
	v->came_as = 0;
	parse_body(v);
}

void visit_end(struct visit *v)
{
	for (int i = 0; i < v->nfields; i++) {
		free(v->fields[i].name);
		free(v->fields[i].value);
		free(v->fields[i].file);
	}
	free(v->fields);
	free(v->path);
	free(v->query);
	jv_free(v->json);
}

const char *visit_cookie(struct visit *v, const char *name, char *buf, size_t size)
{
	const char *p = httpd_header(v->req, "Cookie");
	size_t n = strlen(name);

	while (p && *p) {
		p += strspn(p, "; ");
		if (strncmp(p, name, n) == 0 && p[n] == '=') {
			snprintf(buf, size, "%.*s", (int)strcspn(p + n + 1, "; "), p + n + 1);
			return buf;
		}
		p += strcspn(p, ";");
	}
	return NULL;
}

const char *visit_query(struct visit *v, const char *name, char *buf, size_t size)
{
	size_t n = strlen(name);
	char *value;

	for (const char *p = v->query; *p; p += strcspn(p, "&"), p += *p == '&') {
		if (strncmp(p, name, n) || (p[n] && !strchr("=&", p[n])))
			continue;
		value = p[n] == '=' ? decoded(p + n + 1, strcspn(p + n + 1, "&")) : xstrdup("");
		snprintf(buf, size, "%s", value);
		free(value);
		return buf;
	}
	return NULL;
}

const struct field *visit_field(const struct visit *v, const char *name)
{
	for (int i = 0; i < v->nfields; i++)
		if (strcmp(v->fields[i].name, name) == 0)
			return &v->fields[i];
	return NULL;
}

const char *visit_value(const struct visit *v, const char *name)
{
	const struct field *f = visit_field(v, name);

	return f ? f->value : "";
}

int visit_count(const struct visit *v, const char *name)
{
	int n = 0;

	for (int i = 0; i < v->nfields; i++)
		n += strcmp(v->fields[i].name, name) == 0;
	return n;
}

jv visit_fields(const struct visit *v)
{
	jv all = jv_object();

	for (int i = 0; i < v->nfields; i++) {
		const struct field *f = &v->fields[i];
		jv old = json_get(all, f->name), value = jv_string(f->file ? f->file : f->value);

		if (json_is(old, JV_KIND_ARRAY))
			value = json_push(jv_copy(old), value);
		else if (json_ok(old) && !json_is(old, JV_KIND_NULL))
			value = json_push(json_push(jv_array(), jv_copy(old)), value);
		all = json_set(all, f->name, value);
		jv_free(old);
	}
	return all;
}

bool visit_is(const struct visit *v, const char *method, const char *path)
{
	return strcmp(v->at.method, method) == 0 && strcmp(v->path, path) == 0;
}

void visit_header(struct visit *v, const char *name, const char *value)
{
	str_addf(&v->out->headers, "%s: %s\n", name, value);
}

void visit_set_cookie(struct visit *v, const char *name, const char *value, const char *attributes)
{
	str_addf(&v->out->headers, "Set-Cookie: %s=%s; %s\n", name, value, attributes);
}

void visit_redirect(struct visit *v, const char *where)
{
	v->out->status = 303;
	visit_header(v, "Location", where);
}

void visit_json(struct visit *v, int status, jv value)
{
	str_reset(&v->out->body);
	json_add_text(&v->out->body, value);
	jv_free(value);
	v->out->status = status;
	visit_header(v, "Content-Type", "application/json");
}

#include "site/provider.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "ext/yaml.h"
#include "site/lint.h"

#define FILE_MAX (256u << 10)

/* --- finding --- */

static void folders_add(char ***list, size_t *n, char *path)
{
	*list = xrealloc(*list, (*n + 2) * sizeof **list);
	(*list)[(*n)++] = path;
	(*list)[*n] = NULL;
}

char **provider_folders(void)
{
	const char *own = getenv("AB_PROVIDERS"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	const char *installed = getenv("AB_PKGDATA");
	char **list = NULL;
	size_t n = 0, len;

	for (; own && *own; own += len + (own[len] == ':')) {
		len = strcspn(own, ":");
		if (len)
			folders_add(&list, &n, xstrndup(own, len));
	}
	if (data && *data == '/')
		folders_add(&list, &n, xasprintf("%s/ab/providers", data));
	else if (home && *home == '/')
		folders_add(&list, &n, xasprintf("%s/.local/share/ab/providers", home));
	folders_add(&list, &n, xasprintf("%s/providers", installed && *installed ? installed : AB_PKGDATADIR));
	return list;
}

static char *find_path(const char *path, struct err *e)
{
	char *inside = xasprintf("%s%sprovider.yaml", path, str_ends(path, "/") ? "" : "/");

	if (access(inside, F_OK) == 0)
		return inside;
	free(inside);
	if (access(path, F_OK) == 0)
		return xstrdup(path);
	err_set(e, EX_NOINPUT, "%s:", path);
	return NULL;
}

char *provider_find(const char *name, struct err *e)
{
	char **folders, *found = NULL;

	if (strchr(name, '/'))
		return find_path(name, e);
	if (!name_valid(name)) {
		err_set(e, EX_USAGE, "'%s' is no provider's name: for a file write ./%s", name, name);
		return NULL;
	}
	folders = provider_folders();
	for (char **f = folders; *f; f++) {
		if (!found) {
			found = xasprintf("%s/%s/provider.yaml", *f, name);
			if (access(found, F_OK)) {
				free(found);
				found = NULL;
			}
		}
		free(*f);
	}
	free(folders);
	if (!found)
		err_set(e, EX_NOINPUT, "there is no provider '%s': `ab-provider list` shows those that are there", name);
	return found;
}

/* --- loading --- */

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
}

/* The folder's name is the provider's, for files called provider.yaml. */
static char *folder_name(const char *path)
{
	char *real, *dir, *name = NULL;

	if (!str_ends(path, "/provider.yaml"))
		return NULL;
	real = realpath(path, NULL);
	if (real) {
		dir = folder_of(real);
		name = xstrdup(strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir);
		free(dir);
	}
	free(real);
	return name;
}

struct first {
	struct err *e;
	size_t n;
	provider_say *say;
	void *ctx;
};

static void tell(struct first *f, const char *path, const struct mistake *m)
{
	if (f->n++ == 0)
		err_set(f->e, EX_CONFIG, "%s:%d:%d: %s", path, m->line, m->column, m->text);
	if (f->say)
		f->say(f->ctx, path, m->line, m->column, m->text);
}

/* A flow that is a program has it in the provider's folder. */
static void check_programs(struct provider *p, struct lint *l)
{
	jv flows = json_get(p->doc, "flows");

	for (struct json_iter it = json_iter(flows); json_next(&it);) {
		const char *program = json_str(it.value, "exec", NULL);
		char *path = xasprintf("%s/%s", p->dir, program ? program : ""), *at = pointer_down("/flows", it.key);
		char *exec = pointer_down(at, "exec");

		if (program && *program != '/' && access(path, X_OK))
			mistake_at(&l->mistakes, exec, "there is no program %s that can be run", path);
		free(exec);
		free(at);
		free(path);
	}
	jv_free(flows);
}

/* The filters are compiled only where their words are sound, so that one mistake is not told twice. */
static int compile(struct provider *p, struct lint *l, struct err *e)
{
	size_t before = l->mistakes.n;

	p->exprs = exprs_new(p->doc, json_str(p->doc, "timezone", NULL));
	if (before) {
		mistakes_sort(&l->mistakes);
		return -1;
	}
	if (exprs_check(p->exprs, lint_filter_wrong, l, e) == 0)
		return 0;
	mistakes_sort(&l->mistakes);
	if (l->mistakes.n == before)
		err_wrap(e, "%s", p->path);
	return -1;
}

/* Reads, lints and compiles what lies at PATH. */
static struct provider *load(const char *path, struct first *first, jv *selectors, struct err *e)
{
	struct provider *p = xcalloc(1, sizeof *p);
	struct str text = {0};
	struct yaml yaml;
	struct lint lint;
	char *folder = folder_name(path);
	int r = -1;

	p->doc = jv_null();
	p->path = xstrdup(path);
	p->dir = folder_of(path);
	if (fs_read(path, FILE_MAX, &text, e) || yaml_parse(&yaml, str_text(&text), text.len, path, e)) {
		if (e && e->status == EX_DATAERR)
			e->status = EX_CONFIG;
		goto out;
	}
	lint_provider(&lint, &yaml, str_text(&text), folder);
	p->doc = jv_copy(lint.doc);
	p->name = xstrdup(json_str(p->doc, "name", ""));
	check_programs(p, &lint);
	r = compile(p, &lint, e);
	for (size_t i = 0; i < lint.mistakes.n; i++)
		tell(first, path, &lint.mistakes.list[i]);
	if (selectors) {
		jv_free(*selectors);
		*selectors = jv_copy(lint.selectors);
	}
	lint_free(&lint);
	yaml_done(&yaml);
out:
	str_free(&text);
	free(folder);
	if (r == 0)
		return p;
	provider_free(p);
	return NULL;
}

struct provider *provider_check(const char *name, provider_say *say, void *ctx, jv *selectors, struct err *e)
{
	char *path = provider_find(name, e);
	struct first first = {e, 0, say, ctx};
	struct provider *p;

	if (!path)
		return NULL;
	p = load(path, &first, selectors, e);
	free(path);
	return p;
}

struct provider *provider_load(const char *name, struct err *e)
{
	return provider_check(name, NULL, NULL, NULL, e);
}

void provider_free(struct provider *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->dir);
	free(p->path);
	jv_free(p->doc);
	exprs_free(p->exprs);
	free(p);
}

/* --- flows --- */

static jv flow_written(const struct provider *p, const char *name)
{
	jv flows = json_get(p->doc, "flows"), flow = json_get(flows, name);

	jv_free(flows);
	return flow;
}

jv provider_flow(const struct provider *p, const char *name)
{
	jv flow = flow_written(p, name), steps;

	if (!json_has(flow, "steps"))
		return flow;
	steps = json_get(flow, "steps");
	jv_free(flow);
	return steps;
}

static const char *shared_transport(const struct provider *p, const char *own)
{
	jv flows = json_get(p->doc, "flows");

	for (struct json_iter it = json_iter(flows); json_next(&it);)
		if (strcmp(json_str(it.value, "transport", ""), "http") == 0)
			own = "http";
	jv_free(flows);
	return own;
}

const char *provider_transport(const struct provider *p, const char *name)
{
	const char *own = strcmp(json_str(p->doc, "transport", "http"), "browser") == 0 ? "browser" : "http";
	jv flow = name ? flow_written(p, name) : jv_null();
	/* a program asks the site itself: the page is only there */
	bool any = !name || json_has(flow, "exec"), http = strcmp(json_str(flow, "transport", ""), "http") == 0;

	jv_free(flow);
	return any ? shared_transport(p, own) : http ? "http" : own;
}

const char *step_verb(jv step)
{
	static const char *const verbs[] = {"get", "post", "submit", "expect", "let", "rows", "slots", "for", "if", "mark", "otp", "human",
					    "use", "identity", "booking", "end", "click", "fill", "choose", "check", "press", "upload",
					    "wait", "listen", "frame", "screenshot", "tell"};

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (json_has(step, verbs[i]))
			return verbs[i];
	return NULL;
}

/* --- what expressions may see --- */

/* VALUE put at PATH ("address.city") of OBJ (consumed). */
static jv put(jv obj, const char *path, jv value)
{
	const char *dot = strchr(path, '.');
	char *key;
	jv inner;

	if (!json_is(obj, JV_KIND_OBJECT)) {
		jv_free(obj);
		obj = jv_object();
	}
	if (!dot)
		return json_set(obj, path, value);
	key = xstrndup(path, (size_t)(dot - path));
	inner = json_get(obj, key);
	obj = json_set(obj, key, put(inner, dot + 1, value));
	free(key);
	return obj;
}

static bool given(jv v)
{
	return !json_is(v, JV_KIND_NULL) && !(json_is(v, JV_KIND_STRING) && !json_len(v));
}

/* Copies PATH of FROM into TO (consumed), or what NEED gives for it. */
static jv take(jv to, jv from, const char *path, jv need)
{
	jv v = json_path(from, path);

	if (!given(v) && json_has(need, "default")) {
		jv_free(v);
		v = json_get(need, "default");
	}
	if (given(v))
		return put(to, path, v);
	jv_free(v);
	return to;
}

static jv take_party(jv to, jv from, const char *path, jv need)
{
	for (int i = 0; i < (int)json_len(from); i++) {
		jv person = json_at(from, i), sofar = json_at(to, i);

		to = jv_array_set(to, i, take(json_is(sofar, JV_KIND_OBJECT) ? sofar : jv_object(), person, path, need));
		jv_free(person);
	}
	return to;
}

jv provider_context(const struct provider *p, jv record, bool login)
{
	jv context = json_obj("profile", jv_object(), "party", jv_array(), "site", jv_object(), NULL);
	jv needs = json_get(p->doc, "needs");

	if (login)
		context = json_set(context, "credentials", jv_object());
	for (struct json_iter it = json_iter(needs); json_next(&it);) {
		size_t len = strcspn(it.key, ".");
		char *part = xstrndup(it.key, len);
		const char *path = it.key + len + 1;

		if (json_has(context, part)) {
			jv from = json_get(record, part), to = json_get(context, part);

			to = strcmp(part, "party") == 0 ? take_party(to, from, path, it.value) : take(to, from, path, it.value);
			context = json_set(context, part, to);
			jv_free(from);
		}
		free(part);
	}
	jv_free(needs);
	return context;
}

static bool need_met(jv context, const char *path)
{
	jv party, v;
	bool met = true;

	if (!str_starts(path, "party.")) {
		v = json_path(context, path);
		met = given(v);
		jv_free(v);
		return met;
	}
	party = json_get(context, "party");
	for (struct json_iter it = json_iter(party); json_next(&it);) {
		v = json_path(it.value, path + strlen("party."));
		met &= given(v);
		jv_free(v);
	}
	jv_free(party);
	return met;
}

int provider_needs_met(const struct provider *p, jv context, struct err *e)
{
	jv needs = json_get(p->doc, "needs");
	int r = 0;

	for (struct json_iter it = json_iter(needs); r == 0 && json_next(&it);) {
		const char *title = json_str(it.value, "title", NULL);
		bool counts = !json_bool(it.value, "optional", false) &&
			      (!str_starts(it.key, "credentials.") || json_has(context, "credentials"));

		if (!counts || need_met(context, it.key))
			continue;
		r = err_set(e, EX_CONFIG, "provider %s needs %s%s%s%s, which the session does not give", p->name, it.key,
			    title ? " (" : "", title ? title : "", title ? ")" : "");
		json_iter_end(&it);
	}
	jv_free(needs);
	return r;
}

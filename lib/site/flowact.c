#include "site/flowact.h"

#include <string.h>
#include <strings.h>

#include "site/flowpass.h"
#include "site/flowsend.h"

/* Copies the step's members KEYS, expanded, into the command. */
static enum go put_members(struct flow *f, jv step, const char *const *keys, jv *command)
{
	struct err e = {0};

	for (; *keys; keys++) {
		if (!json_has(step, *keys))
			continue;
		jv v = flow_member(f, step, *keys, &e);

		if (!json_ok(v))
			return flow_end(f, "changed", "%s: %s", *keys, e.text);
		*command = json_set(*command, *keys, v);
	}
	return GO;
}

/* COMMAND (consumed) with the step's members KEYS, and what it says of a commit; then the page that came is classed. */
static enum go send_with(struct flow *f, jv step, const char *const *keys, jv command)
{
	bool commit = json_bool(step, "commit", false);

	if (put_members(f, step, keys, &command) == END) {
		jv_free(command);
		return END;
	}
	if (commit)
		command = json_set(command, "commit", jv_true());
	return flow_send(f, step, command, commit) == END ? END : flow_classify(f, step);
}

/* Where it leads would depend on the page before. lint refuses those that are written so; this is for those that an
 * expression makes, as of a link read raw. */
static bool is_relative(const char *url)
{
	return *url != '/' && strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0;
}

enum go act_request(struct flow *f, jv step, const char *verb)
{
	static const char *const keys[] = {"form", "json", "body", "type", "headers", "follow", "region", "fresh", NULL};
	struct err e = {0};
	jv url = flow_member(f, step, verb, &e), command;

	if (!json_is(url, JV_KIND_STRING)) {
		jv_free(url);
		return flow_end(f, "changed", "no address: %s", e.text);
	}
	if (is_relative(json_string(url, ""))) {
		const char *text = json_string(url, "");
		int shown = (int)strcspn(text, "?#"); /* what follows may be personal */

		flow_end(f, "changed", "the address '%.*s' is relative: read links with attr: href, which gives them whole", shown < 60 ? shown : 60, text);
		jv_free(url);
		return END;
	}
	command = json_obj("do", jv_string(verb), "url", url, NULL);
	return send_with(f, step, keys, command);
}

/* "a || b" as ["a","b"]. */
static jv alternatives(const char *text)
{
	jv list = jv_array();

	for (;;) {
		const char *bar = strstr(text, "||"), *stop = bar ? bar : text + strlen(text);

		while (*text == ' ')
			text++;
		while (stop > text && stop[-1] == ' ')
			stop--;
		list = json_push(list, jv_string_sized(text, (int)(stop - text)));
		if (!bar)
			return list;
		text = bar + 2;
	}
}

enum go act_submit(struct flow *f, jv step)
{
	static const char *const keys[] = {"set", "button", "headers", "follow", NULL};
	struct err e = {0};
	jv form = flow_member(f, step, "submit", &e), command;

	if (!json_is(form, JV_KIND_STRING)) {
		jv_free(form);
		return flow_end(f, "changed", "no form named: %s", e.text);
	}
	command = json_obj("do", jv_string("submit"), "form", alternatives(json_string(form, "")), NULL);
	jv_free(form);
	return send_with(f, step, keys, command);
}

/* What stands behind VERB becomes the member KEY of the page's command. */
static const struct action_verb {
	const char *verb, *key;
	bool classed; /* another page may be there afterwards */
} actions[] = {
	{"click", "sel", true}, {"check", "sel", true}, {"press", "key", true}, {"fill", "fields", false}, {"choose", "fields", true},
	{"wait", "until", true}, {"listen", "patterns", false}, {"frame", "sel", false},
};

const struct action_verb *act_verb(const char *verb)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].verb, verb) == 0)
			return &actions[i];
	return NULL;
}

enum go act_step(struct flow *f, jv step, const struct action_verb *a)
{
	bool commit = json_bool(step, "commit", false);
	struct err e = {0};
	jv what = flow_member(f, step, a->verb, &e), command;

	if (!json_ok(what))
		return flow_end(f, "changed", "%s", e.text);
	if (json_has(what, "heard"))
		command = json_obj("do", jv_string(a->verb), "heard", json_get(what, "heard"), NULL);
	else if (strcmp(a->verb, "frame") == 0 && strcmp(json_string(what, ""), "top") == 0)
		command = json_obj("do", jv_string(a->verb), "top", jv_true(), NULL);
	else
		command = json_obj("do", jv_string(a->verb), a->key, jv_copy(what), NULL);
	jv_free(what);
	if (commit)
		command = json_set(command, "commit", jv_true());
	if (flow_send(f, step, command, commit) == END)
		return END;
	return a->classed ? flow_classify(f, step) : GO;
}

enum go act_upload(struct flow *f, jv step)
{
	struct err e = {0};
	jv files = flow_member(f, step, "upload", &e);
	enum go go = GO;

	if (!json_is(files, JV_KIND_OBJECT))
		go = flow_end(f, "changed", "upload: %s", e.status ? e.text : "no mapping");
	for (struct json_iter it = json_iter(go == GO ? files : jv_null()); json_next(&it);) {
		go = flow_send(f, step, json_obj("do", jv_string("upload"), "sel", jv_string(it.key), "file", jv_copy(it.value), NULL), false);
		if (go == END) {
			json_iter_end(&it);
			break;
		}
	}
	jv_free(files);
	return go;
}

#include "page/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "page/charset.h"
#include "page/entries.h"
#include "page/fields.h"

#define METHODS " get post dialog "
#define ENCTYPES " application/x-www-form-urlencoded multipart/form-data text/plain "

/* ---- describing it ---- */

static jv take(char *s)
{
	jv v = jv_string(s);

	free(s);
	return v;
}

static jv with_attrs(jv field, html_node *n)
{
	static const char *const names[][2] = {{"placeholder", "placeholder"}, {"autocomplete", "autocomplete"},
					       {"pattern", "pattern"}, {"min", "min"}, {"max", "max"}, {"title", "title"}};
	char *length = html_attr(n, "maxlength");
	long long max;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *v = html_attr(n, names[i][1]);

		if (v)
			field = json_set(field, names[i][0], jv_string(v));
		free(v);
	}
	if (length && str_long(length, 0, 1 << 30, &max) == 0)
		field = json_set(field, "max_length", jv_number((double)max));
	free(length);
	return field;
}

static jv with_options(jv field, const struct control *c)
{
	jv options = jv_array(), values = jv_array();

	for (size_t i = 0; i < c->n_options; i++) {
		const struct option *o = &c->options[i];

		options = json_push(options, json_obj("value", jv_string(o->value), "text", jv_string(o->text), "selected",
						      jv_bool(o->selected), "disabled", jv_bool(o->disabled), NULL));
		if (o->selected)
			values = json_push(values, jv_string(o->value));
	}
	field = json_set(field, "value", json_len(values) ? json_at(values, 0) : jv_string(""));
	if (c->multiple)
		field = json_set(field, "values", jv_copy(values));
	jv_free(values);
	return json_set(field, "options", options);
}

static bool is_required(html_node *n)
{
	char *aria = attr_or(n, "aria-required", "");
	bool required = html_has(n, "required") || strcmp(aria, "true") == 0;

	free(aria);
	return required;
}

static jv field_json(const struct form *f, const struct control *c)
{
	char *group = control_legend(c);
	jv field = json_obj("name", jv_string(c->name), "id", take(attr_or(c->node, "id", "")), "tag",
			    jv_string(html_name(c->node)), "type", jv_string(c->type), "value", jv_string(c->value), "label",
			    take(control_label(f, c)), "required", jv_bool(is_required(c->node)), "disabled",
			    jv_bool(c->disabled), "readonly", jv_bool(html_has(c->node, "readonly")), "multiple",
			    jv_bool(c->multiple), NULL);

	if (one_of(c->type, " radio checkbox "))
		field = json_set(field, "checked", jv_bool(c->checked));
	if (*group)
		field = json_set_str(field, "legend", group);
	free(group);
	field = with_attrs(field, c->node);
	return strcmp(c->type, "select") == 0 ? with_options(field, c) : field;
}

static jv button_json(const struct control *c)
{
	char *text = html_is(c->node, "button") ? node_text(c->node) : attr_or(c->node, "alt", c->value);

	return json_obj("name", jv_string(c->name), "value", jv_string(c->value), "text", take(text), "type",
			jv_string(c->type), "disabled", jv_bool(c->disabled), NULL);
}

/* Where the form goes; -1 `refused` for what is no web address. BUTTON may be NULL. */
static int form_action(const struct form *f, const struct control *button, int64_t deadline, struct url *url,
		       struct fail *why)
{
	char *action = button ? html_attr(button->node, "formaction") : NULL;
	const struct url *base;
	struct err e;
	int r;

	if (!action)
		action = attr_or(f->node, "action", "");
	if (document_base(f->d, deadline, &base, why)) {
		free(action);
		return -1;
	}
	/* an empty action is the page itself, whatever its base is */
	r = url_parse(url, action, action[strspn(action, " \t\r\n\f")] ? base : &f->d->url, &e);
	free(action);
	return r ? fail_set(why, "refused", "the form's action: %s", e.text) : 0;
}

/* An attribute of the form that its button may override; what is none of the VALUES is the first of them. */
static char *form_attr(const struct form *f, const struct control *button, const char *own, const char *of_button,
		       const char *values)
{
	char *v = button ? html_attr(button->node, of_button) : NULL;

	v = lower(v ? v : attr_or(f->node, own, ""));
	if (*v && !strchr(v, ' ') && one_of(v, values))
		return v;
	free(v);
	return xstrndup(values + 1, strcspn(values + 1, " "));
}

int form_describe(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why)
{
	jv fields = jv_array(), buttons = jv_array();
	struct url action = {0};
	struct form f;
	int r = form_open(&f, d, command, deadline, why);

	for (size_t i = 0; !r && i < f.n; i++) {
		if (control_is_button(&f.list[i]))
			buttons = json_push(buttons, button_json(&f.list[i]));
		else
			fields = json_push(fields, field_json(&f, &f.list[i]));
	}
	if (!r) {
		struct fail ignored;
		jv form = json_obj("method", take(form_attr(&f, NULL, "method", "", METHODS)), "enctype",
				   take(form_attr(&f, NULL, "enctype", "", ENCTYPES)), "fields",
				   jv_copy(fields), "buttons", jv_copy(buttons), NULL);

		form = json_set(form, "action",
				form_action(&f, NULL, deadline, &action, &ignored) ? jv_null() : take(url_text(&action, false)));
		*out = json_obj("form", form, NULL);
	}
	url_free(&action);
	jv_free(fields);
	jv_free(buttons);
	form_close(&f);
	return r;
}

/* ---- the button ---- */

static bool is_submit(const struct control *c)
{
	return one_of(c->type, " submit image ");
}

/* The button that is pressed: NAME or NAME=VALUE; by default the form's first (implicit submission, HTML
 * s.4.10.21.2); "" none. */
static int choose_button(const struct form *f, jv command, const struct control **button, struct fail *why)
{
	const char *want = json_str(command, "button", NULL), *eq = want ? strchr(want, '=') : NULL;
	bool disabled = false;

	*button = NULL;
	if (want && !*want)
		return 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct control *c = &f->list[i];

		if (!is_submit(c))
			continue;
		if (want && strcmp(c->name, want) != 0 &&
		    !(eq && strlen(c->name) == (size_t)(eq - want) && strncmp(c->name, want, (size_t)(eq - want)) == 0 &&
		      strcmp(c->value, eq + 1) == 0))
			continue;
		disabled = c->disabled;
		if (!disabled) {
			*button = c;
			return 0;
		}
		if (!want)
			return fail_set(why, "no_match", "the form's first button is disabled; name another, or \"\" for none");
	}
	if (want)
		return fail_set(why, "no_match", "the form's button '%.60s' is %s", want, disabled ? "disabled" : "not there");
	return 0;
}

/* ---- the entry list ---- */

static void add_files(struct entries *e, const struct control *c)
{
	for (struct json_iter it = json_iter(c->files); json_next(&it);)
		entry_add(e, c->name, json_str(it.value, "name", ""), jv_copy(it.value));
	if (!json_len(c->files))
		entry_add(e, c->name, "", jv_object());
}

static void add_image(struct entries *e, const struct control *c)
{
	char *x = xasprintf("%s%sx", c->name, *c->name ? "." : ""), *y = xasprintf("%s%sy", c->name, *c->name ? "." : "");

	entry_add(e, x, "0", jv_null());
	entry_add(e, y, "0", jv_null());
	free(x);
	free(y);
}

/* "Constructing the entry list", HTML s.4.10.21.4, step 5, for one control. */
static void add_control_entries(struct entries *e, const struct control *c, const struct control *button,
				const char *charset)
{
	char *dirname;

	if (c->disabled || c->removed || (control_is_button(c) && c != button) ||
	    (one_of(c->type, " radio checkbox ") && !c->checked))
		return;
	if (strcmp(c->type, "image") == 0)
		add_image(e, c);
	if (!*c->name || strcmp(c->type, "image") == 0)
		return;
	if (strcmp(c->type, "select") == 0) {
		for (size_t i = 0; i < c->n_options; i++)
			if (c->options[i].selected && !c->options[i].disabled)
				entry_add(e, c->name, c->options[i].value, jv_null());
		return;
	}
	if (strcmp(c->type, "file") == 0) {
		add_files(e, c);
		return;
	}
	if (strcmp(c->type, "hidden") == 0 && strcasecmp(c->name, "_charset_") == 0) {
		char *title = charset_title(charset);

		entry_add(e, c->name, title, jv_null());
		free(title);
	} else {
		entry_add(e, c->name, c->value, jv_null());
	}
	dirname = html_attr(c->node, "dirname");
	if (dirname && *dirname && !control_is_button(c))
		entry_add(e, dirname, "ltr", jv_null());
	free(dirname);
}

/* ---- writing it down ---- */

/* The charset of a submission (HTML s.4.10.21.6, "picking an encoding for the form"). */
static char *form_charset(const struct form *f)
{
	char *accept = attr_or(f->node, "accept-charset", ""), *save = NULL;
	const char *name = NULL;

	for (char *t = strtok_r(accept, " \t\r\n,", &save); t && !name; t = strtok_r(NULL, " \t\r\n,", &save))
		name = charset_name(t, strlen(t));
	if (!name)
		name = f->d->charset;
	free(accept);
	return xstrdup(str_starts(name, "utf-16") ? "utf-8" : name);
}

static int write_post(struct submission *s, const struct entries *e, const char *enctype, const char *charset,
		      struct fail *why)
{
	unsigned char random[12];
	char boundary[48] = "ab-form-";

	if (strcmp(enctype, "multipart/form-data") == 0) {
		random_bytes(random, sizeof random);
		for (size_t i = 0; i < sizeof random; i++)
			snprintf(boundary + 8 + 2 * i, 3, "%02x", random[i]);
		s->type = xasprintf("multipart/form-data; boundary=%s", boundary);
		return entries_write_multipart(&s->body, e, charset, boundary, why);
	}
	if (strcmp(enctype, "text/plain") == 0) {
		s->type = xstrdup("text/plain");
		entries_write_plain(&s->body, e, charset);
		return 0;
	}
	s->type = xstrdup("application/x-www-form-urlencoded");
	entries_write_urlencoded(&s->body, e, charset);
	return 0;
}

static int write_submission(struct submission *s, const struct form *f, const struct control *button, int64_t deadline,
			    struct fail *why)
{
	char *method = form_attr(f, button, "method", "formmethod", METHODS);
	char *enctype = form_attr(f, button, "enctype", "formenctype", ENCTYPES), *charset = form_charset(f);
	struct entries e = {0};
	int r;

	for (size_t i = 0; i < f->n; i++)
		add_control_entries(&e, &f->list[i], button, charset);
	r = form_action(f, button, deadline, &s->url, why);
	s->method = strcmp(method, "post") == 0 ? "POST" : "GET";
	str_add(&s->body, "", 0);
	if (r) {
		;
	} else if (strcmp(method, "dialog") == 0) {
		r = fail_set(why, "refused", "the form's method is 'dialog': submitting it asks the site for nothing");
	} else if (*s->method == 'P') {
		r = write_post(s, &e, enctype, charset, why);
	} else {
		struct str query = {0};

		entries_write_urlencoded(&query, &e, charset);
		free(s->url.query);
		s->url.query = str_take(&query);
	}
	entries_free(&e);
	free(method);
	free(enctype);
	free(charset);
	return r;
}

int form_submission(struct document *d, jv command, int64_t deadline, struct submission *s, struct fail *why)
{
	jv set = json_get(command, "set");
	const struct control *button;
	struct form f;
	int r;

	*s = (struct submission){0};
	r = form_open(&f, d, command, deadline, why);
	if (!r)
		r = fields_set(&f, set, why);
	if (!r)
		r = choose_button(&f, command, &button, why);
	if (!r)
		r = write_submission(s, &f, button, deadline, why);
	jv_free(set);
	form_close(&f);
	return r;
}

void submission_free(struct submission *s)
{
	url_free(&s->url);
	free(s->type);
	str_free(&s->body);
}

/* ---- a form that a command brings itself ---- */

static int encode_value(struct str *body, const char *name, jv value, int depth, struct fail *why)
{
	char *text, *inner;
	int r = 0;

	if (depth > 16)
		return fail_set(why, "usage", "form: nested too deep");
	if (json_is(value, JV_KIND_NULL))
		return 0;
	if (json_is(value, JV_KIND_OBJECT)) {
		for (struct json_iter it = json_iter(value); !r && json_next(&it);) {
			inner = *name ? xasprintf("%s[%s]", name, it.key) : xstrdup(it.key);
			r = encode_value(body, inner, it.value, depth + 1, why);
			free(inner);
			if (r)
				json_iter_end(&it);
		}
		return r;
	}
	if (json_is(value, JV_KIND_ARRAY)) {
		for (struct json_iter it = json_iter(value); !r && json_next(&it);) {
			r = json_is(it.value, JV_KIND_OBJECT) || json_is(it.value, JV_KIND_ARRAY)
				    ? fail_set(why, "usage", "form: a list '%.60s' of what is no text", name)
				    : encode_value(body, name, it.value, depth + 1, why);
			if (r)
				json_iter_end(&it);
		}
		return r;
	}
	text = scalar_text(value);
	entry_write_pair(body, name, text, "utf-8");
	free(text);
	return 0;
}

int form_encode(jv form, struct str *body, struct fail *why)
{
	str_add(body, "", 0);
	if (!json_is(form, JV_KIND_OBJECT))
		return fail_set(why, "usage", "form: not an object");
	return encode_value(body, "", form, 0, why);
}

int form_post_body(jv command, struct str *body, const char **type, struct fail *why)
{
	jv form = json_get(command, "form"), json = json_get(command, "json"), text = json_get(command, "body");
	int given = json_has(command, "form") + json_has(command, "json") + json_has(command, "body"), r = 0;

	str_add(body, "", 0);
	*type = NULL;
	if (given > 1)
		r = fail_set(why, "usage", "post: give one of form, json and body");
	else if (json_has(command, "form")) {
		*type = "application/x-www-form-urlencoded";
		r = form_encode(form, body, why);
	} else if (json_has(command, "json")) {
		*type = "application/json";
		json_add_text(body, json);
	} else if (json_has(command, "body")) {
		*type = "text/plain;charset=UTF-8";
		if (json_is(text, JV_KIND_STRING))
			str_add(body, json_string(text, ""), json_len(text));
		else
			r = fail_set(why, "usage", "post: body is no string");
	}
	jv_free(form);
	jv_free(json);
	jv_free(text);
	return r;
}

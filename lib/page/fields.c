#include "page/fields.h"

#include <stdlib.h>
#include <string.h>

#include "page/charset.h"

char *scalar_text(jv v)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_STRING:
		return xstrdup(json_string(v, ""));
	case JV_KIND_NUMBER:
	case JV_KIND_TRUE:
	case JV_KIND_FALSE:
		return json_text(v);
	default:
		return NULL;
	}
}

static bool is_choice(const struct control *c)
{
	return one_of(c->type, " radio checkbox select ");
}

static bool named(const struct control *c, const char *name)
{
	return !control_is_button(c) && !c->disabled && strcmp(c->name, name) == 0;
}

static bool same_folded(const char *a, const char *wanted)
{
	struct str b = {0};
	bool same;

	fold_add(&b, wanted, strlen(wanted));
	fold_end(&b);
	same = strcmp(a, str_text(&b)) == 0;
	str_free(&b);
	return same;
}

/* The option of C with that value, else that text; NULL when it has none that may be chosen. */
static struct option *find_option(struct control *c, const char *value)
{
	for (size_t i = 0; i < c->n_options; i++)
		if (!c->options[i].disabled && strcmp(c->options[i].value, value) == 0)
			return &c->options[i];
	for (size_t i = 0; i < c->n_options; i++)
		if (!c->options[i].disabled && same_folded(c->options[i].text, value))
			return &c->options[i];
	return NULL;
}

/* The enabled radio button or checkbox NAME with that value, else that label. */
static struct control *find_box(struct form *f, const char *name, const char *value)
{
	for (size_t i = 0; i < f->n; i++)
		if (named(&f->list[i], name) && one_of(f->list[i].type, " radio checkbox ") &&
		    strcmp(f->list[i].value, value) == 0)
			return &f->list[i];
	for (size_t i = 0; i < f->n; i++)
		if (named(&f->list[i], name) && one_of(f->list[i].type, " radio checkbox ")) {
			char *label = control_label(f, &f->list[i]);
			bool same = *label && same_folded(label, value);

			free(label);
			if (same)
				return &f->list[i];
		}
	return NULL;
}

/* What the controls NAME are: 's'elect, 'b'oxes, 'f'ile, 't'ext; '-' only disabled ones, 0 none. */
static char kind_of(const struct form *f, const char *name)
{
	char kind = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct control *c = &f->list[i];

		if (control_is_button(c) || strcmp(c->name, name) != 0)
			continue;
		if (c->disabled)
			kind = kind ? kind : '-';
		else if (strcmp(c->type, "select") == 0)
			return 's';
		else if (is_choice(c))
			return 'b';
		else if (strcmp(c->type, "file") == 0)
			return 'f';
		else
			kind = 't';
	}
	return kind;
}

static int no_choice(const char *name, const char *value, struct fail *why)
{
	return fail_set(why, "no_match", "field '%.60s' has no choice '%.100s'", name, value);
}

static int set_select(struct form *f, const char *name, jv values, struct fail *why)
{
	struct control *c = NULL;

	for (size_t i = 0; i < f->n && !c; i++)
		if (named(&f->list[i], name) && strcmp(f->list[i].type, "select") == 0)
			c = &f->list[i];
	if (!c->multiple && json_len(values) > 1)
		return fail_set(why, "no_match", "field '%.60s' takes one choice, not %zu", name, json_len(values));
	for (size_t i = 0; i < c->n_options; i++)
		c->options[i].selected = false;
	for (struct json_iter it = json_iter(values); json_next(&it);) {
		char *value = scalar_text(it.value);
		struct option *o = value ? find_option(c, value) : NULL;

		if (!o) {
			no_choice(name, value ? value : "?", why);
			free(value);
			json_iter_end(&it);
			return -1;
		}
		o->selected = true;
		free(value);
	}
	return 0;
}

/* A checkbox often has a hidden field of its name before it, for "off": that value unchecks it. */
static bool is_off_value(const struct form *f, const char *name, const char *value)
{
	for (size_t i = 0; i < f->n; i++)
		if (named(&f->list[i], name) && strcmp(f->list[i].type, "hidden") == 0 && strcmp(f->list[i].value, value) == 0)
			return true;
	return false;
}

static int set_boxes(struct form *f, const char *name, jv values, struct fail *why)
{
	struct control *first = NULL;
	size_t boxes = 0;

	for (size_t i = 0; i < f->n; i++)
		if (named(&f->list[i], name) && is_choice(&f->list[i])) {
			f->list[i].checked = false;
			first = boxes++ ? first : &f->list[i];
		}
	for (struct json_iter it = json_iter(values); json_next(&it);) {
		bool alone = boxes == 1 && strcmp(first->type, "checkbox") == 0;
		char *value = scalar_text(it.value);
		struct control *c = value ? find_box(f, name, value) : NULL;

		if (!c && alone && json_true(it.value))
			c = first;
		if (c)
			c->checked = true;
		else if (!value || !((alone && json_is(it.value, JV_KIND_FALSE)) || is_off_value(f, name, value)))
			no_choice(name, value ? value : "?", why);
		free(value);
		if (why->code) {
			json_iter_end(&it);
			return -1;
		}
	}
	return 0;
}

static void put_text(struct control *c, const char *text)
{
	char *lines = unix_lines(text), *to = lines;

	if (!one_of(c->type, " textarea hidden ")) {
		for (const char *p = lines; *p; p++)
			if (*p != '\n')
				*to++ = *p;
		*to = '\0';
	}
	free(c->value);
	c->value = lines;
}

/* One value for the first field of the name that a person sees, else the first hidden one. */
static int set_text(struct form *f, const char *name, jv value, struct fail *why)
{
	char *text = scalar_text(value);
	struct control *to = NULL;

	if (!text)
		return fail_set(why, "usage", "set: the value of '%.60s' is no text", name);
	for (size_t i = 0; i < f->n; i++)
		if (named(&f->list[i], name) && (!to || (strcmp(to->type, "hidden") == 0 && strcmp(f->list[i].type, "hidden") != 0)))
			to = &f->list[i];
	put_text(to, text);
	free(text);
	return 0;
}

/* One value for each field of the name, in order; fields left over are taken out. */
static int set_texts(struct form *f, const char *name, jv values, struct fail *why)
{
	size_t next = 0, n = json_len(values);

	for (size_t i = 0; i < f->n; i++) {
		jv v;
		char *text;

		if (!named(&f->list[i], name))
			continue;
		if (next == n) {
			f->list[i].removed = true;
			continue;
		}
		v = json_at(values, (int)next++);
		text = scalar_text(v);
		jv_free(v);
		if (!text)
			return fail_set(why, "usage", "set: a value of '%.60s' is no text", name);
		put_text(&f->list[i], text);
		free(text);
	}
	if (next < n)
		return fail_set(why, "no_match", "the form has %zu fields '%.60s', not %zu", next, name, n);
	return 0;
}

static int set_files(struct form *f, const char *name, jv values, struct fail *why)
{
	struct control *c = NULL;

	for (size_t i = 0; i < f->n && !c; i++)
		if (named(&f->list[i], name) && strcmp(f->list[i].type, "file") == 0)
			c = &f->list[i];
	jv_free(c->files);
	c->files = jv_array();
	for (struct json_iter it = json_iter(values); json_next(&it);) {
		jv file = json_get(it.value, "file");

		if (!json_is(file, JV_KIND_OBJECT)) {
			jv_free(file);
			json_iter_end(&it);
			return fail_set(why, "usage", "set: '%.60s' is a file field: give {\"file\":{…}}", name);
		}
		c->files = json_push(c->files, file);
	}
	if (!c->multiple && json_len(c->files) > 1)
		return fail_set(why, "no_match", "field '%.60s' takes one file", name);
	return 0;
}

static int set_field(struct form *f, const char *name, jv value, struct fail *why)
{
	bool list = json_is(value, JV_KIND_ARRAY);
	char kind = kind_of(f, name);
	jv values;
	int r;

	if (!kind)
		return fail_set(why, "no_match", "the form has no field '%.60s'", name);
	if (kind == '-')
		return fail_set(why, "no_match", "the form's field '%.60s' is disabled", name);
	for (size_t i = 0; i < f->n; i++)
		if (named(&f->list[i], name))
			f->list[i].removed = json_is(value, JV_KIND_NULL);
	if (json_is(value, JV_KIND_NULL))
		return 0;
	values = list ? jv_copy(value) : json_push(jv_array(), jv_copy(value));
	r = kind == 's'		? set_select(f, name, values, why)
	    : kind == 'b'	? set_boxes(f, name, values, why)
	    : kind == 'f'	? set_files(f, name, values, why)
	    : list		? set_texts(f, name, values, why)
				: set_text(f, name, value, why);
	jv_free(values);
	return r;
}

int fields_set(struct form *f, jv set, struct fail *why)
{
	if (!json_is(set, JV_KIND_OBJECT) && !json_is(set, JV_KIND_NULL))
		return fail_set(why, "usage", "set: not an object");
	for (struct json_iter it = json_iter(set); json_next(&it);)
		if (set_field(f, it.key, it.value, why)) {
			json_iter_end(&it);
			return -1;
		}
	return 0;
}

#include "page/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "page/charset.h"

#define CONTROLS_MAX 3000 /* labels are looked for one by one */

struct option {
	char *value, *text;
	bool selected, disabled;
};

/* An input, select, textarea or button that the form owns. */
struct control {
	html_node *node;
	char *name, *type; /* "" without a name; the type lower case: "text", "select", "textarea", "submit" … */
	bool disabled, checked, multiple;
	bool removed;  /* `set` took it out */
	char *value;   /* of what is no select */
	jv files;      /* a list for type file; null otherwise */
	struct option *options;
	size_t n_options;
};

struct label {
	html_node *node;
	char *for_id; /* NULL: it holds its control */
};

struct form {
	struct document *d;
	html_node *root, *node;
	char *id; /* NULL where `form` attributes can't mean it */
	struct control *list;
	size_t n;
	struct label *labels;
	size_t n_labels;
};

/* ---- reading a form ---- */

static char *lower(char *s)
{
	for (char *p = s; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 32;
	return s;
}

static char *attr_or(html_node *n, const char *name, const char *fallback)
{
	char *v = html_attr(n, name);

	return v ? v : xstrdup(fallback);
}

static bool one_of(const char *s, const char *list)
{
	char *padded = xasprintf(" %s ", s);
	bool found = strstr(list, padded);

	free(padded);
	return found;
}

static bool is_button(const struct control *c)
{
	return one_of(c->type, " submit image reset button ");
}

static bool is_choice(const struct control *c)
{
	return one_of(c->type, " radio checkbox select ");
}

/* Disabled itself or by a fieldset, whose first legend is excepted (HTML s.4.10.19.5). */
static bool is_disabled(html_node *n)
{
	html_node *child = n;

	if (html_has(n, "disabled"))
		return true;
	for (html_node *p = html_parent(n); p; child = p, p = html_parent(p)) {
		html_node *first;

		if (!html_is(p, "fieldset") || !html_has(p, "disabled"))
			continue;
		for (first = html_child(p); first && !html_is(first, "legend");)
			first = html_next(first);
		if (first != child)
			return true;
	}
	return false;
}

static html_node *by_id(const struct form *f, const char *id)
{
	for (html_node *n = f->root; n; n = html_walk(n, f->root, false)) {
		char *own = html_attr(n, "id");
		bool same = own && strcmp(own, id) == 0;

		free(own);
		if (same)
			return n;
	}
	return NULL;
}

/* Its form attribute names its form, else the nearest form around it is its own. */
static bool is_owned(const struct form *f, html_node *n)
{
	char *id = html_attr(n, "form");
	bool owned;

	if (id) {
		owned = f->id && strcmp(id, f->id) == 0;
		free(id);
		return owned;
	}
	while (n && !html_is(n, "form"))
		n = html_parent(n);
	return n == f->node;
}

/* CRLF and CR to LF, and what follows FROM on. */
static char *unix_lines(const char *s)
{
	struct str b = {0};

	for (; *s; s++) {
		if (*s == '\r' && s[1] == '\n')
			continue;
		str_putc(&b, *s == '\r' ? '\n' : *s);
	}
	return str_take(&b);
}

static char *textarea_value(html_node *n)
{
	char *raw = html_content(n), *lines = unix_lines(raw), *value = xstrdup(lines + (*lines == '\n'));

	free(raw);
	free(lines);
	return value;
}

static bool option_disabled(html_node *o)
{
	html_node *group = html_parent(o);

	return html_has(o, "disabled") || (group && html_is(group, "optgroup") && html_has(group, "disabled"));
}

/* A select that shows one row shows its last selected option, else its first that is not disabled. */
static void settle_single(struct control *c, html_node *n)
{
	char *size = attr_or(n, "size", "1");
	bool one_row = atoi(size) <= 1;
	size_t chosen = c->n_options;

	free(size);
	for (size_t i = 0; i < c->n_options; i++) {
		if (c->options[i].selected)
			chosen = i;
		c->options[i].selected = false;
	}
	for (size_t i = 0; one_row && chosen == c->n_options && i < c->n_options; i++)
		if (!c->options[i].disabled)
			chosen = i;
	if (chosen < c->n_options)
		c->options[chosen].selected = true;
}

static void read_options(struct control *c)
{
	c->multiple = html_has(c->node, "multiple");
	for (html_node *o = html_walk(c->node, c->node, false); o; o = html_walk(o, c->node, false)) {
		struct option *to;

		if (!html_is(o, "option"))
			continue;
		c->options = xrealloc(c->options, (c->n_options + 1) * sizeof *c->options);
		to = &c->options[c->n_options++];
		to->text = node_text(o);
		to->value = attr_or(o, "value", to->text);
		to->selected = html_has(o, "selected");
		to->disabled = option_disabled(o);
	}
	if (!c->multiple)
		settle_single(c, c->node);
}

/* The value an input starts with, by its type (HTML s.4.10.5.1). */
static char *input_value(html_node *n, const char *type)
{
	char *value = attr_or(n, "value", one_of(type, " checkbox radio ") ? "on" : ""), *to = value;

	if (strcmp(type, "file") == 0) {
		*value = '\0';
	} else if (strcmp(type, "color") == 0 && (strlen(value) != 7 || *value != '#')) {
		free(value);
		return xstrdup("#000000");
	} else if (!one_of(type, " hidden checkbox radio submit reset button image ")) {
		for (const char *p = value; *p; p++) /* one line */
			if (*p != '\n' && *p != '\r')
				*to++ = *p;
		*to = '\0';
	}
	return value;
}

static void add_control(struct form *f, html_node *n)
{
	struct control *c;
	const char *tag = html_name(n);

	f->list = xrealloc(f->list, (f->n + 1) * sizeof *f->list);
	c = &f->list[f->n++];
	*c = (struct control){.node = n, .name = attr_or(n, "name", ""), .disabled = is_disabled(n), .files = jv_null()};
	if (strcmp(tag, "select") == 0) {
		c->type = xstrdup("select");
		read_options(c);
		c->value = xstrdup("");
	} else if (strcmp(tag, "textarea") == 0) {
		c->type = xstrdup("textarea");
		c->value = textarea_value(n);
	} else if (strcmp(tag, "button") == 0) {
		c->type = lower(attr_or(n, "type", "submit"));
		if (!one_of(c->type, " reset button ")) {
			free(c->type);
			c->type = xstrdup("submit");
		}
		c->value = attr_or(n, "value", "");
	} else {
		c->type = lower(attr_or(n, "type", "text"));
		if (!*c->type) {
			free(c->type);
			c->type = xstrdup("text");
		}
		c->value = input_value(n, c->type);
		c->checked = html_has(n, "checked");
		c->multiple = html_has(n, "multiple");
		if (strcmp(c->type, "file") == 0)
			c->files = jv_array();
	}
}

/* Of several checked radio buttons of one name the last is meant. */
static void settle_radios(struct form *f)
{
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = i + 1; f->list[i].checked && strcmp(f->list[i].type, "radio") == 0 && k < f->n; k++)
			if (f->list[k].checked && strcmp(f->list[k].type, "radio") == 0 &&
			    strcmp(f->list[k].name, f->list[i].name) == 0)
				f->list[i].checked = false;
}

static void read_form(struct form *f)
{
	f->id = html_attr(f->node, "id");
	if (f->id && (!*f->id || by_id(f, f->id) != f->node)) {
		free(f->id);
		f->id = NULL;
	}
	for (html_node *n = f->root; n;) {
		bool skip = html_is(n, "datalist") || html_is(n, "template");

		if (html_is(n, "label") && f->n_labels < CONTROLS_MAX) {
			f->labels = xrealloc(f->labels, (f->n_labels + 1) * sizeof *f->labels);
			f->labels[f->n_labels++] = (struct label){n, html_attr(n, "for")};
		}
		if (one_of(html_name(n), " input select textarea button ") && f->n <= CONTROLS_MAX && is_owned(f, n))
			add_control(f, n);
		n = html_walk(n, f->root, skip);
	}
	settle_radios(f);
}

static void form_free(struct form *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct control *c = &f->list[i];

		for (size_t k = 0; k < c->n_options; k++) {
			free(c->options[k].value);
			free(c->options[k].text);
		}
		free(c->options);
		free(c->name);
		free(c->type);
		free(c->value);
		jv_free(c->files);
	}
	for (size_t i = 0; i < f->n_labels; i++)
		free(f->labels[i].for_id);
	free(f->labels);
	free(f->list);
	free(f->id);
}

/* The forms that SEL finds: how many, and the first. */
static int forms_of(struct form *f, const char *sel, int64_t deadline, size_t *n, struct fail *why)
{
	struct html_found found;

	*n = 0;
	if (document_select(f->d, NULL, sel, deadline, &found, why))
		return -1;
	for (size_t i = 0; i < found.n; i++)
		if (html_is(found.nodes[i], "form") && (*n)++ == 0)
			f->node = found.nodes[i];
	html_found_free(&found);
	return 0;
}

/* Finds the one form that `form` means (a selector, or several to fall back on) and reads it. */
static int open_form(struct form *f, struct document *d, jv command, int64_t deadline, struct fail *why)
{
	jv sels = json_get(command, "form");
	struct html *tree;
	char *tried;
	size_t n = 0;
	int r;

	*f = (struct form){.d = d};
	r = document_tree(d, deadline, &tree, why);
	if (!json_is(sels, JV_KIND_ARRAY))
		sels = json_push(jv_array(), json_is(sels, JV_KIND_STRING) ? sels : (jv_free(sels), jv_string("form")));
	tried = json_text(sels);
	for (struct json_iter it = json_iter(sels); !r && !n && json_next(&it);) {
		r = forms_of(f, json_string(it.value, ""), deadline, &n, why);
		if (r || n)
			json_iter_end(&it);
	}
	if (!r && n != 1)
		r = n ? fail_set(why, "many", "%.200s: %zu forms match, not one", tried, n)
		      : fail_set(why, "no_match", "%.200s: no form matches", tried);
	if (!r) {
		f->root = html_root(tree);
		read_form(f);
		if (f->n > CONTROLS_MAX)
			r = fail_set(why, "limit", "the form has more than %d controls", CONTROLS_MAX);
	}
	jv_free(sels);
	free(tried);
	return r;
}

/* ---- describing it ---- */

/* Text of a label without that of the controls inside it. */
static char *label_text(html_node *label)
{
	struct str b = {0};

	for (html_node *n = html_walk(label, label, false); n;) {
		const char *text = html_text(n);
		bool skip = one_of(html_name(n), " select textarea button script style template ");

		if (text)
			fold_add(&b, text, strlen(text));
		n = html_walk(n, label, skip);
	}
	fold_end(&b);
	return str_take(&b);
}

static char *aria_label(const struct form *f, html_node *n)
{
	char *ids = attr_or(n, "aria-labelledby", ""), *save = NULL;
	struct str b = {0};

	for (char *id = strtok_r(ids, " \t\r\n", &save); id; id = strtok_r(NULL, " \t\r\n", &save)) {
		html_node *target = by_id(f, id);
		char *text = target ? label_text(target) : xstrdup("");

		str_addf(&b, "%s%s", b.len ? " " : "", text);
		free(text);
	}
	free(ids);
	if (b.len)
		return str_take(&b);
	str_free(&b);
	return attr_or(n, "aria-label", "");
}

static bool holds(html_node *outer, html_node *n)
{
	while (n && n != outer)
		n = html_parent(n);
	return n;
}

/* What stands beside the control: its label elements, else its ARIA label. Caller frees. */
static char *control_label(const struct form *f, const struct control *c)
{
	char *id = html_attr(c->node, "id");
	struct str b = {0};

	for (size_t i = 0; i < f->n_labels; i++) {
		const struct label *l = &f->labels[i];

		if (l->for_id ? id && strcmp(l->for_id, id) == 0 : holds(l->node, c->node)) {
			char *text = label_text(l->node);

			str_addf(&b, "%s%s", b.len && *text ? " " : "", text);
			free(text);
		}
	}
	free(id);
	if (b.len)
		return str_take(&b);
	str_free(&b);
	return aria_label(f, c->node);
}

/* The legend of the nearest fieldset: what a group of radio buttons is about. */
static char *legend(const struct control *c)
{
	for (html_node *p = html_parent(c->node); p; p = html_parent(p))
		for (html_node *l = html_is(p, "fieldset") ? html_child(p) : NULL; l; l = html_next(l))
			if (html_is(l, "legend"))
				return label_text(l);
	return xstrdup("");
}

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

static jv field_json(const struct form *f, const struct control *c)
{
	char *group = legend(c);
	jv field = json_obj("name", jv_string(c->name), "id", take(attr_or(c->node, "id", "")), "tag",
			    jv_string(html_name(c->node)), "type", jv_string(c->type), "value", jv_string(c->value), "label",
			    take(control_label(f, c)), "required", jv_bool(html_has(c->node, "required")), "disabled",
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
	char *action = button ? html_attr(button->node, "formaction") : NULL, *href = NULL;
	struct url base = {0};
	struct html_found found;
	struct err e;
	int r;

	if (!action)
		action = attr_or(f->node, "action", "");
	if (document_select(f->d, NULL, "xpath:(//base[@href])[1]", deadline, &found, why)) {
		free(action);
		return -1;
	}
	if (found.n)
		href = html_attr(found.nodes[0], "href");
	html_found_free(&found);
	/* an empty action is the page itself, whatever its base is */
	if (!action[strspn(action, " \t\r\n\f")] || !href || url_parse(&base, href, &f->d->url, &e))
		r = url_parse(url, action, &f->d->url, &e);
	else
		r = url_parse(url, action, &base, &e);
	url_free(&base);
	free(href);
	free(action);
	return r ? fail_set(why, "refused", "the form's action: %s", e.text) : 0;
}

static char *form_attr(const struct form *f, const struct control *button, const char *own, const char *of_button,
		       const char *fallback)
{
	char *v = button ? html_attr(button->node, of_button) : NULL;

	return lower(v ? v : attr_or(f->node, own, fallback));
}

int form_describe(struct document *d, jv command, int64_t deadline, jv *out, struct fail *why)
{
	jv fields = jv_array(), buttons = jv_array();
	struct url action = {0};
	struct form f;
	int r = open_form(&f, d, command, deadline, why);

	for (size_t i = 0; !r && i < f.n; i++) {
		if (is_button(&f.list[i]))
			buttons = json_push(buttons, button_json(&f.list[i]));
		else
			fields = json_push(fields, field_json(&f, &f.list[i]));
	}
	if (!r) {
		struct fail ignored;
		jv form = json_obj("method", take(form_attr(&f, NULL, "method", "", "get")), "enctype",
				   take(form_attr(&f, NULL, "enctype", "", "application/x-www-form-urlencoded")), "fields",
				   jv_copy(fields), "buttons", jv_copy(buttons), NULL);

		form = json_set(form, "action",
				form_action(&f, NULL, deadline, &action, &ignored) ? jv_null() : take(url_text(&action, false)));
		*out = json_obj("form", form, NULL);
	}
	url_free(&action);
	jv_free(fields);
	jv_free(buttons);
	form_free(&f);
	return r;
}

/* ---- setting fields ---- */

/* The text of a scalar; NULL for what is none. Caller frees. */
static char *scalar_text(jv v)
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

static bool named(const struct control *c, const char *name)
{
	return !is_button(c) && !c->disabled && strcmp(c->name, name) == 0;
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

		if (is_button(c) || strcmp(c->name, name) != 0)
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

static int set_fields(struct form *f, jv set, struct fail *why)
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

struct entry {
	char *name, *value;
	jv file; /* an object for a file; null otherwise */
};

struct entries {
	struct entry *list;
	size_t n;
};

static void add_entry(struct entries *e, const char *name, const char *value, jv file_taken)
{
	e->list = xrealloc(e->list, (e->n + 1) * sizeof *e->list);
	e->list[e->n++] = (struct entry){xstrdup(name), xstrdup(value), file_taken};
}

static void entries_free(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->list[i].name);
		free(e->list[i].value);
		jv_free(e->list[i].file);
	}
	free(e->list);
}

static void add_files(struct entries *e, const struct control *c)
{
	for (struct json_iter it = json_iter(c->files); json_next(&it);)
		add_entry(e, c->name, json_str(it.value, "name", ""), jv_copy(it.value));
	if (!json_len(c->files))
		add_entry(e, c->name, "", jv_object());
}

static void add_image(struct entries *e, const struct control *c)
{
	char *x = xasprintf("%s%sx", c->name, *c->name ? "." : ""), *y = xasprintf("%s%sy", c->name, *c->name ? "." : "");

	add_entry(e, x, "0", jv_null());
	add_entry(e, y, "0", jv_null());
	free(x);
	free(y);
}

/* "Constructing the entry list", HTML s.4.10.21.4, step 5, for one control. */
static void add_control_entries(struct entries *e, const struct control *c, const struct control *button,
				const char *charset)
{
	char *dirname;

	if (c->disabled || c->removed || (is_button(c) && c != button) ||
	    (one_of(c->type, " radio checkbox ") && !c->checked))
		return;
	if (strcmp(c->type, "image") == 0)
		add_image(e, c);
	if (!*c->name || strcmp(c->type, "image") == 0)
		return;
	if (strcmp(c->type, "select") == 0) {
		for (size_t i = 0; i < c->n_options; i++)
			if (c->options[i].selected && !c->options[i].disabled)
				add_entry(e, c->name, c->options[i].value, jv_null());
		return;
	}
	if (strcmp(c->type, "file") == 0) {
		add_files(e, c);
		return;
	}
	if (strcmp(c->type, "hidden") == 0 && strcasecmp(c->name, "_charset_") == 0) {
		char *title = charset_title(charset);

		add_entry(e, c->name, title, jv_null());
		free(title);
	} else {
		add_entry(e, c->name, c->value, jv_null());
	}
	dirname = html_attr(c->node, "dirname");
	if (dirname && *dirname && !is_button(c))
		add_entry(e, dirname, "ltr", jv_null());
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

/* Line ends as CRLF, in CHARSET. */
static void wire_text(struct str *out, const char *s, const char *charset)
{
	struct str lines = {0};

	for (; *s; s++) {
		if (*s == '\r' && s[1] == '\n')
			continue;
		if (*s == '\n' || *s == '\r')
			str_puts(&lines, "\r\n");
		else
			str_putc(&lines, *s);
	}
	charset_encode(out, str_text(&lines), lines.len, charset);
	str_free(&lines);
}

/* application/x-www-form-urlencoded (URL s.5.2). */
static void add_escaped(struct str *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == ' ')
			str_putc(out, '+');
		else if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("*-._", c)))
			str_putc(out, (char)c);
		else
			str_addf(out, "%%%02X", c);
	}
}

static void add_pair(struct str *out, const char *name, const char *value, const char *charset)
{
	struct str n = {0}, v = {0};

	wire_text(&n, name, charset);
	wire_text(&v, value, charset);
	if (out->len)
		str_putc(out, '&');
	add_escaped(out, str_text(&n), n.len);
	str_putc(out, '=');
	add_escaped(out, str_text(&v), v.len);
	str_free(&n);
	str_free(&v);
}

static void write_urlencoded(struct str *out, const struct entries *e, const char *charset)
{
	for (size_t i = 0; i < e->n; i++)
		add_pair(out, e->list[i].name, e->list[i].value, charset);
}

static void write_plain(struct str *out, const struct entries *e, const char *charset)
{
	for (size_t i = 0; i < e->n; i++) {
		wire_text(out, e->list[i].name, charset);
		str_putc(out, '=');
		wire_text(out, e->list[i].value, charset);
		str_puts(out, "\r\n");
	}
}

/* A name in a multipart header: quotes and line ends escaped (HTML s.4.10.21.8). */
static void add_quoted(struct str *out, const char *s, const char *charset)
{
	struct str b = {0};

	wire_text(&b, s, charset);
	for (size_t i = 0; i < b.len; i++) {
		if (b.s[i] == '"')
			str_puts(out, "%22");
		else if (b.s[i] == '\r')
			str_puts(out, "%0D");
		else if (b.s[i] == '\n')
			str_puts(out, "%0A");
		else
			str_putc(out, b.s[i]);
	}
	str_free(&b);
}

static int base64(struct str *out, const char *s)
{
	unsigned bits = 0;
	int have = 0;

	for (; *s && *s != '='; s++) {
		static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
		const char *d;

		if (strchr(" \r\n\t", *s))
			continue;
		d = strchr(digits, *s);
		if (!d)
			return -1;
		bits = bits << 6 | (unsigned)(d - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			str_putc(out, (char)(bits >> have));
			bits &= (1u << have) - 1;
		}
	}
	return s[strspn(s, "=\r\n ")] ? -1 : 0;
}

static int add_file_part(struct str *out, const struct entry *e, const char *charset, struct fail *why)
{
	const char *type = json_str(e->file, "type", "application/octet-stream");

	if (!*type || strpbrk(type, "\r\n"))
		return fail_set(why, "usage", "set: the type of file '%.60s' is malformed", e->value);
	str_puts(out, "; filename=\"");
	add_quoted(out, e->value, charset);
	str_addf(out, "\"\r\nContent-Type: %s\r\n\r\n", type);
	if (base64(out, json_str(e->file, "data_base64", "")))
		return fail_set(why, "usage", "set: the data of file '%.60s' is not base64", e->value);
	return 0;
}

static int write_multipart(struct str *out, const struct entries *e, const char *charset, const char *boundary,
			   struct fail *why)
{
	int r = 0;

	for (size_t i = 0; !r && i < e->n; i++) {
		str_addf(out, "--%s\r\nContent-Disposition: form-data; name=\"", boundary);
		add_quoted(out, e->list[i].name, charset);
		str_putc(out, '"');
		if (json_is(e->list[i].file, JV_KIND_OBJECT)) {
			r = add_file_part(out, &e->list[i], charset, why);
		} else {
			str_puts(out, "\r\n\r\n");
			wire_text(out, e->list[i].value, charset);
		}
		str_puts(out, "\r\n");
	}
	str_addf(out, "--%s--\r\n", boundary);
	return r;
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
		return write_multipart(&s->body, e, charset, boundary, why);
	}
	if (strcmp(enctype, "text/plain") == 0) {
		s->type = xstrdup("text/plain");
		write_plain(&s->body, e, charset);
		return 0;
	}
	s->type = xstrdup("application/x-www-form-urlencoded");
	write_urlencoded(&s->body, e, charset);
	return 0;
}

static int write_submission(struct submission *s, const struct form *f, const struct control *button, int64_t deadline,
			    struct fail *why)
{
	char *method = form_attr(f, button, "method", "formmethod", "get");
	char *enctype = form_attr(f, button, "enctype", "formenctype", ""), *charset = form_charset(f);
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

		write_urlencoded(&query, &e, charset);
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
	r = open_form(&f, d, command, deadline, why);
	if (!r)
		r = set_fields(&f, set, why);
	if (!r)
		r = choose_button(&f, command, &button, why);
	if (!r)
		r = write_submission(s, &f, button, deadline, why);
	jv_free(set);
	form_free(&f);
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
	add_pair(body, name, text, "utf-8");
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

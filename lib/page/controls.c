#include "page/controls.h"

#include <stdlib.h>
#include <string.h>

#include "page/charset.h"

#define CONTROLS_MAX 3000 /* labels are looked for one by one */

char *lower(char *s)
{
	for (char *p = s; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 32;
	return s;
}

char *attr_or(html_node *n, const char *name, const char *fallback)
{
	char *v = html_attr(n, name);

	return v ? v : xstrdup(fallback);
}

bool one_of(const char *s, const char *list)
{
	char *padded = xasprintf(" %s ", s);
	bool found = strstr(list, padded);

	free(padded);
	return found;
}

bool control_is_button(const struct control *c)
{
	return one_of(c->type, " submit image reset button ");
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

char *unix_lines(const char *s)
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

void form_close(struct form *f)
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

int form_open(struct form *f, struct document *d, jv command, int64_t deadline, struct fail *why)
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

char *control_label(const struct form *f, const struct control *c)
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

char *control_legend(const struct control *c)
{
	for (html_node *p = html_parent(c->node); p; p = html_parent(p))
		for (html_node *l = html_is(p, "fieldset") ? html_child(p) : NULL; l; l = html_next(l))
			if (html_is(l, "legend"))
				return label_text(l);
	return xstrdup("");
}

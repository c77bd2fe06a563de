/* A form's controls as the page has them (HTML s.4.10): values, states, choices and labels. */
#ifndef PAGE_CONTROLS_H
#define PAGE_CONTROLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page/document.h"

struct option {
	char *value, *text;
	bool selected, disabled;
};

/* An input, select, textarea or button that the form owns. */
struct control {
	html_node *node;
	char *name, *type; /* "" without a name; the type lower case: "text", "select", "textarea", "submit" … */
	bool disabled, checked, multiple;
	bool removed;      /* `set` took it out */
	char *value;       /* of what is no select */
	jv files;          /* a list for type file; null otherwise */
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
	struct control *list; /* in the order of the page */
	size_t n;
	struct label *labels;
	size_t n_labels;
};

/* Finds the one form of D that the command's `form` means (a selector, or several to fall back on) and reads
 * it. form_close it whatever the result. */
int form_open(struct form *f, struct document *d, jv command, int64_t deadline, struct fail *why);
void form_close(struct form *f);

bool control_is_button(const struct control *c);
/* What stands beside the control: its label elements, else its ARIA label. Caller frees, as below. */
char *control_label(const struct form *f, const struct control *c);
/* The legend of the nearest fieldset, "" for none: what a group of radio buttons is about. */
char *control_legend(const struct control *c);
char *attr_or(html_node *n, const char *name, const char *fallback);
/* S in lower case (ASCII), in place. */
char *lower(char *s);
/* WORD is in the list, which has blanks between, before and after. */
bool one_of(const char *word, const char *list);
/* CRLF and CR as LF. */
char *unix_lines(const char *s);

#endif

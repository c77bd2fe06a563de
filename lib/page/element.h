/* Elements of the live page: found, waited for, and acted on as a person would, with the mouse and keys of the browser.
 *
 * A selector is CSS (through open shadow roots), XPath ("xpath:…" or a leading '/'), "text=…" or "label=…". Before anything is
 * done its element must be the only visible one (or the Nth), enabled, still for two frames, and not covered; `no_match` says
 * which of these it is not. Functions give 0, or -1 with *why. */
#ifndef PAGE_ELEMENT_H
#define PAGE_ELEMENT_H

#include "page/tab.h"

/* The frame that commands act in; the tab's own document where `id` is NULL. */
struct frame {
	char *id, *session; /* of the process it lives in */
	char *owner;        /* its element, as the browser's object */
	char *helper;       /* as the scene's */
	struct frame *outer;
};

struct scene {
	struct tab *tab;
	struct frame *frame; /* NULL: the tab's own document */
	char *helper;        /* element.js in a world of ours in that document, as the browser's object; NULL: not yet */
};

/* Leaves all frames, and forgets the document. */
void scene_reset(struct scene *s);

/* What the operation OP of element.js gives. */
jv scene_ask(struct scene *s, const char *op, const char *selector, jv arg_taken, int64_t deadline, struct fail *why);

/* OPTIONS is the command: `nth`. */
int scene_click(struct scene *s, const char *selector, jv options, int64_t deadline, struct fail *why);
int scene_fill(struct scene *s, const char *selector, const char *value, jv options, int64_t deadline, struct fail *why);
int scene_choose(struct scene *s, const char *selector, const char *option, jv options, int64_t deadline, struct fail *why);
/* One after the other. FIELDS is a list of [selector, text]. */
int scene_fill_all(struct scene *s, jv fields, int64_t deadline, struct fail *why);
int scene_choose_all(struct scene *s, jv fields, int64_t deadline, struct fail *why);
int scene_check(struct scene *s, const char *selector, bool on, jv options, int64_t deadline, struct fail *why);
/* SELECTOR NULL: whatever has the focus. */
int scene_press(struct scene *s, const char *selector, const char *key, jv options, int64_t deadline, struct fail *why);
/* FILES is a list of {"name","type","data_base64"}. */
int scene_upload(struct scene *s, const char *selector, jv files, jv options, int64_t deadline, struct fail *why);
/* Enters a frame of the present one. */
int scene_enter(struct scene *s, const char *selector, jv options, int64_t deadline, struct fail *why);

/* element.js as a C string (made at build time). */
extern const char element_js[];

#endif

#include "page/element.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/str.h"

#define SLACK 1000 /* ms that an answer may take beyond the deadline that the page's side keeps */
#define AGAIN 50   /* ms between tries while a page goes away under us */

static void frame_free(struct frame *f)
{
	free(f->id);
	free(f->session);
	free(f->owner);
	free(f->helper);
	free(f);
}

void scene_reset(struct scene *s)
{
	while (s->frame) {
		struct frame *outer = s->frame->outer;

		frame_free(s->frame);
		s->frame = outer;
	}
	free(s->helper);
	s->helper = NULL;
}

static const char *session_of(const struct scene *s, const struct frame *f)
{
	return f && f->session ? f->session : s->tab->session;
}

/* ---- calling element.js ---- */

/* A world of ours in frame F; 0 with *why (code "browser": the frame is just being replaced). */
static int64_t world(struct scene *s, const struct frame *f, int64_t deadline, struct fail *why)
{
	jv params = json_obj("frameId", jv_string(f ? f->id : s->tab->target), "worldName", jv_string("ab"), NULL);
	jv result = devtools_call(s->tab->link, session_of(s, f), "Page.createIsolatedWorld", params, deadline, why);
	int64_t id = json_ok(result) ? json_int(result, "executionContextId", 0) : 0;

	jv_free(result);
	return id;
}

static jv value_argument(jv value)
{
	return json_obj("value", value, NULL);
}

/* What a call of callFunctionOn gave, with its exceptions as errors; RESULT is consumed. */
static jv returned(jv result, const char *op, struct fail *why)
{
	jv details = json_get(result, "exceptionDetails"), value = json_get(result, "result");

	jv_free(result);
	if (json_is(details, JV_KIND_OBJECT)) {
		jv exception = json_get(details, "exception");

		fail_set(why, "browser", "%s: %.200s", op, json_str(exception, "description", json_str(details, "text", "?")));
		jv_free(exception);
		jv_free(value);
		value = jv_invalid();
	}
	jv_free(details);
	return value;
}

/* Brings element.js into frame F: *HELPER. An object's id is good for its document alone, unlike the number of a world, which
 * another document may have after it. */
static int bring_helper(struct scene *s, const struct frame *f, char **helper, int64_t deadline, struct fail *why)
{
	int64_t id = world(s, f, deadline, why);
	jv result, value;
	char *declaration;

	if (!id)
		return -1;
	declaration = xasprintf("() => (%s\n)", element_js);
	result = devtools_call(s->tab->link, session_of(s, f), "Runtime.callFunctionOn",
			       json_obj("functionDeclaration", jv_string(declaration), "executionContextId", jv_number((double)id), NULL), deadline, why);
	free(declaration);
	if (!json_ok(result))
		return -1;
	value = returned(result, "element.js", why);
	if (!json_ok(value))
		return -1;
	*helper = xstrdup(json_str(value, "objectId", ""));
	jv_free(value);
	return 0;
}

/* One try. SELECTOR is an argument of callFunctionOn (consumed); BY_VALUE false gives {"objectId"} or {"value"}. */
static jv try_once(struct scene *s, struct frame *f, const char *op, jv selector, jv arg, bool by_value, int64_t deadline,
		   struct fail *why)
{
	int64_t left = deadline - clock_mono();
	char **helper = f ? &f->helper : &s->helper;
	jv arguments, params, result;

	if (!*helper && bring_helper(s, f, helper, deadline + SLACK, why)) {
		jv_free(selector);
		jv_free(arg);
		return jv_invalid();
	}
	arguments = json_push(json_push(jv_array(), value_argument(jv_string(op))), selector);
	arguments = json_push(json_push(arguments, value_argument(arg)), value_argument(jv_number(left > 0 ? (double)left : 0)));
	params = json_obj("functionDeclaration", jv_string("function (...a) { return this(...a); }"), "objectId", jv_string(*helper), "arguments",
			  arguments, "awaitPromise", jv_true(), "returnByValue", jv_bool(by_value), NULL);
	result = devtools_call(s->tab->link, session_of(s, f), "Runtime.callFunctionOn", params, deadline + SLACK, why);
	return json_ok(result) ? returned(result, op, why) : result;
}

/* From here on something may have been sent, whatever is seen of it. */
static void acted(struct scene *s)
{
	if (s->tab->sent == HTTP_SENT_NO)
		s->tab->sent = HTTP_SENT_MAYBE;
}

/* The `ok` of VALUE (consumed), or invalid with *why. */
static jv judged(struct scene *s, jv value, struct fail *why)
{
	static const char *const codes[] = {"many", "selector", "usage"};
	const char *code = json_str(value, "code", NULL), *kept = "no_match";
	jv ok = json_get(value, "ok");

	for (size_t i = 0; code && i < sizeof codes / sizeof *codes; i++)
		if (strcmp(code, codes[i]) == 0)
			kept = codes[i];
	if (json_bool(value, "late", false)) /* it failed after it had done something */
		acted(s);
	if (code || json_is(ok, JV_KIND_NULL)) {
		fail_set(why, code ? kept : "unreachable", "%.400s", json_str(value, "why", "the page gave no answer"));
		jv_free(ok);
		ok = jv_invalid();
	}
	jv_free(value);
	return ok;
}

static void pause_for(struct tab *t, int64_t ms)
{
	int64_t until = clock_mono() + ms;

	while (clock_mono() < until && !devtools_gone(t->link))
		devtools_pump(t->link, until);
}

/* Pages go away while they are asked: then the next one is. */
static jv ask(struct scene *s, struct frame *f, const char *op, jv selector, jv arg, bool by_value, int64_t deadline, struct fail *why)
{
	char **helper = f ? &f->helper : &s->helper;
	bool old;
	jv value;

	for (;;) {
		old = *helper != NULL;
		value = try_once(s, f, op, jv_copy(selector), jv_copy(arg), by_value, deadline, why);
		if (json_ok(value) || strcmp(why->code, "browser") != 0)
			break;
		free(*helper);
		*helper = NULL;
		if (!old && (f || clock_mono() >= deadline))
			break;
		jv_free(value);
		if (!old) /* else it was of the page before, and there is another */
			pause_for(s->tab, AGAIN);
	}
	jv_free(selector);
	jv_free(arg);
	return value;
}

jv scene_ask(struct scene *s, const char *op, const char *selector, jv arg, int64_t deadline, struct fail *why)
{
	jv result = ask(s, s->frame, op, value_argument(selector ? jv_string(selector) : jv_null()), arg, true, deadline, why), value;

	if (!json_ok(result))
		return result;
	value = json_get(result, "value");
	jv_free(result);
	return judged(s, value, why);
}

static jv argument(jv options)
{
	return json_obj("nth", json_get(options, "nth"), NULL);
}

/* ---- mouse and keys ---- */

static int done(jv value)
{
	int r = json_ok(value) ? 0 : -1;

	jv_free(value);
	return r;
}

/* Adds where the frames stand in the tab to *X and *Y; nothing may cover the point in any of them. */
static int to_tab(struct scene *s, double *x, double *y, int64_t deadline, struct fail *why)
{
	for (struct frame *f = s->frame; f; f = f->outer) {
		jv at = json_obj("x", jv_number(*x), "y", jv_number(*y), NULL), value, ok;
		const char *cover;

		value = ask(s, f->outer, "offset", json_obj("objectId", jv_string(f->owner), NULL), at, true, deadline, why);
		if (!json_ok(value))
			return -1;
		ok = judged(s, json_get(value, "value"), why);
		jv_free(value);
		if (!json_ok(ok))
			return -1;
		*x += json_num(ok, "x", 0);
		*y += json_num(ok, "y", 0);
		cover = json_str(ok, "cover", NULL);
		if (cover)
			fail_set(why, "no_match", "the frame is covered by %.100s", cover);
		jv_free(ok);
		if (cover)
			return -1;
	}
	return 0;
}

static jv mouse(const char *type, double x, double y, int clicks)
{
	jv params = json_obj("type", jv_string(type), "x", jv_number(x), "y", jv_number(y), NULL);

	return clicks ? json_set(json_set_str(params, "button", "left"), "clickCount", jv_number(clicks)) : params;
}

/* An operation that changes a field by itself: the page's scripts may send something at that. */
static jv ask_acting(struct scene *s, const char *op, const char *selector, jv arg, int64_t deadline, struct fail *why)
{
	jv got = scene_ask(s, op, selector, arg, deadline, why);

	if (json_ok(got) || strcmp(why->code, "timeout") == 0 || strcmp(why->code, "unreachable") == 0)
		acted(s);
	return got;
}

/* Clicks at AT's x and y, of the present frame. */
static int click_at(struct scene *s, jv at, int64_t deadline, struct fail *why)
{
	double x = json_num(at, "x", 0), y = json_num(at, "y", 0);

	if (to_tab(s, &x, &y, deadline, why))
		return -1;
	acted(s);
	/* in one go: a move that is waited for waits for the next frame of the screen */
	devtools_queue(s->tab->link, s->tab->session, "Input.dispatchMouseEvent", mouse("mouseMoved", x, y, 0));
	devtools_queue(s->tab->link, s->tab->session, "Input.dispatchMouseEvent", mouse("mousePressed", x, y, 1));
	return done(tab_call(s->tab, "Input.dispatchMouseEvent", mouse("mouseReleased", x, y, 1), deadline, why));
}

int scene_click(struct scene *s, const char *selector, jv options, int64_t deadline, struct fail *why)
{
	jv at = scene_ask(s, "point", selector, argument(options), deadline, why);
	int r = json_ok(at) ? click_at(s, at, deadline, why) : -1;

	jv_free(at);
	return r;
}

static const struct key {
	const char *name, *text;
	int code;
} keys[] = {
	{"Enter", "\r", 13},	 {"Tab", NULL, 9},	  {"Escape", NULL, 27},	   {"Backspace", NULL, 8}, {"Delete", NULL, 46},
	{"ArrowDown", NULL, 40}, {"ArrowUp", NULL, 38},	  {"ArrowLeft", NULL, 37}, {"ArrowRight", NULL, 39}, {"Home", NULL, 36},
	{"End", NULL, 35},	 {"PageDown", NULL, 34}, {"PageUp", NULL, 33},	   {"Space", " ", 32},
};

static int key_event(struct scene *s, const struct key *k, bool down, int64_t deadline, struct fail *why)
{
	const char *name = strcmp(k->name, "Space") == 0 ? " " : k->name;
	jv params = json_obj("type", jv_string(!down ? "keyUp" : k->text ? "keyDown" : "rawKeyDown"), "key", jv_string(name), "code",
			     jv_string(k->name), "windowsVirtualKeyCode", jv_number(k->code), NULL);

	if (down && k->text)
		params = json_set_str(params, "text", k->text);
	return done(tab_call(s->tab, "Input.dispatchKeyEvent", params, deadline, why));
}

static int type_text(struct scene *s, const char *text, int64_t deadline, struct fail *why)
{
	acted(s);
	return done(tab_call(s->tab, "Input.insertText", json_obj("text", jv_string(text), NULL), deadline, why));
}

static int press(struct scene *s, const char *name, int64_t deadline, struct fail *why)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i].name, name) == 0) {
			acted(s);
			return key_event(s, &keys[i], true, deadline, why) || key_event(s, &keys[i], false, deadline, why) ? -1 : 0;
		}
	/* one character, as it is written */
	if (*name && ((unsigned char)*name < 0x80 ? !name[1] : strlen(name) <= 4))
		return type_text(s, name, deadline, why);
	return fail_set(why, "usage", "press: no key is called '%.40s'", name);
}

int scene_press(struct scene *s, const char *selector, const char *key, jv options, int64_t deadline, struct fail *why)
{
	if (selector && done(scene_ask(s, "focus", selector, argument(options), deadline, why)))
		return -1;
	return press(s, key, deadline, why);
}

/* ---- fields ---- */

/* Masks may add what is no letter or digit; anything else that the field made of the value is an error. */
static int judge_typed(jv got, const char *selector, struct fail *why)
{
	bool same = json_bool(got, "same", false), ok = json_ok(got);

	jv_free(got);
	if (!ok || same)
		return ok ? 0 : -1;
	return fail_set(why, "no_match", "%.200s: the field did not take the value as it was given", selector);
}

/* A field that the page's side left to us, focused and selected: GOT (consumed) is what `edit` said. */
static int fill_rest(struct scene *s, jv got, const char *selector, const char *value, jv options, int64_t deadline, struct fail *why)
{
	bool whole = json_bool(got, "done", false), empty = json_bool(got, "empty", false);
	int r = 0;

	if (!json_ok(got) || whole)
		return judge_typed(got, selector, why);
	jv_free(got);
	if (*value)
		r = type_text(s, value, deadline, why);
	else if (!empty)
		r = press(s, "Delete", deadline, why);
	return r ? -1 : judge_typed(scene_ask(s, "typed", selector, json_set_str(argument(options), "value", value), deadline, why), selector, why);
}

int scene_fill(struct scene *s, const char *selector, const char *value, jv options, int64_t deadline, struct fail *why)
{
	jv got = ask_acting(s, "edit", selector, json_set_str(argument(options), "value", value), deadline, why);

	return fill_rest(s, got, selector, value, options, deadline, why);
}

int scene_fill_all(struct scene *s, jv fields, int64_t deadline, struct fail *why)
{
	int n = (int)json_len(fields), r = 0;

	for (int at = 0; !r && at < n; at++) {
		jv left = json_obj("fields", jv_array_slice(jv_copy(fields), at, n), NULL), field, selector, value;
		jv got = ask_acting(s, "edits", NULL, left, deadline, why);

		at += (int)json_int(got, "at", 0);
		field = json_at(fields, at);
		selector = json_at(field, 0);
		value = json_at(field, 1);
		r = fill_rest(s, got, json_string(selector, ""), json_string(value, ""), jv_null(), deadline, why);
		jv_free(value);
		jv_free(selector);
		jv_free(field);
	}
	return r;
}

int scene_choose(struct scene *s, const char *selector, const char *option, jv options, int64_t deadline, struct fail *why)
{
	jv arg = json_set_str(argument(options), "option", option), got = ask_acting(s, "choose", selector, arg, deadline, why), at;
	int r = json_ok(got) ? 0 : -1;

	if (!r && !json_bool(got, "done", false)) {
		if (!json_bool(got, "open", false))
			r = click_at(s, got, deadline, why);
		at = r ? jv_invalid() : scene_ask(s, "option", selector, json_obj("option", jv_string(option), NULL), deadline, why);
		r = json_ok(at) ? click_at(s, at, deadline, why) : -1;
		jv_free(at);
	}
	jv_free(got);
	return r;
}

int scene_choose_all(struct scene *s, jv fields, int64_t deadline, struct fail *why)
{
	int r = 0;

	for (struct json_iter it = json_iter(fields); !r && json_next(&it);) {
		jv selector = json_at(it.value, 0), option = json_at(it.value, 1);

		r = scene_choose(s, json_string(selector, ""), json_string(option, ""), jv_null(), deadline, why);
		jv_free(selector);
		jv_free(option);
		if (r)
			json_iter_end(&it);
	}
	return r;
}

int scene_check(struct scene *s, const char *selector, bool on, jv options, int64_t deadline, struct fail *why)
{
	jv got = scene_ask(s, "check", selector, argument(options), deadline, why), after;
	int r = json_ok(got) ? 0 : -1;

	if (!r && json_bool(got, "on", false) != on) {
		r = click_at(s, got, deadline, why);
		after = r ? jv_invalid() : scene_ask(s, "checked", selector, jv_null(), deadline, why);
		r = json_ok(after) ? 0 : -1;
		if (!r && json_bool(after, "on", false) != on)
			r = fail_set(why, "no_match", "%.200s: it was clicked, and is still %s", selector, on ? "not checked" : "checked");
		jv_free(after);
	}
	jv_free(got);
	return r;
}

int scene_upload(struct scene *s, const char *selector, jv files, jv options, int64_t deadline, struct fail *why)
{
	jv arg = json_set(json_set(argument(options), "files", jv_copy(files)), "hidden", jv_true());

	return done(ask_acting(s, "upload", selector, arg, deadline, why));
}

/* ---- frames ---- */

/* The id of the frame that the element OBJECT holds. Caller frees; NULL with *why. */
static char *frame_of(struct scene *s, const char *object, int64_t deadline, struct fail *why)
{
	jv got = devtools_call(s->tab->link, session_of(s, s->frame), "DOM.describeNode", json_obj("objectId", jv_string(object), NULL),
			       deadline, why);
	jv node = json_get(got, "node");
	char *id = NULL;

	if (json_ok(got) && json_has(node, "frameId"))
		id = xstrdup(json_str(node, "frameId", ""));
	else if (json_ok(got))
		fail_set(why, "no_match", "the frame has no page yet");
	jv_free(node);
	jv_free(got);
	return id;
}

int scene_enter(struct scene *s, const char *selector, jv options, int64_t deadline, struct fail *why)
{
	jv got = ask(s, s->frame, "frame", value_argument(jv_string(selector)), argument(options), false, deadline, why), said;
	const char *object = json_str(got, "objectId", NULL), *other;
	struct frame *f;
	char *id;

	if (!json_ok(got))
		return -1;
	if (strcmp(json_str(got, "subtype", ""), "node") != 0) { /* {code, why}, by reference: asked once more by value */
		jv_free(got);
		said = scene_ask(s, "frame", selector, argument(options), clock_mono(), why);
		jv_free(said);
		return -1;
	}
	id = frame_of(s, object, deadline, why);
	if (id) {
		f = xcalloc(1, sizeof *f);
		other = json_str(s->tab->frames, id, NULL);
		f->id = id;
		f->session = xstrdup(other ? other : session_of(s, s->frame));
		f->owner = xstrdup(object);
		f->outer = s->frame;
		s->frame = f;
	}
	jv_free(got);
	return id ? 0 : -1;
}

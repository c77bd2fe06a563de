/* A path is known by what has happened on it. All that can have happened before a step is a set of such
 * states, a bit each; a step maps the set, branches join, loops go on until nothing is new. */
#include "site/lintflow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const char *const flow_names[] = {"login", "alive", "check", "book", "verify", "cancel", NULL};

bool flow_public(const char *name)
{
	for (const char *const *n = flow_names; *n; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return false;
}

#define DEPTH_MAX 16      /* of `use`, as when the flow runs */
#define STEPS_MAX 20000   /* looked at in one flow: who uses twice what uses twice … ends here */

typedef uint64_t set;

struct state {
	int commits; /* 0, 1, 2: more */
	int seen;    /* the identity was read; in `verify`: a booking was named */
	int proved;  /* something has shown that the page is the one we think it is */
	int mark;    /* 0 none, 1 set, 2 and a request made since */
};
#define STATES 36

static set bit_of(struct state s)
{
	return (set)1 << (s.commits + 3 * (s.seen + 2 * (s.proved + 2 * s.mark)));
}

static struct state state_of(int bit)
{
	return (struct state){bit % 3, bit / 3 % 2, bit / 6 % 2, bit / 12};
}

#define EACH_STATE(in, s) \
	for (int b_ = 0; b_ < STATES; b_++) \
		for (struct state s = state_of(b_), *once_ = &s; once_ && (in) >> b_ & 1; once_ = NULL)

struct path {
	struct mistakes *m;
	jv flows;
	const char *root;   /* the public flow that is walked */
	const char *stack[DEPTH_MAX + 1];
	int depth;
	int steps;
	int loops;
	bool region;        /* the page now is only a part of one */
	bool otp;           /* some path has read a code */
	char *mark_at;      /* the last `mark` */
};

static bool in(const struct path *p, const char *flow)
{
	return strcmp(p->root, flow) == 0;
}

static set walk(struct path *p, jv steps, const char *at, set before);

/* --- steps --- */

static set after_request(struct path *p, jv step, const char *at, set before)
{
	set after = 0;
	bool commit = json_bool(step, "commit", false);
	char *key = pointer_down(at, "commit");

	p->region = json_has(step, "region");
	if (p->region && !in(p, "check"))
		mistake_at(p->m, at, "'region' is for 'check' only");
	if (commit && !in(p, "book") && !in(p, "cancel"))
		mistake_key(p->m, key, "'commit' is for 'book' and 'cancel' only, and this runs in '%s'", p->root);
	else if (commit && p->loops)
		mistake_key(p->m, key, "a commit in a loop could be sent twice");
	EACH_STATE(before, s) {
		if (commit && s.commits && !p->loops)
			mistake_key(p->m, key, "a second commit on one path");
		if (commit && in(p, "book") && !s.seen)
			mistake_key(p->m, key, "an 'identity' must come before the commit, on every path");
		if (commit && s.commits < 2)
			s.commits++;
		if (s.mark)
			s.mark = 2;
		s.proved = 0;
		after |= bit_of(s);
	}
	free(key);
	return after;
}

static set proved(set before)
{
	set after = 0;

	EACH_STATE(before, s) {
		s.proved = 1;
		after |= bit_of(s);
	}
	return after;
}

static set seen(set before)
{
	set after = 0;

	EACH_STATE(before, s) {
		s.seen = 1;
		after |= bit_of(s);
	}
	return after;
}

/* A `let` that takes something from the page that must be there proves the page as an `expect` does. */
static bool let_proves(jv step)
{
	jv names = json_get(step, "let");
	bool yes = false;

	for (struct json_iter it = json_iter(names); json_next(&it);)
		yes |= json_has(it.value, "embed") ||
		       ((json_has(it.value, "css") || json_has(it.value, "xpath")) && !json_bool(it.value, "optional", false));
	jv_free(names);
	return yes;
}

static set do_mark(struct path *p, const char *at, set before)
{
	set after = 0;

	free(p->mark_at);
	p->mark_at = xstrdup(at);
	EACH_STATE(before, s) {
		s.mark = 1;
		after |= bit_of(s);
	}
	return after;
}

static set do_otp(struct path *p, const char *at, set before)
{
	set after = 0;

	p->otp = true;
	EACH_STATE(before, s) {
		if (s.mark == 0)
			mistake_at(p->m, at, "'otp' without a 'mark: inbox' before it: an old code could be taken");
		else if (s.mark == 1)
			mistake_at(p->m, at, "nothing between 'mark' and 'otp' asks for a code");
		s.mark = 0;
		after |= bit_of(s);
	}
	return after;
}

static set do_slots(struct path *p, const char *at, set before)
{
	if (!in(p, "check"))
		mistake_at(p->m, at, "'slots' is for 'check' only, and this runs in '%s'", p->root);
	EACH_STATE(before, s)
		if (in(p, "check") && !s.proved)
			mistake_at(p->m, at, "nothing proves the page that these slots are read from: put an 'expect' after the request");
	return before;
}

static set do_for(struct path *p, jv step, const char *at, set before)
{
	jv body = json_get(step, "do");
	char *down = pointer_down(at, "do");
	set reached = before, next;

	p->loops++;
	while ((next = reached | walk(p, body, down, reached)) != reached)
		reached = next;
	p->loops--;
	free(down);
	jv_free(body);
	return reached;
}

static set branch(struct path *p, jv step, const char *key, const char *at, set before)
{
	jv steps = json_get(step, key);
	char *down = pointer_down(at, key);
	bool region = p->region;
	set after = json_is(steps, JV_KIND_ARRAY) ? walk(p, steps, down, before) : before;

	p->region |= region;
	free(down);
	jv_free(steps);
	return after;
}

static set do_if(struct path *p, jv step, const char *at, set before)
{
	jv cond = json_get(step, "if");
	bool shows = !json_is(cond, JV_KIND_STRING); /* a condition that holds is as good as an expect */
	set then = branch(p, step, "then", at, shows ? proved(before) : before);
	set other = branch(p, step, "else", at, before);

	jv_free(cond);
	return then | other;
}

static set do_use(struct path *p, jv step, const char *at, set before)
{
	const char *name = json_str(step, "use", "");
	jv steps;
	char *where;
	set after;

	for (int i = 0; i < p->depth; i++)
		if (strcmp(p->stack[i], name) == 0) {
			mistake_at(p->m, at, "'%s' uses itself%s", name, i + 1 == p->depth ? "" : ", through others");
			return before;
		}
	steps = json_get(p->flows, name);
	if (p->depth > DEPTH_MAX || p->steps > STEPS_MAX)
		mistake_at(p->m, at, p->steps > STEPS_MAX ? "'%s' runs too many steps" : "'%s' is used too deep", name);
	if (!json_is(steps, JV_KIND_ARRAY) || flow_public(name) || p->depth > DEPTH_MAX || p->steps > STEPS_MAX) {
		jv_free(steps);
		return before; /* that it is no private flow is said where values are checked */
	}
	where = pointer_down("/flows", name);
	p->stack[p->depth++] = name;
	after = walk(p, steps, where, before);
	p->depth--;
	free(where);
	jv_free(steps);
	return after;
}

static set do_identity(struct path *p, const char *at, set before)
{
	if (!in(p, "book"))
		mistake_at(p->m, at, "'identity' is for 'book' only, and this runs in '%s'", p->root);
	return seen(before);
}

static set do_booking(struct path *p, const char *at, set before)
{
	if (!in(p, "book") && !in(p, "verify"))
		mistake_at(p->m, at, "'booking' is for 'book' and 'verify' only, and this runs in '%s'", p->root);
	return in(p, "verify") ? seen(before) : before;
}

/* A look that the part of a page which was fetched can't answer, or that would be answered from memory
 * though it may have changed. */
static void check_region(struct path *p, jv v, const char *at)
{
	if (json_is(v, JV_KIND_STRING)) {
		const char *text = json_string(v, "");

		if (strstr(text, "${") && (strstr(text, ".page.json") || strstr(text, ".page.headers")))
			mistake_at(p->m, at, "this looks outside the region: .page.json and .page.headers are not compared with the last check's");
		return;
	}
	for (struct json_iter it = json_iter(v); json_next(&it);) {
		char *down = it.key ? pointer_down(at, it.key) : pointer_item(at, it.index);

		if (it.key && strcmp(it.key, "header") == 0)
			mistake_key(p->m, down, "this looks outside the region: headers are not compared with the last check's");
		else if (it.key && (strcmp(it.key, "do") == 0 || strcmp(it.key, "then") == 0 || strcmp(it.key, "else") == 0))
			; /* steps, walked on their own */
		else
			check_region(p, it.value, down);
		free(down);
	}
}

static bool is_request(jv step)
{
	return json_has(step, "get") || json_has(step, "post") || json_has(step, "submit") || json_has(step, "click");
}

static set one(struct path *p, jv step, const char *at, set before)
{
	if (p->region && (json_has(step, "submit") || json_has(step, "click")))
		mistake_at(p->m, at, "this looks outside the region: a form is not read from a part of a page");
	else if (p->region && !is_request(step))
		check_region(p, step, at);
	if (is_request(step))
		return after_request(p, step, at, before);
	if (json_has(step, "expect") || json_has(step, "wait"))
		return proved(before);
	if (json_has(step, "let"))
		return let_proves(step) ? proved(before) : before;
	if (json_has(step, "slots"))
		return do_slots(p, at, before);
	if (json_has(step, "for"))
		return do_for(p, step, at, before);
	if (json_has(step, "if"))
		return do_if(p, step, at, before);
	if (json_has(step, "use"))
		return do_use(p, step, at, before);
	if (json_has(step, "mark"))
		return do_mark(p, at, before);
	if (json_has(step, "otp"))
		return do_otp(p, at, before);
	if (json_has(step, "identity"))
		return do_identity(p, at, before);
	if (json_has(step, "booking"))
		return do_booking(p, at, before);
	return json_has(step, "end") ? 0 : before;
}

static set walk(struct path *p, jv steps, const char *at, set before)
{
	for (struct json_iter it = json_iter(steps); json_next(&it);) {
		char *down = pointer_item(at, it.index);

		p->steps++;
		if (!before) {
			mistake_at(p->m, down, "this step is never reached");
			json_iter_end(&it);
			free(down);
			break;
		}
		before = one(p, it.value, down, before);
		free(down);
	}
	return before;
}

/* --- the ends of flows --- */

static void check_end(struct path *p, const char *at, set after)
{
	EACH_STATE(after, s) {
		if ((in(p, "book") || in(p, "cancel")) && s.commits == 0)
			mistake_key(p->m, at, "a path through '%s' ends without its 'commit: true' (and without an 'end')", p->root);
		if (s.proved)
			continue;
		if (in(p, "check"))
			mistake_key(p->m, at, "a path through 'check' ends on a page that nothing has proved: \"no slots\" needs an 'expect' after the last request");
		else if (in(p, "verify") && !s.seen)
			mistake_key(p->m, at, "a path through 'verify' ends without a booking on a page that nothing has proved: absence needs an 'expect'");
		else if (in(p, "login") || in(p, "alive"))
			mistake_key(p->m, at, "a path through '%s' ends on a page that nothing has proved: put an 'expect' that only a login makes true", p->root);
	}
	if (p->mark_at && !p->otp)
		mistake_at(p->m, p->mark_at, "'mark' without an 'otp' after it");
}

static void walk_flow(struct mistakes *m, jv flows, const char *name)
{
	jv steps = json_get(flows, name);
	struct path p = {.m = m, .flows = flows, .root = name, .stack = {name}, .depth = 1};
	char *down = pointer_down("/flows", name), *at = xstrdup(down);

	if (json_has(steps, "steps")) { /* {transport, steps} */
		jv inner = json_get(steps, "steps");

		jv_free(steps);
		steps = inner;
		free(at);
		at = pointer_down(down, "steps");
	}
	if (json_is(steps, JV_KIND_ARRAY) && json_len(steps))
		check_end(&p, down, walk(&p, steps, at, bit_of((struct state){0})));
	free(p.mark_at);
	free(at);
	free(down);
	jv_free(steps);
}

void lint_flows(struct mistakes *m, jv flows)
{
	for (const char *const *name = flow_names; *name; name++)
		walk_flow(m, flows, *name);
	if (json_has(flows, "book") && !json_has(flows, "verify"))
		mistake_key(m, "/flows/book", "'book' needs a 'verify' that reads the booking back: without it nothing is ever proved");
	if (json_has(flows, "cancel") && !json_has(flows, "verify"))
		mistake_key(m, "/flows/cancel", "'cancel' needs a 'verify' that shows the booking gone");
}

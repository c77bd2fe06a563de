#include "demo/fault.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "demo/html.h"

typedef void act(struct httpd_reply *out, jv spec);
enum moment { ARRIVE, SITE, LEAVE };

struct fault {
	struct fault *next;
	int id;
	const struct kind *kind;
	jv spec;
	int64_t after, left; /* requests to let pass; hits to come, -1: no limit */
	int64_t hits;
	double probability;
};

struct faults {
	struct fault *first;
	int count;
	uint64_t seed, random;
	struct str took;
};

/* MORE is HTML, "" for none. */
static void page(struct httpd_reply *out, const char *title, const char *id, const char *text, const char *more)
{
	str_reset(&out->body);
	str_puts(&out->headers, "Content-Type: text/html; charset=utf-8\n");
	html_begin(&out->body, title, "", "");
	html_add(&out->body, "<main id=\"{}\">\n<h1>{}</h1>\n<p>{}</p>\n", id, title, text, NULL);
	str_puts(&out->body, more);
	str_puts(&out->body, "</main>\n");
	html_end(&out->body);
}

/* Retry-After in seconds, as given, or as a date that far ahead (RFC 9110 s.10.2.3). */
static void add_retry_after(struct httpd_reply *out, jv spec)
{
	double seconds = json_num(spec, "retry_after", -1);
	const char *text = json_str(spec, "retry_after", NULL);
	char when[64];
	time_t at;

	if (text) {
		str_addf(&out->headers, "Retry-After: %s\n", text);
	} else if (seconds >= 0 && json_bool(spec, "date", false)) {
		at = (time_t)(clock_wall() / 1000) + (time_t)seconds;
		strftime(when, sizeof when, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&at));
		str_addf(&out->headers, "Retry-After: %s\n", when);
	} else if (seconds >= 0) {
		str_addf(&out->headers, "Retry-After: %.0f\n", seconds);
	}
}

static void throttle(struct httpd_reply *out, jv spec)
{
	const char *text = json_str(spec, "text", "");

	out->status = (int)json_int(spec, "status", 429);
	if (*text) {
		str_puts(&out->headers, "Content-Type: text/plain; charset=utf-8\n");
		str_puts(&out->body, text);
	}
	add_retry_after(out, spec);
}

static void maintenance(struct httpd_reply *out, jv spec)
{
	page(out, "Maintenance", "maintenance", "The system is under maintenance. Please come back later.", "");
	out->status = (int)json_int(spec, "status", 200);
	add_retry_after(out, spec);
}

static void queue(struct httpd_reply *out, jv spec)
{
	page(out, json_str(spec, "title", "Waiting Room"), "waiting-room", "You are in the waiting room. This page will let you in when it is your turn.", "");
	str_addf(&out->headers, "Refresh: %d\n", (int)json_int(spec, "refresh", 5));
}

/* Who has solved it is let in: order it for a count, or end it when the person has. With person_ms one follows the link after that
 * time, in a browser. */
static void captcha(struct httpd_reply *out, jv spec)
{
	int64_t ms = json_int(spec, "person_ms", -1);
	struct str more = {0};

	str_puts(&more, "<p><a id=\"person\" href=\"\">That one</a></p>\n");
	if (ms >= 0)
		str_addf(&more, "<script>setTimeout(() => document.getElementById(\"person\").click(), %lld)</script>\n", (long long)ms);
	page(out, "One moment", "captcha", "Please show that you are a person: which of these pictures has a bridge?", str_text(&more));
	str_free(&more);
	out->status = (int)json_int(spec, "status", 200);
}

static void cut(struct httpd_reply *out, jv spec)
{
	out->ending = json_bool(spec, "quiet", false) ? HTTPD_CUT : HTTPD_RESET;
}

static void slow(struct httpd_reply *out, jv spec)
{
	out->delay += json_int(spec, "ms", 1000);
}

static void stall(struct httpd_reply *out, jv spec)
{
	(void)spec;
	out->ending = HTTPD_STALL;
}

static void huge(struct httpd_reply *out, jv spec)
{
	(void)spec;
	str_puts(&out->body, "<div class=\"filler\">lorem ipsum dolor sit amet</div>\n");
	out->ending = HTTPD_ENDLESS;
}

/* True at a quote that begins the name of an object's member. */
static bool member_begins(const char *p)
{
	size_t n = *p == '"' ? strcspn(p + 1, "\"") : 0;

	return n && p[n + 2] == ':';
}

/* The same page after a redesign: ids, classes, data attributes, what a script calls its variables and the members of
 * JSON have other names. */
static void changed(struct httpd_reply *out, jv spec)
{
	static const char *const marks[] = {" id=\"", " class=\"", " data-", " vars = "};
	struct str fresh = {0};
	const char *text = str_text(&out->body);
	bool html = *text == '<', json = *text == '{' || *text == '[';

	(void)spec;
	for (const char *p = text; *p; p++) {
		str_putc(&fresh, *p);
		for (size_t i = 0; html && i < sizeof marks / sizeof *marks; i++)
			if (str_starts(p, marks[i]))
				str_puts(&fresh, "v2-");
		if (json && member_begins(p))
			str_puts(&fresh, "v2-");
	}
	str_free(&out->body);
	out->body = fresh;
}

/* The page with bytes of another charset, cut off inside a tag. */
static void garbage(struct httpd_reply *out, jv spec)
{
	size_t half = out->body.len / 2;
	struct str mess = {0};

	(void)spec;
	str_puts(&mess, "\xff\xfe<div><b><table><p \x80\xc3");
	str_add(&mess, str_text(&out->body), half);
	str_puts(&mess, "<a href=\"/offi");
	str_free(&out->body);
	out->body = mess;
}

static const struct kind {
	const char *name;
	enum moment moment;
	act *act;
	const char *asks; /* an office that does not have it in its place, but asks for it */
} kinds[] = {
	{"throttle", ARRIVE, throttle, NULL},
	{"maintenance", ARRIVE, maintenance, "vfs"},
	{"queue", ARRIVE, queue, NULL},
	{"captcha", ARRIVE, captcha, "vfs"},
	{"reset", ARRIVE, cut, NULL},
	{"expire", SITE, NULL, NULL},
	{"bad-token", SITE, NULL, NULL},
	{"stale-code", SITE, NULL, NULL},
	{"two-codes", SITE, NULL, NULL},
	{"late-code", SITE, NULL, NULL},
	{"image-code", SITE, NULL, NULL},
	{"taken", SITE, NULL, NULL},
	{"double", SITE, NULL, NULL},
	{"lost-answer", SITE, NULL, NULL},
	{"changed", LEAVE, changed, NULL},
	{"garbage", LEAVE, garbage, NULL},
	{"huge", LEAVE, huge, NULL},
	{"slow", LEAVE, slow, NULL},
	{"stall", LEAVE, stall, NULL},
};
#define KINDS (sizeof kinds / sizeof *kinds)

struct faults *faults_new(uint64_t seed)
{
	struct faults *f = xcalloc(1, sizeof *f);

	f->seed = f->random = seed;
	return f;
}

void faults_clear(struct faults *f)
{
	for (struct fault *one; (one = f->first);) {
		f->first = one->next;
		jv_free(one->spec);
		free(one);
	}
	f->random = f->seed;
}

void faults_free(struct faults *f)
{
	if (!f)
		return;
	faults_clear(f);
	str_free(&f->took);
	free(f);
}

int faults_add(struct faults *f, jv spec, struct err *e)
{
	const char *name = json_str(spec, "fault", "");
	struct fault *one, **end;
	struct str known = {0};

	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name)) {
			str_addf(&known, " %s", kinds[i].name);
			continue;
		}
		str_free(&known);
		one = xcalloc(1, sizeof *one);
		*one = (struct fault){.id = ++f->count, .kind = &kinds[i], .spec = jv_copy(spec), .after = json_int(spec, "after", 0),
				      .left = json_int(spec, "count", -1), .probability = json_num(spec, "probability", 1)};
		for (end = &f->first; *end; end = &(*end)->next)
			;
		*end = one;
		return one->id;
	}
	err_set(e, EX_DATAERR, "fault: '%.40s' is none of%s", name, str_text(&known));
	str_free(&known);
	return -1;
}

jv faults_list(const struct faults *f)
{
	jv list = jv_array();

	for (const struct fault *one = f->first; one; one = one->next) {
		jv v = json_set(jv_copy(one->spec), "id", jv_number(one->id));

		v = json_set(v, "hits", jv_number((double)one->hits));
		list = json_push(list, json_set(v, "left", one->left < 0 ? jv_null() : jv_number((double)one->left)));
	}
	return list;
}

static double chance(struct faults *f)
{
	f->random = f->random * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX generator */
	return (double)(f->random >> 11) / 9007199254740992.0;
}

/* Whether ONE is to happen at AT; if so, or if it lets this request pass, that is counted. */
static bool falls(struct faults *f, struct fault *one, const struct fault_where *at)
{
	const char *office = json_str(one->spec, "office", at->office);

	if (!one->left || strcmp(office, at->office) || strcmp(json_str(one->spec, "method", at->method), at->method) ||
	    !str_glob(json_str(one->spec, "path", "*"), at->path))
		return false;
	if (one->after > 0) {
		one->after--;
		return false;
	}
	if (one->probability < 1 && chance(f) >= one->probability)
		return false;
	one->hits++;
	if (one->left > 0)
		one->left--;
	str_addf(&f->took, "%s%s", f->took.len ? "," : "", one->kind->name);
	return true;
}

static enum moment moment_of(const struct fault *f, const struct fault_where *at)
{
	return f->kind->asks && strcmp(f->kind->asks, at->office) == 0 ? SITE : f->kind->moment;
}

bool fault_hits(struct faults *f, const char *name, const struct fault_where *at, jv *spec)
{
	if (spec)
		*spec = jv_null();
	for (struct fault *one = f->first; one; one = one->next)
		if (moment_of(one, at) == SITE && strcmp(one->kind->name, name) == 0 && falls(f, one, at)) {
			if (spec)
				*spec = jv_copy(one->spec);
			return true;
		}
	return false;
}

bool faults_arrive(struct faults *f, const struct fault_where *at, struct httpd_reply *out)
{
	for (struct fault *one = f->first; one; one = one->next)
		if (moment_of(one, at) == ARRIVE && falls(f, one, at)) {
			one->kind->act(out, one->spec);
			return true;
		}
	return false;
}

void faults_leave(struct faults *f, const struct fault_where *at, struct httpd_reply *out)
{
	for (struct fault *one = f->first; one; one = one->next)
		if (one->kind->moment == LEAVE && falls(f, one, at))
			one->kind->act(out, one->spec);
}

void faults_took(struct faults *f, struct str *names)
{
	str_puts(names, str_text(&f->took));
	str_reset(&f->took);
}

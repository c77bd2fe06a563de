/* ab-fill: a form and a profile in, the filled fields out.
 *
 * Reads no HTML itself: a page agent of its own does (or the session's), so that hostile markup is never parsed
 * where a profile is held. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/opt.h"
#include "base/sandbox.h"
#include "fill.h"
#include "store/keys.h"
#include "store/vault.h"
#include "wire/launch.h"
#include "wire/pagelink.h"

#define HTML_MAX (4u << 20)
#define PROFILE_MAX (1u << 20)
#define TIMEOUT 30000

static const char *profile_file, *html_file, *format = "ndjson", *selector = "form", *session;

static const struct opt opts[] = {
	{'p', "profile", "FILE", "the profile, as JSON (otherwise the session's own)", &profile_file, NULL, NULL},
	{'s', "session", "NAME", "the session whose profile and page these are", &session, NULL, NULL},
	{0, "html", "FILE", "the form, as HTML; - is stdin (the default without a session)", &html_file, NULL, NULL},
	{'f', "form", "SELECTOR", "which form of the page (CSS, or xpath:…); default: form", &selector, NULL, NULL},
	{0, "format", "FORMAT", "ndjson, json or urlencoded", &format, NULL, NULL},
	{0},
};

static const struct opt_spec spec = {
	.program = "ab-fill",
	.synopsis = "[-p FILE] [-s SESSION] [--html FILE] [-f SELECTOR] [--format FORMAT]",
	.about = "Fills a form's fields from a profile.",
	.opts = opts,
};

/* ---- what goes in ---- */

static void read_file(const char *file, size_t max, struct str *out)
{
	bool standard = strcmp(file, "-") == 0;
	struct err e;
	int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(EX_NOINPUT, "open %s:", file);
	if (fs_read_fd(fd, standard ? "standard input" : file, max, out, &e))
		die_err(&e);
	if (!standard)
		close(fd);
}

/* The person's fields: a profile by itself, or a record that has one. */
static jv read_profile(void)
{
	struct str text;
	struct err e;
	jv v, inner;

	if (profile_file) {
		read_file(profile_file, PROFILE_MAX, &text);
		v = json_parse(str_text(&text), text.len, &e);
		str_free(&text);
		if (!json_ok(v))
			err_wrap(&e, "%s", profile_file);
	} else {
		v = part_read(session, PART_PROFILE, &e);
	}
	if (!json_ok(v))
		die_err(&e);
	inner = json_get(v, "profile");
	if (json_is(inner, JV_KIND_OBJECT)) {
		jv_free(v);
		return inner;
	}
	jv_free(inner);
	if (!json_is(v, JV_KIND_OBJECT))
		die(EX_DATAERR, "the profile is no object");
	return v;
}

/* One command to the page; dies with the page's own words. */
static jv ask(struct page *p, jv command_taken)
{
	struct err e;
	jv answer = page_call(p, command_taken, TIMEOUT, &e), error;
	const char *code;

	if (!json_ok(answer))
		die_err(&e);
	if (json_bool(answer, "ok", false))
		return answer;
	error = json_get(answer, "error");
	code = json_str(error, "code", "");
	die(strcmp(code, "busy") == 0	     ? EX_TEMPFAIL
	    : strcmp(code, "no_page") == 0   ? EX_UNAVAILABLE
	    : strcmp(code, "selector") == 0  ? EX_USAGE
					     : EX_DATAERR,
	    "%s", json_str(error, "message", "?"));
}

static jv simple(const char *verb)
{
	return json_obj("do", jv_string(verb), NULL);
}

/* The form as the page describes it. HTML NULL: the page is the session's. */
static jv read_form(const struct str *html)
{
	struct err e;
	struct page *p = html ? page_private("http", NULL, &e) : page_join(session, &e);
	jv answer, form;

	if (!p)
		die_err(&e);
	jv_free(ask(p, json_set_str(json_set_str(simple("begin"), "program", "ab-fill"), "session", session ? session : "")));
	if (html)
		jv_free(ask(p, json_set(simple("load"), "html", jv_string_sized(str_text(html), (int)html->len))));
	answer = ask(p, json_set_str(simple("form"), "form", selector));
	jv_free(ask(p, simple("end")));
	page_close(p);
	form = json_get(answer, "form");
	jv_free(answer);
	return form;
}

/* ---- filling ---- */

/* Radio buttons of one name as one field with options. */
static jv with_radios(jv fields)
{
	jv out = jv_array(), groups = jv_object();

	for (struct json_iter it = json_iter(fields); json_next(&it);) {
		const char *name = json_str(it.value, "name", "");
		jv group, options;

		if (strcmp(json_str(it.value, "type", ""), "radio") != 0) {
			out = json_push(out, jv_copy(it.value));
			continue;
		}
		group = json_get(groups, name);
		if (json_is(group, JV_KIND_NULL)) {
			jv_free(group);
			out = json_push(out, json_obj("radio", jv_string(name), NULL));
			group = json_set_str(jv_copy(it.value), "value", "");
			group = json_set(json_set_str(group, "label", json_str(group, "legend", "")), "options", jv_array());
			group = json_set(group, "disabled", jv_false());
		}
		if (json_bool(it.value, "required", false))
			group = json_set(group, "required", jv_true());
		if (json_bool(it.value, "checked", false))
			group = json_set(group, "value", json_get(it.value, "value"));
		options = json_push(json_get(group, "options"),
				    json_obj("value", json_get(it.value, "value"), "text", json_get(it.value, "label"), "disabled",
					     json_get(it.value, "disabled"), NULL));
		groups = json_set(groups, name, json_set(group, "options", options));
	}
	jv_free(fields);
	fields = jv_array();
	for (struct json_iter it = json_iter(out); json_next(&it);)
		fields = json_push(fields, json_has(it.value, "radio") ? json_get(groups, json_str(it.value, "radio", "")) : jv_copy(it.value));
	jv_free(out);
	jv_free(groups);
	return fields;
}

static bool is_type(jv field, const char *list)
{
	char *padded = xasprintf(" %s ", json_str(field, "type", ""));
	bool found = strstr(list, padded);

	free(padded);
	return found;
}

/* A field called just "name" is the family name where another asks for the first name, else the whole. */
static const struct concept *settle_name(const struct concept *c, jv fields)
{
	bool first = false, last = false;

	if (!c || c->kind != ANY_NAME)
		return c;
	for (struct json_iter it = json_iter(fields); json_next(&it);) {
		const struct concept *other = fill_concept(it.value);

		first |= other && other == fill_concept_of("first_name");
		last |= other && other == fill_concept_of("family_name");
	}
	return fill_concept_of(first && !last ? "family_name" : "full_name");
}

/* A checkbox is a promise: it is ticked only by a profile key of its own name that says so. */
static jv tick(jv field, jv profile, char **from, const char **why)
{
	jv value = fill_value(field, NULL, profile, from, why);
	const char *text = json_string(value, "");
	bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "on") == 0 || strcmp(text, "1") == 0 ||
		   strcmp(text, json_str(field, "value", "on")) == 0;

	jv_free(value);
	*why = "a person must tick it";
	return yes ? json_get(field, "value") : jv_null();
}

static jv one_value(jv field, jv fields, jv profile, char **from, const char **why)
{
	*from = NULL;
	if (is_type(field, " password file ")) {
		*why = "not from a profile";
		return jv_null();
	}
	if (is_type(field, " checkbox "))
		return tick(field, profile, from, why);
	return fill_value(field, settle_name(fill_concept(field), fields), profile, from, why);
}

/* True when FIELD may stay as it is. */
static bool may_stay(jv field)
{
	const char *label = json_str(field, "label", "");
	bool required = json_bool(field, "required", false) || (*label && strchr(label, '*'));

	if (!required)
		return true;
	return is_type(field, " checkbox ") ? json_bool(field, "checked", false) : *json_str(field, "value", "") != '\0';
}

static void complain(jv field, const char *why)
{
	const char *label = json_str(field, "label", "");

	warn("required field '%s'%s%.60s%s: %s", json_str(field, "name", ""), *label ? " (" : "", label, *label ? ")" : "", why);
}

/* The filled fields, in the form's order, as {"name","value","from"}; *LACKING counts what could not be. */
static jv fill(jv form, jv profile, int *lacking)
{
	jv fields = with_radios(json_get(form, "fields")), out = jv_array(), seen = jv_object();

	for (struct json_iter it = json_iter(fields); json_next(&it);) {
		const char *name = json_str(it.value, "name", ""), *why = "";
		char *from;
		jv value;

		if (!*name || json_has(seen, name) || json_bool(it.value, "disabled", false) || json_bool(it.value, "readonly", false) ||
		    is_type(it.value, " hidden "))
			continue;
		value = one_value(it.value, fields, profile, &from, &why);
		if (json_is(value, JV_KIND_NULL)) {
			if (!may_stay(it.value)) {
				complain(it.value, why);
				++*lacking;
			}
		} else {
			out = json_push(out, json_obj("name", jv_string(name), "value", jv_copy(value), "from",
						      jv_string(from ? from : ""), NULL));
			seen = json_set(seen, name, jv_true());
		}
		jv_free(value);
		free(from);
	}
	jv_free(fields);
	jv_free(seen);
	return out;
}

/* ---- what comes out ---- */

static void add_pair(struct str *b, const char *name, const char *value)
{
	char *n = url_escape(name, strlen(name)), *v = url_escape(value, strlen(value));

	str_addf(b, "%s%s=%s", b->len ? "&" : "", n, v);
	free(n);
	free(v);
}

static void say(jv filled)
{
	struct str b = {0};
	jv object = jv_object();

	for (struct json_iter it = json_iter(filled); json_next(&it);) {
		if (strcmp(format, "urlencoded") == 0) {
			add_pair(&b, json_str(it.value, "name", ""), json_str(it.value, "value", ""));
		} else if (strcmp(format, "json") == 0) {
			object = json_set(object, json_str(it.value, "name", ""), json_get(it.value, "value"));
		} else {
			json_add_text(&b, it.value);
			str_putc(&b, '\n');
		}
	}
	if (strcmp(format, "json") == 0)
		json_add_text(&b, object);
	if (strcmp(format, "ndjson") != 0)
		str_putc(&b, '\n');
	if (fs_write_all(STDOUT_FILENO, str_text(&b), b.len))
		die(EX_IOERR, "write standard output:");
	str_free(&b);
	jv_free(object);
}

static void check_options(void)
{
	if (strcmp(format, "ndjson") != 0 && strcmp(format, "json") != 0 && strcmp(format, "urlencoded") != 0)
		opt_usage("--format is ndjson, json or urlencoded, not '%s'", format);
	if (!profile_file && !session)
		opt_usage("whose profile? give --profile or --session");
	if (session && !name_valid(session))
		opt_usage("'%s' is no session name", session);
	if (!session && !html_file)
		html_file = "-";
	if (html_file && profile_file && strcmp(html_file, "-") == 0 && strcmp(profile_file, "-") == 0)
		opt_usage("the form and the profile can't both be standard input");
}

int main(int argc, char **argv)
{
	struct str html = {0};
	jv form, profile, filled;
	struct err e;
	int lacking = 0;

	sandbox_private();
	opt_parse(argc, argv, &spec);
	check_options();
	if (!profile_file && keys_need(argv, session, PART_BIT(PART_PROFILE), &e))
		die_err(&e);
	keys_keep(profile_file ? 0 : PART_BIT(PART_PROFILE));
	if (launch_init(&e) || sandbox_no_network(&e))
		die_err(&e);
	if (html_file)
		read_file(html_file, HTML_MAX, &html);
	form = read_form(html_file ? &html : NULL);
	profile = read_profile();
	filled = fill(form, profile, &lacking);
	say(filled);
	jv_free(filled);
	jv_free(profile);
	jv_free(form);
	str_free(&html);
	return lacking ? EX_NO : 0;
}

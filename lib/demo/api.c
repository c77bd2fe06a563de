/* Like the scheduling services that a page of somebody else's embeds: the page's script holds a token, days
 * are told by naming those that are *not* free, a booking is answered with a hash and can be asked for by
 * it alone. There is no list of one's bookings: a lost answer is a lost hash. */
#include "demo/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "demo/html.h"

#define DAYS_MAX 200
#define HASH_LETTERS "0123456789abcdef"

static void message(struct visit *v, int status, const char *text)
{
	visit_json(v, status, json_obj("message", jv_string(text), NULL));
}

static void page_get(struct visit *v)
{
	jv vars = json_obj("token", jv_string(v->session.csrf), "zone", jv_string(v->world->zone),
			   "places", world_places(v->world, PRACTICE_API), "daysMax", jv_number(DAYS_MAX),
			   "loggedIn", v->session.stage == STAGE_IN ? jv_true() : jv_false(), NULL);
	struct str *b = &v->out->body;
	char *text;

	/* "</" would end the script */
	vars = json_set_str(vars, "user", v->session.stage == STAGE_IN ? v->session.account : NULL);
	text = json_text(vars);
	visit_header(v, "Content-Type", "text/html; charset=utf-8");
	visit_header(v, "Cache-Control", "no-store");
	str_puts(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Practice Scheduling</title>\n"
		    "<script>\n(function () {\n\tconst vars = ");
	for (const char *p = text; *p; p++)
		str_puts(b, p[0] == '<' ? "\\u003c" : (char[]){*p, '\0'});
	str_puts(b, ";\n\twindow.app = {vars: vars, texts: {taken: \"not available\", expired: \"session expired\"}};\n})();\n</script>\n"
		    "</head>\n<body>\n<main id=\"app\"><noscript>This page needs JavaScript.</noscript></main>\n"
		    "<footer><a href=\"/api/terms\">Terms</a></footer>\n</body>\n</html>\n");
	free(text);
	jv_free(vars);
}

static void terms_get(struct visit *v)
{
	visit_header(v, "Content-Type", "text/html; charset=utf-8");
	str_puts(&v->out->body, "<!DOCTYPE html>\n<title>Terms</title>\n<h1>Terms of use</h1>\n<p>Programs may be used that act for one "
				"person, slowly: no more than 80 requests in two minutes.</p>\n");
}

static void login_post(struct visit *v)
{
	const char *account = json_str(v->json, "email", "");

	switch (world_login(v->world, account, json_str(v->json, "password", ""))) {
	case LOGIN_LOCKED:
		message(v, 403, "account locked");
		break;
	case LOGIN_WRONG:
		message(v, 401, "invalid credentials");
		break;
	case LOGIN_OK:
		door_move(v->world, &v->session, STAGE_IN, account);
		visit_set_cookie(v, "api_sid", v->session.token, "Path=/api/; HttpOnly; SameSite=Lax");
		visit_json(v, 200, json_obj("user", jv_string(account), NULL));
	}
}

static void me_get(struct visit *v)
{
	visit_json(v, 200, json_obj("user", jv_string(v->session.account), NULL));
}

/* The days FROM to TO, dates, on which nothing is free. */
static jv closed_days(struct visit *v, const char *place, const char *from, const char *to)
{
	jv closed = jv_array(), slots = world_free(v->world, PRACTICE_API, place, from, to); /* in order of time */
	char day[CLOCK_TEXT];
	int64_t noon; /* 24 hours later it is the next day, also when the clocks change */
	int at = 0;

	for (zone_parse(v->world->zone, from, &noon), noon += 43200000;; noon += 86400000) {
		bool open = false;

		clock_format_in(v->world->zone, noon, day)[10] = '\0';
		if (strcmp(day, to) > 0)
			break;
		for (;; at++) {
			jv slot = json_at(slots, at);
			bool here = str_starts(json_str(slot, "start", ""), day);

			jv_free(slot);
			if (!here)
				break;
			open = true;
		}
		if (!open)
			closed = json_push(closed, jv_string(day));
	}
	jv_free(slots);
	return closed;
}

static void days_get(struct visit *v)
{
	char place[64] = "", from[16] = "", to[16] = "";
	int64_t first, last;

	visit_query(v, "place", place, sizeof place);
	visit_query(v, "from", from, sizeof from);
	visit_query(v, "to", to, sizeof to);
	if (!date_valid(from) || !date_valid(to) || zone_parse(v->world->zone, from, &first) || zone_parse(v->world->zone, to, &last) ||
	    last < first || last - first > (int64_t)DAYS_MAX * 86400000) {
		message(v, 400, "from and to are needed, 200 days apart at most");
		return;
	}
	visit_json(v, 200, json_obj("place", jv_string(place), "from", jv_string(from), "to", jv_string(to),
				    "closed", closed_days(v, place, from, to), NULL));
}

static void hours_get(struct visit *v)
{
	char place[64] = "", day[16] = "";
	jv slots, hours = jv_array();

	visit_query(v, "place", place, sizeof place);
	visit_query(v, "day", day, sizeof day);
	slots = world_free(v->world, PRACTICE_API, place, day, day);
	for (struct json_iter it = json_iter(slots); json_next(&it);)
		hours = json_push(hours, json_obj("id", json_get(it.value, "id"), "time", jv_string(json_str(it.value, "start", "0000-00-00T00:00") + 11),
						  "category", json_get(it.value, "category"), "free", json_get(it.value, "free"), NULL));
	visit_json(v, 200, json_obj("place", jv_string(place), "day", jv_string(day), "hours", hours, NULL));
	jv_free(slots);
}

static const char *missing(jv applicant)
{
	for (const char *const *p = (const char *const[]){"firstName", "lastName", "passportNumber", "birthDate", NULL}; *p; p++)
		if (!*json_str(applicant, *p, ""))
			return *p;
	return date_valid(json_str(applicant, "birthDate", "")) ? NULL : "birthDate";
}

static void booking_post(struct visit *v)
{
	const char *id = json_str(v->json, "slot", ""), *field;
	jv applicant = json_get(v->json, "applicant");
	char hash[REFERENCE_TEXT];

	if ((field = missing(applicant))) {
		visit_json(v, 422, json_obj("message", jv_string("missing"), "field", jv_string(field), NULL));
		jv_free(applicant);
		return;
	}
	if (fault_hits(v->faults, "taken", &v->at, NULL))
		world_take(v->world, PRACTICE_API, id);
	switch (world_book(v->world, PRACTICE_API, v->session.account, id, applicant, "", 32, HASH_LETTERS, hash)) {
	case BOOKED_ALREADY:
		message(v, 409, "already booked");
		break;
	case BOOKED_TAKEN:
		message(v, 500, "not available");
		break;
	case BOOKED:
		if (fault_hits(v->faults, "double", &v->at, NULL))
			world_double(v->world, PRACTICE_API, id);
		if (fault_hits(v->faults, "lost-answer", &v->at, NULL))
			v->out->ending = HTTPD_CUT;
		visit_json(v, 200, json_obj("hash", jv_string(hash), NULL));
	}
	jv_free(applicant);
}

/* The word after "/api/booking/", up to the next '/'. */
static char *hash_of(const struct visit *v)
{
	const char *at = v->path + strlen("/api/booking/");

	return xstrndup(at, strcspn(at, "/"));
}

static void booking_get(struct visit *v)
{
	char *hash = hash_of(v);
	jv b = world_booking(v->world, PRACTICE_API, v->session.account, hash);
	const char *start = json_str(b, "start", "");

	if (strlen(start) < 16)
		message(v, 404, "not found");
	else
		visit_json(v, 200,
			   json_obj("hash", jv_string(hash), "state", json_get(b, "state"), "slot", json_get(b, "slot"),
				    "place", json_get(b, "place"), "category", json_get(b, "category"),
				    "day", jv_string_sized(start, 10), "time", jv_string(start + 11),
				    "seats", json_get(b, "seats"), "people", json_get(b, "people"), NULL));
	free(hash);
	jv_free(b);
}

static void booking_cancel(struct visit *v)
{
	char *hash = hash_of(v);

	if (!world_cancel(v->world, PRACTICE_API, v->session.account, hash)) {
		message(v, 404, "not found");
	} else {
		if (fault_hits(v->faults, "lost-answer", &v->at, NULL))
			v->out->ending = HTTPD_CUT;
		visit_json(v, 200, json_obj("hash", jv_string(hash), "state", jv_string("cancelled"), NULL));
	}
	free(hash);
}

static const struct route {
	const char *method, *path; /* a glob */
	bool token;                /* X-Token must hold the page's token */
	enum stage stage;
	void (*answer)(struct visit *v);
} routes[] = {
	{"GET", "/api/", false, STAGE_GONE, page_get},
	{"GET", "/api/terms", false, STAGE_GONE, terms_get},
	{"POST", "/api/login", true, STAGE_VISITOR, login_post},
	{"GET", "/api/me", true, STAGE_IN, me_get},
	{"GET", "/api/days", true, STAGE_VISITOR, days_get},
	{"GET", "/api/hours", true, STAGE_VISITOR, hours_get},
	{"POST", "/api/booking", true, STAGE_IN, booking_post},
	{"POST", "/api/booking/*/cancel", true, STAGE_IN, booking_cancel},
	{"DELETE", "/api/booking/*", true, STAGE_IN, booking_cancel},
	{"GET", "/api/booking/*", true, STAGE_IN, booking_get},
};

static const struct route *find_route(const struct visit *v)
{
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (strcmp(routes[i].method, v->at.method) == 0 && str_glob(routes[i].path, v->path))
			return &routes[i];
	return NULL;
}

static void load_session(struct visit *v)
{
	char token[80];

	if (visit_cookie(v, "api_sid", token, sizeof token))
		v->session = door_find(v->world, PRACTICE_API, token, NULL, v->idle);
	v->came_as = v->session.id;
	if (v->session.stage == STAGE_IN && fault_hits(v->faults, "expire", &v->at, NULL))
		door_end(v->world, &v->session);
}

static bool token_holds(struct visit *v)
{
	const char *token = httpd_header(v->req, "X-Token");

	if (token && *v->session.csrf && strcmp(token, v->session.csrf) == 0 && !fault_hits(v->faults, "bad-token", &v->at, NULL))
		return true;
	if (v->session.id)
		door_end(v->world, &v->session);
	message(v, 401, "session expired");
	return false;
}

void api_visit(struct visit *v)
{
	const struct route *r = find_route(v);

	v->at.office = PRACTICE_API;
	if (!r) {
		message(v, 404, "not found");
		return;
	}
	load_session(v);
	if (r->token && !token_holds(v))
		return;
	if (v->session.stage < r->stage) {
		message(v, 401, "login required");
		return;
	}
	if (r->answer == page_get && !v->session.id) {
		v->session = door_new(v->world, PRACTICE_API);
		visit_set_cookie(v, "api_sid", v->session.token, "Path=/api/; HttpOnly; SameSite=Lax");
	}
	r->answer(v);
}

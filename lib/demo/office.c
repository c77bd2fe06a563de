/* What makes this office like real ones: errors come as 200 with a heading; whoever has no session gets the
 * login form under the address that was asked for; every form carries a token; two cookies must come back;
 * the booking form holds controls that must not be sent, and others that must. */
#include "demo/office.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "demo/codes.h"
#include "demo/html.h"

#define COOKIE "Path=/office/; HttpOnly; SameSite=Lax"
#define REFERENCE_LETTERS "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

static void begin(struct visit *v, const char *title, const char *id)
{
	bool in = v->session.stage == STAGE_IN;

	str_reset(&v->out->body);
	visit_header(v, "Content-Type", "text/html; charset=utf-8");
	visit_header(v, "Cache-Control", "no-store");
	html_begin(&v->out->body, title, in ? v->session.account : "", v->session.csrf);
	html_add(&v->out->body, "<main id=\"{}\">\n", id, NULL);
}

static void end(struct visit *v)
{
	str_puts(&v->out->body, "</main>\n");
	html_end(&v->out->body);
}

/* A page that says one thing: how this office tells its errors, with status 200. */
static void notice(struct visit *v, const char *title, const char *text)
{
	begin(v, title, "notice");
	html_add(&v->out->body,
		 "<section class=\"notice notice-error\" role=\"alert\">\n<h1>{}</h1>\n<p>{}</p>\n"
		 "<p><a href=\"/office/calendar\">Back to the calendar</a></p>\n</section>\n",
		 title, text, NULL);
	end(v);
}

static void send_cookies(struct visit *v)
{
	visit_set_cookie(v, "office_session", v->session.token, COOKIE);
	visit_set_cookie(v, "office_twin", v->session.twin, COOKIE);
}

static void token_field(struct visit *v)
{
	html_add(&v->out->body, "<input type=\"hidden\" name=\"_token\" value=\"{}\">\n", v->session.csrf, NULL);
}

static void error_line(struct visit *v, const char *error)
{
	if (error)
		html_add(&v->out->body, "<div class=\"notice notice-error\" role=\"alert\"><p id=\"form-error\">{}</p></div>\n", error, NULL);
}

/* Logging in */

static void login_page(struct visit *v, const char *error)
{
	if (!v->session.id) {
		v->session = door_new(v->world, PRACTICE);
		send_cookies(v);
	}
	begin(v, "Log in", "login");
	str_puts(&v->out->body, "<h1>Log in</h1>\n");
	error_line(v, error);
	str_puts(&v->out->body, "<form id=\"login-form\" method=\"post\" action=\"/office/login\">\n");
	token_field(v);
	str_puts(&v->out->body,
		 "<label for=\"email\">E-mail address</label>\n"
		 "<input type=\"email\" id=\"email\" name=\"email\" autocomplete=\"username\" required>\n"
		 "<label for=\"password\">Password</label>\n"
		 "<input type=\"password\" id=\"password\" name=\"password\" autocomplete=\"current-password\" required>\n"
		 "<button type=\"submit\">Log in</button>\n</form>\n");
	end(v);
}

static void login_get(struct visit *v)
{
	if (v->session.stage == STAGE_IN)
		visit_redirect(v, "/office/my");
	else
		login_page(v, NULL);
}

static void code_page(struct visit *v, const char *error)
{
	begin(v, "Verification", "verification");
	str_puts(&v->out->body, "<h1>Verification</h1>\n");
	error_line(v, error);
	str_puts(&v->out->body,
		 "<p>We have sent a code of six digits to your e-mail address. It is valid for 5 minutes.</p>\n"
		 "<form id=\"code-form\" method=\"post\" action=\"/office/code\">\n");
	token_field(v);
	str_puts(&v->out->body,
		 "<label for=\"code\">Verification code</label>\n"
		 "<input type=\"text\" id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" "
		 "pattern=\"[0-9]{6}\" maxlength=\"6\" required>\n<button type=\"submit\">Verify</button>\n</form>\n"
		 "<form id=\"resend-form\" method=\"post\" action=\"/office/code/resend\">\n");
	token_field(v);
	str_puts(&v->out->body, "<button type=\"submit\">Send a new code</button>\n</form>\n");
	end(v);
}

static void code_get(struct visit *v)
{
	code_page(v, NULL);
}

static void login_post(struct visit *v)
{
	const char *account = visit_value(v, "email");

	switch (world_login(v->world, account, visit_value(v, "password"))) {
	case LOGIN_LOCKED:
		login_page(v, "This account is locked. Please contact the office.");
		return;
	case LOGIN_WRONG:
		login_page(v, "The e-mail address or the password is wrong.");
		return;
	case LOGIN_OK:
		break;
	}
	door_move(v->world, &v->session, STAGE_CODE, account);
	send_cookies(v);
	codes_send(v);
	visit_redirect(v, "/office/code");
}

static void code_post(struct visit *v)
{
	switch (door_try(v->world, &v->session, visit_value(v, "code"))) {
	case CODE_OK:
		door_move(v->world, &v->session, STAGE_IN, v->session.account);
		send_cookies(v);
		visit_redirect(v, "/office/my");
		break;
	case CODE_WRONG:
		code_page(v, "This code is not valid.");
		break;
	case CODE_TOO_OFTEN:
		login_page(v, "Too many wrong codes. Please log in again.");
		break;
	}
}

static void resend_post(struct visit *v)
{
	codes_send(v);
	visit_redirect(v, "/office/code");
}

static void logout_post(struct visit *v)
{
	door_end(v->world, &v->session);
	visit_redirect(v, "/office/login");
}

/* The calendar */

static const char *nice_time(const char *start, char out[64])
{
	static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August",
					     "September", "October", "November", "December"};
	int month = atoi(start + 5);

	snprintf(out, 64, "%d %s %.4s, %s", atoi(start + 8), months[month >= 1 && month <= 12 ? month - 1 : 0], start, start + 11);
	return out;
}

static void slot_row(struct visit *v, jv slot)
{
	const char *id = json_str(slot, "id", ""), *start = json_str(slot, "start", "");
	char nice[64], left[24];

	snprintf(left, sizeof left, "%d", (int)json_int(slot, "free", 0));
	html_add(&v->out->body,
		 "<tr class=\"slot\" data-slot=\"{}\" data-start=\"{}\" data-place=\"{}\" data-category=\"{}\" data-seats=\"{}\">", id,
		 start, json_str(slot, "place", ""), json_str(slot, "category", ""), left, NULL);
	html_add(&v->out->body,
		 "<td><time datetime=\"{}\">{}</time></td><td>{}</td><td>{}</td><td>{}</td>"
		 "<td><a class=\"choose\" href=\"/office/slot/{}\">Choose</a></td></tr>\n",
		 start, nice_time(start, nice), json_str(slot, "place", ""), json_str(slot, "category", ""), left, id, NULL);
}

static void calendar_filter(struct visit *v, const char *place, const char *month)
{
	jv places = world_places(v->world, PRACTICE);

	str_puts(&v->out->body, "<form id=\"calendar-filter\" method=\"get\" action=\"/office/calendar\">\n"
				"<select name=\"place\"><option value=\"\">All places</option>");
	for (struct json_iter it = json_iter(places); json_next(&it);) {
		const char *name = json_string(it.value, "");

		html_add(&v->out->body, strcmp(name, place) ? "<option>{}</option>" : "<option selected>{}</option>", name, NULL);
	}
	html_add(&v->out->body,
		 "</select>\n<input type=\"month\" name=\"month\" value=\"{}\">\n<button type=\"submit\">Show</button>\n</form>\n",
		 month, NULL);
	jv_free(places);
}

static void calendar_get(struct visit *v)
{
	char place[64] = "", month[16] = "", from[16] = "0000", to[16] = "9999", count[24];
	jv slots;

	visit_query(v, "place", place, sizeof place);
	visit_query(v, "month", month, sizeof month);
	if (*month) {
		snprintf(from, sizeof from, "%.7s-01", month);
		snprintf(to, sizeof to, "%.7s-31", month);
	}
	slots = world_free(v->world, PRACTICE, *place ? place : NULL, from, to);
	snprintf(count, sizeof count, "%zu", json_len(slots));
	begin(v, "Calendar", "calendar");
	html_add(&v->out->body, "<h1 id=\"calendar-title\" data-count=\"{}\">Free appointments</h1>\n", count, NULL);
	calendar_filter(v, place, month);
	if (json_len(slots)) {
		str_puts(&v->out->body, "<table id=\"slots\">\n<thead><tr><th>Time</th><th>Place</th><th>Category</th><th>Free</th>"
					"<th></th></tr></thead>\n<tbody>\n");
		for (struct json_iter it = json_iter(slots); json_next(&it);)
			slot_row(v, it.value);
		str_puts(&v->out->body, "</tbody>\n</table>\n");
	} else {
		str_puts(&v->out->body, "<p id=\"no-slots\">There are no free appointments at the moment.</p>\n");
	}
	end(v);
	jv_free(slots);
}

/* Booking */

#define TAKEN "This appointment is no longer available", "Somebody else was faster. Please choose another one."
#define ALREADY "You have an appointment already", "Cancel it first if you need another one."

enum { REQUIRED = 1, REPEATS = 2, FORBIDDEN = 4 };
/* Every control of the form that has a name. */
static const struct control {
	const char *name;
	int flags;
} controls[] = {
	{"_token", REQUIRED}, {"_charset_", REQUIRED}, {"slot", REQUIRED}, {"start", REQUIRED}, {"trace", REQUIRED | REPEATS},
	{"title", REQUIRED}, {"first_name", REQUIRED}, {"last_name", REQUIRED}, {"birth_date", REQUIRED}, {"gender", REQUIRED},
	{"nationality", REQUIRED}, {"passport_number", REQUIRED}, {"passport_expiry", REQUIRED}, {"passport_scan", REQUIRED},
	{"email", REQUIRED}, {"phone_code", REQUIRED}, {"phone", REQUIRED}, {"address", REQUIRED}, {"city", 0}, {"postcode", 0},
	{"purpose", REQUIRED}, {"languages", REPEATS}, {"services", REPEATS}, {"reminder", REQUIRED | REPEATS}, {"desk", REQUIRED},
	{"companions", REQUIRED}, {"accept_terms", REQUIRED}, {"action", REQUIRED}, {"coupon", FORBIDDEN}, {"operator", FORBIDDEN},
	{"priority", FORBIDDEN}, {"old_reference", FORBIDDEN}, {"help", FORBIDDEN},
};

/* A choice: each word of OPTIONS, ended by '|', the first one chosen. */
static void options(struct str *b, const char *list)
{
	for (bool first = true; *list; first = false) {
		size_t n = strcspn(list, "|");

		str_addf(b, "<option value=\"%.*s\"%s>%.*s</option>", (int)n, list, first ? " selected" : "", (int)n, list);
		list += n + (list[n] == '|');
	}
}

static void form_hidden(struct visit *v, jv slot)
{
	str_puts(&v->out->body, "<form id=\"booking-form\" class=\"wide\" method=\"post\" action=\"/office/book\" "
				"enctype=\"multipart/form-data\" accept-charset=\"utf-8\">\n");
	token_field(v);
	html_add(&v->out->body,
		 "<input type=\"hidden\" name=\"_charset_\">\n<input type=\"hidden\" name=\"slot\" value=\"{}\">\n"
		 "<input type=\"hidden\" name=\"start\" value=\"{}\">\n<input type=\"hidden\" name=\"trace\" value=\"a\">\n",
		 json_str(slot, "id", ""), json_str(slot, "start", ""), NULL);
}

static void form_person(struct visit *v)
{
	struct str *b = &v->out->body;

	str_puts(b, "<fieldset>\n<legend>Applicant</legend>\n<label for=\"title\">Title</label>\n<select id=\"title\" name=\"title\">");
	options(b, "none|Dr|Prof");
	str_puts(b, "</select>\n"
		    "<label for=\"first_name\">First name</label>\n<input id=\"first_name\" name=\"first_name\" autocomplete=\"given-name\" maxlength=\"60\" required>\n"
		    "<label for=\"last_name\">Last name</label>\n<input id=\"last_name\" name=\"last_name\" autocomplete=\"family-name\" maxlength=\"60\" required>\n"
		    "<label for=\"birth_date\">Date of birth</label>\n<input type=\"date\" id=\"birth_date\" name=\"birth_date\" autocomplete=\"bday\" required>\n"
		    "<label><input type=\"radio\" name=\"gender\" value=\"f\" required> female</label>\n"
		    "<label><input type=\"radio\" name=\"gender\" value=\"m\"> male</label>\n"
		    "<label><input type=\"radio\" name=\"gender\" value=\"x\"> other</label>\n"
		    "<label for=\"nationality\">Nationality</label>\n<select id=\"nationality\" name=\"nationality\" required>"
		    "<option value=\"\">Please choose</option><option value=\"TUR\">Türkiye</option><option value=\"DEU\">Germany</option>"
		    "<option value=\"FRA\">France</option><option value=\"XXX\" disabled>Unknown</option></select>\n"
		    "<label for=\"passport_number\">Passport number</label>\n<input id=\"passport_number\" name=\"passport_number\" pattern=\"[A-Z0-9]{6,12}\" required>\n"
		    "<label for=\"passport_expiry\">Passport valid until</label>\n<input type=\"date\" id=\"passport_expiry\" name=\"passport_expiry\" required>\n"
		    "<label for=\"passport_scan\">Scan of the passport (not needed yet)</label>\n<input type=\"file\" id=\"passport_scan\" name=\"passport_scan\" accept=\"image/*\">\n"
		    "</fieldset>\n");
}

static void form_contact(struct visit *v)
{
	struct str *b = &v->out->body;

	html_add(b,
		 "<fieldset>\n<legend>Contact</legend>\n<label for=\"email\">E-mail address</label>\n"
		 "<input type=\"email\" id=\"email\" name=\"email\" value=\"{}\" readonly>\n"
		 "<label for=\"phone\">Phone</label>\n<select name=\"phone_code\" aria-label=\"Country code\">",
		 v->session.account, NULL);
	options(b, "+90|+49|+33");
	str_puts(b, "</select>\n<input type=\"tel\" id=\"phone\" name=\"phone\" autocomplete=\"tel-national\" required>\n"
		    "<label for=\"address\">Address</label>\n<textarea id=\"address\" name=\"address\" rows=\"3\">\n</textarea>\n"
		    "<label for=\"city\">City</label>\n<input id=\"city\" name=\"city\">\n"
		    "<label for=\"postcode\">Post code</label>\n<input id=\"postcode\" name=\"postcode\" value=\"\">\n</fieldset>\n"
		    /* a disabled fieldset: what is in it is not sent, but for what its first legend holds */
		    "<fieldset disabled>\n<legend>For the office <input name=\"desk\" value=\"counter\" size=\"8\"></legend>\n"
		    "<input name=\"operator\" value=\"nobody\">\n<select name=\"priority\"><option>normal</option><option>high</option></select>\n"
		    "</fieldset>\n");
}

static void form_visit(struct visit *v)
{
	struct str *b = &v->out->body;

	str_puts(b, "<fieldset>\n<legend>Visit</legend>\n<label for=\"purpose\">Purpose</label>\n"
		    "<select id=\"purpose\" name=\"purpose\" required><option value=\"\">Please choose</option>");
	for (const char *const *p = (const char *const[]){"tourism", "family", "study", "work", NULL}; *p; p++)
		html_add(b, "<option value=\"{}\">{}</option>", *p, *p, NULL);
	str_puts(b, "</select>\n<label for=\"languages\">Languages you speak</label>\n<select id=\"languages\" name=\"languages\" multiple>"
		    "<option value=\"tr\">Turkish</option><option value=\"en\">English</option><option value=\"de\">German</option></select>\n");
	for (const char *const *p = (const char *const[]){"courier", "sms", "photo", NULL}; *p; p++)
		html_add(b, "<label><input type=\"checkbox\" name=\"services\" value=\"{}\"> {}</label>\n", *p, *p, NULL);
	str_puts(b, "<input type=\"hidden\" name=\"reminder\" value=\"0\">\n"
		    "<label><input type=\"checkbox\" name=\"reminder\" value=\"1\" checked> Remind me</label>\n"
		    "<label for=\"coupon\">Coupon</label>\n<input id=\"coupon\" name=\"coupon\" value=\"WELCOME\" disabled>\n"
		    "<input type=\"hidden\" name=\"old_reference\" value=\"-\" disabled>\n"
		    "<label><input type=\"checkbox\" id=\"accept_terms\" name=\"accept_terms\" value=\"yes\" required> "
		    "I accept the <a href=\"/office/terms\">terms</a></label>\n</fieldset>\n"
		    "<input type=\"hidden\" name=\"trace\" value=\"b\">\n"
		    "<button type=\"submit\" name=\"action\" value=\"draft\">Save for later</button>\n"
		    "<button type=\"submit\" name=\"action\" value=\"book\">Book this appointment</button>\n"
		    "<button type=\"button\" name=\"help\" value=\"1\">Help</button>\n<input type=\"reset\" value=\"Clear\">\n</form>\n"
		    "<aside>\n<label for=\"companions\">People who come with you</label>\n"
		    "<select id=\"companions\" name=\"companions\" form=\"booking-form\">");
	options(b, "0|1|2|3");
	str_puts(b, "</select>\n</aside>\n");
}

static void slot_heading(struct visit *v, jv slot)
{
	const char *start = json_str(slot, "start", "");
	char nice[64];

	html_add(&v->out->body,
		 "<section id=\"chosen\" data-slot=\"{}\" data-start=\"{}\" data-place=\"{}\" data-category=\"{}\">\n<h2>Your choice</h2>\n",
		 json_str(slot, "id", json_str(slot, "slot", "")), start, json_str(slot, "place", ""), json_str(slot, "category", ""),
		 NULL);
	html_add(&v->out->body, "<p><time datetime=\"{}\">{}</time>, {}, {}</p>\n</section>\n", start, nice_time(start, nice),
		 json_str(slot, "place", ""), json_str(slot, "category", ""), NULL);
}

static void booking_page(struct visit *v, jv slot, const char *error)
{
	begin(v, "Booking", "booking");
	str_puts(&v->out->body, "<h1>Book an appointment</h1>\n");
	error_line(v, error);
	slot_heading(v, slot);
	form_hidden(v, slot);
	form_person(v);
	form_contact(v);
	form_visit(v);
	end(v);
}

static void slot_get(struct visit *v)
{
	jv slot = world_slot(v->world, PRACTICE, strrchr(v->path, '/') + 1);

	if (world_full(v->world, PRACTICE, v->session.account))
		notice(v, ALREADY);
	else if (json_int(slot, "free", 0) < 1)
		notice(v, TAKEN);
	else
		booking_page(v, slot, NULL);
	jv_free(slot);
}

static const struct control *control_named(const char *name)
{
	for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
		if (strcmp(controls[i].name, name) == 0)
			return &controls[i];
	return NULL;
}

/* What a browser could not have sent: NULL, or why this request is not one. */
static char *not_a_browsers(const struct visit *v)
{
	const char *trace = "";

	for (int i = 0; i < v->nfields; i++) {
		const struct control *c = control_named(v->fields[i].name);

		if (!c)
			return xasprintf("There is no field '%s'.", v->fields[i].name);
		if (c->flags & FORBIDDEN)
			return xasprintf("The field '%s' must not be sent.", c->name);
		if (!(c->flags & REPEATS) && visit_count(v, c->name) > 1)
			return xasprintf("The field '%s' was sent more than once.", c->name);
		if (strcmp(c->name, "trace") == 0) {
			if (strcmp(v->fields[i].value, *trace ? "b" : "a"))
				return xstrdup("The fields 'trace' came out of order.");
			trace = v->fields[i].value;
		}
	}
	for (const char *const *p = (const char *const[]){"_charset_", "desk", "passport_scan", "companions", "address", "title", NULL}; *p; p++)
		if (!visit_field(v, *p))
			return xasprintf("The field '%s' was not sent.", *p);
	if (*trace != 'b' || strcmp(visit_value(v, "reminder"), "0") || strcmp(visit_value(v, "_charset_"), "UTF-8") ||
	    strcmp(visit_value(v, "email"), v->session.account))
		return xstrdup("The hidden fields are not those of the page.");
	return NULL;
}

/* What a person forgot: NULL, or what to tell. */
static char *not_complete(const struct visit *v)
{
	for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
		const char *name = controls[i].name;
		bool may_be_empty = strcmp(name, "address") == 0 || strcmp(name, "passport_scan") == 0;

		if (controls[i].flags & REQUIRED && !may_be_empty && !*visit_value(v, name))
			return xasprintf("Please fill in the field '%s'.", name);
	}
	if (!date_valid(visit_value(v, "birth_date")) || !date_valid(visit_value(v, "passport_expiry")))
		return xstrdup("Please write dates as 1990-02-01.");
	if (strcmp(visit_value(v, "accept_terms"), "yes"))
		return xstrdup("Please accept the terms.");
	return NULL;
}

static jv applicant(const struct visit *v)
{
	jv all = visit_fields(v);

	for (const char *const *p = (const char *const[]){"_token", "_charset_", "slot", "start", "trace", "action", NULL}; *p; p++)
		all = json_del(all, *p);
	return all;
}

static void book(struct visit *v, jv slot)
{
	const char *id = json_str(slot, "id", "");
	char reference[REFERENCE_TEXT], where[80];
	jv who = applicant(v);

	if (fault_hits(v->faults, "taken", &v->at, NULL))
		world_take(v->world, PRACTICE, id);
	switch (world_book(v->world, PRACTICE, v->session.account, id, who, "PRC-", 7, REFERENCE_LETTERS, reference)) {
	case BOOKED_ALREADY:
		notice(v, ALREADY);
		break;
	case BOOKED_TAKEN:
		notice(v, TAKEN);
		break;
	case BOOKED:
		if (fault_hits(v->faults, "double", &v->at, NULL))
			world_double(v->world, PRACTICE, id);
		if (fault_hits(v->faults, "lost-answer", &v->at, NULL))
			v->out->ending = HTTPD_CUT;
		snprintf(where, sizeof where, "/office/booked/%s", reference);
		visit_redirect(v, where);
	}
	jv_free(who);
}

static void book_post(struct visit *v)
{
	jv slot = world_slot(v->world, PRACTICE, visit_value(v, "slot"));
	char *wrong = not_a_browsers(v), *missing = NULL;

	if (wrong)
		notice(v, "The request was not accepted", wrong);
	else if (!json_is(slot, JV_KIND_OBJECT) || strcmp(json_str(slot, "start", ""), visit_value(v, "start")))
		notice(v, TAKEN);
	else if (strcmp(visit_value(v, "action"), "draft") == 0)
		notice(v, "Your entries were saved for later", "Nothing was booked.");
	else if (strcmp(visit_value(v, "action"), "book"))
		notice(v, "The request was not accepted", "No button was pressed.");
	else if ((missing = not_complete(v)))
		booking_page(v, slot, missing);
	else
		book(v, slot);
	free(wrong);
	free(missing);
	jv_free(slot);
}

/* What one has */

static void booked_get(struct visit *v)
{
	jv b = world_booking(v->world, PRACTICE, v->session.account, strrchr(v->path, '/') + 1);
	const char *start = json_str(b, "start", "0000-01-01T00:00");
	char nice[64];

	if (!json_is(b, JV_KIND_OBJECT)) {
		notice(v, "There is no such appointment", "Please look at your appointments.");
	} else {
		begin(v, "Confirmation", "confirmation");
		html_add(&v->out->body,
			 "<h1>Your appointment is booked</h1>\n<p>Reference number: <strong id=\"reference\">{}</strong></p>\n"
			 "<dl>\n<dt>Time</dt><dd><time id=\"when\" datetime=\"{}\">{}</time></dd>\n",
			 json_str(b, "reference", ""), start, nice_time(start, nice), NULL);
		html_add(&v->out->body, "<dt>Place</dt><dd id=\"where\">{}</dd>\n<dt>Category</dt><dd id=\"what\">{}</dd>\n</dl>\n",
			 json_str(b, "place", ""), json_str(b, "category", ""), NULL);
		end(v);
	}
	jv_free(b);
}

static void booking_row(struct visit *v, jv b)
{
	const char *reference = json_str(b, "reference", ""), *start = json_str(b, "start", "");
	char nice[64], people[24], seats[24];

	snprintf(people, sizeof people, "%d", (int)json_int(b, "people", 0));
	snprintf(seats, sizeof seats, "%d", (int)json_int(b, "seats", 0));
	html_add(&v->out->body,
		 "<tr class=\"booking\" data-reference=\"{}\" data-start=\"{}\" data-place=\"{}\" data-category=\"{}\" data-state=\"{}\" "
		 "data-seats=\"{}\" data-people=\"{}\">",
		 reference, start, json_str(b, "place", ""), json_str(b, "category", ""), json_str(b, "state", ""), seats, people, NULL);
	html_add(&v->out->body,
		 "<td>{}</td><td><time datetime=\"{}\">{}</time></td><td>{}</td><td>{}</td><td class=\"state\">{}</td>"
		 "<td><a href=\"/office/booking/{}\">Show</a></td></tr>\n",
		 reference, start, nice_time(start, nice), json_str(b, "place", ""), json_str(b, "category", ""),
		 json_str(b, "state", ""), reference, NULL);
}

static void my_get(struct visit *v)
{
	jv all = world_bookings(v->world, PRACTICE, v->session.account);

	begin(v, "My appointments", "my");
	str_puts(&v->out->body, "<h1>My appointments</h1>\n");
	if (json_len(all)) {
		str_puts(&v->out->body, "<table id=\"bookings\">\n<thead><tr><th>Reference</th><th>Time</th><th>Place</th><th>Category</th>"
					"<th>State</th><th></th></tr></thead>\n<tbody>\n");
		for (struct json_iter it = json_iter(all); json_next(&it);)
			booking_row(v, it.value);
		str_puts(&v->out->body, "</tbody>\n</table>\n");
	} else {
		str_puts(&v->out->body, "<p id=\"no-bookings\">You have no appointments.</p>\n");
	}
	end(v);
	jv_free(all);
}

static void booking_get(struct visit *v)
{
	const char *reference = strrchr(v->path, '/') + 1;
	jv b = world_booking(v->world, PRACTICE, v->session.account, reference);

	if (!json_is(b, JV_KIND_OBJECT)) {
		notice(v, "There is no such appointment", "Please look at your appointments.");
	} else {
		begin(v, "Appointment", "appointment");
		html_add(&v->out->body, "<h1>Appointment <span id=\"reference\">{}</span></h1>\n<p id=\"state\">{}</p>\n", reference,
			 json_str(b, "state", ""), NULL);
		slot_heading(v, b);
		if (strcmp(json_str(b, "state", ""), "confirmed") == 0) {
			str_puts(&v->out->body, "<form id=\"cancel-form\" method=\"post\" action=\"/office/cancel\">\n");
			token_field(v);
			html_add(&v->out->body,
				 "<input type=\"hidden\" name=\"reference\" value=\"{}\">\n<button type=\"submit\">Cancel this appointment</button>\n</form>\n",
				 reference, NULL);
		}
		end(v);
	}
	jv_free(b);
}

static void cancel_post(struct visit *v)
{
	const char *reference = visit_value(v, "reference");
	char *where = xasprintf("/office/booking/%s", reference);

	if (!world_cancel(v->world, PRACTICE, v->session.account, reference)) {
		notice(v, "There is no such appointment", "Please look at your appointments.");
	} else {
		if (fault_hits(v->faults, "lost-answer", &v->at, NULL))
			v->out->ending = HTTPD_CUT;
		visit_redirect(v, where);
	}
	free(where);
}

static void terms_get(struct visit *v)
{
	begin(v, "Terms", "terms");
	str_puts(&v->out->body, "<h1>Terms of use</h1>\n"
				"<ol>\n<li>An appointment is for the person who booked it.</li>\n"
				"<li>Programs may be used that act for one person, slowly: no more than 80 requests in two minutes.</li>\n"
				"<li>Cancel what you do not need.</li>\n</ol>\n");
	end(v);
}

static void home_get(struct visit *v)
{
	visit_redirect(v, "/office/calendar");
}

/* A path that ends in '/' stands for one more word after it. */
static const struct route {
	const char *method, *path;
	enum stage stage; /* what the visitor must have come to */
	void (*answer)(struct visit *v);
} routes[] = {
	{"GET", "/office/", STAGE_GONE, home_get},
	{"GET", "/office/login", STAGE_GONE, login_get},
	{"POST", "/office/login", STAGE_VISITOR, login_post},
	{"GET", "/office/code", STAGE_CODE, code_get},
	{"POST", "/office/code", STAGE_CODE, code_post},
	{"POST", "/office/code/resend", STAGE_CODE, resend_post},
	{"POST", "/office/logout", STAGE_CODE, logout_post},
	{"GET", "/office/calendar", STAGE_IN, calendar_get},
	{"GET", "/office/slot/", STAGE_IN, slot_get},
	{"POST", "/office/book", STAGE_IN, book_post},
	{"GET", "/office/booked/", STAGE_IN, booked_get},
	{"GET", "/office/my", STAGE_IN, my_get},
	{"GET", "/office/booking/", STAGE_IN, booking_get},
	{"POST", "/office/cancel", STAGE_IN, cancel_post},
	{"GET", "/office/terms", STAGE_GONE, terms_get},
};

static bool matches(const struct visit *v, const struct route *r)
{
	const char *rest = v->path + strlen(r->path);

	if (visit_is(v, r->method, r->path))
		return true;
	return strcmp(v->at.method, r->method) == 0 && strcmp(r->path, "/office/") && str_ends(r->path, "/") &&
	       str_starts(v->path, r->path) && *rest && !strchr(rest, '/');
}

static void load_session(struct visit *v)
{
	char token[80], twin[80];

	if (visit_cookie(v, "office_session", token, sizeof token) && visit_cookie(v, "office_twin", twin, sizeof twin))
		v->session = door_find(v->world, PRACTICE, token, twin, v->idle);
	v->came_as = v->session.id;
	if (v->session.stage == STAGE_IN && fault_hits(v->faults, "expire", &v->at, NULL))
		door_end(v->world, &v->session);
}

static bool token_holds(struct visit *v)
{
	if (strcmp(v->at.method, "POST"))
		return true;
	if (!fault_hits(v->faults, "bad-token", &v->at, NULL) && strcmp(visit_value(v, "_token"), v->session.csrf) == 0)
		return true;
	door_end(v->world, &v->session);
	notice(v, "This form has expired", "For your safety you were logged out.");
	return false;
}

void office_visit(struct visit *v)
{
	const struct route *r = routes, *last = routes + sizeof routes / sizeof *routes;

	v->at.office = PRACTICE;
	while (r < last && !matches(v, r))
		r++;
	if (r == last) {
		notice(v, "Page not found", "The address is wrong, or the page has moved.");
		v->out->status = 404;
		return;
	}
	load_session(v);
	if (v->session.stage >= r->stage) {
		if (r->stage == STAGE_GONE || token_holds(v))
			r->answer(v);
	} else if (v->session.stage == STAGE_CODE) {
		code_page(v, NULL);
	} else {
		login_page(v, NULL);
	}
}

#include "demo/vfs-book.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "demo/codes.h"
#include "demo/vfs-answer.h"
#include "demo/vfs-words.h"

#define URN_LETTERS "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
#define PARTY_MAX 5
#define FEE 30 /* for each applicant */

/* An application under way: where, what for, who. */
struct draft {
	char urn[16];
	int64_t begun; /* wall */
	jv content;    /* {place, category, waitlist, documents: [id], applicants: [{…}], otp} */
};

/* The one that the call names; its urn is "" when this account has none of that name. End it with draft_end. */
static struct draft draft_named(struct visit *v)
{
	struct draft d = {.content = jv_null()};
	jv row = sql_row(v->world->db, "SELECT urn, begun, content FROM draft WHERE urn = ? AND account = ?", "ss", json_str(v->json, "urn", ""),
			 v->session.account);
	const char *text = json_str(row, "content", "null");

	snprintf(d.urn, sizeof d.urn, "%s", json_str(row, "urn", ""));
	d.begun = json_int(row, "begun", 0);
	d.content = json_parse(text, strlen(text), NULL);
	jv_free(row);
	return d;
}

static void draft_keep(struct visit *v, const struct draft *d)
{
	char *text = json_text(d->content);

	sql_do(v->world->db, "INSERT OR REPLACE INTO draft(urn, account, begun, content) VALUES (?, ?, ?, ?)", "ssis", d->urn, v->session.account,
	       d->begun, text);
	free(text);
}

static void draft_end(struct draft *d)
{
	jv_free(d->content);
}

static jv urn_of(const struct draft *d)
{
	return json_obj("urn", jv_string(d->urn), NULL);
}

static int party(const struct draft *d)
{
	jv all = json_get(d->content, "applicants");
	int n = (int)json_len(all);

	jv_free(all);
	return n;
}

/* The draft, when it has all that a booking needs; otherwise says what is missing, and false. */
static bool draft_whole(struct visit *v, struct draft *d)
{
	const char *missing = NULL;

	*d = draft_named(v);
	if (!*d->urn)
		missing = "urn";
	else if (!party(d))
		missing = "applicantList";
	else if (v->vfs->applicant_otp && !json_bool(d->content, "otp", false))
		missing = "OTP";
	if (!missing)
		return true;
	vfs_refuse(v, urn_of(d), VFS_FIELD, missing);
	draft_end(d);
	return false;
}

/* What one has: so a booking can be read back. */

static const char *state_word(const char *state)
{
	return strcmp(state, "confirmed") == 0 ? "Confirmed" : strcmp(state, "pending") == 0 ? "Payment Pending" :
	       strcmp(state, "expired") == 0   ? "Expired" : "Cancelled";
}

static jv booking_row(struct visit *v, jv b)
{
	const char *start = json_str(b, "start", "0000-00-00T00:00"), *reference = json_str(b, "reference", "");
	bool pending = strcmp(json_str(b, "state", ""), "pending") == 0;
	char day[VFS_DATE], times[VFS_TIMES], until[CLOCK_TEXT];
	char *url = xasprintf("/vfs/pay/%s?l=%s", reference, vfs_turkish(v) ? "tr" : "en");
	jv row = json_obj("RequestRefNo", jv_string(reference), "allocationId", json_get(b, "slot"), "centerName", json_get(b, "place"),
			  "visaCategory", json_get(b, "category"), "appointmentDate", jv_string(vfs_day_first(start, day)),
			  "appointmentTime", jv_string(vfs_times(start, times)), "applicants", json_get(b, "party"),
			  "status", jv_string(state_word(json_str(b, "state", ""))), NULL);

	row = json_set_str(row, "URL", pending ? url : NULL);
	row = json_set_str(row, "holdUntil", pending ? clock_format(json_int(b, "until", 0), until) : NULL);
	free(url);
	return row;
}

void vfs_application_get(struct visit *v)
{
	jv all = world_bookings(v->world, VFS, v->session.account), rows = jv_array();

	for (struct json_iter it = json_iter(all); json_next(&it);)
		rows = json_push(rows, booking_row(v, it.value));
	jv_free(all);
	vfs_answer(v, json_obj("applications", rows, NULL));
}

/* Beginning one: from here on the imposed wait counts. */

static void begin_draft(struct visit *v, const char *place, const char *category)
{
	bool waitlist = json_bool(v->json, "isWaitlist", false);
	struct draft d = {.begun = clock_wall()};
	char word[11];

	world_word(v->world, word, 10, URN_LETTERS);
	snprintf(d.urn, sizeof d.urn, "PRC%s", word);
	d.content = json_obj("place", jv_string(place), "category", jv_string(category), "waitlist", waitlist ? jv_true() : jv_false(),
			     "documents", jv_array(), NULL);
	draft_keep(v, &d);
	vfs_answer(v, json_obj("urn", jv_string(d.urn), "waitMs", jv_number((double)v->vfs->wait), "isPassportImage",
			       v->vfs->upload ? jv_true() : jv_false(), "isApplicantOTP", v->vfs->applicant_otp ? jv_true() : jv_false(),
			       "isWaitlist", waitlist ? jv_true() : jv_false(), NULL));
	draft_end(&d);
}

void vfs_application_post(struct visit *v)
{
	char *place = vfs_place(v, json_str(v->json, "centerCode", "")), *category = vfs_category(v, json_str(v->json, "visaCategoryCode", ""));
	enum vfs_error stands = vfs_standing(v);

	if (!place || !category)
		vfs_refuse(v, jv_object(), VFS_FIELD, place ? "visaCategoryCode" : "centerCode");
	else if (stands)
		vfs_refuse(v, jv_object(), stands, NULL);
	else if (json_bool(v->json, "isWaitlist", false) && !v->vfs->waitlist)
		vfs_refuse(v, jv_object(), VFS_NO_SLOTS, NULL);
	else
		begin_draft(v, place, category);
	free(place);
	free(category);
}

/* A picture of a passport, as a form's file. */
void vfs_document_post(struct visit *v)
{
	const struct field *file = visit_field(v, "file");
	struct draft d;
	char id[9];
	jv had;

	jv_free(v->json);
	v->json = json_obj("urn", jv_string(visit_value(v, "urn")), NULL);
	d = draft_named(v);
	if (!*d.urn) {
		vfs_refuse(v, jv_object(), VFS_FIELD, "urn");
	} else if (!file || !file->file || file->len < 4 || (memcmp(file->value, "\xff\xd8\xff", 3) && memcmp(file->value, "\x89PNG", 4))) {
		vfs_refuse(v, urn_of(&d), VFS_FIELD, "file: a JPEG or PNG picture");
	} else {
		world_word(v->world, id, 8, "0123456789abcdef");
		had = json_get(d.content, "documents");
		d.content = json_set(d.content, "documents", json_push(had, jv_string(id)));
		draft_keep(v, &d);
		vfs_answer(v, json_obj("urn", jv_string(d.urn), "documentId", jv_string(id), NULL));
	}
	draft_end(&d);
}

static bool has_document(const struct draft *d, const char *id)
{
	jv all = json_get(d->content, "documents");
	bool has = false;

	for (struct json_iter it = json_iter(all); json_next(&it);)
		has |= strcmp(json_string(it.value, ""), id) == 0;
	jv_free(all);
	return has;
}

/* Names are written as the passport's machine-readable lines have them. */
static bool upper(const char *name)
{
	for (; *name; name++)
		if (islower((unsigned char)*name))
			return false;
	return true;
}

/* Name of a member that is missing or wrong, or NULL. */
static const char *wrong_member(struct visit *v, const struct draft *d, jv a)
{
	static const char *const needed[] = {"firstName", "lastName", "gender", "dateOfBirth", "nationalityCode", "passportNumber",
					     "passportExpirtyDate", "dialCode", "contactNumber", "emailId"};
	char iso[VFS_DATE];

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!*json_str(a, needed[i], ""))
			return needed[i];
	if (!upper(json_str(a, "firstName", "")))
		return "firstName";
	if (!upper(json_str(a, "lastName", "")))
		return "lastName";
	if (!vfs_read_day_first(json_str(a, "dateOfBirth", ""), iso))
		return "dateOfBirth";
	if (!vfs_read_day_first(json_str(a, "passportExpirtyDate", ""), iso))
		return "passportExpirtyDate";
	if (v->vfs->upload && !has_document(d, json_str(a, "passportImage", "")))
		return "passportImage";
	return NULL;
}

/* What is wrong with the list, or NULL; the caller frees. */
static char *wrong_list(struct visit *v, const struct draft *d, jv list)
{
	char *wrong = NULL;
	int n = 0;

	if (!json_is(list, JV_KIND_ARRAY) || !json_len(list) || json_len(list) > PARTY_MAX)
		return xstrdup("applicantList");
	for (struct json_iter it = json_iter(list); json_next(&it); n++) {
		const char *member = wrong ? NULL : wrong_member(v, d, it.value);

		if (member)
			wrong = xasprintf("applicantList[%d].%s", n, member);
	}
	return wrong;
}

void vfs_applicants_post(struct visit *v)
{
	struct draft d = draft_named(v);
	jv list = json_get(v->json, "applicantList");
	char *wrong = *d.urn ? wrong_list(v, &d, list) : xstrdup("urn");

	if (*d.urn && clock_wall() - d.begun < v->vfs->wait) {
		vfs_fail(v, 409, "Repeated Delay");
	} else if (wrong) {
		vfs_refuse(v, urn_of(&d), VFS_FIELD, wrong);
	} else {
		d.content = json_set(d.content, "applicants", jv_copy(list));
		draft_keep(v, &d);
		vfs_answer(v, json_obj("urn", jv_string(d.urn), "applicants", jv_number((double)json_len(list)), "isOTPRequired",
				       v->vfs->applicant_otp ? jv_true() : jv_false(), NULL));
	}
	free(wrong);
	jv_free(list);
	draft_end(&d);
}

static void validate(struct visit *v, struct draft *d)
{
	switch (door_try(v->world, &v->session, json_str(v->json, "OTP", ""))) {
	case CODE_OK:
		d->content = json_set(d->content, "otp", jv_true());
		draft_keep(v, d);
		vfs_answer(v, json_set(urn_of(d), "isOTPValidated", jv_true()));
		break;
	case CODE_WRONG:
		vfs_refuse(v, json_set(urn_of(d), "isOTPValidated", jv_false()), VFS_WRONG_CODE, NULL);
		break;
	case CODE_TOO_OFTEN:
		vfs_fail(v, 401, "Session expired");
	}
}

void vfs_applicantotp_post(struct visit *v)
{
	const char *action = json_str(v->json, "OTPAction", "");
	struct draft d = draft_named(v);

	if (!*d.urn) {
		vfs_refuse(v, jv_object(), VFS_FIELD, "urn");
	} else if (strcmp(action, "GENERATE") == 0) {
		codes_send(v);
		vfs_answer(v, json_set(urn_of(&d), "isOTPGenerated", jv_true()));
	} else if (strcmp(action, "VALIDATE") == 0) {
		validate(v, &d);
	} else {
		vfs_refuse(v, urn_of(&d), VFS_FIELD, "OTPAction");
	}
	draft_end(&d);
}

/* When: days of a month, then times of a day. */

static jv draft_free(struct visit *v, const struct draft *d, const char *from, const char *to)
{
	return vfs_free(v, json_str(d->content, "place", ""), json_str(d->content, "category", ""), from, to, party(d));
}

/* From `fromDate` to the end of its month. */
void vfs_calendar_post(struct visit *v)
{
	char from[VFS_DATE], to[VFS_DATE], last[VFS_DATE] = "", day[VFS_DATE];
	struct draft d;
	jv slots, days = jv_array();

	if (!draft_whole(v, &d))
		return;
	if (!vfs_read_day_first(json_str(v->json, "fromDate", ""), from)) {
		vfs_refuse(v, urn_of(&d), VFS_FIELD, "fromDate");
		jv_free(days);
		draft_end(&d);
		return;
	}
	snprintf(to, sizeof to, "%.7s-31", from);
	slots = draft_free(v, &d, from, to);
	for (struct json_iter it = json_iter(slots); json_next(&it);) {
		char iso[VFS_DATE];

		snprintf(iso, sizeof iso, "%.10s", json_str(it.value, "start", ""));
		vfs_month_first(iso, day);
		if (strcmp(day, last))
			days = json_push(days, json_obj("date", jv_string(day), "isWeekend", vfs_weekend(iso) ? jv_true() : jv_false(), NULL));
		memcpy(last, day, sizeof last);
	}
	jv_free(slots);
	vfs_answer(v, json_set(urn_of(&d), "calendars", days));
	draft_end(&d);
}

void vfs_timeslot_post(struct visit *v)
{
	char day[VFS_DATE], times[VFS_TIMES];
	struct draft d;
	jv slots, all = jv_array();

	if (!draft_whole(v, &d))
		return;
	vfs_read_day_first(json_str(v->json, "slotDate", ""), day);
	slots = draft_free(v, &d, *day ? day : "9999", *day ? day : "9999");
	for (struct json_iter it = json_iter(slots); json_next(&it);)
		all = json_push(all, json_obj("allocationId", json_get(it.value, "id"), "slot",
					      jv_string(vfs_times(json_str(it.value, "start", ""), times)), NULL));
	jv_free(slots);
	if (json_len(all))
		vfs_answer(v, json_set(urn_of(&d), "slots", all));
	else
		vfs_refuse(v, json_set(urn_of(&d), "slots", all), VFS_NO_SLOTS, NULL);
	draft_end(&d);
}

/* What it costs, and the booking */

void vfs_mapvas_post(struct visit *v)
{
	bool turkish = vfs_turkish(v);
	struct draft d;
	jv list;

	if (!draft_whole(v, &d))
		return;
	list = json_push(jv_array(), json_obj("code", jv_string("SMS"), "name", jv_string(turkish ? "SMS ile bilgilendirme" : "Text messages"),
					      "price", jv_number(5), NULL));
	list = json_push(list, json_obj("code", jv_string("COURIER"), "name", jv_string(turkish ? "Kurye ile teslim" : "Return by courier"),
					"price", jv_number(15), NULL));
	vfs_answer(v, json_set(urn_of(&d), "services", list));
	draft_end(&d);
}

void vfs_fees_post(struct visit *v)
{
	struct draft d;

	if (!draft_whole(v, &d))
		return;
	vfs_answer(v, json_obj("urn", jv_string(d.urn), "totalAmount", jv_number(FEE * party(&d)), "currency", jv_string("EUR"), "isPaymentRequired",
			       v->vfs->payment ? jv_true() : jv_false(), NULL));
	draft_end(&d);
}

void vfs_mail_booked(struct visit *v, jv b)
{
	char *text = xasprintf("Dear Applicant,\n\nyour appointment with reference number %s is confirmed. Please bring your passport.\n\n"
			       "Practice Visa Centre\nPO box 100200, 06640 Ankara\n",
			       json_str(b, "reference", ""));
	struct err e;

	if (mail_notice(v->mail, VFS, v->session.account, "Appointment Confirmation", text, &e))
		warn("%s", e.text);
	free(text);
}

static void booked(struct visit *v, const char *reference)
{
	jv b, row;

	if (v->vfs->payment)
		world_hold(v->world, reference, clock_wall() + v->vfs->hold);
	b = world_booking(v->world, VFS, v->session.account, reference);
	row = booking_row(v, b);
	if (!v->vfs->payment)
		vfs_mail_booked(v, b);
	/* true in both cases, as it is there: it is the payment that tells whether there is an appointment */
	vfs_answer(v, json_obj("IsAppointmentBooked", jv_true(), "IsPaymentRequired", v->vfs->payment ? jv_true() : jv_false(), "RequestRefNo",
			       jv_string(reference), "URL", json_get(row, "URL"), "appointmentDate", json_get(row, "appointmentDate"),
			       "appointmentTime", json_get(row, "appointmentTime"), NULL));
	jv_free(row);
	jv_free(b);
}

static void not_booked(struct visit *v, enum vfs_error why)
{
	vfs_refuse(v, json_obj("IsAppointmentBooked", jv_false(), "IsPaymentRequired", jv_false(), "RequestRefNo", jv_null(), NULL), why, NULL);
}

static void book(struct visit *v, const struct draft *d, const char *id)
{
	jv who = json_get(d->content, "applicants");
	enum vfs_error stands = vfs_standing(v);
	char reference[REFERENCE_TEXT];

	switch (world_book(v->world, VFS, v->session.account, id, who, "PRCV", 9, "0123456789", reference)) {
	case BOOKED_ALREADY:
		not_booked(v, stands);
		break;
	case BOOKED_TAKEN:
		not_booked(v, VFS_NO_SLOTS);
		break;
	case BOOKED:
		if (fault_hits(v->faults, "double", &v->at, NULL))
			world_double(v->world, VFS, id);
		if (fault_hits(v->faults, "lost-answer", &v->at, NULL))
			v->out->ending = HTTPD_CUT;
		booked(v, reference);
	}
	jv_free(who);
}

void vfs_schedule_post(struct visit *v)
{
	const char *id = json_str(v->json, "allocationId", "");
	struct draft d;
	jv slot;

	if (!draft_whole(v, &d))
		return;
	if (fault_hits(v->faults, "taken", &v->at, NULL))
		world_take(v->world, VFS, id);
	slot = world_slot(v->world, VFS, id);
	if (strcmp(json_str(slot, "place", ""), json_str(d.content, "place", "")) || !vfs_is_of(slot, json_str(d.content, "category", "")))
		not_booked(v, VFS_NO_SLOTS);
	else
		book(v, &d, id);
	jv_free(slot);
	draft_end(&d);
}

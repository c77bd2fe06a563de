#include "demo/vfs-look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "demo/codes.h"
#include "demo/vfs-answer.h"
#include "demo/vfs-page.h"
#include "demo/vfs-words.h"

#define LOCK_HOURS 2
#define MOST 5 /* applicants */

/* The challenge at the door: met by waiting a moment, or, with the fault "captcha", by reading a picture. */

void vfs_challenge_get(struct visit *v)
{
	char token[TOKEN_TEXT], answer[CODE_TEXT] = "";
	jv picture = jv_null();

	if (fault_hits(v->faults, "captcha", &v->at, NULL)) {
		world_word(v->world, answer, CODE_TEXT - 1, "0123456789");
		picture = jv_string("/vfs/challenge.bmp");
	}
	door_challenge(v->world, &v->session, answer, token);
	vfs_answer(v, json_obj("token", *answer ? jv_null() : jv_string(token), "picture", picture, NULL));
}

void vfs_challenge_post(struct visit *v)
{
	char token[TOKEN_TEXT];

	if (door_answer(v->world, &v->session, json_str(v->json, "answer", ""), token))
		vfs_answer(v, json_obj("token", jv_string(token), NULL));
	else
		vfs_refuse(v, jv_object(), VFS_CHALLENGE, NULL);
}

static jv login_result(struct visit *v, const char *account)
{
	bool in = v->session.stage == STAGE_IN;
	int64_t wrong = sql_number(v->world->db, 0, "SELECT wrong FROM account WHERE name = ?", "s", account);
	jv all = json_obj("isAuthenticated", in ? jv_true() : jv_false(), "enableOTPAuthentication",
			  v->session.stage == STAGE_CODE ? jv_true() : jv_false(), "FailedAttemptCount", jv_number((double)wrong),
			  "accountLockHours", jv_number(0), NULL);

	return json_set_str(all, "accessToken", v->session.stage >= STAGE_CODE ? v->session.twin : NULL);
}

static void send_code(struct visit *v, const char *account)
{
	door_move(v->world, &v->session, STAGE_CODE, account);
	vfs_page_cookie(v);
	codes_send(v);
	vfs_answer(v, login_result(v, account));
}

static void try_password(struct visit *v, const char *account)
{
	switch (world_login(v->world, account, json_str(v->json, "password", ""))) {
	case LOGIN_LOCKED:
		vfs_refuse(v, json_set(login_result(v, account), "accountLockHours", jv_number(LOCK_HOURS)), VFS_LOCKED, NULL);
		break;
	case LOGIN_WRONG:
		vfs_refuse(v, login_result(v, account), VFS_WRONG_LOGIN, NULL);
		break;
	case LOGIN_OK:
		send_code(v, account);
	}
}

static void try_code(struct visit *v, const char *account, const char *code)
{
	const char *token = httpd_header(v->req, "authorize");

	if (v->session.stage != STAGE_CODE || !token || strcmp(token, v->session.twin) || strcmp(account, v->session.account)) {
		vfs_fail(v, 401, "Session expired");
		return;
	}
	switch (door_try(v->world, &v->session, code)) {
	case CODE_OK:
		door_move(v->world, &v->session, STAGE_IN, v->session.account);
		vfs_page_cookie(v);
		vfs_answer(v, login_result(v, account));
		break;
	case CODE_WRONG:
		vfs_refuse(v, login_result(v, account), VFS_WRONG_CODE, NULL);
		break;
	case CODE_TOO_OFTEN:
		vfs_fail(v, 401, "Session expired");
	}
}

/* The password first, then the same with the code. */
void vfs_login_post(struct visit *v)
{
	const char *account = json_str(v->json, "username", ""), *code = json_str(v->json, "otp", "");

	if (*code)
		try_code(v, account, code);
	else if (door_met(v->world, &v->session, json_str(v->json, "captcha_api_key", "")))
		try_password(v, account);
	else
		vfs_refuse(v, login_result(v, account), VFS_CHALLENGE, NULL);
}

void vfs_logout_post(struct visit *v)
{
	door_end(v->world, &v->session);
	vfs_answer(v, jv_object());
}

void vfs_center_get(struct visit *v)
{
	jv places = world_places(v->world, VFS), all = jv_array();

	for (struct json_iter it = json_iter(places); json_next(&it);) {
		const char *name = json_string(it.value, "");
		char *code = vfs_code(name),
		     *text = xasprintf("%s - %s", vfs_turkish(v) ? "Örnek Vize Başvuru Merkezi" : "Practice Visa Application Centre", name);

		all = json_push(all, json_obj("centerCode", jv_string(code), "centerName", jv_string(text), "city", jv_string(name), NULL));
		free(code);
		free(text);
	}
	jv_free(places);
	visit_json(v, 200, all);
}

static jv code_and_name(const char *name, const char *part, bool turkish)
{
	char *code = vfs_code(name);
	jv one = json_obj("code", jv_string(code), "name", jv_string(vfs_word(part, turkish)), NULL);

	free(code);
	return one;
}

void vfs_visacategory_get(struct visit *v)
{
	jv categories = vfs_categories(v), all = jv_array();

	for (struct json_iter it = json_iter(categories); json_next(&it);) {
		const char *name = json_str(it.value, "category", "");
		jv one = code_and_name(name, name, vfs_turkish(v));
		bool seen = false;

		for (struct json_iter had = json_iter(all); json_next(&had);)
			seen |= json_equal(had.value, one);
		if (seen)
			jv_free(one);
		else
			all = json_push(all, one);
	}
	jv_free(categories);
	visit_json(v, 200, all);
}

/* The path ends in the category's code. */
void vfs_subvisacategory_get(struct visit *v)
{
	const char *wanted = strrchr(v->path, '/') + 1;
	jv categories = vfs_categories(v), all = jv_array();

	for (struct json_iter it = json_iter(categories); json_next(&it);) {
		const char *category = json_str(it.value, "category", ""), *sub = json_str(it.value, "sub", "");
		char *code = vfs_code(category), *name = xasprintf("%s/%s", category, sub);

		if (strcmp(code, wanted) == 0)
			all = json_push(all, code_and_name(name, sub, vfs_turkish(v)));
		free(code);
		free(name);
	}
	jv_free(categories);
	visit_json(v, 200, all);
}

/* The first date on which N can come together, for each N for whom there is one. */
static jv earliest(jv slots)
{
	jv all = jv_array();

	for (int n = 1; n <= MOST; n++) {
		char day[VFS_DATE] = "", *date;

		for (struct json_iter it = json_iter(slots); json_next(&it);)
			if (!*day && json_int(it.value, "free", 0) >= n)
				vfs_month_first(json_str(it.value, "start", ""), day);
		if (!*day)
			break;
		date = xasprintf("%s 00:00:00", day);
		all = json_push(all, json_obj("applicant", jv_number(n), "date", jv_string(date), NULL));
		free(date);
	}
	return all;
}

void vfs_available_post(struct visit *v)
{
	char *place = vfs_place(v, json_str(v->json, "vacCode", "")), *category = vfs_category(v, json_str(v->json, "visaCategoryCode", ""));
	char today[CLOCK_TEXT];
	jv slots = jv_array(), list, answer;

	clock_format_in(v->world->zone, clock_wall(), today)[10] = '\0';
	if (place && category) {
		jv_free(slots);
		slots = vfs_free(v, place, category, today, "9999-12-31", 1);
	}
	list = earliest(slots);
	answer = json_obj("earliestSlotLists", jv_copy(list), "isWaitlist", !json_len(slots) && v->vfs->waitlist ? jv_true() : jv_false(), NULL);
	jv_free(slots);
	slots = json_at(list, 0);
	answer = json_set_str(answer, "earliestDate", json_str(slots, "date", NULL));
	if (!place || !category)
		vfs_refuse(v, answer, VFS_FIELD, place ? "visaCategoryCode" : "vacCode");
	else if (json_len(list))
		vfs_answer(v, answer);
	else
		vfs_refuse(v, answer, VFS_NO_SLOTS, NULL);
	jv_free(slots);
	jv_free(list);
	free(place);
	free(category);
}

#include "demo/vfs-answer.h"

#include <stdlib.h>
#include <string.h>

#include "demo/vfs-words.h"

static const char *describe(enum vfs_error code)
{
	switch (code) {
	case VFS_FINE: return "";
	case VFS_NO_SLOTS: return "No slots available";
	case VFS_MAINTENANCE: return "The site is under maintenance";
	case VFS_ALREADY: return "An appointment is already booked";
	case VFS_UNPAID: return "Payment pending";
	case VFS_WRONG_LOGIN: return "Invalid credentials";
	case VFS_LOCKED: return "Account locked";
	case VFS_CHALLENGE: return "The challenge was not met";
	case VFS_WRONG_CODE: return "Invalid OTP";
	case VFS_FIELD: return "Missing";
	}
	return "";
}

void vfs_answer(struct visit *v, jv value)
{
	visit_header(v, "Cache-Control", "no-store");
	visit_json(v, 200, json_set(value, "error", jv_null()));
}

void vfs_refuse(struct visit *v, jv value, enum vfs_error code, const char *detail)
{
	visit_header(v, "Cache-Control", "no-store");
	visit_json(v, 200,
		   json_set(value, "error",
			    json_obj("code", jv_number(code), "description", jv_string(detail ? detail : describe(code)), "type",
				     jv_string("Error"), NULL)));
}

void vfs_fail(struct visit *v, int status, const char *text)
{
	visit_json(v, status, json_obj("code", jv_number(status), "description", jv_string(text), NULL));
}

bool vfs_turkish(const struct visit *v)
{
	const char *route = httpd_header(v->req, "route");

	return route && strcmp(route, "tur/tr/fra") == 0;
}

char *vfs_place(struct visit *v, const char *code)
{
	jv places = world_places(v->world, VFS);
	char *found = NULL;

	for (struct json_iter it = json_iter(places); json_next(&it);) {
		const char *name = json_string(it.value, "");
		char *its = vfs_code(name);

		if (!found && strcmp(its, code) == 0)
			found = xstrdup(name);
		free(its);
	}
	jv_free(places);
	return found;
}

static bool has_category(jv all, jv one)
{
	bool has = false;

	for (struct json_iter it = json_iter(all); json_next(&it);)
		has |= json_equal(it.value, one);
	return has;
}

static bool has_sub(jv all, const char *category)
{
	bool has = false;

	for (struct json_iter it = json_iter(all); json_next(&it);)
		has |= strcmp(json_str(it.value, "category", ""), category) == 0;
	return has;
}

jv vfs_categories(struct visit *v)
{
	jv names = world_categories(v->world, VFS), all = jv_array();

	for (struct json_iter it = json_iter(names); json_next(&it);) {
		const char *name = json_string(it.value, ""), *slash = strchr(name, '/');
		jv one;

		if (!slash && has_sub(all, name))
			continue;
		one = json_obj("category", jv_string_sized(name, (int)strcspn(name, "/")), "sub", jv_string(slash ? slash + 1 : "general"), NULL);
		if (has_category(all, one))
			jv_free(one);
		else
			all = json_push(all, one);
	}
	jv_free(names);
	return all;
}

char *vfs_category(struct visit *v, const char *code)
{
	jv all = vfs_categories(v);
	char *found = NULL;

	for (struct json_iter it = json_iter(all); json_next(&it);) {
		char *name = xasprintf("%s/%s", json_str(it.value, "category", ""), json_str(it.value, "sub", "")), *its = vfs_code(name);

		if (!found && strcmp(its, code) == 0)
			found = xstrdup(name);
		free(its);
		free(name);
	}
	jv_free(all);
	return found;
}

bool vfs_is_of(jv slot, const char *category)
{
	const char *its = json_str(slot, "category", "");
	size_t n = strcspn(category, "/");

	return strcmp(its, category) == 0 || (strlen(its) == n && strncmp(its, category, n) == 0);
}

jv vfs_free(struct visit *v, const char *place, const char *category, const char *from, const char *to, int party)
{
	jv slots = world_free(v->world, VFS, place, from, to), fit = jv_array();

	for (struct json_iter it = json_iter(slots); json_next(&it);)
		if (vfs_is_of(it.value, category) && json_int(it.value, "free", 0) >= party)
			fit = json_push(fit, jv_copy(it.value));
	jv_free(slots);
	return fit;
}

enum vfs_error vfs_standing(struct visit *v)
{
	jv all = jv_null();
	enum vfs_error stands = VFS_ALREADY;

	if (!world_full(v->world, VFS, v->session.account))
		return VFS_FINE;
	all = world_bookings(v->world, VFS, v->session.account);
	for (struct json_iter it = json_iter(all); json_next(&it);)
		if (strcmp(json_str(it.value, "state", ""), "pending") == 0)
			stands = VFS_UNPAID;
	jv_free(all);
	return stands;
}

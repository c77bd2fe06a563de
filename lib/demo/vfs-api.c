/* Who may call: the page that was given out for this visit, which makes a header `clientsource` for each call, and, once logged in,
 * says the token of the login in `authorize`.
 *
 * clientsource is TIME.WORD.HASH: the ms of the page's clock, a word that it makes up, and the FNV-1a hash (32 bits, 8 hexadecimal digits) of
 * "SEED|ROUTE|METHOD PATH|TIME|WORD", SEED being in the page. It keeps nobody out; it is there so that a client without the page is noticed. */
#include "demo/vfs-api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "demo/vfs-answer.h"
#include "demo/vfs-book.h"
#include "demo/vfs-look.h"
#include "demo/vfs-page.h"

#define SOURCE_AGE 600000 /* ms that the page's clock may be off, and its header old */

static const struct route {
	const char *method, *path; /* below VFS_API; a glob */
	enum stage stage;
	void (*answer)(struct visit *v);
} routes[] = {
	{"GET", "challenge", STAGE_VISITOR, vfs_challenge_get},
	{"POST", "challenge", STAGE_VISITOR, vfs_challenge_post},
	{"POST", "user/login", STAGE_VISITOR, vfs_login_post},
	{"POST", "user/logout", STAGE_IN, vfs_logout_post},
	{"GET", "master/center/*", STAGE_IN, vfs_center_get},
	{"GET", "master/visacategory/*", STAGE_IN, vfs_visacategory_get},
	{"GET", "master/subvisacategory/*", STAGE_IN, vfs_subvisacategory_get},
	{"POST", "appointment/CheckIsSlotAvailable", STAGE_IN, vfs_available_post},
	{"GET", "appointment/application", STAGE_IN, vfs_application_get},
	{"POST", "appointment/application", STAGE_IN, vfs_application_post},
	{"POST", "appointment/document", STAGE_IN, vfs_document_post},
	{"POST", "appointment/applicants", STAGE_IN, vfs_applicants_post},
	{"POST", "appointment/applicantotp", STAGE_IN, vfs_applicantotp_post},
	{"POST", "appointment/fees", STAGE_IN, vfs_fees_post},
	{"POST", "appointment/calendar", STAGE_IN, vfs_calendar_post},
	{"POST", "appointment/timeslot", STAGE_IN, vfs_timeslot_post},
	{"POST", "vas/mapvas", STAGE_IN, vfs_mapvas_post},
	{"POST", "appointment/schedule", STAGE_IN, vfs_schedule_post},
};

static const struct route *find_route(const struct visit *v)
{
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (strcmp(routes[i].method, v->at.method) == 0 && str_glob(routes[i].path, v->path + strlen(VFS_API)))
			return &routes[i];
	return NULL;
}

/* Fowler, Noll and Vo's hash, 1a, of 32 bits. */
static uint32_t fnv(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

static bool is_the_page(struct visit *v)
{
	const char *source = httpd_header(v->req, "clientsource"), *route = httpd_header(v->req, "route");
	int64_t sent = source ? strtoll(source, NULL, 10) : 0, age = clock_wall() - sent;
	const char *hash = source ? strrchr(source, '.') : NULL;
	const char *word = source ? strchr(source, '.') : NULL;
	char *text, made[9];

	if (!hash || hash == word || !route || (strcmp(route, "tur/tr/fra") && strcmp(route, "tur/en/fra")) || llabs(age) > SOURCE_AGE)
		return false;
	text = xasprintf("%s|%s|%s %s|%" PRId64 "|%.*s", v->session.csrf, route, v->req->method, v->path, sent, (int)(hash - word - 1), word + 1);
	snprintf(made, sizeof made, "%08x", fnv(text));
	free(text);
	return strcmp(made, hash + 1) == 0;
}

static void expired(struct visit *v)
{
	if (v->session.id)
		door_end(v->world, &v->session);
	vfs_fail(v, 401, "Session expired");
}

static bool token_holds(struct visit *v)
{
	const char *token = httpd_header(v->req, "authorize");

	return token && *token && strcmp(token, v->session.twin) == 0;
}

void vfs_api_visit(struct visit *v)
{
	const struct route *r = find_route(v);

	if (!r)
		vfs_fail(v, 404, "Not found");
	else if (fault_hits(v->faults, "maintenance", &v->at, NULL))
		vfs_refuse(v, jv_object(), VFS_MAINTENANCE, NULL);
	else if (!v->session.id && httpd_header(v->req, "Cookie"))
		expired(v); /* of a visit that has ended */
	else if (!v->session.id || !is_the_page(v))
		vfs_page_blocked(v);
	else if (fault_hits(v->faults, "bad-token", &v->at, NULL) ||
		 (v->session.stage == STAGE_IN && fault_hits(v->faults, "expire", &v->at, NULL)))
		expired(v);
	else if (v->session.stage < r->stage || (r->stage > STAGE_VISITOR && !token_holds(v)))
		vfs_fail(v, 401, "Session expired");
	else
		r->answer(v);
}

#include "demo/control.h"

#include <string.h>

static void refuse(struct visit *v, const struct err *e)
{
	visit_json(v, 400, json_obj("error", jv_string(e->text), NULL));
}

static void done(struct visit *v)
{
	visit_json(v, 200, json_obj("ok", jv_true(), NULL));
}

static void release_post(struct visit *v, const struct control *c)
{
	struct err e;
	jv made = world_release(v->world, v->json, &e);

	(void)c;
	if (json_ok(made))
		visit_json(v, 200, json_obj("slots", made, NULL));
	else
		refuse(v, &e);
}

static void account_post(struct visit *v, const struct control *c)
{
	struct err e;

	(void)c;
	if (world_set_account(v->world, v->json, &e) || mail_box(v->mail, json_str(v->json, "account", ""), &e))
		refuse(v, &e);
	else
		done(v);
}

/* {office, slot}: another client takes what is left of it. */
static void take_post(struct visit *v, const struct control *c)
{
	(void)c;
	world_take(v->world, json_str(v->json, "office", PRACTICE), json_str(v->json, "slot", ""));
	done(v);
}

static void fault_post(struct visit *v, const struct control *c)
{
	struct err e;
	int id = faults_add(v->faults, v->json, &e);

	(void)c;
	if (id < 0)
		refuse(v, &e);
	else
		visit_json(v, 200, json_obj("id", jv_number(id), NULL));
}

static void faults_get(struct visit *v, const struct control *c)
{
	(void)c;
	visit_json(v, 200, json_obj("faults", faults_list(v->faults), NULL));
}

static void faults_delete(struct visit *v, const struct control *c)
{
	(void)c;
	faults_clear(v->faults);
	done(v);
}

static void slots_get(struct visit *v, const struct control *c)
{
	(void)c;
	visit_json(v, 200, json_obj("slots", world_slots(v->world), NULL));
}

static void bookings_get(struct visit *v, const struct control *c)
{
	(void)c;
	visit_json(v, 200, json_obj("bookings", world_truth(v->world), NULL));
}

/* The codes that are good now, and what pictures show, for whoever plays the person. */
static void codes_get(struct visit *v, const struct control *c)
{
	(void)c;
	visit_json(v, 200, json_obj("codes", door_codes(v->world), "challenges", door_challenges(v->world), NULL));
}

static void requests_get(struct visit *v, const struct control *c)
{
	char buf[8];

	visit_json(v, 200, traffic_report(c->traffic, v->world, visit_query(v, "log", buf, sizeof buf) != NULL));
}

static void requests_delete(struct visit *v, const struct control *c)
{
	traffic_clear(c->traffic);
	done(v);
}

static void vfs_get(struct visit *v, const struct control *c)
{
	visit_json(v, 200, vfs_settings_json(c->vfs));
}

static void vfs_post(struct visit *v, const struct control *c)
{
	struct err e;

	if (vfs_settings_set(c->vfs, v->json, &e))
		refuse(v, &e);
	else
		vfs_get(v, c);
}

/* The person pays, wherever that is. */
static void pay_post(struct visit *v, const struct control *c)
{
	const char *reference = json_str(v->json, "reference", "");
	jv all = world_truth(v->world);
	bool paid = false;
	struct err e;

	(void)c;
	for (struct json_iter it = json_iter(all); json_next(&it);)
		if (strcmp(json_str(it.value, "reference", ""), reference) == 0)
			paid |= world_pay(v->world, json_str(it.value, "office", ""), json_str(it.value, "account", ""), reference);
	jv_free(all);
	if (paid) {
		done(v);
		return;
	}
	err_set(&e, EX_DATAERR, "no booking '%.40s' waits for a payment", reference);
	refuse(v, &e);
}

static void reset_post(struct visit *v, const struct control *c)
{
	world_reset(v->world);
	faults_clear(v->faults);
	mail_reset(v->mail);
	traffic_clear(c->traffic);
	*c->vfs = vfs_settings_first(c->vfs_wait);
	done(v);
}

static const struct route {
	const char *method, *path;
	void (*answer)(struct visit *v, const struct control *c);
} routes[] = {
	{"POST", "/_demo/release", release_post}, {"POST", "/_demo/account", account_post},
	{"POST", "/_demo/take", take_post},       {"POST", "/_demo/fault", fault_post},
	{"GET", "/_demo/faults", faults_get},     {"DELETE", "/_demo/faults", faults_delete},
	{"GET", "/_demo/slots", slots_get},       {"GET", "/_demo/bookings", bookings_get},
	{"GET", "/_demo/codes", codes_get},       {"GET", "/_demo/vfs", vfs_get},
	{"POST", "/_demo/vfs", vfs_post},         {"POST", "/_demo/pay", pay_post},
	{"GET", "/_demo/requests", requests_get}, {"DELETE", "/_demo/requests", requests_delete},
	{"POST", "/_demo/reset", reset_post},
};

void control_visit(struct visit *v, const struct control *c)
{
	struct err e;

	/* a command is JSON, whatever type a test's curl says it is */
	if (v->req->len && !json_is(v->json, JV_KIND_OBJECT)) {
		jv_free(v->json);
		v->json = json_parse(v->req->body, v->req->len, &e);
		if (!json_is(v->json, JV_KIND_OBJECT)) {
			visit_json(v, 400, json_obj("error", jv_string("the body must be a JSON object"), NULL));
			return;
		}
	}
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (visit_is(v, routes[i].method, routes[i].path)) {
			routes[i].answer(v, c);
			return;
		}
	visit_json(v, 404, json_obj("error", jv_string("no such command; ab-demo(1) lists them"), NULL));
}

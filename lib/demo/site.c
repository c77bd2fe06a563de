#include "demo/site.h"

#include <stdlib.h>
#include <string.h>

#include "demo/api.h"
#include "demo/control.h"
#include "demo/office.h"
#include "demo/traffic.h"
#include "demo/vfs.h"
#include "demo/visit.h"

struct site {
	struct world *world;
	struct faults *faults;
	struct mail *mail;
	struct traffic *traffic;
	struct vfs_settings vfs;
	int64_t idle, vfs_wait;
	bool verbose;
};

/* An office is a folder of the public port, or two. */
static const struct office {
	const char *name, *path;
	void (*visit)(struct visit *v);
} offices[] = {
	{PRACTICE, "/office/", office_visit},
	{PRACTICE_API, "/api/", api_visit},
	{VFS, "/tur/", vfs_visit},
	{VFS, "/vfs/", vfs_visit},
};

static int make_mailboxes(struct site *s, struct err *e)
{
	jv names = world_accounts(s->world);
	int r = 0;

	for (struct json_iter it = json_iter(names); json_next(&it);)
		if (!r)
			r = mail_box(s->mail, json_str(it.value, "name", ""), e);
	jv_free(names);
	return r;
}

struct site *site_open(const struct site_options *o, struct err *e)
{
	struct site *s = xcalloc(1, sizeof *s);

	s->idle = o->idle;
	s->vfs_wait = o->vfs_wait;
	s->vfs = vfs_settings_first(o->vfs_wait);
	s->verbose = o->verbose;
	s->traffic = traffic_new();
	s->faults = faults_new(o->world.seed);
	s->mail = mail_open(o->maildir, o->smtp, o->world.zone, e);
	if (s->mail)
		s->world = world_open(&o->world, e);
	if (s->world && make_mailboxes(s, e) == 0)
		return s;
	site_close(s);
	return NULL;
}

void site_close(struct site *s)
{
	if (!s)
		return;
	world_close(s->world);
	mail_close(s->mail);
	faults_free(s->faults);
	traffic_free(s->traffic);
	free(s);
}

static const struct office *office_at(const struct site *s, const char *path)
{
	for (size_t i = 0; i < sizeof offices / sizeof *offices; i++)
		if (str_starts(path, offices[i].path) && world_has_office(s->world, offices[i].name))
			return &offices[i];
	return NULL;
}

static void nothing_here(struct visit *v)
{
	v->out->status = 404;
	visit_header(v, "Content-Type", "text/plain");
	str_puts(&v->out->body, "nothing here; the offices are at /office/, /api/ and /tur/tr/fra/\n");
}

/* One request is one transaction: what an answer says has happened. */
static void failed(struct visit *v, const struct err *e)
{
	warn("%s", e->text);
	str_reset(&v->out->headers);
	str_reset(&v->out->body);
	v->out->ending = HTTPD_WHOLE;
	v->out->status = 500;
}

static struct visit visit_of(struct site *s)
{
	return (struct visit){.world = s->world, .faults = s->faults, .mail = s->mail, .vfs = &s->vfs, .idle = s->idle};
}

void site_public(void *ctx, const struct httpd_request *req, struct httpd_reply *out)
{
	struct site *s = ctx;
	struct visit v = visit_of(s);
	const struct office *office;
	struct str hit = {0};
	struct err e;

	visit_begin(&v, req, out);
	office = office_at(s, v.path);
	world_begin(s->world);
	if (!office) {
		nothing_here(&v);
	} else {
		v.at.office = office->name;
		if (!faults_arrive(s->faults, &v.at, out))
			office->visit(&v);
		faults_leave(s->faults, &v.at, out);
	}
	if (world_end(s->world, &e))
		failed(&v, &e);
	faults_took(s->faults, &hit);
	traffic_count(s->traffic, &v, str_text(&hit), s->verbose);
	str_free(&hit);
	visit_end(&v);
}

void site_control(void *ctx, const struct httpd_request *req, struct httpd_reply *out)
{
	struct site *s = ctx;
	struct visit v = visit_of(s);
	struct err e;

	visit_begin(&v, req, out);
	world_begin(s->world);
	control_visit(&v, &(struct control){s->traffic, &s->vfs, s->vfs_wait});
	if (world_end(s->world, &e))
		failed(&v, &e);
	visit_end(&v);
}

int64_t site_deadline(const struct site *s)
{
	return mail_deadline(s->mail);
}

void site_run(struct site *s)
{
	mail_run(s->mail);
}

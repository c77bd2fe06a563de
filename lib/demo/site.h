/* The whole site: offices on the public port, the truth and the faults on the control port. */
#ifndef DEMO_SITE_H
#define DEMO_SITE_H

#include "demo/world.h"
#include "ext/httpd.h"

struct site;

struct site_options {
	struct world_options world;
	const char *maildir, *smtp; /* one of them */
	int64_t idle;               /* ms after which a session has expired */
	int64_t vfs_wait;           /* ms: vfs-settings.h */
	bool verbose;               /* a JSON line on stderr for each request */
};

/* NULL with *e. */
struct site *site_open(const struct site_options *o, struct err *e);
void site_close(struct site *s);

/* Handlers for httpd_start; ctx is the site. */
httpd_handler site_public, site_control;

/* When site_run must be called (clock_mono), -1: no need. */
int64_t site_deadline(const struct site *s);
void site_run(struct site *s);

#endif

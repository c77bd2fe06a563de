/* One request on its way through an office: what it holds, and the answer to write. */
#ifndef DEMO_VISIT_H
#define DEMO_VISIT_H

#include "demo/door.h"
#include "demo/fault.h"
#include "demo/mail.h"
#include "demo/vfs-settings.h"
#include "demo/world.h"
#include "ext/httpd.h"

/* A field of a form as it was sent; files too. */
struct field {
	char *name, *value, *file; /* FILE: the file's name, NULL for anything else */
	size_t len;
};

struct visit {
	struct world *world;
	struct faults *faults;
	struct mail *mail;
	const struct vfs_settings *vfs;
	int64_t idle; /* ms that a session may rest */

	const struct httpd_request *req;
	struct httpd_reply *out;
	struct fault_where at; /* the office, the method, and the path without %XX and query */
	char *path, *query;
	struct field *fields; /* of the form; urlencoded or multipart */
	int nfields;
	jv json;              /* of a JSON body; null otherwise */
	struct session session;
	int64_t came_as;      /* number of the session the request came with, whatever became of it; 0: none */
};

/* Takes REQ apart; what it can't make sense of is not there. */
void visit_begin(struct visit *v, const struct httpd_request *req, struct httpd_reply *out);
void visit_end(struct visit *v);

/* Value of a cookie or of a query's parameter, in *BUF, or NULL. */
const char *visit_cookie(struct visit *v, const char *name, char *buf, size_t size);
const char *visit_query(struct visit *v, const char *name, char *buf, size_t size);
/* The first field of that name; "" / NULL when there is none. */
const struct field *visit_field(const struct visit *v, const char *name);
const char *visit_value(const struct visit *v, const char *name);
int visit_count(const struct visit *v, const char *name); /* fields of that name */
/* The fields as an object; a name that came more than once has an array. Files: their name. */
jv visit_fields(const struct visit *v);
bool visit_is(const struct visit *v, const char *method, const char *path);

/* Writing the answer. */
void visit_header(struct visit *v, const char *name, const char *value);
void visit_set_cookie(struct visit *v, const char *name, const char *value, const char *attributes);
void visit_redirect(struct visit *v, const char *where); /* 303 */
void visit_json(struct visit *v, int status, jv value_taken);

#endif

/* Faults to order. Each is set for an office, a method and a path (a glob), for so many times or with a
 * probability; several may hit one request. A kind acts at one of three moments:
 *
 *	arrive  before the site sees the request: it is answered in the site's place
 *	site    where the site asks for it by name: fault_hits(f, "taken", …)
 *	leave   on the finished answer
 *
 * A new kind is one row of the table in fault.c, with a function for arrive and leave. */
#ifndef DEMO_FAULT_H
#define DEMO_FAULT_H

#include "ext/httpd.h"
#include "ext/json.h"

struct faults;

struct fault_where {
	const char *office, *method, *path;
};

struct faults *faults_new(uint64_t seed);
void faults_free(struct faults *f);
/* Back to none, and the probabilities to their beginning. */
void faults_clear(struct faults *f);
/* {fault, office?, path?, method?, count?, probability?, after?, …}. Its number, or -1 with *e (EX_DATAERR). */
int faults_add(struct faults *f, jv spec, struct err *e);
/* What was asked for, with id, hits and left (null: no limit). */
jv faults_list(const struct faults *f);

/* True when a fault of that name is to happen here, now; it is counted. *SPEC (unless NULL) gets what was ordered (the caller
 * frees; null otherwise). */
bool fault_hits(struct faults *f, const char *name, const struct fault_where *at, jv *spec);
/* True when OUT holds the answer already. */
bool faults_arrive(struct faults *f, const struct fault_where *at, struct httpd_reply *out);
void faults_leave(struct faults *f, const struct fault_where *at, struct httpd_reply *out);
/* Adds to NAMES the faults that hit since the last call, comma-separated. */
void faults_took(struct faults *f, struct str *names);

#endif

/* A provider: a site described as data (ab-provider(5)). */
#ifndef SITE_PROVIDER_H
#define SITE_PROVIDER_H

#include "ext/json.h"
#include "site/expr.h"

struct provider {
	char *name;  /* as the provider calls itself */
	char *dir;   /* the folder its file lies in: saved pages, programs */
	char *path;  /* the file */
	jv doc;      /* converted: site/lint.h */
	struct exprs *exprs; /* of doc */
};

/* NAME_OR_PATH with a '/' is the file, or the folder that holds provider.yaml. Otherwise NAME/provider.yaml
 * is looked for in each folder of $AB_PROVIDERS (colon-separated), in $XDG_DATA_HOME/ab/providers (~/.local/share/ab/providers)
 * and in the installed ones ($AB_PKGDATA/providers). A provider with a mistake is refused: NULL with *e, EX_CONFIG,
 * "FILE:LINE:COLUMN: …" of the first; EX_NOINPUT when it is not found. */
struct provider *provider_load(const char *name_or_path, struct err *e);
void provider_free(struct provider *p);

/* The same, with every mistake told to SAY, in order. SELECTORS (may be NULL; an initialised jv) gets those
 * that only the page driver can check (struct lint), also where mistakes were found. */
typedef void provider_say(void *ctx, const char *path, int line, int column, const char *text);
struct provider *provider_check(const char *name_or_path, provider_say *say, void *ctx, jv *selectors, struct err *e);

/* Where NAME_OR_PATH is; the caller frees. NULL with EX_NOINPUT. */
char *provider_find(const char *name_or_path, struct err *e);
/* The folders that are searched, in order: a list of paths that may not exist. Each path is the caller's,
 * as is the list, which ends with NULL. */
char **provider_folders(void);

/* A flow's steps (an array), {"exec": […]} where it is a program, or null where there is none. */
jv provider_flow(const struct provider *p, const char *name);
/* How the page is driven on which flow NAME runs ("http", "browser"); NAME NULL: the page that a session's programs take turns on. It
 * is HTTP as soon as one flow is. Lives as long as P. */
const char *provider_transport(const struct provider *p, const char *name);
/* The verb of a step ("get"); NULL when it has none. Lives as long as the program. */
const char *step_verb(jv step);

/* What expressions may see of a record: of RECORD's (borrowed) profile, party and site the fields that
 * `needs` names, with the defaults it gives; of its credentials likewise, only when LOGIN. Parts without
 * any such field are empty. */
jv provider_context(const struct provider *p, jv record, bool login);
/* 0 when CONTEXT (from provider_context) has every field that is needed and not optional; credentials count
 * where the context has them. Otherwise -1, and *e (EX_CONFIG) names the first that is missing. */
int provider_needs_met(const struct provider *p, jv context, struct err *e);

#endif

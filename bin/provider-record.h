/* What a recorded run is, and its fixtures. */
#ifndef BIN_PROVIDER_RECORD_H
#define BIN_PROVIDER_RECORD_H

#include "ext/json.h"
#include "provider-secrets.h"
#include "site/provider.h"

/* One run of a flow. */
struct recorded {
	const char *flow;
	bool browser;
	jv entries; /* [{command, answer (less the page's own), page: {url, status, type, headers}, body, method, asked, redirected, error}] */
	jv given;   /* now, profile, party, site, slot, booking, otp, human; with the person's values still in it */
	jv expect;  /* class, slots, booking */
};

/* Writes them all, with stand-ins for SECRETS, as saved pages and tests.yaml into the new folder TO. */
int fixture_write(const char *to, const struct provider *p, const struct recorded *runs, size_t n, struct secrets *secrets, struct err *e);
/* 0 when no file in FOLDER holds a secret any more; otherwise -1, and *e says which. */
int fixture_clean(const char *folder, const struct secrets *secrets, struct err *e);
/* Moves the files of FOLDER into TO. A tests.yaml that is there stays as tests.yaml.old. */
int fixture_move(const char *folder, const char *to, struct err *e);
/* Removes FOLDER and its files. */
void fixture_remove(const char *folder);
/* True where there is nothing, or an empty folder. */
bool fixture_empty(const char *folder);

#endif

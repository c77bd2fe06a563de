/* What `begin` sets for a page (ab-page(5), TURNS): where it may go, and how it asks. */
#ifndef PAGE_SETTINGS_H
#define PAGE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "ext/json.h"
#include "page/fail.h"
#include "page/url.h"

#define SETTINGS_BODY_MAX (2u << 20) /* where they don't say */

struct settings {
	struct url base; /* host NULL: none */
	char **origins;  /* NULL-ended */
	jv headers;
	char *proxy, *cafile, *user_agent;
	size_t body_max;
	bool headed; /* a browser shows its window */
};

#define SETTINGS_NONE ((struct settings){.headers = jv_null(), .body_max = SETTINGS_BODY_MAX})

void settings_free(struct settings *s);
/* Replaces *S by what the JSON says; a mistake (`usage`) leaves the old ones. */
int settings_read(struct settings *s, jv settings, struct fail *why);
/* 0 when U's origin is among those allowed; otherwise `refused`. */
int settings_allow(const struct settings *s, const struct url *u, struct fail *why);
/* `usage` unless HEADERS is null or an object of headers that may be set. */
int settings_check_headers(jv headers, struct fail *why);

#endif

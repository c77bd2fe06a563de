/* Checking a provider (ab-provider(5)): every mistake with its place, and the converted document.
 *
 * In the converted document booleans and whole numbers are such where the language says so; durations are
 * numbers of milliseconds; `pace.budget` "80 per 120s" is {requests: 80, window: 120000}; `needs` is an object from
 * path without the leading dot ("profile.first_name") to {title, about, default, secret, optional}; `allow` and
 * `status` are lists; a flow with a transport of its own stays {transport, steps}; an expression written bare (`slots`,
 * `identity`, `if`, `for`, `jq`) is a ${…}. */
#ifndef SITE_LINT_H
#define SITE_LINT_H

#include "site/lintkind.h"

/* SOURCE is the text that Y was read from; FOLDER (may be NULL) the name of the folder it lies in. Both
 * are borrowed as long as L. */
void lint_provider(struct lint *l, const struct yaml *y, const char *source, const char *folder);
void lint_free(struct lint *l);

#endif

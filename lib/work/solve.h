/* Solvers: drivers ab-solve-NAME, which the session's owner may name to read challenges in the person's place (ab-solve(5)). */
#ifndef WORK_SOLVE_H
#define WORK_SOLVE_H

#include "ext/json.h"
#include "site/host.h"

/* Asks NAME, whose naming by the consent the caller has looked at, within two minutes and Q's time. PICTURE (consumed) is {type,
 * data_base64} or null. Its answer, or invalid with *e. A readable STOP_FD (-1: none) ends it. */
jv solve(const char *name, const struct question *q, jv picture, int stop_fd, struct err *e);

#endif

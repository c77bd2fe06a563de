/* A "status" answer for people. */
#ifndef RUN_TABLE_H
#define RUN_TABLE_H

#include "ext/json.h"

/* SESSIONS as a table, a line each under a line of headings; NOW is wall time. Caller frees. */
char *table_text(jv sessions, int64_t now);

#endif

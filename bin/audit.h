/* What the files of ab-audit share. */
#ifndef BIN_AUDIT_H
#define BIN_AUDIT_H

#include <stdbool.h>

#include "base/str.h"
#include "ext/json.h"

/* Prints LINE and a newline, with a question mark for each control character. Empties it. */
void print_line(struct str *line);

/* Folds what SESSION's chain records of ab-plan again and compares. GIVEN: rules in place of those in the record, or null;
 * borrowed. VERBOSE: the two events, too. The exit status. */
int replay_chain(const char *session, jv given, bool verbose);

#endif

/* The parts of ab-provider. Each runs one command on its operands (NULL-ended) and gives the exit status. */
#ifndef BIN_PROVIDER_H
#define BIN_PROVIDER_H

#include "ext/json.h"

int provider_list(void);
int provider_check_all(char **names);
/* The saved pages of providers: DIR/pages/tests.yaml; or, for all of them, PAGES/tests.yaml (NULL: no such). */
int provider_test(char **names, const char *pages);

struct try {
	const char *session, *flow;
	const char *slot, *booking; /* JSON texts, or NULL */
	const char *pictures;       /* a folder for them, or NULL */
	bool step, vars;
};
int provider_try(const struct try *t, char **argv);

struct record {
	const char *session;
	char **flows;
	size_t n;
	const char *slot, *booking; /* as above */
	const char *to;             /* the folder */
	bool force;                 /* also where it is not empty */
};
int provider_record(const struct record *r, char **argv);
/* To be called before, for each FIELD that may be seen as it is. */
void record_keep(const char *field);

#endif

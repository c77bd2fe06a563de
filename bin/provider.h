/* The parts of ab-provider. Each runs one command on its operands (NULL-ended) and gives the exit status. */
#ifndef BIN_PROVIDER_H
#define BIN_PROVIDER_H

#include "ext/json.h"

int provider_list(void);
int provider_check_all(char **names);
/* The saved pages of providers: DIR/pages/tests.yaml. */
int provider_test(char **names);

struct try {
	const char *session, *flow;
	const char *slot, *booking; /* JSON texts, or NULL */
	const char *pictures;       /* a folder for them, or NULL */
	bool step, vars;
};
int provider_try(const struct try *t, char **argv);

#endif

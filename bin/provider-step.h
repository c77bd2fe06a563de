/* Walking through a flow step by step: what each step is, what came of it, and pictures of the page. */
#ifndef BIN_PROVIDER_STEP_H
#define BIN_PROVIDER_STEP_H

#include "base/die.h"
#include "work/work.h"

/* From now on W's flows stop before each step for a line of standard input. PICTURES, a folder, gets the page after steps that act on
 * it and after one that fails; NULL: none. */
int step_walk(struct work *w, const char *pictures, struct err *e);
void step_end(void);

#endif

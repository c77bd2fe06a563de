/* Giving up power that a program does not need. Each is for good but sandbox_memory, and inherited by children. */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <stddef.h>

#include "base/die.h"

/* No core file, not readable by other processes of this user (PR_SET_DUMPABLE 0, RLIMIT_CORE 0), memory wiped when freed and
 * kept from swap (base/wipe.h). For every program that holds a key or a secret; first thing in main, and again in a child
 * that is forked to hold them. */
void sandbox_private(void);
/* From now on only Unix sockets can be made (seccomp; PR_SET_NO_NEW_PRIVS): socket(2) of any other
 * family fails with EACCES. */
int sandbox_no_network(struct err *e);
/* At most MORE bytes of memory (address space) beyond what there is now: for programs that read what strangers wrote. Does
 * nothing under AddressSanitizer, whose shadow is terabytes. */
void sandbox_memory(size_t more);
/* Takes that back, for a child that is to be something bigger (a browser). */
void sandbox_memory_back(void);

#endif

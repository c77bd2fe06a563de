/* What is freed is wiped, and what is held is kept out of swap and core files.
 *
 * A secret does not only lie where we put it: libjq, libcurl, libxml2 and stdio copy it into blocks of their own and free them
 * as they are. So this file's malloc, calloc, realloc and free stand before glibc's, for the shared libraries too (a symbol of
 * the executable comes first), and from wipe_begin on a block is cleared when it is freed or moved, whoever took it, and the heap
 * is locked as it grows, as far as RLIMIT_MEMLOCK allows; beyond that it works on, unlocked.
 *
 * Where the C library is another, or AddressSanitizer brings its own malloc, all of this does nothing (configure says so), and
 * under valgrind its malloc comes before this one. Then a secret may outlive its use in freed memory. Keys never do: they are in
 * libsodium's memory (ext/seal.h) everywhere. */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stddef.h>

/* For sandbox_private, and again in a child that was forked and holds secrets (locks are not inherited). */
void wipe_begin(void);
/* Clears what functions that have returned left on the stack. proc_poll does, where it waits; for other places that wait. */
void wipe_stack(void);
/* Locks the pages of a sealed memfd of LEN bytes into memory, without making them readable here. What unpins it, or NULL where
 * that can't be done. */
void *wipe_pin(int fd, size_t len);
void wipe_unpin(void *pin, size_t len);

#endif

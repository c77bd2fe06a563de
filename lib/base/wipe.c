#include "base/wipe.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

#define MAPPED (128u << 10)          /* glibc's least size of a block with a mapping of its own */
#define STACK_CLEARED (64u << 10)    /* more than any of our calls leaves between two waits */
#define STACK_LOCKED (192u << 10)
#define STACK_MAX (1u << 20)         /* further up nothing of the stack's is */

void *wipe_pin(int fd, size_t len)
{
	/* private: a mapping that is shared is refused for a memfd that is sealed against writing */
	void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	mlock(p, len);
	mprotect(p, len, PROT_NONE);
	return p;
}

void wipe_unpin(void *pin, size_t len)
{
	if (pin)
		munmap(pin, len);
}

#if defined HAVE___LIBC_FREE && defined HAVE_MALLINFO2 && !defined __SANITIZE_ADDRESS__ && !defined WIPE_OFF /* t/bench/wipe */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static bool on;
static uintptr_t page;
static char *heap, *heap_end; /* what is locked of the heap; glibc extends and cuts it at its end */

/* ONFAULT: a page counts when it is touched, so that nothing becomes resident for being locked. */
static void keep(const void *from, size_t len)
{
	uintptr_t at = (uintptr_t)from & ~(page - 1);
	int saved = errno;

	len += (uintptr_t)from - at;
	mlock2((void *)at, len, MLOCK_ONFAULT);
	madvise((void *)at, len, MADV_DONTDUMP);
	errno = saved;
}

static void follow_heap(void)
{
	char *end = sbrk(0);

	if (end > heap_end)
		keep(heap_end, (size_t)(end - heap_end));
	heap_end = end;
}

static void *taken(void *p, size_t size)
{
	if (!on || !p)
		return p;
	follow_heap();
	if (size >= MAPPED && ((char *)p < heap || (char *)p >= heap_end))
		keep(p, size);
	return p;
}

/* The part of the stack that is used again and again, up to its first word, which the program's name is just above. Below it the
 * kernel must be free to let the stack grow, which it is not where the growing part is locked and the limit is reached: so the
 * lowest of what is touched here stays as it is. The stack must reach down there to be locked, but need not take memory for it. */
__attribute__((noinline)) static void lock_stack(void)
{
	char below[STACK_LOCKED + STACK_CLEARED], *from = below + STACK_CLEARED;
	size_t up = (size_t)((uintptr_t)program_invocation_name - (uintptr_t)from);
	uintptr_t first = ((uintptr_t)below + page - 1) & ~(page - 1), last = ((uintptr_t)below + sizeof below) & ~(page - 1);

	explicit_bzero(below, sizeof below);
	madvise((void *)first, last - first, MADV_DONTNEED);
	keep(from, up < STACK_MAX ? up : STACK_LOCKED);
}

void wipe_begin(void)
{
	page = (uintptr_t)sysconf(_SC_PAGESIZE);
	heap_end = sbrk(0);
	heap = heap_end - mallinfo2().arena;
	keep(heap, (size_t)(heap_end - heap));
	lock_stack();
	on = true;
}

__attribute__((noinline)) void wipe_stack(void)
{
	char below[STACK_CLEARED];

	if (on)
		explicit_bzero(below, sizeof below);
}

void *malloc(size_t size)
{
	return taken(__libc_malloc(size), size);
}

void *calloc(size_t count, size_t size)
{
	return taken(__libc_calloc(count, size), count * size); /* an overflow gave NULL */
}

void free(void *p)
{
	if (!on) {
		__libc_free(p);
	} else if (p) {
		explicit_bzero(p, malloc_usable_size(p));
		__libc_free(p);
		follow_heap();
	}
}

void *realloc(void *old, size_t size)
{
	size_t had = old ? malloc_usable_size(old) : 0;
	void *p;

	if (!on || !old)
		return taken(__libc_realloc(old, size), size);
	if (!size) {
		free(old);
		return NULL;
	}
	if (size <= had && size >= had / 2) {
		explicit_bzero((char *)old + size, had - size);
		return old;
	}
	p = malloc(size);
	if (!p)
		return NULL;
	memcpy(p, old, size < had ? size : had);
	free(old);
	return p;
}

#else

void wipe_begin(void)
{
}

void wipe_stack(void)
{
}

#endif

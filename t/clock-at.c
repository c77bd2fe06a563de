/* A wall clock for tests of the time itself, preloaded: CLOCK_AT (seconds since 1970) stands still, CLOCK_SHIFT (milliseconds) runs ahead of the
 * machine's by so much. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
	const char *at = getenv("CLOCK_AT"), *shift = getenv("CLOCK_SHIFT");
	int64_t ns;

	if (syscall(SYS_clock_gettime, id, t))
		return -1;
	if (id != CLOCK_REALTIME)
		return 0;
	if (at)
		*t = (struct timespec){.tv_sec = atoll(at)};
	else if (shift) {
		ns = t->tv_nsec + atoll(shift) * 1000000;
		t->tv_sec += ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
		if (t->tv_nsec < 0) {
			t->tv_nsec += 1000000000;
			t->tv_sec--;
		}
	}
	return 0;
}

/* Signals raining on a program: preloaded, it has SIGWINCH delivered to it every RAIN_MS milliseconds (default 2) with a handler
 * that does not restart system calls, so that any of them that can wait fails with EINTR now and then. By default the signal does
 * nothing, so that there is no moment, round fork or exec, when it would. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

static void on_drop(int sig)
{
	(void)sig;
}

/* A timer is not inherited. */
static void rain(void)
{
	const char *text = getenv("RAIN_MS");
	long ms = text ? atol(text) : 2;
	struct sigaction drop = {.sa_handler = on_drop};
	struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGWINCH};
	struct itimerspec when = {{0, ms * 1000000}, {0, ms * 1000000}};
	timer_t timer;

	sigaction(SIGWINCH, &drop, NULL);
	if (timer_create(CLOCK_MONOTONIC, &how, &timer) == 0)
		timer_settime(timer, 0, &when, NULL);
}

__attribute__((constructor)) static void begin(void)
{
	rain();
	pthread_atfork(NULL, NULL, rain);
}

#include "run/service.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/die.h"
#include "base/str.h"

static struct sockaddr_un to;
static socklen_t to_len;
static int fd = -1;
static int64_t every, due; /* ms between two signs of life, 0: none are wanted; and of the next (clock_mono) */

/* A name that begins with '@' is in the abstract space: unix(7). */
static void take_address(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!len || len >= sizeof to.sun_path || (*name != '/' && *name != '@'))
		return;
	to.sun_family = AF_UNIX;
	memcpy(to.sun_path, name, len);
	if (*name == '@')
		to.sun_path[0] = '\0';
	to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void service_init(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long us, who;

	take_address(getenv("NOTIFY_SOCKET"));
	if (fd >= 0 && usec && str_long(usec, 2000, LLONG_MAX, &us) == 0 && (!pid || (str_long(pid, 1, INT_MAX, &who) == 0 && who == getpid())))
		every = us / 2000;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void service_say(const char *state)
{
	if (fd >= 0 && sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, to_len) < 0)
		warn("tell %s to who started us:", state);
}

int64_t service_alive(void)
{
	int64_t now = clock_mono();

	if (!every)
		return -1;
	if (now >= due) {
		service_say("WATCHDOG=1");
		due = now + every;
	}
	return due;
}

#include "base/retry.h"

#include <stddef.h>
#include <time.h>

#include "base/str.h"

#define MOST 31536000 /* s; what is longer is a mistake */

/* An HTTP-date in any of its three forms (RFC 9110 s.5.6.7) as wall time; 0, or -1. */
static int http_date(const char *text, int64_t *wall)
{
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%a, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = {0};
		const char *rest = strptime(text, forms[i], &tm);

		if (rest && !*rest) {
			*wall = (int64_t)timegm(&tm) * 1000;
			return 0;
		}
	}
	return -1;
}

int64_t retry_after(const char *text, const char *date, int64_t now)
{
	long long seconds;
	int64_t at;

	if (str_long(text, 0, MOST, &seconds) == 0)
		return seconds * 1000;
	/* a date is the site's: so is the clock that it is measured by, if the site says what that shows */
	if (http_date(text, &at))
		return -1;
	if (date)
		http_date(date, &now);
	return at - now > MOST * 1000LL ? -1 : at > now ? at - now : 0;
}

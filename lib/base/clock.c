#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/die.h"
#include "base/fs.h"
#include "base/str.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_ahead(void)
{
	return clock_wall() - clock_mono();
}

const char *clock_boot(void)
{
	static char id[40];
	struct str text;

	if (!*id && fs_read("/proc/sys/kernel/random/boot_id", 100, &text, NULL) == 0) {
		snprintf(id, sizeof id, "%.36s", str_text(&text));
		str_free(&text);
	}
	return id;
}

int64_t clock_passed(const char *boot, int64_t mono, int64_t wall)
{
	int64_t now = clock_mono(), passed;

	if (strcmp(boot, clock_boot()) == 0 && mono <= now)
		return now - mono;
	passed = clock_wall() - wall;
	return passed > 0 ? passed : 0;
}

int64_t clock_earlier(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

char *clock_format(int64_t wall, char out[CLOCK_TEXT])
{
	time_t s = (time_t)floor_div(wall, 1000);
	int ms = (int)(wall - (int64_t)s * 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_TEXT - n, ".%03dZ", ms);
	return out;
}

/* The zone that tzset last saw; switching costs a file read, so the last one stays. */
static void zone_use(const char *zone)
{
	static char last[128];

	if (strcmp(last, zone) == 0)
		return;
	if (setenv("TZ", zone, 1))
		die(EX_OSERR, "out of memory");
	tzset();
	snprintf(last, sizeof last, "%s", zone);
}

char *clock_format_in(const char *zone, int64_t wall, char out[CLOCK_TEXT])
{
	struct tm tm;
	size_t n;
	long off;

	zone_local(zone, wall, &tm);
	n = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	off = tm.tm_gmtoff / 60;
	snprintf(out + n, CLOCK_TEXT - n, "%c%02ld:%02ld", off < 0 ? '-' : '+', labs(off) / 60, labs(off) % 60);
	return out;
}

static int digits(const char **p, int n, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return -1;
		v = v * 10 + (**p - '0');
	}
	*out = v;
	return 0;
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static int parse_date(const char **p, struct tm *tm)
{
	int y, m, d;

	if (digits(p, 4, &y) || *(*p)++ != '-' || digits(p, 2, &m) || *(*p)++ != '-' || digits(p, 2, &d))
		return -1;
	if (y < 1900 || m < 1 || m > 12 || d < 1 || d > month_days(y, m))
		return -1;
	tm->tm_year = y - 1900;
	tm->tm_mon = m - 1;
	tm->tm_mday = d;
	return 0;
}

static int parse_time(const char **p, struct tm *tm, bool seconds_needed)
{
	if (digits(p, 2, &tm->tm_hour) || *(*p)++ != ':' || digits(p, 2, &tm->tm_min))
		return -1;
	if (**p == ':') {
		(*p)++;
		if (digits(p, 2, &tm->tm_sec))
			return -1;
	} else if (seconds_needed) {
		return -1;
	}
	return tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60 ? -1 : 0;
}

bool date_valid(const char *text)
{
	struct tm tm = {0};

	return strlen(text) == 10 && parse_date(&text, &tm) == 0;
}

int clock_parse(const char *p, int64_t *wall)
{
	struct tm tm = {0};
	int ms = 0, scale = 100, h, m, sign;

	if (strlen(p) < 20 || parse_date(&p, &tm) || !strchr("Tt ", *p))
		return -1;
	p++;
	if (parse_time(&p, &tm, true))
		return -1;
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return -1;
		for (; isdigit((unsigned char)*p); p++, scale /= 10)
			ms += (*p - '0') * scale;
	}
	if ((*p == 'Z' || *p == 'z') && !p[1]) {
		h = m = 0;
		sign = 1;
	} else {
		if (*p != '+' && *p != '-')
			return -1;
		sign = *p++ == '-' ? -1 : 1;
		if (digits(&p, 2, &h) || *p++ != ':' || digits(&p, 2, &m) || *p || h > 23 || m > 59)
			return -1;
	}
	*wall = ((int64_t)timegm(&tm) - sign * (h * 3600 + m * 60)) * 1000 + ms;
	return 0;
}

bool zone_valid(const char *zone)
{
	const char *dir = getenv("TZDIR");
	char *path;
	bool there;

	if (strcmp(zone, "UTC") == 0)
		return true;
	if (!*zone || zone[0] == '/' || zone[0] == ':' || strstr(zone, "..") || strlen(zone) > 100)
		return false;
	path = xasprintf("%s/%s", dir ? dir : "/usr/share/zoneinfo", zone);
	there = access(path, R_OK) == 0 && !str_ends(zone, "/");
	free(path);
	return there;
}

void zone_local(const char *zone, int64_t wall, struct tm *tm)
{
	time_t s = (time_t)floor_div(wall, 1000);

	zone_use(zone);
	localtime_r(&s, tm);
}

int zone_parse(const char *zone, const char *text, int64_t *wall)
{
	struct tm tm = {.tm_isdst = -1}, back;
	time_t guess, early;

	if (parse_date(&text, &tm))
		return -1;
	if (*text && (!strchr("Tt ", *text) || (text++, parse_time(&text, &tm, false)) || *text))
		return -1;
	zone_use(zone);
	back = tm;
	guess = mktime(&back);
	/* Of a time that comes twice glibc may give either: look whether an hour earlier reads the same. */
	for (int step = 1800; step <= 3600; step += 1800) {
		early = guess - step;
		localtime_r(&early, &back);
		if (back.tm_hour == tm.tm_hour && back.tm_min == tm.tm_min && back.tm_mday == tm.tm_mday) {
			guess = early;
			break;
		}
	}
	*wall = (int64_t)guess * 1000;
	return 0;
}

int duration_parse(const char *p, int64_t *ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	int64_t total = 0;

	if (!*p)
		return -1;
	while (*p) {
		int64_t v = 0;
		const char *start = p;
		size_t u, best = 0, len = 0;

		for (; isdigit((unsigned char)*p) && p - start < 10; p++)
			v = v * 10 + (*p - '0');
		if (p == start)
			return -1;
		for (u = 0; u < sizeof units / sizeof *units; u++)
			if (str_starts(p, units[u].name) && strlen(units[u].name) > len) {
				best = u;
				len = strlen(units[u].name);
			}
		if (!len)
			return -1;
		p += len;
		total += v * units[best].ms;
		if (total > (int64_t)10 * 366 * 86400000)
			return -1;
	}
	*ms = total;
	return 0;
}

void random_bytes(void *to, size_t n)
{
	char *p = to;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			die(EX_OSERR, "read random bytes:");
		}
		p += got;
		n -= (size_t)got;
	}
}

uint32_t random_below(uint32_t n)
{
	uint32_t limit = UINT32_MAX - UINT32_MAX % n, v;

	do
		random_bytes(&v, sizeof v);
	while (v >= limit);
	return v % n;
}

void uuid_make(char out[37])
{
	static int64_t last;
	static unsigned seq;
	unsigned char b[16];
	int64_t now = clock_wall();

	random_bytes(b, sizeof b);
	/* rand_a is a counter, so that ids made within one millisecond keep their order (RFC 9562 s.6.2). */
	if (now > last) {
		last = now;
		seq = b[6] & 0x7u;
	} else if (++seq > 0xfff) {
		last++;
		seq = 0;
	}
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)(last >> (40 - 8 * i));
	b[6] = (unsigned char)(0x70 | (seq >> 8));
	b[7] = (unsigned char)seq;
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
	for (int i = 0, o = 0; i < 16; i++) {
		o += snprintf(out + o, 37 - (size_t)o, "%02x", b[i]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			out[o++] = '-';
	}
	out[36] = '\0';
}

#include "demo/vfs-words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"

char *vfs_code(const char *name)
{
	struct str b = {0};

	for (; *name; name++)
		if (*name == '/')
			str_putc(&b, '-');
		else if ((unsigned char)*name > 127)
			str_addf(&b, "%02X", (unsigned char)*name);
		else if (isalnum((unsigned char)*name))
			str_putc(&b, (char)toupper((unsigned char)*name));
	return str_take(&b);
}

const char *vfs_word(const char *name, bool turkish)
{
	static const struct {
		const char *name, *english, *turkish;
	} words[] = {
		{"short-stay", "Short Stay Visa", "Kısa Süreli Vize"}, {"long-stay", "Long Stay Visa", "Uzun Süreli Vize"},
		{"student", "Student", "Öğrenci"},                     {"tourism", "Tourism", "Turizm"},
		{"business", "Business", "Ticari"},                    {"work", "Work", "Çalışma"},
		{"study", "Study", "Eğitim"},                          {"general", "General", "Genel"},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].name, name) == 0)
			return turkish ? words[i].turkish : words[i].english;
	return name;
}

const char *vfs_month_first(const char *iso, char out[VFS_DATE])
{
	snprintf(out, VFS_DATE, "%.2s/%.2s/%.4s", iso + 5, iso + 8, iso);
	return out;
}

const char *vfs_day_first(const char *iso, char out[VFS_DATE])
{
	snprintf(out, VFS_DATE, "%.2s/%.2s/%.4s", iso + 8, iso + 5, iso);
	return out;
}

bool vfs_read_day_first(const char *text, char iso[VFS_DATE])
{
	iso[0] = '\0';
	if (strlen(text) != 10 || text[2] != '/' || text[5] != '/')
		return false;
	snprintf(iso, VFS_DATE, "%.4s-%.2s-%.2s", text + 6, text + 3, text);
	return date_valid(iso);
}

bool vfs_weekend(const char *iso)
{
	int64_t at = 0;
	struct tm tm;

	zone_parse("UTC", iso, &at);
	zone_local("UTC", at, &tm);
	return tm.tm_wday == 0 || tm.tm_wday == 6;
}

const char *vfs_times(const char *start, char out[VFS_TIMES])
{
	unsigned minutes = (unsigned)(atoi(start + 11) * 60 + atoi(start + 14) + 30) % (24 * 60);

	snprintf(out, VFS_TIMES, "%.5s-%02u:%02u", start + 11, minutes / 60 % 24, minutes % 60);
	return out;
}

/* How the office "vfs" writes names, dates and times: differently in each place. */
#ifndef DEMO_VFS_WORDS_H
#define DEMO_VFS_WORDS_H

#include <stdbool.h>

/* The code of a name: "short-stay/tourism" is SHORTSTAY-TOURISM. The caller frees. */
char *vfs_code(const char *name);
/* What people read for a part of a category's name; the name itself where it is not known. */
const char *vfs_word(const char *name, bool turkish);

#define VFS_DATE 11
/* "2026-12-01…" as 12/01/2026, and as 01/12/2026. Both return OUT. */
const char *vfs_month_first(const char *iso, char out[VFS_DATE]);
const char *vfs_day_first(const char *iso, char out[VFS_DATE]);
/* 01/12/2026 as 2026-12-01; false when it is no date. */
bool vfs_read_day_first(const char *text, char iso[VFS_DATE]);
bool vfs_weekend(const char *iso);

#define VFS_TIMES 12
/* "2026-12-01T09:30" as 09:30-10:00. Returns OUT. */
const char *vfs_times(const char *start, char out[VFS_TIMES]);

#endif

#include "demo/vfs-settings.h"

#include <stddef.h>
#include <string.h>

#define TIME_MAX 86400000 /* ms */

static const struct setting {
	const char *name;
	size_t at;
	bool time; /* in ms; else a truth */
} known[] = {
	{"wait_ms", offsetof(struct vfs_settings, wait), true},
	{"hold_ms", offsetof(struct vfs_settings, hold), true},
	{"payment", offsetof(struct vfs_settings, payment), false},
	{"upload", offsetof(struct vfs_settings, upload), false},
	{"applicant_otp", offsetof(struct vfs_settings, applicant_otp), false},
	{"waitlist", offsetof(struct vfs_settings, waitlist), false},
};
#define KNOWN (sizeof known / sizeof *known)

struct vfs_settings vfs_settings_first(int64_t wait)
{
	return (struct vfs_settings){.wait = wait, .hold = 15 * 60000};
}

jv vfs_settings_json(const struct vfs_settings *s)
{
	jv all = jv_object();

	for (size_t i = 0; i < KNOWN; i++) {
		const char *at = (const char *)s + known[i].at;

		if (known[i].time)
			all = json_set(all, known[i].name, jv_number((double)*(const int64_t *)(const void *)at));
		else
			all = json_set(all, known[i].name, *(const bool *)(const void *)at ? jv_true() : jv_false());
	}
	return all;
}

static int set_one(struct vfs_settings *s, const char *name, jv value, struct err *e)
{
	const struct setting *k = known;
	jv in = json_obj("value", jv_copy(value), NULL);
	int64_t ms = json_int(in, "value", -1);
	char *at;

	jv_free(in);
	while (k < known + KNOWN && strcmp(k->name, name))
		k++;
	if (k == known + KNOWN)
		return err_set(e, EX_DATAERR, "vfs: '%.40s' is no setting of this office", name);
	at = (char *)s + k->at;
	if (k->time) {
		if (!json_is(value, JV_KIND_NUMBER) || ms < 0 || ms > TIME_MAX)
			return err_set(e, EX_DATAERR, "%s: 0 to %d ms", name, TIME_MAX);
		*(int64_t *)(void *)at = ms;
		return 0;
	}
	if (!json_is(value, JV_KIND_TRUE) && !json_is(value, JV_KIND_FALSE))
		return err_set(e, EX_DATAERR, "%s: true or false", name);
	*(bool *)(void *)at = json_is(value, JV_KIND_TRUE);
	return 0;
}

int vfs_settings_set(struct vfs_settings *s, jv spec, struct err *e)
{
	struct vfs_settings fresh = *s;
	int r = 0;

	for (struct json_iter it = json_iter(spec); json_next(&it);)
		if (!r)
			r = set_one(&fresh, it.key, it.value, e);
	if (!r)
		*s = fresh;
	return r;
}

/* What the office "vfs" asks for, as the offices of one mission differ from those of another. */
#ifndef DEMO_VFS_SETTINGS_H
#define DEMO_VFS_SETTINGS_H

#include "ext/json.h"

struct vfs_settings {
	int64_t wait;       /* ms between opening the details and saving them */
	int64_t hold;       /* ms that an unpaid appointment is held */
	bool payment;       /* an appointment is to be paid for */
	bool upload;        /* a picture of the passport is wanted */
	bool applicant_otp; /* a code is wanted once the details are saved */
	bool waitlist;      /* there is one where nothing is free */
};

/* All as a mission has it that asks for least. WAIT: see above. */
struct vfs_settings vfs_settings_first(int64_t wait);
/* {wait_ms, hold_ms, payment, upload, applicant_otp, waitlist} */
jv vfs_settings_json(const struct vfs_settings *s);
/* Changes those that SPEC has. 0, or -1 with *e (EX_DATAERR) and nothing changed. */
int vfs_settings_set(struct vfs_settings *s, jv spec, struct err *e);

#endif

#include "demo/codes.h"

void codes_send(struct visit *v)
{
	const char *to = v->session.account;
	char code[CODE_TEXT], wrong[CODE_TEXT];
	jv stale, late;
	struct mail_how how = {0};
	struct err e;
	int r = 0;

	door_code(v->world, &v->session, code);
	if (fault_hits(v->faults, "stale-code", &v->at, &stale)) {
		door_wrong_code(v->world, &v->session, wrong);
		how = (struct mail_how){.age = json_int(stale, "age_ms", 15 * 60000), .later = json_int(stale, "ms", 0),
					.office = v->at.office};
		r |= mail_code(v->mail, to, wrong, &how, &e);
	}
	if (fault_hits(v->faults, "two-codes", &v->at, NULL)) {
		r |= mail_code(v->mail, to, code, &(struct mail_how){.age = 2000, .office = v->at.office}, &e); /* worth nothing once there is a second */
		door_code(v->world, &v->session, code);
	}
	how = (struct mail_how){.picture = fault_hits(v->faults, "image-code", &v->at, NULL), .office = v->at.office};
	if (fault_hits(v->faults, "late-code", &v->at, &late))
		how.later = json_int(late, "ms", 5000);
	r |= mail_code(v->mail, to, code, &how, &e);
	if (r)
		warn("%s", e.text);
	jv_free(stale);
	jv_free(late);
}

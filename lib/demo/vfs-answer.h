/* What the calls of the office "vfs" have in common. */
#ifndef DEMO_VFS_ANSWER_H
#define DEMO_VFS_ANSWER_H

#include "demo/visit.h"

/* The codes of errors, which come with status 200. The first five are practice.md's; the others this site's own. */
enum vfs_error {
	VFS_FINE,
	VFS_NO_SLOTS = 1035,
	VFS_MAINTENANCE = 1036,
	VFS_ALREADY = 1037,
	VFS_UNPAID = 1101,
	VFS_WRONG_LOGIN = 410,
	VFS_LOCKED = 423,
	VFS_CHALLENGE = 428,
	VFS_WRONG_CODE = 411,
	VFS_FIELD = 422,
};

/* VALUE with "error": null. */
void vfs_answer(struct visit *v, jv value_taken);
/* VALUE with "error": {code, description}; DETAIL, or NULL for what the code always says. */
void vfs_refuse(struct visit *v, jv value_taken, enum vfs_error code, const char *detail);
/* {"code": STATUS, "description": TEXT} with that status. */
void vfs_fail(struct visit *v, int status, const char *text);

/* Whether the page that asks is the Turkish one. */
bool vfs_turkish(const struct visit *v);

/* The place, and the category as "short-stay/tourism", that these codes stand for; NULL for none. The caller frees. */
char *vfs_place(struct visit *v, const char *code);
char *vfs_category(struct visit *v, const char *code);
/* The categories as [{category: "short-stay", sub: "tourism"}]. */
jv vfs_categories(struct visit *v);
/* Free slots of a place and a category ("short-stay/tourism") with room for PARTY; dates inclusive. */
jv vfs_free(struct visit *v, const char *place, const char *category, const char *from, const char *to, int party);
/* Whether SLOT is one of that category: a slot of "short-stay" is for all of its sub-categories. */
bool vfs_is_of(jv slot, const char *category);
/* What stands against a further booking of this account: VFS_FINE, VFS_ALREADY or VFS_UNPAID. */
enum vfs_error vfs_standing(struct visit *v);

#endif

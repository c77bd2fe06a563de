/* Calls of the office "vfs" that let one in, and tell what is free. Each answers one (vfs-api.c). */
#ifndef DEMO_VFS_LOOK_H
#define DEMO_VFS_LOOK_H

#include "demo/visit.h"

void vfs_challenge_get(struct visit *v), vfs_challenge_post(struct visit *v);
void vfs_login_post(struct visit *v), vfs_logout_post(struct visit *v);
void vfs_center_get(struct visit *v), vfs_visacategory_get(struct visit *v), vfs_subvisacategory_get(struct visit *v);
void vfs_available_post(struct visit *v);

#endif

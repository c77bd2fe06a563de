/* What a browser loads from the office "vfs": the page and its files, and the practice payment page. */
#ifndef DEMO_VFS_PAGE_H
#define DEMO_VFS_PAGE_H

#include "demo/visit.h"

#define VFS_COOKIE "vfs_visit"

void vfs_page_visit(struct visit *v);
/* Sends the session's cookie. */
void vfs_page_cookie(struct visit *v);
/* The page that turns one away, 403. */
void vfs_page_blocked(struct visit *v);

#endif

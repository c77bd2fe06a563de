/* The calls of the page, below /vfs/api/. */
#ifndef DEMO_VFS_API_H
#define DEMO_VFS_API_H

#include "demo/visit.h"

#define VFS_API "/vfs/api/"

void vfs_api_visit(struct visit *v);

#endif

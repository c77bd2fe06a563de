/* The office "vfs": a single-page application at /tur/tr/fra/ and /tur/en/fra/, and what it calls below /vfs/. */
#ifndef DEMO_VFS_H
#define DEMO_VFS_H

#include "demo/visit.h"

void vfs_visit(struct visit *v);

#endif

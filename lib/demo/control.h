/* The control port, /_demo/…: what to happen, and what did. For tests and rehearsals only. */
#ifndef DEMO_CONTROL_H
#define DEMO_CONTROL_H

#include "demo/traffic.h"
#include "demo/visit.h"

/* What only commands look at or change. */
struct control {
	struct traffic *traffic;
	struct vfs_settings *vfs;
	int64_t vfs_wait; /* what a reset goes back to */
};

void control_visit(struct visit *v, const struct control *c);

#endif

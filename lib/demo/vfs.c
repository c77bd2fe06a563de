/* Like the visa centres' sites: an empty page whose script does everything, by calls that want a token and a mark that the page
 * makes; lists that are no lists to a browser; a challenge at the door; a code by mail; forms that make one wait. */
#include "demo/vfs.h"

#include <string.h>

#include "demo/vfs-api.h"
#include "demo/vfs-page.h"

/* The cookie says which visit it is; whether somebody is logged in, the calls' header does (vfs-api.c). */
static void load_session(struct visit *v)
{
	char token[80];

	if (visit_cookie(v, VFS_COOKIE, token, sizeof token))
		v->session = door_find(v->world, VFS, token, NULL, v->idle);
	v->came_as = v->session.id;
}

void vfs_visit(struct visit *v)
{
	v->at.office = VFS;
	load_session(v);
	if (str_starts(v->path, VFS_API))
		vfs_api_visit(v);
	else
		vfs_page_visit(v);
}

/* The files of lib/demo/vfs/, as the build puts them into the program. */
#ifndef DEMO_VFS_FILES_H
#define DEMO_VFS_FILES_H

extern const char vfs_page_html[]; /* with "{}" for language, idle ms, and seed */
extern const char vfs_page_css[], vfs_page_js[];

#endif

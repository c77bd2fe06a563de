noinst_LIBRARIES += lib/libdemo.a
lib_libdemo_a_SOURCES = \
	lib/demo/api.c lib/demo/api.h \
	lib/demo/codes.c lib/demo/codes.h \
	lib/demo/control.c lib/demo/control.h \
	lib/demo/door.c lib/demo/door.h \
	lib/demo/fault.c lib/demo/fault.h \
	lib/demo/html.c lib/demo/html.h \
	lib/demo/listen.c lib/demo/listen.h \
	lib/demo/mail.c lib/demo/mail.h \
	lib/demo/office.c lib/demo/office.h \
	lib/demo/picture.c lib/demo/picture.h \
	lib/demo/site.c lib/demo/site.h \
	lib/demo/traffic.c lib/demo/traffic.h \
	lib/demo/vfs.c lib/demo/vfs.h \
	lib/demo/vfs-answer.c lib/demo/vfs-answer.h \
	lib/demo/vfs-api.c lib/demo/vfs-api.h \
	lib/demo/vfs-book.c lib/demo/vfs-book.h \
	lib/demo/vfs-files.h \
	lib/demo/vfs-look.c lib/demo/vfs-look.h \
	lib/demo/vfs-page.c lib/demo/vfs-page.h \
	lib/demo/vfs-settings.c lib/demo/vfs-settings.h \
	lib/demo/vfs-words.c lib/demo/vfs-words.h \
	lib/demo/visit.c lib/demo/visit.h \
	lib/demo/world.c lib/demo/world.h

# the page of the office "vfs" as C strings
vfs_files = lib/demo/vfs/page.html lib/demo/vfs/app.css lib/demo/vfs/app.js
nodist_lib_libdemo_a_SOURCES = lib/demo/vfs-files.c
CLEANFILES += lib/demo/vfs-files.c
EXTRA_DIST += $(vfs_files)
lib/demo/vfs-files.c: $(vfs_files)
	$(AM_V_GEN)$(MKDIR_P) lib/demo && { echo '#include "demo/vfs-files.h"'; for kind in page.html app.css app.js; do \
		echo; echo "const char vfs_page_$${kind##*.}[] ="; sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $(srcdir)/lib/demo/vfs/$$kind; echo ';'; \
		done; } >$@.new && mv $@.new $@

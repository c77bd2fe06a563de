noinst_LIBRARIES += lib/libdemo.a
lib_libdemo_a_SOURCES = \
	lib/demo/api.c lib/demo/api.h \
	lib/demo/control.c lib/demo/control.h \
	lib/demo/door.c lib/demo/door.h \
	lib/demo/fault.c lib/demo/fault.h \
	lib/demo/html.c lib/demo/html.h \
	lib/demo/listen.c lib/demo/listen.h \
	lib/demo/mail.c lib/demo/mail.h \
	lib/demo/office.c lib/demo/office.h \
	lib/demo/site.c lib/demo/site.h \
	lib/demo/traffic.c lib/demo/traffic.h \
	lib/demo/visit.c lib/demo/visit.h \
	lib/demo/world.c lib/demo/world.h

noinst_LIBRARIES += lib/libwire.a
lib_libwire_a_SOURCES = \
	lib/wire/alert.c lib/wire/alert.h \
	lib/wire/ask.c lib/wire/ask.h \
	lib/wire/copy.c lib/wire/copy.h \
	lib/wire/driver.c lib/wire/driver.h \
	lib/wire/event.c lib/wire/event.h \
	lib/wire/launch.c lib/wire/launch.h \
	lib/wire/line.c lib/wire/line.h \
	lib/wire/notice.c lib/wire/notice.h \
	lib/wire/pagelink.c lib/wire/pagelink.h \
	lib/wire/rights.c lib/wire/rights.h

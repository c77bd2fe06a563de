noinst_LIBRARIES += lib/libbase.a
lib_libbase_a_SOURCES = \
	lib/base/clock.c lib/base/clock.h \
	lib/base/die.c lib/base/die.h \
	lib/base/encode.c lib/base/encode.h \
	lib/base/fs.c lib/base/fs.h \
	lib/base/opt.c lib/base/opt.h \
	lib/base/proc.c lib/base/proc.h \
	lib/base/retry.c lib/base/retry.h \
	lib/base/sandbox.c lib/base/sandbox.h \
	lib/base/str.c lib/base/str.h \
	lib/base/wipe.c lib/base/wipe.h

noinst_LIBRARIES += lib/libwork.a
lib_libwork_a_SOURCES = \
	lib/work/work.c lib/work/work.h

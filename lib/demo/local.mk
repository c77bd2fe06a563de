noinst_LIBRARIES += lib/libdemo.a
lib_libdemo_a_SOURCES = \
	lib/demo/world.c lib/demo/world.h

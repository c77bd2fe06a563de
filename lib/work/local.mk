noinst_LIBRARIES += lib/libwork.a
lib_libwork_a_SOURCES = \
	lib/work/blind.c lib/work/blind.h \
	lib/work/schedule.c lib/work/schedule.h \
	lib/work/solve.c lib/work/solve.h \
	lib/work/turn.c lib/work/turn.h \
	lib/work/work.c lib/work/work.h

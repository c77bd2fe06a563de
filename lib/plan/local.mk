noinst_LIBRARIES += lib/libplan.a
lib_libplan_a_SOURCES = \
	lib/plan/calendar.c lib/plan/calendar.h \
	lib/plan/machine.c lib/plan/machine.h \
	lib/plan/rank.c lib/plan/rank.h \
	lib/plan/slot.c lib/plan/slot.h

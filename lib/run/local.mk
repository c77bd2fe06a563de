noinst_LIBRARIES += lib/librun.a
lib_librun_a_SOURCES = \
	lib/run/control.c lib/run/control.h \
	lib/run/coordinator.c lib/run/coordinator.h \
	lib/run/orphans.c lib/run/orphans.h \
	lib/run/output.c lib/run/output.h \
	lib/run/pipeline.c lib/run/pipeline.h \
	lib/run/service.c lib/run/service.h \
	lib/run/stages.c lib/run/stages.h \
	lib/run/table.c lib/run/table.h \
	lib/run/view.c lib/run/view.h \
	lib/run/watch.c lib/run/watch.h

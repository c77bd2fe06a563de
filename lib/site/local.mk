noinst_LIBRARIES += lib/libsite.a
lib_libsite_a_SOURCES = \
	lib/site/classify.c lib/site/classify.h \
	lib/site/expr.c lib/site/expr.h \
	lib/site/flow.c lib/site/flow.h \
	lib/site/pacer.c lib/site/pacer.h \
	lib/site/provider.c lib/site/provider.h \
	lib/site/selector.c

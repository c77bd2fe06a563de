noinst_LIBRARIES += lib/libsite.a
lib_libsite_a_SOURCES = \
	lib/site/exec.c lib/site/exec.h \
	lib/site/expr.c lib/site/expr.h \
	lib/site/flow.c lib/site/flow.h \
	lib/site/host.c lib/site/host.h \
	lib/site/lint.c lib/site/lint.h \
	lib/site/lintexpr.c lib/site/lintexpr.h \
	lib/site/lintflow.c lib/site/lintflow.h \
	lib/site/lintkind.c lib/site/lintkind.h \
	lib/site/lintpage.c lib/site/lintpage.h \
	lib/site/lintstep.c lib/site/lintstep.h \
	lib/site/memo.c lib/site/memo.h \
	lib/site/mistakes.c lib/site/mistakes.h \
	lib/site/pacer.c lib/site/pacer.h \
	lib/site/provider.c lib/site/provider.h

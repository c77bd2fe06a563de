noinst_LIBRARIES += lib/libpage.a
lib_libpage_a_SOURCES = \
	lib/page/cookies.c lib/page/cookies.h \
	lib/page/css.c lib/page/css.h \
	lib/page/document.c lib/page/document.h \
	lib/page/fetch.c lib/page/fetch.h \
	lib/page/form.c lib/page/form.h

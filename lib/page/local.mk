noinst_LIBRARIES += lib/libpage.a
lib_libpage_a_SOURCES = \
	lib/page/agent.c lib/page/agent.h \
	lib/page/charset.c lib/page/charset.h \
	lib/page/controls.c lib/page/controls.h \
	lib/page/cookies.c lib/page/cookies.h \
	lib/page/css.c lib/page/css.h \
	lib/page/document.c lib/page/document.h \
	lib/page/entries.c lib/page/entries.h \
	lib/page/fail.c lib/page/fail.h \
	lib/page/fetch.c lib/page/fetch.h \
	lib/page/fields.c lib/page/fields.h \
	lib/page/form.c lib/page/form.h \
	lib/page/replay.c lib/page/replay.h \
	lib/page/turns.c lib/page/turns.h \
	lib/page/url.c lib/page/url.h

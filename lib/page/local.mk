noinst_LIBRARIES += lib/libpage.a
lib_libpage_a_SOURCES = \
	lib/page/agent.c lib/page/agent.h \
	lib/page/answer.c lib/page/answer.h \
	lib/page/browser.c lib/page/browser.h \
	lib/page/charset.c lib/page/charset.h \
	lib/page/chromium.c lib/page/chromium.h \
	lib/page/controls.c lib/page/controls.h \
	lib/page/cookiefile.c lib/page/cookiefile.h \
	lib/page/cookies.c lib/page/cookies.h \
	lib/page/css.c lib/page/css.h \
	lib/page/devtools.c lib/page/devtools.h \
	lib/page/document.c lib/page/document.h \
	lib/page/element.c lib/page/element.h \
	lib/page/entries.c lib/page/entries.h \
	lib/page/fail.c lib/page/fail.h \
	lib/page/fetch.c lib/page/fetch.h \
	lib/page/fields.c lib/page/fields.h \
	lib/page/form.c lib/page/form.h \
	lib/page/keep.c lib/page/keep.h \
	lib/page/netlog.c lib/page/netlog.h \
	lib/page/replay.c lib/page/replay.h \
	lib/page/settings.c lib/page/settings.h \
	lib/page/tab.c lib/page/tab-events.c lib/page/tab.h \
	lib/page/turns.c lib/page/turns.h \
	lib/page/url.c lib/page/url.h \
	lib/page/weight.c lib/page/weight.h \
	lib/page/window.c lib/page/window.h

# element.js as a C string
nodist_lib_libpage_a_SOURCES = lib/page/element-js.c
CLEANFILES += lib/page/element-js.c
EXTRA_DIST += lib/page/element.js
lib/page/element-js.c: lib/page/element.js
	$(AM_V_GEN)$(MKDIR_P) lib/page && { echo '#include "page/element.h"'; echo; echo 'const char element_js[] ='; \
		sed 's/^[[:space:]]*//; /^\/\//d; s/[\\"]/\\&/g; s/.*/"&\\n"/' $(srcdir)/lib/page/element.js; echo ';'; } >$@.new && mv $@.new $@

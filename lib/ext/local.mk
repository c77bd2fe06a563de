noinst_LIBRARIES += lib/libext.a
lib_libext_a_SOURCES = \
	lib/ext/dial.c lib/ext/dial.h \
	lib/ext/filter.c lib/ext/filter.h \
	lib/ext/html.c lib/ext/html.h \
	lib/ext/http.c lib/ext/http.h \
	lib/ext/httphead.c lib/ext/httphead.h \
	lib/ext/imap.c lib/ext/imap.h \
	lib/ext/json.c lib/ext/json.h \
	lib/ext/mime.c lib/ext/mime.h \
	lib/ext/seal.c lib/ext/seal.h \
	lib/ext/yaml.c lib/ext/yaml.h \
	lib/ext/httpd.c lib/ext/httpd.h \
	lib/ext/server.c lib/ext/server.h \
	lib/ext/smtp.c lib/ext/smtp.h \
	lib/ext/sql.c lib/ext/sql.h \
	lib/ext/trust.c lib/ext/trust.h

noinst_LIBRARIES += lib/libstore.a
lib_libstore_a_SOURCES = \
	lib/store/audit.c lib/store/audit.h \
	lib/store/bundle.c lib/store/bundle.h \
	lib/store/consent.c lib/store/consent.h \
	lib/store/journal.c lib/store/journal.h \
	lib/store/keys.c lib/store/keys.h \
	lib/store/master.c lib/store/master.h \
	lib/store/passphrase.c lib/store/passphrase.h \
	lib/store/record.c lib/store/record.h \
	lib/store/rules.c lib/store/rules.h \
	lib/store/sealed.c lib/store/sealed.h \
	lib/store/session.c lib/store/session.h \
	lib/store/vault.c lib/store/vault.h \
	lib/store/wrap.c lib/store/wrap.h

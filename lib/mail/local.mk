noinst_LIBRARIES += lib/libmail.a
lib_libmail_a_SOURCES = \
	lib/mail/code.c lib/mail/code.h \
	lib/mail/compose.c lib/mail/compose.h \
	lib/mail/inbox.c lib/mail/inbox.h \
	lib/mail/picture.c lib/mail/picture.h \
	lib/mail/pick.c lib/mail/pick.h \
	lib/mail/program.c lib/mail/program.h \
	lib/mail/seen.c lib/mail/seen.h \
	lib/mail/text.c lib/mail/text.h \
	lib/mail/trial.c lib/mail/trial.h \
	lib/mail/words.c lib/mail/words.h

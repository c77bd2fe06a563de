# Driver programs, found by name.

pkglibexec_PROGRAMS += libexec/ab-page-http
libexec_ab_page_http_SOURCES = libexec/page-http.c
libexec_ab_page_http_LDADD = $(PAGE)

pkglibexec_PROGRAMS += libexec/ab-page-browser
libexec_ab_page_browser_SOURCES = libexec/page-browser.c
libexec_ab_page_browser_LDADD = $(PAGE)

pkglibexec_PROGRAMS += libexec/ab-page-keeper
libexec_ab_page_keeper_SOURCES = libexec/page-keeper.c
libexec_ab_page_keeper_LDADD = lib/libpage.a $(WIRE)

pkglibexec_PROGRAMS += libexec/ab-inbox-maildir
libexec_ab_inbox_maildir_SOURCES = libexec/inbox-maildir.c
libexec_ab_inbox_maildir_LDADD = $(MAIL) $(ETPAN_LIBS)

pkglibexec_PROGRAMS += libexec/ab-inbox-imap
libexec_ab_inbox_imap_SOURCES = libexec/inbox-imap.c
libexec_ab_inbox_imap_LDADD = $(MAIL) $(ETPAN_LIBS) $(CURL_LIBS) $(SODIUM_LIBS)

pkglibexec_PROGRAMS += libexec/ab-inbox-exec
libexec_ab_inbox_exec_SOURCES = libexec/inbox-exec.c
libexec_ab_inbox_exec_LDADD = $(MAIL)

pkglibexec_PROGRAMS += libexec/ab-inbox-human
libexec_ab_inbox_human_SOURCES = libexec/inbox-human.c
libexec_ab_inbox_human_LDADD = $(MAIL)

if HAVE_OATH
pkglibexec_PROGRAMS += libexec/ab-inbox-totp
libexec_ab_inbox_totp_SOURCES = libexec/inbox-totp.c lib/ext/totp.c lib/ext/totp.h
libexec_ab_inbox_totp_LDADD = $(MAIL) $(OATH_LIBS)
endif

pkglibexec_PROGRAMS += libexec/ab-inbox-http
libexec_ab_inbox_http_SOURCES = libexec/inbox-http.c libexec/inbox-http-fetch.c libexec/inbox-http-mail.c libexec/inbox-http.h
libexec_ab_inbox_http_LDADD = lib/libmail.a $(PAGE) $(ETPAN_LIBS)

pkglibexec_PROGRAMS += libexec/ab-notify-exec
libexec_ab_notify_exec_SOURCES = libexec/notify-exec.c
libexec_ab_notify_exec_LDADD = $(WIRE)

pkglibexec_PROGRAMS += libexec/ab-notify-file
libexec_ab_notify_file_SOURCES = libexec/notify-file.c
libexec_ab_notify_file_LDADD = $(WIRE)

pkglibexec_PROGRAMS += libexec/ab-notify-mailto
libexec_ab_notify_mailto_SOURCES = libexec/notify-mailto.c
libexec_ab_notify_mailto_LDADD = $(MAIL) $(CURL_LIBS)

pkglibexec_PROGRAMS += libexec/ab-notify-http
libexec_ab_notify_http_SOURCES = libexec/notify-http.c libexec/notify-http-shape.c libexec/notify-http.h
libexec_ab_notify_http_LDADD = lib/libpage.a $(WIRE) $(CURL_LIBS)

pkglibexec_PROGRAMS += libexec/ab-notify-apprise
libexec_ab_notify_apprise_SOURCES = libexec/notify-apprise.c
libexec_ab_notify_apprise_LDADD = $(WIRE)

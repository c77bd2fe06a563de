# What each program links: read here that ab-vault has no curl and ab-poll no HTML parser.

bin_PROGRAMS += bin/ab-answer
bin_ab_answer_SOURCES = bin/answer.c
bin_ab_answer_LDADD = $(STORE)

bin_PROGRAMS += bin/ab-audit
bin_ab_audit_SOURCES = bin/audit.c bin/audit-replay.c bin/audit.h
bin_ab_audit_LDADD = lib/libplan.a $(STORE)

bin_PROGRAMS += bin/ab-book
bin_ab_book_SOURCES = bin/book.c bin/book-back.c bin/book.h
bin_ab_book_LDADD = $(WORK)

bin_PROGRAMS += bin/ab-demo
bin_ab_demo_SOURCES = bin/demo.c
bin_ab_demo_LDADD = $(DEMO)

bin_PROGRAMS += bin/ab-fill
bin_ab_fill_SOURCES = bin/fill.c bin/fill-value.c bin/fill-words.c bin/fill.h
bin_ab_fill_LDADD = $(STORE)

bin_PROGRAMS += bin/ab-login
bin_ab_login_SOURCES = bin/login.c
bin_ab_login_LDADD = $(WORK)

bin_PROGRAMS += bin/ab-notify
bin_ab_notify_SOURCES = bin/notify.c bin/notify-daily.c bin/notify-outbox.c bin/notify-words.c bin/notify.h
bin_ab_notify_LDADD = lib/libplan.a $(STORE)

bin_PROGRAMS += bin/ab-otp
bin_ab_otp_SOURCES = bin/otp.c bin/otp-box.c bin/otp-test.c bin/otp.h
bin_ab_otp_LDADD = lib/libmail.a $(STORE) $(YAML_LIBS)

bin_PROGRAMS += bin/ab-page
bin_ab_page_SOURCES = bin/page.c
bin_ab_page_LDADD = $(STORE)

bin_PROGRAMS += bin/ab-plan
bin_ab_plan_SOURCES = bin/plan.c bin/plan-trail.c bin/plan.h
bin_ab_plan_LDADD = lib/libplan.a $(STORE)

bin_PROGRAMS += bin/ab-poll
bin_ab_poll_SOURCES = bin/poll.c
bin_ab_poll_LDADD = $(WORK)

bin_PROGRAMS += bin/ab-provider
bin_ab_provider_SOURCES = bin/provider.c bin/provider-fixture.c bin/provider-hide.c bin/provider-learn.c bin/provider-learn.h bin/provider-left.c \
	bin/provider-letters.c bin/provider-letters.h bin/provider-record.c bin/provider-record.h bin/provider-secret.h bin/provider-secrets.c \
	bin/provider-secrets.h bin/provider-standin.c bin/provider-step.c bin/provider-step.h bin/provider-test.c bin/provider-try.c \
	bin/provider-try.h bin/provider.h
bin_ab_provider_LDADD = $(WORK)

bin_PROGRAMS += bin/ab-run
bin_ab_run_SOURCES = bin/run.c
bin_ab_run_LDADD = $(RUN)

bin_PROGRAMS += bin/ab-vault
bin_ab_vault_SOURCES = bin/vault.c bin/vault-carry.c bin/vault-command.h bin/vault-cookies.c bin/vault-edit.c bin/vault-evidence.c \
	bin/vault-exec.c bin/vault-field.c bin/vault-key.c bin/vault-new.c bin/vault-provider.c bin/vault-session.c
bin_ab_vault_LDADD = lib/libsite.a lib/libpage.a $(STORE) $(YAML_LIBS)

# make check                          everything
# make check TESTS=t/1000-poll.bats   one file

TEST_EXTENSIONS = .bats
BATS_LOG_DRIVER = env AWK='$(AWK)' BATS='$(BATS)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
BATS_LOG_COMPILER = $(SHELL)
AM_BATS_LOG_FLAGS = $(top_srcdir)/t/run
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; export top_srcdir top_builddir;
EXTRA_DIST += t/run t/lib.bash $(TESTS)
EXTRA_DIST += t/layers.awk t/fixtures
TESTS += t/0010-layers.bats

check_PROGRAMS += t/unit/schedule-test t/unit/journal-test
t_unit_schedule_test_SOURCES = t/unit/schedule-test.c
t_unit_schedule_test_LDADD = lib/libwork.a $(JSON)
t_unit_journal_test_SOURCES = t/unit/journal-test.c
t_unit_journal_test_LDADD = $(STORE)
TESTS += t/1000-poll.bats
TESTS += t/1100-login.bats
TESTS += t/1200-book.bats
TESTS += t/1400-browser-flow.bats
TESTS += t/1420-person.bats
TESTS += t/1410-vfs.bats t/1411-vfs-ways.bats
EXTRA_DIST += t/vfs.bash
TESTS += t/0350-import-cookies.bats t/1430-check-over-http.bats
EXTRA_DIST += t/practice-pages

check_PROGRAMS += t/unit/mail-test t/unit/ask-test
t_unit_mail_test_SOURCES = t/unit/mail-test.c
t_unit_mail_test_LDADD = $(MAIL) $(ETPAN_LIBS)
t_unit_ask_test_SOURCES = t/unit/ask-test.c
t_unit_ask_test_LDADD = $(WIRE)
TESTS += t/0600-mail.bats t/0610-otp.bats t/0620-answer.bats
EXTRA_DIST += t/demo.bash
TESTS += t/0100-demo.bats
TESTS += t/0110-demo-office.bats
TESTS += t/0120-demo-api.bats
TESTS += t/0125-demo-vfs.bats
TESTS += t/0130-demo-faults.bats
TESTS += t/0150-provider-pages.bats

check_PROGRAMS += t/unit/rank-test t/unit/machine-test
t_unit_rank_test_SOURCES = t/unit/rank-test.c
t_unit_rank_test_LDADD = $(PLAN)
t_unit_machine_test_SOURCES = t/unit/machine-test.c
t_unit_machine_test_LDADD = $(PLAN)
TESTS += t/0500-rank.bats t/0510-machine.bats t/0520-plan.bats t/0530-audit.bats t/0540-notify.bats t/0550-events.bats
TESTS += t/0700-run.bats

check_PROGRAMS += t/unit/kill-at t/unit/on-tty t/unit/vault-test t/unit/yaml-test
t_unit_kill_at_SOURCES = t/unit/kill-at.c
t_unit_kill_at_LDADD = $(BASE)
t_unit_on_tty_SOURCES = t/unit/on-tty.c
t_unit_on_tty_LDADD = $(BASE)
t_unit_vault_test_SOURCES = t/unit/vault-test.c
t_unit_vault_test_LDADD = $(STORE)
t_unit_yaml_test_SOURCES = t/unit/yaml-test.c
t_unit_yaml_test_LDADD = $(JSON) $(YAML_LIBS)
TESTS += t/0300-vault.bats t/0310-vault-damage.bats t/0320-vault-crash.bats t/0330-vault-edit.bats t/0340-session.bats

check_PROGRAMS += t/unit/expr-test
t_unit_expr_test_SOURCES = t/unit/expr-test.c
t_unit_expr_test_LDADD = $(SITE)
TESTS += t/0400-expr.bats t/0420-provider-lint.bats t/0430-provider.bats t/0440-provider-test.bats t/0450-provider-try.bats t/0451-provider-step.bats t/0452-provider-record.bats t/0460-provider-man.bats
TESTS += t/0710-pipelines.bats
TESTS += t/0020-manuals.bats t/0030-build.bats

TESTS += t/0200-page.bats t/0201-css.bats t/0202-form.bats t/0203-turns.bats
TESTS += t/0730-run-whole.bats
TESTS += t/1300-whole.bats
TESTS += t/0720-completion.bats
TESTS += t/0160-provider-live.bats
TESTS += t/0740-examples.bats
TESTS += t/0750-demos.bats

TESTS += t/0205-fill.bats

TESTS += t/0204-tls.bats

TESTS += t/0206-page-manual.bats

TESTS += t/0207-page-links.bats t/0470-third-site.bats
TESTS += t/0480-programs.bats

EXTRA_DIST += t/faults.bash
TESTS += t/2000-faults-practice.bats t/2001-faults-practice-book.bats t/2010-faults-api.bats t/2011-faults-api-book.bats
TESTS += t/2020-faults-after.bats t/2021-faults-unknown.bats t/2022-faults-minute.bats t/2030-faults-random.bats

# make crash-sweep   300 moments of a crash; COUNT, SEED, MOMENT, JOBS and KEEP as t/crash-sweep says
check_DATA = t/sweep-preload.so
CLEANFILES += t/sweep-preload.so
t/sweep-preload.so: t/sweep-preload.c
	$(AM_V_CCLD)$(MKDIR_P) t && $(CC) -D_GNU_SOURCE -Wall -Wextra $(CPPFLAGS) $(CFLAGS) -shared -fPIC -o $@ $(srcdir)/t/sweep-preload.c -ldl
crash-sweep: all t/sweep-preload.so
	$(AM_TESTS_ENVIRONMENT) $(srcdir)/t/crash-sweep
.PHONY: crash-sweep
EXTRA_DIST += t/sweep-preload.c t/crash-sweep
TESTS += t/2100-crash.bats t/2110-torn.bats
EXTRA_DIST += t/chain-damage
TESTS += t/2700-audit.bats t/2710-replay.bats

# make check-valgrind [VALGRIND_TESTS="t/…"]: those tests, with the programs under valgrind; here the ones that run long
VALGRIND_TESTS = t/0520-plan.bats t/1000-poll.bats t/1200-book.bats
check-valgrind:
	$(MAKE) $(AM_MAKEFLAGS) check AM_BATS_LOG_FLAGS='$(top_srcdir)/t/valgrind' TESTS='$(VALGRIND_TESTS)'
.PHONY: check-valgrind
EXTRA_DIST += t/valgrind

check_DATA += t/clock-preload.so
CLEANFILES += t/clock-preload.so
t/clock-preload.so: t/clock-preload.c
	$(AM_V_CCLD)$(MKDIR_P) t && $(CC) -D_GNU_SOURCE -Wall -Wextra $(CPPFLAGS) $(CFLAGS) -shared -fPIC -o $@ $(srcdir)/t/clock-preload.c -ldl
EXTRA_DIST += t/clock-preload.c
EXTRA_DIST += t/clock.bash
TESTS += t/2300-clock.bats t/2301-clock-book.bats t/2310-budget.bats t/2320-zones.bats

check_DATA += t/clock-at.so
CLEANFILES += t/clock-at.so
t/clock-at.so: t/clock-at.c
	$(AM_V_CCLD)$(MKDIR_P) t && $(CC) -D_GNU_SOURCE -Wall -Wextra $(CPPFLAGS) $(CFLAGS) -shared -fPIC -o $@ $(srcdir)/t/clock-at.c
EXTRA_DIST += t/clock-at.c
TESTS += t/0640-totp.bats

TESTS += t/2200-disk.bats

EXTRA_DIST += t/hostile.bash t/tls.bash
TESTS += t/2400-hostile.bats t/2401-hostile-provider.bats t/2410-apart.bats

check_DATA += t/rain-preload.so
CLEANFILES += t/rain-preload.so
t/rain-preload.so: t/rain-preload.c
	$(AM_V_CCLD)$(MKDIR_P) t && $(CC) -D_GNU_SOURCE -Wall -Wextra $(CPPFLAGS) $(CFLAGS) -shared -fPIC -o $@ $(srcdir)/t/rain-preload.c
EXTRA_DIST += t/rain-preload.c
TESTS += t/2210-pipes.bats

EXTRA_DIST += t/mail-server.py
TESTS += t/0650-inbox-http.bats t/0660-otp-several.bats
TESTS += t/2600-vault.bats t/2610-memory.bats
EXTRA_DIST += t/memory-search t/bench/wipe

EXTRA_DIST += t/dovecot.bash t/imap.bash t/imap-server t/bench/otp
EXTRA_DIST += t/bench/browse t/bench/browse-theirs.mjs t/bench/package.json
EXTRA_PROGRAMS += t/bench/browse-ours
CLEANFILES += t/bench/browse-ours
t_bench_browse_ours_SOURCES = t/bench/browse-ours.c
TESTS += t/0630-imap.bats t/0631-imap-server.bats
TESTS += t/2500-alerts.bats t/2510-consent.bats
TESTS += t/0541-notify-mailto.bats t/0670-otp-smtp.bats
EXTRA_DIST += t/smtp.bash t/mail-relay.py
EXTRA_DIST += t/hook-server.py t/hook.bash
TESTS += t/0542-notify-http.bats t/0543-notify-apprise.bats

EXTRA_DIST += t/browser.bash
TESTS += t/0210-browser.bats t/0211-browser-limits.bats

check_DATA += t/page-preload.so
CLEANFILES += t/page-preload.so
t/page-preload.so: t/page-preload.c
	$(AM_V_CCLD)$(MKDIR_P) t && $(CC) -D_GNU_SOURCE -Wall -Wextra $(CPPFLAGS) $(CFLAGS) -shared -fPIC -o $@ $(srcdir)/t/page-preload.c -ldl
EXTRA_DIST += t/page-preload.c
TESTS += t/2120-browser-crash.bats

EXTRA_DIST += t/faults-vfs.bash
TESTS += t/2002-faults-vfs.bats t/2003-faults-vfs-check.bats t/2004-faults-vfs-book.bats

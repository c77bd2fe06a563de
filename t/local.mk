# make check                          everything
# make check TESTS=t/1000-poll.bats   one file

TEST_EXTENSIONS = .bats
BATS_LOG_DRIVER = env AWK='$(AWK)' BATS='$(BATS)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
BATS_LOG_COMPILER = $(SHELL)
AM_BATS_LOG_FLAGS = $(top_srcdir)/t/run
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; export top_srcdir top_builddir;
EXTRA_DIST += t/run t/lib.bash $(TESTS)
EXTRA_DIST += t/layers.awk
TESTS += t/0010-layers.bats

check_PROGRAMS += t/unit/schedule-test t/unit/journal-test
t_unit_schedule_test_SOURCES = t/unit/schedule-test.c
t_unit_schedule_test_LDADD = lib/libwork.a $(JSON)
t_unit_journal_test_SOURCES = t/unit/journal-test.c
t_unit_journal_test_LDADD = $(STORE)
TESTS += t/1000-poll.bats
TESTS += t/1100-login.bats
TESTS += t/1200-book.bats
EXTRA_DIST += t/practice-pages

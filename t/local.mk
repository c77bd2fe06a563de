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

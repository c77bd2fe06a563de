dist_pkgpipeline_SCRIPTS = \
	share/pipelines/check-once \
	share/pipelines/monitor-and-book \
	share/pipelines/watch-only

dist_pkgdata_SCRIPTS = share/demo share/demo-browser
dist_pkgdata_DATA = share/demo.jq share/demo.sh

# templates of ab-notify-http; a person's own need no place here
dist_pkgwebhook_DATA = \
	share/webhooks/discord.jq \
	share/webhooks/gotify.jq \
	share/webhooks/matrix.jq \
	share/webhooks/ntfy.jq \
	share/webhooks/slack.jq \
	share/webhooks/telegram.jq

systemduserunitdir = $(prefix)/lib/systemd/user
systemduserunit_DATA = share/systemd/ab-run.service
EXTRA_DIST += share/systemd/ab-run.service.in
CLEANFILES += share/systemd/ab-run.service
share/systemd/ab-run.service: $(srcdir)/share/systemd/ab-run.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) share/systemd && \
	sed 's|[@]bindir@|$(bindir)|' $(srcdir)/share/systemd/ab-run.service.in >$@.new && mv $@.new $@

# bash-completion looks for a file of the program's name
bashcompdir = $(datadir)/bash-completion/completions
EXTRA_DIST += share/completions/ab.bash
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(bashcompdir)'
	for program in $(bin_PROGRAMS); do \
		$(INSTALL_DATA) $(srcdir)/share/completions/ab.bash "$(DESTDIR)$(bashcompdir)/$${program##*/}" || exit 1; \
	done
uninstall-local:
	for program in $(bin_PROGRAMS); do rm -f "$(DESTDIR)$(bashcompdir)/$${program##*/}"; done

# what the programs need to find each other in the build tree
in_build_tree = AB_BIN='$(abs_top_builddir)/bin' AB_LIBEXEC='$(abs_top_builddir)/libexec' \
	AB_PROVIDERS='$(abs_top_srcdir)/providers' AB_PKGDATA='$(abs_top_srcdir)/share'

.PHONY: demo demo-browser
demo demo-browser: all
	@$(in_build_tree) $(SHELL) $(srcdir)/share/$@

# How it is built: hardening, what each program links, and that no file is forgotten.
load lib

programs() {
	sed -n "s|^bin_PROGRAMS += |$top_builddir/|p" "$top_srcdir/bin/local.mk"
	sed -n "s|^pkglibexec_PROGRAMS += |$top_builddir/|p" "$top_srcdir/libexec/local.mk" | grep -vxF "$(left_out)"
}
# the one that configure leaves out where its library is missing
left_out() {
	! grep -qx 'OATH_LIBS = *' "$top_builddir/Makefile" || echo "$top_builddir/libexec/ab-inbox-totp"
}
needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
sanitized() { needed "$top_builddir/bin/ab-run" | grep -q libasan; }

@test "every program is position-independent, with its relocations read-only before it starts" {
	for program in $(programs); do
		echo "$program"
		readelf -hW "$program" | grep -q 'Type: *DYN'
		readelf -dW "$program" | grep -q 'FLAGS_1.*NOW.*PIE'
		readelf -lW "$program" | grep -q GNU_RELRO
		not grep -q 'GNU_STACK.*E' <(readelf -lW "$program" | sed -n 's/\(GNU_STACK\).* \(R[W ][E ]\) .*/\1 \2/p')
	done
}

@test "every program is guarded against smashed stacks and overlong copies" {
	for program in $(programs); do
		echo "$program"
		readelf -sW --dyn-syms "$program" >"$BATS_TEST_TMPDIR/symbols"
		grep -q __stack_chk_fail "$BATS_TEST_TMPDIR/symbols"
		sanitized || grep -qE '__[a-z]+_chk@' "$BATS_TEST_TMPDIR/symbols"
	done
}

@test "no program finds its libraries in a folder of its own" {
	for program in $(programs); do
		not grep -qE 'R(UN)?PATH' <(readelf -dW "$program")
	done
}

# links LIBRARY: the programs that link it
links() {
	for program in $(programs); do
		if needed "$program" | grep -q "^$1\."; then basename "$program"; fi
	done | sort | paste -sd' '
}

@test "what speaks to the network and reads hostile pages holds no keys, and the other way round" {
	[ "$(links libcurl)" = 'ab-demo ab-inbox-http ab-inbox-imap ab-notify-http ab-notify-mailto ab-page-http' ]
	[ "$(links libxml2)" = 'ab-inbox-http ab-page-browser ab-page-http' ]
	for program in ab-page-browser ab-page-keeper ab-page-http ab-inbox-exec ab-inbox-http ab-inbox-human ab-inbox-maildir ab-notify-apprise ab-notify-exec ab-notify-file ab-notify-http ab-notify-mailto; do
		not grep -q '^libsodium' <(needed "$top_builddir/libexec/$program")
	done
}

@test "the practice site's server and database are in the practice site alone" {
	[ "$(links libmicrohttpd)" = ab-demo ]
	[ "$(links libsqlite3)" = ab-demo ]
	[ "$(links libetpan)" = 'ab-inbox-http ab-inbox-imap ab-inbox-maildir' ]
}

@test "every source file is in a local.mk, and what a local.mk names is there" {
	cd "$top_srcdir"
	cat ./*/local.mk lib/*/local.mk | tr -s ' \\\t' '\n' >"$BATS_TEST_TMPDIR/named"
	find lib bin libexec t -name '*.[ch]' >"$BATS_TEST_TMPDIR/there"
	while read -r file; do
		grep -qxF "$file" "$BATS_TEST_TMPDIR/named" || { echo "$file is in no local.mk"; false; }
	done <"$BATS_TEST_TMPDIR/there"
	grep -E '^(lib|bin|libexec|t)/.*\.[ch]$' "$BATS_TEST_TMPDIR/named" | grep -vxF -e lib/page/element-js.c -e lib/demo/vfs-files.c | sort -u >"$BATS_TEST_TMPDIR/sources" # those are made by the build
	while read -r file; do
		[ -f "$file" ] || { echo "$file is missing"; false; }
	done <"$BATS_TEST_TMPDIR/sources"
}

@test "every test file is run by make check" {
	cd "$top_srcdir"
	for file in t/*.bats; do
		grep -qE "^TESTS \+=.* ?$file( |\$)" t/local.mk || { echo "$file is not in TESTS"; false; }
	done
}

@test "no source uses a call without bounds, a shell, or a descriptor that children inherit" {
	cd "$top_srcdir"
	sources=$(find lib bin libexec -name '*.c')
	# shellcheck disable=SC2086 # a list of names without blanks
	{
		grep -nE '\b(system|popen|strcpy|strcat|sprintf|vsprintf|gets|strtok|tmpnam|mktemp)\(' $sources
		grep -nE '\b(pipe|accept|dup|mkstemp|inotify_init|epoll_create|creat)\(' $sources
		grep -nE '\bopen(at)?\(.*O_' $sources | grep -vE 'O_CLOEXEC|"/dev/null"' # which may be a child's standard input or output
		grep -nE '\bsocket(pair)?\(' $sources | grep -v SOCK_CLOEXEC
		grep -nE '\bfopen\(.*, "[^"e]*"\)' $sources
	} >"$BATS_TEST_TMPDIR/found" || :
	cat "$BATS_TEST_TMPDIR/found"
	[ ! -s "$BATS_TEST_TMPDIR/found" ]
}

@test "what is installed finds itself" {
	grep -q "AB_LIBEXECDIR='\"\$(pkglibexecdir)\"'" "$top_srcdir/Makefile.am"
	make -s -C "$top_builddir" install DESTDIR="$BATS_TEST_TMPDIR/root" >/dev/null
	root=$BATS_TEST_TMPDIR/root
	prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
	for program in $(programs); do
		[ -x "$root$prefix/bin/$(basename "$program")" ] || [ -x "$root$prefix/libexec/ab/$(basename "$program")" ]
	done
	[ -x "$root$prefix/share/ab/pipelines/monitor-and-book" ]
	[ -f "$root$prefix/share/ab/providers/practice/provider.yaml" ]
	[ -f "$root$prefix/share/ab/webhooks/ntfy.jq" ]
	[ -f "$root$prefix/share/bash-completion/completions/ab-run" ]
	grep -qx "ExecStart=$prefix/bin/ab-run --stay \$AB_SESSIONS" "$root$prefix/lib/systemd/user/ab-run.service"
	[ -n "$(find "$root" -name 'ab-run.1*')" ]
}

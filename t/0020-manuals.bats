# Manuals, --help and --version of every program; shell files as shellcheck wants them.
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-180} # the last test takes its time
load lib

programs() { sed -n 's|^bin_PROGRAMS += bin/||p' "$top_srcdir/bin/local.mk"; }
drivers() { sed -n 's|^pkglibexec_PROGRAMS += libexec/||p' "$top_srcdir/libexec/local.mk"; }
rendered() { mandoc -Tutf8 "$1" | sed 's/.\x08//g' | tr -s '\n' ' '; }

@test "every program has a manual page, and the formats and the overview have theirs" {
	missing=
	for program in $(programs); do
		[ -f "$top_srcdir/man/$program.1" ] || missing="$missing $program.1"
	done
	for page in ab.7 ab-events.5 ab-page.5 ab-provider.5 ab-session.5; do
		[ -f "$top_srcdir/man/$page" ] || missing="$missing $page"
	done
	echo "missing:$missing"
	[ -z "$missing" ]
}

@test "every page is installed" {
	for page in "$top_srcdir"/man/*.[1-8]; do
		grep -q "man/$(basename "$page")\b" "$top_srcdir/man/local.mk" || { echo "$page is not in man/local.mk"; false; }
	done
}

@test "mandoc finds nothing to say about any page" {
	cd "$top_srcdir/man"
	run mandoc -Tlint -Wwarning ./*.[1-8]
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "every page says what the program does, how it ends, and gives an example" {
	cd "$top_srcdir/man"
	for program in $(programs); do
		for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			grep -q "^\.Sh $section\$" "$program.1" || { echo "$program.1 has no $section"; false; }
		done
	done
}

@test "what a page refers to is there" {
	cd "$top_srcdir/man"
	sed -n 's/^\.\(It \)*Xr \(ab[a-z-]*\) \([157]\).*/\2.\3/p' ./*.[1-8] | sort -u >"$BATS_TEST_TMPDIR/named"
	[ -s "$BATS_TEST_TMPDIR/named" ]
	while read -r page; do
		[ -f "$page" ] || { echo "no page $page"; false; }
	done <"$BATS_TEST_TMPDIR/named"
}

@test "the overview and the README name every program, with the words of its own page" {
	tr -s ' \n' ' ' <"$top_srcdir/README.md" >"$BATS_TEST_TMPDIR/readme"
	tr -s ' \n' ' ' <"$top_srcdir/man/ab.7" >"$BATS_TEST_TMPDIR/overview"
	for program in $(programs); do
		what=$(sed -n 's/^\.Nd //p' "$top_srcdir/man/$program.1")
		[ -n "$what" ]
		grep -qF ".It Xr $program 1 $what" "$BATS_TEST_TMPDIR/overview" || { echo "ab.7 has no: $program $what"; false; }
		grep -qF "\`$program\` | $what" "$BATS_TEST_TMPDIR/readme" || { echo "README.md has no: $program | $what"; false; }
	done
}

@test "every program answers --help and --version, on standard output alone" {
	for program in $(programs); do
		"$top_builddir/bin/$program" --help >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
		grep -q "^usage: $program " "$BATS_TEST_TMPDIR/out"
		[ ! -s "$BATS_TEST_TMPDIR/err" ]
		[[ $("$top_builddir/bin/$program" --version) =~ ^"$program (ab) "[0-9]+\.[0-9]+ ]]
	done
	for driver in $(drivers); do
		"$top_builddir/libexec/$driver" --help | grep -q "^usage: $driver"
		[[ $("$top_builddir/libexec/$driver" --version) =~ ^"$driver (ab) "[0-9]+\.[0-9]+ ]]
	done
}

@test "a wrong option is 64, one line, and names the option" {
	for program in $(programs); do
		status=0
		"$top_builddir/bin/$program" --no-such-option >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null || status=$?
		echo "$program: $status $(cat "$BATS_TEST_TMPDIR/err")"
		[ "$status" -eq 64 ]
		[ ! -s "$BATS_TEST_TMPDIR/out" ]
		[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
		grep -q -- '--no-such-option' "$BATS_TEST_TMPDIR/err"
	done
}

@test "every option of --help is in the manual page" {
	for program in $(programs); do
		rendered "$top_srcdir/man/$program.1" >"$BATS_TEST_TMPDIR/page"
		for option in $("$top_builddir/bin/$program" --help | grep -o -e '--[a-z][a-z-]*' | sort -u); do
			grep -q -e "$option\b" "$BATS_TEST_TMPDIR/page" || { echo "$program.1 does not tell of $option"; false; }
		done
	done
}

@test "shellcheck has nothing against the shell files" {
	cd "$top_srcdir"
	# scripts, by their first line, wherever they are
	grep -rlE --include='*' -m1 '^#!/(bin/sh|usr/bin/env bash|bin/bash)' bootstrap .ci share t providers 2>/dev/null |
		grep -v '\.bats$' >"$BATS_TEST_TMPDIR/scripts"
	grep -q '^bootstrap$' "$BATS_TEST_TMPDIR/scripts"
	grep -q '^share/pipelines/check-once$' "$BATS_TEST_TMPDIR/scripts"
	xargs shellcheck -x share/completions/ab.bash <"$BATS_TEST_TMPDIR/scripts"
	# what the tests share is written for bats, which sets the variables it uses
	shellcheck -s bash -S warning -e SC1010,SC2034,SC2154 t/*.bash
	# in the tests themselves only what is wrong, such as a "!" that never fails
	shellcheck -S error t/*.bats
}

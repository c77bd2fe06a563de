# The providers practice, practice-api and vfs-global, and the pages that their own tests run on.
load lib

@test "the saved pages are those that the practice sites send" {
	PATH=$top_builddir/bin:$PATH "$top_srcdir/t/practice-pages" "$BATS_TEST_TMPDIR/now"
	for provider in practice practice-api; do
		diff -r --exclude tests.yaml "$top_srcdir/providers/$provider/pages" "$BATS_TEST_TMPDIR/now/$provider/pages"
	done
}

@test "the saved pages hold no token, and nothing of this machine" {
	run grep -rnE '"(token|hash)":"[^"]*[2-9a-f]' "$top_srcdir"/providers/*/pages --include '*.html' --include '*.json'
	[ "$status" -eq 1 ]
	run grep -rnE 'name="_token" value="[^"]*[1-9a-f]' "$top_srcdir"/providers/*/pages
	[ "$status" -eq 1 ]
	run grep -rn "127.0.0.1:[0-9]*\|$HOME\|$(hostname)" "$top_srcdir"/providers/*/pages
	[ "$status" -eq 1 ]
}

@test "every page and provider is installed" {
	cd "$top_srcdir"
	for file in $(find providers -type f ! -name local.mk); do
		grep -qF "$file" providers/local.mk || { echo "not in providers/local.mk: $file"; return 1; }
	done
}

@test "ab-provider finds no mistake in them" {
	for provider in practice practice-api vfs-global; do
		run ab-provider check "$provider"
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "their flows do on the saved pages what the cases say" {
	for provider in practice practice-api vfs-global; do
		run ab-provider test "$provider"
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

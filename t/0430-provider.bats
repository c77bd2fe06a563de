#!/usr/bin/env bats
# ab-provider: where providers are found, list, check's statuses, and what a stranger's provider may not.

load lib

setup() {
	fresh_home
	fixtures=$top_srcdir/t/fixtures/provider
	one=$BATS_TEST_TMPDIR/one two=$BATS_TEST_TMPDIR/two
}
teardown() {
	drop_home
}

# A provider NAME in FOLDER with TITLE.
make_provider() {
	mkdir -p "$1/$2"
	cat >"$1/$2/provider.yaml" <<-END
	name: $2
	title: $3
	base: https://www.example.org/
	flows: {check: [{get: /}, {expect: {css: h1}}]}
	END
}

@test "list shows each provider once, the first of its name" {
	make_provider "$one" alpha "First alpha"
	make_provider "$two" alpha "Second alpha"
	make_provider "$two" beta "Only beta"
	make_provider "$HOME/.local/share/ab/providers" gamma "My gamma"
	make_provider "$BATS_TEST_TMPDIR/data/providers" delta "Installed delta"
	AB_PROVIDERS=$one:$two AB_PKGDATA=$BATS_TEST_TMPDIR/data run ab-provider list
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "alpha	First alpha	http	$one/alpha" ]
	[ "${lines[1]}" = "beta	Only beta	http	$two/beta" ]
	[ "${lines[2]}" = "gamma	My gamma	http	$HOME/.local/share/ab/providers/gamma" ]
	[ "${lines[3]}" = "delta	Installed delta	http	$BATS_TEST_TMPDIR/data/providers/delta" ]
	[ "${#lines[@]}" -eq 4 ]
}

@test "XDG_DATA_HOME is looked into" {
	make_provider "$BATS_TEST_TMPDIR/xdg/ab/providers" epsilon "An epsilon"
	AB_PROVIDERS='' XDG_DATA_HOME=$BATS_TEST_TMPDIR/xdg run ab-provider list
	[[ "$output" == *"epsilon	An epsilon"* ]]
}

@test "a provider that is no YAML is listed as such" {
	mkdir -p "$one/broken"
	echo 'a: [' >"$one/broken/provider.yaml"
	AB_PROVIDERS=$one run ab-provider list
	[[ "$output" == *"broken	(not readable"* ]]
}

@test "check takes names, folders and files" {
	make_provider "$one" alpha Alpha
	export AB_PROVIDERS=$one
	for p in alpha "$one/alpha" "$one/alpha/" "$one/alpha/provider.yaml"; do
		run ab-provider check "$p"
		[ "$status" -eq 0 ]
		[ "$output" = "" ]
	done
}

@test "check goes on to the next provider, and its status is 78 when any has a mistake" {
	make_provider "$one" alpha Alpha
	make_provider "$one" beta Beta
	sed -i 's/h1/"h1["/' "$one/beta/provider.yaml"
	AB_PROVIDERS=$one run ab-provider check beta nothere alpha
	[ "$status" -eq 78 ]
	[[ "$output" == *"$one/beta/provider.yaml:4:42: css: "* ]]
	[[ "$output" == *"there is no provider 'nothere': \`ab-provider list\` shows those that are there"* ]]
}

@test "a provider that is not there is 66, a wrong use of the program 64" {
	run ab-provider check nothere
	[ "$status" -eq 66 ]
	run ab-provider check
	[ "$status" -eq 64 ]
	run ab-provider chekc x
	[ "$status" -eq 64 ]
	[[ "$output" == *"'chekc' is none of list, check, test, try and record"* ]]
	run ab-provider try book
	[ "$status" -eq 64 ]
}

@test "without the page driver the selectors are not taken for sound" {
	make_provider "$one" alpha Alpha
	AB_PROVIDERS=$one AB_LIBEXEC=$BATS_TEST_TMPDIR run ab-provider check alpha
	[ "$status" -eq 69 ]
	[[ "$output" == *"check the selectors of"*"ab-page-http"* ]]
}

@test "a YAML mistake has its line and column too" {
	make_provider "$one" alpha Alpha
	echo 'about: &x y' >>"$one/alpha/provider.yaml"
	AB_PROVIDERS=$one run ab-provider check alpha
	[ "$status" -eq 78 ]
	[ "$output" = "$one/alpha/provider.yaml:5:8: an anchor (&name) is not allowed" ]
}

@test "the providers that come with ab are sound" {
	for p in "$top_srcdir"/providers/*/provider.yaml; do
		run ab-provider check "$p"
		[ "$output" = "" ]
		[ "$status" -eq 0 ]
	done
}

@test "a hostile provider is refused, each of its tries by line" {
	run ab-provider check "$fixtures/hostile"
	[ "$status" -eq 78 ]
	for said in \
		"5:38: 'https://*.example.org' is no origin" "5:63: 'file:///' is no origin" \
		"8:3: 'inbox.password' may not be asked for" "9:3: 'notify' may not be asked for" "10:3: 'consent.book' may not be asked for" \
		"11:11: the page sets 'Cookie' itself" "12:17: env is not allowed" "12:37: \$ENV is not allowed" "12:60: input is not allowed" \
		"15:12: https://evil.example.net is not in 'origins'" "15:42: .credentials.username is not in 'needs'" \
		"18:12: only http and https addresses" "19:12: https://evil.example.net is not in 'origins'" \
		"20:12: 'https://www.example.org@evil.example.net/' is no address" "21:12: write the address with its scheme" \
		"23:27: .profile.passport_number is not in 'needs'" "23:65: there is no .inbox" "23:84: .credentials is for 'login' only" \
		"23:109: there is no .consent" "24:7: 'commit' is for 'book' and 'cancel' only" "25:19: import is not allowed" \
		"25:47: include is not allowed" "25:79: modulemeta is not allowed" "25:99: input_filename is not allowed" \
		"25:123: \$__loc__ is not allowed" "26:19: get_search_list is not allowed" "26:49: debug is not allowed" "26:69: stderr is not allowed" \
		"26:85: halt_error is not allowed" "32:11: a commit in a loop could be sent twice" "33:18: a program lies in the provider's folder"; do
		[[ "$output" == *"hostile/provider.yaml:$said"* ]] || { echo "not said: $said"; false; }
	done
}

@test "and nothing of it is run: test refuses it with the first mistake" {
	run ab-provider test "$fixtures/hostile"
	[ "$status" -eq 78 ]
	[[ "$output" == "ab-provider: "*"hostile/provider.yaml:5:38: "* ]]
}

@test "a flow that is a program is sound when the program is there and can be run" {
	make_provider "$one" alpha Alpha
	sed -i 's|^flows: .*|flows: {check: {exec: ./check}}|' "$one/alpha/provider.yaml"
	AB_PROVIDERS=$one run ab-provider check alpha
	[ "$status" -eq 78 ]
	[[ "$output" == *"provider.yaml:4:23: there is no program $one/alpha/./check that can be run" ]]
	printf '#!/bin/sh\n' >"$one/alpha/check"
	chmod +x "$one/alpha/check"
	AB_PROVIDERS=$one run ab-provider check alpha
	[ "$output" = "" ]
	[ "$status" -eq 0 ]
	mkdir "$one/alpha/pages"
	printf 'cases: [{flow: check, expect: {class: refused}}]\n' >"$one/alpha/pages/tests.yaml"
	AB_PROVIDERS=$one run ab-provider test alpha
	[ "$output" = "ok - alpha: check" ]
}

@test "absurd sizes and depths cost bounded time" {
	mkdir -p "$one/big"
	base='name: big\ntitle: x\nbase: https://www.example.org/\nflows:\n  check:\n    - get: /\n    - expect: {css: h1}\n'
	for deep in "$(printf '(%.0s' {1..5000})" "$(printf '[%.0s' {1..60})1$(printf ']%.0s' {1..60})" "$(printf '.a | %.0s' {1..20000}).b" \
		"$(printf '"\\(%.0s' {1..50})"; do
		printf "$base" >"$one/big/provider.yaml"
		printf '    - let: {a: ${%s}}\n' "$deep" | sed "s/let: {a: \(.*\)}$/let:\n        a: |\n          \1/" >>"$one/big/provider.yaml"
		run timeout 30 ab-provider check "$one/big"
		[ "$status" -eq 78 ] || [ "$status" -eq 0 ]
	done
	{
		printf "$base"
		printf '    - use: f1\n'
		for i in {1..14}; do printf '  f%s:\n    - use: f%s\n    - use: f%s\n    - use: f%s\n' "$i" $((i + 1)) $((i + 1)) $((i + 1)); done
		printf '  f15:\n    - expect: {css: a}\n'
	} >"$one/big/provider.yaml"
	run timeout 30 ab-provider check "$one/big"
	[ "$status" -eq 78 ]
	[[ "$output" == *"runs too many steps"* ]]
	{
		printf "$base"
		for i in {1..4000}; do printf '    - let: {v%s: "${.var.w%s}"}\n' "$i" "$i"; done
	} >"$one/big/provider.yaml"
	run timeout 30 ab-provider check "$one/big"
	[ "$status" -eq 78 ]
	[ "${#lines[@]}" -eq 500 ]
	{
		printf "$base"
		for i in {1..300}; do printf '    - let: {v%s: "${.now | length + %s}"}\n' "$i" "$i"; done
	} >"$one/big/provider.yaml"
	run timeout 30 ab-provider check "$one/big"
	[ "$status" -eq 0 ]
}

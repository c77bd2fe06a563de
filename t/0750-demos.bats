# ./bootstrap demo and demo-browser: each ends by itself, with what it promises, and leaves nothing running.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib
load browser

setup() {
	fresh_home
	export TMPDIR=$AB_RUNTIME # short: sockets are below it
	unset AB_STATE AB_VAULT
}
teardown() {
	echo "$output"
	until_true 10 nothing_runs
	drop_home
}
nothing_runs() { not grep -qlaF -f <(echo "$TMPDIR/ab-demo.") /proc/[0-9]*/cmdline 2>/dev/null; }

@test "demo: two sessions book what they want, once each" {
	run "$AB_PKGDATA/demo"
	[ "$status" -eq 0 ]
	[ "$(grep -c 'on the site: 1 time(s)' <<<"$output")" = 2 ]
	grep -q 'alice .*BOOKED Ankara .* 10:30' <<<"$output"
	grep -q 'bob .*BOOKED Izmir .* 15:00' <<<"$output"
}

@test "demo-browser: a code, a look, a booking that is handed over to be paid, and its proof" {
	chromium_here
	run "$AB_PKGDATA/demo-browser"
	[ "$status" -eq 0 ]
	grep -q 'has the code, by maildir' <<<"$output"
	grep -q 'looked: no slots' <<<"$output"
	grep -q 'PENDING Ankara .* 10:30' <<<"$output"
	grep -q 'held, but not booked yet' <<<"$output"
	grep -q 'BOOKED Ankara .* 10:30' <<<"$output"
	grep -q 'on the site: .*10:30, confirmed$' <<<"$output"
	[ -z "$(find "$TMPDIR"/ab-demo.*/run -name 'at.*')" ]
}

@test "a demo that does not get what it promises says so, and fails" {
	chromium_here
	export AB_CHROMIUM=/bin/false
	sed 's/wait_for 40 "the first look"/wait_for 5 "the first look"/' "$AB_PKGDATA/demo-browser" >"$HOME/demo-browser"
	export AB_PKGDATA
	run sh "$HOME/demo-browser"
	[ "$status" -eq 1 ]
	[[ "$output" == *"demo: waited in vain for the first look"* ]]
}

#!/usr/bin/env bats
# ab-provider try: a flow live, for a session, dry: it stops before the commit.

bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	start_site
	new_session alice practice
}
teardown() {
	stop_site
	drop_home
}

@test "try check logs in where it must, and prints what it found as JSON" {
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	run --separate-stderr ab-provider try --session alice check
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(jq -r '.class, (.slots | length), .slots[0].location' <<<"$output" | tr '\n' ' ')" = "ok 2 Ankara " ]
	[[ $(jq -r '.requests' <<<"$output") -ge 1 ]]
}

@test "try book goes as far as the commit, says so, and nothing is booked" {
	release practice Ankara short-stay "$(day 20)T09:30"
	run --separate-stderr ab-provider try --session alice book
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(jq -r .class <<<"$output")" = commit ]
	[[ $stderr == *"stopped before the commit: nothing was sent that books or cancels"* ]]
	[ "$(truth)" = "[]" ]
	run --separate-stderr ab-provider try --session alice check
	[ "$(jq '.slots | length' <<<"$output")" -eq 1 ]
}

@test "try book takes the slot that is given, and notices that it is another" {
	release practice Ankara short-stay "$(day 20)T09:30"
	run --separate-stderr ab-provider try --session alice check
	slot=$(jq -c '.slots[0] | .location = "Istanbul"' <<<"$output")
	run --separate-stderr ab-provider try --session alice --slot "$slot" book
	[ "$status" -eq 1 ]
	[ "$(jq -r .class <<<"$output")" = taken ]
	run ab-provider try --session alice --slot 'not json' book
	[ "$status" -eq 64 ]
}

@test "try book without any slot says that there is none" {
	run --separate-stderr ab-provider try --session alice book
	[ "$status" -eq 1 ]
	[[ $stderr == *"check found none; give one with --slot"* ]]
}

@test "logins are left to ab-login, which counts them" {
	run ab-provider try --session alice login
	[ "$status" -eq 64 ]
	[[ "$output" == *'run `ab-login alice`' ]]
}

@test "what the flow kept is printed on demand only" {
	run --separate-stderr ab-provider try --session alice check
	[ "$(jq 'has("var")' <<<"$output")" = false ]
	run --separate-stderr ab-provider try --session alice --vars check
	[ "$(jq '.var | has("rows")' <<<"$output")" = true ]
}

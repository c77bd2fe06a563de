# The provider vfs-global on the practice office of that shape, in a real browser: from the log-in to the read-back.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib
load browser

setup() {
	chromium_here
	fresh_home
	start_site --vfs-wait 100ms
}
teardown() {
	tail -n 5 "$HOME/out" "$HOME/err" 2>/dev/null | cut -c 1-600 || :
	end_pid "${PIPE_PID:-}"
	stop_site
	until_true 10 no_browser
	drop_home
}

# visitor [JQ]: the session alice, further changed
visitor() {
	new_session alice vfs-global ".profile.gender = \"f\" | .schedule.interval = \"5s\" | ${1:-.}"
}
offer() { # offer TIME [SEATS]
	control release "{\"office\":\"vfs\",\"slots\":[{\"place\":\"Ankara\",\"category\":\"short-stay/tourism\",\"start\":\"$(day 20)T$1\",\"seats\":${2:-1}}]}" >/dev/null
}

@test "the provider is in order" {
	ab-provider check vfs-global
}

@test "a session logs in with its mailed code, sees nothing, then a slot, and books it: proved, once" {
	visitor
	run --separate-stderr ab-poll --once alice
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat").data.verdict' <<<"$output")" = none ]
	offer 09:30
	ab-run alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	until_line 60 "$HOME/out" '.type == "booking.result" and .data.status == "booked"' >"$HOME/result"
	[ "$(truth | jq -r 'length')" = 1 ]
	[ "$(truth | jq -r '.[0].reference')" = "$(jq -r .data.reference "$HOME/result")" ]
}

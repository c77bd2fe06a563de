# ab-poll on the practice sites.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	start_site
}
teardown() {
	end_pid "${POLL_PID:-}"
	stop_site
	drop_home
}

@test "the schedule's tables: intervals, active hours, bursts, days of 23 and 25 hours, refusals" {
	run "$top_builddir/t/unit/schedule-test"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "--once says none with 1 when the site proves that there is nothing" {
	new_session alice practice
	run --separate-stderr ab-poll --once alice
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' <<<"$output")" = none ]
	[ "$(jq -r 'select(.type == "session.login") | .data.ok' <<<"$output")" = true ]
	[ "$(jq -c 'select(.type == "appointment.available") | .data.slots' <<<"$output")" = '[]' ]
}

@test "--once says available with 0, and all slots with their instants, places and stable ids" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T14:00"
	release practice Izmir long-stay "$(day 22)T10:00"
	ab-poll --once alice >"$HOME/first"
	ab-poll --once alice >"$HOME/second"
	slots='select(.type == "appointment.available") | .data.slots | map([.id, .start, .location, .category])'
	[ "$(jq -c "$slots" "$HOME/first")" = "$(jq -c "$slots" "$HOME/second")" ]
	[ "$(jq -r 'select(.type == "appointment.available") | .data.slots | map(.start + " " + .location + " " + .category) | sort[]' "$HOME/first")" = \
		"$(day 20)T09:30:00+03:00 Ankara short-stay
$(day 21)T14:00:00+03:00 Ankara short-stay
$(day 22)T10:00:00+03:00 Izmir long-stay" ]
	# the second started from the first one's cookies
	[ -z "$(jq -c 'select(.type == "session.login")' "$HOME/second")" ]
}

@test "the same with the site that speaks JSON" {
	new_session bob practice-api
	run ab-poll --once bob
	[ "$status" -eq 1 ]
	release practice-api Istanbul short-stay "$(day 20)T15:00"
	run ab-poll --once bob
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(jq -r 'select(.type == "appointment.available") | .data.slots[0] | .start + " " + .location' <<<"$output")" = "$(day 20)T15:00:00+03:00 Istanbul" ]
}

@test "blind is 75 with the reason, never none: throttled, unreachable" {
	new_session alice practice
	control fault '{"fault":"throttle","office":"practice","status":429,"retry_after":30,"count":1}'
	run --separate-stderr ab-poll --once alice
	echo "$output" "$stderr"
	[ "$status" -eq 75 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' <<<"$output")" = throttled ]
	stop_site
	rm -rf "$AB_STATE/pace"
	run --separate-stderr ab-poll --once alice
	[ "$status" -eq 75 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' <<<"$output")" = unreachable ]
}

@test "a class of the provider's own has the verdict of its policy, and no slot is said to be gone" {
	mkdir "$HOME/providers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	export AB_PROVIDERS="$HOME/providers"
	# as if the pages of slots were something else that is known
	sed -i 's/^classify:/&\n  - {class: shut, when: {url: "*\/office\/calendar*"}, why: the shutters are down}/; s/^policy:/&\n  shut: POLICY/' "$HOME/providers/practice/provider.yaml"
	new_session alice practice
	while read -r policy verdict; do
		echo "$policy"
		sed -i "s/^  shut: .*/  shut: $policy/" "$HOME/providers/practice/provider.yaml"
		run --separate-stderr ab-poll --once alice
		echo "$output" "$stderr"
		[ "$status" -eq 75 ]
		[ "$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' <<<"$output")" = "$verdict" ]
		[ "$(jq -c 'select(.type == "appointment.available")' <<<"$output")" = "" ]
		[[ $stderr == *"the shutters are down"* ]]
	done <<-'END'
		back_off throttled
		verify paused
		alert changed
	END
}

@test "Retry-After holds for every program of the account, across restarts" {
	new_session alice practice
	control fault '{"fault":"throttle","office":"practice","status":429,"retry_after":600,"count":1}'
	run ab-poll --once alice
	[ "$status" -eq 75 ]
	before=$(control requests | jq .total)
	run --separate-stderr ab-poll --once alice
	echo "$stderr"
	[ "$status" -eq 75 ]
	[[ $stderr == *"throttled"* ]]
	[ "$(control requests | jq .total)" -eq "$before" ]
}

@test "watching: slots are told when they come, change and go, not in between" {
	new_session alice practice
	ab-poll alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	POLL_PID=$!
	until_line 20 "$HOME/events" '.type == "agent.heartbeat" and .data.verdict == "none"' >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30"
	until_line 20 "$HOME/events" '.type == "appointment.available" and (.data.slots | length) == 1' >/dev/null
	rounds=$(jq -s 'map(select(.type == "agent.heartbeat")) | length' "$HOME/events")
	until_true 20 eval '[ "$(jq -s "map(select(.type == \"agent.heartbeat\")) | length" "$HOME/events")" -ge '$((rounds + 2))' ]'
	[ "$(jq -s 'map(select(.type == "appointment.available")) | length' "$HOME/events")" -eq 2 ]
	kill "$POLL_PID"
	wait "$POLL_PID"
	POLL_PID=
}

@test "a second ab-poll on one session is refused and told who holds it" {
	new_session alice practice
	ab-poll alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	POLL_PID=$!
	until_line 20 "$HOME/events" '.type == "agent.heartbeat"' >/dev/null
	run --separate-stderr ab-poll --once alice
	[ "$status" -eq 75 ]
	[[ $stderr == *"$POLL_PID"* ]]
}

@test "it ends when its reader goes" {
	new_session alice practice
	run timeout $((20 * ${SLOWER:-1})) bash -c 'ab-poll alice | head -n 1 | jq -r .type; exit "${PIPESTATUS[0]}"'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *.* ]]
}

@test "paused by a signal, and on again" {
	new_session alice practice
	ab-poll alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	POLL_PID=$!
	until_line 20 "$HOME/events" '.type == "agent.heartbeat"' >/dev/null
	kill -USR1 "$POLL_PID"
	until_line 20 "$HOME/events" '.data.verdict == "paused"' >/dev/null
	n=$(wc -l <"$HOME/events")
	kill -USR2 "$POLL_PID"
	until_true 20 eval '[ "$(wc -l <"$HOME/events")" -gt '"$n"' ]'
	[ "$(tail -n 1 "$HOME/events" | jq -r .data.verdict)" = none ]
}

@test "consent: past its date, not the owner, more than its daily requests" {
	new_session alice practice '.consent.until = "2026-01-01"'
	run --separate-stderr ab-poll --once alice
	[ "$status" -eq 77 ]
	[[ $stderr == *consent* ]]
	new_session carol practice '.consent.requests_per_day = "100"'
	run --separate-stderr ab-poll carol
	[ "$status" -eq 77 ]
	[[ $stderr == *"consented to 100"* ]]
	[ "$(control requests | jq .total)" -eq 0 ]
}

@test "the budget: the site's own count never passes it, and a booking's reserve is left" {
	new_session alice practice '.consent.requests_per_day = "30"'
	for _ in {1..16}; do ab-poll --once alice >/dev/null 2>&1 || :; done
	total=$(control requests | jq .total)
	[ "$total" -ge 8 ]
	[ "$total" -le 30 ]
	run --separate-stderr ab-poll --once alice
	[[ $stderr == *"used up"* ]]
}

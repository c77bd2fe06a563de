# The main job whole: two sessions, two sites, real pipes, and what must hold of it.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	start_site
}
teardown() {
	end_pid "${RUN_PID:-}"
	end_pid "${SNOOP_PID:-}"
	stop_site
	replays
	drop_home
}

# However a test went, what was decided in it follows again from what it recorded.
replays() {
	local chain who
	for chain in "$AB_STATE"/*/audit.ndjson; do
		[ -e "$chain" ] || continue
		who=$(basename "$(dirname "$chain")")
		ab-audit replay -v "$who" || return 1
	done
}

pipeline() { # pipeline SESSION: the documented one, by hand
	ab-poll "$1" | ab-plan "$1" | ab-book "$1" | ab-audit "$1" | ab-notify "$1"
}

@test "a slot appears and is booked, proved and told; the one ranked first, with the reason" {
	new_session alice practice '.preferences.hours = ["09:00-12:30"]'
	pipeline alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	RUN_PID=$!
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	control release "{\"office\":\"practice\",\"slots\":[
		{\"place\":\"Istanbul\",\"category\":\"short-stay\",\"start\":\"$(day 12)T09:30\",\"seats\":1},
		{\"place\":\"Ankara\",\"category\":\"short-stay\",\"start\":\"$(day 20)T16:00\",\"seats\":1},
		{\"place\":\"Ankara\",\"category\":\"short-stay\",\"start\":\"$(day 21)T10:30\",\"seats\":1}]}" >/dev/null
	until_line 30 "$HOME/events" '.type == "booking.result"' >/dev/null
	wait "$RUN_PID"
	RUN_PID=
	[ "$(truth | jq -r '.[] | .place + " " + .start')" = "Ankara $(day 21)T10:30" ]
	why=$(jq -r 'select(.type == "booking.request") | .data.why' "$HOME/events")
	[[ $why == *"Ankara (1st choice)"* ]]
	# one trace from the poll that saw the slot to the proof
	[ "$(jq -r 'select((.type == "appointment.available" and (.data.slots | length) > 0) or .type == "booking.request" or .type == "booking.result") | .traceparent[3:35]' "$HOME/events" | sort -u | wc -l)" -eq 1 ]
	# told, once, and the chain holds
	[ "$(jq -s '[.[] | select(.event.type == "booking.result")] | length' "$HOME/notices.ndjson")" -eq 1 ]
	ab-audit verify alice
	[ "$(ab-audit show --json alice | jq -s '[.[] | select((.event // .).type == "booking.result")] | length')" -eq 1 ]
}

@test "when it is taken, the next one is booked" {
	new_session alice practice
	pipeline alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	RUN_PID=$!
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	control fault '{"fault":"taken","office":"practice","count":1}' >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	until_line 30 "$HOME/events" '.type == "booking.result" and .data.status == "booked"' >/dev/null
	wait "$RUN_PID"
	RUN_PID=
	[ "$(jq -c 'select(.type == "booking.result") | [.data.attempt, .data.status]' "$HOME/events" | tr '\n' ' ')" = '[1,"failed"] [2,"booked"] ' ]
	[ "$(truth | jq -r '[.[] | select(.account == "alice@example.org")] | map(.start) | join(" ")')" = "$(day 21)T09:30" ]
}

@test "when nothing fits, nothing is booked, and it is said why" {
	new_session alice practice '.preferences.locations = ["Izmir"]'
	pipeline alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	RUN_PID=$!
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30"
	until_line 20 "$HOME/events" '.type == "session.state" and (.data.why | test("Ankara"))' >/dev/null
	rounds=$(grep -c heartbeat "$HOME/events")
	until_true 20 eval '[ "$(grep -c heartbeat "$HOME/events")" -ge '$((rounds + 3))' ]'
	[ "$(truth | jq length)" -eq 0 ]
	[ -z "$(jq -c 'select(.type == "booking.request")' "$HOME/events")" ]
}

@test "nothing secret is in any command line, environment, event, log, state, audit, notice or file" {
	new_session alice practice '.credentials.password = "practice"'
	# what a curious neighbour of the same user could see, all the while
	(
		while :; do
			for p in /proc/[0-9]*; do
				case $(readlink "$p/exe" 2>/dev/null) in "$top_builddir"/*) ;; *) continue ;; esac
				tr '\0' '\n' <"$p/cmdline" 2>/dev/null || :
				tr '\0' '\n' <"$p/environ" 2>/dev/null || :
			done >>"$HOME/snooped" 2>/dev/null
		done
	) 3>&- &
	SNOOP_PID=$!
	pipeline alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	RUN_PID=$!
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30"
	wait "$RUN_PID"
	RUN_PID=
	end_pid "$SNOOP_PID"
	SNOOP_PID=
	grep -q ab-book "$HOME/snooped"
	cookies=$(curl -sS -o /dev/null -D - "${BASE}office/login" | grep -ic set-cookie)
	[ "$cookies" -ge 1 ]
	codes=$(cat "$MAIL"/*/* | tr -c '0-9\n' ' ' | tr ' ' '\n' | grep -xE '[0-9]{6}' | sort -u)
	[ -n "$codes" ]
	for secret in P0000001 1990-02-01 "+90 312 000 00 00" "1 Example Street" $codes; do
		run grep -raF -e "$secret" "$HOME" "$AB_RUNTIME"
		[ "$status" -eq 1 ] || { echo "$secret is in: $output"; false; }
	done
	# the word of the password is also the provider's name: look for it as a value
	run grep -raE '"(password|value)" *: *"practice"' "$HOME" "$AB_RUNTIME"
	[ "$status" -eq 1 ]
	# the site's own tokens, as they were on the sealed pages
	for page in $(ab-vault evidence alice list | awk '{ print $NF }'); do
		ab-vault evidence alice show "$page" >"$BATS_TEST_TMPDIR/page"
		token=$(grep -oE 'name="_token" value="[0-9a-f]+"' "$BATS_TEST_TMPDIR/page" | head -n 1 | grep -oE '[0-9a-f]{16,}')
		[ -n "$token" ]
		run grep -raF "$token" "$HOME" "$AB_RUNTIME"
		[ "$status" -eq 1 ]
	done
}

@test "ab-run does the same for both sites, and leaves no process, socket or FIFO behind" {
	new_session alice practice
	new_session bob practice-api
	ab-run alice bob >"$HOME/events" 2>"$HOME/log" 3>&- &
	RUN_PID=$!
	for who in alice bob; do
		until_line 30 "$HOME/events" ".subject == \"$who\" and .data.verdict == \"none\"" >/dev/null
	done
	release practice Ankara short-stay "$(day 20)T09:30"
	release practice-api Istanbul short-stay "$(day 20)T15:00"
	for who in alice bob; do
		until_line 30 "$HOME/events" ".subject == \"$who\" and .type == \"booking.result\" and .data.status == \"booked\"" >/dev/null
	done
	wait "$RUN_PID"
	RUN_PID=
	[ "$(truth | jq length)" -eq 2 ]
	until_true 15 nothing_left
}
nothing_left() {
	[ -z "$(find "$AB_RUNTIME" -type s -o -type p)" ] && no_program_left
}
# Of this test's own, that is: others may run beside it. The practice site stays.
no_program_left() {
	local p
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe" 2>/dev/null) in
		"$top_builddir"/bin/ab-demo) ;;
		"$top_builddir"/*) ! tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -qxF "AB_RUNTIME=$AB_RUNTIME" || return 1 ;;
		esac
	done
}

@test "ab-run stopped at any moment leaves nothing behind" {
	new_session alice practice
	for ms in 10 100 300 700 1200; do
		ab-run alice >"$HOME/events" 2>"$HOME/log" 3>&- &
		RUN_PID=$!
		read -rt "$((ms / 1000)).$(printf %03d $((ms % 1000)))" <> <(:) || :
		kill -TERM "$RUN_PID"
		wait "$RUN_PID" || :
		RUN_PID=
		until_true 15 nothing_left
	done
}

# The examples of README.md, ab(7) and ab-run(1) are typed in as they stand.
load lib

setup() {
	fresh_home
	start_site
	example_pid=
	cd "$HOME"
}
teardown() {
	cat "$HOME/err" 2>/dev/null || :
	ab-run stop --all 2>/dev/null || :
	stop_poll
	[ -z "$example_pid" ] || wait "$example_pid" 2>/dev/null || :
	stop_site
	drop_home
}

# The line of README's tour after the paragraph that begins with $1
readme() {
	awk -v after="$1" 'index($0, after) == 1 { found = 1; next } found && /^    / { print substr($0, 5); exit }' "$top_srcdir/README.md"
}
# The displayed lines (.Dl) of a manual page, as they are typed
displayed() {
	sed -n 's/^\.Dl //p' "$top_srcdir/man/$1" | sed 's/\\(dq/"/g; s/\\e/\\/g; s/\\&//g'
}
example() { displayed "$1" | sed -n "$2p"; }
# In the background, as at a prompt; what it writes is in $HOME/out
type_in() {
	echo "$ $1"
	[ -n "$1" ]
	bash -c "$1" >>"$HOME/out" 2>>"$HOME/err" 3>&- &
	example_pid=$!
}
ended() { ! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" = Z ]; }
finish() {
	until_true 30 ended "$example_pid"
	status=0
	wait "$example_pid" || status=$?
	example_pid=
}
# Ends alice's ab-poll, whose pid is in its lock, and with it the pipeline.
stop_poll() { kill "$(cat "$AB_RUNTIME/alice/lock/ab-poll" 2>/dev/null)" 2>/dev/null || :; }
shown() { grep -q -e "$1" "$HOME/out"; }

@test "the README's tour is the text of ab(7)" {
	# shellcheck disable=SC2016 # awk's own
	awk '/^## Tour/ { on = 1 } /^## Installing/ { on = 0 } on && /^    ./ { print substr($0, 5) }' "$top_srcdir/README.md" >"$HOME/commands"
	[ "$(wc -l <"$HOME/commands")" -ge 9 ]
	{
		displayed ab.7
		sed -n '/^\.Bd/,/^\.Ed/p' "$top_srcdir/man/ab.7"
	} >"$HOME/overview"
	while IFS= read -r line; do
		grep -qxF -e "$line" "$HOME/overview" || { echo "not in ab.7: $line"; false; }
	done <"$HOME/commands"
}

@test "README: watch, and show the verdicts" {
	new_session alice practice
	type_in "$(readme 'Watch, and show')"
	# jq writes to a file at its end: wait for what the site saw
	looked() { [ "$(control requests | jq '[.. | numbers] | add // 0')" -ge 4 ]; }
	until_true 20 looked
	stop_poll
	finish
	[ "$status" -eq 0 ]
	shown '^none$'
}

@test "README: watch, record and tell, and book nothing" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	type_in "$(readme 'Watch, record')"
	until_line 20 "$HOME/out" '.type == "appointment.available" and (.data.slots | length) == 1'
	stop_poll
	finish
	[ "$status" -eq 0 ]
	[ "$(truth | jq length)" = 0 ]
	ab-audit verify alice
}

@test "README: the whole, with the passphrase asked for once" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	type_in "$(readme 'The whole')"
	until_line 30 "$HOME/out" '.type == "booking.result" and .data.status == "booked"'
	finish
	[ "$(truth | jq length)" = 1 ]
}

@test "README: the same kept running, for several sessions" {
	new_session alice practice
	new_session bob practice-api
	release practice Ankara short-stay "$(day 20)T09:30"
	release practice-api Ankara short-stay "$(day 21)T10:00"
	type_in "$(readme 'The same kept running')"
	finish
	[ "$status" -eq 0 ]
	[ "$(truth | jq length)" = 2 ]
}

@test "README: once, from cron" {
	new_session alice practice
	type_in "$(readme 'Once, from cron')"
	finish
	[ "$status" -eq 1 ]
	release practice Ankara short-stay "$(day 20)T09:30"
	type_in "$(readme 'Once, from cron')"
	finish
	[ "$status" -eq 0 ]
	shown '^there are slots$'
}

@test "ab-run(1): the examples" {
	# a machine that is slow may take long, and the budget is to last
	new_session alice practice '.schedule.interval = "3s"'
	new_session bob practice-api '.schedule.interval = "3s"'
	new_session carol practice '.schedule.interval = "3s"'
	type_in "$(example ab-run.1 2)" # the first display is the pipeline
	is() { [ "$(ab-run status --json "$1" 2>/dev/null | jq -r '.[0].verdict')" = "$2" ]; }
	until_true 20 is alice none
	until_true 20 is bob none
	bash -c "$(example ab-run.1 3)" | grep -qE '^alice +running +none '
	bash -c "$(example ab-run.1 4)" | grep -qE '^bob 20[0-9-]+T.*Z$'
	bash -c "$(example ab-run.1 5)"
	until_true 20 is carol none
	[ "$(ab-run status --json carol | jq -r '.[0].pipeline')" = watch-only ]
	bash -c "$(example ab-run.1 6)"
	grep -qx session=alice book-alice
	ab-run stop carol
	release practice Ankara short-stay "$(day 20)T09:30"
	release practice-api Ankara short-stay "$(day 21)T10:00"
	finish
	[ "$status" -eq 0 ]
	shown '^alice none$'
	shown '^bob none$'
	[ "$(truth | jq length)" = 2 ]
}

@test "ab-poll(1), ab-login(1): look once, log in" {
	new_session alice practice
	type_in "$(example ab-login.1 1)"
	finish
	[ "$status" -eq 0 ]
	type_in "$(example ab-poll.1 1)"
	finish
	[ "$status" -eq 1 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' slots.ndjson)" = none ]
	[ "$(example ab-poll.1 2)" = "$(readme 'Watch, and show')" ] # tried above
}

@test "ab-book(1): an unknown booking is settled by the person" {
	new_session alice practice-api
	release practice-api Ankara short-stay "$(day 20)T09:30"
	control fault '{"fault":"lost-answer","office":"practice-api","count":1}' >/dev/null
	type_in "$(example ab-book.1 1)"
	until_line 30 "$HOME/out" '.type == "booking.result" and .data.status == "unknown"'
	stop_poll
	finish
	type_in "$(example ab-book.1 2)"
	finish
	[ "$status" -eq 0 ]
	[ "$(tail -n 1 "$HOME/out" | jq -r .data.status)" = booked ]
}

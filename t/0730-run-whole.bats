# ab-run and the pipelines with the real programs, on the practice sites.
load lib

setup() {
	fresh_home
	start_site
	run_pid=
}
teardown() {
	cat "$HOME/err" 2>/dev/null || :
	[ "${BATS_TEST_COMPLETED:-}" = 1 ] || tail -n 20 "$HOME/out" || :
	[ -z "$run_pid" ] || until_true 20 hurried
	stop_site
	drop_home
}

gone() { ! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" = Z ]; }
hurried() { gone "$run_pid" || { kill -TERM "$run_pid" 2>/dev/null; false; }; }
start_run() {
	# a shell has INT ignored for what it starts in the background, and an early one would be lost
	env --default-signal=INT ab-run --restart 100ms "$@" >>"$HOME/out" 2>>"$HOME/err" 3>&- &
	run_pid=$!
}
finish() {
	until_true "${1:-30}" gone "$run_pid"
	status=0
	wait "$run_pid" || status=$?
	run_pid=
}
watching() { until_line 20 "$HOME/out" ".subject == \"$1\" and .type == \"agent.heartbeat\" and .data.verdict == \"none\"" >/dev/null; }
# pids that run with this test's folders; programs that hold keys show theirs to root alone
ours() {
	local pid
	for pid in $(grep -lzxF "AB_RUNTIME=$AB_RUNTIME" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3); do
		case $(readlink "/proc/$pid/exe") in "$top_builddir"/*) [ "$pid" = "$SITE_PID" ] || echo "$pid" ;; esac
	done
}
# what descends from process $1
below() {
	local child
	for child in $(awk -v of="$1" '{ pid = $1; sub(/.*\) . /, ""); if ($1 == of) print pid }' /proc/[0-9]*/stat 2>/dev/null); do
		echo "$child"
		below "$child"
	done
}
# nothing_left [PID…]: neither these, nor another program of this test, nor a socket or FIFO
nothing_left() {
	local pid left
	left=$(ours)
	for pid; do gone "$pid" || left="$left $pid"; done
	[ -z "$left" ] || { echo "left: $left" >&2; return 1; }
	[ -z "$(find "$AB_RUNTIME" -type s -o -type p)" ] || { find "$AB_RUNTIME" >&2; return 1; }
}

@test "two sessions are watched until both are booked, once each, and nothing is left" {
	new_session alice practice
	new_session bob practice-api
	start_run alice bob
	watching alice
	watching bob
	release practice Ankara short-stay "$(day 20)T09:30"
	release practice-api Ankara short-stay "$(day 21)T10:00"
	finish
	[ "$status" -eq 0 ]
	[ "$(jq -c 'select(.type == "booking.result" and .data.status == "booked") | .subject' "$HOME/out" | sort -u | wc -l)" = 2 ]
	[ "$(truth | jq length)" = 2 ]
	has_line "$HOME/notices.ndjson" '.'
	nothing_left
}

@test "the script monitor-and-book does the same for one session, and exits 0" {
	new_session alice practice
	PATH="$top_srcdir/share/pipelines:$PATH" monitor-and-book alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	run_pid=$!
	watching alice
	release practice Ankara short-stay "$(day 20)T09:30"
	finish
	[ "$status" -eq 0 ]
	[ "$(truth | jq length)" = 1 ]
	nothing_left
}

@test "the script check-once tells slots from none" {
	new_session alice practice
	run "$top_srcdir/share/pipelines/check-once" alice
	[ "$status" -eq 1 ]
	release practice Ankara short-stay "$(day 20)T09:30"
	run "$top_srcdir/share/pipelines/check-once" alice
	[ "$status" -eq 0 ]
	nothing_left
}

@test "a further session is started with its own keys, paused, resumed, and stopped" {
	new_session alice practice
	new_session bob practice-api
	start_run --pipeline watch-only alice
	watching alice
	ab-run start --pipeline watch-only bob
	watching bob
	ab-run pause bob
	until_line 20 "$HOME/out" '.subject == "bob" and .type == "agent.heartbeat" and .data.verdict == "paused"' >/dev/null
	[ "$(ab-run status --json bob | jq -r '.[0].state')" = paused ]
	seen=$(grep -c '"verdict":"none"' "$HOME/out")
	ab-run resume bob
	again() { [ "$(jq -c 'select(.subject == "bob" and .data.verdict == "none")' "$HOME/out" | wc -l)" -gt "$1" ]; }
	until_true 20 again "$(jq -c 'select(.subject == "bob" and .data.verdict == "none")' "$HOME/out" | wc -l)"
	[ "$(grep -c '"verdict":"none"' "$HOME/out")" -gt "$seen" ]
	ab-run stop bob
	[ "$(ab-run status --json bob | jq -r '.[0].state')" = stopped ]
	ab-run stop --all
	finish
	nothing_left
}

@test "stopped at any moment it leaves no process, socket or FIFO behind" {
	new_session alice practice
	RANDOM=${SEED:-$$}
	echo "SEED=${SEED:-$$}"
	for sig in TERM INT TERM HUP TERM INT; do
		start_run alice
		moment=$((RANDOM % 900))
		read -rt "0.$(printf %03d "$moment")" <> <(:) || :
		descendants=$(below "$run_pid")
		kill "-$sig" "$run_pid"
		finish
		echo "$sig after $moment ms: $status"
		# so early that it did not yet listen, a signal ends it as it ends any program
		[ "$status" -eq 0 ] || [ "$status" -gt 128 ]
		# shellcheck disable=SC2086 # a list of pids
		until_true 10 nothing_left $descendants
	done
}

@test "any one program killed while a slot appears: one booking, found and told" {
	new_session alice practice
	RANDOM=${SEED:-$$}
	echo "SEED=${SEED:-$$}"
	start_run alice
	watching alice
	for program in ab-poll ab-book ab-plan ab-audit ab-notify; do
		pid=$(ab-run status --json alice | jq -r ".[0].pids[\"$program\"] // empty")
		[ -z "$pid" ] || kill -KILL "$pid" || : # it may be between two runs
		[ "$program" != ab-book ] || release practice Ankara short-stay "$(day 20)T09:30"
		back() { [ "$(ab-run status --json alice | jq -r '.[0].pids["ab-notify"] // 0')" -gt 0 ] || gone "$run_pid"; }
		until_true 20 back
		if gone "$run_pid"; then break; fi
	done
	finish 50
	[ "$status" -eq 0 ]
	[ "$(truth | jq length)" = 1 ]
	nothing_left
}

@test "ab-run killed outright and started again: one booking" {
	new_session alice practice
	start_run alice
	watching alice
	release practice Ankara short-stay "$(day 20)T09:30"
	kill -KILL "$run_pid"
	finish
	start_run alice
	finish
	[ "$status" -eq 0 ]
	[ "$(truth | jq length)" = 1 ]
	until_true 10 nothing_left
}

@test "no key and no secret is in the arguments or the environment of any stage" {
	new_session alice practice
	start_run alice
	watching alice
	cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -v '^BATS' >"$HOME/shown"
	grep -q '^alice$' "$HOME/shown"
	not grep -qE 'P0000001|alice@example\.org' "$HOME/shown"
	not grep -qF "$(head -c 32 "$AB_KEY_FILE" | od -An -tx1 | tr -d ' \n')" "$HOME/shown"
}

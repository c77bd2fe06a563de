# Killed at any moment and started again: 30 moments of the crash sweep (make crash-sweep runs 300), and some by hand.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=300
load lib

setup() {
	fresh_home
	POLL_PID='' BOOK_PID='' SITE_PID=''
}
teardown() {
	exec 9>&-
	end_pid "$POLL_PID"
	end_pid "$BOOK_PID"
	stop_site
	drop_home
}

@test "any program killed, or all of them, and started again: one booking, told, recorded, nothing left" {
	COUNT=30 run "$top_srcdir/t/crash-sweep"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "ab-notify killed just before it tells: ab-run is not done before it is told" {
	MOMENT="run ab-notify ask 1 before one" run "$top_srcdir/t/crash-sweep"
	echo "$output"
	[ "$status" -eq 0 ]
}

# the launcher of process $1
launcher_of() {
	local pid
	for pid in $(cat "/proc/$1/task/$1/children"); do
		[ "$(cat "/proc/$pid/comm")" != ab-launcher ] || echo "$pid"
	done
}

@test "a program whose launcher was killed ends with 75, so that it is started again" {
	start_site
	new_session alice practice
	ab-poll alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	POLL_PID=$!
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	kill -9 "$(launcher_of "$POLL_PID")"
	status=0
	wait "$POLL_PID" || status=$?
	POLL_PID=
	[ "$status" -eq 75 ]
	grep -q "the launcher was killed" "$HOME/log"
}

@test "what was said and not recorded, because everything was killed, is in the chain after the next start, once" {
	local dir=$AB_STATE/alice now
	mkdir -p "$dir"
	now=$(date -u -d '-1 minute' +%FT%T)
	said() { jq -nc --arg id "$1" --arg type "$2" --arg time "$now.$3Z" '{specversion: "1.0", id: $id, source: "/t", type: $type, subject: "alice", time: $time, data: {}}'; }
	ab-audit --no-seal alice < <(said one session.state 100) >/dev/null
	jq -nc --argjson e "$(said two booking.result 200)" '{what: "result", goal: "g", attempt: 1, event: $e, seq: 1}' >"$dir/journal.ndjson"
	jq -nc --argjson a "$(said one session.state 100)" --argjson b "$(said three session.state 300)" '{said: [$a, $b]}' >"$dir/state.json"
	# "three" was on its way still: it is copied, and not recorded twice
	[ "$(said three session.state 300 | ab-audit --no-seal alice | jq -r .id)" = three ]
	ab-audit --no-seal alice </dev/null
	[ "$(jq -r .event.id "$dir/audit.ndjson" | paste -sd' ')" = "one two three" ]
	ab-audit verify --no-seal alice
}

@test "ab-book told to stop before the commit says nothing of the slot, and the next start books it" {
	start_site
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	ab-poll --once alice | jq -c --arg expires "$(date -u -d '+5 minutes' +%FT%TZ)" 'select(.type == "appointment.available") |
		{specversion: "1.0", id: "r", source: "/t", type: "booking.request", subject: "alice", data: {attempt: 1, rank: 1, why: "test",
		goal: "0193aaaa-0000-7000-8000-000000000001", slot: .data.slots[0], expires: $expires}}' >"$HOME/request"
	control fault '{"fault":"slow","office":"practice","path":"/office/slot/*","ms":2000,"count":1}' >/dev/null
	# the login is proved first, then the slot's page is asked for, and takes its time
	curl -sSf -X DELETE "${CONTROL}_demo/requests" >/dev/null
	seen() { [ "$(control requests | jq .total)" -gt 0 ]; }
	mkfifo "$HOME/in"
	exec 9<>"$HOME/in"
	ab-book alice <"$HOME/in" >"$HOME/events" 2>"$HOME/log" 3>&- 9>&- &
	BOOK_PID=$!
	cat "$HOME/request" >&9
	until_true 20 seen
	kill -TERM "$BOOK_PID"
	status=0
	wait "$BOOK_PID" || status=$?
	BOOK_PID=
	cat "$HOME/log"
	[ "$status" -eq 75 ]
	[ -z "$(jq -c 'select(.type == "booking.result")' "$HOME/events")" ]
	[ ! -s "$AB_STATE/alice/journal.ndjson" ]
	ab-book alice <"$HOME/request" >"$HOME/events"
	[ "$(truth | jq length)" -eq 1 ]
}

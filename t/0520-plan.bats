# ab-plan: a filter, so it is tested in pipes made by hand, with rules from a file.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	plan_pid=
	rules '{}'
	in=$BATS_TEST_TMPDIR/in out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	feedback=$AB_RUNTIME/alice/feedback
	state=$AB_STATE/alice/state.json
}
teardown() {
	tail -n 20 "$out" "$err" 2>/dev/null | cut -c 1-600 || :
	exec 8>&- 9>&-
	[ -z "$plan_pid" ] || { kill -CONT "$plan_pid" 2>/dev/null || :; end_pid "$plan_pid"; }
	drop_home
}

# rules PREFERENCES [CONSENT]
rules() {
	jq -n "{timezone: \"Europe/Istanbul\", preferences: $1,
		consent: ({owner: true, book: \"yes\", until: \"2099-12-31\"} + ${2:-{\}})}" >"$BATS_TEST_TMPDIR/rules.json"
}
now() { date -u +%FT%T.%3NZ; }
# event TYPE DATA [SUBJECT]
event() {
	jq -nc --arg now "$(now)" --arg type "$1" --argjson data "$2" --arg subject "${3-alice}" '{specversion: "1.0",
		id: "\($type)-\(now)", source: "/test/here", type: $type, subject: $subject, time: $now,
		traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", data: $data}'
}
# available ID…: each on a day of its own, a year from now
available() {
	event appointment.available "$(for id; do echo "$id"; done | jq -nRc --arg now "$(now)" --argjson year "$(($(date +%Y) + 1))" \
		'[inputs] | {hash: join("-"), checked_at: $now, slots: to_entries | map({id: .value, location: "Ankara",
		start: "\($year)-03-\(.key + 10)T09:30:00+03:00"})}')"
}
# result ATTEMPT STATUS [MORE]: of the goal that is in state.json
result() {
	event booking.result "$(jq -c --argjson n "$1" --arg status "$2" "{goal, attempt: \$n, status: \$status} + ${3:-{\}}" "$state")"
}
plan() { ab-plan --rules "$BATS_TEST_TMPDIR/rules.json" "$@" alice; }
# start_plan [OPTION…]: in the background; its stdin is descriptor 9
start_plan() {
	[ -p "$in" ] || mkfifo "$in"
	: >"$out"
	ab-plan --rules "$BATS_TEST_TMPDIR/rules.json" "$@" alice <"$in" >"$out" 2>>"$err" 3>&- 8>&- 9>&- &
	plan_pid=$!
	exec 9>"$in"
}
send() { "$@" >&9; }
tell() { "$@" >"$feedback"; }
end_input() { exec 9>&-; }
# wait_plan: until it has ended; its exit status is in $status
wait_plan() {
	until_true 20 gone
	status=0
	wait "$plan_pid" || status=$?
	plan_pid=
}
gone() { [ ! -e "/proc/$plan_pid" ] || grep -q ') Z' "/proc/$plan_pid/stat"; }
request() { until_line 20 "$out" ".type == \"booking.request\" and .data.attempt == $1"; }
reached() { until_line 20 "$out" ".type == \"session.state\" and .data.to == \"$1\"" >/dev/null; }
requests() { jq -r 'select(.type == "booking.request").data | "\(.attempt) \(.slot.id)"' "$out" | paste -sd,; }
# lacks PATTERN [FILE]: no line has it
lacks() { if grep -q "$@"; then return 1; fi; }
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }

@test "a slot in, a request out, after the event it follows from and on its trace" {
	start_plan
	send available a
	request 1 >"$BATS_TEST_TMPDIR/request"
	reached booking
	is "$(jq -r '"\(.type) \(.data.to // "")"' "$out" | paste -sd,)" \
		"session.state monitoring,appointment.available ,session.state claiming,booking.request ,session.state booking"
	is "$(jq -r '.traceparent[3:35]' "$BATS_TEST_TMPDIR/request")" 0af7651916cd43dd8448eb211c80319c
	is "$(jq -r '.data | keys | join(" ")' "$BATS_TEST_TMPDIR/request")" "attempt by expires goal rank slot why"
	is "$(jq -r '.data.slot.id' "$BATS_TEST_TMPDIR/request")" a
}

@test "booked: said, kept, and the end; a new goal only by --again" {
	start_plan
	send available a b
	request 1
	tell result 1 booked '{reference: "R-1"}'
	wait_plan
	is "$status" 0
	is "$(jq -r .state "$state")" booked
	[[ $(tail -n 1 "$out" | jq -r .data.why) == *"reference R-1" ]]
	goal=$(jq -r .goal "$state")
	# later runs
	run --separate-stderr plan < <(available a)
	is "$status" 0
	is "$output" ""
	[[ $stderr == *"booked already; --again"* ]]
	start_plan --again
	send available a
	[ "$(request 1 | jq -r .data.goal)" != "$goal" ]
}

@test "its end closes the pipe before it, even when that never ends" {
	mkfifo "$in"
	exec 8<>"$in" # a writer that stays
	ab-plan --rules "$BATS_TEST_TMPDIR/rules.json" alice <"$in" >"$out" 2>"$err" 3>&- 8>&- &
	plan_pid=$!
	available a >&8
	request 1
	tell result 1 booked
	wait_plan
	is "$status" 0
}

@test "taken: the next choice; refused: the end with status 1" {
	start_plan
	send available a b
	request 1
	tell result 1 failed '{reason: "taken"}'
	request 2
	is "$(requests)" "1 a,2 b"
	tell result 2 failed '{reason: "login_failed"}'
	wait_plan
	is "$status" 1
	is "$(jq -r .state "$state")" failed
}

@test "at the end of its input it waits for the outstanding result" {
	start_plan
	send available a b
	end_input
	request 1
	tell result 1 failed '{reason: "taken"}'
	request 2
	tell result 2 booked
	wait_plan
	is "$status" 0
}

@test "the end of its input without a booking: status 1; with an unknown one: 76" {
	run plan </dev/null
	is "$status" 1
	start_plan
	send available a
	end_input
	request 1
	tell result 1 unknown
	wait_plan
	is "$status" 76
	grep -q 'settle' "$err"
	# and that stays so
	run plan < <(available a b)
	is "$status" 76
	lacks booking.request <<<"$output"
}

@test "a request whose result never comes is given up after its time, with status 1" {
	run --separate-stderr plan --valid 200ms --grace 200ms < <(available a)
	is "$status" 1
	[[ $(tail -n 1 <<<"$output" | jq -r .data.why) == "no result for attempt 1"* ]]
}

@test "events of other sessions and of none pass untouched and decide nothing" {
	{
		available a | jq -c '.subject = "bob"'
		available a | jq -c 'del(.subject)'
		available a | sed 's/,"data"/ ,  "data"/'
	} >"$BATS_TEST_TMPDIR/events"
	sed -i '3s/"alice"/"carol"/' "$BATS_TEST_TMPDIR/events"
	run plan <"$BATS_TEST_TMPDIR/events"
	is "$status" 1
	is "$(grep -v session.state <<<"$output")" "$(cat "$BATS_TEST_TMPDIR/events")"
}

@test "lines that are no events are reported with their number and left out" {
	{
		echo 'no json'
		echo '{"specversion":"1.0"}'
		echo
		printf '{"a":"\xff"}\n'
		event agent.heartbeat '{}'
		printf 'unfinished'
	} >"$BATS_TEST_TMPDIR/events"
	run --separate-stderr plan <"$BATS_TEST_TMPDIR/events"
	is "$status" 1
	is "$(jq -r .type <<<"$output" | paste -sd,)" "session.state,agent.heartbeat"
	for n in 1 2 3 4 6; do
		grep -q "line $n passed over" <<<"$stderr"
	done
}

@test "a line of 1 MiB passes, a longer one does not" {
	pad() { event agent.heartbeat '{}' | jq -c --argjson n "$1" '.data.pad = "x" * ($n - (tojson | length) - 8)'; }
	pad 1048576 >"$BATS_TEST_TMPDIR/long"
	is "$(head -n 1 "$BATS_TEST_TMPDIR/long" | tr -d '\n' | wc -c)" 1048576
	pad 1048577 >>"$BATS_TEST_TMPDIR/long"
	event agent.heartbeat '{"last": true}' >>"$BATS_TEST_TMPDIR/long"
	plan <"$BATS_TEST_TMPDIR/long" >"$out" 2>"$err" || :
	is "$(awk '{ print (length($0) > 1000000) }' "$out" | paste -sd' ')" "0 1 0"
	grep -q 'line 2 passed over: longer than' "$err"
	: >"$out" # not for the report
}

@test "feedback is consumed, never copied; what is no event there is reported" {
	start_plan
	send available a
	request 1
	tell echo 'nonsense'
	tell available z
	tell event human.required '{"ask": "q", "kind": "captcha", "deadline": null}'
	reached waiting
	tell event human.answered '{"ask": "q", "outcome": "answered"}'
	tell result 1 booked
	wait_plan
	is "$status" 0
	grep -q 'feedback line 1 passed over' "$err"
	jq -r .type "$out" | lacks 'human\|result'
}

@test "the person's answer to what upstream asked does not touch a booking" {
	start_plan
	send available a
	reached booking
	send event human.required '{"ask": "q", "kind": "captcha", "deadline": null}'
	send event agent.heartbeat '{}'
	until_line 20 "$out" '.type == "agent.heartbeat"'
	is "$(jq -r .state "$state")" booking
}

@test "the FIFO is made for its owner alone, and anything else in its place is refused" {
	start_plan
	until_true 20 test -p "$feedback"
	is "$(stat -c %a "$feedback")" 600
	end_input
	wait_plan
	rm "$feedback"
	: >"$feedback"
	run plan </dev/null
	is "$status" 77
	[[ $output == *"$feedback must be a FIFO"* ]]
	rm "$feedback"
	mkfifo -m 666 "$feedback"
	run plan </dev/null
	is "$status" 77
	mkfifo -m 600 "$BATS_TEST_TMPDIR/other"
	run plan --feedback "$BATS_TEST_TMPDIR/other" </dev/null
	is "$status" 1
}

@test "killed between request and result, it asks again with the same goal and attempt" {
	start_plan
	send available a b
	request 1 >"$BATS_TEST_TMPDIR/first"
	reached booking
	kill -9 "$plan_pid"
	wait "$plan_pid" || :
	end_input
	start_plan
	request 1 >"$BATS_TEST_TMPDIR/second"
	is "$(jq -c '.data | del(.by)' "$BATS_TEST_TMPDIR/second")" "$(jq -c '.data | del(.by)' "$BATS_TEST_TMPDIR/first")"
	is "$(jq -c '.traceparent[3:35]' "$BATS_TEST_TMPDIR/second")" "$(jq -c '.traceparent[3:35]' "$BATS_TEST_TMPDIR/first")"
	tell result 1 booked
	wait_plan
	is "$status" 0
}

@test "killed at any moment, it never asks for two slots of one goal at once" {
	mkdir -p "$AB_RUNTIME/alice/lock"
	for ms in 002 004 006 008 011 015 020 030; do
		rm -rf "$AB_STATE/alice"
		timeout -s KILL 0.$ms ab-plan --rules "$BATS_TEST_TMPDIR/rules.json" alice >"$out.1" 2>>"$err" < <(available a b) || :
		until_true 20 flock -n "$AB_RUNTIME/alice/lock/ab-plan" true # it has ended
		start_plan
		send available b c
		request 1 >/dev/null
		reached booking
		end_input
		kill -9 "$plan_pid"
		wait "$plan_pid" || :
		cat "$out.1" "$out" | grep '"booking.request"' | jq -cR 'fromjson? | [.data.goal, .data.attempt, .data.slot.id]' | sort -u >"$BATS_TEST_TMPDIR/asked"
		is "$ms: $(wc -l <"$BATS_TEST_TMPDIR/asked")" "$ms: 1"
	done
}

@test "what it decided but could not say before it was killed, it says at the next start, with the same id" {
	start_plan
	send available a
	reached booking
	end_input
	kill -9 "$plan_pid"
	wait "$plan_pid" || :
	told=$(event session.state '{"from": "booking", "to": "booked", "why": "told late"}')
	jq -c --argjson told "$told" '.state = "booked" | .request = null | .untold = [$told]' "$state" >"$state.new"
	mv "$state.new" "$state"
	# --again must not begin a new goal before the end of the last one was told
	run --separate-stderr plan --again < <(available a)
	is "$status" 0
	is "$(jq -r .id <<<"$output")" "$(jq -r .id <<<"$told")"
	is "$(jq -c .untold "$state")" '[]'
}

@test "a result that only the journal has is found at the start" {
	start_plan
	send available a
	reached booking
	kill -9 "$plan_pid"
	wait "$plan_pid" || :
	end_input
	jq -c '{seq: 1, what: "result", goal, attempt: 1, event: {specversion: "1.0", id: "r", source: "/ab-book/x", type: "booking.result",
		subject: "alice", data: {goal, attempt: 1, status: "booked"}}}' "$state" >"$AB_STATE/alice/journal.ndjson"
	run --separate-stderr plan < <(available a)
	is "$status" 0
	is "$(jq -r '"\(.type) \(.data.to)"' <<<"$output")" "session.state booked"
}

@test "a person's settling of an unknown one reaches it through the journal" {
	start_plan
	send available a b
	request 1
	tell result 1 unknown
	reached waiting
	jq -c '{seq: 1, what: "result", goal, attempt: 1, event: {specversion: "1.0", id: "r", source: "/ab-book/x", type: "booking.result",
		subject: "alice", data: {goal, attempt: 1, status: "failed", reason: "taken"}}}' "$state" >"$AB_STATE/alice/journal.ndjson"
	request 2
	is "$(requests)" "1 a,2 b"
}

@test "a slow reader: reading stops, memory stays small, nothing is lost, and feedback is still heard" {
	mkfifo "$in" "$out.fifo"
	exec 8<>"$out.fifo" # a reader that does not read
	ab-plan --rules "$BATS_TEST_TMPDIR/rules.json" alice <"$in" >"$out.fifo" 2>"$err" 3>&- 8>&- &
	plan_pid=$!
	{ available a; event agent.heartbeat '{}' | jq -c '.data.pad = "x" * 1000' | awk '{ for (i = 0; i < 20000; i++) print }'; } >"$BATS_TEST_TMPDIR/flood"
	cat "$BATS_TEST_TMPDIR/flood" >"$in" 3>&- 8>&- &
	writer=$!
	until_true 20 grep -q '"state":"booking"' "$state"
	read_so_far() { sed -n 's/rchar: //p' "/proc/$writer/io"; }
	stuck() { local before; before=$(read_so_far); read -rt 0.3 <> <(:) || [ "$(read_so_far)" = "$before" ]; }
	until_true 20 stuck
	kill -0 "$writer"
	memory_below 24000 "$plan_pid"
	tell event human.required '{"ask": "q", "kind": "captcha", "deadline": null}'
	until_true 20 grep -q '"state":"waiting"' "$state"
	exec 7<"$out.fifo"
	exec 8>&-
	cat <&7 >"$out" 3>&- &
	reader=$!
	exec 7<&-
	wait "$writer"
	until_true 20 grep -q captcha "$out"
	all_passed() { [ "$(grep -c agent.heartbeat "$out")" = 20000 ]; } # the last of them may still be in the pipe
	until_true 20 all_passed
	kill "$plan_pid"
	wait "$plan_pid" "$reader" || :
	: >"$out"
}

@test "a reader that went away ends it with status 75, also while it waits for input" {
	mkfifo "$out.fifo" "$in"
	ab-plan --rules "$BATS_TEST_TMPDIR/rules.json" alice <"$in" >"$out.fifo" 2>"$err" 3>&- &
	plan_pid=$!
	exec 9>"$in"
	head -n 1 "$out.fifo"
	wait_plan
	is "$status" 75
	grep -q 'standard output' "$err"
}

@test "a second one is refused and told who holds the session" {
	start_plan
	until_true 20 test -s "$state"
	run plan </dev/null
	is "$status" 75
	[[ $output == *"alice's ab-plan runs already as process $plan_pid"* ]]
}

@test "consent: 'no' watches only and says why, 'ask' requests, an ended one does not" {
	rules '{}' '{book: "no"}'
	available a >"$BATS_TEST_TMPDIR/events"
	run --separate-stderr plan <"$BATS_TEST_TMPDIR/events"
	is "$status" 1
	lacks booking.request <<<"$output"
	[[ $(jq -r 'select(.type == "session.state").data.why' <<<"$output") == "watching only: "*"would be 1st of 1"* ]]
	rm "$state"
	rules '{}' '{until: "2026-01-01"}'
	run --separate-stderr plan <"$BATS_TEST_TMPDIR/events"
	is "$status" 1
	lacks booking.request <<<"$output"
	rm "$state"
	rules '{}' '{book: "ask"}'
	start_plan
	send available a
	request 1
}

@test "when nothing suits, nothing is requested, and the reason is an event" {
	rules '{locations: ["Izmir"]}'
	run --separate-stderr plan < <(available a b)
	is "$status" 1
	is "$(tail -n 1 <<<"$output" | jq -r .data.why)" "2 slots: 2 location Ankara"
}

@test "mistakes in rules, state and options: a clear word and the right status" {
	rules '{weekdays: ["someday"]}'
	run plan </dev/null
	is "$status" 78
	[[ $output == *someday* ]]
	run ab-plan --rules "$BATS_TEST_TMPDIR/none.json" alice </dev/null
	is "$status" 66
	echo '{' >"$BATS_TEST_TMPDIR/none.json"
	run ab-plan --rules "$BATS_TEST_TMPDIR/none.json" alice </dev/null
	is "$status" 65
	rules '{}'
	mkdir -p "$AB_STATE/alice"
	for damage in '' '{' '{}' '{"state":"dreaming","goal":"g","attempt":1,"lost":{}}' '{"state":"booking","attempt":1,"lost":{}}'; do
		printf '%s' "$damage" >"$state"
		run plan </dev/null
		is "$damage: $status" "$damage: 65"
		[[ $output == *"$state is damaged"* ]]
	done
	rm "$state"
	for wrong in "--valid soon" "--grace never" "--nonsense" "--rules"; do
		# shellcheck disable=SC2086
		run ab-plan $wrong alice </dev/null
		is "$status" 64
	done
	run ab-plan --rules "$BATS_TEST_TMPDIR/rules.json" ../etc </dev/null
	is "$status" 64
	run ab-plan </dev/null
	is "$status" 64
}

@test "a state that can't be written stops it before anything is requested" {
	[ "$(id -u)" -ne 0 ] || skip "root writes everywhere"
	mkdir -p "$AB_STATE/alice"
	chmod 500 "$AB_STATE/alice"
	run --separate-stderr plan < <(available a)
	chmod 700 "$AB_STATE/alice"
	is "$output" ""
	[ "$status" -eq 73 ]
}

@test "a full disk stops it before anything is requested" {
	mkdir -p "$AB_STATE/alice"
	# no file may grow beyond 1 KiB; what it says goes into pipes
	available "$(printf 'long%.0s' {1..100})" | { bash -c 'trap "" XFSZ; ulimit -f 1; exec "$@"' - ab-plan --rules "$BATS_TEST_TMPDIR/rules.json" alice 2>&1 || echo "status $?"; } |
		cat >"$out"
	lacks booking.request "$out"
	grep -q 'write .*state.json' "$out"
	grep -qx 'status 74' "$out"
}

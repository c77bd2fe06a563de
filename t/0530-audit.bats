# ab-audit: the chain is whole, shows what was done to it, and survives what a crash leaves.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	export AB_KEY_FILE=$HOME/key
	chain=$AB_STATE/alice/audit.ndjson
	out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	audit_pid=
}
teardown() {
	tail -n 20 "$out" "$err" 2>/dev/null | cut -c 1-400 || :
	exec 8>&- 9>&-
	end_pid "$audit_pid"
	drop_home
}

vault() {
	ab-vault init --make-key
	ab-vault new --from "$top_srcdir/t/fixtures/session/alice.yaml" alice
}
# event N TYPE [SUBJECT]
event() {
	jq -nc --arg n "$1" --arg type "$2" --arg subject "${3-alice}" '{specversion: "1.0", id: "event-\($n)", source: "/test/here",
		type: $type, subject: $subject, time: "2026-11-22T08:00:00Z", data: {n: $n, status: "booked"}}'
}
# events N: a booking.result with every third
events() {
	for ((i = 1; i <= $1; i++)); do
		event "$i" "$([ $((i % 3)) -eq 0 ] && echo booking.result || echo agent.heartbeat)"
	done
}
plain() { ab-audit append --no-seal alice; }
lacks() { if grep -q "$@"; then return 1; fi; }
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }

@test "it copies every line as it was, and records those of its session" {
	vault
	{
		event 1 agent.heartbeat
		event 2 agent.heartbeat bob
		event 3 booking.request | sed 's/,"data"/ ,  "data"/'
		event 4 booking.result | jq -c 'del(.subject)'
	} >"$BATS_TEST_TMPDIR/in"
	ab-audit alice <"$BATS_TEST_TMPDIR/in" >"$out"
	cmp "$BATS_TEST_TMPDIR/in" "$out"
	is "$(jq -r '"\(.seq) \(.event.id)"' "$chain" | paste -sd,)" "1 event-1,2 event-3"
	grep -qF ' ,  "data"' "$chain" # the bytes, not a rendering of them
	is "$(stat -c %a "$chain")" 600
	run ab-audit verify alice
	is "$status $output" "0 whole: 2 records"
}

@test "a chain goes on where it ended" {
	vault
	for i in 1 2 3; do
		event $i booking.result | ab-audit append alice >/dev/null
	done
	is "$(jq -r .seq "$chain" | paste -sd,)" 1,2,3
	is "$(jq -r .hash "$chain" | head -2 | paste -sd,)" "$(jq -r .prev "$chain" | tail -2 | paste -sd,)"
	run ab-audit verify alice
	is "$status $output" "0 whole: 3 records"
}

@test "whatever is done to the records is found, and it is said to which" {
	vault
	events 9 | ab-audit alice >/dev/null
	cp "$chain" "$BATS_TEST_TMPDIR/good"
	while IFS='|' read -r what damage faults; do
		sed "$damage" "$BATS_TEST_TMPDIR/good" >"$chain"
		run ab-audit verify alice
		is "$what: $status" "$what: 1"
		is "$what: $(grep -o '^record [0-9]*' <<<"$output" | cut -d' ' -f2 | paste -sd,)" "$what: $faults"
	done <<-'END'
	edited|4s/booked/failed/|4
	two edited|4s/booked/failed/;7s/event-7/event-0/|4,7
	the time edited|2s/"time":"2026/"time":"2027/|2
	the number edited|5s/"seq":5/"seq":6/|5
	the hash edited|5s/"hash":"./"hash":"z/|5
	the first removed|1d|1
	one removed|5d|5
	two removed|5,6d|5
	two exchanged|3{h;d};4G|3,3
	one doubled|6p|6
	one put at the end|2{h;d};$G|2,2
	cut at the end|9d|9
	cut by four|6,$d|6
	all gone|d|1
	not a record|5s/.*/nonsense/|5
	an empty line|5s/.*//|5
	END
	rm "$chain"
	run ab-audit verify alice
	is "$status" 1
	is "$output" "record 1: missing, and all up to 9: the end was cut"
}

@test "a chain made anew with other records does not fit the seal" {
	vault
	events 9 | ab-audit alice >/dev/null
	mv "$chain" "$BATS_TEST_TMPDIR/good"
	events 9 | sed 5s/booked/failed/ | plain >/dev/null
	run ab-audit verify --no-seal alice
	is "$status" 0
	run ab-audit verify alice
	is "$status" 1
	[[ $output == "record 9 ("*", booking.result): not the record that was sealed as the chain's end: it, or what is before it, was written anew" ]]
}

@test "a damaged end is noted when recording goes on, told as an alert, and stays known" {
	vault
	events 6 | ab-audit alice >/dev/null
	sed -i '5,$d' "$chain"
	event 7 booking.result | ab-audit alice >"$out" 2>"$err"
	is "$(jq -r '"\(.type) \(.data.reason // "")"' "$out" | paste -sd,)" "runtime.alert audit_lost,booking.result "
	grep -q "missing or changed" "$err"
	for i in 8 9; do
		event $i booking.result | ab-audit alice >"$out"
	done
	is "$(jq -r .type "$out")" booking.result # told once
	run ab-audit verify alice
	is "$status" 1
	[[ $output == "record 5 (noted "*"Z, ab-audit): lost: noted by record 5 when ab-audit found the end cut or changed" ]]
	run ab-audit show alice
	[[ ${lines[4]} == *"(ab-audit)  lost=5" ]]
}

@test "a line torn at any byte is cut and noted, and the chain goes on" {
	events 2 | plain >/dev/null
	cp "$chain" "$BATS_TEST_TMPDIR/good"
	first=$(head -n 1 "$chain" | wc -c) all=$(wc -c <"$chain")
	for ((at = first; at <= all; at += at < first + 3 || at > all - 4 ? 1 : 37)); do
		head -c "$at" "$BATS_TEST_TMPDIR/good" >"$chain"
		event 3 booking.result | plain >/dev/null
		run ab-audit verify --no-seal alice
		is "$at: $status" "$at: 0"
		torn=$((at == all ? 0 : at - first))
		is "$at: $(jq -r '.note.torn // empty' "$chain")" "$at: $([ $torn -eq 0 ] || echo $torn)"
		is "$at: $(tail -n 1 "$chain" | jq -r .event.id)" "$at: event-3"
	done
}

@test "killed at any moment: the chain is whole, and what went on of weight is in it" {
	vault
	mkfifo "$BATS_TEST_TMPDIR/in"
	for n in 1 2 3 5 8 13; do
		ab-audit alice <"$BATS_TEST_TMPDIR/in" >"$out" 2>"$err" 3>&- 9>&- &
		audit_pid=$!
		exec 9>"$BATS_TEST_TMPDIR/in"
		for ((i = 1; i <= n; i++)); do
			event "$n-$i" "$([ $((i % 2)) -eq 1 ] && echo booking.result || echo agent.heartbeat)" >&9
		done
		until_true 20 grep -q "event-$n-1" "$out"
		kill -9 "$audit_pid"
		wait "$audit_pid" || :
		exec 9>&-
		jq -r 'select(.type == "booking.result").id' "$out" | while read -r id; do
			grep -qF "\"$id\"" "$chain"
		done
		run ab-audit verify alice
		[ "$status" -eq 0 ] || { echo "$output"; false; }
	done
	event last booking.result | ab-audit alice >/dev/null
	run ab-audit verify alice
	is "$status" 0
}

@test "records that a crash left unsealed are noted when they are adopted" {
	vault
	events 2 | ab-audit alice >/dev/null
	events 1 | plain >/dev/null # as if the seal of record 3 had not been written
	event 4 booking.result | ab-audit alice >/dev/null
	is "$(jq -c '.note // empty' "$chain")" '{"unsealed":3}'
	run ab-audit verify alice
	is "$status" 0
}

@test "what is not of weight is on the disk and sealed a moment later, without more input" {
	vault
	mkfifo "$BATS_TEST_TMPDIR/in"
	ab-audit alice <"$BATS_TEST_TMPDIR/in" >"$out" 3>&- 9>&- &
	audit_pid=$!
	exec 9>"$BATS_TEST_TMPDIR/in"
	event 1 agent.heartbeat >&9
	sealed() { cp "$chain" "$BATS_TEST_TMPDIR/copy" && : >"$chain" && run ab-audit verify alice; cp "$BATS_TEST_TMPDIR/copy" "$chain"; [ "$status" -eq 1 ]; }
	until_true 20 test -s "$chain"
	until_true 20 sealed
}

@test "show: a line for a person each, by type, by time, or whole" {
	{
		event 1 agent.heartbeat
		jq -nc '{specversion: "1.0", id: "r", source: "/ab-plan/here", type: "booking.request", subject: "alice",
			data: {goal: "g", attempt: 1, rank: 1, why: "1st of 1\u001b[31m", slot: {id: "s1", start: "2026-12-01T09:30:00+03:00"}}}'
		jq -nc '{specversion: "1.0", id: "s", source: "/ab-plan/here", type: "session.state", subject: "alice",
			data: {from: "booking", to: "booked", why: "proved"}}'
	} | plain >/dev/null
	run ab-audit show alice
	is "$status ${#lines[@]}" "0 3"
	[[ ${lines[1]} =~ ^\ +2\ \ [0-9TZ:.-]+\ \ booking.request\ +slot=s1\ at\ 2026-12-01T09:30:00\+03:00\ \ why=1st\ of\ 1\?\[31m$ ]]
	[[ ${lines[2]} == *"session.state"*"from=booking  to=booked  why=proved" ]]
	run ab-audit show --type 'booking.*' alice
	is "${#lines[@]}" 1
	run ab-audit show --since 1h alice
	is "${#lines[@]}" 3
	run ab-audit show --since 2099-01-01T00:00:00Z alice
	is "$status ${#lines[@]}" "0 0"
	is "$(ab-audit show --json alice | jq -r .seq | paste -sd,)" 1,2,3
	ab-audit show alice | head -n 1 >/dev/null # a reader that leaves is no error
}

@test "without records there is nothing to show and nothing wrong" {
	run ab-audit show alice
	is "$status $output" "0 "
	run ab-audit verify --no-seal alice
	is "$status $output" "0 no records"
}

@test "bad lines are reported and left out; one of 1 MiB is recorded whole" {
	{
		echo nonsense
		event 1 agent.heartbeat | jq -c '.data.pad = "x" * (1048576 - (tojson | length) - 9)'
		event 2 agent.heartbeat
	} >"$BATS_TEST_TMPDIR/in"
	is "$(sed -n 2p "$BATS_TEST_TMPDIR/in" | tr -d '\n' | wc -c)" 1048576
	plain <"$BATS_TEST_TMPDIR/in" 2>"$err" | cmp - <(tail -n 2 "$BATS_TEST_TMPDIR/in")
	grep -q 'line 1 passed over' "$err"
	run ab-audit verify --no-seal alice
	[[ $output == "whole: 2 records"* ]]
	[[ $(ab-audit show alice | wc -c) -lt 500 ]]
}

@test "a slow reader: reading stops, memory stays small, nothing is lost, and what came is recorded" {
	mkfifo "$out.fifo"
	exec 8<>"$out.fifo"
	event 1 agent.heartbeat | jq -c '.data.pad = "x" * 1000' | awk '{ for (i = 0; i < 20000; i++) print }' >"$BATS_TEST_TMPDIR/flood"
	cat "$BATS_TEST_TMPDIR/flood" 3>&- 8>&- | plain >"$out.fifo" 2>"$err" 3>&- 8>&- &
	until_true 20 test -s "$chain"
	audit=$(cat "$AB_RUNTIME/alice/lock/ab-audit")
	lines_so_far() { wc -l <"$chain"; }
	stuck() { local before; before=$(lines_so_far); read -rt 0.3 <> <(:) || [ "$(lines_so_far)" = "$before" ]; }
	until_true 20 stuck
	[ "$(lines_so_far)" -lt 20000 ]
	memory_below 24000 "$audit"
	exec 7<"$out.fifo"
	exec 8>&-
	cat <&7 >"$out" 7<&-
	exec 7<&-
	cmp "$out" "$BATS_TEST_TMPDIR/flood"
	is "$(lines_so_far)" 20000
	: >"$out"
}

@test "a reader that went away: what came is recorded, status 75" {
	mkfifo "$out.fifo" "$BATS_TEST_TMPDIR/in"
	ab-audit --no-seal alice <"$BATS_TEST_TMPDIR/in" >"$out.fifo" 2>"$err" 3>&- 9>&- &
	audit_pid=$!
	exec 9>"$BATS_TEST_TMPDIR/in"
	event 1 booking.result >&9
	head -n 1 "$out.fifo"
	status=0
	wait "$audit_pid" || status=$?
	audit_pid=
	is "$status" 75
	grep -q "what came is recorded" "$err"
	is "$(jq -r .event.id "$chain")" event-1
}

@test "a disk that is full: nothing of weight passes without its record" {
	event 1 agent.heartbeat | plain >/dev/null
	event 2 booking.result | jq -c '.data.pad = "x" * 3000' |
		{ bash -c 'trap "" XFSZ; ulimit -f 1; exec "$@"' - ab-audit --no-seal alice 2>&1 || echo "status $?"; } | cat >"$out"
	grep -qx 'status 74' "$out"
	grep -q "append to $chain" "$out"
	lacks event-2 "$out"
	event 3 booking.result | plain >/dev/null
	run ab-audit verify --no-seal alice
	is "$status" 0
}

@test "a second one is refused and told who holds the session" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	ab-audit --no-seal alice <"$BATS_TEST_TMPDIR/in" >"$out" 3>&- 9>&- &
	audit_pid=$!
	exec 9>"$BATS_TEST_TMPDIR/in"
	until_true 20 test -s "$AB_RUNTIME/alice/lock/ab-audit"
	run plain </dev/null
	is "$status" 75
	[[ $output == *"alice's ab-audit runs already as process $audit_pid"* ]]
}

@test "a key of another vault is refused; the chain itself needs none to be shown" {
	vault
	events 3 | ab-audit alice >/dev/null
	head -c 32 /dev/urandom >"$AB_KEY_FILE"
	run ab-audit verify alice
	is "$status" 77
	run ab-audit show alice
	is "$status ${#lines[@]}" "0 3"
}

@test "mistakes in its use" {
	for wrong in "" "burn alice" "verify" "show" "append" "replay" "--json alice" "verify --type x alice" "verify -v alice" "show --rules f alice" "show --since soon alice" "show ../x" "alice bob carol"; do
		# shellcheck disable=SC2086
		run ab-audit $wrong </dev/null
		is "$wrong: $status" "$wrong: 64"
	done
	run ab-audit append --no-seal show </dev/null # a session may have a verb's name
	is "$status" 0
}

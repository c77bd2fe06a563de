# ab-notify: the person is told, at least once and with the same id, and the pipeline never waits for it.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	export FAKE=$BATS_TEST_TMPDIR
	export AB_LIBEXEC="$top_srcdir/t/fixtures/notify:$top_builddir/libexec"
	got=$FAKE/got out=$FAKE/out err=$FAKE/err box=$AB_STATE/alice/notify.ndjson
	notify_pid=
	: >"$got"
}
teardown() {
	tail -n 20 "$out" "$err" "$got" 2>/dev/null | cut -c 1-400 || :
	touch "$FAKE/go"
	exec 8>&- 9>&-
	end_pid "$notify_pid"
	drop_home
}

# notify URL,… [OPTION…]
notify() {
	jq -nc --arg urls "$1" '{timezone: "Europe/Istanbul", notify: ($urls / "," | map(select(. != "")))}' >"$FAKE/rules.json"
	shift
	ab-notify --rules "$FAKE/rules.json" "$@" alice
}
start_notify() {
	mkfifo "$FAKE/in"
	jq -nc --arg urls "$1" '{timezone: "Europe/Istanbul", notify: ($urls / ",")}' >"$FAKE/rules.json"
	shift
	ab-notify --rules "$FAKE/rules.json" "$@" alice <"$FAKE/in" >"$out" 2>"$err" 3>&- 9>&- &
	notify_pid=$!
	exec 9>"$FAKE/in"
}
# event TYPE DATA [ID [SOURCE]]
event() {
	jq -nc --arg type "$1" --argjson data "$2" --arg id "${3:-$1-$RANDOM$RANDOM}" --arg source "${4:-/ab-book/here}" '{specversion: "1.0", id: $id,
		source: $source, type: $type, subject: "alice", time: (now | todate), data: $data}'
}
slot='{"id": "s", "start": "2026-12-01T09:30:00+03:00", "location": "Ankara", "category": "short-stay"}'
booked() { event booking.result "{\"goal\": \"g\", \"attempt\": 1, \"status\": \"booked\", \"reference\": \"R-1\", \"slot\": $slot}" "${1:-r1}"; }
said() { jq -r '"\(.title) / \(.text)"' "$got"; }
sends() { [ "$(wc -l <"$got")" -ge "$1" ]; }
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }

@test "what is told, and in which words" {
	while IFS='|' read -r type data words; do
		: >"$got"
		rm -f "$box"
		event "$type" "$data" | notify fake:ok >/dev/null
		is "$(said)" "$words"
	done <<-END
	booking.result|{"status": "booked", "reference": "R-1", "slot": $slot, "reason": "read back from the site"}|alice: booked / short-stay, Ankara, Tue 2026-12-01 09:30. Reference R-1. read back from the site.
	booking.result|{"status": "pending", "until": "2026-11-22T10:00:00Z", "slot": $slot}|alice: held, but not booked yet / short-stay, Ankara, Tue 2026-12-01 09:30. Until 2026-11-22T13:00:00+03:00.
	booking.result|{"status": "unknown", "slot": $slot}|alice: booked or not: unknown / short-stay, Ankara, Tue 2026-12-01 09:30. Nothing more is tried until it is settled: look at the site, then use ab-book --settle.
	session.state|{"from": "booking", "to": "failed", "why": "refused"}|alice: given up / refused.
	human.required|{"ask": "k4", "kind": "captcha", "question": "What does the picture say?", "deadline": "2026-11-22T10:00:00Z"}|alice: you are asked (captcha) / What does the picture say?. Until 2026-11-22T13:00:00+03:00. Answer with: ab-answer k4.
	runtime.alert|{"severity": "error", "reason": "blocked: 403", "hint": "look at the site"}|alice: error / blocked: 403. look at the site.
	session.login|{"ok": false, "reason": "wrong password"}|alice: login refused / wrong password.
	END
}

@test "what is not told" {
	{
		event booking.result '{"status": "failed", "reason": "taken"}'
		event booking.result '{"status": "strange"}'
		event booking.result 'null'
		event session.state '{"from": "idle", "to": "monitoring", "why": "a new goal"}'
		event agent.heartbeat '{"verdict": "none"}'
		event runtime.alert '{"severity": "info", "reason": "seeing again"}'
		event session.login '{"ok": true, "reason": "logged in"}'
		event session.login '{"ok": false, "reason": "throttled: too many requests"}'
		event human.answered '{"ask": "k4", "outcome": "answered"}'
		booked | jq -c '.subject = "bob"'
		booked | jq -c 'del(.subject)'
	} >"$FAKE/events"
	notify fake:ok <"$FAKE/events" >"$out"
	cmp "$FAKE/events" "$out"
	is "$(said)" ""
}

@test "a driver gets one request: id, address, words and the event" {
	booked r7 | notify fake:ok >/dev/null
	is "$(jq -c '[keys, .do, .id, .url, .event.type, .event.data.reference]' "$got")" \
		'[["do","event","id","text","title","url"],"send","r7","fake:ok","booking.result","R-1"]'
}

@test "every address is told, and one that fails does not keep the others from it" {
	booked | notify fake:never,fake:ok,fake:half >"$out" 2>"$err"
	is "$(jq -r .url "$got" | sort | paste -sd,)" "fake:half,fake:never,fake:ok"
	is "$(jq -r 'select(.what == "sent").id' "$box" | wc -l)" 2
	grep -q 'no such person' "$err"
}

@test "the same event again, in the same run or a later one, is told once" {
	{ booked r1; booked r1; booked r2; } | notify fake:ok >/dev/null
	booked r1 | notify fake:ok >/dev/null
	booked r1 | notify fake:ok >/dev/null
	is "$(jq -r .id "$got" | paste -sd,)" r1,r2
}

@test "a failure that may pass is tried again, with the same id" {
	for how in second once-dead; do
		: >"$got"
		rm -f "$box"
		booked r1 | notify fake:$how >"$out" 2>"$err"
		is "$how $(jq -r .id "$got" | paste -sd,)" "$how r1,r1"
		is "$(wc -l <"$out")" 1 # no alert
	done
}

@test "what can't be told is an alert on stdout, and on stderr" {
	for how in fake:never nosuch:x exec:/no/such/program file:relative; do
		rm -f "$box"
		booked | notify $how >"$out" 2>"$err"
		is "$how $(jq -r '"\(.type) \(.data.severity // "")"' "$out" | paste -sd,)" "$how booking.result ,runtime.alert error"
		[[ $(tail -n 1 "$out" | jq -r .data.reason) == "notify_failed: 'alice: booked' was not told by ${how%%:*}: "* ]]
		grep -q "was not told" "$err"
	done
	grep -q 'file:/' "$err"
}

@test "after the deadline it gives up, and says so" {
	run --separate-stderr notify fake:later --deadline 100ms < <(booked)
	is "$status" 0
	is "$(jq -r .type <<<"$output" | paste -sd,)" booking.result,runtime.alert
	[ "$(wc -l <"$got")" -le 2 ]
}

@test "what is still not told at the end of the input is kept, and told by the next run with the same id" {
	run --separate-stderr notify fake:later --linger 50ms < <(booked r5)
	is "$status" 75
	[[ $stderr == *"1 message is not told yet"* ]]
	is "$(jq -r .what "$box")" new
	: >"$got"
	# another address of the same scheme stands in the rules now: the old one can't be reached any more
	run --separate-stderr notify fake:ok </dev/null
	is "$status $(jq -r .id "$got")" "0 r5"
	run --separate-stderr notify fake:ok </dev/null
	is "$(wc -l <"$got")" 1
}

@test "killed while a driver is at work, the next run tells it again with the same id" {
	start_notify fake:wait
	booked r9 >&9
	until_true 20 sends 1
	kill -9 "$notify_pid"
	wait "$notify_pid" || :
	notify_pid=
	touch "$FAKE/go"
	exec 9>&-
	notify fake:wait </dev/null
	is "$(jq -r .id "$got" | paste -sd,)" r9,r9
}

@test "a slow driver, or a dead one, does not hold up the pipeline" {
	start_notify fake:silent,fake:wait --timeout 300ms
	for i in {1..20}; do
		booked "r$i"
	done >"$FAKE/events"
	cat "$FAKE/events" >&9
	event agent.heartbeat '{"last": true}' >&9
	until_line 20 "$out" '.data.last' >/dev/null
	is "$(grep -c booking.result "$out")" 20
	until_true 20 grep -q 'did not answer in time; it is tried again' "$err"
	touch "$FAKE/go"
	told() { [ "$(jq -r 'select(.url == "fake:wait").id' "$got" | sort -u | wc -l)" -eq 20 ]; }
	until_true 20 told
}

@test "a driver's process is gone when its time is over" {
	start_notify fake:silent --timeout 200ms --deadline 1ms
	booked >&9
	until_line 20 "$out" '.type == "runtime.alert"' >/dev/null
	no_sleeper() { ! pgrep -f '^sleep 600$' -P "$(pgrep -d, -P "$notify_pid")" >/dev/null; }
	until_true 20 no_sleeper
}

@test "answers that make no sense are failures" {
	run --separate-stderr notify fake:nonsense --deadline 1ms < <(booked)
	[[ $stderr == *"not JSON"* ]]
	is "$(tail -n 1 <<<"$output" | jq -r .type)" runtime.alert
}

@test "a trouble is told once while it lasts, and its end once" {
	alert() { event runtime.alert "{\"severity\": \"$1\", \"reason\": \"$2\", \"hint\": \"h\"}" "" "${3:-/ab-poll/here}"; }
	{
		alert warning "unreachable: one"
		alert warning "unreachable: two"
		alert warning "unreachable: three"
		alert error "unreachable: now it is serious"
		alert warning "other: of another program" /ab-run/here
	} | notify fake:ok >/dev/null
	alert warning "unreachable: after a restart" | notify fake:ok >/dev/null
	is "$(jq -r .title "$got" | paste -sd,)" "alice: warning,alice: error,alice: warning"
	{ alert info "seeing again"; alert info "seeing again"; alert warning "unreachable: new"; alert warning "other: still" /ab-run/here; } | notify fake:ok >/dev/null
	is "$(jq -r .title "$got" | tail -n +4 | paste -sd,)" "alice: all clear,alice: warning"
	# a login refused again and again is one trouble too
	: >"$got"
	refusal() { event session.login '{"ok": false, "reason": "wrong password"}'; }
	{ refusal; refusal; event session.login '{"ok": true}'; refusal; } | notify fake:ok >/dev/null
	is "$(wc -l <"$got")" 2
}

@test "a result that only the journal has, because everything was killed, is told at the start" {
	mkdir -p "$AB_STATE/alice"
	line() { jq -c --argjson seq "$1" '{seq: $seq, what: "result", goal: "g", attempt: 1, event: .}'; }
	{
		booked old | jq -c '.time = "2020-01-01T00:00:00Z"' | line 1
		booked new | line 2
		printf '{"seq":3,"what":"res'
	} >"$AB_STATE/alice/journal.ndjson"
	notify fake:ok </dev/null
	booked new | notify fake:ok >/dev/null
	is "$(jq -r .id "$got" | paste -sd,)" new
}

@test "an outbox cut at any byte loses nothing but what had not been written" {
	booked r1 | notify fake:later --linger 1ms >/dev/null 2>&1 || :
	cp "$box" "$FAKE/box"
	all=$(wc -c <"$FAKE/box")
	for at in 0 1 $((all / 2)) $((all - 1)) "$all"; do
		head -c "$at" "$FAKE/box" >"$box"
		: >"$got"
		booked r1 | notify fake:ok >/dev/null 2>"$err" # the journal or ab-book says it again
		is "$at $(jq -r .id "$got")" "$at r1"
	done
	{ echo damaged; cat "$FAKE/box"; } >"$box"
	: >"$got"
	notify fake:ok </dev/null 2>"$err"
	is "$(jq -r .id "$got")" r1
	grep -q 'line 1 is damaged' "$err"
}

@test "addresses, which may hold a token, are written nowhere" {
	booked | notify fake:ok:token-4711,fake:never:token-4712,nosuch:token-4713 >"$out" 2>"$err"
	is "$(grep -rl token-471 "$AB_STATE" "$out" "$err" | wc -l)" 0
}

@test "bad lines are reported and left out; a long event is copied whole and told without its data" {
	{
		echo nonsense
		booked r1 | jq -c '.data.pad = "x" * 100000'
	} >"$FAKE/events"
	notify fake:ok <"$FAKE/events" 2>"$err" | cmp - <(tail -n 1 "$FAKE/events")
	grep -q 'line 1 passed over' "$err"
	is "$(jq -c '[.title, (.event | has("data"))]' "$got")" '["alice: booked",false]'
}

@test "nobody to tell: everything passes, and all is well" {
	run --separate-stderr notify "" < <(booked)
	is "$status $(jq -r .id <<<"$output")" "0 r1"
	is "$stderr" ""
}

@test "a reader that went away: what waits is told, status 75" {
	mkfifo "$FAKE/in" "$out.fifo"
	jq -nc '{notify: ["fake:ok"]}' >"$FAKE/rules.json"
	ab-notify --rules "$FAKE/rules.json" alice <"$FAKE/in" >"$out.fifo" 2>"$err" 3>&- 9>&- &
	notify_pid=$!
	exec 9>"$FAKE/in"
	booked r1 >&9
	head -n 1 "$out.fifo"
	status=0
	wait "$notify_pid" || status=$?
	notify_pid=
	is "$status $(jq -r .id "$got")" "75 r1"
}

@test "a second one is refused and told who holds the session" {
	start_notify fake:ok
	until_true 20 test -e "$box"
	run --separate-stderr ab-notify --rules "$FAKE/rules.json" alice </dev/null
	is "$status" 75
	[[ $stderr == *"alice's ab-notify runs already as process $notify_pid"* ]]
}

@test "exec: runs a program with title and text, the event on its stdin" {
	cat >"$FAKE/tell me" <<-'END'
	#!/bin/sh
	jq -nc --arg n "$#" --arg title "$1" --arg text "$2" --arg id "$AB_MESSAGE_ID" '{n: $n, title: $title, text: $text, id: $id, event: input}' >>"$FAKE/told"
	echo 'not for the driver to read'
	exit "$(cat "$FAKE/status")"
	END
	chmod +x "$FAKE/tell me"
	echo 0 >"$FAKE/status"
	booked | notify "exec:$FAKE/tell%20me" >"$out" 2>"$err"
	is "$(jq -c '[.n, .title, .id, .event.data.reference]' "$FAKE/told")" '["2","alice: booked","r1","R-1"]'
	is "$(wc -l <"$out")" 1
	# 75 is tried again, 77 never
	echo 77 >"$FAKE/status"
	booked r2 | notify "exec:$FAKE/tell%20me" >"$out" 2>"$err"
	grep -q 'ended with status 77' "$err"
	is "$(tail -n 1 "$out" | jq -r .type)" runtime.alert
	echo 75 >"$FAKE/status"
	run --separate-stderr notify "exec:$FAKE/tell%20me" --linger 20ms < <(booked r3)
	is "$status" 75
}

@test "exec: a program that reads nothing, or is not there" {
	booked | jq -c '.data.pad = "x" * 20000' | notify exec:true >"$out" 2>"$err"
	is "$(wc -l <"$out")" 1
	booked r2 | notify exec:ab-no-such-program >"$out" 2>"$err"
	[[ $(tail -n 1 "$out" | jq -r .data.reason) == *ab-no-such-program* ]]
}

@test "file: appends a line, once for each id, after a torn one too" {
	printf '{"id":"torn' >"$FAKE/told"
	{ booked r1; booked r2; } | notify "file:$FAKE/told" >/dev/null
	rm "$box"
	{ booked r1; booked r3; } | notify "file://$FAKE/told" >/dev/null
	is "$(tail -n +2 "$FAKE/told" | jq -r '"\(.id) \(.title)"' | paste -sd,)" "r1 alice: booked,r2 alice: booked,r3 alice: booked"
	is "$(jq -nc '[inputs | keys] | unique | .[]' < <(tail -n +2 "$FAKE/told"))" '["event","id","text","time","title"]'
	booked r4 | notify "file:$FAKE/new" >/dev/null
	is "$(stat -c %a "$FAKE/new")" 600
	booked r5 | notify file:/dev/null >"$out" 2>"$err"
	grep -q 'not a regular file' "$err"
}

@test "the rules come from the vault, and nothing else of it" {
	export AB_KEY_FILE=$HOME/key
	ab-vault init --make-key
	sed '/^notify/d' "$top_srcdir/t/fixtures/session/alice.yaml" >"$FAKE/alice.yaml"
	echo "notify: [\"file:$FAKE/told\"]" >>"$FAKE/alice.yaml"
	ab-vault new --from "$FAKE/alice.yaml" alice
	booked | ab-notify alice >/dev/null
	is "$(jq -r .id "$FAKE/told")" r1
}

@test "mistakes in rules and options" {
	run notify fake </dev/null
	is "$status" 78
	[[ $output == *"address 1 has no scheme"* ]]
	for wrong in "--deadline soon" "--linger x" "--timeout x" "--nonsense"; do
		# shellcheck disable=SC2086
		run ab-notify $wrong alice </dev/null
		is "$status" 64
	done
	run ab-notify --rules /no/file alice </dev/null
	is "$status" 66
}

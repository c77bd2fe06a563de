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
	booking.result|{"status": "pending", "until": "2026-11-22T10:00:00Z", "slot": $slot}|alice: held, but not booked yet / short-stay, Ankara, Tue 2026-12-01 09:30. Until 2026-11-22T13:00:00+03:00. Do on the site what it waits for, such as the payment: then it is booked.
	booking.result|{"status": "failed", "reason": "not_paid", "reference": "R1", "slot": $slot}|alice: held no longer: it was not paid for in time / short-stay, Ankara, Tue 2026-12-01 09:30. Reference R1.
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

@test "a driver gets one request: id, address, words, the event, what stands beside the address" {
	event session.state '{"to": "failed", "why": "refused"}' r7 | notify fake:ok >/dev/null
	is "$(jq -c '[keys, .do, .id, .url, .settings, .event.type, .event.data.why]' "$got")" \
		'[["do","event","id","settings","text","title","url"],"send","r7","fake:ok",{"url":"fake:ok"},"session.state","refused"]'
	: >"$got"
	jq -nc '{notify: [{url: "fake:ok", password: "s3same-4711", options: {chat: "1"}}, {url: "fake:ok", options: {chat: "2"}}]}' >"$FAKE/rules.json"
	booked r8 | ab-notify --rules "$FAKE/rules.json" alice >"$out" 2>"$err"
	is "$(jq -sc 'sort_by(.settings.options.chat) | map([.id, .settings.password, .settings.options.chat])' "$got")" '[["r8","s3same-4711","1"],["r8",null,"2"]]'
	is "$(grep -rl s3same-4711 "$AB_STATE" "$out" "$err" | wc -l)" 0
}

@test "what is booked comes with an entry for the calendar, which is the same when it is told again" {
	event booking.result '{"goal": "g7", "status": "booked", "reference": "R,1;\\\\", "slot": {"id": "s", "start": "2026-12-01T09:30:00+03:00",
		"end": "2026-12-01T10:15:00+03:00", "timezone": "Europe/Istanbul", "location": "Ankara; Çankaya, ğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğğ",
		"category": "short-stay"}}' r1 | notify fake:second >/dev/null 2>&1
	is "$(jq -r .calendar "$got" | sort -u | grep -c ^UID)" 1
	is "$(jq -s 'map(.calendar) | unique | length' "$got")" 1
	jq -rj '.calendar' <(head -n 1 "$got") >"$FAKE/it.ics"
	/usr/bin/python3 - "$FAKE/it.ics" <<-'END'
	import sys, icalendar
	data = open(sys.argv[1], "rb").read()
	assert all(len(line) <= 75 for line in data.split(b"\r\n")), "a line is too long"
	assert b"\n" not in data.replace(b"\r\n", b"")
	calendar = icalendar.Calendar.from_ical(data)
	assert calendar["METHOD"] == "PUBLISH"
	event, = calendar.walk("VEVENT")
	assert event["UID"] == "g7@ab.invalid", event["UID"]
	assert event.decoded("DTSTART").isoformat() == "2026-12-01T06:30:00+00:00", event.decoded("DTSTART")
	assert event.decoded("DTEND").isoformat() == "2026-12-01T07:15:00+00:00"
	assert event["LOCATION"] == "Ankara; Çankaya, " + "ğ" * 41, event["LOCATION"]
	assert event["SUMMARY"] == "Appointment of alice: short-stay"
	assert event["DESCRIPTION"].endswith("\nReference R,1;\\"), event["DESCRIPTION"]
	END
	# nothing else has one
	: >"$got"
	{ event booking.result "{\"status\": \"pending\", \"slot\": $slot}"; event booking.result '{"status": "booked", "slot": {"id": "x"}}'; } | notify fake:ok >/dev/null
	is "$(jq -s 'map(has("calendar")) | unique | join(",")' -r "$got")" false
}

@test "still watching: once a day, also when nothing ran at that time, and what was seen" {
	local at day
	at=$(TZ=Asia/Kathmandu date -d '-2 minutes' +%H:%M) # not a whole hour off, so that UTC would show
	day=$(TZ=Asia/Kathmandu date -d '-2 minutes' +%F)
	jq -nc --arg at "$at" '{timezone: "Asia/Kathmandu", daily: $at, notify: ["fake:ok"]}' >"$FAKE/rules.json"
	watch() { ab-notify --rules "$FAKE/rules.json" alice; }
	round() { event agent.heartbeat "{\"agent\": \"ab-poll\", \"verdict\": \"$1\", \"checked_at\": \"2026-11-23T05:00:00Z\"}" "" /ab-poll/here; }
	# the first run only sets the time
	round none | watch >"$out"
	is "$(jq -r .what "$box") $(wc -l <"$got")" "daily 0"
	is "$(TZ=Asia/Kathmandu date -d "$(jq -r .next "$box")" +%R)" "$at"
	[ "$(date -d "$(jq -r .next "$box")" +%s)" -gt "$(date +%s)" ]
	# it passed while nothing ran
	due() { jq -nc --arg next "$(date -u -d "TZ=\"Asia/Kathmandu\" $day $at" +%FT%TZ)" '{what: "daily", next: $next}' >"$box"; }
	due
	{ round none; round none; round available; round throttled; round unreachable; round throttled; } >"$FAKE/rounds"
	watch <"$FAKE/rounds" >"$out"
	is "$(jq -r .title "$got")" "alice: still watching"
	[[ $(jq -r .text "$got") == *"1 check since "*": 1 with nothing free, 0 with slots. The last good look was at 2026-11-23T10:45:00+05:45." ]]
	is "$(jq -c 'select(.type == "agent.report").data | [.checks, .verdicts]' "$out")" '[1,{"none":1}]'
	watch <"$FAKE/rounds" >"$out"
	is "$(wc -l <"$got")" 1
	# at the end of the input it is told at the latest; blind is said to be blind
	: >"$got"
	due
	{ round throttled; } | watch >"$out"
	is "$(jq -r .title "$got")" "alice: still here, but nothing could be seen"
	[[ $(jq -r .text "$got") == *"Not seen: 1 throttled." ]]
	# the time of day was set to another: the old one does not count
	: >"$got"
	due
	jq -c '.daily = "00:00"' "$FAKE/rules.json" >"$FAKE/r" && mv "$FAKE/r" "$FAKE/rules.json"
	round none | watch >"$out"
	is "$(wc -l <"$got")" 0
}

@test "a driver may say when to come again" {
	SECONDS=0
	booked | notify fake:busy >"$out" 2>"$err"
	is "$(wc -l <"$got")" 2
	[ "$SECONDS" -ge 2 ] # a second would be our own pause
	# but not after the message's time
	: >"$got"
	booked r2 | notify fake:busy --deadline 1200ms >"$out" 2>"$err"
	is "$(wc -l <"$got")" 2
}

@test "that one way fails is told by the others, once until it works again" {
	{ booked r1; booked r2; } | notify fake:ok,fake:broken >"$out" 2>"$err"
	is "$(jq -r 'select(.url == "fake:ok").title' "$got" | sort | paste -sd,)" "alice: booked,alice: booked,alice: error"
	is "$(jq -r 'select(.url == "fake:broken").title' "$got" | paste -sd,)" "alice: booked,alice: booked"
	[[ $(jq -r 'select(.title == "alice: error").text' "$got") == *"was not told by fake: no such person."* ]]
	is "$(jq -r 'select(.type == "runtime.alert").data.reason' "$out" | wc -l)" 2
	touch "$FAKE/mended"
	booked r3 | notify fake:ok,fake:broken >"$out" 2>"$err"
	rm "$FAKE/mended"
	: >"$got"
	booked r4 | notify fake:ok,fake:broken >"$out" 2>"$err"
	is "$(jq -r 'select(.url == "fake:ok").title' "$got" | sort | paste -sd,)" "alice: booked,alice: error"
}

@test "a way that goes on failing is told by the others, and is tried further" {
	jq -nc '{notify: ["fake:ok", "fake:later"]}' >"$FAKE/rules.json"
	mkfifo "$FAKE/in"
	ab-notify --rules "$FAKE/rules.json" --retry 1ms alice <"$FAKE/in" >"$out" 2>"$err" 3>&- 9>&- &
	notify_pid=$!
	exec 9>"$FAKE/in"
	{ booked r1; booked r2; } >&9
	further() { [ "$(jq -r 'select(.url == "fake:later" and .id == "r1").id' "$got" | wc -l)" -ge 7 ]; }
	until_true 20 further
	is "$(jq -r 'select(.url == "fake:ok").title' "$got" | sort | paste -sd,)" "alice: booked,alice: booked,alice: error"
	[[ $(jq -r 'select(.title == "alice: error").text' "$got") == *"is not told yet by fake: come again."* ]]
}

@test "every address is told, and one that fails does not keep the others from it" {
	booked | notify fake:never,fake:ok,fake:half >"$out" 2>"$err"
	is "$(jq -r 'select(.id == "r1").url' "$got" | sort | paste -sd,)" "fake:half,fake:never,fake:ok"
	is "$(jq -r 'select(.what == "sent" and .id == "r1").id' "$box" | wc -l)" 2
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
	# only the keys of the rules and of the addresses are asked for
	booked r2 | ab-vault exec --parts rules,notices alice -- ab-notify alice >/dev/null
	is "$(jq -r .id "$FAKE/told" | paste -sd,)" r1,r2
	# a program that gives a token is the owner's to allow
	ab-vault set --yaml alice notify '[{url: "mailto:a@example.org", smtp: "smtps://a@mail.example.org", token: "exec:/bin/token"}]'
	run --separate-stderr ab-notify alice </dev/null
	is "$status" 77
	[[ $stderr == *"consent.programs does not list /bin/token"* ]]
	ab-vault set --yaml alice consent.programs '[/bin/token]'
	ab-notify alice </dev/null
	ab-vault set --yaml alice notify "['file:$FAKE/told']"
	# an older record has the addresses in its rules; when it is changed they move
	look=$top_builddir/t/unit/vault-test
	ab-vault exec alice -- sh -c '"$0" read alice rules' "$look" | jq -c --arg url "file:$FAKE/told" '.notify = [$url]' >"$FAKE/rules"
	ab-vault exec alice -- sh -c '"$0" write alice rules "$(cat "$1")"' "$look" "$FAKE/rules"
	rm "$AB_VAULT/alice/notices" "$AB_STATE/alice/seen.notices"
	booked r3 | ab-notify alice >/dev/null
	is "$(ab-vault get alice notify.0)" "file:$FAKE/told"
	ab-vault set alice consent.book no
	is "$(ab-vault exec alice -- "$look" read alice rules | jq 'has("notify")')" false
	booked r4 | ab-notify alice >/dev/null
	is "$(jq -r .id "$FAKE/told" | paste -sd,)" r1,r2,r3,r4
}

@test "mistakes in rules and options" {
	run notify fake </dev/null
	is "$status" 78
	[[ $output == *"address 1 has no scheme"* ]]
	run notify fake:ok,fake:never,fake:ok </dev/null
	is "$status" 78
	[[ $output == *"address 3 stands there twice"* ]]
	for wrong in "--deadline soon" "--linger x" "--timeout x" "--nonsense"; do
		# shellcheck disable=SC2086
		run ab-notify $wrong alice </dev/null
		is "$status" 64
	done
	run ab-notify --rules /no/file alice </dev/null
	is "$status" 66
}

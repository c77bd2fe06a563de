# ab-run: a pipeline per session, kept running. The stages are stand-ins (t/fixtures/run/stage).
load lib

setup() {
	fresh_home
	export FAKE=$BATS_TEST_TMPDIR/fake
	mkdir -p "$FAKE/bin"
	for program in ab-poll ab-plan ab-book ab-audit ab-notify; do
		ln -s "$top_srcdir/t/fixtures/run/stage" "$FAKE/bin/$program"
	done
	ln -s "$top_srcdir/t/fixtures/run/ab-vault" "$FAKE/bin/ab-vault"
	export AB_BIN="$FAKE/bin:$top_builddir/bin"
	run_pid=
}
teardown() {
	# what a failure's report should hold
	tail -n 40 "$FAKE/err" "$FAKE/log" 2>/dev/null || :
	if [ -n "$run_pid" ]; then
		until_true 20 hurried
		wait "$run_pid" 2>/dev/null || :
	fi
	drop_home
}

hurried() { gone "$run_pid" || { kill -TERM "$run_pid" 2>/dev/null; false; }; }

# start_run ARG…: a coordinator in the background, events in $FAKE/out, messages in $FAKE/err.
start_run() {
	ab-run --restart 50ms "$@" >"$FAKE/out" 2>"$FAKE/err" 3>&- &
	run_pid=$!
}
# Waits for it to end by itself; its status is in $status.
wait_run() {
	until_true "${1:-20}" gone "$run_pid"
	status=0
	wait "$run_pid" || status=$?
	run_pid=
}
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(state_of "$1")" = Z ]; }
state_of() { sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null; }
logged() { grep -qxF -e "$*" "$FAKE/log" 2>/dev/null; }
times_logged() { [ -e "$FAKE/log" ] && [ "$(grep -cxF -e "${*:2}" "$FAKE/log")" -ge "$1" ]; }
# running SESSION [N]: all five stages have started N times
running() {
	until_true 20 times_logged "${2:-1}" "$1 ab-notify start"
	until_true 20 times_logged "${2:-1}" "$1 ab-poll start"
}
order() { until_true 20 test -p "$FAKE/$1" && printf '%s\n' "$2" >"$FAKE/$1"; }
info() { jq -r "$2" "$FAKE/$1.info"; }
status_of() { ab-run status --json "$1" | jq -r ".[0]$2"; }
status_is() { [ "$(status_of "$1" .state)" = "$2" ]; }
# Nothing is left: no stage, no socket, no FIFO.
nothing_left() {
	for info in "$FAKE"/*.info; do
		gone "$(jq .pid "$info")"
	done
	[ -z "$(find "$AB_RUNTIME" -type s -o -type p)" ]
}

@test "each stage gets its arguments, its keys alone, and a process group of its own" {
	start_run alice
	running alice
	[ "$(info alice.ab-poll '.argv | join(" ")')" = alice ]
	[ "$(info alice.ab-plan '.argv | join(" ")')" = "--feedback $AB_RUNTIME/alice/feedback alice" ]
	[ "$(info alice.ab-book '.argv | join(" ")')" = "--feedback $AB_RUNTIME/alice/feedback alice" ]
	[ "$(info alice.ab-audit '.argv | join(" ")')" = alice ]
	parts() { info "$1" .keys | tr , '\n' | sed 's/=.*//' | sort | paste -sd' '; }
	flows='alice/evidence alice/profile alice/rules alice/secrets alice/state'
	[ "$(parts alice.ab-poll)" = "$flows" ]
	[ "$(parts alice.ab-book)" = "$flows" ]
	[ "$(parts alice.ab-plan)" = alice/rules ]
	[ "$(parts alice.ab-notify)" = "alice/notices alice/rules" ]
	[ "$(parts alice.ab-audit)" = alice/audit ]
	for program in ab-poll ab-plan ab-book ab-audit ab-notify; do
		[ "$(info "alice.$program" '.pid == .pgid')" = true ]
	done
	# 0..2, its own FIFO and folder listing, and the keys it was told of: nothing else came along
	[ "$(info alice.ab-audit '[.fds[] | select(. > 5)] | length')" -le 2 ]
	[ "$(info alice.ab-poll .stdin)" = /dev/null ]
	[ -p "$AB_RUNTIME/alice/feedback" ]
	[ "$(stat -c %a "$AB_RUNTIME/alice/feedback")" = 600 ]
}

@test "the passphrase is asked for once for all sessions, and the keys of one do not reach another" {
	start_run alice bob
	running alice
	running bob
	[ "$(cat "$FAKE/unlocked")" = "alice bob" ]
	[[ $(info bob.ab-poll .keys) != *alice* ]]
	[[ $(info alice.ab-poll .keys) != *bob* ]]
}

@test "events of all sessions come out as whole lines, and a bad line is passed over" {
	start_run alice bob
	running alice
	running bob
	order alice.ab-poll 'flood 50 30000'
	order bob.ab-poll 'flood 50 30000'
	until_line 20 "$FAKE/out" '.subject == "alice" and .data.n == 49' >/dev/null
	until_line 20 "$FAKE/out" '.subject == "bob" and .data.n == 49' >/dev/null
	order bob.ab-plan 'say no event'
	[ "$(jq -c 'select(.type == "test.flood" and .subject == "alice") | .data.n' "$FAKE/out" | paste -sd' ')" = "$(seq -s' ' 0 49)" ]
	[ "$(jq -c 'select(.type == "test.flood" and .subject == "bob") | .data.n' "$FAKE/out" | paste -sd' ')" = "$(seq -s' ' 0 49)" ]
	until_true 20 grep -q 'bob: line [0-9]* of the pipeline passed over: not JSON' "$FAKE/err"
	not grep -q 'no event' "$FAKE/out"
}

@test "a stage that dies takes its pipeline along in order, and the pipeline is started again" {
	start_run alice
	running alice
	kill -KILL "$(info alice.ab-book .pid)"
	running alice 2
	[ "$(grep -n 'alice ab-poll TERM' "$FAKE/log" | head -1 | cut -d: -f1)" -lt "$(grep -n 'alice ab-plan input-end' "$FAKE/log" | head -1 | cut -d: -f1)" ]
	logged 'alice ab-notify input-end'
	not logged 'alice ab-plan TERM'
	not logged 'alice ab-notify TERM'
	[ "$(status_of alice .restarts)" = 1 ]
	[ "$(status_of alice .why)" = 'ab-book ended with status 137' ]
	status_is alice running
}

@test "one session's trouble does not touch another" {
	start_run alice bob
	running alice
	running bob
	before=$(info bob.ab-poll .pid)
	kill -KILL "$(info alice.ab-poll .pid)"
	running alice 2
	[ "$(info bob.ab-poll .pid)" = "$before" ]
	[ "$(status_of bob .restarts)" = 0 ]
}

@test "the wait doubles with each run that ends early, and the person is told after five" {
	echo 'exit 69' >"$FAKE/alice.ab-poll.rc"
	start_run alice
	until_true 30 grep -q 'starting again in 1600 ms' "$FAKE/err"
	for ms in 50 100 200 400 800; do
		grep -q "ab-run: alice: ab-poll ended with status 69; starting again in $ms ms" "$FAKE/err"
	done
	until_line 20 "$FAKE/out" '.type == "runtime.alert" and .data.severity == "error" and (.data.reason | test("ended 5 times in a row"))'
	until_line 20 "$FAKE/alice.ab-notify.got" '.type == "runtime.alert"'
	[ "$(jq -c 'select(.type == "runtime.alert")' "$FAKE/out" | wc -l)" = 1 ]
}

@test "a run that lasted begins the count anew" {
	start_run alice
	running alice
	order alice.ab-poll 'exit 75'
	running alice 2
	order alice.ab-poll 'exit 75'
	running alice 3
	started=$(date +%s%N)
	lasted() { [ $(($(date +%s%N) - started)) -gt 3200000000 ]; }
	until_true 10 lasted
	order alice.ab-poll 'exit 75'
	running alice 4
	[ "$(grep -o 'again in [0-9]* ms' "$FAKE/err" | paste -sd,)" = 'again in 50 ms,again in 100 ms,again in 50 ms' ]
}

@test "statuses that no restart mends end the session, and ab-run with that status" {
	for code in 64 65 76 77 78; do
		rm -f "$FAKE/log" "$FAKE/alice.ab-notify.got"
		start_run alice
		running alice
		order alice.ab-poll "exit $code"
		wait_run
		[ "$status" -eq "$code" ]
		not times_logged 2 'alice ab-poll start'
		grep -q "ab-poll ended with status $code; not started again" "$FAKE/err"
		# the person is told, though the pipeline is gone
		until_line 5 "$FAKE/alice.ab-notify.got" ".type == \"runtime.alert\" and .data.reason == \"halted: ab-poll ended with status $code\""
		until_line 5 "$FAKE/out" '.type == "runtime.alert" and .data.severity == "error"'
	done
	nothing_left
}

@test "a goal that ab-plan closed is the end: 0 booked, 1 failed" {
	for code in 0 1; do
		rm -f "$FAKE/log"
		start_run alice
		running alice
		if [ "$code" -eq 1 ]; then
			order alice.ab-plan 'say {"specversion":"1.0","id":"1","source":"/ab-plan/h","type":"session.state","subject":"alice","data":{"goal":"g1","from":"monitoring","to":"failed","why":"x"}}'
		fi
		order alice.ab-plan "exit $code"
		wait_run
		[ "$status" -eq "$code" ]
		not times_logged 2 'alice ab-plan start'
		[ -z "$(jq -c 'select(.type == "runtime.alert")' "$FAKE/out")" ]
	done
}

@test "what ab-plan says at the end of its input is no end of the goal" {
	start_run alice
	running alice
	order alice.ab-poll 'exit 75'
	running alice 2
	[ "$(status_of alice .why)" = 'ab-poll ended with status 75' ]
	order alice.ab-poll 'exit 0'
	running alice 3
	status_is alice running
}

@test "TERM and INT stop in order: ab-poll is told, the others end with their input, nothing is left" {
	for sig in TERM INT; do
		rm -f "$FAKE/log"
		start_run alice bob
		running alice
		running bob
		kill "-$sig" "$run_pid"
		wait_run
		[ "$status" -eq 0 ]
		for session in alice bob; do
			logged "$session ab-poll TERM"
			[ "$(grep "^$session .* end" "$FAKE/log" | cut -d' ' -f2 | paste -sd' ')" = 'ab-poll ab-plan ab-book ab-audit ab-notify' ]
		done
		not grep -q 'ab-book TERM' "$FAKE/log"
		nothing_left
	done
}

@test "what comes out of an orderly stop is not lost" {
	start_run alice
	running alice
	order alice.ab-book 'eof never'
	until_line 20 "$FAKE/out" '.type == "agent.heartbeat"'
	kill "$run_pid"
	until_true 20 logged 'alice ab-book input-end'
	# an attempt that was under way comes to its end
	order alice.ab-book 'say {"specversion":"1.0","id":"1","source":"/ab-book/h","type":"booking.result","subject":"alice","data":{"status":"booked"}}'
	order alice.ab-book 'exit 0'
	wait_run
	[ "$status" -eq 0 ]
	has_line "$FAKE/out" '.type == "booking.result" and .data.status == "booked"'
}

@test "a stage that does not end in time is told, then killed; a second signal hastens" {
	start_run --grace 300ms alice
	running alice
	order alice.ab-book 'eof never'
	until_line 20 "$FAKE/out" '.type == "agent.heartbeat"'
	kill "$run_pid"
	wait_run
	logged 'alice ab-book TERM'
	nothing_left

	rm -f "$FAKE/log"
	start_run --grace 1h alice
	running alice
	order alice.ab-book deaf
	order alice.ab-book 'eof never'
	kill "$run_pid"
	kill "$run_pid" # at once: the same wish
	until_true 20 logged 'alice ab-book input-end'
	not logged 'alice ab-book TERM'
	hastened() { kill "$run_pid"; logged 'alice ab-book TERM'; }
	until_true 20 hastened
	until_true 20 hurried
	wait_run
	not logged 'alice ab-book end'
	nothing_left
}

@test "ab-run killed outright takes its stages along, and another can begin at once" {
	start_run alice
	running alice
	kill -KILL "$run_pid"
	wait_run
	[ "$status" -eq 137 ]
	for program in ab-poll ab-plan ab-book ab-audit ab-notify; do
		until_true 20 gone "$(info "alice.$program" .pid)"
	done
	start_run alice
	running alice 2
	status_is alice running
}

@test "what a stage leaves behind is reaped while we run, and ended with us" {
	start_run --grace 300ms alice
	running alice
	order alice.ab-poll orphan
	until_true 20 logged 'alice ab-poll orphan'
	order alice.ab-audit orphan
	until_true 20 logged 'alice ab-audit orphan'
	until_true 20 test -s "$FAKE/alice.ab-audit.orphan"
	first=$(cat "$FAKE/alice.ab-poll.orphan") second=$(cat "$FAKE/alice.ab-audit.orphan")
	[ "$(sed 's/.*) . //; s/ .*//' "/proc/$first/stat")" = "$run_pid" ]
	kill "$first"
	until_true 20 test ! -e "/proc/$first"
	kill "$run_pid"
	wait_run
	[ ! -e "/proc/$second" ]
}

@test "a second coordinator is refused, and told who holds the lock" {
	start_run alice
	running alice
	run ab-run bob
	[ "$status" -eq 75 ]
	[[ $output == *"$run_pid"* ]]
	[[ $output == *'ab-run start'* ]]
}

@test "start, list, status, pause, resume and stop speak to the running coordinator" {
	start_run --stay
	until_true 20 test -S "$AB_RUNTIME/run.sock"
	[ "$(stat -c %a "$AB_RUNTIME/run.sock")" = 700 ]
	[ -z "$(ab-run list)" ]
	ab-run start alice bob --pipeline watch-only
	running alice
	running bob
	[ ! -e "$FAKE/alice.ab-plan.info" ]
	[ "$(cat "$FAKE/unlocked")" = 'alice bob' ]
	[[ $(info bob.ab-poll .keys) == *bob/rules* ]]
	[ "$(ab-run list)" = $'alice\nbob' ]
	[ "$(status_of alice .pipeline)" = watch-only ]

	until_line 20 "$FAKE/out" '.type == "agent.heartbeat" and .subject == "alice"'
	ab-run pause alice
	until_true 20 logged 'alice ab-poll USR1'
	status_is alice paused
	status_is bob running
	ab-run resume alice
	until_true 20 logged 'alice ab-poll USR2'
	status_is alice running

	ab-run stop alice
	logged 'alice ab-notify end'
	status_is alice stopped
	status_is bob running
	ab-run start alice
	running alice 2
	until_true 20 test -e "$FAKE/alice.ab-plan.info"
	ab-run stop --all
	wait_run 5
	[ "$status" -eq 0 ]
	nothing_left
}

@test "a session paused before ab-poll has spoken is told when it has" {
	mkfifo "$FAKE/alice.ab-poll"
	echo 'flood 1 1' >"$FAKE/alice.ab-poll.rc"
	start_run alice
	until_true 20 test -S "$AB_RUNTIME/run.sock"
	ab-run pause alice
	until_true 20 logged 'alice ab-poll USR1'
	[ "$(grep -n 'alice ab-poll start' "$FAKE/log" | cut -d: -f1)" -lt "$(grep -n 'alice ab-poll USR1' "$FAKE/log" | cut -d: -f1)" ]
	not logged 'alice ab-poll end'
}

@test "a pipeline that ends while paused waits for the resumption" {
	start_run alice
	running alice
	until_line 20 "$FAKE/out" '.type == "agent.heartbeat"'
	ab-run pause alice
	until_true 20 logged 'alice ab-poll USR1'
	order alice.ab-poll 'exit 75'
	until_true 20 grep -q 'starting again' "$FAKE/err"
	status_is alice paused
	not times_logged 2 'alice ab-poll start'
	ab-run resume alice
	running alice 2
}

@test "status is a table for people and JSON for programs" {
	start_run alice
	running alice
	until_line 20 "$FAKE/out" '.type == "agent.heartbeat"'
	order alice.ab-plan 'say {"specversion":"1.0","id":"1","source":"/ab-plan/h","type":"session.state","subject":"alice","data":{"goal":"g1","from":"idle","to":"monitoring","why":"x"}}'
	until_line 20 "$FAKE/out" '.type == "session.state"'
	run ab-run status
	[ "$status" -eq 0 ]
	[[ ${lines[0]} =~ ^SESSION\ +STATE\ +VERDICT\ +SEEN\ +NEXT\ +RESTARTS\ +GOAL\ +PID$ ]]
	[[ ${lines[1]} =~ ^alice\ +running\ +none\ +[0-9]+s\ +[0-9]+s\ +0\ +monitoring\ +$(info alice.ab-poll .pid)$ ]]
	[ "$(status_of alice .goal)" = g1 ]
	[ "$(status_of alice .verdict)" = none ]
	[ "$(status_of alice '.pids | keys | join(" ")')" = 'ab-audit ab-book ab-notify ab-plan ab-poll' ]
	[[ $(status_of alice .good_look) == 20*Z ]]
	run ab-run status carol
	[ "$status" -eq 1 ]
	[[ $output == *"no session 'carol' is here"* ]]
}

@test "without a coordinator, or with wrong words, the reason is said" {
	run ab-run status
	[ "$status" -eq 69 ]
	[[ $output == *'no coordinator is running'* ]]
	run ab-run start alice
	[ "$status" -eq 69 ]
	[ ! -e "$FAKE/unlocked" ] # no passphrase was asked for in vain
	run ab-run
	[ "$status" -eq 64 ]
	run ab-run --pipeline nonsense alice
	[ "$status" -eq 64 ]
	[[ $output == *nonsense* ]]
	run ab-run --grace soon alice
	[ "$status" -eq 64 ]
	run ab-run stop
	[ "$status" -eq 64 ]
	run ab-run 'No Name'
	[ "$status" -eq 64 ]
	start_run alice
	running alice
	run ab-run start alice
	[ "$status" -eq 75 ]
	[[ $output == *'alice runs already'* ]]
	run ab-run pause carol
	[ "$status" -eq 1 ]
}

@test "nonsense on the socket harms nobody" {
	start_run alice
	running alice
	python3 - "$AB_RUNTIME/run.sock" <<'PY'
import socket, sys
for text in (b"", b"\n", b"{", b"[]\n", b"\0\xff\n", b'{"do":"start","session":"../x"}\n', b'{"do":"fly"}\n',
             b'{"do":"start","session":"dora","parts":["rules"]}\n', b'{"do":7}\n', b"x" * 200000):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    try:
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        s.recv(4096)
    except OSError:
        pass
PY
	status_is alice running
	[ "$(ab-run list)" = alice ]
}

@test "clients that say nothing do not keep others out" {
	start_run alice
	running alice
	python3 - "$AB_RUNTIME/run.sock" <<'PY'
import socket, subprocess, sys
idle = []
for _ in range(20):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    idle.append(s)
assert subprocess.run(["ab-run", "list"], capture_output=True, timeout=30).stdout == b"alice\n"
PY
	# nor does waiting for them cost anything
	ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$run_pid/stat"; }
	[ "$(ticks)" -lt 200 ]
}

@test "a full disk under our output is said once, and the pipelines go on" {
	ab-run --restart 50ms alice >/dev/full 2>"$FAKE/err" 3>&- &
	run_pid=$!
	running alice
	order alice.ab-poll 'flood 50 1000'
	until_true 20 grep -q 'write standard output.*No space left' "$FAKE/err"
	order alice.ab-notify 'exit 69'
	running alice 2
	[ "$(grep -c 'No space left' "$FAKE/err")" = 1 ]
}

@test "nohup is respected" {
	nohup ab-run --restart 50ms alice >"$FAKE/out" 2>"$FAKE/err" 3>&- &
	run_pid=$!
	running alice
	kill -HUP "$run_pid"
	status_is alice running
	[ "$(ab-run list)" = alice ]
	not logged 'alice ab-poll TERM'
}

@test "a pipeline that is not heard is silent, said once, and heard again" {
	start_run --silence 200ms alice
	running alice
	until_line 20 "$FAKE/out" '.type == "runtime.alert" and .data.severity == "warning" and (.data.reason | test("^silent: nothing was heard of ab-poll"))'
	status_is alice silent
	order alice.ab-poll 'say {"specversion":"1.0","id":"1","source":"/ab-poll/h","type":"agent.heartbeat","subject":"alice","data":{"agent":"ab-poll","verdict":"none","next_ms":3600000}}'
	until_line 20 "$FAKE/out" '.type == "runtime.alert" and .data.severity == "info"'
	status_is alice running
	[ "$(jq -c 'select(.type == "runtime.alert")' "$FAKE/out" | wc -l)" = 2 ]
}

@test "while a booking is under way, ab-poll may be quiet" {
	start_run --silence 200ms alice
	running alice
	order alice.ab-plan 'say {"specversion":"1.0","id":"1","source":"/ab-plan/h","type":"session.state","subject":"alice","data":{"goal":"g1","from":"claiming","to":"booking","why":"x"}}'
	until_line 20 "$FAKE/out" '.type == "session.state"'
	sent=$(date +%s%N)
	passed() { [ $(($(date +%s%N) - sent)) -gt 1000000000 ]; }
	until_true 10 passed
	status_is alice running
}

@test "while a person or a code is waited for, ab-poll may be quiet" {
	# an interval of a millisecond, so that the silence is all there is
	beat='{"specversion":"1.0","id":"1","source":"/ab-poll/h","type":"agent.heartbeat","subject":"alice","data":{"agent":"ab-poll","verdict":"none","next_ms":1}}'
	start_run --silence 500ms alice
	running alice
	order alice.ab-poll "say $beat"
	order alice.ab-poll "say $(jq -nc --arg by "$(date -u -d '+1 hour' +%FT%TZ)" '{specversion: "1.0", id: "2", source: "/ab-poll/h",
		type: "human.required", subject: "alice", data: {ask: "a", kind: "captcha", question: "?", deadline: $by}}')"
	until_line 20 "$FAKE/out" '.type == "human.required"'
	sent=$(date +%s%N)
	passed() { [ $(($(date +%s%N) - sent)) -gt 1500000000 ]; }
	until_true 10 passed
	status_is alice running
	order alice.ab-poll 'say {"specversion":"1.0","id":"3","source":"/ab-poll/h","type":"human.answered","subject":"alice","data":{"ask":"a","kind":"captcha","outcome":"answered"}}'
	until_true 10 status_is alice silent
	order alice.ab-poll "say $beat"
	order alice.ab-poll 'say {"specversion":"1.0","id":"4","source":"/ab-login/h","type":"otp.requested","subject":"alice","data":{"timeout_ms":3600000}}'
	until_line 20 "$FAKE/out" '.type == "otp.requested"'
	sent=$(date +%s%N)
	until_true 10 passed
	status_is alice running
	# paused by a signal of the person's own it may be, too, but not because its turn on the page did not come
	order alice.ab-poll "say ${beat/none/paused}"
	until_true 10 status_is alice silent
	order alice.ab-poll "say $(sed 's/none/paused/; s/"next_ms":1/"next_ms":0/' <<<"$beat")"
	until_true 10 status_is alice running
	sent=$(date +%s%N)
	until_true 10 passed
	status_is alice running
}

@test "a reader that stops holds the events back, and loses none" {
	mkfifo "$FAKE/pipe"
	ab-run alice >"$FAKE/pipe" 2>"$FAKE/err" 3>&- &
	run_pid=$!
	exec 4<"$FAKE/pipe"
	running alice
	order alice.ab-poll 'flood 3000 1000'
	before=$(ab-run status --json | jq length) # the coordinator answers all the same
	[ "$before" = 1 ]
	rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$run_pid/status")
	[ "$rss" -lt 30000 ] || [ -n "${ASAN_OPTIONS-}" ] || grep -q libasan "/proc/$run_pid/maps"
	head -n 3001 <&4 >"$FAKE/read"
	[ "$(jq -c 'select(.type == "test.flood") | .data.n' "$FAKE/read" | sort -nu | wc -l)" = 3000 ]
	exec 4<&-
}

@test "a reader that is gone is the end, in order" {
	mkfifo "$FAKE/pipe"
	ab-run alice >"$FAKE/pipe" 2>"$FAKE/err" 3>&- &
	run_pid=$!
	exec 4<"$FAKE/pipe"
	running alice
	exec 4<&-
	wait_run
	grep -q 'nobody reads our output' "$FAKE/err"
	logged 'alice ab-notify input-end'
	nothing_left
}

@test "a program that is missing is named, and tried again" {
	rm "$FAKE/bin/ab-book"
	AB_BIN=$FAKE/bin PATH=/usr/bin:/bin "$top_builddir/bin/ab-run" --restart 50ms alice >"$FAKE/out" 2>"$FAKE/err" 3>&- &
	run_pid=$!
	[ -x "$top_builddir/bin/ab-book" ] || until_true 20 grep -q 'start ab-book: No such file' "$FAKE/err"
	ln -sf "$top_srcdir/t/fixtures/run/stage" "$FAKE/bin/ab-book"
	running alice
}

# Empty is not blind, and a pipeline that is dead is no quiet one: the person hears of it, once per trouble, and when it is over.
load lib
bats_require_minimum_version 1.5.0

setup() {
	fresh_home
	start_site
	run_pid=
	out=$BATS_TEST_TMPDIR/out
	notices=$HOME/notices.ndjson
	touch "$out" "$notices"
}
teardown() {
	cat "$BATS_TEST_TMPDIR/err" 2>/dev/null || :
	[ -z "$run_pid" ] || until_true 30 hurried
	stop_site
	drop_home
}
hurried() { ! kill -TERM "$run_pid" 2>/dev/null || { read -rt 0.5 <> <(:) || :; ! kill -0 "$run_pid" 2>/dev/null; }; }
blind() { control fault '{"fault":"reset","office":"practice"}' >/dev/null; }
seeing() { curl -sSf -X DELETE "${CONTROL}_demo/faults" >/dev/null; }
alerts() { jq -c "select(.type == \"runtime.alert\" and .data.severity == \"$1\")" "$out" | wc -l; }
alerts_are() { [ "$(alerts "$1")" -ge "$2" ]; }
told() { jq -rs '[.[].title | sub("^alice: "; "")] | join(", ")' "$notices"; }
told_is() { [ "$(told)" = "$1" ]; }
# over_in MS: true once so many ms have passed since the first call
over_in() {
	local now=$(($(date +%s%N) / 1000000))
	: "${since:=$now}"
	[ $((now - since)) -ge "$1" ]
}

@test "no good look for blind_after: an alert, again at growing distances, told once, and an all-clear" {
	new_session alice practice '.schedule.blind_after = "1s"'
	ab-login alice >/dev/null
	blind
	ab-poll alice 2>"$BATS_TEST_TMPDIR/err" 3>&- | tee "$out" | ab-notify alice >/dev/null 2>&1 3>&- &
	run_pid=$!
	until_true 20 alerts_are warning 3
	# 1, 2, 4 s after the last good look: each distance is about twice the one before, whenever looks are made
	jq -s '[.[] | select(.type == "runtime.alert") | .time | sub("\\.[0-9]+Z"; "Z") | fromdate] |
		.[2] - .[1] >= 1 and .[2] - .[0] >= 2 and .[2] - .[0] <= 8' "$out" | grep -qx true
	seeing
	until_true 20 alerts_are info 1
	until_true 10 told_is "warning, all clear"
	[ ! -e "$AB_STATE/alice/blind.json" ]
	grep -q 'unreachable' "$notices"
}

@test "neither a restart nor a kill begins the count anew, nor looks made one at a time" {
	new_session alice practice '.schedule.blind_after = "2s"'
	ab-login alice >/dev/null
	ab-poll --once alice >/dev/null || [ $? -eq 1 ]
	blind
	looks=0
	until alerts_are warning 1; do
		ab-poll --once alice >>"$out" 2>/dev/null && status=0 || status=$?
		[ "$status" -eq 75 ]
		looks=$((looks + 1))
		[ "$looks" -lt 60 ]
	done
	[ "$looks" -ge 2 ]
	ab-poll alice >>"$out" 2>/dev/null 3>&- & # alerted already: no second one at its start, but the next in time
	poll=$!
	run_pid=$poll
	until_true 20 alerts_are warning 2
	kill -9 "$poll"
	wait "$poll" || :
	run_pid=
	seeing
	ab-poll --once alice >>"$out" || [ $? -eq 1 ]
	[ "$(alerts info)" = 1 ]
	ab-poll --once alice >>"$out" || [ $? -eq 1 ]
	[ "$(alerts info)" = 1 ]
}

@test "a pause and hours off are no blindness" {
	hour=$(TZ=Europe/Istanbul date +%-H)
	off="$(printf '%02d:00-%02d:00' $(((hour + 3) % 24)) $(((hour + 5) % 24)))"
	new_session alice practice '.schedule.blind_after = "1s"'
	new_session bob practice ".schedule.blind_after = \"1s\" | .schedule.active = [\"$off\"]"
	ab-login alice >/dev/null
	ab-login bob >/dev/null
	blind
	ab-poll bob >"$out.bob" 2>/dev/null 3>&- &
	bob=$!
	ab-poll alice >"$out" 2>/dev/null 3>&- &
	run_pid=$!
	until_line 10 "$out" '.type == "agent.heartbeat"' >/dev/null
	kill -USR1 "$run_pid"
	until_line 10 "$out" '.type == "agent.heartbeat" and .data.verdict == "paused"' >/dev/null
	until_line 10 "$out.bob" '.type == "agent.heartbeat" and .data.next_ms > 3600000' >/dev/null
	before=$(alerts warning)
	until_true 10 over_in 3000
	[ "$(alerts warning)" = "$before" ]
	[ "$(jq -c 'select(.type == "runtime.alert")' "$out.bob" | wc -l)" = 0 ]
	kill -USR2 "$run_pid"
	until_true 10 alerts_are warning 1
	end_pid "$bob"
}

@test "what a damaged blind.json said is passed over, and said" {
	new_session alice practice
	ab-login alice >/dev/null
	echo '{"dark":' >"$AB_STATE/alice/blind.json"
	run --separate-stderr ab-poll --once alice
	[ "$status" -eq 1 ]
	[[ $stderr == *blind.json* ]]
	run --separate-stderr ab-poll --once alice
	echo "$stderr"; [ -z "$stderr" ]
}

@test "an ab-poll that hangs: status says silent and 1, the person is told, and the pipeline is started again" {
	new_session alice practice
	ab-login alice >/dev/null
	run --separate-stderr ab-run status
	[ "$status" -eq 69 ]
	ab-run --restart 100ms --silence 500ms --grace 2s alice >"$out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	run_pid=$!
	until_line 20 "$out" '.type == "agent.heartbeat" and .data.verdict == "none"' >/dev/null
	ab-run status alice >/dev/null
	hung=$(ab-run status --json alice | jq '.[0].pids["ab-poll"]')
	kill -STOP "$hung"
	until_line 20 "$out" '.type == "runtime.alert" and (.data.reason | startswith("silent:"))' >/dev/null
	! ab-run status alice >/dev/null || false
	until_line 30 "$out" '.type == "runtime.alert" and (.data.reason | startswith("dead:")) and .data.severity == "error"' >/dev/null
	until_true 20 told_is error
	watched() { pid=$(ab-run status --json alice | jq '.[0].pids["ab-poll"]') && [ "$pid" != null ] && [ "$pid" != "$hung" ]; }
	until_true 20 watched
	until_true 20 ab-run status alice >/dev/null
	! kill -0 "$hung" 2>/dev/null || false
	# the alerts are in the session's chain, too
	ab-audit verify alice >/dev/null
	jq -se 'any(.[]; tostring | contains("dead: nothing was heard"))' "$AB_STATE/alice/audit.ndjson" >/dev/null
}

@test "a pipeline that ends again and again is told once, and is well when it has run for a while" {
	new_session alice practice
	mkfifo "$HOME/in"
	ab-notify --steady 2s alice <"$HOME/in" >"$out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	run_pid=$!
	exec 4>"$HOME/in"
	n=0
	event() { # event SOURCE TYPE DATA
		n=$((n + 1))
		jq -nc --arg id "e$n" --arg source "/$1/h" --arg type "$2" --argjson data "$3" \
			'{specversion: "1.0", id: $id, source: $source, type: $type, subject: "alice", data: $data}' >&4
	}
	event ab-run runtime.alert '{"severity":"error","reason":"dead: the pipeline ended 5 times in a row; last: x"}'
	event ab-run runtime.alert '{"severity":"error","reason":"dead: the pipeline ended 10 times in a row; last: y"}'
	event ab-poll agent.heartbeat '{"verdict":"none"}' # it may end again at once
	until_true 10 told_is error
	since= && until_true 10 over_in 2100
	event ab-poll agent.heartbeat '{"verdict":"none"}'
	event ab-poll agent.heartbeat '{"verdict":"none"}'
	until_true 10 told_is "error, all clear"
	event ab-run runtime.alert '{"severity":"error","reason":"dead: the pipeline ended 5 times in a row; last: x"}'
	until_true 10 told_is "error, all clear, error"
	exec 4>&-
	wait "$run_pid"
	run_pid=
	[ "$(jq -s length "$out")" = "$n" ]
}

@test "a coordinator that hangs or is dead: status says which, and whoever started it as a service sees no sign of life" {
	cat >"$BATS_TEST_TMPDIR/service.py" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True:
		    print(s.recv(4096).decode(), flush=True)
	END
	python3 "$BATS_TEST_TMPDIR/service.py" "$AB_RUNTIME/notify" >"$BATS_TEST_TMPDIR/signs" 3>&- &
	service=$!
	until_true 10 test -S "$AB_RUNTIME/notify"
	signs() { grep -c "^$1\$" "$BATS_TEST_TMPDIR/signs" || :; }
	signs_are() { [ "$(signs "$1")" -ge "$2" ]; }
	new_session alice practice
	NOTIFY_SOCKET=$AB_RUNTIME/notify WATCHDOG_USEC=400000 ab-run alice >"$out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	run_pid=$!
	until_true 10 signs_are READY=1 1
	until_true 10 signs_are WATCHDOG=1 4
	until_line 20 "$out" '.type == "agent.heartbeat"' >/dev/null
	not grep -lzq '^NOTIFY_SOCKET=' "/proc/$(ab-run status --json alice | jq '.[0].pids["ab-audit"]')/environ"
	kill -STOP "$run_pid"
	n=$(signs WATCHDOG=1)
	run --separate-stderr ab-run status
	[ "$status" -eq 69 ]
	[[ $stderr == *"process $run_pid, hangs"* ]]
	[ "$(signs WATCHDOG=1)" -le $((n + 1)) ] # ten seconds later
	kill -CONT "$run_pid"
	kill -TERM "$run_pid"
	until_true 10 signs_are STOPPING=1 1
	wait "$run_pid" || :
	run_pid=
	end_pid "$service"
	run --separate-stderr ab-run status
	[ "$status" -eq 69 ]
	[[ $stderr == *"no coordinator is running here"* ]]
}

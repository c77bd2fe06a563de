# What a shell or a terminal may do to a program of the pipeline: signals at any time, standard descriptors that are closed or lead to
# a full disk, readers that stop or go away.
#
# Elsewhere: ab-plan and ab-audit with a slow reader, and the readers of ab-plan, ab-audit, ab-notify, ab-poll and ab-run that go
# away (0520, 0530, 0540, 1000, 0700).
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib

setup() {
	fresh_home
	SITE_PID='' pids=() in=$HOME/in out=$HOME/out
	SEED=${SEED:-$RANDOM}
	echo "SEED=$SEED"
	RANDOM=$SEED
}
teardown() {
	local pid
	exec 7>&- 8>&- 9>&-
	for pid in "${pids[@]}"; do
		kill -CONT "$pid" 2>/dev/null || :
		end_pid "$pid"
	done
	tail -n 20 "$HOME/log" 2>/dev/null | cut -c 1-300 || :
	stop_site
	drop_home
}

is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
bookings() { truth | jq length; }
now() { date -u +%FT%T.%3NZ; }
# a session, and a slot if PLACE is given; then $HOME/seen and $HOME/request
prepare() {
	start_site --per-account 5
	new_session alice practice
	[ $# -gt 0 ] || return 0
	ab-login alice >/dev/null
	release practice "$1" short-stay "$(day 20)T09:30"
	ab-poll --once alice >"$HOME/seen"
	jq -c --arg expires "$(date -u -d '+1 hour' +%FT%TZ)" 'select(.type == "appointment.available") | {specversion: "1.0", id: "r", source: "/t",
		type: "booking.request", subject: "alice", data: {goal: "0193aaaa-0000-7000-8000-000000000001", attempt: 1, rank: 1, why: "test",
		slot: .data.slots[0], expires: $expires}}' "$HOME/seen" >"$HOME/request"
}
# flood N BYTES: so many events with numbers
flood() {
	jq -nc '{specversion: "1.0", id: "ID", source: "/t", type: "agent.heartbeat", subject: "alice", data: {agent: "t", verdict: "none"}}' |
		awk -v n="$1" -v size="$2" '{ pad = sprintf("%*s", size, ""); gsub(/ /, "x", pad); sub(/"data":\{/, "&\"pad\":\"" pad "\",")
			for (i = 1; i <= n; i++) { line = $0; sub(/"ID"/, "\"" i "\"", line); print line } }'
}
children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
# tree PID: it and all below it
tree() { local pid; echo "$1"; for pid in $(children "$1"); do tree "$pid"; done; }
gone() { [ ! -e "/proc/$1" ] || grep -q ') Z' "/proc/$1/stat"; }

@test "every program: a standard output that is closed or full is an error, never silence" {
	for program in answer audit book demo fill login notify otp page plan poll provider run vault; do
		run bash -c "ab-$program --help 2>&1 >/dev/full"
		is "$program: $status $output" "$program: 74 ab-$program: write standard output: No space left on device (make room there)"
		run bash -c "ab-$program --version 2>&1 >&-"
		is "$program: $status $output" "$program: 74 ab-$program: write standard output: Bad file descriptor"
	done
	start_site
	new_session alice practice
	for command in 'ab-vault list' 'ab-vault get alice timezone' 'ab-provider list' 'ab-run --print alice' 'ab-audit verify alice' 'ab-poll --once alice' \
		'ab-login alice'; do
		run --separate-stderr bash -c "$command >/dev/full </dev/null"
		is "$command: $status" "$command: 74"
		[[ $stderr == *"tandard output: No space left on device (make room there)"* ]]
		run --separate-stderr bash -c "$command >&- </dev/null"
		is "$command: $status" "$command: 74"
	done
	# what they open is not taken for standard output
	not grep -rqs specversion "$AB_STATE" "$AB_RUNTIME"
}

@test "filters: standard output closed or full, standard input closed, standard error closed" {
	prepare Ankara
	for filter in ab-plan ab-audit ab-notify; do
		run --separate-stderr bash -c "$filter alice >/dev/full" <"$HOME/seen"
		echo "$filter: $status $stderr"
		[[ $status == 7[45] && $stderr == *"write standard output: No space left"* ]]
		run --separate-stderr bash -c "$filter alice >&-" <"$HOME/seen"
		echo "$filter: $status $stderr"
		[[ $status == 7[45] && $stderr == *"write standard output: Bad file descriptor"* ]]
	done
	for filter in ab-plan ab-book ab-audit ab-notify; do
		run --separate-stderr timeout $((20 * ${SLOWER:-1})) bash -c "$filter alice <&-"
		is "$filter: $status" "$filter: 74"
		[[ $stderr == *"read standard input: Bad file descriptor"* ]]
	done
	# nobody to complain to is no reason not to work
	jq -c '.data = {}' "$HOME/seen" >"$HOME/plain"
	for filter in ab-book ab-audit ab-notify; do
		run bash -c "$filter alice 2>&-" < <(echo nonsense; cat "$HOME/plain")
		is "$filter: $(wc -l <<<"$output")" "$filter: 2"
	done
	ab-audit verify alice
	is "$(bookings)" 0
}

@test "ab-book without a reader, or with a full disk for one: the booking is proved, journalled, and told by the next start" {
	prepare Ankara
	control fault '{"fault":"slow","office":"practice","method":"POST","path":"/office/book","ms":500,"count":1}' >/dev/null
	run --separate-stderr bash -c 'ab-book alice >/dev/full' <"$HOME/request"
	is "$status" 74
	[[ $stderr == *"write standard output: No space left on device (make room there)"* ]]
	is "$(jq -r .what "$AB_STATE/alice/journal.ndjson" | paste -sd' ')" "intent known result"
	ab-book alice </dev/null >"$out" || is "$?" 1
	is "$(jq -r .data.status "$out")" booked
	is "$(tail -n 1 "$AB_STATE/alice/journal.ndjson" | jq -r .what)" told
	# one that goes away in the middle
	release practice Ankara short-stay "$(day 22)T09:30"
	ab-poll --once alice | jq -c --slurpfile r "$HOME/request" 'select(.type == "appointment.available") | .data.slots[-1] as $slot | $r[0] |
		.data.goal = "0193aaaa-0000-7000-8000-000000000002" | .data.slot = $slot' >"$HOME/request2"
	mkfifo "$out.fifo"
	ab-book alice <"$HOME/request2" >"$out.fifo" 2>>"$HOME/log" 3>&- &
	pids=($!)
	head -n 1 "$out.fifo" >/dev/null
	until_true 20 gone "${pids[0]}"
	ab-book alice </dev/null >"$out" || is "$?" 1
	is "$(jq -r '.data | .goal + " " + .status' "$out")" "0193aaaa-0000-7000-8000-000000000002 booked"
	is "$(bookings)" 2
}

@test "ab-book goes on reading, books and journals while its reader is stopped; then all is there, in order" {
	prepare Ankara
	mkfifo "$out.fifo"
	exec 8<>"$out.fifo" # a reader that does not read
	{ flood 1000 1000; cat "$HOME/request"; flood 200 1000; } >"$HOME/flood"
	ab-book alice <"$HOME/flood" >"$out.fifo" 2>"$HOME/log" 3>&- 8>&- &
	pids=($!)
	until_true 30 grep -qs '"result"' "$AB_STATE/alice/journal.ndjson"
	not grep -q '"told"' "$AB_STATE/alice/journal.ndjson"
	memory_below 24000 "${pids[0]}"
	is "$(bookings)" 1
	exec 7<"$out.fifo"
	exec 8>&-
	cat <&7 >"$out" 7<&-
	exec 7<&-
	wait "${pids[0]}"
	pids=()
	cmp <(jq -c 'select(.source == "/t")' "$out") <(jq -c . "$HOME/flood")
	is "$(jq -r 'select(.type == "booking.result") | .data.status' "$out")" booked
	is "$(tail -n 1 "$AB_STATE/alice/journal.ndjson" | jq -r .what)" told
}

@test "a whole pipeline whose last stage is stopped: no event is lost, memory is bounded, and then all arrive in order" {
	local last=30000
	prepare
	flood "$last" 1000 >"$HOME/flood"
	mkfifo "$HOME/p1" "$HOME/p2" "$HOME/p3"
	cat "$HOME/flood" 3>&- | ab-plan alice >"$HOME/p1" 2>>"$HOME/log" 3>&- &
	pids=($!)
	ab-book alice <"$HOME/p1" >"$HOME/p2" 2>>"$HOME/log" 3>&- &
	pids+=($!)
	ab-audit alice <"$HOME/p2" >"$HOME/p3" 2>>"$HOME/log" 3>&- &
	pids+=($!)
	ab-notify alice <"$HOME/p3" >"$out" 2>>"$HOME/log" 3>&- &
	pids+=($!)
	until_true 20 test -s "$out"
	kill -STOP "${pids[3]}"
	records() { wc -l <"$AB_STATE/alice/audit.ndjson"; }
	stuck() { local before; before=$(records); read -rt 0.5 <> <(:) || [ "$(records)" = "$before" ]; }
	until_true 30 stuck
	[ "$(records)" -lt "$last" ]
	for pid in "${pids[@]}"; do
		memory_below 30000 "$pid"
	done
	kill -CONT "${pids[3]}"
	for pid in "${pids[@]}"; do wait "$pid" || :; done
	pids=()
	cmp <(grep '"source":"/t"' "$out") "$HOME/flood"
	is "$(jq -r 'select(.event.source == "/t") | .event.id' "$AB_STATE/alice/audit.ndjson" | sort -u | wc -l)" "$last"
}

@test "told to stop, ab-poll and ab-book end although their reader does not read" {
	prepare Ankara
	mkfifo "$out.fifo" "$in"
	exec 8<>"$out.fifo" 9<>"$in"
	ab-book alice <"$in" >"$out.fifo" 2>>"$HOME/log" 3>&- 8>&- 9>&- &
	pids=($!)
	flood 200 1000 >&9
	until_true 20 test -s "$AB_RUNTIME/alice/lock/ab-book"
	kill "${pids[0]}"
	until_true 20 gone "${pids[0]}"
	# the pipe is full still
	new_session bob practice '.schedule.interval = "300ms"'
	ab-poll bob >"$out.fifo" 2>>"$HOME/log" 3>&- 8>&- 9>&- &
	pids+=($!)
	until_true 20 test -e "$AB_STATE/bob/seen.rules"
	kill -TERM "${pids[1]}"
	until_true 20 gone "${pids[1]}"
}

@test "signals that interrupt any call, in every program: a whole booking is as ever" {
	[ -e "$top_builddir/t/rain-preload.so" ] || skip "t/rain-preload.so is not built (make check builds it)"
	prepare
	release practice Ankara short-stay "$(day 20)T09:30"
	(
		export LD_PRELOAD="$top_builddir/t/rain-preload.so" ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
		ab-poll alice 2>>"$HOME/log" | ab-plan alice 2>>"$HOME/log" | ab-book alice 2>>"$HOME/log" | ab-audit alice 2>>"$HOME/log" |
			ab-notify alice >"$out" 2>>"$HOME/log"
	)
	is "$(bookings)" 1
	is "$(jq -r 'select(.type == "booking.result") | .data.status' "$out")" booked
	is "$(jq -r 'select(.type == "runtime.alert")' "$out")" ""
	is "$(jq -r 'select(.event.type == "booking.result") | .event.data.status' "$HOME/notices.ndjson")" booked
	ab-audit verify alice
	not grep -q 'Interrupted' "$HOME/log"
	# and by hand
	LD_PRELOAD="$top_builddir/t/rain-preload.so" ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" \
		ab-vault set alice timezone Europe/Berlin
	is "$(ab-vault get alice timezone)" Europe/Berlin
}

@test "stopped and continued, told of windows and children, at random: a booking under ab-run is as ever" {
	prepare
	ab-run --restart 50ms alice >"$out" 2>"$HOME/log" 3>&- &
	pids=($!)
	until_line 20 "$out" '.data.verdict == "none"' >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30"
	while ! gone "${pids[0]}"; do
		mapfile -t all < <(tree "${pids[0]}")
		pid=${all[RANDOM % ${#all[@]}]}
		case $((RANDOM % 4)) in
		0) kill -WINCH "$pid" ;;
		1) kill -CHLD "$pid" ;;
		2) kill -CONT "$pid" ;;
		3) kill -STOP "$pid" && read -rt 0.02 <> <(:) || kill -CONT "$pid" ;;
		esac 2>/dev/null || :
	done
	status=0
	wait "${pids[0]}" || status=$?
	pids=()
	is "$status $(bookings)" "0 1"
	not grep -q 'starting again' "$HOME/log"
	is "$(jq -r 'select(.type == "booking.result") | .data.status' "$out")" booked
	ab-audit verify alice
}

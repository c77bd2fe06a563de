# share/pipelines: shell scripts for use by hand and from cron. The stages are stand-ins (t/fixtures/run/stage).
load lib

setup() {
	fresh_home
	export FAKE=$BATS_TEST_TMPDIR/fake TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir -p "$FAKE/bin" "$TMPDIR"
	for program in ab-poll ab-plan ab-book ab-audit ab-notify; do
		ln -s "$top_srcdir/t/fixtures/run/stage" "$FAKE/bin/$program"
	done
	ln -s "$top_srcdir/t/fixtures/run/ab-vault" "$FAKE/bin/ab-vault"
	PATH=$FAKE/bin:$PATH
	pipeline_pid=
}
teardown() {
	tail -n 40 "$FAKE/err" "$FAKE/log" 2>/dev/null || :
	end_pid "$pipeline_pid"
	drop_home
}

logged() { grep -qxF -e "$*" "$FAKE/log" 2>/dev/null; }
order() { until_true 20 test -p "$FAKE/$1" && printf '%s\n' "$2" >"$FAKE/$1"; }
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" = Z ]; }
# Until the first event has passed every stage
start() {
	rm -f "$FAKE/out"
	"$top_srcdir/share/pipelines/$1" alice >"$FAKE/out" 2>"$FAKE/err" 3>&- &
	pipeline_pid=$!
	until_line 20 "$FAKE/out" '.type == "agent.heartbeat"'
}
# Waits for the end; its status is in $status.
finish() {
	until_true 20 gone "$pipeline_pid"
	status=0
	wait "$pipeline_pid" || status=$?
	pipeline_pid=
}

@test "ab-run --print writes the very text of share/pipelines" {
	for name in monitor-and-book watch-only; do
		ab-run --print --pipeline "$name" alice >"$BATS_TEST_TMPDIR/printed"
		grep -qx 'session=alice' "$BATS_TEST_TMPDIR/printed"
		# shellcheck disable=SC2016 # the script's own words
		grep -qxF 'session=${1:?usage: '"$name"' SESSION}' "$top_srcdir/share/pipelines/$name"
		diff <(sed 's/^session=.*/session=alice/' "$top_srcdir/share/pipelines/$name") "$BATS_TEST_TMPDIR/printed"
	done
}

@test "a printed script runs by itself, and asks for the passphrase once" {
	ab-run --print alice >"$BATS_TEST_TMPDIR/book-alice"
	sh "$BATS_TEST_TMPDIR/book-alice" >"$FAKE/out" 2>"$FAKE/err" 3>&- &
	pipeline_pid=$!
	until_line 20 "$FAKE/out" '.type == "agent.heartbeat"'
	until_true 20 logged 'alice ab-plan start'
	order alice.ab-plan 'exit 0'
	order alice.ab-poll 'exit 0'
	finish
	[ "$status" -eq 0 ]
	[ "$(cat "$FAKE/unlocked")" = alice ]
}

@test "monitor-and-book hands the feedback to the two that share it, and passes all events" {
	start monitor-and-book
	[ "$(jq -r '.argv[0]' "$FAKE/alice.ab-plan.info")" = --feedback ]
	[ "$(jq -r '.argv[1]' "$FAKE/alice.ab-plan.info")" = "$(jq -r '.argv[1]' "$FAKE/alice.ab-book.info")" ]
	[ "$(stat -c %F,%a "$(jq -r '.argv[1]' "$FAKE/alice.ab-plan.info")")" = fifo,600 ]
	order alice.ab-poll 'flood 20 9000'
	until_line 20 "$FAKE/out" '.data.n == 19' >/dev/null
}

@test "each stage's status is respected: the first that had trouble decides" {
	for case in 'ab-poll 77 77' 'ab-book 76 76' 'ab-notify 78 78' 'ab-plan 0 0' 'ab-plan 1 1'; do
		read -r program code want <<<"$case"
		rm -f "$FAKE/log"
		start monitor-and-book
		order "alice.$program" "exit $code"
		[ "$program" = ab-poll ] || order alice.ab-poll 'exit 0'
		finish
		echo "$case: $status"
		[ "$status" -eq "$want" ]
		[ -z "$(ls -A "$TMPDIR")" ]
	done
}

@test "TERM and HUP end it in order, without losing what is under way, and it cleans up" {
	for sig in TERM HUP; do
		rm -f "$FAKE/log"
		start monitor-and-book
		order alice.ab-book 'eof never'
		until_line 20 "$FAKE/out" '.type == "agent.heartbeat"'
		kill "-$sig" "$pipeline_pid"
		until_true 20 logged 'alice ab-book input-end'
		not logged 'alice ab-book TERM'
		order alice.ab-book 'say {"specversion":"1.0","id":"1","source":"/ab-book/h","type":"booking.result","subject":"alice","data":{"status":"booked"}}'
		order alice.ab-book 'exit 0'
		finish
		[ "$status" -eq 1 ] # ab-plan: not booked
		has_line "$FAKE/out" '.type == "booking.result"'
		logged 'alice ab-poll TERM'
		logged 'alice ab-notify end'
		[ -z "$(ls -A "$TMPDIR")" ]
	done
}

@test "watch-only watches, records and tells, and books nothing" {
	start watch-only
	until_line 20 "$FAKE/out" '.type == "agent.heartbeat"'
	[ ! -e "$FAKE/alice.ab-plan.info" ]
	[ ! -e "$FAKE/alice.ab-book.info" ]
	kill "$pipeline_pid"
	finish
	[ "$status" -eq 0 ]
}

@test "check-once looks once, and its status is what ab-poll found" {
	for code in 0 1 75; do
		echo "eof $code" >"$FAKE/alice.ab-poll.rc"
		status=0
		"$top_srcdir/share/pipelines/check-once" alice >"$FAKE/out" 3>&- || status=$?
		[ "$status" -eq "$code" ]
		has_line "$FAKE/out" '.type == "agent.heartbeat"'
		[ "$(jq -r '.argv | join(" ")' "$FAKE/alice.ab-poll.info")" = '--once alice' ]
		[ -z "$(ls -A "$TMPDIR")" ]
	done
	echo 'eof 78' >"$FAKE/alice.ab-notify.rc"
	run "$top_srcdir/share/pipelines/check-once" alice
	[ "$status" -eq 78 ]
}

@test "without a session the usage is said" {
	for name in monitor-and-book watch-only check-once; do
		run "$top_srcdir/share/pipelines/$name"
		[ "$status" -ne 0 ]
		[[ $output == *"usage: $name SESSION"* ]]
	done
}

# One page agent, several clients. The scenarios are in t/fixtures/page/turns.py.
load lib

setup() {
	export AGENT=$top_builddir/libexec/ab-page-http
	pages=$top_srcdir/t/fixtures/page
	python3 "$pages/server.py" "$BATS_TEST_TMPDIR/port" "$BATS_TEST_TMPDIR/log" 3>&- &
	SERVER=$!
	until_true 10 test -e "$BATS_TEST_TMPDIR/port"
	export SITE=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/
}
teardown() {
	end_pid "$SERVER"
	drop_home
}

scenario() {
	run timeout 50 python3 "$pages/turns.py" "$@"
	echo "$output"
	[ "$status" = 0 ]
}

@test "a command needs the turn; the page stays from turn to turn; the agent ends with its last client" {
	scenario one_turn
}
@test "the turn goes to the highest priority first, then to whoever waits longest" {
	scenario priority
}
@test "a turn that is not given in time is refused as busy, also while a request is under way" {
	scenario busy
}
@test "a client that goes away inside its turn leaves it dirty, and its page is dropped" {
	scenario dirty
}
@test "a client that goes away while its request is under way leaves the turn dirty" {
	scenario gone_in_request
}
@test "a client that leaves the queue leaves nothing" {
	scenario gone_in_queue
}
@test "commands sent ahead are served in order" {
	scenario pipelined
}
@test "the agent stays while another client is there, and then removes its socket" {
	scenario last_client
}
@test "the agent stays while somebody holds page.lock on the way to it" {
	scenario lock_held
}
@test "a stopped agent removes its socket" {
	scenario stopped
}
@test "bad settings give no turn" {
	scenario bad_settings
}
@test "settings stay for a client that brings none, and are replaced by those of one that does" {
	scenario settings_stay
}
@test "a client that reads nothing does not hold up the others" {
	scenario slow_reader
}

@test "an agent nobody comes to ends by itself" {
	scenario nobody
}

@test "ab-page commands a session's page in a turn of its own, and the page outlives it" {
	fresh_home
	BASE=$SITE MAIL=$HOME/mail new_session alice practice
	scenario by_hand
}

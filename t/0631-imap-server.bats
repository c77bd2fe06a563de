# ab-inbox-imap against what Dovecot can't be asked for: tokens that run out, servers that fail, lie, flood and fall silent
# (t/imap-server).

bats_require_minimum_version 1.5.0
load lib
load dovecot
load imap

setup() {
	fresh_home
}

teardown() {
	end_pid "${server:-}"
	stop_driver
	end_pid "${extra:-}"
	cat "$BATS_TEST_TMPDIR"/*.err 2>/dev/null || :
	drop_home
}

# ---- tokens ----

# token_program TEXT: a program that prints it; {} in it is the number of the call
token_program() {
	cat >"$BATS_TEST_TMPDIR/token" <<-END
		#!/bin/sh
		cat >>"$BATS_TEST_TMPDIR/asked"
		n=\$(wc -l <"$BATS_TEST_TMPDIR/asked")
		echo '$1' | sed "s/{}/\$n/"
	END
	chmod +x "$BATS_TEST_TMPDIR/token"
}

@test "XOAUTH2: a token that has run out is refused once, and the program's new one is taken" {
	token_program 'token{}'
	start_server token=token2
	with_server "del(.password) | .token = \"exec:$BATS_TEST_TMPDIR/token\" | .username = \"alice@example.org\""
	take_mark
	[ "$(jq -r '.username + " " + .host + " " + (.refused | tostring)' "$BATS_TEST_TMPDIR/asked")" = \
		"$(printf 'alice@example.org 127.0.0.1 false\nalice@example.org 127.0.0.1 true')" ]
	logged 'AUTH XOAUTH2 user=alice@example.org\|auth=Bearer token1'
	put 111111
	wait_for
	expect_code 111111
	# the good one is kept: another connection asks nobody
	ask '{"do":"test"}'
	until_true 10 grep -q '"looked"' "$out"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" = 2 ]
	not grep -r token2 "$out" "$BATS_TEST_TMPDIR/driver.err"
}

@test "a token that is refused twice, a program that fails and one that prints JSON" {
	token_program '{"access_token":"good","expires_in":3600}'
	start_server token=good
	with_server "del(.password) | .token = \"exec:$BATS_TEST_TMPDIR/token\""
	take_mark
	echo token=other >"$box/settings"
	with_server "del(.password) | .token = \"exec:$BATS_TEST_TMPDIR/token\""
	ask '{"do":"mark"}'
	expect_error refused "token has run out"
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/token"
	with_server "del(.password) | .token = \"exec:$BATS_TEST_TMPDIR/token\""
	ask '{"do":"mark"}'
	expect_error unreachable "without printing a token"
	echo capability=IDLE >"$box/settings"
	with_server "del(.password) | .token = \"literal\""
	ask '{"do":"mark"}'
	expect_error config XOAUTH2
}

@test "a session's token program runs only if its consent lists it" {
	export BASE=http://127.0.0.1:1/ MAIL=$BATS_TEST_TMPDIR
	token_program good
	start_server token=good
	local inbox=".inbox = {url: \"imap://alice@127.0.0.1:$port\", token: \"exec:$BATS_TEST_TMPDIR/token\", settle: \"1ms\"}"
	new_session alice practice "$inbox"
	run -77 ab-otp --timeout 2s alice
	[[ $output == *consent.programs* ]]
	not logged CONNECTED
	new_session bob practice "$inbox | .consent.programs = [\"$BATS_TEST_TMPDIR/token\"]"
	ab-otp --timeout 20s bob >"$BATS_TEST_TMPDIR/code" 2>"$BATS_TEST_TMPDIR/bob.err" 3>&- &
	extra=$!
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/bob.err"
	put 111111 0 bob@example.org
	wait "$extra"
	extra=
	[ "$(cat "$BATS_TEST_TMPDIR/code")" = 111111 ]
}

# ---- waiting ----

@test "where the server has no IDLE it is asked every interval, and IDLE is said again where it has it" {
	start_server capability="SASL-IR AUTH=PLAIN"
	with_server
	take_mark
	wait_for
	until_true 10 logged_times 3 NOOP
	put 111111
	expect_code 111111
	not logged IDLE
	end_pid "$server"
	rm "$box/log"
	start_server
	with_server '.idle = "1s"'
	take_mark
	wait_for
	until_true 10 logged_times 3 IDLING
	put 222222
	expect_code 222222
	[ "$(grep -c CONNECTED "$box/log")" = 1 ]
}

@test "a server that is not there for all of the wait is unreachable, not empty" {
	start_server
	with_server
	take_mark
	end_pid "$server"
	server=
	wait_for '{}' 2000
	expect_error unreachable "connect to 127.0.0.1"
	ask '{"do":"mark"}'
	expect_error unreachable "connect to 127.0.0.1"
}

@test "a server that says goodbye is called again, with pauses that grow" {
	start_server fault=bye
	with_server
	take_mark
	wait_for '{}' 30000
	until_true 20 logged_times 3 IDLING
	echo fault= >"$box/settings"
	put 111111
	expect_code 111111 20
	local -a at
	mapfile -t at < <(awk '/CONNECTED/ { print int($1 / 1000000) }' "$box/log")
	[ "${#at[@]}" -lt 12 ]
	[ $((at[3] - at[2])) -gt $((at[2] - at[1])) ]
}

@test "a connection that went dead without a word is noticed when IDLE is said again" {
	start_server fault=deaf
	with_server '.idle = "1s"'
	take_mark
	wait_for '{}' 40000
	until_true 10 logged IDLING
	echo fault= >"$box/settings"
	put 111111
	expect_code 111111 30
	[ "$(grep -c CONNECTED "$box/log")" = 2 ]
}

@test "another round of the same wait fetches no mail again that held no code" {
	start_server
	with_server
	take_mark
	printf 'From: a@example.org\r\n\r\nNo number.\r\n' >"$box/mails/1"
	put 111111
	wait_for
	expect_code 111111
	wait_for '{"skip":["x"]}'
	expect_code 111111
	[ "$(grep -c 'UID FETCH 1 ' "$box/log")" = 1 ]
	[ "$(grep -c 'UID FETCH 2 ' "$box/log")" = 2 ]
	wait_for '{"to":"*@example.org"}'
	expect_code 111111
	[ "$(grep -c 'UID FETCH 1 ' "$box/log")" = 2 ]
}

# ---- hostile ----

@test "a server that never answers, or drop by drop, costs the time of the wait and no more" {
	start_server
	with_server
	take_mark
	stop_driver
	echo fault=silent >"$box/settings"
	with_server
	wait_for '{}' 2000
	expect_error unreachable "" 5
	echo fault=dribble >"$box/settings"
	put 111111
	wait_for '{}' 2000
	next_answer 5
	[ "$(jq -r .ok <<<"$answer")" = false ]
	ask '{"do":"wait","mark":'"$mark"',"deadline_ms":60000}'
	until_true 10 logged_times 2 FETCH
	ask '{"do":"cancel"}'
	expect_error cancelled "" 3
}

@test "literals, lists and floods without end are refused, and cost no memory" {
	local fault faults='literal nested flood garbage'
	# under valgrind half a megabyte of flags takes longer than the driver's bound on its own time
	! grep -q '^exec valgrind' "$AB_LIBEXEC/ab-inbox-imap" || faults='literal nested garbage'
	start_server
	with_server
	take_mark
	put 111111
	for fault in $faults; do
		echo "fault=$fault" >"$box/settings"
		start_driver "$settings"
		wait_for '{}' 1500
		next_answer 8
		echo "$fault: $answer"
		[ "$(jq -r .error.code <<<"$answer")" = unreachable ]
		case $fault in
		literal) [[ $answer == *"longer literal"* ]] ;;
		nested) [[ $answer == *"lists in lists"* ]] ;;
		flood) [[ $answer == *"more than was asked for"* ]] ;;
		esac
		memory_below 60000 "$driver"
	done
	# the same driver takes a good server's code
	echo fault= >"$box/settings"
	wait_for
	expect_code 111111
}

@test "what looks like a huge literal in a mail, or in a quoted string, is only text" {
	start_server
	with_server
	take_mark
	{ mail_text 111111; printf '%s\n' 'see {2000000000}' '((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((('; } | sed 's/$/\r/' >"$box/mails/1"
	wait_for
	expect_code 111111
}

@test "a mail that the server fails to give does not hide the next one" {
	start_server fault=literal
	with_server
	take_mark
	put 111111
	wait_for '{}' 20000
	until_true 15 logged_times 2 'UID FETCH 1 '
	echo fault= >"$box/settings"
	put 222222
	expect_code 222222 15
	grep -q "a mail is left out" "$BATS_TEST_TMPDIR/driver.err"
}

# ---- mailboxes that change ----

@test "a mail that is gone before it is read is passed over" {
	start_server fault=expunged
	with_server
	take_mark
	put 111111
	put 222222
	wait_for '{"settle":"300ms"}'
	expect_code 222222
}

@test "a folder whose mails are numbered anew: by the time that they arrived" {
	put_old() { put "$1" 5; touch -d '5 seconds ago' "$box/mails/"*; }
	start_server validity=7 first=100
	put_old 111111
	with_server
	take_mark
	[ "$(jq -c '.folders[0] | [.validity, .next]' <<<"$mark")" = '[7,101]' ]
	printf '%s\n' validity=8 first=1 >"$box/settings"
	start_driver "$settings"
	wait_for '{"skew":"1h"}' 1500
	expect_error timeout
	wait_for
	put 222222
	expect_code 222222
}

@test "a server that does not say UIDNEXT with the folder is asked for it" {
	start_server uidnext=no
	put 111111
	with_server
	take_mark
	[ "$(jq -c '.folders[0].next' <<<"$mark")" = 2 ]
	logged 'STATUS'
	wait_for '{}' 1000
	expect_error timeout
}

# ---- secrets ----

@test "the password is in no argument, no environment, no answer and no log" {
	export BASE=http://127.0.0.1:1/ MAIL=$BATS_TEST_TMPDIR
	start_server
	new_session alice practice ".inbox = {url: \"imap://alice@127.0.0.1:$port\", password: \"kept-to-itself\"}"
	ab-otp --timeout 20s alice >"$BATS_TEST_TMPDIR/code" 2>"$BATS_TEST_TMPDIR/alice.err" 3>&- &
	extra=$!
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/alice.err"
	for p in $(pgrep -P "$extra") $(pgrep -g "$extra" || :) "$extra"; do
		not grep -aq kept-to-itself "/proc/$p/cmdline" "/proc/$p/environ" 2>/dev/null
	done
	put 111111 0 alice@example.org
	wait "$extra"
	extra=
	[ "$(cat "$BATS_TEST_TMPDIR/code")" = 111111 ]
	not grep -r kept-to-itself "$AB_STATE" "$AB_RUNTIME" "$BATS_TEST_TMPDIR/alice.err"
}

# For the tests of ab-inbox-imap: talking to the driver, and to t/imap-server.

# ---- the driver ----

# start_driver [JSON]: opened, with the settings as a mapping; answers are lines of $out
start_driver() {
	stop_driver
	out=$BATS_TEST_TMPDIR/out
	rm -f "$BATS_TEST_TMPDIR/in"
	mkfifo "$BATS_TEST_TMPDIR/in"
	: >"$out"
	"$AB_LIBEXEC/ab-inbox-imap" <"$BATS_TEST_TMPDIR/in" >"$out" 2>>"$BATS_TEST_TMPDIR/driver.err" 3>&- &
	driver=$!
	exec {to_driver}>"$BATS_TEST_TMPDIR/in"
	answers=0
	ask "$(jq -cn --argjson s "$1" '{do: "open"} + $s')"
	next_answer 10
}
stop_driver() {
	[ -z "${to_driver:-}" ] || exec {to_driver}>&-
	to_driver=
	[ -z "${driver:-}" ] || wait "$driver" || :
	driver=
}
ask() { printf '%s\n' "$1" >&"$to_driver"; }
more_answers() { [ "$(wc -l <"$out")" -gt "$answers" ]; }
next_answer() { # next_answer SECONDS
	until_true "$1" more_answers
	answers=$((answers + 1))
	answer=$(sed -n "${answers}p" "$out")
	echo "$answer"
}
take_mark() {
	ask '{"do":"mark"}'
	next_answer "${1:-15}"
	mark=$(jq -ce 'select(.ok).mark' <<<"$answer")
}
# wait_for [RULES [TIMEOUT-MS]]: with no pause for a second code, unless the rules say so
wait_for() {
	ask "$(jq -cn --argjson m "$mark" --argjson r "${1:-{\}}" --argjson t "${2:-10000}" '{do: "wait", mark: $m, rules: ({settle: "0s"} + $r), deadline_ms: $t}')"
}
expect_code() { # expect_code CODE [SECONDS]
	next_answer "${2:-12}"
	[ "$(jq -r .code <<<"$answer")" = "$1" ]
}
# expect_error CODE [PART-OF-THE-MESSAGE [SECONDS]]
expect_error() {
	next_answer "${3:-12}"
	[ "$(jq -r .error.code <<<"$answer")" = "$1" ] && [[ $(jq -r .error.message <<<"$answer") == *"${2:-}"* ]]
}
# with_dovecot [JQ]: settings of $user on the test's Dovecot, over TLS
with_dovecot() {
	settings=$(jq -cn --arg u "imaps://$user@localhost:$IMAPS/INBOX" --arg ca "$DOVECOT/ca.pem" "{url: \$u, password: \"sesame\", cafile: \$ca} | ${1:-.}")
	start_driver "$settings"
}

# ---- t/imap-server ----

# start_server SETTING…: sets box (its folder), port and server
start_server() {
	stop_driver # or the server would hold the driver's input open
	box=$BATS_TEST_TMPDIR/server
	mkdir -p "$box/mails"
	rm -f "$box/port"
	"$top_srcdir/t/imap-server" "$box" "$@" 2>>"$BATS_TEST_TMPDIR/server.err" 3>&- &
	server=$!
	until_true 10 test -s "$box/port"
	port=$(cat "$box/port")
}
put() { # put CODE [SECONDS-AGO [TO]]
	local name
	name=$(date +%s%N)
	mail_text "$@" | sed 's/$/\r/' >"$box/new.$name"
	mv "$box/new.$name" "$box/mails/$name"
}
with_server() { # with_server [JQ]
	settings=$(jq -cn --arg u "imap://alice@127.0.0.1:$port" "{url: \$u, password: \"sesame\", idle: \"2s\", interval: \"1s\"} | ${1:-.}")
	start_driver "$settings"
}
logged() { grep -qE "$1" "$box/log"; }
logged_times() { [ "$(grep -cE "$2" "$box/log")" -ge "$1" ]; } # logged_times N REGEX

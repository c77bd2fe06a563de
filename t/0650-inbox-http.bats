# ab-inbox-http: codes out of inboxes on the web, against a server that stands for several (t/mail-server.py).

bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	mkdir "$BATS_TEST_TMPDIR/mails"
	serial=0
	start_server
}
teardown() {
	[ -z "${to:-}" ] || exec {to}>&-
	end_pid "${driver:-}"
	end_pid "${second:-}"
	end_pid "${server:-}"
	end_pid "${other:-}"
	tail -n 5 "$BATS_TEST_TMPDIR/err" 2>/dev/null || :
	drop_home
}

start_server() { # start_server [CERTIFICATE KEY]
	: >"$BATS_TEST_TMPDIR/port"
	python3 "$top_srcdir/t/mail-server.py" "$BATS_TEST_TMPDIR" "$@" >"$BATS_TEST_TMPDIR/port" 2>"$BATS_TEST_TMPDIR/server.err" 3>&- &
	server=$!
	until_true 10 test -s "$BATS_TEST_TMPDIR/port"
	port=$(cat "$BATS_TEST_TMPDIR/port")
}
fault() { curl -sSf -d "$1" "http://127.0.0.1:$port/_fault" >/dev/null; }
asked() { curl -sSf "http://127.0.0.1:$port/_log" | jq -r "$1"; }
# asked_times N JQ-CONDITION: were there so many requests for which it holds?
asked_times() { [ "$(asked "[.[] | select($2)] | length")" -ge "$1" ]; }

# deliver CODE [SECONDS-AGO [TO]]
deliver() {
	serial=$((serial + 1))
	printf '%s\n' "From: Example <codes@example.org>" "To: ${3:-alice@example.org}" "Subject: Your code" \
		"Date: $(date -R -d "@$((${at:-$(date +%s)} - ${2:-0}))")" "Message-ID: <$BASHPID.$serial@example.org>" \
		"MIME-Version: 1.0" "Content-Type: text/plain; charset=utf-8" "" "Your verification code is $1." >"$BATS_TEST_TMPDIR/m"
	mv "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/mails/m$serial"
}

# example N: the inbox of ab-session(5)'s Nth example, as JSON, at our server, looked at often
example() {
	man_example ab-session.5 "$1" | { cat; printf 'provider: practice\ntimezone: UTC\n'; } >"$BATS_TEST_TMPDIR/session.yaml"
	export AB_KEY_FILE=$HOME/key
	[ -e "$AB_KEY_FILE" ] || { (umask 077 && head -c 32 /dev/urandom >"$AB_KEY_FILE") && ab-vault init >/dev/null; }
	ab-vault new --from "$BATS_TEST_TMPDIR/session.yaml" "example$1" >/dev/null
	ab-vault exec "example$1" -- "$top_builddir/t/unit/vault-test" read "example$1" secrets |
		jq -c --arg at "http://127.0.0.1:$port/" '.inbox | .url |= sub("https?://[^/]*/"; $at) | .interval = "1s"'
}
mailpit='{"list": ".messages", "mail": {"id": ".ID", "link": "\"/api/v1/message/\\(.ID)/raw\""}}'
rest='{"list": ".data", "mail": {"id": ".id", "from": ".sender", "subject": ".subject", "date": ".received", "text": ".body.text"}, "token": "sesame"}'
inbox() { jq -cn --arg url "${3:-http://127.0.0.1:$port}$1" "{url: \$url, interval: \"1s\"} + $2 + {${4:-}}"; }

# start SETTINGS: the driver, opened; requests by ask, answers are lines of $out
start() {
	out=$BATS_TEST_TMPDIR/out.$RANDOM
	rm -f "$BATS_TEST_TMPDIR/in"
	mkfifo "$BATS_TEST_TMPDIR/in"
	"$AB_LIBEXEC/ab-inbox-http" <"$BATS_TEST_TMPDIR/in" >"$out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	driver=$!
	exec {to}>"$BATS_TEST_TMPDIR/in"
	answers=0
	ask "$(jq -c '. + {do: "open"}' <<<"$1")"
	next_answer 10
}
stop() {
	exec {to}>&-
	to=
	wait "$driver"
	driver=
}
ask() { printf '%s\n' "$1" >&"$to"; }
more_answers() { [ "$(wc -l <"$out")" -gt "$answers" ]; }
next_answer() {
	until_true "$1" more_answers
	answers=$((answers + 1))
	answer=$(sed -n "${answers}p" "$out")
	echo "$answer"
}
take_mark() {
	ask '{"do":"mark"}'
	next_answer 25
	mark=$(jq -ce 'select(.ok).mark' <<<"$answer")
}
wait_for() { ask "{\"do\":\"wait\",\"mark\":$mark,\"rules\":${1:-{\}},\"deadline_ms\":${2:-20000}}"; }
expect_code() {
	next_answer 25
	[ "$(jq -r .code <<<"$answer")" = "$1" ]
}
expect_error() { # expect_error CODE [TEXT]
	next_answer 25
	[ "$(jq -r .error.code <<<"$answer")" = "$1" ]
	[[ $(jq -r .error.message <<<"$answer") == *"${2:-}"* ]]
}

# --- shapes ---

@test "Mailpit, as the manual has it: the new mail's code, and no mail is marked as read" {
	deliver 111111
	start "$(example 4)"
	take_mark
	wait_for
	deliver 222222
	expect_code 222222
	[ "$(jq -r .mail.from <<<"$answer")" = codes@example.org ]
	[ "$(jq -r .mail.subject <<<"$answer")" = "Your code" ]
	[ "$(curl -sS "http://127.0.0.1:$port/api/v1/messages" | jq .unread)" -eq 2 ]
	[ "$(asked '[.[].path | select(contains("/message/m1"))] | length')" -eq 0 ]
}

@test "MailHog, as the manual has it" {
	deliver 111111
	start "$(example 5)"
	take_mark
	deliver 222222
	wait_for '{"to":"alice@example.org"}'
	expect_code 222222
}

@test "a REST API, as the manual has it: parts, a token, a header; from, to and subject choose" {
	deliver 111111
	start "$(example 6)"
	take_mark
	deliver 222222
	for rules in '{"from":"*@other.example.org"}' '{"to":"bob@example.org"}' '{"subject":"Your booking"}' '{"pattern":"[0-9]{8}"}'; do
		wait_for "$rules" 300
		expect_error timeout
	done
	wait_for '{"from":"codes@example.org","to":"ALICE@example.org","subject":"*code","pattern":"code is ([0-9]+)"}'
	expect_code 222222
	[ "$(asked '[.[] | select(.headers.Authorization == "Bearer sesame" and .headers["X-Kind"] == "codes")] | length')" -ge 5 ]
}

@test "a page with a table, as the manual has it; and with links to the mails" {
	deliver 111111
	start "$(example 7)"
	take_mark
	deliver 222222
	wait_for
	expect_code 222222
	stop
	start "$(inbox /web '{"list": ".rows[1:]", "mail": {"id": ".links[0].href", "link": ".links[0].href"}}')"
	take_mark
	deliver 333333
	wait_for
	expect_code 333333
}

@test "a name and a password" {
	start "$(inbox /rest/mails "$rest" '' '"token": null, "username": "alice", "password": "sesame"')"
	take_mark
	deliver 222222
	wait_for
	expect_code 222222
	stop
	start "$(inbox /rest/mails "$rest" '' '"token": "wrong"')"
	ask '{"do":"mark"}'
	expect_error refused "answers 401"
}

# --- which mail ---

@test "a mail to somebody else is not ours; where no mail tells whom it is to, all are" {
	BASE=http://127.0.0.1:1/ MAIL=$HOME/mail
	new_session alice practice ".inbox = $(inbox /rest/mails "$rest" '' '"mail": {"id": ".id", "to": ".recipients", "text": ".body.text"}')"
	new_session carol practice ".inbox = $(inbox /web '{"list": ".rows[1:]", "mail": {"id": ".links[0].href", "text": ".cells[2]"}}')"
	ab-otp --timeout 20s alice >"$BATS_TEST_TMPDIR/a" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	driver=$!
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/err"
	deliver 222222 0 bob@example.org
	deliver 333333 1
	wait "$driver"
	[ "$(cat "$BATS_TEST_TMPDIR/a")" = 333333 ]
	: >"$BATS_TEST_TMPDIR/err"
	ab-otp --timeout 20s carol >"$BATS_TEST_TMPDIR/a" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	driver=$!
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/err"
	deliver 444444
	wait "$driver"
	driver=
	[ "$(cat "$BATS_TEST_TMPDIR/a")" = 444444 ]
	run -0 ab-otp --test carol
	[[ $output == *"looked at 3 mails, 3 fit"* ]]
}

@test "of two codes the one sent last wins; one sent before the mark is not used" {
	start "$(inbox /api/v1/messages "$mailpit")"
	take_mark
	deliver 111111 900
	wait_for '{}' 1500
	expect_error timeout "no mail with a code"
	at=$(date +%s) # one second for all, however long it takes
	deliver 222222 1
	deliver 333333
	deliver 444444 1
	at=
	wait_for
	expect_code 333333
	# of the same second: the first in the list
	take_mark
	deliver 555555
	deliver 666666
	cp -p "$BATS_TEST_TMPDIR/mails/m5" "$BATS_TEST_TMPDIR/stamp"
	sed -i "s/^Date: .*/$(grep '^Date:' "$BATS_TEST_TMPDIR/mails/m6")/" "$BATS_TEST_TMPDIR/mails/m5"
	touch -r "$BATS_TEST_TMPDIR/stamp" "$BATS_TEST_TMPDIR/mails/m5"
	wait_for
	expect_code 666666
}

@test "a later code that comes while the first one is weighed wins" {
	start "$(inbox /api/v1/messages "$mailpit" '' '"interval": "60s"')"
	take_mark
	deliver 111111 1
	wait_for '{"settle":"2s"}'
	until_true 10 asked_times 1 '.path | contains("/message/m1")'
	deliver 222222
	expect_code 222222
	# at the mark, at the start of the wait, when the first one was due, and when the second was
	[ "$(asked '[.[] | select(.path == "/api/v1/messages")] | length')" -eq 4 ]
}

@test "a code is handed out once, by two sessions that look at one inbox" {
	BASE=http://127.0.0.1:1/ MAIL=$HOME/mail
	for name in alice bob; do
		new_session $name practice ".inbox = $(inbox /api/v1/messages "$mailpit" '' '"to": "alice@example.org"')"
	done
	ab-otp --timeout 4s alice >"$BATS_TEST_TMPDIR/a" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	driver=$!
	ab-otp --timeout 4s bob >"$BATS_TEST_TMPDIR/b" 2>"$BATS_TEST_TMPDIR/err2" 3>&- &
	second=$!
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/err"
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/err2"
	deliver 222222
	wait "$driver" || :
	wait "$second" || :
	driver= second=
	[ "$(cat "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b")" = 222222 ]
}

# --- politely ---

@test "the list is asked for once an interval, and not sent again unchanged" {
	start "$(inbox /api/v1/messages "$mailpit")"
	take_mark
	wait_for '{}' 2500
	expect_error timeout
	[ "$(asked 'length')" -le 4 ]
	[ "$(asked '[.[].status] | map(tostring) | join(" ")')" = "200 200 304 304" ]
	# by the date, too
	stop
	fault '{"count": 2, "status": 200, "body": "{\"messages\":[]}", "headers": {"Last-Modified": "Sun, 22 Nov 2026 08:00:00 GMT"}}'
	start "$(inbox /api/v1/messages "$mailpit")"
	take_mark
	wait_for '{}' 1500
	expect_error timeout
	[ "$(asked '.[-1].headers["If-Modified-Since"]')" = "Sun, 22 Nov 2026 08:00:00 GMT" ]
}

@test "Retry-After is obeyed, as seconds and as a date by the server's clock; other failures double the pause" {
	start "$(inbox /api/v1/messages "$mailpit")"
	take_mark
	fault '{"status": 429, "headers": {"Retry-After": "2"}}'
	wait_for
	until_true 10 asked_times 1 '.status == 429'
	deliver 222222
	expect_code 222222
	pause() { asked "[.[] | select(.path == \"/api/v1/messages\")] | map(.status) as \$s | (\$s | index($1)) as \$i | .[\$i + 1].mono - .[\$i].mono | . * 10 | floor"; }
	[ "$(pause 429)" -ge 19 ] && [ "$(pause 429)" -le 35 ]
	take_mark
	fault '{"status": 503, "headers": {"Retry-After": "Sun, 22 Nov 2026 08:00:02 GMT", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"}}'
	wait_for
	until_true 10 asked_times 1 '.status == 503'
	deliver 333333
	expect_code 333333
	[ "$(pause 503)" -ge 19 ]
	take_mark # a day and more is too long for who waits for a code
	fault '{"status": 425, "headers": {"Retry-After": "86401"}}'
	wait_for
	until_true 10 asked_times 1 '.status == 425'
	deliver 343434
	expect_code 343434
	take_mark
	fault '{"status": 500, "count": 2}'
	wait_for
	until_true 10 asked_times 2 '.status == 500'
	deliver 444444
	expect_code 444444
	[ "$(asked '[.[] | select(.path == "/api/v1/messages")] | map(.status) as $s | ($s | index(500)) as $i | .[$i + 2].mono - .[$i + 1].mono | . * 10 | floor')" -ge 19 ]
}

@test "a server that is away for a while, or sends rubbish for a mail, costs no code" {
	start "$(inbox /api/v1/messages "$mailpit")"
	take_mark
	fault '{"status": 0}'
	fault '{"path": "*/raw", "status": 500}'
	wait_for
	deliver 222222
	expect_code 222222
	[ "$(asked '[.[].status | select(. == 500)] | length')" -eq 1 ]
	# a mail that is gone when it is asked for is passed over
	take_mark
	fault '{"path": "*/raw", "status": 404, "count": 1}'
	deliver 333333
	wait_for '{}' 1500
	expect_error timeout
}

@test "what can't get better ends the wait at once" {
	start "$(inbox /rest/mails "$rest")"
	take_mark
	fault '{"status": 403}'
	wait_for
	expect_error refused "answers 403"
	fault '{"status": 404}'
	wait_for
	expect_error config "no such page"
}

@test "a wait is cancelled by the next request" {
	start "$(inbox /api/v1/messages "$mailpit" '' '"interval": "60s"')"
	take_mark
	wait_for '{}' 60000
	ask '{"do":"cancel"}'
	expect_error cancelled
	next_answer 5
	[ "$(jq .ok <<<"$answer")" = true ]
}

# --- confined and bounded ---

@test "nothing outside of the inbox's origin is asked or followed, and no token goes there" {
	mkdir "$BATS_TEST_TMPDIR/elsewhere" "$BATS_TEST_TMPDIR/elsewhere/mails"
	python3 "$top_srcdir/t/mail-server.py" "$BATS_TEST_TMPDIR/elsewhere" >"$BATS_TEST_TMPDIR/port2" 3>&- &
	other=$!
	until_true 10 test -s "$BATS_TEST_TMPDIR/port2"
	away=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port2")
	fault "{\"status\": 302, \"headers\": {\"Location\": \"$away/rest/mails\"}}"
	start "$(inbox /rest/mails "$rest")"
	ask '{"do":"mark"}'
	expect_error config "another place"
	fault '{"status": 302, "headers": {"Location": "/rest/mails?moved=1"}}'
	take_mark
	stop
	for link in "\\\"$away/rest/mails\\\"" '\"//example.org/\"' '\"file:///etc/passwd\"' '\"ftp://127.0.0.1/x\"'; do
		start "$(inbox /api/v1/messages "$mailpit" '' "\"token\": \"sesame\", \"mail\": {\"id\": \".ID\", \"link\": \"$link\"}")"
		take_mark
		deliver 222222
		wait_for '{}' 300
		expect_error timeout "passed over: "
		stop
	done
	[ "$(curl -sS "$away/_log" | jq length)" -eq 0 ]
}

@test "answers are bounded in size and in time, and what they are is said" {
	start "$(inbox /api/v1/messages "$mailpit")"
	python3 -c 'import json; print(json.dumps({"status": 200, "body": " " * 3000000}))' >"$BATS_TEST_TMPDIR/huge"
	curl -sSf -d @"$BATS_TEST_TMPDIR/huge" "http://127.0.0.1:$port/_fault"
	ask '{"do":"mark"}'
	expect_error config "more than"
	while IFS='|' read -r body why; do
		fault "$(jq -cn --arg b "$body" '{status: 200, body: $b}')"
		ask '{"do":"mark"}'
		expect_error config "$why"
	done <<-'E'
		{"messages":|no JSON
		{"messages":{}}|list: gives no list
		{"messages":[{}]}|mail.id: gives nothing
		{"messages":[1]}|mail.id
		<p>|no JSON
	E
	take_mark
	fault '{"delay": 15}'
	deliver 222222
	wait_for '{}' 2000
	expect_error unreachable "no whole answer in time"
}

@test "mistakes in the settings are told when it is opened, with their place" {
	while IFS='|' read -r more why; do
		start "$(inbox /api/v1/messages "$mailpit" '' "$more")"
		[ "$(jq -r .error.code <<<"$answer")" = config ]
		[[ $answer == *"$why"* ]] || { echo "not: $why"; false; }
		stop
	done <<-'E'
		"list": ".messages[", "x": 1|list, character
		"mail": {"link": ".ID", "from": "foo(1)"}|mail.from, character
		"mail": {"from": ".x"}|neither link
		"interval": "500ms"|interval
		"url": "http://mail.example.org/"|for all to read
		"url": "http://127.example.org/"|for all to read
		"url": "https://alice:secret@mail.example.org/"|password
		"url": "https://"|host
		"headers": {"A B": "x"}|headers
		"headers": {"A": "x\r\nB: y"}|headers
		"token": "exec:get-token"|program
		"to": "alice@example.org", "mail": {"text": ".x"}|needs mail.to
	E
	# programs that never end, or grow without end
	start "$(inbox /api/v1/messages "$mailpit" '' '"list": "def f: f; f"')"
	ask '{"do":"mark"}'
	expect_error config "list"
}

@test "a mail or a pattern made to be slow costs seconds, not the machine" {
	start "$(inbox /api/v1/messages "$mailpit")"
	take_mark
	deliver "111111 $(yes 'a b c d e f g h ' | head -n 4000 | tr -d '\n')"
	wait_for '{"pattern":"(.*)(.*)(.*)(.*)(.*)X"}' 60000
	ended() { not kill -0 "$driver"; }
	until_true 30 ended
	wait "$driver" || :
	driver=
}

@test "an answer that ended with the connection is taken only where it shows that it is whole" {
	start "$(inbox /api/v1/messages "$mailpit")"
	take_mark
	fault '{"path": "*/raw", "status": 200, "type": "text/plain", "body": "From: a@example.org\n\nYour code is 1234", "headers": {"Date": "Sun, 22 Nov 2026 08:00:00 GMT"}, "cut": true}'
	deliver 123456
	wait_for
	expect_code 123456
	fault '{"status": 200, "body": "{\"messages\": []}", "cut": true}'
	take_mark
	[ "$(jq -r .seen <<<"$mark")" = "" ]
}

@test "one mail that can't be read holds up no other" {
	start "$(inbox /rest/mails "$rest" '' '"mail": {"id": ".id", "text": "if .subject == \"Your code\" then .body.text else error(\"no\") end"}')"
	take_mark
	deliver 111111
	sed -i 's/^Subject: .*/Subject: Other/' "$BATS_TEST_TMPDIR/mails/m1"
	wait_for '{}' 500
	expect_error timeout "passed over: mail.text"
	deliver 222222
	wait_for
	expect_code 222222
}

# --- TLS ---

@test "certificates are verified: an unknown authority, a wrong name; a cafile makes it known" {
	cd "$BATS_TEST_TMPDIR"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj "/CN=Test CA" -days 10 \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout good.key -out good.csr -subj "/CN=localhost" 2>/dev/null
	openssl x509 -req -in good.csr -CA ca.pem -CAkey ca.key -out good.pem -days 10 -extfile <(echo "subjectAltName=DNS:localhost") 2>/dev/null
	end_pid "$server"
	start_server good.pem good.key
	start "$(inbox /api/v1/messages "$mailpit" "https://localhost:$port")"
	ask '{"do":"mark"}'
	expect_error unreachable certificate
	stop
	start "$(inbox /api/v1/messages "$mailpit" "https://127.0.0.1:$port" "\"cafile\": \"$PWD/ca.pem\"")"
	ask '{"do":"mark"}'
	expect_error unreachable certificate
	stop
	start "$(inbox /api/v1/messages "$mailpit" "https://localhost:$port" "\"cafile\": \"$PWD/ca.pem\"")"
	take_mark
	deliver 222222
	wait_for
	expect_code 222222
	stop
	# by ab-otp: https: finds the driver of http:
	inbox /api/v1/messages "$mailpit" "https://localhost:$port" "\"cafile\": \"$PWD/ca.pem\"" >inbox.json
	ab-otp --inbox inbox.json --timeout 20s >code 2>err 3>&- &
	second=$!
	until_true 10 grep -q ready err
	deliver 333333
	wait "$second"
	second=
	[ "$(cat code)" = 333333 ]
}

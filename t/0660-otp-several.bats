# ab-otp over several inboxes: in order, with failures told and no others held up; its settings out of a file; --watch, --test.

bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	box=$BATS_TEST_TMPDIR/Maildir
	mkdir -p "$box"/{tmp,new,cur} "$BATS_TEST_TMPDIR/drivers"
	serial=0
	# drivers of our own stand before the built ones
	export AB_LIBEXEC="$BATS_TEST_TMPDIR/drivers:$AB_LIBEXEC"
	err=$BATS_TEST_TMPDIR/err
}
teardown() {
	stop_site
	[ -z "${to_otp:-}" ] || exec {to_otp}>&-
	end_pid "${otp:-}"
	cat "$err" 2>/dev/null || :
	drop_home
}

# deliver CODE [FROM [SUBJECT]]
deliver() {
	local name
	serial=$((serial + 1))
	name=$(date +%s).M$(date +%N)P$BASHPID$serial.host
	printf '%s\n' "From: Example <${2:-codes@example.org}>" "To: alice@example.org" "Subject: ${3:-Your code}" "Date: $(date -R)" \
		"Message-ID: <$BASHPID.$serial.$(date +%s%N)@example.org>" "" "Your verification code is $1." >"$box/tmp/$name"
	mv "$box/tmp/$name" "$box/new/$name"
}
# driver SCHEME: a driver that says when it is asked to wait (in the file SCHEME.log), and answers by the file SCHEME.answer
driver() {
	sed "s|@|$BATS_TEST_TMPDIR/$1|g" >"$BATS_TEST_TMPDIR/drivers/ab-inbox-$1" <<-'E'
		#!/usr/bin/env python3
		import json, os, select, sys, time
		log = open("@.log", "a", buffering=1)
		def say(v): print(json.dumps(v), flush=True)
		for line in iter(sys.stdin.readline, ""):
		    q = json.loads(line)
		    log.write(json.dumps({"at": time.time(), **q}) + "\n")
		    if q["do"] == "open" and os.path.exists("@.broken"):
		        say({"ok": False, "error": {"code": "unreachable", "message": "the server is away"}})
		    elif q["do"] == "mark":
		        say({"ok": True, "mark": "x"})
		    elif q["do"] == "wait":
		        end = time.time() + q["deadline_ms"] / 1000
		        while time.time() < end and not select.select([sys.stdin], [], [], 0.05)[0]:
		            if os.path.exists("@.die"):
		                sys.exit(1)
		            if os.path.exists("@.answer"):
		                text = open("@.answer").read().strip()
		                os.remove("@.answer")
		                say({"ok": True, "code": text})
		                break
		        else:
		            say({"ok": False, "error": {"code": "cancelled" if time.time() < end else "timeout", "message": "nothing"}})
		    else:
		        say({"ok": True})
	E
	chmod +x "$BATS_TEST_TMPDIR/drivers/ab-inbox-$1"
}
answers() { echo "$2" >"$BATS_TEST_TMPDIR/$1.new" && mv "$BATS_TEST_TMPDIR/$1.new" "$BATS_TEST_TMPDIR/$1.answer"; }
waits() { has_line "$BATS_TEST_TMPDIR/$1.log" '.do == "wait"'; }
at() { jq -r 'select(.do == "wait").at * 1000 | floor' "$BATS_TEST_TMPDIR/$1.log" | head -n 1; }

# inboxes <<YAML: a file for --inbox
inboxes() { cat >"$BATS_TEST_TMPDIR/inbox.yaml"; }
# otp OPTION…: in the background, its output in $out; ready when this returns
otp() {
	out=$BATS_TEST_TMPDIR/out
	ab-otp --inbox "$BATS_TEST_TMPDIR/inbox.yaml" "$@" >"$out" 2>"$err" 3>&- &
	otp=$!
	until_true 10 grep -q ready "$err"
}
ended() { # ended [STATUS]
	local status=0
	wait "$otp" || status=$?
	otp=
	[ "$status" -eq "${1:-0}" ]
}
# coprocess OPTION…: its answers are lines of $out
coprocess() {
	out=$BATS_TEST_TMPDIR/out
	mkfifo "$BATS_TEST_TMPDIR/in"
	: >"$out"
	ab-otp --coprocess --inbox "$BATS_TEST_TMPDIR/inbox.yaml" "$@" <"$BATS_TEST_TMPDIR/in" >"$out" 2>"$err" 3>&- &
	otp=$!
	exec {to_otp}>"$BATS_TEST_TMPDIR/in"
	printf '%s\n' '{"do":"mark"}' >&"$to_otp"
	mark=$(until_line 10 "$out" .mark | jq -c .mark)
}
wait_for() { printf '%s\n' "{\"do\":\"wait\",\"mark\":$mark,\"rules\":${1:-{\}},\"timeout_ms\":${2:-10000}}" >&"$to_otp"; }

# --- order ---

@test "all are marked at once; each is waited on from its time on, and the first good code wins" {
	driver first && driver second
	inboxes <<-E
		- url: "first:"
		- {url: "second:", after: 1s}
		- {url: "maildir:$box", after: 1h}
	E
	otp --timeout 8s
	until_true 10 waits second
	[ $(($(at second) - $(at first))) -ge 950 ]
	[ $(($(at second) - $(at first))) -le 2500 ]
	answers second 222222
	ended
	[ "$(cat "$out")" = 222222 ]
	has_line "$BATS_TEST_TMPDIR/second.log" '.do == "mark"'
	# nobody goes on waiting
	until_true 5 has_line "$BATS_TEST_TMPDIR/first.log" '.do == "cancel"'
}

@test "however late its turn, an inbox has half of the time; and what came before its turn counts" {
	driver first
	inboxes <<-E
		- url: "first:"
		- {url: "maildir:$box", after: 1h}
	E
	otp --timeout 3s
	deliver 333333
	ended
	[ "$(cat "$out")" = 333333 ]
}

@test "the person is asked after the mail had its time, which the record states" {
	inboxes <<-E
		- url: "maildir:$box"
		- {url: "human:me", after: 1s, question: The code that came by SMS?}
	E
	coprocess --events
	wait_for '{}' 30000
	before=$(date +%s%N)
	until_line 10 "$out" '.event.type == "human.required"' >/dev/null
	[ $(($(date +%s%N) - before)) -ge 900000000 ]
	[ "$(jq -r '.event.data.question // empty' "$out" | head -n 1)" = "The code that came by SMS?" ]
	deliver 444444
	until_line 10 "$out" '.code == "444444"' >/dev/null
	# and the question is taken back
	has_line "$out" '.event.type == "human.answered"'
}

# --- failures ---

@test "an inbox that fails at the mark, dies or is refused is told, and the others go on" {
	driver first && driver second
	: >"$BATS_TEST_TMPDIR/first.broken"
	inboxes <<-E
		- url: "first:"
		- url: "second:"
		- url: "nosuch:"
		- url: "maildir:$box"
	E
	coprocess --events
	until_line 5 "$out" '.event.type == "runtime.alert" and (.event.data.reason | test("^inbox: first: the server is away"))' >/dev/null
	until_line 5 "$out" '.event.data.reason? | strings | test("ab-inbox-nosuch")' >/dev/null
	wait_for
	until_true 10 waits second
	: >"$BATS_TEST_TMPDIR/second.die"
	until_line 5 "$out" '.event.data.reason? | strings | test("^inbox: second")' >/dev/null
	deliver 555555
	until_line 10 "$out" '.code == "555555" and .channel == "maildir"' >/dev/null
	# said once, not at each wait
	wait_for '{}' 200
	until_line 10 "$out" '.error.code == "timeout"' >/dev/null
	[ "$(jq -c 'select(.event.type == "runtime.alert")' "$out" | wc -l)" -eq 3 ]
	[ "$(grep -c 'server is away' "$err")" -eq 1 ]
	[ "$(jq -r 'select(.event).event.data.severity' "$out" | sort -u)" = warning ]
}

@test "a log-in goes on with the inbox that works, and the person is told of the one that does not" {
	start_site
	new_session alice practice '.inbox = [{url: "maildir:/nowhere"}, {url: ("maildir:" + $mail)}]'
	ab-login alice >"$BATS_TEST_TMPDIR/events" 2>"$err"
	stop_site
	has_line "$BATS_TEST_TMPDIR/events" '.type == "session.login" and .data.ok'
	has_line "$BATS_TEST_TMPDIR/events" '.type == "runtime.alert" and .subject == "alice" and (.data.reason | test("^inbox: maildir: /nowhere"))'
	has_line "$BATS_TEST_TMPDIR/events" '.type == "otp.received" and .data.channel == "maildir"'
}

@test "the next in order has its turn at once when those before it have failed" {
	driver first && driver second
	inboxes <<-E
		- url: "first:"
		- {url: "second:", after: 20s}
	E
	otp --timeout 30s
	until_true 10 waits first
	: >"$BATS_TEST_TMPDIR/first.die"
	until_true 5 waits second
	answers second 666666
	ended
	[ "$(cat "$out")" = 666666 ]
}

@test "where all fail, the first trouble is the exit status" {
	driver first
	: >"$BATS_TEST_TMPDIR/first.broken"
	inboxes <<<'[{url: "first:"}, {url: "nosuch:"}]'
	run -69 ab-otp --inbox "$BATS_TEST_TMPDIR/inbox.yaml" --timeout 5s
	[[ $output == *"server is away"* ]]
}

# --- an authenticator beside a mailbox ---

@test "an authenticator's code is not taken for one that comes by mail: where a sender or subject is asked for" {
	not grep -qx 'OATH_LIBS = *' "$top_builddir/Makefile" || skip "liboath was not there when ab was configured"
	inboxes <<-E
		- {url: "totp:", secret: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ, skew: 1s}
		- url: "maildir:$box"
	E
	otp --from 'codes@*' --timeout 10s
	deliver 777777
	ended
	[ "$(cat "$out")" = 777777 ]
	otp --timeout 40s
	ended
	[[ $(cat "$out") =~ ^[0-9]{6}$ ]]
	# alone it is asked whatever the rules say
	inboxes <<<'{url: "totp:", secret: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJR}'
	otp --from 'codes@*' --timeout 40s
	ended
	[[ $(cat "$out") =~ ^[0-9]{6}$ ]]
}

# --- settings out of a file ---

@test "--inbox reads what stands below 'inbox:' of a session, from a pipe too, and tells mistakes" {
	printf 'url: "maildir:%s"\nto: bob@example.org\n' "$box" >"$BATS_TEST_TMPDIR/inbox.yaml"
	otp --timeout 500ms
	deliver 111111
	ended 75
	out=$BATS_TEST_TMPDIR/out
	printf '{"url": "maildir:%s"}' "$box" | ab-otp --inbox - --timeout 10s >"$out" 2>"$err" 3>&- &
	otp=$!
	until_true 10 grep -q ready "$err"
	deliver 222222
	ended
	[ "$(cat "$out")" = 222222 ]
	while IFS='|' read -r status text why; do
		run "-$status" ab-otp --inbox - --timeout 1s <<<"$text"
		[[ $output == *"$why"* ]]
	done <<-'E'
		65|{url: "maildir:/x", urls: y}|did you mean 'url'
		65|{to: x}|'url' is missing
		65|{url: x: y|standard input
		78|[]|no inbox
		65|{url: "maildir:/x", after: soon}|duration
	E
	run ab-otp --inbox "$BATS_TEST_TMPDIR/none"
	[ "$status" -ne 0 ]
	run -64 ab-otp --coprocess --inbox -
	run -64 ab-otp --watch --test --url "maildir:$box"
	run -64 ab-otp --reveal --url "maildir:$box"
}

# --- watching ---

@test "--watch prints every code that comes, one a line, each once, and never asks the person" {
	deliver 111111
	inboxes <<-E
		- {url: "maildir:$box", settle: 1ms}
		- {url: "human:me", after: 1ms}
	E
	otp --watch
	for code in 222222 333333 444444; do
		deliver $code
		until_true 10 grep -qx $code "$out"
	done
	run -1 ab-answer --list
	end_pid "$otp"
	otp=
	[ "$(paste -sd' ' "$out")" = "222222 333333 444444" ]
	# started anew it begins anew
	otp --watch --timeout 500ms
	ended 75
	[ ! -s "$out" ]
}

@test "--watch goes on when an inbox fails for a while, and ends on a mistake" {
	driver first
	inboxes <<<'url: "first:"'
	otp --watch --timeout 30s
	until_true 10 waits first
	: >"$BATS_TEST_TMPDIR/first.die"
	gone() { [ "$(grep -c first "$err")" -ge 1 ]; }
	until_true 10 gone
	rm "$BATS_TEST_TMPDIR/first.die"
	answers first 888888
	until_true 15 grep -qx 888888 "$out"
	end_pid "$otp"
	otp=
	run -78 ab-otp --watch --url "maildir:$BATS_TEST_TMPDIR/none"
	run -78 ab-otp --watch --url human:me
}

# --- trying out ---

@test "--test tells step by step what works, and the last mail that fits, without its code" {
	deliver 111111 news@example.org 'Old news'
	deliver 222222
	printf 'url: "maildir:%s"\n' "$box" >"$BATS_TEST_TMPDIR/inbox.yaml"
	run -0 ab-otp --test --inbox "$BATS_TEST_TMPDIR/inbox.yaml"
	[[ ${lines[0]} == "inbox 1, maildir:" ]]
	[[ $output == *"ok: there is a driver"*"ok: $box is a Maildir"*"with 2 mails"*"looked at 2 mails, 2 fit"* ]]
	[[ $output == *'from codes@example.org, "Your code"'*"it holds a code"* && $output != *222222* ]]
	run -0 ab-otp --test --reveal --inbox "$BATS_TEST_TMPDIR/inbox.yaml"
	[[ $output == *"its code: 222222"* ]]
	run -0 ab-otp --test --reveal --from 'news@*' --url "maildir:$box"
	[[ $output == *"1 fit"*"its code: 111111"* ]]
	run -0 ab-otp --test --subject 'nothing*' --url "maildir:$box"
	[[ $output == *"looked at 2 mails, 0 fit"* && $output != *"the last"* ]]
	run -0 ab-otp --test --pattern '[0-9]{9}' --url "maildir:$box"
	[[ $output == *"no code in it"* ]]
	# nothing was used up
	[ ! -e "$AB_STATE/otp.claimed" ]
}

@test "--test tells what does not work, by the exit status too, and tries the others all the same" {
	deliver 222222
	inboxes <<-E
		- url: "maildir:$BATS_TEST_TMPDIR/none"
		- url: "nosuch:"
		- url: "maildir:$box"
		- url: "human:me"
	E
	run -78 ab-otp --test --inbox "$BATS_TEST_TMPDIR/inbox.yaml"
	[[ $output == *"FAILED: maildir: $BATS_TEST_TMPDIR/none is no Maildir"*"FAILED: no driver ab-inbox-nosuch"*"it holds a code"*"inbox 4, human:"*"ok:"* ]]
}

@test "--test of an inbox on the web names the step that fails" {
	mkdir "$BATS_TEST_TMPDIR/mails"
	python3 "$top_srcdir/t/mail-server.py" "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/port" 2>/dev/null 3>&- &
	otp=$!
	until_true 10 test -s "$BATS_TEST_TMPDIR/port"
	base=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
	deliver 222222
	mv "$box"/new/* "$BATS_TEST_TMPDIR/mails/"
	test_web() {
		jq -cn --arg url "$base$1" '{url: $url, token: "sesame", list: ".data", mail: {from: ".sender", text: ".body.text"}} + '"{${2:-}}" |
			ab-otp --test --inbox -
	}
	run -0 test_web /rest/mails
	[[ $output == *"$base answers within"*"its list has 1 mails"*"comes from codes@example.org"*"it holds a code"* && $output != *222222* ]]
	run -77 test_web /rest/mails 'token: "wrong"'
	[[ $output == *"FAILED"*"answers 401"* ]]
	run -78 test_web /nowhere
	[[ $output == *"FAILED"*"no such page"* ]]
	run -78 test_web /rest/mails 'list: ".nothing"'
	[[ $output == *"ok: $base answers"*"FAILED"*"list: gives no list"* ]]
	run -78 test_web /rest/mails 'mail: {text: ".body.text | error"}'
	[[ $output == *"ok: its list has"*"FAILED"*"mail.text"* ]]
}

@test "--test of an authenticator tells what its secret is like, and the code only when it is asked for" {
	not grep -qx 'OATH_LIBS = *' "$top_builddir/Makefile" || skip "liboath was not there when ab was configured"
	run -0 ab-otp --test --inbox - <<<'{url: "totp:", secret: "otpauth://totp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8&period=60"}'
	[[ $output == *"8 digits every 60s (SHA1)"* && $output != *"the code is"* ]]
	run -0 ab-otp --test --reveal --inbox - <<<'{url: "totp:", secret: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ}'
	[[ $output =~ "the code is now "[0-9]{6}, ]]
	run -78 ab-otp --test --inbox - <<<'{url: "totp:", secret: 189}'
	[[ $output == *FAILED*base32* ]]
}

@test "what a mail says does nothing to the terminal" {
	deliver 222222 codes@example.org '=?utf-8?Q?a=1B[2Jb=C2=9Bc=E2=80=AEd=C3=A9?='
	run -0 ab-otp --test --url "maildir:$box"
	[[ $output == *'"a?[2Jb?c?dé"'* ]]
}

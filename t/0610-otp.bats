# ab-otp and its inbox drivers: the code that was asked for after the mark, once, and no other.

bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	box=$BATS_TEST_TMPDIR/Maildir
	mkdir -p "$box"/{tmp,new,cur}
	serial=0
}

teardown() {
	stop_otp
	end_pid "${extra:-}"
	drop_home
}

# mail CODE [SECONDS-AGO [TO]]: a mail on stdout
mail() {
	serial=$((serial + 1))
	printf '%s\n' "From: Example <codes@example.org>" "To: ${3:-alice@example.org}" "Subject: Your code" \
		"Date: $(date -R -d "@$((${at:-$(date +%s)} - ${2:-0}))")" "Message-ID: <$BASHPID.$serial.$(date +%s%N)@example.org>" \
		"" "Your verification code is $1."
}

# deliver CODE [SECONDS-AGO [TO]]: as a delivery agent does it: written whole in tmp, then renamed into new
deliver() {
	local name
	serial=$((serial + 1))
	name=$(date +%s).M$(date +%N)P$BASHPID$serial.host
	mail "$@" >"$box/tmp/$name"
	mv "$box/tmp/$name" "$box/new/$name"
}

# start_otp OPTION…: as a coprocess; requests by ask, answers are lines of $out
start_otp() {
	out=$BATS_TEST_TMPDIR/out
	mkfifo "$BATS_TEST_TMPDIR/in"
	: >"$out"
	ab-otp --coprocess "$@" <"$BATS_TEST_TMPDIR/in" >"$out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	otp=$!
	exec {to_otp}>"$BATS_TEST_TMPDIR/in"
	answers=0
}
stop_otp() {
	[ -z "${to_otp:-}" ] || exec {to_otp}>&-
	to_otp=
	[ -z "${otp:-}" ] || wait "$otp" || :
	otp=
}
ask() { printf '%s\n' "$1" >&"$to_otp"; }
more_answers() { [ "$(wc -l <"$out")" -gt "$answers" ]; }
# next_answer SECONDS: the next line that it wrote; alerts are tested elsewhere (t/0660)
next_answer() {
	answer=
	while [[ -z $answer || $answer == *'"runtime.alert"'* ]]; do
		until_true "$1" more_answers
		answers=$((answers + 1))
		answer=$(sed -n "${answers}p" "$out")
		echo "$answer"
	done
}
take_mark() {
	ask '{"do":"mark"}'
	next_answer 10
	mark=$(jq -ce 'select(.ok).mark' <<<"$answer")
}
# wait_for [RULES [TIMEOUT-MS]]
wait_for() { ask "{\"do\":\"wait\",\"mark\":$mark,\"rules\":${1:-{\}},\"timeout_ms\":${2:-10000}}"; }
expect_code() {
	next_answer "${2:-10}"
	[ "$(jq -r .code <<<"$answer")" = "$1" ]
}
expect_error() {
	next_answer "${2:-10}"
	[ "$(jq -r .error.code <<<"$answer")" = "$1" ]
}

# --- by hand ---

@test "by hand it prints the first code that is sent after it is ready, and not the one that was there" {
	deliver 111111
	ab-otp --url "maildir:$box" --timeout 20s >"$BATS_TEST_TMPDIR/code" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	extra=$!
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/err"
	deliver 222222
	wait "$extra"
	extra=
	[ "$(cat "$BATS_TEST_TMPDIR/code")" = 222222 ]
}

@test "no code in time is 75, and says so" {
	run -75 --separate-stderr ab-otp --url "maildir:$box" --timeout 200ms
	[ -z "$output" ]
	[[ $stderr == *"in time"* ]]
}

@test "what is not a Maildir is 78, a missing driver 69, and neither session nor inbox 64" {
	run -78 ab-otp --url "maildir:$BATS_TEST_TMPDIR/none" --timeout 1s
	[[ $output == *"no Maildir"* ]]
	run -78 ab-otp --url maildir:relative/path --timeout 1s
	run -69 ab-otp --url "nosuch:x" --timeout 1s
	[[ $output == *ab-inbox-nosuch* ]]
	run -64 ab-otp
	run -64 ab-otp --url "maildir:$box" --timeout soon
	run -78 ab-otp --url "maildir:$box" --pattern '(' --timeout 1s
}

@test "from, subject, to and pattern choose the mail" {
	start_otp --url "maildir:$box"
	take_mark
	deliver 111111
	wait_for '{"from":"*@other.example.org"}' 300
	expect_error timeout
	wait_for '{"subject":"Your booking*"}' 300
	expect_error timeout
	wait_for '{"to":"bob@example.org"}' 300
	expect_error timeout
	wait_for '{"pattern":"[0-9]{8}"}' 300
	expect_error timeout
	wait_for '{"from":"CODES@example.*","subject":"*code","to":"Alice@Example.org","pattern":"code is ([0-9]+)"}'
	expect_code 111111
}

@test "the manual's examples do what they say" {
	mkdir -p "$HOME"/Maildir/{tmp,new,cur}
	box=$HOME/Maildir
	local n
	for n in 1 2; do
		bash -c "$(man_example ab-otp.1 $n)" >"$BATS_TEST_TMPDIR/code" 2>"$BATS_TEST_TMPDIR/err$n" 3>&- &
		extra=$!
		until_true 10 grep -q ready "$BATS_TEST_TMPDIR/err$n" || { cat "$BATS_TEST_TMPDIR/err$n"; false; }
		if [ $n = 1 ]; then
			deliver 482913
		else
			mail 1 | sed 's/^Your veri.*/Your key: whale/' >"$box/tmp/m"
			mv "$box/tmp/m" "$box/new/m"
		fi
		wait "$extra"
		extra=
		[ "$(cat "$BATS_TEST_TMPDIR/code")" = "$([ $n = 1 ] && echo 482913 || echo whale)" ]
	done
	run -0 bash -c "$(man_example ab-otp.1 3)"
	[[ $output == *"is a Maildir"* ]]
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho "$1" >>"%s/shown"\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/bin/notify-send"
	chmod +x "$BATS_TEST_TMPDIR/bin/notify-send"
	PATH="$BATS_TEST_TMPDIR/bin:$PATH" bash -c "$(man_example ab-otp.1 4 | sed 's/--watch/--watch --timeout 2s/')" 2>"$BATS_TEST_TMPDIR/err4" 3>&- &
	extra=$!
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/err4"
	deliver 593174
	wait "$extra"
	extra=
	[ "$(cat "$BATS_TEST_TMPDIR/shown")" = 593174 ]
	run -0 bash -c "$(man_example ab-otp.1 5)"
	[ "${#lines[@]}" -eq 2 ]
	jq -e '.ok and has("mark")' <<<"${lines[1]}"
}

# --- the right mail ---

@test "a mail that came before the mark is never used, one between mark and wait is" {
	deliver 111111
	start_otp --url "maildir:$box"
	take_mark
	deliver 222222
	wait_for
	expect_code 222222
	[ "$(jq -r .channel <<<"$answer")" = maildir ]
	[ "$(jq -r .mail.from <<<"$answer")" = codes@example.org ]
}

@test "an old mail that is read, flagged and moved to cur after the mark stays old" {
	deliver 111111
	start_otp --url "maildir:$box"
	take_mark
	for f in "$box"/new/*; do mv "$f" "$box/cur/${f##*/}:2,S"; done
	touch "$box"/cur/*
	wait_for '{}' 500
	expect_error timeout
}

@test "nothing in the mailbox is changed" {
	deliver 111111
	start_otp --url "maildir:$box"
	take_mark
	deliver 222222
	before=$(cd "$box" && find . -printf '%p %m %s %T@\n' | sort)
	wait_for
	expect_code 222222
	[ "$(cd "$box" && find . -printf '%p %m %s %T@\n' | sort)" = "$before" ]
}

@test "of two codes the one sent last wins, whichever came first" {
	start_otp --url "maildir:$box"
	take_mark
	at=$(date +%s) # one second for both, however long it takes
	deliver 222222
	deliver 111111 1
	wait_for
	expect_code 222222
	take_mark
	at=$(date +%s)
	deliver 333333 1
	deliver 444444
	wait_for
	expect_code 444444
}

@test "a later code that comes while a first one is weighed wins" {
	start_otp --url "maildir:$box"
	take_mark
	wait_for '{"settle":"2s"}'
	deliver 111111 1
	deliver 222222
	expect_code 222222
	# and the one that was passed over is not handed out afterwards
	wait_for '{}' 500
	expect_error timeout
}

@test "an old code that is delivered late is not used: by its Date" {
	start_otp --url "maildir:$box"
	take_mark
	wait_for '{}' 1500
	deliver 111111 900
	expect_error timeout
	# which a clock that is ahead does to every code
	[[ $(jq -r .error.message <<<"$answer") == *"but one that is dated "[89]??" s before the code was asked for: an old one, unless this machine's clock is wrong" ]]
	wait_for
	deliver 222222
	expect_code 222222
}

@test "a code dated just before the mark waits for a better one" {
	start_otp --url "maildir:$box"
	take_mark
	wait_for
	deliver 111111 20
	deliver 222222
	expect_code 222222
	take_mark
	wait_for '{}' 1000
	deliver 333333 20
	expect_error timeout
}

@test "a Date in the future does not win over a mail that came later" {
	start_otp --url "maildir:$box"
	take_mark
	deliver 111111 -86400
	read -rt 0.02 <> <(:) || :
	deliver 222222 -3
	wait_for
	expect_code 222222
}

# --- once ---

@test "one code is handed out once, across processes" {
	start_otp --url "maildir:$box"
	take_mark
	mkfifo "$BATS_TEST_TMPDIR/in2"
	ab-otp --coprocess --url "maildir:$box" <"$BATS_TEST_TMPDIR/in2" >"$BATS_TEST_TMPDIR/out2" 3>&- &
	extra=$!
	exec {second}>"$BATS_TEST_TMPDIR/in2"
	deliver 111111
	wait_for '{}' 2000
	printf '{"do":"wait","mark":%s,"timeout_ms":2000}\n' "$mark" >&"$second"
	next_answer 10
	until_true 10 test -s "$BATS_TEST_TMPDIR/out2"
	exec {second}>&-
	wait "$extra"
	extra=
	[ "$(cat "$out" "$BATS_TEST_TMPDIR/out2" | jq -r 'select(.code).code')" = 111111 ]
	[ "$(cat "$out" "$BATS_TEST_TMPDIR/out2" | jq -r 'select(.error).error.code')" = timeout ]
}

@test "what is kept of a used code is a hash, for its owner's eyes" {
	start_otp --url "maildir:$box"
	take_mark
	deliver 482913
	wait_for
	expect_code 482913
	[ "$(stat -c %a "$AB_STATE/otp.claimed")" = 600 ]
	[[ $(cat "$AB_STATE/otp.claimed") =~ ^[0-9a-f]{32}\ [0-9]+$ ]]
	run -1 grep -r 482913 "$AB_STATE"
}

@test "a line of the used codes that a crash cut short costs no other line" {
	mkdir -p "$AB_STATE"
	printf '%032d %d\nabc' 7 "$(date +%s)" >"$AB_STATE/otp.claimed"
	start_otp --url "maildir:$box"
	take_mark
	deliver 111111
	wait_for
	expect_code 111111
	[ "$(grep -cE '^[0-9a-f]{32} [0-9]+$' "$AB_STATE/otp.claimed")" = 2 ]
	[ "$(wc -l <"$AB_STATE/otp.claimed")" = 2 ]
}

# --- the Maildir driver ---

@test "a mail is seen however it is put there: renamed, linked, written in place, into cur" {
	start_otp --url "maildir:$box"
	for how in rename link write cur; do
		take_mark
		wait_for
		mail 111111 >"$box/tmp/$how"
		case $how in
		rename) mv "$box/tmp/$how" "$box/new/$how" ;;
		link) ln "$box/tmp/$how" "$box/new/$how" && rm "$box/tmp/$how" ;;
		write) cat "$box/tmp/$how" >"$box/new/$how" ;;
		cur) mv "$box/tmp/$how" "$box/cur/$how:2,S" ;;
		esac
		expect_code 111111
	done
}

@test "links, folders and empty files are no mails, and of a huge one the beginning is read" {
	start_otp --url "maildir:$box"
	take_mark
	mail 111111 >"$BATS_TEST_TMPDIR/outside"
	ln -s "$BATS_TEST_TMPDIR/outside" "$box/new/link"
	mkdir "$box/new/folder"
	mkfifo "$box/new/fifo"
	: >"$box/new/empty"
	wait_for '{}' 500
	expect_error timeout
	{ mail 222222; head -c 3000000 /dev/zero | tr '\0' x; } >"$box/tmp/huge"
	mv "$box/tmp/huge" "$box/new/huge"
	wait_for
	expect_code 222222
}

@test "in a mailbox of more than 20,000 mails the old ones stay old" {
	(cd "$box/cur" && seq -f 'old%g:2,S' 20500 | xargs touch -d '2 days ago')
	deliver 111111
	start_otp --url "maildir:$box"
	take_mark
	[ "$(jq -c '.marks[0] | keys' <<<"$mark")" = '["recent","time"]' ]
	wait_for '{}' 300
	expect_error timeout
	deliver 222222
	wait_for
	expect_code 222222
}

@test "a Maildir that is removed while waiting is unreachable, and says so" {
	start_otp --url "maildir:$box"
	take_mark
	wait_for '{}' 30000
	rm -r "$box"
	expect_error unreachable
}

@test "a pattern that is slow on a mail costs seconds of the driver, and ab-otp lives on" {
	start_otp --url "maildir:$box"
	take_mark
	{ mail 111111; yes 'a b c d e f g h ' | head -n 4000 | tr -d '\n'; } >"$box/tmp/slow"
	mv "$box/tmp/slow" "$box/new/slow"
	wait_for '{"pattern":"(.*)(.*)(.*)(.*)(.*)X"}' 60000
	expect_error unreachable 40
	take_mark
	deliver 333333
	wait_for
	expect_code 333333
}

# --- the protocol ---

@test "a wait is cancelled by the next request, which is served" {
	start_otp --url "maildir:$box"
	take_mark
	wait_for '{}' 60000
	ask '{"do":"cancel"}'
	expect_error cancelled
	next_answer 5
	# both in one write
	ask "{\"do\":\"wait\",\"mark\":$mark,\"timeout_ms\":60000}"$'\n''{"do":"cancel"}'
	expect_error cancelled
	next_answer 5
	[ "$(jq -r .ok <<<"$answer")" = true ]
	take_mark
	deliver 111111
	wait_for
	expect_code 111111
}

@test "when whoever started it goes away, it and its drivers end" {
	start_otp --url "maildir:$box"
	take_mark
	wait_for '{}' 60000
	child() { pgrep -f "ab-inbox-maildir" | xargs -r -n1 sh -c 'tr "\0" "\n" </proc/$0/environ 2>/dev/null | grep -qx "AB_RUNTIME='"$AB_RUNTIME"'" && echo $0'; }
	until_true 5 test -d "/proc/$otp"
	exec {to_otp}>&-
	to_otp=
	wait "$otp"
	otp=
	gone() { [ -z "$(child)" ]; }
	until_true 5 gone
}

@test "malformed requests are answered, not obeyed" {
	start_otp --url "maildir:$box"
	ask 'nonsense'
	expect_error config
	ask '{"do":"dance"}'
	expect_error config
	ask '{"do":"wait"}'
	expect_error config
	ask '{"do":"wait","mark":{"since":"x","marks":[1,2,3]}}'
	expect_error config
	ask '{"do":"wait","mark":{"since":"2026-11-22T08:00:00Z","marks":["x"]},"timeout_ms":100}'
	expect_error config
	take_mark
	ask '{"do":"close"}'
	next_answer 5
	wait "$otp"
	otp=
}

@test "a driver speaks the protocol of the manual" {
	exchange() {
		printf '%s\n' "{\"do\":\"open\",\"url\":\"maildir:$box\"}" '{"do":"mark"}' '{"do":"close"}'
	}
	run -0 --separate-stderr "$AB_LIBEXEC/ab-inbox-maildir" < <(exchange)
	[ "${#lines[@]}" -eq 3 ]
	[ "$(jq -c .ok <<<"$output" | tr '\n' ' ')" = "true true true " ]
	jq -e 'select(.mark).mark | has("seen") and has("time")' <<<"${lines[1]}"
}

# --- exec ---

program() { # a program of the person's, from stdin
	cat >"$BATS_TEST_TMPDIR/get-code"
	chmod +x "$BATS_TEST_TMPDIR/get-code"
}

@test "exec: the program gets the request on its stdin, and its line is the code" {
	program <<-'END'
		#!/bin/sh
		read -r request
		printf '%s' "$request" >"$HOME/request"
		echo 135790
	END
	start_otp --url "exec:$BATS_TEST_TMPDIR/get-code"
	take_mark
	wait_for '{"from":"x@example.org"}'
	expect_code 135790
	[ "$(jq -r '.rules.from, (.timeout_ms | type), (.since | type)' "$HOME/request" | tr '\n' ' ')" = "x@example.org number string " ]
}

@test "exec: an id makes a code single-use; a failing program is unreachable; a slow one is ended" {
	program <<-'END'
		#!/bin/sh
		echo '{"code":"246801","id":"sms-1"}'
	END
	start_otp --url "exec:$BATS_TEST_TMPDIR/get-code"
	take_mark
	wait_for
	expect_code 246801
	wait_for
	expect_error unreachable
	program <<-'END'
		#!/bin/sh
		exit 3
	END
	wait_for
	expect_error unreachable
	program <<-'END'
		#!/bin/sh
		sleep 1000 & echo $! >"$HOME/sleeper"
		wait
	END
	wait_for '{}' 500
	expect_error timeout
	gone() { not kill -0 "$(cat "$HOME/sleeper")" 2>/dev/null; }
	until_true 5 gone
}

# --- the person ---

@test "the person is asked when the mailbox had its time, and may answer by ab-answer" {
	start_otp --events --url "maildir:$box" --url human:me
	take_mark
	wait_for '{}' 3000
	next_answer 10
	[ "$(jq -r .event.type <<<"$answer")" = human.required ]
	id=$(jq -r .event.data.ask <<<"$answer")
	[ "$(ab-answer --json | jq -r '.id + " " + .kind')" = "$id otp" ]
	echo 975310 | ab-answer "$id" -
	next_answer 10
	[ "$(jq -r '.event.type + " " + .event.data.outcome' <<<"$answer")" = "human.answered answered" ]
	expect_code 975310
	[ "$(jq -r .channel <<<"$answer")" = human ]
	run -1 grep -r 975310 "$HOME" "$AB_RUNTIME"
}

@test "the person is asked at once when nothing else works, and can decline" {
	start_otp --events --url "maildir:$BATS_TEST_TMPDIR/none" --url human:me
	take_mark
	wait_for '{}' 60000
	next_answer 10
	ab-answer --no "$(jq -r .event.data.ask <<<"$answer")"
	next_answer 10
	expect_error config
}

@test "a mail that comes while the person is asked wins, and the question is taken back" {
	start_otp --url "maildir:$box" --url human:me
	take_mark
	wait_for '{}' 4000
	asked() { ab-answer --list >/dev/null; }
	until_true 10 asked
	deliver 111111
	expect_code 111111
	run -1 ab-answer --list
	[ -z "$(find "$AB_RUNTIME" -name '*.sock')" ]
}

@test "however ab-otp ends while the person is asked, no process and no socket stays" {
	local signal
	sockets() { find "$AB_RUNTIME" -name '*.sock' | grep -q .; }
	for signal in TERM KILL; do
		ab-otp --url human:me 2>/dev/null 3>&- &
		extra=$!
		until_true 10 sockets
		person=$(ab-answer --json | jq .pid)
		kill -$signal "$extra"
		wait "$extra" || :
		extra=
		until_true 10 not sockets
		until_true 10 not kill -0 "$person" 2>/dev/null
	done
}

@test "at a terminal the code is typed where it is asked for, and an answer from elsewhere takes the question away" {
	local tty=$top_builddir/t/unit/on-tty
	run "$tty" "Code (not shown)" "" "an empty answer" 975310 -- ab-otp --url human:me
	[ "$status" -eq 0 ]
	[[ $output == *"The one-time code that was just sent, please"*975310*"[echo on]"* ]]
	"$tty" "never said" x -- ab-otp --url human:me >"$BATS_TEST_TMPDIR/said" 3>&- &
	extra=$!
	asked() { ab-answer --list >/dev/null; }
	until_true 10 asked
	echo 864202 | ab-answer "$(ab-answer --json | jq -r .id)" -
	wait "$extra"
	extra=
	grep -q 864202 "$BATS_TEST_TMPDIR/said"
	grep -qF "[echo on]" "$BATS_TEST_TMPDIR/said"
}

# picture [SUBJECT]: a mail whose code is a picture arrives
picture() {
	local name
	serial=$((serial + 1))
	name=$(date +%s).M$(date +%N)P$BASHPID$serial.host
	sed -e "s/^Date:.*/Date: $(date -R)/; s/^Message-ID:.*/Message-ID: <$serial.$(date +%s%N)@example.org>/" -e "${1:+s/^Subject:.*/Subject: $1/}" \
		"$top_srcdir/t/fixtures/mail/picture-en.eml" >"$box/tmp/$name"
	mv "$box/tmp/$name" "$box/new/$name"
}

@test "a code that is a picture is handed to the person, with the picture" {
	session alice
	start_otp --events alice
	take_mark
	picture
	wait_for
	next_answer 10
	[ "$(jq -r '.event.type + " " + .event.data.kind' <<<"$answer")" = "human.required otp" ]
	id=$(jq -r .event.data.ask <<<"$answer")
	[[ $(jq -r .event.data.question <<<"$answer") == "The one-time code for alice is a picture in the mail 'Your verification code' from noreply@example.org: what does it show?" ]]
	name=$(jq -r .event.data.picture <<<"$answer")
	ab-vault evidence alice show "$name" | cmp - <(sed -n '/name="code.bmp"/,/^--/p' "$top_srcdir/t/fixtures/mail/picture-en.eml" | sed '1,/^$/d;/^--/d' | base64 -d)
	echo 864202 | ab-answer "$id" -
	next_answer 10
	[ "$(jq -r '.event.type + " " + .event.data.outcome' <<<"$answer")" = "human.answered answered" ]
	expect_code 864202
	[ "$(jq -r '.channel + " " + .mail.subject' <<<"$answer")" = "picture Your verification code" ]
	run -1 grep -ral 864202 "$HOME" "$AB_RUNTIME"
}

@test "a mail that can be read wins over a picture; a newer picture takes the place of an older one; the person can decline" {
	session alice '.inbox = [.inbox, {url: "human:", after: "200ms"}]'
	start_otp --events alice
	take_mark
	wait_for '{}' 60000
	next_answer 10 # the person is asked, without a picture
	[ "$(jq -r '.event.data.picture' <<<"$answer")" = null ]
	picture
	for outcome in withdrawn null; do
		next_answer 10
		[ "$(jq -r '.event.data.outcome' <<<"$answer")" = "$outcome" ]
	done
	[[ $(jq -r .event.data.picture <<<"$answer") == *.bmp ]]
	[ "$(ab-answer --json | jq -s length)" = 1 ]
	picture "A second one"
	for outcome in withdrawn null; do
		next_answer 10
		[ "$(jq -r '.event.data.outcome' <<<"$answer")" = "$outcome" ]
	done
	[[ $(jq -r .event.data.question <<<"$answer") == *"'A second one'"* ]]
	deliver 111111
	next_answer 10
	[ "$(jq -r '.event.data.outcome' <<<"$answer")" = withdrawn ]
	expect_code 111111
	run -1 ab-answer --list
	take_mark
	picture
	wait_for '{}' 60000
	next_answer 10
	ab-answer --no "$(jq -r .event.data.ask <<<"$answer")"
	next_answer 10
	[ "$(jq -r '.event.data.outcome' <<<"$answer")" = declined ]
	deliver 222222
	expect_code 222222
}

@test "one broken inbox does not stop another" {
	start_otp --url "maildir:$BATS_TEST_TMPDIR/none" --url "maildir:$box"
	take_mark
	deliver 111111
	wait_for
	expect_code 111111
	grep -q "no Maildir" "$BATS_TEST_TMPDIR/err"
}

# --- sessions ---

session() { # session NAME [JQ-FILTER]
	BASE=http://127.0.0.1:1/ MAIL=$box new_session "$1" practice "${2:-.}"
}

@test "two sessions that share a mailbox never take each other's code" {
	session alice
	session bob
	start_otp alice
	take_mark
	deliver 222222 0 bob@example.org
	wait_for '{}' 700
	expect_error timeout
	deliver 111111 0 alice@example.org
	deliver 333333 0 bob@example.org
	wait_for
	expect_code 111111
}

@test "a session's program runs only if its consent lists it" {
	program <<-'END'
		#!/bin/sh
		echo 135790
	END
	session alice ".inbox.url = \"exec:$BATS_TEST_TMPDIR/get-code\""
	run -77 ab-otp --timeout 2s alice
	[[ $output == *consent.programs* ]]
	session bob ".inbox.url = \"exec:$BATS_TEST_TMPDIR/get-code\" | .consent.programs = [\"$BATS_TEST_TMPDIR/get-code\"]"
	run -0 --separate-stderr ab-otp --timeout 2s bob
	[ "$output" = 135790 ]
}

@test "a session whose consent has ended gets no code" {
	session alice '.consent.until = "2020-01-01"'
	run -77 ab-otp --timeout 1s alice
}

@test "a session without an inbox is 78" {
	session alice 'del(.inbox)'
	run -78 ab-otp --timeout 1s alice
	[[ $output == *"no inbox"* ]]
}

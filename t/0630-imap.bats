# ab-inbox-imap against a real server: Dovecot.

bats_require_minimum_version 1.5.0
load lib
load dovecot
load imap

setup_file() {
	start_dovecot
}
teardown_file() {
	stop_dovecot
}

setup() {
	fresh_home
	user=u$BATS_TEST_NUMBER
	shared=$DOVECOT
}

teardown() {
	# first what may hold the driver's input open
	[ "$DOVECOT" = "$shared" ] || stop_dovecot
	end_pid "${server:-}"
	end_pid "${extra:-}"
	stop_driver
	cat "$BATS_TEST_TMPDIR"/*.err 2>/dev/null || :
	drop_home
}

# ---- the code that was asked for ----

@test "a code that comes after the mark is given, over TLS with a private authority; the one before it is not" {
	dovecot_deliver "$user" 111111
	with_dovecot
	take_mark
	[ "$(jq -c '.folders[0].name' <<<"$mark")" = '"INBOX"' ]
	wait_for
	dovecot_deliver "$user" 222222
	expect_code 222222
	[ "$(jq -r '.mail.from' <<<"$answer")" = codes@example.org ]
	# and what came between mark and wait
	take_mark
	dovecot_deliver "$user" 333333
	wait_for
	expect_code 333333
	# in another process too: the mark is data
	dovecot_deliver "$user" 444444
	start_driver "$settings"
	wait_for '{"skip":[]}'
	next_answer 12
	[[ $(jq -r .code <<<"$answer") =~ ^(333333|444444)$ ]]
}

@test "nothing is marked as read or moved, unless consume says so" {
	with_dovecot '.folders = ["Junk"]'
	take_mark
	dovecot_deliver "$user" 111111
	wait_for
	expect_code 111111
	stop_driver
	# a mailbox that is opened for writing has its new mail moved to cur
	[ "$(cd "$DOVECOT/mail/$user" && find . -name '*.host*' -printf '%h\n')" = ./new ]
	with_dovecot '.consume = true'
	take_mark
	dovecot_deliver "$user" 222222
	wait_for
	expect_code 222222
	stop_driver
	seen() { find "$DOVECOT/mail/$user" -name '*:2,*S*' | grep -q .; }
	until_true 5 seen
	[ "$(find "$DOVECOT/mail/$user" -name '*:2,*S*' | wc -l)" = 1 ]
}

@test "a code that was taken for junk is found, and folders have names in any language" {
	dovecot_deliver "$user" 111111 0 alice@example.org Junk
	dovecot_box "$user" '&ANY-nemsiz' >/dev/null # Önemsiz, as IMAP has it
	with_dovecot '.folders = ["Junk", "Önemsiz"]'
	take_mark
	[ "$(jq -r '[.folders[].name] | join(" ")' <<<"$mark")" = "INBOX Junk Önemsiz" ]
	wait_for
	dovecot_deliver "$user" 222222 0 alice@example.org Junk
	expect_code 222222
	take_mark
	wait_for
	dovecot_deliver "$user" 333333 0 alice@example.org '&ANY-nemsiz'
	expect_code 333333
}

@test "a folder that is not there is a mistake, but not the end when it is one of several" {
	with_dovecot '.folders = ["Nowhere"]'
	take_mark
	[ "$(jq -r '[.folders[].name] | join(" ")' <<<"$mark")" = INBOX ]
	grep -q "no folder 'Nowhere'" "$BATS_TEST_TMPDIR/driver.err"
	with_dovecot '.url |= sub("INBOX"; "Nowhere")'
	ask '{"do":"mark"}'
	expect_error config "no folder 'Nowhere'"
}

@test "a wait is cancelled by the next request, and the next wait goes on" {
	with_dovecot
	take_mark
	wait_for '{}' 60000
	ask '{"do":"cancel"}'
	expect_error cancelled
	next_answer 5
	[ "$(jq -r .ok <<<"$answer")" = true ]
	dovecot_deliver "$user" 111111
	wait_for
	expect_code 111111
	wait_for '{"to":"bob@example.org"}' 700
	expect_error timeout "no mail with a code"
}

@test "two sessions on one mailbox each get their own code" {
	export BASE=http://127.0.0.1:1/ MAIL=$BATS_TEST_TMPDIR
	local who codes
	for who in alice bob; do
		new_session $who practice ".inbox = {url: \"imaps://shared@localhost:$IMAPS\", password: \"sesame\", cafile: \"$DOVECOT/ca.pem\"}"
		ab-otp --timeout 20s $who >"$BATS_TEST_TMPDIR/$who.code" 2>"$BATS_TEST_TMPDIR/$who.err" 3>&- &
		codes="${codes:-} $!"
	done
	for who in alice bob; do
		until_true 15 grep -q ready "$BATS_TEST_TMPDIR/$who.err"
	done
	dovecot_deliver shared 222222 0 bob@example.org
	dovecot_deliver shared 111111 0 alice@example.org
	for who in $codes; do wait "$who"; done
	[ "$(cat "$BATS_TEST_TMPDIR/alice.code")" = 111111 ]
	[ "$(cat "$BATS_TEST_TMPDIR/bob.code")" = 222222 ]
}

@test "in a mailbox of 10,000 mails mark and wait are quick, and memory is bounded" {
	local folder began
	folder=$(dovecot_box "$user")
	mail_text 111111 >"$folder/cur/old1:2,S"
	(cd "$folder/cur" && python3 -c 'import os
for n in range(2, 10001): os.link("old1:2,S", "old%d:2,S" % n)')
	chown -R "$dovecot_owner" "$folder"
	with_dovecot
	take_mark 40 # the server's first look, which makes its index
	began=$(date +%s%N)
	take_mark
	dovecot_deliver "$user" 222222
	wait_for
	expect_code 222222
	[ $((($(date +%s%N) - began) / 1000000)) -lt $((2500 * ${SLOWER:-1})) ]
	memory_below 30000 "$driver"
}

# ---- who we talk to ----

@test "an unknown authority, a wrong name and an expired certificate are refused before anything is said" {
	local lines
	lines=$(grep -c Login "$DOVECOT/log" || :)
	with_dovecot 'del(.cafile)'
	ask '{"do":"mark"}'
	expect_error config certificate
	with_dovecot '.url |= sub("localhost"; "127.0.0.1")'
	ask '{"do":"mark"}'
	expect_error config certificate
	with_dovecot '.url |= sub("localhost"; "127.0.0.2")'
	ask '{"do":"mark"}'
	expect_error config expired
	with_dovecot '.url |= sub("localhost"; "127.0.0.3")'
	ask '{"do":"mark"}'
	expect_error config certificate
	with_dovecot '.cafile |= sub("ca.pem"; "none.pem")'
	ask '{"do":"mark"}'
	expect_error config none.pem
	[ "$(grep -c Login "$DOVECOT/log" || :)" = "$lines" ]
	not grep -E "user=<$user>" "$DOVECOT/log"
}

@test "STARTTLS is used, with the same checks" {
	with_dovecot ".url = \"imap://$user@localhost:$IMAP\""
	take_mark
	grep -E "Login: user=<$user>.*TLS" "$DOVECOT/log"
	with_dovecot ".url = \"imap://$user.2@127.0.0.2:$IMAP\""
	ask '{"do":"mark"}'
	expect_error config expired
	with_dovecot ".url = \"imap://$user.2@localhost:$IMAP\" | .cafile |= sub(\"ca\"; \"other\")"
	ask '{"do":"mark"}'
	expect_error config certificate
	not grep -E "user=<$user.2>" "$DOVECOT/log"
}

@test "a server that hides its STARTTLS gets no password" {
	start_server capability="SASL-IR IDLE AUTH=PLAIN"
	with_server ".cafile = \"$DOVECOT/ca.pem\""
	ask '{"do":"mark"}'
	expect_error config "no STARTTLS"
	until_true 5 logged CLOSED
	not logged 'LOGIN|AUTH'
	# nor one that says it knows us already, so that there is nothing to encrypt
	end_pid "$server"
	start_server preauth=1
	with_server ".cafile = \"$DOVECOT/ca.pem\""
	ask '{"do":"mark"}'
	next_answer 15
	[ "$(jq -r .ok <<<"$answer")" = false ]
}

@test "what a server says before STARTTLS is not believed after it" {
	# the answer to a command of ours, sent ahead in the clear
	start_server capability="STARTTLS IDLE AUTH=PLAIN" "tls=$DOVECOT/good.pem:$DOVECOT/good.key"
	sed 's/self.ok("go ahead")/self.send("%s OK go ahead\\r\\n* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\\r\\n" % self.tag)/' \
		"$top_srcdir/t/imap-server" >"$BATS_TEST_TMPDIR/injecting"
	end_pid "$server"
	rm "$box/port"
	python3 "$BATS_TEST_TMPDIR/injecting" "$box" capability="STARTTLS IDLE AUTH=PLAIN" "tls=$DOVECOT/good.pem:$DOVECOT/good.key" 3>&- &
	server=$!
	until_true 10 test -s "$box/port"
	port=$(cat "$box/port")
	with_server ".url |= sub(\"127.0.0.1\"; \"localhost\") | .cafile = \"$DOVECOT/ca.pem\""
	ask '{"do":"mark"}'
	next_answer 20
	[ "$(jq -r .ok <<<"$answer")" = false ]
	not logged 'LOGIN|AUTH '
}

@test "a password goes in the clear to this machine, and elsewhere only if it is asked for" {
	with_dovecot ".url = \"imap://$user@127.0.0.1:$IMAP\" | del(.cafile)"
	take_mark
	# 127.0.0.9 stands for another machine: only the three names of this one pass for it
	start_server address=127.0.0.9 capability="SASL-IR IDLE AUTH=PLAIN"
	with_server '.url |= sub("127.0.0.1"; "127.0.0.9")'
	ask '{"do":"mark"}'
	expect_error config "no STARTTLS"
	logged CONNECTED
	not logged 'LOGIN|AUTH'
	with_server '.plaintext = true | .url |= sub("127.0.0.1"; "127.0.0.9")'
	take_mark
	logged 'AUTHENTICATE PLAIN'
	with_dovecot ".url = \"imap://$user@127.0.0.2:$IMAP\" | .cafile = \"$DOVECOT/ca.pem\""
	ask '{"do":"mark"}'
	expect_error config expired
}

@test "a refused password is refused at once, in the server's words, and not tried again" {
	local before
	with_dovecot '.password = "wrong"'
	ask '{"do":"mark"}'
	expect_error refused "Authentication failed"
	until_true 5 grep -E "auth failed, 1 attempts.*user=<$user>" "$DOVECOT/log"
	start_server 'login=NO [UNAVAILABLE] later'
	with_server
	ask '{"do":"mark"}'
	expect_error unreachable later 20
}

@test "mistakes in the settings are named" {
	local bad
	for bad in '{"url":"imaps://localhost/"}' '{"url":"imaps://a@localhost"}' '{"url":"imaps://a:b@localhost","password":"x"}' \
		'{"url":"imaps://a@","password":"x"}' '{"url":"imaps://a@localhost:0","password":"x"}' '{"url":"imap:a","password":"x"}' \
		'{"url":"imaps://a%4@localhost","password":"x"}' '{"url":"imaps://a@localhost","password":"x","interval":"0s"}' \
		'{"url":"imaps://a@localhost","password":"x","idle":"2h"}'; do
		start_driver "$bad"
		[ "$(jq -r .error.code <<<"$answer")" = config ] || { echo "$bad"; false; }
	done
	ask '{"do":"mark"}'
	expect_error config open
	with_dovecot '.password = "line\nbreak"'
	ask '{"do":"mark"}'
	expect_error config control
}

# ---- waiting ----

@test "Dovecot without IDLE" {
	start_dovecot "imap_capability = IMAP4rev1 SASL-IR LITERAL+ UIDPLUS"
	with_dovecot '.interval = "1s"'
	take_mark
	wait_for
	dovecot_deliver "$user" 111111
	expect_code 111111
}

@test "a server that is killed while we wait, and started again, is found again" {
	start_dovecot
	with_dovecot
	take_mark
	wait_for '{}' 40000
	idles() { [ "$(grep -c "Login: user=<$user>" "$DOVECOT/log")" = 1 ]; }
	until_true 5 idles
	kill -KILL "$DOVECOT_PID" && wait "$DOVECOT_PID" || :
	# its children end by themselves; what they served is cut
	dead() { not dovecot_listens; }
	until_true 15 dead
	dovecot_deliver "$user" 222222
	run_dovecot
	expect_code 222222 30
}

# ---- trying it out ----

@test "a trial tells step by step what works, and what the last mail was, without its code" {
	dovecot_deliver "$user" 111111 60
	dovecot_deliver "$user" 222222
	with_dovecot '.folders = ["Junk"]'
	ask '{"do":"test"}'
	until_true 15 grep -q '"looked"' "$out"
	grep -q "connected to localhost:$IMAPS (TLS, its certificate is good)" "$out"
	grep -q "logged in as $user with the password" "$out"
	grep -q 'folder INBOX: 2 mails; the server tells of new ones (IDLE)' "$out"
	grep -q 'folder Junk: 0 mails' "$out"
	[ "$(tail -n 1 "$out" | jq -c '[.looked, .fitted, .mail.from, .mail.code]')" = '[2,2,"codes@example.org",true]' ]
	run -1 grep 222222 "$out"
	ask '{"do":"test","reveal":true}'
	until_true 15 grep -q '"code":"222222"' "$out"
}

@test "the manual's example shows the codes that come" {
	cd "$BATS_TEST_TMPDIR"
	# the server and the authority of the test in place of the example's
	bash -c "$(man_example ab-otp.1 6 | sed "s|alice@mail.example.org|$user@localhost:$IMAPS|; s|^folders|cafile: $DOVECOT/ca.pem\n&|; s/^ab-otp/exec &/")" \
		>"$BATS_TEST_TMPDIR/codes" 2>"$BATS_TEST_TMPDIR/watch.err" 3>&- &
	extra=$!
	until_true 10 grep -q ready "$BATS_TEST_TMPDIR/watch.err"
	dovecot_deliver "$user" 111111
	until_true 10 grep -qx 111111 "$BATS_TEST_TMPDIR/codes"
	dovecot_deliver "$user" 222222 0 alice@example.org Junk
	until_true 10 grep -qx 222222 "$BATS_TEST_TMPDIR/codes"
	end_pid "$extra"
	extra=
	[ "$(wc -l <"$BATS_TEST_TMPDIR/codes")" = 2 ]
}

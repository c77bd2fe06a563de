# The practice site mails its codes as sites do: by SMTP, through a relay and a delivery agent into a mailbox on a server, out of which
# ab takes them.
bats_require_minimum_version 1.5.0
load lib
load smtp

setup_file() {
	start_mail
}
teardown_file() {
	stop_mail
}

setup() {
	fresh_home
	box=box$BATS_TEST_NUMBER@example.org # where everybody's mail goes
	relay_does "$(jq -nc --arg box "$box" '{into: {"alice@example.org": $box, "bob@example.org": $box}}')"
	start_mailing_site
}
teardown() {
	cat "$HOME"/*.log 2>/dev/null || :
	end_pid "${RUN_PID:-}"
	stop_site
	drop_home
}

start_mailing_site() {
	ab-demo --listen 127.0.0.1:0 --control 127.0.0.1:0 --smtp "smtp://127.0.0.1:$RELAY_PORT" --seed 1 \
		>"$BATS_TEST_TMPDIR/site.json" 2>"$HOME/site.log" 3>&- &
	SITE_PID=$!
	until_line 10 "$BATS_TEST_TMPDIR/site.json" '.control' >/dev/null
	BASE=$(jq -r .base "$BATS_TEST_TMPDIR/site.json")
	CONTROL=$(jq -r .control "$BATS_TEST_TMPDIR/site.json")
	MAIL=
}
# mail_session NAME [JQ]: whose inbox is the box, on the test's Dovecot
mail_session() {
	new_session "$1" practice ".inbox = {url: \"imaps://${box/@/%40}@localhost:$IMAPS\", password: \"sesame\", cafile: \"$DOVECOT/ca.pem\", settle: \"1s\"} | ${2:-.}"
}
logged_in() { jq -se 'any(.[]; .type == "session.login" and .data.ok)' >/dev/null; }

@test "a code that the site mails is taken from the mailbox, over verified connections" {
	mail_session alice
	ab-login alice 2>"$HOME/alice.log" | logged_in
	relay_logged '.sender == "codes@office.example.org" and .recipients == ["alice@example.org"]'
	[ "$(mailbox_count "$box")" = 1 ]
	grep -q "msgid=<[0-9a-f-]*@office.example.org>: saved mail to INBOX" "$DOVECOT/log"
}

@test "the whole pipeline logs in with it, and books" {
	mail_session alice
	ab-poll alice 2>>"$HOME/run.log" 3>&- | ab-plan alice 2>>"$HOME/run.log" 3>&- | ab-book alice 2>>"$HOME/run.log" 3>&- | ab-audit alice 3>&- | ab-notify alice >"$HOME/events" 3>&- &
	RUN_PID=$!
	until_line 30 "$HOME/events" '.data.verdict == "none"' >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30"
	until_line 30 "$HOME/events" '.type == "booking.result" and .data.status == "booked"' >/dev/null
	wait "$RUN_PID"
	RUN_PID=
	[ "$(truth | jq -r '.[] | .account + " " + .place + " " + .start')" = "alice@example.org Ankara $(day 20)T09:30" ]
	[ "$(mailbox_count "$box")" -ge 1 ]
}

@test "two sessions that share one mailbox log in at once, each with its own code" {
	local who pids=
	for who in alice bob; do
		mail_session $who
	done
	relay_does "$(jq -c '.delay = 1' "$RELAY/settings")" # so that both have asked before a mail comes
	for who in alice bob; do
		ab-login $who >"$HOME/$who" 2>"$HOME/$who.log" 3>&- &
		pids="$pids $!"
	done
	for who in $pids; do wait "$who"; done
	for who in alice bob; do
		logged_in <"$HOME/$who"
	done
	# one mail each: nobody took, and spent, the other's
	[ "$(mailbox_count "$box")" = 2 ]
}

@test "a mail that comes late is waited for; an old one, and one that was there before, are not taken" {
	local stale
	stale=$(printf 'From: codes@office.example.org\nTo: <alice@example.org>\nSubject: Your verification code\nDate: %s\n\nYour verification code is 111111.\n' "$(date -R)")
	dovecot_put "$box" INBOX <<<"$stale"
	mail_session alice
	control fault '{"fault":"stale-code","office":"practice"}' >/dev/null
	control fault '{"fault":"late-code","office":"practice","ms":1500}' >/dev/null
	ab-login alice 2>"$HOME/alice.log" | logged_in
	[ "$(mailbox_count "$box")" = 3 ]
	not grep -r 111111 "$HOME/alice.log"
}

@test "a mail that is taken for junk is found where the settings say to look" {
	relay_does "$(jq -c '.junk = ["alice@example.org"]' "$RELAY/settings")"
	mail_session alice '.inbox.folders = ["Junk"]'
	ab-login alice 2>"$HOME/alice.log" | logged_in
	mailbox_holds "$box" 1 Junk
	[ "$(mailbox_count "$box")" = 0 ]
}

@test "a mail server that says nothing does not hold up the site" {
	local token jar=$BATS_TEST_TMPDIR/jar began
	relay_does '{"silent": "greeting"}'
	token=$(curl -sS -c "$jar" "${BASE}office/login" | grep -oE 'name="_token" value="[0-9a-f]+"' | head -n 1 | grep -oE '[0-9a-f]{16,}')
	began=$(date +%s%N)
	curl -sS -L -b "$jar" -c "$jar" -d "_token=$token" -d email=alice@example.org -d password=practice "${BASE}office/login" | grep -q code-form
	[ $(($(date +%s%N) - began)) -lt $((2000000000 * ${SLOWER:-1})) ]
	until_true 10 relay_logged '.silent == "greeting"'
}

# ab-notify-mailto: the person gets a mail, through a server whose certificate is good, or through the system's sendmail.
bats_require_minimum_version 1.5.0
load lib
load smtp

# Servers that say nothing are waited for 25 s; meanwhile the other tests run.
setup_file() {
	start_mail
	local where
	for where in greeting RCPT DATA; do
		(
			start_relay "$BATS_FILE_TMPDIR/$where" "$LMTP"
			relay_does "{\"silent\": \"$where\"}"
			jq -nc --arg s "smtp://127.0.0.1:$RELAY_PORT" '{do: "send", id: "x", url: "mailto:alice@example.org", settings: {smtp: $s}}' |
				"$AB_LIBEXEC/ab-notify-mailto" >"$RELAY/answer"
			date +%s >"$RELAY/ended"
			end_pid "$RELAY_PID"
		) >/dev/null 2>&1 3>&- &
		silent="${silent:-} $!"
	done
	date +%s >"$BATS_FILE_TMPDIR/began"
}
teardown_file() {
	# shellcheck disable=SC2086 # a list of pids
	wait $silent
	stop_mail
}

setup() {
	fresh_home
	user=u$BATS_TEST_NUMBER@example.org
	relay_does '{}'
	: >"$HOME/err"
}
teardown() {
	echo "${answer:-}"
	cat "$HOME/err"
	end_pid "${extra:-}"
	drop_home
}

# request [JQ]: by STARTTLS through Dovecot, with everything good, unless JQ changes it
request() {
	jq -nc --arg to "$user" --arg smtp "smtp://localhost:$SUBMISSION" --arg ca "$DOVECOT/ca.pem" '{do: "send", id: "0193e0a0-0000-7000-8000-000000000001",
		title: "alice: booked", text: "short-stay, Ankara.", settings: {url: ("mailto:" + $to), smtp: $smtp, username: $to, password: "sesame",
		cafile: $ca}} | '"${1:-.}"' | .url = .settings.url'
}
send() {
	answer=$(request "${1:-.}" | "$AB_LIBEXEC/ab-notify-mailto" 2>>"$HOME/err")
}
# by_relay [JQ]: to the relay itself, which is this machine and has no certificate
by_relay() {
	send ".settings |= {url, smtp: \"smtp://127.0.0.1:$RELAY_PORT\"} | ${1:-.}"
}
sent() { [ "$(jq -c .ok <<<"$answer")" = true ]; }
# for_good PART-OF-THE-MESSAGE, for_now PART-OF-THE-MESSAGE: it was not sent
for_good() { [ "$(jq -c '[.ok, .retry]' <<<"$answer")" = '[false,false]' ] && [[ $(jq -r .error.message <<<"$answer") == *"$1"* ]]; }
for_now() { [ "$(jq -c '[.ok, .retry]' <<<"$answer")" = '[false,true]' ] && [[ $(jq -r .error.message <<<"$answer") == *"$1"* ]]; }
header() { jq -r --arg name "$1" '.headers[] | select(.[0] == $name)[1]' "$HOME/mail"; } # of what mail_json wrote there
fake_sendmail() { # fake_sendmail SCRIPT: writes what it is given, then does SCRIPT
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"%s/argv"\ncat >"%s/mail"\n%s\n' "$HOME" "$HOME" "$1" >"$HOME/sendmail"
	chmod +x "$HOME/sendmail"
	export AB_SENDMAIL=$HOME/sendmail
}

# ---- the connection ----

@test "a mail goes through a verified server into the mailbox, by STARTTLS and by TLS, and is the same one when it is sent again" {
	send
	sent
	mail_json "$(the_mail "$user")" >"$HOME/mail"
	[ "$(header From)" = "$user" ]
	[ "$(header To)" = "$user" ]
	[ "$(header Subject)" = "alice: booked" ]
	[ "$(header Auto-Submitted)" = auto-generated ]
	[ "$(header Message-ID)" = "<0193e0a0-0000-7000-8000-000000000001@ab.invalid>" ]
	[ $(($(date +%s) - $(date -d "$(header Date)" +%s))) -lt 60 ]
	[ "$(jq -r .text "$HOME/mail")" = "short-stay, Ankara." ]
	send ".settings.smtp = \"smtps://localhost:$SUBMISSIONS\""
	sent
	[ "$(mailbox_count "$user")" = 2 ]
	[ "$(the_mail "$user" | xargs -d '\n' grep -h ^Message-ID | sort -u | wc -l)" = 1 ]
}

@test "a certificate that is wrong in any way is refused, and nobody logs in" {
	local scheme port logins
	logins() { grep -c "submission-login: Info: Login" "$DOVECOT/log" || :; }
	logins=$(logins)
	for scheme in smtp smtps; do
		port=$SUBMISSION
		[ "$scheme" = smtp ] || port=$SUBMISSIONS
		send ".settings.smtp = \"$scheme://127.0.0.1:$port\""
		for_now "127.0.0.1: the server's certificate is not valid for it"
		send ".settings.smtp = \"$scheme://127.0.0.2:$port\""
		for_now "127.0.0.2: the server's certificate is not valid for it: SSL certificate problem: certificate has expired"
		send ".settings.smtp = \"$scheme://127.0.0.3:$port\""
		for_now "127.0.0.3: the server's certificate is not valid for it"
		send ".settings.smtp = \"$scheme://127.0.0.2:$port\" | del(.settings.cafile)"
		for_now "127.0.0.2: the server's certificate is not valid for it"
		send ".settings.smtp = \"$scheme://localhost:$port\" | .settings.cafile = \"/nowhere\""
		for_good "cafile /nowhere"
	done
	# an authority of one's own takes the place of the system's: this machine's name does not excuse it
	send ".settings.smtp = \"smtps://localhost:$SUBMISSIONS\" | .settings.cafile = \"$DOVECOT/other.pem\""
	for_now "localhost: the server's certificate is not valid for it"
	[ "$(logins)" = "$logins" ]
	[ ! -s "$RELAY/log" ]
}

@test "where there is no STARTTLS nothing is sent, unless the server is this machine, or plaintext says so" {
	by_relay ".settings.cafile = \"$DOVECOT/ca.pem\""
	for_now "has no STARTTLS"
	for_now "'plaintext: true'"
	[ ! -s "$RELAY/log" ]
	by_relay ".settings.cafile = \"$DOVECOT/ca.pem\" | .settings.plaintext = true"
	sent
	by_relay
	sent
	# it says so with a name of its own, too
	by_relay ".settings.smtp |= sub(\"127.0.0.1\"; \"127.0.0.9\")"
	not sent
	[ "$(mailbox_count "$user")" = 2 ]
}

@test "the environment's proxies are not asked" {
	http_proxy=http://127.0.0.1:9 all_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9 send
	sent
}

# ---- logging in ----

@test "a refused password is told in the server's words, and not tried again" {
	send '.settings.password = "wrong-secret"'
	for_good "localhost: the login as $user was refused: 535 5.7.8 Authentication failed"
	[[ $answer != *wrong-secret* ]]
	send '.settings |= (.smtp |= sub("//"; "//" + ($to | sub("@"; "%40")) + "@") | del(.username))'
	sent
	send '.settings.smtp |= sub("//"; "//alice:open-secret@")'
	for_good "a password has no place in it"
	[[ $answer != *open-secret* ]]
}

# token_program TEXT: a program that prints it; {} in it is the number of the call
token_program() {
	printf '#!/bin/sh\ncat >>"%s/asked"\necho "%s" | sed "s/{}/$(wc -l <"%s/asked")/"\n' "$HOME" "$1" "$HOME" >"$HOME/token"
	chmod +x "$HOME/token"
	: >"$HOME/asked"
}

@test "XOAUTH2: the token comes from a program, which is asked again when the first is refused" {
	token_program 'token{}'
	relay_does '{"token": "token2"}'
	by_relay ".settings.username = \"alice@example.org\" | .settings.token = \"exec:$HOME/token\""
	sent
	[ "$(jq -r '.username + " " + .host + " " + (.refused | tostring)' "$HOME/asked")" = \
		"$(printf 'alice@example.org 127.0.0.1 false\nalice@example.org 127.0.0.1 true')" ]
	relay_logged '.auth == "XOAUTH2" and .user == "alice@example.org" and .good'
	[ "$(mailbox_count "$user")" = 1 ]
	relay_does '{"token": "other"}'
	by_relay ".settings.username = \"alice@example.org\" | .settings.token = \"exec:$HOME/token\""
	for_good "127.0.0.1: the login as alice@example.org was refused"
	[[ $answer != *token[0-9]* ]]
	printf '#!/bin/sh\nexit 3\n' >"$HOME/token"
	by_relay ".settings.username = \"alice@example.org\" | .settings.token = \"exec:$HOME/token\""
	for_now "without printing a token"
	# Dovecot here has no XOAUTH2: the token is not sent as something else
	send 'del(.settings.password) | .settings.token = "literal-secret"'
	for_now "no way to log in with a token"
	[[ $answer != *literal-secret* ]]
}

@test "nothing secret is in the driver's arguments or environment, nor in what it says" {
	relay_does '{"delay": 3}'
	request '.settings.password = "sesame"' >"$HOME/request"
	"$AB_LIBEXEC/ab-notify-mailto" <"$HOME/request" >"$HOME/answer" 2>>"$HOME/err" 3>&- &
	extra=$!
	until_true 10 relay_logged '.sender'
	tr '\0' '\n' <"/proc/$extra/cmdline" >"$HOME/seen"
	grep -q ab-notify-mailto "$HOME/seen"
	for pid in $extra $(cat "/proc/$extra/task/$extra/children"); do
		cat "/proc/$pid/cmdline" "/proc/$pid/environ" >>"$HOME/seen" 2>/dev/null || :
	done
	not grep -qa sesame "$HOME/seen"
	wait "$extra"
	extra=
	jq -e .ok "$HOME/answer"
	not grep -q sesame "$HOME/answer" "$HOME/err"
}

# ---- refusals ----

@test "a refusal for now is tried again, one for good is not, and both are told in the server's words" {
	relay_does '{"once": "451 4.3.0 come back later"}'
	send
	for_now "localhost refused the mail: 451 "
	for_now "come back later"
	send
	sent
	relay_does '{"mail": "554 5.6.0 not this one"}'
	send
	for_good "localhost refused the mail: 554 "
	for_good "not this one"
	relay_does "{\"refuse\": {\"$user\": \"550 5.1.1 no such user\"}}"
	send
	for_good "localhost refused $user (550 "
	for_good "no such user)"
	relay_does "{\"refuse\": {\"$user\": \"452 4.2.2 mailbox full\"}}"
	send
	for_now "localhost refused $user (452 "
	for_now "mailbox full)"
	relay_does '{"token": "t"}'
	by_relay
	for_good "530 5.7.0 Authentication required"
	by_relay '.settings.smtp = "smtp://127.0.0.1:1"'
	for_now "mail by 127.0.0.1:1: "
}

@test "what a server says is shown without control characters, and not at any length" {
	relay_does "$(jq -nc '{mail: ("554 \u001b[2Jgone\u0007 " + ("long " * 100))}')"
	by_relay
	for_good "554 ?[2Jgone? long"
	[ "$(jq -r .error.message <<<"$answer" | wc -c)" -lt 300 ]
}

@test "of several recipients all that the server takes get the mail, once, and the others are named" {
	relay_does '{"refuse": {"gone@example.org": "550 5.1.1 no such user"}}'
	send '.settings.url = "mailto:" + $to + ",gone%40example.org,second-" + $to'
	for_good "localhost took the mail for 2 of 3, but not for gone@example.org (550 "
	for_good "5.1.1 no such user)"
	[ "$(mailbox_count "$user")" = 1 ]
	[ "$(mailbox_count "second-$user")" = 1 ]
	mail_json "$(the_mail "$user")" >"$HOME/mail"
	[ "$(header To)" = "$user, gone@example.org, second-$user" ]
	# another try would be a second mail for those who have it
	relay_does '{"refuse": {"gone@example.org": "450 4.2.0 not now"}}'
	send '.settings.url = "mailto:" + $to + ",gone@example.org"'
	for_good "took the mail for 1 of 2, but not for gone@example.org (450 "
	# nobody has it
	relay_does "{\"refuse\": {\"gone@example.org\": \"550 no\", \"$user\": \"450 not now\"}}"
	send '.settings.url = "mailto:" + $to + ",gone@example.org"'
	for_now "refused $user (450 "
	for_now "gone@example.org (550 "
}

# ---- the mail ----

@test "a title in any language arrives as it was, in lines that every server takes" {
	local title n=0
	while IFS= read -r title; do
		n=$((n + 1))
		answer=$(TITLE=$title request ".title = env.TITLE | .settings.url = \"mailto:t$n-\" + \$to" | "$AB_LIBEXEC/ab-notify-mailto")
		sent
		mail_json "$(the_mail "t$n-$user")" >"$HOME/mail"
		[ "$(header Subject)" = "$title" ] || { echo "$title"; header Subject; false; }
		[ "$(jq .lines "$HOME/mail")" -le 78 ]
		sed -n '/^Subject:/,/^Date:/p' "$(the_mail "t$n-$user")" >"$HOME/subject"
		not grep -P '[^\x00-\x7f]' "$HOME/subject"
		# each word decodes on its own
		grep -o '=?UTF-8?B?[^?]*' "$HOME/subject" | sed 's/.*?//' | while read -r word; do base64 -d <<<"$word" | iconv -f utf-8 -t utf-8 >/dev/null; done
	done <<-END
		alice: booked
		Randevunuz onaylandı – İstanbul, 1 Aralık 2026 Salı, saat 09:30; lütfen pasaportunuzu getirin
		予約が確定しました：アンカラ、2026年12月1日火曜日午前9時30分、パスポートをお持ちください。お待ちしております
		Запись подтверждена
		😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀
		=?UTF-8?Q?not=20a=20word?=
		a long one in plain letters: short-stay, Ankara, Tue 2026-12-01 09:30, reference R-1, read back from the site, and more than a line of it
	END
}

@test "nothing in a message can make a header field, a recipient or a command" {
	send '.title = "a\r\nBcc: evil@example.org\r\n\r\nb\u0000c" | .id = "x\r\nCc: evil@example.org" | .text = "\r\n.\r\nMAIL FROM:<evil@example.org>\r\n"'
	sent
	mail_json "$(the_mail "$user")" >"$HOME/mail"
	[ "$(jq -c '[.headers[][0]] - ["Return-Path", "Delivered-To", "Received"]' "$HOME/mail")" = \
		'["From","To","Subject","Date","Message-ID","Auto-Submitted","MIME-Version","Content-Type","Content-Transfer-Encoding"]' ]
	[ "$(header Subject)" = "a  Bcc: evil@example.org    b" ]
	[ "$(header Message-ID)" = "<x%0D%0ACc%3A%20evil%40example%2Eorg@ab.invalid>" ]
	[ "$(jq -r .text "$HOME/mail" | sed -n 2,3p)" = "$(printf '.\nMAIL FROM:<evil@example.org>')" ]
	jq -s -e '[.[] | select(.recipients)] | length == 1' "$RELAY/log"
	local bad
	for bad in 'a@example.org%0D%0ABcc:b@example.org' 'a@example.org%3E%0D%0ARCPT%20TO:%3Cb@example.org' 'a%00@example.org' '-oQ/tmp@example.org' 'a@b@c' 'a@' '@b' \
		'a%20b@example.org' '%22a%22@example.org' 'ä@example.org' 'a@example.org,' '' ',' 'a%4@example.org'; do
		send ".settings.url = \"mailto:$bad\""
		for_good "is none that mail goes to" || { echo "$bad"; false; }
	done
	for bad in 'a@example.org\r\nBcc: b@example.org' 'a@example.org>\r\nRCPT TO:<b@example.org' '-oQ/tmp@example.org' 'Alice <a@example.org>' '<>' a@; do
		send ".settings.from = \"$bad\""
		for_good "from is no address" || { echo "from $bad"; false; }
	done
	[ "$(mailbox_count "$user")" = 1 ]
}

@test "a text arrives as it was: dots, long lines, blanks, tabs, any language" {
	send '.text = ".\n..\n.dot\nFrom me\n" + ("x" * 3000) + "\nend of line \nand\ta tab\t\nGünaydın 😀 = =3D\n\n.\n"'
	sent
	mail_json "$(the_mail "$user")" >"$HOME/mail"
	jq -e '.text | rtrimstr("\n") == ".\n..\n.dot\nFrom me\n" + ("x" * 3000) + "\nend of line \nand\ta tab\t\nGünaydın 😀 = =3D\n\n."' "$HOME/mail"
	[ "$(jq .lines "$HOME/mail")" -le 78 ]
}

@test "an appointment comes as a calendar entry" {
	send '.calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//ab//EN\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\nUID:g1@ab.invalid\r\nDTSTAMP:20261122T080000Z\r\nDTSTART:20261201T063000Z\r\nSUMMARY:Randevu – Ankara\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"'
	sent
	mail_json "$(the_mail "$user")" >"$HOME/mail"
	[ "$(jq -c .parts "$HOME/mail")" = '["multipart/mixed","text/plain","text/calendar"]' ]
	[ "$(jq -c .events "$HOME/mail")" = '[{"uid":"g1@ab.invalid","start":"2026-12-01T06:30:00+00:00","summary":"Randevu – Ankara"}]' ]
	[ "$(jq -r .text "$HOME/mail")" = "short-stay, Ankara." ]
}

# ---- sendmail ----

@test "without a server the system's sendmail gets the mail, and its exit status is judged" {
	fake_sendmail 'exit 0'
	send '.settings |= {url: (.url + ",b%2B1@example.org"), from: "ab@example.org"}'
	sent
	[ "$(cat "$HOME/argv")" = "$(printf '%s\n' -i -f ab@example.org -- "$user" b+1@example.org)" ]
	not grep -q $'\r' "$HOME/mail"
	mail_json "$HOME/mail" >"$HOME/parsed"
	[ "$(jq -r .text "$HOME/parsed")" = "short-stay, Ankara." ]
	local status words
	while read -r status words; do
		fake_sendmail "exit $status"
		send '.settings |= {url}'
		$words || { echo "$status"; false; }
	done <<-END
		75 for_now status
		1 for_now status
		69 for_now status
		71 for_now status
		67 for_good status
		64 for_good status
		65 for_good status
		68 for_good status
		77 for_good status
		78 for_good status
	END
	export AB_SENDMAIL=$HOME/nowhere
	send '.settings |= {url}'
	for_good "there is no $HOME/nowhere: install a mail system, or name a server with smtp:"
}

# ---- settings ----

@test "mistakes in the settings are named" {
	local change words
	while IFS=! read -r change words; do
		send "$change"
		for_good "$words" || { echo "$change"; false; }
	done <<-END
		.settings.subject = "x"!mailto: has no setting 'subject'
		.settings.url += "?subject=x"!header fields
		.settings.url += "#x"!header fields
		.settings.url = "mailto:" + ([range(17) | "a\(.)@example.org"] | join(","))!more than 16 recipients
		.settings.smtp = "imaps://localhost"!smtp: it is smtps://USER@HOST
		.settings.smtp = "smtps://localhost:0"!smtp: '0' is no port
		.settings.smtp = "smtps://"!smtp: there is no host in it
		.settings.smtp += "/x"!nothing comes after the host
		del(.settings.smtp)!is of use only with smtp:
		del(.settings.password)!neither a password nor a token
		del(.settings.username)!no user name
		.settings.token = "x"!either a password or a token
		.settings.from = "Alice <a@example.org>"!from is no address
	END
}

# ---- whole ----

@test "ab-notify mails a booking, with its calendar entry, from the settings beside the address" {
	request '{timezone: "Europe/Istanbul", notify: [.settings]}' | jq -c 'del(.url)' >"$HOME/rules.json"
	jq -nc '{specversion: "1.0", id: "b1", source: "/ab-book/here", type: "booking.result", subject: "alice", time: "2026-11-22T08:00:00Z", data: {goal: "g",
		attempt: 1, status: "booked", reference: "R-1", slot: {id: "s", start: "2026-12-01T09:30:00+03:00", end: "2026-12-01T10:00:00+03:00",
		timezone: "Europe/Istanbul", location: "Ankara", category: "short-stay"}}}' | ab-notify --rules "$HOME/rules.json" alice >"$HOME/out" 2>>"$HOME/err"
	mail_json "$(the_mail "$user")" >"$HOME/mail"
	[ "$(header Subject)" = "alice: booked" ]
	[ "$(jq -r '.events[0].start' "$HOME/mail")" = 2026-12-01T06:30:00+00:00 ]
	not grep -rq sesame "$HOME/out" "$HOME/err" "$AB_STATE"
}

@test "a server that says nothing is not waited for longer than ab-notify waits" {
	local where
	for where in greeting RCPT DATA; do
		until_true 40 test -s "$BATS_FILE_TMPDIR/$where/ended"
		answer=$(cat "$BATS_FILE_TMPDIR/$where/answer")
		for_now "did not answer in time"
		[ $(($(cat "$BATS_FILE_TMPDIR/$where/ended") - $(cat "$BATS_FILE_TMPDIR/began"))) -le $((29 * ${SLOWER:-1})) ]
	done
}

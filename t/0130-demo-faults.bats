# Faults to order.
load lib
load demo

setup() {
	start_demo
}
teardown() {
	stop_demo
}

# answer PATH [CURL-OPTION…]: status and Retry-After
answer() {
	curl -sS -o /dev/null -w '%{http_code} %header{retry-after}' "${@:2}" "$base$1"
}

@test "throttle: 429 with and without Retry-After, 503, a date" {
	fault '{"fault":"throttle","count":1}'
	[ "$(answer api/)" = '429 ' ]
	fault '{"fault":"throttle","count":1,"retry_after":7}'
	[ "$(answer office/login)" = '429 7' ]
	fault '{"fault":"throttle","count":1,"status":503,"retry_after":3,"date":true}'
	[[ $(answer office/login) =~ ^503\ ...,\ [0-9]{2}\ ...\ [0-9]{4}\ [0-9:]{8}\ GMT$ ]]
	fault '{"fault":"throttle","count":1,"retry_after":"soon"}'
	[ "$(answer office/login)" = '429 soon' ]
	[ "$(answer office/login)" = '200 ' ]
}

@test "a fault is for an office, a path, a method, a count, and after some requests" {
	fault '{"fault":"throttle","office":"practice-api","path":"/api/d*","method":"GET","after":1,"count":2}'
	[ "$(answer office/login)" = '200 ' ]
	[ "$(answer api/)" = '200 ' ]
	[ "$(answer api/days -X POST)" = '404 ' ]
	[ "$(answer api/days)" = '401 ' ] # passes
	[ "$(answer api/days)" = '429 ' ]
	[ "$(answer api/days?x)" = '429 ' ]
	[ "$(answer api/days)" = '401 ' ]
	ctl faults | jq -e '.faults[0] | .hits == 2 and .left == 0 and .path == "/api/d*"'
	ctl 'requests?log' | jq -e '[.log[] | select(.faults == "throttle")] | length == 2'
}

@test "a probability hits its share, the same requests for the same seed" {
	fault '{"fault":"throttle","probability":0.3}'
	for _ in $(seq 100); do echo "url = ${base}api/terms"; done >"$BATS_TEST_TMPDIR/urls"
	hits() { curl -s -o /dev/null -w '%{http_code}\n' -K "$BATS_TEST_TMPDIR/urls" | grep -E '^[0-9]{3}' >"$1"; }
	sed -i 's/$/\noutput = \/dev\/null/' "$BATS_TEST_TMPDIR/urls"
	hits "$BATS_TEST_TMPDIR/one"
	n=$(grep -c 429 "$BATS_TEST_TMPDIR/one")
	[ "$n" -gt 15 ] && [ "$n" -lt 45 ]
	ctl reset '{}'
	fault '{"fault":"throttle","probability":0.3}'
	hits "$BATS_TEST_TMPDIR/two"
	cmp "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
}

@test "faults are ended by DELETE, and a reset ends everything" {
	fault '{"fault":"throttle"}'
	[ "$(answer api/)" = '429 ' ]
	curl -sS -X DELETE "${control}_demo/faults"
	[ "$(answer api/)" = '200 ' ]
	fault '{"fault":"throttle"}'
	open_slot
	ctl reset '{}'
	[ "$(answer api/)" = '200 ' ]
	ctl slots | jq -e '.slots == []'
	ctl requests | jq -e '.total == 1'
}

@test "lost-answer: the booking is made, and not a byte of the answer comes" {
	log_in
	open_slot
	see_form
	fault '{"fault":"lost-answer","count":1}'
	run curl -sS -H 'Expect:' -b "$jar" "${form[@]}" -F action=book -D "$BATS_TEST_TMPDIR/head" "${base}office/book"
	[ "$status" -eq 52 ] # CURLE_GOT_NOTHING
	[ ! -s "$BATS_TEST_TMPDIR/head" ]
	[ "$(bookings)" = '["confirmed"]' ]
	visit my
	shows 'data-state="confirmed"'
	ctl 'requests' | jq -e '.by_path["/office/book"] == 1'
}

@test "lost-answer: a booking that is not made answers as always" {
	log_in
	open_slot
	see_form
	ctl take "{\"slot\":\"$slot\"}"
	fault '{"fault":"lost-answer","count":1}'
	book
	shows 'no longer available'
	ctl faults | jq -e '.faults[0].hits == 0'
}

@test "lost-answer: the hash of practice-api is lost, the booking is not" {
	jar=$BATS_TEST_TMPDIR/jar
	curl -sS -c "$jar" "${base}api/" >"$BATS_TEST_TMPDIR/p"
	t=$(grep -oE '"token":"[0-9a-f]{32}' "$BATS_TEST_TMPDIR/p" | grep -oE '[0-9a-f]{32}')
	post() { curl -sS -b "$jar" -c "$jar" -H "X-Token: $t" -H 'Content-Type: application/json' -d "$2" "${base}api/$1"; }
	post login '{"email":"alice@example.org","password":"practice"}'
	slot=$(ctl release '{"office":"practice-api","count":1}' | jq -r '.slots[0].id')
	fault '{"fault":"lost-answer","office":"practice-api"}'
	run post booking "{\"slot\":\"$slot\",\"applicant\":{\"firstName\":\"A\",\"lastName\":\"E\",\"passportNumber\":\"P\",\"birthDate\":\"1990-02-01\"}}"
	[ "$status" -eq 52 ]
	[ "$(bookings '[.account,.state]')" = '[["alice@example.org","confirmed"]]' ]
}

@test "taken: another client has the slot first" {
	log_in
	open_slot Ankara 2026-12-01T09:30 2
	see_form
	fault '{"fault":"taken","count":1}'
	book
	shows 'no longer available'
	[ "$(bookings '.account | startswith("rival-")')" = '[true,true]' ]
}

@test "double: two people hold one seat, and only then" {
	log_in
	open_slot
	see_form
	fault '{"fault":"double","count":1}'
	book
	shows 'appointment is booked'
	[ "$(bookings '[.slot,.people,.seats]')" = "[[\"$slot\",2,1],[\"$slot\",2,1]]" ]
	visit my
	shows 'data-seats="1" data-people="2"'
}

@test "expire: the login form in place of the page, with status 200" {
	log_in
	fault '{"fault":"expire","path":"/office/calendar","count":1}'
	visit my
	shows 'id="my"'
	visit calendar
	shows 'id="login-form"'
	visit my
	shows 'id="login-form"'
	ctl faults | jq -e '.faults[0].hits == 1'
}

@test "bad-token: the form is not taken, and the login is over" {
	log_in
	open_slot
	see_form
	fault '{"fault":"bad-token","count":1}'
	book
	shows 'This form has expired'
	visit my
	shows 'id="login-form"'
	[ "$(bookings)" = '[]' ]
}

@test "stale-code: an old mail with a worthless code arrives first" {
	fault '{"fault":"stale-code","count":1}'
	send_password
	[ "$(mails | wc -l)" -eq 2 ]
	old=$(mails | head -n 1) new=$(mails | tail -n 1)
	age=$(($(date -d "$(sed -n 's/^Date: //p' "$new")" +%s) - $(date -d "$(sed -n 's/^Date: //p' "$old")" +%s)))
	[ "$age" -ge 899 ] && [ "$age" -le 901 ]
	[ "$(mailed_code "$old")" != "$(mailed_code "$new")" ]
	send_code "$(mailed_code "$old")"
	shows 'This code is not valid'
	send_code "$(mailed_code "$new")"
	shows 'id="my"'
}

@test "two-codes: two are mailed, the last is the one" {
	fault '{"fault":"two-codes","count":1}'
	send_password
	[ "$(mails | wc -l)" -eq 2 ]
	send_code "$(mailed_code "$(mails | head -n 1)")"
	shows 'This code is not valid'
	send_code "$(mailed_code "$(mails | tail -n 1)")"
	shows 'id="my"'
}

@test "late-code: the mail comes later" {
	fault '{"fault":"late-code","count":1,"ms":300}'
	send_password
	shows 'id="code-form"'
	[ -z "$(mails)" ]
	has_mail() { [ -n "$(mails)" ]; }
	until_true 5 has_mail
	send_code "$(mailed_code "$(mails)")"
	shows 'id="my"'
}

@test "image-code: the code is a picture, and nowhere in the text" {
	fault '{"fault":"image-code","count":1}'
	send_password
	code=$(ctl codes | jq -er '.codes[0] | select(.account == "alice@example.org") | .code')
	mail=$(mails)
	grep -qx 'Content-Type: image/bmp' "$mail"
	not grep -q "$code" "$mail"
	# its dots are four pixels, a hexadecimal digit, wide, and the rows come from below; digits are three by five dots
	drawn=$(sed -n '/^Content-Transfer-Encoding: base64/,/^--/p' "$mail" | sed '1,2d;/^--/d' | base64 -d | tail -c +63 | od -An -v -tx1 -w16 |
		tr -d ' ' | tr f 1 | sed -n '1~4p' | tac | sed -n 's/^....//;2,6p')
	letters=(75557 26227 71747 71717 55711 74717 74757 71111 75757 75717)
	for i in 0 1 2 3 4 5; do
		dots=
		while read -r row; do dots=$dots$((2#${row:i*4:3})); done <<<"$drawn"
		[ "$dots" = "${letters[${code:i:1}]}" ]
	done
	send_code "$code"
	shows 'id="my"'
}

@test "captcha: a page that wants to see a person" {
	fault '{"fault":"captcha","count":1,"status":403}'
	[ "$(answer api/)" = '403 ' ]
	fault '{"fault":"captcha","count":1}'
	visit login
	shows '<main id="captcha">'
}

@test "changed: JSON and the data in a script, too" {
	fault '{"fault":"changed","count":2}'
	curl -sS "${base}api/" >"$BATS_TEST_TMPDIR/script"
	not grep -qF 'const vars = ' "$BATS_TEST_TMPDIR/script"
	curl -sS "${base}api/days" | jq -e 'has("v2-message") and (has("message") | not)'
}

@test "slow and combined: the answer waits, other clients do not" {
	fault '{"fault":"slow","path":"/office/login","ms":400}'
	fault '{"fault":"throttle","path":"/office/login","count":1}'
	curl -sS -o /dev/null -w '%{http_code} %{time_total}' "${base}office/login" >"$BATS_TEST_TMPDIR/slow" 3>&- &
	slow=$!
	until_true 5 has_hit
	[ "$(answer api/)" = '200 ' ]
	[ ! -s "$BATS_TEST_TMPDIR/slow" ]
	wait "$slow"
	read -r status took <"$BATS_TEST_TMPDIR/slow" || :
	[ "$status" = 429 ]
	awk -v took="$took" 'BEGIN { exit !(took > 0.39) }'
}
has_hit() {
	ctl faults | jq -e '.faults[0].hits > 0' >/dev/null
}

@test "reset, stall, huge: the connection is cut, nothing more comes, or too much" {
	fault '{"fault":"reset","count":1}'
	run answer api/
	[ "$status" -eq 56 ]
	fault '{"fault":"reset","count":1,"quiet":true}'
	run answer api/
	[ "$status" -eq 52 ]
	fault '{"fault":"stall","count":1}'
	run answer api/ --max-time 0.5
	[ "$status" -eq 28 ]
	[[ $output == *'200 '* ]]
	fault '{"fault":"huge","count":1}'
	size=$(curl -s "${base}api/" | head -c 3000000 | wc -c)
	[ "$size" -eq 3000000 ]
	[ "$(answer api/)" = '200 ' ]
	# and it ends cleanly with a stalled connection open
	fault '{"fault":"stall"}'
	curl -s "${base}api/" >/dev/null 3>&- &
	stalled=$!
	until_true 5 eval 'ctl faults | jq -e ".faults[-1].hits > 0" >/dev/null'
	kill "$demo_pid"
	wait "$demo_pid"
	demo_pid=
	run wait "$stalled"
}

@test "maintenance, queue, changed, garbage" {
	fault '{"fault":"maintenance","count":1}'
	visit login
	shows '<main id="maintenance">'
	fault '{"fault":"maintenance","count":1,"status":503,"retry_after":60}'
	[ "$(answer office/login)" = '503 60' ]
	fault '{"fault":"queue","count":1}'
	visit login
	shows '<main id="waiting-room">'
	fault '{"fault":"changed","count":1}'
	visit login
	shows_not ' id="login-form"'
	shows 'v2-id="login-form"'
	fault '{"fault":"garbage","count":1}'
	visit login
	shows_not '</html>'
	not iconv -f UTF-8 -o /dev/null "$page"
}

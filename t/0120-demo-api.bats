# The office "practice-api": JSON behind a page.
load lib
load demo

setup() {
	start_demo
	jar=$BATS_TEST_TMPDIR/jar
	api ''
	api_token=$(grep -oE '"token":"[0-9a-f]{32}' "$out" | grep -oE '[0-9a-f]{32}')
}
teardown() {
	stop_demo
}

# api PATH [CURL-OPTION…]: sets status; the answer is in $out
api() {
	out=$BATS_TEST_TMPDIR/out
	status=$(curl -sS -b "$jar" -c "$jar" -H "X-Token: ${api_token:-}" -H 'Content-Type: application/json' "${@:2}" -o "$out" \
		-w '%{http_code}' "${base}api/$1")
}
says() {
	[ "$status" = "$1" ] && jq -e "$2" "$out" >/dev/null || { echo "$status $(cat "$out")" >&2; return 1; }
}
api_log_in() {
	api login -d '{"email":"alice@example.org","password":"practice"}'
	says 200 '.user == "alice@example.org"'
}
api_slot() { # PLACE START
	slot=$(ctl release "{\"office\":\"practice-api\",\"slots\":[{\"place\":\"$1\",\"start\":\"$2\"}]}" | jq -er '.slots[0].id')
}
api_book() {
	api booking -d "{\"slot\":\"$slot\",\"applicant\":{\"firstName\":\"Alice\",\"lastName\":\"E\",\"passportNumber\":\"P1\",\"birthDate\":\"1990-02-01\"}}"
}

@test "the page holds a token in a script; without it nothing is told, and the session ends" {
	grep -q 'const vars = {' "$out"
	api 'days?place=Ankara&from=2026-12-01&to=2026-12-05'
	says 200 '.closed | length == 5'
	good=$api_token api_token=wrong
	api 'days?place=Ankara&from=2026-12-01&to=2026-12-05'
	says 401 '.message == "session expired"'
	api_token=$good
	api 'days?place=Ankara&from=2026-12-01&to=2026-12-05'
	says 401 '.message == "session expired"'
}

@test "the script's JSON is safe in a page" {
	ctl release '{"office":"practice-api","slots":[{"place":"</script><b>","start":"2026-12-01T09:30"}]}'
	api ''
	not grep -q '</script><b>' "$out"
	sed -n 's/.*const vars = \(.*\);$/\1/p' "$out" | jq -e '.places | index("</script><b>")'
}

@test "days that are not free, then the hours of one that is" {
	api_slot Ankara 2026-12-03T09:30
	api_slot Izmir 2026-12-04T09:30
	api 'days?place=Ankara&from=2026-12-01&to=2026-12-05'
	says 200 '.closed == ["2026-12-01","2026-12-02","2026-12-04","2026-12-05"]'
	api 'hours?place=Ankara&day=2026-12-03'
	says 200 '.hours | length == 1 and .[0].time == "09:30" and .[0].category == "short-stay" and .[0].free == 1'
	api 'days?place=Ankara&from=2026-12-05&to=2026-12-01'
	says 400 .message
	api 'days?place=Ankara'
	says 400 .message
}

@test "days of a change of clocks are days" {
	stop_demo
	start_demo --timezone Europe/Berlin
	rm "$jar"
	api ''
	api_token=$(grep -oE '"token":"[0-9a-f]{32}' "$out" | grep -oE '[0-9a-f]{32}')
	api 'days?place=Ankara&from=2026-10-23&to=2026-10-28'
	says 200 '.closed == ["2026-10-23","2026-10-24","2026-10-25","2026-10-26","2026-10-27","2026-10-28"]'
	api 'days?place=Ankara&from=2027-03-26&to=2027-03-30'
	says 200 '.closed | length == 5'
}

@test "anybody may look, but booking needs a login" {
	api_slot Ankara 2026-12-03T09:30
	api_book
	says 401 '.message == "login required"'
	api me
	says 401 '.message == "login required"'
	api login -d '{"email":"alice@example.org","password":"wrong"}'
	says 401 '.message == "invalid credentials"'
	api_log_in
	api me
	says 200 '.user == "alice@example.org"'
}

@test "a booking is answered with a hash, read back by it and cancelled by it" {
	api_slot Ankara 2026-12-03T09:30
	api_log_in
	api_book
	says 200 '.hash | test("^[0-9a-f]{32}$")'
	hash=$(jq -r .hash "$out")
	api "booking/$hash"
	says 200 ".hash == \"$hash\" and .state == \"confirmed\" and .slot == \"$slot\" and .day == \"2026-12-03\" and .time == \"09:30\""
	[ "$(bookings '[.office,.reference]')" = "[[\"practice-api\",\"$hash\"]]" ]
	api "booking/$hash/cancel" -X POST
	says 200 '.state == "cancelled"'
	api "booking/$hash" -X DELETE
	says 404 '.message == "not found"'
	api "booking/$hash"
	says 200 '.state == "cancelled"'
	api booking/00000000000000000000000000000000
	says 404 '.message == "not found"'
}

@test "taken is 500 with a message, a second booking 409, missing data 422" {
	api_log_in
	api_slot Ankara 2026-12-03T09:30
	fault '{"fault":"taken","count":1}'
	api_book
	says 500 '.message == "not available"'
	[ "$(bookings '.account | startswith("rival-")')" = '[true]' ]
	api_slot Ankara 2026-12-04T09:30
	api_book
	says 200 .hash
	api_book
	says 409 '.message == "already booked"'
	api booking -d "{\"slot\":\"$slot\",\"applicant\":{}}"
	says 422 '.field == "firstName"'
}

@test "one's hash is of no use to another" {
	api_slot Ankara 2026-12-03T09:30
	api_log_in
	api_book
	hash=$(jq -r .hash "$out")
	rm "$jar"
	api ''
	api_token=$(grep -oE '"token":"[0-9a-f]{32}' "$out" | grep -oE '[0-9a-f]{32}')
	api login -d '{"email":"bob@example.org","password":"practice"}'
	api "booking/$hash"
	says 404 .message
	api "booking/$hash/cancel" -X POST
	says 404 .message
}

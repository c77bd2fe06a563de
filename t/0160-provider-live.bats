# The providers practice and practice-api against the sites themselves, faults included.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	start_site
}
teardown() {
	stop_site
	drop_home
}

# look SESSION: the verdict of one check
look() {
	ab-poll --once "$1" 2>"$BATS_TEST_TMPDIR/poll.log" | jq -r 'select(.type == "agent.heartbeat") | .data.verdict'
}
slot_of() {
	ab-poll --once "$1" | jq -c "select(.type == \"appointment.available\") | .data.slots[0]"
}
# attempt SESSION SLOT: ab-book's status and reason
attempt() {
	jq -nc --arg s "$1" --argjson slot "$2" --arg expires "$(date -u -d '+5 minutes' +%FT%TZ)" '{specversion: "1.0", id: "r1",
		source: "/t", type: "booking.request", subject: $s, data: {goal: "0193aaaa-0000-7000-8000-000000000001", attempt: 1,
		slot: $slot, rank: 1, why: "test", expires: $expires}}' >"$BATS_TEST_TMPDIR/request"
	ab-book "$1" <"$BATS_TEST_TMPDIR/request" 2>"$BATS_TEST_TMPDIR/book.log" >"$BATS_TEST_TMPDIR/booked" || :
	jq -r 'select(.type == "booking.result") | .data | "\(.status): \(.reason)"' "$BATS_TEST_TMPDIR/booked" | tail -n 1
}
reference() { jq -r 'select(.type == "booking.result") | .data.reference' "$BATS_TEST_TMPDIR/booked" | tail -n 1; }
mine() { truth | jq '[.[] | select(.account | startswith("rival-") | not)] | length'; }

@test "practice-api: a slot is booked, read back, and cancelled by its hash" {
	new_session alice practice-api '.consent.cancel = "yes"'
	release practice-api Izmir short-stay "$(day 20)T09:30"
	[[ $(attempt alice "$(slot_of alice)") == booked:* ]]
	[ "$(mine)" -eq 1 ]
	[ "$(truth | jq -r '.[0].reference')" = "$(reference)" ]
	run ab-book --cancel "$(reference)" alice
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(mine)" -eq 0 ]
}

@test "practice-api: the status and message tell that a slot is taken" {
	new_session alice practice-api
	release practice-api Izmir short-stay "$(day 20)T09:30"
	slot=$(slot_of alice)
	control fault '{"fault":"taken","count":1}'
	[ "$(attempt alice "$slot")" = "failed: taken" ]
	[ "$(mine)" -eq 0 ]
}

@test "a slot with several seats, in a place with a name of its own" {
	control release "{\"office\":\"practice\",\"slots\":[{\"place\":\"Gümüşhane & çevresi\",\"start\":\"$(day 20)T09:30\",\"seats\":3}]}"
	new_session alice practice
	slot=$(slot_of alice)
	jq -e '.location == "Gümüşhane & çevresi" and .seats == 3' <<<"$slot"
	[[ $(attempt alice "$slot") == booked:* ]]
	[ "$(mine)" -eq 1 ]
	new_session bob practice-api
	control release "{\"office\":\"practice-api\",\"slots\":[{\"place\":\"Gümüşhane & çevresi\",\"start\":\"$(day 20)T09:30\",\"seats\":3}]}"
	[[ $(attempt bob "$(slot_of bob)") == booked:* ]]
	[ "$(mine)" -eq 2 ]
}

# A GET whose connection is reset may be sent again, and rightly.
hits() { case $1 in reset:*) echo 9 ;; *) echo 1 ;; esac; }

@test "a site that is not itself is never \"none\", and the next look is a good one again" {
	new_session alice practice
	[ "$(look alice)" = none ]
	for case in changed:changed maintenance:maintenance garbage:changed reset:unreachable huge:changed; do
		control fault "{\"fault\":\"${case%:*}\",\"path\":\"/office/calendar\",\"count\":$(hits "$case")}" >/dev/null
		saw=$(look alice)
		curl -sS -X DELETE "${CONTROL}_demo/faults" >/dev/null
		[ "$saw" = "${case#*:}" ] || { echo "${case%:*}: $saw"; cat "$BATS_TEST_TMPDIR/poll.log"; return 1; }
	done
	[ "$(look alice)" = none ]
	new_session bob practice-api
	[ "$(look bob)" = none ]
	for case in garbage:changed maintenance:maintenance reset:unreachable huge:changed; do
		control fault "{\"fault\":\"${case%:*}\",\"path\":\"/api/days\",\"count\":$(hits "$case")}" >/dev/null
		saw=$(look bob)
		curl -sS -X DELETE "${CONTROL}_demo/faults" >/dev/null
		[ "$saw" = "${case#*:}" ] || { echo "${case%:*}: $saw"; cat "$BATS_TEST_TMPDIR/poll.log"; return 1; }
	done
	[ "$(look bob)" = none ]
}

@test "a login that has expired is renewed within the look, and before a booking" {
	new_session alice practice
	[ "$(look alice)" = none ]
	release practice Ankara short-stay "$(day 20)T09:30"
	control fault '{"fault":"expire","path":"/office/calendar","count":1}'
	[ "$(look alice)" = available ]
	slot=$(slot_of alice)
	control fault '{"fault":"expire","path":"/office/slot/*","count":1}'
	[[ $(attempt alice "$slot") == booked:* ]]
	[ "$(mine)" -eq 1 ]
}

@test "a form whose token is refused books nothing, and says so" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(slot_of alice)
	control fault '{"fault":"bad-token","path":"/office/book","count":1}'
	result=$(attempt alice "$slot")
	[[ $result == failed:* ]] || { echo "$result"; cat "$BATS_TEST_TMPDIR/book.log"; return 1; }
	[ "$(mine)" -eq 0 ]
}

@test "what the profile holds reaches the site as it was written" {
	new_session alice practice '.profile += {last_name: "Öztürk & \"Söhne\"", passport_number: "007123456", gender: "f", phone: "+49 (30) 12-34"} |
		.site.purpose = "study"'
	release practice Ankara short-stay "$(day 20)T09:30"
	[[ $(attempt alice "$(slot_of alice)") == booked:* ]]
	truth | jq -e '.[0].applicant | .last_name == "Öztürk & \"Söhne\"" and .passport_number == "007123456" and .gender == "f" and
		.phone_code == "+49" and .phone == "301234" and .purpose == "study" and .reminder == ["0","1"] and .address == "1 Example Street"'
}

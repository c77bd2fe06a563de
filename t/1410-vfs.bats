# The provider vfs-global on the practice office of that shape, in a real browser: from the log-in to the read-back.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib
load browser
load vfs

setup() { vfs_setup; }
teardown() { vfs_teardown; }

@test "the provider is in order, and gives again what was recorded" {
	ab-provider check vfs-global
	ab-provider test vfs-global
}

@test "a session logs in with its mailed code, sees nothing, then slots, and books the one that is ranked first: proved, once" {
	visitor '.preferences.hours = ["10:00-12:00"]'
	run --separate-stderr ab-poll --once alice
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat").data.verdict' <<<"$output")" = none ]
	for time in 09:00 09:30 10:30 14:00 15:00 16:00; do
		offer $time
	done
	watch
	result booked
	[ "$(jq -r .data.slot.start "$HOME/result")" = "$(day 20)T10:30:00+03:00" ]
	[ "$(truth | jq -r 'length')" = 1 ]
	[ "$(truth | jq -r '.[0].reference')" = "$(jq -r .data.reference "$HOME/result")" ]
	[ "$(truth | jq -r '.[0].start')" = "$(day 20)T10:30" ]
	# all six were seen, those behind "Load More" too
	[ "$(jq -s 'map(select(.type == "appointment.available").data.slots | length) | max' "$HOME/out")" = 6 ]
	# asked to confirm once
	[ "$(control 'requests?log=1' | jq '[.log[] | select(.path | endswith("/schedule"))] | length')" = 1 ]
}

@test "in Turkish, for two people, in a centre named by its code; the site wants a code and pictures of the passports" {
	control vfs '{"applicant_otp":true,"upload":true}' >/dev/null
	picture='{"name":"passport.png","type":"image/png","data_base64":"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}'
	visitor ".site += {language: \"tr\", centres: \"ANKARA\", category: \"Kısa Süreli Vize\", subcategories: \"SHORTSTAY-TOURISM\"} |
		.profile.first_name = \"Ayşe Iğdır\" | .profile.files.passport = $picture |
		.party = [{first_name: \"Ümit\", last_name: \"Example\", gender: \"m\", date_of_birth: \"2015-03-04\", nationality: \"TUR\",
			passport_number: \"P0000002\", passport_expiry: \"2031-01-31\", files: {passport: $picture}}]"
	offer 09:30 1
	offer 11:00 2
	watch
	result booked
	[ "$(jq -r .data.slot.start "$HOME/result")" = "$(day 20)T11:00:00+03:00" ]
	[ "$(jq -r .data.slot.location "$HOME/result")" = Ankara ]
	truth | jq -e 'length == 1 and .[0].party == 2 and ([.[0].applicant[].firstName] == ["AYŞE IĞDIR", "ÜMIT"])'
}

@test "with a payment to come it is pending, the person is told, and once they have paid it is booked" {
	control vfs '{"payment":true}' >/dev/null
	visitor
	offer 09:30
	watch
	result pending
	jq -e '.data.until | fromdateiso8601? // (.[0:19] + "Z" | fromdateiso8601) > now' "$HOME/result"
	reference=$(jq -r .data.reference "$HOME/result")
	until_line 20 "$HOME/notices.ndjson" '.subject | test("pay|pending|held"; "i")' >/dev/null || { cat "$HOME/notices.ndjson"; false; }
	[ "$(truth | jq -r '.[0].state')" = pending ]
	control pay "{\"reference\":\"$reference\"}" >/dev/null
	result booked
	[ "$(jq -r .data.reference "$HOME/result")" = "$reference" ]
	[ "$(truth | jq -r 'map(.state) | join(",")')" = confirmed ]
}

@test "while a payment is waited for, what else gets free is no reason for an alarm: the watch rests" {
	control vfs '{"payment":true}' >/dev/null
	visitor
	offer 09:30
	watch
	result pending
	offer 11:00
	until_line 30 "$HOME/out" '.type == "agent.heartbeat" and .data.verdict == "paused"' >/dev/null
	jq -es 'map(select(.type == "runtime.alert" and (.data.reason | test("changed|throttled")))) == []' "$HOME/out"
	control pay "{\"reference\":\"$(jq -r .data.reference "$HOME/result")\"}" >/dev/null
	result booked
	[ "$(truth | jq length)" = 1 ]
}

@test "what is not paid for in time is failed, as the site says, and the next slot is looked for" {
	control vfs '{"payment":true,"hold_ms":4000}' >/dev/null
	visitor
	offer 09:30
	watch
	result pending
	result failed
	[ "$(jq -r .data.reason "$HOME/result")" = not_paid ]
	[ "$(truth)" = '[]' ]
}

# Flows that are programs: budget, consent, journal and reading back hold for them too.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	BASE=http://127.0.0.1:9/ MAIL=$HOME/mail
	SITE=$HOME/office.json
	echo '{"slots": [], "bookings": []}' >"$SITE"
	export AB_PROVIDERS="$top_srcdir/t/fixtures"
}
teardown() {
	drop_home
}

new_office() {
	new_session alice programs ".site = {file: \"$SITE\"} | .preferences = {} | .consent.programs = [\"./office\"]${1:+ | $1}"
}
offer() { # offer ID START
	jq --arg id "$1" --arg start "$2" '.slots += [{id: $id, start: $start, location: "Ankara"}]' "$SITE" >"$SITE.new" && mv "$SITE.new" "$SITE"
}
request() {
	jq -nc --argjson slot "$1" --arg expires "$(date -u -d '+5 minutes' +%FT%TZ)" \
		'{specversion:"1.0",id:"r1",source:"/t",type:"booking.request",subject:"alice",data:{goal:"0193aaaa-0000-7000-8000-000000000001",attempt:1,slot:$slot,rank:1,why:"test",expires:$expires}}'
}
a_slot() { ab-poll --once alice | jq -c 'select(.type == "appointment.available") | .data.slots[0]'; }
result() { jq -c 'select(.type == "booking.result") | .data | [.status, .reason]' <<<"$1" | tail -n 1; }

@test "the provider is sound" {
	run ab-provider check programs
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "it checks, gets only what needs names, and no keys" {
	new_office
	run ab-poll --once alice
	echo "$output"
	[ "$status" -eq 1 ]
	offer s1 2027-01-11T09:30:00+03:00
	run ab-poll --once alice
	[ "$status" -eq 0 ]
	[ "$(jq -s 'map(.profile) | unique | tojson' -r "$SITE.seen")" = '[["last_name"]]' ]
	[ "$(jq -s 'map(.ab_keys) | any' "$SITE.seen")" = false ]
	[ "$(jq -s 'map(.keys | index("credentials")) | any' "$SITE.seen")" = false ]
}

@test "it books with the commit granted, and is read back" {
	new_office
	offer s1 2027-01-11T09:30:00+03:00
	run --separate-stderr ab-book alice < <(request "$(a_slot)")
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(result "$output")" = '["booked","found by reading back"]' ]
	[ "$(jq -r '.bookings[0].reference' "$SITE")" = F1 ]
	[ "$(jq -r 'select(.what == "intent" or .what == "known") | .what' "$AB_STATE/alice/journal.ndjson" | tr '\n' ' ')" = "intent known " ]
	# one program, kept from the booking to the reading back
	[ "$(tail -n 2 "$SITE.seen" | jq .pid | sort -u | wc -l)" -eq 1 ]
}

@test "a slot that drifted is not committed" {
	new_office
	offer s1 2027-01-11T09:30:00+03:00
	slot=$(a_slot)
	jq '.drifted = "2027-01-12T09:30:00+03:00"' "$SITE" >"$SITE.new" && mv "$SITE.new" "$SITE"
	run --separate-stderr ab-book alice < <(request "$slot")
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[ "$(jq '.bookings | length' "$SITE")" -eq 0 ]
	run ! grep -q '"intent"' "$AB_STATE/alice/journal.ndjson"
}

@test "without the owner's consent to the program nothing is started" {
	new_office '.consent.programs = []'
	run --separate-stderr ab-poll --once alice
	echo "$stderr"
	[ "$status" -ne 0 ]
	[[ $stderr == *"consent.programs"* ]]
	[ ! -e "$SITE.seen" ]
}

@test "a request that the budget has not is denied" {
	new_office '.consent.requests_per_day = "3"'
	for _ in 1 2 3; do ab-poll --once alice >/dev/null 2>&1 || :; done
	run --separate-stderr ab-poll --once alice
	echo "$stderr"
	[ "$status" -ne 0 ]
	[ "$status" -ne 1 ]
}

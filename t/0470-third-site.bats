# A third site, unlike the practice sites, and a provider for it that was written with the manual alone.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	AB_PROVIDERS=$top_srcdir/t/fixtures
	MAIL=$HOME
	SITE_PID=
	RUN_PID=
}
teardown() {
	end_pid "$RUN_PID"
	stop_site
	drop_home
}

open_clinic() {
	python3 "$top_srcdir/t/fixtures/third/site.py" >"$BATS_TEST_TMPDIR/site.json" 2>"$BATS_TEST_TMPDIR/site.log" 3>&- &
	SITE_PID=$!
	until_line 10 "$BATS_TEST_TMPDIR/site.json" '.control' >/dev/null
	BASE=$(jq -r .base "$BATS_TEST_TMPDIR/site.json")
	CONTROL=$(jq -r .control "$BATS_TEST_TMPDIR/site.json")
}
# free BRANCH START…: times become free; START as 2027-01-11T09:30
free() {
	jq -nc --arg branch "$1" '{slots: [$ARGS.positional[1:][] | {branch: $branch, start: .}]}' --args "$@" | curl -sSf -d @- "${CONTROL}_demo/release" >/dev/null
}
# patient [JQ-FILTER]: the session alice
patient() {
	new_session alice third ".credentials = {username: \"gulsah\", pin: \"47110815\"} | del(.inbox) |
		.profile = {first_name: \"Gülşah\", last_name: \"Öz & \\\"Şen\\\"\", phone: \"+90 312 000 00 00\"} | .site.reason = \"Muayene\" |
		.preferences = {between: [\$from, \$to], locations: [\"Şişli\", \"Çankaya\"]} | ${1:-.}"
}
look() {
	ab-poll --once alice 2>"$BATS_TEST_TMPDIR/poll.log" >"$BATS_TEST_TMPDIR/look" || :
	jq -r 'select(.type == "agent.heartbeat") | .data.verdict' "$BATS_TEST_TMPDIR/look"
}
pipeline() {
	(ab-poll alice | ab-plan alice | ab-book alice | ab-audit alice | ab-notify alice) >"$HOME/events" 2>"$HOME/log" 3>&- &
	RUN_PID=$!
}
results() { jq -c 'select(.type == "booking.result") | [.data.attempt, .data.status, .data.reason]' "$HOME/events" | tr '\n' ' '; }

@test "the provider has no mistake, and its flows do on saved pages what they should" {
	run ab-provider check third
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run ab-provider test third
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<<"$output")" -ge 16 ]
}

@test "its slots are seen in the week where they are, at their instants, and with their names" {
	open_clinic
	patient
	[ "$(look)" = none ]
	[ "$(control hits | jq '."/klinik/takvim/"')" -ge 5 ]
	free Şişli "$(day 12)T09:30"
	free Çankaya "$(day 20)T16:00"
	[ "$(look)" = available ]
	want="[[\"$(day 12)T09:30:00+03:00\",\"Şişli\"],[\"$(day 20)T16:00:00+03:00\",\"Çankaya\"]]"
	[ "$(jq -c 'select(.type == "appointment.available") | .data.slots | map([.start, .location])' "$BATS_TEST_TMPDIR/look")" = "$want" ]
}

@test "a calendar that is another page is changed, and a login that is over is renewed" {
	open_clinic
	patient
	[ "$(look)" = none ]
	control redesign '{"on": true}'
	[ "$(look)" = changed ]
	control redesign '{"on": false}'
	control expire '{}'
	[ "$(look)" = none ]
	[ "$(control hits | jq '."/klinik/dogrula"')" -eq 2 ]
}

@test "tried by its author, it goes as far as the commit" {
	open_clinic
	patient
	free Şişli "$(day 20)T16:00"
	run --separate-stderr ab-provider try --session alice book
	echo "$output $stderr"
	[ "$status" -eq 0 ]
	[ "$(jq -r '[.flow, .class] | join(" ")' <<<"$output")" = "book commit" ]
	control hits | jq -e '."/klinik/takvim/onay" == 1 and (has("/klinik/takvim/onayla") | not)'
	[ "$(truth)" = "[]" ]
}

@test "the preferred slot is booked, proved and told, and the site has it as the person wanted" {
	open_clinic
	patient
	pipeline
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	jq -nc --arg a "$(day 12)T09:30" --arg b "$(day 20)T16:00" --arg c "$(day 19)T10:00" \
		'{slots: [{branch: "Çankaya", start: $a}, {branch: "Şişli", start: $b}, {branch: "Çankaya", start: $c}]}' |
		curl -sSf -d @- "${CONTROL}_demo/release" >/dev/null
	until_line 30 "$HOME/events" '.type == "booking.result"' >/dev/null
	wait "$RUN_PID"
	RUN_PID=
	[ "$(results)" = '[1,"booked","read back from the site"] ' ] || { results; cat "$HOME/log"; false; }
	truth | jq -e --arg start "$(day 20)T16:00" '. == [{no: .[0].no, user: "gulsah", branch: "Şişli", start: $start, state: "active",
		ad: "Gülşah Öz & \"Şen\"", telefon: "+90 312 000 00 00", neden: "m"}]'
	[ "$(truth | jq -r '.[0].no')" = "$(jq -r 'select(.type == "booking.result") | .data.reference' "$HOME/events")" ]
	# each step once: the page of the slot, the page that asks, the commit
	control hits | jq -e '."/klinik/takvim/randevu" == 1 and ."/klinik/takvim/onay" == 1 and ."/klinik/takvim/onayla" == 1'
	[ "$(jq -s '[.[] | select(.event.type == "booking.result")] | length' "$HOME/notices.ndjson")" -eq 1 ]
	ab-audit verify alice
}

@test "whenever someone is faster, the next one is booked" {
	open_clinic
	patient
	control steal '{"at": ["randevu", "onay", "onayla"]}'
	pipeline
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	free Şişli "$(day 20)T15:00" "$(day 20)T15:30" "$(day 20)T16:00" "$(day 21)T16:00"
	until_line 30 "$HOME/events" '.type == "booking.result" and .data.status == "booked"' >/dev/null
	wait "$RUN_PID"
	RUN_PID=
	[ "$(results)" = '[1,"failed","taken"] [2,"failed","taken"] [3,"failed","taken"] [4,"booked","read back from the site"] ' ] || { results; cat "$HOME/log"; false; }
	[ "$(truth | jq -c 'map(.start)')" = "[\"$(day 21)T16:00\"]" ]
}

@test "a booking is cancelled, and read back as gone" {
	open_clinic
	patient '.consent.cancel = "yes"'
	pipeline
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	free Şişli "$(day 20)T16:00"
	wait "$RUN_PID"
	RUN_PID=
	ab-book --cancel "$(truth | jq -r '.[0].no')" alice
	[ "$(truth)" = "[]" ]
}

@test "a PIN that the site refuses is tried once" {
	open_clinic
	patient '.credentials.pin = "0000"'
	[ "$(look)" = login_failed ]
	[ "$(look)" = login_failed ]
	[ "$(control hits | jq '."/klinik/dogrula"')" -eq 1 ]
}

@test "a PIN that travels in an address is in no event, log, audit or file" {
	open_clinic
	patient
	pipeline
	until_line 20 "$HOME/events" '.data.verdict == "none"' >/dev/null
	free Şişli "$(day 20)T16:00"
	wait "$RUN_PID"
	RUN_PID=
	[ "$(truth | jq length)" -eq 1 ]
	run grep -raE 'pin=|"pin"|47110815|000 00 00' "$HOME" "$AB_RUNTIME"
	[ "$status" -eq 1 ] || { echo "$output"; false; }
	# nor when that address gets no answer
	control expire '{}'
	control silent '{"on": true}'
	ab-login alice >"$HOME/login" 2>"$HOME/login.log" || [ $? -eq 75 ]
	has_line "$HOME/login" '.data.reason | test("^unreachable")'
	run grep -raE 'pin=|47110815' "$HOME"
	[ "$status" -eq 1 ] || { echo "$output"; false; }
}

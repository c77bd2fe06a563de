# What follows from faults, beyond one request: the person is told, every program leaves the site alone, nothing is given up.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load faults

teardown() {
	end_pid "${BACK_PID:-}"
	faults_teardown
}

# a table's order, without its count
order_all() { order "$1" "{\"count\":99,${2#?}"; }

@test "a slot that the site gave to two people is booked, and the person is told" {
	faults_setup practice
	for office in practice practice-api; do
		[ "$office" = practice ] || { quick_provider practice-api; new_session bob practice-api; }
		fresh_case 1
		who=alice
		[ "$office" = practice ] || who=bob
		control fault "{\"fault\":\"double\",\"office\":\"$office\",\"count\":1}" >/dev/null
		request 1 | jq -c --arg who "$who" '.subject = $who' >"$HOME/request"
		rm -f "$HOME/notices.ndjson"
		ab-book "$who" <"$HOME/request" | ab-notify "$who" >"$HOME/out"
		jq -es '[.[] | select(.type == "booking.result") | .data] | length == 1 and .[0].status == "booked" and
			(.[0].conflict | test("2 people in a slot for 1"))' "$HOME/out"
		jq -es '[.[] | select(.type == "runtime.alert") | .data] | length == 1 and .[0].severity == "warning" and
			(.[0].reason | startswith("double: "))' "$HOME/out"
		# told again, it is the same result, and no second alert
		ab-book "$who" <"$HOME/request" >"$HOME/again"
		[ "$(jq -r 'select(.type == "booking.result") | .id' "$HOME/again")" = "$(result_id)" ]
		[ -z "$(jq -c 'select(.type == "runtime.alert")' "$HOME/again")" ]
		[ "$(jq -s '[.[] | select(.event.type == "runtime.alert" and (.event.data.reason | startswith("double: ")))] | length' "$HOME/notices.ndjson")" -eq 1 ]
	done
	# an honest site is not accused
	fresh_case 2
	request 1 | jq -c '.subject = "bob"' >"$HOME/request"
	ab-book bob <"$HOME/request" >"$HOME/out"
	jq -es '[.[] | select(.type == "booking.result") | .data] | length == 1 and .[0].status == "booked" and (.[0] | has("conflict") | not)' "$HOME/out"
}

@test "Retry-After: every program of the account leaves the site alone until then, and says so" {
	faults_setup practice
	# another session of the same account
	new_session carol practice '.credentials.username = "alice@example.org"'
	for way in '"retry_after":600' '"retry_after":600,"date":true' '"status":503,"retry_after":600'; do
		fresh_case 1
		order check "{\"fault\":\"throttle\",$way}"
		[ "$(look)" = throttled ]
		no_faults
		before=$(requests)
		[ "$(held)" -gt 590 ]
		[ "$(look)" = throttled ]
		[ "$(log_in)" = throttled ]
		[ "$(book 1)" = failed:throttled ]
		# and ab-plan learns when a next try makes sense
		until=$(jq -r 'select(.type == "booking.result") | .data.until' "$HOME/out")
		[ $(($(date -d "$until" +%s) - $(date +%s))) -gt 580 ]
		run ab-poll --once carol
		[ "$status" -eq 75 ]
		[ "$(requests)" -eq "$before" ]
	done
}

@test "a Retry-After in answer to the commit is waited out before the site is read back, and a long one is told" {
	faults_setup practice
	fresh_case 1
	order confirm '{"fault":"throttle","retry_after":600}'
	ab-book alice < <(request 1) >"$HOME/out" 2>"$HOME/log" 3>&- &
	BACK_PID=$!
	until_line 20 "$HOME/out" '.type == "runtime.alert" and (.data.reason | startswith("unproved: "))' >/dev/null
	before=$(requests)
	kill "$BACK_PID"
	status=0
	wait "$BACK_PID" || status=$?
	BACK_PID=
	[ "$status" -eq 76 ]
	[ "$(requests)" -eq "$before" ]
	[ -z "$(result_id)" ]
	# nobody else may go on; when the site may be asked again, it is proved
	[ "$(look)" = paused ]
	rm -r "$AB_STATE/pace"
	[ "$(book 1)" = booked ]
	[ "$(bookings)" -eq 1 ]
}

@test "a challenge that nobody answers: the question stands, and is withdrawn when the program is told to stop" {
	faults_setup practice
	fresh_case 1
	order_all check '{"fault":"captcha"}'
	ab-poll --once alice >"$HOME/out" 2>"$HOME/log" 3>&- &
	BACK_PID=$!
	until_line 20 "$HOME/out" '.type == "human.required" and .data.kind == "captcha" and .data.deadline' >/dev/null
	[ "$(ab-answer --json | jq -r .kind)" = captcha ]
	# what it is about is there to be looked at
	picture=$(ab-answer --json | jq -er .picture)
	ab-vault evidence alice show "$picture" | grep -q 'id="captcha"'
	kill "$BACK_PID"
	status=0
	wait "$BACK_PID" || status=$?
	BACK_PID=
	[ "$status" -eq 75 ]
	[ "$(jq -r 'select(.type == "human.answered") | .data.outcome' "$HOME/out")" = withdrawn ]
	[ -z "$(ab-answer --json)" ]
	no_faults
	[ "$(look)" = available ]
}

@test "a challenge past the commit that nobody answers leaves the intent open, never failed" {
	faults_setup practice
	fresh_case 1
	order_all read-back '{"fault":"captcha"}'
	ab-book alice < <(request 1) >"$HOME/out" 2>"$HOME/log" 3>&- &
	BACK_PID=$!
	until_line 20 "$HOME/out" '.type == "human.required"' >/dev/null
	kill "$BACK_PID"
	status=0
	wait "$BACK_PID" || status=$?
	BACK_PID=
	[ "$status" -eq 76 ]
	[ -z "$(result_id)" ]
	[ "$(bookings)" -eq 1 ]
	[ "$(look)" = paused ]
	no_faults
	[ "$(book 1)" = booked ]
	[ "$(bookings)" -eq 1 ]
}

@test "in a waiting room it waits as the page says, and can be told to stop" {
	faults_setup practice
	fresh_case 1
	order_all check '{"fault":"queue","refresh":1}'
	ab-poll --once alice >"$HOME/out" 2>"$HOME/log" 3>&- &
	BACK_PID=$!
	before=$(requests)
	until_true 20 eval '[ "$(requests)" -ge '$((before + 3))' ]'
	[ ! -s "$HOME/out" ]
	kill "$BACK_PID"
	status=0
	wait "$BACK_PID" || status=$?
	BACK_PID=
	[ "$status" -ne 0 ] && [ "$status" -ne 1 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' "$HOME/out")" != none ]
}

@test "a slot that goes before the form is taken, with nothing sent" {
	faults_setup practice
	for office in practice practice-api; do
		[ "$office" = practice ] || { faults_teardown; rm -rf "$HOME" "$MAIL"; faults_setup practice-api; }
		fresh_case 1
		control take "{\"office\":\"$office\",\"slot\":$(jq .id <<<"$slot")}" >/dev/null
		[ "$(book 1)" = failed:taken:next_slot ]
		[ "$(bookings)" -eq 0 ]
		control requests | jq -e '.by_path["/office/book"] == null and .by_path["/api/booking"] == null'
	done
}

@test "an account that has an appointment already is told so, and gets no other" {
	faults_setup practice
	control account '{"account":"alice@example.org","per_account":1}' >/dev/null
	fresh_case 1
	[ "$(book 1)" = booked ]
	fresh_case 1
	[ "$(book 1)" = failed:already_booked ]
	[ "$(truth | jq length)" -eq 1 ]
}

@test "a cancellation whose answer is lost is read back, too" {
	for office in practice practice-api; do
		faults_setup "$office"
		for fault in '"lost-answer"' '"stall","method":"POST"' '"reset","method":"POST"'; do
			fresh_case 1
			ab-vault set alice consent.cancel yes
			[ "$(book 1)" = booked ]
			ref=$(jq -r 'select(.type == "booking.result") | .data.reference' "$HOME/out")
			control fault "{\"office\":\"$office\",\"count\":1,\"path\":\"*cancel*\",\"fault\":$fault}" >/dev/null
			status=0
			ab-book --cancel "$ref" alice 2>"$HOME/log" || status=$?
			# gone, or said to be there still: as the site has it
			[ "$status:$(bookings)" = 0:0 ] || [ "$status:$(bookings)" = 1:1 ]
			[[ $fault == *reset* ]] || [ "$status" -eq 0 ]
		done
		faults_teardown
		rm -rf "$HOME" "$BATS_TEST_TMPDIR/mail"
	done
}

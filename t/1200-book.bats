# ab-book on the practice sites: what is said is what is there.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	start_site
}
teardown() {
	exec 9>&- || :
	end_pid "${BOOK_PID:-}"
	stop_site
	drop_home
}

# slot_of SESSION N: the Nth slot that a check sees, as JSON
slot_of() {
	ab-poll --once "$1" | jq -c "select(.type == \"appointment.available\") | .data.slots[$2]"
}
# request SESSION SLOT [GOAL ATTEMPT EXPIRES]: a booking.request
request() {
	jq -nc --arg s "$1" --argjson slot "$2" --arg goal "${3:-0193aaaa-0000-7000-8000-000000000001}" --argjson attempt "${4:-1}" \
		--arg expires "${5:-$(date -u -d '+5 minutes' +%FT%TZ)}" \
		'{specversion:"1.0",id:"r\($attempt)",source:"/t",type:"booking.request",subject:$s,data:{goal:$goal,attempt:$attempt,slot:$slot,rank:1,why:"test",expires:$expires}}'
}
result() { jq -c 'select(.type == "booking.result") | .data | [.status, .reason]' <<<"$1" | tail -n 1; }

@test "the journal: states, torn writes at every byte, damage" {
	run "$top_builddir/t/unit/journal-test"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "booked is said only after the reading back, with the site's reference" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	run --separate-stderr ab-book alice < <(request alice "$(slot_of alice 0)")
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(result "$output")" = '["booked","read back from the site"]' ]
	# the request was copied first
	[ "$(jq -r .type <<<"$output" | head -n 1)" = booking.request ]
	[ "$(jq -r 'select(.type == "booking.result") | .data.reference' <<<"$output")" = "$(truth | jq -r '.[0].reference')" ]
	[ "$(truth | jq length)" -eq 1 ]
}

@test "the same request again is the same answer, with the same event id, and no second booking" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	request alice "$(slot_of alice 0)" >"$HOME/request"
	first=$(ab-book alice <"$HOME/request" | jq -r 'select(.type == "booking.result") | .id')
	second=$(cat "$HOME/request" "$HOME/request" | ab-book alice | jq -r 'select(.type == "booking.result") | .id' | sort -u)
	[ -n "$first" ]
	[ "$first" = "$second" ]
	[ "$(truth | jq length)" -eq 1 ]
}

@test "a slot that is gone is failed: taken" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(slot_of alice 0)
	control fault '{"fault":"taken","office":"practice","count":1}'
	run --separate-stderr ab-book alice < <(request alice "$slot")
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[ "$(result "$output")" = '["failed","taken"]' ]
	[ "$(truth | jq '[.[] | select(.account == "alice@example.org")] | length')" -eq 0 ]
}

@test "a lost answer is found by reading back, and the request goes out once" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(slot_of alice 0)
	control fault '{"fault":"lost-answer","office":"practice","count":1}'
	run --separate-stderr ab-book alice < <(request alice "$slot")
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(result "$output")" = '["booked","found by reading back"]' ]
	[ "$(truth | jq length)" -eq 1 ]
}

@test "where nothing can be read back a lost answer is unknown, blocks, and is settled by the person" {
	new_session bob practice-api
	release practice-api Istanbul short-stay "$(day 20)T15:00" "$(day 21)T15:00"
	slot=$(slot_of bob 0) other=$(slot_of bob 1)
	control fault '{"fault":"lost-answer","office":"practice-api","count":1}'
	run --separate-stderr ab-book bob < <(request bob "$slot")
	echo "$output" "$stderr"
	[ "$status" -eq 76 ]
	[ "$(jq -r 'select(.type == "booking.result") | .data.status' <<<"$output")" = unknown ]
	[ "$(truth | jq length)" -eq 1 ]
	# neither the same goal nor another may go on
	run ab-book bob < <(request bob "$other" 0193aaaa-0000-7000-8000-000000000002 1)
	[ "$status" -eq 76 ]
	[ "$(truth | jq length)" -eq 1 ]
	run ab-book --settle booked bob
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(jq -r .data.status <<<"$output")" = booked ]
	run --separate-stderr ab-book --settle free bob
	[ "$status" -eq 1 ]
	[[ $stderr == *"nothing to settle"* ]]
}

@test "consent: without book it is refused, and nothing is sent" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(slot_of alice 0)
	ab-vault set alice consent.book no
	before=$(control requests | jq .total)
	run --separate-stderr ab-book alice < <(request alice "$slot")
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[ "$(result "$output")" = '["failed","refused"]' ]
	[ "$(control requests | jq .total)" -eq "$before" ]
}

@test "consent ask: the person's yes books, over ab-answer from another terminal" {
	new_session alice practice '.consent.book = "ask"'
	release practice Ankara short-stay "$(day 20)T09:30"
	request alice "$(slot_of alice 0)" >"$HOME/request"
	ab-book alice <"$HOME/request" >"$HOME/events" 2>"$HOME/log" 3>&- &
	BOOK_PID=$!
	id=$(until_line 20 "$HOME/events" '.type == "human.required"' | jq -r .data.ask)
	[ "$(truth | jq length)" -eq 0 ]
	ab-answer --yes "$id"
	until_line 20 "$HOME/events" '.type == "booking.result" and .data.status == "booked"' >/dev/null
	[ "$(truth | jq length)" -eq 1 ]
}

@test "an expired request is failed and nothing is sent" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(slot_of alice 0)
	run ab-book alice < <(request alice "$slot" 0193aaaa-0000-7000-8000-000000000003 1 2026-01-01T00:00:00Z)
	[ "$status" -eq 1 ]
	[ "$(result "$output")" = '["failed","expired_request"]' ]
	[ "$(truth | jq length)" -eq 0 ]
}

@test "it goes on reading while it books, and passes everything through in order" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(slot_of alice 0)
	mkfifo "$HOME/in"
	ab-book alice <"$HOME/in" >"$HOME/events" 2>"$HOME/log" 3>&- &
	BOOK_PID=$!
	exec 9>"$HOME/in"
	control fault '{"fault":"slow","office":"practice","method":"POST","path":"/office/book","ms":1500,"count":1}' >/dev/null
	request alice "$slot" >&9
	for i in 1 2 3; do
		jq -nc --arg i "$i" '{specversion:"1.0",id:$i,source:"/t",type:"agent.heartbeat",subject:"alice",data:{n:$i}}' >&9
	done
	until_line 10 "$HOME/events" '.id == "3"' >/dev/null
	until_line 30 "$HOME/events" '.type == "booking.result"' >/dev/null
	exec 9>&-
	wait "$BOOK_PID"
	BOOK_PID=
	[ "$(jq -r 'select(.source == "/t") | .id' "$HOME/events" | tr '\n' ' ')" = "r1 1 2 3 " ]
}

@test "killed between the commit and the answer: the next start reads back, books nothing more, and tells" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	request alice "$(slot_of alice 0)" >"$HOME/request"
	control fault '{"fault":"slow","office":"practice","method":"POST","path":"/office/book","ms":3000,"count":1}' >/dev/null
	ab-book alice <"$HOME/request" >"$HOME/events" 2>"$HOME/log" 3>&- &
	BOOK_PID=$!
	until_true 20 grep -qs '"intent"' "$AB_STATE/alice/journal.ndjson"
	kill -9 "$BOOK_PID"
	wait "$BOOK_PID" || :
	BOOK_PID=
	run --separate-stderr ab-poll --once alice
	[ "$status" -eq 75 ]
	[[ $stderr == *"not settled"* ]]
	run --separate-stderr ab-book alice <"$HOME/request"
	echo "$output" "$stderr"
	case $(truth | jq length) in
	1) [ "$status" -eq 0 ] && [ "$(jq -r 'select(.type == "booking.result") | .data.status' <<<"$output" | sort -u)" = booked ] ;;
	0) [ "$(jq -r 'select(.type == "booking.result") | .data.status' <<<"$output" | sort -u)" = failed ] ;;
	*) false ;;
	esac
	# now no intent is open, and others may have the page
	run ab-poll --once alice
	[ "$status" -eq 0 ]
}

@test "--cancel needs consent, cancels, and reads back that it is gone" {
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	ref=$(ab-book alice < <(request alice "$(slot_of alice 0)") | jq -r 'select(.type == "booking.result") | .data.reference')
	run --separate-stderr ab-book --cancel "$ref" alice
	[ "$status" -eq 77 ]
	[ "$(truth | jq length)" -eq 1 ]
	ab-vault set alice consent.cancel yes
	run --separate-stderr ab-book --cancel "$ref" alice
	echo "$stderr"
	[ "$status" -eq 0 ]
	[ "$(truth | jq length)" -eq 0 ]
}

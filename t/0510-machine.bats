# lib/plan/machine, by tables: steps with a clock of their own in, what is decided out.
load lib

setup() {
	RULES='{"timezone":"Europe/Istanbul","preferences":{"locations":["Ankara","Istanbul"],"notice":"1h"}}'
	steps=$BATS_TEST_TMPDIR/steps out=$BATS_TEST_TMPDIR/out
	echo '{"at":0,"start":true}' >"$steps"
	jq -n '{
		a: {id: "a", start: "2026-12-01T09:30:00+03:00", location: "Ankara"},
		b: {id: "b", start: "2026-12-02T09:30:00+03:00", location: "Ankara"},
		c: {id: "c", start: "2026-12-01T09:30:00+03:00", location: "Istanbul"},
		x: {id: "x", start: "2026-12-01T09:30:00+03:00", location: "Bursa"}}' >"$BATS_TEST_TMPDIR/slots"
}

iso() { date -u -d "@$(jq -n "1795338000 + $1 | floor")" +%FT%TZ; }
step() { jq -nc --argjson at "$1" "{at: \$at} + ($2)" >>"$steps"; }
# available AT IDS [HASH]: the set of these slots (letters), checked at AT
available() {
	step "$1" "{event: {type: \"appointment.available\", traceparent: \"trace-$1\", data: {checked_at: \"$(iso "$1")\", hash: \"${3:-h$2}\",
		slots: $(jq -c --arg ids "$2" '[.[($ids / "")[]]]' "$BATS_TEST_TMPDIR/slots")}}}"
}
# heartbeat AT HASH [VERDICT [NEXT_MS]]
heartbeat() {
	step "$1" "{event: {type: \"agent.heartbeat\", data: {agent: \"ab-poll\", slots_hash: \"$2\", verdict: \"${3:-available}\",
		checked_at: \"$(iso "$1")\", next_ms: ${4:-60000}}}}"
}
# result AT ATTEMPT STATUS [REASON [MORE]]
result() {
	step "$1" "{event: {type: \"booking.result\", data: ({goal: \"${GOAL:-goal-1}\", attempt: $2, status: \"$3\", reason: \"${4:-}\"} + ${5:-{\}})}}"
}
sent() { step "$1" '{sent: true}'; }
fold() { "$top_builddir/t/unit/machine-test" "$RULES" <"$steps" >"$out"; }
# The requests that were made: "ATTEMPT SLOT RANK" each
requests() { jq -r 'select(.type == "booking.request").data | "\(.attempt) \(.slot.id) \(.rank)"' "$out" | paste -sd,; }
states() { jq -r 'select(.type == "session.state").data | "\(.from)>\(.to)"' "$out" | paste -sd' '; }
whys() { jq -r 'select(.type == "session.state").data.why' "$out"; }
last() { jq -r "select(.state)$1" "$out" | tail -n 1; }
same() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; cat "$out" >&2; return 1; }; }

@test "from a slot seen to a booking proved" {
	available 10 cab
	sent 10.1
	result 40 1 booked "" '{reference: "R-7"}'
	fold
	same "$(requests)" "1 a 1"
	same "$(states)" "idle>monitoring monitoring>claiming claiming>booking booking>booked"
	[[ $(whys) == *"1st of 3: location Ankara (1st choice), Tue 2026-12-01 09:30"*"reference R-7" ]]
	# the request is on the trace of the look that saw the slot, and says until when it may be begun
	same "$(jq -c 'select(.type == "booking.request") | [.trace, .data.goal, .data.why, .data.expires]' "$out")" \
		'["trace-10","goal-1","1st of 3: location Ankara (1st choice), Tue 2026-12-01 09:30","2026-11-22T09:05:10.000Z"]'
}

@test "of several sets only the newest counts" {
	available 10 x
	available 20 c
	available 30 a
	fold
	same "$(requests)" "1 c 1" # the request is out: it stays the only one
	result 31 1 failed taken
	fold
	same "$(requests)" "1 c 1,2 a 1"
}

@test "nothing that suits: nothing is requested, and the reason is told once until it changes" {
	available 10 x
	heartbeat 70 hx
	heartbeat 130 hx
	available 190 "" empty
	available 250 x
	fold
	same "$(requests)" ""
	same "$(whys | paste -sd'|')" "a new goal|1 slot: 1 location Bursa|1 slot: 1 location Bursa"
}

@test "taken: the next choice of the same set at once, and never the taken one while it stays listed" {
	available 10 abc
	result 20 1 failed taken
	result 30 2 failed taken
	result 40 3 failed taken
	heartbeat 70 habc
	available 130 abc again
	fold
	same "$(requests)" "1 a 1,2 b 2,3 c 3"
	[[ $(whys) == *"3 slots: 3 fit; 3 of them tried and gone"* ]]
	available 190 b
	available 250 ab
	fold
	same "$(requests)" "1 a 1,2 b 2,3 c 3,4 a 1" # a went and returned; b was listed all the time
}

@test "declined by the person is like taken" {
	available 10 ab
	result 20 1 failed declined
	fold
	same "$(requests)" "1 a 1,2 b 2"
}

@test "back off: the pauses double, up to half an hour, and the same slot is tried again" {
	available 10 a
	at=10
	for i in 1 2 3 4 5 6 7 8 9; do
		at=$((at + 5))
		result $at $i failed throttled
		pause=$((30 << (i - 1)))
		[ "$pause" -le 1800 ] || pause=1800
		heartbeat $((at + pause - 1)) ha
		step $((at + pause)) '{}'
		at=$((at + pause))
	done
	fold
	same "$(requests)" "1 a 1,2 a 1,3 a 1,4 a 1,5 a 1,6 a 1,7 a 1,8 a 1,9 a 1,10 a 1"
	# not one of them before its pause was over: at the heartbeats a second earlier nothing happened
	same "$(jq -r 'select(.type == "booking.request").data.expires' "$out" | head -3 | paste -sd' ')" \
		"2026-11-22T09:05:10.000Z 2026-11-22T09:05:45.000Z 2026-11-22T09:06:50.000Z"
}

@test "every class without a word of its own backs off, and 'due' says until when" {
	for reason in throttled unreachable changed blocked maintenance expired absent unanswered expired_request no_such_word; do
		head -n 1 "$steps" >"$steps.1" && mv "$steps.1" "$steps"
		available 10 ab
		result 20 1 failed $reason
		fold
		same "$(requests)" "1 a 1"
		same "$(last '|"\(.state) \(.due)"')" "monitoring 50"
	done
}

@test "a site that names its own time is waited for" {
	available 10 a
	result 20 1 failed throttled "{until: \"$(iso 3620)\"}"
	fold
	same "$(last .due)" 3620
}

@test "a success in between makes the pauses short again" {
	available 10 ab
	result 15 1 failed throttled
	heartbeat 40 hab
	step 45 '{}'
	result 50 2 failed taken
	result 55 3 failed throttled
	fold
	same "$(requests)" "1 a 1,2 a 1,3 b 2"
	same "$(last .due)" 85
}

@test "login_failed, refused and already_booked end the goal as failed" {
	for reason in login_failed refused already_booked; do
		head -n 1 "$steps" >"$steps.1" && mv "$steps.1" "$steps"
		available 10 ab
		sent 11
		result 20 1 failed $reason
		available 30 b
		heartbeat 90 hb
		fold
		same "$(requests)" "1 a 1"
		same "$(states)" "idle>monitoring monitoring>claiming claiming>booking booking>failed"
	done
}

@test "an action in the result goes before its class" {
	available 10 ab
	result 20 1 failed day_is_full '{action: "next_slot"}'
	result 30 2 failed taken '{action: "stop"}'
	fold
	same "$(requests)" "1 a 1,2 b 2"
	same "$(last .state)" failed
}

@test "unknown blocks every further try until a result of that attempt settles it" {
	available 10 ab
	sent 11
	result 20 1 unknown "no answer came"
	available 30 b
	heartbeat 90 hb
	step 100000 '{}'
	fold
	same "$(requests)" "1 a 1"
	same "$(last '|"\(.state) \(.held) \(.asking)"')" "waiting unknown false"
	# another attempt's failure settles nothing
	result 100001 2 failed taken
	fold
	same "$(last .held)" unknown
	result 100002 1 failed taken
	available 100003 b
	fold
	same "$(requests)" "1 a 1,2 b 1"
}

@test "unknown that turns out to be a booking is booked" {
	available 10 a
	result 20 1 unknown
	result 30 1 booked
	fold
	same "$(last .state)" booked
}

@test "pending is waited for, and ends either way" {
	available 10 ab
	result 20 1 pending "to be paid" '{until: "2026-11-22T10:00:00Z"}'
	heartbeat 60 hab
	fold
	same "$(last '|"\(.state) \(.held)"')" "waiting pending"
	[[ $(whys) == *"pending: to be paid, until 2026-11-22T10:00:00Z" ]]
	cp "$steps" "$steps.both"
	result 70 1 booked
	fold
	same "$(last .state)" booked
	mv "$steps.both" "$steps"
	result 70 1 failed taken
	fold
	same "$(requests)" "1 a 1,2 b 2"
}

@test "a question to the person is waited for as long as it may take" {
	available 10 a
	sent 11
	step 20 "{event: {type: \"human.required\", data: {ask: \"q1\", kind: \"captcha\", deadline: \"$(iso 2000)\"}}}"
	step 1500 '{}'
	fold
	same "$(states)" "idle>monitoring monitoring>claiming claiming>booking booking>waiting"
	same "$(last .due)" 2300 # deadline and grace
	step 1600 '{event: {type: "human.answered", data: {ask: "q1", outcome: "answered"}}}'
	result 1700 1 booked
	fold
	same "$(states)" "idle>monitoring monitoring>claiming claiming>booking booking>waiting waiting>booking booking>booked"
}

@test "a question without a deadline, past the commit, is waited for without end" {
	available 10 a
	step 20 '{event: {type: "human.required", data: {ask: "q1", kind: "payment", deadline: null}}}'
	step 1000000 '{}'
	fold
	same "$(last '|"\(.state) \(.due)"')" "waiting null"
}

@test "a request without a result counts as lost after its expiry and the grace, not before" {
	available 10 a
	sent 11
	step 609 '{}'
	fold
	same "$(last '|"\(.state) \(.due)"')" "booking 610"
	step 610 '{}'
	fold
	same "$(last '|"\(.state) \(.asking)"')" "monitoring false"
	[[ $(whys) == *"no result for attempt 1; next try not before 2026-11-22T09:10:40.000Z" ]]
}

@test "a booking of an attempt that was given up for lost is a booking all the same" {
	available 10 a
	step 700 '{}'
	available 800 a
	result 810 1 booked
	fold
	same "$(requests)" "1 a 1,2 a 1"
	same "$(last .state)" booked
}

@test "results of other goals and of settled attempts change nothing" {
	available 10 ab
	GOAL=goal-0 result 20 1 booked
	GOAL=goal-0 result 21 1 failed taken
	result 22 7 failed taken
	step 23 '{event: {type: "booking.result", data: {status: "booked"}}}'
	step 24 '{event: {type: "booking.result"}}'
	fold
	same "$(requests)" "1 a 1"
	same "$(last .asking)" true
}

@test "another goal's unknown, told in answer to our request, blocks ours until it is settled" {
	available 10 ab
	GOAL=goal-0 result 20 3 unknown
	heartbeat 60 hab
	fold
	same "$(last '|"\(.state) \(.held)"')" "waiting unknown"
	GOAL=goal-0 result 70 3 failed
	fold
	same "$(requests)" "1 a 1,2 a 1"
}

@test "a set is tried again only while it is confirmed within two intervals" {
	# slots seen at 10; the request comes back at AT; heartbeats (hash at time) before it
	while IFS="|" read -r at want beats; do
		head -n 1 "$steps" >"$steps.1" && mv "$steps.1" "$steps"
		available 10 ab
		for beat in $beats; do
			heartbeat "${beat#*@}" "${beat%@*}"
		done
		result "$at" 1 failed taken
		fold
		same "$at $beats: $(requests)" "$at $beats: $want"
	done <<-'END'
	130|1 a 1,2 b 2|
	131|1 a 1|
	250|1 a 1,2 b 2|hab@130
	251|1 a 1|hab@130
	250|1 a 1|other@130
	END
}

@test "a heartbeat that saw nothing confirms nothing, whatever hash it carries" {
	available 10 ab
	heartbeat 100 hab throttled
	result 200 1 failed taken
	fold
	same "$(requests)" "1 a 1"
}

@test "the interval is what the heartbeats say, between 5 s and 10 min" {
	available 10 ab
	heartbeat 11 hab available 10000
	result 32 1 failed taken
	fold
	same "$(requests)" "1 a 1"
	head -n 1 "$steps" >"$steps.1" && mv "$steps.1" "$steps"
	available 10 ab
	heartbeat 11 hab available 36000000
	result 1212 1 failed taken
	fold
	same "$(requests)" "1 a 1"
}

@test "old slots, as from a file, are no ground for a request" {
	step 500 "{event: {type: \"appointment.available\", data: {checked_at: \"$(iso 10)\", slots: [{id: \"a\", start: \"2026-12-01T09:30:00+03:00\", location: \"Ankara\"}]}}}"
	fold
	same "$(requests)" ""
}

@test "a clock set back neither keeps old slots fresh nor makes a pause longer" {
	available 100000 ab
	result 100010 1 failed taken # at once b, from a set seen just now
	result 50000 2 failed throttled # the clock was set back: the set lies in the future, and is no ground
	step 50030 '{}'
	fold
	same "$(requests)" "1 a 1,2 b 2"
	available 50040 b
	fold
	same "$(requests)" "1 a 1,2 b 2,3 b 1"
	result 50041 3 failed throttled
	step 20000 '{}'
	available 20050 b
	fold
	same "$(last .due)" 20060
}

@test "consent that does not cover booking: no request, said once, with what would have been" {
	echo '{"at":0,"start":true,"refused":"consent: book is no"}' >"$steps"
	step 10 "{refused: \"consent: book is no\", event: {type: \"appointment.available\", data: {checked_at: \"$(iso 10)\", hash: \"h\",
		slots: [{id: \"a\", start: \"2026-12-01T09:30:00+03:00\", location: \"Ankara\"}]}}}"
	step 60 "{refused: \"consent: book is no\", event: {type: \"agent.heartbeat\", data: {slots_hash: \"h\", verdict: \"available\", checked_at: \"$(iso 60)\"}}}"
	fold
	same "$(requests)" ""
	same "$(whys | paste -sd'|')" "watching only: consent: book is no|not booked: consent: book is no; would be 1st of 1: location Ankara (1st choice), Tue 2026-12-01 09:30"
}

@test "after a restart an unanswered request is asked again with the same goal and attempt" {
	available 10 ab
	sent 11
	step 50 '{restart: true}'
	fold
	same "$(requests)" "1 a 1,1 a 1"
	same "$(states)" "idle>monitoring monitoring>claiming claiming>booking booking>claiming"
	same "$(jq -c 'select(.type == "booking.request") | [.trace, .data]' "$out" | uniq | wc -l)" 1
}

@test "after a restart an expired request is not asked again, and given up when its time is over" {
	available 10 ab
	step 400 '{restart: true}'
	fold
	same "$(requests)" "1 a 1"
	same "$(last '|"\(.asking) \(.due)"')" "true 610"
	step 1000 '{restart: true}'
	fold
	same "$(last '|"\(.state) \(.asking)"')" "monitoring false"
}

@test "a restart keeps what was taken, the pause, the count of attempts, and what holds" {
	available 10 ab
	result 20 1 failed taken
	result 25 2 failed throttled
	step 26 '{restart: true}'
	available 30 ab
	fold
	same "$(requests)" "1 a 1,2 b 2"
	same "$(last .due)" 55
	step 55 '{}'
	fold
	same "$(requests)" "1 a 1,2 b 2,3 b 2"
	result 60 3 unknown
	step 61 '{restart: true}'
	available 62 ab
	fold
	same "$(last .held)" unknown
	same "$(requests)" "1 a 1,2 b 2,3 b 2"
}

@test "booked stays booked over a restart; --again begins a new goal, failed goes on with the old" {
	available 10 a
	result 20 1 booked
	step 30 '{restart: true}'
	available 31 a
	fold
	same "$(last .state)" booked
	step 40 '{again: true}'
	available 41 a
	fold
	same "$(jq -r 'select(.type == "booking.request").data | "\(.goal) \(.attempt)"' "$out" | paste -sd,)" "goal-1 1,goal-2 1"
	GOAL=goal-2 result 50 1 failed refused
	step 60 '{restart: true}'
	available 61 a
	fold
	same "$(jq -r 'select(.type == "booking.request").data | "\(.goal) \(.attempt)"' "$out" | tail -1)" "goal-2 2"
}

@test "the same events give the same decisions" {
	available 10 abc
	sent 11
	result 20 1 failed taken
	result 30 2 failed throttled
	heartbeat 55 habc
	step 60 '{}'
	result 70 3 booked
	fold
	cp "$out" "$out.1"
	fold
	cmp "$out" "$out.1"
}

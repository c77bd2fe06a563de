#!/usr/bin/env bats
# What the owner has not agreed to is not done: each program refuses with a line that says what to do, and the site hears nothing.
# A consent that is changed counts at once, for programs that run, too.

bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	start_site
	run_pid=
	out=$HOME/out err=$HOME/err
}
teardown() {
	cat "$err" 2>/dev/null || :
	[ -z "$run_pid" ] || end_pid "$run_pid"
	stop_site
	drop_home
}

is() { [ "$1" = "$2" ] || { echo "got '$1', not '$2'" >&2; return 1; }; }
requests() { control requests | jq .total; }
# asked PATH: how many requests there were for it, or (PATH/) below it
asked() { control requests | jq --arg path "$1" '[.by_path | to_entries[] | select(.key == $path or ($path | endswith("/")) and (.key | startswith($path))) | .value] | add // 0'; }
more_than() { [ "$(asked "$1")" -gt "$2" ]; }
booked() { truth | jq '[.[] | select(.account == "alice@example.org")] | length'; }
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" = Z ]; }
behind() { # COMMAND…: in the background; its pid is $run_pid
	"$@" >"$out" 2>"$err" 3>&- &
	run_pid=$!
}
ends() { # ends SECONDS: until it has ended; $status
	until_true "$1" gone "$run_pid"
	status=0
	wait "$run_pid" || status=$?
	run_pid=
}
set_slot() {
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(ab-poll --once alice | jq -c 'select(.type == "appointment.available") | .data.slots[0]')
}
request() { # request [EXPIRES]
	jq -nc --argjson slot "${slot:-$a_slot}" --arg expires "$(date -u -d "${1:-+5 minutes}" +%FT%TZ)" '{specversion: "1.0", id: "r1",
		source: "/t", type: "booking.request", subject: "alice", data: {goal: "0193aaaa-0000-7000-8000-000000000001", attempt: 1,
		slot: $slot, rank: 1, why: "test", expires: $expires}}'
}
a_slot='{"id":"x","start":"2036-12-01T09:30:00+03:00","timezone":"Europe/Istanbul","location":"Ankara","category":"short-stay"}'
result() { jq -r 'select(.type == "booking.result") | .data | "\(.status):\(.reason)"' "$out" | tail -n 1; }
book() { request "$@" | ab-book alice; }
yesterday() { TZ=Europe/Istanbul date -d yesterday +%F; }
# refuses STATUS WORDS COMMAND…: with that status, one line on stderr that holds WORDS and says how it is changed, and no request
refuses() {
	local wanted=$1 words=$2 before got=0
	shift 2
	before=$(requests)
	"$@" >"$out" 2>"$err" || got=$?
	[ "$got" = "$wanted" ] || { echo "$*: status $got, not $wanted" >&2; return 1; }
	[[ $(cat "$err") == *"$words"* && $(cat "$err") == *"ab-vault edit"* && $(wc -l <"$err") -eq 1 ]] ||
		{ echo "$*: said '$(cat "$err")', not '$words'" >&2; return 1; }
	is "$(requests)" "$before"
}

@test "a consent that has ended, has no last day, is not the owner's, or grants no requests: every program refuses" {
	local filter words
	while IFS='|' read -r filter words; do
		rm -rf "$HOME/vault" "$HOME/key" "$HOME/state"
		new_session alice practice ".consent.cancel = \"yes\" | $filter"
		refuses 77 "$words" ab-login alice
		refuses 77 "$words" ab-poll --once alice
		refuses 77 "$words" ab-poll alice
		refuses 77 "$words" ab-provider try --session alice check
		refuses 77 "$words" ab-book --cancel PR-1 alice
		refuses 1 "$words" book
		is "$(result)" failed:refused
		[[ $words == *requests* ]] || refuses 77 "$words" ab-otp --timeout 1s alice
	done <<-END
		.consent.until = "$(yesterday)"|ended after $(yesterday)
		del(.consent.until)|has no last day
		.consent.owner = false|is not given by its owner
		del(.consent.owner)|is not given by its owner
		del(.consent.requests_per_day)|grants no requests
		del(.consent)|is not given by its owner
	END
	is "$(requests)" 0
}

@test "ab-plan asks for nothing, ab-run starts nothing again, and the person is told; telling and settling need no consent" {
	new_session alice practice ".consent.until = \"$(yesterday)\""
	jq -nc --argjson slot "$a_slot" --arg now "$(date -u +%FT%TZ)" '{specversion: "1.0", id: "s1", source: "/ab-poll/t", type: "appointment.available",
		subject: "alice", data: {slots: [$slot], hash: "h", checked_at: $now}}' | ab-plan alice >"$out" 2>"$err" || is "$?" 1
	[ -z "$(jq -c 'select(.type == "booking.request")' "$out")" ]
	[[ $(jq -r 'select(.type == "session.state") | .data.why' "$out") == *"ended after $(yesterday)"* ]]
	behind ab-run --restart 100ms alice
	ends 20
	is "$status" 77
	grep -q 'not started again' "$err"
	has_line "$HOME/notices.ndjson" '.event.type == "runtime.alert" and (.text | test("status 77"))'
	behind ab-run --restart 100ms --stay
	until_true 10 ab-run list
	ab-run start alice
	halted() { [ "$(ab-run status --json alice | jq -r '.[0].state')" = halted ]; }
	until_true 20 halted
	run ab-run status alice
	is "$status" 1
	run ab-book --settle free alice
	is "$status" 1 # nothing to settle: no refusal
	is "$(requests)" 0
}

@test "over its daily requests: refused by every program; a watch waits, and goes on when there are more" {
	new_session alice practice '.schedule.blind_after = "1s"'
	behind ab-poll alice
	until_line 20 "$out" '.data.verdict == "none"' >/dev/null
	ab-vault set alice consent.requests_per_day 3
	until_line 20 "$out" '.data.verdict == "paused" and (.data.reason | test("the 3 requests a day that the owner consented to are used up"))' >/dev/null
	before=$(requests)
	until_line 20 "$out" '.type == "runtime.alert" and .data.severity == "warning" and (.data.reason | test("used up"))' >/dev/null
	for program in "ab-login alice" "ab-provider try --session alice check" "ab-book --cancel PR-1 alice"; do
		[ "$program" != "ab-book --cancel PR-1 alice" ] || ab-vault set alice consent.cancel yes
		run $program
		echo "$program: $output"
		is "$status" 77
		[[ $output == *"used up"*"ab-vault edit"* ]]
	done
	run --separate-stderr book
	is "$status $(jq -r 'select(.type == "booking.result") | .data.reason' <<<"$output")" "1 refused"
	[[ $stderr == *"used up"*"ab-vault edit"* ]]
	is "$(requests)" "$before"
	# the watch has been there all the time, and needs no start
	n=$(wc -l <"$out")
	ab-vault set alice consent.requests_per_day 100000
	seen() { tail -n +"$((n + 1))" "$out" | jq -e 'select(.data.verdict == "none")' >/dev/null; }
	until_true 20 seen
	end_pid "$run_pid"
	run_pid=
	ab-vault set alice consent.requests_per_day 3
	run ab-poll --once alice
	is "$status" 77
	run --separate-stderr ab-poll alice
	is "$status" 77 # a schedule for which they would never do
	[[ $stderr == *"consented to 3"* ]]
}

@test "book: ask, and no answer in time, or no: failed, and the site hears nothing" {
	local before
	new_session alice practice
	set_slot
	ab-vault set alice consent.book ask
	before=$(requests)
	run --separate-stderr book "+3 seconds"
	is "$status" 1
	echo "$output" >"$out"
	is "$(result)" failed:unanswered
	is "$(jq -r 'select(.type | startswith("human.")) | .type + " " + (.data.outcome // .data.kind)' "$out" | paste -sd,)" "human.required confirm,human.answered timeout"
	rm -rf "$AB_STATE/alice"
	behind book
	id=$(until_line 20 "$out" '.type == "human.required"' | jq -r .data.ask)
	ab-answer --no "$id"
	ends 20
	is "$status" 1
	is "$(result)" failed:declined
	is "$(requests)" "$before"
	is "$(booked)" 0
}

# while_slow METHOD PATTERN PREFIX COMMAND…: runs COMMAND when the site has the request (PREFIX) that it answers slowly
while_slow() {
	local method=$1 pattern=$2 prefix=$3 before
	shift 3
	before=$(asked "$prefix")
	control fault "{\"fault\":\"slow\",\"office\":\"practice\",\"method\":\"$method\",\"path\":\"$pattern\",\"ms\":1500,\"count\":1}" >/dev/null
	behind "${slowed[@]}"
	until_true 20 more_than "$prefix" "$before"
	"$@"
}

@test "consent that is taken back while the form is filled: nothing is committed" {
	local field value before
	new_session alice practice
	set_slot
	slowed=(book)
	while read -r field value; do
		rm -f "$AB_STATE/alice/journal.ndjson"
		before=$(asked /office/book)
		while_slow GET '/office/slot/*' /office/slot/ ab-vault set alice "consent.$field" "$value"
		ends 20
		is "$status $(result)" "1 failed:refused"
		[[ $(cat "$err") == *"the session's consent"*"ab-vault edit"* ]]
		is "$(asked /office/book)" "$before"
		[ -z "$(jq -c 'select(.what == "intent")' "$AB_STATE/alice/journal.ndjson")" ]
		ab-vault set alice consent.book yes
		ab-vault set alice consent.owner true
		ab-vault set alice consent.until "$(day 90)"
	done <<-END
		book no
		owner false
		until $(yesterday)
	END
	is "$(booked)" 0
}

@test "'yes' that becomes 'ask' while the form is filled: the person is asked before the commit" {
	new_session alice practice
	set_slot
	slowed=(book)
	while_slow GET '/office/slot/*' /office/slot/ ab-vault set alice consent.book ask
	id=$(until_line 20 "$out" '.type == "human.required" and .data.kind == "confirm"' | jq -r .data.ask)
	is "$(asked /office/book)" 0
	ab-answer --no "$id"
	ends 20
	is "$(result) $(booked) $(asked /office/book)" "failed:declined 0 0"
	rm "$AB_STATE/alice/journal.ndjson"
	ab-vault set alice consent.book yes
	while_slow GET '/office/slot/*' /office/slot/ ab-vault set alice consent.book ask
	id=$(until_line 20 "$out" '.type == "human.required"' | jq -r .data.ask)
	ab-answer --yes "$id"
	ends 20
	is "$status $(booked)" "0 1"
	[[ $(result) == booked:* ]]
}

@test "what was committed is read back although consent has ended meanwhile, and then no more is done" {
	new_session alice practice '.consent.cancel = "yes"'
	set_slot
	slowed=(book)
	while_slow POST /office/book /office/book ab-vault set alice consent.until "$(yesterday)"
	ends 20
	is "$status $(result) $(booked)" "0 booked:read back from the site 1"
	ref=$(jq -r 'select(.type == "booking.result") | .data.reference' "$out")
	refuses 77 "ended after" ab-book --cancel "$ref" alice
	# taken back while the cancelling is under way
	ab-vault set alice consent.until "$(day 90)"
	slowed=(ab-book --cancel "$ref" alice)
	while_slow GET '/office/booking/*' "/office/booking/" ab-vault set alice consent.cancel no
	ends 20
	is "$status $(booked)" "77 1"
	[[ $(cat "$err") == *"does not cover cancelling"* ]]
}

@test "a watch, a log-in that waits for its code, and a page by hand end with the consent" {
	new_session alice practice
	control fault '{"fault":"late-code","ms":2000,"count":1}' >/dev/null
	behind ab-login alice
	until_line 20 "$out" '.type == "otp.requested"' >/dev/null
	ab-vault set alice consent.owner false
	before=$(requests)
	ends 20
	is "$status" 77
	is "$(requests)" "$before"
	[[ $(cat "$err") == *"is not given by its owner"* ]]
	# it was not the site that refused
	ab-vault set alice consent.owner true
	ab-login alice >/dev/null
	behind ab-poll alice
	until_line 20 "$out" '.data.verdict == "none"' >/dev/null
	mkfifo "$HOME/commands"
	ab-page -s alice <"$HOME/commands" >"$HOME/answers" 2>"$HOME/page.err" 3>&- &
	page=$!
	exec 9>"$HOME/commands"
	echo '{"id":1,"do":"evidence"}' >&9
	until_line 20 "$HOME/answers" '.id == 1 and .ok' >/dev/null
	ab-vault set alice consent.until "$(yesterday)"
	before=$(requests)
	echo '{"id":2,"do":"get","url":"/office/my"}' >&9
	exec 9>&-
	run_pid2=$run_pid run_pid=$page
	ends 20
	is "$status" 77
	[[ $(cat "$HOME/page.err") == *"ended after"* ]]
	is "$(wc -l <"$HOME/answers")" 1
	run_pid=$run_pid2
	ends 20
	is "$status" 77
	is "$(requests)" "$before"
	has_line "$out" '.type == "runtime.alert" and .data.severity == "error" and (.data.reason | test("ended after"))'
}

@test "a pipeline whose consent is taken back ends, is not started again, and the person is told" {
	new_session alice practice
	behind ab-run --restart 100ms alice
	until_line 20 "$out" '.data.verdict == "none"' >/dev/null
	ab-vault set alice consent.owner false
	before=$(requests)
	ends 30
	is "$status" 77
	has_line "$HOME/notices.ndjson" '.event.type == "runtime.alert" and (.text | test("not given by its owner"))'
	has_line "$HOME/notices.ndjson" '.event.source | startswith("/ab-run/")'
	[ "$(requests)" -le $((before + 1)) ] # one that was on its way
}

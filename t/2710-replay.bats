# ab-audit replay: what ab-plan decided follows again from the record, whatever happened on the way; what was changed is found.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib

setup() {
	fresh_home
	PIPE_PID='' SITE_PID=''
	in=$BATS_TEST_TMPDIR/in out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	rules=$BATS_TEST_TMPDIR/rules.json feedback=$AB_RUNTIME/alice/feedback
	state=$AB_STATE/alice/state.json chain=$AB_STATE/alice/audit.ndjson
	set_rules '{locations: ["Ankara", "Istanbul"]}'
}
teardown() {
	tail -n 20 "$out" "$err" 2>/dev/null | cut -c 1-600 || :
	exec 7>&- 9>&-
	end_pid "$PIPE_PID"
	stop_site
	drop_home
}

is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
# set_rules PREFERENCES [CONSENT]
set_rules() {
	jq -n "{timezone: \"Europe/Istanbul\", preferences: $1, consent: ({owner: true, book: \"yes\", until: \"2099-12-31\"} + ${2:-{\}})}" >"$rules"
}
# event TYPE DATA: with an id of its own
event() {
	jq -nc --arg id "$(cat /proc/sys/kernel/random/uuid)" --arg now "$(date -u +%FT%T.%3NZ)" --arg type "$1" --argjson data "$2" '{specversion: "1.0",
		id: $id, source: "/test/here", type: $type, subject: "alice", time: $now, data: ($data | if has("slots") then .checked_at = $now else . end)}'
}
# available ID…: each at its place (the first letter: a Ankara, i Istanbul, others Bursa), a year from now
available() {
	event appointment.available "$(for id; do echo "$id"; done | jq -nRc --argjson year "$(($(date +%Y) + 1))" '[inputs] | {hash: join("-"),
		slots: to_entries | map({id: .value, location: ({a: "Ankara", i: "Istanbul"}[.value[:1]] // "Bursa"),
		start: "\($year)-03-\(.key + 10)T09:30:00+03:00"})}')"
}
heartbeat() { event agent.heartbeat "$(jq -nc --arg hash "$1" --arg now "$(date -u +%FT%T.%3NZ)" '{verdict: "available", slots_hash: $hash, next_ms: 60000, checked_at: $now}')"; }
# result GOAL ATTEMPT OUTCOME: OUTCOME as failed:taken
result() {
	event booking.result "$(jq -nc --arg goal "$1" --argjson attempt "$2" --arg outcome "$3" '($outcome / ":") as $o |
		{goal: $goal, attempt: $attempt, status: $o[0], reason: ($o[1] // "")}')"
}
# booker OUTCOME…: stands for ab-book; each request has the next outcome (ask: first the person is asked; silent: nothing)
booker() {
	local line goal attempt answer
	exec 7<>"$feedback"
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line == *'"type":"booking.request"'* && $# -gt 0 ]] || continue
		read -r goal attempt < <(jq -r '.data | "\(.goal) \(.attempt)"' <<<"$line")
		case $1 in
		silent) ;;
		ask)
			for answer in "$(event human.required '{"ask":"q1","kind":"confirm","question":"book it?","deadline":"2099-01-01T00:00:00Z"}')" \
				"$(event human.required '{"ask":"q2","kind":"captcha","question":"and this?","deadline":"2098-01-01T00:00:00Z"}')" \
				"$(event human.answered '{"ask":"q2","outcome":"answered"}')" "$(result "$goal" "$attempt" booked)"; do
				tell "$answer"
			done
			;;
		*) tell "$(result "$goal" "$attempt" "$1")" ;;
		esac
		shift
	done
	exec 7>&-
}
# tell LINE: downstream and to ab-plan, by turns in the one and the other order
tell() {
	if [ $((tellings++ % 2)) -eq 0 ]; then printf '%s\n' "$1" >&7; printf '%s\n' "$1"; else printf '%s\n' "$1"; printf '%s\n' "$1" >&7; fi
}
# start_pipe "PLAN-OPTIONS" OUTCOME…: stdin is descriptor 9
start_pipe() {
	local options=$1
	shift
	[ -p "$in" ] || mkfifo "$in"
	mkdir -p "$AB_RUNTIME/alice"
	chmod 700 "$AB_RUNTIME/alice"
	[ -p "$feedback" ] || mkfifo -m 600 "$feedback"
	# shellcheck disable=SC2086
	{
		env ${PLAN_ENV:-} ab-plan --rules "$rules" $options alice <"$in" | booker "$@" | ab-audit --no-seal alice >>"$out"
	} 2>>"$err" 3>&- 9>&- &
	PIPE_PID=$!
	exec 9>"$in"
}
send() { "$@" >&9; }
ended() { [ ! -e "/proc/$PIPE_PID" ] || grep -q ') Z' "/proc/$PIPE_PID/stat"; }
end_pipe() {
	exec 9>&-
	until_true 20 ended
	wait "$PIPE_PID" || :
	PIPE_PID=
}
said() { until_line 20 "$out" "$1" >/dev/null; }
kill_plan() { kill -9 "$(cat "$AB_RUNTIME/alice/lock/ab-plan")"; }
replay() { ab-audit replay --no-seal --rules "$rules" "$@" alice; }
# the_same [N]: the history replays (and has N events of ab-plan, each once)
the_same() {
	run replay -v
	echo "$output"
	[[ $status -eq 0 && $output =~ ^the\ same:\ ([0-9]+)\ events ]]
	is "${BASH_REMATCH[1]}" "$(jq -r '.event | select(.type == "session.state" or .type == "booking.request") | .id' "$chain" | sort -u | wc -l)"
}
steps_by() { jq -r '.event.data.by | objects | .input' "$chain" | sort -u | paste -sd' '; }
# differs WORDS: the replay stops there
differs() {
	run replay
	[[ $status -eq 1 && ${#lines[@]} -eq 1 && $output == *"$1"* ]] || { printf '%s\nshould have: %s\n' "$output" "$1"; return 1; }
}
# changed JQ: the record with its lines so changed, as a chain of its own
changed() {
	jq -c "$1" "$BATS_TEST_TMPDIR/good" >"$BATS_TEST_TMPDIR/changed"
	"$top_srcdir/t/chain-damage" renewed 1 "$BATS_TEST_TMPDIR/changed" >"$chain"
	ab-audit verify --no-seal alice >/dev/null
}

@test "chosen, taken, chosen again, asked, booked; then again" {
	start_pipe "" failed:taken failed:declined ask
	send heartbeat x
	send available b c
	send available i1 b a1 a2
	send heartbeat i1-b-a1-a2
	said '.data.to == "booked"'
	end_pipe
	the_same
	start_pipe --again booked
	send available i3
	said '.type == "session.state" and .data.to == "booked" and (.data.by.step > 12)'
	end_pipe
	start_pipe "" # nothing to do any more
	end_pipe
	the_same
	is "$(steps_by)" "again event sent start"
	is "$(jq -r '.event | select(.type == "booking.request") | .data.slot.id' "$chain" | paste -sd' ')" "a1 a2 i1 i3"
}

@test "results that come by standard input, by the journal alone, twice, or from another goal" {
	start_pipe "" silent failed:taken silent
	send available a1 a2 i1
	said '.data.attempt == 1'
	goal=$(jq -r .goal "$state")
	result "$goal" 1 failed:taken >&9
	said '.data.attempt == 3'
	result other-goal 7 unknown >&9
	said '.data.to == "waiting"'
	settled=$(result other-goal 7 failed)
	printf '%s\n' "$settled" "$settled" >&9
	said '.data.attempt == 4'
	said '.data.why | strings | startswith("an earlier goal is settled")'
	kill_plan
	end_pipe
	the_same
	# one that only the journal has, of the last attempt: ab-plan finds it, and so does ab-audit
	goal=$(jq -r .goal "$state") attempt=$(jq .attempt "$state")
	jq -nc --argjson event "$(result "$goal" "$attempt" unknown)" --arg goal "$goal" --argjson attempt "$attempt" \
		'{seq: 1, time: $event.time, what: "result", goal: $goal, attempt: $attempt, event: $event}' >"$AB_STATE/alice/journal.ndjson"
	start_pipe ""
	said '.data.to == "waiting" and .data.by.step > 10'
	result "$goal" "$attempt" booked >&9
	said '.data.to == "booked"'
	end_pipe
	the_same
}

@test "time: results that never come, pauses, a clock that jumps in both directions" {
	start_pipe "--valid 100ms --grace 100ms" silent failed:maintenance
	send available a1 i1
	said '.data.why | strings | startswith("no result for attempt 1")'
	end_pipe
	shifted="LD_PRELOAD=$top_builddir/t/clock-at.so ASAN_OPTIONS=verify_asan_link_order=0 CLOCK_SHIFT"
	PLAN_ENV="$shifted=40000" # the first pause is over
	start_pipe "--valid 1h" failed:maintenance
	jq -c '.data.checked_at = (now + 40 | todate)' <(available a1 i1) >&9
	said '.data.attempt == 2'
	said '.data.why | strings | startswith("maintenance")'
	end_pipe
	PLAN_ENV="$shifted=-7200000"
	start_pipe ""
	jq -c '.data.checked_at = (now - 7200 | todate)' <(available a1 i1) >&9
	said '.data.why | strings | startswith("the clock was set back")'
	end_pipe
	PLAN_ENV=
	start_pipe "" booked
	send available a1 i1
	said '.data.to == "booked"'
	end_pipe
	the_same
	[[ " $(steps_by) " == *" time "* ]]
}

@test "slots that were taken, go, and return" {
	start_pipe "" failed:taken failed:taken booked
	send available a1
	said '.data.why | strings | test("1 of them tried and gone")'
	send available i1
	said '.data.why | strings | test("1 that was taken is gone")'
	send available a1
	said '.data.to == "booked"'
	end_pipe
	the_same
}

@test "without consent, and when nothing suits" {
	set_rules '{locations: ["Ankara"], notice: "24h"}' '{book: "no"}'
	start_pipe ""
	send available b
	send available a1 b
	said '.data.why | strings | test("would be 1st of 1")'
	end_pipe
	the_same
	is "$(jq -r '.event | select(.type == "booking.request")' "$chain")" ""
}

@test "ab-plan killed in the middle, many times; what it could not say is said twice or late" {
	start_pipe "" # so that the record begins with the first step
	said '.data.to == "monitoring"'
	end_pipe
	for ms in 05 10 15 20 25 30 40 60; do
		start_pipe "" silent failed:taken failed:maintenance
		{
			available a1 "a$ms" i1
			heartbeat "a1-a$ms-i1"
			available "a$ms" "i$ms"
		} >&9
		until_true 20 test -s "$AB_RUNTIME/alice/lock/ab-plan"
		read -rt "0.$ms" <> <(:) || :
		kill_plan
		end_pipe
		rm "$AB_RUNTIME/alice/lock/ab-plan"
	done
	start_pipe "" booked booked
	said '.data.to == "booked"'
	end_pipe
	start_pipe "" # ab-audit looks what it did not hear of
	end_pipe
	the_same
}

@test "everything killed at once: what was in a pipe is found at the next start, with what it followed from" {
	start_pipe "" silent
	said '.data.to == "monitoring"'
	# while ab-audit stands still, what is decided reaches the disk of ab-plan alone
	audit=$(cat "$AB_RUNTIME/alice/lock/ab-audit")
	kill -STOP "$audit"
	send available a1 i1
	until_true 20 grep -q '"state":"booking"' "$state"
	kill -9 "$audit"
	kill_plan
	end_pipe
	is "$(jq -r '.event.type' "$chain" | sort -u)" session.state
	start_pipe "" booked
	said '.data.to == "booked"'
	end_pipe
	the_same
	[ "$(jq -r '.event.type' "$chain" | grep -c appointment.available)" -eq 1 ]
}

@test "any change to the record is found where it is, and said in one line" {
	start_pipe "--valid 10m" failed:taken booked
	send available b i1 a1
	send heartbeat b-i1-a1
	said '.data.to == "booked"'
	end_pipe
	the_same
	cp "$chain" "$BATS_TEST_TMPDIR/good"
	request='.event.type == "booking.request" and .event.data.attempt == 1'
	while IFS='@' read -r change words; do
		changed "$change" || { echo "$change"; false; }
		differs "$words" || { echo "$change"; false; }
	done <<-END
	if $request then .event.data.rank = 2 else . end@booking.request): rank: recorded 2, now 1
	if $request then .event.data.slot.id = "i1" else . end@booking.request): slot: recorded {"id":"i1"
	if $request then .event.data.why = "x" else . end@booking.request): why: recorded "x", now "1st of 2
	if $request then .event.data.expires = "2099-01-01T00:00:00Z" else . end@booking.request): expires: recorded "2099
	if $request then .event.data.goal = "g" else . end@booking.request): goal: recorded "g"
	if $request then .event.data.more = 1 else . end@booking.request): more: recorded 1, now null
	if $request then .event.time = "2026-01-01T00:00:00Z" else . end@its time is not that of its step
	select($request | not)@session.state): a booking.request is derived after it, but not recorded
	if .event.data.to == "booked" then .event.data.to = "failed" else . end@to: recorded "failed", now "booked"
	if .event.data.to == "booked" then .event.data.from = "idle" else . end@from: recorded "idle", now
	select(.event.data.by.step != 3)@ab-plan's step 3 before it is not in the record
	select((.event.data.by.step // 0) as \$s | \$s < 3 or \$s > 4)@ab-plan's steps 3 to 4 before it are not in the record
	if .event.data.status == "failed" then .event.data.status = "booked" else . end@to: recorded "monitoring", now "booked"
	if .event.data.status == "booked" then .event.data.status = "failed" else . end@to: recorded "booked", now
	if .event.data.status == "failed" then .event.data.reason = "login_failed" else . end@session.state): to: recorded "monitoring", now "failed"
	select(.event.type != "appointment.available")@which it came from, is not in the record
	select(.event.data.status != "booked")@which it came from, is not in the record
	if .event.type == "appointment.available" then .event.data.slots |= map(select(.id != "a1")) else . end@session.state): why: recorded
	if .event.data.by.input == "sent" then .event.data.by.input = "time" else . end@recorded, but nothing is derived now
	if .event.data.to == "booked" then .event.data.by = null else . end@does not say what it came from
	if .event.data.by.run then .event.data.by |= del(.run) else . end@what ab-plan worked by
	if .event.data.by.seen then .event.data.by.seen = "2026-01-01T00:00:00Z" else . end@recorded, but nothing is derived now
	END
	changed '.'
	the_same
	# with -v the two events
	changed "if $request then .event.data.rank = 2 else . end"
	run replay -v
	is "$status ${#lines[@]}" "1 3"
	is "$(sed 's/^recorded: *//' <<<"${lines[1]}" | jq -c '[.type, .data.rank]')" '["booking.request",2]'
	is "$(sed 's/^derived: *//' <<<"${lines[2]}" | jq -c '[.type, .data.rank]')" '["booking.request",1]'
	[[ ${lines[0]} == "record $(jq -r "select($request).seq" "$chain") ($(jq -r "select($request).time" "$chain"), booking.request): "* ]]
	# a chain that is not whole is not replayed
	sed -i '3s/alice/bob/' "$chain"
	run replay
	is "$status" 65
	[[ $output == *"record 3 ("*"edited"*"nothing is replayed" ]]
}

@test "other rules, a state that was edited, a record that begins late" {
	start_pipe "" failed:taken silent
	send available a1 a2
	said '.data.attempt == 2'
	said '.data.by.input == "sent" and .data.by.step == 5'
	kill_plan
	end_pipe
	the_same
	cp "$rules" "$rules.then"
	set_rules '{locations: ["Istanbul"]}'
	run replay
	is "$status" 78
	[[ $output == *"the rules were changed: at 20"*" (record 1) ab-plan worked by others"* ]]
	run ab-audit replay --no-seal alice
	[ "$status" -ne 0 ]
	cp "$rules.then" "$rules"
	the_same
	# what was taken is forgotten behind ab-plan's back
	jq -c '.lost = {} | .request = null | .state = "monitoring"' "$state" >"$state.new"
	mv "$state.new" "$state"
	start_pipe "" booked
	send available a1 a2
	said '.data.to == "booked"'
	end_pipe
	differs "ab-plan began with a state that nothing recorded led to: "
	# the first steps are in no record
	rm "$chain" "$state"
	: >"$out"
	ab-plan --rules "$rules" alice >/dev/null < <(available b) || :
	jq -c '.said = [] | .heard = []' "$state" >"$state.new"
	mv "$state.new" "$state"
	start_pipe "" booked
	send available i1
	said '.data.to == "booked"'
	end_pipe
	differs "before it are not in the record"
}

@test "nothing of ab-plan in the record is nothing to replay" {
	run replay
	is "$status $output" "0 the same: 0 events of ab-plan, in 0 steps, of 0 records"
	heartbeat x | ab-audit --no-seal alice >/dev/null
	run replay
	is "$status $output" "0 the same: 0 events of ab-plan, in 0 steps, of 1 records"
}

# ---- with a site, a vault and the real programs -------------------------------------------------------

pipeline() { # pipeline: until it ends
	ab-poll alice | ab-plan "$@" alice | ab-book alice | ab-audit alice | ab-notify alice
}
start_pipeline() {
	pipeline "$@" >>"$out" 2>>"$err" 3>&- &
	PIPE_PID=$!
}
end_pipeline() {
	until_true 40 ended
	wait "$PIPE_PID" || :
	PIPE_PID=
}
whole() {
	ab-audit verify alice
	run ab-audit replay -v alice
	echo "$output"
	[[ $status -eq 0 && $output == "the same: "* ]]
}
# all that is kept, with names, modes, times and contents
kept() { find "$HOME" "$AB_RUNTIME" -printf '%p %m %s %T@ %C@\n' | sort; find "$HOME" -type f -exec sha256sum {} + | sort; }

@test "taken, then booked; it changes nothing, asks nobody, and needs no other key; edited rules don't matter" {
	start_site
	new_session alice practice
	control fault '{"fault":"taken","office":"practice","count":1}' >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	start_pipeline
	end_pipeline
	is "$(jq -r 'select(.type == "booking.result") | .data.status' "$out" | paste -sd' ')" "failed booked"
	whole
	before=$(kept) asked=$(control requests | jq .total)
	ab-audit replay alice
	is "$(kept)" "$before"
	is "$(control requests | jq .total)" "$asked"
	[ -z "$(find "$AB_RUNTIME" -name 'page.*' -type s)" ]
	# its keys: those of the rules and of the seal
	run ab-vault exec alice -- sh -c 'AB_KEYS=$(printf %s "$AB_KEYS" | tr , "\n" | grep -e /rules= -e /audit= | paste -sd, -) && export AB_KEYS && exec ab-audit replay alice'
	is "$status" 0
	for key in rules audit; do
		run ab-vault exec alice -- sh -c 'export AB_KEY_FILE=/nowhere AB_KEYS; AB_KEYS=$(printf %s "$AB_KEYS" | tr , "\n" | grep -v "/'$key'=" | paste -sd, -) && exec ab-audit replay alice </dev/null'
		[ "$status" -ne 0 ]
	done
	# the rules it worked by are in the record, sealed
	[ -z "$(grep -F '"Ankara","Istanbul"' "$chain")" ]
	ab-vault set --yaml alice preferences.exclude "[$(day 20), $(day 21)]"
	whole
	# under another master key they can't be opened; the file is taken for them
	set_rules "$(jq -nc --arg from "$(day 10)" --arg to "$(day 60)" '{between: [$from, $to], locations: ["Ankara", "Istanbul"]}')"
	ab-vault rekey --master --new-key-file "$HOME/key2" --make-key
	export AB_KEY_FILE=$HOME/key2
	run ab-audit replay alice
	is "$status" 77
	[[ $output == *"record 1, the rules that ab-plan worked by"* ]]
	ab-audit replay --rules "$rules" alice
}

@test "asked and refused, asked and agreed; killed past the commit and read back" {
	start_site --per-account 5
	new_session alice practice '.consent.book = "ask"'
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	start_pipeline
	id=$(until_line 20 "$out" '.type == "human.required"' | jq -r .data.ask)
	ab-answer --no "$id"
	id=$(until_line 20 "$out" ".type == \"human.required\" and .data.ask != \"$id\"" | jq -r .data.ask)
	ab-answer --yes "$id"
	end_pipeline
	is "$(jq -r 'select(.type == "booking.result") | "\(.data.status):\(.data.reason)"' "$out" | head -1)" failed:declined
	is "$(jq -r .state "$state")" booked
	whole
	ab-vault set alice consent.book yes
	release practice Istanbul short-stay "$(day 22)T09:30"
	control fault '{"fault":"slow","office":"practice","method":"POST","path":"/office/book","ms":3000,"count":1}' >/dev/null
	start_pipeline --again
	until_true 20 has_line "$AB_STATE/alice/journal.ndjson" '.what == "intent" and .attempt == 1'
	kill -9 "$(cat "$AB_RUNTIME/alice/lock/ab-book")" "$(cat "$AB_RUNTIME/alice/lock/ab-plan")"
	end_pipeline
	start_pipeline
	end_pipeline
	is "$(jq -r .state "$state")" booked
	whole
}

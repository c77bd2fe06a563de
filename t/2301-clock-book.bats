# The clock is set, by hours, forward and back, while a slot is asked for, booked, proved and told: nothing hangs, nothing is lost
# or done twice. What watches is in 2300.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib
load clock

setup() { clock_setup; }
teardown() { clock_teardown; }

# --- ab-plan ---
now() { clocked date -u +%FT%T.%3NZ; }
event() {
	jq -nc --arg now "$(now)" --arg type "$1" --argjson data "$2" '{specversion: "1.0", id: "\($type)-\($now)", source: "/t", type: $type,
		subject: "alice", time: $now, data: $data}'
}
available() {
	event appointment.available "$(for id; do echo "$id"; done | jq -nRc --arg now "$(now)" '[inputs] | {hash: join("-"), checked_at: $now,
		slots: to_entries | map({id: .value, start: "2097-03-\(.key + 10)T09:30:00+03:00"})}')"
}
result() { event booking.result "$(jq -c --argjson n "$1" "{goal, attempt: \$n, status: \"$2\"} + ${3:-{\}}" "$AB_STATE/alice/state.json")"; }
start_plan() {
	jq -n '{timezone: "Europe/Istanbul", preferences: {}, consent: {owner: true, book: "yes", until: "2099-12-31"}}' >"$HOME/rules.json"
	rm -f "$HOME/in"
	mkfifo "$HOME/in"
	"${with_clock[@]}" ab-plan --rules "$HOME/rules.json" "$@" alice <"$HOME/in" >"$out" 2>"$err" 3>&- 9>&- &
	pid=$!
	pids+=("$pid")
	exec 9>"$HOME/in"
}
request() { until_line 15 "$out" ".type == \"booking.request\" and .data.attempt == $1"; }
tell() { "$@" >"$AB_RUNTIME/alice/feedback"; }
state() { jq -r 'select(.type == "session.state") | .data.to' "$out" | tail -n 1; }

@test "ab-plan: a request that is out is neither given up early nor waited for longer" {
	start_plan --valid 2s --grace 2s
	available a >&9
	request 1 >/dev/null
	# forward: the result is waited for, and counts
	set_clock 6*H
	not until_true 1 has_line "$out" '.type == "session.state" and (.data.why | test("no result"))'
	tell result 1 failed '{"reason": "taken"}'
	until_line 15 "$out" '.type == "session.state" and (.data.why | test("taken"))' >/dev/null
	available b >&9
	request 2 >/dev/null
	# back: nobody answers, and that is noticed in its time
	set_clock -6*H
	until_line 15 "$out" '.type == "session.state" and (.data.why | test("no result for attempt 2"))' >/dev/null
}

@test "ab-plan: the next choice is asked for by the clock as it is, not as it was" {
	local jump n=0
	for jump in 6*H -6*H; do
		rm -rf "$AB_STATE/alice"
		set_clock 0
		start_plan
		available a b >&9
		request 1 >/dev/null
		set_clock "$jump"
		tell result 1 failed '{"reason": "taken"}'
		until_line 15 "$out" '.type == "session.state" and (.data.why | test("taken"))' >/dev/null
		available b >&9
		# what it then asks for does not expire in the past, nor hours from now
		left=$(($(date -d "$(request 2 | jq -r .data.expires)" +%s) - $(clocked date +%s)))
		[ "$left" -gt 200 ]
		[ "$left" -le 600 ]
		exec 9>&-
		end_pid "$pid"
	done
}

@test "ab-plan: started again after the clock was set back, it waits no longer than a request is valid" {
	set_clock 8*H
	start_plan --grace 1s
	available a >&9
	request 1 >/dev/null
	kill -9 "$pid"
	wait "$pid" || :
	set_clock 0
	start_plan --valid 1s --grace 1s
	left=$(($(date -d "$(request 1 | jq -r .data.expires)" +%s) - $(date +%s)))
	[ "$left" -le 600 ]
	until_line 15 "$out" '.type == "session.state" and (.data.why | test("no result for attempt 1"))' >/dev/null
}

# --- ab-book ---
# slot START…: released; sets request, made at the clock as it is
slot() {
	release practice Ankara short-stay "$@"
	slot=$(ab-poll --once alice | jq -c 'select(.type == "appointment.available") | .data.slots[0]')
}
want() {
	jq -nc --argjson slot "$slot" --arg goal "0193aaaa-0000-7000-8000-00000000000$1" --arg time "$(now)" \
		--arg expires "$(clocked date -u -d '+5 minutes' +%FT%TZ)" '{specversion: "1.0", id: "r", source: "/t", type: "booking.request",
		subject: "alice", time: $time, data: {goal: $goal, attempt: 1, slot: $slot, rank: 1, why: "test", expires: $expires}}'
}
outcome() { jq -r 'select(.type == "booking.result") | .data | "\(.status) \(.reason)"' "$out"; }

@test "ab-book: a request that the clock has overtaken is failed with nothing sent; one from its future is not valid for hours" {
	local before
	start_site
	new_session alice practice
	slot "$(day 20)T09:30"
	want 1 >"$HOME/request"
	set_clock 3*H
	before=$(asked)
	status=0
	clocked ab-book alice <"$HOME/request" >"$out" 2>"$err" || status=$?
	is "$status $(outcome)" "1 failed expired_request"
	is "$(asked)" "$before"
	set_clock 3*H
	want 2 >"$HOME/request"
	set_clock -3*H
	clocked ab-book alice <"$HOME/request" >"$out" 2>"$err"
	is "$(outcome)" "booked read back from the site"
	is "$(truth | jq length)" 1
}

@test "ab-book: the clock set at the form, at the commit and at the reading back: booked once, and proved" {
	local jump path n=0
	start_site --per-account 20
	new_session alice practice
	for path in 'slot/*' book 'booked/*' my; do
		for jump in 6*H -6*H; do
			n=$((n + 1))
			control reset '{}' >/dev/null
			rm -rf "$AB_STATE/alice" "$AB_STATE/pace"
			set_clock 0
			slot "$(day 20)T09:30"
			control fault "{\"fault\":\"slow\",\"office\":\"practice\",\"path\":\"/office/$path\",\"ms\":400,\"count\":1}" >/dev/null
			want 1 >"$HOME/request"
			behind ab-book alice <"$HOME/request"
			until_true 15 eval '[ "$(control faults | jq "[.faults[] | select((.left // .count) == 0)] | length")" -ge 1 ] || ! kill -0 $pid'
			set_clock "$jump"
			status=0
			wait "$pid" || status=$?
			is "$path $jump: $status $(outcome | cut -d' ' -f1) $(truth | jq length)" "$path $jump: 0 booked 1"
		done
	done
}

# --- codes ---
mail() { # a code, dated by the true clock
	printf 'From: codes@example.org\nTo: alice@example.org\nSubject: Your code\nDate: %s\nMessage-ID: <%s@example.org>\n\nYour code is %s.\n' \
		"$(date -R)" "$RANDOM$RANDOM" "$1" >"$BATS_TEST_TMPDIR/box/tmp/m$1"
	mv "$BATS_TEST_TMPDIR/box/tmp/m$1" "$BATS_TEST_TMPDIR/box/new/m$1"
}
answers() { [ "$(wc -l <"$out")" -ge "$1" ]; }

@test "ab-otp: the code is found and its deadline kept, whatever the clock does between mark, mail and code" {
	local box=$BATS_TEST_TMPDIR/box before between after n=0
	mkdir -p "$box"/{new,cur,tmp}
	mkfifo "$HOME/in"
	"${with_clock[@]}" ab-otp --coprocess --url "maildir:$box" <"$HOME/in" >"$out" 2>"$err" 3>&- 9>&- &
	pids+=($!)
	exec 9>"$HOME/in"
	while read -r before between after; do
		set_clock "$before"
		echo '{"do":"mark"}' >&9
		until_true 10 answers $((2 * n + 1))
		mark=$(sed -n $((2 * n + 1))p "$out" | jq -c .mark)
		set_clock "$between"
		echo "{\"do\":\"wait\",\"mark\":$mark,\"rules\":{\"settle\":\"200ms\"},\"timeout_ms\":6000}" >&9
		set_clock "$after"
		n=$((n + 1))
		mail $((222200 + n))
		until_true 10 answers $((2 * n))
		is "$before $between $after: $(sed -n $((2 * n))p "$out" | jq -r .code)" "$before $between $after: $((222200 + n))"
	done <<-'END'
	0 0 0
	3*H 0 0
	3*H 3*H 0
	0 -3*H -3*H
	0 0 -3*H
	0 0 3*H
	0 3*H 0
	-3*H -3*H 0
	END
	# a code that does not come is not waited for longer, nor given up sooner
	for after in -4*H 4*H; do
		echo "{\"do\":\"wait\",\"mark\":$mark,\"rules\":{},\"timeout_ms\":2500}" >&9
		begin=$(date +%s%N)
		set_clock "$after"
		n=$((n + 1))
		until_true 10 answers $((14 + n - 6))
		[ $((($(date +%s%N) - begin) / 1000000)) -ge 2300 ]
	done
}

@test "a question's deadline is kept, forward and back" {
	local jump
	for jump in 5*H -5*H; do
		set_clock 0
		behind "$top_builddir/t/unit/ask-test" captcha "What?" 2500 alice
		until_line 10 "$out" .ask >/dev/null
		begin=$(date +%s%N)
		set_clock "$jump"
		status=0
		wait "$pid" || status=$?
		[ $((($(date +%s%N) - begin) / 1000000)) -ge 2000 ]
		[ $((($(date +%s%N) - begin) / 1000000)) -le 10000 ]
		is "$(sed -n 3p "$out" | cut -d' ' -f1)" timeout
	done
}

# --- telling, and keeping it all running ---

@test "ab-notify: a message is tried for as long as it was to be, forward and back" {
	export FAKE=$BATS_TEST_TMPDIR AB_LIBEXEC="$top_srcdir/t/fixtures/notify:$top_builddir/libexec"
	: >"$FAKE/got"
	jq -nc '{timezone: "Europe/Istanbul", notify: ["fake:second"]}' >"$FAKE/rules.json"
	event booking.result '{"goal": "g", "attempt": 1, "status": "booked", "reference": "R-1"}' >"$HOME/event"
	# the first try fails; meanwhile the clock goes on by a week
	mkfifo "$HOME/in"
	"${with_clock[@]}" ab-notify --rules "$FAKE/rules.json" alice <"$HOME/in" >"$out" 2>"$err" 3>&- 9>&- &
	pid=$!
	pids+=("$pid")
	exec 9>"$HOME/in"
	cat "$HOME/event" >&9
	until_true 10 test -s "$FAKE/got"
	set_clock 170*H
	until_true 15 eval '[ "$(wc -l <"$FAKE/got")" -ge 2 ]'
	exec 9>&-
	wait "$pid"
	is "$(jq -r .type "$out" | paste -sd,)" booking.result
	# and back: what can't be told is given up in its time
	set_clock 0
	rm -rf "$AB_STATE/alice"
	jq -nc '{timezone: "Europe/Istanbul", notify: ["fake:later"]}' >"$FAKE/rules.json"
	clocked ab-notify --rules "$FAKE/rules.json" --deadline 2s alice < <(cat "$HOME/event"; until_true 10 test -s "$err"; set_clock -24*H) >"$out" 2>"$err" 3>&-
	[[ $(jq -r 'select(.type == "runtime.alert") | .data.reason' "$out") == *"was not told"* ]]
}

@test "ab-run: restarts, waits and silence go by elapsed time" {
	export FAKE=$BATS_TEST_TMPDIR/fake
	mkdir -p "$FAKE/bin"
	for program in ab-poll ab-plan ab-book ab-audit ab-notify; do ln -s "$top_srcdir/t/fixtures/run/stage" "$FAKE/bin/$program"; done
	ln -s "$top_srcdir/t/fixtures/run/ab-vault" "$FAKE/bin/ab-vault"
	AB_BIN="$FAKE/bin:$top_builddir/bin" behind ab-run --restart 50ms --silence 1m alice
	started() { [ -e "$FAKE/log" ] && [ "$(grep -c 'alice ab-poll start' "$FAKE/log")" -ge "$1" ]; }
	until_true 20 started 1
	until_true 20 test -s "$FAKE/alice.ab-poll.info"
	set_clock 7*H
	not until_true 1 has_line "$out" '.type == "runtime.alert"'
	for jump in -7*H 7*H; do
		n=$(grep -c 'alice ab-poll start' "$FAKE/log")
		kill -9 "$(jq .pid "$FAKE/alice.ab-poll.info")"
		set_clock "$jump"
		until_true 20 started $((n + 1))
		until_true 20 eval '! [ "$(jq .pid "$FAKE/alice.ab-poll.info")" = 0 ]'
	done
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	is "$status" 0
}

@test "the whole pipeline, the clock thrown about all the while: booked once, and said once" {
	start_site
	new_session alice practice
	SEED=${SEED:-$RANDOM}
	echo "SEED=$SEED"
	RANDOM=$SEED
	{
		clocked ab-poll alice | clocked ab-plan alice | clocked ab-book --feedback "$AB_RUNTIME/alice/feedback" alice >"$out"
	} 2>"$err" 3>&- &
	pids+=($!)
	until_line 20 "$out" '.type == "agent.heartbeat" and .data.verdict == "none"' >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	for ((i = 0; i < 400; i++)); do
		has_line "$out" '.type == "session.state" and .data.to == "booked"' && break
		set_clock "(RANDOM % 25 - 12) * H"
		read -rt 0.0$((RANDOM % 10))5 <> <(:) || :
	done
	until_line 30 "$out" '.type == "session.state" and .data.to == "booked"' >/dev/null
	is "$(truth | jq length)" 1
	is "$(jq -r 'select(.type == "booking.result") | select(.data.status == "booked") | .data.reference' "$out" | sort -u)" "$(truth | jq -r '.[0].reference')"
	is "$(jq -c 'select(.type == "booking.result" and .data.status == "unknown")' "$out")" ""
}

# The budget as the site counts it: over any window of its length, through restarts, programs side by side, kill -9,
# redirects and log-ins. Elsewhere: clocks that are set (2300), damaged budgets (2110), Retry-After for every program (2020).
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib

setup() {
	fresh_home
	pids=() SITE_PID=
	SEED=${SEED:-$RANDOM}
	echo "SEED=$SEED"
	RANDOM=$SEED
	out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
}
teardown() {
	local pid
	tail -n 5 "$out" "$err" 2>/dev/null | cut -c 1-600 || :
	for pid in "${pids[@]}"; do end_pid "$pid"; done
	stop_site
	drop_home
}

# budget REQUESTS MS RESERVE: a copy of the provider with that; sets window
budget() {
	window=$2
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	# and half a second for a request: that long one counts that nobody knows the end of
	sed -i -E -e 's/^( *)- (get|post|submit): /\1- timeout: 500ms\n\1  \2: /' -e 's/\{(get|post|submit): /{timeout: 500ms, \1: /' \
		-e "s/^pace: .*/pace: {interval: 1s, budget: $1 per $2ms, reserve: $3, settle: 300ms}/" "$HOME/providers/practice/provider.yaml"
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
}
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
asked() { control requests | jq .total; }
# most [MS]: the most requests in any window of that length, both ends included; however many programs and accounts
most() {
	control 'requests?log=1' | jq --argjson w "${1:-$window}" '[.log[].mono] | sort | . as $t | reduce range(length) as $i ([0, 0];
		until($t[$i] - $t[.[0]] <= $w; .[0] += 1) | [.[0], ([.[1], $i - .[0] + 1] | max)]) | .[1]'
}
within() { # within BUDGET: and it was tried hard enough to show something
	local most
	most=$(most)
	echo "most: $most of $1"
	[ "$most" -le "$1" ]
	[ "$most" -ge $(($1 / 3)) ] # of a loaded machine not more can be asked
}
request() {
	jq -nc --argjson slot "$1" --arg expires "$(date -u -d '+5 minutes' +%FT%TZ)" '{specversion: "1.0", id: "r", source: "/t",
		type: "booking.request", subject: "alice", data: {goal: "0193aaaa-0000-7000-8000-000000000001", attempt: 1, slot: $slot,
		rank: 1, why: "test", expires: $expires}}'
}
offer() { # sets slot
	local id start
	start="$(day 20)T09:30"
	id=$(control release "{\"office\":\"practice\",\"slots\":[{\"place\":\"Ankara\",\"category\":\"short-stay\",\"start\":\"$start\",\"seats\":1}]}" | jq -r '.slots[0].id')
	slot="{\"id\":\"$id\",\"start\":\"$start:00+03:00\",\"timezone\":\"Europe/Istanbul\",\"location\":\"Ankara\",\"category\":\"short-stay\"}"
}
waits_for_a_lock() { grep -q -e "-> FLOCK .* $1 " /proc/locks; }
mono() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
in_background() {
	"$@" >>"$out" 2>>"$err" 3>&- &
	pids+=($!)
}

@test "restarts: however often a check is started, no window holds more than its share, and nothing of the reserve" {
	budget 14 2500 4
	start_site
	new_session alice practice
	for _ in {1..20}; do ab-poll --once alice >"$out" 2>"$err" || [ $? -eq 1 ]; done
	is "$(jq -r 'select(.type == "agent.heartbeat").data.verdict' "$out")" none
	within 10
}

@test "what is written down is what the site counted, redirects and log-ins included" {
	budget 80 120000 12
	start_site
	new_session alice practice
	offer
	ab-poll --once alice >"$out" 2>"$err"
	is "$(jq '.log | length' "$AB_STATE"/pace/account-*.json)" "$(asked)"
	ab-book alice < <(request "$slot") >"$out" 2>"$err"
	is "$(jq -s 'map(.log | length) | unique | join(" ")' -r "$AB_STATE"/pace/{account,site}-*.json)" "$(asked)"
	is "$(jq '.day.count' "$AB_STATE"/pace/account-*.json)" "$(asked)"
	control 'requests?log=1' | jq -e '[.log[] | select(.status >= 300 and .status < 400)] | length > 0'
	# each of them at the time of its answer or later, so that the site's windows are inside ours
	jq -en --argjson ours "$(jq -c '.log | sort' "$AB_STATE"/pace/account-*.json)" --argjson theirs "$(control 'requests?log=1' | jq -c '[.log[].mono] | sort')" \
		'[range($ours | length) | $ours[.] - $theirs[.]] | min >= 0'
}

@test "what was taken and not sent is given back, whoever else wrote meanwhile" {
	budget 80 120000 12
	start_site
	new_session alice practice
	ab-poll --once alice >"$out" 2>"$err" || [ $? -eq 1 ]
	file=$(echo "$AB_STATE"/pace/site-*.json)
	control fault '{"fault":"stall","office":"practice","path":"/office/calendar","count":1}' >/dev/null
	in_background ab-poll --once alice
	until_true 10 eval '[ "$(control faults | jq "[.faults[].left] | add")" = 0 ]'
	exec {lock}<"$file.lock"
	flock "$lock"
	# the request is given up, and what came of it is to be written down
	until_true 10 waits_for_a_lock "${pids[0]}"
	jq -c ".mono = $(mono)" "$file" >"$HOME/later"
	cp "$HOME/later" "$file"
	exec {lock}<&-
	wait "${pids[0]}" || :
	pids=()
	jq -e '.mono as $now | all(.log[]; . <= $now) and (.log | length) == '"$(asked)" "$file"
}

@test "what others have taken and not yet sent is waited for, not taken for spent" {
	budget 60 120000 12
	start_site
	new_session alice practice
	ab-poll --once alice >"$out" 2>"$err" || [ $? -eq 1 ]
	# as of five that are in the midst of a command
	file=$(echo "$AB_STATE"/pace/site-*.json)
	jq -c '.log += [range(55) | '"$(mono)"' + 30000]' "$file" >"$HOME/taken"
	cp "$file" "$HOME/before"
	cp "$HOME/taken" "$file"
	in_background ab-poll --once alice
	for _ in 1 2 3; do # it looks, and looks again
		exec {lock}<"$file.lock"
		flock "$lock"
		until_true 10 waits_for_a_lock "${pids[0]}"
		exec {lock}<&-
		until_true 10 not waits_for_a_lock "${pids[0]}"
	done
	cp "$HOME/before" "$file"
	wait "${pids[0]}" || [ $? -eq 1 ]
	pids=()
	is "$(jq -r 'select(.type == "agent.heartbeat").data.verdict' "$out" | tail -n 1)" none
}

@test "two sessions of one account and two of one site, watching and booking at once: one budget, and the booking has its share" {
	budget 24 3000 12
	start_site
	new_session alice practice
	new_session carol practice '.credentials.username = "alice@example.org"'
	new_session bob practice
	ab-login alice >/dev/null
	offer
	for who in alice carol bob; do in_background ab-poll "$who"; done
	until_true 20 eval '[ "$(jq -s "map(select(.data.verdict == \"available\") | .subject) | unique | length" "$out")" -eq 3 ]'
	in_background bash -c 'for i in {1..8}; do ab-login --force bob; done'
	status=0
	ab-book alice < <(request "$slot") >"$HOME/booked" 2>>"$err" || status=$?
	is "$status $(jq -r 'select(.type == "booking.result").data.status' "$HOME/booked")" "0 booked"
	rounds=$(jq -s 'map(select(.type == "agent.heartbeat")) | length' "$out")
	until_true 20 eval '[ "$(jq -s "map(select(.type == \"agent.heartbeat\")) | length" "$out")" -ge $((rounds + 8)) ]'
	within 24
}

@test "checks side by side never touch the reserve" {
	budget 16 2500 6
	start_site
	new_session alice practice
	new_session bob practice
	for who in alice bob; do
		ab-login "$who" >/dev/null
		in_background bash -c 'for i in {1..8}; do ab-poll --once "$0"; done' "$who"
	done
	wait "${pids[@]}" || :
	within 10
}

@test "kill -9 at any moment frees nothing" {
	budget 14 2500 4
	start_site
	new_session alice practice
	ab-poll --once alice >"$out" 2>"$err" || [ $? -eq 1 ]
	for ((i = 0; i < 18; i++)); do
		rm -f "$AB_STATE/alice/login.json" # the hour's log-ins have a limit of their own, which chance would reach here
		# log-ins too, and answers that take a while, so that it is hit before, in and after a request
		if ((RANDOM % 3 == 0)); then control fault '{"fault":"expire","path":"/office/calendar","count":1}' >/dev/null; fi
		if ((RANDOM % 3 == 0)); then control fault '{"fault":"slow","office":"practice","ms":60,"count":2}' >/dev/null; fi
		ab-poll --once alice >"$out" 2>"$err" 3>&- &
		pid=$!
		read -rt "0.$(printf %03d $((RANDOM % 300)))" <> <(:) || :
		if ((RANDOM % 2)); then
			kill -9 "$pid" 2>/dev/null || :
		else # one of its children: the launcher, and with it the page agent or a log-in
			kill -9 $(pgrep -P "$pid") 2>/dev/null || kill -9 "$pid" 2>/dev/null || :
		fi
		wait "$pid" 2>/dev/null || :
	done
	within 10
	# and what killed programs had taken has come back
	curl -sS -X DELETE "${CONTROL}_demo/faults" >/dev/null
	rm -f "$AB_STATE/alice/login.json"
	ab-poll --once alice >"$out" 2>"$err" || is $? 1
}

@test "a program killed between a request and its answer has it counted until it can't be under way any more" {
	budget 80 60000 12
	start_site
	new_session alice practice
	ab-poll --once alice >"$out" 2>"$err" || [ $? -eq 1 ]
	before=$(jq '.log | length' "$AB_STATE"/pace/account-*.json)
	control fault '{"fault":"stall","office":"practice","path":"/office/calendar","count":1}' >/dev/null
	ab-poll --once alice >"$out" 2>"$err" 3>&- &
	pid=$!
	until_true 10 eval '[ "$(control faults | jq "[.faults[].left] | add")" = 0 ]'
	kill -9 "$pid"
	wait "$pid" || :
	# the most that it might have sent, until the most time that it might have taken
	jq -e --argjson before "$before" '.mono as $now | (.log | length) > $before and ([.log[] | select(. > $now)] | length) == (.log | length) - $before' \
		"$AB_STATE"/pace/account-*.json
}

@test "requests_per_day: over restarts and programs, and the day's last ones are the booking's" {
	budget 80 1000 12
	start_site
	new_session alice practice '.consent.requests_per_day = "34"'
	for _ in {1..24}; do ab-poll --once alice >"$out" 2>"$err" || :; done
	[[ $(cat "$err") == *"the 34 requests a day that the owner consented to are used up"* ]]
	[ "$(asked)" -le 22 ]
	[ "$(asked)" -ge 12 ]
	# a watch is told so, and it is no wish of the site's
	is "$(jq -r 'select(.type == "agent.heartbeat").data.verdict' "$out")" paused
	offer
	ab-book alice < <(request "$slot") >"$out" 2>"$err"
	is "$(truth | jq length)" 1
	[ "$(asked)" -le 34 ]
	for _ in 1 2 3; do ab-poll --once alice >"$out" 2>"$err" || :; done
	[ "$(asked)" -le 34 ]
}

@test "requests_per_day of sessions in different zones is one day, not one for each" {
	budget 80 1000 2
	start_site
	new_session alice practice '.timezone = "Pacific/Kiritimati" | .consent.requests_per_day = "24"'
	new_session carol practice '.timezone = "Pacific/Pago_Pago" | .consent.requests_per_day = "24" | .credentials.username = "alice@example.org"'
	for _ in {1..14}; do
		ab-poll --once alice >"$out" 2>"$err" || :
		ab-poll --once carol >"$out" 2>"$err" || :
	done
	[[ $(cat "$err") == *"used up"* ]]
	[ "$(asked)" -le 24 ]
}

@test "Retry-After in every form it may have, and in those it may not" {
	local value least most held wrong=0
	start_site
	new_session alice practice
	ab-login alice >/dev/null
	ahead() { date -u -d '+600 seconds' "+$1"; }
	while IFS='|' read -r value least most; do
		rm -rf "$AB_STATE/pace"
		control fault "{\"fault\":\"throttle\",\"path\":\"/office/calendar\",\"count\":1,\"retry_after\":$value}" >/dev/null
		ab-poll --once alice >"$out" 2>"$err" || [ $? -eq 75 ]
		held=$(jq '((.hold // 0) - .mono) / 1000 | floor' "$AB_STATE"/pace/account-*.json)
		[ "$held" -ge "$least" ] && [ "$held" -le "$most" ] || { echo "$value: $held s"; wrong=1; }
	done <<-END
	600|590|600
	"600"|590|600
	"$(ahead '%a, %d %b %Y %T GMT')"|590|600
	"$(ahead '%A, %d-%b-%y %T GMT')"|590|600
	"$(ahead '%a %b %e %T %Y')"|590|600
	0|50|60
	"Sun, 06 Nov 1994 08:49:37 GMT"|50|60
	"Sunday, 06-Nov-94 08:49:37 GMT"|50|60
	"Sun Nov  6 08:49:37 1994"|50|60
	"soon"|50|60
	"-600"|50|60
	"600 s"|50|60
	"1e3"|50|60
	"99999999999999999999"|50|60
	"Fri, 31 Dec 9999 23:59:59 GMT"|50|60
	"$(ahead '%a, %d %b %Y %T +0300')"|50|60
	END
	is "$wrong" 0
}

@test "a 429 that one program gets slows the others of the account that are running, and not those of another account" {
	budget 1000 60000 12
	start_site
	new_session alice practice
	new_session carol practice '.credentials.username = "alice@example.org"'
	new_session bob practice
	for who in alice carol bob; do
		ab-login "$who" >/dev/null
		in_background ab-poll "$who"
	done
	until_true 20 eval '[ "$(jq -s "map(select(.data.verdict == \"none\") | .subject) | unique | length" "$out")" -eq 3 ]'
	control fault '{"fault":"throttle","office":"practice","path":"/office/calendar","account":"alice@example.org","retry_after":3,"count":1}' >/dev/null
	until_line 20 "$out" '.data.verdict == "throttled"' >/dev/null
	who=$(until_line 20 "$out" '.data.verdict == "throttled"' | jq -r .subject)
	[ "$who" = bob ] && mates='["bob@example.org"]' || mates='["alice@example.org"]'
	n=$(jq -s 'map(select(.data.verdict == "none")) | length' "$out")
	until_true 20 eval '[ "$(jq -s "map(select(.data.verdict == \"none\" and .subject != \"bob\")) | length" "$out")" -ge 1 ]'
	until_true 20 eval '[ "$(jq -s "map(select(.data.verdict == \"none\")) | length" "$out")" -ge $((n + 8)) ]'
	# one of the other program was perhaps on its way already; half a second is all it may take
	control 'requests?log=1' | jq -e --argjson mates "$mates" '.log as $l | ([$l[] | select(.status == 429)][0].mono) as $at |
		([$l[] | select(.mono > $at and (.account as $a | $mates | index($a))) | .mono - $at] |
			(map(select(. < 500)) | length <= 1) and (map(select(. >= 500)) | min >= 3000)) and
		([$l[] | select(.mono > $at and .mono < $at + 3000 and (.account as $a | $mates | index($a) | not))] | length > 0)'
}

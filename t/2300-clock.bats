# The clock is set, by hours, forward and back, before and while a program runs: what watches, and what is kept on disk for it.
# Durations go by the monotonic clock: nothing hangs, no budget is spent twice, and no wrong word is said. See 2301, too.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib
load clock

setup() { clock_setup; }
teardown() { clock_teardown; }

rounds() { jq -s 'map(select(.type == "agent.heartbeat")) | length' "$out"; }
# more_rounds N: until there were N more looks, with a deadline
more_rounds() { until_true 15 eval '[ "$(rounds)" -ge '$(($(rounds) + $1))' ]'; }
verdict() { jq -r 'select(.type == "agent.heartbeat") | .data.verdict' "$out" | tail -n 1; }
# look VERDICT: one check, which must see that; its exit status in $status
look() {
	status=0
	clocked ab-poll --once alice >"$out" 2>"$err" || status=$?
	is "$(verdict)" "$1"
}
# impatient PACE: a copy of the provider with that budget
impatient() {
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	sed -i -e "s/^pace: .*/pace: {interval: 1s, $1, settle: 500ms}/" "$HOME/providers/practice/provider.yaml"
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
}
# held: how long the account is left alone still, in seconds
held() { jq -s 'map(((.hold // 0) - .mono) / 1000 | floor) | max' "$AB_STATE"/pace/account-*.json; }
# most_in MS: the most requests that the site counted in any MS
most_in() { control 'requests?log=1' | jq --argjson w "$1" '[.log[].mono] | . as $t | [range(length) as $i | [$t[$i:][] | select(. < $t[$i] + $w)] | length] | max // 0'; }

@test "the preloaded clock is set while a program runs, and stays away from the monotonic ones" {
	set_clock 5*H
	[ $(($(clocked date +%s) - $(date +%s) - 5 * 3600)) -le 1 ]
	set_clock -5*H
	[ $(($(date +%s) - $(clocked date +%s) - 5 * 3600)) -le 1 ]
}

@test "a watch goes on at its interval, neither frozen nor hurried, and its events keep their order" {
	local jump
	start_site
	new_session alice practice
	behind ab-poll alice
	until_line 20 "$out" '.type == "agent.heartbeat" and .data.verdict == "none"' >/dev/null
	curl -sS -X DELETE "${CONTROL}_demo/requests" >/dev/null
	for jump in 5*H -9*H 30*H 0; do
		set_clock "$jump"
		more_rounds 2
		is "$(verdict)" none
	done
	# no two looks within less than an interval, whatever the clock did
	control 'requests?log=1' | jq -e '[.log[] | select(.path == "/office/calendar") | .mono] | . as $t | [range(1; length) | $t[.] - $t[. - 1]] | min >= 950'
	is "$(jq -r .id "$out" | LC_ALL=C sort -c 2>&1 && jq -r .id "$out" | sort | uniq -d)" ""
	is "$(jq -c 'select(.type == "runtime.alert" or (.type == "session.login" and (.data.ok | not)))' "$out")" ""
	[ -z "$(jq -c 'select(.type == "agent.heartbeat" and (.data.next_ms < 0 or .data.next_ms > 2000))' "$out")" ]
}

@test "a watch that waits for its hours finds them by the clock as it is set" {
	local n at
	start_site
	at=$(TZ=Asia/Kathmandu date +%s)
	# there it is 11 o'clock now
	at=$((11 * 3600 - (at + 20700) % 86400))
	new_session alice practice '.timezone = "Asia/Kathmandu" | .schedule = {interval: "1s", jitter: "0s", active: ["12:00-13:00"]} | .consent.until = "2099-12-31"'
	ab-login alice >/dev/null # the code's mail is dated by another clock
	set_clock "$at * 1000"
	behind ab-poll alice
	until_line 20 "$out" '.type == "agent.heartbeat" and .data.next_ms > 3000000 and .data.next_ms <= 3600000' >/dev/null
	set_clock "$at * 1000 + H"
	until_true 15 eval '[ "$(rounds)" -ge 3 ]'
	# and it is evening: the next look is tomorrow's
	set_clock "$at * 1000 + 6*H"
	until_line 15 "$out" '.type == "agent.heartbeat" and .data.next_ms > 60000000' >/dev/null
	n=$(rounds)
	not until_true 2 eval '[ "$(rounds)" -gt '"$n"' ]'
}

@test "a budget is neither spent twice nor frozen: the site counts by its own clock" {
	local jump begin
	impatient 'budget: 9 per 3s, reserve: 2'
	start_site
	new_session alice practice
	ab-login alice >/dev/null # the code's mail is dated by another clock
	begin=$(date +%s)
	for jump in 3*H 6*H -6*H 24*H 0; do
		set_clock "$jump"
		for _ in 1 2 3; do look none; done
	done
	is "$(control requests | jq .dropped)" 0
	[ "$(asked)" -ge 15 ]
	[ "$(most_in 3000)" -le 9 ]
	[ $(($(date +%s) - begin)) -lt 60 ]
}

@test "Retry-After stands: forward it does not end sooner, back not later" {
	local jump before
	start_site
	new_session alice practice
	look none
	control fault '{"fault":"throttle","office":"practice","path":"/office/calendar","retry_after":600,"count":1}' >/dev/null
	look throttled
	before=$(asked)
	for jump in 3*H -7*H 48*H 0; do
		set_clock "$jump"
		look throttled
		is "$status" 75
		[ "$(held)" -gt 540 ]
		[ "$(held)" -le 600 ]
	done
	is "$(asked)" "$before"
}

@test "Retry-After as a date is measured by the site's clock, however wrong ours is" {
	local jump
	start_site
	new_session alice practice
	for jump in 5*H -5*H; do
		set_clock "$jump"
		rm -rf "$AB_STATE/pace"
		control fault '{"fault":"throttle","office":"practice","path":"/office/calendar","retry_after":600,"date":true,"count":1}' >/dev/null
		look throttled
		[ "$(held)" -gt 540 ]
		[ "$(held)" -le 600 ]
	done
}

@test "a watch under a hold goes on when it is over, though the clock was set back or forward meanwhile" {
	local jump n
	start_site
	new_session alice practice
	behind ab-poll alice
	until_line 20 "$out" '.data.verdict == "none"' >/dev/null
	for jump in -8*H 8*H; do
		control fault '{"fault":"throttle","office":"practice","path":"/office/calendar","retry_after":3,"count":1}' >/dev/null
		n=$(jq -s 'map(select(.data.verdict == "throttled")) | length' "$out")
		until_true 15 eval '[ "$(jq -s "map(select(.data.verdict == \"throttled\")) | length" "$out")" -gt '"$n"' ]'
		set_clock "$jump"
		until_true 15 eval '[ "$(verdict)" = none ]'
	done
	# the three seconds were kept
	control 'requests?log=1' | jq -e '.log as $l | [range($l | length) as $i | select($l[$i].status == 429) | $l[$i + 1].mono - $l[$i].mono] | length == 2 and min >= 2900'
}

@test "after the machine was started anew a hold ends by the wall clock, and no later than it would have" {
	local file
	start_site
	new_session alice practice
	look none
	control fault '{"fault":"throttle","office":"practice","path":"/office/calendar","retry_after":600,"count":1}' >/dev/null
	look throttled
	file=$(echo "$AB_STATE"/pace/account-*.json)
	jq -c '.boot = "another" | .mono += 5000000 | .hold += 5000000 | .log[] += 5000000 | .day.end += 5000000' "$file" >"$HOME/kept"
	cp "$HOME/kept" "$file"
	set_clock -5*H
	look throttled
	[[ $(cat "$err") =~ no\ request\ left\ for\ (5[0-9][0-9]|600)\ s ]]
	cp "$HOME/kept" "$file"
	set_clock 300000
	look throttled
	[[ $(cat "$err") =~ no\ request\ left\ for\ (2[0-9][0-9]|300)\ s ]]
	cp "$HOME/kept" "$file"
	set_clock 700000
	look none
}

# day_left ZONE WALL: how long a day that begins to be counted at WALL lasts still, in minutes
day_left() {
	local name=z$RANDOM
	new_session "$name" practice ".timezone = \"$1\" | .consent.until = \"2099-12-31\" | .credentials.username = \"$name@example.org\""
	set_clock "($(date -d "$2" +%s) - $(date +%s)) * 1000"
	rm -rf "$AB_STATE/pace"
	clocked ab-poll --once "$name" >"$out" 2>"$err" || :
	jq -s 'map((.day.end - .mono) / 60000 | round) | max' "$AB_STATE"/pace/account-*.json
}

@test "the day of requests_per_day ends at the session's midnight, days of 23 and 25 hours included" {
	start_site
	is "$(day_left Europe/Istanbul 2027-01-10T23:00:00+03:00)" 60
	is "$(day_left Asia/Kathmandu 2027-01-10T20:00:00+05:45)" 240
	is "$(day_left Europe/Berlin 2027-03-28T00:30:00+01:00)" $((22 * 60 + 30))
	is "$(day_left Europe/Berlin 2027-10-31T00:30:00+02:00)" $((24 * 60 + 30))
	is "$(day_left America/New_York 2027-03-14T00:30:00-05:00)" $((22 * 60 + 30))
	is "$(day_left America/New_York 2027-11-07T00:30:00-04:00)" $((24 * 60 + 30))
}

@test "no day's requests are spent twice when the clock goes over midnight and back" {
	local jump file end
	start_site
	new_session alice practice '.consent.requests_per_day = "40"'
	for jump in 0 25*H 0 -25*H 0 25*H; do
		set_clock "$jump"
		for _ in {1..12}; do
			look none || break
		done
	done
	[[ $(cat "$err") == *"used up"* ]]
	[ "$(asked)" -le 40 ]
	[ "$(asked)" -ge 20 ]
	# a day that was over begins a new one, which is not shorter than half a day whatever the clock shows
	set_clock 0
	for file in "$AB_STATE"/pace/*.json; do
		jq -c '.day.end = .mono - 1 | .log = []' "$file" >"$HOME/new" && mv "$HOME/new" "$file"
	done
	set_clock "($(TZ=Europe/Istanbul date -d 'today 23:59' +%s) - $(date +%s)) * 1000"
	look none
	end=$(jq '(.day.end - .mono) / 3600000' "$(echo "$AB_STATE"/pace/account-*.json)")
	jq -en "$end > 23 and $end < 37"
}

@test "ab-login: the log-ins of the last hour are those of the last hour" {
	local jump
	start_site
	new_session alice practice
	for _ in {1..6}; do
		control fault '{"fault":"expire","path":"/office/my","count":1}' >/dev/null
		clocked ab-login alice >"$out" 2>"$err"
	done
	control fault '{"fault":"expire","path":"/office/my","count":99}' >/dev/null
	for jump in 4*H -4*H 0; do
		set_clock "$jump"
		status=0
		clocked ab-login alice >"$out" 2>"$err" || status=$?
		is "$status" 75
		[[ $(cat "$err") =~ 6\ logins\ in\ the\ last\ hour\;\ the\ next\ may\ be\ in\ (59|60)\ minutes ]]
	done
}

@test "consent: its last day is by the clock, for a watch that runs, too" {
	start_site
	new_session alice practice '.consent.until = (now + 86400 | strftime("%F"))'
	behind ab-poll alice
	until_line 20 "$out" '.data.verdict == "none"' >/dev/null
	set_clock 50*H
	until_line 20 "$out" '.type == "runtime.alert" and .data.severity == "error" and (.data.reason | test("consent"))' >/dev/null
	status=0
	wait "$pid" || status=$?
	is "$status" 77
	look ""
	is "$status" 77
	set_clock 0
	look none
}

# ab-login on the practice sites.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	start_site
}
teardown() {
	stop_site
	drop_home
}

@test "it logs in with the mailed code, and the next time sees that it is" {
	new_session alice practice
	run --separate-stderr ab-login alice
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(jq -r .type <<<"$output" | tr '\n' ' ')" = "otp.requested otp.received session.login " ]
	run ab-login alice
	[ "$status" -eq 0 ]
	[ "$(jq -r .data.reason <<<"$output")" = "already logged in" ]
}

@test "the session survives the page's agent in the sealed state" {
	new_session alice practice
	ab-login alice >/dev/null
	until_true 10 test ! -e "$AB_RUNTIME/alice/page.sock"
	run ab-poll --once alice
	echo "$output"
	[ "$status" -eq 1 ]
	[ -z "$(jq -c 'select(.type == "session.login")' <<<"$output")" ]
}

@test "an old code in the mailbox is never used" {
	new_session alice practice
	control fault '{"fault":"stale-code","office":"practice"}'
	run ab-login alice
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "of two codes, the one asked for last" {
	new_session alice practice
	control fault '{"fault":"two-codes","office":"practice"}'
	run ab-login alice
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a refused login is 77, is remembered, and the site is not asked again until the record changes" {
	new_session alice practice '.credentials.password = "wrong"'
	run --separate-stderr ab-login alice
	echo "$output" "$stderr"
	[ "$status" -eq 77 ]
	before=$(control requests | jq .total)
	run --separate-stderr ab-login alice
	[ "$status" -eq 77 ]
	[[ $stderr == *"ab-vault edit alice"* ]]
	# at most the look whether it is logged in
	[ "$(($(control requests | jq .total) - before))" -le 2 ]
	printf practice | ab-vault set alice credentials.password -
	run ab-login alice
	[ "$status" -eq 0 ]
}

@test "logins are bounded per hour, across restarts" {
	new_session alice practice
	ab-login alice >/dev/null
	for _ in 2 3 4 5 6; do
		control fault '{"fault":"expire","office":"practice","count":1}' >/dev/null
		ab-login alice >/dev/null
	done
	control fault '{"fault":"expire","office":"practice","count":1}' >/dev/null
	run --separate-stderr ab-login alice
	echo "$stderr"
	[ "$status" -eq 75 ]
	[[ $stderr == *"logins in the last hour"* ]]
}

@test "where the inbox is the person, the code is asked for, told as an event, and the login goes on with the answer" {
	new_session alice practice '.inbox.url = "human:me"'
	ab-login alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	LOGIN_PID=$!
	id=$(until_line 20 "$HOME/events" '.type == "human.required" and .data.kind == "otp"' | jq -r .data.ask)
	until_true 10 eval '[ "$(control codes | jq ".codes | length")" -gt 0 ]'
	control codes | jq -r '.codes[0] | .code? // .' | ab-answer "$id" -
	wait "$LOGIN_PID"
	[ "$(jq -r 'select(.type == "human.answered") | .data.outcome' "$HOME/events")" = answered ]
	[ "$(jq -r 'select(.type == "session.login") | .data.ok' "$HOME/events")" = true ]
}

@test "a code that the site mails as a picture is handed to the person, and the login goes on with the answer" {
	new_session alice practice
	control fault '{"fault":"image-code","office":"practice","count":1}' >/dev/null
	ab-login alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	login=$!
	question=$(until_line 10 "$HOME/out" '.type == "human.required" and .data.kind == "otp"')
	# with the very picture of the mail
	mail=$(find "$MAIL" -type f | head -n 1)
	ab-vault evidence alice show "$(jq -r .data.picture <<<"$question")" |
		cmp - <(sed -n '/^Content-Transfer-Encoding: base64/,/^--/p' "$mail" | sed '1,2d;/^--/d' | base64 -d)
	control codes | jq -er '.codes[0].code' | ab-answer "$(jq -r .data.ask <<<"$question")" -
	wait "$login"
	[ "$(jq -r 'select(.type == "otp.received").data.channel' "$HOME/out")" = picture ]
	[ "$(jq -r 'select(.type == "session.login").data.ok' "$HOME/out")" = true ]
}

@test "at a terminal the person types the code where they logged in" {
	new_session alice practice '.inbox.url = "human:me"'
	# the same seed gives the same codes
	ab-login alice >"$HOME/events" 2>/dev/null 3>&- &
	LOGIN_PID=$!
	id=$(until_line 20 "$HOME/events" '.type == "human.required"' | jq -r .data.ask)
	until_true 10 eval '[ "$(control codes | jq ".codes | length")" -gt 0 ]'
	code=$(control codes | jq -r '.codes[0].code')
	ab-answer --no "$id"
	wait "$LOGIN_PID" || :
	stop_site
	start_site
	ab-vault set alice site.base "$BASE"
	run "$top_builddir/t/unit/on-tty" "Code (not shown)" "$code" -- ab-login alice
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'"outcome":"answered"'*'"ok":true,"reason":"logged in"'* ]]
}

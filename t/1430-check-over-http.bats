# A provider that logs in and books in a browser, and checks over HTTP with the browser's cookies: a watcher costs no browser.
bats_require_minimum_version 1.5.0
load lib
load browser
load demo

setup() {
	chromium_here
	fresh_home
	start_site
	count_browsers
	over_http check
}
teardown() {
	tail -n 5 "$HOME/out" "$HOME/err" 2>/dev/null | cut -c 1-600 || :
	end_pid "${POLL_PID:-}"
	end_pid "${PIPE_PID:-}"
	stop_site
	until_true 10 no_browser
	drop_home
}

# over_http FLOW…: the practice provider in a browser, but for these flows
over_http() {
	mkdir -p "$HOME/providers/practice"
	python3 - "$top_srcdir/providers/practice/provider.yaml" "$HOME/providers/practice/provider.yaml" "$@" <<-'END'
	import re, sys
	out, over = [], False
	for line in open(sys.argv[1]):
	    flow = re.match(r"  (\w+):$", line)
	    if flow:
	        over = flow.group(1) in sys.argv[3:]
	    elif re.match(r" {0,2}\S", line):
	        over = False
	    if flow and over:
	        line += "    transport: http\n    steps:\n"
	    elif over:
	        line = "  " + line
	    if line.startswith("name: "):
	        line += "transport: browser\n"
	    out.append(line)
	open(sys.argv[2], "w").write("".join(out))
	END
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
	ab-provider check practice
}
# A line in $HOME/browsers for each browser page that is started
count_browsers() {
	mkdir "$HOME/libexec"
	printf '#!/bin/sh\necho started >>%q\nexec %q "$@"\n' "$HOME/browsers" "$top_builddir/libexec/ab-page-browser" >"$HOME/libexec/ab-page-browser"
	chmod +x "$HOME/libexec/ab-page-browser"
	: >"$HOME/browsers"
	export AB_LIBEXEC="$HOME/libexec:$AB_LIBEXEC"
}
browsers() { wc -l <"$HOME/browsers"; }
asked() { # asked METHOD PATH: how often the site was
	control 'requests?log=1' | jq --arg m "$1" --arg p "$2" '[.log[] | select(.method == $m and .path == $p)] | length'
}
logins() { asked POST /office/code; }
state() { ab-vault exec alice -- "$top_builddir/t/unit/vault-test" read alice state; }
rounds() { jq -s 'map(select(.type == "agent.heartbeat" and .data.verdict == "none")) | length' "$HOME/out"; }
more_rounds() { [ "$(rounds)" -ge "$1" ]; }
watch() {
	ab-poll alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	POLL_PID=$!
}

@test "the browser logs in, and ends; checks go over HTTP with its cookies, from one program to the next" {
	new_session alice practice
	watch
	until_true 30 more_rounds 1
	[ "$(logins)" = 1 ]
	until_true 10 no_browser
	until_true 30 more_rounds 4
	no_browser
	kill "$POLL_PID" && wait "$POLL_PID"
	POLL_PID=
	[ "$(asked GET /office/calendar)" -ge 5 ]
	run --separate-stderr ab-poll --once alice
	[ "$status" -eq 1 ]
	[ "$(logins)" = 1 ]
	[ "$(browsers)" = 1 ]
}

@test "an expired session: the browser logs in anew within the check's turn, and the checks go on" {
	new_session alice practice
	watch
	until_true 30 more_rounds 1
	control fault '{"fault":"expire","office":"practice","count":1}' >/dev/null
	until_line 30 "$HOME/out" '.type == "session.login" and .data.ok' >/dev/null
	until_true 30 eval '[ "$(logins)" = 2 ]'
	until_true 30 more_rounds "$(($(rounds) + 2))"
	[ "$(browsers)" = 2 ]
	not grep -q expired "$HOME/out"
}

@test "what pages stored waits in the vault while checks go over HTTP, and the next browser has it" {
	local stored
	new_session alice practice
	stored="[{\"area\":\"local\",\"key\":\"step\",\"origin\":\"${BASE%/}\",\"value\":\"7\"}]"
	ab-vault exec alice -- "$top_builddir/t/unit/vault-test" write alice state "{\"page\":{\"cookies\":[],\"storage\":$stored}}"
	# a check, a log-in in a browser, whose page had it and gave it back, and the check again
	ab-poll --once alice >"$HOME/out" || [ $? -eq 1 ]
	[ "$(browsers)" = 1 ]
	[ "$(state | jq -c .page.storage)" = "$stored" ]
	[ "$(state | jq '.page.cookies | length')" -gt 0 ]
	ab-poll --once alice >"$HOME/out" || [ $? -eq 1 ]
	[ "$(state | jq -c .page.storage)" = "$stored" ]
}

@test "a booking through the browser, with the cookies that the checks had, read back over HTTP" {
	over_http check alive verify
	new_session alice practice
	ab-login alice >"$HOME/out"
	[ "$(browsers)" = 1 ]
	ab-login alice | jq -e '.data.reason == "already logged in"'
	[ "$(browsers)" = 1 ]
	release practice Ankara short-stay "$(day 20)T09:30"
	ab-run alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	until_line 40 "$HOME/out" '.type == "booking.result" and .data.status == "booked"' >"$HOME/result"
	[ "$(truth | jq -r '[.[].reference] | join(",")')" = "$(jq -r .data.reference "$HOME/result")" ]
	jq -r '.data.evidence[]' "$HOME/result" | grep -q '\.png$'
	[ "$(logins)" = 1 ]
	# one for the booking; what proved it needed none
	[ "$(browsers)" = 2 ]
	until_true 10 no_browser
}

@test "cookies out of the person's browser reach the checks, and the browser that books; no log-in is tried" {
	new_session alice practice '.credentials.password = "not that"'
	base=$BASE maildir=$MAIL jar=$HOME/cookies.txt
	log_in alice@example.org practice
	ab-vault import --cookies "$jar" alice
	release practice Ankara short-stay "$(day 20)T09:30"
	ab-run alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	until_line 40 "$HOME/out" '.type == "booking.result" and .data.status == "booked"' >/dev/null
	[ "$(asked POST /office/login)" = 1 ]
	[ "$(browsers)" -ge 1 ]
}

@test "a browser that dies in its flow takes nothing with it: the cookies that there were are kept" {
	new_session alice practice
	ab-vault exec alice -- "$top_builddir/t/unit/vault-test" write alice state \
		'{"page":{"cookies":[{"domain":"127.0.0.1","host_only":true,"name":"mine","path":"/","value":"1"}]}}'
	control fault '{"fault":"slow","office":"practice","path":"/office/login","count":1,"ms":8000}' >/dev/null
	ab-login alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	until_true 20 eval '[ -n "$(browser_pid)" ] && [ "$(asked GET /office/login)" = 1 ]'
	kill -9 "$(browser_pid)"
	wait "$PIPE_PID" || [ $? -eq 75 ]
	PIPE_PID=
	jq -e 'select(.type == "session.login") | .data.ok == false and (.data.reason | startswith("unreachable"))' "$HOME/out"
	state | jq -e 'any(.page.cookies[]; .name == "mine")'
}

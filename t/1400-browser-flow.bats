# The flows of a session in a browser: the same steps, the same proofs, from the login to the read-back.
bats_require_minimum_version 1.5.0
load lib
load browser

setup() {
	chromium_here
	fresh_home
	start_site
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	# a region is for HTTP; the rest is as it was
	sed -i -e 's/^name: practice$/name: practice\ntransport: browser/' -e '/^ *region: {/d' "$HOME/providers/practice/provider.yaml"
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
}
teardown() {
	tail -n 5 "$HOME/out" "$HOME/err" 2>/dev/null | cut -c 1-600 || :
	end_pid "${PIPE_PID:-}"
	stop_site
	until_true 10 no_browser
	drop_home
}

@test "a session logs in with its mailed code, sees nothing, then a slot, and books it: proved, once, with pictures of it" {
	new_session alice practice
	run --separate-stderr ab-poll --once alice
	echo "$output" "$stderr"
	[ "$status" -eq 1 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat").data.verdict' <<<"$output")" = none ]
	release practice Ankara short-stay "$(day 20)T09:30"
	ab-run alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	until_line 40 "$HOME/out" '.type == "booking.result" and .data.status == "booked"' >"$HOME/result"
	[ "$(truth | jq -r 'length')" = 1 ]
	[ "$(truth | jq -r '.[0].reference')" = "$(jq -r .data.reference "$HOME/result")" ]
	jq -r '.data.evidence[]' "$HOME/result" | grep -q '\.png$'
	ab-vault evidence alice show "$(jq -r '.data.evidence[]' "$HOME/result" | grep '\.png$' | head -n 1)" | head -c 4 | grep -q PNG
	# of the login: one for both, its cookies were kept in the vault from the first look to the second
	[ "$(jq -s 'map(select(.type == "session.login" and .data.ok)) | length' "$HOME/out")" -le 1 ]
}

# by_hand: the provider logs in and books as a person would: fields filled, boxes ticked, buttons clicked
by_hand() {
	python3 - "$HOME/providers/practice/provider.yaml" <<-'END'
	import sys, re
	path = sys.argv[1]
	text = open(path).read()
	def change(old, new):
	    global text
	    assert old in text, old
	    text = text.replace(old, new)
	change("""        - submit: form#login-form
	          set: {email: "${.credentials.username}", password: "${.credentials.password}"}
	          allow: code_asked
	""", """        - fill: {label=E-mail address: "${.credentials.username}", "input#password": "${.credentials.password}"}
	        - {click: "form#login-form button", allow: code_asked}
	        - {wait: {css: "form#code-form"}, allow: code_asked}
	""")
	change("""        - {submit: form#code-form, set: {code: "${.var.code}"}, allow: code_asked}
	""", """        - fill: {"form#code-form input[name=code]": "${.var.code}"}
	        - {press: Enter, allow: code_asked}
	""")
	text = re.sub(r"    - submit: form#booking-form\n.*?      commit: true\n", """    - fill:
	        "[name=first_name]": "${.profile.first_name}"
	        "[name=last_name]": "${.profile.last_name}"
	        "[name=birth_date]": "${.profile.date_of_birth}"
	        "[name=passport_number]": "${.profile.passport_number}"
	        "[name=passport_expiry]": "${.profile.passport_expiry}"
	        "[name=phone]": "3120000000"
	    - choose: {label=Nationality: Türkiye, "select#purpose": tourism}
	    - check: "[name=gender][value=x]"
	    - check: "#accept_terms"
	    - screenshot: filled
	    - {click: "text=Book this appointment", commit: true, timeout: 10s}
	""", text, flags=re.S)
	open(path, "w").write(text)
	END
	ab-provider check practice
}

@test "the same by hand: fill, choose, check, press, wait, and a click that commits" {
	by_hand
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	ab-run alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	until_line 40 "$HOME/out" '.type == "booking.result" and .data.status == "booked"' >"$HOME/result"
	[ "$(truth | jq -r '[.[].reference] | join(",")')" = "$(jq -r .data.reference "$HOME/result")" ]
	jq -r '.data.evidence[]' "$HOME/result" | grep -q 'filled.*\.png$'
	# the click went out once
	[ "$(control 'requests?log=1' | jq '[.log[] | select(.method == "POST" and (.path | endswith("/book")))] | length')" = 1 ]
}

@test "a button that never comes is a page that has changed, with a picture of it" {
	by_hand
	new_session alice practice
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(ab-poll --once alice | jq -c 'select(.type == "appointment.available").data.slots[0]')
	sed -i 's/text=Book this appointment/text=Book it now/; s/commit: true, timeout: 10s/commit: true, timeout: 1s/' "$HOME/providers/practice/provider.yaml"
	request() {
		jq -nc --argjson slot "$slot" --argjson n "$1" --arg expires "$(date -u -d '+5 minutes' +%FT%TZ)" '{specversion: "1.0", id: "r\($n)", source: "/t",
			type: "booking.request", subject: "alice", data: {goal: "0193aaaa-0000-7000-8000-000000000001", attempt: $n, slot: $slot, rank: 1, why: "test", expires: $expires}}'
	}
	ab-book alice < <(request 1) >"$HOME/out" 2>"$HOME/err" || [ $? -eq 1 ]
	result=$(jq -c 'select(.type == "booking.result").data' "$HOME/out")
	[ "$(jq -r .status <<<"$result")" = failed ]
	[ "$(jq -r .reason <<<"$result")" = changed ]
	grep -qF "book: click: text=Book it now: nothing matches" "$HOME/err"
	jq -r '.evidence[]' <<<"$result" | grep -q '\.png$'
	[ "$(truth)" = '[]' ]
}

@test "the browser killed in the midst of a look is unreachable, and the next look has a new one" {
	new_session alice practice
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	control fault '{"fault":"slow","office":"practice","path":"/office/calendar","count":1,"ms":4000}' >/dev/null
	ab-poll alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	asked() { [ "$(control 'requests?log=1' | jq '[.log[] | select(.path == "/office/calendar")] | length')" -gt 0 ] || [ -n "$(browser_pid)" ]; }
	until_true 20 asked
	kill -9 "$(browser_pid)"
	until_line 30 "$HOME/out" '.data.verdict == "none"' >/dev/null
}

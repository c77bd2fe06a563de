# The provider vfs-global where the site has more than one way: what is watched, who passes the challenge, what the page and the answer say.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib
load browser
load vfs

setup() { vfs_setup; }
teardown() { vfs_teardown; }

# codes_sent: how many codes the site has mailed
codes_sent() { grep -rl 'Subject: One Time Password' "$MAIL/new" "$MAIL/cur" 2>/dev/null | wc -l; }

@test "several centres, and sub-categories of several categories: each is looked at, and the slot of another one is booked as that" {
	visitor '.site += {centres: "Ankara, ISTANBUL", subcategories: "Tourism, Long Stay Visa > Work"}'
	control release "{\"office\":\"vfs\",\"slots\":[{\"place\":\"Istanbul\",\"category\":\"long-stay/work\",\"start\":\"$(day 20)T13:00\",\"seats\":1}]}" >/dev/null
	watch
	result booked
	jq -e '.data.slot | .location == "Istanbul" and .category == "Long Stay Visa > Work"' "$HOME/result"
	truth | jq -e 'length == 1 and .[0].place == "Istanbul" and .[0].category == "long-stay/work"'
	# that the other three had none was asked, not taken for granted
	[ "$(control 'requests?log=1' | jq '[.log[] | select(.path | endswith("/CheckIsSlotAvailable"))] | length')" -ge 4 ]
}

@test "who is logged in is not logged in again: no second code; after the site has ended the session there is one" {
	visitor
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	[ "$(codes_sent)" = 1 ]
	ab-login --force alice >"$HOME/out" 2>"$HOME/err"
	[ "$(codes_sent)" = 1 ]
	control fault '{"fault":"expire","office":"vfs","path":"/vfs/api/appointment/application","count":1}' >/dev/null
	ab-poll --once alice >"$HOME/out" 2>"$HOME/err" || [ $? -eq 1 ]
	[ "$(codes_sent)" = 2 ]
	jq -es 'any(.[]; .data.verdict == "none")' "$HOME/out"
}

@test "a picture at the door is shown to the person; their digits are typed in, and the log-in goes on" {
	visitor
	# the look whether it is logged in still meets it, too
	control fault '{"fault":"captcha","office":"vfs","path":"/vfs/api/challenge","count":2}' >/dev/null
	ab-login alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	is_asked() { question=$(ab-answer --json --session alice) && [ -n "$question" ]; }
	until_true 30 is_asked
	[ "$(jq -r .kind <<<"$question")" = captcha ]
	ab-answer "$(jq -r .id <<<"$question")" "$(control codes | jq -r '.challenges[0].answer')"
	wait "$PIPE_PID"
	PIPE_PID=
	jq -es 'any(.[]; .type == "session.login" and .data.ok)' "$HOME/out"
}

@test "a challenge that is no picture is for the person to pass in the page; who declines ends the log-in as challenged" {
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/vfs-global" "$HOME/providers/"
	export AB_PROVIDERS="$HOME/providers"
	# as if the picture were none that the provider knows
	sed -i 's/img#challenge-picture/img#other/; s/{timeout: 10s, optional/{timeout: 1s, optional/' "$HOME/providers/vfs-global/provider.yaml"
	visitor
	control fault '{"fault":"captcha","office":"vfs","path":"/vfs/api/challenge","count":9}' >/dev/null
	ab-login alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	is_asked() { question=$(ab-answer --json --session alice) && [ -n "$question" ]; }
	until_true 30 is_asked
	[ "$(jq -r .kind <<<"$question")" = confirm ]
	ab-answer --no "$(jq -r .id <<<"$question")"
	run wait "$PIPE_PID"
	PIPE_PID=
	jq -es 'any(.[]; .type == "session.login" and (.data.ok | not) and (.data.reason | contains("challenged")))' "$HOME/out"
	[ "$(codes_sent)" = 0 ]
}

@test "a page that says otherwise than the site answered is changed, and so is one that says nothing" {
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/vfs-global" "$HOME/providers/"
	export AB_PROVIDERS="$HOME/providers"
	visitor
	offer 09:30
	ab-login alice >/dev/null 2>"$HOME/err"
	# as if the page had said another day
	sed -i 's/day: "\\(.y)-\\(.m)-\\(.d)"}/day: "\\(.y)-\\(.m)-01"}/' "$HOME/providers/vfs-global/provider.yaml"
	ab-poll --once alice >"$HOME/out" 2>>"$HOME/err" || [ $? -eq 75 ]
	jq -es 'any(.[]; .type == "agent.heartbeat" and .data.verdict == "changed" and (.data.reason | contains("something else than the site answered")))' "$HOME/out"
	# the answers unheard: the page alone is believed
	sed -i 's/\*\/appointment\//*\/elsewhere\//; s/-01"}/-\\(.d)"}/' "$HOME/providers/vfs-global/provider.yaml"
	ab-poll --once alice >"$HOME/out" 2>>"$HOME/err"
	jq -es 'any(.[]; .type == "appointment.available" and (.data.slots | length == 1 and .[0].extra.allocation == null))' "$HOME/out"
}

@test "a waitlist is seen and told, once; joining it is the person's" {
	control vfs '{"waitlist":true}' >/dev/null
	visitor '.schedule.interval = "1s"'
	ab-poll alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
	looks() { [ "$(jq -s 'map(select(.data.verdict == "none")) | length' "$HOME/out")" -ge 3 ]; }
	until_true 40 looks
	jq -es 'map(select(.type == "runtime.alert").data) | length == 1 and (.[0] | .severity == "info" and (.reason | contains("waitlist")))' "$HOME/out"
}

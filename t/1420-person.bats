# The person in the loop: questions answered from elsewhere, what they do in the page itself, deadlines, and solvers.
bats_require_minimum_version 1.5.0
load lib
load browser

setup() {
	fresh_home
	start_site
	mkdir -p "$HOME/providers" "$HOME/solvers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	recipe=$HOME/providers/practice/provider.yaml
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers" AB_LIBEXEC="$HOME/solvers:$top_builddir/libexec"
	new_session alice practice
}
teardown() {
	tail -n 5 "$HOME/out" "$HOME/err" 2>/dev/null | cut -c 1-600 || :
	end_pid "${POLL:-}"
	end_pid "${XVFB:-}"
	stop_site
	until_true 10 no_browser
	drop_home
}

in_a_browser() {
	chromium_here
	sed -i -e 's/^name: practice$/name: practice\ntransport: browser/' -e '/^ *region: {/d' "$recipe"
}
# before FLOW STEP: STEP is the flow's first
before() {
	python3 - "$recipe" "$1" "$2" <<-'END'
	import sys
	path, flow, step = sys.argv[1:]
	text = open(path).read()
	assert text.count("\n  %s:\n" % flow) == 1
	open(path, "w").write(text.replace("\n  %s:\n" % flow, "\n  %s:\n    - %s\n" % (flow, step)))
	END
	ab-provider check practice
}
# door [HUMAN]: a provider that only meets the challenge of the office vfs, and sees no slots; HUMAN are further rules of its question
door() {
	chromium_here
	mkdir "$HOME/providers/door"
	cat >"$HOME/providers/door/provider.yaml" <<-END
	name: door
	title: The challenge at the door
	transport: browser
	base: "\${.site.base}"
	needs:
	  site.base: {title: Address}
	flows:
	  check:
	    - get: /tur/en/fra/login
	    - wait: {css: "#onetrust-accept-btn-handler"}
	    - click: "#onetrust-accept-btn-handler"
	    - wait: {css: "#challenge-picture"}
	    - click: "#challenge-answer"
	    - human: {kind: captcha, question: Which digits?, into: digits, until: {css: "[name=cf-turnstile-response][value]:not([value=''])"}${1:-}}
	    - if: .var.digits
	      then:
	        - fill: {"#challenge-answer": "\${.var.digits}"}
	        - click: "#challenge-button"
	    - expect: {css: "[name=cf-turnstile-response][value]:not([value=''])"}
	    - slots: "[]"
	END
	ab-provider check door
	control fault '{"fault":"captcha","office":"vfs","count":9}' >/dev/null
	new_session "${2:-bob}" door "${3:-.}"
}
digits() { control codes | jq -r '.challenges[0].answer'; }

# watch [OPTION…] SESSION: ab-poll in the background, its events in $HOME/out
watch() {
	ab-poll "$@" >"$HOME/out" 2>"$HOME/err" 3>&- &
	POLL=$!
}
# asked SESSION: waits until a question of it is open; its JSON in $question, its id in $id
asked() {
	is_asked() { question=$(ab-answer --json --session "$whose"); }
	whose=$1
	until_true 25 is_asked
	id=$(jq -r .id <<<"$question")
}
ended() { not kill -0 "$POLL" 2>/dev/null; }
outcome() { jq -r 'select(.type == "human.answered").data.outcome' "$HOME/out" | tail -n 1; }
verdict() { until_line 25 "$HOME/out" '.type == "agent.heartbeat"' | jq -r '.data.verdict'; }
gets() { control 'requests?log=1' | jq --arg path "$1" '[.log[] | select(.path == $path and .method == "GET")] | length'; }

# solver NAME: a fake one, whose body is read from standard input; what it is asked is in $HOME/asked
solver() {
	{ printf '#!/bin/sh\nread -r request\nprintf "%%s\\n" "$request" >>"%s"\n' "$HOME/asked"; cat; } >"$HOME/solvers/ab-solve-$1"
	chmod +x "$HOME/solvers/ab-solve-$1"
}
consents() { ab-vault set alice consent.solver "$1"; }

@test "a challenge in place of the page: the person passes it there, and the question is taken back; nothing is asked of the site anew" {
	in_a_browser
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	control fault '{"fault":"captcha","office":"practice","path":"/office/calendar","count":1,"person_ms":2500}' >/dev/null
	before=$(gets /office/calendar)
	watch --once alice
	asked alice
	[ "$(jq -r .kind <<<"$question")" = captcha ]
	[ "$(verdict)" = none ]
	[ "$(outcome)" = withdrawn ]
	run -1 ab-answer --list
	run -75 ab-answer "$id" bridge
	[ "$(($(gets /office/calendar) - before))" = 2 ] # the look, and the person's click
}

@test "a challenge that is answered from another terminal: the question has the page's picture, and the page is asked for again" {
	in_a_browser
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	control fault '{"fault":"captcha","office":"practice","path":"/office/calendar","count":1}' >/dev/null
	before=$(gets /office/calendar)
	watch --once alice
	asked alice
	show=$(ab-answer --list | sed -n 's/^ *picture: //p')
	[[ $show == "ab-vault evidence alice show "*-challenged.png ]]
	$show | head -c 8 | grep -q PNG
	not grep -rq PNG "$AB_STATE/alice/evidence" # sealed
	ab-answer "$id" "the third one"
	[ "$(verdict)" = none ]
	[ "$(outcome)" = answered ]
	[ "$(($(gets /office/calendar) - before))" = 2 ]
}

@test "a step asks the person to do something in the page, and goes on when it is done; a yes that comes first is believed once the page shows it" {
	in_a_browser
	sed -i 's|^    - get: "*/office/calendar.*|&\n      allow: challenged\n    - human: {kind: confirm, question: Please follow the link, until: {not: {css: "main#captcha"}}}|' "$recipe"
	ab-provider check practice
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	local answer
	for answer in '' yes; do
		control fault '{"fault":"captcha","office":"practice","path":"/office/calendar","count":1,"person_ms":2500}' >/dev/null
		watch --once alice
		asked alice
		[[ $(jq -r .picture <<<"$question") == *-human.png ]]
		[ -z "$answer" ] || ab-answer --yes "$id"
		[ "$(verdict)" = none ]
		[ "$(outcome)" = "$([ -z "$answer" ] && echo withdrawn || echo answered)" ]
		until_true 10 ended
	done
	# what is so already need not be asked
	run -1 ab-poll --once alice
	not grep -q human.required <<<"$output"
}

@test "the browser that ends while the person is asked ends the look, and the question with it" {
	in_a_browser
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	control fault '{"fault":"captcha","office":"practice","path":"/office/calendar","count":1}' >/dev/null
	watch --once alice
	asked alice
	kill -9 "$(browser_pid)"
	[ "$(verdict)" = unreachable ]
	run -1 ab-answer --list
}

@test "a scripted person reads the digits off the sealed picture's challenge and answers from another process; the flow types them" {
	door
	watch --once bob
	asked bob
	ab-vault evidence bob show "$(jq -r .picture <<<"$question")" | head -c 8 | grep -q PNG
	ab-answer "$id" "$(digits)"
	[ "$(verdict)" = none ]
}

@test "the person acts in the window of a headed browser" {
	[ -x /usr/lib/chromium/chromium ] && command -v Xvfb xdotool >/dev/null || skip "needs chromium, Xvfb and xdotool: ./bootstrap check brings them"
	door '' bob '.headed = "true"'
	Xvfb -displayfd 3 -screen 0 1400x1100x24 -nolisten tcp 3>"$HOME/display" >/dev/null 2>&1 &
	XVFB=$!
	until_true 10 test -s "$HOME/display"
	export DISPLAY=:$(head -n 1 "$HOME/display")
	watch --once bob
	asked bob
	xdotool type --delay 50 "$(digits)"
	xdotool key Tab key space
	[ "$(verdict)" = none ]
	[ "$(outcome)" = withdrawn ]
}

@test "a browser with a window needs a display, and a Chromium that has one: said in a line" {
	in_a_browser
	unset DISPLAY WAYLAND_DISPLAY
	for program in "ab-poll --once" ab-login ab-book; do
		run -78 --separate-stderr $program --headed alice </dev/null
		[ "$stderr" = "${program%% *}: alice: a browser with a window (headed) needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set" ]
	done
	ab-vault set alice headed true
	run -78 ab-poll --once alice
	ab-vault set alice headed false
	# what has no window
	DISPLAY=:99 AB_CHROMIUM=/usr/lib/chromium/chromium-headless-shell run --separate-stderr ab-page --headed -b "$BASE" browser <<<'{"id":1,"do":"get","url":"/"}'
	[ "$(jq -r .error.message <<<"$output")" = "AB_CHROMIUM names /usr/lib/chromium/chromium-headless-shell, which has no window" ]
}

@test "a deadline that is missed: the look is challenged, the watch goes on, and the next look asks again" {
	before check '{human: {kind: confirm, question: May I look?, timeout: 2s}}'
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	watch alice
	[ "$(verdict)" = challenged ]
	jq -r 'select(.type == "agent.heartbeat").data.reason' "$HOME/out" | grep -q '^check: human: nobody answered within 2 s$'
	[ "$(outcome)" = timeout ]
	asked alice
	ab-answer --yes "$id"
	until_line 25 "$HOME/out" '.data.verdict == "none"' >/dev/null
	kill -0 "$POLL"
}

@test "a deadline that is missed while logging in: said so, and another time" {
	before login '{human: {kind: confirm, question: May I log in?, timeout: 1s}}'
	run -75 --separate-stderr ab-login alice
	jq -es 'map(select(.type == "session.login").data | [.ok, .reason]) == [[false, "challenged: login: human: nobody answered within 1 s"]]' <<<"$output"
	[[ $stderr == *"ab-login: challenged: login: human: nobody answered within 1 s"* ]]
}

@test "a deadline that is missed while booking: before the commit it failed, and nothing is booked; after it it is read back" {
	request() {
		jq -nc --argjson slot "$slot" --argjson n "$1" --arg expires "$(date -u -d '+5 minutes' +%FT%TZ)" '{specversion: "1.0", id: "r\($n)", source: "/t",
			type: "booking.request", subject: "alice", data: {goal: "0193aaaa-0000-7000-8000-000000000001", attempt: $n, slot: $slot, rank: 1, why: "test", expires: $expires}}'
	}
	result() { jq -c 'select(.type == "booking.result").data' "$HOME/out"; }
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(ab-poll --once alice | jq -c 'select(.type == "appointment.available").data.slots[0]')
	cp "$recipe" "$HOME/recipe"
	before book '{human: {kind: confirm, question: Shall I?, timeout: 1s}}'
	run -1 --separate-stderr ab-book alice < <(request 1)
	echo "$output" >"$HOME/out"
	result | jq -e '.status == "failed" and .reason == "challenged"'
	[[ $stderr == *"book: human: nobody answered within 1 s"* ]]
	[ "$(truth)" = '[]' ]

	awk '{ print } /^      commit: true/ && !done { print "    - human: {kind: payment, question: Is it paid?, timeout: 1s}"; done = 1 }' "$HOME/recipe" >"$recipe"
	ab-provider check practice
	run -0 ab-book alice < <(request 2)
	echo "$output" >"$HOME/out"
	result | jq -e '.status == "booked"'
	[ "$(outcome)" = timeout ]
	[ "$(truth | jq length)" = 1 ]
}

@test "a solver that the consent names is asked first, with the page's picture; its answer is used" {
	solver fake <<-END
	printf '{"answer":"%s"}\n' "\$(curl -sSf "${CONTROL}_demo/codes" | jq -r '.challenges[0].answer')"
	END
	door '' bob '.consent.solver = "fake"'
	watch --once bob
	[ "$(verdict)" = none ]
	not grep -q human.required "$HOME/out"
	jq -es 'length == 1 and (.[0] | .kind == "captcha" and .question == "Which digits?" and (.url | endswith("/tur/en/fra/login")) and
		.picture.type == "image/png" and (keys == ["kind", "picture", "question", "url"]))' "$HOME/asked"
	jq -r .picture.data_base64 "$HOME/asked" | base64 -d | head -c 8 | grep -q PNG
}

@test "without consent no solver is ever started; nor one of a like name, nor for what is no challenge" {
	before check '{human: {kind: captcha, question: What is it?, timeout: 1s}}'
	echo 'echo "{\"answer\":\"x\"}"' | solver fake
	run -75 ab-poll --once alice
	consents none
	run -75 ab-poll --once alice
	consents other
	run -75 --separate-stderr ab-poll --once alice
	[[ $stderr == *"the solver other gave no answer, so the person is asked: no driver ab-solve-other"* ]]
	consents fakes
	run -75 --separate-stderr ab-poll --once alice
	[[ $stderr == *"no driver ab-solve-fakes"* ]]
	[ ! -e "$HOME/asked" ]
	consents fake
	sed -i 's/kind: captcha, question: What/kind: confirm, question: What/' "$recipe"
	run -75 ab-poll --once alice
	[ ! -e "$HOME/asked" ]
	sed -i 's/kind: confirm, question: What/kind: captcha, question: What/' "$recipe"
	run -1 ab-poll --once alice
	[ -s "$HOME/asked" ]
}

@test "a solver that fails, hangs or talks nonsense: the person is asked as before" {
	before check '{human: {kind: captcha, question: What is it?, timeout: 2s}}'
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	consents fake
	local body
	for body in 'echo "{\"error\":\"too dark\"}"' 'exit 3' 'echo nonsense' 'echo "{\"answer\":\"\"}"' 'echo "{\"answer\":7}"' 'exec sleep 60'; do
		echo "$body" | solver fake
		watch --once alice
		asked alice
		ab-answer "$id" "a bridge"
		[ "$(verdict)" = none ]
		until_true 10 ended
		grep -q 'the solver fake gave no answer, so the person is asked: ' "$HOME/err"
	done
	grep -q 'it did not answer in time' "$HOME/err"
}

@test "a solver's answer that does not help: the person is asked" {
	sed -i '/^ *region: {/d; s|^    - get: "*/office/calendar.*|&\n    - human: {kind: captcha, question: What is it?, until: {css: "body.never"}, timeout: 1s}|' "$recipe"
	ab-provider check practice
	ab-login alice >"$HOME/out" 2>"$HOME/err"
	consents fake
	echo 'echo "{\"answer\":\"x\"}"' | solver fake
	run -75 --separate-stderr ab-poll --once alice
	grep -q human.required <<<"$output"
	[ "$(wc -l <"$HOME/asked")" = 1 ]
}

@test "ab-solve(5): a solver that knows one answer" {
	man_example ab-solve.5 1 >"$HOME/solvers/ab-solve-example"
	chmod +x "$HOME/solvers/ab-solve-example"
	before check '{human: {kind: captcha, question: "How much is two and two?", into: sum, timeout: 1s}}'
	consents example
	run -1 --separate-stderr ab-poll --once alice
	sed -i 's/two and two/three and three/' "$recipe"
	run -75 --separate-stderr ab-poll --once alice
	[[ $stderr == *"so the person is asked: I only know one"* ]]
}

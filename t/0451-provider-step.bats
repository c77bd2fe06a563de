#!/usr/bin/env bats
# ab-provider try --step: a flow walked step by step, with pictures of the page.

bats_require_minimum_version 1.5.0
load lib
load browser

setup() {
	fresh_home
	start_site
	new_session alice practice
}
teardown() {
	tail -n 40 "$HOME/err" 2>/dev/null | cut -c 1-300 || :
	stop_site
	until_true 10 no_browser
	drop_home
}

# walk LINES [OPTION…] FLOW: tries it with these lines typed; sets status, OUT and ERR
walk() {
	status=0
	ab-provider try --session alice --step "${@:2}" >"$HOME/out" 2>"$HOME/err" < <(printf '%b' "$1") || status=$?
	OUT=$(<"$HOME/out") ERR=$(<"$HOME/err")
}
# shown TEXT…: each is there, one after the other
shown() {
	local rest=$ERR part
	for part; do
		[[ $rest == *"$part"* ]] || { echo "not shown (here): $part"; false; }
		rest=${rest#*"$part"}
	done
}
# change SED: a copy of the provider, changed
change() {
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	sed -i "$1" "$HOME/providers/practice/provider.yaml"
	export AB_PROVIDERS=$HOME/providers
}

@test "q, the end of input and a signal stop before the first step; nothing is sent" {
	before=$(control requests | jq -r .total)
	walk 'q\n' check
	[ "$status" -eq 75 ]
	[ "$(jq -r '.class, .reason' <<<"$OUT" | tr '\n' ' ')" = "stopped check: get: stopped by hand " ]
	walk '' check
	[ "$status" -eq 75 ]
	mkfifo "$HOME/typed"
	ab-provider try --session alice --step check >"$HOME/out" 2>"$HOME/err" <>"$HOME/typed" 3>&- &
	pid=$!
	until_true 10 grep -q 'Enter runs it' "$HOME/err"
	kill "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 75 ]
	[ "$(control requests | jq -r .total)" = "$before" ]
}

@test "each step is shown with its line, then what came of it: address, status, values, rows, slots, time" {
	ab-login alice >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	walk '\n\n\n\n\n\n' check
	[ "$status" -eq 0 ]
	file=$top_srcdir/providers/practice/provider.yaml
	line=$(grep -n -- '- get: /office/calendar' "$file" | cut -d : -f 1)
	shown "1. $file:$line: get" "get: /office/calendar" "Enter runs it" "200 ${BASE}office/calendar" "done, " " ms" \
		"3. $file:$((line + 3)): let" "count = 2" "rows" "2 rows" "the first: {" "slots" "location: Ankara" "2 slots so far"
	# a step within another has its line, too
	walk 'c\n' --slot '{"id":"x","start":"2027-01-01T00:00:00Z","location":"Ankara","category":"short-stay"}' --booking '{"reference":"R-1"}' verify
	shown "$file:$(grep -n 'if: ".var.strayed"' "$file" | cut -d : -f 1): if"
}

@test "no secret is shown: not in the steps, the values, the page or an expression; nor is the code" {
	release practice Ankara short-stay "$(day 20)T09:30"
	walk 'c\n' book
	[ "$status" -eq 0 ]
	shown "first_name: <" "passport_number: <profile.passport_number>" "submit: form#booking-form" "(the commit: it is not sent" "the flow ends: commit"
	walk '\np\ne .profile\nq\n' --slot "$(ab-provider try --session alice check 2>/dev/null | jq -c '.slots[0]')" book
	shown "e .profile" '"passport_number":"<profile.passport_number>"'
	not grep -qiE 'P0000001|1990-02-01|312 000|alice@|1 Example Street' "$HOME/err"
	[ "$(truth)" = '[]' ]
}

@test "p shows the page, e evaluates, s leaves out, c goes on; what is none of them is said" {
	ab-login alice >/dev/null
	walk 'p\n\np\ne .page.status + 1\ne .var.\ne .profile.gender\nwhat\ns\n\nc\n' check
	[ "$status" -eq 0 ]
	shown "there is no page yet" "200 ${BASE}office/calendar (text/html)" "| " "Free appointments" "e .page.status + 1" "   201" "e .var." "   " \
		'   "x"' "'what' is none of them" "3. " "count = 0" "4. "
	# left out: nothing came of it
	sed -n '/^2\. /,/^3\. /p' "$HOME/err" >"$HOME/second"
	not grep -q 'done,' "$HOME/second"
	[ "$(jq -r .class <<<"$OUT")" = ok ]
}

@test "a step that fails tells what was looked for, how much of it is there, and what the page has instead" {
	ab-login alice >/dev/null
	change 's/css: "h1#calendar-title"}, why: the calendar/css: "main#calendar h1#title"}, why: the calendar/'
	walk 'c\n' --pictures "$HOME/pics" check
	[ "$status" -eq 1 ]
	shown "expect" "the flow ends: changed" "looked for:" 'css "main#calendar h1#title": no' "of it, 'main#calendar' is there: 1" "the page has:" \
		"headings 'Free appointments'" "forms 'calendar-filter'" "buttons 'Show'" "saved: $HOME/pics/002-expect.html"
	change 's/each: table#slots tr.slot/each: "main#calendar form"/'
	walk 'c\n' check
	shown "rows" "the flow ends: changed" "looked for:" "css 'main#calendar form' is there: 1"
}

@test "over HTTP the page is saved after each step that acts, for its owner alone" {
	ab-login alice >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(ab-provider try --session alice check | jq -c '.slots[0]')
	(umask 000 && walk 'c\n' --pictures "$HOME/pics" --slot "$slot" book && [ "$status" -eq 0 ])
	[ "$(cd "$HOME/pics" && echo *)" = "001-get.html 005-submit.html" ]
	[ "$(stat -c %a "$HOME/pics" "$HOME/pics/"* | tr '\n' ' ')" = "700 600 600 " ]
	grep -q 'id="booking-form"' "$HOME/pics/001-get.html"
	run ab-provider try --session alice --pictures "$HOME/pics" check
	[ "$status" -eq 64 ]
}

@test "the manual's example walks all steps at once, and saves their pages" {
	ab-login alice >/dev/null
	cd "$BATS_TEST_TMPDIR"
	example=$(sed -n 's/^\.Dl \(echo c .*\)/\1/p' "$top_srcdir/man/ab-provider.1")
	run --separate-stderr bash -c "$example"
	[ "$status" -eq 0 ]
	[ "$(echo pages-now/*)" = pages-now/001-get.html ]
}

@test "in a browser it is a picture, too" {
	chromium_here
	change 's/^name: practice$/name: practice\ntransport: browser/; /^ *region: {/d'
	ab-login alice >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30"
	walk 'c\n' --pictures "$HOME/pics" check
	[ "$status" -eq 0 ]
	head -c 4 "$HOME/pics/001-get.png" | grep -q PNG
	grep -q 'data-place="Ankara"' "$HOME/pics/001-get.html"
	shown "saved: $HOME/pics/001-get.png" "1 slots so far"
}

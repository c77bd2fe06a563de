#!/usr/bin/env bats
# ab-provider record: the pages of a run as fixtures that `ab-provider test` plays at once, without what is personal or secret.

bats_require_minimum_version 1.5.0
load lib
load browser

setup() {
	fresh_home
	rec=$HOME/rec
}
teardown() {
	tail -n 30 "$HOME/err" 2>/dev/null | cut -c 1-300 || :
	stop_site
	end_pid "${WEB_PID:-}"
	until_true 10 no_browser
	drop_home
}

# record ARG…: for alice; sets status, OUT and ERR
record() {
	status=0
	ab-provider record --session alice "$@" >"$HOME/out" 2>"$HOME/err" </dev/null || status=$?
	OUT=$(<"$HOME/out") ERR=$(<"$HOME/err")
}
# personal: what new_session gives alice, in forms that a page or an address may have; and what is in the recorded files of it
personal() {
	not grep -rniE 'P0000001|P.000.00.?01|alice|1 Example Street|1990-02-01|01/02/1990|2032-05-31|312.?000|UDAwMDAwMDE' "$@"
}

# web: a site of files in $WEB on a free port, and alice's session with the provider `site` for it (its flows on stdin)
web() {
	WEB=$BATS_TEST_TMPDIR/web
	mkdir -p "$WEB" "$HOME/providers/site"
	cat >"$HOME/providers/site/provider.yaml" <<-'END'
	name: site
	title: A site
	base: "${.site.base}"
	timezone: Europe/Berlin
	needs:
	  site.base: {title: Address}
	  profile.first_name: {title: First name}
	  profile.passport_number: {title: Passport}
	  profile.date_of_birth: {title: Date of birth}
	  profile.phone: {title: Phone}
	  profile.files.passport: {title: Picture, optional: true}
	pace: {interval: 60s, jitter: 20%, budget: 80 per 120s, reserve: 1}
	END
	cat >>"$HOME/providers/site/provider.yaml"
	python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$WEB" >"$HOME/web" 2>"$HOME/asked" 3>&- &
	WEB_PID=$!
	until_true 10 grep -q port "$HOME/web"
	BASE="http://127.0.0.1:$(sed 's/.*port \([0-9]*\).*/\1/' "$HOME/web")/" MAIL=$HOME/mail
	export AB_PROVIDERS=$HOME/providers
	ab-provider check site
	new_session alice site "${1:-.}"
}
one_page() {
	web "$@" <<-'END'
	flows:
	  check:
	    - get: /page.html
	    - expect: {css: h1, text: "${.profile.first_name}"}
	      why: the name is there
	    - let: {token: {css: "input[name=csrf_token]", attr: value}}
	    - expect: {jq: '.var.token | length > 20'}
	    - slots: '[]'
	END
}

@test "the pages of check, book and verify are kept, and ab-provider test agrees with them at once, without the site" {
	start_site
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	record check book verify "$rec"
	[ "$status" -eq 0 ]
	[ "$OUT" = "ok - practice: check, as it was recorded
ok - practice: book, as it was recorded
ok - practice: verify, as it was recorded" ]
	[ "$(cd "$rec" && echo *)" = "book-01-get.html check-01-get.html tests.yaml verify-01-get.html" ]
	[ "$(stat -c %a "$rec" "$rec"/* | sort -u | tr '\n' ' ')" = "600 700 " ]
	[ "$(truth)" = '[]' ]
	# two slots are expected, and one that is taken away is missed
	stop_site
	run ab-provider test --pages "$rec" practice
	[ "$status" -eq 0 ]
	sed -i '0,/tr class="slot"/s/tr class="slot"/tr class="s"/; s/data-count="2"/data-count="1"/' "$rec/check-01-get.html"
	run ab-provider test --pages "$rec" practice
	[ "${lines[0]}" = "not ok - practice: check, as it was recorded: slots: 2 wanted, 1 found" ]
	personal "$rec"
	grep -q 'look through' "$HOME/err"
	[[ $ERR == *"replaced: profile.passport_number, "*" times"* ]]
	# how often, never what
	personal <(grep -v specversion "$HOME/err")
}

@test "the manual's example does what it says" {
	start_site
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	cd "$BATS_TEST_TMPDIR"
	run --separate-stderr bash -ec "$(man_example ab-provider.1 1)"
	[ "$status" -eq 0 ]
	[ "$(sort <<<"$output" | uniq -c | sed 's/^ *//')" = "2 ok - practice: book, as it was recorded
2 ok - practice: check, as it was recorded" ]
}

@test "of a site that answers in JSON, too; a redirect is kept as one" {
	start_site
	new_session alice practice-api
	release practice-api Ankara short-stay "$(day 20)T09:30"
	record check book "$rec"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<<"$OUT")" -eq 2 ]
	personal "$rec"
	sed -i 's/^ *dry: .*//' "$rec/tests.yaml"
	run ab-provider test --pages "$rec" practice-api
	# not dry any more: the commit has no page
	[[ "$output" == *"class 'commit' wanted, 'unreachable' found"* ]]
}

@test "a form that leads on by a redirect is played again; tokens in its fields and address have stand-ins" {
	web <<-'END'
	flows:
	  check:
	    - get: /form.html
	    - submit: form#search
	      set: {q: "${.profile.passport_number}"}
	    - expect: {css: h1, text: There}
	    - slots: '[{id: "a", start: "2027-01-01T09:00:00Z", seats: 2}]'
	  alive:
	    - get: /old
	    - expect: {css: h1, text: There}
	END
	mkdir "$WEB/old" "$WEB/found"
	echo '<h1>There</h1>' | tee "$WEB/old/index.html" >"$WEB/found/index.html"
	echo '<form id=search action=/found><input name=q><input type=hidden name=csrf value=3f9ac01b77e24d05></form>' >"$WEB/form.html"
	record check alive "$rec"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<<"$OUT")" -eq 2 ]
	grep -q 'status: 303' "$rec/tests.yaml"
	not grep -rq '3f9ac01b77e24d05' "$rec"
	personal "$rec"
}

@test "a code that came has a stand-in, which comes again when the case is run" {
	web <<-'END'
	flows:
	  check:
	    - get: /none.html
	    - end: changed
	  alive:
	    - mark: inbox
	    - get: /ask.html
	    - otp: {into: code, from: "*@site.example.org", pattern: "code is ([0-9]{6})", timeout: 20s}
	    - get: "/in.html?code=${.var.code}"
	    - expect: {css: b, text: "${.var.code}"}
	END
	echo '<p>Look into your mail</p>' >"$WEB/ask.html"
	echo '<b>428193</b>' >"$WEB/in.html"
	mkdir -p "$MAIL/new" "$MAIL/cur" "$MAIL/tmp"
	{
		until_true 20 grep -q ask.html "$HOME/asked"
		printf 'From: codes@site.example.org\nTo: alice@example.org\nSubject: Code\nDate: %s\nMessage-ID: <1@site.example.org>\n\nYour code is 428193.\n' "$(date -R)" >"$MAIL/tmp/1"
		mv "$MAIL/tmp/1" "$MAIL/new/1"
	} 3>&- &
	record alive "$rec"
	[ "$status" -eq 0 ]
	[ "$OUT" = "ok - site: alive, as it was recorded" ]
	not grep -rq 428193 "$rec"
	code=$(sed -n 's/^ *otp: //p' "$rec/tests.yaml" | tr -d \"\')
	[[ $code =~ ^[0-9]{6}$ ]]
	grep -qF "/in.html?code=$code" "$rec/tests.yaml"
	grep -qF "<b>$code</b>" "$rec/alive-02-get.html"
	[[ $ERR == *"replaced: code, "* ]]
}

@test "a passport number, a name, a date and a phone number are found in every form, and each has one stand-in" {
	picture=$(head -c 500 /dev/zero | tr '\0' 'x' | base64 -w0)
	one_page ".profile.first_name = \"Çağla Işık\" | .profile.files.passport = {name: \"my-own.png\", type: \"image/png\", data_base64: \"$picture\"}"
	jwt="eyJhbGciOiJIUzI1NiJ9.$(printf '{"sub":"42"}' | base64 -w0 | tr -d =).c2lnbmF0dXJl"
	cat >"$WEB/page.html" <<-END
	<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>
	<h1>Çağla Işık</h1> <p>ÇAĞLA IŞIK, cagla isik, Çağla, ISIK</p>
	<p>P0000001 p0000001 P 000 00 01 P-0000-001 &#80;0000001 &#x50;000&#48;001 x${jwt}</p>
	<a href="/x?p=%500000001&amp;n=%C3%87a%C4%9Fla+I%C5%9F%C4%B1k">a</a> <script>var a = "\u00500000001", b = "$(printf 'n=P0000001;' | base64 -w0)";</script>
	<i title="$(printf '{"number":"P0000001"}' | base64 -w0)"></i> <b>data:text/plain;base64,$(printf P0000001 | base64 -w0)</b>
	<p>1990-02-01 01/02/1990 01.02.1990 02/01/1990 1 February 1990 01 FEB 1990 19900201</p>
	<p>+90 312 000 00 00 / +903120000000 / (312) 000 0000</p>
	<p>alice@example.org ALICE@EXAMPLE.ORG alice%40example.org alice&#64;example.org</p>
	<img src="data:image/png;base64,${picture}">
	<input type="hidden" name="csrf_token" value="tok3n-0f-this-very-sess10n"><input type="hidden" name="other_token" value="tok3n-0f-another-0f-them-1">
	</body></html>
	END
	record check "$rec"
	[ "$status" -eq 0 ]
	page=$rec/check-01-get.html
	personal "$rec"
	not grep -rniE 'çağla|cagla|ISIK|%C3%87|u0050|#80;|#x50;|eyJhbG|tok3n|FEB 1990|1 February 1990' "$rec"
	# one stand-in: the case's own, in all its forms
	number=$(sed -n 's/^ *passport_number: //p' "$rec/tests.yaml")
	[[ $number =~ ^[A-Z][0-9]{7}$ ]]
	[ "$(grep -oi "$number" "$page" | wc -l)" -ge 5 ]
	[ "$(sed -n 's/.*title="\([^"]*\)".*/\1/p' "$page" | base64 -d)" = "{\"number\":\"$number\"}" ]
	name=$(sed -n 's/^ *first_name: //p' "$rec/tests.yaml")
	grep -qF "<h1>$name</h1> <p>${name^^}, ${name,,}, ${name% *}, " "$page"
	born=$(sed -n 's/^ *date_of_birth: //p' "$rec/tests.yaml")
	grep -qF "<p>$born $(date -d "$born" '+%d/%m/%Y %d.%m.%Y %m/%d/%Y')" "$page"
	phone=$(sed -n 's/^ *phone: //p' "$rec/tests.yaml")
	grep -qF "<p>$phone / ${phone// /} / (" "$page"
	# a file is not even as long; its type stays
	not grep -rqE 'eHh4eHh4|my-own' "$rec"
	grep -q 'type: image/png' "$rec/tests.yaml"
	sed -n 's/.*data:image.png;base64,\([^"]*\)".*/\1/p' "$page" | base64 -d | wc -c | grep -qx 45
	# of two tokens each has its own
	[ "$(grep -o '_token" value="[^"]*"' "$page" | sort -u | wc -l)" -eq 2 ]
	[ "$(grep -o '_token" value="[^"]*"' "$page" | sed 's/.*=//' | sort -u | wc -l)" -eq 2 ]
	[[ $ERR == *"replaced: profile.passport_number, "* && $ERR == *"replaced: token, "* ]]
}

@test "a form of a value that can't be replaced is found again: nothing is kept, and the field is named" {
	one_page
	for form in 5030303030303031 %2550%2530%2530%2530%2530%2530%2530%2531; do
		printf '<h1>Alice</h1><p id="%s"></p><input type=hidden name=csrf_token value=0123456789abcdef0123456789>' "$form" >"$WEB/page.html"
		record check "$rec"
		[ "$status" -eq 65 ]
		grep -qxF "ab-provider: profile.passport_number is left in check-01-get.html, $([ "${form:0:1}" = 5 ] && echo in hexadecimal || echo encoded twice): nothing was kept" "$HOME/err"
		[ ! -e "$rec" ]
		[ -z "$(find "$HOME" -maxdepth 1 -name 'rec*')" ]
	done
}

@test "a folder that is not empty is left alone, before anything is asked for; with --force its tests.yaml is kept beside" {
	one_page
	printf '<h1>Alice</h1><input type=hidden name=csrf_token value=0123456789abcdef0123456789>' >"$WEB/page.html"
	mkdir "$rec"
	echo mine >"$rec/tests.yaml"
	record check "$rec"
	[ "$status" -eq 73 ]
	[[ $ERR == *"$rec is there and not empty: name another folder, or say --force"* ]]
	[ "$(<"$rec/tests.yaml")" = mine ]
	record --force check "$rec"
	[ "$status" -eq 0 ]
	[ "$(<"$rec/tests.yaml.old")" = mine ]
	run ab-provider test --pages "$rec" site
	[ "$output" = "ok - site: check, as it was recorded" ]
}

@test "--keep leaves a field as it is; what the site's own words need is told when the test fails" {
	web '.profile.passport_number = "Tuesday"' <<-'END'
	flows:
	  check:
	    - get: /page.html
	    - expect: {css: h1, text: Tuesday}
	    - slots: '[]'
	END
	echo '<h1>Tuesday</h1>' >"$WEB/page.html"
	record check "$rec"
	[ "$status" -eq 1 ]
	[[ $OUT == "not ok - site: check, as it was recorded: class 'ok' wanted, 'changed' found"* ]]
	[[ $ERR == *"do not give again what the site gave"* ]]
	record --force --keep profile.passport_number check "$rec"
	[ "$status" -eq 0 ]
	grep -q 'passport_number: Tuesday' "$rec/tests.yaml"
}

@test "logins, programs and flows that are not there are refused; wrong use is told" {
	one_page
	record login "$rec"
	[ "$status" -eq 64 ]
	record nothere "$rec"
	[ "$status" -eq 64 ]
	[[ $ERR == *"nothere: the provider has no such flow"* ]]
	record "$rec"
	[ "$status" -eq 64 ]
	[ ! -e "$rec" ]
}

@test "of a flow in a browser the commands are kept in order, each with its page and what was heard; another one is told" {
	chromium_here
	web <<-'END'
	transport: browser
	flows:
	  check:
	    - listen: {days: "*/days.json"}
	    - get: /app.html
	    - fill: {"#number": "${.profile.passport_number}"}
	    - click: "#go"
	    - wait: {heard: days}
	    - let: {days: "${.page.heard.days.json.days}"}
	    - expect: {css: "#seen", text: "${.profile.passport_number}"}
	    - slots: '.var.days | map({id: .day, start: (.day + " 09:00" | local_to_utc), seats: .free})'
	  alive:
	    - get: /puzzle.html
	    - human: {kind: confirm, question: "Please solve it", until: {css: "#solved"}, timeout: 20s}
	    - expect: {css: "#solved"}
	END
	# as if the person did it
	echo '<!DOCTYPE html><html><body><script>setTimeout(() => document.body.innerHTML = "<p id=solved>", 1200)</script></body></html>' >"$WEB/puzzle.html"
	cat >"$WEB/app.html" <<-'END'
	<!DOCTYPE html><html><body><input id=number><button id=go>Go</button><p id=seen></p><script>
	document.cookie = "visit=8d1f0c2b3a49586776"
	document.getElementById("go").onclick = () => fetch("/days.json").then(r => r.json()).then(d => {
		document.getElementById("seen").textContent = "for " + document.getElementById("number").value + " " + document.cookie })
	</script></body></html>
	END
	echo '{"days":[{"day":"2027-01-11","free":2},{"day":"2027-01-12","free":1}],"token":"0a1b2c3d4e5f60718293","holder":"P0000001"}' >"$WEB/days.json"
	record check alive "$rec"
	[ "$status" -eq 0 ]
	[ "$OUT" = "ok - site: check, as it was recorded
ok - site: alive, as it was recorded" ]
	personal "$rec"
	not grep -rqE '8d1f0c2b3a49586776|0a1b2c3d4e5f60718293' "$rec"
	[ "$(jq -c '[.[].command.do]' "$rec/check-commands.json")" = '["listen","get","fill","click","wait"]' ]
	end_pid "$WEB_PID"
	# no browser and no site is needed
	AB_CHROMIUM=/nonexistent run ab-provider test --pages "$rec" site
	[ "$output" = "$OUT" ]
	sed -i 's/click: "#go"/click: "#search"/' "$HOME/providers/site/provider.yaml"
	run ab-provider test --pages "$rec" site
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"the flow asks for 'click #search', the record goes on with 'click #go' (command 4)" ]]
}

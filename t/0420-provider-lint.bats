#!/usr/bin/env bats
# ab-provider check: every kind of mistake, with its line and column. A sound provider is broken by one sed
# command a row; what check then says must be what the row says.

load lib

setup() {
	sound=$top_srcdir/t/fixtures/provider/sound/provider.yaml
	mkdir -p "$BATS_TEST_TMPDIR/sound"
	broken=$BATS_TEST_TMPDIR/sound/provider.yaml
}

# Rows on stdin: a sed -E command, then the lines wanted, each after a "=> ".
breaks() {
	local row command wanted got
	while IFS= read -r row || [ -n "$row" ]; do
		command=${row%% => *}
		wanted=${row#* => }
		wanted=${wanted// => /$'\n'}
		sed -E "$command" "$sound" >"$broken"
		! cmp -s "$sound" "$broken" || { echo "changes nothing: $command"; return 1; }
		run ab-provider check "$BATS_TEST_TMPDIR/sound"
		got=${output//"$broken:"/}
		got=${got//"$BATS_TEST_TMPDIR/sound"/DIR}
		[ "$got" = "$wanted" ] && [ "$status" -eq 78 ] ||
			{ printf '%s\n--- wanted (78)\n%s\n--- got (%s)\n%s\n' "$command" "$wanted" "$status" "$got"; return 1; }
	done
}

@test "the sound provider has no mistakes" {
	run ab-provider check "$sound"
	[ "$output" = "" ]
	[ "$status" -eq 0 ]
}

@test "unknown, missing and misspelt keys" {
	breaks <<-'END'
	s/^title: .*// => 1:1: a provider lacks 'title'
	s/^title:/titel:/ => 1:1: a provider lacks 'title' => 2:1: a provider has no 'titel' (did you mean 'title'?)
	s/^  verify:/  verifi:/ => 68:3: 'book' needs a 'verify' that reads the booking back: without it nothing is ever proved => 89:3: nothing uses 'verifi' (did you mean 'verify'?) => 97:3: 'cancel' needs a 'verify' that shows the booking gone
	s/region: \{from: "<main>", to: "<\/main>"\}/region: {from: "<main>"}/ => 48:19: 'region' lacks 'to'
	s/each: "ul.times li"/eech: "ul.times li"/ => 52:13: 'rows' has no 'eech' (did you mean 'each'?) => 52:13: 'rows' lacks 'each'
	s/\{status: 503/{statuss: 503/ => 25:12: a condition has no 'statuss' (did you mean 'status'?)
	s/reference: td.ref/reference: {cs: td.ref}/ => 92:51: css or xpath is wanted here => 92:52: a field of 'rows' has no 'cs' (did you mean 'css'?)
	s/^    why: the way out.*/    wy: x/;s/^      why: the way out.*/      wy: x/ => 40:7: 'expect' takes no 'wy' (did you mean 'why'?)
	s/^      why: the way out.*//;s/- expect: \{css: a.logout\}/- {expect: {css: a.logout}, why: the way out, shown}/ => 39:51: 'shown' is a key without a value: a comma within { } begins a new key, so such a text needs quotes
	END
}

@test "what YAML offers beyond plain data" {
	breaks <<-'END'
	s/^vars:/x: \&a b\nvars:/ => 18:4: an anchor (&name) is not allowed
	s/^vars:/<<: {a: b}\nvars:/ => 18:1: a merge key (<<) is not allowed
	s/^vars:/terms: x\nvars:/ => 18:1: duplicate key 'terms': it stands on line 9 already
	s/^vars:/	x: y\nvars:/ => 18:1: found character that cannot start any token (while scanning for the next token)
	END
}

@test "values of the wrong kind" {
	breaks <<-'END'
	s/^name: sound/name: other/ => 1:7: the folder is called 'sound': a provider is found by its folder's name
	s/^transport: http/transport: htpp/ => 4:12: 'htpp' is none of http or browser (did you mean 'http'?)
	s/^timezone: .*/timezone: Europe\/Nowhere/ => 7:11: 'Europe/Nowhere' is no time zone: write a name such as Europe/Istanbul
	s/interval: 60s, min_interval: 10s/interval: 60 seconds/ => 20:18: '60 seconds' is no duration: write 90s, 10m, 1h30m, 2d or 250ms
	s/min_interval: 10s/min_interval: 10m/ => 20:7: 'min_interval' is longer than 'interval'
	s/jitter: 20%/jitter: 120%/ => 20:50: '120%' is no share: write 0% to 100%
	s/80 per 120s, reserve: 10/80/ => 20:63: '80' is no budget: write "80 per 120s"
	s/reserve: 10/reserve: ten/ => 20:85: a whole number is wanted here, not 'ten'
	s/reserve: 10/reserve: 80/ => 20:85: a reserve of 80 leaves nothing of the budget for checks
	s/concurrency: 1/concurrency: 0/ => 20:102: 'concurrency' is at least 1
	s/secret: true/secret: yes/ => 17:51: true or false is wanted here, not 'yes'
	s/\{status: 503/{status: 5/ => 25:20: '5' is no status: write 200, or 2xx for all that begin so
	s/timeout: 20s/timeout: soon/ => 49:20: 'soon' is no duration: write 90s, 10m, 1h30m, 2d or 250ms
	s/- get: \/me$/- get/ => 42:7: a step is a mapping (key: value)
	s/- expect: \{css: h1\}/- expect: {}/ => 67:15: an empty condition always holds
	s/- expect: \{css: h1\}/- expect: h1/ => 67:15: a condition is a mapping such as {css: "h1", text: "Bookings"}, or a list of them
	s/- expect: \{css: h1\}/- expect: {css: h1, xpath: \/\/a}/ => 67:15: css and xpath in one condition: use a list for any, 'not' for none
	s/state: confirmed\}$/state: maybe}/ => 82:86: 'maybe' is none of confirmed or pending => 96:66: 'maybe' is none of confirmed or pending
	s/- human: \{kind: confirm/- human: {kind: confrim/ => 88:21: 'confrim' is none of confirm, captcha, payment or otp (did you mean 'confirm'?)
	s/into: code/into: 2code/ => 36:19: '2code' is no name: use letters, digits and _ => 38:22: nothing keeps .var.code (did you mean .var.2code?)
	s/headers: \{X-Place/headers: {X Place/ => 79:21: 'X Place' is no header's name
	s/headers: \{X-Place/headers: {Cookie/ => 79:21: the page sets 'Cookie' itself
	s/person: \{first_name:/person: {"${.x}":/ => 78:27: a key holds no expressions
	END
}

@test "steps: verbs and their modifiers" {
	breaks <<-'END'
	s/- get: \/me$/- gett: \/me/ => 42:7: there is no verb 'gett' (did you mean 'get'?)
	s/- get: \/me$/- {get: \/me, post: \/you}/ => 42:7: 'get' and 'post' in one step: a step has one verb
	s/- get: \/me$/- {follow: true}/ => 42:7: a step has a verb, such as get or expect
	s/- get: \/me$/- {get: \/me, form: {a: b}}/ => 42:18: 'get' takes no 'form'
	s/- get: \/me$/- click: a/ => 42:7: 'click' needs transport: browser
	s/json: \{reason: none\}/json: {a: b}\n      form: {a: b}/ => 98:7: form, json and body exclude each other
	s/- for: \{month: .*/- for: {month: "[1]", day: "[2]"}/ => 45:12: 'for' has one name: {day: EXPRESSION}
	s/^      do:$/      doo:/ => 45:7: 'for' lacks 'do' => 46:7: 'for' takes no 'doo' (did you mean 'do'?)
	END
}

@test "addresses and origins" {
	breaks <<-'END'
	s/^base: .*/base: www.example.org/ => 5:7: 'www.example.org' is no address: write https://HOST/
	s/^base: .*/base: https:\/\/other.example.org\// => 5:7: https://other.example.org is not in 'origins'
	s/^origins: .*/origins: ["https:\/\/pay.example.org\/x", "*", "https:\/\/*.example.org"]/ => 6:11: an origin has no path: write https://pay.example.org => 6:40: '*' is no origin: write https://HOST or https://HOST:PORT => 6:45: 'https://*.example.org' is no origin: write https://HOST or https://HOST:PORT
	s/- get: \/me$/- get: "https:\/\/evil.example.org\/me"/ => 42:12: https://evil.example.org is not in 'origins'
	s/- get: \/me$/- get: "https:\/\/pay.example.org@evil.example.org\/me"/ => 42:12: 'https://pay.example.org@evil.example.org/me' is no address
	s/- get: \/me$/- get: "https:\/\/pay.example.org:8443\/${.site.place}"/ => 42:12: https://pay.example.org:8443 is not in 'origins'
	s/- get: \/me$/- get: "file:\/\/\/etc\/passwd"/ => 42:12: only http and https addresses can be asked for, not 'file:'
	s/- get: \/me$/- get: \/\/evil.example.org\// => 42:12: write the address with its scheme (https://evil.example.org/)
	s/- get: \/me$/- get: me/ => 42:12: begin the address with / (or with ${.site.base}): 'me' would depend on the page before
	s/- get: \/me$/- get: "?week=2"/ => 42:12: begin the address with / (or with ${.site.base}): '?week=2' would depend on the page before
	s/- get: \/me$/- get: \/me you/ => 42:12: an address holds no blanks
	END
}

@test "what a provider may not ask for or see" {
	breaks <<-'END'
	s/site.place: \{/inbox.password: {/;s/\.site\.place/.site.base/ => 12:3: 'inbox.password' may not be asked for: only fields of profile, party, site and credentials, such as profile.first_name
	s/site.place: \{/consent: {/;s/\.site\.place/.site.base/ => 12:3: 'consent' may not be asked for: only fields of profile, party, site and credentials, such as profile.first_name
	s/- get: \/me$/- get: "\/me\/${.site.city}"/ => 42:19: .site.city is not in 'needs'
	s/- get: \/me$/- get: "\/me\/${.["profile"]["passport_number"]}"/;s/"\/me\/(.*)"$/'\/me\/\1'/ => 42:19: .profile.passport_number is not in 'needs'
	s/- get: \/me$/- get: "\/me\/${.profil.first_name}"/ => 42:19: there is no .profil (did you mean .profile?)
	s/- get: \/me$/- get: "\/me\/${.inbox.url}"/ => 42:19: there is no .inbox
	s/- get: \/me$/- get: "\/me\/${.credentials.username}"/ => 42:19: .credentials is for 'login' only, not in 'alive'
	s/- get: "\/slot\/.*/- get: "\/slot\/${.credentials.password}"/ => 84:21: .credentials is for 'login' only, not in 'open_slot'
	s/- get: \/me$/- get: "\/me\/${.slot.id}"/ => 42:19: there is no .slot in 'alive'
	s/^headers: .*/headers: {X: "${.var.place}"}/ => 8:17: there is no .var outside of the flows
	s/- get: \/me$/- get: "\/me\/${.var.plce}"/ => 42:19: nothing keeps .var.plce (did you mean .var.place?)
	s/- get: \/me$/- get: "\/me\/${env.HOME}"/ => 42:19: env is not allowed: a provider may not read the environment
	s/- get: \/me$/- get: "\/me\/${.site.place + $ENV.HOME}"/ => 42:33: $ENV is not allowed: a provider may not read the environment
	s/- get: \/me$/- get: "\/me\/${input}"/ => 42:19: input is not allowed: there is no input but the context
	s/- get: \/me$/- get: "\/me\/${debug}"/ => 42:19: debug is not allowed: nothing may be printed
	s/- get: \/me$/- get: "\/me\/${now}"/ => 42:19: now is not allowed: use .now, which tests can set
	s/- get: \/me$/- get: '\/me\/${"\\(env)"}'/ => 42:22: env is not allowed: a provider may not read the environment
	s/- get: \/me$/- get: '\/me\/${import "x" as x; 1}'/ => 42:19: import is not allowed: a provider may not load modules
	END
}

@test "filters that jq does not take" {
	breaks <<-'END'
	s/- get: \/me$/- get: "\/me\/${.site.place"/ => 42:17: a ${ without its }
	s/- get: \/me$/- get: "\/me\/${.var.place | ascii_upcas}"/ => 42:32: filter: ascii_upcas/0 is not defined
	s/- get: \/me$/- get: "\/me\/${.var.place + }"/ => 42:32: filter: syntax error, the filter ends too early
	s/- get: \/me$/- get: '\/me\/${"it''s" | (.var.place}'/ => 42:29: filter: a bracket that is not closed
	s/id, start:/id, strt: (.when | nope), start:/ => 60:34: filter: nope/0 is not defined
	s/local_to_utc\), location/local_to_utc)), location/ => 60:48: filter: a closing bracket that fits no opening one
	s/- if: .var.found/- if: .var.found and/ => 94:25: filter: syntax error, the filter ends too early
	s/jq: '.page.json.sold_out == true'/jq: '.page.json.sold_out = = true'/ => 23:87: filter: syntax error, unexpected '='
	s/- identity: .*/- identity: {id: "${.var.id | @nope \\"x\\"}"}/ => 70:35: filter: there is no @nope
	END
}

@test "classes and policies" {
	breaks <<-'END'
	s/class: sold_out/class: Sold-out/;s/^policy: .*// => 23:13: 'Sold-out' is no class: small letters and _
	s/sold_out: back_off/sold_uot: back_off/ => 26:10: no class is called 'sold_uot' (did you mean 'sold_out'?)
	s/sold_out: back_off/sold_out: backoff/ => 26:20: 'backoff' is none of back_off, alert, stop, relogin, restart, next_slot, verify, wait or ask_human (did you mean 'back_off'?)
	s/allow: expired/allow: expird/ => 30:14: no class is called 'expird' (did you mean 'expired'?)
	s/- end: unknown/- end: bananas/ => 64:16: no class is called 'bananas'
	END
}

@test "use: flows that are not there, go round, or are run by name" {
	breaks <<-'END'
	s/- use: open_slot/- use: open_slt/ => 69:12: there is no flow 'open_slt' (did you mean 'open_slot'?) => 83:3: nothing uses 'open_slot': flows run by name are login, alive, check, book, verify and cancel
	s/- get: "\/slot\/.*/- use: open_slot/ => 84:7: 'open_slot' uses itself
	s/- get: \/me$/- use: verify/ => 42:12: 'verify' is run by name: move what is shared into a flow of its own
	END
}

@test "the commit: once on every path, never in a loop, nowhere else" {
	breaks <<-'END'
	81s/commit: true/why: x/ => 68:3: a path through 'book' ends without its 'commit: true' (and without an 'end')
	100s/commit: true/why: x/ => 97:3: a path through 'cancel' ends without its 'commit: true' (and without an 'end')
	100s/commit: true/commit: "false"/ => 97:3: a path through 'cancel' ends without its 'commit: true' (and without an 'end')
	82s/- booking/- submit: form\n      commit: true\n    - booking/ => 83:7: a second commit on one path
	s/- post: "\/cancel\/.*/- for: {n: "[1]"}\n      do: [{get: \/cancel, commit: true}]\n    - post: \/x/ => 99:27: a commit in a loop could be sent twice => 102:7: a second commit on one path
	s/- get: \/me$/- {get: \/me, commit: true}/ => 42:18: 'commit' is for 'book' and 'cancel' only, and this runs in 'alive'
	s/- get: "\/slot\/.*/- {get: \/slot, commit: true}/ => 75:11: a second commit on one path => 81:11: a second commit on one path => 84:20: an 'identity' must come before the commit, on every path
	END
}

@test "the identity comes before the commit, and only in book" {
	breaks <<-'END'
	s/- identity: .*/- expect: {css: a}/ => 75:11: an 'identity' must come before the commit, on every path => 81:11: an 'identity' must come before the commit, on every path
	s/- identity: .*/- if: "true"\n      then: [{identity: .var.id}]/ => 76:11: an 'identity' must come before the commit, on every path => 82:11: an 'identity' must come before the commit, on every path
	s/- get: \/me$/- identity: .site.place/ => 42:7: 'identity' is for 'book' only, and this runs in 'alive'
	END
}

@test "nothing is proved by a page that nobody knows" {
	breaks <<-'END'
	s/- expect: \{css: h1, text: Free times\}/- let: {a: b}/ => 58:11: nothing proves the page that these slots are read from: put an 'expect' after the request
	s/- expect: \{css: h1\}/- let: {a: b}/ => 44:3: a path through 'check' ends on a page that nothing has proved: "no slots" needs an 'expect' after the last request
	s/- expect: \{css: h1, text: My bookings\}/- let: {a: b}/ => 89:3: a path through 'verify' ends without a booking on a page that nothing has proved: absence needs an 'expect'
	s/- expect: \{xpath:.*/- let: {a: b}/ => 41:3: a path through 'alive' ends on a page that nothing has proved: put an 'expect' that only a login makes true
	s/- get: \/notice/- end: unknown\n    - get: \/notice/ => 67:7: this step is never reached
	END
}

@test "mark and otp belong together, with what asks for the code between them" {
	breaks <<-'END'
	s/- mark: inbox/- get: \/x/ => 36:7: 'otp' without a 'mark: inbox' before it: an old code could be taken
	s/- otp: \{.*/- let: {code: x}/ => 31:7: 'mark' without an 'otp' after it
	s/- mark: inbox/- get: \/x/;s/- otp: (.*)/- mark: inbox\n    - otp: \1/ => 37:7: nothing between 'mark' and 'otp' asks for a code
	END
}

@test "a region is looked at alone, and in check only" {
	breaks <<-'END'
	s/- get: \/me$/- {get: \/me, region: {from: a, to: b}}/ => 42:7: 'region' is for 'check' only
	s/- expect: \{css: h1, text: Free times\}/- expect: {css: h1, header: {x: y}}/ => 50:29: this looks outside the region: headers are not compared with the last check's
	s/- expect: \{css: h1, text: Free times\}/- expect: {jq: .page.json.x}/ => 50:24: this looks outside the region: .page.json and .page.headers are not compared with the last check's
	s/- expect: \{css: h1, text: Free times\}/- expect: {css: h1}\n        - submit: form\n        - expect: {css: h1}/ => 51:11: this looks outside the region: a form is not read from a part of a page
	END
}

@test "steps in flows where they mean nothing" {
	breaks <<-'END'
	s/- get: \/me$/- slots: "[]"/ => 42:7: 'slots' is for 'check' only, and this runs in 'alive'
	s/- get: \/me$/- booking: {reference: x}/ => 42:7: 'booking' is for 'book' and 'verify' only, and this runs in 'alive'
	END
}

@test "selectors that the page does not take" {
	breaks <<-'END'
	s/- expect: \{css: h1\}/- expect: {css: "h1["}/ => 67:21: css: an attribute's name is missing at ''
	END
}

@test "programs: in the provider's folder, and there" {
	breaks <<-'END'
	s/^  cancel:/  cancel: {exec: \/bin\/sh}\n  cancel_it:/ => 97:18: a program lies in the provider's folder: write ./NAME => 98:3: nothing uses 'cancel_it': flows run by name are login, alive, check, book, verify and cancel
	s/^  open_slot:/  mine: {exec: a}\n  open_slot:/ => 83:3: nothing uses 'mine': flows run by name are login, alive, check, book, verify and cancel => 83:9: only a flow that is run by name can be a program => 83:16: there is no program DIR/a that can be run
	END
}

# a browser's provider whose check goes over HTTP, with a private flow of its own
mixed() {
	cat >"$BATS_TEST_TMPDIR/mixed.yaml" <<-'END'
	name: mixed
	title: A browser, and a check over HTTP
	transport: browser
	base: https://www.example.org/
	flows:
	  check:
	    transport: http
	    steps:
	      - get: /free
	        region: {from: "<main>", to: "</main>"}
	      - use: read
	  read:
	    - expect: {css: h1}
	    - slots: "[]"
	  alive:
	    - get: /me
	    - click: text=Me
	    - wait: {css: h1}
	END
}

@test "a flow over http in a browser's provider: regions again, and nothing that needs a browser" {
	local row command wanted
	mixed
	run ab-provider check "$BATS_TEST_TMPDIR/mixed.yaml"
	echo "$output"
	[ "$output" = "" ]
	while IFS= read -r row; do
		command=${row%% => *}
		wanted=${row#* => }
		mixed
		sed -i -E "$command" "$BATS_TEST_TMPDIR/mixed.yaml"
		run ab-provider check "$BATS_TEST_TMPDIR/mixed.yaml"
		[ "${output//"$BATS_TEST_TMPDIR/mixed.yaml:"/}" = "${wanted// => /$'\n'}" ] || { printf '%s\n%s\n' "$row" "$output"; return 1; }
		[ "$status" -eq 78 ]
	done <<-'END'
	s/^    - expect: .*/    - rows: {each: text=a, get: {id: b}}\n&/ => 13:20: text= and label= are for a browser's page: use css or xpath
	s/^    - expect: .*/    - listen: {a: b}\n&/ => 13:7: 'listen' needs a browser, and 'check' goes over http
	s/^    - get: \/me/    - use: show\n&/;s/^  alive:/  show:\n    - get: \/\n      region: {from: a, to: b}\n  alive:/ => 16:7: 'region' is for 'check' only => 17:15: 'region' is for transport http
	s/transport: http/transport: browser/ => 7:16: 'browser' is none of http => 10:17: 'region' is for transport http
	s/    transport: http// => 8:5: a flow with a transport lacks 'transport' => 10:17: 'region' is for transport http
	s/^  alive:/  login:\n    transport: http\n    steps: []\n  alive:/ => 16:5: 'login' has no steps => 16:5: only check, alive and verify can have a transport of their own
	END
}

#!/usr/bin/env bats
# ab-provider test: flows on saved pages, without a network; and what a greedy provider can't get at run time.

load lib

setup() {
	dir=$BATS_TEST_TMPDIR/site
	mkdir -p "$dir/pages"
	cat >"$dir/provider.yaml" <<-'END'
	name: site
	title: A site
	base: "${.site.base}"
	timezone: Europe/Berlin
	needs:
	  site.base: {title: Address, default: "https://www.example.org/"}
	  profile.name: {title: Name}
	classify: [{class: gone, when: {css: h2, text: Gone}, why: it is gone}]
	flows:
	  check:
	    - get: "/slots?from=${.now | format_time(\"%Y-%m-%d\")}"
	    - expect: {css: h1, text: Times}
	    - rows: {each: li, get: {id: {self: true, attr: id}, when: {self: true}}}
	    - slots: '.var.rows | map({id, start: (.when | local_to_utc), seats: 2})'
	  book:
	    - get: "/slot/${.slot.id}"
	    - identity: {id: "${.slot.id}"}
	    - submit: form
	      set: {name: "${.profile.name}"}
	      commit: true
	    - let: {reference: {css: b}}
	    - booking: {reference: "${.var.reference}", state: confirmed}
	  verify:
	    - get: /mine
	    - expect: {css: h1}
	  login:
	    - get: /login
	    - mark: inbox
	    - submit: form
	    - otp: {into: code}
	    - human: {kind: captcha, question: What do you see?, into: seen}
	    - submit: form
	      set: {code: "${.var.code}", seen: "${.var.seen}"}
	    - expect: {text: Welcome}
	END
	printf '<h1>Times</h1><ul><li id=a>2026-12-01 09:30<li id=b>2026-12-02 10:00</ul>' >"$dir/pages/slots.html"
	tests=$dir/pages/tests.yaml
}

# The case's lines on stdin; runs it.
test_case() {
	{ printf 'cases:\n  - name: one\n'; sed 's/^/    /'; } >"$tests"
	run ab-provider test "$dir"
}

@test "slots of a saved page are what the case expects" {
	test_case <<-'END'
	flow: check
	given: {now: "2026-11-22T23:30:00Z"}
	answers: [{url: "/slots?from=2026-11-23", file: slots.html}]
	expect: {slots: [{id: a, start: "2026-12-01T08:30:00Z", seats: 2}, {id: b, start: "2026-12-02T10:00:00+01:00"}]}
	END
	[ "$output" = "ok - site: one" ]
	[ "$status" -eq 0 ]
}

@test "a difference is told with its place, and the status is 1" {
	test_case <<-'END'
	flow: check
	given: {now: "2026-11-22T23:30:00Z"}
	answers: [{url: "/slots?from=2026-11-23", file: slots.html}]
	expect: {slots: [{id: a}, {id: c}]}
	END
	[ "$output" = "not ok - site: one: slots[1].id: 'c' wanted, 'b' found" ]
	[ "$status" -eq 1 ]
	test_case <<-'END'
	flow: check
	answers: [{url: "/slots*", file: slots.html}]
	expect: {slots: []}
	END
	[ "$output" = "not ok - site: one: slots: 0 wanted, 2 found" ]
	test_case <<-'END'
	flow: check
	answers: [{url: "/slots*", body: "<h2>Gone</h2>"}]
	END
	[ "$output" = "not ok - site: one: class 'ok' wanted, 'gone' found: check: get: it is gone" ]
}

# links FLOW-LINES: a check of two pages by those steps
links() {
	sed '/^flows:/,$d' "$dir/provider.yaml" >"$dir/new.yaml"
	{ printf 'flows:\n  check:\n    - get: /weeks/\n'; sed 's/^/    /'; } >>"$dir/new.yaml"
	mv "$dir/new.yaml" "$dir/provider.yaml"
	test_case <<-'END'
	flow: check
	answers:
	  - {url: /weeks/, body: "<h1>Times</h1><a class=next href='?week=2&u=personal'>on</a><a class=none>x</a>"}
	  - {url: "/weeks/?week=2*", body: "<h1>Times</h1><p class=last>"}
	END
}

@test "a link leads where the page means it to" {
	links <<-'END'
	- let: {next: {css: a.next, attr: href}, none: {css: a.none, attr: href, optional: true}}
	- expect: {jq: .var.none == null}
	- get: "${.var.next}"
	- expect: {css: p.last}
	END
	[ "$output" = "ok - site: one" ]
}

@test "a link read raw, and one without an address, end the flow; what may be personal is not told" {
	links <<-'END'
	- let: {next: {css: a.next, attr: href, raw: true}}
	- get: "${.var.next}"
	- expect: {css: p.last}
	END
	[ "$output" = "not ok - site: one: class 'ok' wanted, 'changed' found: check: get: the address '' is relative: read links with attr: href, which gives them whole" ]
	links <<-'END'
	- let: {next: {css: a.none, attr: href}}
	- get: "${.var.next}"
	- expect: {css: p.last}
	END
	[ "$output" = "not ok - site: one: class 'ok' wanted, 'changed' found: check: let: nothing on the page matches a.none" ]
}

@test "an unexpected request has no page" {
	test_case <<-'END'
	flow: check
	given: {now: "2026-11-22T00:00:00Z"}
	answers: [{url: "/other", file: slots.html}]
	END
	[[ "$output" == "not ok - site: one: class 'ok' wanted, 'unreachable' found: "*"no saved page for GET https://www.example.org/slots?from=2026-11-22"* ]]
}

@test "a form sends what the case expects, and the booking is what the flow found" {
	test_case <<-'END'
	flow: book
	given: {slot: {id: a}, profile: {name: Ada}}
	answers:
	  - {url: /slot/a, body: '<form method=post action=/book><input name=name><input type=hidden name=t value=x></form>'}
	  - {method: POST, url: /book, body: "<b>R-1</b>", expect: {name: Ada, t: x}}
	expect: {booking: {reference: R-1, state: confirmed}, var: {reference: R-1}}
	END
	[ "$output" = "ok - site: one" ]
	test_case <<-'END'
	flow: book
	given: {slot: {id: a}, profile: {name: Ada}}
	answers:
	  - {url: /slot/a, body: '<form method=post action=/book><input name=name></form>'}
	  - {method: POST, url: /book, body: "<b>R-1</b>", expect: {name: Eve}}
	expect: {class: unreachable, reason: 'one expects name="Eve"'}
	END
	[ "$output" = "ok - site: one" ]
}

@test "each answer is given once, unless it says how often; shared ones always" {
	cat >"$tests" <<-'END'
	given: {now: "2026-11-22T00:00:00Z"}
	answers: [{url: /mine, body: "<h1>Mine</h1>"}]
	cases:
	  - {name: first, flow: verify}
	  - {name: second, flow: verify, expect: {booking: "null"}}
	  - {name: own first, flow: verify, answers: [{url: /mine, body: "<h2>Gone</h2>"}], expect: {class: gone}}
	END
	run ab-provider test "$dir"
	[ "$status" -eq 0 ]
	[ "$output" = "ok - site: first
ok - site: second
ok - site: own first" ]
}

@test "codes and answers of the person come from the case" {
	test_case <<-'END'
	flow: login
	given: {otp: "123456", human: a cat}
	answers:
	  - {url: /login, body: '<form method=post action=/login></form>'}
	  - {method: POST, url: /login, body: '<form method=post action=/code><input name=code><input name=seen></form>'}
	  - {method: POST, url: /code, body: Welcome, expect: {code: "123456", seen: a cat}}
	END
	[ "$output" = "ok - site: one" ]
	test_case <<-'END'
	flow: login
	answers:
	  - {url: /login, body: '<form method=post action=/login></form>'}
	  - {method: POST, url: /login, body: '<form method=post action=/code><input name=code></form>'}
	expect: {class: no_code}
	END
	[ "$output" = "ok - site: one" ]
}

@test "mistakes in tests.yaml have their place" {
	test_case <<-'END'
	flow: check
	expects: {class: ok}
	END
	[ "$status" -eq 78 ]
	[[ "$output" == *"tests.yaml:4:"*"there is no 'expects' here" ]]
	printf 'cases: []\n' >"$tests"
	run ab-provider test "$dir"
	[ "$status" -eq 78 ]
	rm "$tests"
	run ab-provider test "$dir"
	[ "$status" -eq 66 ]
	[[ "$output" == *"tests.yaml"* ]]
}

@test "a greedy provider gets neither another origin nor a file nor endless time or memory" {
	run ab-provider test "$top_srcdir/t/fixtures/provider/greedy"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok - ' <<<"$output")" -eq 9 ]
}

@test "nothing is left behind: no process, no file" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	test_case <<-'END'
	flow: check
	answers: [{url: "/slots*", file: slots.html}]
	END
	[ -z "$(ls -A "$TMPDIR")" ]
}

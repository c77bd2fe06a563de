# Whatever a provider's author writes costs bounded time and memory and ends in a verdict. Each case is a provider, and one
# `ab-poll --once` with it.
load lib
load hostile

setup() {
	fresh_home
}
teardown() {
	end_pid "${HOSTILE:-}"
	drop_home
}

@test "selectors that take too long or find too much end in a verdict" {
	run_readings elements <<-'END'
		predicates	changed	-	steps on this page
		- expect: {xpath: "//*[count(preceding::*) + count(following::*) = 1]"}
		- slots: "[]"
		stars	changed	-	steps on this page
		- expect: {css: "* * * * * * * ~ * ~ * ~ *"}
		- slots: "[]"
		all-of-each	changed	-	takes more than
		- expect: {css: h1}
		- rows: {each: "*", get: {id: {xpath: "/*", all: true}, start: {xpath: "//b", all: true}}}
		- slots: .var.rows
		rows	changed	-	takes more than
		- expect: {css: h1}
		- rows: {each: "b", get: {id: {self: true}, start: {self: true}}}
		- slots: .var.rows
	END
}

@test "a selector that nothing else stops ends the page agent, and in a verdict" {
	# by its time of CPU; on a loaded machine the command's own time may be over sooner
	run_readings elements <<-'END'
		following	changed|unreachable	60	@(of CPU|did not answer)
		- expect: {not: {xpath: "/descendant::*/following::*/preceding::*"}}
		- slots: "[]"
	END
}

@test "expressions that never end, take all memory or never stop matching end in a verdict" {
	run_readings json-slots <<-'END'
		fine	available
		- expect: {jq: '.page.json.slots | type == "array"'}
		- slots: .page.json.slots
		endless	changed	-	took longer than 2 s
		- expect: {status: 200}
		- slots: "def f: f; f"
		endless-output	changed	-	took longer than 2 s
		- expect: {status: 200}
		- slots: "[range(1; 1e18) | select(. < 0)]"
		recursion	changed	-	@(its memory|took longer)
		- expect: {status: 200}
		- slots: "def f: [f, 1]; f"
		list	changed
		- expect: {status: 200}
		- slots: "[range(1e9)]"
		text	changed	-	@(its memory|took longer)
		- expect: {status: 200}
		- slots: 'reduce range(60) as $i ("a"; . + .) | [length]'
		product	changed
		- expect: {status: 200}
		- slots: '("a" * 1000000) * 1000000'
		sparse	changed	-	@(its memory|took longer)
		- expect: {status: 200}
		- slots: "[] | .[500000000] = 1"
		pattern	changed
		- expect: {status: 200}
		- slots: '("a" * 60 + "b") | test("^(a+)+$") | []'
		in-a-condition	changed	-	took longer than 2 s
		- expect: {status: 200, jq: "def f: f; f"}
		- slots: "[]"
		turned-round	changed	-	took longer than 2 s
		- expect: {not: {jq: "def f: f; f"}}
		- slots: "[]"
		turned-round-mistake	changed	-	not the one expected
		- expect: {not: {jq: '.page.json.slots | keys | .[0] | error("no")'}}
		- slots: "[]"
		large-answer	changed	-	too much data
		- expect: {status: 200}
		- slots: '[range(600000) | {}]'
		deep-answer	changed
		- expect: {status: 200}
		- slots: 'reduce range(5000) as $i ([]; [.])'
		many-slots	changed	-	more slots than an event
		- expect: {status: 200}
		- slots: '[range(30000) | {id: tostring, start: "2027-01-11T09:30:00+03:00"}]'
	END
}

@test "loops and flows that never end, or keep more and more, end in a verdict" {
	run_readings json-slots <<-'END'
		rounds	changed	-	more than 1000 rounds
		- expect: {status: 200}
		- for: {a: "[range(1001)]"}
		  do:
		    - let: {b: "${.var.a}"}
		- slots: "[]"
		loops	changed	20	more than 20000 steps
		- expect: {status: 200}
		- for: {a: "[range(1000)]"}
		  do:
		    - for: {b: "[range(1000)]"}
		      do:
		        - let: {c: x}
		- slots: "[]"
		slow-loop	changed	20	took more than 10 s
		- expect: {status: 200}
		- for: {a: "[range(1000)]"}
		  do:
		    - let: {c: "${[range(400000)] | length}"}
		- slots: "[]"
		doubling	changed	-	more than 64 MiB
		- expect: {status: 200}
		- let: {c: x}
		- for: {a: "[range(1000)]"}
		  do:
		    - let: {c: ["${.var.c}", "${.var.c}"]}
		- slots: "[]"
		nesting	changed	-	nested too deep
		- expect: {status: 200}
		- let: {c: x}
		- for: {a: "[range(1000)]"}
		  do:
		    - let: {c: ["${.var.c}"]}
		- slots: "[]"
		slots-in-a-loop	changed	20	more slots than an event
		- expect: {status: 200}
		- for: {a: "[range(1000)]"}
		  do:
		    - slots: '[range(1000) | {id: tostring, start: "2027-01-11T09:30:00+03:00"}]'
	END
}

@test "a provider of 100 MB, one with aliases, and one that is nested for ever are refused at once, with little memory" {
	local file=$HOME/providers/hostile/provider.yaml wrong=0 line
	start_hostile
	reads_html
	new_session alice hostile
	cp "$file" "$HOME/good.yaml"
	refused() { # refused MESSAGE
		line="$1"
		look
		[ "$(jq .status "$HOME/cost")" = 78 ] || bad "exit status $(jq .status "$HOME/cost")"
		grep -q "$1" "$HOME/err" || bad 'another message'
		jq -e '.wall < 5' "$HOME/cost" || bad 'it took long'
		is_sanitized || jq -e '[.rss[]] | max < 40000' "$HOME/cost" || bad 'it took much memory'
	}
	{ cat "$HOME/good.yaml" && yes '# more' | head -c 100M; } >"$file"
	refused 'provider.yaml: .*larger'
	{ cat "$HOME/good.yaml" && printf 'vars:\n  a: &a [x,x,x,x,x,x,x,x,x]\n' && for n in b c d e f g h i; do echo "  $n: &$n [*a,*a,*a,*a,*a,*a,*a,*a,*a]"; done; } >"$file"
	refused 'anchor .* not allowed'
	{ cat "$HOME/good.yaml" && printf 'vars: ' && head -c 200000 /dev/zero | tr '\0' '[' ; } >"$file"
	refused 'nested'
	{ cat "$HOME/good.yaml" && printf 'vars: {' && head -c 100000 /dev/zero | tr '\0' '?' ; } >"$file"
	refused 'provider.yaml'
	[ "$wrong" -eq 0 ]
}

@test "the limits in the manual are those in the code" {
	local page file name value phrase said section
	while IFS='|' read -r page file name value phrase; do
		said=$(sed -n "s,^#define $name \(.*\),\1,p" "$top_srcdir/$file" | sed 's,/\*.*,,; s,\([0-9]\)u\b,\1,g')
		[ -n "$said" ] && [ $((said)) -eq $((value)) ] || { echo "$file: $name is $said, not $value"; return 1; }
		section=$(sed -n '/^\.Sh LIMITS/,/^\.Sh FILES/p' "$top_srcdir/man/$page")
		[[ $section == *"$phrase"* ]] || { echo "$page does not say: $phrase"; return 1; }
	done <<-'END'
		ab-page.5|lib/page/settings.h|SETTINGS_BODY_MAX|2 << 20|2 MiB, counted
		ab-page.5|lib/page/settings.c|BODY_MAX|4 << 20|4 MiB where
		ab-page.5|lib/page/fetch.c|REDIRECTS_MAX|10|10
		ab-page.5|lib/ext/http.c|HEAD_MAX|256 << 10|256 KiB and
		ab-page.5|lib/ext/http.c|HEADERS_MAX|1000|1000 lines
		ab-page.5|lib/page/url.c|URL_MAX|64 << 10|64 KiB.
		ab-page.5|lib/page/cookies.c|COOKIES_MAX|300|300, of
		ab-page.5|lib/page/cookies.c|PAIR_MAX|4096|of 4 KiB
		ab-page.5|lib/ext/html.c|DEPTH_MAX|512|512 deep
		ab-page.5|lib/ext/html.c|ELEMENTS_MAX|400000|400000 of them
		ab-page.5|lib/ext/html.c|ATTRIBUTES_MAX|250|250 attributes
		ab-page.5|lib/ext/html.c|STEPS_MAX|5000000|5000000 steps
		ab-page.5|lib/ext/json.h|JSON_FOREIGN_MAX|100000|100000 lists and objects
		ab-page.5|lib/page/document.c|XPATH_MAX|4096|at most 4096 bytes
		ab-page.5|lib/page/css.c|SELECTOR_MAX|4096|at most 4096 bytes
		ab-page.5|lib/page/css.c|NESTING_MAX|8|nested 8 deep
		ab-page.5|lib/page/document.c|GIVEN_MAX|32 << 20|32 MiB of memory
		ab-page.5|lib/page/document.c|GIVEN_LIST|512|a row counts 512
		ab-page.5|lib/page/document.c|GIVEN_TEXT|48|a text 48
		ab-page.5|lib/wire/line.h|LINE_PAGE_MAX|8 << 20|a line of 8 MiB
		ab-page.5|lib/page/controls.c|CONTROLS_MAX|3000|3000
		ab-page.5|lib/page/turns.c|CPU_MAX|15000|15 seconds of CPU
		ab-page.5|lib/page/turns.c|CLIENTS_MAX|64|64.
		ab-page.5|lib/page/turns.c|PATIENCE|10000|ten seconds
		ab-page.5|libexec/page-http.c|MEMORY|384 << 20|384 MiB
		ab-provider.5|lib/site/provider.c|FILE_MAX|256 << 10|256 KiB, nested
		ab-provider.5|lib/ext/yaml.c|DEPTH_MAX|64|nested 64 deep
		ab-provider.5|lib/ext/filter.c|MEMORY|256 << 20|256 MiB, in a process
		ab-provider.5|lib/ext/filter.c|ANSWER_MAX|8 << 20|8 MiB of text
		ab-provider.5|lib/ext/filter.c|COMPILE_MS|10000|compile them: 10 seconds
		ab-provider.5|lib/ext/json.h|JSON_FOREIGN_MAX|100000|100000 lists and objects
		ab-provider.5|lib/site/flowstate.h|THINK_MAX|10000|10 seconds.
		ab-provider.5|lib/site/flow.c|ROUNDS_MAX|1000|1000 rounds
		ab-provider.5|lib/site/flow.c|DEPTH_MAX|16|16 deep
		ab-provider.5|lib/site/flow.c|STEPS_MAX|20000|20000 steps
		ab-provider.5|lib/site/flowstate.h|VAR_MAX|64 << 20|64 MiB of memory
		ab-provider.5|lib/site/flowread.c|SLOTS_TEXT|768 << 10|768 KiB
		ab-provider.5|lib/site/flowstate.h|STEP_TIMEOUT|30000|30 seconds
		ab-provider.5|lib/site/flow.c|PAGES_TIME|600000|10 minutes
		ab-provider.5|lib/site/flowpass.c|QUEUE_TIMEOUT|600000|10 minutes
	END
}

# Whatever a provider's author writes costs bounded time and memory and ends in a verdict. Each case is a provider, and one
# `ab-poll --once` with it.
load lib
load hostile

setup() {
	fresh_home
}
teardown() {
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
	run_readings elements <<-'END'
		following	changed	30	of CPU
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
		recursion	changed	-	its memory
		- expect: {status: 200}
		- slots: "def f: [f, 1]; f"
		list	changed
		- expect: {status: 200}
		- slots: "[range(1e9)]"
		text	changed	-	its memory
		- expect: {status: 200}
		- slots: 'reduce range(60) as $i ("a"; . + .) | [length]'
		product	changed
		- expect: {status: 200}
		- slots: '("a" * 1000000) * 1000000'
		sparse	changed	-	its memory
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
	end_pid "$HOSTILE"
	[ "$wrong" -eq 0 ]
}

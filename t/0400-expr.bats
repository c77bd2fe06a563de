#!/usr/bin/env bats
# Expressions and the filters behind them: what a template becomes, dates in a zone, and what a filter can't do.

load lib

setup_file() {
	export EXPR="$top_builddir/t/unit/expr-test"
}

# Lines "TEMPLATE => VALUE" on stdin, expanded in CONTEXT (default: $context); each must give its VALUE.
context='{"profile":{"first_name":"Ada","note":null,"party":["x","y"]},"var":{"n":3,"x":2.5,"big":12345678901234,"yes":true,"rows":[{"id":"a"},{"id":"b"}],"it":{"a b":"c"}},"slot":{"id":"s1"}}'
table() {
	local rows template wanted got=() n=0
	rows=$(cat)
	mapfile -t got < <(while IFS= read -r row; do
		jq -cn --arg t "${row%% => *}" --argjson c "$context" '{template: $t, context: $c}'
	done <<<"$rows" | "$EXPR" "${zone:-UTC}" "${limit:-2000}")
	while IFS= read -r row; do
		wanted=${row##* => }
		[ "${got[n]}" = "$wanted" ] || { printf '%s\n  wanted %s\n  got    %s\n' "$row" "$wanted" "${got[n]}"; return 1; }
		n=$((n + 1))
	done <<<"$rows"
}

expand() { # TEMPLATE
	jq -cn --arg t "$1" --argjson c "$context" '{template: $t, context: $c}' | "$EXPR" "${zone:-UTC}" "${limit:-2000}"
}

@test "one expression alone keeps its kind, several become text" {
	table <<-'END'
	plain => "plain"
	${.profile.first_name} => "Ada"
	${ .profile.first_name } => "Ada"
	Dear ${.profile.first_name}! => "Dear Ada!"
	${.var.n} => 3
	n=${.var.n} => "n=3"
	${.var.x}/${.var.big}/${.var.yes} => "2.5/12345678901234/true"
	${.profile.note} => null
	[${.profile.note}] => "[]"
	${.profile.nothing.at.all} => null
	${.var.rows[1].id} => "b"
	${.var["it"]["a b"]} => "c"
	${.var."it"."a b"} => "c"
	${.var.rows} => [{"id":"a"},{"id":"b"}]
	${.var.rows | map(.id) | join("+")} => "a+b"
	${.var.n + 1} => 4
	END
}

@test "braces, strings and comments inside an expression do not end it" {
	table <<-'END'
	${{a: {b: .var.n}}} => {"a":{"b":3}}
	${"}" + .slot.id} => "}s1"
	${"\(.slot.id + "}")"} => "s1}"
	${"a\"}" | length} => 3
	<${.slot.id}|${"{"}> => "<s1|{>"
	END
}

@test "\$\${ stands for \${ itself" {
	table <<-'END'
	$${.slot.id} => "${.slot.id}"
	a$${b}${.slot.id} => "a${b}s1"
	$$${x} => "$${x}"
	$5 {x} => "$5 {x}"
	END
}

@test "structures are expanded through, keys are not" {
	run "$EXPR" UTC <<<'{"template":{"${.a}":["${.a}",{"b":"x${.a}"}]},"context":{"a":1}}'
	[ "$output" = '{"${.a}":[1,{"b":"x1"}]}' ]
}

@test "a list or object in the midst of text is an error that says so" {
	[ "$(expand 'a ${.var.rows}')" = "error 65 a list can't be put into a text" ]
	[ "$(expand 'a ${.slot}')" = "error 65 an object can't be put into a text" ]
}

@test "a path through something that is no object is an error that says where" {
	[ "$(expand '${.slot.id.x}')" = "error 65 .slot.id.x: .slot.id is no object" ]
	[ "$(expand '${.slot[0]}')" = "error 65 .slot[0]: .slot is no list" ]
	[[ "$(expand '${.slot | .id | .x}')" = 'error 65 filter .slot | .id | .x: Cannot index string with string "x"' ]]
}

@test "a \${ without its } is refused" {
	[[ "$(expand 'a ${.slot')" = 'error 78 a ${.slot: ${ without its }' ]]
}

@test "no value is null, more than one is an error, and error() is told" {
	table <<-'END'
	${empty} => null
	${.var.rows[].id} => error 65 filter .var.rows[].id: gives more than one value: put it in [ ]
	${error("not today")} => error 65 filter error("not today"): not today
	END
}

@test "all filters that do not compile are named, with the byte" {
	run bash -c "printf '%s\n' '{\"template\":\"\${.a | nope}\"}' '{\"template\":\"\${.b + }\"}' '{\"template\":\"x \${(.c]}\"}' '{\"template\":\"\${1); def f: (2}\"}' | '$EXPR'"
	[[ "$output" == *'wrong 7 of ${.a | nope}: nope/0 is not defined'* ]]
	[[ "$output" == *'wrong 7 of ${.b + }: syntax error, the filter ends too early'* ]]
	[[ "$output" == *'wrong 7 of x ${(.c]}: a closing bracket that fits no opening one'* ]]
	[[ "$output" == *'wrong 3 of ${1); def f: (2}: a closing bracket that fits no opening one'* ]]
}

@test "dates: days, months, month_days" {
	zone=Europe/Istanbul table <<-'END'
	${days("2028-02-27"; 4)} => ["2028-02-27","2028-02-28","2028-02-29","2028-03-01"]
	${days("2026-12-31"; "2")} => ["2026-12-31","2027-01-01"]
	${days("2026-11-22T22:30:00Z"; 1)} => ["2026-11-23"]
	${days("2026-11-22"; 0)} => []
	${months("2026-11-30"; 3)} => ["2026-11","2026-12","2027-01"]
	${months("2026-12"; 1)} => ["2026-12"]
	${months("2026-11-30T22:30:00Z"; 1)} => ["2026-12"]
	${"2028-02" | month_days | length} => 29
	${"2026-11" | month_days | [first, last]} => ["2026-11-01","2026-11-30"]
	${"2026-02-30" | days(.; 1)} => error 65 filter "2026-02-30" | days(.; 1): not a date or time: "2026-02-30 00:00:00"
	${days("2026-11-22"; 100000)} => error 65 filter days("2026-11-22"; 100000): a count outside 0 to 3660
	END
}

@test "dates: a local time becomes an instant, and the other way, in Europe/Berlin" {
	zone=Europe/Berlin table <<-'END'
	${"2026-12-01 09:30" | local_to_utc} => "2026-12-01T08:30:00Z"
	${"2026-07-01T09:30:15" | local_to_utc} => "2026-07-01T07:30:15Z"
	${"2026-07-01" | local_to_utc} => "2026-06-30T22:00:00Z"
	${"2026-03-29 01:59" | local_to_utc} => "2026-03-29T00:59:00Z"
	${"2026-03-29 02:30" | local_to_utc} => "2026-03-29T01:30:00Z"
	${"2026-03-29 03:00" | local_to_utc} => "2026-03-29T01:00:00Z"
	${"2026-10-25 02:30" | local_to_utc} => "2026-10-25T00:30:00Z"
	${"2026-10-25 03:00" | local_to_utc} => "2026-10-25T02:00:00Z"
	${"2026-07-01T07:30:00Z" | format_time("%d.%m.%Y %H:%M %z")} => "01.07.2026 09:30 +0200"
	${"2026-12-01T08:30:00.250+00:00" | format_time("%H:%M")} => "09:30"
	${1782891000 | format_time("%Y-%m-%d %H:%M:%S, %s, %%z")} => "2026-07-01 09:30:00, 1782891000, %z"
	${"2026-07-01T12:00:00Z" | fromdate} => 1782907200
	${"2026-13-01 09:30" | local_to_utc} => error 65 filter "2026-13-01 09:30" | local_to_utc: not a date or time: "2026-13-01 09:30:00"
	END
}

@test "dates: in America/New_York and Asia/Kathmandu" {
	zone=America/New_York table <<-'END'
	${"2026-03-08 02:30" | local_to_utc} => "2026-03-08T07:30:00Z"
	${"2026-11-01 01:30" | local_to_utc} => "2026-11-01T05:30:00Z"
	${"2026-11-01 02:00" | local_to_utc} => "2026-11-01T07:00:00Z"
	${"2026-07-01T23:30:00-03:30" | format_time("%F %R %z")} => "2026-07-01 23:00 -0400"
	END
	zone=Asia/Kathmandu table <<-'END'
	${"2026-12-01 09:30" | local_to_utc} => "2026-12-01T03:45:00Z"
	${"2026-12-01T03:45:00Z" | format_time("%F %R %z")} => "2026-12-01 09:30 +0545"
	END
}

@test "dates: days and months across the changes of the clocks are neither lost nor doubled" {
	zone=Europe/Berlin table <<-'END'
	${days("2027-03-27"; 3)} => ["2027-03-27","2027-03-28","2027-03-29"]
	${days("2027-10-30"; 3)} => ["2027-10-30","2027-10-31","2027-11-01"]
	${days("2027-03-27T23:30:00Z"; 2)} => ["2027-03-28","2027-03-29"]
	${days("2027-10-30T22:30:00Z"; 2)} => ["2027-10-31","2027-11-01"]
	${days("2027-10-31T23:30:00Z"; 1)} => ["2027-11-01"]
	${[days("2027-03-27"; 3)[] | . + " 12:00" | local_to_utc | fromdate] | [.[1] - .[0], .[2] - .[1]]} => [82800,86400]
	${[days("2027-10-30"; 3)[] | . + " 12:00" | local_to_utc | fromdate] | [.[1] - .[0], .[2] - .[1]]} => [90000,86400]
	${"2027-03" | month_days | length} => 31
	${"2027-10" | month_days | [.[29:][], length]} => ["2027-10-30","2027-10-31",31]
	${"2027-03-28T00:59:59Z" | format_time("%R %z")} => "01:59 +0100"
	${"2027-03-28T01:00:00Z" | format_time("%R %z")} => "03:00 +0200"
	${"2027-10-31T00:30:00Z" | format_time("%R %z")} => "02:30 +0200"
	${"2027-10-31T01:30:00Z" | format_time("%R %z")} => "02:30 +0100"
	END
	zone=America/New_York table <<-'END'
	${days("2027-03-13"; 3)} => ["2027-03-13","2027-03-14","2027-03-15"]
	${days("2027-11-08T04:30:00Z"; 2)} => ["2027-11-07","2027-11-08"]
	${months("2027-11-01T03:30:00Z"; 2)} => ["2027-10","2027-11"]
	END
	zone=Asia/Kathmandu table <<-'END'
	${days("2027-10-31T18:30:00Z"; 1)} => ["2027-11-01"]
	${months("2027-10-31T18:14:59Z"; 1)} => ["2027-10"]
	${months("2027-10-31T18:15:00Z"; 1)} => ["2027-11"]
	END
}

@test "dates agree with the system's in every hour around the changes of the clocks" {
	for zone in Europe/Berlin America/New_York Asia/Kathmandu Europe/Istanbul; do
		context=$(jq -cn '[1774656000, 1792886400, 1772928000, 1793491200] | {var: {t: [.[] | range(.; . + 108000; 1800)]}}')
		got=$(expand '${[.var.t[] | format_time("%Y-%m-%d %H:%M %z")] | join("\n")}' | jq -r .)
		wanted=$(jq -rn --argjson c "$context" '$c.var.t[] | "@\(.)"' | TZ=$zone date -f - '+%Y-%m-%d %H:%M %z')
		[ "$got" = "$wanted" ]
	done
}

@test "a filter sees neither the environment nor a file" {
	export SECRET=hunter2
	printf '1' >"$BATS_TEST_TMPDIR/m.json"
	run bash -c "printf '%s\n' '{\"template\":\"\${env}\"}' '{\"template\":\"\${\$ENV | keys}\"}' | '$EXPR' Europe/Berlin"
	[ "${lines[0]}" = '{"TZ":"Europe/Berlin"}' ]
	[ "${lines[1]}" = '["TZ"]' ]
	[[ "$(expand 'x${import "m" as m; 1}')" == *"syntax error"* ]]
	[[ "$(expand '${"m" | modulemeta}')" == "error 65 "* ]]
	[[ "$(expand '${input}')" == "error 65 "* ]]
	[ "$(expand '${[limit(3; inputs)]}')" != '[1]' ]
}

@test "an endless filter is ended in time, and the next one runs" {
	start=$(date +%s)
	limit=300 table <<-'END'
	${def f: f; f} => error 75 filter def f: f; f took longer than 0.3 s
	${.var.n + 1} => 4
	${last(range(1e12))} => error 75 filter last(range(1e12)) took longer than 0.3 s
	${.var.n + 2} => 5
	END
	[ $(($(date +%s) - start)) -lt 10 ]
}

@test "a catastrophic pattern costs bounded time, and the next filter runs" {
	context='{"var":{"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}}'
	start=$(date +%s)
	run "$EXPR" UTC 1000 < <(for t in '${.var.text | test("^((a|a)*)*$")}' '${[range(1000) as $n | .var.text | test("^((a|a)*)*$")]}' '${.var.text | length}'; do
		jq -cn --arg t "$t" --argjson c "$context" '{template: $t, context: $c}'
	done)
	[[ "${lines[0]}" == "error "* ]]
	[[ "${lines[1]}" == "error "* ]]
	[ "${lines[2]}" = 66 ]
	[ $(($(date +%s) - start)) -lt 10 ]
}

@test "a filter that takes all memory ends its own process alone" {
	! ldd "$EXPR" | grep -q libasan || skip "the sanitizer needs all addresses for itself"
	limit=20000 table <<-'END'
	${[range(1e9)] | length} => error 75 filter [range(1e9)] | length used more than its memory or time, or crashed
	${def f: [f]; f} => error 75 filter def f: [f]; f used more than its memory or time, or crashed
	${"x" * 1e9 | length} => error 75 filter "x" * 1e9 | length used more than its memory or time, or crashed
	${.slot.id | length} => 2
	END
}

@test "nothing of a filter's process is left when its program was killed" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	"$EXPR" UTC 60000 <"$BATS_TEST_TMPDIR/in" >/dev/null 3>&- &
	pid=$!
	echo '{"template":"${def f: f; f}","context":{}}' >"$BATS_TEST_TMPDIR/in"
	until_true 10 pgrep -P "$pid"
	worker=$(pgrep -P "$pid")
	kill -9 "$pid"
	wait "$pid" || :
	until_true 10 bash -c "! kill -0 $worker 2>/dev/null"
}

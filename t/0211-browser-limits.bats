# What a page may cost: a browser that takes too much memory is ended, a page that never comes to an end is given up.
load lib
load browser

setup() {
	chromium_here
	fresh_home
	agent=$top_builddir/libexec/ab-page-browser
	python3 "$top_srcdir/t/fixtures/page/server.py" "$BATS_TEST_TMPDIR/port" "$BATS_TEST_TMPDIR/log" 3>&- &
	SERVER=$!
	until_true 10 test -e "$BATS_TEST_TMPDIR/port"
	SITE=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
}
teardown() {
	end_pid "${AGENT_PID:-}"
	end_pid "${SERVER:-}"
	[ -z "${AB_RUNTIME:-}" ] || until_true 3 no_browser || :
	cat "$BATS_TEST_TMPDIR/stderr" "$BATS_TEST_TMPDIR/answers" 2>/dev/null || :
	drop_home
}

# talk: an agent to speak with line by line; say COMMAND sends one and sets REPLY to its answer
talk() {
	coproc PAGE { exec "$agent" 2>"$BATS_TEST_TMPDIR/stderr" 3>&-; }
	AGENT_PID=$PAGE_PID
	say "$(jq -cn --arg base "$SITE/" '{do:"begin",settings:{base:$base}}')"
}
say() {
	printf '%s\n' "$1" >&"${PAGE[1]}"
	IFS= read -r -t $((30 * ${SLOWER:-1})) REPLY <&"${PAGE[0]}"
	printf '%s\n' "$REPLY" >>"$BATS_TEST_TMPDIR/answers"
}
reply() { jq -r "$1" <<<"$REPLY"; }

@test "a browser that takes more memory than it may is ended: the command says so, and the next starts another" {
	export AB_CHROMIUM_MEMORY=500
	talk
	say '{"do":"get","url":"/live?page=greedy"}'
	[ "$(reply .ok)" = true ]
	first=$(browser_pid)
	say '{"do":"click","css":"#eat","deadline_ms":20000}'
	# whether the click was over before it is a matter of chance
	[ "$(reply .ok)" = false ] || say '{"do":"wait","until":{"css":"#never"},"deadline_ms":20000}'
	[ "$(reply .error.code)" = unreachable ]
	[[ $(reply .error.message) == *"more than 500 MiB of memory"*AB_CHROMIUM_MEMORY* ]]
	until_true 5 test ! -e "/proc/$first"
	until_true 5 no_profile
	say '{"do":"find","css":"#eat"}'
	[ "$(reply .error.code)" = unreachable ]
	say '{"do":"get","url":"/echo"}'
	[ "$(reply .ok)" = true ]
	[ -n "$(browser_pid)" ] && [ "$(browser_pid)" != "$first" ]
}

@test "what an ordinary page takes is far below the limit, and a limit that is none is refused in a line" {
	export AB_CHROMIUM_MEMORY=500
	talk
	say '{"do":"get","url":"/live?page=greedy"}'
	say '{"do":"wait","until":{"css":"#never"},"deadline_ms":2500}' # it is weighed some times meanwhile
	[ "$(reply .error.message)" = "what was waited for did not come" ]
	say '{"do":"find","css":"#eat"}'
	[ "$(reply .value)" = Eat ]
	end_pid "$AGENT_PID"
	export AB_CHROMIUM_MEMORY=plenty
	talk
	say '{"do":"get","url":"/echo"}'
	[ "$(reply '.error | [.code, .message] | join(": ")')" = "unreachable: AB_CHROMIUM_MEMORY=plenty: not a number of MiB, 64 at least" ]
}

@test "a page whose script never ends: the command is over at its deadline, with a line, and the next page is another's" {
	talk
	say '{"do":"get","url":"/echo"}'
	first=$(browser_pid)
	before=$(date +%s%3N)
	say '{"do":"get","url":"/live?page=greedy&spin=1","deadline_ms":1500}'
	[ "$(reply '[.error.code, .error.message] | join(": ")')" = "timeout: the page was not complete in time" ]
	[ $(($(date +%s%3N) - before)) -lt $((4000 * ${SLOWER:-1})) ]
	say '{"do":"get","url":"/live?page=greedy","deadline_ms":15000}'
	[ "$(reply .ok)" = true ]
	say '{"do":"find","css":"#eat"}'
	[ "$(reply .value)" = Eat ]
	# it is the same browser: the tab alone was given up
	[ "$(browser_pid)" = "$first" ]
	[ ! -s "$BATS_TEST_TMPDIR/stderr" ] || not grep -v 'no-sandbox' "$BATS_TEST_TMPDIR/stderr"
}

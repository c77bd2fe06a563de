# For the tests of hostile pages and providers: one `ab-poll --once` a case, measured, against a site that is hostile in one way.

# What a case may cost at most (ab-page(5) and ab-provider(5), LIMITS): the memory of any one process, and the time where the table
# says nothing else.
MOST_MB=300 MOST_SECONDS=8

hostile=$top_srcdir/t/fixtures/hostile

# start_hostile: the site, with what it is to do in $HOME/case; sets HOSTILE and BASE
start_hostile() {
	echo empty >"$HOME/case"
	python3 "$hostile/server.py" "$HOME/ports" "$HOME/case" "$HOME/asked" 3>&- 8>&- &
	HOSTILE=$!
	until_true 10 test -e "$HOME/ports"
	read -r PORT ACCOMPLICE <"$HOME/ports"
	BASE=http://127.0.0.1:$PORT/ MAIL=$HOME/mail
}

# provider <STEPS: a provider whose check gets the page, and then does these
provider() {
	mkdir -p "$HOME/providers/hostile"
	{
		cat <<-'END'
			name: hostile
			title: Hostile pages
			base: "${.site.base}"
			timezone: Europe/Istanbul
			needs: {site.base: {title: Address}}
			pace: {interval: 1s, budget: 100000 per 60s, reserve: 0}
			flows:
			  check:
			    - get: /page
			      timeout: 2s
		END
		sed 's/^/    /'
	} >"$HOME/providers/hostile/provider.yaml"
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
}

# The readings of a page that the tables name: as an author would write them who thinks of no evil.
reads_html() {
	provider <<-'END'
		- expect: {css: h1, text: Free times}
		- rows: {each: "#slots li", get: {id: {self: true, attr: data-id}, start: {self: true, attr: data-start}}}
		- slots: .var.rows
	END
}
reads_json() {
	provider <<-'END'
		- expect: {status: 200, jq: '.page.json.slots // [] | type == "array"'}
		- slots: '.page.json.slots // []'
	END
}

is_sanitized() { grep -q __asan_init "$top_builddir/libexec/ab-page-http"; }

# look: one look at the site, measured
look() {
	rm -rf "${AB_STATE:?}/alice" "$AB_STATE/pace"
	"$hostile/measure" "$HOME/cost" ab-poll --once alice >"$HOME/out" 2>"$HOME/err" || :
	verdict=$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' "$HOME/out")
	reason=$(jq -r 'select(.type == "agent.heartbeat") | .data.reason // ""' "$HOME/out")
}

bad() {
	wrong=$((wrong + 1))
	printf '%s: %s\n    %s\n' "$line" "$1" "$(jq -c . "$HOME/cost")"
	sed 's/^/    /' "$HOME/err"
}

# judge VERDICT SECONDS [REASON]: extended globs, REASON of a part of it
judge() {
	local status mb most=$2
	case $1 in available) status=0 ;; none) status=1 ;; *) status=75 ;; esac
	# shellcheck disable=SC2053
	[[ $verdict == @($1) ]] || bad "$verdict, not $1 ($reason)"
	# shellcheck disable=SC2053
	[ -z "${3:-}" ] || [[ $reason == *$3* ]] || bad "the reason is: $reason"
	[ "$(jq .status "$HOME/cost")" = "$status" ] || bad "exit status $(jq .status "$HOME/cost"), not $status"
	[ "$(jq -c .left "$HOME/cost")" = '[]' ] || bad 'something still ran'
	jq -e --argjson most "$((most * ${SLOWER:-1}))" '.wall <= $most' "$HOME/cost" >/dev/null || bad "it took more than $most seconds"
	is_sanitized || {
		mb=$(jq '[.rss[]] | max / 1024 | floor' "$HOME/cost")
		[ "$mb" -le "$MOST_MB" ] || bad "it took $mb MB"
	}
	[ -z "${HOSTILE_COSTS:-}" ] || echo "$line: $verdict ($reason) $(jq -c . "$HOME/cost")" >>"$HOSTILE_COSTS"
}

# run_pages <TABLE of READING CASE VERDICT [SECONDS] [REASON]
LANES=3
run_pages() {
	local lane lanes=() failed=0
	cat >"$BATS_TEST_TMPDIR/table"
	for ((lane = 0; lane < LANES; lane++)); do
		run_lane "$lane" >"$BATS_TEST_TMPDIR/lane-$lane.log" 2>&1 3>&- &
		lanes+=($!)
	done
	for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
	[ "$failed" -eq 0 ] || cat "$BATS_TEST_TMPDIR"/lane-*.log
	[ "$failed" -eq 0 ]
}
run_lane() {
	local reading case expected seconds why line wrong=0 at=0 done=0 last=
	set +eET
	trap - ERR EXIT DEBUG
	BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/lane-$1
	mkdir "$BATS_TEST_TMPDIR"
	fresh_home
	trap 'end_pid $HOSTILE; drop_home' EXIT
	start_hostile
	reads_html
	new_session alice hostile || exit 1
	while read -r reading case expected seconds why <&8; do
		[[ -z $reading || $reading == \#* ]] && continue
		[ $((at++ % LANES)) -eq "$1" ] || continue
		line="$reading $case" done=$((done + 1))
		[ "$reading" = "$last" ] || "reads_$reading"
		last=$reading
		echo "$case" >"$HOME/case"
		look
		[ "${seconds:--}" != - ] || seconds=$MOST_SECONDS
		judge "$expected" "$seconds" "$why"
	done 8<"$BATS_TEST_TMPDIR/../table"
	[ "$done" -gt 0 ] && [ "$wrong" -eq 0 ]
}

# run_readings CASE <BLOCKS of a line NAME VERDICT [SECONDS [REASON]] and the steps of a provider
run_readings() {
	local expected seconds why line wrong=0 number=0 last steps
	fresh_home
	start_hostile
	echo "$1" >"$HOME/case"
	reads_html
	new_session alice hostile
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		[-\ ]*) printf '%s\n' "$line" >>"$HOME/steps-$number" ;;
		?*) number=$((number + 1)) && echo "$line" >"$HOME/head-$number" ;;
		esac
	done
	last=$number
	for ((number = 1; number <= last; number++)); do
		read -r line expected seconds why <"$HOME/head-$number"
		provider <"$HOME/steps-$number"
		look
		[ "${seconds:--}" != - ] || seconds=$MOST_SECONDS
		judge "$expected" "$seconds" "$why"
	done
	[ "$last" -gt 0 ] && [ "$wrong" -eq 0 ]
}

# A booking in a browser, killed at each of its page commands: the browser, its tabs, its keeper, the page agent, ab-book or
# the half of it that books. At most one booking, the truth told, nothing left, and the next run goes on.
#
#	AB_TEST_LONG=1   every command, not some drawn with SEED (printed)
#	SEED=17          the same draw again
#	MOMENT="9 0 browser"   this moment alone, as a failure prints it
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
[ -z "${AB_TEST_LONG:-}" ] || BATS_TEST_TIMEOUT=3600
load lib
load faults
load browser

DRAWN=6 # moments beside those of the commit

setup() {
	chromium_here
	[ -e "$top_builddir/t/page-preload.so" ] || skip "t/page-preload.so is not built (make check builds it)"
}
teardown() {
	end_pid "${POLL_PID:-}"
	[ -z "${AB_RUNTIME:-}" ] || until_true 10 no_browser
	faults_teardown
}

# The practice office in a browser, less patient with codes and proofs
browser_setup() {
	office=practice n=0 wrong=0
	fresh_home
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	# a region is for HTTP
	sed -i -e 's/^name: practice$/name: practice\ntransport: browser/' -e '/^ *region: {/d' -e 's/timeout: 120s/timeout: 8s/' \
		-e 's/settle: 3s/settle: 800ms/' "$HOME/providers/practice/provider.yaml"
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
	start_site --per-account 1000
	new_session alice practice
	ab-login alice >/dev/null 2>"$HOME/log"
}

# book_with VARIABLE=VALUE…: book 1 with a hand in its page agent; what came of it, or "killed"
book_with() {
	local status=0 said
	env LD_PRELOAD="$top_builddir/t/page-preload.so" ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" "$@" \
		ab-book alice < <(request 1) >"$HOME/out" 2>>"$HOME/log" || status=$?
	said=$(jq -r 'select(.type == "booking.result") | .data | .status + (if .status == "failed" then ":" + .reason else "" end)' "$HOME/out" | tail -n 1)
	case $said:$status in
	:137) echo killed ;;
	booked:0 | booked:137 | failed:*:1 | unknown:76) echo "$said" ;;
	*) echo "$said, but exit status $status" ;;
	esac
}

posts() { control 'requests?log=1' | jq '[.log[] | select(.method == "POST" and .path == "/office/book")] | length'; }
journal() { jq -r "select(.what == \"$1\") | ${2:-.what}" "$AB_STATE/alice/journal.ndjson" 2>/dev/null; }

# in_time WHAT COMMAND…
in_time() { until_true 10 "${@:2}" 2>/dev/null || bad "$1"; }

# one_moment K MS WHOM
one_moment() {
	local said attempt=1 sent
	fresh_case 5
	curl -sSf -X DELETE "${CONTROL}_demo/requests" >/dev/null
	rm -f "$HOME/killed"
	said=$(book_with PAGE_MOMENT="$1 $2 $3" PAGE_KILLED="$HOME/killed")
	in_time "a browser is left" no_browser
	in_time "a profile is left" no_profile
	case $said in
	booked) is_so 'bookings' "$(bookings)" 1 ;;
	failed:unreachable)
		is_so 'bookings' "$(bookings)" 0
		attempt=2
		;;
	killed)
		[[ $3 == program || $3 == back ]] || bad "who killed ab-book?"
		[[ $(bookings) == [01] ]] || bad "$(bookings) bookings"
		;;
	*) bad "said: $said" ;;
	esac
	[[ $3 != program && $3 != back ]] || [ ! -e "$HOME/killed" ] || [[ $said == killed || $said == booked ]] || bad "said: $said"
	[ "$said" = killed ] || [ -z "$(jq -rs 'map(select(.what == "intent" or .what == "result")) | .[-1] | select(.what == "intent")' "$AB_STATE/alice/journal.ndjson" 2>/dev/null)" ] ||
		bad "an intent is left open"
	# what follows
	is_so 'the next' "$(book $attempt)" booked
	is_so 'bookings in the end' "$(bookings)" 1
	sent=$(posts)
	[ "$sent" -le "$(journal intent | wc -l)" ] || bad "$sent bookings sent, $(journal intent | wc -l) intents"
	is_so 'journal' "$(journal result .event.data.status | tail -n 1)" booked
	is_so 'reference' "$(journal result .event.data.reference | tail -n 1)" "$(truth | jq -r --argjson slot "$slot" '.[] | select(.slot == $slot.id) | .reference')"
	in_time "a browser is left" no_browser
	in_time "a profile is left" no_profile
}

# all_moments <LOG: "K MS WHOM" for each command and each whom: before it, and in its midst
all_moments() {
	local k verb ms whom rest
	while read -r k verb ms rest; do
		for whom in browser tabs keeper agent program back; do
			echo "$k 0 $whom $verb $rest"
			echo "$k $((1 + RANDOM % (ms + 2))) $whom $verb $rest"
		done
	done
}
# some_moments: those of the commit, and some of the others
some_moments() {
	local line rest=() i
	while read -r line; do
		if [[ $line == *commit ]]; then echo "$line"; else rest+=("$line"); fi
	done
	for ((i = 0; i < DRAWN; i++)); do echo "${rest[RANDOM % ${#rest[@]}]}"; done
}

crash_lane() {
	local line at=0 began
	set +eET
	trap - ERR EXIT DEBUG
	BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/lane-$1
	mkdir "$BATS_TEST_TMPDIR"
	trap 'faults_teardown' EXIT
	browser_setup || exit 1
	while read -r line <&8; do
		[ $((at++ % LANES)) -eq "$1" ] || continue
		: >"$HOME/log"
		began=$(date +%s%N)
		# shellcheck disable=SC2086
		one_moment $line
		echo "$(($(date +%s%N) / 1000000 - began / 1000000)) ms: $line$([ -e "$HOME/killed" ] || echo ' (not reached)')"
	done 8<"$BATS_TEST_TMPDIR/../moments"
	[ "$wrong" -eq 0 ]
}

@test "the browser, its tabs, its keeper, its agent, or ab-book killed at a page command of a booking: one booking, nothing left" {
	local lane lanes=() failed=0
	RANDOM=${SEED:=$(($(date +%s) % 32768))}
	if [ -n "${MOMENT:-}" ]; then
		echo "$MOMENT" >"$BATS_TEST_TMPDIR/moments"
	else
		browser_setup
		fresh_case 5
		[ "$(book_with PAGE_LOG="$BATS_TEST_TMPDIR/log")" = booked ]
		cat "$BATS_TEST_TMPDIR/log"
		[ "$(grep -c ' commit$' "$BATS_TEST_TMPDIR/log")" -eq 1 ]
		[ "$(bookings)" -eq 1 ]
		in_time "a browser is left" no_browser
		if [ -n "${AB_TEST_LONG:-}" ]; then all_moments; else all_moments | some_moments; fi <"$BATS_TEST_TMPDIR/log" >"$BATS_TEST_TMPDIR/moments"
		faults_teardown
		rm -rf "$HOME" "$MAIL"
		unset AB_RUNTIME
	fi
	for ((lane = 0; lane < LANES; lane++)); do
		crash_lane "$lane" >"$BATS_TEST_TMPDIR/lane-$lane.log" 2>&1 3>&- &
		lanes+=($!)
	done
	for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
	echo "SEED=$SEED"
	cat "$BATS_TEST_TMPDIR"/lane-*.log | tee "$BATS_TEST_TMPDIR/all.log"
	[ "$(grep -c ' ms: ' "$BATS_TEST_TMPDIR/all.log")" -eq "$(wc -l <"$BATS_TEST_TMPDIR/moments")" ]
	[ "$failed" -eq 0 ]
	# a booking may be quicker than the one whose times were taken, but not often
	[ "$(grep -c 'not reached' "$BATS_TEST_TMPDIR/all.log")" -le $(($(wc -l <"$BATS_TEST_TMPDIR/moments") / 4)) ]
}

@test "a booking that Chromium sends twice by itself is counted, proved and told" {
	browser_setup
	told() { jq -r 'select(.type == "runtime.alert") | .data | .severity + " " + .reason' "$HOME/out"; }
	sent() { control 'requests?log=1' | jq '[.log[] | select(.path | test("[.](ico|css|js|png)$") | not)] | length'; }
	spent() { jq -s 'map(.log | length) | max' "$AB_STATE"/pace/account-*.json; }
	# FAULT RESULT POSTS BOOKINGS
	while read -r fault expected posts bookings; do
		line="submit $fault"
		fresh_case 5
		order submit "$fault"
		curl -sSf -X DELETE "${CONTROL}_demo/requests" >/dev/null
		is_so result "$(book 1)" "$expected"
		no_faults
		is_so posts "$(posts)" "$posts"
		is_so bookings "$(bookings)" "$bookings"
		if [ "$posts" -eq 2 ]; then
			[[ $(told) == "warning resent: the browser sent the booking again by itself"* ]] || bad "told: $(told)"
		else
			is_so told "$(told)" ""
		fi
		# where the site took it twice, it says so
		if [ "$bookings" -eq 2 ]; then
			[[ $(told) == *"double: the site lists 2 appointments of yours for this slot: PRC-"* ]] || bad "told: $(told)"
		fi
		# the budget knows of each
		is_so 'requests in the budget' "$(spent)" "$(sent)"
	done <<-'END'
		{"fault":"slow","ms":300} booked 1 1
		{"fault":"lost-answer"} booked 2 2
		{"fault":"lost-answer","count":2} booked 2 2
		{"fault":"reset"} booked 2 1
		{"fault":"reset","quiet":true} booked 2 1
		{"fault":"reset","count":2} failed:unreachable 2 0
	END
	[ "$wrong" -eq 0 ]
}

# Any faults at any moment, together: whatever happens, what was said is what is there. SEED=N repeats a run.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load faults

# what can happen to any request, each with its share
mishaps() {
	local one
	for one in '"throttle","retry_after":1' '"throttle","status":503,"retry_after":1' '"expire"' '"slow","ms":100' '"stall"' '"reset"' \
		'"lost-answer","probability":0.3' '"taken","probability":0.2' '"double","probability":0.1' '"changed"' '"queue","refresh":1' \
		'"maintenance"' '"bad-token"' '"huge"' '"garbage"'; do
		control fault "{\"office\":\"$office\",\"probability\":${1:-0.03},\"fault\":$one}" >/dev/null
	done
}
all_bookings() { truth | jq --argjson ids "$ids" '[.[] | select(.account == "alice@example.org" and (.slot | IN($ids[])))]'; }
free_seats() { control slots | jq '[.slots[].free] | add // 0'; }

# round: looks and attempts at one goal until it is booked or unknown; says what was wrong
round() {
	local said slots=() ids i free
	line="round $n"
	for i in 1 2 3 4; do
		fresh_case 2
		slots+=("$slot")
	done
	ids=$(printf '%s\n' "${slots[@]}" | jq -sc 'map(.id)')
	free=$(free_seats)
	said=$(look)
	case $said in
	none*) bad "$said, with $free free" ;;
	*exit*) bad "$said" ;;
	esac
	for i in 0 1 2 3; do
		slot=${slots[i]}
		said=$(book $((i + 1)))
		tally+="$said "
		case $said in
		booked)
			[ "$(all_bookings | jq length)" -eq 1 ] || bad "booked, but $(all_bookings)"
			[ "$(all_bookings | jq -r '.[0].reference')" = "$(jq -rs '[.[] | select(.type == "booking.result") | .data] | last | .reference' "$HOME/out")" ] ||
				bad 'another reference'
			break
			;;
		unknown)
			[ "$(all_bookings | jq length)" -le 1 ] || bad "unknown, and $(all_bookings)"
			break
			;;
		failed:*)
			[[ $said != *exit* ]] || bad "$said"
			[ "$(all_bookings | jq length)" -eq 0 ] || bad "$said, but $(all_bookings)"
			;;
		*) bad "$said" ;;
		esac
	done
}

# lane OFFICE SEED SECONDS
lane() {
	set +eET
	trap - ERR EXIT DEBUG
	local tally='' line='' end
	BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/$1-$2
	mkdir "$BATS_TEST_TMPDIR"
	trap faults_teardown EXIT
	SITE_SEED=$2 faults_setup "$1" || exit 1
	keep_faults=1 # to begin them anew would be to have the same ones again
	mishaps
	end=$((SECONDS + $3))
	while [ "$SECONDS" -lt "$end" ]; do
		: >"$HOME/log"
		round
	done
	echo "$1, seed $2: $n slots; $(tr ' ' '\n' <<<"$tally" | sort | uniq -c | tr '\n' ' ')"
	[ "$wrong" -eq 0 ] || { echo "repeat with SEED=$2"; exit 1; }
}

@test "whatever happens to any request: no false booked, no false none, no second booking" {
	seed=${SEED:-$((RANDOM + 1))} pids=() failed=0
	for office in practice practice-api; do
		for i in 0 1; do
			lane "$office" $((seed + i)) "${FAULT_SECONDS:-40}" >"$BATS_TEST_TMPDIR/$office-$i.log" 2>&1 3>&- &
			pids+=($!)
		done
	done
	for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
	cat "$BATS_TEST_TMPDIR"/*.log
	[ "$failed" -eq 0 ]
}

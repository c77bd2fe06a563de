# Every file that is kept, cut as a crash may leave it, and started again: nothing that was on the disk is lost, nothing
# is done twice, and what can't be read is said, not guessed. A table for each: where it is cut, what then happens.
#
# Elsewhere: the journal at every byte (t/unit/journal-test), the audit chain (0530), the outbox (0540), what is sealed
# (0310 cut at any place, 0320 killed at any step).
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib

setup() {
	fresh_home
	SITE_PID=
	SEED=${SEED:-$RANDOM}
	echo "SEED=$SEED"
	RANDOM=$SEED
	whole=$BATS_TEST_TMPDIR/whole
}
teardown() {
	stop_site
	drop_home
}

# cuts FILE MORE: lengths to cut it to: nothing, round the end of each line (3 bytes either side), the last but one, and
# MORE at random; without its full length
cuts() {
	local size at n
	size=$(stat -c %s "$1")
	{
		printf '%s\n' 0 1 2 $((size - 1)) $((size - 2))
		while IFS=: read -r at _; do
			for n in -3 -2 -1 0 1 2 3; do echo $((at + n + 1)); done
		done < <(grep -obz $'\n' "$1" | tr '\0' '\n' | grep -a : || :)
		for ((n = 0; n < $2; n++)); do echo $(((RANDOM * 32768 + RANDOM) % size)); done
	} | awk -v size="$size" '$1 >= 0 && $1 < size' | sort -nu
}
# cut FILE LENGTH: FILE as it was ($whole), cut
cut_to() { head -c "$2" "$whole" >"$1"; }
asked() { control requests | jq .total; }
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }

@test "state.json: whole it is gone on with, cut anywhere nothing is asked for, and it is left as it is" {
	local state=$AB_STATE/alice/state.json at
	jq -n '{timezone: "UTC", preferences: {}, consent: {owner: true, book: "yes", until: "2099-12-31"}}' >"$HOME/rules.json"
	jq -nc '{specversion: "1.0", id: "1", source: "/t", type: "appointment.available", subject: "alice", data: {slots: [
		{id: "a", start: "2098-12-01T09:30:00Z"}, {id: "b", start: "2098-12-02T09:30:00Z"}]}}' >"$HOME/slots"
	plan() { ab-plan --rules "$HOME/rules.json" alice <"$HOME/slots"; }
	plan | head -n 3 >/dev/null || :
	cp "$state" "$whole"
	is "$(jq -r .request.attempt "$whole")" 1
	run --separate-stderr timeout 2 ab-plan --rules "$HOME/rules.json" alice < <(:)
	is "$(jq -r 'select(.type == "booking.request") | .data.attempt' <<<"$output")" 1
	for at in $(cuts "$whole" 60); do
		cut_to "$state" "$at"
		run --separate-stderr plan
		is "$at: $status $output" "$at: 65 "
		[[ $stderr == *"$state is damaged"* ]]
		is "$at: $(stat -c %s "$state")" "$at: $at"
	done
}

@test "the journal, after a booking: cut anywhere behind the intent, the booking is found, and none is made" {
	local journal=$AB_STATE/alice/journal.ndjson at intent
	start_site --per-account 5
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30" "$(day 21)T09:30"
	slot=$(ab-poll --once alice | jq -c 'select(.type == "appointment.available") | .data.slots[0]')
	jq -nc --argjson slot "$slot" --arg expires "$(date -u -d '+1 hour' +%FT%TZ)" '{specversion: "1.0", id: "r", source: "/t",
		type: "booking.request", subject: "alice", data: {goal: "0193aaaa-0000-7000-8000-000000000001", attempt: 1, slot: $slot,
		rank: 1, why: "test", expires: $expires}}' >"$HOME/request"
	id=$(ab-book alice <"$HOME/request" | jq -r 'select(.type == "booking.result") | .id')
	cp "$journal" "$whole"
	is "$(jq -r .what "$whole" | paste -sd' ')" "intent known result told"
	intent=$(head -n 1 "$whole" | wc -c)
	for at in $(cuts "$whole" 4) $(stat -c %s "$whole"); do
		[ "$at" -ge "$intent" ] || continue
		cut_to "$journal" "$at"
		run --separate-stderr ab-book alice <"$HOME/request"
		is "$at: $status $(jq -rs '[.[] | select(.type == "booking.result") | .data.status] | unique | join(" ")' <<<"$output")" "$at: 0 booked"
		# the outcome that was on the disk is told again under its own id
		[ "$at" -lt "$(head -n 3 "$whole" | wc -c)" ] ||
			is "$at: $(jq -rs '[.[] | select(.type == "booking.result") | .id] | unique | join(" ")' <<<"$output")" "$at: $id"
		is "$at: $(truth | jq length)" "$at: 1"
		jq -e . "$journal" >/dev/null
	done
	is "$(control 'requests?log=1' | jq '[.log[] | select(.method == "POST" and .path == "/office/book")] | length')" 1
}

@test "the journal, before a booking: an intent that was not wholly written was not begun, and it is booked once" {
	local journal=$AB_STATE/alice/journal.ndjson at
	start_site --per-account 5
	new_session alice practice
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(ab-poll --once alice | jq -c 'select(.type == "appointment.available") | .data.slots[0]')
	jq -nc --argjson slot "$slot" '{what: "intent", goal: "0193aaaa-0000-7000-8000-000000000001", attempt: 1, slot: $slot, seq: 1,
		time: "2026-11-22T08:00:00.000Z"}' >"$whole"
	for at in 0 1 $((RANDOM % $(stat -c %s "$whole"))) $(($(stat -c %s "$whole") - 1)); do
		control reset '{}' >/dev/null
		release practice Ankara short-stay "$(day 20)T09:30"
		slot=$(ab-poll --once alice | jq -c 'select(.type == "appointment.available") | .data.slots[0]')
		cut_to "$journal" "$at"
		run --separate-stderr ab-book alice < <(jq -nc --argjson slot "$slot" --arg expires "$(date -u -d '+1 hour' +%FT%TZ)" '{specversion: "1.0",
			id: "r", source: "/t", type: "booking.request", subject: "alice", data: {goal: "0193aaaa-0000-7000-8000-000000000001",
			attempt: 1, slot: $slot, rank: 1, why: "test", expires: $expires}}')
		echo "$output" "$stderr"
		is "$at: $status $(truth | jq length)" "$at: 0 1"
	done
}

@test "login.json: whole it blocks what was refused, cut anywhere no login is tried" {
	local login=$AB_STATE/alice/login.json at before
	start_site
	new_session alice practice '.credentials.password = "wrong"'
	run ab-login alice
	is "$status" 77
	cp "$login" "$whole"
	# its first look at the site sees the login form; nothing is sent to it
	before=$(control 'requests?log=1' | jq '[.log[] | select(.method == "POST")] | length')
	run ab-login alice
	is "$status" 77
	for at in $(cuts "$whole" 12); do
		cut_to "$login" "$at"
		run ab-login alice
		is "$at: $status" "$at: 65"
		[[ $output == *"$login can't be read"* ]]
		is "$at: $(stat -c %s "$login")" "$at: $at"
	done
	is "$(control 'requests?log=1' | jq '[.log[] | select(.method == "POST")] | length')" "$before"
}

@test "a budget: whole it goes on counting, cut anywhere nothing is sent" {
	local bucket at before
	start_site
	new_session alice practice
	run ab-poll --once alice
	is "$status" 1
	for bucket in "$AB_STATE"/pace/account-*.json "$AB_STATE"/pace/site-*.json; do
		cp "$bucket" "$whole"
		before=$(asked)
		for at in $(cuts "$whole" 8); do
			cut_to "$bucket" "$at"
			run ab-poll --once alice
			is "$at: $status" "$at: 75"
			[[ $output == *"the budget can't be read"* ]]
		done
		is "$(asked)" "$before"
		cp "$whole" "$bucket"
		run ab-poll --once alice
		is "$status" 1
		[ "$(jq '.log | length' "$bucket")" -gt "$(jq '.log | length' "$whole")" ]
	done
}

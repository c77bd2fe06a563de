# lib/plan/slot and lib/plan/rank, by tables: which slots suit, in which order, and why.
load lib

now=2026-11-22T09:00:00Z

# rank PREFERENCES SLOT…: JSON of rank-test. PREFERENCES and SLOTs are jq expressions; the session is in Istanbul.
rank() {
	local prefs=$1
	shift
	local IFS=,
	jq -nc "[$*]" | "$top_builddir/t/unit/rank-test" \
		"$(jq -nc "{timezone: \"${ZONE:-Europe/Istanbul}\", preferences: $prefs}")" "${NOW:-$now}"
}
# order PREFERENCES SLOT…: the ids in order, in one line
order() { rank "$@" | jq -r '[.order[].id] | join(" ")'; }
why() { rank "$@" | jq -r .why; }
# slot ID START [MORE]
slot() { printf '{id: "%s", start: "%s"%s}' "$1" "$2" "${3:+, $3}"; }
same() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }

@test "without preferences every coming slot suits, the earliest first, then by id" {
	same "$(order '{}' "$(slot b 2026-12-02T09:00:00+03:00)" "$(slot c 2026-12-01T09:00:00+03:00)" \
		"$(slot a 2026-12-02T09:00:00+03:00)" "$(slot old 2026-11-22T11:59:59+03:00)")" "c a b"
}

@test "instants are compared, not texts" {
	same "$(order '{}' "$(slot later 2026-12-01T09:00:00+01:00)" "$(slot sooner 2026-12-01T10:30:00+03:00)")" "sooner later"
}

@test "locations go before categories, categories before time, each in the order of liking" {
	same "$(order '{locations: ["Ankara", "Istanbul"], categories: ["short", "long"]}' \
		"$(slot 1 2026-12-01T09:00:00+03:00 'location: "Istanbul", category: "short"')" \
		"$(slot 2 2026-12-09T09:00:00+03:00 'location: "Ankara", category: "long"')" \
		"$(slot 3 2026-12-20T09:00:00+03:00 'location: "Ankara", category: "short"')" \
		"$(slot 4 2026-12-08T09:00:00+03:00 'location: "Ankara", category: "short"')" \
		"$(slot 5 2026-12-01T09:00:00+03:00 'location: "Bursa", category: "short"')" \
		"$(slot 6 2026-12-01T09:00:00+03:00 'location: "Ankara"')")" "4 3 2 1"
}

@test "letters' case in places does not matter" {
	same "$(order '{locations: ["ANKARA"]}' "$(slot a 2026-12-01T09:00:00+03:00 'location: "Ankara"')")" "a"
}

@test "the winner's reason says its rank, its place among the wishes, and when" {
	rank '{locations: ["Ankara", "Istanbul"], categories: ["short-stay"]}' \
		"$(slot a 2026-12-01T09:30:00+03:00 'location: "Ankara", category: "short-stay"')" \
		"$(slot b 2026-12-01T09:30:00+03:00 'location: "Istanbul", category: "short-stay"')" >"$BATS_TEST_TMPDIR/r"
	same "$(jq -r '.order[0].why' "$BATS_TEST_TMPDIR/r")" \
		"1st of 2: location Ankara (1st choice), category short-stay, Tue 2026-12-01 09:30"
	same "$(jq -r '.order[1].why' "$BATS_TEST_TMPDIR/r")" \
		"2nd of 2: location Istanbul (2nd choice), category short-stay, Tue 2026-12-01 09:30"
}

@test "ordinals read as they are spoken" {
	slots=()
	for i in {1..23}; do
		slots+=("$(slot "$i" "2026-12-01T$(printf %02d "$i"):00:00+03:00")")
	done
	same "$(rank '{}' "${slots[@]}" | jq -r '[.order[].why | split(" ")[0]] | join(" ")')" \
		"1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th 11th 12th 13th 14th 15th 16th 17th 18th 19th 20th 21st 22nd 23rd"
}

@test "each slot that does not suit is counted under its first reason" {
	same "$(why '{between: ["2026-12-01", "2027-01-31"], weekdays: ["mon", "tue", "wed"], hours: ["09:00-12:30"],
			locations: ["Ankara"], exclude: ["2026-12-07"], notice: "48h"}' \
		"$(slot a 2026-11-20T09:30:00+03:00)" \
		"$(slot b 2026-11-23T09:30:00+03:00)" \
		"$(slot c 2026-11-27T09:30:00+03:00)" "$(slot d 2026-11-30T09:30:00+03:00)" \
		"$(slot e 2027-02-01T09:30:00+03:00)" \
		"$(slot f 2026-12-07T09:30:00+03:00)" \
		"$(slot g 2026-12-06T09:30:00+03:00)" \
		"$(slot h 2026-12-08T12:30:00+03:00)" \
		"$(slot i 2026-12-08T09:30:00+03:00 'location: "Bursa"')" \
		"$(slot j 2026-12-08T09:30:00+03:00)" \
		"$(slot k 2026-12-08T09:30:00+03:00 'location: "Ankara", seats: 0')" \
		"$(slot l 2026-12-08T09:30:00+03:00 'location: "Ankara", seats: 2')")" \
		"12 slots: 1 fits, 1 in the past, 1 too soon, 2 before 2026-12-01, 1 after 2027-01-31, 1 on 2026-12-07, 1 weekday sun, 1 at 12:30, 1 location Bursa, 1 without a location, 1 without a seat"
	same "$(why '{}')" "no slots"
	same "$(why '{}' "$(slot a 2026-12-01T09:30:00+03:00)")" "1 slot: 1 fits"
}

@test "dates are inclusive at both ends, and of the place where the slot is" {
	prefs='{between: ["2026-12-01", "2026-12-01"]}'
	same "$(order "$prefs" "$(slot a 2026-12-01T00:00:00+03:00)" "$(slot b 2026-12-01T23:59:00+03:00)" \
		"$(slot c 2026-11-30T23:59:00+03:00)" "$(slot d 2026-12-02T00:00:00+03:00)")" "a b"
	# the same instant is the first of December in Kathmandu, and still November in New York
	same "$(order "$prefs" "$(slot kathmandu 2026-11-30T20:00:00Z 'timezone: "Asia/Kathmandu"')" \
		"$(slot newyork 2026-11-30T20:00:00Z 'timezone: "America/New_York"')")" "kathmandu"
	# in UTC without a zone of its own it is in the session's: 23:30 is 02:30 of the next day
	same "$(order "$prefs" "$(slot z 2026-11-30T23:30:00Z)")" "z"
	same "$(ZONE=UTC order "$prefs" "$(slot z 2026-11-30T23:30:00Z)")" ""
	# an offset of its own counts as written
	same "$(order "$prefs" "$(slot o 2026-11-30T23:30:00-05:00)")" ""
}

@test "open ends of between" {
	same "$(order '{between: ["", "2026-12-01"]}' "$(slot a 2026-12-01T09:00:00+03:00)" "$(slot b 2026-12-02T09:00:00+03:00)")" "a"
	same "$(order '{between: ["2026-12-02", ""]}' "$(slot a 2026-12-01T09:00:00+03:00)" "$(slot b 2026-12-02T09:00:00+03:00)")" "b"
}

@test "hours: from the first minute to before the last, over midnight, to 24:00, several" {
	day=2026-12-01T
	slots=("$(slot 0859 ${day}08:59:59+03:00)" "$(slot 0900 ${day}09:00:00+03:00)" "$(slot 1229 ${day}12:29:00+03:00)"
		"$(slot 1230 ${day}12:30:00+03:00)" "$(slot 2300 ${day}23:00:00+03:00)" "$(slot 0030 ${day}00:30:00+03:00)")
	same "$(order '{hours: ["09:00-12:30"]}' "${slots[@]}")" "0900 1229"
	same "$(order '{hours: ["22:00-01:00"]}' "${slots[@]}")" "0030 2300"
	same "$(order '{hours: ["22:00-24:00"]}' "${slots[@]}")" "2300"
	same "$(order '{hours: ["08:00-09:00", "12:30-13:00"]}' "${slots[@]}")" "0859 1230"
}

@test "hours across daylight saving, zone by zone" {
	# zone, instant, and what the clock there shows
	while read -r zone instant clock; do
		got=$(NOW=2026-01-01T00:00:00Z rank '{}' "$(slot a "$instant" "timezone: \"$zone\"")" | jq -r '.order[0].why')
		same "$got" "1st of 1: $clock"
		hour=${clock: -5}
		next=$(printf '%02d:%s' $((10#${hour%:*} + 1)) "${hour#*:}")
		same "$(NOW=2026-01-01T00:00:00Z order "{hours: [\"$hour-$next\"]}" "$(slot a "$instant" "timezone: \"$zone\"")")" a
	done <<-'END'
	Europe/Berlin 2026-03-29T00:30:00Z Sun 2026-03-29 01:30
	Europe/Berlin 2026-03-29T01:30:00Z Sun 2026-03-29 03:30
	Europe/Berlin 2026-10-25T00:30:00Z Sun 2026-10-25 02:30
	Europe/Berlin 2026-10-25T01:30:00Z Sun 2026-10-25 02:30
	Europe/Istanbul 2026-03-29T01:30:00Z Sun 2026-03-29 04:30
	Europe/Istanbul 2026-10-25T01:30:00Z Sun 2026-10-25 04:30
	America/New_York 2026-03-08T06:30:00Z Sun 2026-03-08 01:30
	America/New_York 2026-03-08T07:30:00Z Sun 2026-03-08 03:30
	America/New_York 2026-11-01T06:30:00Z Sun 2026-11-01 01:30
	Asia/Kathmandu 2026-06-01T03:15:00Z Mon 2026-06-01 09:00
	END
}

@test "dates, weekdays and hours are those of the place, whatever the session's zone" {
	local zone instant date
	# a slot's zone, its instant, and the date and hour there; to the session in New York and the one in Kathmandu it is another day
	while read -r zone instant date hour; do
		for ZONE in America/New_York Asia/Kathmandu Europe/Berlin; do
			day=$(date -d "$date" +%a)
			s=$(slot a "$instant" "timezone: \"$zone\"")
			NOW=2026-01-01T00:00:00Z
			same "$ZONE $date $(order "{between: [\"$date\", \"$date\"]}" "$s")" "$ZONE $date a"
			same "$ZONE $date $(order "{weekdays: [\"${day,,}\"]}" "$s")" "$ZONE $date a"
			same "$ZONE $date $(order "{hours: [\"$hour:00-$hour:59\"]}" "$s")" "$ZONE $date a"
			same "$ZONE $date $(order "{exclude: [\"$date\"]}" "$s")" "$ZONE $date "
			same "$ZONE $date $(order "{exclude: [\"$(date -d "$date +1 day" +%F)\", \"$(date -d "$date -1 day" +%F)\"]}" "$s")" "$ZONE $date a"
		done
	done <<-'END'
	Europe/Berlin 2026-03-28T23:30:00Z 2026-03-29 00
	Europe/Berlin 2026-03-29T21:30:00Z 2026-03-29 23
	Europe/Berlin 2026-10-24T22:30:00Z 2026-10-25 00
	Europe/Berlin 2026-10-25T22:30:00Z 2026-10-25 23
	America/New_York 2026-03-08T05:30:00Z 2026-03-08 00
	America/New_York 2026-03-09T03:30:00Z 2026-03-08 23
	America/New_York 2026-11-01T04:30:00Z 2026-11-01 00
	America/New_York 2026-11-02T04:30:00Z 2026-11-01 23
	Europe/Istanbul 2026-10-24T21:30:00Z 2026-10-25 00
	Asia/Kathmandu 2026-11-30T18:30:00Z 2026-12-01 00
	END
}

@test "notice is counted from now, to the second, in whatever offset a slot is written" {
	NOW=2026-11-22T09:00:00Z
	for at in 2026-11-24T09:00:00Z 2026-11-24T14:45:00+05:45 2026-11-24T04:00:00-05:00 2026-11-24T12:00:00+03:00; do
		same "$at $(order '{notice: "48h"}' "$(slot a "$at")")" "$at a"
		same "$at $(NOW=2026-11-22T09:00:01Z order '{notice: "48h"}' "$(slot a "$at")")" "$at "
	done
}

@test "notice is real time: the hour that a change of clocks takes away is not counted" {
	# from Saturday noon in Berlin to Sunday noon are 23 hours when summer time begins
	NOW=2026-03-28T11:00:00Z
	same "$(order '{notice: "24h"}' "$(slot noon 2026-03-29T12:00:00 'timezone: "Europe/Berlin"' | sed 's/12:00:00/12:00:00+02:00/')" \
		"$(slot one 2026-03-29T13:00:00+02:00)")" "one"
}

@test "a slot is made whole: codes become texts, times are put into its zone, unknown keys are left out" {
	got=$(rank '{}' '{id: 17, start: "2026-12-01T06:30:00Z", timezone: "Europe/Istanbul", category: 4, seats: "2", location: "", price: 3}' | jq -cS '.slots[0]')
	same "$got" '{"category":"4","end":null,"extra":null,"id":"17","location":null,"resource":null,"seats":2,"start":"2026-12-01T09:30:00+03:00","timezone":"Europe/Istanbul"}'
}

@test "what is no slot is counted, told, and left out; of equal ids the first alone stays" {
	while IFS='|' read -r bad message; do
		rank '{}' "$bad" "$(slot good 2026-12-01T09:30:00+03:00)" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
		same "$(jq -c '[.bad, [.order[].id]]' "$BATS_TEST_TMPDIR/out")" '[1,["good"]]'
		grep -qF "$message" "$BATS_TEST_TMPDIR/err" || { cat "$BATS_TEST_TMPDIR/err"; false; }
	done <<-'END'
	7|not an object
	{start: "2026-12-01T09:30:00+03:00"}|no id
	{id: "", start: "2026-12-01T09:30:00+03:00"}|no id
	{id: "a\u0000b", start: "2026-12-01T09:30:00+03:00"}|no id
	{id: "a"}|start is missing
	{id: "a", start: "2026-12-01 09:30"}|not RFC 3339
	{id: "a", start: "2026-02-30T09:30:00Z"}|not RFC 3339
	{id: "a", start: "2026-12-01T09:30:00"}|not RFC 3339
	{id: "a", start: "2026-12-01T09:30:00Z", timezone: "Mars/Olympus"}|timezone
	{id: "a", start: "2026-12-01T09:30:00Z", location: ["x"]}|location is not a text
	{id: "a", start: "2026-12-01T09:30:00Z", seats: "many"}|seats
	END
	got=$(rank '{}' "$(slot a 2026-12-01T09:30:00+03:00)" "$(slot a 2026-12-02T09:30:00+03:00)")
	same "$(jq -c '[.bad, [.slots[].start]]' <<<"$got")" '[0,["2026-12-01T09:30:00+03:00"]]'
}

@test "a set has one hash in any order, and another when anything in it differs" {
	a=$(slot a 2026-12-01T09:30:00+03:00) b=$(slot b 2026-12-01T10:30:00+03:00)
	one=$(rank '{}' "$a" "$b" | jq -r .hash)
	same "$(rank '{}' "$b" "$a" | jq -r .hash)" "$one"
	[[ $one =~ ^[0-9a-f]{16}$ ]]
	[ "$(rank '{}' "$a" | jq -r .hash)" != "$one" ]
	[ "$(rank '{}' "$a" "$(slot b 2026-12-01T10:30:00+03:00 'seats: 1')" | jq -r .hash)" != "$one" ]
}

@test "a preference that can't be understood is named, never ignored" {
	while IFS='|' read -r prefs message; do
		run rank "$prefs" "$(slot a 2026-12-01T09:30:00+03:00)"
		[ "$status" -eq 78 ] || { echo "$prefs: $output"; false; }
		[[ $output == *"$message"* ]] || { echo "$prefs: $output"; false; }
	done <<-'END'
	[]|preferences is not a mapping
	{betwen: []}|preferences.betwen is unknown
	{between: ["2026-12-01"]}|not two dates
	{between: ["2026-12-01", "2026-13-01"]}|2026-13-01
	{between: ["2026-12-02", "2026-12-01"]}|is after
	{weekdays: ["monday"]}|monday
	{weekdays: "mon"}|not a list
	{hours: ["9-12"]}|9-12
	{hours: ["09:00-25:00"]}|09:00-25:00
	{hours: ["09:00-09:00"]}|09:00-09:00
	{hours: ["09:60-10:00"]}|09:60-10:00
	{locations: [1]}|not a text
	{exclude: ["tomorrow"]}|tomorrow
	{notice: "2 days"}|2 days
	{notice: 48}|notice
	END
	ZONE=Nowhere/Land run rank '{}'
	[ "$status" -eq 78 ]
	[[ $output == *"Nowhere/Land"* ]]
}

@test "ten thousand slots are ranked in a moment" {
	jq -nc '[range(10000) | {id: ("s\(.)"), start: "2026-12-\(1 + . % 28 | tostring | if length < 2 then "0" + . else . end)T09:30:00+03:00", location: "Ankara"}]' >"$BATS_TEST_TMPDIR/many"
	run timeout 20 "$top_builddir/t/unit/rank-test" '{"timezone":"Europe/Istanbul","preferences":{"locations":["Ankara"]}}' $now <"$BATS_TEST_TMPDIR/many"
	[ "$status" -eq 0 ]
	same "$(jq -r '.order[0].why' <<<"$output")" "1st of 10000: location Ankara, Tue 2026-12-01 09:30"
}

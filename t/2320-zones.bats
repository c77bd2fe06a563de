# The office in one zone, the session in another, and days on which the office's clocks change: end to end. The tables are in
# t/unit/schedule-test (1000), 0500 (ranking) and 0400 (date helpers of providers).
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
}
teardown() {
	tail -n 5 "$out" "$err" 2>/dev/null | cut -c 1-400 || :
	stop_site
	drop_home
}

is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
# office ZONE: a practice office there, and its provider
office() {
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	sed -i "s#Europe/Istanbul#$1#" "$HOME/providers/practice/provider.yaml"
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
	start_site --timezone "$1" --per-account 20
}
# session ZONE PREFERENCES
session() {
	new_session alice practice ".timezone = \"$1\" | .preferences = $2 | .consent.until = \"2099-12-31\""
}
pipeline() {
	mkdir -p "$AB_RUNTIME/alice"
	timeout $((40 * ${SLOWER:-1})) bash -c 'ab-poll alice | ab-plan alice | ab-book --feedback "$AB_RUNTIME/alice/feedback" alice' >"$out" 2>"$err" || :
}
booked() { jq -r 'select(.type == "booking.result" and .data.status == "booked") | .data.slot.start' "$out"; }

@test "an office in New York, a session in Kathmandu: hours, days and dates are the office's" {
	office America/New_York
	# in Kathmandu these are Tuesday 00:15, Tuesday 01:15 and, excluded, Wednesday 01:15
	session Asia/Kathmandu '{between: ["2027-11-08", "2027-11-30"], weekdays: ["mon", "tue"], hours: ["14:00-15:00"], exclude: ["2027-11-09"]}'
	release practice Ankara short-stay 2027-11-01T14:30 2027-11-08T13:30 2027-11-08T14:30 2027-11-09T14:30 2027-11-10T14:30
	pipeline
	is "$(booked)" 2027-11-08T14:30:00-05:00
	is "$(truth | jq -r '[.[].start] | join(" ")')" 2027-11-08T14:30
}

@test "an office's hour that comes twice: the slot is its first one, for all who read it, and is booked once" {
	office America/New_York
	session Europe/Berlin '{hours: ["01:00-02:00"]}'
	release practice Ankara short-stay 2027-11-07T01:30
	ab-poll --once alice >"$out" 2>"$err"
	is "$(jq -r 'select(.type == "appointment.available") | .data.slots[0].start' "$out")" 2027-11-07T01:30:00-04:00
	pipeline
	is "$(booked)" 2027-11-07T01:30:00-04:00
	is "$(truth | jq length)" 1
}

@test "an office's hour that is skipped: what the site offers then is moved on by it, and booked as that" {
	office Europe/Berlin
	session America/New_York '{between: ["2027-03-28", "2027-03-28"]}'
	release practice Ankara short-stay 2027-03-28T02:30
	pipeline
	is "$(booked)" 2027-03-28T03:30:00+02:00
	is "$(truth | jq length)" 1
}

@test "in all four zones the slots have their instants, in either kind of office" {
	local zone first want got
	for zone in Europe/Berlin America/New_York Asia/Kathmandu Europe/Istanbul; do
		for provider in practice practice-api; do
			mkdir -p "$HOME/$provider"
			cp -r "$top_srcdir/providers/$provider" "$HOME/$provider/"
			sed -i "s#Europe/Istanbul#$zone#" "$HOME/$provider/$provider/provider.yaml"
			AB_PROVIDERS="$HOME/$provider:$top_srcdir/providers"
			export AB_PROVIDERS
			start_site --timezone "$zone"
			new_session alice "$provider" '.timezone = "Asia/Kathmandu"'
			first=$(TZ=$zone date -d 'next Monday' +%F)
			want= times=()
			for i in 0 1 2 3 4; do
				times+=("$(date -d "$first +$i days" +%F)T09:30")
				want="$want $(TZ=$zone date -d "${times[i]}" +%s)"
			done
			release "$provider" Ankara short-stay "${times[@]}"
			ab-poll --once alice >"$out" 2>"$err"
			got=$(jq -r 'select(.type == "appointment.available") | .data.slots[].start' "$out" | while read -r at; do date -d "$at" +%s; done | sort -n | paste -sd' ')
			is "$zone $provider $got" "$zone $provider${want}"
			stop_site
			ab-vault rm --yes alice >/dev/null 2>&1 || rm -rf "$HOME/vault" "$HOME/key"
			rm -rf "$AB_STATE" "$HOME/$provider"
		done
	done
}

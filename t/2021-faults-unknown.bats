# A site that is away for longer than the reading back is patient. Takes a minute, hence a file of its own.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load faults

teardown() {
	faults_teardown
}

@test "what can't be read back for long is unknown, blocks, and is settled by itself when the site is back" {
	faults_setup practice
	fresh_case 5
	order confirm '{"count":99,"fault":"maintenance"}'
	order read-back '{"count":99,"fault":"maintenance"}'
	[ "$(book 1)" = unknown ]
	[ "$(bookings)" -eq 1 ]
	no_faults
	book 2 >/dev/null
	# first what had been unknown, then the same for the second request: one booking, told as such
	[ "$(jq -r 'select(.type == "booking.result") | .data | "\(.attempt) \(.status)"' "$HOME/out" | sort -u)" = "1 booked" ]
	[ "$(bookings)" -eq 1 ]
}

# A site that wants to be left alone and names no time. Takes a minute, hence a file of its own.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load faults

teardown() {
	faults_teardown
}

@test "a throttled answer to the commit that names no time is read back a minute later" {
	faults_setup practice
	fresh_case 5
	order submit '{"fault":"throttle"}'
	began=$SECONDS
	[ "$(book 1)" = failed:throttled ]
	[ $((SECONDS - began)) -ge 55 ]
	[ "$(bookings)" -eq 0 ]
	[ "$(book 2)" = booked ]
	[ "$(bookings)" -eq 1 ]
}

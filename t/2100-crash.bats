# Killed at any moment and started again: 30 moments of the crash sweep (make crash-sweep runs 300).
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=300
load lib

@test "any program killed, or all of them, and started again: one booking, told, recorded, nothing left" {
	COUNT=30 run "$top_srcdir/t/crash-sweep"
	echo "$output"
	[ "$status" -eq 0 ]
}

# As t/2002, of a check.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load browser
load faults
load faults-vfs

setup() {
	chromium_here
}

@test "a check that is hit sees nothing and says why, never none; the next one sees" {
	run_cases vfs <<-'END'
		check-page {"fault":"throttle","retry_after":1} throttled
		check-page {"fault":"changed"} changed
		check-page {"fault":"queue","refresh":1} available
		check-page {"fault":"maintenance"} maintenance
		check-page {"fault":"huge","count":9} unreachable
		check-centres {"fault":"throttle","retry_after":1} throttled
		check-centres {"fault":"expire"} available
		check-categories {"fault":"garbage"} changed
		check-available {"fault":"throttle","retry_after":1} throttled
		check-available {"fault":"throttle"} throttled
		check-available {"fault":"throttle","status":503,"retry_after":1} throttled
		check-available {"fault":"throttle","status":403} blocked
		check-available {"fault":"expire"} available
		check-available {"fault":"slow","ms":400} available
		check-available {"fault":"slow","ms":30000} unreachable
		check-available {"fault":"stall"} unreachable
		check-available {"fault":"reset","count":9} unreachable
		check-available {"fault":"changed"} changed
		check-available {"fault":"maintenance"} maintenance
		check-available {"fault":"bad-token"} available
		check-available {"fault":"huge"} unreachable
		check-available {"fault":"garbage"} changed
		check-calendar {"fault":"changed"} changed
		check-times {"fault":"garbage"} changed
	END
}

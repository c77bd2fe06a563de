# Faults × moments of a log-in and a check on the office vfs, in a browser: the class that each must give, never "none" when
# nothing was seen, and the next one works.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load browser
load faults
load faults-vfs

setup() {
	chromium_here
}

@test "a log-in that is hit passes, or says why, and the next one works" {
	run_cases vfs <<-'END'
		enter {"fault":"throttle","retry_after":1} throttled
		enter {"fault":"reset","count":9} unreachable
		enter {"fault":"changed"} changed
		enter {"fault":"queue","refresh":1} ok
		enter {"fault":"maintenance"} maintenance
		enter {"fault":"garbage"} changed
		challenge {"fault":"captcha"} ok
		challenge {"fault":"captcha","person":"no"} challenged
		login {"fault":"throttle","retry_after":1} throttled
		login {"fault":"throttle"} throttled
		login {"fault":"slow","ms":400} ok
		login {"fault":"stall"} unreachable
		login {"fault":"reset","count":9} unreachable
		login {"fault":"bad-token"} ok
		login {"fault":"maintenance"} maintenance
		login {"fault":"late-code","ms":1500} ok
		login {"fault":"stale-code"} ok
		login {"fault":"two-codes"} ok
		login {"fault":"image-code"} ok
		code {"fault":"throttle","retry_after":1} throttled
		code {"fault":"bad-token"} ok
		code {"fault":"garbage"} changed
	END
}

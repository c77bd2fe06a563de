# Faults × moments on the office practice: what is said is what is there, and what follows is right.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load faults

@test "a log-in that is hit says why, and the next one succeeds" {
	run_cases practice <<-'END'
		alive {"fault":"throttle","retry_after":1} throttled
		alive {"fault":"maintenance"} maintenance
		alive {"fault":"reset","count":9} unreachable
		alive {"fault":"captcha","person":"no"} challenged
		alive {"fault":"changed"} ok
		enter {"fault":"throttle","retry_after":1} throttled
		enter {"fault":"slow","ms":4000,"count":9} unreachable
		enter {"fault":"stall","count":9} unreachable
		enter {"fault":"reset","count":9} unreachable
		enter {"fault":"changed"} changed
		enter {"fault":"queue","refresh":1} ok
		enter {"fault":"captcha"} ok
		enter {"fault":"captcha","person":"no"} challenged
		enter {"fault":"maintenance"} maintenance
		enter {"fault":"huge"} changed
		enter {"fault":"garbage"} changed
		login {"fault":"throttle","retry_after":1} throttled
		login {"fault":"throttle","retry_after":2,"date":true} throttled
		login {"fault":"throttle"} throttled
		login {"fault":"throttle","status":503,"retry_after":1} throttled
		login {"fault":"slow","ms":400} ok
		login {"fault":"slow","ms":4000} unreachable
		login {"fault":"stall"} unreachable
		login {"fault":"reset","count":9} unreachable
		login {"fault":"queue","refresh":1} ok
		login {"fault":"maintenance"} maintenance
		login {"fault":"bad-token"} ok
		login {"fault":"late-code","ms":700} ok
		login {"fault":"stale-code"} ok
		login {"fault":"stale-code","age_ms":1000} ok
		login {"fault":"two-codes"} ok
		login {"fault":"image-code"} ok
		login {"fault":"captcha"} ok
		login {"fault":"late-code","ms":8300} no_code
		code-page {"fault":"throttle","retry_after":1} throttled
		code-page {"fault":"changed"} changed
		code-page {"fault":"maintenance"} maintenance
		code-page {"fault":"huge"} changed
		code-page {"fault":"garbage"} changed
		code {"fault":"throttle","retry_after":1} throttled
		code {"fault":"slow","ms":400} ok
		code {"fault":"slow","ms":4000} unreachable
		code {"fault":"stall"} unreachable
		code {"fault":"reset","count":9} unreachable
		code {"fault":"queue","refresh":1} ok
		code {"fault":"maintenance"} maintenance
		code {"fault":"bad-token"} ok
		entered {"fault":"throttle","retry_after":1} throttled
		entered {"fault":"expire"} ok
		entered {"fault":"stall","count":9} unreachable
		entered {"fault":"changed"} changed
		entered {"fault":"huge"} changed
		entered {"fault":"garbage"} changed
	END
}

@test "a check that is hit says why, never \"none\", and the next one sees" {
	run_cases practice <<-'END'
		check {"fault":"throttle","retry_after":1} throttled
		check {"fault":"throttle","retry_after":2,"date":true} throttled
		check {"fault":"throttle"} throttled
		check {"fault":"throttle","status":503,"retry_after":1} throttled
		check {"fault":"throttle","status":503} throttled
		check {"fault":"throttle","retry_after":"soon"} throttled
		check {"fault":"throttle","status":500} unreachable
		check {"fault":"throttle","status":403} blocked
		check {"fault":"expire"} available
		check {"fault":"slow","ms":400} available
		check {"fault":"slow","ms":4000,"count":9} unreachable
		check {"fault":"stall","count":9} unreachable
		check {"fault":"reset","count":9} unreachable
		check {"fault":"changed"} changed
		check {"fault":"queue","refresh":1} available
		check {"fault":"captcha"} available
		check {"fault":"captcha","status":403} available
		check {"fault":"captcha","person":"no"} challenged
		check {"fault":"maintenance"} maintenance
		check {"fault":"maintenance","status":503,"retry_after":1} maintenance
		check {"fault":"huge"} changed
		check {"fault":"garbage"} changed
	END
}

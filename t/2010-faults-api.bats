# Faults × moments on the office practice-api: what is said is what is there, and what follows is right.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load faults

@test "a log-in that is hit says why, and the next one succeeds" {
	run_cases practice-api <<-'END'
		alive {"fault":"throttle","retry_after":1} throttled
		alive {"fault":"maintenance"} maintenance
		alive {"fault":"reset","count":9} unreachable
		alive {"fault":"captcha","person":"no"} challenged
		alive {"fault":"changed"} ok
		enter {"fault":"changed"} changed
		enter {"fault":"captcha"} ok
		enter {"fault":"captcha","person":"no"} challenged
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
		login {"fault":"changed"} changed
		login {"fault":"queue","refresh":1} ok
		login {"fault":"captcha"} ok
		login {"fault":"maintenance"} maintenance
		login {"fault":"bad-token"} ok
		login {"fault":"huge"} changed
		login {"fault":"garbage"} changed
	END
}

@test "a check that is hit says why, never \"none\", and the next one sees" {
	run_cases practice-api <<-'END'
		page {"fault":"throttle","retry_after":1} throttled
		page {"fault":"changed"} changed
		page {"fault":"queue","refresh":1} available
		page {"fault":"captcha"} available
		page {"fault":"huge"} changed
		page {"fault":"garbage"} changed
		check {"fault":"throttle","retry_after":1} throttled
		check {"fault":"throttle","retry_after":2,"date":true} throttled
		check {"fault":"throttle"} throttled
		check {"fault":"throttle","status":503,"retry_after":1} throttled
		check {"fault":"throttle","status":503} throttled
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
		check {"fault":"bad-token"} available
		check {"fault":"huge"} changed
		check {"fault":"garbage"} changed
		hours {"fault":"throttle","retry_after":1} throttled
		hours {"fault":"reset","count":9} unreachable
		hours {"fault":"changed"} changed
		hours {"fault":"maintenance"} maintenance
		hours {"fault":"huge"} changed
		hours {"fault":"garbage"} changed
	END
}

@test "a form that is hit is failed with nothing sent, or passed; the next attempt books" {
	run_cases practice-api <<-'END'
		form {"fault":"throttle","retry_after":1} failed:throttled
		form {"fault":"throttle","retry_after":2,"date":true} failed:throttled
		form {"fault":"throttle","status":503,"retry_after":1} failed:throttled
		form {"fault":"expire"} booked
		form {"fault":"slow","ms":400} booked
		form {"fault":"slow","ms":4000,"count":9} failed:unreachable
		form {"fault":"stall","count":9} failed:unreachable
		form {"fault":"reset","count":9} failed:unreachable
		form {"fault":"changed"} failed:changed
		form {"fault":"queue","refresh":1} booked
		form {"fault":"captcha"} booked
		form {"fault":"captcha","person":"no"} failed:challenged
		form {"fault":"maintenance"} failed:maintenance
		form {"fault":"bad-token"} booked
		form {"fault":"huge"} failed:changed
		form {"fault":"garbage"} failed:changed
	END
}

# Faults × moments of a booking on the office practice: what is said is what is there, and what follows is right.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load faults

@test "a form that is hit is failed with nothing sent, or passed; the next attempt books" {
	run_cases practice <<-'END'
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
		form {"fault":"huge"} failed:changed
		form {"fault":"garbage"} failed:changed
	END
}

@test "a commit that is hit is proved, failed or unknown, as the site has it" {
	run_cases practice <<-'END'
		submit {"fault":"throttle","retry_after":1} failed:throttled
		submit {"fault":"throttle","retry_after":2,"date":true} failed:throttled
		submit {"fault":"throttle","status":503,"retry_after":1} failed:throttled
		submit {"fault":"throttle","status":500} failed:unreachable
		submit {"fault":"expire"} failed:expired
		submit {"fault":"slow","ms":400} booked
		submit {"fault":"slow","ms":4000} booked
		submit {"fault":"stall"} booked
		submit {"fault":"reset"} failed:unreachable
		submit {"fault":"reset","quiet":true} failed:unreachable
		submit {"fault":"lost-answer"} booked
		submit {"fault":"taken"} failed:taken:next_slot
		submit {"fault":"double"} booked
		submit {"fault":"changed"} booked
		submit {"fault":"queue"} failed:queued
		submit {"fault":"captcha"} failed:challenged
		submit {"fault":"maintenance"} failed:maintenance
		submit {"fault":"bad-token"} failed:expired
		submit {"fault":"huge"} booked
		submit {"fault":"garbage"} booked
	END
}

@test "a lost confirmation is made good by reading back" {
	run_cases practice <<-'END'
		confirm {"fault":"throttle","retry_after":1} booked
		confirm {"fault":"throttle","retry_after":2,"date":true} booked
		confirm {"fault":"throttle","status":503,"retry_after":1} booked
		confirm {"fault":"throttle","status":500} booked
		confirm {"fault":"expire"} booked
		confirm {"fault":"slow","ms":4000} booked
		confirm {"fault":"stall"} booked
		confirm {"fault":"reset","count":9} booked
		confirm {"fault":"changed"} booked
		confirm {"fault":"queue"} booked
		confirm {"fault":"captcha"} booked
		confirm {"fault":"maintenance"} booked
		confirm {"fault":"huge"} booked
		confirm {"fault":"garbage"} booked
	END
}

@test "a read-back that is hit is tried again" {
	run_cases practice <<-'END'
		read-back {"fault":"throttle","retry_after":1} booked
		read-back {"fault":"throttle","retry_after":2,"date":true} booked
		read-back {"fault":"throttle","status":503,"retry_after":1} booked
		read-back {"fault":"throttle","status":500} booked
		read-back {"fault":"expire"} booked
		read-back {"fault":"slow","ms":400} booked
		read-back {"fault":"slow","ms":4000} booked
		read-back {"fault":"stall"} booked
		read-back {"fault":"reset","count":2} booked
		read-back {"fault":"changed"} booked
		read-back {"fault":"queue","refresh":1} booked
		read-back {"fault":"captcha"} booked
		read-back {"fault":"captcha","person":"no"} booked
		read-back {"fault":"maintenance"} booked
		read-back {"fault":"huge"} booked
		read-back {"fault":"garbage"} booked
	END
}

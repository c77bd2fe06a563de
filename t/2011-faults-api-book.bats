# Faults × moments of a booking on practice-api, which has no list of one's own bookings: what is said is what is there.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load faults

# What only the lost answer could have told stays unknown, whether it was booked or not: nobody but the person may try again.
@test "a commit that is hit is proved, failed or unknown, as the site has it" {
	run_cases practice-api <<-'END'
		submit {"fault":"throttle","retry_after":1} failed:throttled
		submit {"fault":"throttle","retry_after":2,"date":true} failed:throttled
		submit {"fault":"throttle","status":503,"retry_after":1} unknown 0
		submit {"fault":"throttle","status":500} unknown 0
		submit {"fault":"expire"} failed:expired
		submit {"fault":"slow","ms":400} booked
		submit {"fault":"slow","ms":4000} unknown 1
		submit {"fault":"stall"} unknown 1
		submit {"fault":"reset"} unknown 0
		submit {"fault":"reset","quiet":true} unknown 0
		submit {"fault":"lost-answer"} unknown 1
		submit {"fault":"taken"} failed:taken:next_slot
		submit {"fault":"double"} booked
		submit {"fault":"changed"} unknown 1
		submit {"fault":"queue"} unknown 0
		submit {"fault":"captcha"} unknown 0
		submit {"fault":"maintenance"} unknown 0
		submit {"fault":"bad-token"} failed:expired
		submit {"fault":"huge"} unknown 1
		submit {"fault":"garbage"} unknown 1
	END
}

@test "a read-back that is hit is tried again" {
	run_cases practice-api <<-'END'
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
		read-back {"fault":"bad-token"} booked
		read-back {"fault":"huge"} booked
		read-back {"fault":"garbage"} booked
	END
}

# As t/2002, of a booking: what is said is what is there, never a second one, and what follows is right.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=170
load lib
load browser
load faults
load faults-vfs

setup() {
	chromium_here
}

@test "a booking that is hit before its commit sends nothing, or passes; the next one books" {
	run_cases vfs <<-'END'
		applications {"fault":"expire"} booked
		calendar {"fault":"throttle","retry_after":1} failed:throttled
		calendar {"fault":"garbage"} failed:changed
		times {"fault":"changed"} failed:changed
		fees {"fault":"reset","count":9} failed:unreachable
		fees {"fault":"maintenance"} failed:maintenance
	END
}

@test "a commit that is hit is proved, failed or unknown, as the site has it; its read-back is tried again" {
	run_cases vfs <<-'END'
		schedule {"fault":"throttle","retry_after":1} failed:throttled
		schedule {"fault":"throttle","status":503,"retry_after":1} failed:throttled
		schedule {"fault":"expire"} failed:expired
		schedule {"fault":"slow","ms":400} booked
		schedule {"fault":"stall"} booked
		schedule {"fault":"reset","count":9} failed:unreachable
		schedule {"fault":"lost-answer"} booked 2
		schedule {"fault":"taken"} failed:taken:next_slot
		schedule {"fault":"double"} booked
		schedule {"fault":"changed"} booked
		schedule {"fault":"maintenance"} failed:maintenance
		schedule {"fault":"bad-token"} failed:expired
		schedule {"fault":"garbage"} booked
		read-back {"fault":"throttle","retry_after":1} booked
		read-back {"fault":"expire"} booked
		read-back {"fault":"changed"} booked
		read-back {"fault":"garbage"} booked
	END
}

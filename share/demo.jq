# One event as one line for people; colours where the terminal has them.
def paint($code): if $colour == "" then . else "\u001b[\($code)m\(.)\u001b[0m" end;
def clock: .time[11:19];
def slot: "\(.location // "?") \(.start // "?" | .[0:16] | sub("T"; " "))";
def words:
	if .type == "agent.heartbeat" then
		if .data.verdict == "none" then "looked: no slots (\(.data.took_ms) ms)" | paint("2")
		elif .data.verdict == "available" then "looked: \(.data.seen) slots (\(.data.took_ms) ms)"
		else "could not see: \(.data.verdict), \(.data.reason // "")" | paint("33") end
	elif .type == "session.login" then
		if .data.ok then "logged in (\(.data.waited_ms) ms)" | paint("32") else "login failed: \(.data.reason)" | paint("31") end
	elif .type == "otp.requested" then "waits for the mailed code"
	elif .type == "otp.received" then "has the code, by \(.data.channel) (\(.data.waited_ms) ms)"
	elif .type == "appointment.available" then
		if (.data.slots | length) == 0 then "no slots" | paint("2") else "slots: " + ([.data.slots[] | slot] | join(", ")) | paint("36") end
	elif .type == "session.state" then "\(.data.from) to \(.data.to): \(.data.why)"
	elif .type == "booking.request" then "wants \(.data.slot | slot): \(.data.why)" | paint("1")
	elif .type == "booking.result" then
		if .data.status == "booked" then "BOOKED \(.data.slot | slot), reference \(.data.reference) (\(.data.reason))" | paint("1;32")
		elif .data.status == "pending" then "PENDING \(.data.slot | slot), reference \(.data.reference): \(.data.reason)" | paint("1;33")
		else "\(.data.status): \(.data.reason)" | paint("31") end
	elif .type == "human.required" then "asks: \(.data.question)" | paint("33")
	elif .type == "runtime.alert" then "alert: \(.data.reason) (\(.data.hint))" | paint("33")
	else .type end;
"  \(clock)  \((.subject // "") + "      " | .[0:6])  \(words)"

# The office "practice": what it shares with real ones.
load lib
load demo

setup() {
	start_demo
}
teardown() {
	stop_demo
}

@test "a mailed code logs in; it is good once" {
	send_password
	shows 'id="code-form"'
	code=$(mailed_code "$(mails)")
	[[ $code =~ ^[0-9]{6}$ ]]
	send_code "$code"
	shows 'id="my"'
	visit logout -d "_token=$(token)"
	send_password
	send_code "$code"
	shows 'This code is not valid'
	shows 'id="code-form"'
}

@test "the mail is like real ones: two parts, two encodings, other numbers" {
	send_password
	mail=$(mails)
	for line in 'From: .*<codes@office.example.org>' 'To: <alice@example.org>' 'Subject: Your verification code' 'Date: ...,' \
		'Message-ID: <' 'MIME-Version: 1.0' 'Content-Type: multipart/alternative' 'Content-Transfer-Encoding: quoted-printable' \
		'Content-Transfer-Encoding: base64'; do
		grep -q "^$line" "$mail"
	done
	python3 - "$mail" "$(mailed_code "$mail")" <<-'END'
		import email, email.policy, email.utils, sys, re, time
		m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
		text, html = m.get_body(["plain"]).get_content(), m.get_body(["html"]).get_content()
		assert "Your verification code is %s. It is valid for 5 minutes – do not" % sys.argv[2] in text, text
		assert "<b>%s</b>" % sys.argv[2] in html, html
		assert len(set(re.findall(r"\b\d{6}\b", text))) == 2, text
		assert abs(email.utils.parsedate_to_datetime(m["Date"]).timestamp() - time.time()) < 60
		assert not m.defects and not any(p.defects for p in m.walk())
	END
	[ "$(ls "$maildir/tmp" "$maildir/cur" | grep -c ab-demo)" -eq 0 ]
}

@test "five wrong codes end the session, five wrong passwords lock the account" {
	send_password
	for _ in 1 2 3 4; do
		send_code 000000
		shows 'This code is not valid'
	done
	send_code 000000
	shows 'id="login-form"'
	for _ in 1 2 3 4; do
		send_password bob@example.org wrong
		shows 'password is wrong'
	done
	send_password bob@example.org wrong
	shows 'account is locked'
	send_password bob@example.org practice
	shows 'account is locked'
	[ "$(mails | wc -l)" -eq 1 ]
}

@test "a new code makes the one before worthless" {
	send_password
	first=$(mailed_code "$(mails)")
	visit code/resend -d "_token=$(token)"
	shows 'id="code-form"'
	[ "$(mails | wc -l)" -eq 2 ]
	send_code "$first"
	shows 'This code is not valid'
	send_code "$(mailed_code "$(mails | tail -n 1)")"
	shows 'id="my"'
}

@test "both cookies must come back" {
	log_in
	cp "$jar" "$BATS_TEST_TMPDIR/both"
	for lost in office_session office_twin; do
		grep -v "$lost" "$BATS_TEST_TMPDIR/both" >"$jar"
		visit my
		shows 'id="login-form"'
	done
	cp "$BATS_TEST_TMPDIR/both" "$jar"
	visit my
	shows 'id="my"'
}

@test "logging in changes the cookies" {
	visit login
	grep -o 'office_session.*' "$jar" >"$BATS_TEST_TMPDIR/before"
	log_in
	not grep -qFf "$BATS_TEST_TMPDIR/before" "$jar"
}

@test "without a login every page is the login form, with status 200" {
	for path in calendar my slot/12345678 booked/X booking/X; do
		[ "$(curl -s -o "$BATS_TEST_TMPDIR/out" -w '%{http_code}' "${base}office/$path")" = 200 ]
		grep -q 'id="login-form"' "$BATS_TEST_TMPDIR/out"
	done
	visit terms
	shows 'id="terms"'
	visit nothing
	shows 'Page not found'
}

@test "a login that rested too long has expired" {
	stop_demo
	start_demo --idle 2s
	log_in
	read -rt 2.1 <> <(:) || : # the rest itself: asking would be no rest
	visit my
	shows 'id="login-form"'
}

@test "a form without its token is refused, and the session ends" {
	log_in
	visit cancel -d _token=0 -d reference=X
	shows 'This form has expired'
	visit my
	shows 'id="login-form"'
}

@test "the calendar proves that there are no slots, and each page holds every error text" {
	log_in
	visit calendar
	shows '<p id="no-slots">'
	shows 'data-count="0"'
	shows 'This appointment is no longer available.'
	open_slot Ankara
	visit calendar
	shows_not '<p id="no-slots">'
	shows 'data-count="1"'
	shows "data-slot=\"$slot\""
	visit 'calendar?place=Izmir'
	shows '<p id="no-slots">'
	visit 'calendar?month=2026-12&place=Ankara'
	shows "data-slot=\"$slot\""
	visit 'calendar?month=2027-01'
	shows '<p id="no-slots">'
}

@test "the booking form has what makes forms hard" {
	log_in
	open_slot
	visit "slot/$slot"
	[ "$(grep -oE '<(input|select|textarea|button)[ >]' "$page" | wc -l)" -ge 35 ]
	for part in 'enctype="multipart/form-data"' 'name="_charset_"' 'form="booking-form"' '<fieldset disabled>' 'type="file"' \
		'type="date"' 'type="radio"' ' multiple>' '<textarea' 'readonly' 'name="action" value="draft"' 'name="action" value="book"'; do
		shows "$part"
	done
	[ "$(grep -c 'name="trace"' "$page")" -eq 2 ]
}

@test "a form as a browser sends it books; reference, list and cancellation agree" {
	log_in
	open_slot Istanbul 2026-12-03T10:00
	see_form
	book
	shows 'appointment is booked'
	reference=$(grep -o 'id="reference">[^<]*' "$page" | cut -d '>' -f 2)
	[[ $reference == PRC-* ]]
	[ "$(bookings '[.account,.reference,.slot,.place,.start,.state,.applicant.passport_number]')" = \
		"[[\"alice@example.org\",\"$reference\",\"$slot\",\"Istanbul\",\"2026-12-03T10:00\",\"confirmed\",\"P0000001\"]]" ]
	visit calendar
	shows '<p id="no-slots">'
	visit my
	shows "data-reference=\"$reference\" data-start=\"2026-12-03T10:00\" data-place=\"Istanbul\""
	visit "booking/$reference"
	visit cancel -d "_token=$(token)" -d "reference=$reference"
	shows '<p id="state">cancelled</p>'
	[ "$(bookings '[.state,(.cancelled != null)]')" = '[["cancelled",true]]' ]
	visit calendar
	shows "data-slot=\"$slot\""
}

@test "what a browser would not send is refused, and nothing is booked" {
	log_in
	open_slot
	see_form
	refused() {
		book "${@:2}"
		shows "$1" && [ "$(bookings)" = '[]' ]
	}
	for name in coupon operator priority old_reference help; do
		refused "&#39;$name&#39; must not be sent" -F "$name=x"
	done
	refused 'There is no field &#39;other&#39;' -F other=x
	refused '&#39;first_name&#39; was sent more than once' -F first_name=Bob
	all=("${form[@]}")
	without() {
		form=()
		for ((i = 1; i < ${#all[@]}; i += 2)); do
			[[ ${all[i]} == "$1"* ]] || form+=(-F "${all[i]}")
		done
	}
	for name in desk companions title passport_scan address _charset_; do
		without "$name="
		refused "&#39;$name&#39; was not sent"
	done
	without 'trace=a'
	refused 'out of order'
	without 'reminder=0'
	refused 'not those of the page'
}

@test "the wrong button only saves a draft, and none does nothing" {
	log_in
	open_slot
	see_form
	visit book "${form[@]}" -F action=draft
	shows 'saved for later'
	visit book "${form[@]}"
	shows 'No button was pressed'
	[ "$(bookings)" = '[]' ]
}

@test "what is missing is asked for again" {
	log_in
	open_slot
	see_form
	book "${form[@]/passport_number=P0000001/passport_number=}"
	[ "$(bookings)" = '[]' ]
	all=("${form[@]}")
	for field in first_name=Alice gender=x nationality=TUR purpose=tourism accept_terms=yes; do
		form=("${all[@]/$field/${field%%=*}=}")
		book
		shows "Please fill in the field &#39;${field%%=*}&#39;"
		shows 'id="booking-form"'
	done
	form=("${all[@]/birth_date=1990-02-01/birth_date=1.2.1990}")
	book
	shows 'Please write dates as 1990-02-01'
	[ "$(bookings)" = '[]' ]
}

@test "one account holds one booking; --per-account and the control port allow more" {
	log_in
	open_slot
	see_form
	book
	open_slot Izmir
	visit "slot/$slot"
	shows 'You have an appointment already'
	form=("${form[@]/slot=*/slot=$slot}")
	book
	shows 'You have an appointment already'
	[ "$(bookings)" = '["confirmed"]' ]
	ctl account '{"account":"alice@example.org","per_account":2}'
	see_form
	book
	shows 'appointment is booked'
	[ "$(bookings)" = '["confirmed","confirmed"]' ]
}

@test "of two who want the last seat, one gets it" {
	open_slot
	log_in
	see_form
	first=("${form[@]}") first_jar=$jar
	jar=$BATS_TEST_TMPDIR/jar2
	log_in bob@example.org
	see_form
	form=("${form[@]/email=alice/email=bob}")
	book
	shows 'appointment is booked'
	jar=$first_jar form=("${first[@]}")
	book
	shows 'no longer available'
	[ "$(bookings .account)" = '["bob@example.org"]' ]
	visit "slot/$slot"
	shows 'no longer available'
}

@test "what strangers write is shown as text" {
	log_in
	open_slot '<script>alert(1)</script>'
	visit calendar
	shows '&lt;script&gt;alert(1)&lt;/script&gt;'
	shows_not '<script>alert'
}

# The office "vfs": a page whose script makes every screen, and what it calls.
load lib
load demo
load browser

setup() {
	start_demo --vfs-wait 0
	vfs_open
}
teardown() {
	stop_demo
}

@test "the same page is under each of its addresses, in two languages; others are not there" {
	for path in tur/tr/fra/login tur/tr/fra/dashboard tur/tr/fra/confirmation; do
		curl -sSf "$base$path" | grep -qF '<html lang="tr"'
	done
	curl -sSf "${base}tur/en/fra/review-pay" | grep -qF '<html lang="en"'
	[ "$(curl -sS -o /dev/null -w '%{http_code} %header{location}' "${base}tur/tr/fra/")" = '303 /tur/tr/fra/login' ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' "${base}tur/de/fra/login")" = 404 ]
	cmp <(curl -sSf "${base}vfs/app.js") "$top_srcdir/lib/demo/vfs/app.js"
	cmp <(curl -sSf "${base}vfs/app.css") "$top_srcdir/lib/demo/vfs/app.css"
}

@test "without the page a call is turned away: no visit, no clientsource, one of another call, an old one" {
	rm "$jar"
	vfs challenge
	[ "$status" = 403 ]
	grep -q '<title>Access Denied' "$out"
	vfs_open
	status=$(curl -sS -b "$jar" -H "route: $route" -o "$out" -w '%{http_code}' "${base}vfs/api/challenge")
	[ "$status" = 403 ]
	vfs_source GET challenge
	status=$(curl -sS -b "$jar" -H "route: $route" -H "clientsource: $source" -o "$out" -w '%{http_code}' "${base}vfs/api/appointment/application")
	[ "$status" = 403 ]
	date() { echo 1700000000000; }
	vfs challenge
	[ "$status" = 403 ]
	unset -f date
	vfs challenge
	vfs_says 200 .token
}

@test "logging in: challenge, password, mailed code; the page's token is new after each" {
	vfs user/login '{"username":"alice@example.org","password":"practice","captcha_api_key":"made up"}'
	vfs_says 200 '.error.code == 428 and .accessToken == null'
	vfs_password
	vfs_says 200 '.error == null and .enableOTPAuthentication and (.isAuthenticated | not) and .accessToken'
	vfs master/center/fra/tur/en
	[ "$status" = 401 ] # it is good for the code alone
	mail=$(mails | tail -n 1)
	grep -q '^From: .*<donotreply@centre.example.org>$' "$mail"
	grep -q '^Subject: One Time Password$' "$mail"
	tr -d '\n' <"$mail" | sed 's/=20//g; s/=\([^0-9A-F]\)/\1/g' | grep -q "The OTP for your application with VFS Global is $(vfs_code). The OTP will expire in 5 minutes."
	ctl codes | jq -e --arg c "$(vfs_code)" '.codes == [{account: "alice@example.org", code: $c}]'
	first=$token
	vfs user/login '{"username":"alice@example.org","password":"practice","otp":"x"}'
	vfs_says 200 '.error.code == 411 and (.isAuthenticated | not)'
	vfs user/login "{\"username\":\"alice@example.org\",\"password\":\"practice\",\"otp\":\"$(vfs_code)\"}"
	vfs_says 200 '.isAuthenticated and (.enableOTPAuthentication | not) and .error == null'
	token=$(jq -r .accessToken "$out")
	[ "$token" != "$first" ]
	vfs master/center/fra/tur/en
	vfs_says 200 'length == 3'
	vfs user/logout '{}'
	vfs_says 200 '.error == null'
	vfs master/center/fra/tur/en
	[ "$status" = 401 ]
}

@test "wrong passwords are counted, the fifth locks the account; each try takes a challenge" {
	for n in 1 2 3 4; do
		vfs_password alice@example.org wrong
		vfs_says 200 ".error.code == 410 and .FailedAttemptCount == $n"
	done
	vfs_password alice@example.org wrong
	vfs_says 200 '.error.code == 423 and .accountLockHours == 2'
	[ -z "$token" ]
	vfs_password bob@example.org
	vfs_says 200 .enableOTPAuthentication
}

@test "places, categories and sub-categories are lists of code and name, in the page's language; released ones are there" {
	vfs_slot 2027-01-12T10:00 1 Bursa sailor/deck
	vfs_open tr
	vfs_log_in
	vfs master/center/fra/tur/tr
	vfs_says 200 '[.[].centerCode] == ["ANKARA","ISTANBUL","IZMIR","BURSA"] and (.[0].centerName | endswith(" Merkezi - Ankara"))'
	vfs master/visacategory/fra/tur/ANKARA/tr
	vfs_says 200 '[.[].code] == ["SHORTSTAY","LONGSTAY","STUDENT","SAILOR"] and .[0].name == "Kısa Süreli Vize"'
	vfs master/subvisacategory/fra/tur/ANKARA/SHORTSTAY
	vfs_says 200 '. == [{code: "SHORTSTAY-TOURISM", name: "Turizm"}, {code: "SHORTSTAY-BUSINESS", name: "Ticari"}]'
}

@test "what is free: 1035, then the earliest date for each number of applicants, month first" {
	vfs_log_in
	vfs_available
	vfs_says 200 '.error.code == 1035 and .error.description == "No slots available" and .earliestDate == null'
	vfs_slot 2027-01-12T10:00
	vfs_slot 2027-02-03T11:00 2
	vfs_slot 2027-01-05T10:00 1 Izmir
	vfs_slot 2027-01-06T10:00 1 Ankara student/study
	vfs_available
	vfs_says 200 '.error == null and .earliestDate == "01/12/2027 00:00:00"
		and .earliestSlotLists == [{applicant: 1, date: "01/12/2027 00:00:00"}, {applicant: 2, date: "02/03/2027 00:00:00"}]'
	vfs appointment/CheckIsSlotAvailable '{"vacCode":"NOWHERE","visaCategoryCode":"SHORTSTAY-TOURISM"}'
	vfs_says 200 '.error.code == 422 and .error.description == "vacCode"'
	vfs_slot 2027-01-04T10:00 1 Ankara short-stay # is for each of its sub-categories
	vfs_available
	vfs_says 200 '.earliestDate == "01/04/2027 00:00:00"'
}

@test "the whole way: application, applicants, calendar, times, services, fees, booking; it can be read back" {
	vfs_slot 2027-01-16T10:00
	vfs_slot 2027-01-12T09:30
	vfs_log_in
	vfs_begin
	vfs_says 200 '.error == null and .waitMs == 0 and (.isPassportImage or .isApplicantOTP or .isWaitlist | not)'
	vfs appointment/calendar "{\"urn\":\"$urn\",\"fromDate\":\"01/01/2027\"}"
	vfs_says 200 '.error.code == 422 and .error.description == "applicantList"'
	vfs_applicants
	vfs_says 200 '.applicants == 1 and (.isOTPRequired | not)'
	vfs appointment/calendar "{\"urn\":\"$urn\",\"fromDate\":\"01/01/2027\"}"
	vfs_says 200 '.calendars == [{date: "01/12/2027", isWeekend: false}, {date: "01/16/2027", isWeekend: true}]'
	vfs appointment/calendar "{\"urn\":\"$urn\",\"fromDate\":\"01/13/2027\"}" # the other order of the date
	vfs_says 200 '.error.description == "fromDate"'
	vfs appointment/timeslot "{\"urn\":\"$urn\",\"slotDate\":\"12/01/2027\"}"
	vfs_says 200 ".slots == [{allocationId: \"$slot\", slot: \"09:30-10:00\"}]"
	vfs appointment/timeslot "{\"urn\":\"$urn\",\"slotDate\":\"13/01/2027\"}"
	vfs_says 200 '.error.code == 1035'
	vfs vas/mapvas "{\"urn\":\"$urn\"}"
	vfs_says 200 '.services | length == 2'
	vfs appointment/fees "{\"urn\":\"$urn\"}"
	vfs_says 200 '.totalAmount == 30 and (.isPaymentRequired | not)'
	vfs_schedule
	vfs_says 200 '.IsAppointmentBooked and (.IsPaymentRequired | not) and (.RequestRefNo | test("^PRCV[0-9]{9}$")) and .URL == null
		and .appointmentDate == "12/01/2027" and .appointmentTime == "09:30-10:00"'
	ref=$(jq -r .RequestRefNo "$out")
	vfs appointment/application
	vfs_says 200 ".applications == [{RequestRefNo: \"$ref\", allocationId: \"$slot\", centerName: \"Ankara\", visaCategory: \"short-stay/tourism\",
		appointmentDate: \"12/01/2027\", appointmentTime: \"09:30-10:00\", applicants: 1, status: \"Confirmed\", URL: null, holdUntil: null}]"
	[ "$(bookings '[.office,.reference,.state,.applicant[0].firstName]')" = "[[\"vfs\",\"$ref\",\"confirmed\",\"ALICE\"]]" ]
	grep -q '^Subject: Appointment Confirmation' "$(mails | tail -n 1)"
	[ -z "$(vfs_code)" ]
	vfs_begin
	vfs_says 200 '.error.code == 1037'
}

@test "several applicants take as many seats of a slot, and see only those with room" {
	vfs_slot 2027-01-12T10:00
	small=$slot
	vfs_slot 2027-01-13T10:00 2
	vfs_log_in
	vfs_begin
	vfs_applicants "$vfs_applicant" "$vfs_applicant"
	vfs appointment/calendar "{\"urn\":\"$urn\",\"fromDate\":\"01/01/2027\"}"
	vfs_says 200 '[.calendars[].date] == ["01/13/2027"]'
	big=$slot slot=$small
	vfs_schedule
	vfs_says 200 '.error.code == 1035 and (.IsAppointmentBooked | not)'
	slot=$big
	vfs_schedule
	vfs_says 200 .IsAppointmentBooked
	ctl slots | jq -e --arg s "$slot" '[.slots[] | select(.id == $s) | .free] == [0]'
	[ "$(bookings .party)" = '[2]' ]
}

@test "what is missing or wrong in the details is named; the wait before saving is imposed" {
	vfs_slot
	vfs_log_in
	vfs_begin
	vfs_applicants "${vfs_applicant/ALICE/Alice}"
	vfs_says 200 '.error.code == 422 and .error.description == "applicantList[0].firstName"'
	vfs_applicants "$vfs_applicant" "${vfs_applicant/31\/05/05\/31}"
	vfs_says 200 '.error.description == "applicantList[1].passportExpirtyDate"'
	vfs_applicants "${vfs_applicant/P0000001/}"
	vfs_says 200 '.error.description == "applicantList[0].passportNumber"'
	ctl vfs '{"wait_ms":60000}' | jq -e '.wait_ms == 60000'
	vfs_begin
	vfs_says 200 '.waitMs == 60000'
	vfs_applicants
	vfs_says 409 '.description == "Repeated Delay"'
	ctl vfs '{"wait_ms":0}'
	vfs_applicants
	vfs_says 200 '.applicants == 1'
}

@test "a booking to be paid for is pending, is held for a while, and confirmed once it is paid" {
	ctl vfs '{"payment":true}'
	vfs_slot
	vfs_log_in
	vfs_book
	vfs_says 200 '.IsAppointmentBooked and .IsPaymentRequired and (.URL | startswith("/vfs/pay/PRCV"))'
	url=$(jq -r .URL "$out") ref=$(jq -r .RequestRefNo "$out")
	[ "$(bookings '[.state, (.until > 0)]')" = '[["pending",true]]' ]
	ctl slots | jq -e '.slots[0].free == 0'
	vfs appointment/application
	vfs_says 200 '.applications[0] | .status == "Payment Pending" and .holdUntil and .URL'
	vfs_begin
	vfs_says 200 '.error.code == 1101'
	curl -sS -b "$jar" "${base#/}${url#/}" >"$out"
	grep -qF "<strong id=\"reference\">$ref" "$out"
	pay_token=$(sed -n 's/.*_token" value="\([0-9a-f]*\)".*/\1/p' "$out")
	[ "$(curl -sS -b "$jar" -d "_token=$pay_token&card=1" -o /dev/null -w '%{http_code} %header{location}' "$base${url#/}")" = "303 /tur/en/fra/confirmation?ref=$ref" ]
	[ "$(bookings)" = '["confirmed"]' ]
	curl -sS -b "$jar" "$base${url#/}" | grep -qF 'id="nothing-to-pay"'
	vfs appointment/application
	vfs_says 200 '.applications[0].status == "Confirmed"'
}

@test "an unpaid booking expires, and its seat is free again" {
	ctl vfs '{"payment":true,"hold_ms":0}'
	vfs_slot
	vfs_log_in
	vfs_book
	vfs_says 200 '.IsAppointmentBooked and .IsPaymentRequired'
	url=$(jq -r .URL "$out")
	[ "$(bookings)" = '["expired"]' ]
	curl -sS -b "$jar" "$base${url#/}" | grep -qF 'id="nothing-to-pay"'
	vfs appointment/application
	vfs_says 200 '.applications[0].status == "Expired"'
	vfs_available
	vfs_says 200 '.earliestDate == "01/12/2027 00:00:00"'
	ctl vfs '{"payment":false}'
	vfs_book
	[ "$(bookings)" = '["expired","confirmed"]' ]
}

@test "where a mission wants it: a picture of the passport, a code for the applicant, a waitlist" {
	ctl vfs '{"upload":true,"applicant_otp":true,"waitlist":true}'
	vfs_log_in
	vfs_available
	vfs_says 200 '.error.code == 1035 and .isWaitlist'
	members=',"isWaitlist":true' vfs_begin
	vfs_says 200 '.isWaitlist and .urn'
	vfs_slot
	vfs_begin
	vfs_says 200 '.isPassportImage and .isApplicantOTP'
	vfs_applicants
	vfs_says 200 '.error.description == "applicantList[0].passportImage"'
	printf '\211PNG\r\n' >"$BATS_TEST_TMPDIR/p.png"
	echo text >"$BATS_TEST_TMPDIR/p.txt"
	upload() {
		vfs_source POST appointment/document
		curl -sS -b "$jar" -H "route: $route" -H "clientsource: $source" -H "authorize: $token" -F "urn=$urn" -F "file=@$1" "${base}vfs/api/appointment/document" >"$out"
	}
	upload "$BATS_TEST_TMPDIR/p.txt"
	jq -e '.error.code == 422' "$out"
	upload "$BATS_TEST_TMPDIR/p.png"
	document=$(jq -er .documentId "$out")
	vfs_applicants "$(jq -c --arg d "$document" '.passportImage = $d' <<<"$vfs_applicant")"
	vfs_says 200 .isOTPRequired
	vfs_schedule
	vfs_says 200 '.error.description == "OTP"'
	vfs appointment/applicantotp "{\"urn\":\"$urn\",\"OTPAction\":\"GENERATE\"}"
	vfs_says 200 .isOTPGenerated
	vfs appointment/applicantotp "{\"urn\":\"$urn\",\"OTPAction\":\"VALIDATE\",\"OTP\":\"x\"}"
	vfs_says 200 '.error.code == 411 and (.isOTPValidated | not)'
	vfs appointment/applicantotp "{\"urn\":\"$urn\",\"OTPAction\":\"VALIDATE\",\"OTP\":\"$(vfs_code)\"}"
	vfs_says 200 .isOTPValidated
	vfs_schedule
	vfs_says 200 .IsAppointmentBooked
	ctl vfs '{"wait":1}' | jq -e '.error | contains("wait")'
	ctl vfs '{"payment":"yes"}' | jq -e '.error | contains("payment")'
	ctl reset '{}'
	ctl vfs | jq -e '. == {wait_ms: 0, hold_ms: 900000, payment: false, upload: false, applicant_otp: false, waitlist: false}'
}

@test "a login ends: after rest, by expire, by bad-token; then everything is 401" {
	for kind in expire bad-token; do
		vfs_open
		vfs_log_in
		fault "{\"fault\":\"$kind\",\"office\":\"vfs\",\"count\":1}"
		vfs appointment/application
		vfs_says 401 '.description == "Session expired"'
		vfs appointment/application
		[ "$status" = 401 ]
	done
	stop_demo
	start_demo --vfs-wait 0 --idle 1ms
	vfs_open
	vfs challenge
	[ "$status" = 401 ]
}

@test "captcha: the challenge shows a picture, and is met by what it shows alone" {
	fault '{"fault":"captcha","office":"vfs","count":1}'
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -b "$jar" "${base}vfs/challenge.bmp")" = 404 ]
	vfs challenge
	vfs_says 200 '.token == null and .picture == "/vfs/challenge.bmp"'
	[ "$(curl -sSf -b "$jar" "${base}vfs/challenge.bmp" | head -c 2)" = BM ]
	vfs challenge '{"answer":"x"}'
	vfs_says 200 '.error.code == 428'
	vfs challenge "{\"answer\":\"$(ctl codes | jq -r '.challenges[0].answer')\"}"
	vfs_says 200 '.error == null'
	vfs user/login "{\"username\":\"alice@example.org\",\"password\":\"practice\",\"captcha_api_key\":\"$(jq -r .token "$out")\"}"
	vfs_says 200 .enableOTPAuthentication
}

@test "taken, double and lost-answer befall the booking" {
	vfs_slot
	vfs_log_in
	fault '{"fault":"taken","office":"vfs","count":1}'
	vfs_book
	vfs_says 200 '.error.code == 1035 and (.IsAppointmentBooked | not)'
	[ "$(bookings '.account | startswith("rival-")')" = '[true]' ]
	vfs_slot 2027-01-13T10:00
	fault '{"fault":"double","office":"vfs","count":1}'
	fault '{"fault":"lost-answer","office":"vfs","count":1}'
	vfs_begin
	vfs_applicants
	run vfs_schedule
	[ "$status" -eq 52 ]
	[ "$(bookings '[.slot == "'"$slot"'", (.account | split("-")[0])]')" = '[[false,"rival"],[true,"alice@example.org"],[true,"rival"]]' ]
	vfs appointment/application
	vfs_says 200 '.applications[0].status == "Confirmed"'
}

@test "maintenance is 1036 to a call and a page to a browser; other refusals come as they are ordered" {
	fault '{"fault":"maintenance","office":"vfs","count":2}'
	vfs challenge
	vfs_says 200 '.error.code == 1036'
	vfs_open
	grep -qF 'id="maintenance"' "$out"
	vfs_open
	for kind in 409 429 504; do
		fault "{\"fault\":\"throttle\",\"office\":\"vfs\",\"status\":$kind,\"text\":\"Repeated Delay\",\"count\":1}"
		vfs challenge
		[ "$status" = "$kind" ]
		[ "$(cat "$out")" = 'Repeated Delay' ]
	done
	fault '{"fault":"queue","office":"vfs","count":1}'
	vfs_open
	grep -q '<title>Waiting Room' "$out"
	fault '{"fault":"queue","office":"vfs","title":"Just a moment...","count":1}'
	vfs_open
	grep -q '<title>Just a moment...' "$out"
}

@test "changed: the page's names and the answers' members are others, the script is whole" {
	fault '{"fault":"changed","office":"vfs","count":3}'
	vfs_open
	grep -qF 'v2-data-look' "$out"
	cmp <(curl -sSf "${base}vfs/app.js") "$top_srcdir/lib/demo/vfs/app.js"
	vfs challenge
	vfs_says 200 '."v2-token"'
}

@test "the mailer's faults: late, stale, two and picture codes" {
	fault '{"fault":"image-code","office":"vfs","count":1}'
	vfs_password
	mail=$(mails | tail -n 1)
	grep -q '^Subject: One Time Password' "$mail"
	grep -q '^Content-Type: image/bmp' "$mail"
	[ -z "$(vfs_code)" ]
	fault '{"fault":"stale-code","office":"vfs","count":1}'
	vfs_password
	[ "$(mails | wc -l)" -eq 3 ]
	fault '{"fault":"two-codes","office":"vfs","count":1}'
	vfs_password
	[ "$(mails | wc -l)" -eq 5 ]
	fault '{"fault":"late-code","office":"vfs","ms":100,"count":1}'
	vfs_password
	more() { [ "$(mails | wc -l)" -eq 6 ]; }
	until_true 5 more
	vfs user/login "{\"username\":\"alice@example.org\",\"password\":\"practice\",\"otp\":\"$(vfs_code)\"}"
	vfs_says 200 .isAuthenticated
}

@test "requests are counted for the account, and another's booking is not one's own" {
	vfs_slot
	vfs_log_in
	vfs_book
	ctl requests | jq -e '.by_account["alice@example.org"] > 5 and .by_path["/vfs/api/appointment/schedule"] == 1'
	rm "$jar"
	vfs_open
	vfs_log_in bob@example.org
	vfs appointment/application
	vfs_says 200 '.applications == []'
	vfs_applicants # of alice's application
	vfs_says 200 '.error.description == "urn"'
}

# look_at PATH: what a browser makes of it, in $out
look_at() {
	local program=${AB_CHROMIUM:-/usr/lib/chromium/chromium-headless-shell} root=()
	[ -x "$program" ] || program=$(command -v chromium-headless-shell || command -v chromium)
	[ "$(id -u)" -ne 0 ] || root=(--no-sandbox)
	timeout $((20 * ${SLOWER:-1})) "$program" "${root[@]}" --headless --disable-gpu --user-data-dir="$BATS_TEST_TMPDIR/chromium" --dump-dom \
		--virtual-time-budget=3000 "$base$1" >"$out" 2>"$BATS_TEST_TMPDIR/chromium.log" </dev/null 3>&-
}
holds() {
	grep -qF -- "$1" "$out" || { echo "not on the page: $1" >&2; cat "$out" >&2; return 1; }
}

@test "in a browser the login page shows its controls, in both languages, and meets the challenge by itself" {
	chromium_here
	look_at tur/en/fra/login
	for part in 'id="Email"' 'formcontrolname="username"' 'id="Password"' 'formcontrolname="password"' 'id="onetrust-accept-btn-handler"' '>Sign In</button>'; do
		holds "$part"
	done
	grep -qE 'name="cf-turnstile-response" value="[0-9a-f]{32}"' "$out"
	look_at tur/tr/fra/dashboard # who is not logged in comes to the login
	holds '>Oturum Aç</button>'
	holds 'id="Email"'
	fault '{"fault":"captcha","office":"vfs","count":1}'
	look_at tur/tr/fra/login
	holds 'id="challenge-picture"'
	grep -qF 'name="cf-turnstile-response" value=""' "$out"
	fault '{"fault":"changed","office":"vfs","path":"/tur/*","count":1}'
	look_at tur/en/fra/login
	holds 'id="v2-Email"'
}

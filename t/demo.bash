# For tests that drive the practice sites with curl: start_demo, then the offices as a browser would.

# start_demo [OPTION…]: an ab-demo on free ports; sets demo_pid, base, control, maildir. End it with stop_demo.
start_demo() {
	local at=$BATS_TEST_TMPDIR
	maildir=$at/mail
	ab-demo --listen 127.0.0.1:0 --control 127.0.0.1:0 --maildir "$maildir" "$@" >"$at/ready" 2>"$at/demo.log" 3>&- &
	demo_pid=$!
	until_true 10 test -s "$at/ready" || { cat "$at/demo.log" >&2; return 1; }
	base=$(jq -r .base "$at/ready")
	control=$(jq -r .control "$at/ready")
}
stop_demo() {
	end_pid "${demo_pid:-}"
}

# ctl COMMAND [JSON]: the control port's answer; POST when there is JSON
ctl() {
	curl -sS ${2:+-d "$2"} "${control}_demo/$1"
}
fault() {
	ctl fault "$1" | jq -e .id >/dev/null
}
# open_slot [PLACE [START [SEATS]]]: sets slot and start
open_slot() {
	start=${2:-2026-12-01T09:30}
	slot=$(ctl release "{\"office\":\"practice\",\"slots\":[{\"place\":\"${1:-Ankara}\",\"start\":\"$start\",\"seats\":${3:-1}}]}" |
		jq -er '.slots[0].id')
}

# --- the office "practice" ---
# visit PATH [CURL-OPTION…]: asks with the cookies of $jar; the answer is in $page
visit() {
	page=$BATS_TEST_TMPDIR/page
	curl -sS -L -b "${jar:=$BATS_TEST_TMPDIR/jar}" -c "$jar" "${@:2}" -o "$page" "${base}office/$1"
}
shows() {
	grep -qF -- "$1" "$page" || { echo "not on the page: $1" >&2; sed -n '/<main/,/<\/main/p' "$page" >&2; return 1; }
}
shows_not() {
	not grep -qF -- "$1" "$page"
}
token() {
	grep -o 'name="_token" value="[0-9a-f]*"' "$page" | head -n 1 | grep -oE '[0-9a-f]{32}'
}
# send_password [ACCOUNT [PASSWORD]]: to the page after it
send_password() {
	visit login
	visit login -d "_token=$(token)" -d "email=${1:-alice@example.org}" -d "password=${2:-practice}"
}
# mails: the files, oldest first; mailed_code FILE: the code in it
mails() {
	find "$maildir/new" -type f | sort -t Q -k 2n
}
mailed_code() {
	sed -n 's/.*code is \([0-9]\{6\}\).*/\1/p' "$1" | head -n 1
}
send_code() {
	visit code -d "_token=$(token)" -d "code=$1"
}
log_in() {
	send_password "$@"
	shows 'id="code-form"' && send_code "$(mailed_code "$(mails | tail -n 1)")" && shows 'id="my"'
}
# see_form: to the booking form of $slot; sets form, what a browser would send when a person has filled it in
see_form() {
	visit "slot/$slot"
	form=(-F "_token=$(token)" -F _charset_=UTF-8 -F "slot=$slot" -F "start=$start" -F trace=a -F title=none -F first_name=Alice
		-F last_name=Example -F birth_date=1990-02-01 -F gender=x -F nationality=TUR -F passport_number=P0000001
		-F passport_expiry=2032-05-31 -F 'passport_scan=;filename=""' -F email=alice@example.org -F phone_code=+90
		-F phone=3120000000 -F address= -F city= -F postcode= -F purpose=tourism -F reminder=0 -F reminder=1 -F desk=counter
		-F accept_terms=yes -F trace=b -F companions=0)
}
# book [CURL-OPTION…]: sends it by the right button
book() {
	visit book "${form[@]}" -F action=book "$@"
}
bookings() {
	ctl bookings | jq -c "[.bookings[] | ${1:-.state}]"
}

# --- the office "vfs" ---
# vfs_open [LANGUAGE]: loads the page, as a browser would; sets seed and route, and empties token
vfs_open() {
	route=tur/${1:-en}/fra token='' jar=$BATS_TEST_TMPDIR/vfs-jar out=$BATS_TEST_TMPDIR/vfs-out
	curl -sS -b "$jar" -c "$jar" -o "$out" "$base$route/login"
	seed=$(sed -n 's/.*practice-seed" content="\([0-9a-f]*\)".*/\1/p' "$out")
}
# vfs_source METHOD PATH: the header that the page makes (lib/demo/vfs-api.c); sets source
vfs_source() {
	local time text hash=2166136261 i c
	time=$(date +%s%3N)
	text="$seed|$route|$1 /vfs/api/$2|$time|abc"
	for ((i = 0; i < ${#text}; i++)); do
		printf -v c %d "'${text:i:1}"
		hash=$(((hash ^ c) * 16777619 & 0xffffffff))
	done
	printf -v source '%s.abc.%08x' "$time" "$hash"
}
# vfs PATH [JSON [CURL-OPTION…]]: a call, POST when there is JSON; sets status, the answer is in $out
vfs() {
	local data=() method=GET
	[ -z "${2:-}" ] || data=(-H 'Content-Type: application/json' -d "$2") method=POST
	vfs_source "$method" "$1"
	out=$BATS_TEST_TMPDIR/vfs-out
	status=$(curl -sS -b "$jar" -c "$jar" -H "route: $route" -H "clientsource: $source" ${token:+-H "authorize: $token"} "${data[@]}" "${@:3}" \
		-o "$out" -w '%{http_code}' "${base}vfs/api/$1")
}
# vfs_says STATUS JQ-CONDITION
vfs_says() {
	[ "$status" = "$1" ] && jq -e "$2" "$out" >/dev/null || { echo "$status $(cat "$out")" >&2; return 1; }
}
vfs_code() {
	sed -n 's/.*VFS Global is \([0-9]\{6\}\).*/\1/p' "$(mails | tail -n 1)"
}
# vfs_password [ACCOUNT [PASSWORD]]: to the code; vfs_log_in: through it
vfs_password() {
	vfs challenge
	vfs user/login "{\"username\":\"${1:-alice@example.org}\",\"password\":\"${2:-practice}\",\"captcha_api_key\":\"$(jq -r .token "$out")\"}"
	token=$(jq -r '.accessToken // ""' "$out")
}
vfs_log_in() {
	vfs_password "$@"
	vfs user/login "{\"username\":\"${1:-alice@example.org}\",\"password\":\"${2:-practice}\",\"otp\":\"$(vfs_code)\"}"
	vfs_says 200 .isAuthenticated
	token=$(jq -r .accessToken "$out")
}
# vfs_slot [START [SEATS [PLACE [CATEGORY]]]]: opens one; sets slot
vfs_slot() {
	slot=$(ctl release "{\"office\":\"vfs\",\"slots\":[{\"place\":\"${3:-Ankara}\",\"category\":\"${4:-short-stay/tourism}\",\"start\":\"${1:-2027-01-12T10:00}\",\"seats\":${2:-1}}]}" |
		jq -er '.slots[0].id')
}
vfs_available() {
	vfs appointment/CheckIsSlotAvailable '{"vacCode":"ANKARA","visaCategoryCode":"SHORTSTAY-TOURISM"}'
}
# vfs_begin: an application, with $members if there are any; sets urn
vfs_begin() {
	vfs appointment/application "{\"centerCode\":\"ANKARA\",\"visaCategoryCode\":\"SHORTSTAY-TOURISM\"${members:-}}"
	urn=$(jq -r '.urn // ""' "$out")
}
vfs_applicant='{"firstName":"ALICE","lastName":"EXAMPLE","gender":"F","dateOfBirth":"01/02/1990","nationalityCode":"TUR","passportNumber":"P0000001",
	"passportExpirtyDate":"31/05/2032","dialCode":"90","contactNumber":"3120000000","emailId":"alice@example.org"}'
# vfs_applicants [APPLICANT…]
vfs_applicants() {
	local list
	[ $# -gt 0 ] || set -- "$vfs_applicant"
	printf -v list ',%s' "$@"
	vfs appointment/applicants "{\"urn\":\"$urn\",\"applicantList\":[${list:1}]}"
}
vfs_schedule() {
	vfs appointment/schedule "{\"urn\":\"$urn\",\"allocationId\":\"$slot\"}"
}
# vfs_book: all of it, once logged in
vfs_book() {
	vfs_begin
	vfs_applicants
	vfs_schedule
}

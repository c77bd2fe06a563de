# ab-inbox-totp: codes made from a secret and the time, against the RFCs' own vectors and an implementation from their text.

bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	driver=$AB_LIBEXEC/ab-inbox-totp
	not grep -qx 'OATH_LIBS = *' "$top_builddir/Makefile" || skip "liboath was not there when ab was configured"
	# sanitized programs want to be preloaded themselves
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
}
teardown() {
	end_pid "${first:-}"
	end_pid "${second:-}"
	drop_home
}

# RFC 6238's secrets, in base32: 20, 32 and 64 bytes of 1234567890…
sha1=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
sha256=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA====
sha512=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA=

# at SECONDS COMMAND…: with the wall clock standing there
at() {
	local when=$1
	shift
	env LD_PRELOAD="$top_builddir/t/clock-at.so" CLOCK_AT="$when" "$@"
}
requests() { # requests SECRET [WAIT-MEMBERS [OPEN-MEMBERS]]
	jq -cn --arg secret "$1" '{do: "open", url: "totp:", skew: "0s", secret: $secret} + '"{${3:-}}"
	echo '{"do":"mark"}'
	jq -cn '{do: "wait", mark: "x", rules: {}, deadline_ms: 1000} + '"{${2:-}}"
}
# drive AS REQUESTS: the last answer, in $answer
drive() {
	requests "$@" >"$BATS_TEST_TMPDIR/in"
	answer=$("$driver" <"$BATS_TEST_TMPDIR/in" | tail -n 1)
	echo "$answer"
}
drive_at() {
	local when=$1
	shift
	requests "$@" >"$BATS_TEST_TMPDIR/in"
	answer=$(at "$when" "$driver" <"$BATS_TEST_TMPDIR/in" | tail -n 1)
	echo "$answer"
}
code() { jq -r .code <<<"$answer"; }
uri() { echo "otpauth://totp/Example:alice?secret=${1%%=*}&issuer=Example${2:+&$2}"; }

# by_text BASE32 STEP [DIGITS [HASH]]: the code as RFC 4226 s.5.3 and RFC 6238 s.4 have it
by_text() {
	python3 - "$@" <<-'E'
		import base64, hmac, struct, sys
		secret, step, digits, name = (sys.argv[1:] + ["6", "sha1"][len(sys.argv) - 3:])[:4]
		h = hmac.new(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">q", int(step)), name).digest()
		at = h[-1] & 15
		print(str((struct.unpack(">I", h[at:at + 4])[0] & 0x7fffffff) % 10 ** int(digits)).zfill(int(digits)))
	E
}

@test "RFC 6238's vectors (appendix B), for all three hashes" {
	while read -r when a b c; do
		drive_at "$when" "$(uri $sha1 'digits=8')"
		[ "$(code)" = "$a" ]
		drive_at "$when" "$(uri $sha256 'algorithm=SHA256&digits=8&period=30')"
		[ "$(code)" = "$b" ]
		drive_at "$when" "$(uri $sha512 'digits=8&algorithm=sha512')"
		[ "$(code)" = "$c" ]
	done <<-'E'
		59 94287082 46119246 90693936
		1111111109 07081804 68084774 25091201
		1111111111 14050471 67062674 99943326
		1234567890 89005924 91819424 93441116
		2000000000 69279037 90698825 38618901
		20000000000 65353130 77737706 47863826
	E
}

@test "six digits, leading zeros kept, other periods" {
	drive_at 1111111109 $sha1
	[ "$(code)" = 081804 ]
	drive_at 1111111109 "$(uri $sha1 period=60)"
	[ "$(code)" = "$(by_text $sha1 $((1111111109 / 60)))" ]
	drive_at 1111111109 "$(uri $sha1 'digits=6&period=1')"
	[ "$(code)" = "$(by_text $sha1 1111111109)" ]
}

@test "secrets as sites show them: RFC 4648's vectors, small letters, blanks, hyphens, no padding" {
	for text in MY====== MZXQ==== MZXW6=== MZXW6YQ= MZXW6YTB MZXW6YTBOI======; do
		expected=$(by_text "${text%%=*}" 2)
		drive_at 60 "$text"
		[ "$(code)" = "$expected" ]
		drive_at 60 "${text%%=*}"
		[ "$(code)" = "$expected" ]
	done
	expected=$(by_text $sha1 2)
	for text in gezdgnbvgy3tqojqgezdgnbvgy3tqojq 'GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ' ' gezd-gnbv-gy3t-qojq-gezd-gnbv-gy3t-qojq ' \
		'OTPAUTH://TOTP/a%20b%3Fc?Issuer=x%26y&SECRET=gezdgnbvgy3tqojq%20gezdgnbvgy3tqojq&image=https%3A//example.org/x.png#f'; do
		drive_at 60 "$text"
		[ "$(code)" = "$expected" ]
	done
}

@test "what is no such secret is refused, and no part of it is repeated" {
	while IFS='|' read -r text why; do
		drive "$text"
		[ "$(jq -r .error.code <<<"$answer")" = config ]
		run -0 "$driver" <"$BATS_TEST_TMPDIR/in"
		[[ ${lines[0]} == *"$why"* ]] || { echo "${lines[0]} is not: $why"; false; }
		[[ $output != *GEZD* && $output != *alice* ]]
	done <<-E
		GEZDGNB0|base32
		GEZDGNB1GY3TQOJQ|base32
		|no secret
		otpauth://hotp/alice?secret=$sha1&counter=1|from a counter
		otpauth://totp/alice|no secret
		otpauth://totp/alice?issuer=x|no secret
		otpauth://totp/alice?secret=|base32
		otpauth://totp/alice?secret=$sha1&secret=$sha1|two secrets
		otpauth://totp/alice?secret=$sha1&digits=7|digits
		otpauth://totp/alice?secret=$sha1&digits=60|digits
		otpauth://totp/alice?secret=$sha1&period=0|period
		otpauth://totp/alice?secret=$sha1&period=4000|period
		otpauth://totp/alice?secret=$sha1&algorithm=MD5|algorithm
		otpauth://totp/alice?secret=%zz|%XX
		$(printf 'A%.0s' $(seq 500))|longer than
	E
	drive $sha1 '' 'url: "totp:alice"'
	[ "$(jq -r .error.code <<<"$answer")" = config ]
	drive $sha1 '' 'skew: "30s"'
	[ "$(jq -r .error.code <<<"$answer")" = config ]
}

@test "a code that is nearly over is not given: the next one is" {
	# 27 of 30 s have gone, and 5 s are the least: 3 s to wait, which do not go by here
	drive_at 87 $sha1 'deadline_ms: 2000' 'skew: ""'
	[ "$(jq -r .error.code <<<"$answer")" = timeout ]
	[[ $(jq -r .error.message <<<"$answer") == *"in 3s, too late"* ]]
	drive_at 84 $sha1 '' 'skew: ""'
	[ "$(code)" = "$(by_text $sha1 2)" ]
	drive_at 84 $sha1 '' 'skew: "7s"'
	[ "$(jq -r .error.code <<<"$answer")" = timeout ]

	# with a clock that runs: what comes is the code of the next step, and when that has begun
	shift_to 3 2500
	drive_shifted "$(uri $sha1 period=3)" 'deadline_ms: 3000' 'skew: "1s"'
	[ "$(code)" = "$(by_text $sha1 $((step + 1)))" ]
	[ "$(shifted_ms)" -ge "$(((step + 1) * 3000))" ]
}

# shift_to PERIOD MS: a clock that now is MS into a step; sets shift and step
shift_to() {
	local now
	now=$(date +%s%3N)
	shift=$(($2 - now % ($1 * 1000)))
	step=$(((now + shift) / ($1 * 1000)))
}
shifted_ms() { echo $(($(date +%s%3N) + shift)); }
shifted() { env LD_PRELOAD="$top_builddir/t/clock-at.so" CLOCK_SHIFT="$shift" "$@"; }
drive_shifted() {
	requests "$@" >"$BATS_TEST_TMPDIR/in"
	# its end of input would end the wait
	answer=$({ cat "$BATS_TEST_TMPDIR/in"; until_true 10 test -s "$BATS_TEST_TMPDIR/third"; } |
		shifted "$driver" | tee >(sed -un '3w '"$BATS_TEST_TMPDIR/third") | tail -n 1)
	echo "$answer"
}

@test "a step that was used is passed over" {
	drive_at 65 $sha1
	id=$(jq -r .mail.id <<<"$answer")
	[[ $id == totp* && $id != *GEZD* && $id != *"$(code)"* ]]
	drive_at 70 $sha1
	[ "$(jq -r .mail.id <<<"$answer")" = "$id" ]
	drive_at 95 $sha1
	[ "$(jq -r .mail.id <<<"$answer")" != "$id" ]
	drive_at 65 $sha256
	[ "$(jq -r .mail.id <<<"$answer")" != "$id" ]
	drive_at 65 $sha1 "rules: {skip: [\"$id\"]}"
	[ "$(jq -r .error.code <<<"$answer")" = timeout ]
	drive_at 95 $sha1 "rules: {skip: [\"$id\"]}"
	[ "$(code)" = "$(by_text $sha1 3)" ]
}

@test "two processes of two sessions never get one step's code" {
	export AB_KEY_FILE=$HOME/key BASE=http://127.0.0.1:1/ MAIL=$HOME/mail
	for name in alice bob; do
		new_session $name practice ".inbox = {url: \"totp:\", secret: \"$(uri $sha1 period=4)\", skew: \"1s\"}"
	done
	shift_to 4 0
	shifted ab-otp --timeout 10s alice >"$BATS_TEST_TMPDIR/a" 3>&- &
	first=$!
	shifted ab-otp --timeout 10s bob >"$BATS_TEST_TMPDIR/b" 3>&- &
	second=$!
	wait "$first"
	wait "$second"
	first= second=
	cat "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	one=$(sort "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" | uniq | wc -l)
	[ "$one" -eq 2 ]
	# and both are good: of steps that follow each other
	for n in 0 1 2; do by_text $sha1 $((step + n)); done >"$BATS_TEST_TMPDIR/good"
	[ "$(grep -cxFf "$BATS_TEST_TMPDIR/good" <(cat "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"))" -eq 2 ]
	# nothing of it is left behind but hashes
	not grep -rqE "GEZD|$(paste -sd'|' "$BATS_TEST_TMPDIR/good")" "$AB_STATE"
}

@test "an address with a secret in it is refused as an argument" {
	run -64 ab-otp --url "$(uri $sha1)"
	[[ $output == *"secret"* && $output != *GEZD* ]]
	run -64 ab-otp --url "totp:$sha1"
	[[ $output != *GEZD* ]]
}

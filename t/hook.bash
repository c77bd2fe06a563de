# A webhook (t/hook-server.py) and messages to it, for the tests of ab-notify's drivers.

# start_hook NAME [CERTIFICATE KEY]: a server whose folder is $BATS_FILE_TMPDIR/NAME; prints "PORT PID"
start_hook() {
	local dir=$BATS_FILE_TMPDIR/$1 pid
	shift
	mkdir -p "$dir"
	echo '{}' >"$dir/answer"
	python3 "$top_srcdir/t/hook-server.py" "$dir" "$@" >"$dir/port" 2>"$dir/err" 3>&- &
	pid=$!
	until_true 10 test -s "$dir/port"
	echo "$(cat "$dir/port") $pid"
}
# answers JSON: what $hook, a server's folder, answers from now on
answers() { printf '%s\n' "$1" >"$hook/answer"; }
# request N: the Nth that came
request() { sed -n "${1:-1}p" "$hook/requests"; }
requests() { if [ -e "$hook/requests" ]; then wc -l <"$hook/requests"; else echo 0; fi; }

# message SETTINGS [JQ]: a request of ab-notify's, with the address in the settings
message() {
	jq -nc --argjson s "$1" '{do: "send", id: "0193e0a0-0000-7000-8000-000000000001", url: $s.url, title: "alice: booked – \"Çankaya\"",
		text: "short-stay, 1 < 2 & *bold*_x_.\nLook: https://site.example.org/a_b_c?d=[1] 😀\\", calendar: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
		event: {specversion: "1.0", id: "0193e0a0-0000-7000-8000-000000000001", source: "/ab-book/here", type: "booking.result", subject: "alice",
			time: "2026-11-22T08:00:00.123Z", data: {status: "booked", reason: "Çankaya"}}, settings: $s} | '"${2:-.}"
}
told() { [ "$(jq -c . <<<"$answer")" = '{"ok":true}' ]; }
# for_good WORDS, for_now WORDS: it was not told, and why
for_good() { [ "$(jq -c '[.ok, .retry]' <<<"$answer")" = '[false,false]' ] && [[ $(jq -r .error.message <<<"$answer") == *"$1"* ]]; }
for_now() { [ "$(jq -c '[.ok, .retry]' <<<"$answer")" = '[false,true]' ] && [[ $(jq -r .error.message <<<"$answer") == *"$1"* ]]; }

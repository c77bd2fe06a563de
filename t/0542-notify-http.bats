# ab-notify-http: webhooks, against a server of our own; each shipped template gives exactly the request that its service documents.
bats_require_minimum_version 1.5.0
load lib
load tls
load hook

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	authority ca
	authority stranger
	certificate good ca localhost 10
	certificate expired ca localhost -1
	certificate unknown stranger localhost 10
	read -r PORT PID <<<"$(start_hook plain)"
	read -r TLS_PORT TLS_PID <<<"$(start_hook tls good.pem good.key)"
	export PORT PID TLS_PORT TLS_PID
}
teardown_file() { kill "$PID" "$TLS_PID"; }

setup() {
	fresh_home
	hook=$BATS_FILE_TMPDIR/plain at=http://127.0.0.1:$PORT secret=S3same-4711-opens
	rm -f "$BATS_FILE_TMPDIR"/*/requests
	answers '{}'
	: >"$HOME/err"
}
teardown() {
	echo "${answer:-}"
	cat "$HOME/err"
	kill "${other:-}" 2>/dev/null || :
	drop_home
}

# send SETTINGS [JQ [OPTION…]]; nothing secret is ever told
send() {
	local settings=$1 change=${2:-.}
	shift $(($# > 2 ? 2 : $#))
	answer=$(message "$settings" "$change" | "$AB_LIBEXEC/ab-notify-http" "$@" 2>>"$HOME/err")
	[[ $answer$(cat "$HOME/err") != *"$secret"* ]]
}
# hook_at PATH [JQ]: settings
hook_at() { jq -nc --arg url "$at$1" "{url: \$url} + ${2:-{\}}"; }
body() { request "${1:-1}" | jq -c '.body | fromjson'; }
header() { request | jq -r --arg name "$1" '.headers[$name] // "none"'; }
booked() { message '{}' '.event | .subject = "'"${1:-alice}"'"'; }
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
template() { cat >"$HOME/mine.jq"; }
# with that template
by_mine() { send "$(hook_at /h "{template: \"$HOME/mine.jq\", token: \"$secret\"}")"; }

# --- the event as it is ---

@test "without a template the event goes as it is, as the CloudEvents HTTP binding has it" {
	send "$(hook_at "/hooks/1?key=$secret" '{token: "T0ken-x"}')"
	told
	is "$(requests)" 1
	is "$(request | jq -r '[.method, .path] | join(" ")')" "POST /hooks/1?key=$secret"
	is "$(header Content-Type)" "application/cloudevents+json; charset=utf-8"
	is "$(header Authorization)" "Bearer T0ken-x"
	is "$(header User-Agent)" "ab/0.1.0 (appointment booking tools)"
	is "$(body)" "$(message '{}' .event)"
	# structured mode: the required attributes are there, and none is a header (s.3.2; spec s.3.1)
	body | jq -e '.specversion == "1.0" and ([.id, .source, .type] | all(type == "string" and . != "")) and (.time | fromdateiso8601? // (sub("\\.[0-9]+"; "") | fromdateiso8601))'
	is "$(request | jq -c '.headers | keys | map(select(ascii_downcase | startswith("ce-")))')" '[]'
	# again with the same id, and without a token
	send "$(hook_at /hooks/1)"
	told
	is "$(request 2 | jq -r '.headers.Authorization // "none"')" none
	is "$(body 2 | jq -r .id)" "$(body 1 | jq -r .id)"
}

@test "headers of one's own go along, those of the transport do not" {
	send "$(hook_at /h '{headers: {"X-Kind": "notice", "authorization": "Basic eDp5", "Content-Type": "application/json"}, token: "x"}')"
	told
	is "$(header X-Kind) $(header authorization) $(header Authorization) $(header Content-Type)" "notice Basic eDp5 none application/json"
	for name in Host content-length Transfer-Encoding Connection 'X Y' ''; do
		send "$(hook_at /h "{headers: {\"$name\": \"1\"}}")"
		for_good "headers: '$name' can't be set"
	done
	send "$(hook_at /h '{headers: {"X-A": "1\r\nX-B: 2"}}')"
	for_good "headers: 'X-A' can't be set"
	send "$(hook_at /h "{token: \"$secret\nX: y\"}")"
	for_good "the token can't be sent"
	send "$(hook_at /h "{token: \"exec:$secret\"}")"
	for_good "it is the token itself"
	is "$(requests)" 1
}

# --- the shipped templates ---

@test "ntfy: published as JSON, so that titles need no code" {
	send "$(hook_at / '{template: "ntfy", options: {topic: "alice-4711", priority: "4", tags: "calendar,bell"}, token: "tk_x"}')"
	told
	is "$(request | jq -r '[.method, .path, .headers["Content-Type"], .headers.Authorization] | join(" ")')" "POST / application/json Bearer tk_x"
	is "$(body)" '{"topic":"alice-4711","title":"alice: booked – \"Çankaya\"","message":"short-stay, 1 < 2 & *bold*_x_.\nLook: https://site.example.org/a_b_c?d=[1] 😀\\","priority":4,"tags":["calendar","bell"]}'
	send "$(hook_at '' '{template: "ntfy", options: {topic: "t"}}')" '.text = "ğ" * 5000'
	told
	is "$(body 2 | jq -c 'keys')" '["message","title","topic"]'
	is "$(body 2 | jq '.message | utf8bytelength <= 4096 and utf8bytelength > 4000 and endswith("…")')" true
	send "$(hook_at / '{template: "ntfy"}')"
	for_good "template ntfy: options.topic is missing"
}

@test "telegram: sendMessage with the token in the path, and nowhere else" {
	answers '{"body": "{\"ok\":true,\"result\":{}}"}'
	send "$(hook_at '' '{template: "telegram", options: {chat_id: "-100123"}, token: "123456:AAx-Y_z"}')"
	told
	is "$(request | jq -r '[.method, .path, .headers["Content-Type"], .headers.Authorization // "none"] | join(" ")')" \
		"POST /bot123456:AAx-Y_z/sendMessage application/json none"
	is "$(body)" '{"chat_id":"-100123","text":"alice: booked – \"Çankaya\"\nshort-stay, 1 < 2 & *bold*_x_.\nLook: https://site.example.org/a_b_c?d=[1] 😀\\","link_preview_options":{"is_disabled":true}}'
	send "$(hook_at '/' '{template: "telegram", options: {chat_id: "1"}, token: "1:x"}')" '.text = "😀" * 3000'
	told
	is "$(body 2 | jq '.text | explode | map(if . > 65535 then 2 else 1 end) | add | . <= 4096 and . > 4000')" true
	send "$(hook_at / '{template: "telegram", token: "1:x"}')"
	for_good "template telegram: options.chat_id is missing"
	send "$(hook_at / "{template: \"telegram\", token: \"../$secret\", options: {chat_id: \"1\"}}")"
	for_good "template telegram: token is not that of a bot"
}

@test "slack: its three signs are escaped, and Markdown is off" {
	answers '{"body": "ok"}'
	send "$(hook_at /services/T000/B000/XXX '{template: "slack"}')"
	told
	is "$(request | jq -r '[.method, .path, .headers["Content-Type"]] | join(" ")')" "POST /services/T000/B000/XXX application/json"
	is "$(body)" '{"text":"alice: booked – \"Çankaya\"\nshort-stay, 1 &lt; 2 &amp; *bold*_x_.\nLook: https://site.example.org/a_b_c?d=[1] 😀\\","mrkdwn":false}'
}

@test "discord: Markdown is escaped but for addresses, and nobody is called" {
	answers '{"status": 204, "body": ""}'
	send "$(hook_at /api/webhooks/1/xyz '{template: "discord"}')"
	told
	is "$(request | jq -r '[.method, .path, .headers["Content-Type"]] | join(" ")')" "POST /api/webhooks/1/xyz?wait=true application/json"
	is "$(body)" '{"content":"alice: booked – \"Çankaya\"\nshort-stay, 1 < 2 & \\*bold\\*\\_x\\_.\nLook: https://site.example.org/a_b_c?d=[1] 😀\\\\","allowed_mentions":{"parse":[]}}'
	send "$(hook_at '/api/webhooks/1/xyz?thread_id=7' '{template: "discord"}')" '.text = "a_b " * 1000'
	told
	is "$(request 2 | jq -r .path)" "/api/webhooks/1/xyz?thread_id=7&wait=true"
	is "$(body 2 | jq '.content | length <= 2000 and length > 1800 and (test("[^\\\\]_") | not)')" true
}

@test "gotify: the application's token in its header" {
	send "$(hook_at /g/ '{template: "gotify", token: "A.x", options: {priority: "8"}}')"
	told
	is "$(request | jq -r '[.method, .path, .headers["Content-Type"], .headers["X-Gotify-Key"], .headers.Authorization // "none"] | join(" ")')" \
		"POST /g/message application/json A.x none"
	is "$(body)" '{"title":"alice: booked – \"Çankaya\"","message":"short-stay, 1 < 2 & *bold*_x_.\nLook: https://site.example.org/a_b_c?d=[1] 😀\\","extras":{"client::display":{"contentType":"text/plain"}},"priority":8}'
	send "$(hook_at / '{template: "gotify"}')"
	for_good "template gotify: token is missing"
}

@test "matrix: the message's id is the transaction's" {
	send "$(hook_at '' '{template: "matrix", token: "syt_x", options: {room: "!abc/d:example.org"}}')"
	told
	is "$(request | jq -r '[.method, .path, .headers["Content-Type"], .headers.Authorization] | join(" ")')" \
		"PUT /_matrix/client/v3/rooms/!abc%2Fd%3Aexample.org/send/m.room.message/0193e0a0-0000-7000-8000-000000000001 application/json Bearer syt_x"
	is "$(body)" '{"msgtype":"m.text","body":"alice: booked – \"Çankaya\"\nshort-stay, 1 < 2 & *bold*_x_.\nLook: https://site.example.org/a_b_c?d=[1] 😀\\"}'
	send "$(hook_at / '{template: "matrix", token: "syt_x"}')"
	for_good "template matrix: options.room is missing"
}

@test "every shipped template is installed, and is in the manual" {
	for file in "$top_srcdir"/share/webhooks/*; do
		grep -q "share/webhooks/${file##*/}" "$top_srcdir/share/local.mk"
		grep -qE "^\.It Ic $(basename "$file" .jq)( |\$)" "$top_srcdir/man/ab-notify.1"
	done
}

# --- templates of one's own ---

@test "a template of one's own sees all of the message, and may give a text" {
	template <<-'END'
	# a comment with a ) in it
	def line: "\(.title)|\(.calendar)|\(.event.data.status)|\(.id)";
	{body: line, method: "PUT", path: "/a/\("x/y" | @uri)", query: {"k ä": "v&w"}, headers: {"X-Title": .title, "X-No": null}} # the end
	END
	by_mine
	told
	is "$(request | jq -r '[.method, .path, .headers["Content-Type"], .headers.Authorization] | join(" ")')" \
		"PUT /h/a/x%2Fy?k%20%C3%A4=v%26w text/plain; charset=utf-8 Bearer $secret"
	is "$(request | jq -r .body)" "$(message '{}' '"\(.title)|\(.calendar)|booked|\(.id)"' | jq -r .)"
	is "$(header X-No)" none
}

@test "a template with a mistake is told with its name and line, and nothing secret" {
	while IFS='~' read -r text words; do
		template <<<"$text"
		by_mine
		for_good "template $HOME/mine.jq$words" || { echo "$text"; false; }
	done <<-'END'
	{body: {a: 1}~, line 1: 
	{body: nosuch}~, line 1: nosuch/0 is not defined
	{body: "x"}) + ({body: "y"}~, line 1
	{body: .settings.token | tonumber}~: Invalid
	{body: (.settings.token + 1)}~: string (...) cannot be added
	error("the field chat_id")~: the field chat_id
	error({a: 1})~: it stopped
	{error: "not today"}~: not today
	"x"~ does not give an object
	empty~ does not give an object
	{body: "a"}, {body: "b"}~ gives more than one value
	{}~ gives no body
	{body: 1}~ gives no body
	{body: "a", bdoy: "b"}~ gives 'bdoy', which is none of
	{body: "a", method: "GET"}~: method is neither POST nor PUT
	{body: "a", path: "x?y"}~: what it adds to the path
	{body: "a", query: "x"}~: query is not an object
	{body: "a", query: {a: 1}}~: query: 'a' is no text
	{body: "a", headers: "x"}~: headers is not an object
	{body: $ENV.HOME}~ gives no body
	END
	for text in '{body: "a", path: "../../x"}' '{body: "a", path: "%2e%2e/x"}'; do
		template <<<"$text"
		by_mine
		for_good "leads out of the address"
	done
	template <<<'{body: "a", headers: {Host: "other.example.org"}}'
	by_mine
	for_good "'Host' can't be set"
	is "$(requests)" 0
	# whatever it tries, it stays at the origin
	for path in //other.example.org/x http://other.example.org/ @other.example.org; do
		template <<<"{body: \"a\", path: \"$path\"}"
		by_mine
		told
	done
	is "$(requests) $(jq -r .headers.Host "$hook/requests" | sort -u)" "3 127.0.0.1:$PORT"
}

@test "a template that does not end is ended, and so is one that eats all memory" {
	template <<<'def f: f; f'
	by_mine
	for_now "template $HOME/mine.jq took longer than 5 s, or too much memory"
	template <<<'[range(1e9)]'
	by_mine
	for_now "took longer than 5 s, or too much memory"
	is "$(requests)" 0
	template <<<'def f(a): a'
	by_mine
	for_good ", line "
}

@test "a template is one of ours by name, or a file by its full path" {
	send "$(hook_at /h '{template: "nosuch"}')"
	for_good "template nosuch: there is no $AB_PKGDATA/webhooks/nosuch.jq"
	for name in ../ntfy mine.jq ./mine.jq 'a b' /etc/passwd; do
		send "$(hook_at /h "{template: \"$name\"}")"
		for_good "template '$name' is neither the name of one of ours"
	done
	send "$(hook_at /h '{template: "/nosuch/x.jq"}')"
	for_good "template /nosuch/x.jq: there is no"
	mkdir -p "$HOME/data/webhooks"
	echo '{body: "mine"}' >"$HOME/data/webhooks/ntfy.jq"
	AB_PKGDATA=$HOME/data send "$(hook_at /h '{template: "ntfy"}')"
	told
	is "$(request | jq -r .body)" mine
}

# --- addresses and certificates ---

@test "http: goes to this machine only, unless it is said by name" {
	for host in example.org 127.example.org 127.0.0.1.example.org 128.0.0.1 '[::2]' localhost.example.org; do
		at=http://$host:9
		send "$(hook_at "/$secret")"
		for_good "http://$host:9 would send the message, and the token, for all to read"
	done
	# 192.0.2.0/24 is nobody's (RFC 5737); it is tried
	for yes in true '"true"'; do
		at=http://192.0.2.1:9
		send "$(hook_at / "{plaintext: $yes}")" . --timeout 200ms
		for_now "http://192.0.2.1:9: "
	done
	at=http://localhost:$PORT
	send "$(hook_at /)"
	told
	for url in "ftp://x/$secret" "https:/$secret" "https://u:$secret@localhost/" "$secret" "" "https://"; do
		send "$(jq -nc --arg url "$url" '{url: $url}')"
		for_good "the address is no https: or http: URL" || for_now "https://"
	done
}

@test "certificates are verified: the authority, the name and the date" {
	cd "$BATS_FILE_TMPDIR"
	hook=$BATS_FILE_TMPDIR/tls at=https://localhost:$TLS_PORT
	send "$(hook_at /h "{cafile: \"$PWD/ca.pem\", token: \"$secret\"}")"
	told
	is "$(header Authorization)" "Bearer $secret"
	send "$(hook_at /h "{token: \"$secret\"}")"
	for_now "$at: the server's certificate is not valid for it"
	send "$(hook_at /h "{cafile: \"$PWD/stranger.pem\"}")"
	for_now "certificate is not valid"
	at=https://127.0.0.1:$TLS_PORT
	send "$(hook_at /h "{cafile: \"$PWD/ca.pem\"}")"
	for_now "certificate is not valid"
	is "$(requests)" 1
	send "$(hook_at /h '{cafile: "/nosuch.pem"}')"
	for_good "cafile /nosuch.pem: No such file"
	for name in expired unknown; do
		read -r port other <<<"$(start_hook "$name" $name.pem $name.key)"
		at=https://localhost:$port hook=$BATS_FILE_TMPDIR/$name
		send "$(hook_at /h "{cafile: \"$PWD/ca.pem\"}")"
		for_now "certificate is not valid"
		is "$(requests)" 0
		kill "$other"
	done
}

# --- answers ---

@test "what each status means" {
	while IFS='|' read -r status final words; do
		answers "{\"status\": $status}"
		send "$(hook_at "/$secret/x")"
		"$final" "$words"
	done <<-END
	200|told|
	201|told|
	204|told|
	400|for_good|$at answers 400: it does not take the message
	401|for_good|$at answers 401: it does not take who we say we are
	403|for_good|answers 403: it does not take who we say we are
	404|for_good|$at answers 404: there is nothing at this address
	410|for_good|answers 410: there is nothing
	413|for_good|answers 413: it does not take the message
	408|for_now|$at answers 408
	425|for_now|answers 425
	429|for_now|answers 429
	500|for_now|$at answers 500
	503|for_now|answers 503
	304|for_good|answers 304, and leads on to nowhere
	END
	is "$(jq -r 'select(.method != "POST")' "$hook/requests")" ""
	is "$(requests)" 15
}

@test "a redirect is not followed, and where it leads is told without what may be secret" {
	for status in 301 302 303 307 308; do
		answers "{\"status\": $status, \"headers\": {\"Location\": \"https://other.example.org:8443/$secret\"}}"
		send "$(hook_at /h)"
		for_good "$at answers $status, and leads on to https://other.example.org:8443: messages do not follow"
	done
	answers "{\"status\": 302, \"headers\": {\"Location\": \"/$secret\"}}"
	send "$(hook_at /h)"
	for_good "leads on to $at: messages"
	is "$(requests)" 6
}

@test "a server says when to come again: in seconds, as a date by its own clock, in the body" {
	later() { jq -r '.retry_ms // "none"' <<<"$answer"; }
	while IFS='|' read -r ms reply; do
		answers "$reply"
		send "$(hook_at /h)"
		for_now "answers"
		is "$(later)" "$ms"
	done <<-'END'
	7000|{"status": 429, "headers": {"Retry-After": "7"}}
	90000|{"status": 503, "headers": {"Retry-After": "Sun, 22 Nov 2026 08:01:30 GMT", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"}}
	200000000|{"status": 429, "headers": {"Retry-After": "200000"}}
	none|{"status": 429, "headers": {"Retry-After": "soon"}}
	none|{"status": 429}
	35001|{"status": 429, "body": "{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":35}}"}
	1501|{"status": 429, "body": "{\"retry_after\":1.5,\"message\":\"x\"}"}
	2001|{"status": 429, "body": "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":2000}"}
	none|{"status": 429, "body": "{\"retry_after\":1e300}"}
	END
	# measured by our clock where the server does not say what its own shows
	answers "{\"status\": 503, \"headers\": {\"Retry-After\": \"$(LC_ALL=C date -u -d '+1 hour' '+%a, %d %b %Y %H:%M:%S GMT')\"}}"
	send "$(hook_at /h)"
	[ "$(later)" -gt 3500000 ] && [ "$(later)" -le 3600000 ]
}

@test "a failure that is said with 200 is one" {
	answers '{"body": "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot was blocked\"}"}'
	send "$(hook_at /h)"
	for_good "answers 403 (Forbidden: bot was blocked): it does not take who we say we are"
	answers '{"body": "{\"ok\":false,\"error\":\"channel_not_found\"}"}'
	send "$(hook_at /h)"
	for_now "answers 200 (channel_not_found)"
	for body in ok '' '[]' '{\"ok\":true}' '{\"ok\":' 'null'; do
		answers "{\"body\": \"$body\"}"
		send "$(hook_at /h)"
		told
	done
}

@test "of an answer a few words are told, and never something of ours" {
	why() {
		answers "$(jq -nc --arg body "$1" '{status: 400, body: $body}')"
		send "$(hook_at "/path-$secret?q=$secret-query" "{token: \"$secret\", options: {chat: \"chat-4711\"}}")"
		jq -r '.error.message | sub("^.* 400"; "") | sub(": it does.*"; "")' <<<"$answer"
	}
	is "$(why no_team)" " (no_team)"
	is "$(why '{"errcode": "M_UNKNOWN_TOKEN", "error": "Unrecognised access token"}')" " (Unrecognised access token)"
	is "$(why '{"error": "Bad Request", "errorCode": 400, "errorDescription": "no title"}')" " (no title)"
	is "$(why "$(jq -nc '{message: "a\u001b[1m\n\u0007b"}')")" " (a [1m  b)"
	is "$(why "$(jq -nc '{message: ("ğ" * 500)}')" | wc -m)" 54
	for body in '<html>text of a page</html>' "$secret" "{\"message\": \"no $secret here\"}" "{\"message\": \"no such page: /path-$secret\"}" \
		"{\"message\": \"chat-4711 is gone\"}" '{"message": 1}' '{"message": ""}' 'two words'; do
		is "$(why "$body")" ""
	done
}

@test "a silent server, one that hangs up, and one that is not there, are tried again; a huge answer is an answer" {
	answers '{"delay": 20}'
	SECONDS=0
	send "$(hook_at "/$secret")" . --timeout 700ms
	for_now "$at: no whole answer in time"
	[ "$SECONDS" -lt 10 ]
	answers '{"end": "request"}'
	send "$(hook_at "/$secret")"
	for_now "$at: "
	is "$(requests)" 2
	answers '{"size": 50000000}'
	send "$(hook_at /h)"
	told
	answers '{"size": 50000000, "status": 400}'
	send "$(hook_at /h)"
	for_good "answers 400: it does not take the message"
	answers '{"end": "answer"}' # it was taken before that
	send "$(hook_at /h)"
	told
	at=http://127.0.0.1:9
	send "$(hook_at "/$secret")"
	for_now "$at: "
}

@test "nothing secret is in the arguments or the environment, and nobody else can look inside" {
	answers '{"delay": 20}'
	mkfifo "$HOME/in"
	"$AB_LIBEXEC/ab-notify-http" <"$HOME/in" >"$HOME/out" 2>"$HOME/err" 3>&- &
	other=$!
	message "$(hook_at "/$secret" "{token: \"$secret\"}")" >"$HOME/in"
	until_true 10 test -s "$hook/requests"
	run cat "/proc/$other/cmdline"
	[[ $status -eq 0 && $output == *ab-notify-http && $output != *"$secret"* ]]
	not grep -qs "$secret" "/proc/$other/environ"
	[ "$(stat -c %U "/proc/$other/fd")" = root ]
	[ "$(id -u)" -eq 0 ] || not test -r "/proc/$other/environ"
	kill "$other"
}

@test "a wrong option, and what is no request" {
	run "$AB_LIBEXEC/ab-notify-http" --timeout soon </dev/null
	[ "$status" -eq 64 ]
	answer=$(echo '{"do":"dance"}' | "$AB_LIBEXEC/ab-notify-http")
	for_good "the only command is send"
	send "$(hook_at /h)" 'del(.event)'
	for_good "there is no event to send"
}

# --- the manual, and with ab-notify ---

@test "ab-notify(1): ntfy, Telegram and Slack in a session, as ab-notify gives them to us" {
	{ printf 'provider: practice\ntimezone: UTC\n' && man_example ab-notify.1 2; } >"$HOME/session.yaml"
	export AB_KEY_FILE=$HOME/key
	(umask 077 && head -c 32 /dev/urandom >"$AB_KEY_FILE") && ab-vault init
	ab-vault new --from "$HOME/session.yaml" alice
	jq -nc --argjson n "$(ab-vault get --json --reveal alice | jq .notify)" '{timezone: "UTC", notify: ($n | map(.url |= sub("https://[^/]*"; $at)))}' \
		--arg at "$at" >"$HOME/rules.json"
	booked bob | ab-notify --rules "$HOME/rules.json" bob >/dev/null
	is "$(jq -r '[.path, (.body | fromjson | .topic // .chat_id // "")] | join(" ")' "$hook/requests" | sort)" "/ alice-4711
/bot123456:AA-bb_CC/sendMessage -100987654
/services/T000/B000/XXXX "
}

@test "ab-notify(1): a template of one's own" {
	cd "$HOME"
	is "$(bash -c "$(man_example ab-notify.1 3)")" '{"path":"rooms/a%20b","body":"alice: booked: Ankara","headers":{"X-Kind":"booking.result"}}'
	send "$(hook_at /x "{template: \"$HOME/short.jq\", options: {room: \"a b\"}}")"
	told
	is "$(request | jq -r '[.path, .headers["X-Kind"]] | join(" ")')" "/x/rooms/a%20b booking.result"
	send "$(hook_at /x "{template: \"$HOME/short.jq\"}")"
	for_good "template $HOME/short.jq: options.room is missing"
}

@test "ab-notify tells by a webhook, again when it is busy, and in no file or message what is secret" {
	jq -nc --arg url "$at/services/$secret" --arg token "$secret" '{timezone: "UTC", notify: [{url: $url, template: "ntfy", token: $token, options: {topic: "t"}}]}' >"$HOME/rules.json"
	answers '{"status": 503, "headers": {"Retry-After": "0"}}'
	ab-notify --rules "$HOME/rules.json" alice < <(booked; until_true 20 test -s "$hook/requests"; answers '{}') >"$HOME/out" 2>"$HOME/err"
	[ "$(requests)" -ge 2 ]
	is "$(jq -r '.body | fromjson.title' "$hook/requests" | sort -u)" "alice: booked"
	is "$(grep -rl "$secret" "$AB_STATE" "$HOME/out" "$HOME/err" | wc -l)" 0
	# final: said to whom it concerns, without the address
	rm "$hook/requests"
	answers '{"status": 404}'
	booked | jq -c '.id = "r2"' | ab-notify --rules "$HOME/rules.json" alice >"$HOME/out" 2>"$HOME/err"
	is "$(requests)" 1
	jq -e --arg at "$at" 'select(.type == "runtime.alert").data.reason | contains($at + " answers 404")' "$HOME/out"
	is "$(grep -rl "$secret" "$AB_STATE" "$HOME/out" "$HOME/err" | wc -l)" 0
}

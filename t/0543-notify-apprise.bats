# ab-notify-apprise: messages handed to Debian's apprise, which posts them to a server of our own; and what a stand-in for it sees.
bats_require_minimum_version 1.5.0
load lib
load hook

setup_file() {
	read -r PORT PID <<<"$(start_hook json)"
	export PORT PID
}
teardown_file() { kill "$PID"; }

setup() {
	fresh_home
	hook=$BATS_FILE_TMPDIR/json secret=S3same-4711-opens at=apprise:json://127.0.0.1:$PORT
	rm -f "$hook/requests"
	answers '{}'
	: >"$HOME/err"
}
teardown() {
	echo "${answer:-}"
	cat "$HOME/err"
	end_pid "${driver:-}"
	drop_home
}

apprise_is_there() { command -v apprise >/dev/null || skip "apprise is not installed"; }
# send URL [JQ [OPTION…]]; nothing secret is ever told
send() {
	local url=$1 change=${2:-.}
	shift $(($# > 2 ? 2 : $#))
	answer=$(message "$(jq -nc --arg url "$url" '{url: $url}')" "$change" | "$AB_LIBEXEC/ab-notify-apprise" "$@" 2>>"$HOME/err")
	[[ $answer$(cat "$HOME/err") != *"$secret"* ]]
}
# stand_in SCRIPT: a program named apprise, first on PATH; its folder is $HOME/bin
stand_in() {
	mkdir -p "$HOME/bin"
	printf '#!/bin/sh\n%s\n' "$1" >"$HOME/bin/apprise"
	chmod +x "$HOME/bin/apprise"
	PATH=$HOME/bin:$PATH
}
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
gone() { not kill -0 "$1" 2>/dev/null; }

# --- the real one ---

@test "title, text and calendar entry arrive" {
	apprise_is_there
	send "$at/$secret/x?+X-Kind=notice"
	told
	is "$(requests)" 1
	is "$(request | jq -r '[.method, .path, .headers["X-Kind"]] | join(" ")')" "POST /$secret/x notice"
	is "$(request | jq -c '.body | fromjson | [.title, .message]')" "$(message '{}' '[.title, .text]')"
	is "$(request | jq -c '.body | fromjson.attachments | map([.filename, .mimetype, (.base64 | @base64d)])')" \
		'[["appointment.ics","text/calendar","BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"]]'
}

@test "without a calendar entry, without a text, and a title that looks like an option" {
	apprise_is_there
	LC_ALL=C send "$at/x" 'del(.calendar) | .text = "" | .title = "--help ä"'
	told
	is "$(request | jq -c '.body | fromjson | [.title, .message, .attachments]')" '["--help ä","--help ä",[]]'
}

@test "what the service does not take is tried again, a URL that apprise makes nothing of is not" {
	apprise_is_there
	answers '{"status": 500}'
	send "$at/$secret"
	for_now "apprise could not tell it (exit status 1)"
	is "$(requests)" 1
	for url in nosuch://$secret/x "tgram://$secret" "slack://$secret"; do
		send "apprise:$url"
		for_good "apprise makes nothing of the URL behind apprise:"
	done
}

@test "neither the person's own configuration nor plugins are read" {
	apprise_is_there
	mkdir -p "$HOME/.config/apprise/plugins" "$HOME/.apprise/plugins"
	tee "$HOME/.apprise.yml" "$HOME/.config/apprise.yml" <<<"urls: [json://127.0.0.1:$PORT/default]"
	tee "$HOME/.apprise/plugins/p.py" "$HOME/.config/apprise/plugins/p.py" <<<"open('$HOME/loaded', 'w')"
	APPRISE_URLS=json://127.0.0.1:$PORT/env APPRISE_CONFIG=$HOME/.apprise.yml send "$at/x"
	told
	is "$(jq -r .path "$hook/requests")" /x
	[ ! -e "$HOME/loaded" ]
}

# --- a stand-in ---

@test "the URL is in no argument, no variable and no file; all is there to read" {
	# shellcheck disable=SC2016
	stand_in 'printf "%s\n" "$@" >"$FAKE/args"; env >"$FAKE/env"; cat >"$FAKE/text"; cat <&3 >"$FAKE/config"; cat <&4 >"$FAKE/ics"
		ls -l "/proc/$$/fd/" | sed "s/.* \([0-9]* ->\)/\1/" >"$FAKE/fds"; echo "$(cat "$FAKE/config")"; cat "$FAKE/config" >&2'
	FAKE=$HOME send "apprise:tgram://$secret/1"
	told
	is "$(cat "$HOME/config")" "tgram://$secret/1"
	is "$(cat "$HOME/text")" "$(message '{}' | jq -r .text)"
	is "$(cat "$HOME/args")" "--config=file:///dev/fd/3?format=text
--title=alice: booked – \"Çankaya\"
--attach=file:///dev/fd/4?name=appointment.ics&mime=text/calendar"
	not grep -q "$secret" "$HOME/env"
	rm "$HOME/config"
	is "$(grep -rl "$secret" "$HOME" "$AB_RUNTIME" | wc -l)" 0
	is "$(grep -c '^[0-9]* -> /memfd' "$HOME/fds")" 3
}

@test "which exit statuses are final" {
	while IFS='|' read -r script final words; do
		stand_in "$script"
		send "apprise:tgram://$secret/1"
		"$final" "$words"
	done <<-'END'
	exit 0|told|
	exit 2|for_good|does not understand its options (exit status 2)
	exit 3|for_good|makes nothing of the URL behind apprise: (exit status 3)
	exit 1|for_good|makes nothing of the URL behind apprise: (exit status 1)
	case $* in *--dry-run*) exit 0; esac; exit 1|for_now|could not tell it (exit status 1)
	case $* in *--dry-run*) exit 0; esac; kill -9 $$|for_now|could not tell it (exit status 137)
	END
}

@test "without apprise it says what to install" {
	message "{\"url\": \"apprise:tgram://$secret/1\"}" >"$HOME/message"
	answer=$(PATH=$HOME "$AB_LIBEXEC/ab-notify-apprise" <"$HOME/message")
	for_good "the program apprise is not there: install the package apprise"
}

@test "what is no address of apprise, or more than one line of its configuration" {
	for url in apprise: apprise:x "apprise:://$secret" "apprise:include $secret" $'apprise:json://a\ninclude http://b' "apprise:a=json://$secret" \
		"apprise:# json://$secret" "apprise:json://a b" "tgram://$secret/1"; do
		send "$url"
		for_good "the address is not apprise:SCHEME://"
	done
}

@test "one that does not end is ended with its children" {
	stand_in 'sleep 600 & echo "$$ $!" >"$FAKE/pids"; trap "" TERM; wait'
	SECONDS=0
	FAKE=$HOME send "apprise:tgram://$secret/1" . --timeout 1s
	for_now "apprise did not end within 1 s"
	[ "$SECONDS" -lt 10 ]
	read -r a b <"$HOME/pids"
	until_true 5 gone "$a"
	until_true 5 gone "$b"
}

@test "when the driver is killed apprise ends, and nothing is left" {
	# shellcheck disable=SC2016
	stand_in 'echo $$ >"$FAKE/pid"; exec sleep 600'
	mkfifo "$HOME/in"
	FAKE=$HOME "$AB_LIBEXEC/ab-notify-apprise" <"$HOME/in" >"$HOME/out" 2>"$HOME/err" 3>&- &
	driver=$!
	exec 9>"$HOME/in"
	message "{\"url\": \"apprise:tgram://$secret/1\"}" >&9
	until_true 10 test -s "$HOME/pid"
	not grep -qs "$secret" "/proc/$driver/cmdline"
	kill -KILL "$driver"
	exec 9>&-
	until_true 5 gone "$(cat "$HOME/pid")"
	is "$(grep -rl "$secret" "$HOME" "$AB_RUNTIME" | wc -l)" 0
	is "$(find "$AB_RUNTIME" -type f | wc -l)" 0
}

@test "ab-notify tells by apprise" {
	apprise_is_there
	jq -nc --arg url "$at/$secret" '{timezone: "UTC", notify: [$url]}' >"$HOME/rules.json"
	message '{}' '.event' | ab-notify --rules "$HOME/rules.json" alice >"$HOME/out" 2>"$HOME/err"
	is "$(request | jq -r '.body | fromjson.title')" "alice: booked"
	is "$(grep -rl "$secret" "$AB_STATE" "$HOME/out" "$HOME/err" | wc -l)" 0
}

# What a session is: ab-session(5), checked by `ab-vault new`, mistake by mistake, and YAML read strictly.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	cd "$HOME" || return
	export AB_KEY_FILE=$HOME/key
	ab-vault init --make-key
}
teardown() { drop_home; }

@test "YAML is read strictly: a table of texts, with line and column" {
	run "$top_builddir/t/unit/yaml-test"
	grep -v '^ok' <<<"$output" || :
	[ "$status" -eq 0 ]
}

# Each case: a text (the smallest session, then the lines given) and what is said of it.
base='provider: practice
timezone: UTC'
wrong=0
check() { # check TEXT-AFTER-BASE MESSAGE
	run --separate-stderr ab-vault new --from - alice <<<"$base
$1"
	# shellcheck disable=SC2053
	[[ $status -eq 65 && $stderr == "ab-vault: standard input"?(:\ )$2 ]] || {
		printf '%s\n  said (%s): %s\n  want (65): %s\n' "$1" "$status" "${stderr#ab-vault: standard input: }" "$2"
		wrong=1
		[ "$status" -ne 0 ] || ab-vault rm --force alice
	}
}

@test "every mistake is named with its line and column" {
	check 'notifi: []' "line 3, column 1: notifi: unknown; did you mean 'notify'?"
	check 'xyzzy: 1' "line 3, column 1: xyzzy: unknown: ab-session(5) has the names"
	check 'id: 1' "line 3, column 1: id: unknown*"
	check 'pace: {}' "line 3, column 1: pace: unknown*"
	check 'site: x' "line 3, column 7: site: must be a mapping (key: value)"
	check 'site: {base: [x]}' "line 3, column 14: site.base: must be one text, not a list or mapping"
	check 'credentials: {password: {a: b}}' "line 3, column 25: credentials.password: must be one text*"
	check 'inbox: x' "line 3, column 8: inbox: must be a mapping (key: value)"
	check 'inbox: {password: x}' "line 3, column 8: inbox: 'url' is missing"
	check 'inbox: {url: nothing}' "line 3, column 14: inbox.url: must be a URL: scheme:rest"
	check 'inbox: [{url: "imaps://a@b/INBOX"}, {url: x}]' "line 3, column 43: inbox.1.url: must be a URL*"
	check 'inbox: {url: "a:b", folder: [x]}' "line 3, column 21: inbox.folder: unknown; did you mean 'folders'?"
	check 'inbox: {url: "a:b", folders: x}' "line 3, column 30: inbox.folders: must be a list*"
	check 'profile: [a]' "line 3, column 10: profile: must be a mapping*"
	check 'party: {a: b}' "line 3, column 8: party: must be a list*"
	check 'party: [a]' "line 3, column 9: party.0: must be a mapping*"
	check 'preferences: {between: [2026-01-01]}' "line 3, column 24: preferences.between: must be two dates: \[first, last\]"
	check 'preferences: {between: [2026-02-01, 2026-01-01]}' "line 3, column 24: preferences.between: the first date is after the last"
	check 'preferences: {between: [2026-02-30, 2026-03-01]}' "line 3, column 25: preferences.between.0: must be a real date such as 2026-12-31"
	check 'preferences: {between: [26-2-1, ""]}' "line 3, column 25: preferences.between.0: must be a real date*"
	check 'preferences: {weekdays: [mon, tues]}' "line 3, column 31: preferences.weekdays.1: must be one of: mon tue wed thu fri sat sun"
	check 'preferences: {weekdays: mon}' "line 3, column 25: preferences.weekdays: must be a list*"
	for hours in 9:00-12:00 09:00 09:00-09:00 09:00-24:30 24:00-09:00 09:60-10:00 '09:00 - 12:00' 09:00-12:00-13:00; do
		check "preferences: {hours: [\"$hours\"]}" "line 3, column 23: preferences.hours.0: must be hours such as \"09:00-12:30\""
	done
	check 'preferences: {locations: [""]}' "line 3, column 27: preferences.locations.0: must not be empty"
	check 'preferences: {exclude: [christmas]}' "line 3, column 25: preferences.exclude.0: must be a real date*"
	for notice in 48 0s -1h 1w 'two days' 1h30; do
		check "preferences: {notice: \"$notice\"}" "line 3, column 23: preferences.notice: must be a duration such as*"
	done
	check 'preferences: {weekday: [mon]}' "line 3, column 15: preferences.weekday: unknown; did you mean 'weekdays'?"
	check 'schedule: {interval: 60}' "line 3, column 22: schedule.interval: must be a duration*"
	check 'schedule: {jitter: 101%}' "line 3, column 20: schedule.jitter: must be a duration such as 10s, or a share such as 20%"
	check 'schedule: {active: [always]}' "line 3, column 21: schedule.active.0: must be hours*"
	check 'schedule: {bursts: [{at: "09:00", for: 10m}]}' "line 3, column 21: schedule.bursts.0: 'interval' is missing"
	check 'schedule: {bursts: [{at: "24:00", for: 10m, interval: 20s}]}' "line 3, column 26: schedule.bursts.0.at: must be a time of day such as \"09:00\""
	check 'notify: mailto:a@b' "line 3, column 9: notify: must be a list*"
	check 'notify: [me]' "line 3, column 10: notify.0: must be a URL*"
	check 'proxy: ftp://x' "line 3, column 8: proxy: must be a proxy's URL: http, https, socks5 or socks5h"
	check 'headed: 1' "line 3, column 9: headed: must be true or false"
	check 'consent: {owner: yes}' "line 3, column 18: consent.owner: must be true or false"
	check 'consent: {book: true}' "line 3, column 17: consent.book: must be one of: yes ask no"
	check 'consent: {cancel: ask}' "line 3, column 19: consent.cancel: must be one of: yes no"
	check 'consent: {until: 2027-13-01}' "line 3, column 18: consent.until: must be a real date*"
	for n in 0 -5 1.5 many 1e3 1000001 "''"; do
		check "consent: {requests_per_day: $n}" "line 3, column 29: consent.requests_per_day: must be a number from 1 to 1000000"
	done
	check 'consent: {proxies: [x]}' "line 3, column 21: consent.proxies.0: must be a proxy's URL*"
	check 'consent: [owner]' "line 3, column 10: consent: must be a mapping*"
	check 'timezone: UTC' ":3:1: duplicate key 'timezone': it stands on line 2 already"
	[ "$wrong" -eq 0 ]
}

@test "what must be there: provider and time zone" {
	base='provider: practice'
	check '' "line 1, column 1: 'timezone' is missing"
	check 'timezone: Europe/Atlantis' "line 2, column 11: timezone: must be a time zone such as Europe/Istanbul"
	check 'timezone: ../../etc/passwd' "line 2, column 11: timezone: must be a time zone*"
	base='timezone: UTC'
	check '' "line 1, column 1: 'provider' is missing"
	check 'provider: ../x' "line 2, column 11: provider: must be a name*"
	base='- a'
	check '' "line 1, column 1: must be a mapping (key: value)"
	[ "$wrong" -eq 0 ]
}

@test "what is right: numbers and booleans where the manual says so, texts everywhere else" {
	ab-vault new --from - alice <<-'END'
		provider: practice
		site: {base: "http://127.0.0.1:1/", mission: 007, empty: }
		timezone: Europe/Istanbul
		credentials: {username: NO, password: 12:30}
		inbox:
		  - {url: "imaps://alice@mail.example.org/INBOX", password: x, cafile: /x, folders: [INBOX, Junk]}
		  - {url: "totp:", secret: ABC}
		profile: {passport_number: 007123456, middle_name: ~, address: {street: x, lines: [a, b]}}
		party: [{first_name: Bo}]
		preferences:
		  between: ["", 2027-01-31]
		  weekdays: [mon]
		  hours: ["09:00-24:00", "22:00-02:00"]
		  notice: 1h30m
		schedule: {interval: 90s, jitter: 0s, active: ["07:00-23:00"], bursts: [{at: "09:00", for: 10m, interval: 20s}]}
		notify:
		proxy: socks5h://127.0.0.1:9050
		consent: {owner: true, book: ask, until: 2028-02-29, requests_per_day: 0042, programs: [./check]}
	END
	ab-vault get --reveal --json alice >got
	jq -e '.site == {base: "http://127.0.0.1:1/", mission: "007", empty: ""}' got
	jq -e '.credentials == {username: "NO", password: "12:30"}' got
	jq -e '.profile.passport_number == "007123456" and .profile.middle_name == "~"' got
	jq -e '.consent | .owner == true and .requests_per_day == 42 and .book == "ask"' got
	jq -e '.notify == [] and (.inbox | length) == 2' got
	# a program reads the same in its parts
	ab-vault exec alice -- sh -c 'for p in secrets profile rules notices; do "$0" read alice $p; done' "$top_builddir/t/unit/vault-test" >parts
	jq -es '(.[0] | keys) == ["credentials", "inbox"] and (.[1] | keys) == ["party", "profile"]' parts
	jq -es '(.[2] | keys) == ["consent", "id", "pace", "preferences", "provider", "proxy", "schedule", "site", "timezone"]' parts
	jq -es '.[3] == {notify: []}' parts
}

@test "the fixture that other tests start from is a session" {
	ab-vault new --from "$top_srcdir/t/fixtures/session/alice.yaml" alice
	[ "$(ab-vault get --reveal alice profile.passport_number)" = P0000001 ]
}


# examples MANUAL: each literal display into a file of its own, example.1 …
examples() {
	awk '/^\.Bd -literal/ { file = sprintf("example.%02d", ++n); next } /^\.Ed/ { file = ""; next } file { gsub(/\\e/, "\\"); print > file }' \
		"$top_srcdir/man/$1"
}

@test "the examples of ab-session(5) are sessions" {
	examples ab-session.5
	[ "$(ls example.* | wc -l)" -eq 11 ]
	for example in example.*; do
		grep -q '^provider:' "$example" || printf 'provider: practice\ntimezone: UTC\n' >>"$example"
		ab-vault new --from "$example" "s-${example#example.}" || { cat "$example"; return 1; }
	done
}

@test "every field of the schema is in ab-session(5), and nothing else" {
	# the schema's own names, out of its tables; the manual's, out of its tags
	grep -oE '^	.*' "$top_srcdir/lib/store/session.c" | sed -n '/F("id", TEXT)/,/^static jv refuse/p' |
		grep -oE '(NEEDED|F|LIST_OF|LISTED|MAPPING|WORDS)\("[a-z_]+"|\.name = "[a-z_]+"' | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u >schema
	sed -n '/^\.Sh FIELDS/,/^\.Sh EXAMPLES/p' "$top_srcdir/man/ab-session.5" | grep -oE '^\.(It Ic .*|Ic (at|for|interval)$)' |
		sed 's/^\.\(It \)\{0,1\}Ic //' | tr -d ',' | tr -s ' ' '\n' | sort -u >manual
	[ "$(wc -l <schema)" -gt 40 ]
	diff schema manual
}

@test "the examples of ab-vault(1) run" {
	examples ab-vault.1
	rm -rf "$AB_VAULT" "$AB_KEY_FILE" && unset AB_KEY_FILE
	cp "$top_srcdir/t/fixtures/session/alice.yaml" alice.yaml
	printf '\377\330\377picture' >passport.jpg
	printf 'www.example.org\tFALSE\t/\tFALSE\t0\tn\tv\n127.0.0.1\tFALSE\t/\tFALSE\t0\tn\tv\n' >cookies.txt
	cat example.* >all
	[ "$(wc -l <all)" -ge 15 ]
	bash -ex all
	[ "$(ab-vault list)" = alice ]
	[ "$(ab-vault get --key-file ab2.key --reveal alice credentials.password)" = "new password" ]
	[ "$(ab-vault get --key-file ab2.key alice consent.until)" = 2036-06-30 ]
	[ "$(ab-vault get --key-file ab2.key --reveal alice profile.files.passport.type)" = image/jpeg ]
}

# ab-vault import --cookies: a log-in in the person's own browser becomes the session's.
bats_require_minimum_version 1.5.0
load lib
load demo
load browser

setup() {
	fresh_home
	jar=$BATS_TEST_TMPDIR/cookies.txt
	file=$BATS_TEST_TMPDIR/file.txt
}
teardown() {
	end_pid "${POLL_PID:-}"
	stop_site
	until_true 10 no_browser
	drop_home
}

# curl_logs_in: as the person does in a browser of theirs; the cookies are in $jar, as curl writes them
curl_logs_in() {
	base=$BASE maildir=$MAIL
	log_in alice@example.org practice
}
site_logins() {
	control 'requests?log=1' | jq '[.log[] | select(.method == "POST" and .path == "/office/code")] | length'
}
state() { ab-vault exec alice -- "$top_builddir/t/unit/vault-test" read alice state; }
cookie_of() { awk -F '\t' -v name="$1" '$6 == name { print $7 }' "$jar"; }

# a session on a made-up site of several origins; nothing is asked of it
many() {
	BASE=http://unused.example.org/ MAIL=$HOME/mail
	mkdir -p "$HOME/providers/many"
	cat >"$HOME/providers/many/provider.yaml" <<-'END'
	name: many
	title: Several origins
	base: "https://${.site.name}.example.org/"
	origins: ["https://${.site.name}.example.org", "https://api.example.com:8443", "${.site.plain}"]
	needs:
	  site.name: {title: Which, default: www}
	  .site.plain: {title: An address, default: "http://PLAIN.example.org/"}
	flows: {check: [{get: /}, {expect: {css: h1}}]}
	END
	export AB_PROVIDERS="$HOME/providers"
	ab-provider check many
	new_session alice many 'del(.site) | .site.name = "www"'
}
# line DOMAIN [WIDE [PATH [SECURE [EXPIRES [NAME [VALUE]]]]]]
line() {
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "${2:-FALSE}" "${3:-/}" "${4:-FALSE}" "${5:-0}" "${6:-n}" "${7-secret-value}"
}
import() { run --separate-stderr ab-vault import --cookies "${1:-$file}" alice; echo "$output" "$stderr"; }

@test "logged in with curl, imported: ab-login finds itself logged in, ab-poll checks, the site saw no other log-in" {
	start_site
	new_session alice practice
	curl_logs_in
	import "$jar"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	[ "$stderr" = "ab-vault: alice: 2 cookies kept, 0 left out (0 of other sites, 0 expired)" ]
	run ab-login alice
	[ "$status" -eq 0 ]
	[ "$(jq -r .data.reason <<<"$output")" = "already logged in" ]
	run ab-poll --once alice
	[ "$status" -eq 1 ]
	[ -z "$(jq -c 'select(.type == "session.login")' <<<"$output")" ]
	[ "$(site_logins)" = 1 ]
	# they are the page's own now
	[ "$(state | jq -r '.imported')" = null ]
	[ "$(state | jq -r '.page.cookies[] | select(.name == "office_session").value')" = "$(cookie_of office_session)" ]
}

@test "the same where the provider's page is a browser" {
	chromium_here
	start_site
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/practice" "$HOME/providers/"
	sed -i -e 's/^name: practice$/name: practice\ntransport: browser/' -e '/^ *region: {/d' "$HOME/providers/practice/provider.yaml"
	export AB_PROVIDERS="$HOME/providers"
	new_session alice practice
	curl_logs_in
	ab-vault import --cookies - alice <"$jar"
	run ab-login alice
	[ "$(grep '^{' <<<"$output" | jq -r .data.reason)" = "already logged in" ]
	run ab-poll --once alice
	[ "$status" -eq 1 ]
	[ "$(site_logins)" = 1 ]
}

@test "what is imported while a program runs is taken at the next turn, over the page's cookies of those names" {
	start_site
	new_session alice practice
	ab-poll alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	POLL_PID=$!
	until_line 20 "$HOME/out" '.data.verdict == "none"' >/dev/null
	curl_logs_in
	[ "$(state | jq -r '.page.cookies[] | select(.name == "office_session").value')" != "$(cookie_of office_session)" ]
	ab-vault import --cookies "$jar" alice
	until_true 20 eval '[ "$(state | jq -r .imported)" = null ]'
	[ "$(state | jq -c '[.page.cookies[] | select(.name == "office_session").value]')" = "[\"$(cookie_of office_session)\"]" ]
	rounds=$(wc -l <"$HOME/out")
	until_true 20 eval '[ "$(wc -l <"$HOME/out")" -gt '"$((rounds + 1))"' ]'
	[ "$(tail -n 1 "$HOME/out" | jq -r .data.verdict)" = none ]
	[ "$(site_logins)" = 2 ]
}

@test "of all that a browser has, what goes to the provider's origins is kept, as pages have it" {
	many
	later=$(($(date +%s) + 100000))
	{
		printf '\xef\xbb\xbf# Netscape HTTP Cookie File\r\n\r\n'
		line www.example.org FALSE / TRUE "$later" host | sed 's/$/\r/'
		line .Example.ORG TRUE /a FALSE 0 wide
		printf '#HttpOnly_'; line www.example.org FALSE / TRUE "$later.5" hidden
		line api.example.com false / true -1 api
		line plain.example.org FALSE / FALSE "" plain
		line www.example.org FALSE / FALSE 0 empty '' | sed 's/\t$//'
		echo '# a comment'
		# expired; of nobody here; a secure one for a host that is asked in the clear; of a sister's host; nothing that we would look into
		line www.example.org FALSE / TRUE 100 old
		line other.example.org FALSE / FALSE 0 other
		line plain.example.org FALSE / TRUE 0 clear
		line example.org FALSE / FALSE 0 parent
		line evil-example.org TRUE / FALSE 0 alike
		line other.example.net TRUE / FALSE 0 '' $'\xff'
	} >"$file"
	import
	[ "$status" -eq 0 ]
	[ "$stderr" = "ab-vault: alice: 6 cookies kept, 6 left out (5 of other sites, 1 expired)" ]
	[ "$(state | jq -r '.imported[] | [.name, .domain, .host_only, .path, .secure, .http_only, .expires, .port, .value] | join(" ")')" = \
"host www.example.org true / true false $later 0 secret-value
wide example.org false /a false false 0 0 secret-value
hidden www.example.org true / true true $later 0 secret-value
api api.example.com true / true false 0 0 secret-value
plain plain.example.org true / false false 0 0 secret-value
empty www.example.org true / false false 0 0 " ]
	# a page takes them so, and gives them back so
	state | jq -c '{do: "restore", state: {cookies: .imported}}, {do: "save"}' | "$top_builddir/libexec/ab-page-http" |
		jq -se '.[1].state.cookies | length == 6'
	# another import stands beside the first
	{
		line www.example.org FALSE / TRUE 0 more
		line www.example.org FALSE / TRUE 0 host newer
	} >"$file"
	import
	[ "$(state | jq -r '[.imported[] | select(.name == "host").value] + [.imported | length | tostring] | join(" ")')" = "newer 7" ]
	# and nothing else of the session has changed
	[ "$(ab-vault get alice site.name)" = www ]
	not grep -q imported <(ab-vault export --plain alice 2>&1)
}

@test "a file with lines that are no cookies is refused, with each line's number and nothing of what is in it" {
	many
	while IFS= read -r row; do
		what=${row#* => }
		{
			line www.example.org FALSE / TRUE 0 good
			printf '%b\n' "${row%% => *}"
		} >"$file"
		import
		[ "$status" -eq 65 ]
		[ "$stderr" = "ab-vault: $file:2: $what
ab-vault: $file: 1 line is no cookie in the format of cookies.txt (Netscape); nothing was taken in" ]
		[[ $output$stderr != *secret* ]]
	done <<-'END'
	www.example.org FALSE / TRUE 0 n secret => there are not seven fields set apart by tabs
	www.example.org\tFALSE\t/\tTRUE\t0\tn\tsecret\tmore => there are not seven fields set apart by tabs
	\tFALSE\t/\tTRUE\t0\tn\tsecret => the first field is no domain
	www.example.org\tyes\t/\tTRUE\t0\tn\tsecret => the second field is neither TRUE nor FALSE
	www.example.org\tFALSE\tsecret\tTRUE\t0\tn\tsecret => the third field is no path
	www.example.org\tFALSE\t/\t1\t0\tn\tsecret => the fourth field is neither TRUE nor FALSE
	www.example.org\tFALSE\t/\tTRUE\ttomorrow\tn\tsecret => the fifth field is no time
	www.example.org\tFALSE\t/\tTRUE\t0\t\tsecret => it has no name
	www.example.org\tFALSE\t/\tTRUE\t0\tn\tsecret\0377 => it is no UTF-8
	www.example.org\tFALSE\t/\tTRUE\t0\tn\tsecret;x => a character in its name or value stands in no cookie
	www.example.org\tTRUE\t/\tTRUE\t0\t__Host-n\tsecret => a name with __Host- is for one host, and the path /
	www.example.org\tFALSE\t/\tFALSE\t0\t__Secure-n\tsecret => a name with __Host- or __Secure- is for secure ones
	END
	[ "$(state)" = '{}' ]
	# JSON, as some extensions write it; the first ten lines are told
	yes '{"name":"secret"}' | head -n 30 >"$file"
	import
	[ "$status" -eq 65 ]
	[ "$(wc -l <<<"$stderr")" = 12 ]
	[[ $stderr == *"30 lines are no cookie"*"nothing was taken in"* ]]
}

@test "nothing kept is 1; a file, a session or an option that is wrong, and addresses that are computed, are told" {
	many
	line other.example.net >"$file"
	import
	[ "$status" -eq 1 ]
	[ "$stderr" = "ab-vault: alice: 0 cookies kept, 1 left out (1 of other sites, 0 expired): nothing was changed" ]
	[ "$(state)" = '{}' ]
	import /nowhere
	[ "$status" -eq 66 ]
	run ab-vault import --cookies "$file" bob
	[ "$status" -eq 66 ]
	run ab-vault import --cookies "$file" --replace alice
	[ "$status" -eq 64 ]
	run ab-vault import --cookies "$file" alice bob
	[ "$status" -eq 64 ]
	for n in {1..301}; do line www.example.org FALSE / FALSE 0 "n$n"; done >"$file"
	import
	[ "$status" -eq 65 ]
	[[ $stderr == *"301 cookies are for the site, and a page keeps 300; nothing was taken in" ]]
	sed -i 's|^base: .*|base: "${.site.name \| ascii_downcase}"|; /^origins/d' "$HOME/providers/many/provider.yaml"
	import
	[ "$status" -eq 78 ]
	[[ $stderr == *"where provider many goes can't be told"* ]]
}

@test "the manual's way of it" {
	start_site
	new_session alice practice
	curl_logs_in
	cd "$BATS_TEST_TMPDIR"
	man_example ab-vault.1 4 >example
	grep -q -e --cookies example
	bash -e example
	[ ! -e cookies.txt ]
	[ "$(ab-login alice | jq -r .data.reason)" = "already logged in" ]
}

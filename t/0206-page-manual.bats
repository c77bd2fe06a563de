# The examples of ab-page(1), ab-page-http(1), ab-page(5) and ab-fill(1) are typed in as they stand.
load lib

setup() {
	fresh_home
	cd "$HOME"
	SITE_PID=
}
teardown() {
	stop_site
	drop_home
}

# example PAGE N: the Nth displayed block of the page's examples, on the site and drivers of this test
example() {
	awk -v want="$2" '/^\.Sh EXAMPLES/ { on = 1 } /^\.Ed/ { show = 0 } show { print } on && /^\.Bd/ { show = ++n == want }' "$top_srcdir/man/$1" |
		sed "s|\\\\e|\\\\|g; s|http://127.0.0.1:8460/|${BASE:-}|g; s|/usr/local/libexec/ab/|$AB_LIBEXEC/|" >"$HOME/typed"
	[ -s "$HOME/typed" ]
	cat "$HOME/typed"
	run bash -e "$HOME/typed"
	echo "$output"
}

@test "ab-page(5): the login form is looked at, and submitted" {
	start_site
	example ab-page.5 1
	[ "$status" = 0 ]
	[ "$(jq -c 'select(.id == 2).results' <<<"$output")" = '[true]' ]
	[ "$(jq -c 'select(.id == 3).values' <<<"$output")" = '["E-mail address","Password"]' ]
	[ "$(jq -c 'select(.id == 4).form.method' <<<"$output")" = '"post"' ]
	example ab-page.5 2
	[ "$status" = 0 ]
	[ "$output" = Verification ]
}

@test "ab-page(5): a saved page is read" {
	example ab-page.5 3
	[ "$output" = "No slots" ]
}

@test "ab-page(1): headings are shown, another origin is refused" {
	start_site
	example ab-page.1 1
	[ "$output" = '["Log in"]' ]
	example ab-page.1 2
	[ "$output" = "http://example.org is not among the allowed origins" ]
}

@test "ab-page-http(1): the driver by itself" {
	start_site
	example ab-page-http.1 1
	[ "$output" = "${BASE}office/calendar" ]
}

@test "ab-fill(1): a German form" {
	example ab-fill.1 1
	[ "$status" = 0 ]
	[ "$output" = '{"name":"a","value":"Alice","from":"first_name"}
{"name":"b","value":"01.02.1990","from":"date_of_birth"}' ]
}

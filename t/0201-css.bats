# CSS selectors, by table: t/fixtures/page/css.table on css.html.
load lib

setup() {
	export AGENT=$top_builddir/libexec/ab-page-http
}

@test "each selector of the table finds what it should, and what is not supported is named" {
	run python3 "$top_srcdir/t/fixtures/page/tables.py" css
	echo "$output"
	[ "$status" = 0 ]
	[ "$(wc -l <"$top_srcdir/t/fixtures/page/css.table")" -gt 130 ]
}

@test "a selector in a row sees the row alone, and what stands around it as a condition" {
	run "$AGENT" <<-'E'
		{"do":"begin","settings":{"base":"http://example.org/"}}
		{"do":"load","html":"<div class=free><table><tr id=r1><td>a<td>b</table></div><table><tr id=r2><td>c<td>d<p>e</p></table>"}
		{"do":"rows","each":"tr","get":{"id":{"self":true,"attr":"id"},"first":"> td:first-child","all":{"css":"td","all":true},"free":{"css":".free td","optional":true},"self":{"css":":scope > td + td","optional":true},"x":{"xpath":"td[2]"},"doc":"//tr[1]/td[1]"}}
	E
	[ "$(tail -n 1 <<<"$output" | jq -c '.rows[0]')" = '{"all":["a","b"],"doc":"a","first":"a","free":"a","id":"r1","self":"b","x":"b"}' ]
	[ "$(tail -n 1 <<<"$output" | jq -c '.rows[1]')" = '{"all":["c","d e"],"doc":"a","first":"c","free":null,"id":"r2","self":"d e","x":"d e"}' ]
}

@test "selectors that are very long or nested are refused, not worked on" {
	{
		echo '{"do":"begin","settings":{"base":"http://example.org/"}}'
		echo '{"do":"load","html":"<p>x</p>"}'
		jq -cn '{do:"find",css:("p" * 5000)}'
		jq -cn '{do:"find",css:(":not(" * 20 + "p" + ")" * 20)}'
		jq -cn '{do:"find",xpath:("(" * 20000 + "1" + ")" * 20000)}'
		echo '{"do":"find","css":"p"}'
	} | "$AGENT" >"$BATS_TEST_TMPDIR/out"
	[ "$(jq -r 'select(.ok | not) | .error.code' "$BATS_TEST_TMPDIR/out" | sort -u | tr '\n' ' ')" = "limit selector " ] ||
		[ "$(jq -r 'select(.ok | not) | .error.code' "$BATS_TEST_TMPDIR/out" | sort -u | tr '\n' ' ')" = "selector " ]
	[ "$(jq -r 'select(.ok | not) | .ok' "$BATS_TEST_TMPDIR/out" | wc -l)" = 3 ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/out" | jq -r .value)" = x ]
}

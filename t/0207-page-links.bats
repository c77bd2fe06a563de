# Addresses that a page writes are given whole, as the DOM's .href does; and saved pages in a charset of their own.
load lib

setup() { page=$top_builddir/bin/ab-page; }

# ask COMMANDS…: of the page of an agent without a network
ask() { printf '%s\n' "$@" | "$page" "${options[@]}" http; }
options=()

load_at() { # load_at URL HTML
	jq -nc --arg url "$1" --arg html "$2" '{do: "load", url: $url, html: $html}'
}
# hrefs URL HTML: all links as they are given
hrefs() { ask "$(load_at "$1" "$2")" '{"id":1,"do":"find","css":"a","attr":"href","all":true}' | jq -c 'select(.id == 1).values'; }

@test "links are given whole: relative to the page, its query, its host, its scheme" {
	run hrefs https://www.example.org/a/b/week?w=1 '<a href=slot?d=1&amp;t=2><a href=?w=2><a href=../x><a href=/y><a href=//other.example.org/z><a href=#top><a href=""><a href=" https://www.example.org:443/q ">'
	[ "$output" = '["https://www.example.org/a/b/slot?d=1&t=2","https://www.example.org/a/b/week?w=2","https://www.example.org/a/x","https://www.example.org/y","https://other.example.org/z","https://www.example.org/a/b/week?w=1#top","https://www.example.org/a/b/week?w=1","https://www.example.org/q"]' ]
}

@test "a base element counts, the first that has an address, itself relative to the page" {
	run hrefs https://www.example.org/a/ '<base target=x><base href=/b/c/><base href=/no/><a href=d>'
	[ "$output" = '["https://www.example.org/b/c/d"]' ]
	run hrefs https://www.example.org/a/ '<base href="javascript:x"><a href=d>'
	[ "$output" = '["https://www.example.org/a/d"]' ]
}

@test "what is no address of the web, and no attribute, is given as it is" {
	run hrefs https://www.example.org/ '<a href="mailto:a@example.org"><a href="javascript:void(0)"><a href="http://u:p@www.example.org/"><a>'
	[ "$output" = '["mailto:a@example.org","javascript:void(0)","http://u:p@www.example.org/",null]' ]
}

@test "src, action and formaction are addresses too, in rows as well; other attributes and raw ones are not" {
	run ask "$(load_at https://www.example.org/a/ '<form action=go data-href=x><img src=i.png><button formaction=b></form>')" \
		'{"id":1,"do":"rows","each":"form","get":{"action":{"self":true,"attr":"action"},"src":{"css":"img","attr":"src"},"by":{"css":"button","attr":"formaction","all":true},"raw":{"css":"img","attr":"src","raw":true},"data":{"self":true,"attr":"data-href"},"path":{"xpath":"img/@src"}}}' \
		'{"id":2,"do":"find","css":"img","attr":"src","raw":true}'
	[ "$(jq -Sc 'select(.id == 1).rows[0]' <<<"$output")" = '{"action":"https://www.example.org/a/go","by":["https://www.example.org/a/b"],"data":"x","path":"i.png","raw":"i.png","src":"https://www.example.org/a/i.png"}' ]
	[ "$(jq -c 'select(.id == 2).value' <<<"$output")" = '"i.png"' ]
}

@test "a saved page is read in the charset that it names, and what its form sends is expected as text" {
	cd "$BATS_TEST_TMPDIR"
	iconv -t windows-1254 >old.html <<<'<meta charset=windows-1254><h1>Şişli</h1><form action=/go><input name=ad>'
	echo '<h1>Şişli</h1>' >new.html
	cat >table.json <<-'END'
		{"answers": [{"url": "/old", "file": "old.html"}, {"url": "/new", "file": "new.html"},
			{"url": "/go?*", "expect": {"ad": "Gülşah Öz"}, "body": "<meta charset=windows-1254><h1>Öz</h1>"}]}
	END
	options=(-b https://www.example.org/ --replay table.json)
	run ask '{"do":"get","url":"/new"}' '{"id":1,"do":"find","css":"h1"}' '{"do":"get","url":"/old"}' '{"id":2,"do":"find","css":"h1"}' \
		'{"id":3,"do":"submit","set":{"ad":"Gülşah Öz"}}' '{"id":4,"do":"find","css":"h1"}'
	[ "$status" -eq 0 ]
	[ "$(jq -r 'select(.id) | .value // .url' <<<"$output" | tail -n 4 | tr '\n' ' ')" = "Şişli Şişli https://www.example.org/go?ad=G%FCl%FEah+%D6z Öz " ]
	run ask '{"do":"get","url":"/old"}' '{"id":3,"do":"submit","set":{"ad":"Gülsah Öz"}}'
	[ "$status" -eq 1 ]
	[[ $output == *"one expects ad="* ]]
}

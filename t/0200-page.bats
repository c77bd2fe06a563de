# ab-page-http over the network: what it asks for, what it gives back, what it refuses.
load lib

setup() {
	fresh_home
	pages=$top_srcdir/t/fixtures/page agent=$top_builddir/libexec/ab-page-http
	serve
	SITE=http://127.0.0.1:$PORT
}
teardown() {
	end_pid "$SERVER"
	end_pid "${SERVER2:-}"
	cat "$BATS_TEST_TMPDIR/answers" 2>/dev/null | cut -c 1-2000 || :
	drop_home
}

# serve [2]: the test site on a free port; sets PORT and SERVER (PORT2, SERVER2)
serve() {
	python3 "$pages/server.py" "$BATS_TEST_TMPDIR/port${1:-}" "$BATS_TEST_TMPDIR/log${1:-}" 3>&- &
	declare -g "SERVER${1:-}=$!"
	until_true 10 test -e "$BATS_TEST_TMPDIR/port${1:-}"
	declare -g "PORT${1:-}=$(cat "$BATS_TEST_TMPDIR/port${1:-}")"
}
# page [SETTINGS] <<COMMANDS: begins with base SITE and SETTINGS, runs the commands, one answer a line
page() {
	{ jq -cn --arg base "$SITE/" "{id:\"begin\",do:\"begin\",settings:({base:\$base}+${1:-{\}})}"; cat; } |
		"$agent" >"$BATS_TEST_TMPDIR/answers"
}
# answer ID JQ: of the answer with that id
answer() { jq -r --argjson id "$1" "select(.id == \$id) | $2" "$BATS_TEST_TMPDIR/answers"; }
# asked JQ [2]: of each request that the site read
asked() { jq -r "$1" "$BATS_TEST_TMPDIR/log${2:-}"; }

@test "a get gives the page's summary; find, test and rows look into it" {
	page <<-'E'
		{"id":1,"do":"get","url":"/region"}
		{"id":2,"do":"find","css":"li","all":true}
		{"id":3,"do":"find","css":"h6"}
		{"id":4,"do":"rows","each":"ul li","get":{"name":{"self":true},"next":{"xpath":"following-sibling::li","optional":true}}}
		{"id":5,"do":"rows","each":"li","get":{"next":{"xpath":"following-sibling::li"}}}
		{"id":6,"do":"test","conditions":[{"status":["4xx",200]},{"status":"2xx","not":{"css":"ul"}},[{"css":"h1"},{"text":"tail"}],{"url":"/region"},{"url":"http://*/region"},{"header":{"Content-Type":"text/html*"}},{"header":{"x-none":"*"}},{"css":"li","text":"a"},{"css":"p","text":"a b"}]}
		{"id":7,"do":"find","css":"ul","attr":"class"}
		{"id":8,"do":"find","xpath":"count(//li)"}
	E
	[ "$(answer 1 '[.ok,.status,.type,.charset,.cut,.redirects,.requests,.sent]|@csv')" = 'true,200,"text/html","utf-8",false,0,1,"yes"' ]
	[ "$(answer 1 .url)" = "$SITE/region" ]
	[ "$(answer 1 '.headers["content-type"]')" = "text/html; charset=utf-8" ]
	[ "$(answer 2 '[.count,.value,.values]|tojson')" = '[2,"a",["a","b"]]' ]
	[ "$(answer 3 '[.count,.value]|tojson')" = '[0,null]' ]
	[ "$(answer 4 '.rows|tojson')" = '[{"name":"a","next":"b"},{"name":"b","next":null}]' ]
	[ "$(answer 5 '.error.code + " " + .error.message')" = "row row 2 has no field 'next'" ]
	[ "$(answer 6 '.results|tojson')" = '[true,false,true,true,true,true,false,true,false]' ]
	[ "$(answer 7 '.value|tojson')" = null ]
	[ "$(answer 8 .value)" = 2 ]
}

@test "mistakes in commands are told, and the next command is served" {
	page <<-'E'
		not json
		[1]
		{"id":1,"do":"dance"}
		{"id":2,"url":"/"}
		{"id":3,"do":"find","css":"p"}
		{"id":4,"do":"get"}
		{"id":5,"do":"get","url":"/","headers":{"Cookie":"a=b"}}
		{"id":6,"do":"get","url":"/","headers":{"X":"a\r\nY: b"}}
		{"id":7,"do":"post","url":"/","form":{},"json":{}}
		{"id":8,"do":"get","url":"/"}
		{"id":9,"do":"test","conditions":[{"colour":"red"}]}
		{"id":10,"do":"find","xpath":"//p["}
		{"id":11,"do":"find","css":"p:hover"}
		{"id":{"any":["id"]},"do":"find","css":"h1"}
	E
	[ "$(jq -r 'select(.id == null) | .error.code' "$BATS_TEST_TMPDIR/answers" | tr '\n' ' ')" = "usage usage " ]
	for id in 1 2 4 5 6 7 9; do
		[ "$(answer $id .error.code)" = usage ]
	done
	[ "$(answer 3 .error.code)" = no_page ]
	[ "$(answer 9 .error.message)" = "a condition: unknown key 'colour'" ]
	[ "$(answer 10 .error.code)" = selector ]
	[ "$(answer 11 .error.message)" = "css: ':hover' is not supported" ]
	[ "$(answer '{"any":["id"]}' .value)" = Hello ]
	[ "$(asked .path)" = / ]
}

@test "requests say who they are, where they come from, and what the settings add" {
	page '{headers:{"Accept-Language":"tr","X-Both":"settings"}}' <<-'E'
		{"id":1,"do":"get","url":"/echo"}
		{"id":2,"do":"get","url":"echo?next#part","headers":{"X-Both":"command","X-Own":"1"}}
		{"id":3,"do":"post","url":"/echo","form":{"a":{"b":"1 2","c":{"d":"é"}},"e":["x","y"],"gone":null,"yes":true}}
		{"id":4,"do":"post","url":"/echo","json":{"a":[1,"é"]}}
		{"id":5,"do":"post","url":"/echo","body":"<x/>","type":"text/xml"}
		{"id":6,"do":"post","url":"/echo"}
	E
	[[ $(answer 1 '.json.headers["user-agent"]') == "ab/"*" (appointment booking tools)" ]]
	[ "$(answer 1 '.json.headers|[.["accept-language"],.["x-both"],.referer,.origin]|tojson')" = '["tr","settings",null,null]' ]
	[ "$(answer 2 '.json.headers|[.["x-both"],.["x-own"],.referer]|join(" ")')" = "command 1 $SITE/echo" ]
	[ "$(answer 2 .url)" = "$SITE/echo?next#part" ]
	[ "$(answer 3 '.json.headers|[.referer,.origin,.["content-type"]]|join(" ")')" = "$SITE/echo?next $SITE application/x-www-form-urlencoded" ]
	[ "$(answer 3 .json.body)" = "a%5Bb%5D=1+2&a%5Bc%5D%5Bd%5D=%C3%A9&e=x&e=y&yes=true" ]
	[ "$(answer 4 '.json.headers["content-type"] + .json.body')" = 'application/json{"a":[1,"é"]}' ]
	[ "$(answer 5 '.json.headers["content-type"] + .json.body')" = 'text/xml<x/>' ]
	[ "$(answer 6 '.json.headers["content-length"]')" = 0 ]
	# all of them over one connection
	[ "$(asked .connection | sort -u | wc -l)" = 1 ]
}

@test "redirects are followed within the origins, and turn a post into a get where browsers do" {
	serve 2
	page "{origins:[\$base,\"http://localhost:$PORT2\"]}" <<-E
		{"id":1,"do":"get","url":"/redirect?to=/redirect%3Fto%3D/echo"}
		{"id":2,"do":"post","url":"/redirect?status=303&to=/echo","form":{"a":"1"}}
		{"id":3,"do":"post","url":"/redirect?status=302&to=/echo","form":{"a":"1"}}
		{"id":4,"do":"post","url":"/redirect?status=307&to=/echo","form":{"a":"1"}}
		{"id":5,"do":"get","url":"/redirect?to=/echo","follow":false}
		{"id":6,"do":"get","url":"/loop"}
		{"id":7,"do":"get","url":"/cookies?c=sid%3D1"}
		{"id":8,"do":"get","url":"/redirect?to=http://localhost:$PORT2/echo","headers":{"Authorization":"Bearer x","X-Token":"y"}}
		{"id":9,"do":"get","url":"$SITE/redirect?to=/echo","headers":{"Authorization":"Bearer x","X-Token":"y"}}
		{"id":10,"do":"post","url":"$SITE/redirect?status=308&to=http://localhost:$PORT2/echo","form":{"a":"1"}}
	E
	[ "$(answer 1 '[.redirects,.requests,.json.path]|tojson')" = '[2,3,"/echo"]' ]
	for id in 2 3; do
		[ "$(answer $id '[.json.method,.json.body,.json.headers["content-type"],.json.headers.origin]|tojson')" = '["GET","",null,null]' ]
	done
	[ "$(answer 4 '[.json.method,.json.body]|tojson')" = '["POST","a=1"]' ]
	[ "$(answer 5 '[.status,.headers.location,.redirects]|tojson')" = '[302,"/echo",0]' ]
	[ "$(answer 6 '[.error.code,.error.message,.requests]|tojson')" = '["limit","more than 10 redirects",11]' ]
	[ "$(answer 8 '.json.headers|[.authorization,.["x-token"],.cookie,.referer]|tojson')" = "[null,null,null,\"$SITE/\"]" ]
	[ "$(answer 9 '.json.headers|[.authorization,.["x-token"],.cookie]|tojson')" = '["Bearer x","y","sid=1"]' ]
	[ "$(answer 10 '.error.code + ": " + .error.message')" = "refused: redirected to another origin with what was posted" ]
}

@test "other origins, schemes and ports are refused, in commands, redirects, forms and base elements" {
	serve 2
	page <<-E
		{"id":1,"do":"get","url":"http://127.0.0.1:$PORT2/"}
		{"id":2,"do":"get","url":"/redirect?to=http://127.0.0.1:$PORT2/"}
		{"id":3,"do":"get","url":"/redirect?to=//localhost:$PORT2/"}
		{"id":4,"do":"get","url":"/redirect?to=file:///etc/passwd"}
		{"id":5,"do":"get","url":"file:///etc/passwd"}
		{"id":6,"do":"get","url":"http://user:pw@127.0.0.1:$PORT/"}
		{"id":7,"do":"get","url":"http:\\\\\\\\127.0.0.1:$PORT2\\\\"}
		{"id":8,"do":"load","html":"<form action='http://127.0.0.1:$PORT2/'></form>","url":"$SITE/x"}
		{"id":9,"do":"submit"}
		{"id":10,"do":"load","html":"<base href='http://127.0.0.1:$PORT2/'><form action='a'></form>","url":"$SITE/x"}
		{"id":11,"do":"submit"}
		{"id":12,"do":"get","url":"/redirect?to=javascript:alert(1)"}
		{"id":13,"do":"get","url":"http://127.0.0.1:$PORT@localhost:$PORT2/"}
	E
	for id in 1 2 3 4 5 6 7 9 11 12 13; do
		[ "$(answer $id .error.code)" = refused ]
	done
	[ "$(answer 1 '[.requests,.sent]|tojson')" = '[0,"no"]' ]
	[ "$(answer 2 '[.requests,.sent]|tojson')" = '[1,"yes"]' ]
	[ "$(answer 2 .error.message)" = "http://127.0.0.1:$PORT2 is not among the allowed origins" ]
	[ ! -s "$BATS_TEST_TMPDIR/log2" ]
}

@test "without settings nothing may be asked for" {
	echo "{\"id\":1,\"do\":\"get\",\"url\":\"$SITE/\"}" | "$agent" >"$BATS_TEST_TMPDIR/answers"
	[ "$(answer 1 .error.code)" = refused ]
	[ ! -s "$BATS_TEST_TMPDIR/log" ]
}

@test "relative addresses are resolved as browsers do" {
	local base=http://example.org/a/b/c?q#f n=0 relative want
	echo '{"do":"begin","settings":{"base":"http://example.org/"}}' >"$BATS_TEST_TMPDIR/commands"
	while IFS='|' read -r relative want; do
		n=$((n + 1))
		echo "$n|$want" >>"$BATS_TEST_TMPDIR/wanted"
		jq -cn --arg base "$base" --arg url "$relative" "{do:\"load\",html:\"\",url:\$base},{id:$n,do:\"load\",html:\"\",url:\$url}" >>"$BATS_TEST_TMPDIR/commands"
	done <<-'E'
		d|http://example.org/a/b/d
		./d/|http://example.org/a/b/d/
		../d|http://example.org/a/d
		../../../d|http://example.org/d
		..|http://example.org/a/
		.|http://example.org/a/b/
		/d/./e/../f|http://example.org/d/f
		%2e%2E/d|http://example.org/a/d
		?x=1|http://example.org/a/b/c?x=1
		#g|http://example.org/a/b/c?q#g
		|http://example.org/a/b/c?q
		//Example.COM/x|http://example.com/x
		https://example.com|https://example.com/
		HTTP://example.org:80/x|http://example.org/x
		https://example.org:443/|https://example.org/
		http://example.org:8080|http://example.org:8080/
		http:d|http://example.org/a/b/d
		https:d|https://d/
		 d e |http://example.org/a/b/d%20e
		ü?ü=ö|http://example.org/a/b/%C3%BC?%C3%BC=%C3%B6
		x%zz|http://example.org/a/b/x%zz
		\d\e?\|http://example.org/d/e?\
		a"<>`{}|http://example.org/a/b/a%22%3C%3E%60%7B%7D
		http://[::1]:8080/x|http://[::1]:8080/x
		mailto:a@example.org|refused
		http://|refused
		http://a b/|refused
		http://a:99999/|refused
		http://[::1/|refused
		http://u@example.org/|refused
		javascript:alert(1)|refused
	E
	"$agent" <"$BATS_TEST_TMPDIR/commands" >"$BATS_TEST_TMPDIR/answers"
	while IFS='|' read -r n want; do
		echo "$n: $want, $(answer "$n" '.url // .error.message')"
		[ "$(answer "$n" '.url // "refused"')" = "$want" ]
	done <"$BATS_TEST_TMPDIR/wanted"
}

@test "cookies: attributes, scope, expiry, saved and restored" {
	local enc
	enc() { jq -rn --arg c "$1" '$c|@uri'; }
	page <<-E
		{"id":1,"do":"get","url":"/deep/down?c=$(enc 'plain=1')&c=$(enc 'root=2; Path=/; HttpOnly; SameSite=Lax')&c=$(enc 'age=3; Max-Age=1000; Path=/')&c=$(enc 'old=4; Expires=Thu, 01 Jan 2015 00:00:00 GMT')&c=$(enc 'date=5; path=/; expires=Wed, 01-Jan-2031 10:00:00 GMT')&c=$(enc 'tls=6; Path=/; Secure')&c=$(enc 'foreign=7; Domain=example.org')&c=$(enc 'net=8; Domain=0.0.1')&c=$(enc '__Host-x=9; Path=/')&c=$(enc 'same=10; Domain=127.0.0.1; Path=/')&c=$(enc 'elsewhere=11; Path=/else')&c=$(enc 'quoted="a b"; Path=/')"}
		{"id":2,"do":"get","url":"/echo"}
		{"id":3,"do":"get","url":"/deep/echo"}
		{"id":4,"do":"save"}
		{"id":5,"do":"get","url":"/cookies?c=$(enc 'root=; Max-Age=0; Path=/')"}
		{"id":6,"do":"get","url":"/echo"}
		{"id":7,"do":"save"}
		{"id":8,"do":"save"}
	E
	[ "$(answer 2 .json.headers.cookie)" = 'root=2; age=3; date=5; same=10; quoted="a b"' ]
	[ "$(answer 6 .json.headers.cookie)" = 'age=3; date=5; same=10; quoted="a b"' ]
	[ "$(answer 4 '.state.cookies|map(.name)|join(" ")')" = "age date quoted root same plain elsewhere" ]
	[ "$(answer 4 '.state.cookies[]|select(.name == "root")|[.host_only,.http_only,.secure,.same_site,.path,.expires]|tojson')" = '[true,true,false,"lax","/",0]' ]
	[ "$(answer 4 '.state.cookies[]|select(.name == "plain")|.path')" = /deep ]
	[ "$(answer 7 .state)" = "$(answer 8 .state)" ]
	state=$(answer 4 '.state|tojson')
	page <<-E
		{"id":1,"do":"restore","state":$state}
		{"id":2,"do":"get","url":"/echo"}
		{"id":3,"do":"save"}
		{"id":4,"do":"restore","state":{"cookies":[{"name":"a;b","value":"1","domain":"127.0.0.1"}]}}
		{"id":5,"do":"restore","state":{}}
		{"id":6,"do":"get","url":"/echo"}
	E
	[ "$(answer 2 .json.headers.cookie)" = 'age=3; date=5; quoted="a b"; root=2; same=10' ]
	[ "$(answer 3 '.state|tojson')" = "$state" ]
	[ "$(answer 4 .error.code)" = usage ]
	[ "$(answer 6 .json.headers.cookie)" = null ]
}

@test "a committing request is sent once, also when a kept connection dies with it" {
	page <<-'E'
		{"id":1,"do":"get","url":"/kept-then-lost"}
		{"id":2,"do":"post","url":"/kept-then-lost","form":{"commit":"one"},"commit":true}
		{"id":3,"do":"get","url":"/kept-then-lost"}
		{"id":4,"do":"post","url":"/kept-then-lost","commit":true}
		{"id":5,"do":"load","html":"<form action=/kept-then-lost><input name=commit value=three></form>"}
		{"id":6,"do":"get","url":"/kept-then-lost"}
		{"id":7,"do":"load","html":"<form action=/kept-then-lost><input name=commit value=three></form>"}
		{"id":8,"do":"submit","commit":true}
		{"id":9,"do":"post","url":"/lost","form":{"commit":"four"},"commit":true}
		{"id":10,"do":"post","url":"/redirect?status=307&to=/echo","form":{"commit":"five"},"commit":true}
		{"id":11,"do":"post","url":"/redirect?status=303&to=/echo","form":{"commit":"six"},"commit":true}
		{"id":12,"do":"find","css":"p"}
	E
	for id in 2 4 8 9; do
		[ "$(answer $id '[.error.code,.requests,.sent]|tojson')" = '["unreachable",1,"maybe"]' ]
	done
	[ "$(asked 'select(.body == "commit=one")|.kept')" = 2 ]
	[ "$(asked 'select(.method == "POST" and .body == "")|.path' | wc -l)" = 1 ]
	[ "$(asked 'select(.path == "/kept-then-lost?commit=three")|.kept')" = 2 ]
	[ "$(asked 'select(.body == "commit=four")|.kept' | wc -l)" = 1 ]
	[ "$(answer 10 '[.ok,.status,.redirects,.requests]|tojson')" = '[true,307,0,1]' ]
	[ "$(answer 11 '[.ok,.status,.redirects,.json.method]|tojson')" = '[true,200,1,"GET"]' ]
	[ "$(asked 'select(.body | startswith("commit="))|.body' | sort | uniq -d)" = "" ]
}

@test "what did not reach the site is told from what may have" {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' >"$BATS_TEST_TMPDIR/closed"
	closed=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/closed")
	page "{origins:[\$base,\"$closed\",\"http://no-such-host.invalid\"]}" <<-E
		{"id":1,"do":"get","url":"$closed/"}
		{"id":2,"do":"get","url":"http://no-such-host.invalid/"}
		{"id":3,"do":"get","url":"$SITE/part"}
		{"id":4,"do":"find","css":"p"}
		{"id":5,"do":"get","url":"$SITE/stall","deadline_ms":200}
		{"id":6,"do":"post","url":"$SITE/lost","form":{"a":"1"}}
		{"id":7,"do":"get","url":"$SITE/"}
	E
	[ "$(answer 1 '[.error.code,.requests,.sent]|tojson')" = '["unreachable",0,"no"]' ]
	[ "$(answer 2 '[.error.code,.requests,.sent]|tojson')" = '["unreachable",0,"no"]' ]
	[ "$(answer 3 '[.error.code,.requests,.sent]|tojson')" = '["unreachable",1,"yes"]' ]
	[ "$(answer 4 .error.code)" = no_page ]
	[ "$(answer 5 '[.error.code,.requests,.sent]|tojson')" = '["timeout",1,"yes"]' ]
	[ "$(answer 6 '[.error.code,.sent]|tojson')" = '["unreachable","maybe"]' ]
	[ "$(answer 7 .status)" = 200 ]
}

@test "bodies are capped while they are read, decompressed ones too, and said to be cut" {
	page '{body_max:100000}' <<-'E'
		{"id":1,"do":"get","url":"/big?n=99000"}
		{"id":2,"do":"get","url":"/big?n=100000"}
		{"id":3,"do":"find","css":"#end"}
		{"id":4,"do":"get","url":"/endless"}
		{"id":5,"do":"get","url":"/bomb"}
		{"id":6,"do":"get","url":"/headers?n=400"}
		{"id":7,"do":"get","url":"/"}
	E
	[ "$(answer 1 .cut)" = false ]
	for id in 2 4 5; do
		[ "$(answer $id '[.ok,.cut,.length]|tojson')" = '[true,true,100000]' ]
	done
	[ "$(answer 3 .count)" = 0 ]
	[ "$(answer 6 .error.code)" = limit ]
	[ "$(answer 7 .status)" = 200 ]
}

@test "a page that is too deep, too wide or too full is cut, said so, and costs little" {
	local start=$SECONDS
	page <<-'E'
		{"id":1,"do":"get","url":"/deep?n=400"}
		{"id":2,"do":"find","css":"#bottom"}
		{"id":3,"do":"get","url":"/deep?n=100000"}
		{"id":4,"do":"find","css":"#bottom"}
		{"id":5,"do":"get","url":"/sly-deep?n=100000"}
		{"id":6,"do":"find","css":"#bottom"}
		{"id":7,"do":"get","url":"/attributes?n=200"}
		{"id":8,"do":"find","css":"#end"}
		{"id":9,"do":"get","url":"/attributes?n=40000"}
		{"id":10,"do":"find","css":"#end"}
		{"id":11,"do":"find","css":"#top"}
		{"id":12,"do":"get","url":"/nul"}
		{"id":13,"do":"find","css":"p","all":true}
		{"id":14,"do":"get","url":"/flat?n=100000"}
		{"id":15,"do":"find","css":"li:nth-child(99999)"}
		{"id":16,"do":"find","xpath":"//li[count(preceding-sibling::li) = 99998]"}
		{"id":17,"do":"find","css":"h1"}
	E
	[ "$(answer 1 .cut)$(answer 2 .value)" = falsedeep ]
	[ "$(answer 3 .cut)$(answer 4 .count)" = true0 ]
	# what only the parser could see is an error, not an absence
	[ "$(answer 5 .cut)$(answer 6 .error.code)" = falselimit ]
	[ "$(answer 7 .cut)$(answer 8 .value)" = falseend ]
	[ "$(answer 9 .cut)$(answer 10 .count)$(answer 11 .value)" = true0top ]
	[ "$(answer 13 '.values|tojson')" = '["be�fore","after"]' ]
	[ "$(answer 15 .value)" = x ]
	[ "$(answer 16 .error.code)" = limit ]
	[ "$(answer 17 .count)" = 0 ]
	[ $((SECONDS - start)) -lt 30 ]
}

@test "an expression that would never end is answered, and ends the agent" {
	status=0
	{
		echo '{"do":"begin","settings":{"base":"http://example.org/"}}'
		jq -cn '{do:"load",html:("<b>xxxxxxxxxxxxxxxxxxxxxxxx</b>" * 60000)}'
		echo '{"do":"find","css":"i"}'
		echo '{"id":1,"do":"find","xpath":"//b[contains(string(/),\"zz\")]","deadline_ms":200}'
		echo '{"id":2,"do":"find","css":"b"}'
	} | "$agent" >"$BATS_TEST_TMPDIR/answers" || status=$?
	[ "$status" = 75 ]
	[ "$(answer 1 '[.error.code,.requests,.sent]|tojson')" = '["limit",0,"no"]' ]
	[ -z "$(answer 2 .)" ]
}

@test "charsets: from the header, a meta element, a byte order mark, or the bytes" {
	local words='Ankara İstanbul Ğüçlü Şişli' n=0 name how
	{
		for name in iso-8859-9 windows-1254 utf-8; do
			for how in header meta http-equiv; do
				n=$((n + 1))
				echo "{\"id\":$n,\"do\":\"get\",\"url\":\"/charset?name=$name&how=$how\"}"
				echo "{\"id\":$((n + 100)),\"do\":\"find\",\"css\":\"p\"}"
			done
		done
		for name in utf-8 utf-16-le utf-16-be; do
			n=$((n + 1))
			echo "{\"id\":$n,\"do\":\"get\",\"url\":\"/charset?name=$name&how=none\"}"
			echo "{\"id\":$((n + 100)),\"do\":\"find\",\"css\":\"p\"}"
		done
		echo '{"id":50,"do":"get","url":"/charset?name=iso-8859-9"}'
		echo '{"id":51,"do":"evidence"}'
		echo '{"id":52,"do":"submit"}'
	} | page
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		[ "$(answer $((n + 100)) .value)" = "$words" ]
	done
	[ "$(answer 1 .charset)" = windows-1254 ]
	[ "$(answer 11 .charset)" = utf-16le ]
	[[ $(answer 51 .body) == *"$words"* ]]
	# the form is sent in the page's charset, and what it lacks as a character reference
	[ "$(answer 52 .json.body)" = 'w=%DEi%FEli+%80' ]
}

@test "JSON answers are values, broken ones say why, compressed ones are read" {
	page <<-'E'
		{"id":1,"do":"get","url":"/json"}
		{"id":2,"do":"get","url":"/bad-json"}
		{"id":3,"do":"get","url":"/squeezed"}
		{"id":4,"do":"find","css":"p"}
		{"id":5,"do":"load","json":{"a":[1]}}
		{"id":6,"do":"test","conditions":[{"text":"[1]"},{"css":"*"}]}
	E
	[ "$(answer 1 '.json.slots|tojson')" = '[{"day":"2026-12-01"}]' ]
	[ "$(answer 2 'has("json")')" = false ]
	[[ $(answer 2 .json_error) == "not JSON: "* ]]
	[ "$(answer 3 '.headers["x-accepts"]')" = "gzip, deflate, br" ]
	[ "$(answer 4 .value)" = squeezed ]
	[ "$(answer 5 '[.json.a,.type]|tojson')" = '[[1],"application/json"]' ]
	[ "$(answer 6 '.results|tojson')" = '[true,false]' ]
}

@test "a region is found once or not at all, hashed, and then is the document" {
	page <<-'E'
		{"id":1,"do":"get","url":"/region?noise=1","region":{"from":"<!--from-->","to":"<!--to-->"}}
		{"id":2,"do":"find","css":"p, li","all":true}
		{"id":3,"do":"evidence"}
		{"id":4,"do":"get","url":"/region?noise=2","region":{"from":"<!--from-->","to":"<!--to-->"}}
		{"id":5,"do":"get","url":"/region","region":{"from":"<li>","to":"<!--to-->"}}
		{"id":6,"do":"find","css":"p"}
		{"id":7,"do":"get","url":"/region","region":{"from":"<!--to-->","to":"<!--from-->"}}
	E
	[ "$(answer 1 .region.found)" = true ]
	[ "$(answer 2 '.values|tojson')" = '["a","b"]' ]
	[[ $(answer 3 .body) == *tail* ]]
	[ "$(answer 1 .region.hash)" = "$(answer 4 .region.hash)" ]
	[ "$(answer 5 '.region|tojson')" = '{"found":false}' ]
	[ "$(answer 6 .count)" = 2 ]
	[ "$(answer 7 .region.found)" = false ]
}

@test "text is folded, scripts are left out, and what is hidden is not visible" {
	page <<-'E'
		{"id":1,"do":"load","html":"<title>T</title><p id=a>no&nbsp; <b>slots</b>\n\u202f left<script>error</script></p><table><tr><td>1<td>2</table><p hidden>secret</p><p style='color:red;DISPLAY : none'>styled</p><script>expired</script>"}
		{"id":2,"do":"find","css":"#a"}
		{"id":3,"do":"find","css":"tr"}
		{"id":4,"do":"test","conditions":[{"text":"no slots\u00a0left 1 2"},{"text":"secret"},{"text":"styled"},{"text":"expired"},{"text":"T"},{"css":"title","text":"T"},{"css":"[hidden]","text":"secret"},{"text":["x","left"]},{"text":""}]}
		{"id":5,"do":"find","css":"script"}
	E
	[ "$(answer 2 .value)" = "no slots left" ]
	[ "$(answer 3 .value)" = "1 2" ]
	[ "$(answer 4 '.results|tojson')" = '[true,false,false,false,false,true,true,true,false]' ]
	[ "$(answer 5 .value)" = error ]
}

@test "JSON in a script is found by its marker" {
	page <<-'E'
		{"id":1,"do":"load","html":"<script>const a = {\"t\":\"x<\\/script>;}\",\"n\":[1]}; const b = [1]; const b = [2]; c=nothing; d={\"open\":; same(1) same(1)</script>"}
		{"id":2,"do":"embed","marker":"const a ="}
		{"id":3,"do":"embed","marker":"const b = "}
		{"id":4,"do":"embed","marker":"c="}
		{"id":5,"do":"embed","marker":"none"}
		{"id":6,"do":"embed","marker":"d="}
		{"id":7,"do":"embed","marker":"same("}
	E
	[ "$(answer 2 '.value|tojson')" = '{"t":"x</script>;}","n":[1]}' ]
	for id in 3 4 5 6; do
		[ "$(answer $id .error.code)" = embed ]
	done
	[[ $(answer 3 .error.message) == *"different values" ]]
	[ "$(answer 7 .value)" = 1 ]
}

@test "evidence is the page without its cookies" {
	page <<-'E'
		{"id":1,"do":"get","url":"/cookies?c=sid%3Dsecret"}
		{"id":2,"do":"evidence"}
	E
	[ "$(answer 2 '[.status,.body,.type,.cut]|tojson')" = '[200,"<p>set</p>","text/html",false]' ]
	[ "$(answer 2 '.headers|has("set-cookie")')" = false ]
	! answer 2 '.headers|tojson' | grep -q secret
}

@test "a proxy of the session is used, and none from the environment" {
	serve 2
	http_proxy=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 page <<-'E'
		{"id":1,"do":"get","url":"/"}
	E
	[ "$(answer 1 .status)" = 200 ]
	page "{base:\"http://example.org/\",proxy:\"http://127.0.0.1:$PORT2\"}" <<-'E'
		{"id":1,"do":"get","url":"/echo"}
	E
	[ "$(answer 1 .json.path)" = http://example.org/echo ]
	page '{proxy:"socks5://127.0.0.1:1"}' <<-'E'
		{"id":1,"do":"get","url":"/"}
	E
	[ "$(answer '"begin"' .error.code)" = usage ]
	# the name is looked up behind the proxy, not here
	python3 "$pages/socks.py" "$BATS_TEST_TMPDIR/socks" "$PORT" 3>&- &
	SERVER2_OLD=$SERVER2 SERVER2=$!
	end_pid "$SERVER2_OLD"
	until_true 10 test -e "$BATS_TEST_TMPDIR/socks"
	page "{base:\"http://booking.example.org/\",proxy:\"socks5h://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/socks")\"}" <<-'E'
		{"id":1,"do":"get","url":"/echo"}
	E
	[ "$(answer 1 .json.headers.host)" = booking.example.org ]
}

@test "replay answers from saved pages, in order, with redirects, cookies and expectations" {
	dir=$BATS_TEST_TMPDIR/saved
	mkdir "$dir"
	echo '<h1>File</h1>' >"$dir/a.html"
	cat >"$dir/table.json" <<-'E'
		{"answers":[
		 {"url":"/once","times":1,"body":"<p>first</p>"},
		 {"url":"/once","status":503,"body":"<p>then</p>"},
		 {"url":"/file*","file":"a.html","headers":{"Set-Cookie":["a=1; Path=/","b=2"]}},
		 {"method":"POST","url":"/book","expect":{"day":"2026-12-01","name":"J Ö"},"status":303,"headers":{"Location":"/file?x"}},
		 {"method":"POST","url":"/api","expect":{"n":1},"headers":{"content-type":"application/json"},"body":"{\"ok\":true}"},
		 {"url":"http://example.org:80/full","body":"never: the port is not written"},
		 {"url":"http://example.org/full","body":"full"}]}
	E
	cat >"$BATS_TEST_TMPDIR/commands" <<-'E'
		{"id":0,"do":"begin","settings":{"base":"http://example.org/"}}
		{"id":1,"do":"get","url":"/once"}
		{"id":2,"do":"find","css":"p"}
		{"id":3,"do":"get","url":"/once"}
		{"id":4,"do":"get","url":"/missing"}
		{"id":5,"do":"post","url":"/book","form":{"day":"2026-12-02"}}
		{"id":6,"do":"post","url":"/book","form":{"day":"2026-12-01","name":"J Ö"},"commit":true}
		{"id":7,"do":"find","css":"h1"}
		{"id":8,"do":"save"}
		{"id":9,"do":"post","url":"/api","json":{"n":1}}
		{"id":10,"do":"get","url":"/full"}
		{"id":11,"do":"get","url":"http://example.com/"}
	E
	"$agent" --replay "$dir/table.json" <"$BATS_TEST_TMPDIR/commands" >"$BATS_TEST_TMPDIR/answers"
	[ "$(answer 2 .value)" = first ]
	[ "$(answer 3 .status)" = 503 ]
	[ "$(answer 4 '.error.code + ": " + .error.message')" = "unreachable: http://example.org: no saved page for GET http://example.org/missing" ]
	[[ $(answer 5 .error.message) == *'(one expects day="2026-12-01")' ]]
	[ "$(answer 6 '[.status,.redirects,.url]|tojson')" = '[200,1,"http://example.org/file?x"]' ]
	[ "$(answer 7 .value)" = File ]
	[ "$(answer 8 '.state.cookies|map(.name)|join(" ")')" = "a b" ]
	[ "$(answer 9 .json.ok)" = true ]
	[ "$(answer 10 .length)" = 4 ]
	[ "$(answer 11 .error.code)" = refused ]
	run "$agent" --replay "$dir/none.json"
	[ "$status" = 66 ]
	echo '{"answers":[{"body":""}]}' >"$dir/bad.json"
	run "$agent" --replay "$dir/bad.json"
	[ "$status" = 65 ]
	[[ $output == *"answers[0] has no url" ]]
}

@test "ab-page drives a page of its own, and its status tells whether all went well" {
	run ab-page -b "$SITE/" http <<<'{"do":"get","url":"/"}'
	[ "$status" = 0 ]
	[ "$(jq .status <<<"$output")" = 200 ]
	run ab-page -o "$SITE" http <<<"{\"id\":7,\"do\":\"get\",\"url\":\"$SITE/\"}"
	[ "$status" = 0 ]
	[ "$(jq .id <<<"$output")" = 7 ]
	run ab-page -b "$SITE/" http <<<'{"do":"get","url":"http://example.org/"}'
	[ "$status" = 1 ]
	[ "$(jq -r .error.code <<<"$output")" = refused ]
	run ab-page -b "$SITE/" http <<<'nonsense'
	[ "$status" = 1 ]
	run ab-page http -b ftp://example.org/
	[ "$status" = 64 ]
	run ab-page smoke
	[ "$status" = 69 ]
	[[ $output == *"no driver ab-page-smoke"* ]]
	run ab-page -s alice
	[ "$status" = 69 ]
	run ab-page
	[ "$status" = 64 ]
}

@test "replay of commands stands for a browser: each has its page, in order, and another one is told" {
	dir=$BATS_TEST_TMPDIR/script
	mkdir -p "$dir"
	echo '<h1>One</h1>' >"$dir/one.html"
	cat >"$dir/table.json" <<-'END'
	{"commands":[
	 {"command":{"do":"get","url":"/x"},"page":{"url":"http://a.example/x","headers":{"x-a":"1"}},"file":"one.html"},
	 {"command":{"do":"fill","fields":{"#a":null}}},
	 {"command":{"do":"click","sel":"#b"},"answer":{"heard":{"n":{"status":200,"json":{"n":3}}}},"page":{"url":"http://a.example/y","status":201},"body":"<h1>Two</h1>"},
	 {"command":{"do":"click","sel":"#c"},"error":{"code":"no_match","message":"nothing there"}}]}
	END
	printf '%s\n' '{"do":"begin","settings":{"base":"http://a.example/"}}' '{"do":"get","url":"/x","deadline_ms":9000}' '{"do":"find","css":"h1"}' \
		'{"do":"fill","fields":{"#b":"typed"}}' '{"do":"fill","fields":{"#a":"typed"}}' '{"do":"press","key":"Enter"}' '{"do":"click","sel":"#b"}' \
		'{"do":"find","css":"h1"}' '{"do":"click","sel":"#c"}' '{"do":"click","sel":"#c"}' >"$dir/commands"
	run "$agent" --replay "$dir/table.json" <"$dir/commands"
	echo "$output"
	[ "$(jq -s -c '[.[1:][] | .headers["x-a"]?, .value?, .error.code?, .heard.n.json.n?, (.status? // 0) | values | select(. != 0)]' <<<"$output")" = \
		'["1",200,"One","unreachable","1",200,"unreachable",3,201,"Two","no_match","unreachable"]' ]
	[ "$(jq -s -r '.[3].error.message, .[5].error.message, .[9].error.message' <<<"$output")" = \
"the flow asks for 'fill {\"#b\":\"typed\"}', the record goes on with 'fill {\"#a\":null}' (command 2)
the flow asks for 'press Enter', the record goes on with 'click #b' (command 3)
the flow asks for 'click #c', the record goes on with 'its end' (command 5)" ]
}

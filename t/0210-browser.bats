# ab-page-browser: the page protocol on a real browser. What is the same as over HTTP is tested with the same site as t/0200.
load lib
load browser

setup() {
	chromium_here
	fresh_home
	pages=$top_srcdir/t/fixtures/page agent=$top_builddir/libexec/ab-page-browser
	serve
	SITE=http://127.0.0.1:$PORT
}
teardown() {
	end_pid "${AGENT_PID:-}"
	end_pid "${SERVER:-}"
	stop_site
	[ -z "${AB_RUNTIME:-}" ] || until_true 3 no_browser || :
	cut -c 1-1500 "$BATS_TEST_TMPDIR/answers" 2>/dev/null || :
	cat "$BATS_TEST_TMPDIR/stderr" 2>/dev/null || :
	drop_home
}

serve() {
	python3 "$pages/server.py" "$BATS_TEST_TMPDIR/port" "$BATS_TEST_TMPDIR/log" 3>&- &
	SERVER=$!
	until_true 10 test -e "$BATS_TEST_TMPDIR/port"
	PORT=$(cat "$BATS_TEST_TMPDIR/port")
}
# page [SETTINGS] <<COMMANDS: begins with base SITE and SETTINGS, runs the commands, one answer a line
page() {
	{ jq -cn --arg base "$SITE/" "{id:\"begin\",do:\"begin\",settings:({base:\$base}+${1:-{\}})}"; cat; } |
		"$agent" >"$BATS_TEST_TMPDIR/answers" 2>"$BATS_TEST_TMPDIR/stderr"
}
answer() { jq -r --argjson id "$1" "select(.id == \$id) | $2" "$BATS_TEST_TMPDIR/answers"; }
asked() { jq -r "$1" "$BATS_TEST_TMPDIR/log"; }
# talk: an agent to speak with line by line; say COMMAND sends one and sets REPLY to its answer
talk() {
	coproc PAGE { exec "$agent" 2>"$BATS_TEST_TMPDIR/stderr" 3>&-; }
	AGENT_PID=$PAGE_PID
	say "$(jq -cn --arg base "$SITE/" '{do:"begin",settings:{base:$base}}')"
}
tell() { printf '%s\n' "$1" >&"${PAGE[1]}"; }
heed() {
	IFS= read -r -t $((20 * ${SLOWER:-1})) REPLY <&"${PAGE[0]}"
	printf '%s\n' "$REPLY" >>"$BATS_TEST_TMPDIR/answers"
}
say() {
	tell "$1"
	heed
}
reply() { jq -r "$1" <<<"$REPLY"; }

@test "get, find, rows, test, form and embed see what they see over HTTP" {
	page <<-'E'
		{"id":1,"do":"get","url":"/region","region":{"from":"<!--from-->","to":"<!--to-->"}}
		{"id":2,"do":"find","css":"li","all":true}
		{"id":3,"do":"get","url":"/region"}
		{"id":4,"do":"rows","each":"ul li","get":{"name":{"self":true},"next":{"xpath":"following-sibling::li","optional":true}}}
		{"id":5,"do":"rows","each":"li","get":{"next":{"xpath":"following-sibling::li"}}}
		{"id":6,"do":"test","conditions":[{"status":["4xx",200]},{"status":"2xx","not":{"css":"ul"}},[{"css":"h1"},{"text":"tail"}],{"url":"/region"},{"header":{"Content-Type":"text/html*"}},{"css":"li","text":"a"}]}
		{"id":7,"do":"get","url":"/missing"}
		{"id":8,"do":"get","url":"/json"}
		{"id":9,"do":"get","url":"/charset?name=windows-1254"}
		{"id":10,"do":"find","css":"p"}
		{"id":11,"do":"load","html":"<script>var x = {\"a\":[1]};</script>"}
		{"id":12,"do":"embed","marker":"var x ="}
		{"id":13,"do":"click","css":"p"}
		{"id":14,"do":"find","css":"p:hover"}
	E
	[ "$(answer 1 '[.ok,.status,.type,.charset,.cut,.redirects,.requests,.sent,.region.found]|@csv')" = 'true,200,"text/html","utf-8",false,0,1,"yes",true' ]
	[ "$(answer 2 '[.count,.value,.values]|tojson')" = '[2,"a",["a","b"]]' ]
	[ "$(answer 4 '.rows|tojson')" = '[{"name":"a","next":"b"},{"name":"b","next":null}]' ]
	[ "$(answer 5 '.error.code + " " + .error.message')" = "row row 2 has no field 'next'" ]
	[ "$(answer 6 '.results|tojson')" = '[true,false,true,true,true,true]' ]
	[ "$(answer 7 .status)" = 404 ]
	[ "$(answer 8 '[.type,.json.slots[0].day]|join(" ")')" = "application/json 2026-12-01" ]
	[[ $(answer 10 .value) == "Ankara İstanbul Ğüçlü"* ]]
	[ "$(answer 12 '.value|tojson')" = '{"a":[1]}' ]
	[ "$(answer 13 .error.code)" = no_page ]
	[ "$(answer 14 .error.code)" = selector ]
	[ "$(asked .path | tr '\n' ' ')" = "/region /region /missing /json /charset?name=windows-1254 " ] # and nothing that nobody asked for
}

@test "a form is described as over HTTP, and what was typed is seen" {
	page <<-'E'
		{"id":1,"do":"get","url":"/form"}
		{"id":2,"do":"form","form":"#book"}
	E
	{ jq -cn --arg base "$SITE/" '{do:"begin",settings:{base:$base}}'; echo '{"id":1,"do":"get","url":"/form"}'; echo '{"id":2,"do":"form","form":"#book"}'; } |
		"$top_builddir/libexec/ab-page-http" >"$BATS_TEST_TMPDIR/http"
	diff <(answer 2 '.form | del(.charset)' | jq -S .) <(jq -S 'select(.id == 2) | .form | del(.charset)' "$BATS_TEST_TMPDIR/http")
}

@test "post and submit send what was given, and redirects are followed, kept or refused" {
	page '{headers:{"Accept-Language":"tr"}}' <<-E
		{"id":1,"do":"post","url":"/echo","form":{"a":{"b":"1 2"},"e":["x","y"]},"headers":{"X-Own":"1"}}
		{"id":2,"do":"post","url":"/echo","json":{"a":[1,"é"]}}
		{"id":3,"do":"post","url":"/redirect?status=303&to=/echo","form":{"a":"1"}}
		{"id":4,"do":"get","url":"/redirect?to=/echo","follow":false}
		{"id":5,"do":"get","url":"/loop"}
		{"id":6,"do":"get","url":"/redirect?to=/redirect%3Fto%3D/echo","requests":2}
		{"id":7,"do":"get","url":"/redirect?to=http://localhost:1/"}
		{"id":"7b","do":"test","conditions":[{"status":302,"header":{"Location":"http://localhost:1/"}}]}
		{"id":8,"do":"get","url":"http://localhost:1/"}
		{"id":9,"do":"get","url":"file:///etc/passwd"}
		{"id":10,"do":"post","url":"/redirect?status=307&to=/echo","form":{"a":"1"},"commit":true}
		{"id":11,"do":"get","url":"/live?page=fields"}
		{"id":12,"do":"submit","form":"#f","set":{"name":"Ayşe","note":"a\nb","plain":true,"picture":{"file":{"name":"p.png","type":"image/png","data_base64":"cGlj"}}},"button":"other"}
		{"id":13,"do":"get","url":"/live?page=fields"}
		{"id":14,"do":"submit","set":{"nothing":"1"}}
		{"id":15,"do":"submit","form":["#none","#f"],"button":"go=9"}
		{"id":16,"do":"submit","form":"#none"}
		{"id":17,"do":"get","url":"/live?page=redirected"}
		{"id":18,"do":"submit","follow":false}
		{"id":19,"do":"get","url":"/live?page=redirected"}
		{"id":20,"do":"click","css":"button","commit":true}
		{"id":21,"do":"post","url":"/live?page=onward","form":{"a":"1"},"headers":{"X-Own":"1"}}
		{"id":22,"do":"wait","until":{"url":"/echo"}}
	E
	[ "$(answer 1 '.json|[.method,.body,.headers["content-type"],.headers["x-own"],.headers["accept-language"]]|join(" ")')" = "POST a%5Bb%5D=1+2&e=x&e=y application/x-www-form-urlencoded 1 tr" ]
	[ "$(answer 2 '.json.headers["content-type"] + .json.body')" = 'application/json{"a":[1,"é"]}' ]
	[ "$(answer 3 '[.redirects,.requests,.json.method,.json.body]|tojson')" = '[1,2,"GET",""]' ]
	[ "$(answer 4 '[.status,.headers.location,.redirects,.requests]|tojson')" = '[302,"/echo",0,1]' ]
	[ "$(answer 5 '[.error.code,.requests]|tojson')" = '["limit",11]' ]
	[ "$(answer 6 '[.error.code,.requests]|tojson')" = '["limit",2]' ]
	[ "$(answer 7 .error.code)" = refused ]
	[ "$(answer '"7b"' '.results|tojson')" = '[true]' ]
	[ "$(answer 8 '[.error.code,.requests,.sent]|join(" ")')" = "refused 0 no" ]
	[ "$(answer 9 .error.code)" = refused ]
	[ "$(answer 10 '[.status,.requests]|tojson')" = '[307,1]' ]
	[ "$(answer 12 '.json|[.method,(.headers["content-type"]|split(";")[0])]|join(" ")')" = "POST application/x-www-form-urlencoded" ]
	[[ $(answer 12 .json.body) == "name=Ay%C5%9Fe&mail=&note=a%0D%0Ab&phone=&digits=&born=&place=&plain=on&picture=p.png&other=2" ]]
	[ "$(answer 14 .error.message)" = "the form has no field 'nothing'" ]
	[ "$(answer 15 .error.message)" = "the form has no button 'go=9'" ]
	[ "$(answer 16 .error.code)" = no_match ]
	for id in 18 20; do
		[ "$(answer $id '[.status,.headers.location,.sent,.requests]|join(" ")')" = "307 /echo yes 1" ]
	done
	[ "$(answer 22 '.json|[.method,.body,.headers["x-own"]]|tojson')" = '["GET","",null]' ] # where a page goes by itself is no post again
	[ "$(asked 'select(.method == "POST") | .path' | wc -l)" = 8 ]
}

@test "what did not reach the site is told from what may have" {
	page '{origins:["http://127.0.0.1:'"$PORT"'","http://127.0.0.1:1"]}' <<-'E'
		{"id":1,"do":"get","url":"http://127.0.0.1:1/"}
		{"id":2,"do":"find","css":"p"}
		{"id":3,"do":"get","url":"/lost"}
		{"id":4,"do":"get","url":"/stall","deadline_ms":700}
		{"id":5,"do":"get","url":"/"}
		{"id":6,"do":"get","url":"/download"}
		{"id":7,"do":"find","css":"h1"}
		{"id":8,"do":"dance"}
		{"id":9,"do":"click"}
		{"id":10,"do":"get","url":"/"}
	E
	[ "$(answer 1 '[.error.code,.sent]|join(" ")')" = "unreachable no" ]
	[ "$(answer 2 .error.code)" = no_page ]
	[ "$(answer 3 '[.error.code,.sent]|join(" ")')" = "unreachable maybe" ]
	[ "$(answer 4 '[.error.code,.sent]|join(" ")')" = "timeout maybe" ]
	[ "$(answer 5 '[.ok,.requests]|tojson')" = '[true,1]' ]
	[ "$(answer 6 .error.code)" = unreachable ]
	[ "$(answer 7 .error.code)" = no_page ]
	[ "$(answer 8 .error.code)" = usage ]
	[ "$(answer 9 .error.code)" = no_page ]
	[ "$(answer 10 .ok)" = true ]
}

@test "cookies and what pages store are saved, and another browser goes on with them" {
	page <<-'E'
		{"id":1,"do":"get","url":"/cookies?c=sid%3D1%3B%20HttpOnly&c=long%3D2%3B%20Max-Age%3D1000%3B%20SameSite%3DLax"}
		{"id":2,"do":"get","url":"/live?page=store"}
		{"id":3,"do":"find","css":"#out"}
		{"id":4,"do":"save"}
		{"id":5,"do":"save"}
	E
	[ "$(answer 3 .value)" = "null null" ]
	[ "$(answer 4 '[.state.cookies[]|[.name,.value,.domain,.host_only,.port==('"$PORT"'),.http_only,.same_site,.expires>0]]|tojson')" = '[["long","2","127.0.0.1",true,true,false,"lax",true],["sid","1","127.0.0.1",true,true,true,"",false]]' ]
	[ "$(answer 4 '[.state.storage[]|[.area,.key,.value]]|tojson')" = '[["local","token","t1"],["session","step","2"]]' ]
	[ "$(answer 4 .state -c)" = "$(answer 5 .state -c)" ]
	state=$(answer 4 '.state|tojson')
	page <<-E
		{"id":1,"do":"restore","state":$state}
		{"id":2,"do":"get","url":"/live?page=store"}
		{"id":3,"do":"find","css":"#out"}
		{"id":4,"do":"get","url":"/echo"}
		{"id":5,"do":"save"}
		{"id":6,"do":"restore","state":{"cookies":[{"name":""}]}}
	E
	[ "$(answer 3 .value)" = "t1 2" ]
	[ "$(answer 4 '.json.headers.cookie|split("; ")|sort|join(" ")')" = "long=2 sid=1" ]
	[ "$(answer 5 '.state.cookies|tojson')" = "$(jq -c .cookies <<<"$state")" ]
	[ "$(answer 6 .error.code)" = usage ]
	# and the other way round: the HTTP agent takes the same cookies
	jq -cn --arg base "$SITE/" --argjson state "$state" '{do:"begin",settings:{base:$base}}, {do:"restore",state:$state}, {do:"get",url:"/echo"}' |
		"$top_builddir/libexec/ab-page-http" | jq -se '.[2].json.headers.cookie | contains("sid=1")'
}

@test "evidence has the page as it stands, and a picture" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=fields"}
		{"id":2,"do":"fill","sel":"label=Full name","value":"Alice"}
		{"id":3,"do":"evidence"}
	E
	answer 3 .body | grep -q 'value="Alice"'
	[ "$(answer 3 '.picture.type')" = image/png ]
	[ "$(answer 3 .picture.data_base64 | base64 -d | head -c 4 | tail -c 3)" = PNG ]
}

@test "an element is waited for until it is there, enabled, still and not covered" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=late"}
		{"id":2,"do":"click","sel":"text=Go on"}
		{"id":3,"do":"find","css":"#said"}
		{"id":4,"do":"get","url":"/live?page=late"}
		{"id":5,"do":"wait","until":{"css":"#go:enabled"},"deadline_ms":5000}
		{"id":6,"do":"wait","until":{"text":"pressed"},"deadline_ms":300}
	E
	[ "$(answer 2 .ok)" = true ]
	[ "$(answer 3 .value)" = "pressed." ]
	[ "$(answer 5 .ok)" = true ]
	[ "$(answer 6 .error.code)" = no_match ]
}

@test "what can't be acted on is said, with the reason; what can't be seen is no text of the page" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=stuck"}
		{"id":2,"do":"click","css":"#covered","deadline_ms":300}
		{"id":3,"do":"click","css":"#off","deadline_ms":300}
		{"id":4,"do":"click","css":"#unseen","deadline_ms":300}
		{"id":5,"do":"click","css":".two","deadline_ms":5000}
		{"id":6,"do":"click","css":".none","deadline_ms":300}
		{"id":7,"do":"click","css":"p[","deadline_ms":5000}
		{"id":8,"do":"click","css":".two","nth":2}
		{"id":9,"do":"find","css":"title"}
		{"id":10,"do":"click","xpath":"//button[@id='below']"}
		{"id":11,"do":"find","css":"title"}
		{"id":12,"do":"test","conditions":[{"text":"secret"},{"text":"hidden text"},{"text":"styled"},{"text":"no script"},{"text":"Covered"}]}
	E
	[ "$(answer 2 '[.error.code,.error.message,.sent]|tojson')" = '["no_match","css:#covered: button#covered is covered by div#overlay.wait.grey","no"]' ]
	[ "$(answer 3 .error.message)" = "css:#off: button#off is disabled" ]
	[ "$(answer 4 .error.message)" = "css:#unseen: button#unseen is not visible" ]
	[ "$(answer 5 '.error.code + " " + .error.message')" = "many css:.two: 2 elements match: button.two, button.two" ]
	[ "$(answer 6 .error.message)" = "css:.none: nothing matches" ]
	[ "$(answer 7 .error.code)" = selector ]
	[ "$(answer 8 '[.ok,.sent]|tojson')" = '[true,"maybe"]' ]
	[ "$(answer 9 .value)" = second ]
	[ "$(answer 11 .value)" = below ]
	[ "$(answer 12 '.results|tojson')" = '[false,false,false,false,true]' ]
}

@test "fields are filled as a person fills them: text, masks, dates, choices, boxes, listboxes and files" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=fields"}
		{"id":2,"do":"fill","fields":{"label=Full name":"Ayşe Örnek","label=Your e-mail":"a@example.org","textarea":"two\nlines","#mask":"5551234","input[type=date]":"1990-02-01","#rich":"new"}}
		{"id":3,"do":"fill","css":"#digits","value":"12345"}
		{"id":4,"do":"fill","css":"#locked","value":"1","deadline_ms":200}
		{"id":5,"do":"fill","label":"Your e-mail","value":""}
		{"id":6,"do":"fill","label":"Your e-mail","value":"b@example.org"}
		{"id":7,"do":"choose","css":"#place","option":"İstanbul Merkez"}
		{"id":8,"do":"choose","css":"#place","option":"Van","deadline_ms":300}
		{"id":9,"do":"choose","css":"#box","option":"Short stay"}
		{"id":10,"do":"check","css":"#plain"}
		{"id":11,"do":"check","css":"#styled"}
		{"id":12,"do":"check","css":"#aria","on":true}
		{"id":13,"do":"check","css":"#aria","on":true}
		{"id":14,"do":"check","css":"#plain","on":false}
		{"id":15,"do":"upload","css":"#picture","file":{"name":"me.png","type":"image/png","data_base64":"cGljdHVyZQ=="}}
		{"id":16,"do":"press","css":"#name","key":"Tab"}
		{"id":17,"do":"press","key":"Escape"}
		{"id":18,"do":"press","key":"Nonsense"}
		{"id":19,"do":"form","form":"#f"}
		{"id":20,"do":"rows","each":"body","get":{"rich":"#rich","box":"#box","seen":"#seen","told":"#told","key":"#key","aria":{"css":"#aria","attr":"aria-checked"}}}
		{"id":21,"do":"press","css":"#name","key":"Enter"}
	E
	[ "$(answer 2 .ok)" = true ]
	[ "$(answer 3 '.error.message')" = "css:#digits: the field did not take the value as it was given" ]
	[ "$(answer 4 '.error.message')" = "css:#locked: input#locked is read-only" ]
	[[ $(answer 8 .error.message) == "css:#place: no option 'Van' among 'Choose', 'Ankara', 'İstanbul Merkez'" ]]
	[ "$(answer 18 .error.code)" = usage ]
	[ "$(answer 19 '[.form.fields[]|select(.name)|{(.name):(.value)}]|add|[.name,.mail,.note,.phone,.born,.place]|tojson')" = '["Ayşe Örnek","b@example.org","two\nlines","555 123 4","1990-02-01","ist"]' ]
	[ "$(answer 19 '[.form.fields[]|select(.type=="checkbox")|.checked]|tojson')" = '[false,true]' ]
	[ "$(answer 20 '.rows[0]|[.rich,.box,.seen,.told,.aria]|tojson')" = '["new","Short stay","b@example.org","me.png:7:image/png","true"]' ]
	[[ $(answer 20 '.rows[0].key') == *"Tab Escape" ]]
	[ "$(answer 21 '[.url,.json.method,.sent]|join(" ")')" = "$SITE/echo POST yes" ]
}

@test "several fields: filled up to the one that can't be, which is named; what was done by then counts" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=fields"}
		{"id":2,"do":"fill","fields":{"#locked":"1","textarea":"never"},"deadline_ms":300}
		{"id":3,"do":"fill","fields":{"#mask":"1234567","#name":"Ayşe","#none":"1","textarea":"never"},"deadline_ms":300}
		{"id":4,"do":"fill","fields":{"#name":"Örnek","p[":"1"},"deadline_ms":300}
		{"id":5,"do":"fill","fields":{"#digits":"12345","#name":"never"}}
		{"id":6,"do":"fill","fields":{"#name":"never","textarea":{}}}
		{"id":7,"do":"fill","fields":{"#rich":"kept","textarea":"last"}}
		{"id":8,"do":"choose","fields":{"#box":"Short stay","#place":"Van"},"deadline_ms":300}
		{"id":9,"do":"form","form":"#f"}
		{"id":10,"do":"rows","each":"body","get":{"rich":"#rich","box":"#box"}}
		{"id":11,"do":"fill","fields":{}}
	E
	[ "$(answer 2 '[.error.code,.error.message,.sent]|join(" ")')" = "no_match #locked: input#locked is read-only no" ]
	[ "$(answer 3 '[.error.code,.error.message,.sent]|join(" ")')" = "no_match #none: nothing matches maybe" ]
	[ "$(answer 4 '[.error.code,.error.message,.sent]|join(" ")')" = "selector 'p[' is no selector maybe" ]
	[ "$(answer 5 '[.error.message,.sent]|join(" ")')" = "#digits: the field did not take the value as it was given maybe" ]
	[ "$(answer 6 '[.error.code,.error.message,.sent]|join(" ")')" = "usage fill: textarea: not a text no" ]
	[ "$(answer 7 .ok)" = true ]
	[[ $(answer 8 .error.message) == "#place: no option 'Van'"* ]]
	[ "$(answer 9 '[.form.fields[]|select(.name)|{(.name):(.value)}]|add|[.name,.note,.phone]|tojson')" = '["Örnek","last","123 456 7"]' ]
	[ "$(answer 10 '.rows[0]|[.rich,.box]|tojson')" = '["kept","Short stay"]' ]
	[ "$(answer 11 .ok)" = true ]
}

@test "frames: of the site and of another, and back" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=frame"}
		{"id":2,"do":"frame","css":"#near"}
		{"id":3,"do":"fill","css":"input","value":"one"}
		{"id":4,"do":"click","sel":"text=Inside"}
		{"id":5,"do":"find","css":"#out"}
		{"id":6,"do":"frame","top":true}
		{"id":7,"do":"find","css":"#out"}
		{"id":8,"do":"frame","css":"#other"}
		{"id":9,"do":"fill","css":"input","value":"two"}
		{"id":10,"do":"click","sel":"text=Inside"}
		{"id":11,"do":"find","css":"#out"}
		{"id":12,"do":"get","url":"/live?page=inner"}
		{"id":13,"do":"frame","css":"p","deadline_ms":200}
		{"id":14,"do":"find","css":"#out"}
	E
	[ "$(answer 5 .value)" = "pressed one" ]
	[ "$(answer 7 .count)" = 0 ]
	[ "$(answer 11 .value)" = "pressed two" ]
	[ "$(answer 13 .error.code)" = no_match ]
	[ "$(answer 14 .value)" = "" ]
}

@test "shadow roots are searched, and read as part of the page; no script of the page runs for that" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=shadow"}
		{"id":2,"do":"find","css":"p.in"}
		{"id":3,"do":"test","conditions":[{"text":"in the shadow"}]}
		{"id":4,"do":"click","css":"button"}
		{"id":5,"do":"click","sel":"text=made 1"}
		{"id":6,"do":"find","css":"button"}
	E
	[ "$(answer 2 .value)" = "in the shadow" ]
	[ "$(answer 3 '.results[0]')" = true ]
	[ "$(answer 5 .ok)" = true ]
	[ "$(answer 6 .value)" = "made 1" ]
}

@test "dialogs are answered, and told: no to questions, unless the command says otherwise" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=dialog"}
		{"id":2,"do":"click","css":"#sure"}
		{"id":3,"do":"find","css":"#out"}
		{"id":4,"do":"click","css":"#sure","dialog":"accept"}
		{"id":5,"do":"find","css":"#out"}
		{"id":6,"do":"click","css":"#name"}
	E
	[ "$(answer 1 '.dialogs|tojson')" = '[{"type":"alert","message":"Welcome","accepted":true}]' ]
	[ "$(answer 2 '.dialogs|tojson')" = '[{"type":"confirm","message":"Are you sure?","accepted":false}]' ]
	[ "$(answer 3 .value)" = false ]
	[ "$(answer 5 .value)" = true ]
	[ "$(answer 6 '.dialogs[0].type')" = prompt ]
}

@test "the site's own JSON is heard, and only that of the last action" {
	page <<-'E'
		{"id":1,"do":"listen","patterns":{"first":"/json*","late":"/slow-json*"}}
		{"id":2,"do":"get","url":"/live?page=api"}
		{"id":3,"do":"click","css":"#ask"}
		{"id":4,"do":"wait","heard":"late","deadline_ms":5000}
		{"id":5,"do":"find","css":"#out"}
		{"id":6,"do":"wait","heard":"first","deadline_ms":200}
		{"id":7,"do":"listen","patterns":{}}
		{"id":8,"do":"get","url":"/live?page=api"}
	E
	[ "$(answer 2 '.heard|map_values([.status,.json.slots[0].day])|tojson')" = '{"first":[200,"2026-12-01"]}' ]
	[ "$(answer 2 .requests)" = 2 ]
	[ "$(answer 4 '.heard|map_values(.json)|tojson')" = '{"late":{"late":"late"}}' ]
	[ "$(answer 6 .error.code)" = no_match ]
	[ "$(answer 8 .heard)" = null ]
}

@test "a new tab takes the place of the old; the way to another origin, and a download, are refused" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=tab"}
		{"id":2,"do":"click","css":"#blank"}
		{"id":3,"do":"find","css":"title"}
		{"id":4,"do":"get","url":"/live?page=tab"}
		{"id":5,"do":"click","css":"#open"}
		{"id":6,"do":"get","url":"/live?page=tab"}
		{"id":7,"do":"click","css":"#post"}
		{"id":8,"do":"get","url":"/live?page=tab"}
		{"id":9,"do":"click","css":"#away"}
		{"id":10,"do":"click","css":"#awayblank"}
		{"id":11,"do":"click","css":"#load"}
		{"id":12,"do":"click","css":"#script"}
		{"id":13,"do":"find","css":"title"}
	E
	[ "$(answer 3 .value)" = Inner ]
	[ "$(answer 5 '[.url,.json.method]|join(" ")')" = "$SITE/echo GET" ]
	[ "$(answer 7 '[.json.method,.json.body]|join(" ")')" = "POST a=1" ]
	for id in 9 10 12; do
		[ "$(answer $id '.error.code + ": " + .error.message')" = "refused: http://localhost:1 is not among the allowed origins" ]
	done
	[ "$(answer 13 .value)" = Tabs ]
	[ -z "$(find "$HOME" "$AB_RUNTIME" -name 'a.csv*')" ]
}

@test "nothing is left of a browser: its folder is private, and gone with its processes at the end" {
	talk
	say '{"do":"get","url":"/"}'
	folder=$(find "$AB_RUNTIME/.browser" -maxdepth 1 -name 'at.*')
	[ "$(stat -c %a "$folder")" = 700 ]
	tr '\0' '\n' <"/proc/$(browser_pid)/environ" | grep -qx "TMPDIR=$folder/tmp"
	say '{"do":"close"}'
	until_true 5 no_browser
	no_profile
}

@test "an agent that is killed takes its browser and its folder with it; a killed keeper's folder is swept at the next start" {
	talk
	say '{"do":"get","url":"/"}'
	kill -STOP "$(browser_pid)" # one that doesn't notice
	kill -9 "$AGENT_PID"
	until_true 4 no_browser
	until_true 3 no_profile
	# the keeper too
	talk
	say '{"do":"get","url":"/"}'
	kill -9 "$AGENT_PID" "$(keeper_pid)"
	until_true 3 no_browser
	not no_profile
	talk
	say '{"do":"get","url":"/"}'
	[ "$(find "$AB_RUNTIME/.browser" -maxdepth 1 -name 'at.*' | wc -l)" = 1 ]
	kill -TERM "$AGENT_PID"
	until_true 2 no_browser
	until_true 2 no_profile
}

@test "a browser that is killed makes the command fail, at every moment, and the next starts another; begin says that all is new" {
	talk
	[ "$(reply .fresh)" = true ]
	say '{"do":"get","url":"/cookies?c=sid%3D1"}'
	# while nobody commands it
	kill -9 "$(browser_pid)"
	until_true 3 no_browser
	say '{"do":"find","css":"p"}'
	[ "$(reply .error.code)" = unreachable ]
	say '{"do":"begin"}'
	[ "$(reply .fresh)" = true ]
	say '{"do":"find","css":"p"}'
	[ "$(reply .error.code)" = no_page ]
	say '{"do":"get","url":"/echo"}'
	[ "$(reply '[.ok,.json.headers.cookie]|tojson')" = '[true,null]' ]
	say '{"do":"begin"}'
	[ "$(reply .fresh)" = false ]
	# while a page is asked for
	tell '{"do":"get","url":"/stall"}'
	until_true 5 grep -q /stall "$BATS_TEST_TMPDIR/log"
	kill -9 "$(browser_pid)"
	heed
	[ "$(reply '[.error.code,.sent!="no"]|tojson')" = '["unreachable",true]' ]
	# while it waits for an element
	say '{"do":"get","url":"/live?page=crash"}'
	tell '{"do":"click","css":"#none"}'
	until_true 5 test -n "$(browser_pid)"
	kill -9 "$(browser_pid)"
	heed
	[ "$(reply .error.code)" = unreachable ]
	# while what a click has sent is not answered
	say '{"do":"get","url":"/live?page=crash"}'
	tell '{"do":"click","css":"#send"}'
	until_true 5 has_line "$BATS_TEST_TMPDIR/log" '.method == "POST"'
	kill -9 "$(browser_pid)"
	heed
	[ "$(reply '[.error.code,.sent!="no",.requests]|tojson')" = '["unreachable",true,1]' ]
	say '{"do":"get","url":"/"}'
	[ "$(reply .ok)" = true ]
}

@test "a tab that crashes or hangs makes the command fail, and the next page is another tab with the same cookies" {
	talk
	say '{"do":"get","url":"/cookies?c=sid%3D1"}'
	for p in $(renderer_pids); do kill -9 "$p" 2>/dev/null || :; done
	until_true 5 tab_crashed
	say '{"do":"get","url":"/echo"}'
	[ "$(reply '[.ok,.json.headers.cookie]|tojson')" = '[true,"sid=1"]' ]
	say '{"do":"get","url":"/live?page=crash"}'
	say '{"do":"click","css":"#spin","deadline_ms":700}'
	[ "$(reply '[.error.code,.sent]|join(" ")')" = "timeout maybe" ]
	say '{"do":"get","url":"/echo","deadline_ms":15000}'
	[ "$(reply '[.ok,.json.headers.cookie]|tojson')" = '[true,"sid=1"]' ]
}
tab_crashed() {
	say '{"do":"find","css":"p"}'
	[ "$(reply .error.code)" = unreachable ]
}

@test "a page that takes too much is cut or refused, and the agent goes on" {
	page '{body_max:100000}' <<-'E'
		{"id":1,"do":"get","url":"/big?n=300000"}
		{"id":2,"do":"find","css":"#end"}
		{"id":3,"do":"get","url":"/nul"}
		{"id":4,"do":"find","css":"#b"}
		{"id":5,"do":"get","url":"/deep?n=600"}
		{"id":6,"do":"find","css":"#bottom"}
		{"id":7,"do":"get","url":"/endless","deadline_ms":1500}
		{"id":8,"do":"get","url":"/"}
	E
	[ "$(answer 1 .cut)" = true ]
	[ "$(answer 4 .value)" = after ]
	[ "$(answer 7 .ok)" = false ]
	[ "$(answer 8 .ok)" = true ]
}

@test "a hostile page can't hide from what acts on it, hold the tab, or break the protocol" {
	page <<-'E'
		{"id":1,"do":"get","url":"/live?page=hostile"}
		{"id":2,"do":"find","css":"#odd"}
		{"id":3,"do":"click","css":"#stay"}
		{"id":4,"do":"find","css":"title"}
		{"id":5,"do":"get","url":"/"}
		{"id":6,"do":"get","url":"/live?page=hostile"}
		{"id":7,"do":"click","css":"#shut"}
		{"id":8,"do":"get","url":"/"}
	E
	[ "$(answer 2 .value)" = $'a\ufffdb\ufffdc\U0001f600d' ]
	[ "$(answer 3 '.dialogs|length')" = 20 ]
	[ "$(answer 4 .value)" = "told 30" ]
	[ "$(answer 5 .ok)" = true ]
	[ "$(answer 8 .ok)" = true ]
}

@test "several clients take turns on one browser; whoever goes away inside a turn leaves it dirty, without a page" {
	export AGENT=$agent SITE=$SITE/
	for scenario in one_turn dirty stopped; do
		timeout 50 python3 "$pages/turns.py" $scenario
	done
	until_true 3 no_browser
}

@test "the practice office: a wrong password, then the right one, typed and clicked" {
	start_site
	SITE=${BASE%/}
	page <<-E
		{"id":1,"do":"get","url":"/office/"}
		{"id":2,"do":"submit","form":"#login-form","set":{"email":"alice@example.org","password":"wrong"}}
		{"id":3,"do":"test","conditions":[{"css":"#login-form"}]}
		{"id":4,"do":"fill","fields":{"input[name=email]":"alice@example.org","input[name=password]":"practice"}}
		{"id":5,"do":"click","css":"#login-form button"}
		{"id":6,"do":"find","css":"h1"}
		{"id":7,"do":"save"}
	E
	[ "$(answer 3 '.results[0]')" = true ]
	[ "$(answer 5 '[.ok,.sent]|tojson')" = '[true,"yes"]' ]
	[ "$(answer 6 .value)" = Verification ]
	[ "$(answer 7 '.state.cookies|length > 0')" = true ]
}

@test "ab-page drives it by hand, and where no Chromium is to be found that is said" {
	run ab-page -b "$SITE/" browser <<<'{"id":1,"do":"get","url":"/"}'
	[ "$status" = 0 ]
	[ "$(grep '^{' <<<"$output" | jq -r 'select(.id == 1).status')" = 200 ]
	if [ "$(id -u)" = 0 ]; then
		[ "$(grep -c 'we are root, so Chromium runs without its sandbox' <<<"$output")" = 1 ]
	fi
	AB_CHROMIUM=/nowhere run ab-page -b "$SITE/" browser <<<'{"id":1,"do":"get","url":"/"}'
	[ "$status" = 1 ]
	[ "$(grep '^{' <<<"$output" | jq -r 'select(.id == 1).error|.code + " " + .message')" = "unreachable AB_CHROMIUM names /nowhere: No such file or directory" ]
}

@test "ab-page-browser(1): a log-in, field by field" {
	start_site
	man_example ab-page-browser.1 1 | sed "s|http://127.0.0.1:8460/|$BASE|" >"$BATS_TEST_TMPDIR/example"
	[ "$(bash "$BATS_TEST_TMPDIR/example" 2>/dev/null)" = Verification ]
}

# Seen from the sites' side: no two sessions share a connection or a TLS session, and nothing secret follows a redirect to another
# origin.
load lib
load tls

setup_file() {
	DIR=$BATS_FILE_TMPDIR
	export DIR
	authority "$DIR/ca"
	certificate "$DIR/site" "$DIR/ca" localhost 10 IP:127.0.0.1
}
setup() {
	fresh_home
	log=$HOME/asked
	python3 "$top_srcdir/t/fixtures/hostile/apart.py" "$HOME/ports" "$log" "$DIR/site.pem" "$DIR/site.key" 3>&- &
	SITES=$!
	until_true 10 test -e "$HOME/ports"
	read -r one two three plain <"$HOME/ports"
	export AB_CAFILE=$DIR/ca.pem
	BASE=https://localhost:$one/ MAIL=$HOME/mail
}
teardown() {
	local pid
	for pid in "${POLLS[@]}" $SITES; do end_pid "$pid"; done
	cat "$BATS_TEST_TMPDIR/answers" 2>/dev/null | cut -c 1-600 || :
	cut -c 1-600 "$log" | tail -n 40 || :
	cat "$HOME"/err-* 2>/dev/null || :
	drop_home
}

provider() { # provider <CHECK
	mkdir -p "$HOME/providers/apart"
	cat >"$HOME/providers/apart/provider.yaml" <<-END
		name: apart
		title: Sessions apart
		base: "\${.site.base}"
		origins: ["https://localhost:$one", "https://localhost:$two", "https://localhost:$three"]
		timezone: Europe/Istanbul
		needs: {site.base: {title: Address}, profile.first_name: {title: Name}, site.token: {title: Token}}
		headers: {authorize: "\${.site.token}", Authorization: "Bearer \${.site.token}", X-Api-Key: "\${.site.token}", Accept-Language: tr}
		pace: {interval: 1s, budget: 100000 per 60s, reserve: 0}
		flows:
		  check:
		$(sed 's/^/    /')
	END
	export AB_PROVIDERS="$HOME/providers"
}
# enough PROGRAM N: so many rounds of it
enough() { [ "$(jq -c 'select(.type == "agent.heartbeat" and .data.verdict == "none")' "$HOME/out-$1" | wc -l)" -ge "$2" ]; }

@test "sessions that run at the same time, on the same site, share no connection and no TLS session" {
	local name
	provider <<-END
		- get: "/?who=\${.profile.first_name}"
		- get: "https://localhost:$two/?who=\${.profile.first_name}"
		- get: "/?who=\${.profile.first_name}"
		- get: "https://localhost:$two/?who=\${.profile.first_name}"
		- expect: {css: h1}
		- slots: "[]"
	END
	POLLS=()
	for name in alice bob carol; do
		new_session "$name" apart '.profile = {first_name: $name} | .site.token = "t" | .consent.requests_per_day = "1000000"'
		ab-poll "$name" >"$HOME/out-$name" 2>"$HOME/err-$name" 3>&- &
		POLLS+=($!)
	done
	for name in alice bob carol; do until_true 20 enough "$name" 2; done
	for name in "${POLLS[@]}"; do end_pid "$name"; done
	POLLS=()
	# a session that is started anew has nothing of the one before, nor of others
	until_true 10 test ! -e "$AB_RUNTIME/alice/page.sock"
	wc -l <"$log" >"$HOME/before"
	ab-poll --once alice >"$HOME/out-again" || [ $? = 1 ]
	[ "$(jq -r .who "$log" | sort | uniq -c | wc -l)" = 3 ]
	# a connection has requests of one session only, and each session more than one connection to either site
	jq -es 'group_by(.connection) | all(.[]; map(.who) | unique | length == 1)' "$log"
	jq -es 'group_by([.who, .site]) | length == 6 and all(.[]; map(.connection) | unique | length > 1)' "$log"
	# TLS 1.2: the id of a TLS session is one session's, and was resumed, so that it could have been another's
	jq -es 'map(select(.site == "one")) | all(.[]; .tls == "TLSv1.2" and .session != "") and (group_by(.session) | all(.[]; map(.who) | unique | length == 1))' "$log"
	jq -es 'map(select(.site == "one" and .reused)) | map(.who) | unique | length == 3' "$log"
	# TLS 1.3: tickets are resumed too, but a page agent's first connection has none to resume
	jq -es 'map(select(.site == "two" and .reused)) | map(.who) | unique | length == 3' "$log"
	jq -es 'group_by([.who, .site]) | all(.[]; .[0].tls != null and (.[0].reused | not))' "$log"
	tail -n "+$(($(cat "$HOME/before") + 1))" "$log" | jq -es 'group_by(.site) | length == 2 and all(.[]; .[0].who == "alice" and (.[0].reused | not))'
}

# agent BASE <COMMANDS: with all four as origins, and headers that are a secret
agent() {
	{
		jq -cn --arg base "$1" --arg one "$one" --arg two "$two" --arg three "$three" --arg plain "$plain" '{id: "begin", do: "begin", settings: {base: $base,
			origins: ["https://localhost:\($one)", "https://localhost:\($two)", "https://localhost:\($three)", "https://127.0.0.1:\($one)", "http://localhost:\($plain)"],
			headers: {authorize: "s3cret", "Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "Accept-Language": "tr"}}}'
		cat
	} | "$top_builddir/libexec/ab-page-http" >"$BATS_TEST_TMPDIR/answers"
}
answer() { jq -r --argjson id "$1" "select(.id == \$id) | $2" "$BATS_TEST_TMPDIR/answers"; }
# seen SITE JQ: of the requests of that site
seen() { jq -rs --arg site "$1" "map(select(.site == \$site)) | $2" "$log"; }

@test "no cookie, header, field or address follows a redirect to another port, host or scheme" {
	local status to n=0
	for to in "https://localhost:$three" "https://127.0.0.1:$one"; do
		for status in 301 302 303 307 308; do
			n=$((n + 1))
			jq -cn --argjson n "$n" --arg go "/go?q=s3cret&status=$status&to=$to/end$n" '
				{id: ($n * 10), do: "get", url: "/start?q=s3cret&cookie=sid%3Ds3cret%3BPath%3D/"},
				{id: ($n * 10 + 1), do: "get", url: $go, headers: {"X-Token": "s3cret", "Proxy-Authenticate": "s3cret"}},
				{id: ($n * 10 + 2), do: "post", url: $go, form: {password: "s3cret"}, headers: {"X-Token": "s3cret"}},
				{id: ($n * 10 + 3), do: "post", url: $go, json: {password: "s3cret"}},
				{id: ($n * 10 + 4), do: "get", url: ("/start?q=s3cret&action=" + ($go | @uri))},
				{id: ($n * 10 + 5), do: "submit", set: {a: "s3cret"}}'
		done
	done >"$HOME/commands"
	agent "https://localhost:$one/" <"$HOME/commands"
	for n in 1 2 3 6 7 8; do # to a get
		[ "$(for id in 1 2 3 5; do answer "$n$id" '[.ok, .redirects] | tojson'; done | sort -u)" = '[true,1]' ]
	done
	for n in 4 5 9 10; do
		[ "$(answer "${n}1" '[.ok, .redirects] | tojson')" = '[true,1]' ]
		for id in 2 3 5; do
			[ "$(answer "$n$id" '.error.code + ": " + .error.message')" = "refused: redirected to another origin with what was posted" ]
		done
	done
	# what came to the other two: three times four, and the two gets of 307 and 308
	[ "$(jq -c 'select(.path | startswith("/end"))' "$log" | wc -l)" = 28 ]
	jq -es 'map(select(.path | startswith("/end"))) | all(.[]; .method == "GET" and .body == "" and .headers.cookie == null
		and .headers["accept-language"] == "tr" and (tojson | contains("s3cret") | not))' "$log"
	# and at home all of it was there
	jq -es 'map(select(.path | startswith("/go"))) | all(.[]; .headers.cookie == "sid=s3cret" and .headers["x-api-key"] == "s3cret" and .headers.authorization == "Bearer s3cret")' "$log"
}

@test "a cookie goes to the origin that set it, whoever leads there" {
	agent "https://localhost:$one/" <<-E
		{"id":1,"do":"get","url":"/?cookie=sid%3Done"}
		{"id":2,"do":"get","url":"https://localhost:$three/?cookie=sid%3Dthree"}
		{"id":3,"do":"get","url":"http://localhost:$plain/?cookie=sid%3Dplain"}
		{"id":4,"do":"get","url":"/to?status=302&to=https://localhost:$three/a"}
		{"id":5,"do":"get","url":"http://localhost:$plain/to?status=307&to=https://localhost:$one/b"}
		{"id":6,"do":"save"}
		{"id":7,"do":"get","url":"https://127.0.0.1:$one/c"}
	E
	[ "$(answer 4 .status)$(answer 5 .status)$(answer 7 .status)" = 200200200 ]
	[ "$(seen three 'map(.headers.cookie) | tojson')" = '[null,"sid=three"]' ]
	[ "$(seen plain 'map(.headers.cookie) | tojson')" = '[null,"sid=plain"]' ]
	[ "$(seen one 'map(.headers.cookie) | tojson')" = '[null,"sid=one","sid=one",null]' ]
	# the same after the state was sealed and restored
	agent "https://localhost:$one/" <<-E
		{"id":1,"do":"restore","state":$(answer 6 '.state | tojson')}
		{"id":2,"do":"get","url":"https://localhost:$three/again"}
		{"id":3,"do":"get","url":"/again"}
	E
	[ "$(jq -rs 'map(select(.path == "/again") | .site + " " + .headers.cookie) | join(",")' "$log")" = 'three sid=three,one sid=one' ]
}

@test "no redirect leads from https to http, and no page leads on by itself" {
	agent "https://localhost:$one/" <<-E
		{"id":1,"do":"get","url":"/?status=302&to=http://localhost:$plain/"}
		{"id":2,"do":"post","url":"/?status=307&to=http://localhost:$plain/","form":{"a":"b"}}
		{"id":3,"do":"get","url":"/?refresh=https://localhost:$three/"}
		{"id":4,"do":"find","css":"h1"}
		{"id":5,"do":"get","url":"/?status=200&to=https://localhost:$three/"}
	E
	[ "$(answer 1 .error.code)$(answer 2 .error.code)$(answer 3 .status)$(answer 5 .status)" = refusedrefused200200 ]
	[ "$(seen plain length)$(seen three length)" = 00 ]
}

@test "a provider's tokens stay with its site when a check is led to another origin" {
	provider <<-END
		- get: "/start?cookie=sid%3Ds3cret"
		- get: "/go?q=s3cret&status=302&to=https://localhost:$three/end"
		  headers: {X-Token: s3cret}
		- expect: {css: h1}
		- slots: "[]"
	END
	new_session alice apart '.profile = {first_name: $name} | .site.token = "s3cret"'
	ab-poll --once alice >"$HOME/out-alice" || [ $? = 1 ]
	[ "$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' "$HOME/out-alice")" = none ]
	[ "$(seen three 'map(.path) | tojson')" = '["/end"]' ]
	not grep '"site": "three".*s3cret' "$log"
	[ "$(seen one 'map([.headers.authorize, .headers["x-token"], .headers.cookie]) | tojson')" = '[["s3cret",null,null],["s3cret","s3cret","sid=s3cret"]]' ]
}

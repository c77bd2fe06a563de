# TLS and HTTP/2, against nginx with certificates of our own.
load lib
load tls

setup_file() {
	command -v nginx >/dev/null || PATH=$PATH:/usr/sbin
	export PATH
	DIR=$BATS_FILE_TMPDIR
	export DIR
	authority "$DIR/ca"
	authority "$DIR/other"
	certificate "$DIR/good" "$DIR/ca" localhost 10
	certificate "$DIR/old" "$DIR/ca" localhost -1
	certificate "$DIR/foreign" "$DIR/other" localhost 10
	mkdir "$DIR/tmp"
	start_nginx
}
teardown_file() {
	kill "$(cat "$DIR/pid")"
}

free_ports() { # free_ports N
	python3 -c 'import socket, sys
s = [socket.socket() for _ in range(int(sys.argv[1]))]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])' "$1"
}
server() { # server PORT CERTIFICATE
	echo "server { listen 127.0.0.1:$1 ssl http2; ssl_certificate $DIR/$2.pem; ssl_certificate_key $DIR/$2.key;
		location /http { return 302 http://localhost:$plain/; }
		location / { default_type text/html; add_header X-Protocol \$server_protocol; add_header X-Connection \$connection;
			add_header X-Reused \$ssl_session_reused; add_header Set-Cookie \"sid=1; Secure; Path=/\"; return 200 '<p>\$http_cookie</p>'; } }"
}
start_nginx() {
	local try
	for try in 1 2 3 4 5; do # another may take a port between the asking and the listening
		read -r good old foreign plain < <(free_ports 4)
		echo "$good $old $foreign $plain" >"$DIR/ports"
		{
			echo "pid $DIR/pid; error_log $DIR/error.log; events {} http { access_log off;"
			for what in client_body proxy fastcgi uwsgi scgi; do
				echo "${what}_temp_path $DIR/tmp/$what;"
			done
			server "$good" good
			server "$old" old
			server "$foreign" foreign
			echo "server { listen 127.0.0.1:$plain; location / { return 200 plain; } } }"
		} >"$DIR/nginx.conf"
		# it goes to the background once it listens
		! nginx -c "$DIR/nginx.conf" -g 'daemon on;' 3>&- || return 0
	done
	cat "$DIR/error.log"
	return 1
}
setup() {
	fresh_home
	read -r good old foreign plain <"$DIR/ports"
	agent=$top_builddir/libexec/ab-page-http
}
teardown() {
	cat "$BATS_TEST_TMPDIR/answers" 2>/dev/null || :
	drop_home
}
# page BASE CAFILE <<COMMANDS
page() {
	{ jq -cn --arg base "$1" --arg ca "$2" '{id:"begin",do:"begin",settings:({base:$base,origins:[$base,($base|sub("https";"http"))]}+
		(if $ca == "" then {} else {cafile:$ca} end))}'; cat; } | "$agent" >"$BATS_TEST_TMPDIR/answers"
}
answer() { jq -r --argjson id "$1" "select(.id == \$id) | $2" "$BATS_TEST_TMPDIR/answers"; }

@test "a page comes over TLS and HTTP/2, on one connection, and secure cookies go back" {
	page "https://localhost:$good/" "$DIR/ca.pem" <<-'E'
		{"id":1,"do":"get","url":"/"}
		{"id":2,"do":"get","url":"/"}
		{"id":3,"do":"find","css":"p"}
	E
	[ "$(answer 1 '.headers["x-protocol"]')" = HTTP/2.0 ]
	[ "$(answer 1 '.headers["x-connection"]')" = "$(answer 2 '.headers["x-connection"]')" ]
	[ "$(answer 3 .value)" = sid=1 ]
}

@test "an unknown authority, a wrong name and an expired certificate are refused before anything is sent" {
	page "https://localhost:$good/" "" <<<'{"id":1,"do":"get","url":"/"}'
	[ "$(answer 1 '[.error.code,.requests,.sent]|tojson')" = '["unreachable",0,"no"]' ]
	[[ $(answer 1 .error.message) == *"certificate"* ]]
	page "https://localhost:$foreign/" "$DIR/ca.pem" <<<'{"id":1,"do":"post","url":"/","form":{"a":"b"},"commit":true}'
	[ "$(answer 1 '[.error.code,.requests,.sent]|tojson')" = '["unreachable",0,"no"]' ]
	page "https://127.0.0.1:$good/" "$DIR/ca.pem" <<<'{"id":1,"do":"get","url":"/"}'
	[ "$(answer 1 '[.error.code,.requests,.sent]|tojson')" = '["unreachable",0,"no"]' ]
	[[ $(answer 1 .error.message) == *"certificate is not valid for it"* ]]
	page "https://localhost:$old/" "$DIR/ca.pem" <<<'{"id":1,"do":"get","url":"/"}'
	[ "$(answer 1 '[.error.code,.requests,.sent]|tojson')" = '["unreachable",0,"no"]' ]
}

@test "the file of authorities given is the only one that is trusted" {
	page "https://localhost:$foreign/" "$DIR/other.pem" <<<'{"id":1,"do":"get","url":"/"}'
	[ "$(answer 1 .status)" = 200 ]
	page "https://localhost:$good/" "$DIR/other.pem" <<<'{"id":1,"do":"get","url":"/"}'
	[ "$(answer 1 .error.code)" = unreachable ]
	page "https://localhost:$good/" "$DIR/none.pem" <<<'{"id":1,"do":"get","url":"/"}'
	[ "$(answer 1 .error.code)" = unreachable ]
}

@test "a redirect from https to http is refused, even to an allowed origin" {
	page "https://localhost:$good/" "$DIR/ca.pem" <<-E
		{"id":0,"do":"begin","settings":{"base":"https://localhost:$good/","cafile":"$DIR/ca.pem","origins":["https://localhost:$good","http://localhost:$plain"]}}
		{"id":1,"do":"get","url":"/http"}
		{"id":2,"do":"get","url":"http://localhost:$plain/"}
	E
	[ "$(answer 1 '.error.code + ": " + .error.message')" = "refused: redirected from https: to http:" ]
	[ "$(answer 2 .status)" = 200 ]
}

@test "two page agents never share a connection" {
	for n in 1 2; do
		page "https://localhost:$good/" "$DIR/ca.pem" <<<'{"id":1,"do":"get","url":"/"}'
		answer 1 '[.headers["x-connection"],.headers["x-reused"]]|tojson' >>"$BATS_TEST_TMPDIR/connections"
	done
	[ "$(sort -u "$BATS_TEST_TMPDIR/connections" | wc -l)" = 2 ]
	! grep -q '"r"' "$BATS_TEST_TMPDIR/connections"
}

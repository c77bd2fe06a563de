# ab-demo: starting, ending, and the control port.
load lib
load demo

teardown() {
	stop_demo
}

@test "one line of JSON says where the sites are, once they answer" {
	start_demo
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ready")" -eq 1 ]
	jq -e --arg dir "$maildir" --argjson pid "$demo_pid" '.maildir == $dir and .pid == $pid' "$BATS_TEST_TMPDIR/ready"
	[[ $base == http://127.0.0.1:*/ && $control == http://127.0.0.1:*/ && $base != "$control" ]]
	visit login
	shows 'id="login-form"'
	[ -d "$maildir/new" ]
}

@test "TERM ends it with status 0, and nothing temporary is left" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	ab-demo -l 127.0.0.1:0 -c "unix:$BATS_TEST_TMPDIR/c" >"$BATS_TEST_TMPDIR/ready" 3>&- &
	demo_pid=$!
	until_true 10 test -s "$BATS_TEST_TMPDIR/ready"
	[ "$(ls "$TMPDIR")" ]
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/c")" = 600 ]
	kill "$demo_pid"
	wait "$demo_pid"
	demo_pid=
	[ -z "$(ls "$TMPDIR")" ]
	[ ! -e "$BATS_TEST_TMPDIR/c" ]
}

@test "with --until-eof it ends when stdin does" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	ab-demo -e -l 127.0.0.1:0 -c 127.0.0.1:0 <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/ready" 3>&- &
	demo_pid=$!
	exec 4>"$BATS_TEST_TMPDIR/in"
	until_true 10 test -s "$BATS_TEST_TMPDIR/ready"
	echo ignored >&4
	curl -sSf -o /dev/null "$(jq -r .base "$BATS_TEST_TMPDIR/ready")office/login"
	exec 4>&-
	wait "$demo_pid"
	demo_pid=
}

@test "other addresses than loopback are refused" {
	for address in 0.0.0.0:0 192.0.2.1:8460 '[::]:0' example.org:80; do
		run ab-demo --listen "$address" --control 127.0.0.1:0
		[ "$status" -eq 64 ]
		[[ $output == *"$address"*"this machine alone"* ]]
	done
	run ab-demo --listen 127.0.0.1
	[ "$status" -eq 64 ]
	run ab-demo --control 10.0.0.1:0 --listen 127.0.0.1:0
	[ "$status" -eq 64 ]
}

@test "a port that is taken, a wrong zone, office or seed: a clear message" {
	start_demo
	run ab-demo --listen "$(sed 's|http://||; s|/||' <<<"$base")" --control 127.0.0.1:0
	[ "$status" -eq 69 ]
	[[ $output == *"Address already in use"* ]]
	run ab-demo -l 127.0.0.1:0 --db "$BATS_TEST_TMPDIR/no/such/folder/db"
	[ "$status" -eq 73 ]
	run ab-demo --timezone Europe/Nowhere
	[ "$status" -eq 64 ]
	[[ $output == *Europe/Nowhere* ]]
	run ab-demo --offices practice,elsewhere
	[ "$status" -eq 64 ]
	[[ $output == *elsewhere* ]]
	run ab-demo --seed x
	[ "$status" -eq 64 ]
	run ab-demo --vfs-wait soon
	[ "$status" -eq 64 ]
	[[ $output == *soon* ]]
	run ab-demo --maildir m --smtp smtp://127.0.0.1:25
	[ "$status" -eq 64 ]
}

@test "only the offices asked for are open" {
	start_demo --offices practice-api
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${base}office/login")" = 404 ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${base}api/")" = 200 ]
	ctl release '{"office":"practice","count":1}' | jq -e '.error | test("not served")'
}

@test "the control commands are not on the public port, and the offices not on the control port" {
	start_demo
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${base}_demo/bookings")" = 404 ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${control}office/login")" = 404 ]
}

@test "slots open at once, after a while, or at a time" {
	start_demo
	log_in
	ctl release '{"office":"practice","slots":[{"place":"Izmir","category":"student","start":"2026-12-01T09:30","seats":2}]}' |
		jq -e '.slots[0] | .place == "Izmir" and .seats == 2 and (.id | length) == 8'
	visit calendar
	shows 'data-start="2026-12-01T09:30" data-place="Izmir" data-category="student" data-seats="2"'
	ctl release '{"slots":[{"start":"2026-12-02T09:30"}],"after_ms":2000}' | jq -e '.slots | length == 1'
	ctl release '{"slots":[{"start":"2026-12-03T09:30"}],"at":"2099-01-01T00:00:00Z"}'
	visit calendar
	shows_not 2026-12-02T09:30
	appears() { visit calendar && shows "$1" 2>/dev/null; }
	until_true 10 appears 2026-12-02T09:30
	shows_not 2026-12-03T09:30
	ctl slots | jq -e '.slots | length == 3'
}

@test "an instant is turned into the offices' time" {
	start_demo --timezone Asia/Kathmandu
	ctl release '{"slots":[{"start":"2026-12-01T09:30:00+03:00"}]}' | jq -e '.slots[0].start == "2026-12-01T12:15"'
}

@test "a count makes slots on working days; the same seed the same ones" {
	start_demo --seed 5
	ctl release '{"count":20,"from":"2026-12-01"}' >"$BATS_TEST_TMPDIR/one"
	jq -e '.slots | length == 20 and all(.start[0:10] + "T00:00:00Z" | fromdate | strftime("%u") | tonumber < 6) and all(.start >= "2026-12-01")' "$BATS_TEST_TMPDIR/one"
	ctl reset '{}' | jq -e .ok
	ctl release '{"count":20,"from":"2026-12-01"}' | cmp - "$BATS_TEST_TMPDIR/one"
	stop_demo
	start_demo --seed 6
	ctl release '{"count":20,"from":"2026-12-01"}' >"$BATS_TEST_TMPDIR/two"
	not cmp -s "$BATS_TEST_TMPDIR/two" "$BATS_TEST_TMPDIR/one"
}

@test "a mistake in a command is answered with 400 and what is wrong" {
	start_demo
	mistake() {
		curl -sS -w '%{http_code}' -d "$2" "${control}_demo/$1" | tee /dev/stderr | grep -q "$3.*400$"
	}
	mistake release '{"slots":[{"start":"tomorrow"}]}' tomorrow
	mistake release '{"slots":[{"start":"2026-02-30T09:30"}]}' 2026-02-30
	mistake release '{"slots":[{"start":"2026-12-01T09:30","seats":0}]}' seats
	mistake release '{"slots":[7]}' object
	mistake release '{}' count
	mistake release '{"count":1,"office":"elsewhere"}' elsewhere
	mistake release 'nonsense' JSON
	mistake fault '{"fault":"earthquake"}' earthquake
	mistake account '{"account":"nobody"}' address
	ctl slots | jq -e '.slots == []'
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${control}_demo/nothing")" = 404 ]
}

@test "accounts are made and unlocked, and have their own number of bookings" {
	start_demo --accounts zoe@example.org:secret
	send_password zoe@example.org practice
	shows 'password is wrong'
	send_password zoe@example.org secret
	shows 'id="code-form"'
	ctl account '{"account":"frank@example.org","password":"f"}' | jq -e .ok
	send_password frank@example.org f
	shows 'id="code-form"'
	ctl account '{"account":"frank@example.org","locked":true}'
	send_password frank@example.org f
	shows 'account is locked'
}

@test "requests are counted by account, path, client and connection" {
	start_demo
	log_in
	visit calendar
	visit calendar
	curl -s -o /dev/null "${base}office/terms"
	ctl 'requests' >"$BATS_TEST_TMPDIR/r"
	# login form, password, code page, code, my, two calendars
	jq -e '.by_account["alice@example.org"] == 7 and .by_account["-"] == 1' "$BATS_TEST_TMPDIR/r"
	jq -e '.total == 8 and .by_path["/office/calendar"] == 2 and .by_client["127.0.0.1"] == 8' "$BATS_TEST_TMPDIR/r"
	jq -e '([.by_connection[]] | add) == 8' "$BATS_TEST_TMPDIR/r"
	ctl 'requests?log' | jq -e '.log | length == 8 and (map(.t) | . == sort) and .[0].method == "GET" and .[0].status == 200'
	curl -sS -X DELETE "${control}_demo/requests"
	ctl requests | jq -e '.total == 0'
}

@test "--verbose tells each request on stderr, and no secret" {
	start_demo --verbose
	log_in
	until_line 5 "$BATS_TEST_TMPDIR/demo.log" '.path == "/office/my" and .account == "alice@example.org" and .status == 200'
	not grep -qE "practice|$(mailed_code "$(mails)")" "$BATS_TEST_TMPDIR/demo.log"
}

@test "a crash of the site loses no booking and no login" {
	start_demo --db "$BATS_TEST_TMPDIR/db"
	open_slot
	log_in
	see_form
	book
	shows 'appointment is booked'
	truth=$(bookings '[.reference,.state,.account]')
	kill -9 "$demo_pid"
	wait "$demo_pid" || :
	start_demo --db "$BATS_TEST_TMPDIR/db"
	[ "$(bookings '[.reference,.state,.account]')" = "$truth" ]
	visit my
	shows 'data-state="confirmed"'
}

@test "a %u in the Maildir's name gives each account its own" {
	start_demo --maildir "$BATS_TEST_TMPDIR/boxes/%u"
	[ -d "$BATS_TEST_TMPDIR/boxes/bob/new" ]
	send_password bob@example.org
	[ "$(ls "$BATS_TEST_TMPDIR/boxes/bob/new" | wc -l)" -eq 1 ]
	[ "$(ls "$BATS_TEST_TMPDIR/boxes/alice/new" | wc -l)" -eq 0 ]
}

@test "codes go out by SMTP where a server is named" {
	mkfifo "$BATS_TEST_TMPDIR/port"
	python3 - "$BATS_TEST_TMPDIR/got" >"$BATS_TEST_TMPDIR/port" 3>&- <<-'END' &
		import socket, sys
		s = socket.create_server(("127.0.0.1", 0))
		print(s.getsockname()[1], flush=True)
		sys.stdout.close()
		c, _ = s.accept()
		f, got = c.makefile("rw", newline="\r\n"), open(sys.argv[1], "w")
		def say(t): f.write(t + "\r\n"); f.flush()
		say("220 here")
		data = False
		for line in f:
		    got.write(line); got.flush()
		    if data:
		        data = line != ".\r\n"
		        if not data: say("250 taken")
		    elif line.startswith("DATA"): data = True; say("354 go on")
		    elif line.startswith("QUIT"): say("221 bye"); break
		    else: say("250 fine")
	END
	server=$!
	read -r port <"$BATS_TEST_TMPDIR/port"
	ab-demo --listen 127.0.0.1:0 --control 127.0.0.1:0 --smtp "smtp://127.0.0.1:$port" >"$BATS_TEST_TMPDIR/ready" 3>&- &
	demo_pid=$!
	until_true 10 test -s "$BATS_TEST_TMPDIR/ready"
	base=$(jq -r .base "$BATS_TEST_TMPDIR/ready")
	send_password
	wait "$server"
	grep -q 'RCPT TO:<alice@example.org>' "$BATS_TEST_TMPDIR/got"
	send_code "$(mailed_code "$BATS_TEST_TMPDIR/got")"
	shows 'id="my"'
}

@test "the manual's examples work" {
	start_demo
	# the ports of the manual are those of this site here
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$top_srcdir/man/ab-demo.1" | sed -n '/^\.Bd/,/^\.Ed/p' | grep -v '^\.' |
		sed "s|\\\\e\$|\\\\|; s|http://127.0.0.1:8461/|$control|; /^ab-demo/d" >"$BATS_TEST_TMPDIR/examples"
	[ "$(grep -c curl "$BATS_TEST_TMPDIR/examples")" -eq 3 ]
	run bash -e "$BATS_TEST_TMPDIR/examples"
	[ "$status" -eq 0 ]
	ctl slots | jq -e '.slots[0] | .place == "Ankara" and .start == "2026-12-01T09:30"'
	ctl faults | jq -e '.faults[0].fault == "lost-answer"'
}

@test "hundreds of requests a second are served, on one connection and on many" {
	start_demo
	for _ in $(seq 300); do echo "url = ${base}api/"; echo 'output = /dev/null'; done >"$BATS_TEST_TMPDIR/urls"
	from=$(date +%s%N)
	curl -sS -f -K "$BATS_TEST_TMPDIR/urls"
	curl -sS -f --no-progress-meter -Z --parallel-max 50 -K "$BATS_TEST_TMPDIR/urls"
	[ $((($(date +%s%N) - from) / 1000000)) -lt 10000 ]
	ctl requests | jq -e '.total == 600 and (.by_connection | [.[]] | max >= 300 and length <= 60)'
}

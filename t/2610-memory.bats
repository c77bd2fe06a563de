# Secrets in memory: who holds which, and when (ab(7), "Secrets in memory"). The memory of every program of a session is searched,
# at moments at which it does not change, for what is secret, in the forms in which it travels.
bats_require_minimum_version 1.5.0
load lib

PASSWORD='Zebra-7731&Quagga/42' INBOX='Inbox#Wombat~58' PASSPORT=QX7391846Z NOTICE='Notice%Numbat!19' PASSPHRASE='correct horse & battery/staple 9'

setup() {
	! grep -q __asan_init "$top_builddir/bin/ab-plan" || skip "AddressSanitizer's malloc keeps what is freed"
	[ "$(head -c 2 "$top_builddir/bin/ab-plan")" != '#!' ] || skip "valgrind's malloc keeps what is freed"
	grep -q 'define HAVE___LIBC_FREE 1' "$top_builddir/config.h" || skip "freed memory is not wiped with this C library (configure said so)"
	fresh_home
	start_site --accounts "alice@example.org:$PASSWORD"
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir -p "$TMPDIR" "$HOME/out"
	cd "$TMPDIR" || return
	look=$top_builddir/t/unit/vault-test search=$top_srcdir/t/memory-search secrets=$BATS_TEST_TMPDIR/secrets.json
	new_session alice practice ".credentials.password = \"$PASSWORD\" | .inbox.password = \"$INBOX\" |
		.profile.passport_number = \"$PASSPORT\" | .schedule.interval = \"60s\" | .notify += [{url: \"exec:true\", password: \"$NOTICE\"}]"
	learn
	PIDS=()
	may_look
}
teardown() {
	exec 8>&- 9>&- || :
	for pid in "${PIDS[@]:-}"; do end_pid "$pid"; done
	stop_site
	drop_home
	rm -rf "${public:-}"
}

# What is searched for; cookies and codes as they come.
learn() {
	jq -n --arg password "$PASSWORD" --arg inbox "$INBOX" --arg passport "$PASSPORT" --arg notice "$NOTICE" --arg master "$("$look" master "$AB_KEY_FILE")" \
		--arg key "$(od -An -v -tx1 "$AB_KEY_FILE" | tr -d ' \n')" --argjson sub "$(ab-vault exec alice -- "$look" keys alice)" '
		{password: $password, inbox: $inbox, passport: $passport, notice: $notice, "key-master": {hex: $master}, "key-file": {hex: $key}} +
		($sub | with_entries(.key |= "key-" + . | .value |= {hex: .}))' >"$secrets"
}
learn_more() {
	jq --argjson state "$(ab-vault exec alice -- "$look" read alice state)" --arg code \
		"$(cat "$MAIL"/new/* 2>/dev/null | sed -n 's/.*code is \([0-9]\{6\}\).*/\1/p' | tail -n 1)" '
		. + ([$state.page.cookies[]? | {key: "cookie", value: .value}] | from_entries) + if $code == "" then {} else {code: $code} end' \
		"$secrets" >"$secrets.more"
	mv "$secrets.more" "$secrets"
}

# ours: the pids of this test's programs, the practice site's aside
ours() {
	local p
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe" 2>/dev/null) in "$top_builddir"/t/* | */ab-demo) ;; "$top_builddir"/*)
			! tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -qxF "AB_RUNTIME=$AB_RUNTIME" || echo "${p#/proc/}" ;;
		esac
	done
}
# Other processes' memory can be read by root alone: these are closed even to their owner.
may_look() {
	mkfifo "$TMPDIR/idle"
	exec 9<>"$TMPDIR/idle"
	ab-page http <&9 >/dev/null 2>&1 3>&- &
	until_true 10 closed $!
	"$search" "$secrets" $! >/dev/null 2>&1 || skip "looking into closed processes needs root and CAP_SYS_PTRACE"
	end_pid $!
}
closed() { grep -q '^Max core file size *0 *0 ' "/proc/$1/limits"; }

# holders: who holds what now, when all are stopped; one "SECRET PROGRAM" a line; how and where go to what bats shows
holders() {
	local pids r=0
	mapfile -t pids < <(ours)
	[ "${#pids[@]}" -gt 0 ] || { echo "no program runs" >&2; return 1; }
	kill -STOP "${pids[@]}" 2>/dev/null || :
	"$search" "$secrets" "${pids[@]}" >"$BATS_TEST_TMPDIR/finds" || r=$?
	kill -CONT "${pids[@]}" 2>/dev/null || :
	[ "$r" -eq 0 ] || return "$r"
	cat "$BATS_TEST_TMPDIR/finds" >&2
	awk -F '\t' '{ split($2, who, " "); print $1, who[1] }' "$BATS_TEST_TMPDIR/finds" | sort -u
}
# only LINE…: they are these and no others
only() {
	local found want
	found=$(holders) || return
	want=$(printf '%s\n' "$@" | sort -u | sed '/^$/d')
	[ "$found" = "$want" ] || { diff <(echo "$want") <(echo "$found") >&2; return 1; }
}
# nothing_else: no secret in a command line, an environment, a log or a file
nothing_else() {
	local pids out
	mapfile -t pids < <(ours)
	out=$("$search" --text "$secrets" "${pids[@]}" && "$search" --files "$secrets" "$AB_STATE" "$AB_RUNTIME" "$AB_VAULT" "$TMPDIR" "$HOME/out") || return
	[ -z "$out" ] || { echo "$out" >&2; return 1; }
}

# start NAME COMMAND…: in the background, its output in out/NAME and out/NAME.log; sets PID
start() {
	local name=$1
	shift
	"$@" <&0 >"$HOME/out/$name" 2>"$HOME/out/$name.log" 3>&- 8>&- 9>&- &
	PID=$!
	PIDS+=("$PID")
}

@test "what is searched for is found, in each of its forms" {
	printf '{"text": "%s", "key": {"hex": "00112233445566778899aabbccddeeff"}}' "$PASSWORD" >"$secrets"
	# shellcheck disable=SC2016
	start python python3 -c 'import base64, sys, time, urllib.parse
secret = sys.stdin.read()
kept = [f.encode() for f in (secret, urllib.parse.quote(secret, safe=""), base64.b64encode(b"a:" + secret.encode()).decode())]
kept += [secret.encode("utf-16-le"), bytes.fromhex("00112233445566778899aabbccddeeff")]
print("{}", flush=True)
time.sleep(60)' < <(printf %s "$PASSWORD")
	until_line 10 "$HOME/out/python" true
	"$search" "$secrets" "$PID" >finds
	for form in plain percent utf-16; do grep -q "^text.python3 $PID.$form" finds; done
	grep -q "^text.python3 $PID.base64 1" finds
	grep -q "^key.python3 $PID.plain" finds
	# what is given as an argument is found too
	start sleep sleep "$(printf 60)" "0"
	"$search" --text <(echo '{"name": "60"}') "$PID" | grep -q "^name.sleep $PID.plain.cmdline"
	echo "the password is $PASSWORD" >"$HOME/out/leak"
	"$search" --files "$secrets" "$HOME/out" | grep -q '^text.file.plain.*/leak$'
}

@test "a pipeline that waits holds nothing but the cookies, in the page agent alone, and in ab-notify what is needed to tell" {
	start run ab-run alice
	until_line 20 "$HOME/out/run" '.data.verdict == "none"'
	learn_more
	[ "$(jq -r .code "$secrets")" != null ]
	only "cookie ab-page-http" "notice ab-notify"
	nothing_else
	# all of them were looked into
	mapfile -t pids < <(ours)
	for pid in "${pids[@]}"; do cat "/proc/$pid/comm"; done | sort -u >who
	for name in ab-run ab-poll ab-plan ab-book ab-book-back ab-audit ab-notify ab-launcher ab-filters ab-page-http; do grep -qx "$name" who; done
}

@test "during a login the password is in ab-login alone, the inbox's in ab-otp and its driver; afterwards nowhere" {
	control fault '{"fault":"late-code","office":"practice","count":1,"ms":3000}'
	start poll ab-poll alice
	until_line 10 "$HOME/out/poll" '.type == "otp.requested"'
	only "password ab-login" "passport ab-login" "passport ab-poll" "inbox ab-otp"
	nothing_else
	until_line 20 "$HOME/out/poll" '.data.verdict == "none"'
	learn_more
	only "cookie ab-page-http"
	nothing_else
}

# slow PATH [MORE]: the next answer there takes a while, in which one can look
slow() {
	control fault "{\"fault\":\"slow\",\"office\":\"$1\",\"path\":\"$2\",\"count\":1,\"ms\":6000${3:-}}" >/dev/null
}
@test "during a booking the passport is in the booker and, until it is sent, in the page agent; afterwards in neither" {
	release practice Ankara short-stay "$(day 20)T09:30"
	slot=$(ab-poll --once alice | jq -c 'select(.type == "appointment.available") | .data.slots[0]')
	learn_more
	mkfifo "$TMPDIR/requests"
	exec 8<>"$TMPDIR/requests"
	start book ab-book alice <"$TMPDIR/requests"
	until_true 10 eval '[ "$(ours | wc -l)" -ge 4 ]'
	until_true 10 only
	slow practice '/office/booked/*'
	slow practice /office/my ',"after":1'
	jq -nc --argjson slot "$slot" --arg expires "$(date -u -d '+5 minutes' +%FT%TZ)" '{specversion:"1.0",id:"r1",source:"/t",
		type:"booking.request",subject:"alice",data:{goal:"0193aaaa-0000-7000-8000-000000000001",attempt:1,slot:$slot,rank:1,
		why:"test",expires:$expires}}' >&8
	# the form was sent, its answer is a redirect, and what that leads to is slow
	until_true 10 eval '[ "$(truth | jq length)" -eq 1 ]'
	only "passport ab-book-back" "passport ab-filters" "passport ab-page-http" "cookie ab-page-http"
	# reading back: the form is over
	until_true 10 grep -qs '"what":"known"' "$AB_STATE/alice/journal.ndjson"
	only "passport ab-book-back" "cookie ab-page-http"
	until_line 20 "$HOME/out/book" '.type == "booking.result" and .data.status == "booked"'
	only "cookie ab-page-http"
	nothing_else
	exec 8>&-
}

@test "the filters' process forgets what it was given, as often as it is given something" {
	new_session bob practice-api ".credentials.username = \"alice@example.org\" | .credentials.password = \"$PASSWORD\" |
		.profile.passport_number = \"$PASSPORT\" | .inbox.password = \"$INBOX\" | .schedule.interval = \"1s\""
	start poll ab-poll bob
	until_true 20 eval '[ "$(grep -c heartbeat "$HOME/out/poll")" -ge 2 ]'
	until_true 20 only # not in the midst of a round
	kill -9 "$(child_named ab-filters "$PID")"
	seen=$(grep -c heartbeat "$HOME/out/poll")
	until_true 20 eval '[ "$(grep -c heartbeat "$HOME/out/poll")" -ge '$((seen + 2))' ]'
	until_true 20 only
	[ -n "$(child_named ab-filters "$PID")" ]
}
child_named() { # child_named NAME PID
	for p in $(pgrep -P "$2"); do [ "$(cat "/proc/$p/comm")" != "$1" ] || echo "$p"; done
}

@test "while one edits, ab-vault has the session and the master key, but neither passphrase nor key file" {
	mkfifo go
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho >"%s/editing"; read -r x <"%s/go"\n' "$TMPDIR" "$TMPDIR" >editor
	chmod +x editor
	export EDITOR="$TMPDIR/editor"
	start edit setsid -w ab-vault edit alice </dev/null
	until_true 10 test -s editing
	only "inbox ab-vault" "key-master ab-vault" "notice ab-vault" "passport ab-vault" "password ab-vault"
	echo >go
	wait "$PID"
	# and what it is replaced by has the keys' descriptors, and nothing in its memory
	start exec ab-vault exec alice -- sh -c 'echo "{}"; read -r x <go'
	until_line 10 "$HOME/out/exec" true
	[ -z "$("$search" "$secrets" "$PID")" ]
	[ -z "$("$search" --text "$secrets" "$PID")" ]
	echo >go
	wait "$PID"
}

@test "a passphrase is wiped once the vault is open" {
	tty=$top_builddir/t/unit/on-tty
	export AB_VAULT=$HOME/second AB_STATE=$HOME/second-state
	unset AB_KEY_FILE
	mkfifo go
	printf '#!/bin/sh\necho >"%s/editing"; read -r x <"%s/go"\n' "$TMPDIR" "$TMPDIR" >editor
	chmod +x editor
	export EDITOR="$TMPDIR/editor"
	"$tty" "new vault: " "$PASSPHRASE" "Once more: " "$PASSPHRASE" -- ab-vault init --kdf interactive >"$HOME/out/init"
	"$tty" Passphrase "$PASSPHRASE" -- ab-vault new --from "$top_srcdir/t/fixtures/session/alice.yaml" alice >"$HOME/out/new"
	jq -n --arg p "$PASSPHRASE" '{passphrase: $p}' >"$secrets"
	start edit "$tty" Passphrase "$PASSPHRASE" -- ab-vault edit alice
	until_true 10 test -s editing
	only
	[ -n "$(ours)" ]
	echo >go
	wait "$PID"
}

@test "the heap and the busy part of the stack are locked into memory and left out of dumps" {
	start poll ab-poll alice
	until_line 20 "$HOME/out/poll" '.data.verdict == "none"'
	mapfile -t pids < <(ours)
	for pid in "${pids[@]}"; do
		name=$(cat "/proc/$pid/comm")
		[ "$name" != ab-launcher ] || continue # forked before there was anything to hold
		awk -v name="$name" '/^[0-9a-f]+-/ { at = $6 } /^VmFlags/ && at == "[heap]" { heap++; if (/ lo / && / dd /) kept++ }
			/^VmFlags/ && at == "[stack]" && / lo / && / dd / { stack = 1 }
			END { print name, heap, kept, stack; exit !(heap && heap == kept && stack) }' "/proc/$pid/smaps"
	done
}

@test "an ordinary user's programs are closed to that user too, leave no core, and need no locked memory" {
	[ "$(id -u)" -eq 0 ] || skip "takes root, to be two users"
	public=$(mktemp -d /tmp/ab-t.XXXXXX)
	as() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	as test -x "$top_builddir/bin/ab-run" || skip "the build folder is closed to other users"
	chmod 755 "$public"
	mkdir "$public/cores"
	mv "$HOME" "$public/home"
	export HOME=$public/home AB_STATE=$public/home/state AB_VAULT=$public/home/vault AB_KEY_FILE=$public/home/key TMPDIR=$public/cores
	mv "$MAIL" "$public/mail" && ln -s "$public/mail" "$MAIL" && chmod -R a+rwX "$public/mail"
	chown -R 65534:65534 "$public/home" "$public/cores" "$AB_RUNTIME"
	cd "$public/cores"
	ulimit -c unlimited
	ulimit -l 64
	start run as ab-run alice
	until_line 20 "$HOME/out/run" '.type == "agent.heartbeat"'
	start vault as ab-vault new --from /dev/stdin bob < <(sleep 20)
	start fill as ab-fill alice < <(sleep 20)
	start page as ab-page http < <(sleep 20)
	start inbox as "$AB_LIBEXEC/ab-inbox-maildir" < <(sleep 20)
	until_true 10 eval '[ "$(ours | wc -l)" -ge 16 ]'
	mapfile -t pids < <(ours)
	for pid in "${pids[@]}"; do
		until_true 5 closed "$pid"
		for file in environ maps mem fd/0; do
			not as cat "/proc/$pid/$file" >/dev/null 2>&1 || { echo "$(cat "/proc/$pid/comm"): $file can be read" >&2; return 1; }
		done
		! command -v gcore >/dev/null || not as gcore -o "$public/cores/core" "$pid" >/dev/null 2>&1
	done
	# such a core would be written
	as sleep 60 3>&- 8>&- 9>&- &
	kill -SEGV $! && wait $! || :
	ls "$public/cores" >&2
	[ -n "$(ls "$public/cores")" ] || echo "# core files go elsewhere here ($(cat /proc/sys/kernel/core_pattern))" >&3
	rm -f "$public"/cores/*
	n=0
	for pid in "${pids[@]}"; do
		if ((n++ % 2)); then kill -SEGV "$pid" 2>/dev/null || :; else kill -ABRT "$pid" 2>/dev/null || :; fi
	done
	all_gone() { for pid in "${pids[@]}"; do [ ! -e "/proc/$pid" ] || [[ $(cat "/proc/$pid/stat") == *") Z "* ]] || return 1; done; }
	until_true 10 all_gone
	[ -z "$(ls "$public/cores")" ]
}

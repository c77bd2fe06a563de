# A disk that is full, read-only or too small, and a vault that can't be read: said in a line, with what to do; nothing is sent that
# could not be written down; and when it is mended, all goes on, with one booking.
#
# Elsewhere: ab-plan and ab-audit with files that can't grow (0520, 0530), ab-run's output (0700); the disk full at any write of
# any program: the crash sweep (2100), whose moments "full" are that.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
load lib

# mount(8) needs root. Elsewhere this file runs once more, in a user namespace where we are root.
setup_file() {
	local try=$BATS_FILE_TMPDIR/try
	mkdir "$try"
	export DISKS=none
	if mount -t tmpfs -o size=64k none "$try" 2>/dev/null; then
		umount "$try"
		DISKS=here
	elif [ -z "${IN_NAMESPACE:-}" ] && unshare -rm true 2>/dev/null; then
		DISKS=elsewhere
		env -i PATH="$PATH" HOME="$HOME" TMPDIR="${TMPDIR:-/tmp}" top_srcdir="$top_srcdir" top_builddir="$top_builddir" IN_NAMESPACE=1 \
			unshare -rm "${BATS:-$BATS_ROOT/bin/bats}" --formatter tap "$BATS_TEST_FILENAME" >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- || {
			cat "$BATS_FILE_TMPDIR/log" >&2
			return 1
		}
	fi
}

setup() {
	case $DISKS in
	none) skip "no file system can be mounted here, not even in a user namespace" ;;
	elsewhere) skip "done in a user namespace" ;;
	esac
	fresh_home
	SITE_PID='' RUN_PID='' FILL_PID='' disk=$HOME/disk
	mkdir "$disk"
}
teardown() {
	end_pid "${RUN_PID:-}"
	end_pid "${FILL_PID:-}"
	[ "$DISKS" != here ] || tail -n 30 "$HOME/log" 2>/dev/null || :
	stop_site
	while [ "$DISKS" = here ] && grep -q " ${disk:-/none} " /proc/mounts; do umount -l "$disk"; done
	drop_home
}

# disk OPTION…: a small file system at $disk
disk() { mount -t tmpfs -o "mode=700,$1" none "$disk"; }
fill() { dd if=/dev/zero of="$disk/filler" bs=4k conv=fsync status=none 2>/dev/null || :; }
make_room() { rm "$disk/filler"; }
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
bookings() { truth | jq length; }
posts() { control 'requests?log=1' | jq '[.log[] | select(.method == "POST" and .path == "/office/book")] | length'; }
# nothing that was begun and not finished
no_half_files() { [ -z "$(find "$disk" -regextype posix-extended -regex '.*(json|html|claimed|secrets|profile|rules|state)\.[A-Za-z0-9]{6}')" ]; }

# a session that is logged in, a slot that was seen ($HOME/seen) and a request to book it ($HOME/request), on a disk with room
prepare() {
	start_site --per-account 5
	export AB_STATE=$disk/state
	new_session alice practice "${1:-.}"
	ab-login alice >/dev/null
	release practice Ankara short-stay "$(day 20)T09:30"
	ab-poll --once alice >"$HOME/seen"
	jq -c --arg expires "$(date -u -d '+1 hour' +%FT%TZ)" 'select(.type == "appointment.available") | {specversion: "1.0", id: "r", source: "/t",
		type: "booking.request", subject: "alice", data: {goal: "0193aaaa-0000-7000-8000-000000000001", attempt: 1, rank: 1, why: "test",
		slot: .data.slots[0], expires: $expires}}' "$HOME/seen" >"$HOME/request"
	jq -nc '{specversion: "1.0", id: "a1", source: "/t/x", type: "runtime.alert", subject: "alice", data: {severity: "error", reason: "x: y", hint: "z"}}' >"$HOME/alert"
	jq -c '.id = "e1" | .type = "booking.result" | .data.status = "booked"' "$HOME/request" >"$HOME/result"
}

# each <TABLE of lines STATUS FILE INPUT COMMAND…: it ends with that status, says in a line what is the matter with which file and
# what to do ($word), asks the site for nothing, and books nothing
each() {
	local want file input command asked wrong=0
	asked=$(control requests | jq .total)
	while read -r want file input command <&8; do
		run --separate-stderr timeout 30 $command <"${input/#-//dev/null}"
		echo "$want $command: $status" "$stderr"
		[ "$status" = "$want" ] && [[ $stderr == *"$file"*": $word"* ]] || { wrong=1; echo "^ wrong"; }
		printf '%s\n' "$output" >"$HOME/out.${command%% *}"
	done 8<&0
	is "$(control requests | jq .total)" "$asked"
	is "$(bookings)" 0
	[ "$wrong" -eq 0 ]
}

# everything works: one booking, told once, recorded
works() {
	ab-plan alice <"$HOME/seen" 2>>"$HOME/log" | ab-book alice 2>>"$HOME/log" | ab-audit alice 2>>"$HOME/log" | ab-notify alice >"$HOME/events" 2>>"$HOME/log"
	is "$(bookings)" 1
	is "$(jq -r 'select(.type == "booking.result") | .data.status' "$HOME/events")" booked
	is "$(jq -r 'select(.event.type == "booking.result") | .event.data.status' "$HOME/notices.ndjson")" booked
	ab-audit verify alice
}

@test "a full disk: each program says so, nothing is sent, and with room all goes on" {
	word='No space left on device (make room there)'
	disk size=512k
	prepare
	fill
	each <<-TABLE
		75 pace/account- - ab-poll --once alice
		75 pace/account- - ab-login alice
		74 state.json $HOME/seen ab-plan alice
		74 journal.ndjson $HOME/request ab-book alice
		74 audit.ndjson $HOME/result ab-audit alice
		0 outbox $HOME/alert ab-notify alice
	TABLE
	# ab-poll is blind, and not because of the site
	is "$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' "$HOME/out.ab-poll")" paused
	# who can't go on tells it downstream, after what it read, but for what must not pass without its record
	is "$(jq -r .type "$HOME/out.ab-plan" | paste -sd' ')" runtime.alert
	is "$(jq -r .type "$HOME/out.ab-book" | paste -sd' ')" "booking.request runtime.alert"
	is "$(jq -r .type "$HOME/out.ab-audit" | paste -sd' ')" runtime.alert
	[[ $(jq -r '.data | .severity + " " + .reason' "$HOME/out.ab-audit") == "error stopped: append to $disk/state/alice/audit.ndjson: $word" ]]
	# and the person is told all the same
	is "$(jq -r .id "$HOME/notices.ndjson")" a1
	no_half_files
	make_room
	works
	# each says once that it works again
	is "$(jq -r 'select(.type == "runtime.alert") | .source + " " + .data.severity' "$HOME/events" | sed 's|^/\([^/]*\)/[^ ]*|\1|' | sort | paste -sd,)" \
		"ab-audit info,ab-book info,ab-plan info"
}

# a journal whose last page has room for an intent (some 370 bytes), and for nothing after it
nearly_full_page() {
	mkdir -p "$disk/state/alice"
	jq -nc '{seq: 1, what: "told", id: ("x" * 3568)}' >"$disk/state/alice/journal.ndjson"
	[ "$(stat -c %s "$disk/state/alice/journal.ndjson")" = 3600 ]
}

@test "full between commit and outcome: room was kept, and the booking is proved, journalled and told" {
	disk size=512k
	prepare
	nearly_full_page
	control fault '{"fault":"slow","office":"practice","method":"POST","path":"/office/book","ms":1000,"count":1}' >/dev/null
	until_true 20 grep -qs '"intent"' "$disk/state/alice/journal.ndjson" && fill &
	FILL_PID=$!
	run --separate-stderr ab-book alice <"$HOME/request"
	wait "$FILL_PID"
	echo "$stderr"
	is "$status" 0
	is "$(jq -r 'select(.type == "booking.result") | .data.status' <<<"$output")" booked
	is "$(jq -r .what "$disk/state/alice/journal.ndjson" | paste -sd' ')" "told intent known result told"
	is "$(bookings) $(posts)" "1 1"
	[[ $stderr == *"No space left"*"reading back all the same"* ]]
}

@test "full before the intent: nothing is sent, whatever the budget's files still take" {
	disk size=512k
	prepare
	nearly_full_page
	control fault '{"fault":"slow","office":"practice","path":"/office/slot/*","ms":1000,"count":1}' >/dev/null
	curl -sSf -X DELETE "${CONTROL}_demo/requests" >/dev/null
	asked() { control 'requests?log=1' | jq -e '[.log[] | select(.path | startswith("/office/slot/"))] | length > 0' >/dev/null; }
	until_true 20 asked && fill &
	FILL_PID=$!
	run --separate-stderr ab-book alice <"$HOME/request"
	wait "$FILL_PID"
	echo "$stderr"
	is "$status" 74
	is "$(bookings) $(posts)" "0 0"
	not grep -q intent "$disk/state/alice/journal.ndjson"
	make_room
	run --separate-stderr ab-book alice <"$HOME/request"
	is "$status" 0
	is "$(bookings) $(posts)" "1 1"
}

@test "a pipeline on a disk that fills up: the person is told once, and with room the same pipeline books" {
	disk size=512k
	prepare '.preferences.locations = ["Istanbul"]'
	ab-run --restart 100ms alice >"$HOME/events" 2>"$HOME/log" 3>&- &
	RUN_PID=$!
	until_line 20 "$HOME/events" '.data.verdict == "available"' >/dev/null
	fill
	release practice Istanbul short-stay "$(day 21)T10:00"
	until_line 30 "$HOME/notices.ndjson" '.text | contains("No space left on device (make room there)")' >/dev/null
	until_true 30 eval '[ "$(grep -c "starting again" "$HOME/log")" -ge 4 ]'
	is "$(bookings)" 0
	# each program that stopped told its trouble once, however often it was started
	is "$(jq -r .event.source "$HOME/notices.ndjson" | sort | uniq -d)" ""
	make_room
	until_true 60 eval '[ "$(bookings)" -gt 0 ]'
	status=0
	wait "$RUN_PID" || status=$?
	RUN_PID=
	is "$status $(bookings) $(posts)" "0 1 1"
	is "$(jq -r .title "$HOME/notices.ndjson" | grep -c 'alice: booked')" 1
	ab-audit verify alice
	no_half_files
}

@test "a read-only state folder: each program says so, nothing is sent, the person can still be told" {
	word='Read-only file system (make it writable)'
	disk size=512k
	prepare
	mount -o remount,bind,ro "$disk"
	each <<-TABLE
		75 pace/account- - ab-poll --once alice
		75 pace/account- - ab-login alice
		73 state.json $HOME/seen ab-plan alice
		73 journal.ndjson $HOME/request ab-book alice
		73 audit.ndjson $HOME/result ab-audit alice
		0 notify.ndjson $HOME/alert ab-notify alice
	TABLE
	is "$(jq -r .id "$HOME/notices.ndjson")" a1
	is "$(jq -r 'select(.type == "runtime.alert") | .source' "$HOME"/out.ab-{plan,book,audit} | cut -d/ -f2 | paste -sd' ')" "ab-plan ab-book ab-audit"
	mount -o remount,bind,rw "$disk"
	works
}

@test "a runtime folder that is read-only or has no room: each program says so, and nothing is sent" {
	disk size=512k
	prepare
	umount -l "$disk" # what was kept is gone with it: the runtime folder's turn
	disk size=64k,nr_inodes=9
	mkdir -m 700 "$disk/run"
	export AB_RUNTIME=$disk/run AB_STATE=$HOME/state
	word='Read-only file system (make it writable)'
	mount -o remount,bind,ro "$disk"
	each <<-TABLE
		73 run/alice - ab-poll --once alice
		73 run/alice - ab-login alice
		73 run/alice $HOME/seen ab-plan alice
		73 run/alice $HOME/request ab-book alice
		73 run/alice $HOME/result ab-audit alice
		73 run/alice $HOME/alert ab-notify alice
		73 run/run.lock - ab-run alice
	TABLE
	mount -o remount,bind,rw "$disk"
	word='No space left on device (make room there)'
	for i in 1 2 3 4 5 6 7; do touch "$disk/$i" || break; done
	each <<-TABLE
		73 run/alice - ab-poll --once alice
		73 run/alice $HOME/seen ab-plan alice
		73 run/alice $HOME/request ab-book alice
		73 run/alice $HOME/result ab-audit alice
		73 run/alice $HOME/alert ab-notify alice
		73 run/run.lock - ab-run alice
	TABLE
	rm "$disk"/[0-9]
	umount -l "$disk"
	disk size=64k
	mkdir -m 700 "$disk/run"
	works
}

@test "a vault on a full disk: what is changed is as before, and says so; who only reads it goes on" {
	word='No space left on device (make room there)'
	disk size=256k
	export AB_VAULT=$disk/vault
	prepare
	export AB_STATE=$HOME/state
	ab-vault get alice timezone >"$HOME/before"
	fill
	before=$(cd "$AB_VAULT" && find . -type f ! -name '*lock' -exec sha256sum {} + | sort)
	for command in 'set alice timezone UTC' 'new --from /dev/stdin bob' 'rekey --new-key-file' 'rekey --master'; do
		case $command in
		new*) input=$(jq -n --arg base "$BASE" '{provider: "practice", site: {base: $base}, timezone: "UTC", consent: {owner: true, book: "no", until: "2099-12-31"}}') ;;
		*) input= ;;
		esac
		[[ $command != *--new-key-file ]] || { (umask 077 && head -c 32 /dev/urandom >"$HOME/key2"); command="$command $HOME/key2"; }
		run --separate-stderr ab-vault $command <<<"$input"
		echo "ab-vault $command: $status $stderr"
		[[ $status == 7[34] && $stderr == *"$disk/vault/"*": $word"* ]]
		is "$(cd "$AB_VAULT" && find . -type f ! -name '*lock' -exec sha256sum {} + | sort)" "$before"
	done
	is "$(ab-vault get alice timezone)" "$(cat "$HOME/before")"
	is "$(ab-vault list | awk '{ print $1 }' | paste -sd' ')" alice
	# a look needs no room there; what it would have kept (cookies) is said
	run --separate-stderr ab-poll --once alice
	is "$status" 0
	# what is recorded passes; that the chain's end can't be sealed is the end
	run --separate-stderr ab-audit alice <"$HOME/result"
	is "$status $(jq -r .type <<<"$output" | paste -sd' ')" "74 booking.result runtime.alert"
	[[ $stderr == *"$disk/vault/alice/"*": $word"* ]]
	make_room
	works
	no_half_files
}

@test "a vault that can't be read: 77, which file, and nothing is sent" {
	command -v setpriv >/dev/null || skip "setpriv is not there: root may read everything"
	word='Permission denied'
	disk size=512k
	prepare
	as_anybody='setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all'
	for part in rules state audit; do
		chmod 000 "$AB_VAULT/alice/$part"
		case $part in
		rules) sed '/ab-audit/d' | each ;;
		state) sed '/ab-poll\|ab-login\|ab-book/!d' | each ;;
		audit) sed '/ab-audit/!d' | each ;;
		esac <<-TABLE
			77 vault/alice/$part - $as_anybody ab-poll --once alice
			77 vault/alice/$part - $as_anybody ab-login alice
			77 vault/alice/$part $HOME/seen $as_anybody ab-plan alice
			77 vault/alice/$part $HOME/request $as_anybody ab-book alice
			77 vault/alice/$part $HOME/result $as_anybody ab-audit alice
			77 vault/alice/$part $HOME/alert $as_anybody ab-notify alice
		TABLE
		chmod 600 "$AB_VAULT/alice/$part"
	done
	works
}

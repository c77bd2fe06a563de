# ab-vault: files that are not what they should be. Every part, every kind of damage, each with its own word.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	cd "$HOME" || return
	alice=$top_srcdir/t/fixtures/session/alice.yaml
	look=$top_builddir/t/unit/vault-test
	export AB_KEY_FILE=$HOME/key
	ab-vault init --make-key
	ab-vault new --from "$alice" alice
}
teardown() { drop_home; }

# says STATUS PATTERN: what reading alice's $part does
says() {
	run --separate-stderr ab-vault exec alice -- "$look" read alice "$part"
	[[ $status -eq $1 && ${#stderr_lines[@]} -eq 1 && ${stderr_lines[0]} == $2 ]] || {
		echo "$part: status $status: $stderr; wanted $1 $2"
		return 1
	}
}

# flip FILE OFFSET: one bit of one byte
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059
	printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "a flipped bit, wherever it is, is damage" {
	for part in secrets profile rules notices state audit; do
		file=$AB_VAULT/alice/$part
		cp "$file" good
		size=$(stat -c %s good)
		# magic, counter, length, label, key id, nonce, text, tag, hash
		for at in 0 7 8 15 16 23 24 39 40 55 56 79 80 $((size - 33)) $((size - 32)) $((size - 16)) $((size - 1)); do
			flip "$file" "$at"
			says 65 "*/alice/$part: *" || { echo "offset $at"; return 1; }
			[[ $stderr == *damaged* || $stderr == *"cut short"* ]]
			cp good "$file"
		done
	done
	ab-vault get alice >/dev/null
}

@test "a file cut at any place is cut short" {
	part=state
	file=$AB_VAULT/alice/$part
	cp "$file" good
	size=$(stat -c %s good)
	for ((at = 0; at < size; at += 7)); do
		head -c "$at" good >"$file"
		says 65 "*/alice/$part: cut short ($at bytes); restore it from a backup"
	done
	cat good good >"$file"
	says 65 "*/alice/$part: damaged; restore it from a backup"
	echo '{"state": "none of ours"}' >"$file"
	says 65 "*/alice/$part: damaged, or no file of ours"
}

@test "a file of another session, part or vault is swapped" {
	ab-vault new --from "$alice" bob
	AB_VAULT=$HOME/vault2 ab-vault init
	AB_VAULT=$HOME/vault2 AB_STATE=$HOME/state2 ab-vault new --from "$alice" alice
	for part in secrets profile rules notices state audit; do
		file=$AB_VAULT/alice/$part
		cp "$file" good
		for other in "$AB_VAULT/bob/$part" "$HOME/vault2/alice/$part" "$AB_VAULT/alice/$([ $part = rules ] && echo state || echo rules)"; do
			cp "$other" "$file"
			says 65 "*/alice/$part: swapped: this is another session's or part's file"
			cp good "$file"
		done
	done
}

@test "a record put back to what it was is rolled back, until its owner says that it was on purpose" {
	for part in secrets profile rules notices; do
		cp "$AB_VAULT/alice/$part" "old.$part"
	done
	ab-vault set alice consent.book no
	ab-vault exec alice -- "$look" write alice state '{"a":"b"}'
	for part in secrets profile rules notices; do
		cp "$AB_VAULT/alice/$part" "new.$part" && cp "old.$part" "$AB_VAULT/alice/$part"
		says 65 "*/alice/$part: rolled back: record 1, but 2 was seen before; if you restored a backup, remove $AB_STATE/alice/seen.$part"
		run ab-vault get alice
		[ "$status" -eq 65 ]
		cp "new.$part" "$AB_VAULT/alice/$part"
	done
	cp old.rules "$AB_VAULT/alice/rules"
	rm "$AB_STATE/alice/seen.rules"
	[ "$(ab-vault get alice consent.book)" = yes ]
	# a torn or foreign mark is not held against the record
	for mark in '' x "$(printf '%032d 99' 0)"; do
		printf %s "$mark" >"$AB_STATE/alice/seen.rules"
		ab-vault get alice >/dev/null
	done
}

@test "a part that is gone is missed" {
	for part in secrets profile rules notices state audit; do
		mv "$AB_VAULT/alice/$part" kept
		run --separate-stderr ab-vault exec alice -- "$look" read alice "$part"
		[[ $status -eq 65 && $stderr == *"/alice/$part: gone, though it was there before"* ]] ||
			[[ $part = rules && $status -eq 66 && $stderr == *"there is no session 'alice'"* ]]
		mv kept "$AB_VAULT/alice/$part"
	done
}

@test "a damaged state can be written again, a part under another key can't" {
	part=state
	echo rubbish >"$AB_VAULT/alice/state"
	says 65 "*damaged*"
	ab-vault exec alice -- "$look" write alice state '{"cookies":[]}'
	[ "$(ab-vault exec alice -- "$look" read alice state)" = '{"cookies":[]}' ]
}

@test "a damaged vault.json is no wrong key" {
	cp "$AB_VAULT/vault.json" good
	size=$(stat -c %s good)
	for ((at = 0; at < size - 1; at += 11)); do
		flip "$AB_VAULT/vault.json" "$at"
		run --separate-stderr ab-vault get alice
		[[ $status -eq 65 && $stderr == *"/vault.json: damaged; restore it from a backup" ]] || { echo "offset $at: $status $stderr"; return 1; }
		head -c "$at" good >"$AB_VAULT/vault.json"
		run --separate-stderr ab-vault get alice
		[[ $status -eq 65 && $stderr == *"/vault.json: damaged; restore it from a backup" ]]
		cp good "$AB_VAULT/vault.json"
	done
	ab-vault get alice >/dev/null
}

@test "a key is passed in sealed memory, by descriptor, for the parts asked for" {
	# shellcheck disable=SC2016
	run ab-vault exec --parts rules,state alice -- sh -c 'echo "$AB_KEYS"; fd=${AB_KEYS##*=}
		stat -Lc %s "/proc/self/fd/$fd"; printf x >>"/proc/self/fd/$fd" || : >"/proc/self/fd/$fd"'
	echo "$output"
	[[ ${lines[0]} =~ ^alice/rules=[0-9]+,alice/state=[0-9]+$ && ${lines[1]} = 48 ]]
	[[ $status -ne 0 && $output == *"not permitted"* ]]
	[ "$(ab-vault exec --parts rules,state alice -- "$look" have alice | xargs)" = "rules state" ]
	[ "$(ab-vault exec alice -- "$look" have alice | xargs)" = "secrets profile rules state evidence audit notices" ]
	# several readers, one descriptor
	# shellcheck disable=SC2016
	ab-vault exec --parts rules alice -- sh -c '"$0" read alice rules >one & "$0" read alice rules >two; wait' "$look"
	cmp one two
	run --separate-stderr ab-vault exec --parts rules alice -- "$look" read alice secrets
	[[ $status -eq 77 && $stderr == *"no key for alice/secrets: start this program through 'ab-vault exec alice -- …'" ]]
}

@test "a program hands on some of its keys, and no more" {
	[ "$(ab-vault exec alice -- "$look" child alice rules,audit | xargs)" = "rules audit" ]
	[ -z "$(ab-vault exec --parts rules alice -- "$look" child alice secrets)" ]
}

@test "a program without keys fetches them through ab-vault, once" {
	[ "$("$look" need alice state read alice state)" = "{}" ]
	[ "$(ab-vault exec --parts rules alice -- "$look" need alice state have alice | xargs)" = "rules state" ]
	run --separate-stderr env AB_KEYS_TRIED=alice/state "$look" need alice state have alice
	[[ $status -eq 77 && $stderr == *"ab-vault exec brought no key for alice/state" ]]
	run --separate-stderr "$look" need bob state have bob
	[[ $status -eq 66 && $stderr == "ab-vault: there is no session 'bob'"* ]]
	AB_KEY_FILE=/dev/null run --separate-stderr "$look" need alice state have alice
	[[ $status -eq 65 || $status -eq 77 ]]
	run --separate-stderr env AB_BIN=/nowhere PATH=/nowhere "$look" need alice state have alice
	[ "$status" -eq 77 ]
	# left-over descriptors are not taken for keys
	run --separate-stderr env AB_KEYS=alice/state=0,alice/rules=7,x,=,alice/none=5 "$look" have alice 7</dev/null
	[[ $status -eq 0 && -z $output ]]
}

@test "exec runs the program as it is: arguments, status, and what is not there" {
	run ab-vault exec alice -- sh -c 'printf "%s|" "$@"; exit 7' sh "a b" -- --parts ""
	[[ $status -eq 7 && $output == "a b|--|--parts||" ]]
	run --separate-stderr ab-vault exec alice -- ./no-such-program
	[[ $status -eq 69 && $stderr == "ab-vault: start ./no-such-program: No such file or directory" ]]
	run --separate-stderr ab-vault exec alice bob -- true
	[ "$status" -eq 66 ]
	run ab-vault exec alice true
	[ "$status" -eq 64 ]
	run ab-vault exec -- true
	[ "$status" -eq 64 ]
	run ab-vault exec --parts all,none alice -- true
	[ "$status" -eq 64 ]
	# a program started so dies of a closed pipe, as it would without
	run bash -c 'ab-vault exec alice -- sh -c "kill -s PIPE \$\$"; exit $?'
	[ "$status" -eq 141 ]
}

@test "neither key nor secret is in anybody's arguments or environment" {
	mkfifo go
	key=$(tr -d '\n' <key)
	# the shell between: what it has, every program started below it has
	# shellcheck disable=SC2016
	ab-vault exec alice -- sh -c 'read -r x <go' 3>&- 4>&- &
	pid=$!
	until_true 5 grep -qz '^AB_KEYS=' "/proc/$pid/environ"
	for file in cmdline environ; do
		not grep -qaE "$key|practice$|P0000001|alice@" "/proc/$pid/$file"
	done
	grep -qaz '^AB_KEYS=alice/secrets=' "/proc/$pid/environ"
	echo >go
	wait "$pid"
}

@test "ab-vault leaves no core and makes no socket" {
	mkfifo text
	ab-vault new --from text bob 3>&- 4>&- &
	pid=$!
	# it waits for the text's writer
	until_true 5 grep -q '^Max core file size *0 *0 ' "/proc/$pid/limits"
	if [ "$(id -u)" -ne 0 ]; then
		[ "$(stat -c %u "/proc/$pid/environ")" -eq 0 ] # not ours to look into: not dumpable
	fi
	cat "$alice" >text
	wait "$pid"
	# its imports, as the linker sees them: no socket, no curl
	run nm -D --undefined-only "$(command -v ab-vault)"
	not grep -qE ' (socket|connect|getaddrinfo)(@|$)' <<<"$output" || [ -n "${SANITIZED:-}" ]
	run ldd "$(command -v ab-vault)"
	[[ $output != *curl* && $output != *xml2* ]]
}

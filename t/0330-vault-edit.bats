# ab-vault edit: what is typed is never lost, and nothing invalid gets in.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	cd "$HOME" || return
	alice=$top_srcdir/t/fixtures/session/alice.yaml
	tty=$top_builddir/t/unit/on-tty
	export AB_KEY_FILE=$HOME/key
	ab-vault init --make-key
	ab-vault new --from "$alice" alice
	unset VISUAL EDITOR
}
teardown() {
	[ -z "${PAPER:-}" ] || rm -rf "$PAPER"
	end_pid "${EDIT_PID:-}"
	drop_home
}

# editor SCRIPT: what $EDITOR does with "$1"
editor() {
	printf '#!/bin/sh\n%s\n' "$1" >"$HOME/editor"
	chmod +x "$HOME/editor"
	export EDITOR=$HOME/editor
}
edit() { setsid -w ab-vault edit "$@" </dev/null; }
whole() { ab-vault get --reveal --json alice; }

@test "edit stores what the editor saves, and shows everything but what is ab's own" {
	# shellcheck disable=SC2016
	editor 'cp "$1" seen; sed -i "s/notice: 1h/notice: 36h/" "$1"'
	edit alice
	[ "$(ab-vault get alice preferences.notice)" = 36h ]
	grep -q 'password: practice' seen
	grep -q "^# Session 'alice'" seen
	[ "$(grep -cE '^(id|pace)' seen)" -eq 0 ]
	[ "$(grep -oE '^[a-z]+' seen | xargs)" = \
		"provider site timezone credentials inbox profile party preferences schedule notify consent" ]
}

@test "a text that was not changed changes nothing" {
	before=$(sha256sum "$AB_VAULT"/alice/{secrets,profile,rules})
	editor ':'
	edit alice
	[ "$(sha256sum "$AB_VAULT"/alice/{secrets,profile,rules})" = "$before" ]
}

@test "the text lies in memory, for its owner alone, and is gone afterwards" {
	# shellcheck disable=SC2016
	editor 'stat -f -c %T "$1"; stat -c "%a %n" "$1" "$(dirname "$1")"; echo "$1" >where'
	run edit alice
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} = tmpfs || ${lines[0]} = ramfs ]]
	[[ ${lines[1]} == "600 "* && ${lines[2]} == "700 "* ]]
	[ ! -e "$(cat where)" ] && [ ! -e "$(dirname "$(cat where)")" ]
}

@test "a text that is no YAML, or no session, is refused with its place and kept" {
	want=$(whole)
	check() { # check SED-EXPRESSION PATTERN
		editor "sed -i '$1' \"\$1\"; echo \"\$1\" >where"
		run --separate-stderr edit --discard alice
		PAPER=$(dirname "$(cat where)")
		echo "$stderr"
		[ "$status" -eq 65 ]
		# shellcheck disable=SC2053
		[[ ${stderr_lines[0]} == $2 ]]
		[[ ${stderr_lines[1]} == "ab-vault: your text is kept in $(cat where) until the machine restarts; go on with: ab-vault edit --resume alice" ]]
		[ -e "$(cat where)" ] && [ "$(whole)" = "$want" ]
	}
	# two lines of comment come first
	check 's/^timezone: .*/timezone: [/' "ab-vault: */alice.yaml:8:11: did not find expected*"
	check 's/^timezone: .*/timezone: Europe\/Atlantis/' "ab-vault: */alice.yaml: line 6, column 11: timezone: must be a time zone*"
	check 's/^timezone:/timezome:/' "ab-vault: */alice.yaml: line 6, column 1: timezome: unknown; did you mean 'timezone'?"
	check 's/until: .*/until: 2027-02-29/' "ab-vault: */alice.yaml: line *, column 10: consent.until: must be a real date such as 2026-12-31"
	check 's/^provider:.*//' "ab-vault: */alice.yaml: line 4, column 1: 'provider' is missing"
	check 's/owner: true/owner: true\n  owner: false/' "ab-vault: */alice.yaml:*:3: duplicate key 'owner': it stands on line * already"
	# shellcheck disable=SC2016
	check '1,$d' "ab-vault: */alice.yaml:*: there is nothing in it"
}

@test "a kept text is taken up again, or thrown away, as one says" {
	editor "sed -i 's/notice: 1h/notice: 2d x/' \"\$1\"; echo \"\$1\" >where"
	run edit alice
	[ "$status" -eq 65 ]
	PAPER=$(dirname "$(cat where)")
	editor "cp \"\$1\" seen; sed -i 's/2d x/2d/' \"\$1\""
	run --separate-stderr edit alice
	[ "$status" -eq 75 ]
	[[ $stderr == *"an unfinished text is in $(cat where): go on with --resume, or throw it away with --discard" ]]
	edit --resume alice
	grep -q 'notice: 2d x' seen
	[ "$(ab-vault get alice preferences.notice)" = 2d ]
	[ ! -e "$PAPER" ]
}

@test "at a terminal, edit offers to go on" {
	editor "if grep -q 2d \"\$1\"; then sed -i 's/2d x/2d/' \"\$1\"; else sed -i 's/notice: 1h/notice: 2d x/' \"\$1\"; fi"
	run "$tty" "Edit again? [Y/n]" "" -- ab-vault edit alice
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"preferences.notice: must be a duration"* ]]
	[ "$(ab-vault get alice preferences.notice)" = 2d ]
	ab-vault set alice preferences.notice 1h
	editor "echo \"\$1\" >where; sed -i 's/notice: .*/notice: 2d x/' \"\$1\""
	run "$tty" "Edit again? [Y/n]" n -- ab-vault edit alice
	PAPER=$(dirname "$(cat where)")
	[ "$status" -eq 65 ]
	editor "sed -i 's/2d x/3d/' \"\$1\""
	run "$tty" "Go on with it" y -- ab-vault edit alice
	[ "$status" -eq 0 ]
	[ "$(ab-vault get alice preferences.notice)" = 3d ]
}

@test "an editor that fails, or is missing, loses nothing" {
	want=$(whole)
	editor "sed -i 's/notice: 1h/notice: 9h/' \"\$1\"; echo \"\$1\" >where; exit 3"
	run --separate-stderr edit alice
	PAPER=$(dirname "$(cat where)")
	[ "$status" -eq 69 ]
	[[ $stderr == *"the editor '$HOME/editor' ended with status 3"*"your text is kept in"* ]]
	[ "$(whole)" = "$want" ]
	grep -q 'notice: 9h' "$(cat where)"
	EDITOR=/no/such/editor run --separate-stderr edit --resume alice
	[ "$status" -eq 69 ]
	grep -q 'notice: 9h' "$(cat where)"
	editor :
	edit --resume alice
	[ "$(ab-vault get alice preferences.notice)" = 9h ]
}

@test "VISUAL comes before EDITOR, and either may have arguments" {
	editor 'exit 9'
	VISUAL="sed -i s/1h/7h/" edit alice
	[ "$(ab-vault get alice preferences.notice)" = 7h ]
}

@test "two edits at once: the second is told who holds it" {
	mkfifo go
	editor "echo here >here; read -r x <$HOME/go"
	edit alice 3>&- 4>&- &
	EDIT_PID=$!
	until_true 5 test -s here
	run --separate-stderr edit alice
	[ "$status" -eq 75 ]
	[[ $stderr =~ "another 'ab-vault edit alice' runs already as process "[0-9]+"; stop that one first" ]]
	# another session can be edited meanwhile, by an editor that does nothing
	ab-vault new --from "$alice" bob
	EDITOR=true edit bob
	echo >go
	wait "$EDIT_PID"
}

@test "a set during an edit is not overwritten: the text is kept, and can be taken up" {
	editor "sed -i 's/notice: 1h/notice: 9h/' \"\$1\"; ab-vault set alice consent.book no; echo \"\$1\" >where"
	run --separate-stderr edit alice
	PAPER=$(dirname "$(cat where)")
	echo "$stderr"
	[ "$status" -eq 75 ]
	[[ $stderr == *"alice was changed by someone else meanwhile"*"your text is kept in"* ]]
	[ "$(ab-vault get alice consent.book) $(ab-vault get alice preferences.notice)" = "no 1h" ]
	editor :
	run --separate-stderr edit --resume alice
	[ "$status" -eq 0 ]
	[[ $stderr == *"alice was changed since this text was begun; what you save replaces that"* ]]
	[ "$(ab-vault get alice consent.book) $(ab-vault get alice preferences.notice)" = "yes 9h" ]
}

@test "the editor is not given the vault's keys" {
	# shellcheck disable=SC2016
	editor 'ls -l /proc/self/fd >fds; env >env'
	edit alice
	not grep -qE 'memfd|vault' fds
	not grep -q AB_KEYS= env
}

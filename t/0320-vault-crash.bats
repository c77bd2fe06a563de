# ab-vault: killed before each step that changes the disk (t/unit/kill-at). Whatever the step, there is the old
# record or the new one, whole, and the next command goes on as if nothing had been.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	cd "$HOME" || return
	alice=$top_srcdir/t/fixtures/session/alice.yaml
	kill_at=$top_builddir/t/unit/kill-at
	look=$top_builddir/t/unit/vault-test
	export AB_KEY_FILE=$HOME/key ASAN_OPTIONS=detect_leaks=0
	ab-vault init --make-key
	ab-vault new --from "$alice" alice
}
teardown() { drop_home; }

whole() { ab-vault get --reveal --json "${1:-alice}"; }

# the fixture with every part's marks replaced: a mixture of two texts would show
marked() { sed -e "s/password: practice/password: mark-$1/" -e "s/Alice$/mark-$1/" -e "s/^  notice: .*/  notice: ${1}h/" "$alice"; }

# sweep CHECK COMMAND…: kills COMMAND at its 1st, 2nd … step, until it ends by itself; runs CHECK after each.
# A '@' argument is the step's number.
sweep() {
	local check=$1 ended=137
	shift
	for ((n = 1; ended == 137; n++)); do
		ended=0
		"$kill_at" "$n" "${@//@/$n}" 2>said || ended=$?
		"$check" "$n" || { echo "at step $n (seen: $ended $(cat said))"; return 1; }
	done
	echo "$((n - 1)) steps, then status $ended: $(cat said)"
	[ "$ended" -eq 0 ] && [ "$n" -gt 5 ]
}

nothing_left() {
	[ "$(ls -A "$AB_VAULT/alice" | xargs)" = "audit lock notices profile rules secrets state" ]
	[ -z "$(find "$AB_VAULT" -mindepth 1 -maxdepth 1 -name '.*')" ]
	[ -z "$(find "$AB_VAULT" -name '*.??????')" ]
}

@test "set, at every step: the old value or the new" {
	last=$(ab-vault get alice preferences.notice)
	old_or_new() {
		local now
		now=$(ab-vault get alice preferences.notice) || return
		[[ $now = "$last" || $now = "$1h" ]] || return
		last=$now
	}
	sweep old_or_new ab-vault set alice preferences.notice @h
	ab-vault set alice preferences.notice 99h
	[ "$(ab-vault get alice preferences.notice)" = 99h ]
	nothing_left
}

@test "a change of all parts, at every step: never a mixture, for programs neither" {
	for i in {1..99}; do marked $i >"text.$i"; done
	last=$(whole)
	old_or_new() {
		local now mark
		# first as a program would see it, which repairs nothing
		ab-vault exec alice -- sh -c '"$0" read alice secrets; "$0" read alice profile; "$0" read alice rules' "$look" >parts || return
		mark=$(jq -s -r '[.[0].credentials.password, .[1].profile.first_name, .[2].preferences.notice] | join(" ")' parts)
		[[ $mark = "practice Alice 1h" || $mark =~ ^"mark-"([0-9]+)" mark-"([0-9]+)" "([0-9]+)"h"$ ]] || { echo "$mark"; return 1; }
		[[ ${BASH_REMATCH[1]:-} = "${BASH_REMATCH[2]:-}" && ${BASH_REMATCH[1]:-} = "${BASH_REMATCH[3]:-}" ]] || { echo "$mark"; return 1; }
		[[ $mark = "practice Alice 1h" || ${BASH_REMATCH[1]} = "$1" || $last == *"\"mark-${BASH_REMATCH[1]}\""* ]] || return
		now=$(whole) || return
		last=$now
	}
	sweep old_or_new ab-vault import --replace text.@ alice
	[[ $(whole) == *'"mark-'* ]]
	ab-vault set alice preferences.notice 1h
	nothing_left
}

# cookie NAME VALUE: a browser's file with one for the session's site
cookie() { printf '127.0.0.1\tFALSE\t/\tFALSE\t0\t%s\t%s\n' "$1" "$2"; }
imported() { ab-vault exec alice -- "$look" read alice state | jq -r '[.imported[]? | .name + "=" + .value] | sort | join(" ")'; }

@test "cookies imported, at every step: those before or those now; many imports at once lose none" {
	local now
	for i in {1..99}; do cookie n $i >"file.$i"; done
	last=
	old_or_new() {
		now=$(imported) || return
		[[ $now = "$last" || $now = "n=$1" ]] || return
		last=$now
	}
	sweep old_or_new ab-vault import --cookies file.@ alice
	[[ $last = n=* ]]
	for i in {1..8}; do
		cookie m$i $i >"many.$i"
		ab-vault import --cookies "many.$i" alice 2>/dev/null 3>&- 4>&- &
	done
	for _ in {1..8}; do wait -n; done
	[ "$(imported)" = "m1=1 m2=2 m3=3 m4=4 m5=5 m6=6 m7=7 m8=8 $last" ]
	nothing_left
}

@test "edit, at every step: the old record or the new, and the text is never lost" {
	export EDITOR="$HOME/editor"
	printf '#!/bin/sh\nsed -i "s/^  notice: .*/  notice: $(cat %s/mark)h/" "$1"\n' "$HOME" >editor && chmod +x editor
	last=$(ab-vault get alice preferences.notice)
	old_or_new() {
		local now
		now=$(ab-vault get alice preferences.notice) || return
		[[ $now = "$last" || $now = "$(cat mark)h" ]] || return
		last=$now
		echo $(($1 + 1)) >mark
		# what was laid out or typed is still there, or was stored
		run --separate-stderr setsid -w ab-vault edit --discard alice </dev/null
		[ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
		last=$(ab-vault get alice preferences.notice)
		[ "$last" = "$(cat mark)h" ] || return
		echo $(($1 + 100)) >mark
	}
	echo 1 >mark
	sweep old_or_new ab-vault edit --discard alice
	nothing_left || [ -e "$AB_VAULT/alice/edit.lock" ]
}

@test "a program's state, at every step" {
	last='{}'
	old_or_new() {
		local now
		now=$(ab-vault exec alice -- "$look" read alice state) || return
		[[ $now = "$last" || $now = "{\"n\":$1}" ]] || return
		last=$now
	}
	sweep old_or_new ab-vault exec alice -- "$look" write alice state '{"n":@}'
	[ "$last" != '{}' ]
}

@test "new and rm, at every step: a whole session or none" {
	want=$(whole)
	all_or_nothing() {
		if [[ $(ab-vault list) == *bob* ]]; then
			[ "$(whole bob)" = "$want" ] || return
			ab-vault rm --force bob || return
		fi
	}
	sweep all_or_nothing ab-vault new --from "$alice" bob
	gone_or_there() {
		if [[ $(ab-vault list) == *bob* ]]; then
			[ "$(whole bob)" = "$want" ] || return
		else
			ab-vault new --from "$alice" bob || return
		fi
	}
	ab-vault new --from "$alice" bob
	sweep gone_or_there ab-vault rm --force bob
	nothing_left
}

@test "init, at every step: no vault or a whole one" {
	ab-vault export --plain -o text alice
	export AB_VAULT=$HOME/other/vault AB_STATE=$HOME/other/state
	no_or_whole() {
		if [ -e "$AB_VAULT/vault.json" ]; then
			ab-vault new --from text alice && ab-vault get alice >/dev/null || return
		fi
		rm -rf "$HOME/other"
	}
	sweep no_or_whole ab-vault init
}

@test "rekey, at every step: the old key or the new one opens the vault" {
	umask 077
	for i in {0..30}; do head -c 32 /dev/urandom >"key.$i"; done
	ab-vault rekey --new-key-file key.0
	export AB_KEY_FILE=key.0
	want=$(AB_KEY_FILE=key.0 whole)
	old_or_new() {
		AB_KEY_FILE=key.$1
		[ "$(whole 2>/dev/null)" = "$want" ] && return
		AB_KEY_FILE=key.$(($1 - 1))
		[ "$(whole)" = "$want" ] || return
		cp "$AB_KEY_FILE" "key.$1" # the next step starts from here
		AB_KEY_FILE=key.$1
	}
	rekey() { sweep old_or_new ab-vault rekey --new-key-file "key.@"; }
	rekey
}

@test "rekey --master, at every step: everything opens, evidence too, and the next command finishes it" {
	ab-vault new --from "$alice" bob
	for i in 1 2; do printf 'page %s' $i | ab-vault exec alice -- "$look" evidence alice $i.html; done
	ab-vault exec alice -- "$look" write alice state '{"cookies":"c"}'
	want=$(whole)
	whole_vault() {
		[ "$(whole)" = "$want" ] && [ "$(whole bob)" = "$want" ] || return
		[ "$(ab-vault evidence alice show 1.html) $(ab-vault evidence alice show 2.html)" = "page 1 page 2" ] || return
		[ "$(ab-vault exec alice -- "$look" read alice state)" = '{"cookies":"c"}' ] || return
		[ "$(jq 'has("previous")' "$AB_VAULT/vault.json")" = false ]
	}
	sweep whole_vault ab-vault rekey --master
	nothing_left
}

@test "many writers at once lose nothing and leave a record that opens" {
	for i in {1..8}; do
		(
			for j in {1..5}; do
				ab-vault exec alice -- "$look" write alice state "{\"by\":\"$i.$j\"}" || exit 1
				ab-vault set alice preferences.notice "$i${j}h" || exit 1
			done
		) 3>&- 4>&- &
	done
	for _ in {1..8}; do wait -n; done
	[[ $(ab-vault exec alice -- "$look" read alice state) =~ ^'{"by":"'[1-8].5'"}'$ ]]
	[[ $(ab-vault get alice preferences.notice) =~ ^[1-8]5h$ ]]
	# each writing counted: 40 of state after the first
	[ "$(cut -d' ' -f2 "$AB_STATE/alice/seen.state")" -eq 41 ]
	nothing_left
}

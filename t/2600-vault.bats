# The vault when things go wrong, all of it: every bit and every length of every kind of file, swaps, roll-backs, ways that are open
# to others, and writes that are cut in the middle. (t/0310 has the words for each damage, t/0320 the steps between writes.)
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	cd "$HOME" || return
	umask 077
	alice=$HOME/alice.yaml
	sed -e "s/password: practice/password: Wombat-1/" -e "s/P0000001/QX7391846Z/" "$top_srcdir/t/fixtures/session/alice.yaml" >alice.yaml
	grep -q Wombat-1 alice.yaml && grep -q QX7391846Z alice.yaml
	look=$top_builddir/t/unit/vault-test kill_at=$top_builddir/t/unit/kill-at
	export AB_KEY_FILE=$HOME/key ASAN_OPTIONS=detect_leaks=0
	head -c 32 /dev/urandom >key
	ab-vault init
	ab-vault new --from "$alice" alice
}
teardown() {
	drop_home
	rm -rf "${open:-}"
}

keep() { printf '%s' "$2" | ab-vault exec "$1" -- "$look" evidence "$1" "$3"; }
look_at() { ab-vault exec alice -- "$look" "$@"; } # with alice's keys
whole() { ab-vault get --reveal --json "${1:-alice}"; }

# says STATUS PATTERN COMMAND…
says() {
	run --separate-stderr "${@:3}"
	[[ $status -eq $1 && ${#stderr_lines[@]} -eq 1 && ${stderr_lines[0]} == $2 ]] || {
		echo "status $status: $stderr; wanted $1 $2"
		return 1
	}
}

@test "every bit of every file, and every length, is refused as damaged" {
	keep alice 'a page' page.html
	for part in secrets profile rules notices state audit; do
		look_at damage "$AB_VAULT/alice/$part" part alice "$part"
	done
	look_at damage "$AB_STATE/alice/evidence/page.html" evidence alice page.html
	"$look" damage "$AB_VAULT/vault.json" vault key
	ab-vault export -o bundle --bundle-key-file key alice
	"$look" damage bundle bundle key
	[ "$(ab-vault evidence alice show page.html)" = "a page" ]
	whole >/dev/null
}

@test "what a crash left of a change of several parts is refused as damaged too, and spoils no part that is whole" {
	n=0
	until [ -e "$AB_VAULT/alice/change" ]; do
		"$kill_at" $((++n)) ab-vault set alice preferences.notice 5h || :
	done
	look_at damage "$AB_VAULT/alice/change" part alice rules
	look_at damage "$AB_VAULT/alice/change" part alice state # what is not in it is not to be believed either
	before=$(cat "$AB_VAULT"/alice/{secrets,profile,rules} | sha256sum)
	cp "$AB_VAULT/alice/change" good
	truncate -s -1 "$AB_VAULT/alice/change"
	says 65 "*/alice/change: damaged; *" ab-vault set alice preferences.notice 6h
	says 65 "*/alice/change: damaged; *" ab-vault exec alice -- "$look" write alice state '{}'
	[ "$(cat "$AB_VAULT"/alice/{secrets,profile,rules} | sha256sum)" = "$before" ]
	chmod 640 good && cp -p good "$AB_VAULT/alice/change"
	says 77 "*/alice/change: its permissions are too open: chmod 600 *" ab-vault get alice
	chmod 600 "$AB_VAULT/alice/change"
	[ "$(ab-vault get alice preferences.notice)" = 5h ]
}

@test "evidence of another name, session, part or vault is swapped" {
	ab-vault new --from "$alice" bob
	keep alice one 1.html
	keep alice two 2.html
	keep bob one 1.html
	AB_VAULT=$HOME/vault2 AB_STATE=$HOME/state2 ab-vault init
	AB_VAULT=$HOME/vault2 AB_STATE=$HOME/state2 ab-vault new --from "$alice" alice
	AB_VAULT=$HOME/vault2 AB_STATE=$HOME/state2 keep alice one 1.html
	file=$AB_STATE/alice/evidence/1.html
	cp "$file" good
	for other in "$AB_STATE/alice/evidence/2.html" "$AB_STATE/bob/evidence/1.html" state2/alice/evidence/1.html "$AB_VAULT/alice/rules"; do
		cp "$other" "$file"
		says 65 "*/evidence/1.html: swapped: *" ab-vault evidence alice show 1.html
	done
	cp good "$AB_VAULT/alice/rules"
	says 65 "*/alice/rules: swapped: *" ab-vault get alice
	# two at once, each in the other's place
	cp "$AB_STATE/alice/evidence/2.html" "$file" && cp good "$AB_STATE/alice/evidence/2.html"
	for name in 1.html 2.html; do says 65 "*/evidence/$name: swapped: *" ab-vault evidence alice show $name; done
	# whole folders, and a master file that is another vault's
	mv "$AB_VAULT/bob" "$AB_VAULT/carol"
	says 65 "*/carol/*: swapped: *" ab-vault get carol
	cp vault2/vault.json "$AB_VAULT/vault.json"
	says 65 "*/alice/*: swapped: *" ab-vault get alice
}

@test "a state, an audit head, a session, or all of it put back is rolled back" {
	look_at write alice state '{"cookies":"1"}'
	look_at write alice audit '{"n":1}'
	cp -a "$AB_VAULT" old
	look_at write alice state '{"cookies":"2"}'
	look_at write alice audit '{"n":2}'
	ab-vault set alice preferences.notice 9h
	cp -a "$AB_VAULT" new
	for part in state audit; do
		cp "old/alice/$part" "$AB_VAULT/alice/$part"
		says 65 "*/alice/$part: rolled back: record 2, but 3 was seen before; *remove $AB_STATE/alice/seen.$part" look_at read alice "$part"
		cp "new/alice/$part" "$AB_VAULT/alice/$part"
	done
	rm -r "$AB_VAULT/alice" && cp -a old/alice "$AB_VAULT/alice"
	says 65 "*/alice/*: rolled back: *" ab-vault get alice
	rm -r "$AB_VAULT" && cp -a old "$AB_VAULT"
	says 65 "*/alice/*: rolled back: *" ab-vault get alice
	says 65 "*/alice/state: rolled back: *" look_at read alice state
	# writing over it is one up from what was seen, not from what is there
	look_at write alice state '{"cookies":"3"}'
	[ "$(look_at read alice state)" = '{"cookies":"3"}' ]
	rm "$AB_STATE"/alice/seen.*
	[ "$(ab-vault get alice preferences.notice)" = 1h ]
}

@test "a master file put back opens with its old key what that key sealed, and nothing that was sealed since" {
	cp "$AB_VAULT/vault.json" old
	want=$(whole)
	head -c 32 /dev/urandom >key2
	ab-vault rekey --new-key-file key2
	says 77 "*wrong key: the vault in * does not open with it" ab-vault get alice
	cp "$AB_VAULT/vault.json" new && cp old "$AB_VAULT/vault.json"
	[ "$(whole)" = "$want" ] # said in the manual: copies made before open with the old key
	cp new "$AB_VAULT/vault.json"
	AB_KEY_FILE=key2 ab-vault rekey --master
	cp new "$AB_VAULT/vault.json"
	AB_KEY_FILE=key2 says 77 "*/alice/*: wrong key: it is sealed under another one *" ab-vault get alice
	cp old "$AB_VAULT/vault.json"
	says 77 "*/alice/*: wrong key: it is sealed under another one *" ab-vault get alice
	says 77 "*: wrong key: *" look_at write alice state '{}'
}

@test "a way to the vault or the key that others can change is refused" {
	mkdir -m 700 way way/to && cp -a "$AB_VAULT" way/to/vault && cp key way/to/key
	export AB_VAULT=$HOME/way/to/vault
	ab-vault get alice >/dev/null
	for mode in 770 702 777; do
		chmod $mode way/to
		says 77 "ab-vault: $HOME/way/to can be written by others, who could put something else in the place of $AB_VAULT: chmod go-w $HOME/way/to" ab-vault get alice
		chmod 700 way/to && chmod $mode way
		says 77 "ab-vault: $HOME/way can be written by others, *" ab-vault get alice
		AB_VAULT=$HOME/vault says 77 "ab-vault: $HOME/way can be written by others, who could put something else in the place of way/to/key: *" \
			ab-vault get --key-file way/to/key alice
		chmod 700 way
	done
	# where only owners can remove, as in /tmp, others' writing does no harm
	chmod 1777 way
	ab-vault get --key-file way/to/key alice >/dev/null
	# by a program with its keys, as by ab-vault
	chmod 700 way
	# shellcheck disable=SC2016
	says 77 "*/way can be written by others, *" ab-vault exec alice -- sh -c 'chmod 777 "$1"; exec "$2" read alice rules' sh "$HOME/way" "$look"
	chmod 700 way
	# a link is followed, and where it leads is what counts
	ln -s "$HOME/way/to/vault" linked && ln -s "$HOME/way/to/key" key-link
	AB_VAULT=$HOME/linked ab-vault get --key-file key-link alice >/dev/null
	chmod 777 way
	AB_VAULT=$HOME/linked says 77 "*/way can be written by others, *" ab-vault get alice
	AB_VAULT=$HOME/vault says 77 "*/way can be written by others, *" ab-vault get --key-file key-link alice
	chmod 700 way
	ln -sf "$HOME/way/to/vault/alice/rules" "$HOME/vault/alice/rules" && chmod 644 way/to/vault/alice/rules
	AB_VAULT=$HOME/vault says 77 "*/alice/rules: its permissions are too open: *" ab-vault get alice
	AB_VAULT=$HOME/way/new/vault && mkdir -m 777 way/new && chmod 777 way/new
	says 77 "*/way/new can be written by others, *" ab-vault init
}

@test "what is another user's is refused" {
	[ "$(id -u)" -eq 0 ] || skip "takes root, to be two users"
	open=$(mktemp -d /tmp/ab-t.XXXXXX)
	as() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	as test -x "$(command -v ab-vault)" || skip "the build folder is closed to other users"
	chmod 755 "$open" && mkdir "$open/home" && cp -a "$AB_VAULT" key "$open/home" && chown -R 65534:65534 "$open/home" "$AB_RUNTIME"
	export HOME=$open/home AB_VAULT=$open/home/vault AB_STATE=$open/home/state AB_KEY_FILE=$open/home/key
	as ab-vault get alice >/dev/null
	for what in vault vault/alice vault/alice/rules vault/vault.json; do
		chown 65533 "$open/home/$what" && chmod a+rX "$open/home/$what"
		says 77 "ab-vault: $open/home/$what is not yours" as ab-vault get alice
		chown 65534 "$open/home/$what" && chmod go= "$open/home/$what"
	done
	chown 65533 key "$AB_KEY_FILE" && chmod 644 "$AB_KEY_FILE"
	says 77 "ab-vault: *" as ab-vault get alice
	chown 65534 "$AB_KEY_FILE" && chmod 600 "$AB_KEY_FILE"
	chown 65533 "$open"
	says 77 "ab-vault: $open is another user's, who could put something else in the place of $open/home/vault" as ab-vault get alice
	chown 0 "$open"
	as ab-vault get alice >/dev/null
}

# torn CHECK COMMAND…: kills COMMAND in the middle of its 1st, 2nd … write, until it ends by itself; after each nothing is readable
# anywhere, and CHECK holds. '@' in an argument is the write's number.
torn() {
	local check=$1 ended=137
	shift
	for ((n = 1; ended == 137; n++)); do
		ended=0
		"$kill_at" "$n$how" "${@//@/$n}" >said 2>&1 </dev/null || ended=$?
		[ -z "$(in_the_clear)" ] && "$check" "$n" || { echo "at $n$how (seen: $ended $(cat said)) $(in_the_clear)"; return 1; }
	done
	echo "$((n - 1)) of '$how', then status $ended: $(cat said)"
	[ "$ended" -eq 0 ] && [ "$n" -gt 2 ]
}
how=h

# Files with a secret in them, but for the session's text itself, which the test keeps.
in_the_clear() {
	grep -rlaE "Wombat-[0-9]|QX7391846Z" "$HOME" "$AB_RUNTIME" "$AB_VAULT" "$AB_STATE" --exclude='*.yaml' 2>/dev/null
}

@test "set, import, a program's state: cut in the middle of any write, there is the old or the new, and nothing in the clear" {
	last=$(ab-vault get alice preferences.notice)
	old_or_new() {
		local now
		now=$(ab-vault get alice preferences.notice) || return
		[[ $now = "$last" || $now = "$1h" ]] || return
		last=$now
	}
	torn old_or_new ab-vault set alice preferences.notice @h
	for i in {1..40}; do sed -e "s/Wombat-1/Wombat-$i/" -e "s/^  notice: .*/  notice: ${i}h/" "$alice" >"text.$i.yaml"; done
	last=$(ab-vault get alice preferences.notice)
	whole_mark() {
		old_or_new "$1" || return
		[ "$(ab-vault get --reveal alice credentials.password)" = "Wombat-${last%h}" ] || [ "$(ab-vault get --reveal alice credentials.password)" = Wombat-1 ]
	}
	torn whole_mark ab-vault import --replace text.@.yaml alice
	seen='{}'
	state() {
		local now
		now=$(look_at read alice state) || return
		[[ $now = "$seen" || $now = "{\"n\":$1}" ]] && seen=$now
	}
	torn state ab-vault exec alice -- "$look" write alice state '{"n":@}'
}

@test "edit: the text is in memory alone, and cut anywhere, the record is old or new" {
	export XDG_RUNTIME_DIR=$HOME/none EDITOR="$HOME/editor"
	printf '#!/bin/sh\nsed -i "s/^  notice: .*/  notice: $(cat %s/mark)h/" "$1"\n' "$HOME" >editor && chmod +x editor
	last=$(ab-vault get alice preferences.notice)
	old_or_new() {
		local now
		now=$(ab-vault get alice preferences.notice) || return
		[[ $now = "$last" || $now = "$(cat mark)h" ]] || return
		last=$now
		echo $(($1 + 1)) >mark
	}
	echo 1 >mark
	torn old_or_new setsid -w ab-vault edit --discard alice || return
	[ ! -e "/dev/shm/ab-edit-$(id -u)/$(jq -r '.id[:12]' "$AB_VAULT/vault.json")-alice" ]
}

@test "init and rekey with a key to be made: cut anywhere, there is no vault yet, or one that a key that is there opens" {
	want=$(whole)
	ab-vault export --plain -o plain.yaml alice
	export AB_VAULT=$HOME/other/vault AB_STATE=$HOME/other/state AB_KEY_FILE=$HOME/other.key
	fresh() {
		if [ -e "$AB_VAULT/vault.json" ]; then
			ab-vault new --from plain.yaml alice && [ "$(whole)" = "$want" ] || return
		fi
		rm -rf other other.key
	}
	for how in h ''; do
		torn fresh ab-vault init --make-key
	done
	AB_VAULT=$HOME/vault AB_STATE=$HOME/state AB_KEY_FILE=$HOME/key
	key=key
	opens() {
		if [ -e "key.$how$1" ] && [ "$(AB_KEY_FILE=key.$how$1 whole 2>/dev/null)" = "$want" ]; then
			key=key.$how$1
		else
			[ "$(AB_KEY_FILE=$key whole)" = "$want" ] || return
		fi
		cmp -s "$key" "$HOME/key" || cp "$key" "$HOME/key"
	}
	for how in h ''; do
		torn opens ab-vault rekey --new-key-file "key.$how@" --make-key
	done
}

@test "rekey --master: cut in the middle of any write, everything opens, and the next command finishes it" {
	keep alice page 1.html
	look_at write alice state '{"cookies":"c"}'
	want=$(whole)
	all() {
		[ "$(whole)" = "$want" ] && [ "$(ab-vault evidence alice show 1.html)" = page ] || return
		[ "$(look_at read alice state)" = '{"cookies":"c"}' ]
	}
	torn all ab-vault rekey --master
}

@test "new, rm, import and export: cut anywhere, a whole session or bundle or none, and nothing in the clear" {
	want=$(whole)
	ab-vault export -o sealed --bundle-key-file key alice
	all_or_none() {
		if [[ $(ab-vault list) == *bob* ]]; then
			[ "$(whole bob)" = "$want" ] && ab-vault rm --force bob
		fi
	}
	torn all_or_none ab-vault new --from "$alice" bob
	for how in h ''; do torn all_or_none ab-vault import --bundle-key-file key sealed bob; done
	bundle() {
		if [ -e "out.$1" ]; then
			ab-vault import --bundle-key-file key "out.$1" bob && all_or_none
		fi
	}
	for how in h ''; do torn bundle ab-vault export -o out.@ --bundle-key-file key alice && rm out.*; done
	again() {
		[[ $(ab-vault list) == *bob* ]] || ab-vault new --from "$alice" bob || return
		[ "$(whole bob)" = "$want" ]
	}
	again
	torn again ab-vault rm --force bob
	all_or_none
	[ "$(ls "$AB_VAULT")" = "$(printf 'alice\nlock\nvault.json')" ]
}

@test "what makes a name last: a file is synced before it gets its name, and the folder after" {
	command -v strace >/dev/null || skip "strace is not there"
	strace -o trace -e trace=openat,fsync,fdatasync,rename,renameat,renameat2,close true || skip "strace may not trace here"
	check() {
		strace -f -yy -o trace -e trace=openat,write,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir "$@" >/dev/null 2>&1 </dev/null
		awk '
			function path(s) { match(s, /<[^>]*>/); return substr(s, RSTART + 1, RLENGTH - 2) }
			function folder(s) { sub(/\/[^\/]*$/, "", s); return s }
			/ (fsync|fdatasync)\(/ { synced[path($0)] = 1; delete owed[path($0)] }
			/ write\(/ { delete synced[path($0)] }
			/ rename\(/ { split($0, q, "\""); if (q[2] !~ /\.(new|gone)-[^\/]*$/ && q[4] !~ /\.(new|gone)-[^\/]*$/ && q[2] !~ /\/evidence\/\./ && !(q[2] in synced)) {
				print "not synced before it got its name: " $0; bad = 1 } owed[folder(q[4])] = $0 }
			/O_CREAT\|O_EXCL/ && /key/ { split($0, q, "\""); owed[folder(path(substr($0, index($0, "="))))] = $0 }
			END { for (f in owed) { print "folder " f " not synced after: " owed[f]; bad = 1 } exit bad }' trace
	}
	check ab-vault set alice preferences.notice 3h
	check ab-vault import --replace "$alice" alice
	check ab-vault new --from "$alice" bob
	check ab-vault rm --force bob
	check ab-vault rekey --new-key-file key9 --make-key
	AB_KEY_FILE=key9 check ab-vault rekey --master
}

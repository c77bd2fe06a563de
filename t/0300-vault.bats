# ab-vault: the vault, its keys, and a session's whole life in it.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	cd "$HOME" || return
	alice=$top_srcdir/t/fixtures/session/alice.yaml
	tty=$top_builddir/t/unit/on-tty
	export AB_KEY_FILE=$HOME/key
	unset VISUAL EDITOR CREDENTIALS_DIRECTORY
}
teardown() { drop_home; }

vault() { ab-vault init --make-key && ab-vault new --from "$alice" alice; }
# without a terminal to ask at
no_tty() { setsid -w "$@" </dev/null; }

# refused STATUS PATTERN COMMAND…: it ends so, and says one line that matches the (glob) pattern
refused() {
	local status_wanted=$1 pattern=$2
	shift 2
	run --separate-stderr "$@"
	echo "status $status: $stderr"
	[ "$status" -eq "$status_wanted" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	# shellcheck disable=SC2053
	[[ ${stderr_lines[0]} == $pattern ]]
}

@test "init makes a vault that is closed to others, once" {
	ab-vault init --make-key
	[ "$(stat -c %a "$AB_VAULT" "$AB_VAULT/vault.json" "$AB_KEY_FILE" | xargs)" = "700 600 600" ]
	before=$(cat "$AB_VAULT/vault.json")
	refused 73 "ab-vault: there is a vault in * already" ab-vault init
	[ "$(cat "$AB_VAULT/vault.json")" = "$before" ]
	refused 73 "ab-vault: make key file *: File exists" ab-vault init --make-key
}

@test "commands say what is missing: a vault, a session, a command" {
	refused 66 "ab-vault: there is no vault in *: make one with 'ab-vault init'" ab-vault get alice
	refused 66 "ab-vault: there is no vault in *" ab-vault list
	ab-vault init --make-key
	refused 66 "ab-vault: there is no session 'alice' in the vault*" ab-vault get alice
	refused 66 "ab-vault: there is no session 'alice' in the vault*" ab-vault rm --force alice
	refused 64 "ab-vault: there is no command 'burn'*" ab-vault burn
	refused 64 "ab-vault: '../x' is no session name*" ab-vault get ../x
	refused 64 "ab-vault: '.hid' is no session name*" ab-vault new --from "$alice" .hid
	refused 73 "ab-vault: *" ab-vault new --from "$alice" vault.json
}

@test "a session is made from a file, listed without a key, and shown with its secrets hidden" {
	vault
	[ "$(AB_KEY_FILE='' ab-vault list)" = alice ]
	[ "$(ab-vault list --long)" = "$(printf 'alice\tpractice\tbook yes\tuntil 2036-12-31')" ]
	run ab-vault get alice
	[[ $output == "provider: practice"* ]]
	[[ $output == *"password: (hidden)"* ]]
	[[ $output == *"passport_number: (hidden)"* ]]
	[[ $output == *"requests_per_day: 5000"* ]]
	[[ $output != *pace* && $output != *P0000001* && $output != *alice@* && $output != *ab-practice-mail* ]]
	run ab-vault get --reveal alice
	[[ $output == *"password: practice"* && $output == *P0000001* ]]
	[ "$(ab-vault get alice preferences.locations.1)" = Istanbul ]
	[ "$(ab-vault get --json alice consent | jq -c '[.owner, .requests_per_day, .book]')" = '[true,5000,"yes"]' ]
	[ "$(ab-vault get alice credentials.password)" = "(hidden)" ]
	[ "$(ab-vault get --reveal alice credentials.password)" = practice ]
	refused 1 "ab-vault: alice has no profile.middle_name" ab-vault get alice profile.middle_name
	refused 73 "ab-vault: there is a session 'alice' already" ab-vault new --from "$alice" alice
}

@test "what get --reveal shows makes the same session again" {
	vault
	ab-vault get --reveal alice | ab-vault new --from - bob
	[ "$(ab-vault get --reveal --json bob)" = "$(ab-vault get --reveal --json alice)" ]
}

@test "nothing of a session is on the disk but ciphertext" {
	vault
	run grep -rlaE 'alice@|P0000001|practice|Istanbul|127.0.0.1|1990-02' "$AB_VAULT" "$AB_STATE"
	[ -z "$output" ]
	# files of one session, and the same part of two, share no bytes worth speaking of
	ab-vault new --from "$alice" bob
	not cmp -s "$AB_VAULT/alice/rules" "$AB_VAULT/bob/rules"
}

@test "set changes one field, checks the whole, and writes nothing that is wrong" {
	vault
	ab-vault set alice consent.until 2027-06-30
	[ "$(ab-vault get alice consent.until)" = 2027-06-30 ]
	ab-vault set alice preferences.locations.0 Izmir
	ab-vault set alice preferences.locations.2 Bursa
	[ "$(ab-vault get --json alice preferences.locations)" = '["Izmir","Istanbul","Bursa"]' ]
	ab-vault set alice preferences.locations.1 --delete
	[ "$(ab-vault get --json alice preferences.locations)" = '["Izmir","Bursa"]' ]
	ab-vault set --yaml alice preferences.weekdays '[sat, sun]'
	[ "$(ab-vault get --json alice preferences.weekdays)" = '["sat","sun"]' ]
	printf 'n€w "pass": word' | ab-vault set alice credentials.password -
	[ "$(ab-vault get --reveal alice credentials.password)" = 'n€w "pass": word' ]
	ab-vault set alice consent.requests_per_day 12
	[ "$(ab-vault get --json alice consent.requests_per_day)" = 12 ]
	before=$(ab-vault get --reveal --json alice)
	refused 65 "ab-vault: consent.until: must be a real date*" ab-vault set alice consent.until 2027-02-30
	refused 65 "ab-vault: consent.untli: unknown; did you mean 'until'?" ab-vault set alice consent.untli 2027-02-03
	refused 65 "ab-vault: 'provider' is missing" ab-vault set --delete alice provider
	refused 65 "ab-vault: preferences.weekdays: must be a list*" ab-vault set alice preferences.weekdays mon
	refused 64 "*no index of this list*" ab-vault set alice preferences.locations.7 Ankara
	refused 64 "ab-vault: give one of*" ab-vault set alice preferences.notice
	[ "$(ab-vault get --reveal --json alice)" = "$before" ]
}

@test "a secret is not taken from the arguments" {
	vault
	for path in credentials.password inbox.password profile.passport_number party.0.first_name; do
		refused 64 "ab-vault: $path is secret, and arguments can be read by others*" ab-vault set alice "$path" x
	done
}

@test "a picture goes into the profile and is not shown to editors" {
	vault
	printf '\211PNG\r\n\032\n%s' "picture" >passport.scan.png
	ab-vault set alice profile.files.passport.png --file passport.scan.png
	[ "$(ab-vault get --reveal --json alice profile.files | jq -c '.["passport.png"] | [.name, .type]')" = '["passport.scan.png","image/png"]' ]
	ab-vault get --reveal alice profile.files.passport.png.data_base64 | base64 -d | cmp - passport.scan.png
	export EDITOR="sed -i -e 's/Izmir/Ankara/' -e 's/first_name: Alice/first_name: Alicia/' -e w$HOME/seen"
	ab-vault edit alice
	grep -q 'data_base64: (kept)' seen
	[ "$(ab-vault get --reveal alice profile.first_name)" = Alicia ]
	ab-vault get --reveal alice profile.files.passport.png.data_base64 | base64 -d | cmp - passport.scan.png
	refused 64 "*--file goes to profile.files.NAME*" ab-vault set alice site.base --file passport.scan.png
}

@test "rm asks, and does nothing without an answer" {
	vault
	refused 78 "ab-vault: there is no terminal to ask at: give --force to remove 'alice'" no_tty ab-vault rm alice
	run "$tty" "Remove the session 'alice'" n -- ab-vault rm alice
	[ "$status" -eq 1 ]
	[ "$(ab-vault list)" = alice ]
	run "$tty" "Remove the session 'alice'" y -- ab-vault rm alice
	[ "$status" -eq 0 ]
	[ -z "$(ab-vault list)" ] && [ ! -e "$AB_VAULT/alice" ]
	ab-vault new --from "$alice" alice # the name is free again, and nothing is taken for a rollback
	ab-vault get alice >/dev/null
	ab-vault rm --force alice
	[ "$(ls -A "$AB_VAULT")" = "$(printf 'lock\nvault.json')" ]
}

@test "export and import carry a session in a sealed bundle" {
	vault
	(umask 077 && head -c 32 /dev/urandom >bundle.key && head -c 32 /dev/urandom >other.key)
	ab-vault export --bundle-key-file bundle.key --output alice.bundle alice
	[ "$(stat -c %a alice.bundle)" = 600 ]
	not grep -qaE 'alice|practice' alice.bundle
	want=$(ab-vault get --reveal --json alice)
	ab-vault import --bundle-key-file bundle.key alice.bundle bob
	[ "$(ab-vault get --reveal --json bob)" = "$want" ]
	refused 73 "*there is a session 'alice' already" ab-vault import --bundle-key-file bundle.key alice.bundle
	ab-vault set alice consent.book no
	ab-vault import --replace --bundle-key-file bundle.key alice.bundle
	[ "$(ab-vault get --reveal --json alice)" = "$want" ]
	refused 77 "ab-vault: wrong key: the bundle does not open with it" \
		ab-vault import --bundle-key-file other.key alice.bundle carol
	refused 78 "ab-vault: a key file is needed*" ab-vault import alice.bundle carol
	sed 's/"sealed":"..../"sealed":"AAAA/' alice.bundle >broken.bundle
	refused 65 "ab-vault: the bundle: damaged*" ab-vault import --bundle-key-file bundle.key broken.bundle carol
	# in another vault
	AB_VAULT=$HOME/vault2 ab-vault init
	AB_VAULT=$HOME/vault2 AB_STATE=$HOME/state2 ab-vault import --bundle-key-file bundle.key alice.bundle
	[ "$(AB_VAULT=$HOME/vault2 AB_STATE=$HOME/state2 ab-vault get --reveal --json alice)" = "$want" ]
	# and as plain text, with a warning
	run --separate-stderr ab-vault export --plain alice
	[[ $stderr == "ab-vault: warning: --plain writes passwords"* ]]
	printf '%s\n' "$output" | ab-vault import - dora
	[ "$(ab-vault get --reveal --json dora)" = "$want" ]
	refused 64 "*give its name*" ab-vault import - <<<"$output"
}

@test "a bundle under a passphrase" {
	vault
	"$tty" "Passphrase for the bundle: " "over the hills" "Once more: " "over the hills" -- \
		ab-vault export --kdf interactive -o bundle alice
	run "$tty" "Passphrase of the bundle: " "wrong" -- ab-vault import bundle bob
	[ "$status" -eq 77 ]
	run "$tty" "Passphrase of the bundle: " "over the hills" -- ab-vault import bundle bob
	[ "$status" -eq 0 ]
	[ "$(ab-vault list | xargs)" = "alice bob" ]
}

@test "a passphrase is asked twice, not shown, and wanted again" {
	unset AB_KEY_FILE
	run "$tty" "new vault: " "one thing" "Once more: " "another" "new vault: " "" "new vault: " "correct horse" \
		"Once more: " "correct horse" -- ab-vault init --kdf interactive
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *correct* && $output != *another* && $output == *"They differ"*"must not be empty"*"[echo on]" ]]
	run "$tty" "Passphrase of the vault: " "correct horse" -- ab-vault new --from "$alice" alice
	[ "$status" -eq 0 ]
	run "$tty" "of the vault: " "battery staple" "of the vault: " "paper clip" "of the vault: " "battery staple" -- \
		ab-vault get alice
	[ "$status" -eq 77 ]
	[[ $output == *"ab-vault: wrong passphrase: the vault in "*" does not open with it"* && $output != *battery* ]]
	# keys of another kind are not tried, those of the environment not even looked at
	printf '%064d' 0 >key && chmod 600 key
	refused 77 "ab-vault: wrong kind of key: this vault opens with a passphrase*" ab-vault get --key-file key alice
	AB_KEY_FILE=key run "$tty" "Passphrase of the vault: " "correct horse" -- ab-vault get alice consent.book
	[[ $status -eq 0 && $output == *yes* ]]
	refused 78 "ab-vault: there is no terminal to ask at*" no_tty ab-vault get alice
}

@test "a signal while a passphrase is typed leaves the terminal as it was" {
	unset AB_KEY_FILE
	"$tty" "new vault: " "correct horse" "Once more: " "correct horse" -- ab-vault init --kdf interactive
	run "$tty" "Passphrase of the vault: " "^C" -- ab-vault rekey
	echo "$output"
	[ "$status" -eq 130 ]
	[[ $output == *"[echo on]" ]]
	run "$tty" "Passphrase of the vault: " "^D" -- ab-vault rekey
	[ "$status" -eq 77 ]
	[[ $output == *"no answer at the terminal"*"[echo on]" ]]
}

@test "a key file may be raw or hex, from a file, a descriptor or systemd; never open to others" {
	head -c 32 /dev/urandom >raw && od -An -vtx1 raw | tr -d " \n" >hex
	chmod 600 raw hex
	AB_KEY_FILE=raw ab-vault init
	AB_KEY_FILE=hex ab-vault new --from "$alice" alice
	unset AB_KEY_FILE
	[ "$(ab-vault get --key-file hex alice consent.book)" = yes ]
	[ "$(ab-vault --key-file hex get alice consent.book)" = yes ]
	[ "$(ab-vault get --key-fd 7 alice consent.book 7<raw)" = yes ]
	mkdir credentials && cp raw credentials/ab.key && chmod 440 credentials/ab.key
	[ "$(CREDENTIALS_DIRECTORY=$PWD/credentials ab-vault get alice consent.book)" = yes ]
	chmod 640 raw
	refused 77 "ab-vault: key file raw: its permissions are too open: chmod 600 raw" ab-vault get --key-file raw alice
	head -c 31 hex >short && chmod 600 short
	refused 65 "ab-vault: short: no key: it must be 32 bytes or 64 hex digits*" ab-vault get --key-file short alice
	tr 0-9a-f g-v <hex >nohex && chmod 600 nohex
	refused 65 "ab-vault: nohex: no key*" ab-vault get --key-file nohex alice
	head -c 32 /dev/urandom >other && chmod 600 other
	refused 77 "ab-vault: wrong key: the vault in * does not open with it" ab-vault get --key-file other alice
	refused 66 "ab-vault: open key file none: No such file*" ab-vault get --key-file none alice
	refused 64 "ab-vault: --key-fd takes a number, not 'x'*" ab-vault get --key-fd x alice
	refused 78 "ab-vault: a key file is needed*" ab-vault get alice
}

@test "what others could read or write is refused" {
	vault
	chmod 750 "$AB_VAULT"
	refused 77 "ab-vault: $AB_VAULT: its permissions are too open: chmod 700 *" ab-vault get alice
	chmod 700 "$AB_VAULT" && chmod 770 "$AB_VAULT/alice"
	refused 77 "ab-vault: */alice: its permissions are too open: chmod 700 *" ab-vault get alice
	chmod 700 "$AB_VAULT/alice" && chmod 644 "$AB_VAULT/alice/secrets"
	refused 77 "ab-vault: */alice/secrets: its permissions are too open: chmod 600 *" ab-vault get alice
	chmod 600 "$AB_VAULT/alice/secrets" && chmod 604 "$AB_VAULT/vault.json"
	refused 77 "ab-vault: */vault.json: its permissions are too open: chmod 600 *" ab-vault get alice
	chmod 600 "$AB_VAULT/vault.json"
	ab-vault get alice >/dev/null
}

@test "rekey changes the key file or passphrase; the old one opens nothing" {
	vault
	want=$(ab-vault get --reveal --json alice)
	cp "$AB_VAULT/alice/rules" rules.before
	ab-vault rekey --new-key-file key2 --make-key
	cmp "$AB_VAULT/alice/rules" rules.before # only the wrapping changed
	refused 77 "ab-vault: wrong key*" ab-vault get alice
	[ "$(ab-vault get --key-file key2 --reveal --json alice)" = "$want" ]
	"$tty" "New passphrase" "correct horse" "Once more: " "correct horse" -- ab-vault rekey --kdf interactive --key-file key2
	refused 77 "ab-vault: wrong kind of key*" ab-vault get --key-file key2 alice
	run "$tty" "Passphrase of the vault: " "correct horse" -- ab-vault get alice consent.until
	[[ $output == *2036-12-31* ]]
	run "$tty" "Passphrase of the vault: " "correct horse" -- ab-vault rekey --new-key-file key2
	[ "$status" -eq 0 ]
	[ "$(ab-vault get --key-file key2 --reveal --json alice)" = "$want" ]
}

@test "rekey --master seals everything anew, evidence too, and old keys open nothing" {
	vault
	ab-vault new --from "$alice" bob
	printf 'a page' | ab-vault exec alice -- "$top_builddir/t/unit/vault-test" evidence alice page.html
	pace=$(ab-vault exec alice -- "$top_builddir/t/unit/vault-test" read alice rules | jq -c .pace)
	want=$(ab-vault get --reveal --json alice)
	cp -r "$AB_VAULT/alice" alice.before && cp "$AB_VAULT/vault.json" vault.before
	ab-vault rekey --master
	[ "$(ab-vault get --reveal --json alice)" = "$want" ]
	[ "$(ab-vault get --reveal --json bob)" = "$want" ]
	[ "$(ab-vault evidence alice show page.html)" = "a page" ]
	for part in secrets profile rules notices state audit; do
		not cmp -s "$AB_VAULT/alice/$part" "alice.before/$part"
		cp "$AB_VAULT/alice/$part" now && cp "alice.before/$part" "$AB_VAULT/alice/$part"
		refused 77 "*/alice/$part: wrong key*" ab-vault exec alice -- "$top_builddir/t/unit/vault-test" read alice $part
		cp now "$AB_VAULT/alice/$part"
	done
	# a fresh master and a fresh key file in one go; budgets keep their names
	ab-vault rekey --master --new-key-file key2 --make-key
	export AB_KEY_FILE=$HOME/key2
	ab-vault set alice consent.book ask
	[ "$(ab-vault exec alice -- "$top_builddir/t/unit/vault-test" read alice rules | jq -c .pace)" = "$pace" ]
}

@test "rekey --master waits for nobody: it refuses while a session's program runs" {
	vault
	mkdir -p "$AB_RUNTIME/alice/lock"
	exec 8>"$AB_RUNTIME/alice/lock/ab-poll"
	flock 8 && echo 4242 >&8
	refused 75 "ab-vault: ab-poll of alice runs as process 4242; stop it first" ab-vault rekey --master
	exec 8>&-
	ab-vault rekey --master
}

@test "a program that was given keys before rekey --master can neither read nor overwrite" {
	vault
	# shellcheck disable=SC2016
	run --separate-stderr ab-vault exec alice -- sh -c '
		AB_KEYS= ab-vault rekey --master || exit 9
		"$top_builddir/t/unit/vault-test" read alice state; echo "$?"
		"$top_builddir/t/unit/vault-test" write alice state "{}"; echo "$?"'
	echo "$output" "$stderr"
	[ "$output" = $'77\n77' ]
	[[ $stderr == *"wrong key: it is sealed under another one (after a rekey, start the programs again)"* ]]
	ab-vault exec alice -- "$top_builddir/t/unit/vault-test" write alice state '{"a":"b"}'
	[ "$(ab-vault exec alice -- "$top_builddir/t/unit/vault-test" read alice state)" = '{"a":"b"}' ]
}

@test "evidence is listed and shown, and is sealed" {
	vault
	[ -z "$(ab-vault evidence alice)" ]
	head -c 100000 /dev/urandom >picture
	ab-vault exec alice -- "$top_builddir/t/unit/vault-test" evidence alice book-1.png <picture
	printf 'Ms Example, P0000001' | ab-vault exec alice -- "$top_builddir/t/unit/vault-test" evidence alice confirm.html
	[ "$(ab-vault evidence alice list | xargs)" = "book-1.png confirm.html" ]
	ab-vault evidence alice show book-1.png | cmp - picture
	not grep -rqa P0000001 "$AB_STATE"
	cp "$AB_STATE/alice/evidence/book-1.png" "$AB_STATE/alice/evidence/confirm.html"
	refused 65 "*confirm.html: swapped*" ab-vault evidence alice show confirm.html
	refused 66 "*none.html: No such file*" ab-vault evidence alice show none.html
	refused 64 "*is no evidence name*" ab-vault evidence alice show ../state.json
	refused 64 "*usage: ab-vault evidence*" ab-vault evidence alice show
}

@test "new asks for what the provider needs, shows the terms, and wants consent" {
	mkdir -p providers/office
	cat >providers/office/provider.yaml <<-'END'
		name: office
		title: The Office of Examples
		terms: |
		  Be polite.
		  One booking each.
		timezone: Europe/Berlin
		base: "${.site.base}"
		needs:
		  site.base: {title: "Address of the site", default: "http://127.0.0.1:8460/"}
		  credentials.username: {title: "E-mail"}
		  credentials.password: {title: "Password", secret: true}
		  profile.first_name: {title: "First name"}
		  profile.last_name: {title: "Last name"}
		  profile.address.street: {title: Street, optional: true}
		flows:
		  check:
		    - get: /
		    - expect: {css: main}
		    - rows: {each: li, get: {id: a}}
		    - slots: "${.var.rows}"
	END
	export AB_PROVIDERS=$HOME/providers
	ab-vault init --make-key
	run "$tty" "One booking each." "" -- ab-vault new --provider office alice
	echo "$output"; [[ $status -eq 77 && $output == *"nothing was made"* ]]
	run "$tty" "agree to keep to them? [y/N]" y "Address of the site [http://127.0.0.1:8460/]: " "" "Your time zone [Europe/Berlin]: " \
		"Mars/Olympus" "A name such as" "Europe/Istanbul" "E-mail: " "alice@example.org" "Password: " "hunter two" "codes arrive" "maildir:/tmp/x" \
		"Street: " "" "First name: " "Alice" "Last name: " "Example" "Is the appointment yours" y "without asking you" "maybe" \
		"yes, ask or no." yes "Last day" 2030-02-30 "A date such as" 2030-02-28 "per day" "" -- ab-vault new -p office alice
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"hunter"* ]]
	[ "$(ab-vault get --reveal --json alice | jq -cS .)" = "$(jq -cnS '{provider: "office", timezone: "Europe/Istanbul",
		site: {base: "http://127.0.0.1:8460/"}, credentials: {username: "alice@example.org", password: "hunter two"},
		inbox: {url: "maildir:/tmp/x"}, profile: {first_name: "Alice", last_name: "Example"},
		consent: {owner: true, book: "yes", cancel: "no", until: "2030-02-28", requests_per_day: 1000}}')" ]
	run "$tty" "agree to keep" y "Address" "" "time zone" "" "E-mail" a "Password" b "codes" "" "Street" "1 Lane" "First" A "Last" B \
		"Is the appointment yours" n -- ab-vault new -p office bob
	[ "$status" -eq 77 ]
	[ "$(ab-vault list)" = alice ]
	refused 78 "ab-vault: there is no terminal to ask at: give --from FILE" no_tty ab-vault new -p office carol
}

@test "budgets' names are the same for the same account, differ between accounts, and tell nothing" {
	vault
	pace() { ab-vault exec --parts rules "$1" -- "$top_builddir/t/unit/vault-test" read "$1" rules | jq -r ".pace.$2"; }
	sed 's/alice@example.org/bob@example.org/' "$alice" | ab-vault new --from - bob
	sed 's#8460/#8460/office/#' "$alice" | ab-vault new --from - alice2
	[[ $(pace alice site) =~ ^[0-9a-f]{32}$ && $(pace alice account) =~ ^[0-9a-f]{32}$ ]]
	[ "$(pace alice site)" = "$(pace bob site)" ]
	[ "$(pace alice account)" != "$(pace bob account)" ]
	[ "$(pace alice account)" = "$(pace alice2 account)" ] # the same origin
	ab-vault set alice site.base HTTP://Other.Example.ORG:80/x
	[ "$(pace alice site)" != "$(pace bob site)" ]
	other=$(pace alice site)
	ab-vault set alice site.base http://other.example.org
	[ "$(pace alice site)" = "$other" ]
	id=$(ab-vault exec --parts rules alice -- "$top_builddir/t/unit/vault-test" read alice rules | jq -r .id)
	[[ $id =~ ^[0-9a-f-]{36}$ ]]
	ab-vault set alice consent.book no
	[ "$(ab-vault exec --parts rules alice -- "$top_builddir/t/unit/vault-test" read alice rules | jq -r .id)" = "$id" ]
}

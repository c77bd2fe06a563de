# What the test files share. Each file runs alone and beside others: everything it makes is below
# $BATS_TEST_TMPDIR, servers take free ports, and waiting is for an event, with a deadline.

: "${top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
export top_srcdir top_builddir
# SLOWER=4: every deadline is four times as long (sanitized programs, valgrind)
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-$((60 * ${SLOWER:-1}))}
export PATH="$top_builddir/bin:$PATH"
export AB_BIN="$top_builddir/bin" AB_LIBEXEC="$top_builddir/libexec"
export AB_PROVIDERS="$top_srcdir/providers" AB_PKGDATA="$top_srcdir/share"
export LC_ALL=C.UTF-8 TZ=UTC
unset AB_KEYS XDG_STATE_HOME XDG_DATA_HOME XDG_RUNTIME_DIR

# A home of its own for each test, with short paths (Unix sockets hold 107 bytes).
fresh_home() {
	HOME=$BATS_TEST_TMPDIR/home
	AB_RUNTIME=$(mktemp -d "${TMPDIR:-/tmp}/ab-t.XXXXXX")
	AB_STATE=$HOME/state AB_VAULT=$HOME/vault
	mkdir -p "$HOME"
	export HOME AB_RUNTIME AB_STATE AB_VAULT
}
drop_home() {
	[ -z "${AB_RUNTIME:-}" ] || rm -rf "$AB_RUNTIME"
}

# not COMMAND…: succeeds when it fails. (In bats a bare "! command" never fails a test.)
not() { ! "$@"; }

# until_true SECONDS COMMAND…: runs COMMAND until it succeeds; fails at the deadline.
until_true() {
	local end=$(($(date +%s%N) + $1 * ${SLOWER:-1} * 1000000000))
	shift
	until "$@"; do
		[ "$(date +%s%N)" -lt "$end" ] || { echo "deadline passed: $*" >&2; return 1; }
		read -rt 0.05 <> <(:) || :
	done
}

# until_line SECONDS FILE JQ-CONDITION: until a line of FILE (NDJSON) satisfies it; prints the line.
until_line() {
	until_true "$1" has_line "$2" "$3"
	jq -c "select($3)" "$2" | head -n 1
}
has_line() {
	[ -s "$1" ] && [ -n "$(jq -c "select($2)" "$1" 2>/dev/null | head -n 1)" ]
}

# Ends a background process by its pid and waits for it.
end_pid() {
	[ -z "${1:-}" ] || { kill "$1" 2>/dev/null || :; wait "$1" 2>/dev/null || :; }
}

# ---- the practice sites and sessions on them ---------------------------------------------------------

# start_site [OPTION…]: ab-demo on free ports; sets SITE_PID, BASE, CONTROL and MAIL
start_site() {
	MAIL=$BATS_TEST_TMPDIR/mail
	ab-demo --listen 127.0.0.1:0 --control 127.0.0.1:0 --maildir "$MAIL" --seed 1 "$@" \
		>"$BATS_TEST_TMPDIR/site.json" 2>"$BATS_TEST_TMPDIR/site.log" 3>&- &
	SITE_PID=$!
	until_line 10 "$BATS_TEST_TMPDIR/site.json" '.control' >/dev/null
	BASE=$(jq -r .base "$BATS_TEST_TMPDIR/site.json")
	CONTROL=$(jq -r .control "$BATS_TEST_TMPDIR/site.json")
}
stop_site() {
	end_pid "${SITE_PID:-}"
	SITE_PID=
}
control() { # control PATH [JSON]
	if [ $# -gt 1 ]; then curl -sSf -d "$2" "${CONTROL}_demo/$1"; else curl -sSf "${CONTROL}_demo/$1"; fi
}
# release OFFICE PLACE CATEGORY START…: slots appear; START as 2027-01-11T09:30
release() {
	local office=$1 place=$2 category=$3 start list=
	shift 3
	for start; do
		list="$list${list:+,}{\"place\":\"$place\",\"category\":\"$category\",\"start\":\"$start\",\"seats\":1}"
	done
	control release "{\"office\":\"$office\",\"slots\":[$list]}" >/dev/null
}
# The site's own bookings that stand, as a JSON array
truth() {
	control bookings | jq -c '[(.bookings? // .)[] | select(.state != "cancelled" and .state != "expired")]'
}
day() { TZ=Europe/Istanbul date -d "+$1 days" +%F; }

# new_session NAME PROVIDER [JQ-FILTER]: a session in the test's vault (made at first use); the filter changes
# the record, as JSON, before it goes in. Where deadlines are longer it looks less often: the budget lasts as long.
new_session() {
	export AB_KEY_FILE=$HOME/key
	if [ ! -e "$AB_KEY_FILE" ]; then
		(umask 077 && head -c 32 /dev/urandom >"$AB_KEY_FILE")
		ab-vault init >/dev/null
	fi
	jq -n --arg name "$1" --arg provider "$2" --arg base "$BASE" --arg mail "$MAIL" --arg home "$HOME" \
		--arg from "$(day 10)" --arg to "$(day 60)" --arg until "$(day 90)" --arg interval "${SLOWER:-1}s" "{
		provider: \$provider, site: {base: \$base}, timezone: \"Europe/Istanbul\",
		credentials: {username: (\$name + \"@example.org\"), password: \"practice\"},
		inbox: {url: (\"maildir:\" + \$mail)},
		profile: {first_name: \"Alice\", last_name: \"Example\", email: (\$name + \"@example.org\"), phone: \"+90 312 000 00 00\",
			nationality: \"TUR\", date_of_birth: \"1990-02-01\", passport_number: \"P0000001\",
			passport_expiry: \"2032-05-31\", address: \"1 Example Street\"},
		preferences: {between: [\$from, \$to], locations: [\"Ankara\", \"Istanbul\"]},
		schedule: {interval: \$interval, jitter: \"0s\"},
		notify: [\"file:\" + \$home + \"/notices.ndjson\"],
		consent: {owner: true, book: \"yes\", cancel: \"no\", until: \$until, requests_per_day: \"100000\"}
	} | ${3:-.}" >"$HOME/$1.json"
	ab-vault new --from "$HOME/$1.json" "$1" >/dev/null
	rm "$HOME/$1.json"
}

# man_example PAGE N: the Nth literal block of a page's EXAMPLES, as a person would type it
man_example() {
	awk -v n="$2" '/^\.Sh EXAMPLES/ { on = 1; next } /^\.Sh/ { on = 0 } on && /^\.Bd -literal/ { block++; next }
		/^\.Ed/ { if (block == n) exit } on && block == n' "$top_srcdir/man/$1" |
		sed 's/\\(dq/"/g; s/\\(aq/'"'"'/g; s/\\&//g; s/\\e/\\/g; s/\\-/-/g'
}

# memory_below KB PID: its resident memory (with sanitizers or valgrind, ten times as much is fine)
memory_below() {
	local limit=$1
	! grep -q '__asan_init\|^exec valgrind' "$top_builddir/bin/ab-plan" || limit=$((limit * 10))
	[ "$(sed -n 's/VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$2/status")" -lt "$limit" ]
}

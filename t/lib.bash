# What the test files share. Each file runs alone and beside others: everything it makes is below
# $BATS_TEST_TMPDIR, servers take free ports, and waiting is for an event, with a deadline.

: "${top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
export top_srcdir top_builddir
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-60}
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

# until_true SECONDS COMMAND…: runs COMMAND until it succeeds; fails at the deadline.
until_true() {
	local end=$(($(date +%s%N) + $1 * 1000000000))
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

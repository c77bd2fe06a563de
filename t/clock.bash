# For the tests of clocks that are set: programs under `clocked` see the wall clock that set_clock makes (t/clock-preload.c).

clock_setup() {
	fresh_home
	pids=() SITE_PID=
	clock=$BATS_TEST_TMPDIR/clock
	head -c 32 /dev/zero >"$clock"
	with_clock=(env CLOCK_FILE="$clock" LD_PRELOAD="$top_builddir/t/clock-preload.so"
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0")
	set_clock 0
	out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
}
clock_teardown() {
	local pid
	tail -n 8 "$out" "$err" 2>/dev/null | cut -c 1-500 || :
	exec 9>&-
	for pid in "${pids[@]}"; do end_pid "$pid"; done
	stop_site
	drop_home
}

H=3600000
# set_clock MS: how far the wall clock of the programs under `clocked` is ahead of the true one, from now on
set_clock() { printf '%-31d' "$(($1))" | dd of="$clock" conv=notrunc status=none; }
# clocked COMMAND…: on that clock; a program built with sanitizers wants to be first in LD_PRELOAD, and is told that it is not
clocked() { "${with_clock[@]}" "$@"; }
# behind COMMAND…: clocked, in the background; its pid in $pid
behind() {
	"${with_clock[@]}" "$@" <&0 >"$out" 2>"$err" 3>&- 9>&- &
	pid=$!
	pids+=("$pid")
}
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
asked() { control requests | jq .total; }

# The page agent on a browser, and what is left of it. `load browser` after `load lib`.

# chromium_here: skips the test where no Chromium is installed
chromium_here() {
	local p
	[ -z "${AB_CHROMIUM:-}" ] || return 0
	for p in /usr/lib/chromium/chromium-headless-shell /usr/lib/chromium/chromium; do
		[ ! -x "$p" ] || return 0
	done
	for p in chromium-headless-shell chrome-headless-shell chromium; do
		! command -v "$p" >/dev/null || return 0
	done
	skip "no Chromium is installed: ./bootstrap check brings chromium-headless-shell"
}

# browser_pids: the processes of this test's browsers (their profile's folder is below AB_RUNTIME), keepers too
browser_pids() {
	local f
	for f in /proc/[0-9]*/cmdline; do
		! grep -qsaF -e "$AB_RUNTIME/.browser/at." "$f" || echo "${f//[!0-9]/}"
	done
}
no_browser() { [ -z "$(browser_pids)" ]; }
# keeper_pid, browser_pid: its keeper; the browser itself
keeper_pid() {
	local p
	for p in $(browser_pids); do
		! tr '\0' '\n' <"/proc/$p/cmdline" | grep -qx -e --keep || echo "$p"
	done
}
browser_pid() {
	local p keeper
	keeper=$(keeper_pid)
	for p in $(browser_pids); do
		[ "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$p/status")" != "$keeper" ] || echo "$p"
	done
}
# renderer_pids: the processes that show pages; they are in the browser's process group
renderer_pids() {
	local f group stat
	group=$(browser_pid)
	for f in /proc/[0-9]*; do
		stat=$(cat "$f/stat" 2>/dev/null) || continue
		read -r _ _ pgrp _ <<<"${stat##*) }"
		[ "$pgrp" != "$group" ] || ! tr '\0' ' ' <"$f/cmdline" | grep -q -e --type=renderer || echo "${f#/proc/}"
	done
}
no_profile() { [ -z "$(find "$AB_RUNTIME/.browser" -name 'at.*' 2>/dev/null)" ]; }

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
	grep -laF -f <(echo "$AB_RUNTIME/.browser/at.") /proc/[0-9]*/cmdline 2>/dev/null | tr -dc '0-9\n'
}
no_browser() { [ -z "$(browser_pids)" ]; }
# keeper_pid, browser_pid: its keeper; the browser itself
keeper_pid() {
	local p
	for p in $(browser_pids); do
		! grep -qz '/ab-page-keeper$' "/proc/$p/cmdline" || echo "$p"
	done
}
browser_pid() {
	local p keeper
	keeper=$(keeper_pid)
	for p in $(browser_pids); do
		! grep -qsx "PPid:[[:space:]]*$keeper" "/proc/$p/status" || echo "$p"
	done
}
# renderer_pids: the processes that show pages; they are in the browser's process group
renderer_pids() {
	local p rest pgrp group
	group=$(browser_pid)
	for p in $(grep -la -e --type=renderer /proc/[0-9]*/cmdline 2>/dev/null | tr -dc '0-9\n'); do
		rest=$(cat "/proc/$p/stat" 2>/dev/null) || continue
		read -r _ _ pgrp _ <<<"${rest##*) }"
		[ "$pgrp" != "$group" ] || echo "$p"
	done
}
no_profile() { [ -z "$(find "$AB_RUNTIME/.browser" -name 'at.*' 2>/dev/null)" ]; }

# The provider vfs-global on ab-demo's office vfs. `load vfs` after `load lib` and `load browser`.

vfs_setup() {
	chromium_here
	fresh_home
	start_site --vfs-wait 100ms
}
vfs_teardown() {
	tail -n 5 "$HOME/out" "$HOME/err" 2>/dev/null | cut -c 1-600 || :
	end_pid "${PIPE_PID:-}"
	stop_site
	until_true 10 no_browser
	drop_home
}

# visitor [JQ]: the session alice, further changed
visitor() {
	new_session alice vfs-global ".profile.gender = \"f\" | .schedule.interval = \"5s\" | ${1:-.}"
}
# watch: the session runs, until result STATUS: its booking.result is in $HOME/result
watch() {
	ab-run alice >"$HOME/out" 2>"$HOME/err" 3>&- &
	PIPE_PID=$!
}
result() { until_line "${2:-60}" "$HOME/out" ".type == \"booking.result\" and .data.status == \"$1\"" >"$HOME/result"; }
offer() { # offer TIME [SEATS]
	control release "{\"office\":\"vfs\",\"slots\":[{\"place\":\"Ankara\",\"category\":\"short-stay/tourism\",\"start\":\"$(day 20)T$1\",\"seats\":${2:-1}}]}" >/dev/null
}

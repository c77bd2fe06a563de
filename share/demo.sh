# What the demos share: a folder for all that is made, a practice site, a vault, sessions of people who do not exist, and what is
# said of their events. It is read by them, after $data is set.
# shellcheck shell=sh disable=SC2154,SC2034,SC2119

bin=${AB_BIN:+$AB_BIN/}
dir=$(mktemp -d "${TMPDIR:-/tmp}/ab-demo.XXXXXX")
AB_STATE=$dir/state AB_VAULT=$dir/vault AB_RUNTIME=$dir/run AB_KEY_FILE=$dir/key
export AB_STATE AB_VAULT AB_RUNTIME AB_KEY_FILE
unset AB_KEYS

site='' run='' show=''
finish() {
	status=$?
	trap - EXIT INT TERM
	for pid in $run $show $site; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "demo: $*" >&2
	exit 1
}

# wait_for SECONDS WHAT COMMAND…: until COMMAND succeeds
wait_for() {
	end=$(($(date +%s) + $1))
	what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || fail "waited in vain for $what; see $dir"
		sleep 0.1
	done
}

now_ms() { date +%s%3N; }

mkdir "$dir/run" "$dir/state"
head -c 32 /dev/urandom >"$dir/key"
chmod 600 "$dir/key"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then colour=1; else colour=''; fi
say() { if [ -n "$colour" ]; then printf '\033[1m%s\033[0m\n' "$*"; else printf '%s\n' "$*"; fi; }

# start_site OPTION…: sets base and control
start_site() {
	say "The practice sites start, on this machine only."
	"${bin}ab-demo" --listen 127.0.0.1:0 --control 127.0.0.1:0 --maildir "$dir/mail" --seed 1 "$@" \
		>"$dir/site.json" 2>"$dir/site.log" &
	site=$!
	wait_for 10 "the practice sites" grep -q control "$dir/site.json"
	base=$(jq -r .base "$dir/site.json")
	control=$(jq -r .control "$dir/site.json")
	echo "  site $base   files $dir"
}
control() { # control PATH JSON
	curl -sSf -o /dev/null -d "$2" "${control}_demo/$1"
}
day() { TZ=Europe/Istanbul date -d "+$1 days" +%F; }
slot() { printf '{"place":"%s","category":"%s","start":"%sT%s","seats":1}' "$1" "$2" "$(day "$3")" "$4"; }

# session NAME PROVIDER FIRST-NAME PREFERENCES INTERVAL: into the vault
session() {
	cat >"$dir/$1.yaml" <<-EOF
		provider: $2
		site: {base: "$base"}
		timezone: Europe/Istanbul
		credentials: {username: $1@example.org, password: practice}
		inbox: {url: "maildir:$dir/mail"}
		profile:
		  first_name: $3
		  last_name: Example
		  email: $1@example.org
		  phone: "+90 312 000 00 00"
		  nationality: TUR
		  date_of_birth: 1990-02-01
		  passport_number: P0000001
		  passport_expiry: 2032-05-31
		  gender: f
		  address: 1 Example Street
		preferences: $4
		schedule: {interval: $5, jitter: 0s}
		notify: ["file:$dir/$1-notices.ndjson"]
		consent: {owner: true, book: yes, cancel: no, until: $(date -d '+90 days' +%F), requests_per_day: 100000}
	EOF
	"${bin}ab-vault" new --from "$dir/$1.yaml" "$1" >/dev/null
	rm "$dir/$1.yaml"
}
# watch NAME…: sessions run, and what they say is shown
watch() {
	say "Watching."
	started=$(now_ms)
	"${bin}ab-run" "$@" >"$dir/events.ndjson" 2>"$dir/run.log" &
	run=$!
	: >>"$dir/events.ndjson"
	tail -n +1 -s 0.1 -f "$dir/events.ndjson" --pid="$run" 2>/dev/null |
		jq -r --unbuffered --arg colour "$colour" -f "$data/demo.jq" &
	show=$!
}
seen() { jq -s -e "any(.[]; $1)" "$dir/events.ndjson"; }
# until_over: the sessions have ended by themselves, and all that they said was shown
until_over() {
	wait "$run" || :
	run=''
	wait "$show" || :
	show=''
}

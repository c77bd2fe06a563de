# ab-events(5) and the examples of the pages beside it: what is written is what the programs do.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR" || return
	page=$top_srcdir/man/ab-events.5
	grep '^{"specversion"' "$page" >examples
	echo '{"timezone":"Europe/Istanbul","notify":[],"consent":{"owner":true,"book":"yes","until":"2099-12-31"}}' >rules.json
}
teardown() { drop_home; }
is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
# documented TYPE: the members of its data, as the page names them
documented() {
	awk -v type="$1" '$1 == ".Ss" { on = $2 == type } on && $1 == ".It" { for (i = 3; i <= NF; i++) if ($i != ",") print $i }' "$page" | sort
}
# Members that need not be there
optional='seen slots_hash reason picture action conflict'

@test "each type of event has an example, which is an event" {
	is "$(jq -r .type examples | sort -u | paste -sd' ')" "$(sed -n '/^.Sh EVENTS/,/^.Sh EXAMPLES/s/^\.Ss //p' "$page" | sort | paste -sd' ')"
	ab-audit --no-seal alice <examples >out 2>err
	cmp examples out
	[ ! -s err ]
	is "$(ab-audit show alice | wc -l)" "$(wc -l <examples)"
}

@test "an example's data has the members that the page names, and no others" {
	while read -r line; do
		type=$(jq -r .type <<<"$line")
		jq -r '.data | keys[]' <<<"$line" | sort >have
		documented "$type" >want
		is "$type: $(comm -23 have want | paste -sd' ')" "$type: "
		for missing in $(comm -13 have want); do
			[[ " $optional " == *" $missing "* ]] || { echo "$type: $missing"; false; }
		done
	done <examples
}

@test "the examples are what the programs take" {
	ab-plan --rules rules.json alice <examples >out 2>err || is "$?" 1
	[ ! -s err ]
	is "$(grep -cF -f examples out)" "$(wc -l <examples)"
	ab-notify --rules rules.json alice <examples >out 2>err
	[ ! -s err ]
	cmp examples out
}

@test "what ab-plan says is what the page says it says" {
	jq -nc --arg year "$(($(date +%Y) + 1))" '{specversion: "1.0", id: "1", source: "/by/hand", subject: "alice", type: "appointment.available",
		time: (now | todate), data: {slots: [{id: "a", start: "\($year)-12-01T09:30:00+03:00"}]}}' |
		ab-plan --rules rules.json --valid 100ms --grace 100ms alice >out || is "$?" 1
	for type in session.state booking.request; do
		is "$(jq -r "select(.type == \"$type\").data | keys[]" out | sort -u | paste -sd' ')" "$(documented $type | paste -sd' ')"
	done
	is "$(jq -r 'select(.type == "booking.request").data.slot | keys[]' out | paste -sd' ')" "category end extra id location resource seats start timezone"
	# every one of them has the members of the envelope
	is "$(jq -c 'select(.source | startswith("/ab-plan/")) | keys' out | sort -u)" \
		'["data","datacontenttype","id","source","specversion","subject","time","traceparent","type"]'
	jq -e 'select(.source | startswith("/ab-plan/")) | (.id | test("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"))
		and (.traceparent | test("^00-[0-9a-f]{32}-[0-9a-f]{16}-01$"))' out >/dev/null
}

@test "ab-plan(1): what would be chosen" {
	run bash -c "$(man_example ab-plan.1 1)"
	is "$status" 0
	is "${lines[-1]#*would be }" "1st of 2: location Ankara (1st choice), Tue 2098-12-02 10:00"
}

@test "ab-audit(1): a chain by hand, and what a change does to it" {
	run bash -c "$(man_example ab-audit.1 1)"
	[[ $output =~ ^record\ 2\ \([-0-9T:.]+Z,\ by\.hand\):\ edited:\ its\ hash\ is\ not\ that\ of\ its\ bytes$ ]]
}

@test "ab-audit(1): the chain can be checked by anybody, from what the page says" {
	ab-audit --no-seal alice <examples >/dev/null
	python3 - "$AB_STATE/alice/audit.ndjson" <<-'END'
	import hashlib, json, sys
	prev = "0" * 64
	for line in open(sys.argv[1], "rb"):
	    record = json.loads(line)
	    assert record["prev"] == prev
	    body = line[:line.rindex(b',"hash"')]
	    data = b"".join(len(x).to_bytes(8, "little") + x for x in (bytes.fromhex(prev), body))
	    prev = hashlib.blake2b(data, digest_size=32).hexdigest()
	    assert record["hash"] == prev
	END
}

@test "ab-notify(1): what the person would be told" {
	run bash -c "$(man_example ab-notify.1 1)"
	is "$status" 0
	is "$output" "alice: warning: unreachable: no answer. look at the site yourself."
}

@test "ab-events(5): an event made by hand" {
	run bash -c "$(man_example ab-events.5 1)"
	is "$status" 0
	is "$(jq -r .type <<<"$output")" by.hand
}

@test "the pages name every option and every file that the programs have" {
	for program in ab-plan ab-audit ab-notify; do
		for option in $("$program" --help | grep -o -e '--[a-z-]*' | sort -u); do
			grep -q "Fl ${option/--/-}" "$top_srcdir/man/$program.1" || { echo "$program $option"; false; }
		done
	done
}

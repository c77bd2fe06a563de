# ab-audit verify: every kind of damage to every record is found, and it is said which record it was done to.
bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	export AB_KEY_FILE=$HOME/key
	ab-vault init --make-key
	for who in alice bob; do
		ab-vault new --from "$top_srcdir/t/fixtures/session/alice.yaml" "$who"
	done
	chain=$AB_STATE/alice/audit.ndjson good=$BATS_TEST_TMPDIR/good other=$AB_STATE/bob/audit.ndjson
}
teardown() { drop_home; }

is() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2" >&2; return 1; }; }
# events SESSION N: of types that tell them apart
events() {
	jq -nc --arg who "$1" --argjson n "$2" 'range(1; $n + 1) | {specversion: "1.0", id: "\($who)-\(.)", source: "/test/here",
		type: "type.\(.)", subject: $who, time: "2026-11-22T08:00:00Z", data: {n: "\(.)"}}'
}
fill() { # fill SESSION N
	events "$1" "$2" | ab-audit "$1" >/dev/null
}
# about N: how record N is named, and a missing one after N
about() { jq -r "select(.seq == $1) | \"record $1 (\(.time), \(.event.type)): \"" "$good"; }
missing() { jq -r "select(.seq == $1 - 1) | \"record $1 (after \(.time), \(.event.type)): missing\"" "$good"; }

# damaged KIND N: verify finds it; the first line it says is in $said
damaged() {
	"$top_srcdir/t/chain-damage" "$1" "$2" "$good" "$other" >"$chain"
	run ab-audit verify alice
	said=${lines[0]:-}
	[ "$status" -eq 1 ] || { echo "$1 $2: $status $output"; false; }
}
# begins WORDS: what is said begins so
begins() { [[ $said == "$1"* ]] || { printf '%s %s\nis:        %s\nbegins by: %s\n' "$kind" "$n" "$said" "$1" >&2; return 1; }; }

table() {
	for kind in edited white-space number-edited number-edited-far prev-edited hash-edited; do
		for n in 1 2 3 4 5 6; do
			damaged $kind $n
			begins "$(about $n)edited"
			[[ $kind == hash-edited || $kind == prev-edited ]] || [ "${#lines[@]}" -eq 1 ] || { echo "$kind $n: $output"; false; }
		done
	done
	for n in 1 2 3 4 5 6; do
		kind=time-edited
		damaged $kind $n
		begins "record $n (3" # the time it is given
		kind=rehashed # one of two: the next does not follow; the last is not the sealed one
		damaged $kind $n
		if [ $n -lt 6 ]; then begins "$(about $((n + 1)))does not follow"; else begins "$(about 6)not the record that was sealed"; fi
		kind=rewritten # a chain of its own, but for the seal
		damaged $kind $n
		begins "$(about 6)not the record that was sealed"
		kind=removed
		damaged $kind $n
		if [ $n -eq 1 ]; then begins "record 1: missing"; else begins "$(missing $n)"; fi
		kind=removed-and-rewritten
		damaged $kind $n
		if [ $n -eq 6 ]; then begins "$(missing 6): the end was cut"; else [[ $said == "record 6 (after "*": missing: the end was cut" ]]; fi
		kind=doubled
		damaged $kind $n
		begins "$(about $n)out of order: it stands after $n"
		kind=cut-before-it
		damaged $kind $n
		[[ $said == "record $n"*": missing"*": the end was cut" ]]
		[ $n -eq 1 ] || begins "$(missing $n)"
		kind=other-after-it
		damaged $kind $n
		begins "record $n ("
		[[ $said == *"type.$n): out of order"* ]]
	done
	for n in 1 2 3 4 5 6; do
		kind=white-space-at-the-end
		damaged $kind $n
		[[ $said =~ ^record\ $n\ .*line\ $n\ is\ no\ record ]]
		kind=nonsense
		damaged $kind $n
		begins "record $n: line $n is no record"
		kind=torn-in-it
		damaged $kind $n
		begins "record $n: line $n is no record"
		kind=newline-cut
		damaged $kind $n
		begins "$(about $n)its line has no end"
		for kind in nonsense-before-it empty-line-before-it; do
			damaged $kind $n
			begins "record $n: line $n is no record"
			is "$kind $n: ${#lines[@]}" "$kind $n: 1"
		done
		kind=other-in-its-place # the first follows from nothing in any chain
		damaged $kind $n
		if [ $n -eq 1 ]; then begins "$(about 2)does not follow"; else [[ $said == "record $n ("*"): does not follow"* ]]; fi
	done
	for n in 1 2 3 4 5; do
		kind=exchanged
		damaged $kind $n
		if [ $n -eq 1 ]; then begins "record 1: missing"; else begins "$(missing $n)"; fi
	done
	for n in 1 2 3; do
		kind=blocks-exchanged
		damaged $kind $n
		[[ $said == "record $n"*": missing, and all up to $((n + 1))" ]]
	done
}

@test "what is done to any record, the first, the last and those between, is found and named" {
	fill alice 6
	fill bob 6
	cp "$chain" "$good"
	# the keys once, for all of it
	export chain good other
	export -f table damaged begins about missing is
	run ab-vault exec alice -- bash -c 'shopt -s expand_aliases; set -euo pipefail
		run() { status=0; output=$("$@" 2>&1) || status=$?; mapfile -t lines <<<"$output"; }
		table
		echo all of the table'
	[[ $status -eq 0 && $output == *"all of the table" ]] || { echo "$output"; false; }
}

@test "a chain that is emptied or removed is found by its seal" {
	fill alice 6
	: >"$chain"
	run ab-audit verify alice
	is "$status $output" "1 record 1: missing, and all up to 6: the end was cut"
	rm "$chain"
	run ab-audit verify alice
	is "$status $output" "1 record 1: missing, and all up to 6: the end was cut"
}

@test "another session's whole chain is not this one's" {
	fill alice 6
	fill bob 6
	cp "$AB_STATE/bob/audit.ndjson" "$chain"
	run ab-audit verify alice
	[[ $status -eq 1 && $output == "record 6 ("*"): not the record that was sealed"* ]]
}

@test "a seal of an older time, another session's, a cut or a missing one is refused" {
	fill alice 3
	seal=$AB_VAULT/alice/audit
	[ -f "$seal" ]
	cp "$seal" "$BATS_TEST_TMPDIR/old"
	fill alice 3
	cp "$seal" "$BATS_TEST_TMPDIR/new"
	run ab-audit verify alice
	is "$status $output" "0 whole: 6 records"
	fill bob 3
	while read -r what; do
		case $what in
		old) cp "$BATS_TEST_TMPDIR/old" "$seal" ;;
		bob) cp "$AB_VAULT/bob/audit" "$seal" ;;
		cut) head -c 100 "$BATS_TEST_TMPDIR/new" >"$seal" ;;
		flipped) LC_ALL=C sed '$s/.$/X/' "$BATS_TEST_TMPDIR/new" >"$seal" ;;
		gone) rm "$seal" ;;
		esac
		run ab-audit verify alice
		[ "$status" -eq 65 ] || { echo "$what: $status $output"; false; }
		is "${#lines[@]}" 1
		cp "$BATS_TEST_TMPDIR/new" "$seal"
	done < <(printf '%s\n' old bob cut flipped gone)
	run ab-audit verify alice
	is "$status" 0
}

@test "records that are not sealed yet are said to be so, and are no fault" {
	fill alice 3
	events alice 2 | ab-audit --no-seal alice >/dev/null
	run ab-audit verify alice
	is "$status $output" "0 whole: 5 records (those from 4 on are not sealed yet)"
}

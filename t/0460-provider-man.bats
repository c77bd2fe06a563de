#!/usr/bin/env bats
# The examples of ab-provider(5) and ab-provider(1): each is checked as it stands there.

load lib

# Writes the page's literal blocks to block-N in the test's folder, as a reader would copy them.
setup() {
	cd "$BATS_TEST_TMPDIR"
	awk '/^\.Bd -literal/ { n++; on = 1; next } /^\.Ed/ { on = 0 } on { gsub(/\\e/, "\\"); sub(/^\\&/, ""); print > ("block-" n) }' \
		"$top_srcdir/man/ab-provider.5"
}

# A provider round a block that is a part of one: "# keys", "# in FLOW", or "# provider" where it has its flows.
provider_round() {
	mkdir -p part
	{
		printf '%s\n' 'name: part' 'title: A part' 'base: https://office.example.org/' 'timezone: Europe/Berlin'
		case $(head -n 1 "$1") in
		"# keys") sed 1d "$1" && printf 'flows:\n  check: [{get: /}, {expect: {css: h1}}]\n' ;;
		"# provider") sed 1d "$1" ;;
		"# in check") printf 'flows:\n  check:\n    - get: /\n    - expect: {css: h1}\n' && sed '1d; s/^/    /' "$1" ;;
		"# in login")
			printf 'flows:\n  check: [{get: /}, {expect: {css: h1}}]\n  login:\n    - get: /login\n' && sed '1d; s/^/    /' "$1"
			printf '    - expect: {css: h1}\n'
			;;
		"# in book")
			printf 'flows:\n  check: [{get: /}, {expect: {css: h1}}]\n  verify: [{get: /}, {expect: {css: h1}}]\n  book:\n    - get: /\n'
			sed '1d; s/^/    /' "$1"
			;;
		*) return 1 ;;
		esac
	} >part/provider.yaml
}

@test "the whole example is sound, and its cases hold" {
	mkdir -p example/pages
	for block in block-*; do
		case $(head -n 1 "$block") in
		"# example/"*) cp "$block" "$(head -n 1 "$block" | cut -c 3-)" ;;
		esac
	done
	run ab-provider check ./example
	[ "$output" = "" ]
	[ "$status" -eq 0 ]
	run ab-provider test ./example
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok - example: ' <<<"$output")" -eq 4 ]
}

@test "every other example is sound where it says it belongs" {
	n=0
	for block in block-*; do
		case $(head -n 1 "$block") in "# example/"*) continue ;; esac
		provider_round "$block"
		run ab-provider check ./part
		[ "$status" -eq 0 ] || { cat "$block"; echo "$output"; false; }
		n=$((n + 1))
	done
	[ "$n" -ge 8 ]
}

@test "every key, verb and modifier that check knows is in the manual" {
	page=$(mandoc -Tascii "$top_srcdir/man/ab-provider.5" | sed 's|.\x08||g')
	words=$(sed -n '/^static const struct modifier_key/,/^};/p; /^static const struct verb {/,/^};/p' "$top_srcdir/lib/site/lintstep.c" |
		grep -oE '\{"[a-z_]+"' | tr -d '{"')
	words="$words $(sed -n '/static const struct key keys/,/NULL, NULL/p' "$top_srcdir/lib/site/lint.c" "$top_srcdir/lib/site/lintstep.c" |
		grep -oE '\{"[a-z_]+"' | tr -d '{"')"
	[ "$(wc -w <<<"$words")" -gt 60 ]
	for word in $words; do
		grep -qwF -- "$word" <<<"$page" || { echo "not in ab-provider(5): $word"; false; }
	done
	classes=$(sed -n '/^const char \*const lint_classes/,/};/p' "$top_srcdir/lib/site/lintkind.c" | grep -oE '"[a-z_]+"' | tr -d '"')
	for class in $classes; do
		grep -qwF -- "$class" <<<"$page" || { echo "not in ab-provider(5): $class"; false; }
	done
}

@test "what the manual says of dates is so" {
	expand() {
		jq -cn --arg t "$1" '{template: $t, context: {}}' | "$top_builddir/t/unit/expr-test" Europe/Berlin
	}
	[ "$(expand '${days("2026-12-31"; 2)}')" = '["2026-12-31","2027-01-01"]' ]
	[ "$(expand '${months("2026-12"; 2)}')" = '["2026-12","2027-01"]' ]
	[ "$(expand '${"2026-12" | month_days | length}')" = 31 ]
	[ "$(expand '${"2026-12-01 09:30" | local_to_utc}')" = '"2026-12-01T08:30:00Z"' ]
}

@test "the pages are clean, and ab-provider(1)'s first example says nothing" {
	run mandoc -Tlint -Wwarning "$top_srcdir/man/ab-provider.1" "$top_srcdir/man/ab-provider.5"
	[ "$output" = "" ]
	run ab-provider check practice practice-api
	[ "$output" = "" ]
	[ "$status" -eq 0 ]
}

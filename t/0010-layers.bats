# The floors of the house: arrows between source files go down only.
load lib

# house FILE INCLUDE…: writes a source file with these includes into a small house of its own.
house() {
	mkdir -p "$BATS_TEST_TMPDIR/$(dirname "$1")"
	printf '#include %s\n' "${@:2}" >"$BATS_TEST_TMPDIR/$1"
}
check_house() {
	cd "$BATS_TEST_TMPDIR" && run find lib bin -name '*.[ch]'
	# shellcheck disable=SC2086 # one name a line, no blanks in them
	run awk -f "$top_srcdir/t/layers.awk" $output
}

@test "the sources include downward only, without circles, and foreign headers only in lib/ext" {
	cd "$top_srcdir"
	# shellcheck disable=SC2046
	run awk -f t/layers.awk $(find lib bin libexec -name '*.[ch]')
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a house in order is accepted" {
	house lib/base/str.h '<stddef.h>'
	house lib/base/str.c '"base/str.h"' '<string.h>'
	house lib/ext/json.h '<jv.h>' '"base/str.h"'
	house lib/ext/json.c '"ext/json.h"' '<math.h>'
	house lib/wire/line.h '"ext/json.h"'
	house lib/wire/line.c '"wire/line.h"' '"config.h"'
	house bin/poll.c '"wire/line.h"' '"base/str.h"'
	check_house
	[ "$status" -eq 0 ]
}

@test "an arrow that points upward is found" {
	house lib/wire/line.h '<stddef.h>'
	house lib/base/str.h '"wire/line.h"'
	house bin/poll.c '"base/str.h"'
	check_house
	[ "$status" -eq 1 ]
	[ "$output" = 'lib/base/str.h:1: "wire/line.h" points upward from base' ]
}

@test "floors that stand side by side do not see each other" {
	house lib/store/vault.h '<stddef.h>'
	house lib/plan/rank.h '"store/vault.h"'
	house bin/plan.c '"plan/rank.h"'
	check_house
	[ "$status" -eq 1 ]
	[[ $output == *'points sideways from plan' ]]
}

@test "a program's file includes no other program's" {
	house bin/one.h '<stddef.h>'
	house libexec/two.c '"bin/one.h"'
	house lib/base/str.h '<stddef.h>'
	cd "$BATS_TEST_TMPDIR"
	run awk -f "$top_srcdir/t/layers.awk" bin/one.h libexec/two.c lib/base/str.h
	[ "$status" -eq 1 ]
	[[ $output == *'points sideways from libexec'* ]]
}

@test "a circle is found, also through the .c files and within one floor" {
	house lib/base/fs.h '<stddef.h>'
	house lib/base/fs.c '"base/fs.h"' '"base/proc.h"'
	house lib/base/proc.h '"base/str.h"'
	house lib/base/str.h '"base/fs.h"'
	house bin/poll.c '"base/fs.h"'
	check_house
	[ "$status" -eq 1 ]
	[[ $output == circle:*base/fs*base/proc*base/str* || $output == circle:*base/proc*base/str*base/fs* ||
		$output == circle:*base/str*base/fs*base/proc* ]]
}

@test "a foreign header outside lib/ext is found, a library nobody has heard of too" {
	house lib/ext/json.h '<jv.h>'
	house lib/wire/line.h '<curl/curl.h>'
	house bin/poll.c '"wire/line.h"' '<libfoo.h>'
	check_house
	[ "$status" -eq 1 ]
	[[ $output == *'lib/wire/line.h:1: <curl/curl.h> is foreign'* ]]
	[[ $output == *'bin/poll.c:2: <libfoo.h> is foreign'* ]]
}

@test "a file of lib/ext wraps one library" {
	house lib/ext/html.h '<libxml/tree.h>' '<libxml/xpath.h>' '<sodium.h>'
	house bin/poll.c '"ext/html.h"'
	check_house
	[ "$status" -eq 1 ]
	[ "$output" = 'lib/ext/html.h:3: <sodium.h>: this file wraps libxml already, one library per file' ]
}

@test "an include that is not written floor/module.h is found" {
	house lib/base/str.h '<stddef.h>'
	house lib/base/fs.h '"str.h"' '"../base/str.h"'
	house bin/poll.c '"base/fs.h"'
	check_house
	[ "$status" -eq 1 ]
	[ "$(grep -c 'is not written "floor/module.h"' <<<"$output")" -eq 2 ]
}

@test "a .c file that does not begin with its module's header is found" {
	house lib/base/str.h '<stddef.h>'
	house lib/base/fs.h '<stddef.h>'
	house lib/base/fs.c '"base/str.h"' '"base/fs.h"'
	house lib/base/lone.c '<stddef.h>'
	house bin/poll.c '"base/fs.h"'
	check_house
	[ "$status" -eq 1 ]
	[[ $output == *"lib/base/fs.c: the first \"\" include is \"base/str.h\", not its module's header"* ]]
	[[ $output == *"lib/base/lone.c: the first \"\" include is missing"* ]]
}

@test "every header is guarded by its own name" {
	cd "$top_srcdir"
	for header in $(find lib -name '*.h'); do
		guard=$(echo "${header#lib/}" | tr 'a-z/.-' 'A-Z___')
		grep -q "^#ifndef $guard\$" "$header" && grep -q "^#define $guard\$" "$header" || {
			echo "$header: no guard $guard"
			return 1
		}
	done
}

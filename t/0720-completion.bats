# share/completions/ab.bash
load lib

setup() {
	fresh_home
	# shellcheck source=/dev/null
	source "$top_srcdir/share/completions/ab.bash"
}
teardown() { drop_home; }

# completes WORD…: what may stand for the last word, on one line, in $output
completes() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_ab "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	output=$(printf '%s\n' "${COMPREPLY[@]}" | sort -u | paste -sd' ')
}

@test "every program is completed" {
	for program in $(sed -n 's|^bin_PROGRAMS += bin/||p' "$top_srcdir/bin/local.mk"); do
		complete -p "$program" | grep -q ' -F _ab '
	done
}

@test "sessions are completed from the vault, without a key" {
	export AB_KEY_FILE=$HOME/key BASE=http://127.0.0.1:1/ MAIL=$HOME/mail
	new_session alice practice
	new_session alba practice
	new_session bob practice
	unset AB_KEY_FILE
	completes ab-poll al
	[ "$output" = 'alba alice' ]
	completes ab-run --pipeline watch-only b
	[ "$output" = bob ]
	completes ab-run pause b
	[ "$output" = bob ]
	completes ab-vault edit ''
	[ "$output" = 'alba alice bob' ]
}

@test "verbs, options and their arguments are completed" {
	completes ab-run sta
	[ "$output" = 'start status' ]
	completes ab-vault re
	[ "$output" = rekey ]
	completes ab-run --pi
	[ "$output" = --pipeline ]
	completes ab-run --pipeline ''
	[ "$output" = 'monitor-and-book watch-only' ]
	completes ab-book --settle ''
	[ "$output" = 'booked free' ]
	completes ab-vault rekey --mas
	[ "$output" = --master ]
	completes ab-poll --
	[ "$output" = '--headed --help --once --version' ]
}

@test "providers are completed" {
	completes ab-vault new --provider prac
	[ "$output" = 'practice practice-api' ]
	completes ab-provider check practice-
	[ "$output" = practice-api ]
}

@test "every verb that is completed is one, and none is left out" {
	for program in ab-run ab-vault ab-provider ab-audit; do
		"$program" --help >"$BATS_TEST_TMPDIR/help" 2>&1
		for verb in $(_ab_verbs "$program"); do
			grep -qw -- "$verb" "$BATS_TEST_TMPDIR/help" || { echo "$program has no $verb"; false; }
		done
	done
	for verb in $(sed -n 's/^\t"\([a-z]*\)", "[a-z].*/\1/p' "$top_srcdir"/bin/vault*.c); do
		_ab_verbs ab-vault | grep -qw -- "$verb"
	done
}

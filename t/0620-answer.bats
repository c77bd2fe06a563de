# Questions to the person (wire/ask), by a small asking program, and ab-answer.

bats_require_minimum_version 1.5.0
load lib

setup() {
	fresh_home
	asker=$top_builddir/t/unit/ask-test
	askers=()
}

teardown() {
	local p
	for p in "${askers[@]}"; do end_pid "$p"; done
	drop_home
}

# start_asker NAME KIND QUESTION DEADLINE_MS [SESSION [PICTURE]]: its output goes to $BATS_TEST_TMPDIR/NAME; sets id and pid
start_asker() {
	local name=$1
	shift
	"$asker" "$@" >"$BATS_TEST_TMPDIR/$name" 2>&1 3>&- &
	pid=$!
	askers+=("$pid")
	until_line 10 "$BATS_TEST_TMPDIR/$name" .ask >/dev/null
	id=$(head -n 1 "$BATS_TEST_TMPDIR/$name" | jq -r .ask)
}

outcome() { sed -n 2p "$BATS_TEST_TMPDIR/$1" | jq -r .outcome; }
answer() { sed -n 3p "$BATS_TEST_TMPDIR/$1"; }
ended() { not kill -0 "$1" 2>/dev/null; }

# terminal FILE COMMAND: runs COMMAND on a terminal of its own; what is written to FILE (a FIFO) is typed there
terminal() {
	script -qfec "$2" /dev/null <"$1" >"$BATS_TEST_TMPDIR/screen" 2>&1 3>&- &
	pid=$!
	askers+=("$pid")
}

@test "no question is open: 1" {
	run -1 ab-answer
	[ -z "$output" ]
	run -1 ab-answer --list
	run -1 ab-answer --yes
	run -1 ab-answer --session alice
}

@test "a question is listed, answered and gone" {
	start_asker q captcha "What does the picture say?" 60000 alice
	run -0 ab-answer --list
	[[ $output == *"$id  alice  captcha  What does the picture say?"*left* ]]
	run -0 ab-answer --json
	[ "$(jq -r '.session + " " + .kind + " " + (.pid | tostring)' <<<"$output")" = "alice captcha $pid" ]
	ab-answer "$id" "blue whale"
	until_true 5 ended "$pid"
	[ "$(outcome q)" = answered ]
	[ "$(answer q)" = "answer blue whale" ]
	run -1 ab-answer --list
	[ -z "$(find "$AB_RUNTIME" -name '*.sock' -o -name '*.json')" ]
	run -75 ab-answer "$id" again
}

@test "the event that is emitted names the question, its kind and its deadline" {
	start_asker q payment "Pay at the counter, then say yes" 60000 alice
	head -n 1 "$BATS_TEST_TMPDIR/q" | jq -e --arg id "$id" '.ask == $id and .kind == "payment" and
		.question == "Pay at the counter, then say yes" and (.deadline | test("^20..-..-..T..:..:..\\....Z$"))'
}

@test "yes and no: --yes, --no, words; anything else leaves the question open" {
	start_asker a confirm "Book it?" 60000
	run -64 ab-answer "$id" maybe
	[[ $output == *"yes or no"* ]]
	run -64 ab-answer "$id" ""
	ab-answer --yes "$id"
	until_true 5 ended "$pid"
	[ "$(answer a)" = "answer yes" ]
	start_asker b confirm "Book it?" 60000
	ab-answer --no "$id"
	until_true 5 ended "$pid"
	[ "$(outcome b)" = declined ]
	start_asker c confirm "Book it?" 60000
	ab-answer "$id" No
	until_true 5 ended "$pid"
	[ "$(outcome c)" = declined ]
	start_asker d confirm "Book it?" 60000
	ab-answer "$id" Y
	until_true 5 ended "$pid"
	[ "$(answer d)" = "answer yes" ]
	start_asker e captcha "What is it?" 60000
	run -64 ab-answer --yes "$id"
	run -64 ab-answer --yes --no "$id"
}

@test "a code is not taken from the command line, but from standard input" {
	start_asker q otp "The code, please" 60000 alice
	run -64 ab-answer "$id" 482913
	[[ $output == *"standard input"* ]]
	printf ' 482913 \n' | ab-answer "$id" -
	until_true 5 ended "$pid"
	[ "$(answer q)" = "answer 482913" ]
	run -1 grep -r 482913 "$AB_RUNTIME"
}

@test "the deadline passes, and the question with it" {
	start_asker q confirm "Quick?" 300
	until_true 5 ended "$pid"
	[ "$(outcome q)" = timeout ]
	run -75 ab-answer --yes "$id"
}

@test "two askers: each gets its own answer; the older is listed first" {
	start_asker a captcha "First?" 60000 alice
	first=$id first_pid=$pid
	start_asker b captcha "Second?" 60000 bob
	[ "$(ab-answer --json | jq -r .id | tr '\n' ' ')" = "$first $id " ]
	[ "$(ab-answer --json --session bob | jq -r .id)" = "$id" ]
	run -64 ab-answer --yes
	ab-answer "$id" two
	ab-answer "$first" one
	until_true 5 ended "$pid"
	until_true 5 ended "$first_pid"
	[ "$(answer a) $(answer b)" = "answer one answer two" ]
}

@test "many answer at once: one is heard, the others are told so" {
	start_asker q captcha "Who?" 60000 alice
	local i ok=0 late=0 pids=()
	kill -STOP "$pid"
	for i in 1 2 3 4 5 6; do
		ab-answer "$id" "number $i" 2>/dev/null 3>&- &
		pids+=($!)
	done
	kill -CONT "$pid"
	for i in "${pids[@]}"; do
		wait "$i" && ok=$((ok + 1)) || { [ $? -eq 75 ] && late=$((late + 1)); }
	done
	until_true 5 ended "$pid"
	[ "$ok $late" = "1 5" ]
	[[ $(answer q) == "answer number "[1-6] ]]
}

@test "a huge answer is refused, by the sender and by the asker, and the question stays open" {
	start_asker q captcha "How long?" 60000
	head -c 5000 /dev/zero | tr '\0' a >"$BATS_TEST_TMPDIR/huge"
	run -64 ab-answer "$id" - <"$BATS_TEST_TMPDIR/huge"
	[[ $output == *4096* ]]
	# past ab-answer: a megabyte without a newline, straight to the socket
	run perl -MIO::Socket::UNIX -e '$SIG{PIPE} = "IGNORE"; $s = IO::Socket::UNIX->new($ARGV[0]) or die; print $s "+" . "a" x 1000000; $s->flush; print scalar <$s>' \
		"$AB_RUNTIME/ask/$id.sock"
	kill -0 "$pid"
	head -c 4096 "$BATS_TEST_TMPDIR/huge" | ab-answer "$id" -
	until_true 5 ended "$pid"
	[ "$(answer q | wc -c)" -eq $((7 + 4096 + 1)) ]
}

@test "connections that say nothing do not keep an answer out" {
	start_asker q captcha "Still there?" 60000
	perl -MIO::Socket::UNIX -e 'push @s, IO::Socket::UNIX->new($ARGV[0]) for 1 .. 12; print "up\n"; $| = 1; sleep 30' \
		"$AB_RUNTIME/ask/$id.sock" >"$BATS_TEST_TMPDIR/idle" 3>&- &
	idle=$!
	askers+=("$idle")
	ab-answer "$id" yes
	until_true 5 ended "$pid"
	[ "$(answer q)" = "answer yes" ]
}

@test "what a killed asker leaves is not listed, and swept by the next question" {
	start_asker a confirm "Killed?" 60000 alice
	killed=$id
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || :
	[ -e "$AB_RUNTIME/alice/ask/$killed.json" ]
	[ -e "$AB_RUNTIME/alice/ask/$killed.sock" ]
	run -1 ab-answer --list
	run -75 ab-answer --yes "$killed"
	start_asker b confirm "Alive?" 60000 alice
	[ ! -e "$AB_RUNTIME/alice/ask/$killed.json" ]
	[ ! -e "$AB_RUNTIME/alice/ask/$killed.sock" ]
	ab-answer --no "$id"
	until_true 5 ended "$pid"
}

@test "question and socket are for their owner alone" {
	start_asker q confirm "Private?" 60000 alice
	[ "$(stat -c %a "$AB_RUNTIME/alice/ask")" = 700 ]
	[ "$(stat -c %a "$AB_RUNTIME/alice/ask/$id.json")" = 600 ]
}

@test "another user's answer is not heard, even where the folders let it in" {
	[ "$(id -u)" = 0 ] || skip "needs root, to be another user"
	start_asker q confirm "Who are you?" 60000 alice
	chmod 755 "$AB_RUNTIME" "$AB_RUNTIME/alice" "$AB_RUNTIME/alice/ask"
	chmod 777 "$AB_RUNTIME/alice/ask/$id.sock"
	run setpriv --reuid=65534 --clear-groups perl -MIO::Socket::UNIX -e \
		'$SIG{PIPE} = "IGNORE"; $s = IO::Socket::UNIX->new($ARGV[0]) or die "no"; print $s "+yes\n"; $s->flush; print "heard ", scalar <$s> // "nothing"' \
		"$AB_RUNTIME/alice/ask/$id.sock"
	[ "$output" = "heard nothing" ]
	kill -0 "$pid"
	chmod 700 "$AB_RUNTIME/alice/ask"
	ab-answer --no "$id"
	until_true 5 ended "$pid"
	[ "$(outcome q)" = declined ]
}

@test "folders too deep for a socket's name work" {
	AB_RUNTIME=$BATS_TEST_TMPDIR/$(printf 'd%.0s' {1..60})/$(printf 'e%.0s' {1..60})
	start_asker q captcha "Deep?" 60000 alice
	ab-answer "$id" down
	until_true 5 ended "$pid"
	[ "$(answer q)" = "answer down" ]
}

@test "a question cannot play tricks on the terminal" {
	start_asker q captcha $'Red \e[31malert\r\nnew line \u202ereversed\xc2\x9b' 60000
	run -0 ab-answer --list
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"Red  [31malert  new line"*reversed* ]]
	not grep -q $'[\x1b\r]' <<<"$output"
	not grep -q $'\u202e' <<<"$output"
}

@test "a question with a picture comes with the command that shows it" {
	start_asker q captcha "What is it?" 60000 alice 2026-12-01-093000-ab-poll-1-human.png
	run -0 ab-answer --list
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[1]} == *"picture: ab-vault evidence alice show 2026-12-01-093000-ab-poll-1-human.png" ]]
	[ "$(ab-answer --json | jq -r .picture)" = 2026-12-01-093000-ab-poll-1-human.png ]
	ab-answer --no "$id"
	until_true 5 ended "$pid"
}

@test "a very long question is cut, and still JSON" {
	start_asker q captcha "$(printf 'ä%.0s' {1..3000})" 60000
	run -0 ab-answer --json
	[ "$(jq -r '.question | length' <<<"$output")" -eq 1024 ]
}

@test "at a terminal the asker prompts as well, and does not show a code" {
	mkfifo "$BATS_TEST_TMPDIR/typed"
	terminal "$BATS_TEST_TMPDIR/typed" "$asker -t otp 'The code?' 60000 alice >'$BATS_TEST_TMPDIR/q' 2>&1"
	exec {keys}>"$BATS_TEST_TMPDIR/typed"
	until_true 10 grep -q "not shown" "$BATS_TEST_TMPDIR/screen"
	grep -q "The code?" "$BATS_TEST_TMPDIR/screen"
	printf '482913\n' >&"$keys"
	until_line 10 "$BATS_TEST_TMPDIR/q" .outcome
	until_true 5 grep -q "answer 482913" "$BATS_TEST_TMPDIR/q"
	exec {keys}>&-
	not grep -q 482913 "$BATS_TEST_TMPDIR/screen"
}

@test "at a terminal a wrong word is asked again, and an answer from elsewhere wins" {
	mkfifo "$BATS_TEST_TMPDIR/typed"
	terminal "$BATS_TEST_TMPDIR/typed" "$asker -t confirm 'Book it?' 60000 alice >'$BATS_TEST_TMPDIR/q' 2>&1"
	exec {keys}>"$BATS_TEST_TMPDIR/typed"
	until_true 10 grep -q "yes or no" "$BATS_TEST_TMPDIR/screen"
	printf 'perhaps\n' >&"$keys"
	until_true 5 grep -q "answer yes or no" "$BATS_TEST_TMPDIR/screen"
	ab-answer --session alice --yes
	until_line 10 "$BATS_TEST_TMPDIR/q" '.outcome == "answered"'
	exec {keys}>&-
}

@test "ab-answer takes a code at the terminal without showing it, and gives the terminal back" {
	start_asker q otp "The code?" 60000 alice
	asker_pid=$pid
	mkfifo "$BATS_TEST_TMPDIR/typed"
	terminal "$BATS_TEST_TMPDIR/typed" "ab-answer; echo done \$?; stty -a | grep -o '[-]*echo ' | head -n 1"
	exec {keys}>"$BATS_TEST_TMPDIR/typed"
	until_true 10 grep -q "not shown" "$BATS_TEST_TMPDIR/screen"
	printf '482913\n' >&"$keys"
	until_true 10 grep -q "done 0" "$BATS_TEST_TMPDIR/screen"
	until_true 5 grep -qx "echo ."  "$BATS_TEST_TMPDIR/screen"
	exec {keys}>&-
	until_true 5 ended "$asker_pid"
	[ "$(answer q)" = "answer 482913" ]
	not grep -q 482913 "$BATS_TEST_TMPDIR/screen"
}

@test "the manual's examples do what they say" {
	start_asker a confirm "Book it?" 60000 alice
	run -0 bash -c "$(man_example ab-answer.1 1)"
	[[ $output == *"Book it?"* ]]
	until_true 5 ended "$pid"
	[ "$(answer a)" = "answer yes" ]
	start_asker b otp "The code?" 60000 alice
	get-code() { echo 482913; }
	export -f get-code
	bash -c "$(man_example ab-answer.1 2)"
	until_true 5 ended "$pid"
	[ "$(answer b)" = "answer 482913" ]
}

@test "the manual pages are well-formed" {
	command -v mandoc >/dev/null || skip "no mandoc"
	run -0 mandoc -Tlint -Wwarning "$top_srcdir/man/ab-answer.1" "$top_srcdir/man/ab-otp.1"
}

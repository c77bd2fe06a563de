# For the tests of faults × offices × moments: one site and one session for a whole table, each case with a slot, a journal and a
# budget of its own.
#
# A table has one case a line:
#
#	MOMENT  FAULT  EXPECTED  [BOOKINGS]
#
# MOMENT says which request is hit (moment_of), FAULT what happens to it, as ab-demo(1) takes it (count 1 unless it says otherwise).
# EXPECTED is, at login, ok or the class; at a check the verdict; of a booking STATUS, or failed:REASON[:ACTION]. BOOKINGS is how many
# bookings of ours the site then has (default: 1 for booked, else 0). What must follow is the same for all (see next_*).

# quick_provider OFFICE: a copy of the provider that is not patient: a second and a half for a request, eight for a code, and less to settle
quick_provider() {
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/$1" "$HOME/providers/"
	sed -E -e 's/^( *)- (get|post|submit): /\1- timeout: 1500ms\n\1  \2: /' -e 's/\{(get|post|submit): /{timeout: 1500ms, \1: /' \
		-e 's/timeout: 120s/timeout: 8s/' -e 's/settle: 3s/settle: 800ms/' "$top_srcdir/providers/$1/provider.yaml" >"$HOME/providers/$1/provider.yaml"
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
}

faults_setup() { # faults_setup OFFICE
	office=$1 n=0 wrong=0
	fresh_home
	quick_provider "$office"
	start_site --per-account 1000 --seed "${SITE_SEED:-1}"
	new_session alice "$office" '.inbox = [{url: ("maildir:" + $mail)}, {url: "human:me", after: "1s"}]'
	ab-login alice >/dev/null
}

faults_teardown() {
	stop_site
	drop_home
}

# moment_of MOMENT: the request it is, as members of a fault
moment_of() {
	case $office:$1 in
	practice:alive) echo '"method":"GET","path":"/office/my"' ;;
	practice:enter) echo '"method":"GET","path":"/office/login"' ;;
	practice:login) echo '"method":"POST","path":"/office/login"' ;;
	practice:code) echo '"method":"POST","path":"/office/code"' ;;
	practice:code-page) echo '"method":"GET","path":"/office/code"' ;;
	practice:entered) echo '"method":"GET","path":"/office/my","after":1' ;; # where a log-in leads
	practice:check) echo '"method":"GET","path":"/office/calendar"' ;;
	practice:form) echo '"method":"GET","path":"/office/slot/*"' ;;
	practice:submit) echo '"method":"POST","path":"/office/book"' ;;
	practice:confirm) echo '"method":"GET","path":"/office/booked/*"' ;;
	practice:read-back) echo '"method":"GET","path":"/office/my","after":1' ;; # the first look is before the commit
	practice-api:alive) echo '"method":"GET","path":"/api/me"' ;;
	practice-api:enter) echo '"method":"GET","path":"/api/","after":1' ;; # the first is for the look whether it is logged in
	practice-api:page) echo '"method":"GET","path":"/api/"' ;;
	practice-api:login) echo '"method":"POST","path":"/api/login"' ;;
	practice-api:check) echo '"method":"GET","path":"/api/days"' ;;
	practice-api:hours | practice-api:form) echo '"method":"GET","path":"/api/hours"' ;;
	practice-api:submit) echo '"method":"POST","path":"/api/booking"' ;;
	practice-api:read-back) echo '"method":"GET","path":"/api/booking/*"' ;;
	esac
}

kind_of() {
	case $1 in
	alive | enter | login | code* | entered) echo case_login ;;
	check | page | hours) echo case_check ;;
	*) echo case_book ;;
	esac
}

# order MOMENT FAULT
order() {
	control fault "{\"office\":\"$office\",\"count\":1,$(moment_of "$1"),${2#?}" >/dev/null
}
no_faults() { curl -sS -X DELETE "${CONTROL}_demo/faults" >/dev/null; }

# fresh_case SEATS: no journal, no budget spent, and a slot of this case's own, in $slot
fresh_case() {
	local start id
	[ -n "${keep_faults:-}" ] || no_faults
	rm -rf "${AB_STATE:?}/alice" "$AB_STATE/pace" "$HOME/out"
	n=$((n + 1)) goal=0193aaaa-0000-7000-8000-$(printf %012d "$n")
	start="$(day $((20 + n / 8)))T$(printf %02d $((9 + n % 8))):30"
	id=$(control release "{\"office\":\"$office\",\"slots\":[{\"place\":\"Ankara\",\"category\":\"short-stay\",\"start\":\"$start\",\"seats\":$1}]}" |
		jq -r '.slots[0].id')
	slot="{\"id\":\"$id\",\"start\":\"$start:00+03:00\",\"timezone\":\"Europe/Istanbul\",\"location\":\"Ankara\",\"category\":\"short-stay\"}"
}
# bookings: how many of ours the site has for this case's slot
bookings() {
	truth | jq --argjson slot "$slot" '[.[] | select(.account == "alice@example.org" and .slot == $slot.id)] | length'
}
requests() { control requests | jq .total; }

# request ATTEMPT
request() {
	jq -nc --arg goal "$goal" --argjson slot "$slot" --argjson attempt "$1" --arg expires "$(date -u -d '+5 minutes' +%FT%TZ)" \
		'{specversion: "1.0", id: "r\($attempt)", source: "/t", type: "booking.request", subject: "alice",
		data: {goal: $goal, attempt: $attempt, slot: $slot, rank: 1, why: "test", expires: $expires}}'
}
# book ATTEMPT: events in $HOME/out; what came of it on stdout
book() {
	local status=0 said
	ab-book alice < <(request "$1") >"$HOME/out" 2>>"$HOME/log" || status=$?
	said=$(jq -r 'select(.type == "booking.result") | .data |
		.status + (if .status == "failed" then ":" + .reason + (if .action then ":" + .action else "" end) else "" end)' "$HOME/out" | tail -n 1)
	case $said:$status in
	booked:0 | pending:0 | failed:*:1 | unknown:76) echo "$said" ;;
	*) echo "$said, but exit status $status" ;;
	esac
}
result_id() { jq -r 'select(.type == "booking.result") | .id' "$HOME/out" | sort -u; }

say_login() { jq -r 'select(.type == "session.login") | .data | if .ok then "ok" else .reason | sub(":.*"; "") end' "$HOME/out" | tail -n 1; }
log_in() { # its exit status must fit
	local status=0 said
	ab-login alice >"$HOME/out" 2>>"$HOME/log" || status=$?
	said=$(say_login)
	case $said:$status in
	ok:0 | login_failed:77) echo "$said" ;;
	*:75) echo "$said" ;;
	*) echo "$said, but exit status $status" ;;
	esac
}
look() {
	local status=0 said
	ab-poll --once alice >"$HOME/out" 2>>"$HOME/log" || status=$?
	said=$(jq -r 'select(.type == "agent.heartbeat") | .data.verdict' "$HOME/out")
	case $said:$status in
	available:0 | none:1 | login_failed:7[57]) echo "$said" ;;
	available:* | none:* | *:[012]) echo "$said, but exit status $status" ;;
	*:75) echo "$said" ;;
	*) echo "$said, but exit status $status" ;;
	esac
}

bad() {
	wrong=$((wrong + 1))
	echo "$office $line"
	printf '    %s\n' "$@"
	tail -n 4 "$HOME/log" | sed 's/^/        /'
}
is_so() { # is_so WHAT GOT WANTED
	[ "$2" = "$3" ] || bad "$1: $2, not $3"
}

# held: until when the account is left alone, in seconds from now
held() {
	jq -n --slurpfile f <(cat "$AB_STATE"/pace/account-*.json) '($f | map((.hold // 0) - .mono + .wall) | max) / 1000 - now | floor'
}

case_login() { # a log-in that is needed, hit; the next one works
	[ "$office" = practice ] && control fault '{"fault":"expire","path":"/office/my","count":1}' >/dev/null
	[ "$office" = practice-api ] && control fault '{"fault":"expire","path":"/api/me","count":1}' >/dev/null
	order "$moment" "$fault"
	with_person is_so_now login log_in
	next_look ok log_in
}
case_check() {
	order "$moment" "$fault"
	with_person is_so_now verdict look
	next_look available look
}
is_so_now() { is_so "$1" "$($2)" "$expected"; } # the command unquoted: it has an operand

# with_person COMMAND…: where the person is to be asked, there is one who says what the case has in "person" (default yes, and
# the code that was mailed); and that the person was asked and what came of it are events
with_person() {
	local asked word=answered
	case $fault in *captcha* | *image-code*) ;; *) "$@"; return ;; esac
	[[ $moment != submit && $moment != confirm ]] || { "$@"; return; } # nobody is asked past the commit
	person &
	asked=$!
	"$@"
	wait "$asked" || bad 'nobody was asked'
	case $fault in *'"person":"no"'*) word=declined ;; esac
	is_so 'human events' "$(jq -r 'select(.type | startswith("human.")) | .type + " " + .data.kind + " " + (.data.outcome // "")' "$HOME/out" | tr '\n' ',')" \
		"human.required ${asked_for:-captcha} ,human.answered ${asked_for:-captcha} $word,"
}
met() { ab-answer "$1" done; } # a challenge, by question
person() {
	local id end=$((SECONDS + ${PERSON_PATIENCE:-10}))
	until id=$(ab-answer --json | jq -r .id) && [ -n "$id" ]; do
		[ "$SECONDS" -lt "$end" ] || return 1
		read -rt 0.05 <> <(:) || :
	done
	case $fault in
	*image-code*) control codes | jq -r '.codes[0].code' | ab-answer "$id" - ;;
	*'"person":"no"'*) ab-answer --no "$id" ;;
	*) met "$id" ;;
	esac
} >>"$HOME/log" 2>&1 3>&-
# After the fault all is as it was. Where the site named no time the account rests for a minute: then that is all there is to see.
next_look() {
	no_faults
	if [ "$expected" = throttled ] && [[ ! $fault =~ retry_after\":[0-9] ]]; then
		[ "$(held)" -ge 50 ] || bad "held for $(held) s only"
	else
		is_so 'the next' "$("$2")" "$1"
	fi
}

case_book() {
	local first
	case $expected in booked) bookings=${bookings:-1} ;; *) bookings=${bookings:-0} ;; esac
	order "$moment" "$fault"
	with_person is_so_now booking 'book 1'
	is_so 'bookings on the site' "$(bookings)" "$bookings"
	no_faults
	first=$(result_id)
	is_so 'asked again' "$(book 1)" "$expected"
	is_so 'id of the same result' "$(result_id)" "$first"
	case $expected in
	failed:taken*) is_so 'the next attempt' "$(book 2)" failed:taken:next_slot ;;
	failed:*) is_so 'the next attempt' "$(book 2)" booked && bookings=1 ;;
	*) is_so 'the next attempt' "$(book 2)" "$expected" ;;
	esac
	is_so 'bookings in the end' "$(bookings)" "$bookings"
}

# run_cases OFFICE <TABLE: fails when any case was wrong. The cases are dealt out to LANES sites, each with a session, that run side
# by side: most of the time they wait.
LANES=3
run_cases() {
	local lane lanes=() failed=0
	cat >"$BATS_TEST_TMPDIR/table"
	for ((lane = 0; lane < LANES; lane++)); do
		run_lane "$1" "$lane" >"$BATS_TEST_TMPDIR/lane-$lane.log" 2>&1 3>&- &
		lanes+=($!)
	done
	for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
	[ "$failed" -eq 0 ] && [ -z "${FAULT_TIMES:-}" ] || cat "$BATS_TEST_TMPDIR"/lane-*.log
	[ "$failed" -eq 0 ]
}
run_lane() {
	local moment fault expected bookings line began asked_for at=0
	set +eET
	trap - ERR EXIT DEBUG
	BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/lane-$2
	mkdir "$BATS_TEST_TMPDIR"
	trap faults_teardown EXIT
	faults_setup "$1" || exit 1
	while read -r moment fault expected bookings <&8; do
		[[ $moment == \#* || -z $moment ]] && continue
		[ $((at++ % LANES)) -eq "$2" ] || continue
		line="$moment $fault" began=$(date +%s%N)
		: >"$HOME/log"
		asked_for=
		[[ $fault != *image-code* ]] || asked_for=otp
		case $fault in *double*) fresh_case 1 ;; *) fresh_case 5 ;; esac
		"$(kind_of "$moment")"
		[ -z "${FAULT_TIMES:-}" ] || echo "$(($(date +%s%N) / 1000000 - began / 1000000)) ms: $line"
	done 8<"$BATS_TEST_TMPDIR/../table"
	[ "$n" -gt 0 ] && [ "$wrong" -eq 0 ]
}

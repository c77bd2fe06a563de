# For the tests of faults on the office vfs, through a browser: what differs from t/faults.bash, which is loaded before it.
#
# A browser takes its time: of a booking only what failed is tried a second time.

# The provider, less patient: what takes longer than six seconds does not come
vfs_provider() {
	mkdir -p "$HOME/providers"
	cp -r "$top_srcdir/providers/vfs-global" "$HOME/providers/"
	sed -E -e 's/^( *)- (get|wait|click|choose|press):( |$)/\1- timeout: 6s\n\1  \2:\3/' \
		-e '/timeout: /!s/\{(get|wait|click|choose|press): /{timeout: 6s, \1: /' \
		-e 's/timeout: 120s/timeout: 8s/' -e 's/settle: 10s/settle: 800ms/' \
		"$top_srcdir/providers/vfs-global/provider.yaml" >"$HOME/providers/vfs-global/provider.yaml"
	export AB_PROVIDERS="$HOME/providers:$top_srcdir/providers"
}

faults_setup() {
	office=vfs n=0 wrong=0 site_slot=
	fresh_home
	vfs_provider
	start_site --per-account 1000 --vfs-wait 50ms
	new_session alice vfs-global '.profile.gender = "f" | .site.months = "1" | .inbox = [{url: ("maildir:" + $mail)}, {url: "human:me", after: "1s"}]'
	ab-login alice >/dev/null 2>"$HOME/log"
}

moment_of() {
	local api='"office":"vfs","path":"/vfs/api/'
	case ${1#check-} in
	enter) echo '"method":"GET","path":"/tur/en/fra/login"' ;;
	page) echo '"method":"GET","path":"/tur/en/fra/*"' ;;
	challenge) echo "\"method\":\"GET\",${api}challenge\"" ;;
	login) echo "\"method\":\"POST\",${api}user/login\"" ;;
	code) echo "\"method\":\"POST\",${api}user/login\",\"after\":1" ;;
	alive | applications) echo "\"method\":\"GET\",${api}appointment/application\"" ;;
	centres) echo "\"method\":\"GET\",${api}master/center/*\"" ;;
	categories) echo "\"method\":\"GET\",${api}master/visacategory/*\"" ;;
	available) echo "\"method\":\"POST\",${api}appointment/CheckIsSlotAvailable\"" ;;
	details) echo "\"method\":\"POST\",${api}appointment/applicants\"" ;;
	calendar) echo "\"method\":\"POST\",${api}appointment/calendar\"" ;;
	times) echo "\"method\":\"POST\",${api}appointment/timeslot\"" ;;
	fees) echo "\"method\":\"POST\",${api}appointment/fees\"" ;;
	schedule) echo "\"method\":\"POST\",${api}appointment/schedule\"" ;;
	# the looks whether it is logged in, and for an application under way, are before the commit
	read-back) echo "\"method\":\"GET\",${api}appointment/application\",\"after\":2" ;;
	esac
}

# One day each, so that the calendar has this case's alone: what is left of the one before is taken
fresh_case() {
	local day hour minute end
	no_faults
	rm -rf "${AB_STATE:?}/alice" "$AB_STATE/pace" "$HOME/out"
	n=$((n + 1)) goal=0193aaaa-0000-7000-8000-$(printf %012d "$n")
	# both seats of the one before, where they are free
	for end in 1 2; do [ -z "$site_slot" ] || control take "{\"office\":\"vfs\",\"slot\":\"$site_slot\"}" >/dev/null; done
	day=$(day 14) hour=$((8 + n / 2 % 10)) minute=$((n % 2 * 30))
	end=$(printf %02d:%02d $((hour + minute / 30)) $(((minute + 30) % 60)))
	hour=$(printf %02d:%02d "$hour" "$minute")
	site_slot=$(control release "{\"office\":\"vfs\",\"slots\":[{\"place\":\"Ankara\",\"category\":\"short-stay/tourism\",\"start\":\"${day}T$hour\",\"seats\":2}]}" |
		jq -r '.slots[0].id')
	slot=$(jq -nc --arg day "$day" --arg from "$hour" --arg to "$end" --arg id "$site_slot" '{id: "Ankara/Tourism/\($day)T\($from)",
		start: "\($day)T\($from):00+03:00", timezone: "Europe/Istanbul", location: "Ankara", category: "Tourism",
		extra: {centre: "Ankara", sub: "Tourism", day: $day, time: "\($from)-\($to)", allocation: $id}}')
}
bookings() {
	truth | jq --arg id "$site_slot" '[.[] | select(.account == "alice@example.org" and .slot == $id)] | length'
}
commits() { control 'requests?log=1' | jq '[.log[] | select(.method == "POST" and .path == "/vfs/api/appointment/schedule")] | length'; }

# A log-in that is needed, hit; the next one works
case_login() {
	control fault '{"fault":"expire","office":"vfs","path":"/vfs/api/appointment/application","count":1}' >/dev/null
	order "$moment" "$fault"
	with_person is_so_now login log_in
	next_look ok log_in
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
	failed:taken* | failed:throttled) ;; # the seat is another's; the account rests
	failed:*) is_so 'the next attempt' "$(book 2)" booked && bookings=1 ;;
	esac
	is_so 'bookings in the end' "$(bookings)" "$bookings"
}
# MOMENT is one of a log-in, of a check (check-…), or of a booking
kind_of() {
	case $1 in
	enter | challenge | login | code | alive) echo case_login ;;
	check-*) echo case_check ;;
	*) echo case_book ;;
	esac
}

# A browser's questions come later; what the person says to a challenge are its digits
PERSON_PATIENCE=20
met() { control codes | jq -r '.challenges[0].answer' | ab-answer "$1" -; }

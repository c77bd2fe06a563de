# HTML forms: what is described, and what submitting sends.
load lib

setup() {
	fresh_home
	export AGENT=$top_builddir/libexec/ab-page-http
	pages=$top_srcdir/t/fixtures/page
}
teardown() {
	end_pid "${SERVER:-}"
	drop_home
}

@test "each submission of the table sends what HTML says" {
	python3 "$pages/server.py" "$BATS_TEST_TMPDIR/port" "$BATS_TEST_TMPDIR/log" 3>&- &
	SERVER=$!
	until_true 10 test -e "$BATS_TEST_TMPDIR/port"
	run python3 "$pages/tables.py" form "http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(jq '.cases | length' "$pages/form.json")" -gt 70 ]
}

# describe FORM: the answer of `form` on form.html, in $form
describe() {
	{
		echo '{"do":"begin","settings":{"base":"http://example.org/"}}'
		jq -Rsc '{do:"load",html:.}' "$pages/form.html"
		jq -nc --arg f "$1" '{do:"form",form:[$f]}'
	} | "$AGENT" | tail -n 1 >"$BATS_TEST_TMPDIR/form"
}
field() { jq -c --arg n "$1" ".form.fields[] | select(.name == \$n) | $2" "$BATS_TEST_TMPDIR/form"; }

@test "a form is described: fields with their labels, options and limits, and its buttons" {
	describe '#book'
	[ "$(jq -r '.form | [.method,.enctype,.action] | join(" ")' "$BATS_TEST_TMPDIR/form")" = "post application/x-www-form-urlencoded http://example.org/echo?step=2" ]
	[ "$(field first '[.label,.required,.max_length,.autocomplete,.type]')" = '["First name",true,40,"given-name","text"]' ]
	[ "$(field last '[.label,.id,.value]')" = '["Last name","last","O'"'"'Neil"]' ]
	[ "$(field off .disabled)" = true ]
	[ "$(field born '[.type,.placeholder]')" = '["date","YYYY-MM-DD"]' ]
	[ "$(field seats '[.min,.max]')" = '["1","9"]' ]
	[ "$(field gender '[.value,.label,.legend,.checked,.disabled]' | tr '\n' ' ')" = '["F","Female","Gender",false,false] ["M","Male","Gender",false,false] ["X","Other","Gender",false,true] ' ]
	[ "$(field news '[.type,.value,.label,.checked]' | tail -n 1)" = '["checkbox","1","News please",false]' ]
	[ "$(field place '[.tag,.type,.value,.multiple]')" = '["select","select","",false]' ]
	[ "$(field place '.options[2] | [.value,.text,.selected,.disabled]')" = '["ist","İstanbul Merkez",false,false]' ]
	[ "$(field place '.options[4].disabled')" = true ]
	[ "$(field many '[.values,.multiple]')" = '[["1","3","4"],true]' ]
	[ "$(field note .value)" = '"\nfirst\nsecond"' ]
	[ "$(field outside .value)" = '"yes"' ]
	[ "$(field in_fieldset .disabled)$(field in_legend .disabled)" = truefalse ]
	[ -z "$(field in_datalist .name)$(field in_template .name)$(field stray .name)" ]
	[ "$(jq -c '[.form.buttons[] | .name]' "$BATS_TEST_TMPDIR/form")" = '["calc","clear","act","act","other","locked","map","files","text","far"]' ]
	[ "$(jq -c '.form.buttons[6] | [.text,.type,.disabled]' "$BATS_TEST_TMPDIR/form")" = '["Map","image",false]' ]
}

@test "labels come from for, from around the control, or from ARIA" {
	{
		echo '{"do":"begin","settings":{"base":"http://example.org/"}}'
		jq -nc '{do:"load",html:"<form><label>Country <select name=a><option>Here</select></label><input name=b aria-label=Street><span id=x>Post</span><span id=y>code</span><input name=c aria-labelledby=\"x y\"><label for=d>One</label><label for=d>Two</label><input id=d name=d></form>"}'
		echo '{"do":"form"}'
	} | "$AGENT" | tail -n 1 >"$BATS_TEST_TMPDIR/form"
	[ "$(jq -c '[.form.fields[].label]' "$BATS_TEST_TMPDIR/form")" = '["Country","Street","Post code","One Two"]' ]
}

@test "a form with more controls than any person fills is refused" {
	{
		echo '{"do":"begin","settings":{"base":"http://example.org/"}}'
		jq -nc '{do:"load",html:("<form>" + "<input name=a>" * 4000 + "</form>")}'
		echo '{"do":"submit"}'
	} | "$AGENT" | tail -n 1 >"$BATS_TEST_TMPDIR/form"
	[ "$(jq -r .error.code "$BATS_TEST_TMPDIR/form")" = limit ]
}

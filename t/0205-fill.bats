# ab-fill: forms of several languages, filled from a profile.
load lib

setup() {
	fresh_home
	cat >"$BATS_TEST_TMPDIR/profile.json" <<-'E'
		{"first_name":"Alice","last_name":"Example","date_of_birth":"1990-02-03","passport_number":"P0000001",
		 "passport_expiry":"2032-05-31","email":"alice@example.org","phone":"+90 312 000 00 00","nationality":"TUR",
		 "gender":"female","address":"1 Example Street","city":"Ankara","postal_code":"06000","visa_type":"short-stay","newsletter":"yes"}
	E
}
teardown() {
	drop_home
}

# fill HTML [OPTION…]: status, output (JSON by default) and the messages in $BATS_TEST_TMPDIR/err
fill() {
	local html=$1
	shift
	status=0
	output=$(ab-fill -p "$BATS_TEST_TMPDIR/profile.json" --format json "$@" <<<"$html" 2>"$BATS_TEST_TMPDIR/err") || status=$?
	echo "$output"
	cat "$BATS_TEST_TMPDIR/err"
}
value() { jq -r --arg n "$1" '.[$n]' <<<"$output"; }

@test "autofill tokens choose the profile's key, whatever the field is called" {
	fill '<form><input name=a autocomplete=given-name><input name=b autocomplete="section-x shipping family-name">
		<input name=c autocomplete=bday type=date><input name=d autocomplete="home email"><input name=e autocomplete=tel>
		<input name=f autocomplete=name><input name=g autocomplete=postal-code><input name=h autocomplete=bday-year>
		<input name=email autocomplete=family-name><input name=i autocomplete=off id=city></form>'
	[ "$status" = 0 ]
	[ "$(jq -c . <<<"$output")" = '{"a":"Alice","b":"Example","c":"1990-02-03","d":"alice@example.org","e":"+90 312 000 00 00","f":"Alice Example","g":"06000","h":"1990","email":"Example","i":"Ankara"}' ]
}

@test "names, ids and labels tell in eight languages" {
	local line first last born passport expiry nationality
	while IFS='|' read -r first last born passport expiry nationality; do
		fill "<form><label>$first<input name=f1></label><label for=x>$last:</label><input id=x name=f2><label>$born *<input name=f3></label>
			<label>$passport<input name=f4></label><label>$expiry<input name=f5></label><label>$nationality<input name=f6></label></form>"
		[ "$status" = 0 ]
		[ "$(jq -c . <<<"$output")" = '{"f1":"Alice","f2":"Example","f3":"1990-02-03","f4":"P0000001","f5":"2032-05-31","f6":"TUR"}' ]
	done <<-'E'
		First name|Last name|Date of birth|Passport number|Passport expiry date|Nationality
		Vorname|Nachname|Geburtsdatum|Reisepassnummer|Gültig bis|Staatsangehörigkeit
		Prénom|Nom de famille|Date de naissance|Numéro de passeport|Date d'expiration|Nationalité
		Nombre|Apellidos|Fecha de nacimiento|Número de pasaporte|Fecha de caducidad|Nacionalidad
		Adınız|Soyadınız|Doğum Tarihi|Pasaport Numarası|Geçerlilik Tarihi|Uyruğu
		Nome di battesimo|Cognome|Data di nascita|Numero di passaporto|Data di scadenza|Nazionalità
		Primeiro nome|Sobrenome|Data de nascimento|Número do passaporte|Data de validade|Nacionalidade
		Imię|Nazwisko|Data urodzenia|Numer paszportu|Data ważności|Obywatelstwo
	E
}

@test "a field called just name is the family name beside a first name, and the whole name alone" {
	fill '<form><label>Name<input name=a></label><label>Vorname<input name=b></label></form>'
	[ "$(value a) $(value b)" = "Example Alice" ]
	fill '<form><label>Nom<input name=a></label></form>'
	[ "$(value a)" = "Alice Example" ]
}

@test "dates are written as the field wants them, whole or in parts" {
	fill '<form><input type=date name=dob1><label>Date of birth<input name=dob2 placeholder=DD/MM/YYYY></label>
		<label>Birth date (MM-DD-YYYY)<input name=dob3></label><label>Doğum tarihi<input name=dob4 placeholder="GG.AA.YYYY"></label>
		<label>Date de naissance (JJ/MM/AAAA)<input name=dob5></label><label>Geburtsdatum<input name=dob6 title=TT.MM.JJJJ></label>
		<input type=month name=passport_expiry>
		<select name=birth_day><option value="">--<option>01<option>02<option>03</select>
		<select name=birth_month><option value="">-<option value=0>Oca<option value=1>Şub<option value=2>Mar<option value=3>Nis<option value=4>May<option value=5>Haz<option value=6>Tem<option value=7>Ağu<option value=8>Eyl<option value=9>Eki<option value=10>Kas<option value=11>Ara</select>
		<input name=birthYear maxlength=4></form>'
	[ "$status" = 0 ]
	[ "$(jq -c 'to_entries|map(.value)' <<<"$output")" = '["1990-02-03","03/02/1990","02-03-1990","03.02.1990","03/02/1990","03.02.1990","2032-05","03","1","1990"]' ]
}

@test "options are matched by value, by text, and by what they mean" {
	fill '<form><select name=visa_type><option value="">?<option value=1>Short Stay<option value=2>Long stay</select>
		<select name=city><option>Bursa<option>ANKARA</select>
		<select name=nationality><option value="">?<option value=TR>Türkiye<option value=DE>Almanya</select>
		<fieldset><legend>Cinsiyet</legend><label><input type=radio name=c value=1>Erkek</label><label><input type=radio name=c value=2>Kadın</label></fieldset>
		<select name=sex><option>Male<option>Female</select></form>'
	[ "$status" = 0 ]
	[ "$(jq -c . <<<"$output")" = '{"visa_type":"1","city":"ANKARA","nationality":"TR","c":"2","sex":"Female"}' ]
}

@test "what is required and could not be filled is said, and the status is 1" {
	fill '<form><label>First name<input name=a required></label><label>Favourite colour<input name=b required></label>
		<label>Occupation *<input name=c></label><select name=nationality required><option value="">?<option value=DE>Germany</select>
		<input type=checkbox name=terms required><input type=password name=pw required><input name=full required value=done>
		<label>Passport<input name=p required maxlength=3></label><input name=gone required disabled><input type=hidden name=h required></form>'
	[ "$status" = 1 ]
	[ "$(jq -c . <<<"$output")" = '{"a":"Alice"}' ]
	[ "$(sed 's/^ab-fill: //' "$BATS_TEST_TMPDIR/err")" = "required field 'b' (Favourite colour): what it asks for can't be told
required field 'c' (Occupation *): the profile has nothing for it
required field 'nationality': none of its choices is the profile's value
required field 'terms': a person must tick it
required field 'pw': not from a profile
required field 'p' (Passport): the profile's value is longer than it takes" ]
}

@test "boxes are ticked only where the profile itself says so" {
	fill '<form><input type=checkbox name=newsletter value=1><input type=checkbox name=terms></form>'
	[ "$(jq -c . <<<"$output")" = '{"newsletter":"1"}' ]
}

@test "the three formats say the same" {
	html='<form><input name="applicant[firstName]"><input type=email name=e></form>'
	fill "$html" --format ndjson
	[ "$output" = '{"name":"applicant[firstName]","value":"Alice","from":"first_name"}
{"name":"e","value":"alice@example.org","from":"email"}' ]
	fill "$html" --format urlencoded
	[ "$output" = 'applicant%5BfirstName%5D=Alice&e=alice%40example.org' ]
	fill "$html" --format yaml
	[ "$status" = 64 ]
}

@test "which form is meant must be clear" {
	html='<form id=a><input name=first_name></form><form id=b><input name=last_name></form>'
	fill "$html"
	[ "$status" = 65 ]
	[[ $(cat "$BATS_TEST_TMPDIR/err") == *"2 forms match"* ]]
	fill "$html" -f '#b'
	[ "$output" = '{"last_name":"Example"}' ]
	fill "$html" -f 'form:hover'
	[ "$status" = 64 ]
	run ab-fill <<<"$html"
	[ "$status" = 64 ]
}

@test "what it says is what submit takes" {
	fill '<form><select name=city><option>Ankara<option>Bursa</select><input name=first_name></form>'
	{
		echo '{"do":"begin","settings":{"base":"http://example.org/"}}'
		echo '{"do":"load","html":"<form method=post><select name=city><option>Bursa<option>Ankara</select><input name=first_name></form>"}'
		jq -c '{id:1,do:"submit",set:.}' <<<"$output"
	} >"$BATS_TEST_TMPDIR/commands"
	echo '{"answers":[{"method":"POST","url":"/","expect":{"city":"Ankara","first_name":"Alice"},"body":"ok"}]}' >"$BATS_TEST_TMPDIR/table.json"
	"$top_builddir/libexec/ab-page-http" --replay "$BATS_TEST_TMPDIR/table.json" <"$BATS_TEST_TMPDIR/commands" |
		jq -e 'select(.id == 1) | .status == 200'
}

@test "a session's profile is opened with its key, and the session's page may hold the form" {
	BASE=http://127.0.0.1:1/ MAIL=$HOME/mail
	new_session alice practice
	run ab-fill -s alice --html - --format json <<<'<form><input name=first_name><input name=passport_number></form>'
	[ "$status" = 0 ]
	[ "$output" = '{"first_name":"Alice","passport_number":"P0000001"}' ]
	run ab-fill -s alice
	[ "$status" = 69 ]
	[[ $output == *"alice has no page now"* ]]
}

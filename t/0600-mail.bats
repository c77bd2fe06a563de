# Mails read, and the codes in them: t/fixtures/mail/NAME.eml against the table t/fixtures/mail/expected.

load lib
bats_require_minimum_version 1.5.0

setup() {
	mails=$top_srcdir/t/fixtures/mail
	reader=$top_builddir/t/unit/mail-test
}

# One field of what was read: code, from, to, subject, date, picture.
field() {
	local names=(code from to subject date picture) i
	for i in "${!names[@]}"; do
		[ "${names[i]}" != "$1" ] || "$reader" "$mails/$2.eml" "${@:3}" | sed -n "$((i + 1))p"
	done
}

@test "each mail of the table gives its code, or none" {
	local name code got wrong=0 count=0
	while read -r name code; do
		got=$("$reader" "$mails/$name.eml" | head -n 1)
		[ "$got" = "$code" ] || { echo "$name: expected $code, got $got"; wrong=$((wrong + 1)); }
		count=$((count + 1))
	done <"$mails/expected"
	echo "$count mails, $wrong wrong"
	[ "$wrong" -eq 0 ]
	[ "$count" -ge 60 ]
}

@test "every mail of the folder is in the table" {
	diff <(cd "$mails" && ls ./*.eml | sed 's|^./||; s|\.eml$||' | sort) <(cut -d' ' -f1 "$mails/expected" | sort)
}

@test "the table covers at least eight languages" {
	[ "$(grep -v ' -$' "$mails/expected" | cut -c1-3 | grep -c -- '-$')" -ge 30 ]
	[ "$(grep -v ' -$' "$mails/expected" | grep -o '^[a-z][a-z]-' | sort -u | wc -l)" -ge 8 ]
}

@test "a picture stands for the code where the text names one and has none; a logo or a QR code does not" {
	local name picture
	while read -r name picture; do
		[ "$(field picture "$name")" = "$picture" ] || { echo "$name: $(field picture "$name")"; return 1; }
	done <<-'END'
	picture-en image/bmp 94
	picture-tr-before image/bmp 94
	picture-de-attached image/bmp 94
	picture-none-newsletter - 0
	picture-none-qr - 0
	picture-none-remote - 0
	picture-beside-code - 0
	no-code-image image/png 8
	END
	# no other mail of the folder
	for name in "$mails"/*.eml; do
		name=$(basename "$name" .eml)
		[[ $name = picture-* || $name = no-code-image ]] || [ "$(field picture "$name")" = "- 0" ] || { echo "$name"; return 1; }
	done
}

@test "headers are decoded, whatever their charset" {
	[ "$(field subject ru-koi8)" = "Код подтверждения" ]
	[ "$(field subject ja-iso2022)" = "認証コードのお知らせ" ]
	[ "$(field subject tr-iso9)" = "Tek kullanımlık şifre" ]
	[ "$(field subject broken-raw-headers)" = "Votre code de vérification é" ]
}

@test "the sender is an address, even in a header that is not well-formed" {
	[ "$(field from en-plain)" = noreply@example.org ]
	[ "$(field from broken-raw-headers)" = noreply@example.org ]
}

@test "the date is read with its offset" {
	sed 's/^Date:.*/Date: Sun, 22 Nov 2026 11:00:05 +0300/' "$mails/en-plain.eml" >"$BATS_TEST_TMPDIR/m.eml"
	[ "$("$reader" "$BATS_TEST_TMPDIR/m.eml" | sed -n 5p)" = 1795334405000 ]
}

@test "a provider's pattern decides alone: its first group, or the whole match" {
	[ "$(field code no-code-booking 'Booking code: ([0-9]{7})')" = 4821337 ]
	[ "$(field code en-two-numbers '[0-9]{8}')" = 48213377 ]
	[ "$(field code en-html-only 'never there')" = - ]
	[ "$(field code en-plain 'code is (\d{6})\.')" = 482913 ]
	[ "$(field code en-plain '[]^x\d]{6}')" = 482913 ]
	[ "$(field code en-plain 'SW\d\D ')" = "SW1A " ]
}

@test "a pattern is not matched against headers, style sheets or links" {
	[ "$(field code en-html-only '(111111|654321|999999|777777|77123456)')" = - ]
}

@test "patterns whose cost has no bounds are refused" {
	run -65 "$reader" "$mails/en-plain.eml" '(a)\1'
	[[ $output == *back-reference* ]]
	run -65 "$reader" "$mails/en-plain.eml" '((a{1,99}){1,99}){1,99}'
	[[ $output == *"repeat counts"* ]]
	run -65 "$reader" "$mails/en-plain.eml" '(?:code) (.*)'
	run -65 "$reader" "$mails/en-plain.eml" '('
	run -65 "$reader" "$mails/en-plain.eml" "$(printf 'a%.0s' {1..300})"
}

@test "a mail made to be slow is read in bounded time" {
	local m=$BATS_TEST_TMPDIR/m.eml
	# 8,000 nested parts; 100,000 tags that never close; one tag with 60,000 attributes; a megabyte of digits
	{ printf 'From: a@example.org\nContent-Type: multipart/mixed; boundary=b0\n\n'
	  for i in {1..8000}; do printf -- '--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n' $((i - 1)) "$i"; done; } >"$m"
	timeout 5 "$reader" "$m" || [ $? -eq 65 ]
	{ printf 'From: a@example.org\nContent-Type: text/html\n\n'
	  yes '<div a="' | head -n 100000; } >"$m"
	[ "$(timeout 5 "$reader" "$m" | head -n 1)" = - ]
	{ printf 'From: a@example.org\nContent-Type: text/html\n\n<p '
	  yes 'a=1 ' | head -n 60000 | tr -d '\n'; printf '>Your code is 123456</p>'; } >"$m"
	[ "$(timeout 5 "$reader" "$m" | head -n 1)" = 123456 ]
	{ printf 'From: a@example.org\n\n'
	  yes 'code 1234 5678 ' | head -n 70000; } >"$m"
	timeout 5 "$reader" "$m"
}

@test "any mail cut anywhere, or with bytes changed, is read without a fault" {
	local f size at m=$BATS_TEST_TMPDIR/m.eml
	for f in en-nested en-html-only zh-gb2312 broken-html; do
		size=$(stat -c %s "$mails/$f.eml")
		for ((at = 1; at < size; at += 1 + size / 60)); do
			head -c "$at" "$mails/$f.eml" >"$m"
			"$reader" "$m" >/dev/null || [ $? -eq 65 ]
			{ head -c "$at" "$mails/$f.eml"; printf '\0\377<!--&#x;'; tail -c +"$((at + 3))" "$mails/$f.eml"; } >"$m"
			"$reader" "$m" >/dev/null || [ $? -eq 65 ]
		done
	done
}

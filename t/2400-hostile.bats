# Whatever a site sends and a provider's author writes costs bounded time and memory and ends in a verdict; what was cut off is
# never `none`. Each case of a table is one `ab-poll --once` against a site that is hostile in one way (t/fixtures/hostile).
load lib
load hostile

setup() {
	fresh_home
}
teardown() {
	drop_home
}

@test "bodies without an end, bombs and false encodings end in a verdict, and none is never it" {
	run_pages <<-'END'
		html	empty		none
		html	slots		available
		html	gzip		available
		html	endless		changed	-	cut off
		html	endless-plain	changed	-	cut off
		html	endless-line	changed	-	cut off
		html	drip		unreachable
		html	drip-whole	unreachable
		html	drip-head	unreachable
		html	stall		unreachable
		html	silence		unreachable
		html	nothing		unreachable
		html	gzip-bomb	changed	-	cut off
		html	deflate-bomb	changed	-	cut off
		html	brotli-bomb	changed	-	cut off
		html	nested-bomb	changed	-	cut off
		html	encodings	unreachable
		html	false-gzip	unreachable
		html	false-brotli	unreachable
		html	unknown-encoding	unreachable
		html	hidden-gzip	changed
		html	gzip-cut	changed
	END
}

@test "an answer that was cut is never none, however it says where it ends" {
	run_pages <<-'END'
		html	length-long	unreachable
		html	length-short	changed
		html	length-none	changed
		html	length-twice	unreachable
		html	length-negative	unreachable
		html	length-absurd	changed
		html	length-words	unreachable
		html	cut		changed
		html	cut-fragment	changed
		html	cut-10		changed
		html	cut-framed	changed
		html	cut-in-list	changed
		html	cut-in-script	changed
		html	reset		unreachable
		html	partial		changed	-	cut off
		html	contradiction	available
		html	chunks-cut	unreachable
		html	chunks-cut-framed	changed
		html	chunks-garbage	unreachable
		html	chunks-absurd	unreachable
		html	chunks-extension	unreachable
		html	chunks-tiny	changed
		html	trailers	changed
	END
}

@test "heads without an end and answers that are no HTTP end in a verdict" {
	run_pages <<-'END'
		html	headers-endless	changed
		html	header-huge	changed	-	headers are more than
		html	header-endless	changed
		html	headers-10000	changed	-	headers are more than
		html	headers-alike	changed	-	headers are more than
		html	cookies		changed
		html	cookies-few	none
		html	cookies-many	changed
		html	continues	changed	-	headers are more than
		html	continue	none
		html	switching	changed
		html	status-lines	unreachable
		html	http09		unreachable
		html	http9		unreachable
		html	garbage		unreachable
		html	smtp		unreachable
		html	redirects	changed	-	redirect
		html	redirects-cookies	changed	-	redirect
		html	redirect-other	changed	-	not among the allowed origins
		html	redirect-file	changed	-	not allowed
		html	redirect-gopher	changed	-	not allowed
		html	redirect-ftp	changed	-	not allowed
		html	redirect-data	changed	-	not allowed
		html	redirect-script	changed	-	not allowed
		html	redirect-user	changed	-	a name or password
		html	redirect-long	changed
		html	redirect-odd	changed
		html	redirect-blank	changed
		html	refresh		changed
	END
}

@test "markup that is too deep, too wide, too full or broken ends in a verdict" {
	run_pages <<-'END'
		html	attributes	changed	-	cut off
		html	attributes-many	available
		html	deep		changed	-	cut off
		html	deep-sly	changed	-	cut off
		html	elements	available
		html	tags-open	available
		html	quote-open	changed	-	cut off
		html	comment-open	changed	-	cut off
		html	comments	available
		html	entities	available
		html	doctype		available
		html	options		available
		html	controls	available
		html	rows		changed
		html	nul-before	available
		html	nul-inside	available
		html	nul-in-tag	available
		html	nul-after	available
		html	nul-flood	available
		html	wrong-charset	changed
		html	no-charset	available
		html	bad-utf8	available
		html	wrong-type	changed
	END
}

@test "JSON that is cut, broken, deep or endless ends in a verdict" {
	run_pages <<-'END'
		json	json-empty	none
		json	json-slots	available
		json	json-cut	changed
		json	json-garbage	changed
		json	json-markup	changed
		json	json-nothing	changed
		json	json-two	changed
		json	json-deep	changed
		json	json-objects	changed
		json	json-numbers	none
		json	json-huge-number	none
		json	json-keys	none
		json	json-nul	none
		json	json-bad-utf8	none
		json	json-endless	changed
		json	json-slots-many	changed
		html	json-empty	changed
	END
}

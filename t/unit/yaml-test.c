/* ext/yaml: a table of texts and what they give, JSON or "LINE:COLUMN: …"; then values that must survive a round
 * through yaml_text and yaml_parse. Output is TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/yaml.h"

static int count, failed;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, name);
	failed += !good;
}

static const struct {
	const char *name, *text;
	const char *want; /* JSON, or the error after the name, from its start */
} table[] = {
	/* scalars are strings */
	{"NO stays NO", "a: NO\n", "{\"a\":\"NO\"}"},
	{"yes, on, true and null stay words", "[yes, on, true, null]", "[\"yes\",\"on\",\"true\",\"null\"]"},
	{"leading zeros stay", "a: 007123456", "{\"a\":\"007123456\"}"},
	{"12:30 is no number", "a: 12:30", "{\"a\":\"12:30\"}"},
	{"a date stays text", "a: 2026-12-01", "{\"a\":\"2026-12-01\"}"},
	{"0x1F, 1e3, .5 and .nan stay text", "[0x1F, 1e3, .5, .nan]", "[\"0x1F\",\"1e3\",\".5\",\".nan\"]"},
	{"a tilde is a tilde", "a: ~", "{\"a\":\"~\"}"},
	{"an empty scalar is an empty text", "a:\nb: ''\n", "{\"a\":\"\",\"b\":\"\"}"},
	{"a key is text too", "NO: 1\n1: 2\n", "{\"1\":\"2\",\"NO\":\"1\"}"},
	{"quotes and escapes", "a: \"x\\ty\\u00e9\"\nb: 'it''s'", "{\"a\":\"x\\ty\xc3\xa9\",\"b\":\"it's\"}"},
	{"literal and folded blocks", "a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}"},
	{"a scalar alone", "hello", "\"hello\""},
	{"JSON is YAML", "{\"a\": [\"b\", {\"c\": \"d\"}]}", "{\"a\":[\"b\",{\"c\":\"d\"}]}"},
	{"comments", "# one\na: b # two\n", "{\"a\":\"b\"}"},
	{"a document's start", "---\na: b\n", "{\"a\":\"b\"}"},
	/* line ends and marks */
	{"CRLF", "a: b\r\nc: |\r\n  d\r\n  e\r\n", "{\"a\":\"b\",\"c\":\"d\\ne\\n\"}"},
	{"a byte-order mark", "\xef\xbb\xbf" "a: b\n", "{\"a\":\"b\"}"},
	{"a line past CRLF", "a: b\r\na: c\r\n", "2:1: duplicate key 'a': it stands on line 1 already"},
	{"a column past a byte-order mark", "\xef\xbb\xbf" "a: *b\n", "1:4: an alias"},
	{"columns are characters", "\"\xc3\xa9\xc3\xa9\": &a b", "1:7: an anchor"},
	/* refused */
	{"duplicate keys", "a: 1\nb: 2\na: 3\n", "3:1: duplicate key 'a': it stands on line 1 already"},
	{"duplicate keys below", "x:\n  a: 1\n  \"a\": 2\n", "3:3: duplicate key 'a': it stands on line 2 already"},
	{"duplicate keys in a flow", "{a: 1, a: 2}", "1:8: duplicate key 'a'"},
	{"the same key in two mappings is fine", "[{a: 1}, {a: 2}]", "[{\"a\":\"1\"},{\"a\":\"2\"}]"},
	{"an anchor on a scalar", "a: &x 1\n", "1:4: an anchor"},
	{"an anchor on a mapping", "a: &x\n  b: 1\n", "1:4: an anchor"},
	{"an anchor on a list", "a: &x [1]\n", "1:4: an anchor"},
	{"an anchor on a key", "&x a: 1\n", "1:1: an anchor"},
	{"an alias", "a: 1\nb: *a\n", "2:4: an alias"},
	{"an alias as a key", "*a : 1\n", "1:1: an alias"},
	{"a merge key", "a: 1\n<<: {b: 2}\n", "2:1: a merge key"},
	{"a quoted << is a key", "\"<<\": 1\n", "{\"<<\":\"1\"}"},
	{"a tag on a scalar", "a: !!int 1\n", "1:4: a tag"},
	{"a tag on a list", "a: !x [1]\n", "1:4: a tag"},
	{"the bare tag", "a: ! 1\n", "1:4: a tag"},
	{"a tag that runs things elsewhere", "a: !!python/object/apply:os.system [\"id\"]\n", "1:4: a tag"},
	{"a %TAG line", "%TAG ! tag:example.org,2026:\n---\na: 1\n", "1:1: a %TAG line"},
	{"a list as a key", "? [a, b]\n: 1\n", "1:3: a key must be a scalar"},
	{"a mapping as a key", "{{a: 1}: 2}", "1:2: a key must be a scalar"},
	{"two documents", "a: 1\n---\nb: 2\n", "2:1: a second document"},
	{"nothing", "", "1:1: there is nothing in it"},
	{"only a comment", "# x\n", "2:1: there is nothing in it"},
	{"a tab as indentation", "a:\n\tb: 1\n", "2:1: "},
	{"an open quote", "a: \"b\n", "2:1: "},
	{"a stray bracket", "a: ]\n", "1:4: "},
	{"bad indentation", "a: 1\n  b: 2\n", "2:4: mapping values are not allowed"},
	{"an unknown escape", "a: \"\\q\"\n", "1:5: "},
	{"a NUL escape", "a: \"x\\0y\"\n", "1:4: a NUL character"},
	{"half a surrogate pair", "a: \"\\ud800\"\n", "1:7: found invalid Unicode character"},
	{"a control character", "a: 1\nb: \x01\n", "2:4: control characters are not allowed"},
	{"invalid UTF-8", "a: 1\nb: \xff\xfe\n", "2:4: "},
	{"UTF-8 cut short", "a: \xc3\n", "1:5: invalid trailing UTF-8 octet"},
	{"overlong UTF-8", "a: \xc0\xaf\n", "1:4: "},
	{"a surrogate in UTF-8", "a: \xed\xa0\x80\n", "1:4: "},
	{"UTF-16", "\xff\xfe" "a", "1:1: "},
};

static void run_table(void)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct yaml y;
		struct err e;
		char *got;
		bool good;

		if (yaml_parse(&y, table[i].text, strlen(table[i].text), "T", &e) == 0) {
			got = json_text_sorted(y.value);
			good = strcmp(got, table[i].want) == 0;
			yaml_done(&y);
		} else {
			got = xstrdup(str_starts(e.text, "T:") ? e.text + 2 : e.text);
			good = str_starts(got, table[i].want) && e.status == EX_DATAERR;
		}
		ok(good, table[i].name);
		if (!good)
			printf("# got %s\n# want %s\n", got, table[i].want);
		free(got);
	}
}

/* --- limits --- */

static bool parses(const char *text, size_t len, const char *want)
{
	struct yaml y;
	struct err e = {0};

	if (yaml_parse(&y, text, len, "T", &e) == 0) {
		yaml_done(&y);
		return !want;
	}
	if (want && strstr(e.text, want))
		return true;
	printf("# %s\n", e.text);
	return false;
}

static void run_limits(void)
{
	struct str b = {0};

	for (int i = 0; i < 64; i++)
		str_putc(&b, '[');
	for (int i = 0; i < 64; i++)
		str_putc(&b, ']');
	ok(parses(b.s, b.len, NULL), "64 levels are read");
	str_reset(&b);
	for (int i = 0; i < 65; i++)
		str_putc(&b, '[');
	ok(parses(b.s, b.len, "1:65: nested too deeply"), "65 levels are not");
	str_reset(&b);
	for (int i = 0; i < 200000; i++)
		str_putc(&b, '[');
	ok(parses(b.s, b.len, "1:65: nested too deeply"), "200000 levels end as early");
	str_reset(&b);
	while (b.len < (1u << 20) - 5)
		str_puts(&b, "- a\n");
	ok(parses(b.s, b.len, NULL), "almost 1 MiB is read");
	str_puts(&b, "- a\n- a\n");
	ok(parses(b.s, b.len, "larger than 1 MiB"), "more is not");
	ok(parses("a: b\0c\n", 7, "1:5: control characters are not allowed"), "a NUL byte is refused");
	str_free(&b);
}

/* --- places --- */

static bool placed(const struct yaml *y, const char *pointer, int line, int column)
{
	int l, c;

	yaml_place(y, pointer, &l, &c);
	if (l != line || c != column)
		printf("# %s is at %d:%d\n", pointer, l, c);
	return l == line && c == column;
}

static void run_places(void)
{
	static const char text[] = "a: 1\nb:\n  - x\n  - c/d: y\n    e~f: z\n";
	struct yaml y;

	ok(yaml_parse(&y, text, strlen(text), "T", NULL) == 0, "a text with places");
	ok(placed(&y, "/a", 1, 4), "a value's place");
	ok(placed(&y, "/b#key", 2, 1), "a key's place");
	ok(placed(&y, "/b/0", 3, 5), "an item's place");
	ok(placed(&y, "/b/1/c~1d", 4, 10), "a pointer with an escaped slash");
	ok(placed(&y, "/b/1/e~0f#key", 5, 5), "a pointer with an escaped tilde");
	ok(placed(&y, "/b/1/none/deeper", 4, 5), "what has no place has its parent's");
	ok(placed(&y, "/zzz", 1, 1), "or the start");
	yaml_done(&y);
}

/* --- round trips --- */

static const char *const pieces[] = {
	"", "a", "NO", "~", "null", "007", "12:30", "a: b", "a #b", "#", "- x", "-", "?", ": ", "x:", "'", "\"", "\\", "{", "[a]", "<<",
	"*a", "&a", "!t", "%x", "@x", "`x", "|", ">", "---", "...", " ", "  lead", "trail ", "\t", "\ttab", "a\tb", "\n", "a\nb", "a\nb\n",
	"a\n\nb", "a\n\n", "\na", "a\n  b\nc", "a\n \nb", "a\r\nb", "\r", "\x01", "\x7f", "\xc3\xa9", "\xc2\x85", "\xc2\xa0", "\xe2\x80\xa8",
	"\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbd", "\xf0\x9f\x98\x80", "=", ",", "a, b", "a]b", "a}b", "http://x/y?z#w",
	"true", "1e5", "0", "0x10", "---\na", "a\n---\nb", "a\n# b", "a\n: b",
};
#define NPIECES (sizeof pieces / sizeof *pieces)

static unsigned long long seed = 42;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

static jv random_text(void)
{
	char *s = xasprintf("%s%s", pieces[rnd(NPIECES)], rnd(3) ? "" : pieces[rnd(NPIECES)]);
	jv v = jv_string(s);

	free(s);
	return v;
}

static jv random_value(int depth)
{
	unsigned kind = depth ? rnd(4) : 0, n = rnd(4);
	jv v;

	if (kind < 2)
		return random_text();
	v = kind == 2 ? jv_array() : jv_object();
	for (unsigned i = 0; i < n; i++) {
		jv inner = random_value(depth - 1), key;

		if (kind == 2) {
			v = json_push(v, inner);
		} else {
			key = random_text();
			v = json_set(v, jv_string_value(key), inner);
			jv_free(key);
		}
	}
	return v;
}

static bool survives(jv v)
{
	char *text = yaml_text(v);
	struct yaml y;
	struct err e = {0};
	bool same = yaml_parse(&y, text, strlen(text), "T", &e) == 0 && json_equal(y.value, v);

	if (!same)
		printf("# %s\n# of %s\n", e.text, text);
	yaml_done(&y);
	free(text);
	return same;
}

static void run_round_trips(void)
{
	bool good = true;

	for (size_t i = 0; good && i < NPIECES; i++) {
		jv v = jv_string(pieces[i]);

		good = survives(v);
		jv_free(v);
	}
	ok(good, "every awkward text survives alone");
	for (int i = 0; good && i < 3000; i++) {
		jv v = random_value(4);

		good = survives(v);
		jv_free(v);
	}
	ok(good, "3000 random values survive");
}

int main(void)
{
	run_table();
	run_limits();
	run_places();
	run_round_trips();
	printf("1..%d\n", count);
	return failed != 0;
}

#include "mail/code.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mail/text.h"
#include "mail/words.h"

#define REACH_AFTER 14  /* tokens between a code's name and the code after it */
#define REACH_BEFORE 9  /* … and the code before it */
#define ROWS_BELOW 3    /* non-empty lines below its name that a code may stand on alone */
#define GOOD_ENOUGH 30

/* A number that could be a code: tokens first..last. */
struct candidate {
	int first, last;
	char text[24];
	bool letters; /* not digits alone */
	bool small;   /* small letters too: only beside its name */
	bool alone;   /* on its line */
	bool year;
};

static bool is_mark(const struct words *w, int i, const char *set)
{
	return i >= 0 && i < w->n && w->tokens[i].kind == TOKEN_MARK && w->tokens[i].mark < 0x80 &&
	       strchr(set, (int)w->tokens[i].mark);
}

static bool is_word(const struct words *w, int i)
{
	return i >= 0 && i < w->n && w->tokens[i].kind == TOKEN_WORD;
}

static bool is_digits(const struct words *w, int i)
{
	return is_word(w, i) && w->tokens[i].digits;
}

/* Nothing between tokens I-1 and I. */
static bool joined(const struct words *w, int i)
{
	return i > 0 && i < w->n && !w->tokens[i].before;
}

/* Where the names of codes stand */

static bool same_line(const struct words *w, int a, int b)
{
	return a >= 0 && b >= 0 && a < w->n && b < w->n && w->tokens[a].line == w->tokens[b].line;
}

/* True when the words round token I make it another kind of code: "postal code", "code de réservation". */
static bool other_code(const struct words *w, int i)
{
	int before = i - 1, after = i + 1;

	if (is_mark(w, before, "-"))
		before--;
	if (same_line(w, before, i) && is_word(w, before) && word_is_other_code(w->tokens[before].folded))
		return true;
	for (int skip = 0; skip < 2 && same_line(w, after, i); skip++, after++)
		if (!(is_word(w, after) && word_is_of(w->tokens[after].folded)) && !is_mark(w, after, "'"))
			break;
	return same_line(w, after, i) && is_word(w, after) && word_is_other_code(w->tokens[after].folded);
}

static bool word_near(const struct words *w, int i, int reach, bool (*is)(const char *))
{
	for (int at = i - reach; at <= i + reach; at++)
		if (at >= 0 && at < w->n && at != i && is_word(w, at) && w->tokens[at].line - w->tokens[i].line < 2 &&
		    w->tokens[i].line - w->tokens[at].line < 2 && is(w->tokens[at].folded))
			return true;
	return false;
}

static bool is_label(const struct words *w, int i)
{
	const struct token *t = &w->tokens[i];

	if (t->kind != TOKEN_WORD || t->digits)
		return false;
	if (word_is_code(t->folded) || strcmp(t->text, "TAN") == 0)
		return !other_code(w, i);
	return word_is_password(t->folded) && word_near(w, i, 4, word_is_once);
}

/* Numbers that could be codes */

/* True when the unbroken run of characters round tokens FIRST..LAST is a link or a mail address. */
static bool in_address(const struct words *w, int first, int last)
{
	while (joined(w, first))
		first--;
	while (joined(w, last + 1))
		last++;
	for (int i = first + 1; i < last; i++) {
		bool inside = is_word(w, i - 1) && is_word(w, i + 1);

		if ((inside && is_mark(w, i, "@&?_\\")) || (is_mark(w, i, "/") && is_mark(w, i + 1, "/")) ||
		    (inside && is_mark(w, i, ".") && !is_digits(w, i - 1) && !is_digits(w, i + 1)))
			return true;
	}
	return false;
}

static bool is_currency(const struct words *w, int i)
{
	uint32_t c = i >= 0 && i < w->n ? w->tokens[i].mark : 0;

	return c == '$' || (c >= 0xa2 && c <= 0xa5) || (c >= 0x20a0 && c < 0x20d0);
}

/* What touches token FIRST from the left makes it the end of something longer: a time, a masked number, a path … */
static bool longer_left(const struct words *w, int first, int last)
{
	int before = first - 1;
	bool chained = joined(w, before);

	if (is_currency(w, before) || is_mark(w, before, "+") || (is_mark(w, before, ")") && is_digits(w, before - 1)))
		return true; /* "£ 1234", "+ 90", "(0850) 222" */
	if (!joined(w, first))
		return false;
	if (is_mark(w, before, "$%&?@_~^\\") || (is_mark(w, before, ".,/") && chained))
		return true;
	if (is_mark(w, before, "#:=") && chained && is_word(w, before - 1) && !is_label(w, before - 1))
		return true;
	if (is_mark(w, before, "#") && !chained && !(is_word(w, before - 1) && is_label(w, before - 1)))
		return true;
	if (is_mark(w, before, "*") && !(is_mark(w, last + 1, "*") && joined(w, last + 1)))
		return true;
	if (w->tokens[before].mark == 0x2022) /* bullets mask, too */
		return true;
	/* "G-123456" is Google's way; "A-B-123456" and "REF-123456" are something else */
	return is_mark(w, before, "-") && chained && is_word(w, before - 1) &&
	       (strlen(w->tokens[before - 1].text) > 2 || is_digits(w, before - 1));
}

static bool longer_right(const struct words *w, int last)
{
	int after = last + 1;

	if (!joined(w, after))
		return is_currency(w, after);
	if (is_mark(w, after, "$%&@_/=\\") || is_currency(w, after) || w->tokens[after].mark == 0xb0)
		return true;
	/* "验证码:884412,5分钟内有效": a comma without a space, where no spaces are used */
	if (is_mark(w, after, ",") && is_digits(w, after + 1) && joined(w, after + 2) && is_word(w, after + 2) &&
	    (unsigned char)w->tokens[after + 2].text[0] >= 0xe0)
		return false;
	return is_mark(w, after, ".,:-") && joined(w, after + 1) && is_word(w, after + 1);
}

static bool is_filler(const struct words *w, int i)
{
	if (is_word(w, i))
		return word_is_number(w->tokens[i].folded);
	return is_mark(w, i, ".:#-()\"*=") || w->tokens[i].mark >= 0x80;
}

/* True when a word beside it says that the number is an amount, a phone, an order … For a number alone on its line
 * the end of the line above is beside it. */
static bool named_otherwise(const struct words *w, const struct candidate *c)
{
	int at = c->first - 1, row = w->tokens[c->first].row;

	if (same_line(w, c->last, c->last + 1) && is_word(w, c->last + 1) &&
	    (word_is_unit(w->tokens[c->last + 1].folded) || word_is_sending(w->tokens[c->last + 1].folded)))
		return true;
	if (same_line(w, c->first, at) && is_word(w, at) && strlen(w->tokens[at].text) <= 4 &&
	    strlen(w->tokens[at].text) > 1 && word_is_unit(w->tokens[at].folded))
		return true; /* "EUR 1234" */
	for (int skipped = 0; skipped < 6 && at >= 0 && row - w->tokens[at].row <= c->alone && is_filler(w, at); skipped++)
		at--;
	return at >= 0 && row - w->tokens[at].row <= c->alone && is_word(w, at) &&
	       word_is_other_number(w->tokens[at].folded);
}

static void append(struct candidate *c, const char *text)
{
	size_t have = strlen(c->text), len = strlen(text);

	if (have + len < sizeof c->text)
		memcpy(c->text + have, text, len + 1);
}

/* Digits from token I on: one token, or groups of one length ("123 456", "12-34-56", "1 2 3 4"). False when they are
 * no code; *PAST is where to look on. */
static bool take_digits(const struct words *w, int i, struct candidate *c, int *past)
{
	size_t len = strlen(w->tokens[i].text), total = len;
	bool even = true;
	int last = i, n = 1;

	for (;; n++) {
		int next = last + 1;
		bool dash = is_mark(w, next, "-") && joined(w, next) && joined(w, next + 1);

		next += dash;
		if (!is_digits(w, next) || (!dash && w->tokens[next].before != ' ' &&
					    (len > 1 || strlen(w->tokens[next].text) > 1)))
			break;
		even = even && strlen(w->tokens[next].text) == len;
		total += strlen(w->tokens[next].text);
		last = next;
	}
	*past = last + 1;
	if (n > 1 && total > 8)
		return false; /* a phone or card number */
	if (n == 1 || !even || len > 4 || total < 4) {
		*past = i + 1;
		last = i;
		if (len < 4 || len > 8)
			return false;
	}
	c->first = i;
	c->last = last;
	for (int t = i; t <= last; t++)
		if (w->tokens[t].digits)
			append(c, w->tokens[t].text);
	c->year = last == i && len == 4 && (str_starts(c->text, "19") || str_starts(c->text, "20"));
	return true;
}

/* Counts TEXT's characters; false when there are others than ASCII letters and digits. */
static bool count_kinds(const char *text, int *digits, int *capitals, int *small)
{
	for (; *text; text++) {
		if (*text >= '0' && *text <= '9')
			++*digits;
		else if (*text >= 'A' && *text <= 'Z')
			++*capitals;
		else if (*text >= 'a' && *text <= 'z')
			++*small;
		else
			return false;
	}
	return true;
}

/* Letters and digits mixed: one word, or two of one length with a dash between ("ABC-123", kept as it stands). */
static bool take_mixed(const struct words *w, int i, struct candidate *c)
{
	int digits = 0, capitals = 0, small = 0;
	size_t len = strlen(w->tokens[i].text);
	bool pair = is_mark(w, i + 1, "-") && joined(w, i + 1) && joined(w, i + 2) && is_word(w, i + 2) &&
		    strlen(w->tokens[i + 2].text) == len && len >= 3 && len <= 5;

	if (!len || len > 10 || !count_kinds(w->tokens[i].text, &digits, &capitals, &small) ||
	    (pair && !count_kinds(w->tokens[i + 2].text, &digits, &capitals, &small)))
		return false;
	if (!digits || !(capitals + small) || digits + capitals + small < 4)
		return false;
	c->first = i;
	c->last = pair ? i + 2 : i;
	append(c, w->tokens[i].text);
	if (pair) {
		append(c, "-");
		append(c, w->tokens[i + 2].text);
	}
	c->letters = true;
	c->small = small > 0;
	return true;
}

static bool stands_alone(const struct words *w, int first, int last)
{
	for (int i = first - 1; same_line(w, i, first); i--)
		if (is_word(w, i))
			return false;
	for (int i = last + 1; same_line(w, i, last); i++)
		if (is_word(w, i))
			return false;
	return true;
}

/* The candidate that begins at token I, or false; *PAST as above. */
static bool candidate_at(const struct words *w, int i, struct candidate *c, int *past)
{
	*c = (struct candidate){0};
	*past = i + 1;
	if (!is_word(w, i) || !(w->tokens[i].digits ? take_digits(w, i, c, past) : take_mixed(w, i, c)))
		return false;
	if (!w->tokens[i].digits)
		*past = c->last + 1;
	c->alone = stands_alone(w, c->first, c->last);
	return !in_address(w, c->first, c->last) && !longer_left(w, c->first, c->last) && !longer_right(w, c->last) &&
	       !named_otherwise(w, c);
}

/* How well a name and a number belong together */

/* What lies between tokens FROM and TO. */
struct way {
	bool broken;  /* a sentence or a paragraph ends */
	int newlines;
	bool linked;  /* "is", ":" or the like */
	bool ends_linked; /* … as the last word before TO */
};

static bool is_link(const struct words *w, int i)
{
	uint32_t c = w->tokens[i].mark;

	if (is_word(w, i))
		return word_is_link(w->tokens[i].folded);
	return is_mark(w, i, ":=-") || c == 0x2013 || c == 0x2014 || c == 0xff1a || c == 0x2192;
}

/* True when the sentence ends before token I: not at the dot of "dvs. de". */
static bool sentence_ends(const struct words *w, int i)
{
	bool small = is_word(w, i) && strncmp(w->tokens[i].text, w->tokens[i].folded, 1) == 0 && !w->tokens[i].digits;

	return w->tokens[i].before && (is_mark(w, i - 1, "!?;") || (is_mark(w, i - 1, ".") && !small));
}

static struct way way_between(const struct words *w, int from, int to)
{
	struct way way = {0};
	bool sent = false; /* "the code was sent to 5551234"; but "the code we sent you is …" */

	for (int i = from + 1; i <= to; i++) {
		int lines = w->tokens[i].line - w->tokens[i - 1].line;

		way.newlines += lines;
		way.broken = way.broken || lines > 1 || (i - 1 > from && sentence_ends(w, i)) || w->tokens[i - 1].mark == 0x3002;
		if (i == to)
			break;
		if (is_link(w, i))
			way.linked = way.ends_linked = true;
		else if (is_word(w, i))
			way.ends_linked = false;
		if (is_word(w, i) && word_is_sending(w->tokens[i].folded))
			sent = true;
		else if (is_link(w, i) && strcmp(w->tokens[i].folded, "to") != 0)
			sent = false;
	}
	way.broken = way.broken || sent;
	return way;
}

static bool row_ends_with_colon(const struct words *w, int row, int before)
{
	while (before > 0 && w->tokens[before].row > row)
		before--;
	while (before > 0 && is_mark(w, before, "*_"))
		before--;
	return w->tokens[before].row == row && (is_mark(w, before, ":") || w->tokens[before].mark == 0xff1a);
}

/* Where a code's name stands. */
struct label {
	int at;
	bool proving; /* it is a login's or the like, by the words round it */
	bool password;
};

static int score_after(const struct words *w, const struct candidate *c, int label, bool proving)
{
	int distance = c->first - label - 1, rows = w->tokens[c->first].row - w->tokens[label].row;
	bool colon = rows == 1 && row_ends_with_colon(w, w->tokens[label].row, c->first - 1);
	struct way way = {.broken = true};
	int score = 0;

	if (distance <= REACH_AFTER)
		way = way_between(w, label, c->first);
	if (!way.broken && way.newlines <= (way.ends_linked ? 1 : 0) &&
	    (way.ends_linked || distance <= (proving ? 4 : 2)) && !(c->year && (distance > 4 || !way.ends_linked)) &&
	    !(c->small && (distance > 4 || !way.ends_linked)))
		score = 100 - 4 * distance + (way.ends_linked ? 10 : 0);
	if (rows >= 1 && rows <= ROWS_BELOW && c->alone && !((c->year || c->small) && !colon) && score < 88 - 8 * rows)
		score = 88 - 8 * rows + (colon ? 10 : 0);
	else if (colon && !c->year && !c->small && w->tokens[c->first].before == '\n' && score < 75)
		score = 75;
	return score;
}

static int score_before(const struct words *w, const struct candidate *c, int label, bool proving)
{
	int distance = label - c->last - 1;
	struct way way;

	if (distance > REACH_BEFORE || c->small || c->year)
		return 0;
	way = way_between(w, c->last, label);
	if (way.broken || way.newlines > 1)
		return 0;
	way.linked = way.linked || (distance && is_word(w, c->last + 1) && strcmp(w->tokens[c->last + 1].folded, "as") == 0);
	if (!way.linked && !(proving && distance <= 3 && !way.newlines))
		return 0;
	return 75 - 4 * distance;
}

static int score(const struct words *w, const struct candidate *c, const struct label *l)
{
	int s = l->at < c->first ? score_after(w, c, l->at, l->proving) : score_before(w, c, l->at, l->proving);

	if (s <= 0 || (l->at >= c->first && l->at <= c->last))
		return 0;
	return s + (l->proving ? 10 : 0) + (c->alone ? 10 : 0) + (!c->letters && strlen(c->text) == 6 ? 5 : 0) -
	       (c->letters ? 10 : 0) - (l->password ? 10 : 0);
}

#define LABELS_MAX 200

static int labels_of(const struct words *w, struct label labels[LABELS_MAX])
{
	int n = 0;

	for (int i = 0; i < w->n && n < LABELS_MAX; i++)
		if (is_label(w, i))
			labels[n++] = (struct label){
				i, strcmp(w->tokens[i].folded, "otp") == 0 || word_near(w, i, 3, word_is_proving),
				!word_is_code(w->tokens[i].folded),
			};
	return n;
}

static bool names_a_code(const char *subject)
{
	struct label labels[LABELS_MAX];
	struct words w;
	int n;

	words_split(&w, subject);
	n = labels_of(&w, labels);
	words_free(&w);
	return n > 0;
}

char *code_in_text(const char *text, const char *subject)
{
	struct candidate c, best = {0}, lone = {0};
	struct label labels[LABELS_MAX];
	int n, top = GOOD_ENOUGH, alone = 0, past;
	struct words w;
	char *code = NULL;

	words_split(&w, text);
	n = labels_of(&w, labels);
	for (int i = 0; i < w.n; i = past) {
		if (!candidate_at(&w, i, &c, &past))
			continue;
		for (int l = 0; l < n; l++) {
			int s = score(&w, &c, &labels[l]);

			if (s > top) {
				top = s;
				best = c;
			}
		}
		if (c.alone && !c.letters && !c.year && strcmp(c.text, lone.text) != 0) {
			alone++;
			lone = c;
		}
	}
	if (*best.text)
		code = xstrdup(best.text);
	else if (alone == 1 && names_a_code(subject))
		code = xstrdup(lone.text);
	words_free(&w);
	explicit_bzero(&best, sizeof best);
	explicit_bzero(&lone, sizeof lone);
	return code;
}

/* Patterns */

/* The counts of {m,n}, multiplied; -1 when one is malformed. */
static long repeats(const char *p)
{
	long product = 1;

	for (; *p; p++) {
		long most = 0, n;
		char *end;

		if (*p == '\\' && p[1]) {
			p++;
			continue;
		}
		if (*p != '{')
			continue;
		for (p++; *p && *p != '}'; p++) {
			n = strtol(p, &end, 10);
			if (end == p)
				continue;
			most = n > most ? n : most;
			p = end - 1;
		}
		if (!*p)
			return -1;
		product *= most > 1 ? most : 1;
		if (product > 1000)
			return product;
	}
	return product;
}

/* \d and \D, which everybody writes and POSIX does not know. */
static void add_plain(struct str *out, const char *p)
{
	bool in_set = false;

	while (*p) {
		if (p[0] == '\\' && p[1] == 'd') {
			str_puts(out, in_set ? "0-9" : "[0-9]");
			p += 2;
		} else if (p[0] == '\\' && p[1] == 'D' && !in_set) {
			str_puts(out, "[^0-9]");
			p += 2;
		} else if (p[0] == '\\' && p[1] && !in_set) {
			str_add(out, p, 2);
			p += 2;
		} else if (p[0] == '[' && !in_set) {
			size_t n = 1 + (p[1] == '^');

			n += p[n] == ']'; /* as the first of a set it is a member */
			str_add(out, p, n);
			p += n;
			in_set = true;
		} else {
			in_set = in_set && *p != ']';
			str_putc(out, *p++);
		}
	}
}

int pattern_compile(struct code_pattern *p, const char *text, struct err *e)
{
	struct str plain = {0};
	char why[128];
	int r;

	p->set = false;
	if (strlen(text) > CODE_PATTERN_MAX)
		return err_set(e, EX_DATAERR, "pattern: longer than %d bytes", CODE_PATTERN_MAX);
	for (const char *c = text; *c; c++)
		if (*c == '\\' && *++c >= '1' && *c <= '9')
			return err_set(e, EX_DATAERR, "pattern '%s': back-references (\\%c) are not allowed", text, *c);
		else if (!*c)
			break;
	if (repeats(text) > 1000)
		return err_set(e, EX_DATAERR, "pattern '%s': its repeat counts multiply to over 1000", text);
	if (strstr(text, "(?"))
		return err_set(e, EX_DATAERR, "pattern '%s': (?…) is not in POSIX expressions", text);
	add_plain(&plain, text);
	r = regcomp(&p->re, str_text(&plain), REG_EXTENDED | REG_NEWLINE);
	str_free(&plain);
	if (r) {
		regerror(r, &p->re, why, sizeof why);
		return err_set(e, EX_DATAERR, "pattern '%s': %s", text, why);
	}
	p->set = true;
	return 0;
}

void pattern_free(struct code_pattern *p)
{
	if (p->set)
		regfree(&p->re);
	p->set = false;
}

static char *by_pattern(const struct code_pattern *p, const char *text)
{
	regmatch_t m[2];
	int g;

	if (regexec(&p->re, text, 2, m, 0))
		return NULL;
	g = p->re.re_nsub && m[1].rm_so >= 0 ? 1 : 0;
	if (m[g].rm_eo <= m[g].rm_so || m[g].rm_eo - m[g].rm_so > CODE_MAX)
		return NULL;
	return xstrndup(text + m[g].rm_so, (size_t)(m[g].rm_eo - m[g].rm_so));
}

/* One part's text as it is looked at; the caller wipes and frees. */
static char *readable(const struct mime_text *t)
{
	struct str out;

	if (!t->html)
		return xstrndup(t->text, strnlen(t->text, CODE_TEXT_MAX));
	str_init(&out, CODE_TEXT_MAX);
	text_of_html(&out, t->text, t->len, NULL);
	return str_take(&out);
}

char *code_in_mail(const struct mime *mail, const struct code_pattern *pattern)
{
	char *code = NULL;

	for (int html = 0; html < 2; html++)
		for (int i = 0; i < mail->ntexts && !code; i++) {
			char *text;

			if (mail->texts[i].html != html)
				continue;
			text = readable(&mail->texts[i]);
			code = pattern && pattern->set ? by_pattern(pattern, text) : code_in_text(text, mail->subject);
			code_free(text);
		}
	return code;
}

void code_free(char *code)
{
	if (code)
		explicit_bzero(code, strlen(code));
	free(code);
}

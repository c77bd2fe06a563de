#include "provider-secrets.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "ext/seal.h"
#include "provider-letters.h"

#define SHORTEST 4      /* characters */
#define CODE_SHORTEST 6 /* letters and figures of what is also found with signs between them */
#define GAP_MAX 2       /* so many of them */
#define RUN_SHORTEST 8  /* characters of base64 */
#define FILE_SHOWN 60   /* of a file's base64: enough to know it by */

struct secret {
	char *name, *text;
	uint32_t *folded;  /* its characters */
	char *stand_in;    /* one for each, '\0' where the text's own stays; NULL until needed */
	size_t n;
	bool code;         /* may have signs between */
	bool file;         /* the beginning of a file in base64 */
	size_t count;
};

struct secrets {
	struct secret *list; /* longest first, once sorted */
	size_t n;
	bool sorted;
	bool heads[256]; /* what they begin with, its lowest byte */
	jv kept;         /* names */
	jv whole;        /* all that was added, as it was: {name, text} */
};

struct secrets *secrets_new(void)
{
	struct secrets *s = xcalloc(1, sizeof *s);

	s->kept = jv_object();
	s->whole = jv_array();
	return s;
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->list[i].name);
		free(s->list[i].text);
		free(s->list[i].folded);
		free(s->list[i].stand_in);
	}
	free(s->list);
	jv_free(s->kept);
	jv_free(s->whole);
	free(s);
}

void secrets_keep(struct secrets *s, const char *name)
{
	s->kept = json_set(s->kept, name, jv_true());
}

/* ---- adding ---- */

static bool is_letter(uint32_t folded)
{
	return (folded >= 'a' && folded <= 'z') || folded >= 0xaa;
}

static bool is_figure(uint32_t folded)
{
	return folded >= '0' && folded <= '9';
}

static size_t fold_text(const char *text, uint32_t **folded)
{
	const char *end = text + strlen(text);
	size_t n = 0;

	*folded = xcalloc(strlen(text) + 1, sizeof **folded);
	/* what looks like an escape in a value is none */
	for (const char *p = text; p < end;) {
		const char *stop = strchr("%&\\", *p) ? p + 1 : end;
		struct letter l = letter_at(p, stop);

		(*folded)[n++] = l.folded;
		p += l.len;
	}
	return n;
}

static struct secret *known(struct secrets *s, const uint32_t *folded, size_t n)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].n == n && memcmp(s->list[i].folded, folded, n * sizeof *folded) == 0)
			return &s->list[i];
	return NULL;
}

/* Adds TEXT as it is. NULL where it is too short, or there already. */
static struct secret *add(struct secrets *s, const char *name, const char *text)
{
	struct secret new = {0};
	size_t figures = 0, letters = 0;

	new.n = fold_text(text, &new.folded);
	for (size_t i = 0; i < new.n; i++) {
		figures += is_figure(new.folded[i]);
		letters += is_letter(new.folded[i]);
	}
	if (new.n < SHORTEST || !(figures + letters) || known(s, new.folded, new.n)) {
		free(new.folded);
		return NULL;
	}
	new.code = figures + letters >= CODE_SHORTEST && figures + letters == new.n && figures >= new.n / 2;
	new.name = xstrdup(name);
	new.text = xstrdup(text);
	s->list = xrealloc(s->list, (s->n + 1) * sizeof *s->list);
	s->list[s->n] = new;
	s->heads[new.folded[0] & 0xff] = true;
	s->sorted = false;
	return &s->list[s->n++];
}

/* ---- numbers, names, dates ---- */

/* A figure of a stand-in; consonants, which make no words. */
static char like(uint32_t folded, uint64_t *random)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz";
	uint64_t z = *random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	if (is_figure(folded))
		return (char)('0' + (z >> 33) % 10);
	return is_letter(folded) ? letters[(z >> 33) % (sizeof letters - 1)] : '\0';
}

/* By the name, never by the value, which could be guessed from it. */
static uint64_t seed_of(const char *name, unsigned again)
{
	uint64_t h = 0xcbf29ce484222325u ^ again;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return h;
}

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
				     "November", "December"};

/* The date in form I, NULL when there is no such form. The caller frees. */
static char *date_form(int i, int y, int m, int d)
{
	static const char between[] = "/.- ";
	const char *month = months[m - 1];

	if (i < 4)
		return xasprintf("%02d%c%02d%c%04d", d, between[i], m, between[i], y);
	if (i < 8)
		return xasprintf("%02d%c%02d%c%04d", m, between[i - 4], d, between[i - 4], y);
	if (i < 12)
		return xasprintf("%04d%c%02d%c%02d", y, between[i - 8], m, between[i - 8], d);
	if (i < 15)
		return xasprintf("%d%c%d%c%04d", d, between[i - 12], m, between[i - 12], y);
	if (i < 18)
		return xasprintf("%d%c%d%c%04d", m, between[i - 15], d, between[i - 15], y);
	switch (i) {
	case 18: return xasprintf("%02d%02d%04d", d, m, y);
	case 19: return xasprintf("%04d%02d%02d", y, m, d);
	case 20: return xasprintf("%02d %s %04d", d, month, y);
	case 21: return xasprintf("%d %s %04d", d, month, y);
	case 22: return xasprintf("%s %d, %04d", month, d, y);
	case 23: return xasprintf("%02d %.3s %04d", d, month, y);
	case 24: return xasprintf("%d %.3s %04d", d, month, y);
	case 25: return xasprintf("%02d-%.3s-%04d", d, month, y);
	case 26: return xasprintf("%02d%.3s%04d", d, month, y);
	case 27: return xasprintf("%.3s %d, %04d", month, d, y);
	default: return NULL;
	}
}

/* Another date in its place: of the same month, so that its name is as long, and on the same side of today. */
static void add_date(struct secrets *s, const char *name, const char *text)
{
	int y, m, d, other_y, other_d;
	uint64_t seed = seed_of(name, 0);
	char *form, *other;

	if (sscanf(text, "%4d-%2d-%2d", &y, &m, &d) != 3)
		return;
	other_d = d < 10 ? 1 + (int)(seed % 9) : 10 + (int)(seed % 19);
	other_d = other_d != d ? other_d : d < 10 ? other_d % 9 + 1 : (other_d - 9) % 19 + 10;
	other_y = y < 2020 ? 1950 + (int)(seed / 32 % 50) : y + 1;
	other_y += other_y == y;
	for (int i = 0; (form = date_form(i, y, m, d)); i++) {
		struct secret *new = add(s, name, form);

		other = date_form(i, other_y, m, other_d);
		for (char *p = other + strlen(other); p-- > other;)
			*p = *p >= '0' && *p <= '9' ? *p : '\0';
		if (new)
			new->stand_in = other;
		else
			free(other);
		free(form);
	}
}

/* The country's code of a phone number stays: forms ask for it apart, and a provider may look at it. Numbers are also found
 * without it. */
static void add_phone(struct secrets *s, const char *name, const char *text)
{
	char digits[32];
	size_t n = 0;

	for (const char *p = text; *p && n < sizeof digits - 1; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	digits[n] = '\0';
	for (size_t from = *text == '+' ? 2 : 0; from < n && from < 5 && n - from >= 7; from++)
		add(s, name, digits + from);
}

static bool is_phone(const char *text)
{
	size_t figures = 0;

	for (const char *p = text; *p; p++) {
		if (!strchr("0123456789+-()/. ", *p))
			return false;
		figures += *p >= '0' && *p <= '9';
	}
	return figures >= 7;
}

/* The parts of NAME's text that stand alone elsewhere: each name of several, and who an e-mail address is. */
static void add_parts(struct secrets *s, const char *name, const char *text)
{
	const char *at = strchr(text, '@'), *from = text;
	bool names = strstr(name, "name") && !at;

	if (at) {
		char *who = xstrndup(text, (size_t)(at - text));

		add(s, name, who);
		free(who);
	}
	while (names && *from) {
		size_t len = strcspn(from, " -");
		char *one = xstrndup(from, len);

		add(s, name, one);
		free(one);
		from += len;
		from += strspn(from, " -");
	}
}

void secrets_add(struct secrets *s, const char *name, const char *text)
{
	if (json_has(s->kept, name))
		return;
	s->whole = json_push(s->whole, json_obj("name", jv_string(name), "text", jv_string(text), NULL));
	if (date_valid(text)) {
		add_date(s, name, text);
		return;
	}
	if (is_phone(text))
		add_phone(s, name, text);
	else
		add_parts(s, name, text);
	if (!is_phone(text) || *text != '+') /* of such a number the code is to stay, and the rest was added */
		add(s, name, text);
}

static void add_file(struct secrets *s, const char *name, const char *base64)
{
	char *head = xstrndup(base64, FILE_SHOWN);
	struct secret *new = add(s, name, head);

	if (new)
		new->file = true;
	free(head);
}

void secrets_add_all(struct secrets *s, const char *name, jv value)
{
	if (json_is(value, JV_KIND_STRING)) {
		if (str_ends(name, ".data_base64"))
			add_file(s, name, json_string(value, ""));
		else
			secrets_add(s, name, json_string(value, ""));
		return;
	}
	for (struct json_iter it = json_iter(value); json_next(&it);) {
		char *down = it.key ? xasprintf("%s.%s", name, it.key) : xasprintf("%s.%d", name, it.index);

		secrets_add_all(s, down, it.value);
		free(down);
	}
}

/* ---- finding ---- */

/* How many bytes at P are secret S; 0: none. EACH, where not NULL, gets its letters in turn: the AT-th of it, or -1 for a sign
 * between. */
typedef void letter_cb(void *ctx, const struct letter *l, const char *p, ssize_t at);

static size_t match(const struct secret *s, const char *p, const char *end, letter_cb *each, void *ctx)
{
	const char *from = p;
	int gap = 0;

	for (size_t i = 0; i < s->n;) {
		struct letter l;

		if (p >= end)
			return 0;
		l = letter_at(p, end);
		/* in a form that was sent a blank is a plus */
		if (l.folded == s->folded[i] || (s->folded[i] == ' ' && l.is == '+')) {
			if (each)
				each(ctx, &l, p, (ssize_t)i);
			i++;
			gap = 0;
		} else if (s->code && i && gap < GAP_MAX && l.folded && l.folded < 0x80 && strchr(" -./()", (int)l.folded)) {
			if (each)
				each(ctx, &l, p, -1);
			gap++;
		} else {
			return 0;
		}
		p += l.len;
	}
	return (size_t)(p - from);
}

static int longer_first(const void *a, const void *b)
{
	const struct secret *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->text, y->text);
}

static void make_stand_ins(struct secrets *s);

static void sort(struct secrets *s)
{
	if (s->sorted)
		return;
	qsort(s->list, s->n, sizeof *s->list, longer_first);
	s->sorted = true;
	make_stand_ins(s);
}

/* The longest secret at P, which takes *LEN bytes there; NULL for none. */
static struct secret *at(struct secrets *s, const char *p, const char *end, size_t *len)
{
	uint32_t folded = letter_at(p, end).folded;

	for (size_t i = 0; s->heads[folded & 0xff] && i < s->n; i++)
		if (s->list[i].folded[0] == folded && (*len = match(&s->list[i], p, end, NULL, NULL)))
			return &s->list[i];
	return NULL;
}

/* ---- stand-ins ---- */

/* What shorter ones are in it has theirs. */
static void borrow(struct secrets *s, size_t index, char *made)
{
	struct secret *mine = &s->list[index];

	for (size_t i = index + 1; i < s->n; i++) {
		const struct secret *other = &s->list[i];

		for (size_t k = 0; other->n < mine->n && k + other->n <= mine->n; k++)
			if (memcmp(mine->folded + k, other->folded, other->n * sizeof *other->folded) == 0)
				memcpy(made + k, other->stand_in, other->n);
	}
}

/* Nobody's address: no country and no trade has the domain zz. */
static void no_domain(const struct secret *x, char *made)
{
	size_t dot = x->n;

	for (size_t i = 0; i < x->n; i++)
		if (x->folded[i] == '@')
			dot = 0;
	for (size_t i = x->n; dot == 0 && i-- > 0;)
		if (x->folded[i] == '.')
			dot = i + 1;
	for (size_t i = dot ? dot : x->n; i < x->n; i++)
		made[i] = 'z';
}

static bool holds_another(const struct secrets *s, const struct secret *mine)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct secret *other = &s->list[i];

		for (size_t k = 0; k + other->n <= mine->n; k++) {
			size_t j = 0;

			while (j < other->n && (mine->stand_in[k + j] ? (uint32_t)(unsigned char)mine->stand_in[k + j] == other->folded[j]
									  : mine->folded[k + j] == other->folded[j]))
				j++;
			if (j == other->n)
				return true;
		}
	}
	return false;
}

/* The shortest first. Those that were made stay. */
static void make_stand_ins(struct secrets *s)
{
	for (size_t i = s->n; i-- > 0;) {
		struct secret *x = &s->list[i];

		bool made_before = x->stand_in;

		for (unsigned again = 0; !made_before && (!x->stand_in || (again < 50 && holds_another(s, x))); again++) {
			uint64_t random = seed_of(x->name, again);
			char *made = xmalloc(x->n + 1);

			for (size_t k = 0; k < x->n; k++)
				made[k] = like(x->folded[k], &random);
			borrow(s, i, made);
			no_domain(x, made);
			free(x->stand_in);
			x->stand_in = made;
		}
	}
}

/* ---- replacing ---- */

struct put {
	struct str *out;
	const struct secret *secret;
};

static void put_letter(void *ctx, const struct letter *l, const char *p, ssize_t at)
{
	struct put *put = ctx;
	char c = at < 0 ? '\0' : put->secret->stand_in[at];

	if (!c)
		str_add(put->out, p, l->len);
	else
		str_putc(put->out, letter_is_upper(l->is) && c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c);
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

typedef void put_cb(struct secrets *s, struct str *out, struct secret *x, const char *p, size_t len);

static void put_stand_in(struct secrets *s, struct str *out, struct secret *x, const char *p, size_t len)
{
	(void)s;
	x->count++;
	match(x, p, p + len, put_letter, &(struct put){out, x});
}

static void put_name(struct secrets *s, struct str *out, struct secret *x, const char *p, size_t len)
{
	(void)s;
	(void)p;
	(void)len;
	str_addf(out, "<%s>", x->name);
}

/* How many there were. */
static size_t plain_text(struct secrets *s, struct str *out, const char *text, size_t len, put_cb *put)
{
	const char *end = text + len;
	size_t found = 0, takes;

	for (const char *p = text; p < end;) {
		struct secret *x = at(s, p, end, &takes);

		if (!x) {
			str_putc(out, *p++);
			continue;
		}
		found++;
		put(s, out, x, p, takes);
		p += takes;
		while (x->file && p < end && base64_value(*p) >= 0)
			p++;
	}
	return found;
}

static void unbase64(struct str *out, const char *p, size_t len)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 6 | (uint32_t)base64_value(p[i]);
		if (i % 4 == 3) {
			str_putc(out, (char)(bits >> 16));
			str_putc(out, (char)(bits >> 8));
			str_putc(out, (char)bits);
			bits = 0;
		}
	}
	if (len % 4 >= 2)
		str_putc(out, (char)(bits >> (len % 4 == 2 ? 4 : 10)));
	if (len % 4 == 3)
		str_putc(out, (char)(bits >> 2));
}

static void put_base64(struct str *out, const struct str *data, bool url)
{
	char *text = seal_base64(str_text(data), data->len);
	size_t len = strcspn(text, "="); /* the run's own padding stands behind it still */

	for (size_t i = 0; i < len; i++)
		str_putc(out, url && text[i] == '+' ? '-' : url && text[i] == '/' ? '_' : text[i]);
	free(text);
}

/* A run of base64 characters may begin with some that are none of it, such as a path. */
static bool run_replaced(struct secrets *s, struct str *out, const char *p, size_t len, put_cb *put)
{
	bool found = false;

	for (size_t skip = 0; !found && skip < 4 && skip + RUN_SHORTEST <= len; skip++) {
		struct str decoded = {0}, made = {0};

		unbase64(&decoded, p + skip, len - skip);
		found = plain_text(s, &made, str_text(&decoded), decoded.len, put) > 0;
		if (found) {
			str_add(out, p, skip);
			put_base64(out, &made, memchr(p, '-', len) || memchr(p, '_', len));
		}
		str_free(&decoded);
		str_free(&made);
	}
	return found;
}

static void base64_runs(struct secrets *s, struct str *out, const char *text, size_t len, put_cb *put)
{
	const char *end = text + len;

	for (const char *p = text; p < end;) {
		size_t run = 0;

		while (p + run < end && base64_value(p[run]) >= 0)
			run++;
		if (!run) {
			str_putc(out, *p++);
			continue;
		}
		if (run < RUN_SHORTEST || !run_replaced(s, out, p, run, put))
			str_add(out, p, run);
		p += run;
	}
}

static void replace(struct secrets *s, struct str *out, const char *text, size_t len, put_cb *put)
{
	struct str half = {0};

	sort(s);
	base64_runs(s, &half, text, len, put);
	plain_text(s, out, str_text(&half), half.len, put);
	str_free(&half);
}

void secrets_mask(struct secrets *s, struct str *out, const char *text, size_t len)
{
	sort(s);
	plain_text(s, out, text, len, put_name);
}

void secrets_replace(struct secrets *s, struct str *out, const char *text, size_t len)
{
	replace(s, out, text, len, put_stand_in);
}

static jv replaced(struct secrets *s, const char *text, size_t len)
{
	struct str out = {0};
	jv v;

	secrets_replace(s, &out, text, len);
	v = jv_string_sized(str_text(&out), (int)out.len);
	str_free(&out);
	return v;
}

jv secrets_replace_json(struct secrets *s, jv v)
{
	jv made;

	if (json_is(v, JV_KIND_STRING)) {
		made = replaced(s, json_string(v, ""), json_len(v));
	} else if (json_is(v, JV_KIND_ARRAY) || json_is(v, JV_KIND_OBJECT)) {
		made = json_is(v, JV_KIND_ARRAY) ? jv_array() : jv_object();
		for (struct json_iter it = json_iter(v); json_next(&it);) {
			jv one = secrets_replace_json(s, jv_copy(it.value)), key = it.key ? replaced(s, it.key, strlen(it.key)) : jv_null();

			made = it.key ? json_set(made, json_string(key, ""), one) : json_push(made, one);
			jv_free(key);
		}
	} else {
		return v;
	}
	jv_free(v);
	return made;
}

/* ---- looking once more ---- */

static bool in_any_case(const char *text, size_t len, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; n && i + n <= len; i++)
		if ((text[i] | 0x20) == (what[0] | 0x20) && strncasecmp(text + i, what, n) == 0)
			return true;
	return false;
}

static char *html_escaped(const char *text)
{
	struct str out = {0};

	for (; *text; text++)
		switch (*text) {
		case '&': str_puts(&out, "&amp;"); break;
		case '<': str_puts(&out, "&lt;"); break;
		case '>': str_puts(&out, "&gt;"); break;
		case '"': str_puts(&out, "&quot;"); break;
		case '\'': str_puts(&out, "&#39;"); break;
		default: str_putc(&out, *text);
		}
	return str_take(&out);
}

static char *json_escaped(const char *text)
{
	jv v = jv_string(text);
	char *quoted = json_text(v), *inside = xstrndup(quoted + 1, strlen(quoted) - 2);

	jv_free(v);
	free(quoted);
	return inside;
}

static char *escaped_url(const char *text)
{
	return url_escape(text, strlen(text));
}

static char *escaped_form(const char *text)
{
	struct str out = {0};
	char *one;

	for (; *text; text++) {
		one = *text == ' ' ? xstrdup("+") : url_escape(text, 1);
		str_puts(&out, one);
		free(one);
	}
	return str_take(&out);
}

static char *in_hex(const char *text)
{
	struct str out = {0};

	for (; *text; text++)
		str_addf(&out, "%02x", (unsigned char)*text);
	return str_take(&out);
}

static char *upper(const char *text)
{
	struct str out = {0};

	letters_in_case(&out, text, true);
	return str_take(&out);
}

static char *lower(const char *text)
{
	struct str out = {0};

	letters_in_case(&out, text, false);
	return str_take(&out);
}

/* The characters of base64 that TEXT makes whatever stands around it, after so many bytes. */
static bool in_base64(const char *text, size_t len, const char *what)
{
	size_t n = strlen(what);

	for (size_t before = 0; before < 3; before++) {
		char *padded = xasprintf("%.*s%s", (int)before, "  ", what), *coded = seal_base64(padded, strlen(padded)), *end;
		size_t from = (before * 8 + 5) / 6, to = (before + n) * 8 / 6;
		bool there = to >= from + 5 && memmem(text, len, coded + from, to - from);

		for (end = coded; *end; end++)
			*end = *end == '+' ? '-' : *end == '/' ? '_' : *end;
		there |= to >= from + 5 && memmem(text, len, coded + from, to - from);
		free(padded);
		free(coded);
		if (there)
			return true;
	}
	return false;
}

static const char *left_how(const char *value, const char *text, size_t len)
{
	static const struct {
		char *(*form)(const char *text);
		const char *how;
	} forms[] = {{xstrdup, "as it is"},	   {upper, "in upper case"},	   {lower, "in lower case"},	{escaped_url, "URL-encoded"},
		     {escaped_form, "URL-encoded"}, {html_escaped, "HTML-escaped"},
		     {json_escaped, "JSON-escaped"}, {in_hex, "in hexadecimal"}};
	static char *(*const cases[])(const char *text) = {xstrdup, upper, lower};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		char *what = forms[i].form(value);
		bool there = in_any_case(text, len, what);

		free(what);
		if (there)
			return forms[i].how;
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *what = cases[i](value);
		bool there = in_base64(text, len, what);

		free(what);
		if (there)
			return "in base64";
	}
	return NULL;
}

/* NAME as one that lives as long as S. */
static const char *name_of(const struct secrets *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->list[i].name, name) == 0)
			return s->list[i].name;
	return "the record";
}

/* TEXT with its escapes undone. */
static void unescape(struct str *out, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		struct letter l = letter_at(text, end);

		letter_put(out, l.is);
		text += l.len;
	}
}

static const char *left_in(const struct secrets *s, const char *text, size_t len, const char **how)
{
	for (size_t i = 0; i < s->n; i++)
		if ((*how = left_how(s->list[i].text, text, len)))
			return s->list[i].name;
	for (int i = 0; i < (int)json_len(s->whole); i++) {
		jv one = json_at(s->whole, i);
		const char *value = json_str(one, "text", ""), *name = json_str(one, "name", "");

		*how = strlen(value) >= SHORTEST ? left_how(value, text, len) : NULL;
		name = *how ? name_of(s, name) : NULL;
		jv_free(one);
		if (name)
			return name;
	}
	return NULL;
}

const char *secrets_left(const struct secrets *s, const char *text, size_t len, const char **how)
{
	const char *left = left_in(s, text, len, how);
	struct str once = {0}, twice = {0};

	if (!left) {
		unescape(&once, text, len);
		unescape(&twice, str_text(&once), once.len);
		left = left_in(s, str_text(&twice), twice.len, how);
		*how = left ? "encoded twice" : NULL;
	}
	str_free(&once);
	str_free(&twice);
	return left;
}

void secrets_tell(const struct secrets *s, FILE *to)
{
	jv counts = jv_object();

	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].count)
			counts = json_set(counts, s->list[i].name,
					  jv_number(json_num(counts, s->list[i].name, 0) + (double)s->list[i].count));
	for (struct json_iter it = json_iter(counts); json_next(&it);)
		fprintf(to, "replaced: %s, %.0f times\n", it.key, jv_number_value(it.value));
	if (!json_len(counts))
		fputs("replaced: nothing; none of the record's values was there\n", to);
	jv_free(counts);
}

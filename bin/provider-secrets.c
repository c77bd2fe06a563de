#include "provider-secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "provider-secret.h"

#define CODE_SHORTEST 6 /* letters and figures of what is also found with signs between them */
#define GAP_MAX 2       /* so many of them */
#define FILE_SHOWN 60   /* of a file's base64: enough to know it by */

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

bool secret_letter(uint32_t folded)
{
	return (folded >= 'a' && folded <= 'z') || folded >= 0xaa;
}

bool secret_figure(uint32_t folded)
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
		figures += secret_figure(new.folded[i]);
		letters += secret_letter(new.folded[i]);
	}
	if (new.n < SECRET_SHORTEST || !(figures + letters) || known(s, new.folded, new.n)) {
		free(new.folded);
		return NULL;
	}
	new.code = figures + letters >= CODE_SHORTEST && figures + letters == new.n && figures >= new.n / 2;
	for (size_t i = 0; i < s->n; i++)
		new.number += strcmp(s->list[i].name, name) == 0;
	new.name = xstrdup(name);
	new.text = xstrdup(text);
	s->list = xrealloc(s->list, (s->n + 1) * sizeof *s->list);
	s->list[s->n] = new;
	s->heads[new.folded[0] & 0xff] = true;
	s->sorted = false;
	return &s->list[s->n++];
}

/* ---- numbers, names, dates ---- */

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
	uint64_t seed = stand_in_seed(name, 0);
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

		if (!it.key || strcmp(it.key, "type") != 0 || !json_has(value, "data_base64")) /* a file's type is no secret */
			secrets_add_all(s, down, it.value);
		free(down);
	}
}

/* ---- finding ---- */

size_t secret_match(const struct secret *x, const char *p, const char *end, secret_each *each, void *ctx)
{
	const char *from = p;
	int gap = 0;

	for (size_t i = 0; i < x->n;) {
		struct letter l;

		if (p >= end)
			return 0;
		l = letter_at(p, end);
		/* in a form that was sent a blank is a plus */
		if (l.folded == x->folded[i] || (x->folded[i] == ' ' && l.is == '+')) {
			if (each)
				each(ctx, &l, p, (ssize_t)i);
			i++;
			gap = 0;
		} else if (x->code && i && gap < GAP_MAX && l.folded && l.folded < 0x80 && strchr(" -./()", (int)l.folded)) {
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

void secrets_order(struct secrets *s)
{
	if (s->sorted)
		return;
	qsort(s->list, s->n, sizeof *s->list, longer_first);
	s->sorted = true;
	stand_ins_make(s);
}

struct secret *secret_at(const struct secrets *s, const char *p, const char *end, size_t *len)
{
	uint32_t folded = letter_at(p, end).folded;

	for (size_t i = 0; s->heads[folded & 0xff] && i < s->n; i++)
		if (s->list[i].folded[0] == folded && (*len = secret_match(&s->list[i], p, end, NULL, NULL)))
			return &s->list[i];
	return NULL;
}

/* ---- counts ---- */

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

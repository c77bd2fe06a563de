#include "mail/pick.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "mail/picture.h"

static char *lower(const char *s)
{
	char *copy = xstrdup(s);

	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 32;
	return copy;
}

static char *member(jv rules, const char *key)
{
	const char *text = json_str(rules, key, NULL);

	return text && *text ? lower(text) : NULL;
}

int rules_parse(struct rules *r, jv rules, struct err *e)
{
	const char *pattern = json_str(rules, "pattern", ""), *since = json_str(rules, "since", "");
	const char *skew = json_str(rules, "skew", ""), *settle = json_str(rules, "settle", "");

	*r = (struct rules){.since = -1, .asked = json_int(rules, "since_mono", -1), .skew = PICK_SKEW, .settle = PICK_SETTLE, .skip = json_get(rules, "skip")};
	r->from = member(rules, "from");
	r->to = member(rules, "to");
	r->subject = member(rules, "subject");
	if (*pattern && pattern_compile(&r->pattern, pattern, e)) {
		e->status = EX_CONFIG;
		return -1;
	}
	if (*since && clock_parse(since, &r->since))
		return err_set(e, EX_CONFIG, "rules: since '%s' is no RFC 3339 time", since);
	if (*skew && duration_parse(skew, &r->skew))
		return err_set(e, EX_CONFIG, "rules: skew '%s' is no duration (90s, 2m)", skew);
	if (*settle && duration_parse(settle, &r->settle))
		return err_set(e, EX_CONFIG, "rules: settle '%s' is no duration (500ms, 0s)", settle);
	return 0;
}

void rules_free(struct rules *r)
{
	free(r->from);
	free(r->to);
	free(r->subject);
	pattern_free(&r->pattern);
	jv_free(r->skip);
}

static bool fits(const char *glob, const char *text)
{
	char *small;
	bool fit;

	if (!glob)
		return true;
	small = lower(text);
	fit = str_glob(glob, small);
	free(small);
	return fit;
}

static bool fits_recipient(const struct rules *r, const struct mime *mail)
{
	for (int i = 0; i < mail->nto; i++)
		if (fits(r->to, mail->to[i]))
			return true;
	return !r->to;
}

bool pick_fits(const struct rules *r, const struct mime *mail)
{
	return fits(r->from, mail->from) && fits(r->subject, mail->subject) && fits_recipient(r, mail);
}

static bool skipped(const struct rules *r, const char *id)
{
	bool found = false;

	for (struct json_iter it = json_iter(r->skip); json_next(&it);)
		found = found || strcmp(json_string(it.value, ""), id) == 0;
	return found;
}

void pick_start(struct pick *p, const struct rules *rules)
{
	*p = (struct pick){.rules = rules, .best = jv_invalid(), .passed = jv_array()};
}

/* A Message-ID alone would do, if every site made a new one for every mail. */
static char *id_of(const struct mime *mail, const char *unique)
{
	return xasprintf("%s;%lld", *mail->id ? mail->id : unique, (long long)mail->date / 1000);
}

static jv describe(const struct mime *mail, const char *id, const char *code, const struct mime_picture *picture, int64_t sent)
{
	char date[CLOCK_TEXT];

	return json_obj("ok", jv_true(), code ? "code" : "picture", code ? jv_string(code) : picture_json(picture), "mail",
			json_obj("from", jv_string(mail->from), "subject", jv_string(mail->subject), "date",
				 jv_string(clock_format(sent, date)), "id", jv_string(id), NULL),
			NULL);
}

/* When the code was asked for. If the clock was set back since, nobody knows which of its times was right, and mails carry
 * that of another clock: the earlier one counts, so that the right code is not taken for an old one. */
static int64_t asked_at(const struct rules *r)
{
	int64_t by_now = clock_wall() - (clock_mono() - r->asked);

	return r->asked >= 0 && by_now < r->since ? by_now : r->since;
}

bool pick_offer(struct pick *p, const struct mime *mail, const char *unique, int64_t order)
{
	const struct rules *r = p->rules;
	int64_t now = clock_wall(), sent = mail->date >= 0 ? mail->date : mail->received >= 0 ? mail->received : now;
	char *id = id_of(mail, unique), *code = NULL;
	const struct mime_picture *picture = NULL;
	bool suspect, old, good;

	/* a Date in the future must not win for ever; and it has whole seconds, so it may be one early */
	sent = sent < now ? sent : now;
	suspect = r->since >= 0 && sent + 999 < asked_at(r) - PICK_CLOCK;
	old = suspect && sent + 999 < asked_at(r) - r->skew;
	if (pick_fits(r, mail) && !skipped(r, id)) {
		code = code_in_mail(mail, &r->pattern);
		picture = code ? NULL : picture_in_mail(mail);
	}
	good = (code || picture) && !old;
	if (code && old && (!p->old || asked_at(r) - sent < p->old))
		p->old = asked_at(r) - sent;
	if (good) {
		p->last = clock_mono();
		p->first = p->first ? p->first : p->last;
		p->passed = json_push(p->passed, jv_string(id));
		if (!json_ok(p->best) || sent > p->sent || (sent == p->sent && order >= p->order)) {
			jv_free(p->best);
			p->best = describe(mail, id, code, picture, sent);
			p->sent = sent;
			p->order = order;
			p->suspect = suspect;
		}
	}
	free(id);
	code_free(code);
	return good;
}

int64_t pick_ready(const struct pick *p)
{
	int64_t quiet, most;

	if (!json_ok(p->best))
		return -1;
	quiet = p->last + p->rules->settle;
	most = p->first + 6 * p->rules->settle;
	if (p->suspect)
		return p->last + PICK_SUSPECT;
	return quiet < most ? quiet : most;
}

jv pick_take(struct pick *p)
{
	jv best = p->best;

	p->best = jv_invalid();
	if (!json_ok(best))
		return best;
	return json_set(best, "passed", jv_copy(p->passed));
}

void pick_none(const struct pick *p, struct err *e)
{
	if (p->old)
		err_set(e, EX_TEMPFAIL, "no mail with a code came in time, but one that is dated %lld s before the code was asked for: an old one, "
			"unless this machine's clock is wrong", (long long)p->old / 1000);
	else
		err_set(e, EX_TEMPFAIL, "no mail with a code came in time");
}

void pick_free(struct pick *p)
{
	jv_free(p->best);
	jv_free(p->passed);
}

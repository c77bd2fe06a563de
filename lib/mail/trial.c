#include "mail/trial.h"

#include "base/clock.h"
#include "mail/picture.h"

void trial_start(struct trial *t, const struct rules *rules, bool reveal)
{
	*t = (struct trial){.rules = rules, .reveal = reveal, .sent = -1, .mail = jv_null()};
}

void trial_offer(struct trial *t, const struct mime *mail)
{
	int64_t sent = mail->date >= 0 ? mail->date : mail->received >= 0 ? mail->received : 0;
	char date[CLOCK_TEXT], *code;

	t->looked++;
	if (!pick_fits(t->rules, mail))
		return;
	t->fitted++;
	if (sent <= t->sent)
		return;
	t->sent = sent;
	code = code_in_mail(mail, &t->rules->pattern);
	jv_free(t->mail);
	t->mail = json_obj("from", jv_string(mail->from), "subject", jv_string(mail->subject), "date",
			   sent ? jv_string(clock_format(sent, date)) : jv_null(), "picture", jv_bool(picture_in_mail(mail) != NULL),
			   "code", !code ? jv_false() : t->reveal ? jv_string(code) : jv_true(), NULL);
	code_free(code);
}

jv trial_answer(struct trial *t)
{
	return json_obj("ok", jv_true(), "looked", jv_number(t->looked), "fitted", jv_number(t->fitted), "mail", t->mail, NULL);
}

/* ab-vault new: a session from a file, or by asking for it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "site/provider.h"
#include "store/passphrase.h"
#include "store/session.h"
#include "vault-command.h"

#define TEXT_MAX (1u << 20)

static const char *from, *provider_name;

/* --- asking --- */

/* Asks until VALID (NULL: anything but nothing) is content. An empty answer is FALLBACK (NULL: there is none). */
static jv ask(const char *title, const char *fallback, bool secret, bool (*valid)(const char *), const char *hint)
{
	char *prompt = fallback && *fallback ? xasprintf("%s [%s]: ", title, fallback) : xasprintf("%s: ", title);
	char *text = secret_alloc(TTY_MAX);
	struct err e;
	jv answer;

	for (;;) {
		long len = tty_ask(prompt, !secret, text, TTY_MAX, &e);

		if (len < 0)
			die_err(&e);
		if (!len && fallback) {
			answer = jv_string(fallback);
			break;
		}
		if (len && (!valid || valid(text))) {
			answer = jv_string(text);
			break;
		}
		tty_say(hint, NULL);
	}
	secret_free(text);
	free(prompt);
	return answer;
}

static bool confirm(const char *question, bool fallback)
{
	struct err e;
	int yes = tty_confirm(question, fallback, &e);

	if (yes < 0)
		die_err(&e);
	return yes;
}

static bool zone_ok(const char *s)
{
	return zone_valid(s);
}

static bool count_ok(const char *s)
{
	long long n;

	return str_long(s, 1, 1000000, &n) == 0;
}

static bool book_ok(const char *s)
{
	return strcmp(s, "yes") == 0 || strcmp(s, "ask") == 0 || strcmp(s, "no") == 0;
}

/* The text under KEY, after BEFORE; nothing when there is none. */
static void tell(jv doc, const char *key, const char *before)
{
	const char *text = json_str(doc, key, "");
	char *said = xasprintf("%s%s%s", before, text, str_ends(text, "\n") ? "" : "\n");

	if (*text)
		tty_say(said, NULL);
	free(said);
}

/* --- what the provider needs --- */

static jv ask_need(jv whole, const char *path, jv need, bool secret)
{
	bool optional = json_bool(need, "optional", false);
	const char *fallback = json_str(need, "default", optional ? "" : NULL);
	jv answer;

	tell(need, "about", "");
	answer = ask(json_str(need, "title", path), fallback, secret, NULL, "It is needed.\n");
	if (optional && !json_len(answer)) {
		jv_free(answer);
		return whole;
	}
	return put_at(whole, path, answer);
}

/* One group of needs ("site", "credentials", "profile"), what is secret last: a mapping's own order is lost. */
static jv ask_group(jv whole, jv needs, const char *group)
{
	char *prefix = xasprintf("%s.", group);

	for (int secret = 0; secret < 2; secret++)
		for (struct json_iter it = json_iter(needs); json_next(&it);)
			if (str_starts(it.key, prefix) &&
			    (json_bool(it.value, "secret", false) || strcmp(it.key, "credentials.password") == 0) == secret)
				whole = ask_need(whole, it.key, it.value, secret);
	free(prefix);
	return whole;
}

/* --- the rest --- */

/* The machine's zone, by where /etc/localtime points; "" when that does not tell. */
static const char *machine_zone(void)
{
	static char target[PATH_MAX];
	ssize_t n = readlink("/etc/localtime", target, sizeof target - 1);
	const char *zone;

	target[n > 0 ? n : 0] = '\0';
	zone = strstr(target, "zoneinfo/");
	return zone && zone_valid(zone + 9) ? zone + 9 : "";
}

static jv ask_zone(jv whole, jv doc)
{
	const char *zone = json_str(doc, "timezone", machine_zone());

	return json_set(whole, "timezone", ask("Your time zone", *zone ? zone : NULL, false, zone_ok, "A name such as Europe/Istanbul.\n"));
}

static jv ask_inbox(jv whole)
{
	jv url = ask("Where do codes arrive (maildir:/FOLDER, imaps://USER@HOST/INBOX, totp:, human:; empty: none)", "", false, NULL, ""), inbox;

	if (!json_len(url)) {
		jv_free(url);
		return whole;
	}
	inbox = json_obj("url", jv_copy(url), NULL);
	if (str_starts(json_string(url, ""), "imap"))
		inbox = json_set(inbox, "password", ask("Password of that mailbox", NULL, true, NULL, ""));
	else if (str_starts(json_string(url, ""), "totp:"))
		inbox = json_set(inbox, "secret", ask("Secret of the authenticator (otpauth://..., or the letters)", NULL, true, NULL, ""));
	jv_free(url);
	return json_set(whole, "inbox", inbox);
}

static jv ask_consent(jv whole)
{
	jv consent = json_obj("owner", jv_true(), "cancel", jv_string("no"), NULL);
	char until[CLOCK_TEXT];

	if (!confirm("Is the appointment yours, or has its owner asked you to do this?", false))
		die(EX_NOPERM, "not without its owner's consent: nothing was made");
	clock_format_in(json_str(whole, "timezone", "UTC"), clock_wall() + (int64_t)60 * 86400000, until);
	until[10] = '\0';
	consent = json_set(consent, "book", ask("May a slot be booked without asking you: yes, ask, no", "ask", false, book_ok,
					       "yes, ask or no.\n"));
	consent = json_set(consent, "until", ask("Last day of this consent", until, false, date_valid, "A date such as 2026-12-31.\n"));
	consent = json_set(consent, "requests_per_day", ask("Requests to the site per day, at most", "1000", false, count_ok,
							   "A number from 1 to 1000000.\n"));
	return json_set(whole, "consent", consent);
}

static void show_terms(jv doc)
{
	tell(doc, "title", "");
	tell(doc, "about", "");
	tell(doc, "terms", "The site's terms:\n");
	if (json_has(doc, "terms") && !confirm("Do you agree to keep to them?", false))
		die(EX_NOPERM, "not without keeping to the site's terms: nothing was made");
}

static jv interview(void)
{
	struct provider *provider;
	jv named, needs, whole;
	struct err e;

	if (!tty_there())
		die(EX_CONFIG, "there is no terminal to ask at: give --from FILE");
	named = provider_name ? jv_string(provider_name) :
		ask("Provider ('ab-provider list' shows them)", NULL, false, name_valid, "Its name.\n");
	provider = provider_load(json_string(named, ""), &e);
	if (!provider)
		die_err(&e);
	show_terms(provider->doc);
	needs = json_get(provider->doc, "needs");
	whole = json_obj("provider", named, NULL);
	whole = ask_group(whole, needs, "site");
	whole = ask_zone(whole, provider->doc);
	whole = ask_group(whole, needs, "credentials");
	whole = ask_inbox(whole);
	whole = ask_group(whole, needs, "profile");
	jv_free(needs);
	provider_free(provider); /* and with it the worker of its expressions, before the vault is opened */
	whole = session_check(ask_consent(whole), NULL, NULL, &e);
	if (!json_ok(whole))
		die_err(&e);
	return whole;
}

static jv from_file(void)
{
	struct str text;
	struct err e;
	jv whole;

	slurp(from, TEXT_MAX, &text);
	whole = whole_parse(str_text(&text), text.len, strcmp(from, "-") == 0 ? "standard input" : from, &e);
	if (!json_ok(whole))
		die_err(&e);
	if (text.s)
		secret_wipe(text.s, text.cap);
	str_free(&text);
	return whole;
}

static int new_run(char **operands)
{
	const char *name = operands[0];
	enum master_kind kind;
	struct master *m;
	struct err e;
	jv whole;

	if (from && provider_name)
		opt_usage("--from says what the provider is; leave --provider out");
	if (!name_valid(name))
		opt_usage("'%s' is no session name: use a-z, 0-9, '.', '_' and '-', 64 at most", name);
	if (master_has(name))
		die(EX_CANTCREAT, "there is a session '%s' already", name);
	if (master_kind(&kind, &e))
		die_err(&e);
	whole = from ? from_file() : interview();
	m = unlock();
	if (store(m, name, whole, NULL, &e))
		die_err(&e);
	if (!from)
		tty_say("Done. 'ab-vault edit' is for the rest: preferences, schedule, whom to tell.\n", NULL);
	jv_free(whole);
	master_close(m);
	return 0;
}

const struct command new_command = {
	"new", "new [--provider NAME | --from FILE] SESSION", "Makes a session: asks for what the provider needs, or takes it from a YAML file.",
	(const struct opt[]){
		{'p', "provider", "NAME", "the provider, instead of asking for it", &provider_name, NULL, NULL},
		{'f', "from", "FILE", "take everything from FILE ('-': standard input), ask nothing", &from, NULL, NULL},
		{0},
	},
	1, 1, false, new_run,
};

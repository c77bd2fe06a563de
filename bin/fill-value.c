/* A profile's value as a field wants it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fill.h"

/* What one thing is called; within a line all mean the same. Folded. */
static const char *const genders[] = {
	" f female woman w weiblich frau femme feminin mujer femenino kadin k femmina donna feminino mulher kobieta 2 ",
	" m male man mannlich maennlich mann herr homme masculin hombre masculino varon erkek e maschio uomo homem mezczyzna 1 ",
	" x other diverse divers autre otro diger altro outro inna nonbinary ",
	NULL};

/* ISO 3166-1 alpha-2 and alpha-3, so that either finds the other. */
static const char countries[] =
	"AF:AFG AL:ALB DZ:DZA AD:AND AO:AGO AR:ARG AM:ARM AU:AUS AT:AUT AZ:AZE BS:BHS BH:BHR BD:BGD BB:BRB BY:BLR BE:BEL BZ:BLZ "
	"BJ:BEN BT:BTN BO:BOL BA:BIH BW:BWA BR:BRA BN:BRN BG:BGR BF:BFA BI:BDI KH:KHM CM:CMR CA:CAN CV:CPV CF:CAF TD:TCD CL:CHL "
	"CN:CHN CO:COL KM:COM CG:COG CD:COD CR:CRI CI:CIV HR:HRV CU:CUB CY:CYP CZ:CZE DK:DNK DJ:DJI DM:DMA DO:DOM EC:ECU EG:EGY "
	"SV:SLV GQ:GNQ ER:ERI EE:EST SZ:SWZ ET:ETH FJ:FJI FI:FIN FR:FRA GA:GAB GM:GMB GE:GEO DE:DEU GH:GHA GR:GRC GD:GRD GT:GTM "
	"GN:GIN GW:GNB GY:GUY HT:HTI HN:HND HK:HKG HU:HUN IS:ISL IN:IND ID:IDN IR:IRN IQ:IRQ IE:IRL IL:ISR IT:ITA JM:JAM JP:JPN "
	"JO:JOR KZ:KAZ KE:KEN KI:KIR KP:PRK KR:KOR KW:KWT KG:KGZ LA:LAO LV:LVA LB:LBN LS:LSO LR:LBR LY:LBY LI:LIE LT:LTU LU:LUX "
	"MO:MAC MG:MDG MW:MWI MY:MYS MV:MDV ML:MLI MT:MLT MH:MHL MR:MRT MU:MUS MX:MEX FM:FSM MD:MDA MC:MCO MN:MNG ME:MNE MA:MAR "
	"MZ:MOZ MM:MMR NA:NAM NR:NRU NP:NPL NL:NLD NZ:NZL NI:NIC NE:NER NG:NGA MK:MKD NO:NOR OM:OMN PK:PAK PW:PLW PS:PSE PA:PAN "
	"PG:PNG PY:PRY PE:PER PH:PHL PL:POL PT:PRT QA:QAT RO:ROU RU:RUS RW:RWA KN:KNA LC:LCA VC:VCT WS:WSM SM:SMR ST:STP SA:SAU "
	"SN:SEN RS:SRB SC:SYC SL:SLE SG:SGP SK:SVK SI:SVN SB:SLB SO:SOM ZA:ZAF SS:SSD ES:ESP LK:LKA SD:SDN SR:SUR SE:SWE CH:CHE "
	"SY:SYR TW:TWN TJ:TJK TZ:TZA TH:THA TL:TLS TG:TGO TO:TON TT:TTO TN:TUN TR:TUR TM:TKM TV:TUV UG:UGA UA:UKR AE:ARE GB:GBR "
	"US:USA UY:URY UZ:UZB VU:VUT VA:VAT VE:VEN VN:VNM YE:YEM ZM:ZMB ZW:ZWE XK:XKX";

/* ---- dates ---- */

struct date {
	int year, month, day;
};

/* "YYYY-MM-DD", or day first with any of ". / -". */
static bool date_read(const char *text, struct date *d)
{
	char canonical[16], rest;
	int a, b, c;

	if (sscanf(text, "%4d-%2d-%2d%c", &a, &b, &c, &rest) == 3)
		*d = (struct date){a, b, c};
	else if (sscanf(text, "%2d%*[./-]%2d%*[./-]%4d%c", &a, &b, &c, &rest) == 3)
		*d = (struct date){c, b, a};
	else
		return false;
	if (d->year < 1000 || d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 || d->day > 31)
		return false;
	snprintf(canonical, sizeof canonical, "%04d-%02d-%02d", d->year, d->month, d->day);
	return date_valid(canonical);
}

/* A pattern such as DD/MM/YYYY, TT.MM.JJJJ, GG.AA.YYYY, JJ/MM/AAAA or DD-MM-RRRR in TEXT: the order of its
 * parts ("dmy", "mdy", "ymd") and what stands between them. */
static bool date_pattern(const char *text, char order[4], char *between)
{
	for (const char *p = text; *p; p++) {
		size_t a = strspn(p, "DdTtGgJjMmAaYyRr"), b, c;

		if ((a != 2 && a != 4) || !strchr("./- ", p[a]) || !p[a])
			continue;
		b = strspn(p + a + 1, "MmAaDdTtGgJj");
		if (b != 2 || p[a + 1 + b] != p[a])
			continue;
		c = strspn(p + a + 2 + b, "DdTtGgJjMmAaYyRr");
		if (a + c != 6)
			continue;
		*between = p[a];
		memcpy(order, a == 4 ? "ymd" : (*p | 32) == 'm' ? "mdy" : "dmy", 4);
		return true;
	}
	return false;
}

static char *date_ordered(const struct date *d, const char *order, char between)
{
	struct str b = {0};

	for (const char *o = order; *o; o++) {
		if (b.len)
			str_putc(&b, between);
		if (*o == 'y')
			str_addf(&b, "%04d", d->year);
		else
			str_addf(&b, "%02d", *o == 'm' ? d->month : d->day);
	}
	return str_take(&b);
}

/* 'd', 'm' or 'y' where FIELD wants one part of a date; 0: all of it. */
static char date_part(jv field)
{
	static const char *const words[] = {"day|tag|jour|dia|gun|giorno|dzien", "month|monat|mois|mes|ay|mese|miesiac",
					    "year|jahr|annee|ano|yil|anno|rok"};
	const char *autocomplete = json_str(field, "autocomplete", "");
	bool small = strcmp(json_str(field, "type", ""), "select") == 0 || json_int(field, "max_length", 99) <= 4 ||
		     strcmp(json_str(field, "type", ""), "number") == 0;
	char *name, *id, found = 0;

	if (strstr(autocomplete, "bday-"))
		return strstr(autocomplete, "bday-")[5];
	if (!small)
		return 0;
	name = fill_fold(json_str(field, "name", ""));
	id = fill_fold(json_str(field, "id", ""));
	for (int i = 0; i < 3; i++)
		for (const char *w = words[i]; *w && !found; w += strcspn(w, "|"), w += *w == '|') {
			char *word = xstrndup(w, strcspn(w, "|"));

			if (fill_has_words(name, word) || fill_has_words(id, word))
				found = "dmy"[i];
			free(word);
		}
	free(name);
	free(id);
	return found;
}

/* The value of the first option whose text (or, BY_VALUE, whose value) is NUMBER. */
static jv option_number(jv options, int number, bool by_value)
{
	for (struct json_iter it = json_iter(options); json_next(&it);) {
		long long n;

		if (!json_bool(it.value, "disabled", false) &&
		    str_long(json_str(it.value, by_value ? "value" : "text", ""), 0, 9999, &n) == 0 && n == number) {
			jv value = json_get(it.value, "value");

			json_iter_end(&it);
			return value;
		}
	}
	return jv_null();
}

/* The value of the option in place INDEX of those that can be chosen, if they are just twelve. */
static jv twelfth(jv options, int index)
{
	jv usable = jv_array(), found = jv_null();

	for (struct json_iter it = json_iter(options); json_next(&it);)
		if (!json_bool(it.value, "disabled", false) && *json_str(it.value, "value", ""))
			usable = json_push(usable, json_get(it.value, "value"));
	if (json_len(usable) == 12)
		found = json_at(usable, index);
	jv_free(usable);
	return found;
}

/* A number by its text, else by its value. Months may have names, and values that count from 0: of twelve
 * the place tells. */
static jv number_choice(jv options, int number, bool month)
{
	jv found = option_number(options, number, false);

	if (json_is(found, JV_KIND_NULL) && month)
		found = twelfth(options, number - 1);
	return json_is(found, JV_KIND_NULL) ? option_number(options, number, true) : found;
}

static jv part_value(jv field, const struct date *d, char part)
{
	jv options = json_get(field, "options"), value;
	int number = part == 'd' ? d->day : part == 'm' ? d->month : d->year;
	char text[16];

	snprintf(text, sizeof text, part == 'y' ? "%04d" : "%02d", number);
	if (!json_is(options, JV_KIND_ARRAY))
		value = jv_string(text);
	else
		value = number_choice(options, number, part == 'm');
	jv_free(options);
	return value;
}

static jv date_value(jv field, const char *text, const char **why)
{
	static const char *const hints[] = {"placeholder", "label", "title", "pattern"};
	const char *type = json_str(field, "type", "");
	char part = date_part(field), order[4] = "ymd", between = '-', *out;
	struct date d;
	jv value;

	if (!date_read(text, &d)) {
		*why = "the profile's value is no date that can be read";
		return jv_null();
	}
	if (part)
		return part_value(field, &d, part);
	if (strcmp(type, "date") != 0)
		for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
			if (date_pattern(json_str(field, hints[i], ""), order, &between))
				break;
	out = date_ordered(&d, order, between);
	if (strcmp(type, "month") == 0)
		out[7] = '\0';
	value = jv_string(out);
	free(out);
	return value;
}

/* ---- choices ---- */

static bool in_line(const char *line, const char *folded)
{
	char *padded = xasprintf(" %s ", folded);
	bool found = *folded && strstr(line, padded);

	free(padded);
	return found;
}

/* Both mean the same gender. */
static bool same_gender(const char *a, const char *b)
{
	for (const char *const *line = genders; *line; line++)
		if (in_line(*line, a) && in_line(*line, b))
			return true;
	return false;
}

/* Folded codes of one country: "tr" and "tur". */
static bool same_country(const char *a, const char *b)
{
	for (const char *p = countries; *p; p += 6, p += *p == ' ') {
		char pair[16];

		snprintf(pair, sizeof pair, " %c%c %c%c%c ", p[0] | 32, p[1] | 32, p[3] | 32, p[4] | 32, p[5] | 32);
		if (in_line(pair, a) && in_line(pair, b))
			return true;
	}
	return false;
}

static bool same(const char *have, const char *want, const struct concept *c, int strictness)
{
	char *a = fill_fold(have), *b = fill_fold(want);
	bool equal = strictness == 0   ? strcmp(have, want) == 0
		     : strictness == 1 ? *a && strcmp(a, b) == 0
		     : c && c->kind == GENDER  ? same_gender(a, b)
		     : c && c->kind == COUNTRY ? same_country(a, b)
					       : false;

	free(a);
	free(b);
	return equal;
}

jv fill_choice(jv options, const char *value, const struct concept *c)
{
	for (int strictness = 0; strictness <= 2; strictness++)
		for (struct json_iter it = json_iter(options); json_next(&it);)
			if (!json_bool(it.value, "disabled", false) &&
			    (same(json_str(it.value, "value", ""), value, c, strictness) ||
			     same(json_str(it.value, "text", ""), value, c, strictness))) {
				jv found = json_get(it.value, "value");

				json_iter_end(&it);
				return found;
			}
	return jv_null();
}

/* ---- the profile ---- */

/* The profile's text under KEY; NULL where there is none. Caller frees. */
static char *profile_text(jv profile, const char *key)
{
	jv v = json_path(profile, key);
	char *text = json_is(v, JV_KIND_STRING) && *json_string(v, "") ? xstrdup(json_string(v, "")) : NULL;

	if (json_is(v, JV_KIND_NUMBER) || json_is(v, JV_KIND_TRUE) || json_is(v, JV_KIND_FALSE))
		text = json_text(v);
	jv_free(v);
	return text;
}

/* The first of the blank-separated KEYS that the profile has. */
static char *first_of(jv profile, const char *keys, char **from)
{
	for (; *keys; keys += strcspn(keys, " "), keys += *keys == ' ') {
		char *key = xstrndup(keys, strcspn(keys, " ")), *text = profile_text(profile, key);

		if (text) {
			*from = key;
			return text;
		}
		free(key);
	}
	return NULL;
}

/* A profile key that is called just what the field is called. */
static char *by_own_name(jv profile, jv field, char **from)
{
	char *name = fill_fold(json_str(field, "name", "")), *id = fill_fold(json_str(field, "id", "")), *text = NULL;

	for (struct json_iter it = json_iter(profile); json_next(&it);) {
		char *key = fill_fold(it.key);
		bool hit = *key && (strcmp(key, name) == 0 || strcmp(key, id) == 0);

		free(key);
		if (hit && (text = profile_text(profile, it.key))) {
			*from = xstrdup(it.key);
			json_iter_end(&it);
			break;
		}
	}
	free(name);
	free(id);
	return text;
}

static char *full_name(jv profile, char **from)
{
	char *a, *b, *from_a = NULL, *from_b = NULL, *text = first_of(profile, "full_name name", from);

	if (text)
		return text;
	a = first_of(profile, "first_name given_name forename", &from_a);
	b = first_of(profile, "last_name family_name surname", &from_b);
	if (a && b) {
		text = xasprintf("%s %s", a, b);
		*from = xasprintf("%s %s", from_a, from_b);
	}
	free(a);
	free(b);
	free(from_a);
	free(from_b);
	return text;
}

static char *by_concept(jv profile, const struct concept *c, char **from)
{
	if (!c)
		return NULL;
	return c->kind == FULL_NAME ? full_name(profile, from) : first_of(profile, c->keys, from);
}

/* The site's own word (autocomplete) goes before a name that is alike, and that before our guess. */
static char *raw_value(jv field, const struct concept *c, jv profile, char **from)
{
	char *text = c && c == fill_token(field) ? by_concept(profile, c, from) : NULL;

	if (!text)
		text = by_own_name(profile, field, from);
	return text ? text : by_concept(profile, c, from);
}

jv fill_value(jv field, const struct concept *c, jv profile, char **from, const char **why)
{
	char *text;
	jv options = json_get(field, "options"), value;

	*from = NULL;
	*why = c ? "the profile has nothing for it" : "what it asks for can't be told";
	text = raw_value(field, c, profile, from);
	if (!text) {
		jv_free(options);
		return jv_null();
	}
	if (c && c->kind == DATE) {
		value = date_value(field, text, why);
	} else if (json_is(options, JV_KIND_ARRAY)) {
		*why = "none of its choices is the profile's value";
		value = fill_choice(options, text, c);
	} else {
		value = jv_string(text);
	}
	if (json_is(value, JV_KIND_STRING) && (int64_t)json_len(value) > json_int(field, "max_length", INT32_MAX)) {
		*why = "the profile's value is longer than it takes";
		jv_free(value);
		value = jv_null();
	}
	free(text);
	jv_free(options);
	return value;
}

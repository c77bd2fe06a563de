/* What forms call things, in English, German, French, Spanish, Turkish, Italian, Portuguese and Polish. */
#include <stdlib.h>
#include <string.h>

#include "fill.h"

#define RUN_TOGETHER 6 /* letters from which words are looked for inside a longer one */

static const struct concept concepts[] = {
	{"first_name given_name forename name.first", "given-name",
	 "first name|given name|given names|forename|firstname|fname|vorname|vornamen|prenom|prenoms|nombre|nombres|"
	 "primer nombre|ad|adi|adiniz|isim|isminiz|nome di battesimo|nome proprio|primeiro nome|imie|imiona",
	 PLAIN},
	{"middle_name additional_name second_name", "additional-name",
	 "middle name|additional name|second name|zweiter vorname|deuxieme prenom|segundo nombre|ikinci ad|ikinci adi|"
	 "secondo nome|segundo nome|drugie imie",
	 PLAIN},
	{"last_name family_name surname name.last", "family-name",
	 "last name|family name|surname|lastname|lname|nachname|familienname|zuname|nom de famille|apellido|apellidos|"
	 "primer apellido|soyad|soyadi|soyadiniz|soy isim|soyisim|cognome|sobrenome|apelido|ultimo nome|nazwisko",
	 PLAIN},
	{"maiden_name birth_name", "", "maiden name|birth name|geburtsname|nom de naissance|nom de jeune fille|"
	 "apellido de soltera|kizlik soyadi|cognome da nubile|nome de solteira|nazwisko rodowe|nazwisko panienskie",
	 PLAIN},
	{"full_name name", "name",
	 "full name|complete name|your name|applicant name|vor und nachname|vorname und nachname|vollstandiger name|nom complet|"
	 "nom et prenom|prenom et nom|nombre completo|nombre y apellidos|ad soyad|adi soyadi|adiniz soyadiniz|nome completo|"
	 "nome e cognome|imie i nazwisko",
	 FULL_NAME},
	{"last_name family_name surname", "", "name|nom|nome|isim soyisim", ANY_NAME},
	{"title honorific_prefix", "honorific-prefix", "title|salutation|anrede|titel|civilite|tratamiento|unvan|hitap|titolo|"
	 "tratamento|tytul|zwrot grzecznosciowy",
	 PLAIN},
	{"date_of_birth birth_date birthday dob", "bday",
	 "date of birth|birth date|birthdate|birthday|dob|born|geburtsdatum|geboren|geburtstag|date de naissance|"
	 "ne le|fecha de nacimiento|nacimiento|dogum tarihi|dogum gunu|dogumtarihi|data di nascita|nascita|data de nascimento|"
	 "nascimento|data urodzenia|urodziny|birth|naissance|dogum",
	 DATE},
	{"place_of_birth birth_place", "", "place of birth|birth place|birthplace|city of birth|geburtsort|lieu de naissance|"
	 "lugar de nacimiento|dogum yeri|luogo di nascita|local de nascimento|naturalidade|miejsce urodzenia",
	 PLAIN},
	{"gender sex", "sex", "gender|sex|geschlecht|sexe|genre|sexo|genero|cinsiyet|cinsiyeti|sesso|genere|plec", GENDER},
	{"nationality citizenship", "", "nationality|citizenship|nationalitat|nationalitaet|staatsangehorigkeit|staatsangehoerigkeit|"
	 "staatsburgerschaft|nationalite|citoyennete|nacionalidad|ciudadania|uyruk|uyrugu|vatandaslik|tabiiyet|nazionalita|"
	 "cittadinanza|nacionalidade|cidadania|narodowosc|obywatelstwo",
	 COUNTRY},
	{"passport_number passport", "",
	 "passport number|passport no|passport|passport nr|passportno|travel document number|document number|reisepassnummer|"
	 "passnummer|pass nr|reisepass|numero de passeport|no de passeport|passeport|numero de pasaporte|pasaporte|"
	 "pasaport numarasi|pasaport no|pasaport|numero di passaporto|numero passaporto|passaporto|numero do passaporte|"
	 "passaporte|numer paszportu|nr paszportu|paszport",
	 PLAIN},
	{"passport_expiry passport_expires passport_valid_until", "",
	 "passport expiry|passport expiry date|passport expiration|expiry date|date of expiry|expiration date|valid until|"
	 "passport valid until|passport expires|ablaufdatum|gultig bis|gueltig bis|gultigkeit|date d expiration|date expiration|"
	 "expire le|fecha de caducidad|fecha de vencimiento|valido hasta|son kullanma tarihi|gecerlilik tarihi|gecerlilik suresi|"
	 "bitis tarihi|data di scadenza|scadenza|data de validade|validade|data waznosci|wazny do",
	 DATE},
	{"passport_issued passport_issue_date", "",
	 "passport issue date|date of issue|issue date|issued on|issued|passport issued|ausstellungsdatum|ausgestellt am|"
	 "date de delivrance|delivre le|fecha de expedicion|fecha de emision|verilis tarihi|duzenlenme tarihi|data di rilascio|"
	 "data de emissao|data wydania",
	 DATE},
	{"passport_issuer passport_authority", "", "issuing authority|issued by|ausstellende behorde|ausgestellt von|autorite de delivrance|"
	 "delivre par|autoridad expedidora|expedido por|veren makam|verildigi makam|autorita di rilascio|rilasciato da|"
	 "autoridade emissora|emitido por|organ wydajacy",
	 PLAIN},
	{"national_id id_number identity_number", "",
	 "national id|id number|identity number|identity card number|ausweisnummer|personalausweis|numero d identite|dni|nie|"
	 "documento de identidad|tc kimlik no|t c kimlik no|kimlik no|kimlik numarasi|tckn|codice fiscale|carta d identita|cpf|"
	 "numero de identificacao|pesel|numer dowodu|dowod osobisty",
	 PLAIN},
	{"email", "email",
	 "email|e mail|email address|e mail address|mail|e mail adresse|emailadresse|courriel|adresse e mail|correo|"
	 "correo electronico|e posta|eposta|e posta adresi|posta elettronica|indirizzo email|endereco de email|adres e mail|"
	 "poczta elektroniczna",
	 PLAIN},
	{"phone telephone mobile tel", "tel tel-national",
	 "phone|phone number|telephone|mobile|mobile number|mobile phone|cell|cell phone|tel|contact number|telefon|"
	 "telefonnummer|mobil|mobilnummer|handy|handynummer|rufnummer|numero de telephone|portable|telefono|movil|celular|"
	 "telefon numarasi|cep telefonu|cep no|gsm|numero di telefono|cellulare|telefone|telemovel|numer telefonu|komorka|"
	 "telefon komorkowy",
	 PLAIN},
	{"phone_country_code dial_code", "tel-country-code", "dial code|country code|calling code|landesvorwahl|landervorwahl|indicatif|"
	 "codigo de pais|prefijo|ulke kodu|prefisso|codigo do pais|kod kraju|kierunkowy",
	 PLAIN},
	{"address street street_address address_line1", "street-address address-line1",
	 "address|street|street address|address line 1|address line|address1|adresse|anschrift|strasse|strasse und hausnummer|rue|"
	 "direccion|calle|domicilio|adres|adresi|adresiniz|sokak|cadde|indirizzo|via|endereco|morada|rua|ulica",
	 PLAIN},
	{"address_line2 apartment", "address-line2", "address line 2|address2|apartment|flat|unit|adresszusatz|complement d adresse|"
	 "complemento|piso|daire|appartamento|interno|numer mieszkania",
	 PLAIN},
	{"city town", "address-level2", "city|town|locality|stadt|ort|wohnort|ville|ciudad|localidad|poblacion|sehir|il ilce|ilce|citta|"
	 "comune|cidade|miasto|miejscowosc",
	 PLAIN},
	{"region state province", "address-level1", "state|province|region|county|bundesland|departement|provincia|comunidad autonoma|il|"
	 "eyalet|regione|estado|distrito|wojewodztwo",
	 PLAIN},
	{"postal_code postcode zip", "postal-code",
	 "postal code|postcode|zip|zip code|post code|postleitzahl|plz|code postal|codigo postal|posta kodu|cap|codice postale|"
	 "cep|kod pocztowy",
	 PLAIN},
	{"country country_of_residence", "country country-name",
	 "country|country of residence|land|wohnsitzland|pays|pays de residence|pais|pais de residencia|ulke|ikamet ulkesi|paese|"
	 "stato|pais de residencia|kraj|kraj zamieszkania",
	 COUNTRY},
	{"organization company employer", "organization", "company|organization|organisation|employer|firma|unternehmen|arbeitgeber|"
	 "societe|entreprise|employeur|empresa|sirket|isveren|kurum|azienda|societa|pracodawca",
	 PLAIN},
	{"occupation profession job_title", "organization-title", "occupation|profession|job title|beruf|metier|ocupacion|profesion|"
	 "meslek|meslegi|professione|profissao|ocupacao|zawod",
	 PLAIN},
	{"username", "username", "username|user name|login|benutzername|nom d utilisateur|usuario|kullanici adi|nome utente|"
	 "nome de usuario|nazwa uzytkownika",
	 PLAIN},
	{"website url", "url", "website|homepage|site web|sitio web|web sitesi|sito web|strona internetowa", PLAIN},
	{0},
};

/* Letters with marks as forms write them, and without: pairs of UTF-8 strings. */
static const struct letter {
	const char *marked, *plain;
} letters[] = {
	{"à", "a"}, {"á", "a"}, {"â", "a"}, {"ã", "a"}, {"ä", "a"}, {"å", "a"}, {"ą", "a"}, {"ă", "a"}, {"ç", "c"},
	{"ć", "c"}, {"č", "c"}, {"è", "e"}, {"é", "e"}, {"ê", "e"}, {"ë", "e"}, {"ę", "e"}, {"ě", "e"}, {"ğ", "g"},
	{"ì", "i"}, {"í", "i"}, {"î", "i"}, {"ï", "i"}, {"ı", "i"}, {"İ", "i"}, {"ł", "l"}, {"Ł", "l"}, {"ñ", "n"},
	{"ń", "n"}, {"ò", "o"}, {"ó", "o"}, {"ô", "o"}, {"õ", "o"}, {"ö", "o"}, {"ø", "o"}, {"ő", "o"}, {"ś", "s"},
	{"ş", "s"}, {"š", "s"}, {"ß", "ss"}, {"ù", "u"}, {"ú", "u"}, {"û", "u"}, {"ü", "u"}, {"ű", "u"}, {"ý", "y"},
	{"ź", "z"}, {"ż", "z"}, {"ž", "z"}, {"À", "a"}, {"Á", "a"}, {"Â", "a"}, {"Ã", "a"}, {"Ä", "a"}, {"Å", "a"},
	{"Ą", "a"}, {"Ç", "c"}, {"Ć", "c"}, {"Č", "c"}, {"È", "e"}, {"É", "e"}, {"Ê", "e"}, {"Ë", "e"}, {"Ę", "e"},
	{"Ğ", "g"}, {"Ì", "i"}, {"Í", "i"}, {"Î", "i"}, {"Ï", "i"}, {"Ñ", "n"}, {"Ń", "n"}, {"Ò", "o"}, {"Ó", "o"},
	{"Ô", "o"}, {"Õ", "o"}, {"Ö", "o"}, {"Ø", "o"}, {"Ś", "s"}, {"Ş", "s"}, {"Š", "s"}, {"Ù", "u"}, {"Ú", "u"},
	{"Û", "u"}, {"Ü", "u"}, {"Ý", "y"}, {"Ź", "z"}, {"Ż", "z"}, {"Ž", "z"}, {"æ", "ae"}, {"œ", "oe"},
};

static const struct letter *letter_at(const char *s)
{
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (str_starts(s, letters[i].marked))
			return &letters[i];
	return NULL;
}

static void blank(struct str *b)
{
	if (b->len && b->s[b->len - 1] != ' ')
		str_putc(b, ' ');
}

char *fill_fold(const char *s)
{
	struct str b = {0};
	bool small = false; /* the last letter was lower case or a digit: a capital begins a word */

	while (*s) {
		const struct letter *l = letter_at(s);
		bool upper = *s >= 'A' && *s <= 'Z', digit = *s >= '0' && *s <= '9';

		if (l) {
			str_puts(&b, l->plain);
			s += strlen(l->marked);
			small = true;
			continue;
		}
		if ((upper && small) || (digit && b.len && b.s[b.len - 1] > '9'))
			blank(&b);
		if (upper || digit || (*s >= 'a' && *s <= 'z'))
			str_putc(&b, (char)(upper ? *s | 32 : *s));
		else
			blank(&b);
		small = !upper && *s != ' ';
		s++;
	}
	if (b.len && b.s[b.len - 1] == ' ')
		b.s[--b.len] = '\0';
	return str_take(&b);
}

static char *run_together(const char *s)
{
	struct str b = {0};

	for (; *s; s++)
		if (*s != ' ')
			str_putc(&b, *s);
	return str_take(&b);
}

bool fill_has_words(const char *have, const char *want)
{
	char *padded = xasprintf(" %s ", have), *words = xasprintf(" %s ", want), *joined, *joined_want;
	bool found = strstr(padded, words);

	if (!found) {
		joined = run_together(have);
		joined_want = run_together(want);
		found = strlen(joined_want) >= RUN_TOGETHER && strstr(joined, joined_want);
		free(joined);
		free(joined_want);
	}
	free(padded);
	free(words);
	return found;
}

/* The length of the longest of C's names in folded TEXT; 0 for none. */
static size_t best_words(const struct concept *c, const char *text)
{
	size_t best = 0;

	for (const char *w = c->words; *w; w += strcspn(w, "|"), w += *w == '|') {
		size_t n = strcspn(w, "|");
		char *words = n > best ? xstrndup(w, n) : NULL;

		if (words && fill_has_words(text, words))
			best = n;
		free(words);
	}
	return best;
}

/* The last token of an autocomplete attribute names the thing; "section-x shipping home" may come before. */
static const struct concept *by_autocomplete(const char *attribute)
{
	const char *last = strrchr(attribute, ' ');
	char *token = xasprintf(" %s ", last ? last + 1 : attribute);
	const struct concept *found = NULL;

	if (str_starts(token, " bday-")) {
		free(token);
		return fill_concept_of("date_of_birth");
	}
	for (const struct concept *c = concepts; c->keys && !found; c++) {
		char *padded = xasprintf(" %s ", c->autocomplete);

		if (strlen(token) > 2 && strstr(padded, token))
			found = c;
		free(padded);
	}
	free(token);
	return found;
}

const struct concept *fill_concept_of(const char *key)
{
	char *wanted = xasprintf(" %s ", key);
	const struct concept *found = NULL;

	for (const struct concept *c = concepts; c->keys && !found; c++) {
		char *padded = xasprintf(" %s ", c->keys);

		if (strstr(padded, wanted))
			found = c;
		free(padded);
	}
	free(wanted);
	return found;
}

/* Types that mean one thing whatever they are called. */
static const struct concept *by_type(const char *type)
{
	if (strcmp(type, "email") == 0)
		return fill_concept_of("email");
	return strcmp(type, "tel") == 0 ? fill_concept_of("phone") : NULL;
}

const struct concept *fill_token(jv field)
{
	return by_autocomplete(json_str(field, "autocomplete", ""));
}

const struct concept *fill_concept(jv field)
{
	static const char *const sources[] = {"name", "id", "label", "legend", "placeholder"};
	const struct concept *found = fill_token(field);
	size_t best = 0;

	if (found)
		return found;
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		char *text = fill_fold(json_str(field, sources[i], ""));

		/* a fieldset's legend tells about radio buttons; for others it names the whole group */
		if (strcmp(sources[i], "legend") == 0 && strcmp(json_str(field, "type", ""), "radio") != 0)
			*text = '\0';
		for (const struct concept *c = concepts; c->keys; c++) {
			size_t n = best_words(c, text);

			if (n > best) {
				best = n;
				found = c;
			}
		}
		free(text);
	}
	return found ? found : by_type(json_str(field, "type", ""));
}

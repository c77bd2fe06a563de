#include "mail/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Lists of folded words; '*' stands for anything. Each row a language or a script. */

static const char *const codes[] = {
	"otp", "code", "*code", "pin", "passkey", "*kode", "*koden", "*codenummer", "mtan", "smstan",
	"einmalpasswort", "einmalkennwort", "codigo", "codice", "cod", "codul",
	"kod", "kodu", "kodun", "kodunu", "kodunuz", "kodunuzu", "kodunuzun", "kodum", "kodi", "kodas",
	"kodem", "kodja", "kodod", "*kod", "*kodu", "*koodi", "*koodisi", "kods", "sifreniz", "sifrenizi",
	"κωδικοσ", "κωδικο", "код", "кода", "кодом", "коду", "кодът", "пин", "пинкод", "отп",
	"رمز", "الرمز", "رمزك", "كود", "الكود", "קוד", "הקוד", "कोड", "ओटीपी", "รหัส*",
	"*验证码*", "*驗證碼*", "*校验码*", "*认证码*", "*动态码*", "*認証コード*", "*確認コード*", "*認証番号*", "*コード*",
	"*인증번호*", "*인증코드*", "*인증*", NULL,
};
static const char *const passwords[] = {
	"password", "passwort", "kennwort", "passe", "contrasena", "clave", "senha", "palavra", "sifre", "sifresi",
	"parola", "parolasi", "parolaniz", "haslo", "wachtwoord", "пароль", "пароля", "heslo", "losenord", "kata", NULL,
};
static const char *const once[] = {
	"onetime", "time", "temporary", "einmal*", "usage", "unique", "temporaire", "uso", "unico", "unica", "utilizacao",
	"tek", "kullanimlik", "gecici", "jednoraz*", "eenmalig*", "одноразов*", "временн*", "dynamic", "engang*",
	"monouso", "temporan*", "temporal", NULL,
};
static const char *const proving[] = {
	"verif*", "confirm*", "secur*", "login", "log", "sign", "signin", "access", "authent*", "authori*", "activat*",
	"einmal*", "bestatig*", "sicherheit*", "anmeld*", "freischalt*", "connexion", "acces", "acceso", "segur*", "sicur*",
	"conferm*", "accesso", "acesso", "dogrulama*", "onay*", "guvenlik", "giris", "tek", "aktivasyon", "weryfik*",
	"potwierdz*", "jednoraz*", "bezpiecz*", "autoryz*", "logowan*", "bevestig*", "beveilig*", "eenmalig*", "inlog*",
	"toegang*", "подтвержд*", "провер*", "безопасн*", "одноразов*", "вход*", "авторизац*", "επαληθευσησ", "one",
	"otp", "التحقق", "overeni", "overovaci", "verifier*", "sakerhet*", "bekraft*", "ellenorz*", NULL,
};
static const char *const other_codes[] = {
	"zip", "postal", "postale", "post*", "area", "country", "promo*", "discount", "coupon", "voucher", "gift", "dress",
	"source", "qr", "bar", "barcode", "qrcode", "zipcode", "error", "booking", "reservation", "order", "tracking",
	"customer", "client*", "referral", "color", "colour", "product", "sort", "swift", "tax", "fiscal*", "iata", "status",
	"penal", "civil", "building", "reference", "ref", "pnr", "record", "dial*", "mission", "centre", "center",
	"*postleitcode", "rabatt*", "gutschein*", "buchung*", "reservierung*", "kunden*", "fehler*", "landes*", "lander*",
	"kortings*", "boekings*", "reserverings*", "landcode", "foutcode", "klant*", "streepjes*",
	"reduction", "dossier", "barres", "barras", "pays", "pais", "erreur", "commande", "guichet",
	"descuento", "reserva", "pedido", "desconto", "erro", "sconto", "prenotazione", "errore", "tributo", "ordine",
	"alan", "ulke", "indirim*", "kampanya", "urun", "rezervasyon", "siparis", "takip", "hata", "musteri", "kupon",
	"hediye", "vergi", "kare", "karekod", "referans",
	"poczt*", "rabat*", "rezerwacji", "zamowienia", "kraju", "kresk*", "klienta", "bledu",
	"почтов*", "промо*", "скид*", "бронир*", "заказ*", "стран*", "ошиб*", "товар*", "регион*", NULL,
};
static const char *const other_numbers[] = {
	"reference", "references", "ref", "reservation", "booking", "order", "invoice", "application", "case", "ticket",
	"account", "customer", "client*", "passport", "id", "card", "phone", "tel", "telephone", "mobile", "cell", "fax",
	"gsm", "call", "ending", "ends", "zip", "postal", "plz", "cap", "cp", "vat", "tax", "iban", "siret", "hrb", "krs",
	"nip", "regon", "port", "room", "suite", "box", "gate", "flight", "version", "build", "copyright", "since", "year",
	"*nummer", "referenz*", "buchung*", "auftrag*", "rechnung*", "antrag*", "kunde*", "vorgang*", "aktenzeichen",
	"reisepass*", "ausweis*", "telefon*", "handy*", "postleitzahl", "endet", "endend", "amtsgericht", "seit",
	"dossier", "commande", "facture", "demande", "passeport", "finissant", "depuis", "siren", "poste",
	"referencia", "reserva", "pedido", "factura", "solicitud", "cliente", "pasaporte", "expediente", "terminado",
	"terminada", "desde", "fatura", "processo", "passaporte", "telemovel", "nif", "cnpj",
	"riferimento", "prenotazione", "ordine", "fattura", "pratica", "passaporto", "cellulare", "iva", "dal",
	"referans*", "rezervasyon*", "siparis*", "fatura*", "basvuru*", "musteri*", "pasaport*", "faks", "cep", "kimlik",
	"takip", "dosya*", "sonu", "biten", "mersis",
	"referencyjny", "rezerwacji", "zamowienia", "faktur*", "wniosku", "klienta", "paszportu", "sprawy",
	"referentie*", "boeking*", "bestelling*", "factuur*", "aanvraag*", "klant*", "paspoort*", "telefoon*", "kvk", "btw",
	"заявк*", "заказ*", "брон*", "телефон*", "паспорт*", "договор*", "счет*", "клиент*", "обращен*", "инн", "огрн", NULL,
};
static const char *const numbers[] = {
	"number", "no", "nr", "num", "numero", "nummer", "numara", "numarasi", "numaraniz", "numer", "numeru", "номер",
	"номера", "n", "is", "ist", "est", "es", "jest", "the", "on", "in", "at", "to", "um", "am", "auf", NULL,
};
static const char *const units[] = {
	"minutes", "minute", "min", "mins", "seconds", "second", "sec", "secs", "hours", "hour", "hrs", "days", "day", "years",
	"people", "persons", "times", "eur", "euro", "euros", "usd", "gbp", "try", "tl", "lira", "pln", "zl", "rub", "brl",
	"chf", "kr", "sek", "nok", "dkk", "dollars", "km", "kg", "mb", "kb",
	"minuten", "sekunden", "stunden", "tage", "tagen", "uhr", "jahre", "heures", "jours", "secondes", "ans", "minutos",
	"segundos", "horas", "dias", "anos", "minuti", "secondi", "ore", "giorni", "anni", "dakika", "saniye", "saat", "gun",
	"yil", "minut", "minuty", "sekund", "sekundy", "godzin", "godziny", "dni", "lat", "uur", "dagen", "seconden",
	"минут*", "секунд*", "час*", "дней", "дня", "лет", "руб*", NULL,
};
static const char *const links[] = {
	"is", "are", "was", "equals", "following", "below", "here", "ist", "lautet", "folgende", "folgender", "est", "este", "sera",
	"ci", "dessous", "es", "esta", "siguiente", "e", "seguente", "seguinte", "jest", "to", "brzmi", "wynosi", "je",
	"olarak", "asagidadir", "ar", "er", "on", "это", "ειναι", "هو", "הוא", "是", "为", "の", "は", "는", "은", NULL,
};
static const char *const sendings[] = {
	"sent", "send", "texted", "delivered", "mailed", "emailed", "gesendet", "geschickt", "verschickt", "envoye", "enviado",
	"enviada", "inviato", "gonderildi", "wyslany", "wyslano", "verzonden", "gestuurd", "отправлен", "отправили", NULL,
};
static const char *const ofs[] = {
	"of", "for", "de", "di", "do", "da", "du", "des", "del", "della", "dello", "der", "den", "d", "a", "van", "von", NULL,
};

static bool listed(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (str_glob(*list, word))
			return true;
	return false;
}

bool word_is_code(const char *word)
{
	return listed(codes, word) && !listed(other_codes, word);
}

bool word_is_password(const char *word)
{
	return listed(passwords, word);
}

bool word_is_once(const char *word)
{
	return listed(once, word);
}

bool word_is_proving(const char *word)
{
	return listed(proving, word);
}

bool word_is_other_code(const char *word)
{
	return listed(other_codes, word);
}

bool word_is_other_number(const char *word)
{
	return listed(other_numbers, word) && !listed(codes, word);
}

bool word_is_number(const char *word)
{
	return listed(numbers, word);
}

bool word_is_unit(const char *word)
{
	return listed(units, word);
}

bool word_is_link(const char *word)
{
	return listed(links, word);
}

bool word_is_sending(const char *word)
{
	return listed(sendings, word);
}

bool word_is_of(const char *word)
{
	return listed(ofs, word);
}

/* Splitting */

static uint32_t next_char(const char **at)
{
	const unsigned char *p = (const unsigned char *)*at;
	int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
	uint32_t c = *p & (more == 0 ? 0x7fu : more == 1 ? 0x1fu : more == 2 ? 0x0fu : 0x07u);

	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) { /* not UTF-8: one byte at a time */
			*at += 1;
			return 0xfffd;
		}
		c = c << 6 | (p[i] & 0x3fu);
	}
	*at += more + 1;
	return c;
}

static size_t put_char(char *to, uint32_t c)
{
	if (c < 0x80)
		return to[0] = (char)c, 1;
	if (c < 0x800)
		return to[0] = (char)(0xc0 | c >> 6), to[1] = (char)(0x80 | (c & 63)), 2;
	if (c < 0x10000)
		return to[0] = (char)(0xe0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 63)),
		       to[2] = (char)(0x80 | (c & 63)), 3;
	return to[0] = (char)(0xf0 | c >> 18), to[1] = (char)(0x80 | (c >> 12 & 63)),
	       to[2] = (char)(0x80 | (c >> 6 & 63)), to[3] = (char)(0x80 | (c & 63)), 4;
}

/* Digits of other scripts as ASCII, spaces of other widths as a space, what nobody sees as 0. */
static uint32_t plain(uint32_t c)
{
	static const uint32_t zeros[] = {0xff10, 0x660, 0x6f0, 0x966, 0x9e6};

	for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
		if (c >= zeros[i] && c < zeros[i] + 10)
			return '0' + (c - zeros[i]);
	if (c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f || c == 0x3000)
		return ' ';
	if (c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	    c == 0xfeff || (c >= 0x300 && c < 0x370) || c == 0x34f || (c >= 0xfe00 && c <= 0xfe0f))
		return 0;
	return c == '\r' || c == '\f' || c == '\v' ? ' ' : c;
}

/* Lower case without diacritics, for Latin, Greek and Cyrillic. */
static uint32_t fold(uint32_t c)
{
	static const char latin[] = /* U+00C0 to U+017F */
		"aaaaaaaceeeeiiiidnooooo ouuuuyts" "aaaaaaaceeeeiiiidnooooo ouuuuyty"
		"aaaaaaccccccccdd" "ddeeeeeeeeeegggg" "gggghhhhiiiiiiii" "iiiijjkkklllllll"
		"lllnnnnnnnnnoooo" "oooorrrrrrssssss" "ssttttttuuuuuuuu" "uuuuwwyyyzzzzzzs";
	static const struct {
		uint32_t from, to;
	} greek[] = {
		{0x3ac, 0x3b1}, {0x3ad, 0x3b5}, {0x3ae, 0x3b7}, {0x3af, 0x3b9}, {0x3cc, 0x3bf}, {0x3cd, 0x3c5},
		{0x3ce, 0x3c9}, {0x3c2, 0x3c3}, {0x386, 0x3b1}, {0x388, 0x3b5}, {0x389, 0x3b7}, {0x38a, 0x3b9},
		{0x38c, 0x3bf}, {0x38e, 0x3c5}, {0x38f, 0x3c9}, {0x451, 0x435}, {0x401, 0x435},
		{0x218, 's'}, {0x219, 's'}, {0x21a, 't'}, {0x21b, 't'},
	};

	if (c >= 'A' && c <= 'Z')
		return c + 32;
	if (c >= 0xc0 && c < 0x180)
		return (uint32_t)latin[c - 0xc0];
	for (size_t i = 0; i < sizeof greek / sizeof *greek; i++)
		if (greek[i].from == c)
			return greek[i].to;
	if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40f)
		return c + 0x50;
	return c;
}

/* Which script's word a character belongs to; 0: none, it stands alone. A word ends where the script changes, so
 * that a number between ideographs is a word of its own. */
static int script(uint32_t c)
{
	if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= 0xc0 && c < 0x250 && c != 0xd7 && c != 0xf7))
		return 1;
	if (c >= 0x370 && c < 0x530)
		return 2;
	if (c >= 0x590 && c < 0x1100)
		return 3;
	if ((c >= 0x1100 && c < 0x1200) || (c >= 0x1e00 && c < 0x2000))
		return c < 0x1200 ? 4 : 1;
	if ((c >= 0x3040 && c < 0xa000) || (c >= 0xac00 && c < 0xd7b0))
		return 4;
	return 0;
}

static void word_add(struct token *t, size_t *len, size_t *folded_len, uint32_t c)
{
	if (*len + 4 >= sizeof t->text || *folded_len + 4 >= sizeof t->folded) {
		*len = *folded_len = sizeof t->text; /* too long to be a word we know or a code */
		t->text[0] = t->folded[0] = '\0';
		t->digits = false;
		return;
	}
	*len += put_char(t->text + *len, c);
	*folded_len += put_char(t->folded + *folded_len, fold(c));
	t->text[*len] = t->folded[*folded_len] = '\0';
	t->digits = t->digits && c >= '0' && c <= '9';
}

static const char *line_after(const char *at)
{
	at += strcspn(at, "\n");
	return at + (*at == '\n');
}

void words_split(struct words *w, const char *text)
{
	const char *p = text, *end = text + strnlen(text, WORDS_TEXT_MAX);
	int line = 0, row = 0, last_line = 0, in = 0;
	size_t len = 0, folded_len = 0;
	bool line_start = true;
	char before = '\n';

	*w = (struct words){.tokens = xcalloc(WORDS_MAX, sizeof *w->tokens)};
	while (p < end && w->n < WORDS_MAX) {
		const char *start = p;
		uint32_t c = plain(next_char(&p));
		struct token *t;
		int s = script(c);

		if (line_start && c == '>') { /* an older mail, quoted */
			p = line_after(start);
			line++;
			continue;
		}
		if (!c)
			continue;
		if (c == '\n' || c == ' ' || c == '\t') {
			in = 0;
			line_start = c == '\n';
			line += c == '\n';
			before = before == '\n' || c == '\n' ? '\n' : before == '\t' || c == '\t' ? '\t' : ' ';
			continue;
		}
		line_start = false;
		if (!s || s != in) {
			t = &w->tokens[w->n++];
			row += line != last_line;
			last_line = line;
			*t = (struct token){.kind = s ? TOKEN_WORD : TOKEN_MARK, .mark = s ? 0 : c, .before = before,
					    .line = line, .row = row, .digits = s == 1};
			len = folded_len = 0;
		}
		if (s)
			word_add(&w->tokens[w->n - 1], &len, &folded_len, c);
		in = s;
		before = 0;
	}
}

void words_free(struct words *w)
{
	if (w->tokens)
		explicit_bzero(w->tokens, (size_t)w->n * sizeof *w->tokens);
	free(w->tokens);
	*w = (struct words){0};
}

#include "ext/imap.h"

#include <errno.h>
#include <libetpan/charconv.h>
#include <libetpan/libetpan.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/proc.h"
#include "ext/seal.h"

#define BUFFER 16384
#define ANSWER_MAX (512u << 10) /* bytes of an answer beside a mail */
#define LITERAL_MAX (64u << 10) /* … and of a literal in it */
#define BEAT_TIME 5000          /* ms for the commands that only ask whether the server is there */
#define NESTED_MAX 64           /* parentheses: libetpan takes them by recursion */
#define BYE_TIME 300            /* ms for LOGOUT */
#define WORDS_MAX 160           /* bytes of the server's words in a message */

/* Where a stream of answers stands: in a line, in a quoted string of it, or in a literal. */
struct frame {
	enum { LINE, OPENED, DIGITS, CLOSED } at;
	bool quoted, escaped;
	int depth;
	uint64_t number, literal; /* of the "{N}" being read; bytes of a literal still to come */
};

struct imap {
	struct dial *dial;
	mailimap *session;
	mailstream *stream; /* the session's, once it has it */
	struct dial_stop stop;
	int64_t limit, deadline; /* of all, of the command under way */
	bool idling;
	bool greeted;  /* the greeting, which libcurl has read, was given to libetpan */
	bool peeking;  /* a read does not wait */
	bool dead, stopped, late;
	size_t left, literal_max; /* bytes that the command under way may still bring */
	const char *refused;      /* why what came was not taken */
	struct frame frame;
};

/* What the server sends */

/* NULL, or what is wrong with the next byte of a line. */
static const char *frame_byte(struct frame *f, char b, size_t literal_max)
{
	bool digit = b >= '0' && b <= '9';

	if (b == '\n' && f->at == CLOSED) {
		f->at = LINE;
		f->quoted = f->escaped = false;
		f->literal = f->number;
		return f->literal > literal_max ? "a longer literal than was asked for" : NULL;
	}
	if (b == '\n') {
		f->depth = 0;
		f->at = LINE;
		f->quoted = f->escaped = false;
		return NULL;
	}
	if (b == '\r' && f->at == CLOSED)
		return NULL;
	if (f->quoted) {
		f->quoted = b != '"' || f->escaped;
		f->escaped = b == '\\' && !f->escaped;
		return NULL;
	}
	if (b == '{') {
		f->at = OPENED;
		f->number = 0;
		return NULL;
	}
	if (digit && (f->at == OPENED || f->at == DIGITS)) {
		f->at = DIGITS;
		f->number = f->number < UINT32_MAX ? f->number * 10 + (uint64_t)(b - '0') : f->number;
		return NULL;
	}
	f->at = b == '}' && f->at == DIGITS ? CLOSED : LINE;
	f->quoted = b == '"';
	f->depth += b == '(' ? 1 : b == ')' && f->depth ? -1 : 0;
	return f->depth > NESTED_MAX ? "lists in lists without end" : NULL;
}

static const char *frame_take(struct frame *f, const char *p, size_t n, size_t literal_max)
{
	const char *wrong = NULL;

	for (const char *end = p + n; p < end && !wrong;) {
		size_t skip = f->literal < (uint64_t)(end - p) ? (size_t)f->literal : (size_t)(end - p);

		f->literal -= skip;
		p += skip;
		if (p < end)
			wrong = frame_byte(f, *p++, literal_max);
	}
	return wrong;
}

/* The stream under libetpan */

static bool stopped(struct imap *c)
{
	c->stopped = c->stopped || (c->stop.fd >= 0 && c->stop.on(c->stop.ctx));
	return c->stopped;
}

/* True when the connection is ready for EVENTS; false when there is no more time or something else is wanted. */
static bool wait_ready(struct imap *c, short events)
{
	struct pollfd p[2] = {{dial_fd(c->dial), events, 0}, {c->stop.fd, POLLIN, 0}};

	if (stopped(c))
		return false;
	if (proc_poll(p, 2, c->deadline) == 0)
		c->late = true;
	return !c->late && !(p[1].revents && stopped(c));
}

static ssize_t refuse(struct imap *c, const char *why)
{
	c->refused = why;
	c->dead = true;
	return -1;
}

static ssize_t low_read(mailstream_low *low, void *to, size_t max)
{
	static const char greeting[] = "* OK connected\r\n";
	struct imap *c = low->data;
	const char *wrong;

	if (!c->greeted && max >= sizeof greeting) {
		c->greeted = true;
		memcpy(to, greeting, sizeof greeting - 1);
		return sizeof greeting - 1;
	}
	while (!c->dead) {
		ssize_t got = dial_recv(c->dial, to, max);

		if (got > 0) {
			if ((size_t)got > c->left)
				return refuse(c, "more than was asked for");
			c->left -= (size_t)got;
			wrong = frame_take(&c->frame, to, (size_t)got, c->literal_max);
			return wrong ? refuse(c, wrong) : got;
		}
		if (got == 0 && c->peeking)
			return 0;
		if (got < 0 || !wait_ready(c, POLLIN))
			c->dead = true;
	}
	return -1;
}

static ssize_t low_write(mailstream_low *low, const void *data, size_t len)
{
	struct imap *c = low->data;

	while (!c->dead) {
		ssize_t sent = dial_send(c->dial, data, len);

		if (sent > 0)
			return sent;
		if (sent < 0 || !wait_ready(c, POLLOUT))
			c->dead = true;
	}
	return -1;
}

static int low_close(mailstream_low *low)
{
	(void)low; /* the connection is closed with struct imap */
	return 0;
}

static int low_fd(mailstream_low *low)
{
	return dial_fd(((struct imap *)low->data)->dial);
}

static void low_free(mailstream_low *low)
{
	free(low);
}

static mailstream_low_driver low_driver = {
	.mailstream_read = low_read, .mailstream_write = low_write, .mailstream_close = low_close, .mailstream_get_fd = low_fd,
	.mailstream_free = low_free,
};

/* Commands */

/* Before each: how long it may take, and how much may come. */
static void begin_bounded(struct imap *c, int64_t ms, size_t bytes, size_t literal)
{
	int64_t most = clock_mono() + ms;

	c->deadline = most < c->limit ? most : c->limit;
	c->left = bytes;
	c->literal_max = literal;
	c->refused = NULL;
}

static void begin(struct imap *c)
{
	begin_bounded(c, IMAP_COMMAND_TIME, ANSWER_MAX, LITERAL_MAX);
}

static void begin_beat(struct imap *c)
{
	begin_bounded(c, BEAT_TIME, ANSWER_MAX, LITERAL_MAX);
}

/* The server's words, as far as they are text. */
static const char *words(struct imap *c, char out[WORDS_MAX + 4])
{
	const char *said = c->session->imap_response;
	size_t n = 0;

	if (!said || c->dead)
		return "";
	n += (size_t)snprintf(out, WORDS_MAX, ": ");
	for (; *said && n < WORDS_MAX; said++)
		out[n++] = (unsigned char)*said < 0x20 || *said == 0x7f ? ' ' : *said;
	/* not half a character */
	while (n && *said && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
		n--;
	if (n && *said && (unsigned char)out[n - 1] >= 0xc0)
		n--;
	out[n] = '\0';
	return out;
}

/* Why a command failed. A connection is not used after that, except where the server just said no. */
static int failed(struct imap *c, int result, const char *what, struct err *e)
{
	char said[WORDS_MAX + 4];

	if (c->stopped)
		return err_set(e, EX_NO, "%s: cancelled", what);
	if (c->refused)
		return err_set(e, EX_UNAVAILABLE, "%s: the server sends %s", what, c->refused);
	if (c->late)
		return err_set(e, EX_UNAVAILABLE, "%s: the server did not answer in time", what);
	if (c->dead)
		return err_set(e, EX_UNAVAILABLE, "%s: the connection was closed", what);
	words(c, said);
	if (result == MAILIMAP_ERROR_FATAL || result == MAILIMAP_ERROR_STREAM || result == MAILIMAP_ERROR_PARSE ||
	    result == MAILIMAP_ERROR_PROTOCOL || result == MAILIMAP_ERROR_BAD_STATE || result == MAILIMAP_ERROR_MEMORY) {
		bool bye = result == MAILIMAP_ERROR_FATAL;

		if (result != MAILIMAP_ERROR_PROTOCOL && !bye)
			*said = '\0';
		c->dead = true;
		return err_set(e, EX_UNAVAILABLE, "%s: %s%s", what, bye ? "the server says goodbye" : "the server's answer makes no sense", said);
	}
	return err_set(e, EX_UNAVAILABLE, "%s: the server says no%s", what, said);
}

/* Connecting */

static int greet(struct imap *c, struct err *e)
{
	struct mailimap_capability_data *can = NULL;
	mailstream_low *low = mailstream_low_new(c, &low_driver);
	int r;

	c->session = mailimap_new(0, NULL);
	c->stream = low ? mailstream_new(low, BUFFER) : NULL;
	if (!c->session || !c->stream)
		die(EX_OSERR, "out of memory");
	begin(c);
	r = mailimap_connect(c->session, c->stream);
	if (r != MAILIMAP_NO_ERROR_NON_AUTHENTICATED)
		return failed(c, r, "greeting", e);
	r = mailimap_capability(c->session, &can);
	if (r != MAILIMAP_NO_ERROR)
		return failed(c, r, "CAPABILITY", e);
	mailimap_capability_data_free(can);
	return 0;
}

struct imap *imap_open(const struct mail_server *server, const struct dial_stop *stop, int64_t deadline, struct err *e)
{
	struct imap *c = xcalloc(1, sizeof *c);

	imap_until(c, deadline, stop);
	begin(c);
	c->dial = dial_open(server, &c->stop, c->deadline, e);
	if (!c->dial || greet(c, e)) {
		imap_close(c);
		return NULL;
	}
	return c;
}

void imap_until(struct imap *c, int64_t deadline, const struct dial_stop *stop)
{
	c->limit = deadline;
	c->stop = stop ? *stop : (struct dial_stop){.fd = -1};
}

void imap_close(struct imap *c)
{
	if (!c)
		return;
	c->limit = clock_mono() + BYE_TIME;
	c->stop.fd = -1;
	begin(c);
	c->dead = c->dead || c->idling || c->late || c->stopped;
	if (c->session)
		mailimap_free(c->session); /* says LOGOUT, if it still can */
	dial_close(c->dial);
	free(c);
}

const char *imap_security(const struct imap *c)
{
	return dial_security(c->dial);
}

/* Logging in */

static int check_login(const char *what, const char *text, struct err *e)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(e, EX_CONFIG, "the %s has a control character in it", what);
	return *text ? 0 : err_set(e, EX_CONFIG, "there is no %s", what);
}

/* What is wrong with the server, or with us asking too often, passes (RFC 5530); anything else is the login's own fault. */
static bool passes(struct imap *c)
{
	static const char *const codes[] = {"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "OVERQUOTA", NULL};
	const char *code = c->session->imap_response_info ? c->session->imap_response_info->rsp_atom : NULL;

	for (int i = 0; code && codes[i]; i++)
		if (strcasecmp(code, codes[i]) == 0)
			return true;
	return false;
}

static int login_answer(struct imap *c, int r, struct err *e)
{
	char said[WORDS_MAX + 4];

	if (r == MAILIMAP_NO_ERROR)
		return 0;
	if (c->dead || (r != MAILIMAP_ERROR_LOGIN && r != MAILIMAP_ERROR_CUSTOM_COMMAND) || passes(c))
		return failed(c, r, "log in", e);
	*said = '\0';
	words(c, said);
	return err_set(e, EX_NOPERM, "the server refuses the login%s", said);
}

/* RFC 4616; with the initial response (RFC 4959). */
static int login_plain(struct imap *c, const char *user, const char *password, struct err *e)
{
	size_t user_len = strlen(user), len = user_len + strlen(password) + 2;
	char *plain = xcalloc(1, len + 1), *coded, *command;
	int r;

	memcpy(plain + 1, user, user_len);
	memcpy(plain + user_len + 2, password, len - user_len - 2);
	coded = seal_base64(plain, len);
	command = xasprintf("AUTHENTICATE PLAIN %s", coded);
	r = login_answer(c, mailimap_custom_command(c->session, command), e);
	explicit_bzero(plain, len);
	explicit_bzero(coded, strlen(coded));
	explicit_bzero(command, strlen(command));
	free(plain);
	free(coded);
	free(command);
	if (r == 0)
		c->session->imap_state = MAILIMAP_STATE_AUTHENTICATED;
	return r;
}

/* What the server can do once we are somebody. */
static int logged_in(struct imap *c, struct err *e)
{
	struct mailimap_capability_data *can = NULL;
	int r;

	begin(c);
	r = mailimap_capability(c->session, &can);
	if (r != MAILIMAP_NO_ERROR)
		return failed(c, r, "CAPABILITY", e);
	mailimap_capability_data_free(can);
	return 0;
}

int imap_login(struct imap *c, const char *user, const char *password, struct err *e)
{
	bool plain = mailimap_has_authentication(c->session, "PLAIN") && mailimap_has_extension(c->session, "SASL-IR");
	int r;

	if (check_login("user name", user, e) || check_login("password", password, e))
		return -1;
	begin(c);
	if (plain)
		r = login_plain(c, user, password, e);
	else if (mailimap_has_extension(c->session, "LOGINDISABLED"))
		return err_set(e, EX_CONFIG, "the server takes no password this way (LOGINDISABLED)%s",
			       mailimap_has_xoauth2(c->session) ? "; it takes a token: see the field token" : "");
	else
		r = login_answer(c, mailimap_login(c->session, user, password), e);
	return r ? -1 : logged_in(c, e);
}

int imap_login_token(struct imap *c, const char *user, const char *token, struct err *e)
{
	if (check_login("user name", user, e) || check_login("token", token, e))
		return -1;
	if (!mailimap_has_xoauth2(c->session))
		return err_set(e, EX_CONFIG, "the server takes no token (XOAUTH2)");
	begin(c);
	return login_answer(c, mailimap_oauth2_authenticate(c->session, user, token), e) ? -1 : logged_in(c, e);
}

/* Folders */

/* The name as IMAP has it: modified UTF-7 (RFC 3501 s.5.1.3). The caller frees; NULL with EX_CONFIG. */
static char *folder_name(const char *folder, struct err *e)
{
	char *out = NULL;
	size_t len = 0;

	if (check_login("folder's name", folder, e))
		return NULL;
	if (charconv_buffer("UTF-7-IMAP", "utf-8", folder, strlen(folder), &out, &len) == 0) {
		char *copy = xstrndup(out, len);

		charconv_buffer_free(out);
		return copy;
	}
	for (const char *p = folder; *p; p++)
		if ((unsigned char)*p >= 0x80 || *p == '&') {
			err_set(e, EX_CONFIG, "folder '%.60s': its name can't be written as IMAP has it", folder);
			return NULL;
		}
	return xstrdup(folder);
}

/* Where SELECT did not say it: RFC 3501 lets a server leave out UIDNEXT. */
static int ask_next(struct imap *c, const char *name, uint32_t *next, struct err *e)
{
	struct mailimap_status_att_list *what = mailimap_status_att_list_new_empty();
	struct mailimap_mailbox_data_status *status = NULL;
	int r;

	mailimap_status_att_list_add(what, MAILIMAP_STATUS_ATT_UIDNEXT);
	begin(c);
	r = mailimap_status(c->session, name, what, &status);
	mailimap_status_att_list_free(what);
	if (r != MAILIMAP_NO_ERROR)
		return failed(c, r, "STATUS", e);
	for (clistiter *i = clist_begin(status->st_info_list); i; i = clist_next(i)) {
		struct mailimap_status_info *info = clist_content(i);

		if (info->st_att == MAILIMAP_STATUS_ATT_UIDNEXT)
			*next = info->st_value;
	}
	mailimap_mailbox_data_status_free(status);
	return 0;
}

int imap_select(struct imap *c, const char *folder, bool write, struct imap_folder *out, struct err *e)
{
	char *name = folder_name(folder, e), said[WORDS_MAX + 4];
	struct mailimap_selection_info *info;
	int r;

	if (!name)
		return -1;
	begin(c);
	r = write ? mailimap_select(c->session, name) : mailimap_examine(c->session, name);
	info = c->session->imap_selection_info;
	if (r == MAILIMAP_NO_ERROR && info) {
		*out = (struct imap_folder){info->sel_uidvalidity, info->sel_uidnext, info->sel_exists};
		r = out->next ? 0 : ask_next(c, name, &out->next, e);
	} else if ((r == MAILIMAP_ERROR_SELECT || r == MAILIMAP_ERROR_EXAMINE) && !passes(c)) {
		*said = '\0';
		words(c, said);
		r = err_set(e, EX_CONFIG, "the server has no folder '%.60s'%s", folder, said);
	} else {
		r = failed(c, r, folder, e);
	}
	free(name);
	return r;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* UIDs from FIRST on, of mails that arrived on the day of SINCE or later (-1: whenever). */
static struct mailimap_search_key *search_for(uint32_t first, int64_t since)
{
	struct mailimap_search_key *both, *uid = mailimap_search_key_new_uid(mailimap_set_new_interval(first, 0));
	time_t day = (time_t)(since / 1000);
	struct tm tm;

	if (since < 0 || !gmtime_r(&day, &tm))
		return uid;
	both = mailimap_search_key_new_multiple_empty();
	mailimap_search_key_multiple_add(both, uid);
	mailimap_search_key_multiple_add(both, mailimap_search_key_new_since(mailimap_date_new(tm.tm_mday, tm.tm_mon + 1, tm.tm_year + 1900)));
	return both;
}

int imap_uids(struct imap *c, uint32_t first, int64_t since, int max, uint32_t **uids, struct err *e)
{
	struct mailimap_search_key *key = search_for(first, since);
	clist *found = NULL;
	int n = 0, r;

	begin(c);
	r = mailimap_uid_search(c->session, NULL, key, &found);
	mailimap_search_key_free(key);
	if (r != MAILIMAP_NO_ERROR)
		return failed(c, r, "SEARCH", e);
	*uids = xcalloc((size_t)clist_count(found) + 1, sizeof **uids);
	for (clistiter *i = clist_begin(found); i; i = clist_next(i))
		if (*(uint32_t *)clist_content(i) >= first) /* "n:*" always has the last one */
			(*uids)[n++] = *(uint32_t *)clist_content(i);
	mailimap_search_result_free(found);
	qsort(*uids, (size_t)n, sizeof **uids, by_number);
	if (n > max) {
		memmove(*uids, *uids + (n - max), (size_t)max * sizeof **uids);
		n = max;
	}
	return n;
}

/* Mails */

static int64_t wall_of(const struct mailimap_date_time *d)
{
	struct tm tm = {.tm_sec = d->dt_sec, .tm_min = d->dt_min, .tm_hour = d->dt_hour, .tm_mday = d->dt_day,
			.tm_mon = d->dt_month - 1, .tm_year = d->dt_year - 1900};
	int zone = (d->dt_zone / 100 * 60 + d->dt_zone % 100) * 60;

	return d->dt_year < 1970 || d->dt_year > 9999 ? -1 : ((int64_t)timegm(&tm) - zone) * 1000;
}

/* One answer: true when it is of mail UID and has a body. */
static bool take_mail(struct mailimap_msg_att *att, uint32_t uid, size_t max, struct str *mail, int64_t *arrived)
{
	struct mailimap_msg_att_body_section *body = NULL;
	int64_t when = -1;
	bool ours = false;

	for (clistiter *i = clist_begin(att->att_list); i; i = clist_next(i)) {
		struct mailimap_msg_att_item *item = clist_content(i);
		struct mailimap_msg_att_static *s = item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC ? item->att_data.att_static : NULL;

		if (s && s->att_type == MAILIMAP_MSG_ATT_UID)
			ours = s->att_data.att_uid == uid;
		else if (s && s->att_type == MAILIMAP_MSG_ATT_INTERNALDATE && s->att_data.att_internal_date)
			when = wall_of(s->att_data.att_internal_date);
		else if (s && s->att_type == MAILIMAP_MSG_ATT_BODY_SECTION)
			body = s->att_data.att_body_section;
	}
	if (!ours || !body)
		return false;
	str_reset(mail);
	if (body->sec_body_part)
		str_add(mail, body->sec_body_part, body->sec_length < max ? body->sec_length : max);
	*arrived = when;
	return true;
}

static struct mailimap_fetch_type *whole_mail(size_t max)
{
	struct mailimap_fetch_type *type = mailimap_fetch_type_new_fetch_att_list_empty();

	mailimap_fetch_type_new_fetch_att_list_add(type, mailimap_fetch_att_new_uid());
	mailimap_fetch_type_new_fetch_att_list_add(type, mailimap_fetch_att_new_internaldate());
	mailimap_fetch_type_new_fetch_att_list_add(
		type, mailimap_fetch_att_new_body_peek_section_partial(mailimap_section_new(NULL), 0, (uint32_t)max));
	return type;
}

int imap_fetch(struct imap *c, uint32_t uid, size_t max, struct str *mail, int64_t *arrived, struct err *e)
{
	struct mailimap_set *set = mailimap_set_new_single(uid);
	struct mailimap_fetch_type *what = whole_mail(max);
	clist *got = NULL;
	int r;

	begin_bounded(c, IMAP_COMMAND_TIME, max + ANSWER_MAX, max);
	r = mailimap_uid_fetch(c->session, set, what, &got);
	mailimap_fetch_type_free(what);
	mailimap_set_free(set);
	if (r != MAILIMAP_NO_ERROR)
		return failed(c, r, "FETCH", e);
	for (clistiter *i = got ? clist_begin(got) : NULL; i; i = clist_next(i))
		r |= take_mail(clist_content(i), uid, max, mail, arrived);
	if (got)
		mailimap_fetch_list_free(got);
	return r;
}

int imap_mark_read(struct imap *c, uint32_t uid, struct err *e)
{
	struct mailimap_set *set = mailimap_set_new_single(uid);
	struct mailimap_flag_list *flags = mailimap_flag_list_new_empty();
	struct mailimap_store_att_flags *what;
	int r;

	mailimap_flag_list_add(flags, mailimap_flag_new_seen());
	what = mailimap_store_att_flags_new_add_flags_silent(flags);
	begin(c);
	r = mailimap_uid_store(c->session, set, what);
	mailimap_store_att_flags_free(what);
	mailimap_set_free(set);
	return r == MAILIMAP_NO_ERROR ? 0 : failed(c, r, "mark the mail as read", e);
}

/* News */

int imap_noop(struct imap *c, struct err *e)
{
	int r;

	begin_beat(c);
	r = mailimap_noop(c->session);
	return r == MAILIMAP_NO_ERROR ? 0 : failed(c, r, "NOOP", e);
}

bool imap_can_idle(struct imap *c)
{
	return mailimap_has_idle(c->session);
}

int imap_idle(struct imap *c, struct err *e)
{
	int r;

	begin_beat(c);
	r = mailimap_idle(c->session);
	if (r != MAILIMAP_NO_ERROR)
		return failed(c, r, "IDLE", e);
	c->idling = true;
	return 0;
}

int imap_idle_end(struct imap *c, struct err *e)
{
	int r;

	c->idling = false;
	begin_beat(c);
	r = mailimap_idle_done(c->session);
	return r == MAILIMAP_NO_ERROR ? 0 : failed(c, r, "IDLE", e);
}

bool imap_idling(const struct imap *c)
{
	return c->idling;
}

int imap_fd(const struct imap *c)
{
	return dial_fd(c->dial);
}

int imap_ready(struct imap *c)
{
	ssize_t got;

	if (c->stream->read_buffer_len)
		return 1;
	c->left = ANSWER_MAX;
	c->peeking = true;
	got = mailstream_feed_read_buffer(c->stream);
	c->peeking = false;
	return got > 0 ? 1 : c->dead ? -1 : 0;
}

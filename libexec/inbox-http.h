/* ab-inbox-http's parts: asking (inbox-http-fetch.c), and making mails of answers (inbox-http-mail.c). */
#ifndef LIBEXEC_INBOX_HTTP_H
#define LIBEXEC_INBOX_HTTP_H

#include "ext/json.h"
#include "ext/mime.h"

#define FETCH_TIME 10000 /* ms for one request at most */

/* --- asking --- */

struct page {
	bool open_ended; /* it ended with the connection, so perhaps too early */
	bool unchanged; /* it is what it was when it was last asked for: no body */
	struct str body;
	char *type;     /* Content-Type; "" */
	int64_t ms;     /* that it took */
};

int fetch_open(jv settings, struct err *e);
void fetch_close(void);
/* The inbox's origin, for messages: paths and queries may hold keys. */
const char *fetch_name(void);
/* GETs ADDRESS (relative to the inbox's, and of the same origin), or the inbox itself where that is NULL. PAGE is freed by
 * page_free either way. On failure -1 with *e: EX_TEMPFAIL (try again later: *later, ms, where the server said when, else 0),
 * EX_NOPERM (who we are), EX_NO (there is no such page any more) or EX_CONFIG. */
int fetch(const char *address, int64_t deadline, struct page *page, int64_t *later, struct err *e);
/* The next answer is not to be "unchanged": the last one was not wholly made use of. */
void fetch_again(void);
void page_free(struct page *p);

/* --- mails --- */

int mail_open(jv settings, struct err *e);
void mail_close(void);
/* What was read of mails is let go of, where the programs run, too. */
void mail_forget(void);
/* The list's items, newest first; invalid with *e (EX_CONFIG). */
jv mail_items(const struct page *list, struct err *e);
/* An item's id, and the address of its mail ("": the item itself is it). The caller frees; NULL with *e. */
char *mail_id(jv item, struct err *e);
char *mail_link(jv item, struct err *e);
/* The mail out of an item, or out of the page that its link led to (else NULL). mime_free in any case. -1 with *e. */
int mail_make(struct mime *mail, jv item, const struct page *page, struct err *e);
/* Would such a mail tell whom it is to? */
bool mail_tells_recipient(const struct page *page);

#endif

/* Reading mail over IMAP (RFC 3501): libetpan, over a connection of ext/dial.h, so that a password goes only where that has checked.
 *
 * What the server sends is bounded in bytes, in time, in the size of a literal and in nesting before libetpan sees it. After a
 * failure a connection is of no use any more: imap_close it.
 *
 * Errors: EX_NOPERM (login refused), EX_CONFIG (settings, certificate, no such folder), else EX_UNAVAILABLE; after `stop`
 * EX_NO. Messages hold the server's words, cleaned of what is no text. */
#ifndef EXT_IMAP_H
#define EXT_IMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/die.h"
#include "base/str.h"
#include "ext/dial.h"

#define IMAP_COMMAND_TIME 15000 /* ms for one command at most, or to connect */

struct imap;

/* No later than DEADLINE (clock_mono), as all that is done with it until imap_until says otherwise. STOP (NULL: nothing) is copied. */
struct imap *imap_open(const struct mail_server *server, const struct dial_stop *stop, int64_t deadline, struct err *e);
void imap_until(struct imap *c, int64_t deadline, const struct dial_stop *stop);
/* NULL is fine. */
void imap_close(struct imap *c);
/* How it is protected, in words. */
const char *imap_security(const struct imap *c);

int imap_login(struct imap *c, const char *user, const char *password, struct err *e);
/* XOAUTH2. */
int imap_login_token(struct imap *c, const char *user, const char *token, struct err *e);

struct imap_folder {
	uint32_t validity, next; /* UIDVALIDITY and UIDNEXT */
	uint32_t mails;
};

/* FOLDER is UTF-8. With WRITE flags can be set; else it is opened read-only (EXAMINE). */
int imap_select(struct imap *c, const char *folder, bool write, struct imap_folder *out, struct err *e);
/* The UIDs from FIRST on, of mails that arrived on the day of SINCE (wall ms, seen from the server; -1: whenever) or later: ascending, at
 * most MAX of them, the last ones; the caller frees *UIDS. Their number, or -1. */
int imap_uids(struct imap *c, uint32_t first, int64_t since, int max, uint32_t **uids, struct err *e);
/* The first MAX bytes of a mail, without marking it as read, and when it arrived (wall ms; -1: not said). 1; 0: it is gone; -1. */
int imap_fetch(struct imap *c, uint32_t uid, size_t max, struct str *mail, int64_t *arrived, struct err *e);
/* Marks it as read; the folder was selected for writing. */
int imap_mark_read(struct imap *c, uint32_t uid, struct err *e);
/* Asks the server for news; what it says is seen by the next imap_uids. */
int imap_noop(struct imap *c, struct err *e);

bool imap_can_idle(struct imap *c);
/* IDLE (RFC 2177): from here to imap_idle_end nothing else may be asked. */
int imap_idle(struct imap *c, struct err *e);
int imap_idle_end(struct imap *c, struct err *e);
bool imap_idling(const struct imap *c);
/* To be polled for reading; then (and before: something may have been read already) imap_ready. */
int imap_fd(const struct imap *c);
/* 1: the server has said something; 0: no; -1: the connection has ended. Does not wait. */
int imap_ready(struct imap *c);

#endif

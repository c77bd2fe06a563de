/* The offices' mails: into a Maildir, or by SMTP; at once, or late. */
#ifndef DEMO_MAIL_H
#define DEMO_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/die.h"

struct mail;

/* MAILDIR is a folder (a "%u" in it becomes the part of the address before the '@'), SMTP an
 * smtp:// URL; exactly one of them is given. NULL with *e. */
struct mail *mail_open(const char *maildir, const char *smtp, const char *zone, struct err *e);
void mail_close(struct mail *m);
/* Makes the mailbox of TO, so that its owner can watch it before the first mail. 0, or -1 with *e. */
int mail_box(struct mail *m, const char *to, struct err *e);
struct mail_how {
	int64_t age;   /* dated so many ms ago */
	int64_t later; /* sent so many ms from now; 0: now, into a Maildir before mail_code returns */
	bool picture;  /* the code is a picture, and nowhere in the text */
	const char *office; /* whose mail it is (its sender, subject and words); NULL: the first one's */
};
/* Mails CODE to TO. 0, or -1 with *e. */
int mail_code(struct mail *m, const char *to, const char *code, const struct mail_how *how, struct err *e);
/* Mails what is no code. 0, or -1 with *e. */
int mail_notice(struct mail *m, const char *office, const char *to, const char *subject, const char *text, struct err *e);
/* When mail_run must be called (clock_mono), -1: no need. */
int64_t mail_deadline(const struct mail *m);
/* Sends what is due. */
void mail_run(struct mail *m);
/* Forgets what is to be sent later. */
void mail_reset(struct mail *m);

#endif
